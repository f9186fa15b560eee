//! What a container is, on disk: its config, its ids, its limits, its record while it runs.
//!
//! ```text
//!   /var/lib/fief/containers/NAME   made whole under the lock by one rename, unmade the same way
//!   /run/fief/containers/NAME       the record of a running one; truth is lock + record + /proc (`observe`)
//! ```

pub mod atomic;
mod container;
pub mod credentials;
mod hostname;
pub mod ids;
mod limits;
pub mod lock;
mod name;
pub mod random;
pub mod record;
mod remove;
mod shelf;

pub(crate) use container::link_name;
pub use container::{BRIDGE_GUEST_LINK, ContainerConfig, Dns, Ids, Init, InitPath, Link, LinkKind, MacAddress};
pub use hostname::{Hostname, HostnameError};
pub use limits::{Bytes, CpuWeight, Cpus, LimitError, Limits, Procs};
pub use name::{ContainerName, NameError, TemplateName};
pub use record::{Observed, Phase, ProcessMark, RuntimeRecord};
pub use remove::{disk_usage, remove_tree};
pub(crate) use shelf::folder;
pub use shelf::{Found, Shelf, all, find};
