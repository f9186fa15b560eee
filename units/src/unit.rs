//! What a unit is.
//!
//! ```text
//!   Unit ── relations, conditions, install, ignored
//!     └─ Body ── Target | Service | Socket | Timer | Path | Mount | Slice | Scope
//!                           └─ commands, restart, stop, run-as, execution, sandbox, environment, directories, log, resources, tty
//! ```
//!
//! One vocabulary for every syntax: the names are systemd's, so that importing its files and
//! exporting to them stays mechanical.

mod command;
mod condition;
mod environment;
mod execution;
mod kinds;
mod open_file;
mod relations;
mod resources;
mod restart;
mod sandbox;
mod service;
mod stop;
mod usual;

pub use command::{Command, CommandError, Privileges, Reload};
pub use condition::{Condition, Conditions, Question, Strength, Test, Verdict, comparison};
pub(crate) use condition::{QUESTIONS, Takes};
pub use environment::{Directories, Directory, DirectoryKind, Environment, EnvironmentFile, Preserve, is_variable, read_environment};
pub use execution::{CpuPolicy, Execution, Hardening, IoClass, NumaPolicy, Resource, Rlimit, UtmpMode};
pub use kinds::{Listen, ListenKind, Mount, PathEvent, Since, Slice, Socket, TYPES_OF_SERVICE, Timer, TriggerLimit, Watch};
pub use open_file::{OpenFile, Opened};
pub use relations::Relations;
pub use resources::{Amount, DeviceLimit, IoLimit, OomPolicy, PressureWatch, Resources};
pub use restart::{Growth, Restart, RestartMode, RestartPolicy, Statuses};
pub use sandbox::{
    Access, Bind, CallArchitecture, CallFilter, CallRefusal, Families, Keyring, MountPropagation, PathRule, ProtectHome, ProtectProc,
    ProtectSystem, Sandbox,
};
pub use service::{ConsoleLevel, ExitType, Input, Log, NotifyAccess, Output, RunAs, Service, ServiceType, Tty};
pub use stop::{Stop, StopMode, Strike};
pub use usual::{AsUsual, Usual};

use crate::systemd::paths::simple;
use crate::value::Limit;
use crate::{Set, UnitName};
use std::fmt;
use std::time::Duration;

/// One unit, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its canonical name.
    pub name: UnitName,
    /// For people; may be empty.
    pub description: String,
    /// Where to read about it: URIs.
    pub documentation: Vec<String>,
    /// The files it was read from: the unit's own first, then its drop-ins in the order applied.
    pub sources: Vec<String>,
    /// Files of the same name that do not count beside them.
    pub shadowed: Vec<String>,
    /// Other names it has.
    pub aliases: Vec<UnitName>,
    /// What it needs and where it stands in the order, as written; see [`crate::Graph`] for the
    /// effective relations.
    pub relations: Relations,
    /// Paths whose mounts it needs.
    pub requires_mounts_for: Vec<String>,
    /// Whether the usual relations to `sysinit.target` and `basic.target` are
    /// added.
    pub default_dependencies: bool,
    /// What must hold for it to be started.
    pub conditions: Conditions,
    /// Targets that want it.
    pub wanted_by: Vec<UnitName>,
    /// Targets that require it.
    pub required_by: Vec<UnitName>,
    /// What enabling it would do.
    pub install: Install,
    /// What may be done with it, and what follows from its end.
    pub manner: Manner,
    /// Directives that are known and not acted upon.
    pub ignored: Vec<Ignored>,
    /// What its kind adds.
    pub body: Body,
}

/// The `[Install]` section: what enabling does. For a unit in TOML `wanted-by` and `required-by` hold
/// at once, see [`Unit::wanted_by`]; for systemd's, links in the file system say what is enabled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Install {
    /// Units that get to want it.
    pub wanted_by: Vec<UnitName>,
    /// Units that get to require it.
    pub required_by: Vec<UnitName>,
    /// Further names it gets.
    pub alias: Vec<UnitName>,
    /// Units enabled with it.
    pub also: Vec<UnitName>,
    /// The instance a template is enabled as.
    pub default_instance: Option<String>,
}

