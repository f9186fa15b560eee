//! The environment of a unit's processes. Built from nothing: only what is listed here, what the
//! unit takes over, and what it sets. systemd.exec(5), "Environment Variables in Spawned Processes".

use std::io;

use supervisor::Ended;
use units::Map;
use units::unit::{DirectoryKind, NotifyAccess, Service, ServiceType, read_environment};

use super::because::outcome;
use super::directories;
use super::handed::Handed;
use super::identity::Identity;
use super::surroundings::Surroundings;
use crate::{file, notify};

/// Passed on to PID 1's own set-up works, which speak for it.
const FOR_OURSELVES: &[&str] = &["container", "container_uuid", "CREDENTIALS_DIRECTORY"];

/// What a process is told of the life it belongs to.
#[derive(Debug)]
pub(super) struct Telling<'a> {
    /// What all are told.
    pub(crate) surroundings: &'a Surroundings,
    /// 128 bits in hexadecimal, one for all processes of a life.
    pub(crate) invocation: &'a str,
    pub(crate) main_pid: Option<u32>,
    pub(crate) ended: Option<Ended>,
    /// What the life was begun for.
    pub(crate) cause: Vec<(String, String)>,
    /// The descriptors it gets.
    pub(crate) handed: &'a Handed<'a>,
    /// The device and number of what it writes to the log by.
    pub(crate) stream: Option<String>,
    /// How it watches for want of memory.
    pub(crate) pressure: Vec<(String, String)>,
}

/// The variables for one process. The error is for a person.
pub(super) fn build(service: &Service, identity: &Identity, telling: &Telling<'_>) -> io::Result<Map<String, String>> {
    let mut all = Map::new();
    let mut set = |key: &str, value: &str| drop(all.insert(key.to_owned(), value.to_owned()));
    let from_own = |key: &str| std::env::var(key).ok();
    telling.surroundings.all().for_each(|(key, value)| set(key, value));
    let has_user = service.run_as.user.is_some() || service.tty.is_some();
    let logs_in = service.execution.login_environment;
    if has_user || logs_in == Some(true) {
        set("USER", &identity.user.name);
    }
    if logs_in.unwrap_or(has_user) {
        set("LOGNAME", &identity.user.name);
        set("HOME", &identity.user.home);
        set("SHELL", &identity.user.shell);
    }
    if service.tty.is_some() {
        set("TERM", &from_own("TERM").unwrap_or_else(|| "linux".to_owned()));
    }
    if !telling.invocation.is_empty() {
        set("INVOCATION_ID", telling.invocation);
    }
    if service.notify_access != NotifyAccess::None {
        set("NOTIFY_SOCKET", notify::PATH);
    }
    if let Some(pid) = telling.main_pid {
        set("MAINPID", &pid.to_string());
    }
    if let ServiceType::Forking { pid_file: Some(path) } = &service.kind {
        set("PIDFILE", path);
    }
    let ours = service.start.iter().any(|command| command.program() == "fief-init");
    for key in FOR_OURSELVES.iter().filter(|_| ours) {
        if let Some(value) = from_own(key) {
            set(key, &value);
        }
    }
    for (kind, paths) in directory_lists(service) {
        set(kind.variable(), &paths);
    }
    for key in &service.environment.inherit {
        if let Some(value) = from_own(key) {
            set(key, &value);
        }
    }
    if let Some(Ended { result, exit }) = telling.ended {
        all.extend(outcome("", result, exit));
    }
    all.extend(telling.cause.iter().cloned());
    all.extend(telling.stream.iter().map(|stream| ("JOURNAL_STREAM".to_owned(), stream.clone())));
    all.extend(telling.pressure.iter().cloned());
    all.extend(telling.handed.variables());
    all.extend(service.environment.set.clone());
    // Files later: what an administrator writes there wins over the unit.
    for wanted in &service.environment.files {
        match file::read_text(&wanted.path, file::USUAL) {
            Ok(text) => all.extend(read_environment(&text)),
            Err(_) if wanted.optional => {}
            Err(error) => return Err(file::about(&format!("reading {} failed", wanted.path), error)),
        }
    }
    for word in &service.environment.unset {
        match word.split_once('=') {
            Some((name, value)) => drop(all.get(name).is_some_and(|has| has == value).then(|| all.remove(name))),
            None => drop(all.remove(word)),
        }
    }
    Ok(all)
}

