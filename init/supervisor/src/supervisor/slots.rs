//! All slots, with what is asked of them at every step kept at hand: whose time comes first, whose job may
//! begin, how many are open.
//!
//! ```text
//!   get_mut ─▶ touched ─ settle ─▶ deadlines, turn, counts          wait(a, b): a has its turn when b changes
//! ```
//!
//! Invariant: after `settle` all of that is as if every slot had been looked at (test `the_index_is_what_a_look_at_all_says`).

use super::slot::{JobKind, Slot, Why};
use crate::Moment;
use alloc::boxed::Box;
use alloc::vec::Vec;
use units::{Map, Set, UnitName};

/// The slots by name.
#[derive(Debug, Default)]
pub(super) struct Slots {
    all: Map<UnitName, Box<Slot>>,
    touched: Vec<UnitName>,
    deadlines: Set<(Moment, UnitName)>,
    /// Whose job may be able to begin.
    turn: Set<UnitName>,
    /// Who is to be looked at when this one changes.
    waiters: Map<UnitName, Set<UnitName>>,
    /// Services that wait until nothing else is wanted.
    idling: Set<UnitName>,
    counts: Counts,
}

/// How many slots are so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Something is wanted of it, and it does not only wait for all others.
    open: usize,
    /// The boot waits for it.
    boot: usize,
    /// It is not down, or something is wanted of it.
    busy: usize,
}

/// What of a slot the index is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    touched: bool,
    deadline: Option<Moment>,
    job: Option<(JobKind, bool, bool)>,
    stopping: bool,
    idling: bool,
    boot: bool,
    busy: bool,
}

impl Mark {
    fn of(slot: &Slot) -> Self {
        let idling = slot.idles();
        Self {
            touched: false,
            deadline: slot.deadline(),
            job: slot.job.as_ref().map(|job| (job.kind, job.begun, slot.holds_up())),
            stopping: slot.is_stopping(),
            idling,
            boot: !idling && slot.job.as_ref().is_some_and(|job| job.why == Why::Boot),
            busy: !slot.is_down() || slot.job.is_some(),
        }
    }

    fn is_open(&self) -> bool {
        self.job.is_some() && !self.idling
    }
}

impl Counts {
    fn add(&mut self, mark: &Mark) {
        self.open += usize::from(mark.is_open());
        self.boot += usize::from(mark.boot);
        self.busy += usize::from(mark.busy);
    }

    fn subtract(&mut self, mark: &Mark) {
        self.open = self.open.saturating_sub(usize::from(mark.is_open()));
        self.boot = self.boot.saturating_sub(usize::from(mark.boot));
        self.busy = self.busy.saturating_sub(usize::from(mark.busy));
    }
}

impl Slots {
    pub(super) fn get(&self, name: &UnitName) -> Option<&Slot> {
        self.all.get(name).map(|slot| &**slot)
    }

    pub(super) fn get_mut(&mut self, name: &UnitName) -> Option<&mut Slot> {
        let slot = self.all.get_mut(name)?;
        if !slot.mark.touched {
            slot.mark.touched = true;
            self.touched.push(name.clone());
        }
        Some(slot)
    }

    pub(super) fn contains_key(&self, name: &UnitName) -> bool {
        self.all.contains_key(name)
    }

    pub(super) fn insert(&mut self, name: UnitName, slot: Slot) {
        self.remove(&name);
        self.all.insert(name.clone(), Box::new(slot));
        self.get_mut(&name);
    }

