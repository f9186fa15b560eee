//! Starting, keeping and stopping containers.

use std::ffi::OsString;
use std::time::Duration;

use crate::config::Host;
use crate::error::{Class, Error};
use crate::store::ContainerName;

/// How far `start` waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until init runs.
    Born,
    /// Until init says it is ready.
    Ready,
    /// Until the boot target is reached.
    Boot,
}

/// How to start.
#[derive(Debug, Clone, Copy)]
pub struct StartOptions {
    /// How far to wait.
    pub wait: Wait,
    /// Keep the container in this process.
    pub foreground: bool,
    /// How long to wait at most.
    pub timeout: Duration,
}

/// How to stop.
#[derive(Debug, Clone, Copy)]
pub struct StopOptions {
    /// How long the guest has.
    pub timeout: Duration,
    /// End services at once rather than in order.
    pub fast: bool,
}

fn later() -> Error {
    Error::new(Class::Internal, "starting", "not built yet")
}

/// Starts a container.
///
/// # Errors
/// When a step fails.
pub fn start(_: &Host, _: &ContainerName, _: StartOptions) -> Result<(), Error> {
    Err(later())
}

/// The plan of a start, as text.
///
/// # Errors
/// When no plan can be made.
pub fn dry_run(_: &Host, _: &ContainerName, _: StartOptions) -> Result<String, Error> {
    Err(later())
}

/// Stops a container; when it does not in time it is killed.
///
/// # Errors
/// When it does not run.
pub fn stop(_: &Host, _: &ContainerName, _: StopOptions) -> Result<(), Error> {
    Err(later())
}

/// Ends every process of a container.
///
/// # Errors
/// When it does not run.
pub fn kill(_: &Host, _: &ContainerName) -> Result<(), Error> {
    Err(later())
}

/// Freezes a container.
///
/// # Errors
/// When it does not run.
pub fn freeze(_: &Host, _: &ContainerName) -> Result<(), Error> {
    Err(later())
}

/// Thaws a container.
///
/// # Errors
/// When it does not run.
pub fn thaw(_: &Host, _: &ContainerName) -> Result<(), Error> {
    Err(later())
}

/// Gives a container whose keeper died a new one, or sweeps what it left.
///
/// # Errors
/// When it cannot be adopted.
pub fn adopt(_: &Host, _: &ContainerName) -> Result<(), Error> {
    Err(later())
}

/// The keeper: what `fief keeper NAME …` does.
///
/// # Errors
/// When the container cannot be kept.
pub fn keep(_: &Host, _: &ContainerName, _: &[OsString]) -> Result<(), Error> {
    Err(later())
}
