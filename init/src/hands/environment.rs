//! The environment of a unit's processes. Built from nothing: only what is listed here, what the
//! unit takes over, and what it sets. systemd.exec(5), "Environment Variables in Spawned Processes".

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;

use units::unit::{DirectoryKind, NotifyAccess, Service, read_environment};

use super::identity::Identity;
use crate::{notify, program};

/// More than this in an environment file is no environment, bytes.
const LONGEST_FILE: u64 = 256 * 1024;

/// Passed on to PID 1's own set-up works, which speak for it.
const FOR_OURSELVES: &[&str] = &["container", "container_uuid", "CREDENTIALS_DIRECTORY"];

/// The variables for one process. The error is for a person.
pub(crate) fn build(service: &Service, identity: &Identity, main_pid: Option<u32>) -> Result<BTreeMap<String, String>, String> {
    let mut all = BTreeMap::new();
    let mut set = |key: &str, value: &str| drop(all.insert(key.to_owned(), value.to_owned()));
    let from_own = |key: &str| std::env::var(key).ok();
    set("PATH", program::PATH);
    set("LANG", &from_own("LANG").unwrap_or_else(|| "C.UTF-8".to_owned()));
    if service.run_as.user.is_some() || service.tty.is_some() {
        set("USER", &identity.user.name);
        set("LOGNAME", &identity.user.name);
        set("HOME", &identity.user.home);
        set("SHELL", &identity.user.shell);
    }
    if service.tty.is_some() {
        set("TERM", &from_own("TERM").unwrap_or_else(|| "linux".to_owned()));
    }
    if let Ok(uuid) = fs::read_to_string("/proc/sys/kernel/random/uuid") {
        set("INVOCATION_ID", &uuid.trim().replace('-', ""));
    }
    if service.notify_access != NotifyAccess::None {
        set("NOTIFY_SOCKET", notify::PATH);
    }
    if let Some(pid) = main_pid {
        set("MAINPID", &pid.to_string());
    }
    let ours = service.start.iter().any(|command| command.program() == "fief-init");
    for key in FOR_OURSELVES.iter().filter(|_| ours) {
        if let Some(value) = from_own(key) {
            set(key, &value);
        }
    }
    for (kind, paths) in directories(service) {
        set(kind.variable(), &paths);
    }
    for key in &service.environment.inherit {
        if let Some(value) = from_own(key) {
            set(key, &value);
        }
    }
    for file in &service.environment.files {
        match read(&file.path) {
            Ok(text) => all.extend(read_environment(&text)),
            Err(_) if file.optional => {}
            Err(error) => return Err(format!("reading {} failed: {error}", file.path)),
        }
    }
    all.extend(service.environment.set.clone());
    Ok(all)
}

/// The paths of each kind of directory, joined with colons.
fn directories(service: &Service) -> BTreeMap<DirectoryKind, String> {
    let mut paths: BTreeMap<DirectoryKind, String> = BTreeMap::new();
    for directory in &service.directories.0 {
        let joined = paths.entry(directory.kind).or_default();
        if !joined.is_empty() {
            joined.push(':');
        }
        joined.push_str(directory.kind.root());
        joined.push('/');
        joined.push_str(&directory.path);
    }
    paths
}

fn read(path: &str) -> Result<String, String> {
    // A fifo would keep PID 1 waiting for a writer.
    match fs::metadata(path) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Err("not a regular file".to_owned()),
        Err(error) => return Err(error.to_string()),
    }
    let mut text = Vec::new();
    fs::File::open(path).and_then(|file| file.take(LONGEST_FILE).read_to_end(&mut text)).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
