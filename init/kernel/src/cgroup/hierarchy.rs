//! Which hierarchies there are: `/proc/self/mountinfo`, proc_pid_mountinfo(5).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Group;

/// The two interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// cgroup-v1/
    V1,
    /// cgroup-v2.rst
    V2,
}

/// One mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// Its controllers. A named v1 hierarchy has one, `name=…`.
    pub controllers: Vec<String>,
    generation: Generation,
}

impl Hierarchy {
    /// Which interface it speaks.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    pub(super) fn inherit_cpuset(&self, dir: &Path) {
        if self.generation == Generation::V1 && self.controllers.iter().any(|c| c == "cpuset") {
            let Some(parent) = dir.parent() else { return };
            let _ = fs::write(dir.join("cgroup.clone_children"), "1");
            for file in ["cpuset.cpus", "cpuset.mems"] {
                if let Ok(text) = fs::read_to_string(parent.join(file)) {
                    let _ = fs::write(dir.join(file), text.trim());
                }
            }
        }
    }
}

/// All that are mounted here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hierarchies {
    /// cgroup2.
    pub unified: Option<Hierarchy>,
    /// cgroup, one by one; controllers mounted together are one hierarchy.
    pub v1: Vec<Hierarchy>,
}

impl Hierarchies {
    /// What `/proc/self/mountinfo` shows; a mount that lies under another one is passed over.
    pub fn detect() -> io::Result<Self> {
        Ok(Self::parse(&fs::read_to_string("/proc/self/mountinfo")?, |mount| {
            fs::read_to_string(mount.join("cgroup.controllers")).unwrap_or_default()
        }))
    }

    fn parse(mountinfo: &str, controllers: impl Fn(&Path) -> String) -> Self {
        let mut all = Self::default();
        for line in mountinfo.lines() {
            let Some((before, after)) = line.split_once(" - ") else { continue };
            let Some(mount) = before.split(' ').nth(4).map(unescape) else { continue };
            let mut after = after.split(' ');
            match (after.next(), after.nth(1)) {
                (Some("cgroup2"), _) if all.unified.is_none() => {
                    let controllers = controllers(&mount).split_ascii_whitespace().map(str::to_owned).collect();
                    all.unified = Some(Hierarchy { mount, controllers, generation: Generation::V2 });
                }
                (Some("cgroup"), Some(options)) => {
                    const NOT_CONTROLLERS: [&str; 8] = ["rw", "ro", "xattr", "clone_children", "noprefix", "all", "none", "cpuset_v2_mode"];
                    let is = |o: &&str| !NOT_CONTROLLERS.contains(o) && !o.starts_with("release_agent");
                    let controllers: Vec<String> = options.split(',').filter(is).map(str::to_owned).collect();
                    if !all.v1.iter().any(|h| h.controllers == controllers) {
                        all.v1.push(Hierarchy { mount, controllers, generation: Generation::V1 });
                    }
                }
                _ => {}
            }
        }
        all
    }

    /// cgroup2 first, then each v1 one.
    pub fn all(&self) -> impl Iterator<Item = &Hierarchy> {
        self.unified.iter().chain(&self.v1)
    }

    /// The one that has `controller`.
    pub fn of(&self, controller: &str) -> Option<&Hierarchy> {
        self.v1.iter().chain(&self.unified).find(|h| h.controllers.iter().any(|c| c == controller))
    }

    /// The group at `path` below the root of each.
    pub fn group(&self, path: impl AsRef<Path>) -> Group {
        Group::new(Arc::new(self.clone()), path.as_ref().to_owned())
    }

    /// Whether there is anything beside cgroup2.
    pub fn is_hybrid(&self) -> bool {
        !self.v1.is_empty()
    }
}

/// Octal escapes of mountinfo: `\040` is a blank.
fn unescape(text: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..3).and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| u8::from_str_radix(d, 8).ok());
        match digits {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    PathBuf::from(std::ffi::OsStr::new(&*String::from_utf8_lossy(&bytes)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hybrid_and_pure_hosts_are_told_apart() {
        let hybrid = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/my\\040own rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
        let h = Hierarchies::parse(hybrid, |_| "hugetlb\n".into());
        assert!(h.is_hybrid());
        assert_eq!(h.of("cpuacct").unwrap().mount, Path::new("/sys/fs/cgroup/cpu,cpuacct"));
        assert_eq!(h.of("name=systemd").unwrap().mount, Path::new("/sys/fs/cgroup/my own"));
        assert_eq!(h.of("hugetlb").unwrap().generation(), Generation::V2);
        assert_eq!(h.of("io"), None);
        let pure = "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        let h = Hierarchies::parse(pure, |_| "cpuset cpu io memory pids\n".into());
        assert!(!h.is_hybrid());
        assert_eq!(h.of("memory").unwrap().generation(), Generation::V2);
    }
}
