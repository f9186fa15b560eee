//! What an earlier life of PID 1 has written down.
//!
//! ```text
//!   orders ─▶ a supervisor ─▶ its JSON ─▶ spoilt byte by byte ─▶ Saved, SavedSlot ─▶ revived ─▶ more orders
//! ```

use std::time::Duration;

use supervisor::{Action, Config, Event, Exit, Moment, Saved, SavedSlot, Supervisor, Ticket};
use units::control::{Request, Way};
use units::unit::Verdict;
use units::{SourceFile, SourceKind, UnitName, UnitSet};

#[path = "../../init/src/ledger/pages.rs"]
mod pages;

use pages::{Kind, Pages};

/// No more is read than there is, and a ledger that goes on after its end is still that ledger.
pub fn ledger(bytes: &[u8]) {
    let mut pages = Pages::of(bytes);
    assert_eq!(pages.length, bytes.len());
    let said = pages.said.len();
    let mut held: usize = pages.said.iter().map(|(_, record)| record.note.len() + record.raw.len()).sum();
    let mut again = Pages::of(bytes);
    for kind in (0..=255).map(Kind) {
        let alone = again.one(kind).is_some();
        let all = pages.all(kind);
        assert!(!alone || all.iter().any(|(key, _)| key.is_empty()));
        held += all.iter().map(|(_, record)| record.note.len() + record.raw.len()).sum::<usize>();
    }
    assert!(held <= bytes.len() && said <= bytes.len() / 12, "{held} bytes of {}", bytes.len());
    let torn = Pages::of(bytes.get(..bytes.len().saturating_sub(1)).unwrap_or_default());
    assert!(torn.said.len() <= said && (pages.fault.is_some() || torn.fault.is_none()));
}

const UNITS: &str = "-- default.target\nwants = ['a', 'b', 'o', 's.socket', 'c.timer', 'x@1', 'f']\n\
    -- a\n[service]\ntype = 'notify'\ncommand = '/bin/a'\nwatchdog-sec = '5s'\n[restart]\npolicy = 'always'\n\
    -- b\nafter = ['a']\nrequires = ['a']\n[service]\ncommand = '/bin/b'\n\
    -- o\nbefore = ['b']\n[service]\ntype = 'oneshot'\nremain-after-exit = true\ncommand = '/bin/o'\n\
    -- f\nconflicts = ['b']\n[service]\ntype = 'forking'\ncommand = '/bin/f'\n\
    -- s.socket\n[socket]\nlisten-stream = ['/run/s']\n-- s\n[service]\ncommand = '/bin/s'\n\
    -- c.timer\n[timer]\non-boot-sec = '1min'\nunit = 'o'\n-- x@\n[service]\ncommand = '/bin/x'\n[restart]\npolicy = 'on-failure'\n";

fn units() -> UnitSet {
    let files = UNITS.split("-- ").filter_map(|part| part.split_once('\n')).map(|(name, text)| SourceFile {
        path: format!("/u/{}.toml", if name.contains('.') { name.to_owned() } else { format!("{name}.service") }),
        kind: SourceKind::Unit(text.as_bytes().to_vec()),
    });
    let (set, told) = units::read(files);
    assert!(told.is_empty(), "{told:?}");
    set
}

