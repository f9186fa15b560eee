//! Units that came with a request: begun at once, and forgotten when they are over.
//!
//! ```text
//!   Request::Run ─ adopt ─▶ down ─ start ─▶ … ─▶ down ─▶ forgotten       failed ─ reset-failed ─▶ forgotten
//!                           a timer's unit stays as long as the timer
//! ```
//!
//! Their texts are part of the state that is written down: no file is needed for another life of the program to have the same units.

use super::Supervisor;
use super::requests::LEAVING;
use super::slot::{Slot, State};
use crate::{Action, Ticket};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use units::control::{Fragment, Outcome, Reply, Then, UnitResult};
use units::{UnitName, UnitSet};

/// More at a time are a mistake: each that fails stays until somebody has seen it.
const MOST: usize = 1000;

/// Such a unit.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Transient {
    text: String,
    /// It goes although it has failed.
    collect: bool,
    /// Who waits for its end.
    tickets: Vec<Ticket>,
}

impl Supervisor {
    /// Makes these units and starts the last.
    pub(super) fn ask_run(&mut self, ticket: Ticket, fragments: Vec<Fragment>, collect: bool, then: Then) {
        let Some(last) = fragments.last().map(|fragment| fragment.name.clone()) else {
            return self.order(Action::Answer(ticket, Reply::Done { results: Vec::new() }));
        };
        if let Err(why) = self.adopt(fragments, collect) {
            let result = UnitResult { unit: last, outcome: Outcome::Refused(why) };
            return self.order(Action::Answer(ticket, Reply::Done { results: alloc::vec![result] }));
        }
        match then {
            Then::Settled => self.carry_out(ticket, alloc::vec![last], Self::ask_start),
            Then::AtOnce => {
                self.carry_out(ticket, alloc::vec![last], Self::ask_start);
                self.leave_waiting(ticket);
            }
            Then::Over => {
                if let Some(transient) = self.transients.get_mut(&last) {
                    transient.tickets.push(ticket);
                }
                self.begin_asked(&last);
            }
        }
    }

    fn adopt(&mut self, fragments: Vec<Fragment>, collect: bool) -> Result<(), String> {
        if self.transients.len() + fragments.len() > MOST {
            return Err("there are too many transient units".into());
        }
        let mut made: Vec<UnitName> = Vec::new();
        for Fragment { name, text } in fragments {
            if let Err(why) = Arc::make_mut(&mut self.units).adopt(&name, &text) {
                for name in made {
                    self.disown(&name);
                }
                return Err(why.to_string());
            }
            self.transients.insert(name.clone(), Transient { text, collect, tickets: Vec::new() });
            made.push(name);
        }
        self.triggers = super::triggers(&self.units);
        // And what they are bound to by default, where nothing else was.
        let all: Vec<UnitName> = self.units.iter().map(|(name, _)| name.clone()).collect();
        self.make_slots(&all);
        Ok(())
    }

    /// A slice needs no file: it is where its units are; systemd.slice(5). It goes when it is down.
    pub(super) fn make_slice(&mut self, name: &UnitName) {
        // What has no room is not there, as any other.
        let _ = self.adopt(alloc::vec![Fragment { name: name.clone(), text: "[Slice]\n".into() }], true);
    }

    /// The units that another reading has not found in any file.
    pub(super) fn bring_back(&self, units: &mut UnitSet) {
        for (name, transient) in &self.transients {
            // One that is there was read from the file that shows its text.
            let _ = units.adopt(name, &transient.text);
        }
    }

    fn disown(&mut self, name: &UnitName) {
        self.transients.remove(name);
        self.slots.remove(name);
        Arc::make_mut(&mut self.units).disown(name);
    }

    /// One of them is down: whoever waits hears how it was, and if nobody needs it any more, it goes.
    pub(super) fn forget_transient(&mut self, name: &UnitName) {
        let (Some(slot), Some(transient)) = (self.slots.get(name), self.transients.get_mut(name)) else { return };
        if !slot.is_down() || slot.job.is_some() || slot.history.again_at.is_some() {
            return;
        }
        let stays = matches!(slot.state, State::Failed(_)) && !transient.collect;
        let tickets = core::mem::take(&mut transient.tickets);
        for ticket in tickets {
            let units = alloc::vec![self.row(self.now, name)];
            self.order(Action::Answer(ticket, Reply::Units { units }));
        }
        let begins = |trigger: &UnitName| self.slots.get(trigger).is_some_and(|slot| !slot.is_down() || slot.job.is_some());
        if stays || self.triggers.get(name).into_iter().flatten().any(begins) {
            return;
        }
        let aim = self.units.unit(name).and_then(units::Unit::triggers);
        self.transients.remove(name);
        self.slots.remove(name);
        self.over.push(name.clone());
        self.order(Action::Forget(name.clone()));
        if let Some(aim) = aim {
            self.triggers.remove(&aim);
            self.forget_transient(&aim);
        }
    }

    /// The system leaves: nobody hears how it was with them.
    pub(super) fn refuse_waiting(&mut self) {
        let tickets: Vec<Ticket> = self.transients.values_mut().flat_map(|transient| core::mem::take(&mut transient.tickets)).collect();
        tickets.into_iter().for_each(|ticket| self.refuse_request(ticket, LEAVING));
    }

    /// Nobody waits for the end any more.
    pub(super) fn stop_waiting(&mut self, ticket: Ticket) {
        for transient in self.transients.values_mut() {
            transient.tickets.retain(|other| *other != ticket);
        }
    }

    fn begin_asked(&mut self, name: &UnitName) {
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.by_hand = true;
        }
        self.want_start(name, super::Why::Asked);
        // What cannot be started at all is down as it was.
        if self.slots.get(name).is_some_and(|slot: &Slot| slot.is_down() && slot.job.is_none()) {
            self.forget_transient(name);
        }
    }
}
