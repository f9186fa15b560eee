//! Control groups on either generation, as one thing. cgroups(7), Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
//!
//! ```text
//!             pure v2 host                     hybrid host
//!  track      /sys/fs/cgroup                   /sys/fs/cgroup/unified        cgroup.{procs,kill,freeze,events}
//!  limit      /sys/fs/cgroup                   /sys/fs/cgroup/{memory,cpu,pids,…}
//! ```
//!
//! A [`Group`] is one name on every hierarchy. Tracking, freezing and killing are always done on cgroup2; each limit goes to the hierarchy that
//! owns its controller, so one code path serves both kinds of host.

mod hierarchy;
mod setting;
mod walk;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

pub use hierarchy::{Generation, Hierarchies, Hierarchy};
pub use setting::{Io, NotSet, Setting};

use crate::pidfd::PidFd;

/// One control group: the same relative path on every hierarchy.
#[derive(Debug, Clone)]
pub struct Group {
    /// In common with the groups it was made from: there is one for each life of a unit.
    hierarchies: Arc<Hierarchies>,
    path: PathBuf,
}

impl Group {
    pub(crate) fn new(hierarchies: Arc<Hierarchies>, path: PathBuf) -> Self {
        Self { hierarchies, path }
    }

    /// The group `name` beneath this one.
    #[must_use]
    pub fn child(&self, name: impl AsRef<Path>) -> Self {
        Self { hierarchies: Arc::clone(&self.hierarchies), path: self.path.join(name) }
    }

