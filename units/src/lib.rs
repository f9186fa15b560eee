//! What both sides of a container say: unit files, their graph, the control protocol, the
//! kernel's counters.
//!
//! ```text
//!   SourceFile… ──file::read──▶ UnitSet (Unit…, Graph) + Vec<Diagnostic>
//!   fiefctl ──control::Request──▶ init ──control::Reply──▶ fiefctl
//!   service ──notify::Word──▶ init
//!   memory.current, cpu.stat, … ──accounting──▶ Account
//! ```
//!
//! Text in, values and diagnostics out. This package opens no file and makes no system call, so
//! the host can check a guest's units without starting it. One bad file never spoils the others.
#![forbid(unsafe_code)]

pub mod accounting;
pub mod control;
pub mod convert;
pub mod diagnostic;
pub mod file;
pub mod glob;
pub mod graph;
pub mod install;
pub mod map;
pub mod name;
pub mod names;
pub mod networkd;
pub mod notify;
mod openrc;
pub mod order;
pub mod programs;
pub mod sandbox;
pub mod search;
pub mod set;
pub mod show;
pub mod stock;
pub mod systemd;
pub mod sysusers;
pub mod sysv;
pub mod tmpfiles;
pub mod unit;
pub mod value;
pub mod verify;

pub use diagnostic::{Count, Diagnostic, Severity};
pub use file::{FILE_LIMIT, InstanceError, Reader, Reading, SourceFile, SourceKind, canonical, nearest, read};
pub use graph::Graph;
pub use map::{Map, Set};
pub use name::{NameError, UnitKind, UnitName};
pub use names::Names;
pub use set::{Difference, Entry, UnitSet};
pub use systemd::Specifiers;
pub use unit::{Body, Service, Unit};
