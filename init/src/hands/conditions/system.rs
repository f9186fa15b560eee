//! What the kernel and the distribution say of the system.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kernel::cgroup::{Generation, Group};
use nix::sys::statvfs::{FsFlags, statvfs};
use units::unit::comparison::{self, Operator};
use units::unit::read_environment;
use units::value::Percent;
use units::{UnitKind, UnitName};

use super::Facts;
use crate::file;
use crate::hands::slices;

/// The controllers systemd has a name for; what else is asked for is passed over.
const CONTROLLERS: [&str; 8] = ["cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids"];
/// The last one that login.defs(5) usually has for the system.
const LAST_SYSTEM_ID: u64 = 999;
/// What /proc/cpuinfo calls otherwise. `xsave` is there only where the kernel has it switched on.
const FLAGS: [(&str, &str); 3] = [("pclmul", "pclmulqdq"), ("fma3", "fma"), ("osxsave", "xsave")];
/// Enough for the first processor, bytes.
const ONE_PROCESSOR: u64 = 16 * 1024;

impl Facts {
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A small file's text, without the end of its line.
    fn text(&self, path: &str) -> Option<String> {
        file::read_text(self.at(path), file::USUAL).ok().map(|text| text.trim_end().to_owned())
    }

    /// What stands behind a key in PID 1's own /proc/self/status; proc_pid_status(5).
    pub(super) fn status(&self, key: &str) -> Option<String> {
        let status = self.text("/proc/self/status")?;
        status.lines().find_map(|line| line.strip_prefix(key)).map(|value| value.trim().to_owned())
    }

    fn ids(&self, key: &str) -> Vec<u64> {
        self.status(key).map(|line| line.split_whitespace().filter_map(|id| id.parse().ok()).collect()).unwrap_or_default()
    }

    /// A word of the command line, or the name before its `=`. In a container it is PID 1's own that counts.
    pub(super) fn was_told(&self, wanted: &str) -> bool {
        let mut words = self.arguments.iter().flat_map(|word| word.split_whitespace());
        words.any(|word| word == wanted || word.split_once('=').is_some_and(|(name, _)| name == wanted))
    }

    pub(super) fn is_set(&self, wanted: &str) -> bool {
        let (name, value) = wanted.split_once('=').map_or((wanted, None), |(name, value)| (name, Some(value)));
        self.environment.iter().any(|(has, held)| has == name && value.is_none_or(|value| value == held))
    }

    pub(super) fn has_credential(&self, name: &str) -> bool {
        let folder = self.environment.iter().find(|(has, _)| has == "CREDENTIALS_DIRECTORY").map(|(_, folder)| folder);
        !name.contains('/') && !name.starts_with('.') && folder.is_some_and(|folder| self.at(folder).join(name).symlink_metadata().is_ok())
    }

    /// The kernel's; uname(2).
    fn release(&self) -> String {
        self.text("/proc/sys/kernel/osrelease").unwrap_or_default()
    }

    pub(super) fn is_kernel(&self, wanted: &str) -> Option<bool> {
        Some(all_hold(&comparison::versions(wanted)?, &self.release()))
    }

    pub(super) fn is_version(&self, wanted: &str) -> Option<bool> {
        match comparison::of_program(wanted)? {
            ("kernel", versions) => Some(all_hold(&versions, &self.release())),
            (_, _) => Some(false),
        }
    }

    /// os-release(5): a field that is not there is empty.
    pub(super) fn is_release(&self, wanted: &str) -> Option<bool> {
        let text = ["/etc/os-release", "/usr/lib/os-release"].into_iter().find_map(|path| self.text(path)).unwrap_or_default();
        let fields = read_environment(&text);
        let value = |name: &str| fields.iter().rev().find(|(has, _)| has == name).map_or("", |(_, value)| value.as_str());
        let wanted = comparison::fields(wanted)?;
        Some(wanted.iter().all(|(name, operator, wanted)| operator.compares(value(name), wanted, fits)))
    }

