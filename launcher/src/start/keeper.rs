//! The keeper: the one long-lived process of the host for each container.
//!
//! ```text
//!            ┌──────────── boot ◀───────────┐ the guest rebooted (init died of SIGHUP)
//!   start ─▶ │ plan, birth, fit out, gate   │
//!            └──▶ watch: init, console, notify socket, control socket, signals
//!                   │ the guest powered off (SIGINT), was stopped, or crashed
//!                   ▼
//!                 sweep
//! ```
//!
//! It blocks in one place, [`Keeper::watch`]. Killed, it takes nothing of the guest down but the console: the next `fief` command makes a new
//! one, which takes over by the record ([`adopt`]).

mod allowance;
mod console;
mod control;
mod notify;

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::time::{Duration, Instant};

use kernel::pidfd::PidFd;
use kernel::power::Way;
use kernel::pty::Pty;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::birth::Born;
use super::blueprint::Blueprint;
use super::groups::Groups;
use super::message::Progress;
use super::{socket, sweep, view};
use crate::config::Host;
use crate::error::{Class, Error};
use crate::logging::ContainerLog;
use crate::network;
use crate::store::lock::Lock;
use crate::store::{self, ContainerConfig, ContainerName, InitPath, Phase, ProcessMark, RuntimeRecord};
use allowance::Allowance;
use console::Console;
use control::Client;

/// A guest that reboots this often within [`REBOOT_WINDOW`] is stopped: its init does not work.
const REBOOTS: usize = 6;
const REBOOT_WINDOW: Duration = Duration::from_secs(30);

/// What a guest has to end when nobody said how long: `fief stop` has the same.
const STOP_TIME: Duration = Duration::from_secs(30);

/// Who is told how the start goes, and who sees the console.
#[derive(Debug)]
pub(crate) enum Audience {
    /// The `fief start` at the other end of this pipe, until it has heard enough.
    Starter(File),
    /// A person at this very terminal: `fief start --foreground`.
    Terminal,
    /// Nobody.
    Nobody,
}

/// How a boot ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// The guest asked for it.
    Asked(Way),
    /// Init ended in a way that no one asked for.
    Crashed(String),
}

/// A guest's PID 1.
#[derive(Debug)]
struct Init {
    pid: Pid,
    pidfd: PidFd,
    /// Only a parent is told how its child ended; after an adoption the keeper is not the parent.
    child: bool,
}

#[derive(Debug)]
struct Keeper<'h> {
    host: &'h Host,
    name: &'h ContainerName,
    config: ContainerConfig,
    groups: Groups,
    log: ContainerLog,
    audience: Audience,
    record: RuntimeRecord,
    control: UnixListener,
    signals: OwnedFd,
    clients: Vec<Client>,
    /// When a stop that was asked for becomes a kill.
    kill_at: Option<Instant>,
    stopping: bool,
    /// What init said it is about to do; its wait status, where there is one, counts for more.
    leaving: Option<Way>,
}

/// Starts the container and keeps it until it ends for good. `lock` is the container's.
///
/// # Errors
/// When a step of the first boot fails; then nothing is left.
pub(crate) fn start(host: &Host, name: &ContainerName, lock: Lock, log: ContainerLog, audience: Audience) -> Result<(), Error> {
    let config = store::find(host, name)?;
    match Keeper::begin(host, name, config.clone(), log, audience) {
        Ok(mut keeper) => {
            let kept = keeper.groups.build(&config.limits, config.ids.base).and_then(|()| keeper.groups.enter_keeper());
            let kept = kept.and_then(|()| keeper.boots());
            keeper.end(lock, kept)
        }
        Err((e, mut audience)) => {
            let _ = store::remove_tree(&host.paths.runtime(name));
            drop(lock);
            audience.hear(&Progress::failed(&e));
            Err(e)
        }
    }
}

/// Takes over a container whose keeper died. `lock` is the container's; `record` what the dead one wrote.
///
/// # Errors
/// When the guest is gone after all, or the host's side cannot be made again; the guest is left as it is.
pub(crate) fn adopt(
    host: &Host,
    name: &ContainerName,
    lock: Lock,
    record: RuntimeRecord,
    log: ContainerLog,
    audience: Audience,
) -> Result<(), Error> {
    let config = store::find(host, name)?;
    let (mut keeper, init, notify) = match take_over(host, name, config, record, log, audience) {
        Ok(all) => all,
        Err((e, mut audience)) => {
            drop(lock);
            audience.hear(&Progress::failed(&e));
            return Err(e);
        }
    };
    let console = console::reopen(init.pid, &init.pidfd, keeper.config.ids.base);
    let console = console.inspect_err(|e| log::warn!("the guest's console cannot be had back: {}", e.line())).ok();
    log::info!("adopted, init is {}", init.pid);
    if keeper.record.phase == Phase::Stopping {
        // Whether the dead keeper came to ask is not known. Asked twice, init hurries; not asked, it would run on.
        keeper.stop(&init, STOP_TIME, false);
    }
    keeper.tell(&Progress::Ready);
    let kept = keeper.watch(&init, &notify, console).and_then(|end| if keeper.goes_on(&end) { keeper.boots() } else { Ok(()) });
    keeper.end(lock, kept)
}