    pub(super) fn remove(&mut self, name: &UnitName) {
        let Some(slot) = self.all.remove(name) else { return };
        self.update(name, slot.mark, Mark::default());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&UnitName, &Slot)> {
        self.all.iter().map(|(name, slot)| (name, &**slot))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &UnitName> {
        self.all.keys()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Slot> {
        self.all.values().map(|slot| &**slot)
    }

    /// The names of those that are so.
    pub(super) fn names(&self, wanted: impl Fn(&Slot) -> bool) -> Vec<UnitName> {
        self.all.iter().filter(|(_, slot)| wanted(slot)).map(|(name, _)| name.clone()).collect()
    }

    /// Brings the index up to date.
    pub(super) fn settle(&mut self) {
        while let Some(name) = self.touched.pop() {
            let Some(slot) = self.all.get_mut(&name) else { continue };
            let new = Mark::of(slot);
            let old = core::mem::replace(&mut slot.mark, new);
            self.update(&name, Mark { touched: false, ..old }, new);
        }
    }

    fn update(&mut self, name: &UnitName, old: Mark, new: Mark) {
        if old == new {
            return;
        }
        self.counts.subtract(&old);
        self.counts.add(&new);
        if old.deadline != new.deadline {
            if let Some(moment) = old.deadline {
                self.deadlines.remove(&(moment, name.clone()));
            }
            if let Some(moment) = new.deadline {
                self.deadlines.insert((moment, name.clone()));
            }
        }
        if new.idling {
            self.idling.insert(name.clone());
        } else {
            self.idling.remove(name);
        }
        if (old.job, old.stopping) != (new.job, new.stopping) {
            if new.job.is_some_and(|(_, begun, _)| !begun) {
                self.turn.insert(name.clone());
            }
            if let Some(waiters) = self.waiters.remove(name) {
                self.turn.extend(waiters);
            }
        }
    }

    /// Whose job may be able to begin, each once until something changes for it.
    pub(super) fn next_turn(&mut self) -> Option<UnitName> {
        self.turn.pop_first()
    }

    /// `name` has its turn again when `blocker` changes.
    pub(super) fn wait(&mut self, name: UnitName, blocker: UnitName) {
        self.waiters.entry(blocker).or_default().insert(name);
    }

    /// Who has waited until nothing else is wanted, once that is so.
    pub(super) fn last_of_all(&self) -> Option<UnitName> {
        if self.counts.open == 0 { self.idling.first().cloned() } else { None }
    }

    pub(super) fn first_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(moment, _)| *moment)
    }

    /// Whose time has come at `now`, in the order in which it came.
    pub(super) fn due(&self, now: Moment) -> Vec<UnitName> {
        self.deadlines.iter().take_while(|(moment, _)| *moment <= now).map(|(_, name)| name.clone()).collect()
    }

    /// Whether the boot waits for nobody.
    pub(super) fn has_booted(&self) -> bool {
        self.counts.boot == 0
    }

    /// Whether all are down and nothing is wanted.
    pub(super) fn are_at_rest(&self) -> bool {
        self.counts.busy == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::slot::{Down, Job, State};
    use super::*;
    use alloc::format;
    use core::time::Duration;

    fn name(number: u32) -> UnitName {
        #[allow(clippy::unwrap_used)]
        UnitName::new(&format!("u{number}")).unwrap()
    }

    fn looked_at(slots: &Slots) -> (Counts, Set<(Moment, UnitName)>) {
        let mut counts = Counts::default();
        slots.values().for_each(|slot| counts.add(&Mark::of(slot)));
        (counts, slots.iter().filter_map(|(name, slot)| Some((slot.deadline()?, name.clone()))).collect())
    }

    #[test]
    fn the_index_is_what_a_look_at_all_says() {
        let mut slots = Slots::default();
        let mut random = 1_u32;
        for _ in 0..10_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (who, what) = (name(random >> 16 & 7), random >> 24 & 7);
            match what {
                0 => slots.insert(who.clone(), Slot::new()),
                1 => slots.remove(&who),
                _ => {}
            }
            if let Some(slot) = slots.get_mut(&who) {
                match what {
                    2 => slot.state = State::Resting { retry_at: Moment(Duration::from_secs(u64::from(random >> 8 & 15))) },
                    3 => slot.state = State::Down(Down::Idle),
                    4 => {
                        slot.job =
                            Some(Job { number: 0, kind: JobKind::Start, why: Why::Boot, begun: false, tickets: Vec::new(), until: None })
                    }
                    5 => slot.job = None,
                    6 => slot.job.iter_mut().for_each(|job| job.begun = true),
                    _ => slot.state = State::Reached,
                }
            }
            slots.settle();
            assert_eq!((slots.counts, slots.deadlines.clone()), looked_at(&slots));
        }
    }

    #[test]
    fn who_waits_has_a_turn_when_the_other_changes_and_not_before() {
        let mut slots = Slots::default();
        for number in 0..3 {
            slots.insert(name(number), Slot::new());
        }
        slots.settle();
        slots.wait(name(0), name(1));
        slots.get_mut(&name(2));
        slots.settle();
        assert_eq!(slots.next_turn(), None);
        if let Some(slot) = slots.get_mut(&name(1)) {
            slot.job = Some(Job { number: 0, kind: JobKind::Stop, why: Why::Asked, begun: true, tickets: Vec::new(), until: None });
        }
        slots.settle();
        assert_eq!((slots.next_turn(), slots.next_turn()), (Some(name(0)), None));
    }
}