    /// A pattern of host names in capitals or not, or the id of machine-id(5), with dashes or without.
    pub(super) fn is_host(&self, wanted: &str) -> bool {
        let id = wanted.replace('-', "").to_ascii_lowercase();
        if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return self.text("/etc/machine-id").is_some_and(|own| own.trim() == id);
        }
        let name = self.text("/proc/sys/kernel/hostname").unwrap_or_default();
        units::glob::matches(&wanted.to_lowercase(), &name.to_lowercase())
    }

    pub(super) fn is_user(&self, wanted: &str) -> bool {
        let own = self.ids("Uid:");
        let real_and_effective = own.get(..2).unwrap_or_default();
        match (wanted, wanted.parse::<u64>()) {
            ("root", _) => real_and_effective.contains(&0),
            ("@system", _) => real_and_effective.iter().any(|id| *id <= LAST_SYSTEM_ID),
            (_, Ok(id)) => real_and_effective.contains(&id),
            // PID 1 is root: it has no other name.
            (_, Err(_)) => false,
        }
    }

    pub(super) fn is_group(&self, wanted: &str) -> bool {
        let id = if wanted == "root" { Some(0) } else { wanted.parse().ok() };
        id.is_some_and(|id| self.ids("Gid:").get(..2).unwrap_or_default().contains(&id) || self.ids("Groups:").contains(&id))
    }

    /// By the processors this process may run on; sched_setaffinity(2).
    pub(super) fn has_processors(&self, wanted: &str) -> Option<bool> {
        let (operator, wanted) = comparison::number(wanted)?;
        let mask = self.status("Cpus_allowed:").unwrap_or_default();
        let count = mask.chars().filter_map(|digit| digit.to_digit(16)).map(u32::count_ones).sum::<u32>();
        Some(operator.allows(u64::from(count).cmp(&wanted)))
    }

    /// The machine's memory, or what the control groups leave of it.
    pub(super) fn has_memory(&self, wanted: &str, groups: Option<&Group>) -> Option<bool> {
        let (operator, wanted) = comparison::size(wanted)?;
        let info = self.text("/proc/meminfo").unwrap_or_default();
        let machine = info.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        let whole = machine.map_or(u64::MAX, |kilobytes| kilobytes.saturating_mul(1024));
        let limits = groups.map(memory_limits).unwrap_or_default();
        Some(operator.allows(limits.into_iter().fold(whole, u64::min).cmp(&wanted)))
    }

    /// Flags of the first processor; other families than x86 have none of these names.
    pub(super) fn has_feature(&self, wanted: &str) -> bool {
        let wanted = wanted.to_ascii_lowercase();
        let flag = FLAGS.into_iter().find(|(theirs, _)| *theirs == wanted).map_or(wanted.as_str(), |(_, flag)| flag);
        let info = file::read_up_to(self.at("/proc/cpuinfo"), ONE_PROCESSOR).unwrap_or_default();
        let info = String::from_utf8_lossy(&info);
        let flags = info.lines().find(|line| line.starts_with("flags")).and_then(|line| line.split_once(':'));
        flags.is_some_and(|(_, flags)| flags.split_whitespace().any(|has| has == flag))
    }

    /// Loaded, and past its beginning; built in, it has no state. Documentation/ABI/stable/sysfs-module.
    pub(super) fn has_module(&self, name: &str) -> bool {
        let folder = self.at("/sys/module").join(name.replace('-', "_"));
        let state = file::read_text(folder.join("initstate"), 64);
        !name.contains('/') && !name.starts_with('.') && folder.is_dir() && state.map_or(true, |state| state.trim() == "live")
    }

    /// What is no container's own (EFI) it does not have.
    pub(super) fn has_firmware(&self, wanted: &str) -> Option<bool> {
        let within = |word: &str| wanted.strip_prefix(word)?.strip_suffix(')');
        if wanted == "device-tree" {
            return Some(self.at("/sys/firmware/devicetree").exists());
        }
        if let Some(kind) = within("device-tree-compatible(") {
            let list = self.text("/proc/device-tree/compatible").unwrap_or_default();
            return Some(list.split('\0').any(|has| !has.is_empty() && has == kind));
        }
        if let Some(field) = within("smbios-field(") {
            let (name, wanted) = comparison::of_program(field)?;
            let value = self.text(&format!("/sys/class/dmi/id/{}", name.replace('/', "_")));
            return Some(value.is_some_and(|value| all_hold(&wanted, &value)));
        }
        Some(false)
    }

    /// Whether something beneath `/usr` is newer than what was last made of it in this folder; systemd-update-done.service(8).
    pub(super) fn needs_update(&self, folder: &Path) -> bool {
        let Ok(folder) = folder.strip_prefix("/") else { return true };
        let folder = self.root.join(folder);
        if statvfs(&folder).is_ok_and(|about| about.flags().contains(FsFlags::ST_RDONLY)) {
            return false;
        }
        let stamp = folder.join(".updated");
        let (Ok(done), Ok(usr)) = (fs::symlink_metadata(&stamp), fs::metadata(self.at("/usr/"))) else { return true };
        if usr.mtime() != done.mtime() || usr.mtime_nsec() == 0 || done.mtime_nsec() > 0 {
            return (usr.mtime(), usr.mtime_nsec()) > (done.mtime(), done.mtime_nsec());
        }
        // A file system without parts of a second: they stand in the file.
        let fields = file::read_text(&stamp, file::USUAL).map(|text| read_environment(&text)).unwrap_or_default();
        let written = fields.iter().find(|(name, _)| name == "TIMESTAMP_NSEC").and_then(|(_, value)| value.parse::<i128>().ok());
        let changed = i128::from(usr.mtime()) * 1_000_000_000 + i128::from(usr.mtime_nsec());
        written.is_none_or(|written| changed > written)
    }

    /// Whether the pressure on a resource is no more than that; where the kernel does not measure it, there is none.
    pub(super) fn bears(&self, resource: &str, wanted: &str, groups: Option<&Group>) -> Option<bool> {
        let wanted = comparison::pressure(wanted)?;
        let Some(whole) = self.text(&format!("/proc/pressure/{resource}")) else { return Some(true) };
        let text = match wanted.slice {
            None => Some(whole),
            Some(slice) => {
                let slice = UnitName::new(&slice).ok().filter(|name| name.kind() == UnitKind::Slice)?;
                let has_all = groups.filter(|groups| is_unified(groups) && groups.generation(resource).is_some());
                has_all.and_then(|groups| slices::at(groups, &slice).read_unified(&format!("{resource}.pressure")))
            }
        };
        let Some(text) = text else { return Some(true) };
        let line = ["full ", "some "].into_iter().find_map(|kind| text.lines().find_map(|line| line.strip_prefix(kind)))?;
        let mean = line.split_whitespace().find_map(|word| word.strip_prefix(wanted.mean)?.strip_prefix('='))?;
        Percent::read(&format!("{mean}%")).ok().map(|mean| mean <= wanted.share)
    }
}

