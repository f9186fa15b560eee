//! Timers that go by the calendar: when they elapse, and when they last did; systemd.timer(5).
//!
//! ```text
//! last elapse, else now ─ next_in(zone) ─ not before we began ─ + random ─ within AccuracySec ─▶ one timerfd for all
//!      ▲                                                                                              │
//!      └── Stamp: remembered, of persistent ones on disk ◀── CalendarElapsed ◀────────────────────────┘
//! ```
//!
//! The clock is CLOCK_REALTIME, and TFD_TIMER_CANCEL_ON_SET tells when it is set; timerfd_create(2). A point that was
//! missed, however often, elapses once.

mod keep;
mod moments;
mod stamps;
mod zones;

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::inotify::AddWatchFlags;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use supervisor::{Event, Life};
use units::unit::{Body, Timer};
use units::{UnitName, UnitSet};

use super::inotify::Purpose;
use super::{Hands, Queue};
use crate::kept::Kept;
use crate::reactor::{Reactor, Source, Watch};
use moments::Chance;
use zones::Zones;

/// Microseconds since the epoch.
type Micros = i64;

/// One timer that is watched.
#[derive(Debug, Clone)]
struct Watched {
    unit: UnitName,
    /// When it was first watched: what it counts from if it never elapsed.
    since: Micros,
    /// When it is to elapse. `None`: never by the calendar.
    at: Option<Micros>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Calendars {
    clock: Option<Clock>,
    watched: Kept<Life, Watched>,
    /// When a timer elapsed last.
    last: Kept<UnitName, Micros>,
    zones: Zones,
    /// When init began: what was missed before is due from then on.
    began: Micros,
    stamps: &'static Path,
}

#[derive(Debug)]
struct Clock(TimerFd, Watch);

impl AsFd for Clock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Default for Calendars {
    fn default() -> Self {
        Self {
            clock: None,
            watched: Kept::default(),
            last: Kept::default(),
            zones: Zones::default(),
            began: now(),
            stamps: Path::new(stamps::PLACE),
        }
    }
}

impl Calendars {
    /// Work out when a timer is to elapse.
    fn plan(&mut self, life: Life, timer: &Timer, now: Micros) {
        let Some(watched) = self.watched.get_mut(&life) else { return };
        let last = self.last.get(&watched.unit).copied();
        // Set back, the clock must not make it wait for what it takes for the future.
        let base = last.unwrap_or(watched.since).min(now);
        let next = timer.on_calendar.iter().filter_map(|calendar| calendar.next_in(base, self.zones.of(&calendar.zone))).min();
        watched.at = next.map(|next| {
            let due = moments::put_off(next.max(self.began), timer, || Chance::of(&watched.unit));
            moments::coalesced(due, timer.accuracy, moments::offset())
        });
    }

    /// Those whose point has come, which are watched no more.
    fn elapsed(&mut self, now: Micros) -> Vec<Life> {
        let due = |watched: &Watched| watched.at.is_some_and(|at| at <= now);
        let lives = self.watched.iter().filter(|(_, watched)| due(watched)).map(|(life, _)| *life).collect();
        self.watched.retain(|_, watched| !due(watched));
        lives
    }

    fn arm(&mut self, reactor: &mut Reactor) {
        if self.watched.is_empty() {
            if let Some(clock) = self.clock.take() {
                reactor.forget(&clock, clock.1);
            }
            return;
        }
        if self.clock.is_none() {
            let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
            self.clock = TimerFd::new(ClockId::CLOCK_REALTIME, flags).ok().and_then(|fd| {
                let watch = reactor.watch(&fd, Source::Clock).ok()?;
                Some(Clock(fd, watch))
            });
        }
        let Some(Clock(fd, _)) = &self.clock else { return };
        // Far away where only the setting of the clock matters.
        let at = self.watched.values().filter_map(|watched| watched.at).min().unwrap_or(i64::MAX / 2);
        let at = Duration::from_micros(at.max(1).cast_unsigned());
        let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        let _ = fd.set(Expiration::OneShot(TimeSpec::from(at)), flags);
    }
}

impl Hands {
    /// Watch the calendar for a timer.
    pub(crate) fn watch_calendar(&mut self, life: Life, name: &UnitName, units: &UnitSet, reactor: &mut Reactor) {
        let Some(timer) = timer(units, name) else { return };
        let now = now();
        let calendars = &mut self.calendars;
        if timer.persistent && !calendars.last.contains_key(name) {
            // Without a stamp it has never run: it begins to count now, and from now on over the end of the container.
            let last = stamps::read(calendars.stamps, name).filter(|last| *last <= now);
            if last.is_none() {
                stamps::write(calendars.stamps, name);
            }
            calendars.last.insert(name.clone(), last.unwrap_or(now));
        }
        let since = calendars.watched.get(&life).map_or(now, |watched| watched.since);
        calendars.watched.insert(life, Watched { unit: name.clone(), since, at: None });
        calendars.plan(life, timer, now);
        calendars.arm(reactor);
        self.watch_zone(reactor);
    }