    /// The group it lies in; `None` of the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.path.parent().map(|path| Self { hierarchies: Arc::clone(&self.hierarchies), path: path.to_owned() })
    }

    /// Its path below the root of each hierarchy.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its directory on one hierarchy.
    pub fn directory(&self, hierarchy: &Hierarchy) -> PathBuf {
        hierarchy.mount.join(&self.path)
    }

    /// Its directories on all.
    pub fn directories(&self) -> impl Iterator<Item = (&Hierarchy, PathBuf)> {
        self.hierarchies.all().map(|h| (h, self.directory(h)))
    }

    /// Its directory on cgroup2.
    pub fn unified(&self) -> Option<PathBuf> {
        self.hierarchies.unified.as_ref().map(|h| self.directory(h))
    }

    /// Whether cgroup2 has it.
    pub fn exists(&self) -> bool {
        self.unified().is_some_and(|d| d.is_dir())
    }

    /// Makes it where it is missing, its parents not. A v1 cpuset without CPUs can hold no process, so a new one takes its parent's.
    pub fn create(&self) -> io::Result<()> {
        for (hierarchy, dir) in self.directories() {
            match fs::create_dir(&dir) {
                Ok(()) => hierarchy.inherit_cpuset(&dir),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// [`Group::create`], parents too.
    pub fn create_all(&self) -> io::Result<()> {
        let mut sofar = Self { hierarchies: Arc::clone(&self.hierarchies), path: PathBuf::new() };
        for part in self.path.components() {
            sofar.path.push(part);
            sofar.create()?;
        }
        Ok(())
    }

    /// Removes it and all groups beneath it; nothing there is fine. `ResourceBusy` while a process is left.
    pub fn remove(&self) -> io::Result<()> {
        let mut first = Ok(());
        for (_, dir) in self.directories() {
            if let Err(e) = walk::remove(&dir) {
                first = first.and(Err(e));
            }
        }
        first
    }

    /// Removes it unless a process or a group is in it; cgroup2 first, which says so.
    pub fn remove_alone(&self) -> io::Result<()> {
        for (_, dir) in self.directories() {
            match fs::remove_dir(&dir) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    /// Lets groups beneath it have controllers of their own: writes `cgroup.subtree_control`, passing over what is refused. v1 needs nothing.
    /// No process may be in the group itself ("no internal processes", cgroup-v2.rst).
    pub fn enable_controllers(&self) {
        let Some(dir) = self.unified() else { return };
        let Ok(available) = fs::read_to_string(dir.join("cgroup.controllers")) else { return };
        let enable = |wanted: &str| fs::write(dir.join("cgroup.subtree_control"), wanted);
        let words: Vec<String> = available.split_ascii_whitespace().map(|controller| format!("+{controller}")).collect();
        // All at once: where there are processes beneath it, each write waits for all processors.
        if enable(&words.join(" ")).is_err() {
            // A controller in threaded or real-time use elsewhere is refused (EBUSY, EINVAL); the others are worth having.
            words.iter().for_each(|word| drop(enable(word)));
        }
    }

    /// Moves a process into it, on every hierarchy. `Pid` 0 is the caller.
    pub fn join(&self, pid: Pid) -> io::Result<()> {
        for (_, dir) in self.directories() {
            fs::write(dir.join("cgroup.procs"), pid.to_string())?;
        }
        Ok(())
    }

    /// Moves the caller into it, on every hierarchy; it must have one thread.
    pub fn enter(&self) -> io::Result<()> {
        self.entrances()?.into_iter().try_for_each(|entrance| File::from(entrance).write_all(b"0"))
    }

    /// On each hierarchy the file to which a process of one thread writes "0" to move into the group: for [`crate::spawn::Step::JoinCgroup`].
    ///
    /// On v1 that is `tasks`. A thread that moves itself needs no lock but the hierarchies' own, while `cgroup.procs` keeps every fork(2) and
    /// exit(2) of the machine out, for which it waits until all processors have taken notice: some 15 ms, and a lock that others wait for
    /// (`cgroup_procs_write_start` in kernel/cgroup/cgroup.c, since Linux 5.5).
    pub fn entrances(&self) -> io::Result<Vec<OwnedFd>> {
        self.entrances_where(|_| true)
    }

    /// The same on the v1 hierarchies only: for a child born into the cgroup2 one (`CLONE_INTO_CGROUP`).
    pub fn entrances_of_v1(&self) -> io::Result<Vec<OwnedFd>> {
        self.entrances_where(|generation| generation == Generation::V1)
    }

    fn entrances_where(&self, wanted: impl Fn(Generation) -> bool) -> io::Result<Vec<OwnedFd>> {
        let entrance = |(hierarchy, dir): (&Hierarchy, PathBuf)| {
            let name = match hierarchy.generation() {
                Generation::V1 => "tasks",
                Generation::V2 => "cgroup.procs",
            };
            OpenOptions::new().write(true).open(dir.join(name)).map(OwnedFd::from)
        };
        let mut all: Vec<_> = self.directories().filter(|(hierarchy, _)| wanted(hierarchy.generation())).collect();
        // Until it has little of a processor, it moves with what its parent has: all moves wait for one lock of the kernel's.
        all.sort_by_key(|(hierarchy, _)| hierarchy.controllers.iter().any(|controller| controller == "cpu"));
        all.into_iter().map(entrance).collect()
    }

    /// Its cgroup2 directory, open: for `CLONE_INTO_CGROUP` and for [`crate::spawn::Plan::cgroup`].
    pub fn unified_directory(&self) -> io::Result<Option<OwnedFd>> {
        self.unified().map(|d| File::open(d).map(OwnedFd::from)).transpose()
    }

    /// `cgroup.events` of cgroup2, open: polls `EPOLLPRI` when `populated` or `frozen` changes.
    pub fn events_file(&self) -> io::Result<Option<File>> {
        self.unified().map(|d| File::open(d.join("cgroup.events"))).transpose()
    }

    /// Tells that memory has run out in it, or above it: on cgroup2 `memory.events`, which polls `EPOLLPRI` when the kernel has killed; with the v1
    /// controller an eventfd, which polls `EPOLLIN` *before* it kills (`mem_cgroup_oom_notify` in mm/memcontrol-v1.c): the counter follows.
    /// cgroup-v1/memory.rst, "OOM Control". `Unsupported` without the controller.
    pub fn out_of_memory(&self) -> io::Result<(Generation, File)> {
        let hierarchy = self.hierarchies.of("memory").ok_or(io::ErrorKind::Unsupported)?;
        let dir = self.directory(hierarchy);
        match hierarchy.generation() {
            Generation::V2 => Ok((Generation::V2, File::open(dir.join("memory.events"))?)),
            Generation::V1 => {
                let event = OwnedFd::from(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
                let control = File::open(dir.join("memory.oom_control"))?;
                // Once this is written, the kernel itself holds the two together, until the eventfd is closed.
                let words = format!("{} {}", event.as_raw_fd(), control.as_raw_fd());
                fs::write(dir.join("cgroup.event_control"), words)?;
                Ok((Generation::V1, File::from(event)))
            }
        }
    }

    /// Whether a process is in it or beneath it.
    pub fn is_populated(&self) -> bool {
        self.event("populated") == Some(true)
    }

    /// Whether it is there on cgroup2 with no process and no group beneath it. A directory of kernfs has a link for each directory in it.
    pub fn is_bare(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let childless = self.unified().and_then(|dir| fs::metadata(dir).ok()).is_some_and(|about| about.nlink() == 2);
        childless && self.event("populated") == Some(false)
    }

    /// Whether all of it stands frozen.
    pub fn is_frozen(&self) -> bool {
        self.event("frozen") == Some(true)
    }

    fn event(&self, key: &str) -> Option<bool> {
        let text = fs::read_to_string(self.unified()?.join("cgroup.events")).ok()?;
        text.lines().find_map(|l| l.strip_prefix(key)?.trim().parse::<u8>().ok()).map(|n| n != 0)
    }

    /// SIGKILL to every process in it and beneath it, frozen ones too: `cgroup.kill` (Linux 5.14), else one by one until none is left.
    pub fn kill(&self) -> io::Result<()> {
        let Some(dir) = self.unified().filter(|d| d.is_dir()) else { return Ok(()) };
        match fs::write(dir.join("cgroup.kill"), "1") {
            Err(e) if e.kind() == io::ErrorKind::NotFound && dir.is_dir() => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => {
                self.thaw_v1();
                return other;
            }
        }
        for _ in 0..100 {
            if self.processes().is_empty() {
                break;
            }
            for process in PidFd::all_of(|| self.processes()) {
                // ESRCH: it ended by itself.
                let _ = process.signal(Signal::SIGKILL);
            }
            self.thaw_v1();
        }
        Ok(())
    }

    /// Lets go on what the v1 freezer holds beneath this group: in a group given away its owner may have frozen some, and there a process does not
    /// die of SIGKILL before it is thawed (cgroup-v1/freezer-subsystem.rst). cgroup2's own freezer has no such hold.
    fn thaw_v1(&self) {
        if let Some(freezer) = self.hierarchies.of("freezer").filter(|h| h.generation() == Generation::V1) {
            walk::thaw(&self.directory(freezer));
        }
    }

    /// Bounds the groups that can be made beneath it, in number and depth: `cgroup.max.descendants` and `cgroup.max.depth` of cgroup2. v1 has
    /// no such bounds.
    pub fn bound_descendants(&self, number: u32, depth: u32) -> io::Result<()> {
        let Some(dir) = self.unified() else { return Ok(()) };
        fs::write(dir.join("cgroup.max.descendants"), number.to_string())?;
        fs::write(dir.join("cgroup.max.depth"), depth.to_string())
    }

    /// Stops (or lets go on) every process in it and beneath it; [`Group::is_frozen`] tells when it stands. `cgroup.freeze`.
    pub fn freeze(&self, frozen: bool) -> io::Result<()> {
        match self.unified() {
            Some(dir) => fs::write(dir.join("cgroup.freeze"), if frozen { "1" } else { "0" }),
            None => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Waits until `done` holds, woken by `cgroup.events`, at most `timeout`. True when it does.
    pub fn wait(&self, timeout: std::time::Duration, done: impl Fn(&Self) -> bool) -> bool {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        use std::os::fd::AsFd;
        let until = std::time::Instant::now() + timeout;
        loop {
            // Opened before it is looked at: a change in between is then seen by poll(2).
            let Ok(Some(file)) = self.events_file() else { return done(self) };
            let _ = io::read_to_string(&file);
            if done(self) {
                return true;
            }
            let left = until.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return false;
            }
            let left = PollTimeout::try_from(left + std::time::Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
            let _ = poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLPRI)], left);
        }
    }

    /// The processes in it and beneath it, as far as the caller's pid namespace shows them.
    pub fn processes(&self) -> Vec<Pid> {
        let mut found = Vec::new();
        if let Some(dir) = self.unified() {
            walk::processes(&dir, &mut found);
        }
        found
    }

    /// The names of the groups right beneath it, on cgroup2.
    pub fn children(&self) -> Vec<String> {
        let Some(entries) = self.unified().and_then(|d| fs::read_dir(d).ok()) else { return Vec::new() };
        entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).filter_map(|e| e.file_name().into_string().ok()).collect()
    }

    /// Gives the group to `uid`:`gid`: the directory and the files that move processes and make groups beneath it, nothing that
    /// limits it ("Model of Delegation", cgroup-v2.rst; `/sys/kernel/cgroup/delegate`).
    pub fn delegate(&self, uid: u32, gid: u32) -> io::Result<()> {
        const FALL_BACK: &str = "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\nmemory.oom.group\nmemory.reclaim\n";
        let delegate = fs::read_to_string("/sys/kernel/cgroup/delegate").unwrap_or_else(|_| FALL_BACK.to_owned());
        for (hierarchy, dir) in self.directories() {
            std::os::unix::fs::chown(&dir, Some(uid), Some(gid))?;
            let files: Vec<&str> = match hierarchy.generation() {
                Generation::V2 => delegate.lines().collect(),
                Generation::V1 => vec!["cgroup.procs", "tasks"],
            };
            for file in files {
                match std::os::unix::fs::chown(dir.join(file), Some(uid), Some(gid)) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The generation that `controller` is on for this group; `None` when no hierarchy has it.
    pub fn generation(&self, controller: &str) -> Option<Generation> {
        self.hierarchies.of(controller).map(Hierarchy::generation)
    }

    /// Reads a file of `controller`: `v2` or `v1` is its name by generation. `None` when there is no such file.
    pub fn read(&self, controller: &str, v2: &str, v1: &str) -> Option<String> {
        let hierarchy = self.hierarchies.of(controller)?;
        let name = match hierarchy.generation() {
            Generation::V2 => v2,
            Generation::V1 => v1,
        };
        fs::read_to_string(self.directory(hierarchy).join(name)).ok()
    }

    /// Reads a file of cgroup2 itself, such as `cpu.stat`, `cgroup.stat`, `memory.pressure`, which need no controller.
    pub fn read_unified(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.unified()?.join(name)).ok()
    }

    /// Sets one limit on the hierarchy that owns its controller.
    pub fn set(&self, setting: &Setting) -> Result<(), NotSet> {
        let name = setting.controller();
        // The one that has another name there.
        let old = if name == "io" { "blkio" } else { name };
        let hierarchy = self.hierarchies.of(name).or_else(|| self.hierarchies.of(old)).ok_or(NotSet::NoController(name))?;
        setting.write(hierarchy.generation(), &self.directory(hierarchy))
    }
}
