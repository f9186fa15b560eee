//! Taking over from an earlier life of the program.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::Duration;

use kernel::again::Fault;
use nix::sys::signal::Signal;
use supervisor::{Action, Event, Moment, Saved, SavedSlot, Supervisor};
use units::control::{LogStream, Reply, Way};
use units::{Map, UnitName};

use super::note::{Notes, What};
use super::{
    BEGUN, BRAIN, CONSOLE, DONE, HEADER, Header, Inherited, Library, PANIC, QUEUED, READING, SLOT, STEPPED, SYSTEM, VERSION, read,
};
use crate::boot;
use crate::console::{Console, Tone};
use crate::control::Control;
use crate::guard;
use crate::hands::{Hands, Queue};
use crate::journal::Journal;
use crate::keeper::Keeper;
use crate::ledger::{self, Kind, Pages, Record};
use crate::notify::Notify;
use crate::reactor::{Reactor, Source};
use crate::syslog::Syslog;
use crate::system::System;
use crate::telling::span;
use crate::turns::Turns;

/// So many faults within so long are outlived.
const FAULTS: usize = 2;
const WITHIN: Duration = Duration::from_secs(10);
/// A fault while leaving because of that many is the last.
const HOPELESS: usize = FAULTS + 2;

/// Why there is no system.
#[derive(Debug)]
pub(crate) enum Lost {
    /// Nothing can be read: the units begin anew.
    State(String),
    /// It was tried often enough.
    Hope,
}

/// Why the program began anew, for a person.
enum Cause {
    Asked,
    Fault(String),
}

/// What has happened and is not over.
#[derive(Default)]
struct Unfinished {
    queue: VecDeque<Event>,
    /// Orders that are still to be carried out.
    orders: Vec<Action>,
    /// The event that was being heard, and the order that was being carried out.
    dropped: Option<String>,
}

/// Take over what the ledger under `number` says.
pub(crate) fn restore(number: i32, is_pid_1: bool) -> Result<System, Lost> {
    let began = kernel::time::boottime();
    let mut inherited = Inherited::new(every_descriptor());
    let lost = |why: String| Lost::State(why);
    let ledger = inherited.take(number).ok_or_else(|| lost(format!("nothing is open under {number}")))?;
    let mut pages = ledger::read(&ledger).map_err(|error| lost(error.to_string()))?;
    let mut remarks = Vec::new();
    let header: Option<Header> = pages.one(HEADER).and_then(|record| read(&record, "the whole", &mut remarks));
    let header = header.filter(|header| header.version == VERSION).ok_or_else(|| lost("another version wrote it".to_owned()))?;
    let (cause, faults) = cause(&pages, header.faults);
    if faults.len() >= HOPELESS {
        return Err(Lost::Hope);
    }
    let journal = inherited.take(header.journal);
    let what: Option<What> = pages.one(SYSTEM).and_then(|record| read(&record, "the system", &mut remarks));
    let size = pages.length;
    let mut system =
        assemble(what, (&mut pages, journal), &mut inherited, is_pid_1, &mut remarks).map_err(|errno| lost(errno.desc().to_owned()))?;
    let Unfinished { queue, orders, dropped } = replay(&mut system.supervisor, &mut pages.said);
    system.queue.extend(queue);
    system.notes.faults = faults;
    // Orders that are still to be carried out are in no snapshot: a fault signal that somebody sends waits for the first turn's end.
    kernel::again::work();
    system.begin_notes();
    boot::logging(&mut system);
    if system.notify.is_none() {
        boot::open_notify(&mut system);
    }
    // Everything that is wanted has been taken: the rest is closed.
    drop(inherited);
    system.tell_cause(&cause, dropped, size, began);
    for remark in remarks {
        system.say(Tone::Bad, &remark);
    }
    for action in orders {
        if let Some(way) = system.perform(action) {
            // The first turn ends with it. It is ordered once: no event brings it again.
            system.orders.push_back(Action::Leave(way));
        }
    }
    system.reconcile(&cause);
    Ok(system)
}

/// All that came through execve(2).
fn every_descriptor() -> Vec<OwnedFd> {
    let numbers = |folder: std::fs::ReadDir| folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let listed: Option<Vec<i32>> = std::fs::read_dir("/proc/self/fd").ok().map(|folder| numbers(folder).collect());
    // The folder's own number is among them, and closed by now.
    let numbers = listed.unwrap_or_else(|| (3..65_536).collect());
    numbers.into_iter().filter_map(|number| kernel::process::inherited(number).ok()).collect()
}

