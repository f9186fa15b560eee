//! Answers to the questions a unit's conditions ask. systemd.unit(5), "Conditions".
//!
//! ```text
//!   Test ─▶ Facts::hold ─┬─ the paths the unit names
//!                        └─ system: /proc, /sys, /etc ─▶ Some(yes or no) │ None: it cannot be understood
//! ```

mod system;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use kernel::cgroup::Group;
use nix::unistd::{AccessFlags, access};
use units::unit::{Question, Test};
use units::value::CapabilitySet;

use crate::boot::files;
use crate::{file, glob};

/// What does not change while the system runs.
#[derive(Debug)]
pub(crate) struct Facts {
    /// /etc/machine-id was missing or "uninitialized" when init began. machine-id(5).
    first_boot: bool,
    /// The manager's name for its containers; `None` on a machine of its own.
    container: Option<String>,
    /// Where the system lies that is asked about, in tests another place than `/`.
    root: PathBuf,
    /// PID 1's own command line.
    arguments: Vec<String>,
    /// PID 1's own variables.
    environment: Vec<(String, String)>,
}

impl Facts {
    /// Look around once, before any unit starts.
    pub(crate) fn gather() -> Self {
        let first_boot = file::read_text("/etc/machine-id", file::USUAL).map_or(true, |text| text.trim() == "uninitialized");
        let environment = std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
        Self {
            first_boot,
            container: container(),
            root: PathBuf::from("/"),
            arguments: std::env::args_os().filter_map(|word| word.into_string().ok()).collect(),
            environment: environment.collect(),
        }
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

    /// Whether the test holds now; `None` where that cannot be told, since its value is none. `groups` is what units' groups lie in.
    pub(crate) fn hold(&self, test: &Test, groups: Option<&Group>) -> Option<bool> {
        let value = test.value.as_str();
        let path = Path::new(value);
        Some(match test.question {
            Question::PathExists => path.exists() || glob::any(value),
            Question::PathIsDirectory => path.is_dir(),
            Question::PathIsSymbolicLink => path.is_symlink(),
            Question::PathIsMountPoint => is_mount_point(path),
            Question::PathIsReadWrite => access(value, AccessFlags::W_OK).is_ok(),
            Question::FileNotEmpty => fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() > 0),
            Question::FileIsExecutable => fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0),
            Question::DirectoryNotEmpty => fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()),
            Question::Virtualization => self.is_virtualized(value),
            Question::FirstBoot => self.first_boot,
            Question::AcPower | Question::Null => true,
            // No container has an encrypted disk of its own, nor does a security module take its orders.
            Question::PathIsEncrypted | Question::Security => false,
            Question::Capability => self.is_capable(value)?,
            Question::NeedsUpdate => self.needs_update(path),
            Question::KernelCommandLine => self.was_told(value),
            Question::Firmware => self.has_firmware(value)?,
            // The program runs, so the kernel's is the one it was built for.
            Question::Architecture => value == "native" || value == files::architecture(),
            Question::KernelVersion => self.is_kernel(value)?,
            Question::Version => self.is_version(value)?,
            Question::Host => self.is_host(value),
            Question::ControlGroupController => system::has_controllers(value, groups),
            Question::Memory => self.has_memory(value, groups)?,
            Question::Cpus => self.has_processors(value)?,
            Question::User => self.is_user(value),
            Question::Group => self.is_group(value),
            Question::Environment => self.is_set(value),
            Question::OsRelease => self.is_release(value)?,
            Question::CpuFeature => self.has_feature(value),
            Question::MemoryPressure => self.bears("memory", value, groups)?,
            Question::CpuPressure => self.bears("cpu", value, groups)?,
            Question::IoPressure => self.bears("io", value, groups)?,
            Question::KernelModuleLoaded => self.has_module(value),
            Question::Credential => self.has_credential(value),
        })
    }

    fn is_virtualized(&self, kind: &str) -> bool {
        match kind {
            "yes" | "true" | "1" | "container" => self.container.is_some(),
            "no" | "false" | "0" => self.container.is_none(),
            "private-users" => has_private_users(),
            kind => self.container.as_deref() == Some(kind),
        }
    }

    /// Of the bounding set; capabilities(7).
    fn is_capable(&self, name: &str) -> Option<bool> {
        let wanted = CapabilitySet::read(name).ok()?;
        let bounding = self.status("CapBnd:").and_then(|digits| u64::from_str_radix(&digits, 16).ok()).unwrap_or(0);
        Some(wanted.0 & bounding != 0)
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

fn is_mount_point(path: &Path) -> bool {
    let Ok(real) = fs::canonicalize(path) else { return false };
    let Some(parent) = real.parent() else { return true };
    match (fs::metadata(&real), fs::metadata(parent)) {
        (Ok(here), Ok(above)) => here.dev() != above.dev(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