type TakenOver<'h> = (Keeper<'h>, Init, UnixDatagram);

fn take_over<'h>(
    host: &'h Host,
    name: &'h ContainerName,
    config: ContainerConfig,
    record: RuntimeRecord,
    log: ContainerLog,
    audience: Audience,
) -> Result<TakenOver<'h>, (Error, Audience)> {
    let gone = || Error::new(Class::State, "adopting the container", "its init is gone");
    let mut keeper = Keeper::begin(host, name, config, log, audience)?;
    let mut attempt = || {
        let mark = record.init.ok_or_else(gone)?;
        let pid = Pid::from_raw(mark.pid);
        let pidfd = PidFd::open(pid).map_err(|_| gone())?;
        // Alive *after* the descriptor was opened: then the descriptor is of the process recorded.
        if !mark.is_alive() {
            return Err(gone());
        }
        keeper.groups.enter_keeper()?;
        let notify = view::notify_socket(&host.paths.guest_view(name), keeper.config.ids.base)?;
        // A stop that was under way stays under way: "running" would be the truth for a moment only.
        let phase = if record.phase == Phase::Stopping { Phase::Stopping } else { Phase::Running };
        keeper.record = RuntimeRecord { keeper: ProcessMark::of_self(), phase, ready: true, ..record.clone() };
        keeper.write_record()?;
        Ok((Init { pid, pidfd, child: false }, notify))
    };
    match attempt() {
        Ok((init, notify)) => Ok((keeper, init, notify)),
        Err(e) => Err((e, keeper.audience)),
    }
}

impl Audience {
    /// Tells the starter, who hears no more after `Ready`.
    fn hear(&mut self, progress: &Progress) {
        if let Self::Starter(pipe) = self {
            let told = pipe.write_all(progress.line().as_bytes());
            // A starter that is gone needs no answer.
            if told.is_err() || matches!(progress, Progress::Ready | Progress::Ended(_)) {
                *self = Self::Nobody;
            }
        }
    }
}

impl<'h> Keeper<'h> {
    /// What a keeper is before it has a guest. A failure gives the audience back, so that it can be told.
    fn begin(
        host: &'h Host,
        name: &'h ContainerName,
        config: ContainerConfig,
        log: ContainerLog,
        audience: Audience,
    ) -> Result<Self, (Error, Audience)> {
        const STEP: &str = "starting the keeper";
        let fail = |cause: &str, e: std::io::Error| Error::new(Class::Start, STEP, cause.to_owned()).source(e);
        kernel::process::set_name(c"fief-keeper");
        // What the guest's programs write as their login uid must not be refused because of who started it (pam_loginuid(8)).
        if let Err(e) = kernel::process::clear_login_uid() {
            log::debug!("cannot clear the login uid: {e}");
        }
        let record = RuntimeRecord {
            uuid: config.uuid.clone(),
            keeper: ProcessMark::of_self(),
            addresses: config.addresses().collect(),
            host_link: config.links.first().map(|l| l.host_link.clone()),
            ..RuntimeRecord::default()
        };
        let parts = || {
            let groups = Groups::of(host, name)?;
            let control = socket::listen(&host.paths.keeper_socket(name)).map_err(|e| fail("cannot make the control socket", e))?;
            let signals = signals().map_err(|e| fail("cannot take signals", e))?;
            Ok((groups, control, signals))
        };
        match parts() {
            Ok((groups, control, signals)) => Ok(Self {
                host,
                name,
                config,
                groups,
                log,
                audience,
                record,
                control,
                signals,
                clients: Vec::new(),
                kill_at: None,
                stopping: false,
                leaving: None,
            }),
            Err(e) => Err((e, audience)),
        }
    }

    /// Takes everything down, gives the lock back, and only then tells whoever waits: what they hear is true.
    fn end(mut self, lock: Lock, kept: Result<(), Error>) -> Result<(), Error> {
        self.groups.leave_keeper();
        let swept = sweep::sweep(self.host, self.name, Some(&self.config), &self.groups);
        let ended = kept.and(swept);
        if let Err(e) = &ended {
            log::error!("{}", e.line());
        }
        drop(lock);
        self.tell(&match &ended {
            Ok(()) => Progress::Ended("the guest powered off".into()),
            Err(e) => Progress::failed(e),
        });
        ended
    }

