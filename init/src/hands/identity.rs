//! As whom a unit's processes run: names from the unit, numbers from the account files.

use std::io;

use nix::unistd::{Gid, Uid};
use units::unit::Service;

use super::dynamic;
use crate::accounts::{Accounts, User};
use crate::file;

/// A resolved identity.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) user: User,
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    pub(crate) groups: Vec<Gid>,
    /// Root as it is: no change of identity is needed.
    pub(crate) unchanged: bool,
}

/// Look up what the unit says. The error is for a person: "changing identity failed: no user web".
pub(crate) fn resolve(service: &Service) -> io::Result<Identity> {
    let run_as = &service.run_as;
    let plain = run_as.user.is_none() && run_as.group.is_none() && run_as.groups.is_empty();
    let wrong = |what: &str| io::Error::other(format!("changing identity failed: {what}"));
    let accounts = Accounts::read().map_err(|error| file::about("changing identity failed: reading the account files", error))?;
    let name = run_as.user.as_deref().unwrap_or("root");
    let user = match accounts.user(name) {
        Some(user) => user,
        None if service.execution.dynamic_user => dynamic::hold(name, &accounts)
            .map_err(|error| file::about(&format!("changing identity failed: making up user {name}"), error))?,
        None => return Err(wrong(&format!("no user {name}"))),
    };
    let gid = match &run_as.group {
        // A group made up with the user has its name.
        Some(group) if service.execution.dynamic_user && *group == user.name => user.gid,
        Some(group) => accounts.group(group).ok_or_else(|| wrong(&format!("no group {group}")))?,
        None => user.gid,
    };
    let mut groups: Vec<u32> = if run_as.user.is_some() { accounts.memberships(&user.name) } else { Vec::new() };
    for group in &run_as.groups {
        groups.push(accounts.group(group).ok_or_else(|| wrong(&format!("no group {group}")))?);
    }
    groups.push(gid);
    units::order::by(&mut groups, Ord::cmp);
    groups.dedup();
    Ok(Identity {
        uid: Uid::from_raw(user.uid),
        gid: Gid::from_raw(gid),
        groups: groups.into_iter().map(Gid::from_raw).collect(),
        user,
        unchanged: plain,
    })
}
