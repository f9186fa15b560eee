//! One process of a unit: everything resolved here, then born by a plan the child only walks.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use kernel::spawn::{Child, Failure, Plan, Pointers, Stage, Step, spawn};
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::resource::{Resource, getrlimit};
use units::unit::{Command, Output, Service};

use super::handed::Handed;
use super::identity::Identity;
use crate::{file, program};

/// Descriptors a service may have until it asks for more: select(2) breaks beyond, and closing
/// "all" of a million takes long.
const SOFT_DESCRIPTORS: u64 = 1024;

/// Where the output of a life goes.
#[derive(Debug)]
pub(super) struct Outlets {
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

/// What is needed to give birth.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) service: &'a Service,
    pub(super) command: &'a Command,
    /// The main process gets the terminal, its helpers do not.
    pub(super) is_main: bool,
    pub(super) identity: &'a Identity,
    pub(super) environment: &'a BTreeMap<String, String>,
    pub(super) outlets: &'a Outlets,
    /// From 3 on.
    pub(super) handed: &'a Handed<'a>,
    /// Open `cgroup.procs` of each hierarchy but the one below.
    pub(super) procs: &'a [OwnedFd],
    /// The cgroup2 directory, to be born into.
    pub(super) cgroup: Option<BorrowedFd<'a>>,
}

/// Why there is no process.
#[derive(Debug)]
pub(super) enum Stillborn {
    /// None could be had just now; worth another try.
    Delayed(String),
    Failed(String),
}

impl Stillborn {
    /// By what could not be read beforehand.
    pub(super) fn of(error: io::Error) -> Self {
        if file::is_shortage(&error) { Self::Delayed(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}

/// Give birth.
pub(super) fn give(wanted: &Wanted<'_>) -> Result<Child, Stillborn> {
    let steps =
        steps(wanted).map_err(|_| Stillborn::Failed(format!("executing {} failed: a NUL byte in its words", wanted.command.program())))?;
    let plan = Plan { namespaces: CloneFlags::empty(), cgroup: wanted.cgroup, steps: &steps };
    spawn(&plan).map_err(|error| {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        match errno {
            Errno::EAGAIN | Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE => {
                Stillborn::Delayed(format!("no process to be had: {}", errno.desc()))
            }
            // With a group to be born into, clone3(2) fails in these ways for its sake only.
            Errno::ENOENT | Errno::ENODEV | Errno::EBUSY | Errno::EACCES | Errno::EOPNOTSUPP if wanted.cgroup.is_some() => {
                Stillborn::Failed(format!("{} failed: {}", Stage::Cgroup, errno.desc()))
            }
            errno => Stillborn::Failed(format!("making a process failed: {}", errno.desc())),
        }
    })
}

/// A child's failure in words, with the program where that is what failed.
pub(super) fn explain(failure: Failure, command: &Command) -> String {
    if failure.stage == Stage::Exec {
        return format!("{} {} failed: {}", Stage::Exec, command.program(), failure.errno.desc());
    }
    failure.to_string()
}

fn steps<'a>(wanted: &'a Wanted<'_>) -> Result<Vec<Step<'a>>, std::ffi::NulError> {
    let service = wanted.service;
    let run_as = &service.run_as;
    let tty = service.tty.as_ref().filter(|_| wanted.is_main);
    let mut steps: Vec<Step<'a>> = wanted.procs.iter().map(|procs| Step::JoinCgroup(procs.as_fd())).collect();
    steps.push(Step::NewSession);
    steps.push(Step::Umask(run_as.umask.bits()));
    if let Some(nice) = run_as.nice {
        steps.push(Step::Nice(nice.into()));
    }
    steps.push(Step::OomScore(CString::new(run_as.oom_score_adjust.unwrap_or(0).to_string())?));

    if let Some(tty) = tty.filter(|tty| tty.reset || tty.hang_up) {
        steps.push(Step::FreshTerminal { path: CString::new(tty.path.as_str())?, reset: tty.reset, hang_up: tty.hang_up });
    }
    let stdin = tty.map_or("/dev/null", |tty| tty.path.as_str());
    let open = |path: &str, flags: i32, number: i32| {
        Ok(Step::Open { path: CString::new(path)?, flags: flags | libc::O_NOCTTY, mode: 0o644, number })
    };
    steps.push(open(stdin, if tty.is_some() { libc::O_RDWR } else { libc::O_RDONLY }, 0)?);
    let outputs = [(1, &service.log.stdout), (2, service.log.stderr.as_ref().unwrap_or(&service.log.stdout))];
    for (number, output) in outputs {
        // A terminal takes the place of the log, as a login prompt expects; only what the unit
        // sends elsewhere goes there.
        let step = match (output, tty) {
            (Output::Log | Output::Tty | Output::Socket | Output::Descriptor(_), Some(tty)) => open(&tty.path, libc::O_RDWR, number)?,
            (Output::Log | Output::Tty | Output::Socket | Output::Descriptor(_), None) => {
                let outlet = if number == 1 { &wanted.outlets.stdout } else { &wanted.outlets.stderr };
                Step::Inherit(outlet.as_fd(), number)
            }
            (Output::Null, _) => open("/dev/null", libc::O_WRONLY, number)?,
            (Output::Inherit, _) => continue,
            (Output::Append(path), _) => open(path, libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND, number)?,
            (Output::Truncate(path), _) => open(path, libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC, number)?,
        };
        steps.push(step);
    }
    if tty.is_some() {
        steps.push(Step::ControllingTerminal);
    }
    if !wanted.identity.unchanged {
        let identity = wanted.identity;
        steps.push(Step::Identity { uid: identity.uid, gid: identity.gid, groups: identity.groups.clone(), keep_capabilities: false });
    }
    if run_as.no_new_privileges {
        steps.push(Step::NoNewPrivileges);
    }
    if let Some(folder) = &run_as.working_directory {
        let folder = if folder == "~" { &wanted.identity.user.home } else { folder };
        let folder = CString::new(folder.as_str())?;
        steps.push(if run_as.working_directory_optional { Step::ChdirOrRoot(folder) } else { Step::Chdir(folder) });
    }
    // After everything that opens something: until then the child has all the descriptors of init, of which there may be more.
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        steps.push(Step::Limit(Resource::RLIMIT_NOFILE, SOFT_DESCRIPTORS.min(hard), hard));
    }
    steps.push(Step::CloseOthers);
    steps.extend(wanted.handed.step());
    steps.push(Step::DefaultSignals);
    let environment = wanted.environment;
    let argv = wanted.command.argv(|name| environment.get(name).cloned());
    let path = environment.get("PATH").map_or(program::PATH, String::as_str);
    steps.push(Step::Exec {
        programs: strings(program::candidates(wanted.command.program(), path))?,
        argv: Pointers::new(strings(argv)?),
        envp: Pointers::with_own_pid(
            strings(environment.iter().map(|(key, value)| format!("{key}={value}")).collect())?,
            &wanted.handed.own_pid(),
        ),
    });
    Ok(steps)
}

fn strings(texts: Vec<String>) -> Result<Vec<CString>, std::ffi::NulError> {
    texts.into_iter().map(CString::new).collect()
}

/// The pipes of a life: what init reads and what its processes write to.
pub(super) fn pipes() -> io::Result<((OwnedFd, OwnedFd), Outlets)> {
    let (read_out, stdout) = crate::journal::pipe()?;
    let (read_err, stderr) = crate::journal::pipe()?;
    Ok(((read_out, read_err), Outlets { stdout, stderr }))
}
