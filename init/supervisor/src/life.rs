//! The words that tell one thing from another: moments, lives, runs, tickets.

use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// A moment, as the time since some beginning; `CLOCK_BOOTTIME` in the reactor, made up in tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment(pub Duration);

impl Moment {
    /// The moment `span` later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// The time since `earlier`; zero if that is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// One life of a unit; every start begins another. News of a former life is recognised as stale.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Life(NonZeroU32);

impl Life {
    pub(crate) const FIRST: Self = Self(NonZeroU32::MIN);

    pub(crate) fn next(self) -> Self {
        Self(self.0.checked_add(1).unwrap_or(NonZeroU32::MIN))
    }

    /// Its number, for messages.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A connection accepted for a socket, until it is given to a service or dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Connection(pub u64);

/// Which commands of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// `exec-condition`
    Condition,
    /// `exec-start-pre`
    StartPre,
    /// `command`, the main process; also the daemon a forking service leaves behind, and the mounting of a
    /// mount.
    Start,
    /// `exec-start-post`
    StartPost,
    /// `exec-reload`
    Reload,
    /// `exec-stop`; also the unmounting of a mount.
    Stop,
    /// `exec-stop-post`
    StopPost,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Condition => "condition",
            Self::StartPre => "start-pre",
            Self::Start => "start",
            Self::StartPost => "start-post",
            Self::Reload => "reload",
            Self::Stop => "stop",
            Self::StopPost => "stop-post",
        })
    }
}

/// One command being run: which life, which list of commands, which of them. Never used twice,
/// except that `reload` commands of one life repeat one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Run {
    /// Whose.
    pub life: Life,
    /// Which list.
    pub phase: Phase,
    /// Which of the list, from 0.
    pub index: usize,
}

/// A request that waits for its answer; the reactor's number for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket(pub u64);
