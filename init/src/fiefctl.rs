//! `fiefctl`: asks init over its control socket and shows the answers.
//!
//! Tables on a terminal and in a pipe alike, colours on a terminal only, `--json` for programs.
//! Exit codes: 0 done, 1 failed, 2 not understood, 3 not running, 4 no such unit, 5 init does not
//! answer; 3 and 4 as systemctl(1) and LSB have them for `status`.

mod show;
mod table;
mod words;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use kernel::power::Mandate;
use units::control::{ActiveState, CONTROL_SOCKET, Detail, LoadState, LogsRequest, Outcome, Reply, Request, UnitResult};

use crate::power::{Asked, USAGE};
use crate::say;
use words::{Ask, Form, Line};

const FAILED: u8 = 1;
const USAGE_ERROR: u8 = 2;
const INACTIVE: u8 = 3;
const NO_SUCH_UNIT: u8 = 4;
const NO_ANSWER: u8 = 5;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("cannot reach init at {CONTROL_SOCKET}")]
    Connect(#[source] std::io::Error),
    #[error("init does not answer")]
    Talk(#[source] std::io::Error),
    #[error("init answers nonsense")]
    Nonsense(#[source] serde_json::Error),
}

/// `fiefctl …`
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let Line { ask, form } = match words::read(arguments) {
        Ok(line) => line,
        Err(why) => {
            say::error(format_args!("fiefctl: {why}\n\n{}", words::USAGE));
            return ExitCode::from(USAGE_ERROR);
        }
    };
    let done = match ask {
        Ask::Help => {
            say::line(format_args!("{}", words::USAGE));
            return ExitCode::SUCCESS;
        }
        Ask::Status(units) if form != Form::Json && !units.is_empty() => status(units),
        Ask::Status(units) => ask_for(&Request::List { units, with: vec![Detail::Account] }, form),
        Ask::Plain(Request::Logs(wanted)) => logs(wanted, form),
        Ask::Plain(request) => ask_for(&request, form),
    };
    done.unwrap_or_else(|why| {
        say::error(format_args!("fiefctl: {}", say::chain(&why)));
        ExitCode::from(NO_ANSWER)
    })
}

/// `poweroff`, `reboot` and their kin.
pub(crate) fn power(name: &str, arguments: &[String]) -> ExitCode {
    let asked = match crate::power::read(name, arguments) {
        Ok(asked) => asked,
        Err(why) => {
            say::error(format_args!("{name}: {why}\n\n{USAGE}"));
            return ExitCode::from(USAGE_ERROR);
        }
    };
    let request = match asked {
        Asked::Leave(way) => Request::Leave { way, at_once: false },
        Asked::LeaveNow(way) => Request::Leave { way, at_once: true },
        Asked::Runlevel => {
            say::line(format_args!("N 5"));
            return ExitCode::SUCCESS;
        }
        Asked::Help => {
            say::line(format_args!("{USAGE}"));
            return ExitCode::SUCCESS;
        }
        Asked::Nothing => return ExitCode::SUCCESS,
        Asked::Reload => Request::DaemonReload {},
    };
    match ask_for(&request, Form::Table) {
        Ok(code) => code,
        Err(why) => {
            // No signal to PID 1 instead: where our init does not answer, PID 1 may be the
            // machine's own.
            let hint = match Mandate::ours() {
                Ok(_) => "",
                Err(_) => "; is fief-init PID 1 here?",
            };
            say::error(format_args!("{name}: {}{hint}", say::chain(&why)));
            ExitCode::from(NO_ANSWER)
        }
    }
}

/// Ask, and show every answer as it comes.
fn ask_for(request: &Request, form: Form) -> Result<ExitCode, NoAnswer> {
    let stream = UnixStream::connect(CONTROL_SOCKET).map_err(NoAnswer::Connect)?;
    let mut code = 0;
    talk(stream, request, |line, reply| {
        let shown = if form == Form::Json { say::raw(format!("{line}\n").as_bytes()) } else { show::reply(request, &reply, form) };
        code = code.max(exit_code(request, &reply));
        if let Err(error) = &shown
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            say::error(format_args!("fiefctl: writing the output: {error}"));
            code = code.max(FAILED);
        }
        // Nobody reads any more: head(1) has had enough.
        let ends = !matches!(reply, Reply::Log(_) | Reply::Units { .. }) || shown.is_err();
        Ok(!ends)
    })?;
    Ok(ExitCode::from(code))
}

