//! The transition table of the documentation, found by trying every event in every state that can be reached.
//! `UPDATE_EXPECT=1 cargo test -p supervisor --test transitions` writes it anew.
#![allow(clippy::unwrap_used, missing_docs)]

use expect_test::expect_file;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::time::Duration;
use supervisor::{Action, Config, Event, Exit, Life, Moment, Phase, Run, Supervisor, Ticket};
use units::control::{Request, Way};
use units::unit::Verdict;
use units::value::Signal;
use units::{SourceFile, SourceKind, UnitKind, UnitName, UnitSet, read};

/// One machine with one unit of interest, whose reactor does nothing by itself.
struct Bare {
    supervisor: Supervisor,
    unit: UnitName,
    now: Moment,
    life: Option<Life>,
    /// Commands that run.
    runs: Vec<Run>,
    /// The main process is looked for.
    finding: bool,
    ticket: u64,
}

type Make = fn(&mut Bare) -> Option<Event>;

/// What can happen, in the order of the table.
const EVENTS: [(&str, Make); 43] = [
    ("start asked", |b| Some(b.ask(|units| Request::Start { units }))),
    ("stop asked", |b| Some(b.ask(|units| Request::Stop { units }))),
    ("restart asked", |b| Some(b.ask(|units| Request::Restart { units }))),
    ("reload asked", |b| Some(b.ask(|units| Request::Reload { units }))),
    ("reset-failed asked", |b| Some(b.ask(|units| Request::ResetFailed { units }))),
    ("its processes have entered", |b| Some(b.ask(|units| Request::Entered { units }))),
    ("freeze asked", |b| Some(b.ask(|units| Request::Freeze { units }))),
    ("conditions hold", |b| b.life.map(|life| Event::Checked(life, Verdict::Go))),
    ("a condition does not hold", |b| b.life.map(|life| Event::Checked(life, Verdict::Skip("c".into())))),
    ("an assertion does not hold", |b| b.life.map(|life| Event::Checked(life, Verdict::Refuse("a".into())))),
    ("prepared", |b| b.life.map(Event::Prepared)),
    ("not prepared", |b| b.life.map(|life| Event::PrepareFailed(life, "no".into()))),
    ("a process is there", |b| b.runs.last().map(|run| Event::Spawned(*run, 100))),
    ("it is the program", |b| b.runs.last().map(|run| Event::Executed(*run))),
    ("it is not to be had", |b| b.runs.pop().map(|run| Event::SpawnFailed(run, "no".into()))),
    ("it is not to be had now", |b| b.runs.pop().map(|run| Event::SpawnDelayed(run, "no".into()))),
    ("main process: code 0", |b| b.end(true, Exit::Code(0))),
    ("main process: code 1", |b| b.end(true, Exit::Code(1))),
    ("main process: SIGKILL", |b| b.end(true, Exit::Signal(Signal::KILL))),
    ("command: code 0", |b| b.end(false, Exit::Code(0))),
    ("command: code 1", |b| b.end(false, Exit::Code(1))),
    ("command: code 255", |b| b.end(false, Exit::Code(255))),
    ("READY=1", |b| b.life.map(Event::Readied)),
    ("RELOADING=1", |b| b.life.map(|life| Event::Reloading(life, Some(b.now)))),
    ("STOPPING=1", |b| b.life.map(Event::StoppingSaid)),
    ("EXTEND_TIMEOUT_USEC=", |b| b.life.map(|life| Event::Extended(life, Duration::from_secs(1)))),
    ("WATCHDOG=1", |b| b.life.map(Event::WatchdogPinged)),
    ("WATCHDOG=trigger", |b| b.life.map(Event::WatchdogTriggered)),
    ("main process found", |b| {
        let run = Run { life: b.life.filter(|_| b.finding)?, phase: Phase::Start, index: 0 };
        b.finding = false;
        b.runs.push(run);
        Some(Event::MainFound(run.life, Some(7)))
    }),
    ("no main process found", |b| b.life.filter(|_| b.finding).map(|life| Event::MainFound(life, None))),
    ("no process is left", |b| b.life.map(Event::Emptied)),
    ("killed for want of memory", |b| b.life.map(Event::OomKilled)),
    ("listening", |b| b.life.map(Event::Listening)),
    ("not listening", |b| b.life.map(|life| Event::ListenFailed(life, "no".into()))),
    ("somebody comes", |b| b.life.map(Event::Incoming)),
    ("the calendar's hour", |b| b.life.map(Event::CalendarElapsed)),
    ("a path has changed", |b| b.life.map(|life| Event::PathTriggered(life, "/x".into()))),
    ("not watched", |b| b.life.map(|life| Event::WatchFailed(life, "no".into()))),
    ("its time is over", |b| {
        b.now = b.supervisor.deadline().filter(|deadline| *deadline < Moment(Duration::from_secs(86_400)))?;
        Some(Event::Ticked)
    }),
    ("its unit is started", |b| Some(b.ask_other(|units| Request::Start { units }))),
    ("its unit is stopped", |b| Some(b.ask_other(|units| Request::Stop { units }))),
    ("the end is asked", |_| Some(Event::LeaveAsked { way: Way::Poweroff, at_once: false })),
    ("the end is asked, at once", |_| Some(Event::LeaveAsked { way: Way::Poweroff, at_once: true })),
];

