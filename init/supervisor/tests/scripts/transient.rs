//! Units that come with a request, and go when they are over.

use std::collections::VecDeque;
use std::time::Duration;

use supervisor::{Action, Config, Event, Exit, Moment, Saved, Supervisor, Ticket};
use units::UnitName;
use units::control::{Fragment, Outcome, Reply, Request, Then};

const TICKET: Ticket = Ticket(7);

fn name(text: &str) -> UnitName {
    UnitName::new(text).unwrap()
}

fn config() -> Config {
    Config { default_target: name("default.target"), shutdown_budget: Duration::from_secs(25), random: 0 }
}

/// A system whose programs end at once with this code; those called `stays` stay.
struct Guest {
    supervisor: Supervisor,
    code: u8,
    now: u64,
    answers: Vec<Reply>,
    forgotten: Vec<String>,
}

impl Guest {
    fn new(code: u8) -> Self {
        let (units, _) = units::read([]);
        let mut guest = Self { supervisor: Supervisor::new(units, config()), code, now: 0, answers: Vec::new(), forgotten: Vec::new() };
        guest.happens(Event::Booted);
        guest
    }

    fn happens(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            self.now += 1;
            for action in self.supervisor.step(Moment(Duration::from_millis(self.now)), event) {
                match action {
                    Action::Prepare(life, _) => events.push_back(Event::Prepared(life)),
                    Action::Spawn { run, unit, .. } => {
                        events.extend([Event::Spawned(run, 100), Event::Executed(run)]);
                        if !unit.as_str().starts_with("stays") {
                            events.push_back(Event::Exited(run, Exit::Code(self.code)));
                        }
                    }
                    Action::Drain(life) => events.push_back(Event::Emptied(life)),
                    Action::Answer(ticket, reply) => {
                        assert_eq!(ticket, TICKET);
                        self.answers.push(reply);
                    }
                    Action::Forget(unit) => self.forgotten.push(unit.as_str().to_owned()),
                    _ => {}
                }
            }
        }
    }

    fn runs(&mut self, units: &[(&str, &str)], collect: bool, then: Then) {
        let units = units.iter().map(|(unit, text)| Fragment { name: name(unit), text: (*text).to_owned() }).collect();
        self.happens(Event::Asked(TICKET, Request::Run { units, collect, then }));
    }

    fn knows(&self, unit: &str) -> bool {
        self.supervisor.units().unit(&name(unit)).is_some()
    }
}

const SERVICE: &str = "[Service]\nExecStart=/bin/true\n";

#[test]
fn whoever_waits_hears_how_it_was_and_then_it_is_gone() {
    for (code, collect, verdict, stays) in [(0, false, "success", false), (3, false, "exit-code", true), (3, true, "exit-code", false)] {
        let mut guest = Guest::new(code);
        guest.runs(&[("one.service", SERVICE)], collect, Then::Over);
        let [Reply::Units { units }] = guest.answers.as_slice() else { panic!("{:?}", guest.answers) };
        let told: Vec<(&str, &str)> = units.iter().map(|row| (row.name.as_str(), row.verdict.as_str())).collect();
        assert_eq!(told, [("one.service", verdict)]);
        guest.happens(Event::Ticked);
        assert_eq!((guest.knows("one.service"), guest.forgotten.is_empty()), (stays, stays));
        guest.happens(Event::Asked(TICKET, Request::ResetFailed { units: Vec::new() }));
        guest.happens(Event::Ticked);
        assert!(!guest.knows("one.service") && guest.forgotten.len() == 1);
        guest.runs(&[("one.service", SERVICE)], true, Then::AtOnce);
        assert!(matches!(guest.answers.last(), Some(Reply::Done { .. })));
    }
}

#[test]
fn what_cannot_be_had_is_refused_whole() {
    let mut guest = Guest::new(0);
    guest.runs(&[("stays.service", SERVICE)], false, Then::Settled);
    assert!(matches!(guest.answers.as_slice(), [Reply::Done { results }] if results.iter().all(|one| one.outcome == Outcome::Ok)));
    for (first, text) in [("other.service", SERVICE), ("other.service", "[Service]\nType=dance\n")] {
        guest.runs(&[(first, text), ("stays.service", SERVICE)], false, Then::Over);
        assert!(
            matches!(guest.answers.last(), Some(Reply::Done { results }) if results.iter().all(|one| matches!(one.outcome, Outcome::Refused(_))))
        );
        assert!(!guest.knows("other.service") && guest.knows("stays.service"));
    }
    guest.happens(Event::Asked(TICKET, Request::Stop { units: vec![name("stays.service")] }));
}

