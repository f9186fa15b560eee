//! `start`, `stop` and their kin; `kill`, `freeze`, `reset-failed`.
//!
//! ```text
//!   names ─▶ rows: not found, masked, cannot ─▶ "Failed to start x.service: …"
//!                └ the others, at once ─▶ init ─▶ "Job for x.service failed because …"
//! ```

use units::UnitName;
use units::control::{Detail, Job, LoadState, Outcome, Refusal, Request, UnitResult, UnitRow};
use units::value::Signal;

use crate::fiefctl::line::Line;
use crate::fiefctl::session::{Failed, Session};
use crate::fiefctl::{due, standstill};
use crate::say;

use super::names::{self, is_in_memory};
use super::unfit::{self, Denied, Unfit};
use super::{alive, code};

/// Why a unit is not even tried, in the words of systemd's errors, and the exit code.
struct Refused {
    why: String,
    code: u8,
    /// Whether one is sent to the log.
    logged: bool,
}

impl Refused {
    fn logged(why: String, code: u8) -> Self {
        Self { why, code, logged: true }
    }
}

/// `start`, `stop`, `reload`, `restart`, `try-restart`, `reload-or-restart`, `try-reload-or-restart`, `isolate`
pub(super) fn job(line: &Line) -> Result<u8, Failed> {
    if line.has("wait") && line.has("no-block") {
        return Err(Failed::Told("--wait may not be combined with --no-block.".to_owned()));
    }
    let isolates = line.verb.name == "isolate" || line.value("job-mode") == Some("isolate");
    let words: Vec<String> = match line.verb.name == "isolate" {
        true => line.operands.iter().map(|word| with_suffix(word, "target")).collect(),
        false => line.operands.clone(),
    };
    carry_out(line, if isolates { "start" } else { line.verb.name }, &words, isolates)
}

/// `--job-mode=`: what is to be done about other jobs before; the exit code where nothing is done.
fn make_way(line: &Line, verb: &str, session: &mut Session, rows: &[UnitRow]) -> Result<Option<u8>, Failed> {
    let refuse = |refused: &Refused| rows.iter().fold(code::OK, |_, row| tell_refused(line, verb, &row.name, refused));
    match line.value("job-mode") {
        None | Some("replace" | "replace-irreversibly" | "isolate") => Ok(None),
        Some("fail") => {
            let contradicts = |row: &&UnitRow| row.job.as_ref().is_some_and(|job| (job.kind == "stop") != (verb == "stop"));
            let Some(row) = rows.iter().find(contradicts) else { return Ok(None) };
            let is = row.job.as_ref().map_or("", |job| job.kind.as_str());
            let why = format!(
                "Transaction for {0}/{verb} is destructive ({0} has '{is}' job queued, but '{verb}' is included in transaction).",
                row.name.as_str()
            );
            Ok(Some(refuse(&Refused::logged(why, code::NOT_ALLOWED))))
        }
        Some("flush") => session.done(&Request::Cancel { jobs: Vec::new() }).map(|_| None),
        Some("triggering") if verb == "stop" => Ok(None),
        Some("triggering") => Ok(Some(refuse(&Refused::logged("--job-mode=triggering is only valid for stop.".to_owned(), code::FAILED)))),
        // Order and needs are what PID 1 is for.
        Some(mode @ ("ignore-dependencies" | "ignore-requirements")) => {
            Ok(Some(refuse(&Refused::logged(format!("Job mode {mode} is not supported"), code::FAILED))))
        }
        Some(mode) => Ok(Some(refuse(&Refused::logged(format!("Job mode {mode} invalid"), code::FAILED)))),
    }
}

/// A bare word with this suffix.
pub(super) fn with_suffix(word: &str, suffix: &str) -> String {
    if word.contains(['.', '/']) { word.to_owned() } else { format!("{word}.{suffix}") }
}

