//! The steps: data made by the parent, with everything resolved.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::sched::CloneFlags;
use nix::sys::resource::Resource;
use nix::unistd::{Gid, Uid};

use super::Stage;
use super::graft::{Graft, Material, Propagation, Slot, Slots};
use crate::identity::Capabilities;
use crate::mount::Attributes;
use crate::namespace::Kind;
use crate::seccomp::Program;

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePolicy {
    /// It is replaced.
    Always,
    /// It is replaced, unless this line is among its first 4 KiB: then its owner wants to keep it.
    UnlessLine(&'static str),
    /// It is left.
    IfAbsent,
}

/// One act between clone and exec.
///
/// Paths named `place` are beneath the directory `root` (relative to the working directory) and resolved by openat2(2) with
/// `RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS`: a guest's tree cannot lead a mount elsewhere.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the fields are those of the system call named
pub enum Step<'a> {
    /// Waits until the parent opens the gate; made by [`super::Gate::step`].
    Gate { wait: BorrowedFd<'a>, hold: BorrowedFd<'a> },
    /// Writes "0" to one of [`crate::cgroup::Group::entrances`]: joins that cgroup.
    JoinCgroup(BorrowedFd<'a>),
    /// unshare(2).
    Unshare(CloneFlags),
    /// setns(2).
    Setns(BorrowedFd<'a>, CloneFlags),
    /// setsid(2).
    NewSession,
    /// `TIOCSCTTY` on descriptor 0; ioctl_tty(2).
    ControllingTerminal,
    /// Makes a terminal fit for the next person: what the last one typed is dropped, its modes are usual ones, and whoever else has it open
    /// loses it (`TIOCVHANGUP`; only where this is the machine's root: elsewhere the end of the last one's cgroup has seen to that). It has so many
    /// rows and columns (`TIOCSWINSZ`; 0 leaves them). Soft.
    FreshTerminal { path: CString, reset: bool, hang_up: bool, rows: u16, columns: u16 },
    /// `PR_SET_DUMPABLE` 0: nobody of the same uid may look into this process; prctl(2).
    NotDumpable,
    /// `PR_SET_PDEATHSIG` SIGKILL: ends when its parent does. A change of user takes that off again (prctl(2)), so it is asked for once more after one.
    DieWithParent,
    /// Fails (`ESRCH`) unless the parent has this number here, 0 when it is outside the pid namespace: it may have ended before the step above.
    ParentIs(libc::pid_t),
    /// sethostname(2).
    Hostname(CString),
    /// setrlimit(2), soft and hard; a hard limit above the inherited one is cut to that.
    Limit(Resource, u64, u64),
    /// setrlimit(2) as it is written; `EPERM` where a hard limit may not be raised.
    LimitExactly(Resource, u64, u64),
    /// setpriority(2).
    Nice(i32),
    /// ioprio_set(2): the class above bit 13, the priority in it below.
    IoPriority(u16),
    /// sched_setscheduler(2).
    Scheduler { policy: i32, priority: i32 },
    /// sched_setaffinity(2): a bit for each CPU, the first lowest.
    Affinity(Vec<u64>),
    /// `PR_SET_TIMERSLACK`, nanoseconds.
    TimerSlack(u64),
    /// Writes `/proc/self/coredump_filter`; core(5).
    CoredumpFilter(CString),
    /// set_mempolicy(2): `MPOL_…`, and a bit for each memory node.
    MemoryPolicy { mode: i32, nodes: Vec<u64> },
    /// `PR_SET_MEMORY_MERGE` (Linux 6.4; programs keep it from 6.7 on): pages like others' are merged.
    MergeMemory(bool),
    /// personality(2).
    Personality(u32),
    /// Writes `/proc/self/oom_score_adj`; lowering without CAP_SYS_RESOURCE is passed over.
    OomScore(CString),
    /// umask(2).
    Umask(libc::mode_t),
    /// dup2(2) of a descriptor onto a number, without close-on-exec.
    Inherit(BorrowedFd<'a>, i32),
    /// dup2(2) of descriptors onto numbers of their own, without close-on-exec; sd_listen_fds(3) wants 3, 4, 5 and so on. Must follow `CloseOthers`,
    /// and steps that name a descriptor above 2 must come before.
    HandOver(Vec<Handed<'a>>),
    /// open(2) with `flags` onto a number.
    Open { path: CString, flags: i32, mode: u32, number: i32 },
    /// mount(2) of an overlay on `place`; the options name their directories relative to the working directory.
    Overlay { options: CString, place: CString },
    /// Binds the mount or file at `from` (relative to the working directory) on `place` beneath `root`: open_tree(2), move_mount(2).
    Bind { from: CString, recursive: bool, root: CString, place: CString },
    /// Takes the mount at `path` away, lazily; none there is fine. umount2(2).
    Detach(CString),
    /// A new file system on `place` beneath `root`: fsopen(2), fsmount(2). A value of `None` is a flag.
    NewFs { kind: &'static CStr, options: Vec<(CString, Option<CString>)>, attributes: Attributes, root: CString, place: CString },
    /// mkdirat(2) of `name` in `place` beneath `root`; there already is fine.
    MakeDir { root: CString, place: CString, name: CString, mode: u32 },
    /// Makes the directory `path` the root and lets go of the old one: pivot_root(2), umount2(2).
    PivotRoot(CString),
    /// Writes a file by write-and-rename, resolved inside the present root; its directory must exist.
    WriteFile { path: CString, temporary: CString, text: Vec<u8>, mode: u32, policy: FilePolicy },
    /// chdir(2); then getcwd(2) must be beneath the root (CVE-2024-21626).
    Chdir(CString),
    /// Like `Chdir`, but the root directory where that fails.
    ChdirOrRoot(CString),
    /// setgroups(2), setresgid(2).
    Groups { gid: Gid, groups: Vec<Gid> },
    /// setresuid(2). Kept capabilities stay permitted until the program is executed, for the steps after this one.
    User { uid: Uid, keep_capabilities: bool },
    /// `PR_SET_SECUREBITS`; capabilities(7).
    SecureBits(u32),
    /// Makes these inheritable and ambient: a program that is not root's keeps them. They must be permitted.
    Ambient(Capabilities),
    /// setgroups(2), setresgid(2), setresuid(2).
    Identity { uid: Uid, gid: Gid, groups: Vec<Gid>, keep_capabilities: bool },
    /// Cuts the bounding set to these and empties the inheritable and ambient sets; capabilities(7).
    Bound(Capabilities),
    /// `PR_SET_NO_NEW_PRIVS`.
    NoNewPrivileges,
    /// All signals to default and none blocked; SIGPIPE too, which Rust ignores.
    DefaultSignals,
    /// This signal is ignored, by the program too unless it says otherwise. Comes after `DefaultSignals`.
    Ignore(i32),
    /// Filters its system calls from here on; whatever follows must be allowed by it. seccomp(2).
    Filter(Program),
    /// Takes a copy of the mount at `path` (or of all beneath it too) before others change it; open_tree(2). With `optional` it may be missing.
    Keep { path: CString, recursive: bool, optional: bool, slot: Slot },
    /// Mounts something of its own; open_tree(2), mount_setattr(2), move_mount(2).
    Graft(Graft),
    /// symlink(2); there already is fine.
    SymbolicLink { target: CString, path: CString },
    /// How all mounts propagate; mount(2).
    Propagate(Propagation),
    /// `lo` of a new network namespace is up; netdevice(7).
    LoopbackUp,
    /// A user namespace of its own with these maps; user_namespaces(7).
    OwnUsers { uid_map: Vec<u8>, gid_map: Vec<u8> },
    /// Marks all descriptors from 3 on close-on-exec; those of `Inherit` and `Open` above 2 must follow this step.
    CloseOthers,
    /// Closes all descriptors from 3 on, but the one for reports: from here on no path of a guest (`/proc/self/fd/N/..`) leads out through one
    /// (CVE-2024-21626). Steps that name a descriptor come before.
    CloseAll,
    /// A new, empty session keyring: the caller's, whose keys whoever inherits it may read, is left behind. keyctl(2),
    /// session-keyring(7). Passed over where the kernel has no keys, or lets nobody here use them.
    NewKeyring,
    /// The user's keyring is linked into the session's; keyrings(7).
    LinkUserKeyring,
    /// A step without which the child goes on; see [`super::Told::PassedOver`].
    Soft(Box<Step<'a>>),
    /// Gives birth to the rest of the plan and ends with its exit status: what a joiner of a pid namespace needs. See setns(2).
    /// Until then SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1 and SIGUSR2 go on to the child, and to its process group if it leads one.
    ForkAndFollow,
    /// execve(2) of the first of `programs` that exists.
    Exec { programs: Vec<CString>, argv: Pointers, envp: Pointers },
}

/// A descriptor to be handed over by [`Step::HandOver`].
#[derive(Debug, Clone)]
pub struct Handed<'a> {
    pub(super) fd: BorrowedFd<'a>,
    pub(super) number: RawFd,
    /// Where the child has moved it meanwhile.
    pub(super) moved: Cell<RawFd>,
}

impl<'a> Handed<'a> {
    /// This one, under this number.
    pub fn new(fd: BorrowedFd<'a>, number: RawFd) -> Self {
        Self { fd, number, moved: Cell::new(-1) }
    }
}

/// A null-terminated array of C strings, as execve(2) wants it.
#[derive(Debug)]
pub struct Pointers {
    pointers: Vec<*const libc::c_char>,
    // Held for what the pointers point to; a CString's text does not move with it.
    strings: Vec<CString>,
    own_pid: Vec<OwnPid>,
}

/// `NAME=` and room for the number that only the child knows.
#[derive(Debug, Clone)]
struct OwnPid {
    name: usize,
    text: Box<[Cell<u8>]>,
}

/// Digits of the largest pid, 2^22 (proc(5), `pid_max`), and more.
const DIGITS: usize = 10;

impl Pointers {
    /// Owns `strings`.
    pub fn new(strings: Vec<CString>) -> Self {
        Self::of(strings, Vec::new())
    }

    /// Owns `strings`, and adds variables whose value is the process's own pid: `LISTEN_PID`, of which sd_listen_fds(3) wants to be sure.
    pub fn with_own_pid(strings: Vec<CString>, names: &[&str]) -> Self {
        let room = |name: &str| OwnPid {
            name: name.len() + 1,
            // Ends in a NUL whatever is filled in.
            text: name.bytes().chain([b'=']).chain([0; DIGITS + 1]).map(Cell::new).collect(),
        };
        Self::of(strings, names.iter().copied().map(room).collect())
    }

    fn of(strings: Vec<CString>, own_pid: Vec<OwnPid>) -> Self {
        let variables = own_pid.iter().map(|own| own.text.as_ptr().cast());
        let pointers = strings.iter().map(|s| s.as_ptr()).chain(variables).chain([std::ptr::null()]).collect();
        Self { pointers, strings, own_pid }
    }

    /// Writes the number where [`Pointers::with_own_pid`] has left room. Called by the child, in its own copy.
    pub(super) fn fill_in(&self, pid: libc::pid_t) {
        for own in &self.own_pid {
            let Some(room) = own.text.get(own.name..own.name + DIGITS) else { continue };
            let mut rest = pid.unsigned_abs();
            let digits = usize::try_from(rest.checked_ilog10().unwrap_or(0)).map_or(DIGITS, |n| n + 1);
            for digit in room.iter().take(digits).rev() {
                digit.set(b'0' + u8::try_from(rest % 10).unwrap_or(0));
                rest /= 10;
            }
        }
    }

    pub(crate) fn as_ptr(&self) -> *const *const libc::c_char {
        self.pointers.as_ptr()
    }
}

impl Clone for Pointers {
    fn clone(&self) -> Self {
        Self::of(self.strings.clone(), self.own_pid.clone())
    }
}

/// A copy of a plan's steps that has nothing in common with them.
pub(super) fn copy<'a>(steps: &[Step<'a>]) -> Vec<Step<'a>> {
    let mut copies = steps.to_vec();
    let mut slots = Slots::default();
    for step in &mut copies {
        step.renew(&mut slots);
    }
    copies
}

impl Step<'_> {
    fn renew(&mut self, slots: &mut Slots) {
        match self {
            Self::Keep { slot, .. } | Self::Graft(Graft { what: Material::Kept(slot), .. }) => slots.renew(slot),
            Self::Soft(inner) => inner.renew(slots),
            _ => {}
        }
    }

    /// The kind of this step.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Gate { .. } | Self::ForkAndFollow => Stage::Gate,
            Self::JoinCgroup(_) => Stage::Cgroup,
            Self::Inherit(..) | Self::HandOver(_) | Self::Open { .. } | Self::CloseOthers | Self::CloseAll => Stage::Descriptors,
            Self::Limit(..)
            | Self::LimitExactly(..)
            | Self::Nice(_)
            | Self::OomScore(_)
            | Self::Umask(_)
            | Self::IoPriority(_)
            | Self::Scheduler { .. }
            | Self::Affinity(_)
            | Self::TimerSlack(_)
            | Self::CoredumpFilter(_)
            | Self::MemoryPolicy { .. }
            | Self::MergeMemory(_)
            | Self::Personality(_) => Stage::Limits,
            Self::Soft(inner) => inner.stage(),
            Self::Filter(_) => Stage::Filter,
            Self::Keep { .. } | Self::SymbolicLink { .. } | Self::Graft(_) | Self::Propagate(_) => Stage::Mounts,
            Self::Overlay { .. } | Self::Bind { .. } | Self::NewFs { .. } | Self::MakeDir { .. } | Self::Detach(_) | Self::PivotRoot(_) => {
                Stage::Mounts
            }
            Self::WriteFile { .. } => Stage::Files,
            Self::Unshare(_)
            | Self::Setns(..)
            | Self::NewSession
            | Self::NewKeyring
            | Self::LinkUserKeyring
            | Self::LoopbackUp
            | Self::OwnUsers { .. }
            | Self::Ignore(_)
            | Self::ControllingTerminal
            | Self::FreshTerminal { .. }
            | Self::Hostname(_)
            | Self::DieWithParent
            | Self::ParentIs(_)
            | Self::DefaultSignals => Stage::Namespaces,
            Self::Identity { .. }
            | Self::Groups { .. }
            | Self::User { .. }
            | Self::Bound(_)
            | Self::SecureBits(_)
            | Self::Ambient(_)
            | Self::NoNewPrivileges
            | Self::NotDumpable => Stage::Identity,
            Self::Chdir(_) | Self::ChdirOrRoot(_) => Stage::Directory,
            Self::Exec { .. } => Stage::Exec,
        }
    }
}

