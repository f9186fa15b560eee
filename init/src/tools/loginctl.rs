//! `loginctl`: who is logged in, as utmp(5) has it. There is no login manager: what only one could do is refused. loginctl(1).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use super::settings::{Verb, sheet, verb};
use super::{fail, output};
use crate::accounts::{Accounts, User};
use crate::file;
use crate::getopt::{Line, Opt, Takes};
use crate::log::civil::Here;
use crate::say;
use crate::utmp::{self, Person};

const OPTIONS: &[Opt] = &[
    Opt("no-pager", '\0', Takes::Nothing),
    Opt("no-legend", '\0', Takes::Nothing),
    Opt("no-ask-password", '\0', Takes::Nothing),
    Opt("host", 'H', Takes::Value),
    Opt("machine", 'M', Takes::Value),
    Opt("property", 'p', Takes::Value),
    Opt("P", 'P', Takes::Value),
    Opt("all", 'a', Takes::Nothing),
    Opt("value", '\0', Takes::Nothing),
    Opt("full", 'l', Takes::Nothing),
    Opt("kill-whom", '\0', Takes::Value),
    Opt("signal", 's', Takes::Value),
    Opt("lines", 'n', Takes::Value),
    Opt("output", 'o', Takes::Value),
];

const HELP: &str = "\
loginctl [OPTIONS...] COMMAND ...

Query who is logged in.

Session Commands:
  list-sessions            List sessions
  session-status [ID...]   Show session status
  show-session [ID...]     Show properties of sessions or the manager

User Commands:
  list-users               List users
  user-status [USER...]    Show user status
  show-user [USER...]      Show properties of users or the manager
  enable-linger [USER...]  Enable linger state of one or more users
  disable-linger [USER...] Disable linger state of one or more users

Options:
  -h --help                Show this help
     --version             Show package version
     --no-legend           Do not show the headers and footers
  -p --property=NAME       Show only properties by this name
  -P NAME                  Equivalent to --value --property=NAME
     --value               When showing properties, only print the value
";

const MANY: usize = usize::MAX;
const VERBS: &[Verb] = &[
    ("list-sessions", 0, 0),
    ("session-status", 0, MANY),
    ("show-session", 0, MANY),
    ("list-users", 0, 0),
    ("user-status", 0, MANY),
    ("show-user", 0, MANY),
    ("enable-linger", 0, MANY),
    ("disable-linger", 0, MANY),
    ("list-seats", 0, 0),
    ("activate", 0, MANY),
    ("lock-session", 0, MANY),
    ("unlock-session", 0, MANY),
    ("lock-sessions", 0, 0),
    ("unlock-sessions", 0, 0),
    ("terminate-session", 1, MANY),
    ("kill-session", 1, MANY),
    ("terminate-user", 1, MANY),
    ("kill-user", 1, MANY),
    ("seat-status", 0, MANY),
    ("show-seat", 0, MANY),
    ("attach", 2, MANY),
    ("flush-devices", 0, 0),
    ("terminate-seat", 1, MANY),
];

const LINGER: &str = "/var/lib/systemd/linger";

/// Somebody's being here.
struct Session {
    /// The kernel's number of it, or where it has none that of the process that let him in.
    id: String,
    uid: u32,
    person: Person,
}

pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, words) {
        Ok(line) => line,
        Err(status) => return status,
    };
    if let Some(odd) = line.value("signal").filter(|signal| units::value::Signal::read(signal).is_err()) {
        return fail(format_args!("Failed to parse signal string \"{odd}\"."));
    }
    let (verb, rest) = match verb(VERBS, &line) {
        Ok(verb) => verb,
        Err(status) => return status,
    };
    let accounts = match Accounts::read() {
        Ok(accounts) => accounts,
        Err(error) => return fail(format_args!("Failed to read /etc/passwd: {}", say::reason(&error))),
    };
    match verb {
        "list-sessions" => list(&line, "sessions", &["SESSION", "UID", "USER", "SEAT", "TTY"], &session_rows(&accounts)),
        "list-users" => list(&line, "users", &["UID", "USER"], &user_rows(&accounts)),
        "list-seats" => list(&line, "seats", &["SEAT"], &[]),
        "session-status" | "show-session" => each(rest, |id| of_session(&line, verb, &accounts, id)),
        "user-status" | "show-user" => each(rest, |user| of_user(&line, verb, &accounts, user)),
        "enable-linger" | "disable-linger" => each(rest, |user| linger(verb == "enable-linger", &accounts, user)),
        _ => fail(format_args!("Failed to {}: there is no login manager in this container", verb.replace('-', " "))),
    }
}

/// All of these, or the caller's own where none is named; the first that goes wrong is the last.
fn each(names: &[String], one: impl Fn(Option<&str>) -> Result<(), String>) -> ExitCode {
    let all: Vec<Option<&str>> = if names.is_empty() { vec![None] } else { names.iter().map(|name| Some(name.as_str())).collect() };
    match all.into_iter().try_for_each(one) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => fail(format_args!("{why}")),
    }
}

fn sessions(accounts: &Accounts) -> Vec<Session> {
    let id = |pid: i32| {
        let number = file::read_text(format!("/proc/{pid}/sessionid"), 64).ok().and_then(|text| text.trim().parse::<u32>().ok());
        number.filter(|number| *number != u32::MAX).map_or_else(|| pid.to_string(), |number| number.to_string())
    };
    let people = utmp::people(utmp::books()).into_iter();
    people.filter_map(|person| Some(Session { id: id(person.pid), uid: accounts.user(&person.name)?.uid, person })).collect()
}

