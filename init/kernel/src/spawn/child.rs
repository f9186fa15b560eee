//! The child's side: walks the steps. Nothing here allocates, locks or unwinds.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::errno::Errno;

use super::step::{FilePolicy, Handed, Step};
use super::{ENDED, Failure, PASSED_OVER, graft, own};
use crate::mount::{self, Tree};
use crate::{identity, raw, terminal};

/// What a step leads to.
enum Next {
    /// The step after it.
    Go,
    /// The end of this process, told to nobody: its parent no longer wants it.
    End(i32),
}

/// Walks `steps`, then ends with status 0; tells `report` of a step that failed and ends with status 70 (EX_SOFTWARE, sysexits.h).
pub(super) fn run(steps: &[Step<'_>], unused: RawFd, mut report: RawFd) -> ! {
    // SAFETY: the child's copy of the parent's end; nobody in the child owns it, for `spawn` never returns here.
    unsafe { libc::close(unused) };
    for (index, step) in steps.iter().enumerate() {
        let (step, mark) = match step {
            Step::Soft(inner) => (&**inner, PASSED_OVER),
            step => (step, ENDED),
        };
        match perform(step, &mut report) {
            Ok(Next::Go) => {}
            Ok(Next::End(status)) => end(status),
            Err(errno) => {
                let index = u16::try_from(index).unwrap_or(u16::MAX);
                let bytes = Failure { stage: step.stage(), step: index, errno }.to_bytes(mark);
                // SAFETY: `bytes` lives through the call. A parent that is gone wants no report.
                unsafe { libc::write(report, bytes.as_ptr().cast(), bytes.len()) };
                if mark == ENDED {
                    end(70)
                }
            }
        }
    }
    end(0)
}

fn end(status: i32) -> ! {
    // SAFETY: _exit(2) runs no handlers of the parent's.
    unsafe { libc::_exit(status) }
}

fn check(result: libc::c_int) -> Result<(), Errno> {
    Errno::result(result).map(drop)
}

fn perform(step: &Step<'_>, report: &mut RawFd) -> Result<Next, Errno> {
    match step {
        Step::Gate { wait, hold } => return gate(*wait, *hold),
        Step::JoinCgroup(procs) => write_all(procs.as_raw_fd(), b"0")?,
        // SAFETY: unshare(2) takes no memory.
        Step::Unshare(flags) => check(unsafe { libc::unshare(flags.bits()) })?,
        // SAFETY: setns(2) takes no memory.
        Step::Setns(fd, flags) => check(unsafe { libc::setns(fd.as_raw_fd(), flags.bits()) })?,
        // SAFETY: setsid(2) takes nothing. EPERM means that this is a session leader already.
        Step::NewSession => match check(unsafe { libc::setsid() }) {
            Ok(()) | Err(Errno::EPERM) => {}
            Err(e) => return Err(e),
        },
        // SAFETY: TIOCSCTTY takes a number.
        Step::ControllingTerminal => check(unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) })?,
        Step::FreshTerminal { path, reset, hang_up, rows, columns } => terminal::refresh(path, *reset, *hang_up, [*rows, *columns]),
        // SAFETY: this prctl(2) takes numbers.
        Step::NotDumpable => check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) })?,
        // SAFETY: this prctl(2) takes numbers.
        Step::DieWithParent => check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) })?,
        // SAFETY: getppid(2) takes nothing and cannot fail.
        Step::ParentIs(pid) if unsafe { libc::getppid() } == *pid => {}
        Step::ParentIs(_) => return Err(Errno::ESRCH),
        // SAFETY: the name lives through the call and has that length.
        Step::Hostname(name) => check(unsafe { libc::sethostname(name.as_ptr(), name.as_bytes().len()) })?,
        Step::Limit(what, soft, hard) => limit(*what as u32, *soft, *hard)?,
        Step::LimitExactly(what, soft, hard) => set_limit(*what as u32, *soft, *hard)?,
        // SAFETY: setpriority(2) takes numbers.
        Step::Nice(n) => check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, *n) })?,
        Step::IoPriority(value) => own::io_priority(*value)?,
        Step::Scheduler { policy, priority } => own::scheduler(*policy, *priority)?,
        Step::Affinity(mask) => own::affinity(mask)?,
        // SAFETY: this prctl(2) takes numbers.
        Step::TimerSlack(span) => check(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, *span, 0, 0, 0) })?,
        Step::CoredumpFilter(bits) => write_file(c"/proc/self/coredump_filter", bits.as_bytes())?,
        Step::MemoryPolicy { mode, nodes } => own::memory_policy(*mode, nodes)?,
        // SAFETY: this prctl(2) takes numbers.
        Step::MergeMemory(merged) => check(unsafe { libc::prctl(own::PR_SET_MEMORY_MERGE, libc::c_ulong::from(*merged), 0, 0, 0) })?,
        // SAFETY: personality(2) takes a number.
        Step::Personality(value) => check(unsafe { libc::personality(libc::c_ulong::from(*value)) })?,
        Step::OomScore(text) => match write_file(c"/proc/self/oom_score_adj", text.as_bytes()) {
            Ok(()) | Err(Errno::EACCES | Errno::EPERM) => {}
            Err(e) => return Err(e),
        },
        // SAFETY: umask(2) takes a number and cannot fail.
        Step::Umask(mask) => drop(unsafe { libc::umask(*mask) }),
        Step::Inherit(fd, number) => place(fd.as_raw_fd(), *number)?,
        Step::HandOver(handed) => hand_over(handed, report)?,
        Step::Open { path, flags, mode, number } => open_at_number(path, *flags, *mode, *number)?,
        Step::Overlay { options, place } => {
            let kind = c"overlay".as_ptr();
            // SAFETY: all pointers are C strings that live through the call.
            check(unsafe { libc::mount(kind, place.as_ptr(), kind, 0, options.as_ptr().cast()) })?;
        }
        Step::Bind { from, recursive, root, place } => {
            let tree = Tree::clone_of(cwd(), from, *recursive)?;
            tree.attach(mount::place_beneath(root, place)?.as_fd())?;
        }
        Step::NewFs { kind, options, attributes, root, place } => {
            let options = options.iter().map(|(k, v)| (k.as_c_str(), v.as_deref()));
            Tree::new(kind, options, *attributes)?.attach(mount::place_beneath(root, place)?.as_fd())?;
        }
        Step::MakeDir { root, place, name, mode } => {
            let at = mount::place_beneath(root, place)?;
            // SAFETY: `name` is a C string; the directory was resolved beneath the root, and mkdirat(2) follows no link.
            match check(unsafe { libc::mkdirat(at.as_raw_fd(), name.as_ptr(), *mode) }) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(e) => return Err(e),
            }
        }
        // SAFETY: `path` is a C string.
        Step::Detach(path) => match check(unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH | libc::UMOUNT_NOFOLLOW) }) {
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(e) => return Err(e),
        },
        Step::PivotRoot(path) => pivot(path)?,
        Step::WriteFile { path, temporary, text, mode, policy } => write_and_rename(path, temporary, text, *mode, *policy)?,
        Step::Chdir(path) => chdir(path)?,
        Step::ChdirOrRoot(path) => chdir(path).or_else(|_| chdir(c"/"))?,
        Step::Identity { uid, gid, groups, keep_capabilities } => {
            identity::become_ids(uid.as_raw(), gid.as_raw(), groups, *keep_capabilities)?;
        }
        Step::Groups { gid, groups } => identity::become_group(gid.as_raw(), groups)?,
        Step::User { uid, keep_capabilities } => identity::become_user(uid.as_raw(), *keep_capabilities)?,
        Step::SecureBits(bits) => identity::secure_bits(*bits)?,
        Step::Ambient(set) => identity::ambient(*set)?,
        Step::Bound(set) => identity::bound(*set)?,
        // SAFETY: this prctl(2) takes numbers.
        Step::NoNewPrivileges => check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?,
        Step::DefaultSignals => default_signals(),
        // SAFETY: SIG_IGN needs no memory.
        Step::Ignore(signal) => drop(unsafe { libc::signal(*signal, libc::SIG_IGN) }),
        Step::Filter(program) => {
            identity::all_permitted_effective()?;
            program.install()?;
        }
        Step::Keep { path, recursive, optional, slot } => graft::keep(path, *recursive, *optional, slot)?,
        Step::Graft(graft) => graft::graft(graft)?,
        // SAFETY: both are C strings.
        Step::SymbolicLink { target, path } => match check(unsafe { libc::symlink(target.as_ptr(), path.as_ptr()) }) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(e) => return Err(e),
        },
        Step::Propagate(how) => graft::propagate(*how)?,
        Step::LoopbackUp => own::loopback_up()?,
        Step::OwnUsers { uid_map, gid_map } => own::users(uid_map, gid_map)?,
        Step::LinkUserKeyring => own::link_user_keyring()?,
        Step::Soft(inner) => return perform(inner, report),
        Step::CloseOthers => raw::close_range_cloexec(3)?,
        Step::CloseAll => close_all_but(*report)?,
        Step::NewKeyring => new_keyring()?,
        Step::ForkAndFollow => return fork_and_follow(),
        Step::Exec { programs, argv, envp } => {
            let mut errno = Errno::ENOENT;
            // SAFETY: getpid(2) takes nothing and cannot fail.
            envp.fill_in(unsafe { libc::getpid() });
            for program in programs {
                // SAFETY: `program` is a C string, `argv` and `envp` end in null: `Pointers::new`, their only constructor, saw to it.
                unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
                match Errno::last() {
                    Errno::ENOENT | Errno::ENOTDIR => {}
                    // As execvp(3): go on looking, yet tell of the one that was there.
                    Errno::EACCES => errno = Errno::EACCES,
                    other => return Err(other),
                }
            }
            return Err(errno);
        }
    }
    Ok(Next::Go)
}

