//! PID 1 at work: events in, actions out, until somebody asks for the end.
//!
//! ```text
//!  signalfd, epoll ──▶ queue of Events ──step──▶ Actions ──▶ hands, control, console, keeper
//!        ▲                                                        │
//!        └─────── wait(deadline) ◀── a turn, not much of it at a time: [`turn`]
//! ```
//!
//! Invariant: a panic is a bug, and costs the container its units in order, never PID 1 itself:
//! see [`crate::guard`].

/// Out of what clients are told, while clients and reactor change.
macro_rules! known {
    ($system:expr) => {
        Known {
            supervisor: &$system.supervisor,
            hands: &$system.hands,
            journal: &$system.journal,
            turns: &$system.turns,
            manners: &$system.manners,
            stamps: $system.library.stamps(),
        }
    };
}

mod turn;

use std::collections::VecDeque;
use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::signalfd::SignalFd;
use supervisor::{Action, Afterwards, Event, Life, Moment, Notice, Supervisor};
use units::control::{LogStream, Request, Way};
use units::file::transient;
use units::unit::{ConsoleLevel, Log, ServiceType};
use units::{Diagnostic, Map, Severity, UnitName, search};

use crate::again::{Library, Notes};
use crate::boot::{self, Options};
use crate::console::{Console, Tone};
use crate::control::{Control, Known};
use crate::guard::{self, Work};
use crate::hands::{Hands, Pipe, Queue};
use crate::journal::{self, Flow, Journal, Priority};
use crate::keeper::Keeper;
use crate::leave::{self, Farewell};
use crate::ledger::Ledger;
use crate::manner::{Manner, Taken};
use crate::notify::{self, Notify};
use crate::reactor::{Reactor, Source, Watch};
use crate::reading::Reading;
use crate::signals::{self, Wish};
use crate::syslog::Syslog;
use crate::telling;
use crate::turns::{self, Turns};
use crate::utmp;

/// Signals heeded per turn.
const SIGNALS: usize = 64;
/// How long the console's reader may take with what is said at the very end.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// After a fault of our own: how long the ordered end may take.
pub(crate) const PATIENCE_WHEN_BROKEN: Duration = Duration::from_secs(45);

/// Everything PID 1 has.
pub(crate) struct System {
    pub(crate) began: Duration,
    pub(crate) supervisor: Supervisor,
    pub(crate) reactor: Reactor,
    pub(crate) hands: Hands,
    pub(crate) journal: Journal,
    pub(crate) console: Console,
    pub(crate) console_watch: Option<Watch>,
    pub(crate) control: Control,
    pub(crate) signals: SignalFd,
    pub(crate) notify: Option<(Notify, Watch)>,
    pub(crate) syslog: Option<Syslog>,
    pub(crate) keeper: Keeper,
    /// In which manner the lines of a unit are taken.
    pub(crate) manners: Map<UnitName, Manner>,
    pub(crate) queue: Queue,
    /// Events heard in all.
    pub(crate) heard: u64,
    /// What is still to be done of what the last event made the supervisor order.
    pub(crate) orders: VecDeque<Action>,
    /// Sources that have something and have not had their turn.
    pub(crate) happened: VecDeque<(Watch, bool)>,
    pub(crate) turns: Turns,
    /// The supervisor's deadline has come, and the event that says so waits.
    pub(crate) ticking: bool,
    pub(crate) more_to_reap: bool,
    pub(crate) more_to_sweep: bool,
    /// The log is being written anew.
    pub(crate) more_to_copy: bool,
    /// The supervisor's, asked for only when it may have changed: it looks at every unit.
    pub(crate) deadline: Option<Moment>,
    pub(crate) options: Options,
    /// What the units were read from.
    pub(crate) library: Library,
    /// They are to be read.
    pub(crate) reading: Option<Reading>,
    /// What of all this is written down.
    pub(crate) notes: Notes,
    /// A fault of our own has happened; the moment at which waiting ends.
    pub(crate) broken: Option<Moment>,
}

impl System {
    /// Work until the end. Consumes the system: nothing starts after it.
    pub(crate) fn run(mut self) -> ExitCode {
        let ending = guard::until_the_end(&mut self);
        let began = self.began;
        let console = &mut self.console;
        leave::by(Farewell {
            ending,
            keeper: &self.keeper,
            signals: &self.signals,
            root: self.hands.root(),
            say: &mut |text| {
                console.say(since(began), Tone::Notice, text);
                console.wait_for_reader(LAST_WORDS);
            },
        })
    }

    /// Say something of init's own.
    pub(crate) fn say(&mut self, tone: Tone, text: &str) {
        self.journal.push_as(None, LogStream::Init, Priority::of_daemon(tone.priority()), text.as_bytes());
        self.console.say(since(self.began), tone, text);
    }

