//! Running programs in a running container, and sitting at its console.
//!
//! ```text
//!   exec, enter ──▶ (crate::seal) once more from a sealed copy
//!                   guest     init by descriptor; namespaces, groups, devpts by the host's /proc
//!                   accounts  who the user is, by the guest's files
//!                   streams   pipes as they are; for a terminal one of the guest's
//!                   plan      what the child does, as data
//!                   session   birth, relays, signals, end
//!   console     ──▶ console   the keeper's, by its socket
//! ```
//!
//! Invariants: a process that is in a guest's namespaces runs from a sealed memfd and is not dumpable until it is the guest's program; no
//! descriptor of the host's but the caller's own pipes and files, and no terminal of the host's, goes in; the program inside does not outlive
//! `fief exec`.

use std::ffi::OsString;
use std::path::PathBuf;

use kernel::beneath::Dir;

use crate::config::Host;
use crate::error::{Class, Error, OrFail as _};
use crate::store::ContainerName;

mod accounts;
mod console;
mod guest;
mod plan;
mod relay;
mod session;
mod streams;
mod terminal;

use accounts::{Accounts, Person, Wanted};
use guest::Guest;
use plan::Program;
use streams::Streams;

const STEP: &str = "finding the user";

/// How to run a program.
#[derive(Debug, Clone, Default)]
pub struct ExecOptions {
    /// As which user of the guest: `USER[:GROUP]`, names or numbers.
    pub user: Option<String>,
    /// In which folder of the guest.
    pub workdir: Option<PathBuf>,
    /// More variables.
    pub env: Vec<(String, String)>,
    /// The program and its arguments.
    pub command: Vec<OsString>,
}

/// The root of a running guest's file system, to look at.
///
/// # Errors
/// When the container does not run, or ends meanwhile.
pub(crate) fn root(host: &Host, name: &ContainerName) -> Result<Dir, Error> {
    Guest::find(host, name).map(|(_, root)| root)
}

/// Runs a program and gives its exit code (126, 127, 128+N as sh(1) has them). [`crate::seal::seal`] must have been called.
///
/// # Errors
/// When the container does not run, or a step before the program fails.
pub fn exec(host: &Host, name: &ContainerName, options: &ExecOptions) -> Result<u8, Error> {
    let wanted = wanted(options.user.as_deref().unwrap_or("root"))?;
    if let Some(dir) = options.workdir.as_ref().filter(|dir| !dir.is_absolute()) {
        return Err(Error::new(Class::Value, "reading the working directory", format!("{} is not absolute", dir.display())));
    }
    run(host, name, &wanted, |person| Program {
        environment: plan::environment(&person, term().as_deref(), &options.env),
        workdir: options.workdir.clone(),
        argv: options.command.clone(),
        executable: None,
        person,
    })
}

/// A login shell of `user` on a pty of the guest; gives its exit code. Without a terminal the shell gets the caller's pipes. [`crate::seal::seal`] must have
/// been called.
///
/// # Errors
/// When the container does not run, or a step before the shell fails.
pub fn enter(host: &Host, name: &ContainerName, user: &str) -> Result<u8, Error> {
    run(host, name, &wanted(user)?, |person| {
        let shell = PathBuf::from(&person.shell);
        // With a dash it is a login shell: bash(1), "INVOCATION".
        let zeroth = shell.file_name().map_or_else(|| "-sh".into(), |file| [OsString::from("-"), file.to_owned()].into_iter().collect());
        Program {
            environment: plan::environment(&person, term().as_deref(), &[]),
            workdir: None,
            argv: vec![zeroth],
            executable: Some(shell),
            person,
        }
    })
}

/// Attaches to the console until it is detached or the container ends; waits for one that does not run.
///
/// # Errors
/// When there is no keeper to attach to.
pub fn console(host: &Host, name: &ContainerName) -> Result<(), Error> {
    console::attach(host, name)
}

fn wanted(user: &str) -> Result<Wanted, Error> {
    user.parse().or_fail(Class::Value, STEP, || "USER[:GROUP] is wrong".into())
}

fn term() -> Option<String> {
    std::env::var("TERM").ok()
}

fn run(host: &Host, name: &ContainerName, wanted: &Wanted, program: impl FnOnce(Person) -> Program) -> Result<u8, Error> {
    crate::seal::check()?;
    // A login inside must be able to set its own; soft, for not every kernel has it (pam_loginuid(8)).
    if let Err(e) = kernel::process::clear_login_uid() {
        log::debug!("cannot clear the login uid: {e}");
    }
    let (guest, root) = Guest::open(host, name)?;
    let accounts = match Accounts::read(&root) {
        Ok(accounts) => accounts,
        // A guest cannot lock the host's root out by what it makes of its files.
        Err(e) if wanted.needs_no_file() => {
            log::warn!("cannot read /etc/passwd and /etc/group of {name}: {e}");
            Accounts::default()
        }
        Err(e) => return Err(Error::new(Class::Start, STEP, "the guest's /etc/passwd and /etc/group").source(e)),
    };
    let person = accounts.find(wanted).or_fail(Class::Value, STEP, || format!("in {name}"))?;
    let pty = if streams::want_terminal() { Some(guest.terminal(&root, &accounts, &person)?) } else { None };
    drop(root);
    let streams = Streams::make(pty).or_fail(Class::Internal, "making standard streams", || "of ours".into())?;
    session::run(guest, &program(person), streams)
}