/// Why, and the faults of late with this one.
fn cause(pages: &Pages, mut faults: Vec<u64>) -> (Cause, Vec<u64>) {
    let panic = pages.said.iter().rev().find(|(kind, _)| *kind == PANIC);
    let panic: Option<(Duration, String)> = panic.and_then(|(_, record)| serde_json::from_slice(&record.note).ok());
    let (at, text) = match (pages.fault, panic) {
        (Some(fault), _) => (fault.at, in_words(fault)),
        (None, Some((at, text))) => (u64::try_from(at.as_nanos()).unwrap_or(u64::MAX), text),
        (None, None) => return (Cause::Asked, faults),
    };
    let within = u64::try_from(WITHIN.as_nanos()).unwrap_or(u64::MAX);
    faults.retain(|earlier| at.saturating_sub(*earlier) < within);
    faults.push(at);
    (Cause::Fault(text), faults)
}

fn in_words(fault: Fault) -> String {
    let name = Signal::try_from(fault.signal).map_or_else(|_| format!("signal {}", fault.signal), |signal| signal.to_string());
    if fault.code <= 0 { format!("{name}, sent by somebody") } else { format!("{name} at address {:#x}", fault.address) }
}

fn assemble(
    what: Option<What>,
    (pages, journal): (&mut Pages, Option<OwnedFd>),
    inherited: &mut Inherited,
    is_pid_1: bool,
    remarks: &mut Vec<String>,
) -> nix::Result<System> {
    let mut reactor = Reactor::new()?;
    let signals = kernel::signal::descriptor()?;
    reactor.watch(&signals, Source::Signals)?;
    let (group, _) = boot::own_group(is_pid_1);
    let What { began, options, broken, listener, notify, syslog, asked } = what.unwrap_or_else(|| What {
        began: kernel::time::boottime(),
        options: boot::Options::default(),
        broken: None,
        listener: None,
        notify: None,
        syslog: None,
        asked: Vec::new(),
    });
    let library = Library::restored(pages, inherited, remarks);
    let supervisor = brain(pages, &library, &options, remarks).ok_or(nix::errno::Errno::EINVAL)?;
    let listener = listener.and_then(|number| inherited.take(number));
    let control = Control::restored(listener, pages, inherited, &mut reactor, remarks);
    let hands = Hands::restored(group, pages, inherited, (supervisor.units(), &mut reactor), remarks);
    let notify = notify.and_then(|number| inherited.take(number)).map(Notify::resumed).and_then(|notify| {
        let watch = reactor.watch(&notify, Source::Notify).ok()?;
        Some((notify, watch))
    });
    let syslog = syslog.and_then(|number| inherited.take(number)).map(Syslog::resumed);
    if let Some(syslog) = &syslog {
        reactor.watch(syslog, Source::Syslog)?;
    }
    let mut console = if is_pid_1 { Console::of_system() } else { Console::standard_output() };
    if let Some(record) = pages.one(CONSOLE) {
        console.resume(&record.raw);
    }
    let mut system = System {
        began,
        manners: Map::new(),
        supervisor,
        reactor,
        hands,
        journal: Journal::default(),
        console,
        console_watch: None,
        control,
        signals,
        notify,
        syslog,
        keeper: Keeper::from_environment(),
        queue: Queue::new(),
        heard: 0,
        orders: VecDeque::new(),
        happened: VecDeque::new(),
        turns: Turns::new(),
        ticking: false,
        more_to_reap: true,
        more_to_sweep: true,
        more_to_copy: false,
        deadline: None,
        options,
        library,
        broken,
        reading: pages.one(READING).and_then(|record| read(&record, "what is to be read", remarks)).flatten(),
        notes: Notes { wanted: None, asked, ..Notes::default() },
    };
    // Rings of another size than the usual first.
    boot::logging(&mut system);
    match journal.map(|journal| ledger::read(&journal)) {
        Some(Ok(lines)) => system.journal.restore(&lines),
        Some(Err(error)) => remarks.push(format!("the log is lost: {error}")),
        None => remarks.push("the log is lost".to_owned()),
    }
    Ok(system)
}

/// The supervisor as it was last written, with the units it had.
fn brain(pages: &mut Pages, library: &Library, options: &boot::Options, remarks: &mut Vec<String>) -> Option<Supervisor> {
    let slots = pages.all(SLOT).into_iter().filter_map(|(name, record)| {
        let slot: Option<SavedSlot> = read(&record, &name, remarks);
        Some((UnitName::new(&name).ok()?, slot?))
    });
    let slots: Vec<(UnitName, SavedSlot)> = slots.collect();
    let instances: Vec<UnitName> = slots.iter().map(|(name, _)| name).filter(|name| name.as_str().contains('@')).cloned().collect();
    let mut units = match library.sources() {
        Some(sources) => boot::units_of(sources, instances),
        None => {
            remarks.push("the unit files are read again: their text was lost".to_owned());
            boot::read_units(options).units
        }
    };
    for (name, sources) in library.older() {
        units.keep(&boot::units_of(sources, vec![name.clone()]), name);
    }
    let saved: Option<Saved> = pages.one(BRAIN).and_then(|record| read(&record, "the system's state", remarks));
    let mut saved = match saved {
        Some(saved) => saved,
        None => Saved::without_the_whole(boot::config(options, &units)?),
    };
    for (name, slot) in slots {
        saved.put(name, slot);
    }
    Some(saved.revive(units))
}

