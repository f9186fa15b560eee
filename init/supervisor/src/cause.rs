//! Why a unit is not up.

use crate::Phase;
use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};
use units::UnitName;
use units::control::NO_SUCH_UNIT;
use units::value::Signal;

/// How a process ended; waitid(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself, with this code.
    Code(u8),
    /// By this signal.
    Signal(Signal),
}

/// Why a unit is not up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// A process of it ended so.
    Exited(Phase, Exit),
    /// This took too long.
    TimedOut(Phase),
    /// A process could not be made, or could not become the program.
    CouldNotExecute(Phase, String),
    /// Its cgroup or directories could not be made.
    CouldNotPrepare(String),
    /// An assertion did not hold.
    AssertionFailed(String),
    /// What it requires failed.
    Requirement(UnitName),
    /// It was started too often in too short a time.
    TooManyStarts,
    /// It started what it is there to start too often in too short a time.
    TooManyHits,
    /// The service of this socket was started too often in too short a time.
    ServiceGaveUp(UnitName),
    /// The service of this socket runs, without it.
    AlreadyServed(UnitName),
    /// It did not say in time that it is well.
    Watchdog,
    /// It was up longer than it may.
    RanTooLong,
    /// The kernel killed it for want of memory.
    OutOfMemory,
    /// It did not keep to its type: ended without `READY=1`, left no daemon behind.
    Protocol(Cow<'static, str>),
    /// Its files are wrong.
    BadSetting(String),
    /// It is not to be started.
    Masked,
    /// There is no such unit.
    NotFound,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "killed by {signal}"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(Phase::Start, exit) => exit.fmt(f),
            Self::Exited(phase, exit) => write!(f, "{phase}: {exit}"),
            Self::TimedOut(phase) => write!(f, "{phase} took too long"),
            Self::CouldNotExecute(Phase::Start, why) => f.write_str(why),
            Self::CouldNotExecute(phase, why) => write!(f, "{phase}: {why}"),
            Self::CouldNotPrepare(why) => f.write_str(why),
            Self::AssertionFailed(what) => write!(f, "assertion does not hold: {what}"),
            Self::Requirement(unit) => write!(f, "{unit}, which it requires, is not up"),
            Self::TooManyStarts => f.write_str("started too often in too short a time"),
            Self::TooManyHits => f.write_str("triggered too often in too short a time"),
            Self::ServiceGaveUp(unit) => write!(f, "{unit} was started too often in too short a time"),
            Self::AlreadyServed(unit) => write!(f, "{unit}, whose socket it is, runs already"),
            Self::Watchdog => f.write_str("did not say in time that it is well"),
            Self::RanTooLong => f.write_str("was up longer than it may be"),
            Self::OutOfMemory => f.write_str("killed for want of memory"),
            Self::Protocol(what) => f.write_str(what),
            Self::BadSetting(what) => write!(f, "bad unit file: {what}"),
            Self::Masked => f.write_str("masked"),
            Self::NotFound => f.write_str(NO_SUCH_UNIT),
        }
    }
}
