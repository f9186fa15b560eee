//! poweroff, reboot, halt, shutdown, telinit, runlevel: what people and scripts know by heart. halt(8), shutdown(8), telinit(8), runlevel(8) of
//! systemd 252.
//!
//! ```text
//!   now      ─ wall ─▶ everybody's terminal ─▶ init is asked to leave
//!   later    ─ plan ─▶ /run/systemd/shutdown/scheduled ◀─ pending: a unit of its own, which waits, warns, shuts the door and asks
//! ```
//!
//! PID 1 keeps nothing of what is to be later and waits for nobody.

mod pending;
mod plan;
mod wall;

use std::process::ExitCode;

use kernel::power::Mandate;
use nix::unistd::{geteuid, getuid};
use units::UnitName;
use units::control::{Outcome, Request, Way};

use crate::accounts::Accounts;
use crate::fiefctl::session::{Failed, Session};
use crate::fiefctl::{self, output};
use crate::getopt::{self, Line, Opt, Order, Takes, Unclear};
use crate::{say, utmp};
use plan::{Plan, When};

pub(crate) use pending::run as pending;

const HALT: &[Opt] = &[
    Opt("halt", '\0', Takes::Nothing),
    Opt("poweroff", 'p', Takes::Nothing),
    Opt("reboot", '\0', Takes::Nothing),
    Opt("force", 'f', Takes::Nothing),
    Opt("wtmp-only", 'w', Takes::Nothing),
    Opt("no-wtmp", 'd', Takes::Nothing),
    Opt("no-sync", 'n', Takes::Nothing),
    Opt("no-wall", '\0', Takes::Nothing),
    Opt("i", 'i', Takes::Nothing),
    Opt("h", 'h', Takes::Nothing),
];
const SHUTDOWN: &[Opt] = &[
    Opt("halt", 'H', Takes::Nothing),
    Opt("poweroff", 'P', Takes::Nothing),
    Opt("reboot", 'r', Takes::Nothing),
    Opt("kexec", 'K', Takes::Nothing),
    Opt("no-wall", '\0', Takes::Nothing),
    Opt("show", '\0', Takes::Nothing),
    Opt("h", 'h', Takes::Nothing),
    Opt("k", 'k', Takes::Nothing),
    Opt("c", 'c', Takes::Nothing),
    Opt("a", 'a', Takes::Nothing),
    Opt("t", 't', Takes::Value),
    Opt("f", 'f', Takes::Nothing),
    Opt("F", 'F', Takes::Nothing),
];
const TELINIT: &[Opt] = &[Opt("no-wall", '\0', Takes::Nothing)];

/// The usage of all of them.
const USAGE: &str = "\
poweroff | reboot | halt [OPTIONS...]
     --halt --poweroff --reboot   In this way whatever the name
  -f --force     At once, without stopping services
  -w -d -n       Accepted: the record in wtmp is init's
     --no-wall   Don't send wall message before halt/power-off/reboot

shutdown [OPTIONS...] [TIME] [WALL...]
  -H --halt -P --poweroff -r --reboot -h
  -k             Don't halt/power-off/reboot, just send warnings
     --no-wall   Don't send wall message before halt/power-off/reboot
  -c             Cancel a pending shutdown
     --show      Show pending shutdown
  TIME is hh:mm, +m for minutes from now, or now; +1 where none is given.

telinit 0 | 6 | 1 | 2 | 3 | 4 | 5 | s | q | u
     Power off, reboot, isolate a target, read the unit files again, execute init again

runlevel
     The previous and the present runlevel
";

/// The unit that waits.
const PENDING: &str = "fief-shutdown.service";

/// What one of these names asks for.
pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    let done = match name {
        "runlevel" => runlevel(words),
        "telinit" | "init" => telinit(name, words),
        "shutdown" => shutdown(words),
        _ => halt(name, words),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain(name, &why);
            ExitCode::FAILURE
        }
    }
}

fn complain(name: &str, why: &Failed) {
    match why {
        Failed::Told(text) => say::error(format_args!("{text}")),
        other => say::error(format_args!("{name}: {}", say::chain(other))),
    }
    // No signal to PID 1 instead: where our init does not answer, PID 1 may be the machine's own.
    if matches!(why, Failed::Connect(_) | Failed::Talk(_)) && Mandate::ours().is_err() {
        say::error(format_args!("{name}: is fief-init PID 1 here?"));
    }
}

/// What was typed; `None` where only help was wanted, and given.
fn line(name: &str, known: &'static [Opt], words: &[String]) -> Result<Option<Line>, Failed> {
    let told = |why: Unclear| Failed::Told(format!("{name}: {why}"));
    let line = getopt::read(known, Order::Any, words).map_err(told)?;
    if line.has("help") {
        output(USAGE)?;
        return Ok(None);
    }
    Ok(Some(line))
}

/// The way that was named last.
fn way(line: &Line, otherwise: Way) -> Way {
    let named = line.options.iter().rev().find_map(|(option, _)| match *option {
        "halt" => Some(Way::Halt),
        "poweroff" => Some(Way::Poweroff),
        "reboot" | "kexec" => Some(Way::Reboot),
        _ => None,
    });
    named.unwrap_or(otherwise)
}

fn halt(name: &str, words: &[String]) -> Result<(), Failed> {
    let Some(line) = line(name, HALT, words)? else { return Ok(()) };
    // What reboot(8) is given besides is for a kernel that a container has not.
    if line.operands.len() > usize::from(name == "reboot") {
        return Err(Failed::Told("Too many arguments.".to_owned()));
    }
    let way = way(
        &line,
        match name {
            "reboot" => Way::Reboot,
            "halt" => Way::Halt,
            _ => Way::Poweroff,
        },
    );
    if line.has("wtmp-only") {
        return Ok(());
    }
    if !line.has("force") && !line.has("no-wall") {
        warn_of_now(way, "")?;
    }
    leave(way, line.has("force"))
}