/// `fiefctl logs`: of a unit that there is; of another there would be silence for ever.
fn logs(wanted: LogsRequest, form: Form) -> Result<ExitCode, NoAnswer> {
    for unit in &wanted.units {
        let stream = UnixStream::connect(CONTROL_SOCKET).map_err(NoAnswer::Connect)?;
        let request = Request::List { units: vec![unit.clone()], with: Vec::new() };
        let mut there = false;
        talk(stream, &request, |_, reply| {
            there = exit_code(&request, &reply) != NO_SUCH_UNIT;
            Ok(false)
        })?;
        if !there {
            say::error(format_args!("{unit}: no such unit"));
            return Ok(ExitCode::from(NO_SUCH_UNIT));
        }
    }
    ask_for(&Request::Logs(wanted), form)
}

/// `fiefctl status UNIT…`: what it does, and the last it has said.
fn status(units: Vec<units::UnitName>) -> Result<ExitCode, NoAnswer> {
    let request = Request::List { units, with: vec![Detail::Account] };
    let stream = UnixStream::connect(CONTROL_SOCKET).map_err(NoAnswer::Connect)?;
    let mut rows = Vec::new();
    let mut code = 0;
    talk(stream, &request, |_, reply| {
        code = code.max(exit_code(&request, &reply));
        match reply {
            Reply::Units { units } => rows.extend(units),
            Reply::End => return Ok(false),
            other => drop(show::reply(&request, &other, Form::Table)),
        }
        Ok(true)
    })?;
    for row in &rows {
        let mut lines = Vec::new();
        let logs = Request::Logs(LogsRequest { units: vec![row.name.clone()], lines: Some(10), ..LogsRequest::default() });
        if let Ok(stream) = UnixStream::connect(CONTROL_SOCKET) {
            // Who is not root sees the state without the log.
            let _ = talk(stream, &logs, |_, reply| {
                let Reply::Log(line) = reply else { return Ok(false) };
                lines.push(line);
                Ok(true)
            });
        }
        if show::status(row, &lines).is_err() {
            break;
        }
    }
    Ok(ExitCode::from(code))
}

/// Send a request, give every answer to `each` until that says that it is the last.
fn talk(stream: UnixStream, request: &Request, mut each: impl FnMut(&str, Reply) -> Result<bool, NoAnswer>) -> Result<(), NoAnswer> {
    let mut text = serde_json::to_string(request).map_err(NoAnswer::Nonsense)?;
    text.push('\n');
    (&stream).write_all(text.as_bytes()).map_err(NoAnswer::Talk)?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).map_err(NoAnswer::Talk)? == 0 {
            // A system that is leaving may be gone before it has said so.
            return match request {
                Request::Leave { .. } | Request::Logs(_) => Ok(()),
                _ => Err(NoAnswer::Talk(std::io::ErrorKind::UnexpectedEof.into())),
            };
        }
        let reply = serde_json::from_str(&line).map_err(NoAnswer::Nonsense)?;
        if !each(line.trim_end(), reply)? {
            return Ok(());
        }
    }
}

fn exit_code(request: &Request, reply: &Reply) -> u8 {
    match reply {
        Reply::Refused { .. } => FAILED,
        Reply::Done { results } => results.iter().map(of_result).max().unwrap_or(0),
        Reply::Units { units } if matches!(request, Request::List { units, .. } if !units.is_empty()) => {
            let of_row = |row: &units::control::UnitRow| match (row.load, row.active) {
                (LoadState::NotFound, _) => NO_SUCH_UNIT,
                (_, ActiveState::Active | ActiveState::Reloading | ActiveState::Activating) => 0,
                _ => INACTIVE,
            };
            units.iter().map(of_row).max().unwrap_or(NO_SUCH_UNIT)
        }
        _ => 0,
    }
}

fn of_result(result: &UnitResult) -> u8 {
    match &result.outcome {
        Outcome::Ok | Outcome::Skipped(_) | Outcome::Queued => 0,
        Outcome::Refused(why) if why == units::control::NO_SUCH_UNIT => NO_SUCH_UNIT,
        Outcome::Failed(_) | Outcome::Refused(_) | Outcome::Cancelled => FAILED,
    }
}