/// This verb's job for these units.
pub(super) fn carry_out(line: &Line, verb: &str, words: &[String], isolates: bool) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let named = names::expand(&mut session, words, line.has("all"))?;
    if named.is_empty() {
        return Ok(code::OK);
    }
    let mut rows = names::rows(&mut session, &named, if verb == "reload" { &[Detail::Properties] } else { &[] })?;
    let (mut worst, mut fit) = (code::OK, Vec::new());
    for row in rows.iter().filter(|row| !unfit::is_through(row, verb)) {
        match Unfit::of(row, verb) {
            None => fit.push(row.name.clone()),
            Some(unfit) => {
                let refused = Refused { why: unfit.why(row.name.as_str()), code: unfit.code(), logged: unfit.is_logged() };
                worst = tell_refused(line, verb, &row.name, &refused);
            }
        }
    }
    if fit.is_empty() {
        return Ok(worst);
    }
    if let Some(code) = make_way(line, verb, &mut session, &rows)? {
        return Ok(code);
    }
    let request = request(verb, isolates, line.has("no-block"), fit);
    let results = match session.done(&request) {
        Ok(results) => results,
        Err(Failed::Refused(_, kind)) => return Ok(refuse_all(line, verb, &rows, kind)),
        Err(other) => return Err(other),
    };
    // That a mask is new is no news to who masks.
    if !line.has("quiet") && line.verb.name != "mask" {
        due::look_anew(&mut rows);
        rows.iter()
            .filter(|row| row.reload_due == Some(true) && row.load == LoadState::Loaded && !row.sources.is_empty())
            .for_each(|row| alive::warn_of_change(&row.name));
        if verb == "stop" {
            warn_of_triggers(&mut session, &rows)?;
        }
    }
    for result in &results {
        worst = match judge(line, verb, &mut session, result)? {
            code::OK => worst,
            other => other,
        };
    }
    if worst == code::OK && line.has("wait") && verb != "stop" {
        return wait(&mut session, &rows);
    }
    Ok(worst)
}

/// The request for a verb's job; answered at once where nobody waits.
pub(crate) fn request(verb: &str, isolates: bool, nobody_waits: bool, mut units: Vec<UnitName>) -> Request {
    if isolates
        && units.len() == 1
        && let Some(unit) = units.pop()
    {
        return Request::Isolate { unit };
    }
    let (job, waited): (Job, fn(Vec<UnitName>) -> Request) = match verb {
        "start" => (Job::Start, |units| Request::Start { units }),
        "stop" => (Job::Stop, |units| Request::Stop { units }),
        "reload" => (Job::Reload, |units| Request::Reload { units }),
        "restart" => (Job::Restart, |units| Request::Restart { units }),
        "try-restart" => (Job::TryRestart, |units| Request::TryRestart { units }),
        "reload-or-restart" => (Job::ReloadOrRestart, |units| Request::ReloadOrRestart { units }),
        _ => (Job::TryReloadOrRestart, |units| Request::TryReloadOrRestart { units }),
    };
    if nobody_waits { Request::Queue { job, units } } else { waited(units) }
}

fn tell_refused(line: &Line, verb: &str, name: &UnitName, refused: &Refused) -> u8 {
    let name = name.as_str();
    // --quiet is about what goes well.
    let verb = if verb == "try-reload-or-restart" { "reload-or-try-restart" } else { verb };
    say::error(format_args!("Failed to {verb} {name}: {}", refused.why));
    if refused.logged && !line.has("quiet") {
        say::error(format_args!("See system logs and 'systemctl status {name}' for details."));
    }
    refused.code
}

fn refuse_all(line: &Line, verb: &str, rows: &[UnitRow], kind: Refusal) -> u8 {
    for row in rows {
        let name = row.name.as_str();
        let why = match kind {
            Refusal::NotAllowed => "Access denied".to_owned(),
            Refusal::Impossible | Refusal::NotUnderstood => unfit::is_leaving(name, verb),
        };
        tell_refused(line, verb, &row.name, &Refused::logged(why, code::NOT_ALLOWED));
    }
    code::NOT_ALLOWED
}

fn warn_of_triggers(session: &mut Session, rows: &[UnitRow]) -> Result<(), Failed> {
    for row in rows.iter().filter(|row| !row.triggered_by.is_empty()) {
        let triggers = session.rows(&row.triggered_by, &[])?;
        let up: String =
            triggers.iter().filter(|other| alive::is_active_row(other)).map(|other| format!("\n  {}", other.name.as_str())).collect();
        if !up.is_empty() {
            say::error(format_args!("Warning: Stopping {}, but it can still be activated by:{up}", row.name.as_str()));
        }
    }
    Ok(())
}