/// Everybody is told, if whoever asks will be heard.
fn warn_of_now(way: Way, message: &str) -> Result<(), Failed> {
    drop(Session::open()?);
    if geteuid().is_root() {
        wall::warn(way, None, message, &caller());
    }
    Ok(())
}

fn leave(way: Way, at_once: bool) -> Result<(), Failed> {
    fiefctl::power::leave_by(way, at_once).map(drop)
}

fn shutdown(words: &[String]) -> Result<(), Failed> {
    let Some(line) = line("shutdown", SHUTDOWN, words)? else { return Ok(()) };
    if line.has("show") {
        let plan = Plan::pending().ok_or_else(|| Failed::Told("No scheduled shutdown.".to_owned()))?;
        say::error(format_args!("{plan}"));
        return Ok(());
    }
    let is_loud = !line.has("no-wall");
    if line.has("c") {
        return cancel(is_loud.then(|| line.operands.join(" ")));
    }
    let when = match line.operands.first() {
        None => When::IN_A_MINUTE,
        Some(text) => When::read(text).ok_or_else(|| Failed::Told(format!("Failed to parse time specification: {text}")))?,
    };
    let mode = way(&line, Way::Poweroff);
    let message = line.operands.get(1..).unwrap_or_default().join(" ");
    let dry = line.has("k");
    let Some(at) = when.moment() else {
        if is_loud {
            warn_of_now(mode, &message)?;
        }
        return if dry { Ok(()) } else { leave(mode, false) };
    };
    let plan = Plan { at, mode, dry, is_loud, message };
    let unit = pending_unit()?;
    let mut session = Session::open()?;
    // Another may be pending: it goes first, and then its files.
    session.done(&Request::Stop { units: vec![unit.clone()] })?;
    let failed = |why: String| Failed::Told(format!("Failed to schedule shutdown: {why}"));
    plan.write().map_err(|trouble| failed(say::chain(&trouble)))?;
    let results = session.done(&Request::Start { units: vec![unit] })?;
    if let Some(bad) = results.iter().find(|result| result.outcome != Outcome::Ok) {
        plan::forget();
        return Err(failed(format!("{}: {:?}", bad.unit, bad.outcome)));
    }
    if is_loud {
        wall::warn(plan.mode, Some(plan.at), &plan.message, &caller());
    }
    say::error(format_args!("{plan}"));
    Ok(())
}

fn cancel(message: Option<String>) -> Result<(), Failed> {
    let was_pending = Plan::pending().is_some();
    Session::open()?.done(&Request::Stop { units: vec![pending_unit()?] })?;
    plan::forget();
    if let Some(message) = message.filter(|_| was_pending) {
        let message = if message.is_empty() { message } else { message + "\n" };
        wall::broadcast(&format!("{message}System shutdown has been cancelled"), &caller());
    }
    Ok(())
}

fn pending_unit() -> Result<UnitName, Failed> {
    UnitName::new(PENDING).map_err(|why| Failed::Name(PENDING.to_owned(), why))
}

/// Who asks, by name, and from which terminal.
fn caller() -> wall::Caller {
    let uid = getuid().to_string();
    let name = Accounts::read().ok().and_then(|accounts| accounts.user(&uid)).map_or(uid, |user| user.name);
    let terminal = std::fs::read_link("/proc/self/fd/0").ok().and_then(|path| path.to_str().map(str::to_owned));
    wall::Caller { name, terminal: terminal.and_then(|path| path.strip_prefix("/dev/").map(str::to_owned)).filter(|name| name != "null") }
}

fn telinit(name: &str, words: &[String]) -> Result<(), Failed> {
    let Some(line) = line(name, TELINIT, words)? else { return Ok(()) };
    let told = |text: String| Err(Failed::Told(text));
    let level = match line.operands.as_slice() {
        [] => return told(format!("{name}: required argument missing.")),
        [level] => level,
        _ => return told("Too many arguments.".to_owned()),
    };
    let isolate = |target: &str| {
        let unit = UnitName::new(target).map_err(|why| Failed::Name(target.to_owned(), why))?;
        Session::open()?.done(&Request::Isolate { unit }).map(drop)
    };
    match level.as_str() {
        "0" => leave(Way::Poweroff, false),
        "6" => leave(Way::Reboot, false),
        "1" | "s" | "S" => isolate("rescue.target"),
        "2" | "3" | "4" => isolate("multi-user.target"),
        "5" => isolate("graphical.target"),
        "q" | "Q" => Session::open()?.reread().map(drop),
        "u" | "U" => fiefctl::power::renew(),
        one if one.chars().count() == 1 => told(format!("Unknown command '{one}'.")),
        _ => told("Expected single character argument.".to_owned()),
    }
}

fn runlevel(words: &[String]) -> Result<(), Failed> {
    let Some(line) = line("runlevel", &[], words)? else { return Ok(()) };
    if !line.operands.is_empty() {
        return Err(Failed::Told("Too many arguments.".to_owned()));
    }
    let level = |name: &str| std::env::var(name).ok().and_then(|text| text.chars().next());
    let told = level("RUNLEVEL").map(|now| (level("PREVLEVEL"), now));
    let Some((before, now)) = told.or_else(|| utmp::level(utmp::books())) else {
        output("unknown\n")?;
        return Err(Failed::Told("No record of a runlevel in /run/utmp.".to_owned()));
    };
    output(&format!("{} {now}\n", before.unwrap_or('N')))
}