fn cwd() -> BorrowedFd<'static> {
    mount::working_directory()
}

fn gate(wait: BorrowedFd<'_>, hold: BorrowedFd<'_>) -> Result<Next, Errno> {
    // The child's copy of the parent's end must go, or the parent's death would not be seen.
    // SAFETY: nobody in the child uses it after this.
    unsafe { libc::close(hold.as_raw_fd()) };
    let mut byte = 0_u8;
    loop {
        // SAFETY: one byte of our own.
        match Errno::result(unsafe { libc::read(wait.as_raw_fd(), std::ptr::from_mut(&mut byte).cast(), 1) }) {
            Ok(0) => return Ok(Next::End(0)),
            Ok(_) => return Ok(Next::Go),
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
}

fn write_all(fd: RawFd, bytes: &[u8]) -> Result<(), Errno> {
    let mut rest = bytes;
    while !rest.is_empty() {
        // SAFETY: `rest` lives through the call and has that length.
        match Errno::result(unsafe { libc::write(fd, rest.as_ptr().cast(), rest.len()) }) {
            Ok(n) => rest = rest.get(n.cast_unsigned()..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn open(path: &CStr, flags: i32, mode: u32) -> Result<RawFd, Errno> {
    // SAFETY: `path` is a C string.
    Errno::result(unsafe { libc::open(path.as_ptr(), flags, mode) })
}

fn close(fd: RawFd) {
    // SAFETY: called only with descriptors that the same function opened.
    unsafe { libc::close(fd) };
}

fn close_all_but(kept: RawFd) -> Result<(), Errno> {
    let kept = kept.cast_unsigned();
    for (first, last) in [(3, kept.saturating_sub(1)), (kept.saturating_add(1).max(3), u32::MAX)] {
        if first <= last {
            // SAFETY: the child's copies, which no later step names: the plan says so.
            Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
        }
    }
    Ok(())
}

fn new_keyring() -> Result<(), Errno> {
    const JOIN_SESSION_KEYRING: libc::c_int = 1;
    // SAFETY: without a name this operation takes no memory.
    match Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, 0, 0, 0, 0) }) {
        // Where a filter forbids keyctl(2), those who inherit the filter cannot read a key either.
        Ok(_) | Err(Errno::ENOSYS | Errno::EPERM) => Ok(()),
        Err(e) => Err(e),
    }
}

fn write_file(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let fd = open(path, libc::O_WRONLY | libc::O_CLOEXEC, 0)?;
    let done = write_all(fd, text);
    close(fd);
    done
}

/// dup2 onto `number`, which keeps it over exec; when it is there already only the mark is taken off.
fn place(fd: RawFd, number: i32) -> Result<(), Errno> {
    if fd == number {
        // SAFETY: F_SETFD takes a number.
        return check(unsafe { libc::fcntl(fd, libc::F_SETFD, 0) });
    }
    // SAFETY: what was open under `number` in this child is nobody's any more: the plan says so.
    check(unsafe { libc::dup2(fd, number) })
}

/// Descriptors onto their numbers. All of them, and the report, are moved behind first: any of these numbers may be in use for another.
fn hand_over(handed: &[Handed<'_>], report: &mut RawFd) -> Result<(), Errno> {
    let behind = handed.iter().map(|one| one.number).max().unwrap_or(2) + 1;
    // SAFETY: F_DUPFD_CLOEXEC takes a number.
    let move_behind = |fd: RawFd| Errno::result(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, behind) });
    *report = move_behind(*report)?;
    for one in handed {
        one.moved.set(move_behind(one.fd.as_raw_fd())?);
    }
    for one in handed {
        place(one.moved.get(), one.number)?;
    }
    Ok(())
}

fn open_at_number(path: &CStr, flags: i32, mode: u32, number: i32) -> Result<(), Errno> {
    let fd = open(path, flags | libc::O_CLOEXEC, mode)?;
    place(fd, number)?;
    if fd != number {
        close(fd);
    }
    Ok(())
}

fn limit(what: u32, soft: u64, hard: u64) -> Result<(), Errno> {
    let mut now = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `now` is a whole struct rlimit64.
    Errno::result(unsafe { libc::syscall(libc::SYS_prlimit64, 0, what, std::ptr::null::<libc::rlimit64>(), &raw mut now) })?;
    // Raising the hard limit wants CAP_SYS_RESOURCE in the first user namespace; a nested host has it not, and a guest never.
    let hard = hard.min(now.rlim_max);
    set_limit(what, soft.min(hard), hard)
}

fn set_limit(what: u32, soft: u64, hard: u64) -> Result<(), Errno> {
    let new = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    // SAFETY: `new` is a whole struct rlimit64.
    Errno::result(unsafe { libc::syscall(libc::SYS_prlimit64, 0, what, &raw const new, std::ptr::null_mut::<libc::rlimit64>()) }).map(drop)
}

fn chdir(path: &CStr) -> Result<(), Errno> {
    // SAFETY: `path` is a C string.
    check(unsafe { libc::chdir(path.as_ptr()) })?;
    let mut buffer = [0_u8; libc::PATH_MAX as usize];
    // SAFETY: `buffer` has that length. The system call, unlike a libc's, says "(unreachable)/…" outside the root.
    Errno::result(unsafe { libc::syscall(libc::SYS_getcwd, buffer.as_mut_ptr(), buffer.len()) })?;
    if buffer.first() == Some(&b'/') { Ok(()) } else { Err(Errno::ENOENT) }
}

fn pivot(path: &CStr) -> Result<(), Errno> {
    // SAFETY: `path` is a C string.
    check(unsafe { libc::chdir(path.as_ptr()) })?;
    raw::pivot_here()?;
    // The old root now lies on top of the new one; the working directory is the new one's.
    // SAFETY: a constant C string.
    check(unsafe { libc::umount2(c".".as_ptr(), libc::MNT_DETACH) })?;
    chdir(c"/")
}

fn write_and_rename(path: &CStr, temporary: &CStr, text: &[u8], mode: u32, policy: FilePolicy) -> Result<(), Errno> {
    if !may_write(path, policy) {
        return Ok(());
    }
    // SAFETY: a C string. A left-over of an earlier try goes.
    unsafe { libc::unlink(temporary.as_ptr()) };
    let fd = match open(temporary, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC, mode) {
        // A file that is only wanted where its directory is.
        Err(Errno::ENOENT) if policy == FilePolicy::IfAbsent => return Ok(()),
        other => other?,
    };
    let done = write_all(fd, text);
    // SAFETY: our own descriptor; fchmod(2) takes numbers. The umask may have cut the mode.
    let moded = check(unsafe { libc::fchmod(fd, mode) });
    close(fd);
    done?;
    moded?;
    // SAFETY: both are C strings.
    check(unsafe { libc::rename(temporary.as_ptr(), path.as_ptr()) })
}

/// Whether the policy lets a file be written over what is there.
fn may_write(path: &CStr, policy: FilePolicy) -> bool {
    let keep = match policy {
        FilePolicy::Always => return true,
        // SAFETY: `path` is a C string, F_OK only asks.
        FilePolicy::IfAbsent => return unsafe { libc::access(path.as_ptr(), libc::F_OK) } != 0,
        FilePolicy::UnlessLine(line) => line,
    };
    let Ok(fd) = open(path, libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC, 0) else { return true };
    let mut buffer = [0_u8; 4096];
    // SAFETY: `buffer` has that length.
    let n = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) };
    close(fd);
    let there = buffer.get(..usize::try_from(n).unwrap_or(0)).unwrap_or_default();
    !there.split(|b| *b == b'\n').any(|l| l.trim_ascii() == keep.as_bytes())
}

