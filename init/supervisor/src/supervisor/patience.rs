//! How long a start or a stop is waited for. The unit is not touched by that: it has limits of its own.
//!
//! ```text
//!   asked ─ job-timeout ─────────────────────────┐
//!     └─ its turn ─▶ begun ─ job-running-timeout ─┴─▶ answered "timeout", and the job is gone
//! ```

use super::Supervisor;
use super::slot::JobKind;
use crate::{Moment, Notice};
use units::UnitName;
use units::control::Outcome;

impl Supervisor {
    /// Until when a job that is asked for now is waited for. During a shutdown that has a limit of its own.
    pub(super) fn patience(&self, name: &UnitName) -> Option<Moment> {
        let manner = &self.units.unit(name)?.manner;
        if self.is_leaving() { None } else { manner.job_timeout.map(|span| self.now.plus(span)) }
    }

    /// The same of one that is begun now.
    pub(super) fn patience_once_begun(&self, name: &UnitName) -> Option<Moment> {
        let limit = self.units.unit(name)?.manner.job_running_timeout.and_then(units::value::Limit::at);
        if self.is_leaving() { None } else { limit.map(|span| self.now.plus(span)) }
    }

    /// The job has taken too long. Who waits for its end need not wait any more; systemd.unit(5), `JobTimeoutSec=`.
    pub(super) fn give_job_up(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let (Some(unit), Some(slot)) = (units.unit(name), self.slots.get(name)) else { return };
        let Some(kind) = slot.job.as_ref().map(|job| job.kind) else { return };
        self.tell(Notice::WaitedTooLong(name.clone()));
        self.settle(name, &Outcome::Timeout);
        if kind == JobKind::Start {
            self.fail_waiting(name);
        }
        for other in &unit.relations.on_failure {
            self.want_start(other, super::slot::Why::Again);
        }
        self.take_action(name, unit.manner.job_timeout_action, 1);
    }
}
