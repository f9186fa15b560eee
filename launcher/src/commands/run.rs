//! `fief run`: create, start, use, stop and, with `--rm`, destroy.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::cli::{Run, START_TIMEOUT};
use crate::config::Host;
use crate::enter::{self, ExecOptions};
use crate::error::{Class, Error, OrFail as _};
use crate::start::{self, StartOptions, StopOptions, Wait};
use crate::store::record::observe;
use crate::store::{ContainerName, random};

use super::{create, destroy, exec, output};

/// How long the guest has to stop in order when its work is done.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) fn run(host: &Host, args: Run) -> Result<ExitCode, Error> {
    let name = match args.name {
        Some(name) => name,
        None => made_up()?,
    };
    let interrupted = end_on_signal(host, &name);
    create::create(host, &name, &args.settings, false)?;
    interrupted.created.store(true, Ordering::SeqCst);
    if !args.rm {
        output::note(&format!("the container is called {name}"));
    }
    let options = ExecOptions { user: args.how.user, workdir: args.how.workdir, env: args.how.env, command: args.command };
    let has_command = !options.command.is_empty();
    let used = use_it(host, &name, &options, &interrupted);
    let ended = end(host, &name, args.rm);
    let code = match used {
        Ok(code) => code,
        Err(_) if interrupted.signal.load(Ordering::SeqCst) != 0 => 0,
        // The first failure is the one to tell; a failure to clean up after it is told by the way.
        Err(error) => {
            if let Err(after) = ended {
                log::warn!("{}", after.line());
            }
            // Without a CMD there is no code of its own to be mistaken for.
            return if has_command { exec::passed_over(error) } else { Err(error) };
        }
    };
    ended?;
    match interrupted.signal.load(Ordering::SeqCst) {
        0 => Ok(ExitCode::from(code)),
        signal => Ok(ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))),
    }
}

fn use_it(host: &Host, name: &ContainerName, options: &ExecOptions, interrupted: &Interrupted) -> Result<u8, Error> {
    if interrupted.signal.load(Ordering::SeqCst) != 0 {
        return Ok(0);
    }
    super::start::start(host, name, StartOptions { wait: Wait::Ready, foreground: false, timeout: START_TIMEOUT })?;
    if options.command.is_empty() {
        enter::enter(host, name, options.user.as_deref().unwrap_or("root"))
    } else {
        enter::exec(host, name, options)
    }
}

fn end(host: &Host, name: &ContainerName, remove: bool) -> Result<(), Error> {
    if remove {
        // Nobody will miss what it would have written while stopping in order.
        return destroy::destroy(host, name, true);
    }
    if observe(host, name)?.is_alive() {
        start::stop(host, name, StopOptions { timeout: STOP_TIMEOUT, fast: false })?;
    }
    Ok(())
}

fn made_up() -> Result<ContainerName, Error> {
    const STEP: &str = "making up a name";
    let bytes: [u8; 4] = random::bytes().or_fail(Class::Internal, STEP, || "/dev/urandom".into())?;
    format!("run-{:08x}", u32::from_be_bytes(bytes)).parse().or_fail(Class::Internal, STEP, || "a name".into())
}

/// What is known of signals to us.
#[derive(Debug, Default)]
struct Interrupted {
    /// The last one; 0 when there was none.
    signal: AtomicI32,
    /// The container is there, and ours: one that was there before under this name is nobody's to kill.
    created: AtomicBool,
}

/// A signal to us ends the guest, so that whatever we wait for comes to its end and we get to clean up.
fn end_on_signal(host: &Host, name: &ContainerName) -> Arc<Interrupted> {
    let got = Arc::new(Interrupted::default());
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return got };
    let (told, host, name) = (Arc::clone(&got), host.clone(), name.clone());
    std::thread::spawn(move || {
        for signal in signals.forever() {
            told.signal.store(signal, Ordering::SeqCst);
            // It may be about to start this moment. We end with the process, which has nothing left to do but to clean up.
            while !told.created.load(Ordering::SeqCst) || start::kill(&host, &name).is_err() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    got
}