#[test]
fn a_timers_unit_stays_as_long_as_the_timer() {
    let mut guest = Guest::new(0);
    let timer = "[Timer]\nOnActiveSec=5s\nRemainAfterElapse=no\n";
    guest.runs(&[("one.service", SERVICE), ("one.timer", timer)], false, Then::Settled);
    assert!(guest.knows("one.service") && guest.knows("one.timer") && guest.forgotten.is_empty());
    guest.now += 6000;
    guest.happens(Event::Ticked);
    guest.happens(Event::Ticked);
    assert_eq!(guest.forgotten, ["one.service", "one.timer"]);
    assert!(!guest.knows("one.service") && !guest.knows("one.timer"));
}

#[test]
fn another_reading_and_another_life_of_the_program_have_them_too() {
    let mut guest = Guest::new(0);
    guest.runs(&[("stays.service", SERVICE)], false, Then::Settled);
    let (units, _) = units::read([]);
    guest.supervisor.reread(units);
    assert!(guest.knows("stays.service"));
    let whole = serde_json::to_string(&guest.supervisor).unwrap();
    let mut saved: Saved = serde_json::from_str(&whole).unwrap();
    for (unit, slot) in guest.supervisor.slots() {
        let slot = serde_json::to_string(&slot).unwrap();
        saved.put(unit.clone(), serde_json::from_str(&slot).unwrap());
    }
    let (units, _) = units::read([]);
    guest.supervisor = saved.revive(units);
    assert!(guest.knows("stays.service"));
    guest.happens(Event::LeaveAsked { way: units::control::Way::Poweroff, at_once: false });
}

#[test]
fn nobody_waits_for_a_system_that_leaves() {
    let mut guest = Guest::new(0);
    guest.runs(&[("stays.service", SERVICE)], false, Then::Over);
    assert!(guest.answers.is_empty());
    guest.happens(Event::LeaveAsked { way: units::control::Way::Poweroff, at_once: false });
    assert!(matches!(guest.answers.as_slice(), [Reply::Refused { .. }]));
}

const SCOPE: &str = "[Scope]\nTimeoutStopSec=5\n";

fn scope(then: Then) -> Guest {
    let mut guest = Guest::new(0);
    guest.runs(&[("x.scope", SCOPE)], false, then);
    guest
}

fn entered() -> Event {
    Event::Asked(TICKET, Request::Entered { units: vec![name("x.scope")] })
}

fn outcome(reply: Option<&Reply>) -> Option<&Outcome> {
    if let Some(Reply::Done { results }) = reply { results.first().map(|result| &result.outcome) } else { None }
}

#[test]
fn a_scope_is_up_before_anybody_is_in_it_and_over_with_the_last_of_them() {
    let mut guest = scope(Then::Settled);
    assert_eq!(outcome(guest.answers.last()), Some(&Outcome::Ok));
    let row = guest.supervisor.rows(Moment::default(), &[name("x.scope")]).remove(0);
    assert_eq!((row.sub.as_ref(), row.main_pid), ("running", None));
    // What is said of a life that nobody has entered does not end it.
    guest.now += 14_000;
    guest.happens(Event::Ticked);
    assert!(guest.knows("x.scope"));
    guest.happens(entered());
    assert_eq!((outcome(guest.answers.last()), guest.forgotten.as_slice()), (Some(&Outcome::Ok), ["x.scope".to_owned()].as_slice()));
    guest.happens(entered());
    assert!(matches!(outcome(guest.answers.last()), Some(Outcome::Refused(_))));
    assert!(!guest.knows("x.scope"));
}

#[test]
fn a_scope_that_nobody_enters_is_over_in_time() {
    let mut guest = scope(Then::Settled);
    guest.now += 15_000;
    guest.happens(Event::Ticked);
    assert_eq!(guest.forgotten, ["x.scope"]);
    let mut guest = scope(Then::Over);
    assert!(guest.answers.is_empty());
    guest.happens(entered());
    let told: Vec<&str> = guest.answers.iter().map(|reply| if let Reply::Units { .. } = reply { "over" } else { "entered" }).collect();
    assert_eq!(told, ["entered", "over"]);
}
