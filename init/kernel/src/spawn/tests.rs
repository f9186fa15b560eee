#![allow(clippy::unwrap_used, unsafe_code)]
use std::alloc::{GlobalAlloc, Layout};
use std::ffi::CString;
use std::fs::File;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::sys::wait::WaitStatus;

use super::*;

/// Ends any process but the test's own that allocates: proof that a child between clone and exec does not. What the test's own has on its heap is not
/// there for the child, who would be killed by SIGSEGV for it.
struct ParentOnly;

static PARENT: AtomicI32 = AtomicI32::new(0);

// SAFETY: passes every call on unchanged.
unsafe impl GlobalAlloc for ParentOnly {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let parent = PARENT.load(Ordering::Relaxed);
        // SAFETY: getpid(2) takes nothing.
        if parent != 0 && unsafe { libc::getpid() } != parent {
            // SAFETY: _exit(2) takes a number.
            unsafe { libc::_exit(99) };
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { crate::heap::Heap.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { crate::heap::Heap.dealloc(pointer, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: ParentOnly = ParentOnly;

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

fn exec(words: &[&str]) -> Step<'static> {
    let argv = Pointers::new(words.iter().map(|w| c(w)).collect());
    Step::Exec { programs: vec![c(words.first().unwrap())], argv, envp: Pointers::new(vec![c("A=b")]) }
}

fn run(steps: &[Step<'_>]) -> (Outcome, WaitStatus) {
    PARENT.store(nix::unistd::getpid().as_raw(), Ordering::Relaxed);
    let child = spawn(&Plan { namespaces: CloneFlags::empty(), cgroup: None, steps }).unwrap();
    let status = child.reap().unwrap();
    (child.report.read(), status)
}

#[test]
fn child_does_not_allocate() {
    let (outcome, status) = run(&[
        Step::DefaultSignals,
        Step::NewSession,
        Step::Umask(0o27),
        Step::OomScore(c("0")),
        Step::Limit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0),
        Step::Chdir(c("/")),
        Step::Open { path: c("/dev/null"), flags: libc::O_RDWR, mode: 0, number: 1 },
        Step::CloseOthers,
        exec(&["/bin/sh", "-c", "test \"$A\" = b && exit 7"]),
    ]);
    assert_eq!(outcome, Outcome::Became);
    assert!(matches!(status, WaitStatus::Exited(_, 7)), "{status:?}");
}

#[test]
fn a_failed_step_names_itself() {
    let (outcome, status) = run(&[Step::Umask(0o22), Step::Chdir(c("/nowhere")), exec(&["/bin/true"])]);
    let Outcome::Failed(failure) = outcome else { unreachable!("{outcome:?}") };
    assert_eq!(failure, Failure { stage: Stage::Directory, step: 1, errno: Errno::ENOENT });
    assert_eq!(failure.to_string(), "changing directory failed: No such file or directory");
    assert!(matches!(status, WaitStatus::Exited(_, 70)), "{status:?}");
}

#[test]
fn a_missing_program_is_told() {
    let (outcome, _) = run(&[exec(&["/nowhere/program"])]);
    assert!(matches!(outcome, Outcome::Failed(f) if f.stage == Stage::Exec && f.errno == Errno::ENOENT));
}

#[test]
fn a_dropped_gate_ends_the_child() {
    let gate = Gate::new().unwrap();
    let steps = [gate.step(), exec(&["/bin/sh", "-c", "exit 3"])];
    let child = spawn(&Plan { namespaces: CloneFlags::empty(), cgroup: None, steps: &steps }).unwrap();
    drop(steps);
    drop(gate);
    assert!(matches!(child.reap().unwrap(), WaitStatus::Exited(_, 0)));
}

#[test]
fn one_that_somebody_has_stopped_ends_all_the_same() {
    let gate = Gate::new().unwrap();
    let child = spawn(&Plan { namespaces: CloneFlags::empty(), cgroup: None, steps: &[gate.step()] }).unwrap();
    child.pidfd.signal(Signal::SIGSTOP).unwrap();
    assert_eq!(child.end().unwrap(), WaitStatus::Signaled(child.pid, Signal::SIGKILL, false));
}

#[test]
fn an_open_gate_lets_it_go_on() {
    let gate = Gate::new().unwrap();
    let steps = [gate.step(), exec(&["/bin/sh", "-c", "exit 3"])];
    let child = spawn(&Plan { namespaces: CloneFlags::empty(), cgroup: None, steps: &steps }).unwrap();
    drop(steps);
    gate.open().unwrap();
    assert!(matches!(child.reap().unwrap(), WaitStatus::Exited(_, 3)));
}

#[test]
fn nonsense_on_the_pipe_is_not_a_failure() {
    assert_eq!(Failure::from_bytes([0; 8], ENDED), None);
    let f = Failure { stage: Stage::Mounts, step: 300, errno: Errno::EINVAL };
    assert_eq!(Failure::from_bytes(f.to_bytes(ENDED), ENDED), Some(f));
}

#[test]
fn a_go_between_passes_signals_and_ends_on() {
    let (read, write) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let steps = [
        Step::DefaultSignals,
        Step::ForkAndFollow,
        Step::NewSession,
        Step::Inherit(write.as_fd(), 1),
        exec(&["/bin/sh", "-c", "trap 'exit 5' TERM; echo; while :; do sleep 0.01; done"]),
    ];
    let child = spawn(&Plan { namespaces: CloneFlags::empty(), cgroup: None, steps: &steps }).unwrap();
    nix::unistd::read(&read, &mut [0]).unwrap();
    child.pidfd.signal(nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(matches!(child.reap().unwrap(), WaitStatus::Exited(_, 5)));
}

#[test]
fn an_orphan_notices() {
    let parent = nix::unistd::getpid().as_raw();
    let (outcome, _) = run(&[Step::DieWithParent, Step::ParentIs(parent)]);
    assert_eq!(outcome, Outcome::Became);
    let (outcome, _) = run(&[Step::ParentIs(parent + 1)]);
    assert!(matches!(outcome, Outcome::Failed(f) if f.errno == Errno::ESRCH));
}

#[test]
fn descriptors_are_handed_over_in_order_and_the_child_knows_its_pid() {
    // In the worst of orders: each lies where another is to go, the report among them.
    let mut files = Vec::new();
    for text in ["zero", "one", "two", "three"] {
        let mut file = tempfile(text);
        std::io::Seek::rewind(&mut file).unwrap();
        files.push(file);
    }
    files.reverse();
    let handed = files.iter().zip([3, 4, 5, 9]).map(|(file, number)| Handed::new(file.as_fd(), number)).collect();
    let script = "test $LISTEN_PID = $$ && test $(cat <&3) = three && test $(cat <&4) = two && test $(cat <&5) = one && test $(cat <&9) = zero && \
                  test ! -e /proc/self/fd/6 && exit 7";
    let argv = Pointers::new(["/bin/sh", "-c", script].into_iter().map(c).collect());
    let envp = Pointers::with_own_pid(vec![c("PATH=/bin:/usr/bin")], &["LISTEN_PID"]);
    let (outcome, status) = run(&[Step::CloseOthers, Step::HandOver(handed), Step::Exec { programs: vec![c("/bin/sh")], argv, envp }]);
    assert_eq!(outcome, Outcome::Became);
    assert!(matches!(status, WaitStatus::Exited(_, 7)), "{status:?}");
}

#[test]
fn a_soft_step_is_told_and_passed_over() {
    PARENT.store(nix::unistd::getpid().as_raw(), Ordering::Relaxed);
    let steps =
        [Step::Soft(Box::new(Step::Chdir(c("/nowhere")))), Step::Soft(Box::new(Step::Umask(0o27))), exec(&["/bin/sh", "-c", "exit 7"])];
    let child = spawn(&Plan { namespaces: CloneFlags::empty(), cgroup: None, steps: &steps }).unwrap();
    assert!(matches!(child.reap().unwrap(), WaitStatus::Exited(_, 7)));
    let passed = Failure { stage: Stage::Directory, step: 0, errno: Errno::ENOENT };
    assert_eq!(child.report.hear(), Some(Told::PassedOver(passed)));
    assert_eq!(child.report.hear(), Some(Told::Over(Outcome::Became)));
}

#[test]
fn who_hears_a_child_that_hangs_does_not_wait_for_it() {
    PARENT.store(nix::unistd::getpid().as_raw(), Ordering::Relaxed);
    let gate = Gate::new().unwrap();
    let steps = [Step::Soft(Box::new(Step::Chdir(c("/nowhere")))), gate.step(), exec(&["/bin/sh", "-c", "exit 7"])];
    let child = spawn(&Plan { namespaces: CloneFlags::empty(), cgroup: None, steps: &steps }).unwrap();
    poll(&mut [PollFd::new(child.report.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
    assert!(matches!(child.report.hear(), Some(Told::PassedOver(_))));
    assert_eq!(child.report.hear(), None);
    gate.open().unwrap();
    assert_eq!(child.report.read(), Outcome::Became);
    assert!(matches!(waitid(Id::Pid(child.pid), WaitPidFlag::WEXITED), Ok(WaitStatus::Exited(_, 7))));
}

#[test]
fn a_filter_is_in_force_and_what_the_program_is_told_of_it_arrives() {
    let mut filter = crate::seccomp::Filter::new();
    let mkdir = if cfg!(target_arch = "x86_64") { vec!["mkdir", "mkdirat"] } else { vec!["mkdirat"] };
    for call in mkdir {
        filter.calls.insert(crate::seccomp::number(call).unwrap(), crate::seccomp::Verdict::Errno(u16::try_from(libc::ENOTTY).unwrap()));
    }
    let script = "mkdir /tmp/fief-test-never 2>&1 | grep -q 'Inappropriate ioctl' && exit 7";
    let (outcome, status) = run(&[
        Step::TimerSlack(1),
        Step::IoPriority(3 << 13),
        Step::DefaultSignals,
        Step::NoNewPrivileges,
        Step::Filter(filter.compile().unwrap()),
        Step::Exec {
            programs: vec![c("/bin/sh")],
            argv: Pointers::new(["/bin/sh", "-c", script].into_iter().map(c).collect()),
            envp: Pointers::new(vec![c("PATH=/usr/bin:/bin"), c("LC_ALL=C")]),
        },
    ]);
    assert_eq!(outcome, Outcome::Became);
    assert!(matches!(status, WaitStatus::Exited(_, 7)), "{status:?}");
}

fn tempfile(text: &str) -> File {
    let fd = nix::sys::memfd::memfd_create(c"handed", nix::sys::memfd::MFdFlags::MFD_CLOEXEC).unwrap();
    let mut file = File::from(fd);
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    file
}

#[test]
#[ignore = "needs root"]
fn mounts_of_a_child_s_own_are_made_without_allocating() {
    let slot = Slot::new();
    let none = crate::mount::Attributes::NONE;
    let put = |what, set, on: &str, missing| Step::Graft(Graft { what, set, clear: none, on: c(on), missing });
    let tmpfs = || Material::New { kind: c"tmpfs", options: vec![(c("mode"), Some(c("0755")))] };
    let read_only = crate::mount::Attributes::RDONLY;
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let steps = [
        Step::OwnUsers { uid_map: format!("0 {uid} 1\n").into_bytes(), gid_map: format!("0 {gid} 1\n").into_bytes() },
        Step::Unshare(CloneFlags::CLONE_NEWNS),
        Step::Propagate(Propagation::Slave),
        Step::Keep { path: c("/dev/null"), recursive: false, optional: false, slot: slot.clone() },
        put(Material::Itself, read_only, "/", Missing::Fails),
        put(tmpfs(), none, "/dev", Missing::Fails),
        put(Material::Kept(slot), none, "/dev/made/null", Missing::Made),
        put(Material::Itself, read_only, "/no/such/place", Missing::PassedOver),
        exec(&["/bin/sh", "-c", "test -c /dev/made/null && ! mkdir /tmp/fief-test-never && exit 7"]),
    ];
    let (outcome, status) = run(&steps);
    assert_eq!(outcome, Outcome::Became);
    assert!(matches!(status, WaitStatus::Exited(_, 7)), "{status:?}");
}