/// State that was spoilt is refused, or goes on: nothing that comes afterwards makes it fail, and it can still be asked to leave.
pub fn state(bytes: &[u8]) {
    let (orders, rest) = bytes.split_at(bytes.len().min(24));
    let (spoils, later) = rest.split_at(rest.len().min(32));
    let target = UnitName::new("default.target").unwrap_or_else(|error| panic!("{error}"));
    let config = Config { default_target: target, shutdown_budget: Duration::from_secs(60), random: 7 };
    let mut world = World { now: 1, supervisor: Supervisor::new(units(), config), orders: Vec::new(), told: Vec::new() };
    world.say(Event::Booted);
    orders.iter().for_each(|order| world.obey(*order));
    let mut whole = serde_json::to_vec(&world.supervisor).unwrap_or_else(|error| panic!("{error}"));
    let slots = world.supervisor.slots().map(|(name, slot)| (name.clone(), serde_json::to_vec(&slot).unwrap_or_default()));
    let mut slots: Vec<(UnitName, Vec<u8>)> = slots.collect();
    let mut queued = serde_json::to_vec(&world.told).unwrap_or_else(|error| panic!("{error}"));
    for spoil in spoils.chunks_exact(4) {
        let [whom, high, low, value] = spoil else { continue };
        let count = slots.len() + 2;
        let text = match usize::from(*whom) % count {
            0 => &mut whole,
            1 => &mut queued,
            other => match slots.get_mut(other - 2) {
                Some((_, text)) => text,
                None => continue,
            },
        };
        let at = (usize::from(*high) << 8 | usize::from(*low)) % text.len().max(1);
        // Digits stay digits half of the time, so that more than the JSON is tried.
        if let Some(byte) = text.get_mut(at) {
            *byte = if byte.is_ascii_digit() && value & 128 == 0 { b'0' + value % 10 } else { *value };
        }
    }
    let Ok(mut saved) = serde_json::from_slice::<Saved>(&whole) else { return };
    for (name, slot) in slots {
        if let Ok(slot) = serde_json::from_slice::<SavedSlot>(&slot) {
            saved.put(name, slot);
        }
    }
    world.supervisor = saved.revive(units());
    for event in serde_json::from_slice::<Vec<Event>>(&queued).unwrap_or_default() {
        world.say(event);
    }
    later.iter().take(64).for_each(|order| world.obey(*order));
    assert!(world.supervisor.dump(Moment(Duration::from_secs(world.now))).count() > 0);
    world.say(Event::LeaveAsked { way: Way::Poweroff, at_once: false });
}

/// A supervisor, and hands that do what a byte says.
struct World {
    now: u64,
    supervisor: Supervisor,
    orders: Vec<Action>,
    /// The last events, which may have been queued when it was written down.
    told: Vec<Event>,
}

impl World {
    fn say(&mut self, event: Event) {
        self.told.push(event.clone());
        self.told.drain(..self.told.len().saturating_sub(3));
        self.orders.extend(self.supervisor.step(Moment(Duration::from_secs(self.now)), event));
        let most = self.orders.len().saturating_sub(32);
        self.orders.drain(..most);
    }

    /// The lower half says which order is carried out, the upper one how it comes out.
    fn obey(&mut self, byte: u8) {
        let how = byte >> 4;
        if how == 15 {
            self.now += u64::from(byte & 15) * 7;
            return self.say(Event::Ticked);
        }
        if how == 14 {
            let name = ["a", "b", "o", "f", "s", "x@1", "s.socket", "c.timer"].get(usize::from(byte & 7)).copied().unwrap_or_default();
            let units = UnitName::new(name).into_iter().collect();
            let request = if byte & 8 == 0 { Request::Start { units } } else { Request::Stop { units } };
            return self.say(Event::Asked(Ticket(self.now), request));
        }
        let at = usize::from(byte & 15) % self.orders.len().max(1);
        let Some(order) = self.orders.get(at).cloned() else { return };
        let event = match order {
            Action::Check(life, ..) if how < 8 => Event::Checked(life, Verdict::Go),
            Action::Check(life, ..) => Event::Checked(life, Verdict::Skip("no".to_owned())),
            Action::Prepare(life, ..) if how < 12 => Event::Prepared(life),
            Action::Prepare(life, ..) => Event::PrepareFailed(life, "no room".to_owned()),
            Action::Spawn { run, .. } => match how {
                0..4 => Event::Spawned(run, 100),
                4..7 => Event::Executed(run),
                7 => Event::SpawnFailed(run, "no program".to_owned()),
                8 => Event::SpawnDelayed(run, "no process".to_owned()),
                9 => Event::Readied(run.life),
                10 => Event::WatchdogPinged(run.life),
                11 => Event::MainFound(run.life, Some(101)),
                12 => Event::Exited(run, Exit::Code(1)),
                _ => Event::Exited(run, Exit::Code(0)),
            },
            Action::Drain(life) | Action::Kill(life, ..) => Event::Emptied(life),
            Action::FindMain(life, ..) => Event::MainFound(life, (how < 8).then_some(102)),
            Action::Listen(life, ..) if how < 10 => Event::Listening(life),
            Action::Listen(life, ..) => Event::ListenFailed(life, "in use".to_owned()),
            Action::Attend(life, ..) => Event::Incoming(life),
            Action::WatchCalendar(life, ..) => Event::CalendarElapsed(life),
            _ => Event::Ticked,
        };
        self.say(event);
    }
}
