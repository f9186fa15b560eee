//! The root tests: both programs as a user runs them. See the library of this package for what they stand on.
//!
//! The modules `debian`, `inside` and `limits` are run a second time in a virtual machine on pure cgroup v2.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]

mod cli;
mod debian;
mod failures;
mod foreign;
mod hostile;
mod inside;
mod isolation;
mod kills;
mod lifecycle;
mod limits;
mod network;
mod orphans;
mod recover;
mod safety;
mod templates;
mod terminals;
mod units;
mod verify;
mod victim;
