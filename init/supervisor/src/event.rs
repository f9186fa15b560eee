//! What has happened.

use crate::{Connection, Exit, Life, Moment, Run, Ticket};
use alloc::string::String;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use units::control::{Request, Way};
use units::unit::Verdict;

/// What has happened, in the past tense.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    /// PID 1 is ready: start the default target. Once, first.
    Booted,
    /// The conditions asked for by [`crate::Action::Check`] have been judged.
    Checked(Life, Verdict),
    /// [`crate::Action::Prepare`] succeeded.
    Prepared(Life),
    /// [`crate::Action::Prepare`] failed: "making its cgroup failed: No space left on device".
    PrepareFailed(Life, String),
    /// [`crate::Action::Spawn`] made a process, which is not yet the program.
    Spawned(Run, u32),
    /// The process became the program.
    Executed(Run),
    /// There was no process, or it could not become the program: "entering cgroup failed: No such
    /// file or directory". Nothing more comes of this run.
    SpawnFailed(Run, String),
    /// There was no process because none could be had just now (`EAGAIN`, `ENOMEM`): worth another
    /// try, and not the unit's fault. Nothing more comes of this run.
    SpawnDelayed(Run, String),
    /// The process of this run ended. For a forking service it comes twice: when the first process
    /// ends, and when the daemon given by [`Event::MainFound`] does.
    Exited(Run, Exit),
    /// `READY=1` came from a process that may say so.
    Readied(Life),
    /// `STATUS=…` came.
    Stated(Life, String),
    /// `RELOADING=1` came, with the moment of `MONOTONIC_USEC=` where that was said.
    Reloading(Life, Option<Moment>),
    /// `STOPPING=1` came.
    StoppingSaid(Life),
    /// `EXTEND_TIMEOUT_USEC=` came.
    Extended(Life, Duration),
    /// The main process is now this one: `MAINPID=` came, or an answer to
    /// [`crate::Action::FindMain`]. None: no such process.
    MainFound(Life, Option<u32>),
    /// No process is left in the cgroup; the answer to [`crate::Action::Drain`].
    Emptied(Life),
    /// The kernel killed a process of the unit for want of memory.
    OomKilled(Life),
    /// `WATCHDOG=1` came.
    WatchdogPinged(Life),
    /// `WATCHDOG=trigger` came: as if the time were over.
    WatchdogTriggered(Life),
    /// `WATCHDOG_USEC=` came: from now on it says so this often.
    WatchdogChanged(Life, Duration),
    /// `ERRNO=` or `EXIT_STATUS=` came: the error it says it has, for [`units::control`]'s status.
    ErrnoTold(Life, u32),
    /// [`crate::Action::Listen`] succeeded.
    Listening(Life),
    /// [`crate::Action::Listen`] failed: "listening on /run/x.sock failed: Address already in use".
    ListenFailed(Life, String),
    /// Somebody wants something on a socket that is attended to ([`crate::Action::Attend`]). It is
    /// attended to no more until that is ordered again.
    Incoming(Life),
    /// Somebody has connected to a socket with `accept`: one process of the template is wanted for it,
    /// under this instance name (`3-10.0.0.1:22-10.0.0.7:51034`). The reactor keeps the connection until
    /// it is given away or dropped.
    Connected(Life, Connection, String),
    /// A point of the calendar, or the setting of the clock or zone, has come for a timer watched by
    /// [`crate::Action::WatchCalendar`]. It is watched no more until that is ordered again.
    CalendarElapsed(Life),
    /// What a path unit waits for has come about ([`crate::Action::WatchPaths`]): this path. They are
    /// watched no more until that is ordered again.
    PathTriggered(Life, String),
    /// [`crate::Action::WatchPaths`] failed: "watching /etc/x failed: No space left on device".
    WatchFailed(Life, String),
    /// Somebody asked; answer this ticket exactly once.
    Asked(Ticket, Request),
    /// Who asked is gone: no answer is wanted.
    HungUp(Ticket),
    /// A signal from outside asked for the end; `at_once` without stopping units in order. A
    /// second one hurries.
    LeaveAsked {
        /// How.
        way: Way,
        /// Without stopping units in order.
        at_once: bool,
    },
    /// The moment of [`crate::Supervisor::deadline`] has come. Harmless at any time.
    Ticked,
}

impl Event {
    /// The run that it tells of.
    #[must_use]
    pub fn run(&self) -> Option<Run> {
        match self {
            Self::Spawned(run, _) | Self::Executed(run) | Self::SpawnFailed(run, _) | Self::SpawnDelayed(run, _) | Self::Exited(run, _) => {
                Some(*run)
            }
            Self::Booted
            | Self::Checked(..)
            | Self::Prepared(..)
            | Self::PrepareFailed(..)
            | Self::Readied(..)
            | Self::Stated(..)
            | Self::Reloading(..)
            | Self::StoppingSaid(..)
            | Self::Extended(..)
            | Self::MainFound(..)
            | Self::Emptied(..)
            | Self::OomKilled(..)
            | Self::WatchdogPinged(..)
            | Self::WatchdogTriggered(..)
            | Self::WatchdogChanged(..)
            | Self::ErrnoTold(..)
            | Self::Listening(..)
            | Self::ListenFailed(..)
            | Self::Incoming(..)
            | Self::Connected(..)
            | Self::CalendarElapsed(..)
            | Self::PathTriggered(..)
            | Self::WatchFailed(..)
            | Self::Asked(..)
            | Self::HungUp(..)
            | Self::LeaveAsked { .. }
            | Self::Ticked => None,
        }
    }
}
