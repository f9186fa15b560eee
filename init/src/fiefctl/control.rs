//! Verbs that change what units do.

use serde_json::json;
use units::UnitName;
use units::control::{Job, KillWhom, NO_SUCH_UNIT, Outcome, Request, UnitResult};
use units::value::Signal;

use super::line::{Line, Unclear};
use super::session::{Failed, Session, code};
use super::{names, output, standstill};
use crate::say;

/// `start`, `stop`, `restart` and their kin.
pub(super) fn job(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let units = names::resolve(&mut session, &line.operands)?;
    let (job, waited): (Job, fn(Vec<UnitName>) -> Request) = match line.verb.name {
        "start" => (Job::Start, |units| Request::Start { units }),
        "stop" => (Job::Stop, |units| Request::Stop { units }),
        "restart" => (Job::Restart, |units| Request::Restart { units }),
        "try-restart" => (Job::TryRestart, |units| Request::TryRestart { units }),
        "reload" => (Job::Reload, |units| Request::Reload { units }),
        "reload-or-restart" => (Job::ReloadOrRestart, |units| Request::ReloadOrRestart { units }),
        _ => (Job::TryReloadOrRestart, |units| Request::TryReloadOrRestart { units }),
    };
    let request = if line.has("no-wait") { Request::Queue { job, units } } else { waited(units) };
    report(line, &session.done(&request)?)
}

/// `isolate`
pub(super) fn isolate(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    match names::resolve(&mut session, &line.operands)?.as_slice() {
        [unit] => report(line, &session.done(&Request::Isolate { unit: unit.clone() })?),
        _ => Err(Unclear::Bad(line.operands.join(" "), "one unit is wanted".to_owned()).into()),
    }
}

/// `kill`
pub(super) fn kill(line: &Line) -> Result<u8, Failed> {
    let signal = match line.value("signal") {
        None => Signal::TERM,
        Some(text) => Signal::read(text).map_err(|why| Unclear::Bad("--signal".to_owned(), why.to_string()))?,
    };
    let whom = match line.value("whom") {
        None | Some("all") => KillWhom::All,
        Some("main") => KillWhom::Main,
        Some("control") => KillWhom::Control,
        Some(odd) => return Err(Unclear::Bad("--whom".to_owned(), format!("{odd:?} is none of main, control, all")).into()),
    };
    each(line, |units| Request::Kill { units, whom, signal })
}

/// `freeze`: done when they stand still.
pub(super) fn freeze(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let units = names::resolve(&mut session, &line.operands)?;
    report(line, &standstill::freeze(&mut session, units)?)
}

/// `thaw`
pub(super) fn thaw(line: &Line) -> Result<u8, Failed> {
    each(line, |units| Request::Thaw { units })
}

/// `reset-failed`
pub(super) fn reset_failed(line: &Line) -> Result<u8, Failed> {
    each(line, |units| Request::ResetFailed { units })
}

fn each(line: &Line, request: impl FnOnce(Vec<UnitName>) -> Request) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let units = names::resolve(&mut session, &line.operands)?;
    report(line, &session.done(&request(units))?)
}

/// `reload-units`
pub(super) fn reload_units(line: &Line) -> Result<u8, Failed> {
    let (difference, problems) = Session::open()?.reread()?;
    if line.has("json") {
        output(&format!(
            "{}\n",
            json!({ "added": difference.added, "removed": difference.removed, "changed": difference.changed, "problems": problems })
        ))?;
        return Ok(code::OK);
    }
    for problem in &problems {
        say::error(format_args!("{problem}"));
    }
    for (word, names) in [("added", &difference.added), ("changed", &difference.changed), ("removed", &difference.removed)] {
        if !names.is_empty() {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            output(&format!("{word}: {}\n", names.join(" ")))?;
        }
    }
    Ok(code::OK)
}

/// Say what went wrong; what went well needs no word.
pub(super) fn report(line: &Line, results: &[UnitResult]) -> Result<u8, Failed> {
    if line.has("json") {
        let all: Vec<_> = results.iter().map(|result| json!(result)).collect();
        output(&super::json_lines(&all))?;
    } else if !line.has("quiet") {
        for result in results {
            let unit = &result.unit;
            match &result.outcome {
                Outcome::Ok | Outcome::Queued => {}
                Outcome::Skipped(why) => say::error(format_args!("{unit}: skipped: {why}")),
                Outcome::Failed(why) => {
                    say::error(format_args!("{unit}: failed: {why}"));
                    say::error(format_args!("  fiefctl status {unit} says more"));
                }
                Outcome::Refused(why) => say::error(format_args!("{unit}: {why}")),
                Outcome::Timeout => say::error(format_args!("{unit}: it took longer than may be waited for")),
                Outcome::Cancelled => say::error(format_args!("{unit}: cancelled by a later request")),
            }
        }
    }
    Ok(results.iter().map(code_of).max().unwrap_or(code::OK))
}

fn code_of(result: &UnitResult) -> u8 {
    match &result.outcome {
        Outcome::Ok | Outcome::Skipped(_) | Outcome::Queued => code::OK,
        Outcome::Refused(why) if why == NO_SUCH_UNIT => code::NO_SUCH_UNIT,
        Outcome::Failed(_) | Outcome::Refused(_) | Outcome::Cancelled | Outcome::Timeout => code::FAILED,
    }
}