/// What may be done with a unit, and what follows from its end; systemd.unit(5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// It is stopped when nothing needs it.
    pub stop_when_unneeded: bool,
    /// Only other units may start it.
    pub refuse_manual_start: bool,
    /// Only other units may stop it.
    pub refuse_manual_stop: bool,
    /// It may be what everything else is stopped for.
    pub allow_isolate: bool,
    /// It is not stopped for another.
    pub ignore_on_isolate: bool,
    /// What follows when it was started too often.
    pub start_limit_action: EmergencyAction,
    /// What follows when it has failed.
    pub failure_action: EmergencyAction,
    /// What follows when it has ended with success.
    pub success_action: EmergencyAction,
    /// With which code PID 1 ends for its failure, where that is not the unit's own.
    pub failure_exit: Option<u8>,
    /// The same for its success.
    pub success_exit: Option<u8>,
    /// How long may be waited for a start or a stop of it, from the time it is asked for; without end when absent.
    pub job_timeout: Option<Duration>,
    /// The same from the time it is begun; no other limit when absent.
    pub job_running_timeout: Option<Limit<Duration>>,
    /// What follows when that is over.
    pub job_timeout_action: EmergencyAction,
    /// What it was made from: a SysV script.
    pub source_path: Option<String>,
}

/// What becomes of the system; systemd.unit(5), `FailureAction=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmergencyAction {
    /// Nothing.
    #[default]
    None,
    /// It is rebooted.
    Reboot,
    /// The container ends.
    PowerOff,
    /// The same; the distinction is for machines.
    Halt,
    /// PID 1 ends, with the unit's exit code.
    Exit,
}

/// A directive that is known and not acted upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// systemd's name of it.
    pub directive: &'static str,
    /// Why.
    pub why: Why,
}

/// Why a directive is not acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It would make the service safer, and no different.
    Hardening,
    /// It would make it faster, fairer or quieter.
    Tuning,
    /// It is for machines, or for systemd's own parts.
    Foreign,
    /// It is in the model; PID 1 does not do it yet.
    Pending,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hardening => "hardening that is not put in force",
            Self::Tuning => "makes no difference to what runs",
            Self::Foreign => "asks for something that fief does not do",
            Self::Pending => "not done yet",
        })
    }
}

/// What the kind of a unit adds.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A point of synchronisation; no process.
    Target,
    /// Processes.
    Service(Box<Service>),
    /// Something listened on.
    Socket(Box<Socket>),
    /// A clock.
    Timer(Box<Timer>),
    /// Watched paths.
    Path(Box<Watch>),
    /// A mount point.
    Mount(Box<Mount>),
    /// A node of the cgroup tree.
    Slice(Box<Slice>),
    /// Processes that somebody else has begun: a service without commands.
    Scope(Box<Service>),
}

impl Unit {
    /// Gives back the room to spare in what nearly every unit has: a list begins with room for four, and most have one member.
    pub(crate) fn fit(&mut self) {
        self.documentation.shrink_to_fit();
        self.sources.shrink_to_fit();
        for names in [&mut self.wanted_by, &mut self.install.wanted_by] {
            names.shrink_to_fit();
        }
        if let Body::Service(service) = &mut self.body {
            service.start.shrink_to_fit();
            service.start.iter_mut().for_each(|command| command.words.shrink_to_fit());
        }
    }

    /// The service, where it is one.
    #[must_use]
    pub fn service(&self) -> Option<&Service> {
        match &self.body {
            Body::Service(service) => Some(service),
            Body::Target | Body::Socket(_) | Body::Timer(_) | Body::Path(_) | Body::Mount(_) | Body::Slice(_) | Body::Scope(_) => None,
        }
    }

    /// What its processes may do and use, where it has any of its own: of a service or a scope.
    #[must_use]
    pub fn processes(&self) -> Option<&Service> {
        match &self.body {
            Body::Service(service) | Body::Scope(service) => Some(service),
            Body::Target | Body::Socket(_) | Body::Timer(_) | Body::Path(_) | Body::Mount(_) | Body::Slice(_) => None,
        }
    }

    /// The slice right around its group, where it has a group and that is not the outermost.
    #[must_use]
    pub fn around(&self) -> Option<UnitName> {
        match &self.body {
            Body::Service(_) | Body::Scope(_) => Some(self.slice()),
            Body::Slice(_) => self.name.nested().into_iter().rev().nth(1),
            Body::Target | Body::Socket(_) | Body::Timer(_) | Body::Path(_) | Body::Mount(_) => None,
        }
    }

