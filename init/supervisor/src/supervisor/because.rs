//! What a unit is started for, where another unit's doing was the cause.
//!
//! ```text
//!   down ─ one has ended, elapsed, come about ─▶ because ─ told to the processes of the life ─▶ down: forgotten
//!     └─ a second one ends before the start has begun ─▶ of several nobody is told
//! ```

use super::Supervisor;
use crate::{Because, Phase};
use units::UnitName;

impl Supervisor {
    /// The next life of a unit that is down is begun for that. One that runs was begun for something else.
    pub(super) fn begin_because(&mut self, name: &UnitName, because: Because) {
        let name = self.units.resolve(name).clone();
        let Some(slot) = self.slots.get_mut(&name).filter(|slot| slot.is_down()) else { return };
        slot.history.because = match (slot.history.because.take().filter(|_| slot.job.is_some()), because) {
            (Some(Because::Ended(..) | Because::SeveralEnded), Because::Ended(..)) => Some(Because::SeveralEnded),
            (Some(Because::Ended(..) | Because::SeveralEnded | Because::Elapsed(_) | Because::Came(..)) | None, because) => Some(because),
        };
    }

    /// What a process of this phase is told of it: how another unit ended only those that start it.
    pub(super) fn because(&self, name: &UnitName, phase: Phase) -> Option<Because> {
        let because = self.slots.get(name)?.history.because.as_ref()?;
        let tells = match because {
            Because::Ended(..) => matches!(phase, Phase::StartPre | Phase::Start),
            Because::SeveralEnded => false,
            Because::Elapsed(_) | Because::Came(..) => true,
        };
        tells.then(|| because.clone())
    }
}