    /// Show what is wrong with a unit file in the unit's log, and on the console unless it is only a
    /// warning about a file that a package has brought, which nobody here can mend.
    pub(crate) fn diagnose(&mut self, diagnostic: &Diagnostic) {
        let text = diagnostic.to_string();
        let unit = search::unit_of(&diagnostic.path);
        for line in text.lines() {
            self.journal.push_as(unit.as_ref(), LogStream::Init, Priority::of_daemon(Tone::Bad.priority()), line.as_bytes());
        }
        let is_a_packages = ["/usr/lib/systemd/", "/lib/systemd/"].iter().any(|root| diagnostic.path.starts_with(root));
        if diagnostic.severity == Severity::Error || !is_a_packages {
            self.console.block(&text);
        }
    }

    pub(crate) fn perform(&mut self, action: Action) -> Option<Way> {
        self.mind_instances(&action);
        let units = self.supervisor.units();
        let (reactor, queue) = (&mut self.reactor, &mut self.queue);
        match action {
            Action::Check(life, unit) => self.hands.check(life, &unit, units, queue),
            Action::Prepare(life, unit) => {
                for remark in self.hands.prepare(life, &unit, units, reactor, queue) {
                    self.journal.push(Some(&unit), LogStream::Init, remark.as_bytes());
                }
            }
            Action::Spawn { run, unit, main_pid, ended, because } => {
                self.hands.spawn(run, &unit, (main_pid, ended, because), units, reactor, queue);
            }
            Action::FindMain(life, unit) => self.hands.find_main(life, &unit, units, reactor, queue),
            Action::Signal(life, whom, signal) => self.hands.signal(life, whom, signal),
            Action::Kill(life) => self.hands.kill(life),
            Action::Drain(life) => {
                self.hear_out(life);
                self.hands.drain(life, &mut self.reactor, &mut self.queue);
            }
            Action::Release(life, unit, after) => self.hands.release(life, &unit, after, units, reactor),
            Action::Listen(life, unit) => {
                for remark in self.hands.listen(life, &unit, units, queue) {
                    self.journal.push(Some(&unit), LogStream::Init, remark.as_bytes());
                }
            }
            Action::Attend(life, wanted) => self.hands.attend(life, wanted, reactor),
            Action::Flush(life) => self.hands.flush(life),
            Action::Unlisten(life, unit) => self.hands.unlisten(life, &unit, units, reactor),
            Action::Give(connection, unit) => self.hands.give(connection, unit),
            Action::Drop(connection) => self.hands.drop_connection(connection),
            Action::WatchCalendar(life, unit) => self.hands.watch_calendar(life, &unit, units, reactor),
            Action::Stamp(unit) => self.hands.stamp(&unit, units),
            Action::WatchPaths(life, unit) => self.hands.watch_paths(life, &unit, units, reactor, queue),
            Action::Unwatch(life) => self.hands.unwatch(life, reactor),
            Action::Limit(life, unit) => {
                for remark in self.hands.limit(life, &unit, units) {
                    self.journal.push(Some(&unit), LogStream::Init, remark.as_bytes());
                }
            }
            Action::Freeze(life, frozen) => self.hands.freeze(life, frozen),
            Action::Answer(ticket, reply) => self.control.answer(ticket, &reply, reactor, queue),
            Action::Reexec(ticket) => self.notes.wanted.get_or_insert_default().push(ticket),
            Action::Environment(ticket, change) => {
                let reply = self.hands.surroundings.change(&change);
                self.control.answer(ticket, &reply, reactor, queue);
            }
            Action::Reread(ticket) => self.read_again(Some(ticket)),
            Action::Forget(unit) => {
                let _ = fs::remove_file(transient::path(&unit));
                self.manners.remove(&unit);
            }
            Action::Tell(notice) => self.tell(&notice),
            Action::Leave(way) => return Some(way),
        }
        None
    }

    /// In which manner the lines are taken of an instance that was made since the files were read; for a connection, as long as it is there.
    fn mind_instances(&mut self, action: &Action) {
        if let Action::Prepare(_, unit) = action
            && !self.manners.contains_key(unit)
        {
            boot::log_of(self, unit);
        }
        if let Action::Release(_, unit, Afterwards::Rest) = action
            && self.supervisor.is_over(unit)
        {
            self.manners.remove(unit);
        }
    }

