//! What the child does between birth and the guest's program, as data.
//!
//! ```text
//!   fief exec ──clone3──▶ go-between: own session, namespaces ──fork──▶ inside: groups, own session, streams, identity, directory, exec
//!      │                      │ killed with fief exec                               │ killed with the go-between
//!      └── relays, signals ──▶└── passes signals on, ends with the program's status ┘
//! ```

use std::ffi::{CString, NulError, OsStr, OsString};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use kernel::identity::Capabilities;
use kernel::namespace::Kind;
use kernel::spawn::{Pointers, Step};
use nix::sys::resource::Resource;
use nix::unistd::{Gid, Uid};

use super::accounts::Person;
use crate::start;

/// What is to run inside.
#[derive(Debug)]
pub(super) struct Program {
    /// As whom.
    pub(super) person: Person,
    /// A folder that must be there; the home folder, if it is there, otherwise.
    pub(super) workdir: Option<PathBuf>,
    /// `argv`.
    pub(super) argv: Vec<OsString>,
    /// What is executed, if it is not found by the first of `argv`.
    pub(super) executable: Option<PathBuf>,
    /// The whole environment.
    pub(super) environment: Vec<(String, String)>,
}

/// What the steps work on; all open.
#[derive(Debug)]
pub(super) struct Doors<'a> {
    pub(super) groups: &'a [OwnedFd],
    pub(super) namespaces: &'a [(Kind, OwnedFd)],
    /// What stands under 0, 1 and 2 inside, where it is not what stands there outside.
    pub(super) streams: &'a [(BorrowedFd<'a>, i32)],
    /// Whether 0 is a terminal to be controlled by.
    pub(super) terminal: bool,
    /// The number of the process that gives birth.
    pub(super) parent: i32,
}

/// The steps.
///
/// # Errors
/// When a text has a NUL byte in it.
pub(super) fn steps<'a>(program: &Program, doors: &Doors<'a>) -> Result<Vec<Step<'a>>, NulError> {
    let mut steps = vec![
        Step::DefaultSignals,
        // Off the caller's terminal: neither its keys nor its TIOCSTI reach inside (CVE-2016-10124).
        Step::NewSession,
        // Nor the keys of the caller's session keyring. Out here, where no quota of the guest's can refuse it.
        Step::NewKeyring,
        Step::Umask(0o022),
        Step::OomScore(CString::new("0")?),
        Step::Limit(Resource::RLIMIT_CORE, 0, u64::MAX),
    ];
    steps.extend(doors.namespaces.iter().map(|(kind, fd)| Step::Setns(fd.as_fd(), kind.flag())));
    // After the last change of credentials, which takes both off.
    steps.extend([Step::NotDumpable, Step::DieWithParent, Step::ParentIs(doors.parent), Step::ForkAndFollow]);

    // From here on whatever is used is the guest's to pay. Not before the fork: a guest that has used up its processes could not be entered then,
    // while one that is there may always join.
    steps.extend(doors.groups.iter().map(|fd| Step::JoinCgroup(fd.as_fd())));
    steps.push(Step::NewSession);
    steps.extend(doors.streams.iter().map(|(fd, number)| Step::Inherit(*fd, *number)));
    if doors.terminal {
        steps.push(Step::ControllingTerminal);
    }
    let Person { uid, gid, groups, .. } = &program.person;
    let groups = groups.iter().map(|g| Gid::from_raw(*g)).collect();
    steps.extend([
        Step::CloseAll,
        Step::Bound(Capabilities::GUEST),
        Step::Identity { uid: Uid::from_raw(*uid), gid: Gid::from_raw(*gid), groups, keep_capabilities: false },
        Step::NotDumpable,
        Step::DieWithParent,
        // The go-between is outside.
        Step::ParentIs(0),
    ]);
    // As the user, who may not be let in; and never to where a descriptor of ours leads (CVE-2024-21626): the step looks.
    steps.push(match &program.workdir {
        Some(dir) => Step::Chdir(c(dir)?),
        None => Step::ChdirOrRoot(c(&program.person.home)?),
    });
    steps.push(exec(program)?);
    Ok(steps)
}

fn exec(program: &Program) -> Result<Step<'static>, NulError> {
    let word = program.argv.first().map_or(OsStr::new(""), OsString::as_os_str);
    let programs = match &program.executable {
        Some(path) => vec![c(path)?],
        None => candidates(word, program.path()).iter().map(c).collect::<Result<_, _>>()?,
    };
    let argv = program.argv.iter().map(c).collect::<Result<_, _>>()?;
    let envp = program.environment.iter().map(|(key, value)| c(format!("{key}={value}"))).collect::<Result<_, _>>()?;
    Ok(Step::Exec { programs, argv: Pointers::new(argv), envp: Pointers::new(envp) })
}

impl Program {
    fn path(&self) -> &str {
        self.environment.iter().find(|(key, _)| key == "PATH").map_or(start::PATH, |(_, value)| value)
    }
}

