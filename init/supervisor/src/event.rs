//! What has happened.

use crate::{Exit, Life, Run, Ticket};
use alloc::string::String;
use units::control::{Request, Way};
use units::unit::Verdict;

/// What has happened, in the past tense.
#[derive(Clone, Debug)]
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
    /// `RELOADING=1` came.
    Reloading(Life),
    /// `STOPPING=1` came.
    StoppingSaid(Life),
    /// `EXTEND_TIMEOUT_USEC=` came.
    Extended(Life, core::time::Duration),
    /// The main process is now this one: `MAINPID=` came, or an answer to
    /// [`crate::Action::FindMain`]. None: no such process.
    MainFound(Life, Option<u32>),
    /// No process is left in the cgroup; the answer to [`crate::Action::Drain`].
    Emptied(Life),
    /// The kernel killed a process of the unit for want of memory.
    OomKilled(Life),
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
