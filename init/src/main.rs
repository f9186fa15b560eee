//! fief-init: PID 1 of a container, and by its other names the tools to speak to it.
//!
//! ```text
//! fief-init | init                  PID 1: boot, run the units, leave
//! fief-init -- CMD…                 a minimal init for one program
//! fief-init setup WHAT…             the one-time works of a boot, run as units
//! fief-init pending                 waits for a shutdown that was asked for with a time, run as a unit
//! fief-init log                     receives the log and keeps it, run as a unit
//! fief-init bus                     speaks D-Bus to systemd's own systemctl, run as a unit
//! fief-init install | uninstall     an init's names in a tree that has them from somebody else
//! fiefctl, poweroff, reboot, …      what its other names promise ([`called`])
//! ```
//!
//! One thread; one place that blocks ([`reactor`]). All policy is in the `supervisor` package, all
//! system calls that need `unsafe` in `kernel`; this package turns descriptors into events and
//! actions into calls. As PID 1 it never exits and never panics: see [`system`] and [`leave`].
#![forbid(unsafe_code)]

mod accounts;
mod again;
mod boot;
mod bus;
mod called;
mod console;
mod control;
mod fault;
mod fiefctl;
mod file;
mod getopt;
mod glob;
mod guard;
mod hands;
mod install;
mod journal;
mod journalctl;
mod keeper;
mod kept;
mod language;
mod leave;
mod ledger;
mod log;
mod manner;
mod mini;
mod notify;
mod power;
mod program;
mod reactor;
mod reading;
mod say;
mod setup;
mod signals;
mod stamps;
mod syslog;
mod system;
mod systemctl;
mod telling;
mod tools;
mod turns;
mod utmp;

use std::process::ExitCode;

use boot::Options;

/// Whoever gives birth with this one has little to copy.
#[global_allocator]
static HEAP: kernel::heap::Heap = kernel::heap::Heap;

fn main() -> ExitCode {
    // Before anything else: a signal that comes during start-up waits instead of being lost.
    if let Err(errno) = kernel::signal::block_all() {
        say::error(format_args!("fief-init: signals stay unblocked: {}", errno.desc()));
    }
    let mut arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let path = arguments.next().unwrap_or_default();
    let words: Vec<String> = arguments.collect();
    let name = path.rsplit('/').next().unwrap_or_default();
    let rest = words.get(1..).unwrap_or_default();
    let is_pid_1 = std::process::id() == 1;
    let tool_of_name = called::tool(name, is_pid_1 || words.is_empty());
    match (tool_of_name, words.first().map(String::as_str)) {
        (Some(work), _) => tool(|| {
            called::give_way_to_the_host();
            work(name, &words)
        }),
        (None, Some("--")) => mini::run(rest),
        (None, Some("bus")) => bus::run(),
        (None, Some("log")) => log::recorder::run(),
        (None, Some("pending")) => tool(power::pending),
        (None, Some("setup")) => tool(|| setup::run(rest)),
        (None, Some("install")) => tool(|| install::run(install::Way::In, rest)),
        (None, Some("uninstall")) => tool(|| install::run(install::Way::Out, rest)),
        (None, Some("ctl")) => tool(|| fiefctl::run(rest)),
        (None, Some("journalctl")) => tool(|| journalctl::run(rest)),
        (None, Some("systemctl")) => tool(|| systemctl::run("systemctl", rest)),
        (None, Some("--help" | "-h")) if !is_pid_1 => help(),
        (None, Some("--version")) if !is_pid_1 => version(),
        (None, _) => boot::run(&Options::read(&words)),
    }
}

/// Tools end by signals like any program.
fn tool(work: impl FnOnce() -> ExitCode) -> ExitCode {
    let _ = kernel::signal::unblock_all();
    work()
}

fn help() -> ExitCode {
    say::line(format_args!(
        "\
fief-init {version}: PID 1 of a container

  fief-init [--units DIR]… [--bare] [--target UNIT] [--supervise]
      boot and run units. --units: read unit files there instead of
        /etc/fief/units and systemd's /etc/systemd/system, each with its /run and /usr/lib
      --bare: without the units that come with it. --target: start this instead of the
      default target. --supervise: run although not PID 1 of a container.
  fief-init -- CMD…
      run one program: reaps, forwards signals, ends with its exit code
      (128 + n for signal n, 126 cannot be executed, 127 not found)
  fief-init setup WHAT…
      hostname machine-id credentials ssh-host-keys loopback tmpfiles network
  fief-init install | uninstall [--root DIR]
      take an init's names in a tree that has another, and give them back
  fief-init ctl …   (or the name fiefctl)
      speak to a running init; fiefctl --help
  fief-init systemctl …   (or the name systemctl)
      the same in the words of systemd's

By another name it is the tool of that name: {names}.
Signals: TERM PWR RTMIN+3 RTMIN+4 power off in order, INT RTMIN+5 reboot in order,
RTMIN+14 RTMIN+15 the same at once, HUP read the unit files again, USR1 reopen the control
socket, USR2 dump the state, RTMIN+25 begin the program anew with everything kept.",
        names = called::names().collect::<Vec<_>>().join(", "),
        version = env!("CARGO_PKG_VERSION")
    ));
    ExitCode::SUCCESS
}

fn version() -> ExitCode {
    say::line(format_args!("fief-init {}", env!("CARGO_PKG_VERSION")));
    ExitCode::SUCCESS
}
