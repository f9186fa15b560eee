//! `fief-init -- CMD`: a minimal init for one program.
//!
//! It starts the program, hands signals on to it, reaps whatever is left to it, and ends with
//! the program's exit code as a shell would tell it: 128 + n for signal n, 126 and 127 when it
//! cannot be executed or found. As PID 1 its end ends the pid namespace; otherwise it becomes
//! a subreaper (prctl(2)) so that orphans come to it all the same.

use std::ffi::CString;
use std::os::fd::AsFd;
use std::process::ExitCode;

use kernel::spawn::{Child, Outcome, Plan, Pointers, Stage, Step, spawn};
use kernel::wait::{How, reap_any};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::signalfd::SignalFd;

use crate::{program, say};

/// SI_KERNEL of sigaction(2): the terminal sent it, to the whole foreground group.
const SI_KERNEL: i32 = 0x80;

/// Run the program and return its exit code.
pub(crate) fn run(command: &[String]) -> ExitCode {
    if std::process::id() != 1
        && let Err(errno) = kernel::process::become_subreaper()
    {
        say::error(format_args!("fief-init: orphans will not be reaped: {}", errno.desc()));
    }
    let (signals, child) = match kernel::signal::descriptor()
        .map_err(|errno| failure("reading signals", errno))
        .and_then(|signals| start(command).map(|child| (signals, child)))
    {
        Ok(started) => started,
        Err(code) => return code,
    };
    let Child { pid, pidfd, report } = child;
    if let Outcome::Failed(why) = report.read() {
        let name = command.first().map_or("", String::as_str);
        say::error(format_args!("fief-init: {name}: {why}"));
        return ExitCode::from(if why.stage == Stage::Exec && why.errno == Errno::ENOENT { 127 } else { 126 });
    }
    loop {
        if let Some(code) = reap(pid) {
            return ExitCode::from(code);
        }
        wait_readable(&signals);
        while let Ok(Some(signal)) = signals.read_signal() {
            let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
            // From the keyboard the program has had it already: it is in the same group.
            if number != libc::SIGCHLD && signal.ssi_code != SI_KERNEL {
                let _ = pidfd.signal_number(number);
            }
        }
    }
}

fn start(command: &[String]) -> Result<Child, ExitCode> {
    let strings = |texts: Vec<String>| -> Result<Vec<CString>, ExitCode> {
        texts.into_iter().map(|text| CString::new(text).map_err(|_| failure("the command", Errno::EINVAL))).collect()
    };
    let name = command.first().map_or("", String::as_str);
    let path = std::env::var("PATH").unwrap_or_else(|_| program::PATH.to_owned());
    let environment = std::env::vars_os().map(|(key, value)| format!("{}={}", key.to_string_lossy(), value.to_string_lossy())).collect();
    let steps = [
        Step::DefaultSignals,
        Step::Exec {
            programs: strings(program::candidates(name, &path))?,
            argv: Pointers::new(strings(command.to_vec())?),
            envp: Pointers::new(strings(environment)?),
        },
    ];
    let plan = Plan { namespaces: CloneFlags::empty(), cgroup: None, steps: &steps };
    spawn(&plan).map_err(|error| {
        say::error(format_args!("fief-init: cannot fork: {error}"));
        ExitCode::from(126)
    })
}

/// Reap all that have ended; the code when the program itself was among them.
fn reap(main: nix::unistd::Pid) -> Option<u8> {
    let mut code = None;
    while let Ok(Some((pid, how))) = reap_any() {
        let number = match how {
            How::Code(code) => code,
            How::Signal(signal) => 128 + signal,
        };
        if pid == main {
            code = Some(u8::try_from(number & 0xff).unwrap_or(u8::MAX));
        }
    }
    code
}

fn wait_readable(signals: &SignalFd) {
    let mut fds = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let _ = poll(&mut fds, PollTimeout::NONE);
}

fn failure(doing: &str, errno: Errno) -> ExitCode {
    say::error(format_args!("fief-init: {doing} failed: {}", errno.desc()));
    ExitCode::from(126)
}
