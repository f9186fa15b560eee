//! The brain of PID 1: facts in, orders out.
//!
//! ```text
//!              ┌────────────── step(now, Event) ──────────────┐
//!   reactor ───┤                                              ├──▶ Vec<Action> ──▶ reactor
//!              └─ deadline(): when Event::Ticked is wanted ───┘
//! ```
//!
//! No clock, no file, no process, no log: `no_std`, and two dependencies, of which the second (serde) only
//! lets the state be written down and read again by another life of the program. Every rule about starting,
//! stopping, restarting and ordering is here and is tested without a process.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]

extern crate alloc;

mod action;
mod cause;
mod event;
mod life;
mod supervisor;

pub use action::{Action, Afterwards, Because, Ended, Notice, Whom};
pub use cause::{Cause, Exit};
pub use event::Event;
pub use life::{Connection, Life, Moment, Phase, Run, Ticket};
pub use supervisor::{Config, Saved, SavedSlot, Supervisor};
