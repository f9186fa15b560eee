//! The control groups of one container.
//!
//! ```text
//!   <cgroup>/NAME                 no process
//!   <cgroup>/NAME/keeper          the keeper: outside the limits, or a guest could have it OOM-killed
//!   <cgroup>/NAME/limit           the limits; root's
//!   <cgroup>/NAME/limit/guest     the guest's own; root of its cgroup namespace
//! ```

use std::io;

use kernel::cgroup::{Group, Hierarchies, NotSet, Setting};
use nix::unistd::Pid;

use crate::config::Host;
use crate::error::{Class, Error};
use crate::store::{ContainerName, Limits};

const STEP: &str = "setting up control groups";

/// The groups, whether they exist or not.
#[derive(Debug, Clone)]
pub struct Groups {
    parent: Group,
    container: Group,
    /// The keeper's.
    pub keeper: Group,
    /// Where the limits are.
    pub limit: Group,
    /// The guest's.
    pub guest: Group,
    /// What is mounted on this host.
    pub hierarchies: Hierarchies,
}

/// A killed process leaves its group when the last reference to it goes; it needs no more than a moment of CPU for it.
const LONG: std::time::Duration = std::time::Duration::from_secs(20);

impl Groups {
    /// Those of container `name`.
    ///
    /// # Errors
    /// When this host has no cgroup2.
    pub fn of(host: &Host, name: &ContainerName) -> Result<Self, Error> {
        let hierarchies = Hierarchies::detect().map_err(|e| fail("cannot read /proc/self/mountinfo", e))?;
        if hierarchies.unified.is_none() {
            return Err(Error::new(Class::Unfit, STEP, "no cgroup2 file system is mounted")
                .advice("mount -t cgroup2 none /sys/fs/cgroup, or on a hybrid host /sys/fs/cgroup/unified"));
        }
        let parent = hierarchies.group(&host.config.cgroup);
        let container = parent.child(name.as_str());
        let limit = container.child("limit");
        Ok(Self { keeper: container.child("keeper"), guest: limit.child("guest"), limit, container, parent, hierarchies })
    }

    /// Makes them with the limits in force, and gives the guest's to the guest.
    ///
    /// # Errors
    /// When the kernel refuses, or a limit was asked for whose controller this host lacks.
    pub fn build(&self, limits: &Limits, owner: u32) -> Result<(), Error> {
        let make = |group: &Group| group.create_all().map_err(|e| fail(&format!("cannot make {}", group.path().display()), e));
        make(&self.parent)?;
        self.hierarchies.group("").enable_controllers();
        self.parent.enable_controllers();
        make(&self.keeper)?;
        self.container.enable_controllers();
        make(&self.limit)?;
        self.limit.enable_controllers();
        // More than any service manager makes, and few enough to be swept in a moment.
        self.limit.bound_descendants(4096, 64).map_err(|e| fail("cannot bound the guest's groups", e))?;
        make(&self.guest)?;
        for setting in settings(limits) {
            match self.limit.set(&setting) {
                Ok(()) => {}
                // Memory and swap are counted together on v1, and many kernels have no swap accounting at all: then nothing can be swapped
                // that could be limited.
                Err(NotSet::Write { source, .. })
                    if matches!(setting, Setting::SwapMax { .. }) && source.kind() == io::ErrorKind::NotFound =>
                {
                    log::warn!("this kernel does not account swap: no swap limit is in force");
                }
                Err(e) => {
                    return Err(Error::new(Class::Start, STEP, format!("cannot set the {} limit", setting.controller())).source(e));
                }
            }
        }
        self.guest.delegate(owner, owner).map_err(|e| fail("cannot give the guest its group", e))
    }

    /// Moves this process into the keeper's group.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn enter_keeper(&self) -> Result<(), Error> {
        self.keeper.join(Pid::from_raw(0)).map_err(|e| fail("cannot enter the keeper's group", e))
    }

    /// Kills what is left of the guest and removes its groups, so that another boot finds none.
    ///
    /// # Errors
    /// When a process does not end.
    pub fn clear_guest(&self) -> Result<(), Error> {
        let fail = |e| fail("cannot clear the guest's group", e);
        // Again and again: a process may have frozen another while it was itself being killed.
        let until = std::time::Instant::now() + LONG;
        let mut empty = false;
        while !empty && std::time::Instant::now() < until {
            self.limit.kill().map_err(fail)?;
            empty = !self.limit.exists() || self.limit.wait(std::time::Duration::from_secs(1), |g| !g.is_populated());
        }
        if !empty {
            return Err(
                Error::new(Class::Start, STEP, "a process of the guest does not end").advice("see /proc/PID/stack of those in its cgroup")
            );
        }
        self.guest.remove().map_err(fail)
    }

    /// Removes all of it, and ends whoever is in it: a keeper that calls this has left before.
    ///
    /// # Errors
    /// When a process does not end.
    pub fn remove(&self) -> Result<(), Error> {
        self.clear_guest()?;
        // A keeper that was killed gives its lock back some time before it leaves its group. One that could not leave is this process.
        if !self.keeper.processes().contains(&Pid::this()) {
            self.keeper.kill().map_err(|e| fail("cannot clear the keeper's group", e))?;
            if self.keeper.exists() && !self.keeper.wait(LONG, |g| !g.is_populated()) {
                return Err(Error::new(Class::Start, STEP, "the last keeper does not end").advice("see /proc/PID/stack of it"));
            }
        }
        self.limit.remove().and_then(|()| self.container.remove()).map_err(|e| fail("cannot remove the groups", e))?;
        // Others may be in there: then it is not empty, and stays.
        for (_, dir) in self.parent.directories() {
            let _ = std::fs::remove_dir(dir);
        }
        Ok(())
    }

    /// Takes this process out of the keeper's group, to the root of each hierarchy, where a process may always be.
    pub fn leave_keeper(&self) {
        if let Err(e) = self.hierarchies.group("").join(Pid::from_raw(0)) {
            log::debug!("cannot leave the keeper's group: {e}");
        }
    }
}

/// The limits as kernel settings; memory before swap, since v1 counts both together.
fn settings(limits: &Limits) -> Vec<Setting> {
    let memory = limits.memory.map(crate::store::Bytes::get);
    let mut all = Vec::new();
    all.extend(memory.map(|m| Setting::MemoryMax(Some(m))));
    all.extend(limits.swap.map(|s| Setting::SwapMax { swap: Some(s.get()), memory }));
    all.extend(limits.cpus.map(|c| Setting::CpuQuota { quota: Some(c.quota(Setting::CPU_PERIOD_US)), period: Setting::CPU_PERIOD_US }));
    all.extend(limits.cpu_weight.map(|w| Setting::CpuWeight(w.get().into())));
    all.extend(limits.procs.map(|p| Setting::PidsMax(Some(p.get().into()))));
    all
}

fn fail(cause: &str, source: io::Error) -> Error {
    Error::new(Class::Start, STEP, cause).source(source)
}

impl std::fmt::Display for Groups {
    /// What `--dry-run` prints.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (_, dir) in self.container.directories() {
            writeln!(f, "  {}/{{keeper,limit/guest}}", dir.display())?;
        }
        Ok(())
    }
}
