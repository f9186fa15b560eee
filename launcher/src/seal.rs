//! Running from a sealed copy of ourselves.
//!
//! A process that enters a guest could be made to open its own executable for writing there, through `/proc/PID/exe` (CVE-2019-5736). From a
//! sealed memfd there is nothing to write to; and not being dumpable, it cannot be looked into before it has become the guest's program.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use kernel::{memfd, process};

use crate::error::{Class, Error, OrFail as _};

/// Tells a copy that it is meant to be one, and of which program: what lies beside that is found by it. It is believed only in so far as nobody
/// tries twice: the seals themselves are asked for.
const MARK: &str = "FIEF_SEALED";

const STEP: &str = "running from a sealed copy";

/// Makes this process one that may enter a guest: executes the same command line again from a sealed copy, unless it is one already; closes to
/// its descendants what the caller left open. To be called before anything is done that must not be done twice.
///
/// # Errors
/// When no copy can be made or executed: no `/proc`, or `vm.memfd_noexec` forbids it.
pub fn seal() -> Result<(), Error> {
    process::ensure_standard_descriptors();
    process::close_on_exec_from_3().or_fail(Class::Unfit, STEP, || "close_range(2)".into())?;
    if memfd::runs_sealed() {
        return process::not_dumpable().or_fail(Class::Unfit, STEP, || "prctl(2)".into());
    }
    let fail = |cause: &str, source: std::io::Error| Error::new(Class::Unfit, STEP, cause.to_owned()).source(source);
    if std::env::var_os(MARK).is_some() {
        return Err(Error::new(Class::Unfit, STEP, format!("the copy is not sealed, or {MARK} is set in the environment")));
    }
    let mut program = process::own_executable().map_err(|e| fail("cannot open /proc/self/exe", e))?;
    let copy = memfd::sealed_copy(c"fief", &mut program).map_err(|e| fail("cannot copy the program", e))?;
    drop(program);
    let mut words = std::env::args_os();
    let zeroth = words.next().unwrap_or_else(|| "fief".into());
    // A program that has been removed has no path; then there is nothing beside it either.
    let original = std::env::current_exe().unwrap_or_default();
    let refused = Command::new(memfd::exec_path(&copy)).arg0(zeroth).args(words).env(MARK, original).exec();
    Err(fail("cannot execute the copy", refused).advice("sysctl vm.memfd_noexec must be 0 or 1"))
}

/// Where this program lies: the original, when this is a sealed copy of it.
///
/// # Errors
/// When `/proc` does not tell.
pub fn own_path() -> std::io::Result<PathBuf> {
    match std::env::var_os(MARK).map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(original) if memfd::runs_sealed() => Ok(original),
        _ => std::env::current_exe(),
    }
}

/// Refuses to go on where [`seal`] was not called first.
///
/// # Errors
/// Then.
pub(crate) fn check() -> Result<(), Error> {
    if memfd::runs_sealed() { Ok(()) } else { Err(Error::new(Class::Internal, STEP, "this verb did not ask for it")) }
}
