//! The calling process executed anew: asked for, or because of a fault. execve(2), sigaltstack(2), signal-safety(7).
//!
//! ```text
//! prepare ── words and paths, as they will be needed ──┐
//! catch ──── SEGV BUS FPE ILL ABRT SYS ─▶ handler ─────┼─▶ note the fault, seal, clear close-on-exec, execve
//! take ────────────────────────────────────────────────┘
//! ```
//!
//! The pid stays, and with it children, pidfds held by others, the place in every namespace and group; descriptors stay, since close-on-exec is
//! taken off in the last moment. Memory does not: what is to be known afterwards is in the ledgers, sealed files that are handed over.
//!
//! Invariant: the handler neither allocates nor locks nor unwinds. It reads what [`prepare`] made, which nobody frees or changes, and makes system calls. A
//! fault of its own ends the process with status 255.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};

use nix::errno::Errno;

use crate::spawn::Pointers;

/// The signals of a process's own faults that a program may survive by beginning anew. Not SIGTRAP, which is a debugger's.
pub const FAULTS: [i32; 6] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT, libc::SIGSYS];
/// How a process ends for which nothing could be done.
pub const HOPELESS: i32 = 255;
/// The handler's stack: it must serve when the usual one is full. Several times what the largest register state takes (getauxval(3), `AT_MINSIGSTKSZ`).
const STACK: usize = 64 * 1024;

/// What is needed on the way, ready beforehand.
#[derive(Debug)]
pub struct Road {
    /// The file that runs now, whatever has become of its name.
    own: CString,
    /// What it was started from: may be a newer one.
    path: CString,
    argv: Pointers,
    envp: Pointers,
    pid: libc::pid_t,
    /// What the handler notes a fault in.
    ledger: i32,
    /// Everything that is written down.
    sealed: [i32; 2],
}

static ROAD: AtomicPtr<Road> = AtomicPtr::new(std::ptr::null_mut());
/// The highest descriptor that is handed over.
static HIGHEST: AtomicI32 = AtomicI32::new(2);
/// Whether something has been begun that is not written down yet.
static AT_WORK: AtomicBool = AtomicBool::new(false);
/// A fault signal that somebody sent, while at work.
static WAITS: AtomicI32 = AtomicI32::new(0);
/// The handler has begun.
static UNDER_WAY: AtomicBool = AtomicBool::new(false);

/// Makes the road ready: from now on a fault leads back to the beginning of the program, with these arguments and this environment. `ledger` is where the
/// handler notes which fault it was, 32 bytes ([`Fault::read`]); `other` is sealed beside it. Both must stay open under their numbers. Once for each process.
///
/// # Errors
/// A NUL byte in a word; sigaltstack(2), sigaction(2).
pub fn prepare(path: &str, argv: Vec<CString>, envp: Vec<CString>, ledger: BorrowedFd<'_>, other: BorrowedFd<'_>) -> io::Result<()> {
    let road = Road {
        own: CString::new("/proc/self/exe")?,
        path: CString::new(path)?,
        argv: Pointers::new(argv),
        envp: Pointers::new(envp),
        pid: nix::unistd::getpid().as_raw(),
        ledger: ledger.as_raw_fd(),
        sealed: [ledger.as_raw_fd(), other.as_raw_fd()],
    };
    // Never freed: the handler may need it at any time.
    ROAD.store(Box::into_raw(Box::new(road)), Ordering::Release);
    catch().map_err(io::Error::from)
}

fn catch() -> Result<(), Errno> {
    let stack = Box::leak(vec![0_u8; STACK].into_boxed_slice());
    let stack = libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: STACK };
    // SAFETY: the memory is of that size and is never freed.
    Errno::result(unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) })?;
    // SAFETY: all-zero bytes are a valid struct sigaction: no flags, an empty mask, and the handler is set below.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = fault;
    action.sa_sigaction = handler as *const () as libc::sighandler_t;
    // NODEFER: a fault of the handler's own must reach the handler, and the mask goes through execve(2).
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
    for signal in FAULTS {
        // SAFETY: `action` is whole, and the handler does only what is async-signal-safe.
        Errno::result(unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) })?;
    }
    Ok(())
}

/// This descriptor is handed over when the program begins anew. Its number, by which it will be known.
pub fn hand_over(fd: impl AsFd) -> i32 {
    let number = fd.as_fd().as_raw_fd();
    HIGHEST.fetch_max(number, Ordering::Relaxed);
    number
}

/// Something is begun that must not be torn: a fault signal that somebody *sends* waits until it is written down. A fault proper cannot wait, nor can
/// a second one that is sent: then the work may be what never ends.
pub fn work() {
    AT_WORK.store(true, Ordering::Relaxed);
}

/// Everything is written down; what has been waiting happens now.
pub fn rest() {
    AT_WORK.store(false, Ordering::Relaxed);
    let signal = WAITS.swap(0, Ordering::Relaxed);
    if signal != 0 {
        go(&Fault { signal, code: 0, address: 0, at: crate::time::boottime().as_nanos().try_into().unwrap_or(u64::MAX) });
    }
}

/// Which file is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The one that runs, whatever has become of its name.
    Same,
    /// What stands now at the path it was started from.
    Newest,
}

