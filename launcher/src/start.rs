//! Starting, keeping and stopping containers.
//!
//! ```text
//!   fief start ──▶ launch: takes the container's lock, hands it to a new process: the keeper
//!   keeper     ──▶ blueprint (what will be done, as data) ─▶ stage ─▶ birth ─▶ keeper (until the end) ─▶ sweep
//!   fief stop  ──▶ asks the keeper
//! ```
//!
//! Invariants: the lock of a container is held exactly while it has a keeper; after `start` has failed, and after `stop`, nothing of the run is
//! left; a keeper that was killed is noticed by [`settle`], which every verb goes through.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::config::Host;
use crate::error::{Class, Error, OrFail as _};
use crate::logging::{self, ContainerLog};
use crate::network;
use crate::store::lock::{self, Lock};
use crate::store::record::{Observed, observe};
use crate::store::{self, ContainerName, RuntimeRecord};

mod birth;
mod blueprint;
mod groups;
mod keeper;
mod launch;
mod message;
mod socket;
mod stage;
mod sweep;
mod view;

pub use blueprint::PATH;
pub use groups::Groups;
use keeper::Audience;
pub use message::{Reply, Request, Size};

/// What a stop adds to the guest's own time before it gives up on the keeper.
const GRACE: Duration = Duration::from_secs(30);

/// How often something is looked at that tells nobody when it changes.
const SOON: Duration = Duration::from_millis(10);

/// How far `start` waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until init runs.
    Born,
    /// Until init says it is ready.
    Ready,
    /// Until the boot target is reached.
    Boot,
}

/// How to start.
#[derive(Debug, Clone, Copy)]
pub struct StartOptions {
    /// How far to wait.
    pub wait: Wait,
    /// Keep the container in this process.
    pub foreground: bool,
    /// How long to wait at most.
    pub timeout: Duration,
}

/// How to stop.
#[derive(Debug, Clone, Copy)]
pub struct StopOptions {
    /// How long the guest has.
    pub timeout: Duration,
    /// End services at once rather than in order.
    pub fast: bool,
}

/// Starts a container.
///
/// # Errors
/// When it runs already, or a step fails; then nothing of the start is left. When it is not ready in time, it runs on.
pub fn start(host: &Host, name: &ContainerName, options: StartOptions) -> Result<(), Error> {
    let config = store::find(host, name)?;
    let lock = free(host, name)?;
    network::check(&host.config, &config.links)?;
    if options.foreground {
        return keeper::start(host, name, lock, ContainerLog::open(&host.paths, name), Audience::Terminal);
    }
    let ended = launch::keeper(name, lock, launch::Task::Start)?.wait(options.wait, options.timeout)?;
    match ended {
        None => Ok(()),
        Some(how) => Err(Error::new(Class::Start, "starting the guest", format!("it ended before it was ready: {how}"))
            .advice(format!("fief logs {name} shows what it said"))),
    }
}

/// The container's lock, with nothing left of an earlier run.
fn free(host: &Host, name: &ContainerName) -> Result<Lock, Error> {
    let running = |what: &str| Error::new(Class::State, "starting the container", format!("{name} is {what} already"));
    match settle(host, name)? {
        Observed::Stopped | Observed::Stale(_) => {}
        seen => return Err(running(seen.word())),
    }
    take_lock(host, name)?.ok_or_else(|| running("starting"))
}

fn take_lock(host: &Host, name: &ContainerName) -> Result<Option<Lock>, Error> {
    let folder = host.paths.runtime(name);
    let taken = lock::attempt_in(&folder, &host.paths.runtime_lock(name));
    taken.map(Result::ok).or_fail(Class::Internal, "taking the container's lock", || folder.display().to_string())
}

/// The plan of a start, as text.
///
/// # Errors
/// When no plan can be made.
pub fn dry_run(host: &Host, name: &ContainerName, _: StartOptions) -> Result<String, Error> {
    let config = store::find(host, name)?;
    let groups = Groups::of(host, name)?;
    let plan = keeper::plan(host, &config, &groups)?;
    let network = network::describe(&host.config, &config.links);
    let network: String = network.into_iter().map(|line| format!("  {line}\n")).collect();
    let network = if network.is_empty() { "  none\n".to_owned() } else { network };
    let limits = &config.limits;
    Ok(format!("control groups:\n{groups}limits, set on limit:\n  {limits}\nnetwork:\n{network}{plan}"))
}