    /// Boots until the guest wants no more.
    fn boots(&mut self) -> Result<(), Error> {
        let mut booted: Vec<Instant> = Vec::new();
        loop {
            self.record.boot += 1;
            let first = self.record.boot == 1;
            let end = self.boot().inspect_err(|e| {
                if !first {
                    log::error!("the guest does not come back: {}", e.line());
                }
            })?;
            booted.push(Instant::now());
            booted.retain(|then| then.elapsed() < REBOOT_WINDOW);
            if !self.goes_on(&end) {
                return Ok(());
            }
            if booted.len() >= REBOOTS {
                log::error!("the guest rebooted {REBOOTS} times within {} s: it stays down", REBOOT_WINDOW.as_secs());
                return Ok(());
            }
        }
    }

    /// Whether the guest is to be booted again; says how it ended.
    fn goes_on(&mut self, end: &End) -> bool {
        match end {
            End::Asked(Way::Reboot) if !self.stopping => {
                log::info!("the guest reboots");
                true
            }
            End::Asked(_) => {
                log::info!("the guest is down");
                false
            }
            End::Crashed(how) => {
                if self.stopping {
                    log::info!("the guest was taken down ({how})");
                } else {
                    log::error!("the guest's init ended: {how}");
                }
                self.tell(&Progress::Ended(how.clone()));
                false
            }
        }
    }

    /// One boot, from an empty stage to the end of init.
    fn boot(&mut self) -> Result<End, Error> {
        self.record.phase = Phase::Starting;
        self.record.ready = false;
        self.record.init = None;
        self.record.started_now();
        self.write_record()?;
        if self.record.boot > 1 {
            self.groups.clear_guest()?;
            self.groups.build(&self.config.limits, self.config.ids.base)?;
        }
        let folder = self.host.paths.runtime(self.name);
        let stage = folder.join("stage");
        store::folder(&stage, 0o700)
            .map_err(|e| Error::new(Class::Start, "staging the root file system", stage.display().to_string()).source(e))?;
        let at = self.host.paths.guest_view(self.name);
        view::furnish(&at, &self.config)?;
        let notify = view::notify_socket(&at, self.config.ids.base)?;
        let plan = plan(self.host, &self.config, &self.groups)?;
        let fitted = Born::give_birth(plan, &stage, &self.groups)?.fit_out(self.host, &self.config)?;
        // Written before the gate is opened: should the keeper die now, either the child ends with it or the record names it.
        self.record.init = ProcessMark::of(fitted.pid()?.as_raw());
        self.write_record()?;
        let alive = fitted.open_gate()?;
        network::given::note(&self.host.paths.container(self.name), &self.config.hostname);
        self.record.phase = Phase::Running;
        self.leaving = None;
        self.write_record()?;
        log::info!("boot {} of the guest, init is {}", self.record.boot, alive.pid);
        self.tell(&Progress::Born);
        if matches!(self.config.init.path, InitPath::Guest(_)) {
            // An init that is not ours need not know how to say that it is ready.
            self.ready()?;
        }
        let init = Init { pid: alive.pid, pidfd: alive.pidfd, child: true };
        self.watch(&init, &notify, Some(alive.console))
    }

    /// Waits until init ends, serving whoever wants something meanwhile.
    fn watch(&mut self, init: &Init, notify: &UnixDatagram, console: Option<Pty>) -> Result<End, Error> {
        const STEP: &str = "keeping the container";
        let mut console = Console::new(console, self.log.clone(), matches!(self.audience, Audience::Terminal));
        let mut notes = Allowance::new(notify::AT_ONCE, notify::EACH_SECOND);
        loop {
            let ready = {
                let now = Instant::now();
                let (deaf, blind) = (notes.wait(now), console.wait(now));
                let fixed = [init.pidfd.as_fd(), notify.as_fd(), self.control.as_fd(), self.signals.as_fd()];
                let mut fds: Vec<PollFd<'_>> = fixed.into_iter().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
                if let (Some(_), Some(fd)) = (deaf, fds.get_mut(1)) {
                    fd.set_events(PollFlags::empty());
                }
                fds.push(PollFd::new(console.fd().unwrap_or(fixed[0]), console.interest(blind.is_some())));
                fds.extend(self.clients.iter().map(|c| PollFd::new(c.as_fd(), c.interest(&console))));
                match poll(&mut fds, self.patience(deaf.into_iter().chain(blind).min())) {
                    Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                    Err(e) => return Err(Error::new(Class::Internal, STEP, "poll").source(std::io::Error::from(e))),
                }
                fds.iter().map(|fd| fd.any().unwrap_or(false)).collect::<Vec<bool>>()
            };
            let mut ready = ready.into_iter();
            let mut next = || ready.next().unwrap_or(false);
            let (ended, noted, asked, signalled, spoke) = (next(), next(), next(), next(), next());
            // What was said last comes before the end.
            if noted || ended {
                notes.take(self.listen(notify, init)?);
            }
            if spoke {
                console.pump(&mut self.clients);
            }
            let clients: Vec<bool> = ready.collect();
            self.serve(&clients, &mut console, init);
            if asked {
                self.clients.extend(Client::accept(&self.control));
            }
            if signalled {
                drain(&self.signals);
                self.stop(init, STOP_TIME, false);
            }
            if ended {
                console.pump(&mut self.clients);
                return Ok(self.how_it_ended(init));
            }
            if self.kill_at.is_some_and(|at| at <= Instant::now()) {
                self.kill_at = None;
                log::warn!("the guest did not stop in time: killing it");
                if let Err(e) = self.groups.limit.kill() {
                    log::error!("cannot kill the guest: {e}");
                }
            }
        }
    }

