//! Namespaces by descriptor. namespaces(7), setns(2), user_namespaces(7).

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::Pid;

use crate::spawn::{self, Plan};

/// The kinds that a container has of its own, by their name under `/proc/PID/ns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// user_namespaces(7)
    User,
    /// mount_namespaces(7)
    Mount,
    /// pid_namespaces(7)
    Pid,
    /// uts_namespaces(7)
    Uts,
    /// ipc_namespaces(7)
    Ipc,
    /// network_namespaces(7)
    Net,
    /// cgroup_namespaces(7)
    Cgroup,
    /// time_namespaces(7)
    Time,
}

impl Kind {
    /// All of them, in the order in which a joiner enters: the user namespace first, for the others are its property.
    pub const ALL: [Self; 8] = [Self::User, Self::Cgroup, Self::Ipc, Self::Uts, Self::Net, Self::Pid, Self::Time, Self::Mount];

    /// Its file under `/proc/PID/ns`.
    pub fn file(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Mount => "mnt",
            Self::Pid => "pid",
            Self::Uts => "uts",
            Self::Ipc => "ipc",
            Self::Net => "net",
            Self::Cgroup => "cgroup",
            Self::Time => "time",
        }
    }

    /// Its `CLONE_NEW*` flag.
    pub fn flag(self) -> CloneFlags {
        match self {
            Self::User => CloneFlags::CLONE_NEWUSER,
            Self::Mount => CloneFlags::CLONE_NEWNS,
            Self::Pid => CloneFlags::CLONE_NEWPID,
            Self::Uts => CloneFlags::CLONE_NEWUTS,
            Self::Ipc => CloneFlags::CLONE_NEWIPC,
            Self::Net => CloneFlags::CLONE_NEWNET,
            Self::Cgroup => CloneFlags::CLONE_NEWCGROUP,
            Self::Time => CloneFlags::from_bits_retain(0x80),
        }
    }
}

/// The namespace of `kind` that `pid` lives in.
pub fn of(pid: Pid, kind: Kind) -> io::Result<OwnedFd> {
    File::open(format!("/proc/{pid}/ns/{}", kind.file())).map(OwnedFd::from)
}

/// The namespace of `kind` that the caller lives in.
pub fn own(kind: Kind) -> io::Result<OwnedFd> {
    File::open(format!("/proc/self/ns/{}", kind.file())).map(OwnedFd::from)
}

/// setns(2). The caller must have one thread.
pub fn enter(namespace: impl AsFd, kind: Kind) -> Result<(), Errno> {
    setns(namespace, kind.flag())
}

/// unshare(2). The caller must have one thread.
pub fn leave(kind: Kind) -> Result<(), Errno> {
    unshare(kind.flag())
}

/// One line of `uid_map`/`gid_map`: `count` ids from 0 inside are `base`… outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRange {
    /// First id outside.
    pub base: u32,
    /// How many.
    pub count: u32,
}

/// Writes both maps of the user namespace that `pid` was born into; user_namespaces(7), "Defining user and group ID mappings".
pub fn write_id_maps(pid: Pid, range: IdRange) -> io::Result<()> {
    let line = format!("0 {} {}\n", range.base, range.count);
    fs::write(format!("/proc/{pid}/uid_map"), &line)?;
    fs::write(format!("/proc/{pid}/gid_map"), &line)
}

/// A new namespace of `kind` with nobody in it. One of a kind that begins with its next member (pid, time) is not to be had so.
pub fn empty(kind: Kind) -> io::Result<OwnedFd> {
    let gate = spawn::Gate::new()?;
    let steps = [gate.step()];
    let child = spawn::spawn(&Plan { namespaces: kind.flag(), cgroup: None, steps: &steps })?;
    let made = of(child.pid, kind);
    child.end()?;
    made
}

/// A user namespace with this map and nobody in it: what an id-mapped mount refers to (mount_setattr(2)).
pub fn id_map(range: IdRange) -> io::Result<OwnedFd> {
    let gate = spawn::Gate::new()?;
    let steps = [gate.step()];
    let child = spawn::spawn(&Plan { namespaces: CloneFlags::CLONE_NEWUSER, cgroup: None, steps: &steps })?;
    let made = write_id_maps(child.pid, range).and_then(|()| of(child.pid, Kind::User));
    child.end()?;
    made
}
