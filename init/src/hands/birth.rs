//! One process of a unit: everything resolved here, then born by a plan the child only walks.

mod course;
mod filter;
mod mounts;
mod rights;
mod schedule;
mod stdio;

use std::ffi::{CString, NulError};
use std::io::{self, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use kernel::namespace::Kind;
use kernel::spawn::{Child, Failure, Plan, Pointers, Stage, Step, spawn};
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::stat::fstat;
use units::Map;
use units::unit::{Command, Input, Output, Service};

use super::handed::Handed;
use super::identity::Identity;
use super::private::Private;
use crate::{file, program};
pub(super) use course::Asked;
use course::Course;

/// Where lines are taken with their fields; systemd-journald.service(8).
const JOURNAL: &str = "/run/systemd/journal/socket";

/// Where the output of a life goes.
#[derive(Debug)]
pub(super) struct Outlets {
    pub(super) output: OwnedFd,
    /// Of standard error alone, where it is treated otherwise. Else both write into one pipe, so that their lines stay in order.
    pub(super) errors: Option<OwnedFd>,
    /// The number of the first pipe; that of errors is the next.
    pub(super) first: u64,
}

impl Outlets {
    /// The pipe for this descriptor, 1 or 2.
    pub(super) fn of(&self, number: i32) -> &OwnedFd {
        self.errors.as_ref().filter(|_| number == 2).unwrap_or(&self.output)
    }

    pub(super) fn numbers(&self) -> std::ops::Range<u64> {
        self.first..self.first + if self.errors.is_some() { 2 } else { 1 }
    }

    /// What a program knows its own standard error or output by as the log's; systemd.exec(5), `$JOURNAL_STREAM`. One that finds it so may speak
    /// [`JOURNAL`]'s language from then on, so it is told only where somebody listens.
    pub(super) fn stream(&self, service: &Service) -> Option<String> {
        if !Path::new(JOURNAL).exists() {
            return None;
        }
        let is_log = |output: &Output| matches!(output, Output::Log | Output::Tty) && service.tty.is_none();
        let stdout = &service.log.stdout;
        let outlet = match (is_log(service.log.stderr.as_ref().unwrap_or(stdout)), is_log(stdout)) {
            (true, _) => self.of(2),
            (false, true) => self.of(1),
            (false, false) => return None,
        };
        let about = fstat(outlet).ok()?;
        Some(format!("{}:{}", about.st_dev, about.st_ino))
    }
}

/// What is needed to give birth.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) service: &'a Service,
    pub(super) command: &'a Command,
    /// The main process gets the terminal, its helpers do not.
    pub(super) is_main: bool,
    pub(super) identity: &'a Identity,
    pub(super) environment: &'a Map<String, String>,
    pub(super) outlets: &'a Outlets,
    /// From 3 on.
    pub(super) handed: &'a Handed<'a>,
    /// What it has in common with the other processes of its unit.
    pub(super) shared: &'a Private,
    /// Namespaces that are there already, opened for this process.
    pub(super) joined: &'a Joined,
    /// What it reads, where that stands in the unit.
    pub(super) input: Option<BorrowedFd<'a>>,
    /// Open `cgroup.procs` of each hierarchy it is to move into.
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

/// Namespaces by the files that lead to them.
#[derive(Debug, Default)]
pub(super) struct Joined {
    network: Option<OwnedFd>,
    ipc: Option<OwnedFd>,
}

impl Joined {
    /// Opens them. Without one the process would see something else than was meant.
    pub(super) fn open(service: &Service) -> Result<Self, Stillborn> {
        let open = |directive: &str, path: &Option<String>| {
            let open = |path: &String| {
                std::fs::File::open(path)
                    .map(OwnedFd::from)
                    .map_err(|error| Stillborn::of(file::about(&format!("{directive}: opening {path} failed"), error)))
            };
            path.as_ref().map(open).transpose()
        };
        let network = open("NetworkNamespacePath", &service.sandbox.network_path)?;
        Ok(Self { network, ipc: open("IPCNamespacePath", &service.sandbox.ipc_path)? })
    }
}

/// Empty places that others are hidden with.
pub(super) fn prepare() {
    mounts::make_empty();
}

/// The text that a unit wants read, as something to read from.
pub(super) fn input(service: &Service) -> Result<Option<OwnedFd>, Stillborn> {
    let Input::Data(bytes) = &service.log.stdin else { return Ok(None) };
    let made = kernel::memfd::sealed_copy(c"input", &mut bytes.as_slice()).and_then(|fd| {
        let mut file = std::fs::File::from(fd);
        file.rewind()?;
        Ok(OwnedFd::from(file))
    });
    made.map(Some).map_err(Stillborn::of)
}

/// Give birth; and which directive asked for which step.
pub(super) fn give(wanted: &Wanted<'_>) -> Result<(Child, Asked), Stillborn> {
    let course =
        course(wanted).map_err(|_| Stillborn::Failed(format!("executing {} failed: a NUL byte in its words", wanted.command.program())))?;
    let plan = Plan { namespaces: CloneFlags::empty(), cgroup: wanted.cgroup, steps: &course.steps };
    let child = spawn(&plan).map_err(|error| {
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
    })?;
    Ok((child, course.asked_for()))
}

/// A child's failure in words, with the program or the directive where that is what failed.
pub(super) fn explain(failure: Failure, command: &Command, asked: &Asked) -> String {
    match (failure.stage, asked.by(&failure)) {
        (Stage::Exec, _) => format!("{} {} failed: {}", Stage::Exec, command.program(), failure.errno.desc()),
        (_, Some(directive)) => format!("{directive}: {failure}"),
        (_, None) => failure.to_string(),
    }
}

/// The whole way from a copy of PID 1 to the program.
///
/// The order is the meaning: descriptors and mounts while there is the right to them, limits before they are in the way, the user before the
/// directory that only he may enter, and the filter last, since all that follows must pass it.
fn course<'a>(wanted: &'a Wanted<'_>) -> Result<Course<'a>, NulError> {
    let service = wanted.service;
    let run_as = &service.run_as;
    let restricted = rights::restricted(wanted);
    let mut course = Course::new(service.sandbox.strict);
    for procs in wanted.procs {
        course.must(Step::JoinCgroup(procs.as_fd()));
    }
    course.must(Step::NewSession);
    course.must(Step::Umask(run_as.umask.bits()));
    schedule::schedule(&mut course, service)?;
    stdio::connect(&mut course, wanted)?;
    rights::groups(&mut course, wanted);
    if restricted {
        namespaces(&mut course, wanted);
        mounts::arrange(&mut course, wanted)?;
        if service.sandbox.private_users {
            let (uid_map, gid_map) = own_users(wanted.identity);
            course.asked("PrivateUsers", Step::OwnUsers { uid_map, gid_map });
        }
        if let Some(personality) = service.sandbox.personality {
            course.asked("Personality", Step::Personality(personality));
        }
    }
    // Before its limits: with more of PID 1's own descriptors open than it may have, none could be moved.
    course.must(Step::CloseOthers);
    course.steps.extend(wanted.handed.step());
    schedule::limits(&mut course, service);
    let filter = if restricted { filter::program(&service.sandbox) } else { None };
    rights::user(&mut course, wanted, filter.is_some());
    if let Some(folder) = &run_as.working_directory {
        let folder = if folder == "~" { &wanted.identity.user.home } else { folder };
        let folder = CString::new(folder.as_str())?;
        course.must(if run_as.working_directory_optional { Step::ChdirOrRoot(folder) } else { Step::Chdir(folder) });
    }
    course.must(Step::DefaultSignals);
    if service.execution.ignore_sigpipe {
        course.must(Step::Ignore(libc::SIGPIPE));
    }
    if run_as.no_new_privileges && restricted {
        course.must(Step::NoNewPrivileges);
    }
    if let Some((directive, Some(program))) = filter {
        course.asked(directive, Step::Filter(program));
    }
    let environment = wanted.environment;
    let argv = wanted.command.argv(|name| environment.get(name).cloned());
    let path = environment.get("PATH").map_or(program::PATH, String::as_str);
    course.must(Step::Exec {
        programs: strings(program::candidates(wanted.command.program(), path))?,
        argv: Pointers::new(strings(argv)?),
        envp: Pointers::with_own_pid(
            strings(environment.iter().map(|(key, value)| format!("{key}={value}")).collect())?,
            &wanted.handed.own_pid(),
        ),
    });
    Ok(course)
}

/// Those that are shared with others, and those of its own.
fn namespaces<'a>(course: &mut Course<'a>, wanted: &'a Wanted<'_>) {
    let sandbox = &wanted.service.sandbox;
    if let Some(network) = &wanted.joined.network {
        course.asked("NetworkNamespacePath", Step::Setns(network.as_fd(), Kind::Net.flag()));
    } else if let Some(network) = &wanted.shared.network {
        course.asked("PrivateNetwork", Step::Setns(network.as_fd(), Kind::Net.flag()));
        course.asked("PrivateNetwork", Step::LoopbackUp);
    }
    if let Some(ipc) = &wanted.joined.ipc {
        course.asked("IPCNamespacePath", Step::Setns(ipc.as_fd(), Kind::Ipc.flag()));
    } else if let Some(ipc) = &wanted.shared.ipc {
        course.asked("PrivateIPC", Step::Setns(ipc.as_fd(), Kind::Ipc.flag()));
    }
    if sandbox.hostname {
        course.asked("ProtectHostname", Step::Unshare(Kind::Uts.flag()));
    }
}

/// Root and the unit's own user and group; everybody else is nobody. systemd.exec(5), `PrivateUsers=`.
fn own_users(identity: &Identity) -> (Vec<u8>, Vec<u8>) {
    let map = |id: u32| if id == 0 { b"0 0 1\n".to_vec() } else { format!("0 0 1\n{id} {id} 1\n").into_bytes() };
    (map(identity.uid.as_raw()), map(identity.gid.as_raw()))
}

fn strings(texts: Vec<String>) -> Result<Vec<CString>, NulError> {
    texts.into_iter().map(CString::new).collect()
}
