//! Timers: points of the calendar are the reactor's, spans since something happened are reckoned here.

use super::super::Supervisor;
use super::super::slot::{Ending, Watching};
use crate::{Action, Because, Moment};
use core::time::Duration;
use units::unit::{Body, Since, Timer};
use units::{UnitKind, UnitName};

/// A unit that cannot be started is not tried more often.
const BETWEEN: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Reckons when the timer elapses next, and waits for that.
    pub(super) fn timer_waits(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(Body::Timer(timer)) = units.unit(name).map(|unit| &unit.body) else { return };
        let Some((life, _)) = self.watch(name) else { return };
        let at = self.next_point(name, timer);
        let civil = !timer.on_calendar.is_empty() || timer.on_clock_change || timer.on_timezone_change;
        if civil {
            self.order(Action::WatchCalendar(life, name.clone()));
        }
        // One that counts from its unit may be wound up again by it.
        let rewound = timer.since.iter().any(|(since, _)| matches!(since, Since::UnitActive | Since::UnitInactive));
        match (at, civil) {
            (Some(_), _) | (None, true) => self.set_watch(name, Watching::Waiting { at }),
            (None, false) if timer.remain_after_elapse || rewound => self.set_watch(name, Watching::Elapsed),
            (None, false) => self.end(name, Ending::Finished),
        }
    }

    /// The first point of those that are spans; systemd.timer(5), `OnActiveSec=`.
    fn next_point(&self, name: &UnitName, timer: &Timer) -> Option<Moment> {
        let unit = self.aim(name)?;
        let hit = self.last(name, |slot| slot.history.hit_at);
        let points = timer.since.iter().filter_map(|(since, span)| {
            let (base, once) = match since {
                Since::Active => (self.last(name, |slot| slot.history.up_at), true),
                Since::Boot | Since::Startup => (self.booted, true),
                Since::UnitActive => (self.last(&unit, |slot| slot.history.up_at).max(hit), false),
                Since::UnitInactive => (self.last(&unit, |slot| slot.history.down_at).max(hit), false),
            };
            let point = base?.plus(*span);
            // What happens once is not made up for again and again.
            let over = once && hit.is_some_and(|hit| point <= hit);
            (!over).then_some(point)
        });
        let point = points.min()?.plus(self.put_off(name, timer));
        Some(hit.map_or(point, |hit| point.max(hit.plus(BETWEEN))))
    }

    /// A time up to the timer's `random-delay`: the same each time where that is wanted, else another for each
    /// time it elapses.
    fn put_off(&self, name: &UnitName, timer: &Timer) -> Duration {
        let last = self.last(name, |slot| slot.history.hit_at).filter(|_| !timer.fixed_random_delay);
        self.draw(name, last.unwrap_or_default().0, timer.random_delay)
    }

    /// The moment reckoned by [`Self::timer_waits`] has come.
    pub(in super::super) fn timer_elapsed(&mut self, name: &UnitName) {
        let Some((_, Watching::Waiting { at: Some(at) })) = self.watch(name) else { return };
        if at <= self.now {
            self.timer_hits(name);
        }
    }

    /// A point of the calendar has come; the calendar is watched no more until that is ordered again.
    pub(in super::super) fn calendar_elapsed(&mut self, name: &UnitName) {
        if let Some((_, Watching::Waiting { .. })) = self.watch(name)
            && name.kind() == UnitKind::Timer
        {
            self.timer_hits(name);
        }
    }

    fn timer_hits(&mut self, name: &UnitName) {
        if self.is_to_stop(name) {
            return self.set_watch(name, Watching::Waiting { at: None });
        }
        let Some(unit) = self.aim(name) else { return };
        // No limit: the clock is its own.
        if self.hit(name, &unit, None, Some(Because::Elapsed(name.clone()))) {
            self.order(Action::Stamp(name.clone()));
        }
    }

    /// Its unit has come up or gone down.
    pub(in super::super) fn timer_hears(&mut self, name: &UnitName, unit: &UnitName) {
        match self.watch(name) {
            Some((_, Watching::Waiting { .. } | Watching::Elapsed)) => self.timer_rewinds(name),
            Some((_, Watching::Triggered)) if self.is_quiet(unit) => self.timer_waits(name),
            Some((_, Watching::Triggered)) | None => {}
        }
    }

    /// Reckons anew; the calendar is watched already.
    fn timer_rewinds(&mut self, name: &UnitName) {
        let units = self.units.clone();
        let Some(Body::Timer(timer)) = units.unit(name).map(|unit| &unit.body) else { return };
        let at = self.next_point(name, timer);
        match (self.watch(name), at) {
            (Some((_, Watching::Waiting { .. })), _) | (Some((_, Watching::Elapsed)), Some(_)) => {
                self.set_watch(name, Watching::Waiting { at });
            }
            (Some((_, Watching::Elapsed | Watching::Triggered)), _) | (None, _) => {}
        }
    }
}