    /// Until a stop becomes a kill, or at most `pause`.
    fn patience(&self, pause: Option<Duration>) -> PollTimeout {
        let left = self.kill_at.map(|at| at.saturating_duration_since(Instant::now()));
        left.into_iter()
            .chain(pause)
            .min()
            .map_or(PollTimeout::NONE, |time| PollTimeout::try_from(time + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX))
    }

    /// Asks init to end; at the latest after `timeout` it is killed. Asked again, the sooner of both times counts.
    fn stop(&mut self, init: &Init, timeout: Duration, fast: bool) {
        self.stopping = true;
        self.record.phase = Phase::Stopping;
        if let Err(e) = self.write_record() {
            log::warn!("{}", e.line());
        }
        let at = Instant::now() + timeout;
        self.kill_at = Some(self.kill_at.map_or(at, |sooner| sooner.min(at)));
        // A frozen guest cannot hear.
        let _ = self.groups.guest.freeze(false);
        // SIGRTMIN+4 power off, +14 at once: systemd(1), "Signals", and our own init.
        let number = kernel::signal::SIGRTMIN + if fast { 14 } else { 4 };
        if let Err(e) = init.pidfd.signal_number(number) {
            log::warn!("cannot signal init: {e}");
        }
    }

    fn how_it_ended(&self, init: &Init) -> End {
        let status = if init.child { waitid(Id::PIDFd(init.pidfd.as_fd()), WaitPidFlag::WEXITED).ok() } else { None };
        match status {
            // reboot(2), "Behavior inside PID namespaces".
            Some(WaitStatus::Signaled(_, Signal::SIGHUP, _)) => End::Asked(Way::Reboot),
            Some(WaitStatus::Signaled(_, Signal::SIGINT, _)) => End::Asked(Way::PowerOff),
            Some(WaitStatus::Signaled(_, signal, _)) => End::Crashed(format!("killed by {signal}")),
            Some(WaitStatus::Exited(_, code)) => End::Crashed(format!("exited with {code}")),
            Some(other) => End::Crashed(format!("{other:?}")),
            None => self.leaving.map_or_else(|| End::Crashed("in a way only its first keeper could have seen".into()), End::Asked),
        }
    }

    fn ready(&mut self) -> Result<(), Error> {
        self.record.ready = true;
        self.write_record()?;
        self.tell(&Progress::Ready);
        Ok(())
    }

    fn tell(&mut self, progress: &Progress) {
        self.audience.hear(progress);
    }

    fn write_record(&self) -> Result<(), Error> {
        self.record.write(&self.host.paths, self.name)
    }
}

/// The plan of a boot: pure but for the host's resolver and the name that was given last, which are read.
pub(super) fn plan(host: &Host, config: &ContainerConfig, groups: &Groups) -> Result<Blueprint, Error> {
    let naming = network::given::policy(&host.paths.container(&config.name), &config.hostname);
    let resolver = network::host_resolver();
    let mut files = network::files::all(config.hostname.as_str(), naming, &config.links, &config.dns.nameservers, &resolver);
    // Our own init puts the name there that the guest has by then.
    if config.init.path != InitPath::Ours {
        files.push(network::files::hosts(config.hostname.as_str(), &config.links));
    }
    Blueprint::draw(host, config, &groups.hierarchies, &files)
}

/// A pipe that is written to by SIGTERM and SIGINT. SIGHUP (a terminal that goes) and SIGPIPE are none of a keeper's business.
fn signals() -> std::io::Result<OwnedFd> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let (read, write) = std::os::unix::net::UnixStream::pair()?;
    read.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(SIGTERM, write.try_clone()?)?;
    signal_hook::low_level::pipe::register(SIGINT, write)?;
    Ok(read.into())
}

fn drain(signals: &OwnedFd) {
    let mut bytes = [0; 64];
    while nix::unistd::read(signals, &mut bytes).is_ok_and(|n| n > 0) {}
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
