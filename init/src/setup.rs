//! `fief-init setup WHAT`: the small one-time works of a boot, each a oneshot unit's command.
//!
//! They run in a child of PID 1, so they may wait for files, programs and the kernel. Each is
//! idempotent, says what it did on standard output (the unit's log), and degrades: what a
//! foreign manager does not permit is told, not failed.

mod credentials;
mod dev_log;
mod fstab;
mod given;
mod host_keys;
mod hostname;
mod hosts;
mod loopback;
mod machine_id;
mod netlink;
mod network;
mod networkd;
mod sysctl;
mod tmpfiles;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;

use crate::say;

pub(crate) use hostname::is_good as is_host_name;
pub(crate) use hosts::apply as name_in_hosts;
pub(crate) use machine_id::{MachineId, beneath as machine_id_beneath, valid as valid_id};

/// Why a piece of set-up could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("{what}")]
    File { what: String, source: io::Error },
    #[error("{0}")]
    Wrong(String),
}

impl Trouble {
    pub(crate) fn file(doing: &str, path: &Path, source: io::Error) -> Self {
        Self::File { what: format!("cannot {doing} {}", path.display()), source }
    }
}

/// One piece of set-up.
type Work = fn() -> Result<(), Trouble>;

/// All of them, by name.
const WORKS: &[(&str, Work)] = &[
    ("hostname", hostname::apply),
    ("hosts", hosts::apply),
    ("machine-id", machine_id::apply),
    ("credentials", credentials::apply),
    ("ssh-host-keys", host_keys::apply),
    ("loopback", loopback::apply),
    ("sysctl", sysctl::apply),
    ("fstab", fstab::apply),
    ("utmp", tmpfiles::accounting),
    ("dev-log", dev_log::apply),
    ("tmpfiles", tmpfiles::apply),
    ("tmpfiles-clean", tmpfiles::clean),
    ("interfaces", given::give_way),
    ("network", network::apply),
];

/// Do the works named, in that order; the exit code says whether all went well.
pub(crate) fn run(names: &[String]) -> ExitCode {
    if names.is_empty() {
        let known: Vec<_> = WORKS.iter().map(|(name, _)| *name).collect();
        say::error(format_args!("usage: fief-init setup WHAT…   (WHAT: {})", known.join(", ")));
        return ExitCode::from(2);
    }
    let mut all_well = true;
    for name in names {
        let Some((_, work)) = WORKS.iter().find(|(known, _)| known == name) else {
            say::error(format_args!("setup: there is no {name:?}"));
            return ExitCode::from(2);
        };
        if let Err(trouble) = work() {
            say::error(format_args!("{name}: {}", say::chain(&trouble)));
            all_well = false;
        }
    }
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Write a file whole or not at all, keeping mode and owner of the one it replaces; a new one
/// gets `mode`.
pub(crate) fn replace(path: &Path, mode: u32, content: &[u8]) -> Result<(), Trouble> {
    let old = fs::metadata(path).ok();
    let mut beside = path.as_os_str().to_owned();
    beside.push(".fief-new");
    let beside = Path::new(&beside);
    let written = (|| {
        let _ = fs::remove_file(beside);
        // Born private: it may be /etc/shadow, and the rename is what publishes it.
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
        file.write_all(content)?;
        if let Some(old) = &old {
            std::os::unix::fs::fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(fs::Permissions::from_mode(old.as_ref().map_or(mode, |old| old.mode() & 0o7777)))?;
        file.sync_all()?;
        fs::rename(beside, path)
    })();
    if let Err(error) = written {
        let _ = fs::remove_file(beside);
        return Err(Trouble::file("write", path, error));
    }
    Ok(())
}

/// The text of a file; `None` when there is none.
pub(crate) fn text(path: &Path) -> Result<Option<String>, Trouble> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Trouble::file("read", path, error)),
    }
}

/// Make a folder with exactly this mode; true when it was not there.
fn folder(path: &Path, mode: u32) -> Result<bool, Trouble> {
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(Trouble::file("make", path, error)),
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|error| Trouble::file("set the mode of", path, error))?;
    Ok(true)
}

/// A program in the usual places, without asking the shell.
fn program(name: &str) -> Option<std::path::PathBuf> {
    ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/usr/local/sbin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
}