/// Where a program may be, as execvp(3) looks for it.
fn candidates(word: &OsStr, path: &str) -> Vec<PathBuf> {
    if word.is_empty() {
        return Vec::new();
    }
    if word.as_bytes().contains(&b'/') {
        return vec![PathBuf::from(word)];
    }
    path.split(':').map(|dir| Path::new(if dir.is_empty() { "." } else { dir }).join(word)).collect()
}

/// The environment of a program: what its user has, `TERM` if it could be one, and what was asked for, which counts for more.
pub(super) fn environment(person: &Person, term: Option<&str>, more: &[(String, String)]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = [
        ("PATH", start::PATH),
        ("HOME", &person.home),
        ("USER", &person.name),
        ("LOGNAME", &person.name),
        ("SHELL", &person.shell),
        ("LANG", "C.UTF-8"),
        ("container", "fief"),
    ]
    .into_iter()
    .chain(term.filter(|t| is_term(t)).map(|t| ("TERM", t)))
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    for (key, value) in more {
        all.retain(|(k, _)| k != key);
        all.push((key.clone(), value.clone()));
    }
    all
}

/// A name of a terminal and not a path or worse: what reads it opens files by it (terminfo(5)).
fn is_term(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && !text.starts_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
}

fn c(text: impl AsRef<OsStr>) -> Result<CString, NulError> {
    CString::new(text.as_ref().as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::File;

    use super::*;
    use expect_test::expect;

    fn person() -> Person {
        Person { name: "www".into(), uid: 33, gid: 33, groups: vec![33, 4], home: "/var/www".into(), shell: "/bin/sh".into() }
    }

    fn null() -> OwnedFd {
        File::open("/dev/null").unwrap().into()
    }

    #[test]
    fn the_plan_of_a_program_on_a_terminal() {
        let namespaces: Vec<(Kind, OwnedFd)> =
            [Kind::Time, Kind::User, Kind::Cgroup, Kind::Pid, Kind::Mount].map(|k| (k, null())).into_iter().collect();
        let peer = null();
        let streams = [0, 1, 2].map(|n| (peer.as_fd(), n));
        let doors = Doors { groups: &[], namespaces: &namespaces, streams: &streams, terminal: true, parent: 7 };
        let environment = environment(&person(), Some("xterm-256color"), &[("PATH".into(), "/usr/bin:/bin".into())]);
        let program = Program { person: person(), workdir: None, argv: vec!["id".into(), "-u".into()], executable: None, environment };
        let text: String = steps(&program, &doors).unwrap().iter().map(|s| format!("{s}\n")).collect();
        expect![[r#"
            default signals
            new session
            new session keyring
            umask 022
            oom score 0
            rlimit RLIMIT_CORE 0:18446744073709551615
            setns time
            setns user
            setns cgroup
            setns pid
            setns mnt
            not dumpable
            die with the parent
            still the child of 7
            fork into the pid namespace
            new session
            descriptor 0 inherited
            descriptor 1 inherited
            descriptor 2 inherited
            take descriptor 0 as controlling terminal
            close all descriptors from 3 on
            keep capabilities all -sys_module -sys_rawio -sys_time -audit_control -mac_override -mac_admin -syslog -wake_alarm -block_suspend -audit_read
            become uid 33 gid 33
            not dumpable
            die with the parent
            still the child of a process outside
            chdir /var/www
            exec /usr/bin/id
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn a_program_is_looked_for_as_a_shell_would() {
        let list =
            |word: &str, path: &str| candidates(OsStr::new(word), path).into_iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
        assert_eq!(list("sh", "/usr/bin:/bin"), ["/usr/bin/sh", "/bin/sh"]);
        assert_eq!(list("sh", ":/bin"), ["./sh", "/bin/sh"]);
        assert_eq!(list("./sh", "/bin"), ["./sh"]);
        assert!(list("", "/bin").is_empty());
    }

    #[test]
    fn the_environment_is_the_users_and_what_was_asked_for() {
        let more = [("PATH".to_owned(), "/x".to_owned()), ("A".to_owned(), "1".to_owned()), ("A".to_owned(), "2".to_owned())];
        let all = environment(&person(), Some("../evil"), &more);
        let text: Vec<String> = all.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(text, ["HOME=/var/www", "USER=www", "LOGNAME=www", "SHELL=/bin/sh", "LANG=C.UTF-8", "container=fief", "PATH=/x", "A=2"]);
        for term in ["", "a b", "x\u{1b}[2J", "../../x", "/etc/x", ".x", "\u{e9}"] {
            assert!(!is_term(term), "{term}");
        }
        assert!(["linux", "xterm-256color", "rxvt-unicode+x", "vt100.2"].into_iter().all(is_term));
    }

    #[test]
    fn nul_bytes_are_refused() {
        let doors = Doors { groups: &[], namespaces: &[], streams: &[], terminal: false, parent: 1 };
        let program = Program { person: person(), workdir: None, argv: vec!["a\0b".into()], executable: None, environment: Vec::new() };
        assert!(steps(&program, &doors).is_err());
    }
}