    fn tell(&mut self, notice: &Notice) {
        let telling = telling::words(notice, now());
        self.journal.push_as(telling.unit, LogStream::Init, Priority::of_daemon(telling.tone.priority()), telling.text.as_bytes());
        // A work of the boot that has nothing to stop ends without a word.
        let silent = matches!(notice, Notice::Stopped(unit) if self.is_oneshot(unit));
        if telling.loud && !silent {
            self.console.say(since(self.began), telling.tone, &telling.text);
        }
        match (notice, utmp::of_pid_1()) {
            (Notice::BootFinished { .. }, Some(books)) => utmp::run_level(books, b'5'),
            (Notice::Leaving(..), Some(books)) => utmp::shutdown(books),
            (_, _) => {}
        }
        if let Notice::BootFinished { up, failed, .. } = notice {
            let text = &telling.text;
            self.keeper.tell(&format!("READY=1\nSTATUS={text}\nX_FIEF_BOOT={text}\nX_FIEF_UP={up}\nX_FIEF_FAILED={failed}"));
        }
        if let Notice::Leaving(..) = notice {
            self.keeper.tell(&format!("STATUS={}", telling.text));
        }
    }

    fn is_oneshot(&self, unit: &UnitName) -> bool {
        let service = self.supervisor.units().unit(unit).and_then(|unit| unit.service());
        service.is_some_and(|service| service.kind == ServiceType::Oneshot)
    }

    fn heed(&mut self, source: Source, hung_up: bool) {
        match source {
            Source::Signals => self.heed_signals(),
            Source::Notify => drop(self.hear()),
            Source::Syslog => {
                if let Some(syslog) = &self.syslog {
                    let journal = &mut self.journal;
                    syslog.turn(|priority, line| journal.push_as(None, LogStream::Syslog, priority, line));
                }
            }
            Source::Console => drop(self.console.flush()),
            Source::Listener => self.control.accept(&mut self.reactor),
            Source::Client(number) => {
                let known = known!(self);
                self.control.heed(number, hung_up, known, &mut self.reactor, &mut self.queue);
            }
            Source::Report(pid) => self.hands.reported(pid, &mut self.reactor, &mut self.queue),
            Source::Stranger(pid) => {
                self.hear_out_child(pid);
                if !self.handed_over(pid) {
                    self.hands.stranger_ended(pid, &mut self.reactor, &mut self.queue);
                }
            }
            Source::Output(number) => self.heed_output(number),
            Source::Emptying(life) => {
                self.hear_out(life);
                self.hands.look_whether_empty(life, &mut self.reactor, &mut self.queue);
            }
            Source::Memory(life) => self.hands.memory_ran_out(life, &mut self.queue),
            Source::Socket(life, index) => self.hands.heard(life, index, &mut self.reactor, &mut self.queue),
            Source::Ready(life) => self.hands.ready_said(life, &mut self.reactor, &mut self.queue),
            Source::Clock => self.hands.clock_rang(self.supervisor.units(), &mut self.reactor, &mut self.queue),
            Source::Paths => self.hands.paths_changed(self.supervisor.units(), &mut self.reactor, &mut self.queue),
            Source::Stored(number) => self.hands.stored_hung_up(number, &mut self.reactor),
        }
    }

    fn heed_signals(&mut self) {
        for _ in 0..SIGNALS {
            let Ok(Some(signal)) = self.signals.read_signal() else { return };
            #[cfg(debug_assertions)]
            crate::again::rehearsal::heed(signal.ssi_signo);
            let Some(wish) = signals::meaning(signal.ssi_signo) else { continue };
            let (way, at_once) = match wish {
                Wish::Reap => {
                    self.more_to_reap = true;
                    continue;
                }
                Wish::PowerOff => (Way::Poweroff, false),
                Wish::PowerOffNow => (Way::Poweroff, true),
                Wish::Reboot => (Way::Reboot, false),
                Wish::RebootNow => (Way::Reboot, true),
                Wish::Isolate(target) => {
                    self.ask_for(target, |unit| Request::Isolate { unit });
                    continue;
                }
                Wish::Start(target) => {
                    self.ask_for(target, |unit| Request::Start { units: vec![unit] });
                    continue;
                }
                Wish::StartOrReboot(target) if self.ask_for(target, |unit| Request::Start { units: vec![unit] }) => continue,
                Wish::StartOrReboot(_) => (Way::Reboot, false),
                Wish::Reload => {
                    self.read_again(None);
                    continue;
                }
                Wish::ReopenControl => {
                    self.reopen();
                    continue;
                }
                Wish::Reexec => {
                    self.notes.wanted.get_or_insert_default();
                    continue;
                }
                Wish::Dump => {
                    let mut lines: Vec<String> = self.supervisor.dump(now()).collect();
                    let written = |ledger: Option<&Ledger>| ledger.map_or(0, Ledger::length);
                    lines.push(format!(
                        "written down: {} bytes of state, {} of log",
                        written(self.notes.ledger.as_ref()),
                        written(self.journal.ledger())
                    ));
                    lines.push(turns::words(&self.turns.tell(false)));
                    self.console.block(&lines.join("\n"));
                    continue;
                }
            };
            // Zero: the sender is not in our pid namespace. signalfd(2), pid_namespaces(7).
            let from = if signal.ssi_pid == 0 { "the host".to_owned() } else { format!("process {}", signal.ssi_pid) };
            self.say(Tone::Notice, &format!("{way} asked for by {from}"));
            self.hands.end_generators();
            self.queue.push_back(Event::LeaveAsked { way, at_once });
        }
    }