impl Bare {
    fn new(unit: &UnitName, units: &UnitSet) -> Self {
        let config =
            Config { default_target: UnitName::new("default.target").unwrap(), shutdown_budget: Duration::from_secs(25), random: 0 };
        let supervisor = Supervisor::new(units.clone(), config);
        Self { supervisor, unit: unit.clone(), now: Moment::default(), life: None, runs: Vec::new(), finding: false, ticket: 0 }
    }

    fn ask(&mut self, request: fn(Vec<UnitName>) -> Request) -> Event {
        self.ticket += 1;
        Event::Asked(Ticket(self.ticket), request(vec![self.unit.clone()]))
    }

    fn ask_other(&mut self, request: fn(Vec<UnitName>) -> Request) -> Event {
        self.ticket += 1;
        Event::Asked(Ticket(self.ticket), request(vec![UnitName::new("other.target").unwrap()]))
    }

    fn end(&mut self, main: bool, exit: Exit) -> Option<Event> {
        let at = self.runs.iter().rposition(|run| (run.phase == Phase::Start) == main)?;
        Some(Event::Exited(self.runs.remove(at), exit))
    }

    /// Has this happen; false if it cannot.
    fn happen(&mut self, make: Make) -> bool {
        let Some(event) = make(self) else { return false };
        for action in self.supervisor.step(self.now, event) {
            match action {
                Action::Check(life, unit) | Action::Prepare(life, unit) if unit == self.unit => self.life = Some(life),
                Action::Spawn { run, .. } => self.runs.push(run),
                Action::FindMain(..) => self.finding = true,
                Action::Release(life, ..) if Some(life) == self.life => {
                    self.life = None;
                    self.finding = false;
                    self.runs.clear();
                }
                Action::Leave(_) => return false,
                _ => {}
            }
        }
        true
    }

    /// What the table calls it.
    fn state(&self) -> String {
        let row = self.supervisor.rows(self.now, std::slice::from_ref(&self.unit)).remove(0);
        format!("{} ({})", row.sub, row.active)
    }

    /// What makes a difference to what may come, but for numbers.
    fn inside(&self) -> String {
        let line = self.supervisor.dump(self.now).find(|line| line.starts_with(&format!("{}:", self.unit))).unwrap();
        let digits = line.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect::<String>();
        format!("{digits} {:?}", self.runs.iter().map(|run| run.phase).collect::<BTreeSet<_>>())
    }
}

fn read_units(unit: &str, text: &str) -> UnitSet {
    let file = |(name, text): (&str, &str)| SourceFile {
        path: format!("/etc/fief/units/{name}.toml"),
        kind: SourceKind::Unit(text.as_bytes().to_vec()),
    };
    let other = ("other.target", "description = 'what it starts'");
    if let Some(scope) = UnitName::new(unit).ok().filter(|name| name.kind() == UnitKind::Scope) {
        let (mut units, _) = read([file(other)]);
        units.adopt(&scope, text).unwrap();
        return units;
    }
    let (units, told) = read([(unit, text), other].map(file));
    assert!(told.is_empty(), "{told:?}");
    units
}

