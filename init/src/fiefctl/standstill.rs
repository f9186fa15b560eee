//! Waiting for what the kernel knows of a unit's processes: that they stand still, that there are none.

use std::time::Duration;

use kernel::cgroup::Hierarchies;
use nix::poll::{PollTimeout, poll};
use units::UnitName;
use units::control::{ActiveState, Outcome, Request, UnitResult, UnitRow};

use super::session::{Failed, Session};

/// How long the kernel is given to have all processes stand still.
const FREEZING: Duration = Duration::from_secs(10);
/// How long it is waited for the last process at most before init is asked again, whatever the kernel says.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Has these stand still, which takes the kernel a moment.
pub(crate) fn freeze(session: &mut Session, units: Vec<UnitName>) -> Result<Vec<UnitResult>, Failed> {
    let mut results = session.done(&Request::Freeze { units })?;
    let hierarchies = Hierarchies::detect().unwrap_or_default();
    for result in results.iter_mut().filter(|result| result.outcome == Outcome::Ok) {
        let row = session.rows(std::slice::from_ref(&result.unit), &[])?.pop();
        let group = row.and_then(|row| row.cgroup).map(|path| hierarchies.group(path.trim_start_matches('/')));
        if group.is_none_or(|group| !group.wait(FREEZING, |group| group.is_frozen() || !group.is_populated())) {
            result.outcome = Outcome::Failed("its processes do not stand still".to_owned());
        }
    }
    Ok(results)
}

/// Waits until the unit is down, and how it is then.
pub(crate) fn until_down(session: &mut Session, unit: &UnitName) -> Result<Option<UnitRow>, Failed> {
    let hierarchies = Hierarchies::detect().unwrap_or_default();
    loop {
        let row = session.rows(std::slice::from_ref(unit), &[])?.pop();
        let Some(row) = row.filter(|row| !matches!(row.active, ActiveState::Inactive | ActiveState::Failed)) else {
            return Ok(session.rows(std::slice::from_ref(unit), &[])?.pop());
        };
        match row.cgroup.map(|path| hierarchies.group(path.trim_start_matches('/'))) {
            Some(group) => _ = group.wait(LOOK_AGAIN, |group| !group.is_populated()),
            None => pause(LOOK_AGAIN),
        }
    }
}

/// Waits, for what is an event to nobody; a signal ends the program as it ends any.
pub(crate) fn pause(span: Duration) {
    let timeout = PollTimeout::try_from(span).unwrap_or(PollTimeout::MAX);
    let _ = poll(&mut [], timeout);
}
