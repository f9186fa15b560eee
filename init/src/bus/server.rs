//! Who is connected, and what is under way. One thread, and one place that blocks: poll(2).

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use kernel::{socket, unix};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use units::UnitName;
use units::control::{ActiveState, Reply, Request, UnitRow};

use super::answer::{Answer, Fault, names};
use super::client::Client;
use super::jobs::{self, Errand, Purpose};
use super::message::{self, Body, Kind, Message};
use super::wire::Garbled;
use super::{manager, object, transient};
use crate::fiefctl::session::{Failed, Session};
use crate::file;
use crate::say;
use crate::systemctl::status as of_process;

/// Clients at a time, and requests that PID 1 takes its time for.
const MOST_CLIENTS: usize = 64;
const MOST_ERRANDS: usize = 256;
/// Units that are watched for clients that wait until they are down.
const MOST_WATCHED: usize = 256;
/// After so long without anybody we end; PID 1 begins us with the next.
const IDLE: Duration = Duration::from_secs(30);
/// Numbers that PID 1 does not come to: it gives a job its own when it is begun, and a client wants to know one before.
const FIRST_JOB: u32 = 1 << 30;
/// That a unit is down is an event that nobody is told: so often it is asked.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A unit of which a client wants to know when it is down.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Watched {
    pub(super) client: u64,
    pub(super) unit: UnitName,
}

#[derive(Debug)]
pub(super) struct Server {
    listener: OwnedFd,
    signals: SignalFd,
    clients: BTreeMap<u64, Client>,
    next: u64,
    errands: Vec<Errand>,
    /// The number of the last job.
    job: u32,
    /// Jobs that were over before they began, and who asked is not told yet.
    settled: Vec<(u32, UnitName)>,
    pub(super) watched: Vec<Watched>,
    /// Who we are: 128 bits that another boot does not have.
    id: String,
}

/// What is ready.
#[derive(Clone, Copy)]
enum Ready {
    Listener,
    Signals,
    Client(u64),
    Errand(usize),
}

/// Serve until somebody ends us, or nobody wants us.
pub(crate) fn run() -> ExitCode {
    match Server::new().and_then(Server::work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(format_args!("fief-bus: {error}"));
            ExitCode::FAILURE
        }
    }
}

