//! The life of one unit.
//!
//! ```text
//!           ┌────────────── skipped ──────────────┐
//!   Down ─▶ Checking ─▶ Preparing ─▶ Starting ─▶ Up ─▶ Stopping ─▶ Down
//!    ▲                                  │         │       ▲    ├──▶ Failed
//!    │                                  └─ Done ──┴───────┘    └──▶ Resting ─ tick ─▶ Checking
//! ```
//!
//! Invariant: a unit has at most one life at a time (property `one_life`).

use crate::{Cause, Exit, Life, Moment, Phase, Run, Ticket};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// One unit: what it is doing, and what is wanted of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Slot {
    pub(super) state: State,
    pub(super) since: Moment,
    pub(super) job: Option<Job>,
    pub(super) history: History,
}

/// What is remembered from life to life.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct History {
    /// The starts within the interval of the start limit.
    pub(super) starts: VecDeque<Moment>,
    /// Failures in a row.
    pub(super) failures: u32,
    /// Starts in a row for which no process could be had.
    pub(super) delays: u32,
    /// Restarts by itself since it was last started by request.
    pub(super) restarts: u32,
    /// When the last start was asked for.
    pub(super) asked: Option<Moment>,
    /// When the present start began.
    pub(super) began: Moment,
    /// When it was last up, and down again.
    pub(super) up_at: Option<Moment>,
    pub(super) down_at: Option<Moment>,
    /// `STATUS=`
    pub(super) status: Option<String>,
    /// How the last life ended.
    pub(super) result: Option<String>,
}

/// What a unit is doing. A state owns exactly the data that exists in it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum State {
    Down(Down),
    Failed(Cause),
    /// It ended and is started again then.
    Resting {
        retry_at: Moment,
    },
    Checking {
        life: Life,
    },
    Preparing {
        life: Life,
        until: Option<Moment>,
    },
    Starting {
        alive: Alive,
        stage: Starting,
        until: Option<Moment>,
    },
    Up {
        alive: Alive,
    },
    /// Up, though its processes have ended: that is what it is like.
    Done {
        alive: Alive,
    },
    Reloading {
        alive: Alive,
        index: usize,
        until: Option<Moment>,
        tickets: Vec<Ticket>,
    },
    Stopping {
        alive: Alive,
        stage: Stopping,
        until: Option<Moment>,
        ending: Ending,
        emptied: bool,
    },
    /// A target, reached.
    Reached,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Down {
    Idle,
    Finished,
    Skipped(String),
}

/// A life with processes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Alive {
    pub(super) life: Life,
    /// Runs ordered and not yet ended.
    pub(super) running: Vec<Run>,
    pub(super) main_pid: Option<u32>,
    /// How the main process ended, once it has.
    pub(super) main_exit: Option<Exit>,
    pub(super) out_of_memory: bool,
    /// Its processes stand still.
    pub(super) frozen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Starting {
    Pre(usize),
    Main(usize),
    /// The daemon of a forking service is looked for.
    Finding {
        again_at: Option<Moment>,
    },
    Post(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stopping {
    Commands(usize),
    Terminate,
    Kill,
    Post(usize),
}

/// Why a life ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Ending {
    Asked,
    Finished,
    Fell(Cause),
    /// No process could be had; it is tried again and does not count.
    Delayed(String),
}

/// What is wanted of a unit.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) kind: JobKind,
    pub(super) why: Why,
    /// Whether it is under way; if not, it waits for its turn in the order.
    pub(super) begun: bool,
    /// Who waits for it.
    pub(super) tickets: Vec<Ticket>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum JobKind {
    Start,
    Stop,
    /// Stop first, then it becomes a start.
    Restart,
}

/// Where a job comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Why {
    /// The boot, which has ended when all of these are done.
    Boot,
    /// A request, or what follows from one.
    Asked,
    /// It fell, or what it requires did, and is tried again.
    Again,
}

impl JobKind {
    /// Whether the unit is to go down first.
    pub(super) fn stops(self) -> bool {
        match self {
            Self::Stop | Self::Restart => true,
            Self::Start => false,
        }
    }
}

impl Slot {
    pub(super) fn new() -> Self {
        Self { state: State::Down(Down::Idle), since: Moment::default(), job: None, history: History::default() }
    }