/// Every state that a dozen events lead to, and what every event makes of it.
fn explore(unit: &str, text: &str) -> BTreeMap<(String, usize), BTreeSet<String>> {
    let units = read_units(unit, text);
    let unit = UnitName::new(unit).unwrap();
    let mut table: BTreeMap<(String, usize), BTreeSet<String>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut open: VecDeque<Vec<usize>> = VecDeque::from([Vec::new()]);
    while let Some(path) = open.pop_front() {
        for (at, (_, make)) in EVENTS.iter().enumerate() {
            let mut bare = Bare::new(&unit, &units);
            for step in &path {
                assert!(bare.happen(EVENTS.get(*step).unwrap().1));
            }
            let before = bare.state();
            if !bare.happen(*make) {
                continue;
            }
            table.entry((before, at)).or_default().insert(bare.state());
            if path.len() < 12 && seen.len() < 600 && seen.insert(bare.inside()) {
                open.push_back([path.as_slice(), &[at]].concat());
            }
        }
    }
    table.retain(|(before, _), next| next.len() > 1 || !next.contains(before));
    table
}

const KINDS: [(&str, &str, &str); 10] = [
    (
        "A service of type notify with every command",
        "a",
        "condition = { path-exists = '/x' }\n[service]\ntype = 'notify'\ncommand = '/bin/a'\nexec-condition = '/bin/c'\nexec-start-pre = '/bin/p'\n\
         exec-start-post = '/bin/q'\nexec-reload = '/bin/r'\nexec-stop = '/bin/s'\nexec-stop-post = '/bin/t'\nwatchdog-sec = '5s'",
    ),
    ("A service of type notify-reload", "a", "[service]\ntype = 'notify-reload'\ncommand = '/bin/a'"),
    ("A service of type oneshot", "a", "[service]\ntype = 'oneshot'\ncommand = '/bin/a'\nremain-after-exit = true"),
    ("A service of type forking", "a", "[service]\ntype = 'forking'\npid-file = '/run/a.pid'\ncommand = '/bin/a'"),
    ("A service of type idle", "a", "[service]\ntype = 'idle'\ncommand = '/bin/a'"),
    ("A socket", "a.socket", "[socket]\nlisten-stream = '/run/a'\nexec-stop-pre = '/bin/s'"),
    ("A timer", "a.timer", "[timer]\non-calendar = 'daily'\non-active-sec = '5s'\nunit = 'other.target'"),
    ("A path", "a.path", "[path]\npath-exists = '/x'\nunit = 'other.target'"),
    ("A mount", "a.mount", "[mount]\nwhat = '/dev/x'\nwhere = '/a'"),
    ("A scope", "a.scope", "[Scope]\nRuntimeMaxSec=1min"),
];

#[test]
fn the_table_in_the_documentation_is_what_the_code_does() {
    let mut text = String::from(
        "# What a unit does when something happens\n\nMade from `init/supervisor` by its test `transitions`, which tries every event in every state \
         that can be reached; do not edit.\nStates are the words of `fiefctl list`, with systemd's broader ones in brackets. What is not listed changes \
         nothing. Where there are two outcomes, data decides\nthat the word does not show: which command is run, whether more of them follow, whether \
         a job waits.\n",
    );
    for (title, unit, body) in KINDS {
        write!(text, "\n## {title}\n\n| state | what happens | then |\n|---|---|---|\n").unwrap();
        for ((state, event), next) in explore(unit, body) {
            let next: Vec<&str> = next.iter().map(String::as_str).collect();
            writeln!(text, "| {state} | {} | {} |", EVENTS.get(event).unwrap().0, next.join(" or ")).unwrap();
        }
    }
    expect_file!["../../../docs/transitions.md"].assert_eq(&text);
}
