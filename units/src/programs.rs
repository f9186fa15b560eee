//! The names that fief-init is called by, and where a system has each.
//!
//! One table for all who need them: init does the job of the name it is called by, the launcher shows the names in every guest,
//! and our Debian package holds a link for each. Names of systemd's are here as soon as ours does what they promise, not before.

/// A folder of programs. As on a system whose `/bin` and `/sbin` are links into `/usr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// For everybody.
    Bin,
    /// For root.
    Sbin,
}

impl Folder {
    /// Its path, without the leading slash.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Bin => "usr/bin",
            Self::Sbin => "usr/sbin",
        }
    }

    /// Its path on a system that has not merged its folders into `/usr`.
    #[must_use]
    pub const fn unmerged(self) -> &'static str {
        match self {
            Self::Bin => "bin",
            Self::Sbin => "sbin",
        }
    }
}

/// Each name with its folder. `init` is PID 1 itself, and a tool when it is not.
pub const PROGRAMS: &[(&str, Folder)] = &[
    ("fiefctl", Folder::Bin),
    ("halt", Folder::Sbin),
    ("hostnamectl", Folder::Bin),
    ("init", Folder::Sbin),
    ("journalctl", Folder::Bin),
    ("localectl", Folder::Bin),
    ("loginctl", Folder::Bin),
    ("poweroff", Folder::Sbin),
    ("reboot", Folder::Sbin),
    ("runlevel", Folder::Sbin),
    ("shutdown", Folder::Sbin),
    ("systemctl", Folder::Bin),
    ("systemd-analyze", Folder::Bin),
    ("systemd-ask-password", Folder::Bin),
    ("systemd-cat", Folder::Bin),
    ("systemd-detect-virt", Folder::Bin),
    ("systemd-escape", Folder::Bin),
    ("systemd-id128", Folder::Bin),
    ("systemd-machine-id-setup", Folder::Bin),
    ("systemd-notify", Folder::Bin),
    ("systemd-path", Folder::Bin),
    ("systemd-run", Folder::Bin),
    ("systemd-sysusers", Folder::Bin),
    ("systemd-tmpfiles", Folder::Bin),
    ("telinit", Folder::Sbin),
    ("timedatectl", Folder::Bin),
];

/// Whether it is one of them.
#[must_use]
pub fn is_ours(name: &str) -> bool {
    PROGRAMS.iter().any(|(known, _)| *known == name)
}

/// Whether a system's own program of this name goes first, where it has one: those of systemd's that speak to no PID 1.
#[must_use]
pub fn stands_aside(name: &str) -> bool {
    name.starts_with("systemd-") && name != "systemd-run"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_there_once_and_in_order() {
        assert!(PROGRAMS.is_sorted_by(|(one, _), (other, _)| one < other), "{PROGRAMS:?}");
        assert!(PROGRAMS.iter().all(|(name, _)| !name.contains('/')));
        assert!(is_ours("fiefctl") && !is_ours("sh"));
    }
}