    /// Whether it counts as up.
    pub(super) fn is_up(&self) -> bool {
        match &self.state {
            State::Up { .. } | State::Done { .. } | State::Reloading { .. } | State::Reached => true,
            State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Starting { .. }
            | State::Stopping { .. } => false,
        }
    }

    /// Whether nothing of it is there.
    pub(super) fn is_down(&self) -> bool {
        match &self.state {
            State::Down(_) | State::Failed(_) => true,
            State::Resting { .. }
            | State::Checking { .. }
            | State::Preparing { .. }
            | State::Starting { .. }
            | State::Up { .. }
            | State::Done { .. }
            | State::Reloading { .. }
            | State::Stopping { .. }
            | State::Reached => false,
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        matches!(self.state, State::Stopping { .. })
    }

    pub(super) fn life(&self) -> Option<Life> {
        match &self.state {
            State::Checking { life } | State::Preparing { life, .. } => Some(*life),
            State::Starting { alive, .. }
            | State::Up { alive }
            | State::Done { alive }
            | State::Reloading { alive, .. }
            | State::Stopping { alive, .. } => Some(alive.life),
            State::Down(_) | State::Failed(_) | State::Resting { .. } | State::Reached => None,
        }
    }

    pub(super) fn alive(&self) -> Option<&Alive> {
        match &self.state {
            State::Starting { alive, .. }
            | State::Up { alive }
            | State::Done { alive }
            | State::Reloading { alive, .. }
            | State::Stopping { alive, .. } => Some(alive),
            State::Checking { .. }
            | State::Preparing { .. }
            | State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Reached => None,
        }
    }

    pub(super) fn alive_mut(&mut self) -> Option<&mut Alive> {
        match &mut self.state {
            State::Starting { alive, .. }
            | State::Up { alive }
            | State::Done { alive }
            | State::Reloading { alive, .. }
            | State::Stopping { alive, .. } => Some(alive),
            State::Checking { .. }
            | State::Preparing { .. }
            | State::Down(_)
            | State::Failed(_)
            | State::Resting { .. }
            | State::Reached => None,
        }
    }

    /// When something is to be done though nothing happens.
    pub(super) fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Resting { retry_at } => Some(*retry_at),
            State::Preparing { until, .. } | State::Reloading { until, .. } | State::Stopping { until, .. } => *until,
            State::Starting { until, stage: Starting::Finding { again_at: Some(again) }, .. } => {
                Some(until.map_or(*again, |until| until.min(*again)))
            }
            State::Starting { until, stage: Starting::Finding { again_at: None }, .. }
            | State::Starting { until, stage: Starting::Pre(_) | Starting::Main(_) | Starting::Post(_), .. } => *until,
            State::Down(_) | State::Failed(_) | State::Checking { .. } | State::Up { .. } | State::Done { .. } | State::Reached => None,
        }
    }

    pub(super) fn has_job(&self, wanted: impl Fn(JobKind) -> bool) -> bool {
        self.job.as_ref().is_some_and(|job| wanted(job.kind))
    }

    /// Whether what comes after it waits for its job. Who falls again and again holds nobody up: of two
    /// such units one or the other would always be starting.
    pub(super) fn holds_up(&self) -> bool {
        self.job.as_ref().is_some_and(|job| match job.why {
            Why::Boot | Why::Asked => true,
            Why::Again => self.history.failures <= 1,
        })
    }

    /// How long it has been so.
    pub(super) fn age(&self, now: Moment) -> Duration {
        now.since(self.since)
    }
}

impl Alive {
    pub(super) fn new(life: Life) -> Self {
        Self { life, running: Vec::new(), main_pid: None, main_exit: None, out_of_memory: false, frozen: false }
    }

    pub(super) fn has_main(&self) -> bool {
        self.running.iter().any(|run| run.phase == Phase::Start)
    }

    /// Takes a run off the list of those that have not ended; false if it was not on it.
    pub(super) fn ended(&mut self, run: Run) -> bool {
        let before = self.running.len();
        self.running.retain(|other| *other != run);
        if run.phase == Phase::Start {
            self.main_pid = None;
        }
        self.running.len() < before
    }
}