/// Whether the controllers can be had for units' groups, on whichever generation.
pub(super) fn has_controllers(wanted: &str, groups: Option<&Group>) -> bool {
    match wanted {
        "v2" => groups.is_some_and(is_unified),
        "v1" => !groups.is_some_and(is_unified),
        wanted => wanted.split_whitespace().filter(|word| CONTROLLERS.contains(word)).all(|word| {
            // The one that has two names: limits on either are put in force by the same words of a unit.
            let names: &[&str] = if matches!(word, "io" | "blkio") { &["io", "blkio"] } else { &[word] };
            groups.is_some_and(|groups| names.iter().any(|name| groups.generation(name).is_some()))
        }),
    }
}

fn is_unified(groups: &Group) -> bool {
    groups.directories().all(|(hierarchy, _)| hierarchy.generation() == Generation::V2)
}

/// The limit of the container's own group; with the v1 interface that of the groups above it too. memory.rst, "hierarchical_memory_limit".
fn memory_limits(groups: &Group) -> Vec<u64> {
    let own = groups.read("memory", "memory.max", "memory.limit_in_bytes");
    let stat = groups.read("memory", "memory.stat", "memory.stat").unwrap_or_default();
    let above = stat.lines().find_map(|line| line.strip_prefix("hierarchical_memory_limit ")).map(str::to_owned);
    [own, above].into_iter().flatten().filter_map(|limit| limit.trim().parse().ok()).collect()
}

fn all_hold(wanted: &[(Operator, String)], actual: &str) -> bool {
    wanted.iter().all(|(operator, wanted)| operator.compares(actual, wanted, fits))
}

fn fits(actual: &str, pattern: &str) -> bool {
    units::glob::matches(pattern, actual)
}
