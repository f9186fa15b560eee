//! Answers to the questions a unit's conditions ask. systemd.unit(5), "Conditions".

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use kernel::identity::Capabilities;
use nix::unistd::{AccessFlags, access};
use units::unit::Test;

use crate::{file, glob};

/// What does not change while the system runs.
#[derive(Debug)]
pub(crate) struct Facts {
    /// /etc/machine-id was missing or "uninitialized" when init began. machine-id(5).
    first_boot: bool,
    /// The manager's name for its containers; `None` on a machine of its own.
    container: Option<String>,
    /// Bits of the bounding set. capabilities(7).
    capabilities: u64,
}

impl Facts {
    /// Look around once, before any unit starts.
    pub(crate) fn gather() -> Self {
        let first_boot = file::read_text("/etc/machine-id", file::USUAL).map_or(true, |text| text.trim() == "uninitialized");
        Self { first_boot, container: container(), capabilities: bounding_set() }
    }

    /// Whether this boot is the system's first, which does not show any more once it has begun.
    pub(crate) fn is_first_boot(&self) -> bool {
        self.first_boot
    }

    /// As an earlier life of the program has found it.
    pub(crate) fn set_first_boot(&mut self, first_boot: bool) {
        self.first_boot = first_boot;
    }

    /// The kind of container, as written to /run/systemd/container.
    pub(crate) fn container(&self) -> Option<&str> {
        self.container.as_deref()
    }

    /// Whether the test holds now.
    pub(crate) fn hold(&self, test: &Test) -> bool {
        match test {
            Test::PathExists(pattern) => Path::new(pattern).exists() || glob::any(pattern),
            Test::PathIsDirectory(path) => Path::new(path).is_dir(),
            Test::PathIsSymbolicLink(path) => Path::new(path).is_symlink(),
            Test::PathIsMountPoint(path) => is_mount_point(Path::new(path)),
            Test::PathIsReadWrite(path) => access(path.as_str(), AccessFlags::W_OK).is_ok(),
            Test::FileNotEmpty(path) => fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() > 0),
            Test::FileIsExecutable(path) => {
                fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
            }
            Test::DirectoryNotEmpty(path) => fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()),
            Test::Virtualization(kind) => self.is_virtualized(kind),
            Test::FirstBoot => self.first_boot,
            Test::Capability(name) => {
                // Exactly one name asked for, and it is in the bounding set.
                Capabilities::named([name.as_str()])
                    .is_ok_and(|wanted| (0..64).any(|number| wanted.has(number) && self.capabilities & (1 << number) != 0))
            }
            Test::AcPower => true,
            Test::Never(..) => false,
        }
    }

    fn is_virtualized(&self, kind: &str) -> bool {
        match kind {
            "yes" | "true" | "1" | "container" => self.container.is_some(),
            "no" | "false" | "0" => self.container.is_none(),
            "private-users" => has_private_users(),
            kind => self.container.as_deref() == Some(kind),
        }
    }
}

fn container() -> Option<String> {
    let named = std::env::var("container").ok().filter(|name| !name.is_empty());
    named
        .or_else(|| file::read_text("/run/host/container-manager", file::USUAL).ok().map(|text| text.trim().to_owned()))
        .or_else(|| Path::new("/.dockerenv").exists().then(|| "docker".to_owned()))
        .or_else(|| Path::new("/run/.containerenv").exists().then(|| "podman".to_owned()))
}

fn has_private_users() -> bool {
    // The first user namespace maps everybody to himself; user_namespaces(7).
    fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| map.split_whitespace().ne(["0", "0", "4294967295"]))
}

fn bounding_set() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    line.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0)
}

fn is_mount_point(path: &Path) -> bool {
    let Ok(real) = fs::canonicalize(path) else { return false };
    let Some(parent) = real.parent() else { return true };
    match (fs::metadata(&real), fs::metadata(parent)) {
        (Ok(here), Ok(above)) => here.dev() != above.dev(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts { first_boot: false, container: Some("fief".to_owned()), capabilities: 1 << 25 }
    }

    #[test]
    fn a_container_is_one_and_of_its_kind() {
        let facts = facts();
        for (kind, holds) in [("container", true), ("yes", true), ("no", false), ("fief", true), ("lxc", false), ("vm", false)] {
            assert_eq!(facts.hold(&Test::Virtualization(kind.to_owned())), holds, "{kind}");
        }
    }

    #[test]
    fn capabilities_go_by_their_names() {
        assert!(facts().hold(&Test::Capability("CAP_SYS_TIME".to_owned())));
        assert!(!facts().hold(&Test::Capability("CAP_SYS_BOOT".to_owned())));
        assert!(!facts().hold(&Test::Capability("CAP_NONSENSE".to_owned())));
    }

    #[test]
    fn paths_are_asked_for() {
        let facts = facts();
        assert!(facts.hold(&Test::PathIsDirectory("/proc".to_owned())));
        assert!(facts.hold(&Test::PathIsMountPoint("/proc".to_owned())));
        assert!(!facts.hold(&Test::PathIsMountPoint("/proc/self".to_owned())));
        assert!(facts.hold(&Test::PathExists("/proc/cpu*".to_owned())));
        assert!(!facts.hold(&Test::PathExists("/proc/no-such*".to_owned())));
    }
}