/// Let the supervisor hear once more what it has heard since it was written down, up to where it was interrupted.
fn replay(supervisor: &mut Supervisor, said: &mut Vec<(Kind, Record)>) -> Unfinished {
    let mut all = Unfinished::default();
    let mut heard: Option<(Moment, Event)> = None;
    let mut orders: VecDeque<Action> = VecDeque::new();
    for (kind, record) in said.drain(..) {
        match kind {
            QUEUED => all.queue.extend(serde_json::from_slice::<Event>(&record.note).ok()),
            BEGUN => {
                orders.clear();
                heard = serde_json::from_slice(&record.note).ok().zip(all.queue.pop_front());
            }
            STEPPED => {
                // It went well the first time.
                if let Some((now, event)) = heard.take() {
                    orders = guard::caught(|| supervisor.step(now, event)).unwrap_or_default().into();
                }
            }
            DONE => drop(orders.pop_front()),
            _ => {}
        }
    }
    // The one that was heard when it happened is at fault, or near it.
    all.dropped = heard.map(|(_, event)| format!("{event:?}"));
    if let Some(first) = orders.pop_front() {
        let again = interrupted(first, &mut all);
        all.orders.extend(again);
    }
    all.orders.extend(orders);
    all
}

/// The order that was being carried out: again, where it does no harm to do it twice.
fn interrupted(action: Action, all: &mut Unfinished) -> Option<Action> {
    match action {
        // Whether there is a process nobody knows. The unit's life ends with everybody in its group, and it is tried again.
        Action::Spawn { run, .. } => {
            all.queue.push_back(Event::SpawnDelayed(run, "init had a fault of its own".to_owned()));
            None
        }
        // Said or not, it is not said twice.
        Action::Answer(..) | Action::Environment(..) | Action::Tell(_) | Action::Reexec(_) => None,
        action => Some(action),
    }
}

impl System {
    fn tell_cause(&mut self, cause: &Cause, dropped: Option<String>, size: usize, began: Duration) {
        let up = self.supervisor.slots().count();
        let took = span(kernel::time::boottime().saturating_sub(began));
        let version = env!("CARGO_PKG_VERSION");
        match cause {
            Cause::Asked => {
                self.say(Tone::Notice, &format!("fief-init {version} has taken over {up} units in {took}, from {} KiB", size >> 10))
            }
            Cause::Fault(text) => {
                self.say(Tone::Bad, &format!("a fault in init itself: {text}; what was written down goes on, {up} units, in {took}"));
            }
        }
        if let Some(event) = dropped {
            self.say(Tone::Bad, &format!("this was dropped with it: {event}"));
        }
        if let Cause::Fault(_) = cause
            && self.notes.faults.len() > FAULTS
            && self.broken.is_none()
        {
            self.say(Tone::Bad, &format!("{} faults in {}; leaving in order", self.notes.faults.len(), span(WITHIN)));
            self.leave_broken();
        }
    }

    /// What can have happened in between, and what a fault can have cost.
    fn reconcile(&mut self, cause: &Cause) {
        self.reap_all();
        let runs: Vec<_> = match cause {
            Cause::Asked => Vec::new(),
            Cause::Fault(_) => self.supervisor.runs().collect(),
        };
        let count = self.hands.reconcile(&runs, self.supervisor.units(), &mut self.reactor, &mut self.queue);
        if count > 0 {
            self.journal.push(None, LogStream::Init, format!("{count} processes had ended unheard, or were never begun").as_bytes());
        }
        for ticket in std::mem::take(&mut self.notes.asked) {
            self.control.answer(ticket, &Reply::Done { results: Vec::new() }, &mut self.reactor, &mut self.queue);
        }
        self.deadline = self.supervisor.deadline();
        self.settle();
    }

    /// After faults of init's own: begin to leave, and not for ever.
    pub(crate) fn leave_broken(&mut self) {
        self.broken = Some(crate::system::now().plus(crate::system::PATIENCE_WHEN_BROKEN));
        self.queue.push_back(Event::LeaveAsked { way: Way::Poweroff, at_once: false });
    }
}