/// What became of a job, as systemctl(1) tells it; bus-wait-for-jobs.
fn judge(line: &Line, verb: &str, session: &mut Session, result: &UnitResult) -> Result<u8, Failed> {
    let name = result.unit.as_str();
    let told = match &result.outcome {
        Outcome::Ok | Outcome::Queued | Outcome::Skipped(_) => return Ok(code::OK),
        Outcome::Cancelled => format!("Job for {name} canceled."),
        Outcome::Timeout => format!("Job for {name} timed out."),
        Outcome::Refused(_) if verb == "reload" => format!("{name} is not active, cannot reload."),
        Outcome::Refused(why) => return refused(line, verb, session, result, why),
        Outcome::Failed(_) => {
            let row = session.rows(std::slice::from_ref(&result.unit), &[])?.pop();
            failed(name, row.as_ref().map_or("", |row| &row.verdict))
        }
    };
    if !line.has("quiet") {
        say::error(format_args!("{told}"));
    }
    Ok(code::FAILED)
}

fn refused(line: &Line, verb: &str, session: &mut Session, result: &UnitResult, why: &str) -> Result<u8, Failed> {
    let name = result.unit.as_str();
    let row = session.rows(std::slice::from_ref(&result.unit), &[Detail::Properties])?.pop();
    let is = |key: &str, value: &str| row.iter().flat_map(|row| &row.properties).any(|(name, is)| name == key && is == value);
    let text = match verb {
        "start" if is("CanIsolate", "no") && why.contains("isolate") => "Operation refused, unit may not be isolated.".to_owned(),
        "stop" if is("RefuseManualStop", "yes") => unfit::by_dependency_only(name),
        _ if is("RefuseManualStart", "yes") => unfit::by_dependency_only(name),
        _ => return Ok(tell_refused(line, verb, &result.unit, &Refused::logged(why.to_owned(), code::FAILED))),
    };
    Ok(tell_refused(line, verb, &result.unit, &Refused::logged(text, code::NOT_ALLOWED)))
}

/// By the word of systemd.exec(5), `$SERVICE_RESULT`.
fn failed(name: &str, verdict: &str) -> String {
    let because = match verdict {
        "dependency" => return format!("A dependency job for {name} failed. See 'journalctl -xe' for details."),
        "assert" => return format!("Assertion failed on job for {name}."),
        "resources" => " because of unavailable resources or another system error",
        "protocol" => " because the service did not take the steps required by its unit configuration",
        "timeout" => " because a timeout was exceeded",
        "exit-code" => " because the control process exited with error code",
        "signal" => " because a fatal signal was delivered to the control process",
        "core-dump" => " because a fatal signal was delivered causing the control process to dump core",
        "watchdog" => " because the service failed to send watchdog ping",
        "start-limit-hit" => " because start of the service was attempted too often",
        "oom-kill" => " because of an out-of-memory (OOM) situation",
        _ => "",
    };
    let again = match verdict {
        "start-limit-hit" => {
            format!("\nTo force a start use \"systemctl reset-failed {name}\"\nfollowed by \"systemctl start {name}\" again.")
        }
        _ => String::new(),
    };
    format!("Job for {name} failed{because}.\nSee \"systemctl status {name}\" and \"journalctl -xeu {name}\" for details.{again}")
}

/// `--wait`: until each of them is down again; failed when one has failed.
fn wait(session: &mut Session, rows: &[UnitRow]) -> Result<u8, Failed> {
    let mut worst = code::OK;
    for row in rows {
        let last = standstill::until_down(session, &row.name)?;
        if last.is_some_and(|row| row.active == units::control::ActiveState::Failed) {
            worst = code::FAILED;
        }
    }
    Ok(worst)
}

