//! The timers that are watched, written down and taken over by another life of the program.

use serde::{Deserialize, Serialize};
use supervisor::Life;
use units::UnitName;

use super::{Calendars, Hands, Micros, Watched};
use crate::again;
use crate::ledger::{Ledger, Pages};
use crate::reactor::Reactor;

#[derive(Debug, Serialize, Deserialize)]
struct TimerNote {
    life: Life,
    unit: UnitName,
    since: Micros,
    at: Option<Micros>,
}

impl Calendars {
    /// Write down what has changed, everything if `all`. Whether there was anything.
    pub(in crate::hands) fn note(&mut self, ledger: &mut Ledger, all: bool) -> bool {
        if all {
            self.watched.touch_all();
            self.last.touch_all();
        }
        let mut any = false;
        for (life, watched) in self.watched.changes() {
            any = true;
            let key = life.number().to_string();
            match watched {
                Some(Watched { unit, since, at }) => {
                    ledger.put(again::TIMER, &key, &TimerNote { life, unit: unit.clone(), since: *since, at: *at }, &[]);
                }
                None => ledger.drop(again::TIMER, &key),
            }
        }
        for (unit, last) in self.last.changes() {
            any = true;
            match last {
                Some(last) => ledger.put(again::ELAPSED, unit.as_str(), last, &[]),
                None => ledger.drop(again::ELAPSED, unit.as_str()),
            }
        }
        any
    }

    /// When an earlier life of the program began, the system did.
    pub(in crate::hands) fn began(&self) -> Micros {
        self.began
    }
}

impl Hands {
    pub(in crate::hands) fn restore_calendars(
        &mut self,
        began: Option<Micros>,
        pages: &mut Pages,
        reactor: &mut Reactor,
        remarks: &mut Vec<String>,
    ) {
        self.calendars.began = began.unwrap_or(self.calendars.began);
        for (_, record) in pages.all(again::TIMER) {
            if let Some(TimerNote { life, unit, since, at }) = again::read(&record, "a timer", remarks) {
                self.calendars.watched.insert(life, Watched { unit, since, at });
            }
        }
        for (unit, record) in pages.all(again::ELAPSED) {
            if let (Some(last), Ok(unit)) = (again::read(&record, "when a timer elapsed", remarks), UnitName::new(&unit)) {
                self.calendars.last.insert(unit, last);
            }
        }
        self.calendars.arm(reactor);
        self.watch_zone(reactor);
    }
}
