//! What a call is answered with.

use units::control::Refusal;

use super::message::Body;
use super::wire::Garbled;
use crate::fiefctl::session::Failed;
use crate::say;

/// Why not: for programs, and for people. systemd's own names are those of its bus-error table.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) text: String,
}

pub(super) mod names {
    pub(crate) const FAILED: &str = "org.freedesktop.DBus.Error.Failed";
    pub(crate) const ACCESS_DENIED: &str = "org.freedesktop.DBus.Error.AccessDenied";
    pub(crate) const FILE_NOT_FOUND: &str = "org.freedesktop.DBus.Error.FileNotFound";
    pub(crate) const INVALID_ARGS: &str = "org.freedesktop.DBus.Error.InvalidArgs";
    pub(crate) const LIMITS_EXCEEDED: &str = "org.freedesktop.DBus.Error.LimitsExceeded";
    pub(crate) const READ_ONLY: &str = "org.freedesktop.DBus.Error.PropertyReadOnly";
    pub(crate) const UNKNOWN_METHOD: &str = "org.freedesktop.DBus.Error.UnknownMethod";
    pub(crate) const UNKNOWN_OBJECT: &str = "org.freedesktop.DBus.Error.UnknownObject";
    pub(crate) const UNKNOWN_PROPERTY: &str = "org.freedesktop.DBus.Error.UnknownProperty";
    pub(crate) const BAD_SETTING: &str = "org.freedesktop.systemd1.BadUnitSetting";
    pub(crate) const DESTRUCTIVE: &str = "org.freedesktop.systemd1.TransactionIsDestructive";
    pub(crate) const NOT_APPLICABLE: &str = "org.freedesktop.systemd1.JobTypeNotApplicable";
    pub(crate) const NO_ISOLATION: &str = "org.freedesktop.systemd1.NoIsolation";
    pub(crate) const NO_SUCH_JOB: &str = "org.freedesktop.systemd1.NoSuchJob";
    pub(crate) const NO_SUCH_PROCESS: &str = "org.freedesktop.systemd1.NoSuchProcess";
    pub(crate) const NO_SUCH_UNIT: &str = "org.freedesktop.systemd1.NoSuchUnit";
    pub(crate) const NO_UNIT_FOR_PID: &str = "org.freedesktop.systemd1.NoUnitForPID";
    pub(crate) const ONLY_BY_DEPENDENCY: &str = "org.freedesktop.systemd1.OnlyByDependency";
    pub(crate) const UNIT_EXISTS: &str = "org.freedesktop.systemd1.UnitExists";
    pub(crate) const UNIT_INACTIVE: &str = "org.freedesktop.systemd1.UnitInactive";
    pub(crate) const UNIT_MASKED: &str = "org.freedesktop.systemd1.UnitMasked";
}

/// When a call is answered.
#[derive(Debug)]
pub(super) enum Answer {
    Now(Body),
    /// When PID 1 has done it.
    Later,
}

/// What a method makes of a call.
pub(super) type Answered = Result<Answer, Fault>;

impl Fault {
    pub(super) fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, text: text.into() }
    }
}

impl From<Garbled> for Fault {
    fn from(Garbled: Garbled) -> Self {
        Self::new(names::INVALID_ARGS, "Invalid arguments")
    }
}

impl From<Failed> for Fault {
    fn from(why: Failed) -> Self {
        match why {
            Failed::Refused(_, Refusal::NotAllowed) => Self::new(names::ACCESS_DENIED, "Access denied"),
            Failed::Name(name, _) => Self::new(names::INVALID_ARGS, format!("Unit name {name} is not valid.")),
            Failed::Told(text) => Self::new(names::FAILED, text),
            other => Self::new(names::FAILED, say::chain(&other)),
        }
    }
}

impl Answer {
    /// That it is done.
    pub(super) fn done() -> Answered {
        Ok(Self::Now(Body::default()))
    }

    /// One text.
    pub(super) fn text(text: &str) -> Answered {
        Ok(Self::Now(Body::new("s", |values| values.string(text))))
    }

    /// One object.
    pub(super) fn path(path: &str) -> Answered {
        Ok(Self::Now(Body::new("o", |values| values.string(path))))
    }
}