/// Stops a container; when it does not in time it is killed.
///
/// # Errors
/// When it does not run.
pub fn stop(host: &Host, name: &ContainerName, options: StopOptions) -> Result<(), Error> {
    const STEP: &str = "stopping the container";
    born(host, name, STEP)?;
    let timeout_ms = u64::try_from(options.timeout.as_millis()).unwrap_or(u64::MAX);
    let Some(asked) = ask_or_ended(host, name, STEP, &Request::Stop { timeout_ms, fast: options.fast })? else { return Ok(()) };
    until_ended(asked, name, STEP, options.timeout + GRACE)
}

/// Ends every process of a container.
///
/// # Errors
/// When it does not run.
pub fn kill(host: &Host, name: &ContainerName) -> Result<(), Error> {
    const STEP: &str = "killing the container";
    born(host, name, STEP)?;
    let Some(asked) = ask_or_ended(host, name, STEP, &Request::Wait)? else { return Ok(()) };
    let groups = Groups::of(host, name)?;
    groups.limit.kill().or_fail(Class::Internal, STEP, || "cgroup.kill".into())?;
    until_ended(asked, name, STEP, GRACE)
}

/// Freezes a container.
///
/// # Errors
/// When it does not run.
pub fn freeze(host: &Host, name: &ContainerName) -> Result<(), Error> {
    set_frozen(host, name, true, "freezing the container")
}

/// Thaws a container.
///
/// # Errors
/// When it does not run.
pub fn thaw(host: &Host, name: &ContainerName) -> Result<(), Error> {
    set_frozen(host, name, false, "thawing the container")
}

fn set_frozen(host: &Host, name: &ContainerName, frozen: bool, step: &'static str) -> Result<(), Error> {
    running(host, name, step)?;
    let groups = Groups::of(host, name)?;
    groups.guest.freeze(frozen).or_fail(Class::Internal, step, || "cgroup.freeze".into())?;
    if groups.guest.wait(GRACE, |g| g.is_frozen() == frozen) {
        Ok(())
    } else {
        Err(Error::new(Class::TimedOut, step, "a process does not stand still").advice("it may be in an uninterruptible system call"))
    }
}

/// Gives a container whose keeper died a new one, or sweeps what it left.
///
/// # Errors
/// When it cannot be adopted.
pub fn adopt(host: &Host, name: &ContainerName) -> Result<(), Error> {
    settle(host, name).map(drop)
}

/// What is true of a container, after a keeper that died has been replaced and what a dead run left has been taken away.
///
/// # Errors
/// When that cannot be done.
pub fn settle(host: &Host, name: &ContainerName) -> Result<Observed, Error> {
    let seen = observe(host, name)?;
    if !matches!(seen, Observed::KeeperLost(_) | Observed::Stale(_)) {
        return Ok(seen);
    }
    // Someone else may be at it: then what they make of it is the truth.
    let Some(lock) = take_lock(host, name)? else { return observe(host, name) };
    match RuntimeRecord::read(&host.paths, name) {
        Some(record) if record.init.is_some_and(|init| init.is_alive()) => {
            log::info!("{name} lost its keeper; it gets a new one");
            launch::keeper(name, lock, launch::Task::Adopt)?.wait(Wait::Ready, GRACE)?;
        }
        _ => {
            let config = store::find(host, name);
            sweep::sweep(host, name, config.as_ref().ok(), &Groups::of(host, name)?)?;
            drop(lock);
        }
    }
    observe(host, name)
}

/// The record of a container that runs.
///
/// # Errors
/// When it does not.
pub fn running(host: &Host, name: &ContainerName, step: &'static str) -> Result<RuntimeRecord, Error> {
    match settle(host, name)? {
        Observed::Running(record) | Observed::Stopping(record) | Observed::KeeperLost(record) => Ok(record),
        Observed::Starting(record) if record.init.is_some() => Ok(record),
        seen => Err(Error::new(Class::State, step, format!("{name} is {}", seen.word())).advice(format!("fief start {name}"))),
    }
}