impl Server {
    fn new() -> io::Result<Self> {
        let [listener] = <[OwnedFd; 1]>::try_from(socket::handed())
            .map_err(|_| io::Error::other("this is a service of fief-init, which gives it one socket"))?;
        nix::fcntl::fcntl(&listener, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
        Ok(Self {
            listener,
            signals: kernel::signal::descriptor()?,
            clients: BTreeMap::new(),
            next: 1,
            errands: Vec::new(),
            job: FIRST_JOB,
            settled: Vec::new(),
            watched: Vec::new(),
            id: file::boot_id()?,
        })
    }

    fn work(mut self) -> io::Result<()> {
        loop {
            let ready = self.wait()?;
            if ready.is_empty() && self.is_idle() {
                return Ok(());
            }
            // From the last on: one that is over is taken out of its place.
            for what in ready.into_iter().rev() {
                match what {
                    Ready::Listener => self.accept(),
                    Ready::Signals if self.is_ended() => return Ok(()),
                    Ready::Signals => {}
                    Ready::Client(number) => self.hear(number),
                    Ready::Errand(at) => self.hear_init(at),
                }
            }
            self.look_at_watched();
            self.flush();
        }
    }

    fn is_idle(&self) -> bool {
        self.clients.is_empty() && self.errands.is_empty()
    }

    /// What is ready; nothing, when the time is over.
    fn wait(&self) -> io::Result<Vec<Ready>> {
        let span = match () {
            () if !self.watched.is_empty() => Some(LOOK_AGAIN),
            () if self.is_idle() => Some(IDLE),
            () => None,
        };
        let mut all = vec![(Ready::Signals, PollFd::new(self.signals.as_fd(), PollFlags::POLLIN))];
        if self.clients.len() < MOST_CLIENTS {
            all.push((Ready::Listener, PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)));
        }
        for (number, client) in &self.clients {
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::POLLIN, client.is_heard());
            wanted.set(PollFlags::POLLOUT, client.has_backlog());
            all.push((Ready::Client(*number), PollFd::new(client.as_fd(), wanted)));
        }
        let errands = self.errands.iter().enumerate();
        all.extend(errands.map(|(at, errand)| (Ready::Errand(at), PollFd::new(errand.as_fd(), PollFlags::POLLIN))));
        let (what, mut fds): (Vec<Ready>, Vec<PollFd<'_>>) = all.into_iter().unzip();
        let timeout = span.and_then(|span| PollTimeout::try_from(span).ok()).unwrap_or(PollTimeout::NONE);
        loop {
            match poll(&mut fds, timeout) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
                Ok(_) => break,
            }
        }
        Ok(what.into_iter().zip(&fds).filter(|(_, fd)| fd.any() == Some(true)).map(|(what, _)| what).collect())
    }

    /// Whether we are to end.
    fn is_ended(&self) -> bool {
        let mut is_ended = false;
        while let Ok(Some(signal)) = self.signals.read_signal() {
            is_ended |= matches!(i32::try_from(signal.ssi_signo), Ok(libc::SIGTERM | libc::SIGINT));
        }
        is_ended
    }

    fn accept(&mut self) {
        let Ok(stream) = socket::accept(&self.listener).map(UnixStream::from) else { return };
        // The socket's mode says the same; who gets hold of it otherwise is no more root than before.
        let is_root = unix::peer(&stream).is_ok_and(|peer| peer.uid() == 0);
        if let (true, Ok(client)) = (is_root, Client::new(stream)) {
            self.clients.insert(self.next, client);
            self.next += 1;
        }
    }

    fn part(&mut self, number: u64) {
        self.clients.remove(&number);
        self.watched.retain(|watched| watched.client != number);
    }

    fn hear(&mut self, number: u64) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let filled = if client.is_heard() { client.fill() } else { Ok(()) };
        if client.flush().is_err() || self.heed(number) == Err(Garbled) || filled.is_err() {
            // Who asks and leaves at once has asked all the same.
            self.part(number);
        }
    }

    /// Does what a client has asked, as long as it reads the answers.
    fn heed(&mut self, number: u64) -> Result<(), Garbled> {
        while let Some(client) = self.clients.get_mut(&number).filter(|client| client.is_heard()) {
            let Some(bytes) = client.next(&self.id)? else { break };
            let Some((message, _)) = Message::read(&bytes)? else { break };
            // What is answered or told to us concerns nobody.
            if message.kind == Kind::Call {
                self.called(number, &message);
            }
        }
        Ok(())
    }

    fn called(&mut self, number: u64, message: &Message<'_>) {
        let answered = match message.path {
            manager::PATH => manager::call(self, number, message),
            _ => object::call(self, number, message),
        };
        match answered {
            Ok(Answer::Later) => {}
            Ok(Answer::Now(body)) if message.wants_reply => self.answer(number, message.serial, Ok(body)),
            Err(fault) if message.wants_reply => self.answer(number, message.serial, Err(fault)),
            Ok(Answer::Now(_)) | Err(_) => {}
        }
        // Behind the answer, which tells the job's number.
        for (id, unit) in std::mem::take(&mut self.settled) {
            self.job_is_over(id, &unit, "done");
        }
    }

    fn answer(&mut self, number: u64, to: u32, answer: Result<Body, Fault>) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let serial = client.serial();
        client.say(&match answer {
            Ok(body) => message::answer(serial, to, body),
            Err(Fault { name, text }) => message::error(serial, to, name, &text),
        });
    }

    fn tell(&mut self, number: u64, path: &str, interface: &str, member: &str, body: &Body) {
        if let Some(client) = self.clients.get_mut(&number).filter(|client| client.has_greeted()) {
            let serial = client.serial();
            client.say(&message::signal(serial, path, interface, member, body.clone()));
        }
    }

    fn flush(&mut self) {
        let is_gone = |client: &mut Client| client.flush().is_err() || client.is_lost();
        let gone: Vec<u64> = self.clients.iter_mut().filter_map(|(number, client)| is_gone(client).then_some(*number)).collect();
        gone.into_iter().for_each(|number| self.part(number));
    }

    /// Has PID 1 do it; it is told when it has.
    pub(super) fn send(&mut self, request: &Request, purpose: Purpose) -> Result<(), Fault> {
        if self.errands.len() >= MOST_ERRANDS {
            return Err(Fault::new(names::LIMITS_EXCEEDED, "too much is under way"));
        }
        self.errands.push(Errand::begin(request, purpose)?);
        Ok(())
    }

    /// The number of a new job.
    pub(super) fn new_job(&mut self) -> u32 {
        self.job = self.job.checked_add(1).unwrap_or(FIRST_JOB);
        self.job
    }

    /// The jobs that are under way for clients.
    pub(super) fn jobs(&self) -> impl Iterator<Item = (u32, &UnitName)> {
        self.errands.iter().filter_map(|errand| match &errand.purpose {
            Purpose::Job { id, unit, .. } | Purpose::Transient { id, unit, .. } => Some((*id, unit)),
            Purpose::Call { .. } => None,
        })
    }

    /// The unit that a client is of.
    pub(super) fn unit_of_caller(&self, client: u64) -> Option<UnitName> {
        let pid = self.clients.get(&client)?.pid()?;
        of_process::unit_of(pid).and_then(|name| UnitName::new(&name).ok())
    }

    /// The same processes; 0 is the caller.
    pub(super) fn with_caller(&self, client: u64, pids: Vec<u32>) -> Vec<u32> {
        let caller = || self.clients.get(&client).and_then(Client::pid);
        pids.into_iter().filter_map(|pid| if pid == 0 { caller() } else { Some(pid) }).collect()
    }

    /// A job that has nothing to do; its number.
    pub(super) fn job_without_work(&mut self, unit: UnitName) -> u32 {
        let id = self.new_job();
        self.settled.push((id, unit));
        id
    }

    pub(super) fn watch(&mut self, client: u64, unit: UnitName) -> Result<(), Fault> {
        if self.watched.len() >= MOST_WATCHED {
            return Err(Fault::new(names::LIMITS_EXCEEDED, "too many units are watched"));
        }
        self.watched.push(Watched { client, unit });
        Ok(())
    }

    fn hear_init(&mut self, at: usize) {
        let Some(reply) = self.errands.get_mut(at).and_then(Errand::turn) else { return };
        match self.errands.swap_remove(at).purpose {
            Purpose::Call { client, serial } => self.answer(client, serial, reply.map(|_| Body::default()).map_err(Fault::from)),
            Purpose::Job { id, unit, verb } => self.job_is_over(id, &unit, result(verb, reply, &unit)),
            Purpose::Transient { id, unit, pids } => {
                let result = result("start", reply, &unit);
                let is_begun = result != "done" || transient::fill(&unit, &pids);
                self.job_is_over(id, &unit, if is_begun { result } else { "failed" });
            }
        }
    }

    fn job_is_over(&mut self, id: u32, unit: &UnitName, result: &str) {
        let body = Body::new("uoss", |values| {
            values.u32(id);
            values.string(&object::job_path(id));
            values.string(unit.as_str());
            values.string(result);
        });
        let clients: Vec<u64> = self.clients.keys().copied().collect();
        clients.into_iter().for_each(|client| self.tell(client, manager::PATH, manager::INTERFACE, "JobRemoved", &body));
    }

    /// Tells who waits for a unit to be down that it is.
    fn look_at_watched(&mut self) {
        if self.watched.is_empty() {
            return;
        }
        let names: Vec<UnitName> = self.watched.iter().map(|watched| watched.unit.clone()).collect();
        let Ok(rows) = Session::open().and_then(|mut session| session.rows(&names, &[])) else { return };
        let is_down = |row: &UnitRow| matches!(row.active, ActiveState::Inactive | ActiveState::Failed) && row.job.is_none();
        for (unit, row) in names.iter().zip(&rows).filter(|(_, row)| is_down(row)) {
            let (body, path) = (object::changed(row), object::unit_path(unit));
            let (told, kept) = std::mem::take(&mut self.watched).into_iter().partition(|watched| watched.unit == *unit);
            self.watched = kept;
            let told: Vec<Watched> = told;
            let clients = told.iter().map(|watched| watched.client);
            clients.for_each(|client| self.tell(client, &path, object::PROPERTIES, "PropertiesChanged", &body));
        }
    }
}

/// How a job has ended.
fn result(verb: &'static str, reply: Result<Reply, Failed>, unit: &UnitName) -> &'static str {
    let outcome = match reply {
        Ok(Reply::Done { mut results }) => results.pop().map(|result| result.outcome),
        Ok(_) | Err(_) => None,
    };
    outcome.map_or("failed", |outcome| jobs::result(verb, &outcome, &verdict(unit)))
}

/// Why a unit has failed, in one of systemd's words.
fn verdict(unit: &UnitName) -> String {
    let rows: Result<_, Failed> = Session::open().and_then(|mut session| session.rows(std::slice::from_ref(unit), &[]));
    rows.ok().and_then(|mut rows| rows.pop()).map_or_else(String::new, |row| row.verdict)
}
