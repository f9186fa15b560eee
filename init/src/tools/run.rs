//! `systemd-run`: a program as a unit of its own, now or by a timer. systemd-run(1).
//!
//! ```text
//!   words ─▶ plan ─▶ texts ─┬─▶ /run/systemd/transient, for whoever wants to read them
//!                           └─▶ Request::Run ─▶ PID 1 has the units until they are over
//! ```

pub(crate) mod plan;
pub(crate) mod scope;
mod terminal;

use std::fs;
use std::process::ExitCode;

use units::UnitName;
use units::control::{Fragment, MainExit, Outcome, Reply, Request, Then, UnitRow};
use units::file::transient;

use super::fail;
use crate::fiefctl::session::{Failed, Session};
use crate::getopt::{self, Opt, Order, Takes};
use crate::{say, telling};
use plan::{Plan, Stdio};
use terminal::Terminal;

const OPTIONS: &[Opt] = &[
    Opt("no-ask-password", '\0', Takes::Nothing),
    Opt("user", '\0', Takes::Nothing),
    Opt("system", '\0', Takes::Nothing),
    Opt("host", 'H', Takes::Value),
    Opt("machine", 'M', Takes::Value),
    Opt("scope", '\0', Takes::Nothing),
    Opt("unit", 'u', Takes::Value),
    Opt("property", 'p', Takes::Value),
    Opt("description", '\0', Takes::Value),
    Opt("slice", '\0', Takes::Value),
    Opt("slice-inherit", '\0', Takes::Nothing),
    Opt("no-block", '\0', Takes::Nothing),
    Opt("remain-after-exit", 'r', Takes::Nothing),
    Opt("wait", '\0', Takes::Nothing),
    Opt("send-sighup", '\0', Takes::Nothing),
    Opt("service-type", '\0', Takes::Value),
    Opt("uid", '\0', Takes::Value),
    Opt("gid", '\0', Takes::Value),
    Opt("nice", '\0', Takes::Value),
    Opt("working-directory", '\0', Takes::Value),
    Opt("same-dir", 'd', Takes::Nothing),
    Opt("setenv", 'E', Takes::Value),
    Opt("pty", 't', Takes::Nothing),
    Opt("pipe", 'P', Takes::Nothing),
    Opt("quiet", 'q', Takes::Nothing),
    Opt("collect", 'G', Takes::Nothing),
    Opt("shell", 'S', Takes::Nothing),
    Opt("path-property", '\0', Takes::Value),
    Opt("socket-property", '\0', Takes::Value),
    Opt("on-active", '\0', Takes::Value),
    Opt("on-boot", '\0', Takes::Value),
    Opt("on-startup", '\0', Takes::Value),
    Opt("on-unit-active", '\0', Takes::Value),
    Opt("on-unit-inactive", '\0', Takes::Value),
    Opt("on-calendar", '\0', Takes::Value),
    Opt("on-timezone-change", '\0', Takes::Nothing),
    Opt("on-clock-change", '\0', Takes::Nothing),
    Opt("timer-property", '\0', Takes::Value),
];

const HELP: &str = "\
systemd-run [OPTIONS...] COMMAND [ARGUMENTS...]

Run the specified command in a transient service.

  -h --help                       Show this help
     --version                    Show package version
  -u --unit=UNIT                  Run under the specified unit name
  -p --property=NAME=VALUE        Set service unit property
     --description=TEXT           Description for unit
     --slice=SLICE                Run in the specified slice
     --no-block                   Do not wait until operation finished
  -r --remain-after-exit          Leave service around until explicitly stopped
     --wait                       Wait until service stopped again
     --send-sighup                Send SIGHUP when terminating
     --service-type=TYPE          Service type
     --uid=USER                   Run as system user
     --gid=GROUP                  Run as system group
     --nice=NICE                  Nice level
     --working-directory=PATH     Set working directory
  -d --same-dir                   Inherit working directory from caller
  -E --setenv=NAME[=VALUE]        Set environment variable
  -t --pty                        Run service on pseudo TTY as STDIN/STDOUT/
                                  STDERR
  -P --pipe                       Pass STDIN/STDOUT/STDERR directly to service
  -q --quiet                      Suppress information messages during runtime
  -G --collect                    Unload unit after it ran, even when failed
  -S --shell                      Invoke a $SHELL interactively

Path options:
     --path-property=NAME=VALUE   Set path unit property

Socket options:
     --socket-property=NAME=VALUE Set socket unit property

Timer options:
     --on-active=SECONDS          Run after SECONDS delay
     --on-boot=SECONDS            Run SECONDS after machine was booted up
     --on-startup=SECONDS         Run SECONDS after systemd activation
     --on-unit-active=SECONDS     Run SECONDS after the last activation
     --on-unit-inactive=SECONDS   Run SECONDS after the last deactivation
     --on-calendar=SPEC           Realtime timer
     --on-timezone-change         Run when the timezone changes
     --on-clock-change            Run when the realtime clock jumps
     --timer-property=NAME=VALUE  Set timer unit property
";

/// What ends by a signal; systemd's `EXIT_EXCEPTION`.
const BY_SIGNAL: u8 = 255;

pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    let line = match super::answered(getopt::read(OPTIONS, Order::OptionsFirst, words), name, HELP) {
        Ok(line) => line,
        Err(status) => return status,
    };
    match Plan::read(&line).map_err(Failed::Told).and_then(|plan| carry_out(&plan)) {
        Ok(code) => ExitCode::from(code),
        Err(Failed::Told(text)) => fail(format_args!("{text}")),
        Err(Failed::Connect(_)) => fail(format_args!("Failed to connect to bus: Host is down")),
        Err(other) => fail(format_args!("{name}: {}", say::chain(&other))),
    }
}

fn carry_out(plan: &Plan) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    if let Some(caller) = &plan.scope {
        return scope::run(plan, caller, &mut session);
    }
    let terminal =
        if plan.stdio == Stdio::Terminal { Some(Terminal::open().map_err(|e| failed_to_start(plan, &say::reason(&e)))?) } else { None };
    let units = plan.fragments(terminal.as_ref().map(Terminal::path).as_deref());
    let told: Vec<UnitName> = units.iter().map(|fragment| fragment.name.clone()).collect();
    let files = show_as_files(&mut session, &units)?;
    session.ask(&Request::Run { units, collect: plan.collect, then: plan.then })?;
    if plan.then == Then::Over {
        announce(plan, &told);
    }
    let reply = match terminal {
        Some(terminal) => terminal.forward(&mut session)?,
        None => session.next()?,
    };
    match reply {
        Some(Reply::Units { units }) => Ok(units.first().map_or(1, |row| ended(plan, row))),
        other => {
            begun(plan, other, &files)?;
            announce(plan, &told);
            Ok(0)
        }
    }
}

/// Whether they were begun.
fn begun(plan: &Plan, reply: Option<Reply>, files: &[String]) -> Result<(), Failed> {
    let Some(Reply::Done { results }) = reply else { return Err(Failed::Told("The system is going down.".to_owned())) };
    for result in &results {
        match &result.outcome {
            Outcome::Ok | Outcome::Queued => {}
            Outcome::Refused(why) => {
                files.iter().for_each(|path| drop(fs::remove_file(path)));
                return Err(failed_to_start(plan, why));
            }
            Outcome::Failed(_) | Outcome::Skipped(_) | Outcome::Timeout | Outcome::Cancelled => {
                let unit = result.unit.as_str();
                return Err(Failed::Told(format!(
                    "Job for {unit} failed.\nSee \"systemctl status {unit}\" and \"journalctl -xeu {unit}\" for details."
                )));
            }
        }
    }
    Ok(())
}

fn failed_to_start(plan: &Plan, why: &str) -> Failed {
    let what = if plan.scope.is_some() {
        "scope"
    } else if plan.trigger.is_some() {
        "timer"
    } else {
        "service"
    };
    Failed::Told(format!("Failed to start transient {what} unit: {why}"))
}

/// So that `systemctl cat` has something to show; which are written. PID 1 takes them away with the units; of a name that it has already nothing
/// is touched.
pub(crate) fn show_as_files(session: &mut Session, units: &[Fragment]) -> Result<Vec<String>, Failed> {
    let names: Vec<UnitName> = units.iter().map(|fragment| fragment.name.clone()).collect();
    let known = session.rows(&names, &[])?;
    let _ = fs::create_dir_all(transient::FOLDER);
    let mut written = Vec::new();
    for Fragment { name, text } in units {
        let is_new = known.iter().all(|row| row.name != *name || row.load == units::control::LoadState::NotFound);
        if is_new {
            let path = transient::path(name);
            if fs::write(&path, text).is_ok() {
                written.push(path);
            }
        }
    }
    Ok(written)
}

fn announce(plan: &Plan, units: &[UnitName]) {
    if plan.quiet {
        return;
    }
    match (&plan.trigger, units) {
        (None, [.., unit]) => say::error(format_args!("Running as unit: {}", unit.as_str())),
        (Some(trigger), _) => {
            say::error(format_args!("Running {} as unit: {}", trigger.kind, trigger.name.as_str()));
            if !plan.command.is_empty() {
                say::error(format_args!("Will run service as unit: {}", plan.service.as_str()));
            }
        }
        (None, []) => {}
    }
}

/// How it was, in words and as an exit status.
fn ended(plan: &Plan, row: &UnitRow) -> u8 {
    if !plan.quiet {
        say::error(format_args!("Finished with result: {}", row.verdict));
        match row.main_exit {
            Some(MainExit::Code(code)) => say::error(format_args!("Main processes terminated with: code=exited/status={code}")),
            Some(MainExit::Signal(signal)) => {
                let name = signal.to_string();
                say::error(format_args!("Main processes terminated with: code=killed/status={}", name.trim_start_matches("SIG")));
            }
            None => {}
        }
        if let (Some(began), Some(down)) = (row.moments.began_us, row.moments.down_us) {
            let span = std::time::Duration::from_micros(down.saturating_sub(began));
            say::error(format_args!("Service runtime: {}", telling::span(span)));
        }
    }
    match (row.verdict.as_str(), row.main_exit) {
        ("success", _) => 0,
        ("exit-code", Some(MainExit::Code(code))) if code > 0 => code,
        ("signal", _) => BY_SIGNAL,
        (_, _) => 1,
    }
}
