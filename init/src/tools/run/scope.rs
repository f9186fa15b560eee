//! `--scope`: the command takes our place, in a group of its own.
//!
//! ```text
//!   Request::Run ─▶ PID 1 makes the group ─▶ we move in ─▶ Request::Entered ─▶ the command
//!                                                             └─ from then on the scope is over with the last process in it
//! ```
//!
//! PID 1 moves nobody: that holds up every fork of the machine, and a number may have become somebody else's. Who moves himself needs no proof, and
//! on v1 no lock.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use kernel::cgroup::{Group, Hierarchies};
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use units::UnitName;
use units::control::{Outcome, Request};

use super::plan::{Plan, Scope};
use crate::accounts::Accounts;
use crate::fiefctl::session::{Failed, Session};
use crate::hands::invocation;
use crate::say;

/// Comes back only where that could not be.
pub(super) fn run(plan: &Plan, caller: &Scope, session: &mut Session) -> Result<u8, Failed> {
    let scope = &plan.service;
    // Whoever is not to be had is told before there is anything to be taken back.
    let identity = Identity::of(caller)?;
    let units = plan.fragments(None);
    let files = super::show_as_files(session, &units)?;
    session.ask(&Request::Run { units, collect: plan.collect, then: plan.then })?;
    let reply = session.next()?;
    super::begun(plan, reply, &files)?;
    if let Err(why) = enter(scope, session) {
        let _ = session.done(&Request::Stop { units: vec![scope.clone()] });
        return Err(why);
    }
    let mut command = command(plan, caller, identity.as_ref()).map_err(Failed::Told)?;
    if !plan.quiet {
        say::error(format_args!("Running scope as unit: {}", scope.as_str()));
    }
    Err(Failed::Told(format!("Failed to execute: {}", say::reason(&command.exec()))))
}

/// Moves us in, and says so.
fn enter(scope: &UnitName, session: &mut Session) -> Result<(), Failed> {
    let rows = session.rows(std::slice::from_ref(scope), &[])?;
    let path = rows.into_iter().find_map(|row| row.cgroup).unwrap_or_default();
    group_at(&path)
        .and_then(|group| group.enter())
        .map_err(|error| Failed::Told(format!("Failed to move into the control group of {}: {}", scope.as_str(), say::reason(&error))))?;
    let results = session.done(&Request::Entered { units: vec![scope.clone()] })?;
    match results.into_iter().map(|result| result.outcome).find(|outcome| *outcome != Outcome::Ok) {
        Some(Outcome::Refused(why)) => Err(Failed::Told(format!("Failed to begin {}: {why}", scope.as_str()))),
        Some(_) | None => Ok(()),
    }
}

/// The group at the path that PID 1 tells, on all hierarchies that have it: not every controller was given to this container.
pub(crate) fn group_at(path: &str) -> io::Result<Group> {
    let path = path.trim_start_matches('/');
    if path.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut hierarchies = Hierarchies::detect()?;
    hierarchies.v1.retain(|hierarchy| hierarchy.mount.join(path).is_dir());
    Ok(hierarchies.group(path))
}

/// Who the command is to be.
struct Identity {
    uid: Option<Uid>,
    gid: Option<Gid>,
    groups: Vec<Gid>,
    variables: Vec<(&'static str, String)>,
}

impl Identity {
    fn of(caller: &Scope) -> Result<Option<Self>, Failed> {
        if caller.user.is_none() && caller.group.is_none() {
            return Ok(None);
        }
        let told = |what: &str, name: &str, why: &str| Failed::Told(format!("Failed to resolve {what} {name}: {why}"));
        let accounts = Accounts::read().map_err(|error| told("user", caller.user.as_deref().unwrap_or_default(), &say::reason(&error)))?;
        let named = |name: &String| accounts.group(name).map(Gid::from_raw).ok_or_else(|| told("group", name, "No such process"));
        let mut gid = caller.group.as_ref().map(named).transpose()?;
        let Some(name) = &caller.user else {
            return Ok(Some(Self { uid: None, gid, groups: gid.into_iter().collect(), variables: Vec::new() }));
        };
        let user = accounts.user(name).ok_or_else(|| told("user", name, "No such process"))?;
        gid = gid.or(Some(Gid::from_raw(user.gid)));
        let others = accounts.memberships(&user.name).into_iter().map(Gid::from_raw);
        let groups = gid.into_iter().chain(others).collect();
        let variables = vec![("HOME", user.home), ("SHELL", user.shell), ("USER", user.name.clone()), ("LOGNAME", user.name)];
        Ok(Some(Self { uid: Some(Uid::from_raw(user.uid)), gid, groups, variables }))
    }

    fn take(&self) -> nix::Result<()> {
        setgroups(&self.groups)?;
        self.gid.map_or(Ok(()), setgid)?;
        self.uid.map_or(Ok(()), setuid)
    }
}

#[allow(clippy::disallowed_methods, reason = "takes the place of a tool, not of PID 1")]
fn command(plan: &Plan, caller: &Scope, identity: Option<&Identity>) -> Result<Command, String> {
    let mut words = plan.command.iter();
    let mut command = Command::new(words.next().map_or("", String::as_str));
    command.args(words);
    if let Some(nice) = caller.nice {
        kernel::process::renice(nice).map_err(|errno| format!("Failed to set nice level: {}", errno.desc()))?;
    }
    if let Some(folder) = &caller.folder {
        std::env::set_current_dir(folder).map_err(|error| format!("Failed to change to {folder}: {}", say::reason(&error)))?;
    }
    if let Some(identity) = identity {
        command.envs(identity.variables.iter().map(|(name, value)| (name, value)));
        identity.take().map_err(|errno| format!("Failed to change UID: {}", errno.desc()))?;
    }
    command.envs(invocation::of(&plan.service).map(|number| ("INVOCATION_ID", number)));
    command.envs(caller.environment.iter().map(|(name, value)| (name, value)));
    Ok(command)
}