fn session_rows(accounts: &Accounts) -> Vec<Vec<String>> {
    let row = |one: Session| vec![one.id, one.uid.to_string(), one.person.name, String::new(), one.person.line];
    sessions(accounts).into_iter().map(row).collect()
}

fn user_rows(accounts: &Accounts) -> Vec<Vec<String>> {
    let users: BTreeMap<u32, String> = sessions(accounts).into_iter().map(|one| (one.uid, one.person.name)).collect();
    users.into_iter().map(|(uid, name)| vec![uid.to_string(), name]).collect()
}

/// A table; numbers stand to the right.
fn list(line: &Line, what: &str, heads: &[&str], rows: &[Vec<String>]) -> ExitCode {
    if rows.is_empty() {
        return if line.has("no-legend") { ExitCode::SUCCESS } else { output(&format!("No {what}.\n")) };
    }
    let head: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let shown: Vec<&Vec<String>> = std::iter::once(&head).filter(|_| !line.has("no-legend")).chain(rows).collect();
    let width = |column: usize| shown.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for row in &shown {
        let cells = row.iter().zip(heads).enumerate().map(|(column, (cell, head))| {
            let width = width(column);
            if matches!(*head, "SESSION" | "UID") { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join(" ").trim_end());
        text.push('\n');
    }
    if !line.has("no-legend") {
        text.push_str(&format!("\n{} {what} listed.\n", rows.len()));
    }
    output(&text)
}

fn of_session(line: &Line, verb: &str, accounts: &Accounts, id: Option<&str>) -> Result<(), String> {
    let own = file::read_text("/proc/self/sessionid", 64).unwrap_or_default();
    let wanted = id.unwrap_or(own.trim());
    let all = sessions(accounts);
    let found = all.iter().find(|one| one.id == wanted || one.person.pid.to_string() == wanted);
    let one = found.ok_or_else(|| format!("Failed to get session path: No session '{wanted}' known"))?;
    let here = Here::found();
    let civil = here.at(one.person.since);
    let since = civil.full();
    if verb == "session-status" {
        let head = format!("{} - {} ({})\n", one.id, one.person.name, one.uid);
        output(&(head + &sheet(&[("Since", since), ("Leader", one.person.pid.to_string()), ("TTY", one.person.line.clone())])));
        return Ok(());
    }
    let remote = !one.person.host.is_empty();
    show(
        line,
        &[
            ("Id", one.id.clone()),
            ("User", one.uid.to_string()),
            ("Name", one.person.name.clone()),
            ("Timestamp", since),
            ("TTY", one.person.line.clone()),
            ("Remote", if remote { "yes" } else { "no" }.to_owned()),
            ("RemoteHost", one.person.host.clone()),
            ("Leader", one.person.pid.to_string()),
            ("Type", "tty".to_owned()),
            ("Class", "user".to_owned()),
            ("Active", "yes".to_owned()),
            ("State", "active".to_owned()),
        ],
    );
    Ok(())
}

fn known(accounts: &Accounts, name: Option<&str>) -> Result<User, String> {
    let own = nix::unistd::getuid().to_string();
    let name = name.unwrap_or(&own);
    // A number that is nobody's is no user here.
    let user = accounts.user(name).filter(|user| user.uid == 0 || user.name.parse::<u32>().is_err());
    user.ok_or_else(|| format!("Failed to look up user {name}: No such process"))
}

fn of_user(line: &Line, verb: &str, accounts: &Accounts, name: Option<&str>) -> Result<(), String> {
    let user = known(accounts, name)?;
    let ids: Vec<String> = sessions(accounts).into_iter().filter(|one| one.uid == user.uid).map(|one| one.id).collect();
    let lingers = Path::new(LINGER).join(&user.name).exists();
    if ids.is_empty() && !lingers {
        return Err(format!("Failed to get path for user {}: User ID {} is not logged in or lingering", user.name, user.uid));
    }
    let linger = if lingers { "yes" } else { "no" }.to_owned();
    let state = if ids.is_empty() { "lingering" } else { "active" }.to_owned();
    if verb == "user-status" {
        let head = format!("{} ({})\n", user.name, user.uid);
        output(&(head + &sheet(&[("State", state), ("Sessions", ids.join(" ")), ("Linger", linger)])));
        return Ok(());
    }
    show(
        line,
        &[
            ("UID", user.uid.to_string()),
            ("GID", user.gid.to_string()),
            ("Name", user.name.clone()),
            ("RuntimePath", format!("/run/user/{}", user.uid)),
            ("State", state),
            ("Sessions", ids.join(" ")),
            ("Linger", linger),
        ],
    );
    Ok(())
}

fn show(line: &Line, all: &[(&str, String)]) {
    let wanted: Vec<&str> = line.values("property").chain(line.values("P")).flat_map(|names| names.split(',')).collect();
    let bare = line.has("value") || line.has("P");
    let shown = all.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name));
    let text: String = shown.map(|(name, value)| if bare { format!("{value}\n") } else { format!("{name}={value}\n") }).collect();
    output(&text);
}

/// That his services stay when he goes: it is kept for whoever asks; services of users do not run in a container of ours.
fn linger(on: bool, accounts: &Accounts, name: Option<&str>) -> Result<(), String> {
    let user = known(accounts, name)?;
    let path = Path::new(LINGER).join(&user.name);
    let done = if on {
        fs::create_dir_all(LINGER).and_then(|()| fs::write(&path, ""))
    } else {
        fs::remove_file(&path).or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
    };
    done.map_err(|error| format!("Could not {} linger: {}", if on { "enable" } else { "disable" }, say::reason(&error)))
}