/// The program anew. Returns only when that is not possible: descriptors are close-on-exec again, the ledgers may be sealed.
pub fn take(program: Program) -> Errno {
    // SAFETY: `ROAD` is null or what `prepare` made, which is never freed.
    let Some(road) = (unsafe { ROAD.load(Ordering::Acquire).as_ref() }) else { return Errno::ENOENT };
    let path = match program {
        Program::Same => &road.own,
        Program::Newest => &road.path,
    };
    road.open();
    let errno = road.execute(path);
    let _ = crate::process::close_on_exec_from_3();
    errno
}

impl Road {
    /// Seals what is written down and lets the descriptors through.
    fn open(&self) {
        for number in self.sealed {
            // SAFETY: fcntl(2) with numbers only.
            unsafe { libc::fcntl(number, libc::F_ADD_SEALS, crate::memfd::SEALS) };
        }
        let highest = HIGHEST.load(Ordering::Relaxed).max(self.sealed.into_iter().fold(2, i32::max));
        for number in 3..=highest {
            // SAFETY: as above; where nothing is open it fails, which is fine.
            unsafe { libc::fcntl(number, libc::F_SETFD, 0) };
        }
    }

    fn execute(&self, program: &CString) -> Errno {
        // SAFETY: `program` is a C string; both arrays end in null (`Pointers::new`) and are never freed.
        unsafe { libc::execve(program.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr()) };
        Errno::last()
    }
}

/// What happened, as the handler notes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which signal.
    pub signal: i32,
    /// `si_code`, sigaction(2): 0 and less when somebody sent it.
    pub code: i32,
    /// `si_addr`.
    pub address: u64,
    /// `CLOCK_BOOTTIME`, nanoseconds.
    pub at: u64,
}

/// How long a note is, and how it begins.
const NOTE: usize = 32;
const MARK: [u8; 8] = *b"\xFFfault\r\n";

impl Fault {
    /// The note, if it is one.
    pub fn read(bytes: &[u8; NOTE]) -> Option<Self> {
        let (mark, rest) = bytes.split_first_chunk::<8>()?;
        let (signal, rest) = rest.split_first_chunk::<4>()?;
        let (code, rest) = rest.split_first_chunk::<4>()?;
        let (address, rest) = rest.split_first_chunk::<8>()?;
        let (at, _) = rest.split_first_chunk::<8>()?;
        (*mark == MARK).then(|| Self {
            signal: i32::from_ne_bytes(*signal),
            code: i32::from_ne_bytes(*code),
            address: u64::from_ne_bytes(*address),
            at: u64::from_ne_bytes(*at),
        })
    }

    fn note(&self) -> [u8; NOTE] {
        let mut note = [0; NOTE];
        let (signal, code) = (self.signal.to_ne_bytes(), self.code.to_ne_bytes());
        let (address, at) = (self.address.to_ne_bytes(), self.at.to_ne_bytes());
        let bytes = MARK.iter().chain(&signal).chain(&code).chain(&address).chain(&at);
        note.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        note
    }
}

/// The way after a fault. Only what is async-signal-safe.
fn go(fault: &Fault) -> ! {
    // SAFETY: as in `take`.
    let road = unsafe { ROAD.load(Ordering::Acquire).as_ref() };
    if !UNDER_WAY.swap(true, Ordering::Relaxed)
        && let Some(road) = road
    {
        let note = fault.note();
        // SAFETY: `note` is that long; the number is the ledger's, or write(2) fails.
        unsafe { libc::write(road.ledger, note.as_ptr().cast(), note.len()) };
        road.open();
        road.execute(&road.own);
        road.execute(&road.path);
    }
    let words = b"fief-init: a fault that cannot be outlived\n";
    // SAFETY: `words` is that long.
    unsafe { libc::write(2, words.as_ptr().cast(), words.len()) };
    // SAFETY: ends the process without running anything of it.
    unsafe { libc::_exit(HOPELESS) }
}

extern "C" fn fault(signal: libc::c_int, about: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: `ROAD` is null or what `prepare` made, which is never freed.
    let road = unsafe { ROAD.load(Ordering::Acquire).as_ref() };
    // SAFETY: getpid(2) takes nothing.
    let pid = unsafe { libc::getpid() };
    if road.is_none_or(|road| road.pid != pid) {
        // A copy of the process: its faults are its own.
        // SAFETY: ends the process without running anything of it.
        unsafe { libc::_exit(128 + signal) };
    }
    // SAFETY: with SA_SIGINFO the kernel passes a whole siginfo_t.
    let about = unsafe { &*about };
    // SAFETY: all fields are there whatever the code; one that does not belong to it is a meaningless number.
    let (sender, address) = (unsafe { about.si_pid() }, unsafe { about.si_addr() });
    let code = about.si_code;
    let sent = code <= 0 && sender != pid;
    if sent && AT_WORK.load(Ordering::Relaxed) && WAITS.swap(signal, Ordering::Relaxed) == 0 {
        return;
    }
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a whole timespec; clock_gettime(2) is async-signal-safe.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut now) };
    let at = now.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec.cast_unsigned());
    go(&Fault { signal, code, address: if sent { 0 } else { address as u64 }, at });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let fault = Fault { signal: 11, code: 1, address: 0xdead_beef, at: 7_000_000_001 };
        assert_eq!(Fault::read(&fault.note()), Some(fault));
        assert_eq!(Fault::read(&[0; NOTE]), None);
    }
}
