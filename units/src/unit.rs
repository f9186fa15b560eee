//! What a unit is.
//!
//! ```text
//!   Unit ── relations, conditions, install
//!     └─ Body ── Target | Service ── commands, restart, stop, run-as, environment, directories, log, resources, tty
//! ```
//!
//! One vocabulary for every syntax: the names are systemd's, so that importing its files and
//! exporting to them stays mechanical. Further kinds (socket, timer, path) become further
//! variants of [`Body`].

mod command;
mod condition;
mod environment;
mod relations;
mod resources;
mod restart;
mod service;
mod stop;

pub use command::{Command, CommandError, Privileges, Reload};
pub use condition::{Condition, Conditions, Strength, Test, Verdict};
pub(crate) use environment::is_variable;
pub use environment::{Directories, Directory, DirectoryKind, Environment, EnvironmentFile, read_environment};
pub use relations::Relations;
pub use resources::{Amount, OomPolicy, Resources};
pub use restart::{Restart, RestartPolicy};
pub use service::{ConsoleLevel, Log, NotifyAccess, Output, RunAs, Service, ServiceType, Tty};
pub use stop::{Stop, StopMode};

use crate::UnitName;

/// One unit, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its canonical name.
    pub name: UnitName,
    /// For people; may be empty.
    pub description: String,
    /// The files it was read from: the unit's own first, then its drop-ins in the order applied.
    pub sources: Vec<String>,
    /// What it needs and where it stands in the order, as written; see [`crate::Graph`] for the
    /// effective relations.
    pub relations: Relations,
    /// Whether the usual relations to `sysinit.target` and `basic.target` are
    /// added.
    pub default_dependencies: bool,
    /// What must hold for it to be started.
    pub conditions: Conditions,
    /// Targets that want it.
    pub wanted_by: Vec<UnitName>,
    /// Targets that require it.
    pub required_by: Vec<UnitName>,
    /// What its kind adds.
    pub body: Body,
}

/// What the kind of a unit adds.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A point of synchronisation; no process.
    Target,
    /// Processes.
    Service(Box<Service>),
}

impl Unit {
    /// The service, where it is one.
    #[must_use]
    pub fn service(&self) -> Option<&Service> {
        match &self.body {
            Body::Service(service) => Some(service),
            Body::Target => None,
        }
    }
}
