//! What fief-init does by which name. The names themselves, and where links of them lie, are in [`units::programs`].

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::ExitCode;
use std::{env, fs, io};

use crate::{fiefctl, power, systemctl, tools};

/// Where a host shows its own fief-init in a guest: PID 1 is that one.
const OF_THE_HOST: &str = "/run/host/fief/fief-init";

/// The work behind a name: it is given the name, and the words that follow.
pub(crate) type Tool = fn(&str, &[String]) -> ExitCode;

/// All of them but `init`.
const TOOLS: &[(&str, Tool)] = &[
    ("fiefctl", |_, words| fiefctl::run(words)),
    ("halt", power::run),
    ("hostnamectl", tools::hostnamectl),
    ("journalctl", |_, words| crate::journalctl::run(words)),
    ("localectl", tools::localectl),
    ("loginctl", tools::loginctl),
    ("poweroff", power::run),
    ("reboot", power::run),
    ("runlevel", power::run),
    ("shutdown", power::run),
    ("systemctl", systemctl::run),
    ("systemd-analyze", tools::analyze),
    ("systemd-ask-password", tools::ask_password),
    ("systemd-cat", tools::cat),
    ("systemd-detect-virt", tools::detect_virt),
    ("systemd-escape", tools::escape),
    ("systemd-id128", tools::id128),
    ("systemd-machine-id-setup", tools::machine_id),
    ("systemd-notify", tools::notify),
    ("systemd-path", tools::path),
    ("systemd-run", tools::run),
    ("systemd-sysusers", tools::sysusers),
    ("systemd-tmpfiles", tools::tmpfiles),
    ("telinit", power::run),
    ("timedatectl", tools::timedatectl),
];

/// The work behind `name`; `None` is init itself. `init` is a tool for whoever types it, and PID 1 where it is to be.
pub(crate) fn tool(name: &str, as_pid_1: bool) -> Option<Tool> {
    match name {
        "init" => (!as_pid_1).then_some(power::run),
        _ => TOOLS.iter().find(|(known, _)| *known == name).map(|(_, work)| *work),
    }
}

/// Goes on as the host's program, where a host brought one and this is another: the guest's package may be of another version, and PID 1
/// and who speaks to it should be of one. Comes back when there is none, or it cannot be executed.
pub(crate) fn give_way_to_the_host() {
    if !another_is_at(OF_THE_HOST).unwrap_or(false) {
        return;
    }
    let words: Result<Vec<CString>, _> = env::args_os().map(|word| CString::new(word.into_vec())).collect();
    if let (Ok(path), Ok(words)) = (CString::new(OF_THE_HOST), words) {
        let _ = nix::unistd::execv(&path, &words);
    }
}

fn another_is_at(path: &str) -> io::Result<bool> {
    let (other, own) = (fs::metadata(path)?, fs::metadata("/proc/self/exe")?);
    Ok((other.dev(), other.ino()) != (own.dev(), own.ino()))
}

/// The names, for a person.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::programs::PROGRAMS;

    #[test]
    fn whatever_name_a_system_has_a_link_of_is_answered() {
        let linked: Vec<&str> = PROGRAMS.iter().map(|(name, _)| *name).filter(|name| *name != "init").collect();
        assert_eq!(names().collect::<Vec<_>>(), linked);
    }

    #[test]
    fn init_is_a_tool_for_whoever_types_it() {
        assert!(tool("init", true).is_none() && tool("init", false).is_some());
        assert!(tool("fief-init", false).is_none() && tool("reboot", true).is_some());
    }
}
