//! `systemd-sysusers`: makes the users and groups of sysusers.d(5). systemd-sysusers(8).
//!
//! ```text
//!   conf ─ units::sysusers ─▶ Wanted ─ numbers ─▶ what is new ─ database ─▶ passwd, group, shadow, gshadow
//! ```
//!
//! The four files are written anew whole, each by a rename, under the lock that shadow-utils take too; a run that has nothing to do
//! touches none.

mod database;
mod numbers;

use std::path::Path;
use std::process::ExitCode;

use units::sysusers::{self, Id, Line, Primary};

use super::conf::{self, Conf};
use super::{output, refuse};
use crate::getopt::{Opt, Takes, Unclear};
use crate::{boot, say};
use database::Database;
use numbers::Numbers;

const OPTIONS: &[Opt] = &[
    Opt("root", '\0', Takes::Value),
    Opt("image", '\0', Takes::Value),
    Opt("replace", '\0', Takes::Value),
    Opt("inline", '\0', Takes::Nothing),
    Opt("cat-config", '\0', Takes::Nothing),
    Opt("no-pager", '\0', Takes::Nothing),
];

const HELP: &str = "\
systemd-sysusers [OPTIONS...] [CONFIGURATION FILE...]

Creates system user accounts.

  -h --help                 Show this help
     --version              Show package version
     --cat-config           Show configuration files
     --root=PATH            Operate on an alternate filesystem root
     --replace=PATH         Treat arguments as replacement for PATH
     --inline               Treat arguments as configuration lines
     --no-pager             Do not pipe output into a pager
";

pub(crate) fn run(name: &str, arguments: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, arguments) {
        Ok(line) => line,
        Err(status) => return status,
    };
    if line.has("image") {
        return refuse(name, &Unclear::Wrong("--image= is not supported.".to_owned()));
    }
    let root = Path::new(line.value("root").unwrap_or("/"));
    let all = match conf::asked(name, root, "sysusers", &line) {
        Ok(all) => all,
        Err(status) => return status,
    };
    if line.has("cat-config") {
        return output(&conf::sheet(&all));
    }
    let (wanted, is_clear) = Wanted::read(&all);
    // What somebody gives is right as a whole, or nothing of it is done.
    if !line.operands.is_empty() && !is_clear && !line.has("replace") {
        return ExitCode::FAILURE;
    }
    match carry_out(root, wanted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(format_args!("Failed to write user and group files: {}", say::chain(&error)));
            ExitCode::FAILURE
        }
    }
}

/// A user, as a line says or a membership implies.
struct User {
    name: String,
    id: Id,
    group: Primary,
    about: String,
    home: Option<String>,
    shell: Option<String>,
}

/// What all files together want, in their order.
#[derive(Default)]
struct Wanted {
    users: Vec<User>,
    groups: Vec<(String, Id)>,
    members: Vec<(String, String)>,
    ranges: Vec<(u32, u32)>,
}

impl Wanted {
    /// And whether every line was understood.
    fn read(all: &[Conf]) -> (Self, bool) {
        let facts = boot::files::specifiers();
        let (mut wanted, mut is_clear) = (Self::default(), true);
        for conf in all {
            for (number, read) in sysusers::read(&conf.text, &facts) {
                if let Err(why) = read.map(|line| wanted.take(line)) {
                    say::error(format_args!("{}:{number}: {why}", conf.name));
                    is_clear = false;
                }
            }
        }
        wanted.imply();
        (wanted, is_clear)
    }

    /// The first line of a name counts.
    fn take(&mut self, line: Line) {
        match line {
            Line::User { name, id, group, about, home, shell } => {
                if !self.has_user(&name) {
                    self.users.push(User { name, id, group, about, home, shell });
                }
            }
            Line::Group { name, id } => {
                if !self.has_group(&name) {
                    self.groups.push((name, id));
                }
            }
            Line::Member { user, group } => {
                if !self.members.iter().any(|known| known.0 == user && known.1 == group) {
                    self.members.push((user, group));
                }
            }
            Line::Range(first, last) => self.ranges.push((first, last)),
        }
    }

    fn has_user(&self, name: &str) -> bool {
        self.users.iter().any(|user| user.name == name)
    }

    fn has_group(&self, name: &str) -> bool {
        self.groups.iter().any(|(known, _)| known == name)
    }

    /// Members and what they are members of are wanted too.
    fn imply(&mut self) {
        for (name, group) in std::mem::take(&mut self.members) {
            if !self.has_user(&name) {
                let (about, home, shell) = (String::new(), None, None);
                self.users.push(User { name: name.clone(), id: Id::Any, group: Primary::Own, about, home, shell });
            }
            if !self.has_group(&group) {
                self.groups.push((group.clone(), Id::Any));
            }
            self.members.push((name, group));
        }
    }
}

fn carry_out(root: &Path, wanted: Wanted) -> Result<(), crate::setup::Trouble> {
    let mut database = Database::open(root)?;
    let mut numbers = Numbers::new(root, wanted.ranges);
    for (name, id) in &wanted.groups {
        if database.gid(name).is_none() {
            let gid = numbers.group(&database, name, id, None);
            add_group(&mut database, name, gid);
        }
    }
    for user in wanted.users {
        add_user(&mut database, &mut numbers, user, &wanted.groups);
    }
    for (user, group) in &wanted.members {
        database.add_member(user, group);
    }
    database.write()
}

fn add_group(database: &mut Database, name: &str, gid: Option<u32>) -> Option<u32> {
    match gid {
        Some(gid) => {
            say::error(format_args!("Creating group '{name}' with GID {gid}."));
            database.add_group(name, gid);
        }
        None => say::error(format_args!("No free group ID available for {name}.")),
    }
    gid
}

fn add_user(database: &mut Database, numbers: &mut Numbers, user: User, groups: &[(String, Id)]) {
    let User { name, id, group, about, home, shell } = user;
    if database.has_user(&name) {
        return;
    }
    let is_queued = |name: &str| groups.iter().any(|(known, _)| known == name);
    // Who names a group means both numbers as they are said.
    let is_strict = group != Primary::Own || is_queued(&name);
    let gid = match &group {
        Primary::Own => database.gid(&name).or_else(|| {
            let gid = numbers.group(database, &name, &id, Some(&id));
            add_group(database, &name, gid)
        }),
        Primary::Number(gid) if database.has_gid(*gid) => Some(*gid),
        Primary::Number(gid) => {
            say::error(format_args!("Failed to create {name}: please create GID {gid}"));
            None
        }
        Primary::Named(group) => {
            let gid = database.gid(group);
            if gid.is_none() {
                say::error(format_args!("Group {group} not found."));
            }
            gid
        }
    };
    let Some(gid) = gid else { return };
    let Some(uid) = numbers.user(database, &name, &id, gid, is_strict) else {
        say::error(format_args!("No free user ID available for {name}."));
        return;
    };
    let shown = if about.is_empty() { "n/a" } else { &about };
    say::error(format_args!("Creating user '{name}' ({shown}) with UID {uid} and GID {gid}."));
    let shell = shell.unwrap_or_else(|| if uid == 0 { "/bin/sh" } else { "/usr/sbin/nologin" }.to_owned());
    database.add_user(&name, &format!("x:{uid}:{gid}:{about}:{}:{shell}", home.unwrap_or_else(|| "/".to_owned())));
}