impl std::fmt::Display for Step<'_> {
    /// One line of a printed plan.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gate { .. } => write!(f, "wait for the parent"),
            Self::JoinCgroup(fd) => write!(f, "join cgroup (descriptor {})", fd.as_raw_fd()),
            Self::Unshare(flags) => write!(f, "unshare{}", words(*flags)),
            Self::Setns(_, flags) => write!(f, "setns{}", words(*flags)),
            Self::NewSession => write!(f, "new session"),
            Self::FreshTerminal { path, .. } => write!(f, "make the terminal {} fit for the next person", path.to_string_lossy()),
            Self::ControllingTerminal => write!(f, "take descriptor 0 as controlling terminal"),
            Self::NotDumpable => write!(f, "not dumpable"),
            Self::DieWithParent => write!(f, "die with the parent"),
            Self::ParentIs(0) => write!(f, "still the child of a process outside"),
            Self::ParentIs(pid) => write!(f, "still the child of {pid}"),
            Self::Hostname(name) => write!(f, "hostname {}", show(name)),
            Self::Limit(what, soft, hard) | Self::LimitExactly(what, soft, hard) => write!(f, "rlimit {what:?} {soft}:{hard}"),
            Self::Nice(n) => write!(f, "nice {n}"),
            Self::IoPriority(value) => write!(f, "io priority {}:{}", value >> 13, value & 0x1fff),
            Self::Scheduler { policy, priority } => write!(f, "schedule {policy:#x}, priority {priority}"),
            Self::Affinity(mask) => write!(f, "processors {mask:x?}"),
            Self::TimerSlack(span) => write!(f, "timer slack {span} ns"),
            Self::CoredumpFilter(bits) => write!(f, "core dumps have {}", show(bits)),
            Self::MemoryPolicy { mode, nodes } => write!(f, "memory policy {mode}, nodes {nodes:x?}"),
            Self::MergeMemory(merged) => write!(f, "memory is merged: {merged}"),
            Self::Personality(value) => write!(f, "personality {value:#x}"),
            Self::Groups { gid, .. } => write!(f, "become gid {gid}"),
            Self::User { uid, .. } => write!(f, "become uid {uid}"),
            Self::SecureBits(bits) => write!(f, "secure bits {bits:#x}"),
            Self::Ambient(set) => write!(f, "ambient capabilities {set}"),
            Self::Ignore(signal) => write!(f, "ignore signal {signal}"),
            Self::Filter(program) => write!(f, "filter system calls, {} instructions", program.length()),
            Self::Keep { path, .. } => write!(f, "keep {}", show(path)),
            Self::Graft(graft) => match &graft.what {
                Material::Kept(_) => write!(f, "mount what was kept on {} (+{} -{})", show(&graft.on), graft.set, graft.clear),
                Material::Itself => write!(f, "remount {} (+{} -{})", show(&graft.on), graft.set, graft.clear),
                Material::New { kind, .. } => write!(f, "mount {} on {} ({})", show(kind), show(&graft.on), graft.set),
            },
            Self::SymbolicLink { target, path } => write!(f, "link {} to {}", show(path), show(target)),
            Self::Propagate(how) => write!(f, "mounts are {how:?}"),
            Self::LoopbackUp => write!(f, "loopback up"),
            Self::OwnUsers { .. } => write!(f, "a user namespace of its own"),
            Self::LinkUserKeyring => write!(f, "link the user's keyring"),
            Self::Soft(inner) => write!(f, "if it can be had: {inner}"),
            Self::OomScore(n) => write!(f, "oom score {}", show(n)),
            Self::Umask(mask) => write!(f, "umask {mask:03o}"),
            Self::Inherit(_, number) => write!(f, "descriptor {number} inherited"),
            Self::HandOver(handed) => write!(f, "{} descriptors handed over", handed.len()),
            Self::Open { path, number, .. } => write!(f, "descriptor {number} = {}", show(path)),
            Self::Overlay { options, place } => write!(f, "mount overlay on {} ({})", show(place), show(options)),
            Self::Bind { from, root, place, .. } => write!(f, "mount {} on {}/{}", show(from), show(root), show(place)),
            Self::NewFs { kind, options, attributes, root, place } => {
                write!(f, "mount {} on {}/{} ({attributes}", show(kind), show(root), show(place))?;
                for (key, value) in options {
                    write!(f, ",{}", show(key))?;
                    if let Some(value) = value {
                        write!(f, "={}", show(value))?;
                    }
                }
                f.write_str(")")
            }
            Self::MakeDir { place, name, mode, .. } => write!(f, "make directory {}/{} {mode:04o}", show(place), show(name)),
            Self::Detach(path) => write!(f, "unmount {}", show(path)),
            Self::PivotRoot(path) => write!(f, "pivot root to {}", show(path)),
            Self::WriteFile { path, text, mode, policy, .. } => {
                let when = match policy {
                    FilePolicy::Always => String::new(),
                    FilePolicy::IfAbsent => ", if it is not there".into(),
                    FilePolicy::UnlessLine(line) => format!(", unless it has a line {}", line),
                };
                write!(f, "write {} ({} bytes, {mode:04o}{when})", show(path), text.len())
            }
            Self::Chdir(path) | Self::ChdirOrRoot(path) => write!(f, "chdir {}", show(path)),
            Self::Identity { uid, gid, .. } => write!(f, "become uid {uid} gid {gid}"),
            Self::Bound(set) => write!(f, "keep capabilities {set}"),
            Self::NoNewPrivileges => write!(f, "no new privileges"),
            Self::DefaultSignals => write!(f, "default signals"),
            Self::CloseOthers => write!(f, "close other descriptors"),
            Self::CloseAll => write!(f, "close all descriptors from 3 on"),
            Self::NewKeyring => write!(f, "new session keyring"),
            Self::ForkAndFollow => write!(f, "fork into the pid namespace"),
            Self::Exec { programs, .. } => write!(f, "exec {}", programs.first().map(|p| show(p)).unwrap_or_default()),
        }
    }
}

/// The namespaces by their names in `/proc/PID/ns`.
fn words(flags: CloneFlags) -> String {
    Kind::ALL.into_iter().filter(|kind| flags.contains(kind.flag())).map(|kind| format!(" {}", kind.file())).collect()
}

fn show(text: &CStr) -> std::borrow::Cow<'_, str> {
    text.to_string_lossy()
}