fn default_signals() {
    // Handlers went by CLONE_CLEAR_SIGHAND, which keeps what is ignored; Rust's runtime ignores SIGPIPE.
    for signal in 1..=64 {
        // SAFETY: SIG_DFL needs no memory; numbers that may not be set are refused with EINVAL, which is as wanted.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: an all-zero sigset_t is the empty set on Linux.
    let none: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `none` lives through the call.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) };
}

/// What a go-between passes on: whoever is outside knows its number only, not the program's.
const PASSED_ON: [libc::c_int; 6] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2];

/// The child of this child goes on with the plan; this one waits and passes its end on, a signal as 128 + n.
fn fork_and_follow() -> Result<Next, Errno> {
    // SAFETY: an all-zero sigset_t is the empty set on Linux.
    let (mut awaited, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { std::mem::zeroed() };
    for signal in PASSED_ON.into_iter().chain([libc::SIGCHLD]) {
        // SAFETY: `awaited` is a set; the numbers are good.
        unsafe { libc::sigaddset(&raw mut awaited, signal) };
    }
    // Ignored, SIGCHLD would have the kernel reap the child and its status be lost.
    // SAFETY: SIG_DFL needs no memory.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    // Blocked before there is a child: none is missed.
    // SAFETY: both are sets of our own.
    check(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const awaited, &raw mut before) })?;
    let args = raw::CloneArgs { exit_signal: libc::SIGCHLD.cast_unsigned().into(), ..raw::CloneArgs::default() };
    // SAFETY: the child goes on walking steps, which is async-signal-safe.
    let pid = unsafe { raw::clone3(&args) }?;
    if pid == 0 {
        // SAFETY: this prctl(2) takes numbers. Killed, the go-between must not leave the program behind.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
        // SAFETY: `before` was filled by the kernel.
        check(unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) })?;
        return Ok(Next::Go);
    }
    // Only the grandchild may hold what the caller waits on: pipes end when it ends, not when the go-between does.
    // SAFETY: this process has no more use for any descriptor.
    unsafe { libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0) };
    loop {
        let mut status = 0;
        // SAFETY: `status` is an int of our own.
        match Errno::result(unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) }) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) if libc::WIFEXITED(status) => return Ok(Next::End(libc::WEXITSTATUS(status))),
            Ok(_) if libc::WIFSIGNALED(status) => return Ok(Next::End(128 + libc::WTERMSIG(status))),
            Ok(_) => {}
            Err(e) => return Err(e),
        }
        // SAFETY: a set of our own; no details are wanted.
        let signal = unsafe { libc::sigwaitinfo(&raw const awaited, std::ptr::null_mut()) };
        if PASSED_ON.contains(&signal) {
            // The number is still the child's: nobody but this process can reap it. ESRCH: it leads no group (yet).
            // SAFETY: kill(2) takes numbers.
            if unsafe { libc::kill(-pid, signal) } == -1 {
                // SAFETY: as above.
                unsafe { libc::kill(pid, signal) };
            }
        }
    }
}
