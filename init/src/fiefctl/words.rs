//! The command line of fiefctl.

use units::UnitName;
use units::control::{Detail, LogsRequest, Request, Way};

/// `fiefctl --help`.
pub(super) const USAGE: &str = "\
usage: fiefctl [--json] VERB

  list [--all]                 the units and what they do; --all: also those that are down
  status [UNIT…]               one unit in detail, with its last lines
  start|stop|restart UNIT…     and wait until it is done
  reload UNIT…                 have it read its configuration again
  daemon-reload                read the unit files again; what is up stays up
  reset-failed [UNIT…]         forget failures
  logs [UNIT] [-n N] [-f]      what it said; -f: and what it says
  account [UNIT…]              memory, CPU, tasks and I/O used
  poweroff|reboot|halt [-f]    leave in order; -f: at once

A unit's \".service\" may be left out.
Exit codes: 0 done, 1 failed, 2 not understood, 3 not running, 4 no such unit,
5 init does not answer.";

/// A command line that was understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) ask: Ask,
    pub(super) form: Form,
}

/// How the answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Form {
    /// For the eye; of a list, what is up or should be.
    #[default]
    Table,
    /// The same with all units.
    Whole,
    /// The answer itself.
    Json,
}

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Plain(Request),
    Status(Vec<UnitName>),
    Help,
}

/// Why a command line is not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unclear {
    #[error("which verb?")]
    NoVerb,
    #[error("{0}: unknown verb")]
    Verb(String),
    #[error("{0}: unknown option")]
    Option(String),
    #[error("{0} wants a unit")]
    NoUnit(String),
    #[error("{0}: {1}")]
    Name(String, units::NameError),
    #[error("-n wants a number")]
    Number,
    #[error("{0} takes no unit")]
    Unexpected(String),
}

/// Read a command line.
pub(super) fn read(arguments: &[String]) -> Result<Line, Unclear> {
    let mut form = Form::default();
    let mut help = false;
    let mut force = false;
    let mut logs = LogsRequest::default();
    let mut words = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => form = Form::Json,
            "-a" | "--all" if form == Form::Json => {}
            "-a" | "--all" => form = Form::Whole,
            "-h" | "--help" | "help" => help = true,
            "-f" | "--follow" | "--force" => force = true,
            "-n" | "--lines" => {
                let count = arguments.next().and_then(|count| count.parse().ok()).ok_or(Unclear::Number)?;
                logs.lines = Some(count);
            }
            option if option.starts_with('-') => {
                let count = option.strip_prefix("-n").and_then(|count| count.parse().ok());
                logs.lines = Some(count.ok_or_else(|| Unclear::Option(option.to_owned()))?);
            }
            word => words.push(word.to_owned()),
        }
    }
    if help {
        return Ok(Line { ask: Ask::Help, form });
    }
    let mut words = words.into_iter();
    let verb = words.next().ok_or(Unclear::NoVerb)?;
    let units = words.map(|word| UnitName::new(&word).map_err(|why| Unclear::Name(word, why))).collect::<Result<Vec<_>, _>>()?;
    let some = |units: Vec<UnitName>| {
        if units.is_empty() { Err(Unclear::NoUnit(verb.clone())) } else { Ok(units) }
    };
    let leave = |way| Request::Leave { way, at_once: force };
    let request = match verb.as_str() {
        "list" | "list-units" => Request::list(),
        "status" | "show" => return Ok(Line { ask: Ask::Status(units), form }),
        "start" => Request::Start { units: some(units)? },
        "stop" => Request::Stop { units: some(units)? },
        "restart" => Request::Restart { units: some(units)? },
        "daemon-reload" if units.is_empty() => Request::DaemonReload {},
        "reload" => Request::Reload { units: some(units)? },
        "reset-failed" => Request::ResetFailed { units },
        "account" | "top" => Request::List { units, with: vec![Detail::Account] },
        "logs" | "log" => {
            logs.units = units;
            logs.follow = force;
            Request::Logs(logs)
        }
        "poweroff" | "reboot" | "halt" if !units.is_empty() => return Err(Unclear::Unexpected(verb)),
        "poweroff" => leave(Way::Poweroff),
        "reboot" => leave(Way::Reboot),
        "halt" => leave(Way::Halt),
        _ => return Err(Unclear::Verb(verb)),
    };
    Ok(Line { ask: Ask::Plain(request), form })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plain(line: &str) -> Result<Request, Unclear> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        read(&words).map(|line| match line.ask {
            Ask::Plain(request) => request,
            Ask::Status(units) => Request::List { units, with: Vec::new() },
            Ask::Help => Request::list(),
        })
    }

    #[test]
    fn verbs_become_requests() {
        let ssh = || vec![UnitName::new("ssh").unwrap()];
        assert_eq!(plain("restart ssh"), Ok(Request::Restart { units: ssh() }));
        assert_eq!(plain("status ssh.service"), Ok(Request::List { units: ssh(), with: Vec::new() }));
        assert_eq!(
            plain("logs -n 5 -f ssh"),
            Ok(Request::Logs(LogsRequest { units: ssh(), lines: Some(5), follow: true, ..LogsRequest::default() }))
        );
        assert_eq!(plain("--json reboot -f"), Ok(Request::Leave { way: Way::Reboot, at_once: true }));
        assert_eq!(plain("daemon-reload"), Ok(Request::DaemonReload {}));
        assert_eq!(plain("stop"), Err(Unclear::NoUnit("stop".to_owned())));
        assert_eq!(plain("logs --never"), Err(Unclear::Option("--never".to_owned())));
        assert_eq!(plain("fly"), Err(Unclear::Verb("fly".to_owned())));
    }
}