    /// As somebody who wants no answer; whether there is such a unit, masked or not, and nothing is on its way down already.
    fn ask_for(&mut self, target: &str, request: impl Fn(UnitName) -> Request) -> bool {
        let Ok(name) = UnitName::new(target) else { return false };
        let units = self.supervisor.units();
        let is_there = units.entry(units.resolve(&name)).is_some() && !self.supervisor.is_leaving();
        if is_there {
            let request = request(name);
            self.say(Tone::Notice, &format!("{target} asked for by a signal"));
            self.control.ask_for_nobody(request, &mut self.queue);
        }
        is_there
    }

    fn reopen(&mut self) {
        // Somebody who has emptied /run has taken this one along.
        if std::fs::symlink_metadata(notify::PATH).is_err() {
            boot::open_notify(self);
        }
        if let Err(error) = self.control.bind(&mut self.reactor) {
            self.say(Tone::Bad, &format!("no control socket: {error}"));
        }
    }

    /// Take what a life has written up to now: its lines are in the log before the end of who wrote them is told.
    fn hear_out(&mut self, life: Life) {
        for number in self.hands.pipes_of(life) {
            self.heed_output(number);
        }
    }

    /// The same for the life a process belongs to.
    fn hear_out_child(&mut self, pid: i32) {
        if let Some(life) = self.hands.life_of_child(pid) {
            self.hear_out(life);
        }
    }

    fn heed_output(&mut self, number: u64) {
        let speaker = self.hands.speaker(number);
        let Some(Pipe { unit, stream, intake, .. }) = self.hands.pipe(number) else { return };
        let (unit, stream) = (&*unit, *stream);
        // A generator's lines are those of no unit.
        let mut usual = Manner::of(&Log::default());
        let manner = self.manners.get_mut(unit).unwrap_or(&mut usual);
        manner.speaker = speaker.or(manner.speaker);
        let loud = match manner.console {
            ConsoleLevel::Off => false,
            ConsoleLevel::Warning => stream == LogStream::Stderr,
            ConsoleLevel::All => true,
        };
        let (journal, console, at, now) = (&mut self.journal, &mut self.console, since(self.began), kernel::time::boottime());
        let flow = intake.turn(|line| {
            let Taken::Kept { priority, text, suppressed } = manner.take(line, now) else { return };
            if suppressed > 0 {
                let text = format!("{suppressed} lines were too many and are not kept");
                journal.push_as(Some(unit), LogStream::Init, Priority::of_daemon(journal::NOTICE), text.as_bytes());
            }
            let line = manner.words(text);
            journal.push_as(Some(unit), stream, priority, &line);
            if loud {
                console.say(at, Tone::Quiet, &format!("{unit}: {}", String::from_utf8_lossy(&line)));
            }
        });
        match flow {
            Flow::Open => {}
            Flow::Flood => self.hands.pause_pipe(number, &mut self.reactor),
            Flow::Ended => self.hands.close_pipe(number, &mut self.reactor),
        }
    }

    /// Watch the console for room exactly while something waits for it.
    fn mind_console(&mut self) {
        let waits = self.console.flush();
        if self.console.has_hung_up() {
            // Out of the reactor before it is closed: see there.
            if let (Some(watch), Some(fd)) = (self.console_watch.take(), self.console.watch()) {
                self.reactor.forget(fd, watch);
            }
            self.console.close();
            return;
        }
        match (waits, self.console_watch) {
            (true, None) => {
                if let Some(fd) = self.console.watch() {
                    self.console_watch = self.reactor.watch_room(fd, Source::Console).ok();
                }
            }
            (false, Some(watch)) => {
                if let Some(fd) = self.console.watch() {
                    self.reactor.forget(fd, watch);
                }
                self.console_watch = None;
            }
            _ => {}
        }
    }
}

impl Work for System {
    fn turn(&mut self) -> Option<Way> {
        self.one_turn()
    }

    fn broke(&mut self, what: &str) {
        self.outlive(what);
        self.queue.clear();
        self.orders.clear();
        self.ticking = false;
        self.leave_broken();
        self.say(Tone::Bad, &format!("a fault in init itself: {what}; leaving in order"));
    }

    fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    fn takes_too_long(&self) -> bool {
        self.broken.is_some_and(|until| now() >= until)
    }
}

/// The present moment of the supervisor: CLOCK_BOOTTIME, which no clock setting moves.
pub(crate) fn now() -> Moment {
    Moment(kernel::time::boottime())
}

/// The time since init began.
fn since(began: Duration) -> Duration {
    kernel::time::boottime().saturating_sub(began)
}