/// `kill`
pub(super) fn kill(line: &Line) -> Result<u8, Failed> {
    let signal = line.value("signal").and_then(|text| Signal::read(text).ok()).unwrap_or(Signal::TERM);
    let word = line.value("kill-whom").or(line.value("kill-who")).unwrap_or("all");
    let invalid = || Failed::Told(format!("Failed to kill unit: Invalid who argument {word}"));
    let whom = unfit::whom(word).ok_or_else(invalid)?;
    each(line, "kill unit", &mut |session, name| {
        let outcome = session.done(&Request::Kill { units: vec![name.clone()], whom, signal })?.pop().map(|result| result.outcome);
        Ok(Denied::signal(whom, outcome).map_err(Denied::why))
    })
}

/// `freeze`, `thaw`
pub(super) fn freeze(line: &Line) -> Result<u8, Failed> {
    let verb = line.verb.name;
    each(line, &format!("{verb} unit"), &mut |session, name| {
        let results = match verb {
            "freeze" => standstill::freeze(session, vec![name.clone()])?,
            _ => session.done(&Request::Thaw { units: vec![name.clone()] })?,
        };
        Ok(Denied::standstill(results.into_iter().next().map(|result| result.outcome)).map_err(Denied::why))
    })
}

/// `reset-failed`
pub(super) fn reset_failed(line: &Line) -> Result<u8, Failed> {
    if line.operands.is_empty() {
        Session::open()?.done(&Request::ResetFailed { units: Vec::new() })?;
        return Ok(code::OK);
    }
    let mut session = Session::open()?;
    let named = names::expand(&mut session, &line.operands, false)?;
    let rows = names::rows(&mut session, &named, &[])?;
    let (gone, there): (Vec<UnitRow>, Vec<UnitRow>) =
        rows.into_iter().partition(|row| row.load == LoadState::NotFound && !is_in_memory(row));
    for row in &gone {
        say::error(format_args!("Failed to reset failed state of unit {0}: Unit {0} not loaded.", row.name.as_str()));
    }
    if !there.is_empty() {
        session.done(&Request::ResetFailed { units: there.into_iter().map(|row| row.name).collect() })?;
    }
    Ok(if gone.is_empty() { code::OK } else { code::FAILED })
}

/// `cancel`
pub(super) fn cancel(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    if line.operands.is_empty() {
        session.done(&Request::Cancel { jobs: Vec::new() })?;
        return Ok(code::OK);
    }
    let mut worst = code::OK;
    for word in &line.operands {
        let wrong = || Failed::Told(format!("Failed to parse job id \"{word}\": Invalid argument"));
        let number = word.parse::<u32>().map_err(|_| wrong())?;
        if session.done(&Request::Cancel { jobs: vec![number] })?.is_empty() {
            say::error(format_args!("Failed to cancel job {number}: Job {number} does not exist."));
            worst = code::FAILED;
        }
    }
    Ok(worst)
}

/// What is done with one unit; why not, in systemd's words.
type Deed<'d> = &'d mut dyn FnMut(&mut Session, &UnitName) -> Result<Result<(), String>, Failed>;

/// Does it with each that is in memory.
fn each(line: &Line, what: &str, deed: Deed<'_>) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let named = names::expand(&mut session, &line.operands, false)?;
    let mut worst = code::OK;
    for row in names::rows(&mut session, &named, &[])? {
        let name = row.name.as_str();
        let done = if is_in_memory(&row) { deed(&mut session, &row.name) } else { Ok(Err(format!("Unit {name} not loaded."))) };
        let why = match done {
            Ok(Ok(())) => continue,
            Ok(Err(why)) => why,
            Err(Failed::Refused(_, Refusal::NotAllowed)) => "Access denied".to_owned(),
            Err(other) => return Err(other),
        };
        say::error(format_args!("Failed to {what} {name}: {why}"));
        worst = code::FAILED;
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_job_has_its_reason() {
        assert_eq!(
            failed("a.service", "exit-code"),
            "Job for a.service failed because the control process exited with error code.\n\
             See \"systemctl status a.service\" and \"journalctl -xeu a.service\" for details."
        );
        assert!(failed("a.service", "start-limit-hit").ends_with("followed by \"systemctl start a.service\" again."));
        assert_eq!(failed("a.service", "dependency"), "A dependency job for a.service failed. See 'journalctl -xe' for details.");
    }
}
