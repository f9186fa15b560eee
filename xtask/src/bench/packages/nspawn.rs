//! The same guest under systemd: systemd-nspawn(1) `--boot`, in a cgroup that is ours, so that its own are below that.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result};

use super::{Figures, await_that, look};
use crate::bench::milliseconds;
use crate::site::Site;
use crate::{run, template};

/// The tree; removed with the site.
pub(super) struct Nspawn {
    tree: PathBuf,
    name: String,
}

impl Nspawn {
    pub(super) fn unpack(tar: &Path, site: &Site) -> Result<Self> {
        let tree = site.path("/nspawn");
        fs::create_dir_all(&tree)?;
        template::unpack(tar, &tree)?;
        let name = format!("fief-test-nspawn-{}", std::process::id());
        Ok(Self { tree, name })
    }

    /// The directories of our cgroup: of the two hierarchies where systemd has its own groups, or of the only one.
    fn groups(&self) -> Vec<PathBuf> {
        let top = Path::new("/sys/fs/cgroup");
        let mut hierarchies: Vec<PathBuf> = ["systemd", "unified"].iter().map(|name| top.join(name)).filter(|path| path.is_dir()).collect();
        if hierarchies.is_empty() {
            hierarchies.push(top.to_owned());
        }
        hierarchies.into_iter().map(|hierarchy| hierarchy.join(&self.name)).collect()
    }

    /// Boots it once.
    pub(super) fn run(&self) -> Result<Figures> {
        for group in self.groups() {
            fs::create_dir_all(group)?;
        }
        let enter: String = self.groups().iter().map(|group| format!("echo $$ >{}/cgroup.procs; ", group.display())).collect();
        let mut nspawn = run::command(["sh", "-c", &format!("{enter}exec \"$@\"")]);
        nspawn.args(["sh", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe", "--boot"]);
        nspawn.arg(format!("--machine={}", self.name)).arg(format!("--directory={}", self.tree.display()));
        let begun = SystemTime::now();
        let child = nspawn.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("cannot run systemd-nspawn")?;
        let mut guest = Running { child, init: None };
        let init = await_that("systemd", || leader(guest.child.id()))?;
        guest.init = Some(init);
        let figures = look(init, super::answers(init, begun)?)?;
        let stop = Instant::now();
        guest.end()?;
        Ok(Figures { end: milliseconds(stop.elapsed()), ..figures })
    }
}

impl Drop for Nspawn {
    fn drop(&mut self) {
        for group in self.groups() {
            drop(run::quietly(run::command(["find"]).arg(&group).args(["-depth", "-type", "d", "-exec", "rmdir", "{}", "+"])));
        }
    }
}

/// PID 1 of the guest, once it has executed its own program: of nspawn's children the one that is first in its namespace.
fn leader(nspawn: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
    let is_systemd = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "systemd");
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(is_systemd)
}

struct Running {
    child: Child,
    init: Option<u32>,
}

impl Running {
    /// As machinectl(1) poweroff does.
    fn end(&mut self) -> Result<()> {
        if let Some(init) = self.init.take() {
            run::quietly(&mut run::command(["kill", "-RTMIN+4", &init.to_string()]))?;
        }
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only if it did not end by itself.
        if matches!(self.child.try_wait(), Ok(None)) {
            for pid in self.init.into_iter().chain([self.child.id()]) {
                drop(run::quietly(&mut run::command(["kill", "-KILL", &pid.to_string()])));
            }
            drop(self.child.wait());
        }
    }
}
