//! fief, the host side: creates, starts, limits, shows and destroys containers.
//!
//! ```text
//!   cli ──► commands ──┬─► store      what a container is: its config, ids, limits, record
//!                      ├─► template   what it lies over
//!                      ├─► start      plan, birth, keeper
//!                      ├─► enter      exec, enter, console
//!                      ├─► look       a guest's files, read without starting it
//!                      └─► network    links, addresses, nftables
//!   config: where things are on this host, and fief.toml
//!   seal:   running from a sealed copy of ourselves, and where the original lies
//!   error:  classes of failure; the only place that knows exit codes
//! ```
#![forbid(unsafe_code)]

pub mod cli;
pub mod commands;
pub mod config;
pub mod enter;
pub mod error;
pub mod logging;
pub mod look;
pub mod network;
pub mod seal;
pub mod start;
pub mod store;
pub mod template;