/// Like [`running`], of one that may be about to: whoever wants it to end does not want to hear that there is nothing to end yet.
fn born(host: &Host, name: &ContainerName, step: &'static str) -> Result<RuntimeRecord, Error> {
    let until = Instant::now() + GRACE;
    loop {
        match settle(host, name)? {
            Observed::Starting(record) if record.init.is_none() && Instant::now() < until => std::thread::sleep(SOON),
            Observed::Stopped => return Err(Error::new(Class::State, step, format!("{name} is stopped already"))),
            _ => return running(host, name, step),
        }
    }
}

/// A connection to the keeper on which `request` has been granted.
///
/// # Errors
/// When there is no keeper, or it refuses.
pub fn ask(host: &Host, name: &ContainerName, step: &'static str, request: &Request) -> Result<BufReader<UnixStream>, Error> {
    let fail = |cause: &str| Error::new(Class::State, step, format!("the keeper of {name} {cause}"));
    let path = host.paths.keeper_socket(name);
    let stream = socket::connect(&path).map_err(|e| fail("does not answer").source(e))?;
    let mut stream = BufReader::new(stream);
    let line = serde_json::to_string(request).or_fail(Class::Internal, step, || "the request".into())? + "\n";
    stream.get_mut().write_all(line.as_bytes()).map_err(|e| fail("does not listen").source(e))?;
    let mut answer = String::new();
    let _ = stream.get_ref().set_read_timeout(Some(GRACE));
    stream.read_line(&mut answer).map_err(|e| fail("does not answer").source(e))?;
    let _ = stream.get_ref().set_read_timeout(None);
    match serde_json::from_str(&answer) {
        Ok(Reply::Done) => Ok(stream),
        Ok(Reply::Refused(why)) => Err(fail("refuses").source(why)),
        Err(_) if answer.is_empty() => Err(fail("has just ended")),
        Err(e) => Err(fail("speaks nonsense").source(e)),
    }
}

/// Like [`ask`]; `None` when there is nobody to ask any more, for it came to its end this moment: by itself, or because someone else wanted it.
fn ask_or_ended(host: &Host, name: &ContainerName, step: &'static str, request: &Request) -> Result<Option<BufReader<UnixStream>>, Error> {
    let refused = match ask(host, name, step, request) {
        Err(e) if e.class() == Class::State => e,
        other => return other.map(Some),
    };
    // A keeper that goes closes its socket first and gives the lock back last.
    let until = Instant::now() + GRACE;
    while observe(host, name)?.is_alive() {
        if Instant::now() > until {
            return Err(refused);
        }
        std::thread::sleep(SOON);
    }
    Ok(None)
}

/// Waits for the end of the connection: by then the container is down and its lock free.
fn until_ended(mut asked: BufReader<UnixStream>, name: &ContainerName, step: &'static str, timeout: Duration) -> Result<(), Error> {
    let until = Instant::now() + timeout;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::new(Class::TimedOut, step, format!("{name} is not down after {} s", timeout.as_secs()))
                .advice(format!("fief kill {name}, fief logs {name}")));
        }
        let _ = asked.get_ref().set_read_timeout(Some(left));
        match asked.fill_buf() {
            Ok([]) => return Ok(()),
            Ok(bytes) => {
                let n = bytes.len();
                asked.consume(n);
            }
            // A keeper that is killed meanwhile resets the connection: the next look settles it.
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return Ok(()),
            Err(_) => {}
        }
    }
}

/// The keeper: what `fief keeper NAME …` does.
///
/// # Errors
/// When the container cannot be kept.
pub fn keep(host: &Host, name: &ContainerName, handed: &[OsString]) -> Result<(), Error> {
    let (task, lock, audience) = launch::handed(handed)?;
    // A keeper without a log is better than none.
    let log = ContainerLog::open(&host.paths, name);
    let _ = logging::to_the_journal(name, log.clone());
    match task {
        launch::Task::Start => keeper::start(host, name, lock, log, audience),
        launch::Task::Adopt => {
            let record = RuntimeRecord::read(&host.paths, name).unwrap_or_default();
            keeper::adopt(host, name, lock, record, log, audience)
        }
    }
}