    /// A timer has elapsed now.
    pub(crate) fn stamp(&mut self, name: &UnitName, units: &UnitSet) {
        self.calendars.last.insert(name.clone(), now());
        if timer(units, name).is_some_and(|timer| timer.persistent) {
            stamps::write(self.calendars.stamps, name);
        }
    }

    /// When it elapsed last: microseconds since 1970, and by CLOCK_MONOTONIC as the two clocks now stand to each other.
    pub(super) fn last_elapse(&self, name: &UnitName) -> Option<(i64, i64)> {
        let last = *self.calendars.last.get(name)?;
        let monotonic = i64::try_from(kernel::time::monotonic().as_micros()).ok()?;
        Some((last, monotonic.saturating_sub(now().saturating_sub(last)).max(0)))
    }

    /// When it elapses next by the calendar, as the clock now stands: microseconds since boot, like all moments of a row.
    pub(crate) fn next_elapse(&self, name: &UnitName) -> Option<u64> {
        let at = self.calendars.watched.values().find(|watched| watched.unit == *name)?.at?;
        let ahead = u64::try_from(at.saturating_sub(now())).unwrap_or(0);
        u64::try_from(kernel::time::boottime().as_micros()).ok()?.checked_add(ahead)
    }

    /// A moment has come, or the clock was set.
    pub(crate) fn clock_rang(&mut self, units: &UnitSet, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(clock) = &self.calendars.clock else { return };
        let was_set = nix::unistd::read(clock, &mut [0; 8]) == Err(Errno::ECANCELED);
        if was_set {
            self.plan_anew(units, queue, |timer| timer.on_clock_change);
        }
        for life in self.calendars.elapsed(now()) {
            queue.push_back(Event::CalendarElapsed(life));
        }
        self.calendars.arm(reactor);
    }

    /// `/etc/localtime` leads elsewhere, or was rewritten.
    pub(super) fn zone_changed(&mut self, units: &UnitSet, reactor: &mut Reactor, queue: &mut Queue) {
        self.calendars.zones = Zones::default();
        self.plan_anew(units, queue, |timer| timer.on_timezone_change);
        self.calendars.arm(reactor);
        self.watch_zone(reactor);
    }

    fn plan_anew(&mut self, units: &UnitSet, queue: &mut Queue, elapses: impl Fn(&Timer) -> bool) {
        let now = now();
        let calendars = &mut self.calendars;
        let lives: Vec<(Life, UnitName)> = calendars.watched.iter().map(|(life, watched)| (*life, watched.unit.clone())).collect();
        for (life, name) in lives {
            match timer(units, &name) {
                Some(timer) if elapses(timer) => {
                    calendars.watched.remove(&life);
                    queue.push_back(Event::CalendarElapsed(life));
                }
                Some(timer) => calendars.plan(life, timer, now),
                None => {}
            }
        }
    }

    fn watch_zone(&mut self, reactor: &mut Reactor) {
        let wanted = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
        if self.calendars.watched.is_empty() {
            self.watches.forget(Purpose::Zone, reactor);
        } else {
            // Without it the zone is that of the first look.
            let _ = self.watches.follow(Purpose::Zone, Path::new(zones::LOCAL), wanted, reactor);
        }
    }

    pub(super) fn forget_calendar(&mut self, life: Life, reactor: &mut Reactor) {
        if self.calendars.watched.remove(&life).is_some() {
            self.calendars.arm(reactor);
            self.watch_zone(reactor);
        }
    }
}

fn timer<'a>(units: &'a UnitSet, name: &UnitName) -> Option<&'a Timer> {
    match &units.unit(name)?.body {
        Body::Timer(timer) => Some(timer),
        Body::Target | Body::Service(_) | Body::Socket(_) | Body::Path(_) | Body::Mount(_) | Body::Slice(_) | Body::Scope(_) => None,
    }
}

fn now() -> Micros {
    i64::try_from(kernel::time::realtime().as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
