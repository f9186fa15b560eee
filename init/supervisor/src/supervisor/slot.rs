//! The life of one unit.
//!
//! ```text
//!           ┌────────────── skipped ──────────────┐
//!   Down ─▶ Checking ─▶ Preparing ─▶ Starting ─▶ Up ─▶ Stopping ─▶ Down
//!    ▲                                  │         │       ▲    ├──▶ Failed
//!    │                                  ├─ Done ──┼───────┤    └──▶ Resting ─ tick ─▶ Checking
//!    │                                  └ Watching┴───────┘
//! ```
//!
//! A socket, timer or path watches while it is up; a mount or slice is done; all else is as with services.
//!
//! Invariant: a unit has at most one life at a time (property `one_life`).

use super::slots::Mark;
use super::vigil::Vigil;
use crate::{Because, Cause, Exit, Life, Moment, Phase, Run, Ticket};
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
    /// What the index knows of it.
    #[serde(skip)]
    pub(super) mark: Mark,
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
    /// It counts as up, as far as others have been told.
    pub(super) is_up: bool,
    /// It has been up since PID 1 began.
    pub(super) was_up: bool,
    /// Somebody asked for just this unit.
    pub(super) by_hand: bool,
    /// Kept up by another, it is started again then.
    pub(super) again_at: Option<Moment>,
    /// It was told that the bus is not asked.
    pub(super) bus_told: bool,
    /// When it started what it is there to start: within the interval of the limit, and last.
    pub(super) hits: VecDeque<Moment>,
    pub(super) hit_at: Option<Moment>,
    /// Connections of a socket that are served.
    pub(super) connections: u32,
    /// The socket whose connection it serves; it is forgotten when that is over.
    pub(super) serves: Option<units::UnitName>,
    /// `STATUS=`
    pub(super) status: Option<String>,
    /// How the last life ended.
    pub(super) result: Option<String>,
    /// How its main process did.
    #[serde(default)]
    pub(super) exit: Option<Exit>,
    /// What the next or present life is begun for.
    #[serde(default)]
    pub(super) because: Option<Because>,
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
    /// A socket, timer or path that is up.
    Watching {
        alive: Alive,
        watch: Watching,
    },
    Reloading {
        alive: Alive,
        stage: Reloading,
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

/// What a socket, timer or path waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Watching {
    /// That it is wanted, or that this moment comes.
    Waiting { at: Option<Moment> },
    /// That what it has started is down again.
    Triggered,
    /// Nothing: a timer that has no further point.
    Elapsed,
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
    /// What is watched over while it is up.
    pub(super) vigil: Vigil,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Starting {
    Condition(usize),
    /// Until nothing else is wanted, or this is over.
    Idling,
    Pre(usize),
    /// A socket is being made.
    Listening,
    Main(usize),
    /// The daemon of a forking service is looked for.
    Finding,
    Post(usize),
}

/// How far a reload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reloading {
    Command(usize),
    /// It was sent its signal then, and has not said yet that it has heard.
    Signalled(Moment),
    /// It has said that it reloads, and not yet that it is through.
    Said,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stopping {
    Commands(usize),
    Terminate,
    /// It is to leave a core behind; systemd's `stop-watchdog`.
    Abort,
    Kill,
    Post(usize),
    /// What the commands before have left in the background is asked to end; systemd's `final-sigterm`.
    FinalTerminate,
    /// It has not, and is to leave a core behind; `final-watchdog`.
    FinalAbort,
    /// It is killed; `final-sigkill`.
    FinalKill,
}

/// Why a life ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Ending {
    Asked,
    Finished,
    /// One of its `exec-condition` said no.
    Skipped(String),
    Fell(Cause),
    /// No process could be had; it is tried again and does not count.
    Delayed(String),
}

/// What is wanted of a unit.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    /// What it is called by; no other has it.
    #[serde(default)]
    pub(super) number: u32,
    pub(super) kind: JobKind,
    pub(super) why: Why,
    /// Whether it is under way; if not, it waits for its turn in the order.
    pub(super) begun: bool,
    /// Who waits for it.
    pub(super) tickets: Vec<Ticket>,
    /// When it is given up, whatever has become of it.
    #[serde(default)]
    pub(super) until: Option<Moment>,
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
        Self { state: State::Down(Down::Idle), since: Moment::default(), job: None, history: History::default(), mark: Mark::default() }
    }

    /// Whether it counts as up.
    pub(super) fn is_up(&self) -> bool {
        match &self.state {
            State::Up { .. } | State::Done { .. } | State::Watching { .. } | State::Reloading { .. } | State::Reached => true,
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
            | State::Watching { .. }
            | State::Reloading { .. }
            | State::Stopping { .. }
            | State::Reached => false,
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        matches!(self.state, State::Stopping { .. })
    }

    pub(super) fn rests(&self) -> bool {
        matches!(self.state, State::Resting { .. })
    }

    pub(super) fn life(&self) -> Option<Life> {
        match &self.state {
            State::Checking { life } | State::Preparing { life, .. } => Some(*life),
            State::Starting { alive, .. }
            | State::Up { alive }
            | State::Done { alive }
            | State::Watching { alive, .. }
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
            | State::Watching { alive, .. }
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
            | State::Watching { alive, .. }
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
        let job = self.job.as_ref().and_then(|job| job.until);
        self.due_at().into_iter().chain(job).min()
    }

    /// The same of what it is doing, whatever is wanted of it.
    pub(super) fn due_at(&self) -> Option<Moment> {
        match &self.state {
            State::Resting { retry_at } => Some(*retry_at),
            State::Preparing { until, .. } | State::Stopping { until, .. } => *until,
            State::Starting { until, .. } => *until,
            State::Reloading { until, alive, .. } => until.iter().copied().chain(alive.watched_until()).min(),
            State::Up { alive } => alive.watched_until(),
            State::Watching { watch: Watching::Waiting { at }, .. } => *at,
            State::Down(_) | State::Failed(_) => self.history.again_at,
            State::Watching { watch: Watching::Triggered | Watching::Elapsed, .. }
            | State::Checking { .. }
            | State::Done { .. }
            | State::Reached => None,
        }
    }

    pub(super) fn has_job(&self, wanted: impl Fn(JobKind) -> bool) -> bool {
        self.job.as_ref().is_some_and(|job| wanted(job.kind))
    }

    /// Whether what comes after it waits for its job. Who falls again and again holds nobody up: of two
    /// such units one or the other would always be starting. Nor does who waits for all others.
    pub(super) fn holds_up(&self) -> bool {
        self.job.as_ref().is_some_and(|job| match job.why {
            Why::Boot | Why::Asked => !self.idles(),
            Why::Again => !self.idles() && self.history.failures <= 1,
        })
    }

    /// Whether it waits until nothing else is wanted, and is not to go down.
    pub(super) fn idles(&self) -> bool {
        matches!(self.state, State::Starting { stage: Starting::Idling, .. }) && !self.has_job(JobKind::stops)
    }

    /// How long it has been so.
    pub(super) fn age(&self, now: Moment) -> Duration {
        now.since(self.since)
    }
}

impl Alive {
    pub(super) fn new(life: Life) -> Self {
        Self { life, running: Vec::new(), main_pid: None, main_exit: None, out_of_memory: false, frozen: false, vigil: Vigil::default() }
    }

    /// When its watch is over; it does not run while the processes stand still.
    fn watched_until(&self) -> Option<Moment> {
        if self.frozen { None } else { self.vigil.deadline() }
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
