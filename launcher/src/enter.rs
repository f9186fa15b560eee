//! Running programs in a running container.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::config::Host;
use crate::error::{Class, Error};
use crate::store::ContainerName;

/// How to run a program.
#[derive(Debug, Clone, Default)]
pub struct ExecOptions {
    /// As which user of the guest: `USER[:GROUP]`, names or numbers.
    pub user: Option<String>,
    /// In which folder of the guest.
    pub workdir: Option<PathBuf>,
    /// More variables.
    pub env: Vec<(String, String)>,
    /// The program and its arguments.
    pub command: Vec<OsString>,
}

fn later() -> Error {
    Error::new(Class::Internal, "entering", "not built yet")
}

/// Runs a program and gives its exit code (126, 127, 128+N as sh(1) has them).
///
/// # Errors
/// When the container does not run, or a step before the program fails.
pub fn exec(_: &Host, _: &ContainerName, _: &ExecOptions) -> Result<u8, Error> {
    Err(later())
}

/// A login shell of `user` on a pty of the guest; gives its exit code.
///
/// # Errors
/// When the container does not run, or a step before the shell fails.
pub fn enter(_: &Host, _: &ContainerName, _user: &str) -> Result<u8, Error> {
    Err(later())
}

/// Attaches to the console until it is detached or the container ends.
///
/// # Errors
/// When there is no keeper to attach to.
pub fn console(_: &Host, _: &ContainerName) -> Result<(), Error> {
    Err(later())
}