/// The paths of each kind of directory, joined with colons.
fn directory_lists(service: &Service) -> Map<DirectoryKind, String> {
    let mut paths: Map<DirectoryKind, String> = Map::new();
    for directory in &service.directories.0 {
        let joined = paths.entry(directory.kind).or_default();
        if !joined.is_empty() {
            joined.push(':');
        }
        joined.push_str(&directories::place(service, directory).to_string_lossy());
    }
    paths
}

/// A new identifier for a life, as systemd's invocations have: a random UUID without its dashes.
pub(crate) fn invocation() -> String {
    file::read_text("/proc/sys/kernel/random/uuid", 64).map(|uuid| uuid.trim().replace('-', "")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use supervisor::{Because, Exit};
    use units::{SourceFile, SourceKind, UnitName};

    #[test]
    fn the_last_commands_are_told_how_it_went_and_files_win() {
        let folder = tempfile::tempdir().unwrap();
        let defaults = folder.path().join("defaults");
        std::fs::write(&defaults, "MODE=file\n").unwrap();
        let text = format!(
            "[service]\ntype = \"forking\"\npid-file = \"/run/x.pid\"\ncommand = \"/bin/x\"\n[environment]\nfiles = [{defaults:?}]\nset = {{ MODE = \"unit\", GONE = \"1\", KEPT = \"1\" }}\nunset-environment = \"GONE KEPT=2\"\n"
        );
        let (units, wrong) = units::read([SourceFile { path: "/x.toml".to_owned(), kind: SourceKind::Unit(text.into_bytes()) }]);
        assert!(wrong.is_empty(), "{wrong:?}");
        let service = units.unit(&UnitName::new("x").unwrap()).unwrap().service().unwrap();
        let identity = super::super::identity::resolve(service).unwrap();
        let signal = units::value::Signal::TERM;
        let ended = Some(Ended { result: "signal", exit: Some(Exit::Signal(signal)) });
        let mut hands = crate::hands::Hands::new(None, crate::hands::Facts::gather());
        let fallen = UnitName::new("fallen").unwrap();
        let mut unit = units.unit(&UnitName::new("x").unwrap()).unwrap().clone();
        unit.name = fallen.clone();
        hands.remember(&unit, "nobody minds".to_owned());
        unit.relations.on_failure.insert(UnitName::new("x").unwrap());
        hands.remember(&unit, "earlier".to_owned());
        hands.remember(&unit, "def".to_owned());
        let cause = hands.cause(Some(&Because::Ended(fallen, "exit-code".into(), Some(Exit::Code(3)))));
        let telling = Telling {
            surroundings: &Surroundings::new(),
            invocation: "abc",
            main_pid: Some(7),
            ended,
            cause,
            handed: &Handed::default(),
            stream: None,
            pressure: Vec::new(),
        };
        let all = build(service, &identity, &telling).unwrap();
        for (key, value) in [
            ("MODE", "file"),
            ("PIDFILE", "/run/x.pid"),
            ("MAINPID", "7"),
            ("INVOCATION_ID", "abc"),
            ("SERVICE_RESULT", "signal"),
            ("EXIT_CODE", "killed"),
            ("EXIT_STATUS", "TERM"),
            ("MONITOR_SERVICE_RESULT", "exit-code"),
            ("MONITOR_EXIT_CODE", "exited"),
            ("MONITOR_EXIT_STATUS", "3"),
            ("MONITOR_INVOCATION_ID", "def"),
            ("MONITOR_UNIT", "fallen.service"),
            ("KEPT", "1"),
        ] {
            assert_eq!(all.get(key).map(String::as_str), Some(value), "{key}");
        }
        assert!(!all.contains_key("GONE"));
        assert_eq!(invocation().len(), 32);
    }
}