    /// Whether its group lies in this slice's, however deep.
    #[must_use]
    pub fn lies_in(&self, slice: &UnitName) -> bool {
        self.around().is_some_and(|around| around.nested().contains(slice))
    }

    /// The slice its group lies in.
    #[must_use]
    pub fn slice(&self) -> UnitName {
        let named = self.processes().and_then(|service| service.resources.slice.clone());
        named.unwrap_or_else(|| self.name.usual_slice())
    }

    /// What it waits for, one line each: what a socket listens on, when a timer elapses, which paths are
    /// watched.
    #[must_use]
    pub fn watches(&self) -> Vec<String> {
        match &self.body {
            Body::Socket(socket) => socket.listen.iter().map(|listen| format!("{} {}", listen.kind, listen.address)).collect(),
            Body::Timer(timer) => {
                let calendars = timer.on_calendar.iter().map(ToString::to_string);
                calendars
                    .chain(timer.since.iter().map(|(since, span)| format!("{} after {since}", humantime::format_duration(*span))))
                    .collect()
            }
            Body::Path(watch) => watch.paths.iter().map(|(event, path)| format!("{event} {path}")).collect(),
            Body::Target | Body::Service(_) | Body::Mount(_) | Body::Slice(_) | Body::Scope(_) => Vec::new(),
        }
    }

    /// Paths whose mounts it needs: those it names, and those it makes, listens on or watches.
    #[must_use]
    pub fn mounts_needed(&self) -> Set<String> {
        let mut paths: Set<String> = self.requires_mounts_for.iter().cloned().collect();
        match &self.body {
            Body::Service(service) => {
                let made = service.directories.0.iter().map(|made| format!("{}/{}", made.kind.root(), made.path));
                let run_as = &service.run_as;
                let within = run_as.working_directory.iter().filter(|path| path.starts_with('/') && !run_as.working_directory_optional);
                paths.extend(made.chain(within.cloned()).chain(service.execution.root_directory.clone()));
                if service.execution.restricts("PrivateTmp") {
                    paths.insert("/var/tmp".to_owned());
                }
            }
            Body::Socket(socket) => {
                let listening = socket.listen.iter().filter(|listen| listen.kind != ListenKind::MessageQueue).map(|listen| &listen.address);
                paths.extend(listening.filter(|address| address.starts_with('/')).map(|path| simple(path)));
            }
            Body::Timer(timer) if timer.persistent => {
                paths.insert("/var/lib/systemd/timers".to_owned());
            }
            Body::Path(watch) => paths.extend(watch.paths.iter().map(|(_, path)| path.clone())),
            Body::Mount(mount) => {
                let above = mount.place.rsplit_once('/').map(|(above, _)| above).filter(|above| !above.is_empty());
                paths.extend(above.map(str::to_owned));
                paths.extend(Some(mount.what.clone()).filter(|what| what.starts_with('/')));
            }
            Body::Target | Body::Timer(_) | Body::Slice(_) | Body::Scope(_) => {}
        }
        paths
    }

    /// Has it start this one, which is what the name it gives stands for.
    pub(crate) fn trigger(&mut self, other: UnitName) {
        match &mut self.body {
            Body::Socket(socket) => socket.service = Some(other),
            Body::Timer(timer) => timer.unit = Some(other),
            Body::Path(watch) => watch.unit = Some(other),
            Body::Target | Body::Service(_) | Body::Mount(_) | Body::Slice(_) | Body::Scope(_) => {}
        }
    }

    /// The unit it starts: of a socket, a timer or a path.
    #[must_use]
    pub fn triggers(&self) -> Option<UnitName> {
        let own = || self.name.of_kind(crate::UnitKind::Service);
        match &self.body {
            Body::Socket(socket) if socket.accept => None,
            Body::Socket(socket) => Some(socket.service.clone().unwrap_or_else(own)),
            Body::Timer(timer) => Some(timer.unit.clone().unwrap_or_else(own)),
            Body::Path(watch) => Some(watch.unit.clone().unwrap_or_else(own)),
            Body::Target | Body::Service(_) | Body::Mount(_) | Body::Slice(_) | Body::Scope(_) => None,
        }
    }
}
