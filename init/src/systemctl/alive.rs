//! `is-active`, `is-failed`, `is-system-running`, and having init read or begin anew.

use units::UnitName;
use units::control::{ActiveState, LogsRequest, Request, SystemState, UnitRow};

use crate::fiefctl::line::Line;
use crate::fiefctl::output;
use crate::fiefctl::session::{Failed, Session};
use crate::fiefctl::{power, standstill};
use crate::say;

use super::{code, names, place};

/// Whether it counts as active.
pub(super) fn is_active_row(row: &UnitRow) -> bool {
    matches!(row.active, ActiveState::Active | ActiveState::Reloading)
}

/// `is-active`
pub(super) fn is_active(line: &Line) -> Result<u8, Failed> {
    are(line, is_active_row, code::NOT_RUNNING)
}

/// `is-failed`
pub(super) fn is_failed(line: &Line) -> Result<u8, Failed> {
    are(line, |row| row.active == ActiveState::Failed, code::FAILED)
}

/// The state of each; success when one of them is as asked.
fn are(line: &Line, wanted: fn(&UnitRow) -> bool, otherwise: u8) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let named = names::expand(&mut session, &line.operands, line.has("all"))?;
    if named.is_empty() {
        return Ok(otherwise);
    }
    let rows = names::rows(&mut session, &named, &[])?;
    if !line.has("quiet") {
        output(&rows.iter().map(|row| format!("{}\n", row.active)).collect::<String>())?;
    }
    Ok(if rows.iter().any(wanted) { code::OK } else { otherwise })
}

/// `is-system-running`
pub(super) fn is_running(line: &Line) -> Result<u8, Failed> {
    let word = if place::is_in_chroot() { None } else { Session::open().ok().map(|mut session| state(line, &mut session)).transpose()? };
    let is_running = word == Some(SystemState::Running);
    if !line.has("quiet") {
        output(&word.map_or_else(|| "offline\n".to_owned(), |word| format!("{word}\n")))?;
    }
    Ok(if is_running { code::OK } else { code::FAILED })
}

/// With `--wait` once it is no longer starting: PID 1 says a line then, as for anything that happens.
fn state(line: &Line, session: &mut Session) -> Result<SystemState, Failed> {
    let mut state = session.hello()?.state;
    if line.has("wait") && state == SystemState::Starting {
        // Of what is said from now on; who may not read it looks again from time to time.
        let mut lines = Session::open()?;
        lines.ask(&Request::Logs(LogsRequest { lines: Some(0), follow: true, ..LogsRequest::default() }))?;
        state = session.hello()?.state;
        let mut is_heard = true;
        while state == SystemState::Starting {
            is_heard = is_heard && matches!(lines.next(), Ok(Some(_)));
            if !is_heard {
                standstill::pause(LOOK_AGAIN);
            }
            state = session.hello()?.state;
        }
    }
    Ok(state)
}

/// For who may not read the log.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(500);

/// `daemon-reload`
pub(super) fn daemon_reload(_line: &Line) -> Result<u8, Failed> {
    renewed("reload", Session::open()?.reread().map(drop))
}

/// `daemon-reexec`
pub(super) fn daemon_reexec(line: &Line) -> Result<u8, Failed> {
    renewed("reexecute", power::reexec(line).map(drop))
}

fn renewed(what: &str, done: Result<(), Failed>) -> Result<u8, Failed> {
    match done {
        Err(Failed::Refused(_, units::control::Refusal::NotAllowed)) => {
            Err(Failed::Told(format!("Failed to {what} daemon: Access denied")))
        }
        Err(other) => Err(other),
        Ok(()) => Ok(code::OK),
    }
}

/// As systemctl(1) says it when it has something else to do with the unit.
pub(super) fn warn_of_change(name: &UnitName) {
    say::error(format_args!(
        "Warning: The unit file, source configuration file or drop-ins of {} changed on disk. Run 'systemctl daemon-reload' to reload units.",
        name.as_str()
    ));
}
