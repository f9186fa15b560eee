//! What is to be done, and what is to be told.

use crate::{Cause, Connection, Exit, Life, Moment, Run, Ticket};
use alloc::borrow::Cow;
use alloc::string::String;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use units::UnitName;
use units::control::{EnvironmentRequest, Reply, Way};
use units::value::Signal;

/// An order to the reactor. Orders of one step are carried out in their sequence.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Judge the unit's conditions ([`units::unit::Conditions::judge`]) and say
    /// [`crate::Event::Checked`]. Only sent where there are conditions.
    Check(Life, UnitName),
    /// Make the unit's cgroup with its limits, and its directories; say
    /// [`crate::Event::Prepared`] or [`crate::Event::PrepareFailed`].
    Prepare(Life, UnitName),
    /// Run this command of the unit: say [`crate::Event::Spawned`] then
    /// [`crate::Event::Executed`] then [`crate::Event::Exited`], or
    /// [`crate::Event::SpawnFailed`] / [`crate::Event::SpawnDelayed`] and nothing more.
    Spawn {
        /// Which run.
        run: Run,
        /// Of which unit; `supervisor.units().unit(&unit)` has the command.
        unit: UnitName,
        /// The main process, for `$MAINPID`.
        main_pid: Option<u32>,
        /// For the commands that end a life: how it went.
        ended: Option<Ended>,
        /// What the life was begun for, where that was another unit's doing.
        because: Option<Because>,
    },
    /// Find the main process of a forking service (pid file, else the only process of the cgroup),
    /// watch it as [`crate::Phase::Start`] index 0 of this life, say [`crate::Event::MainFound`]: where there is
    /// to be a pid file, once it is there, or nobody is left who could write it.
    FindMain(Life, UnitName),
    /// Send a signal. A process that is gone is no error.
    Signal(Life, Whom, Signal),
    /// `SIGKILL` to every process of the cgroup, by `cgroup.kill` where there is one.
    Kill(Life),
    /// Say [`crate::Event::Emptied`] as soon as the cgroup of this life has no process: at once if
    /// it has none already, or was never made.
    Drain(Life),
    /// The life is over: forget its processes, close what it listened on or watched, remove its cgroup
    /// (if empty), and its run-time directories and stored descriptors unless those are kept.
    Release(Life, UnitName, Afterwards),
    /// Make the sockets and FIFOs of a socket unit and listen on them; say [`crate::Event::Listening`] or
    /// [`crate::Event::ListenFailed`]. Nothing is attended to yet.
    Listen(Life, UnitName),
    /// Say [`crate::Event::Incoming`] (or, with `accept`, [`crate::Event::Connected`] as often as somebody
    /// connects) when somebody wants something, until told otherwise or, without `accept`, said once.
    Attend(Life, bool),
    /// Throw away what waits on the sockets; systemd.socket(5), `FlushPending=`.
    Flush(Life),
    /// Close the sockets, and remove what of them is in the file system where the unit wants that.
    Unlisten(Life, UnitName),
    /// The connection goes to the process of this unit, which is started next.
    Give(Connection, UnitName),
    /// The connection is closed.
    Drop(Connection),
    /// Say [`crate::Event::CalendarElapsed`] at the next point of the timer's calendars after its last
    /// one (with `persistent`: also of those missed), or when the clock or zone is set where it minds.
    WatchCalendar(Life, UnitName),
    /// The timer has elapsed now: remember that, on disk where it is `persistent`.
    Stamp(UnitName),
    /// Say [`crate::Event::PathTriggered`] when what a path unit waits for comes about, or is so already.
    WatchPaths(Life, UnitName),
    /// Watch neither calendar nor paths for this life any more.
    Unwatch(Life),
    /// Apply resource limits that were changed while the unit is up.
    Limit(Life, UnitName),
    /// Freeze or thaw all processes; cgroup.freeze.
    Freeze(Life, bool),
    /// Answer a request. Rows have no `account` yet: fill it in.
    Answer(Ticket, Reply),
    /// Read the unit files again, hand them to [`crate::Supervisor::reread`], and answer.
    Reread(Ticket),
    /// A unit that stood in no file is over: what showed its text goes too.
    Forget(UnitName),
    /// Become the program that is on disk now; answer if that cannot be had.
    Reexec(Ticket),
    /// Change the variables that every process is given from now on; answer with what they are.
    Environment(Ticket, EnvironmentRequest),
    /// Tell the log, the console, the keeper.
    Tell(Notice),
    /// Every unit is down or given up: kill what is left, unmount, reboot(2). Last of all.
    Leave(Way),
}

/// How a life went, as its last commands are told; systemd.exec(5), `$SERVICE_RESULT` and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// `success`, `exit-code`, `signal`, `timeout`, `watchdog`, `oom-kill`, `exec-condition`, `protocol`,
    /// `resources` and so on: systemd.exec(5).
    pub result: &'static str,
    /// How the main process ended; none while it runs, or when there was none.
    pub exit: Option<Exit>,
}

/// What a life was begun for, as its processes are told; systemd.exec(5), `$MONITOR_UNIT`, `$TRIGGER_UNIT` and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Because {
    /// `on-failure`, `on-success`: this unit has ended, with that word for it, and its main process so.
    Ended(UnitName, Cow<'static, str>, Option<Exit>),
    /// More than one has: none of them is told of.
    SeveralEnded,
    /// A timer elapsed.
    Elapsed(UnitName),
    /// What a path unit waits for came about at this path.
    Came(UnitName, String),
}

/// What comes after a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// Another life, soon: what is preserved over a restart stays.
    Restart,
    /// Nothing, until somebody asks.
    Rest,
}

/// Whom a signal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The main process.
    Main,
    /// The processes of commands that run beside it.
    Control,
    /// Every process of the unit's cgroup.
    All,
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A unit is being started.
    Starting(UnitName),
    /// A unit is up, after this time.
    Started(UnitName, Duration),
    /// A condition did not hold.
    Skipped(UnitName, String),
    /// A unit could not be started, or fell and will not be restarted.
    Failed(UnitName, Cause),
    /// A unit has ended by itself, and is started again at this moment.
    Fell {
        /// Which.
        unit: UnitName,
        /// Why.
        cause: Cause,
        /// When it is tried again.
        again_at: Moment,
    },
    /// A oneshot or a service has ended by itself and in order.
    Finished(UnitName),
    /// A command whose failing does not matter has failed.
    Ignored(UnitName, Run, Exit),
    /// A unit is being stopped.
    Stopping(UnitName),
    /// A unit is down.
    Stopped(UnitName),
    /// A unit took too long to stop and is to leave a core behind.
    Aborting(UnitName),
    /// A unit took too long to stop and gets its final signal.
    Killing(UnitName),
    /// Processes of a unit do not die even by `SIGKILL`; they are left behind.
    LeftBehind(UnitName),
    /// The kernel killed a process of the unit for want of memory.
    OutOfMemory(UnitName),
    /// The message bus is not asked when the unit has its name: it counts as up when its program runs.
    BusNotAsked(UnitName),
    /// A start or a stop of a unit was waited for as long as may be; it goes on with what it does.
    WaitedTooLong(UnitName),
    /// The system is to end because of how this unit ended.
    Wanted(UnitName, Way),
    /// The unit says of itself.
    Status(UnitName, String),
    /// Everything asked for at boot has settled. Once.
    BootFinished {
        /// Units that are up.
        up: u32,
        /// Units that failed.
        failed: u32,
        /// Units whose conditions did not hold.
        skipped: u32,
        /// How long it took.
        took: Duration,
    },
    /// The system is ending; units are being stopped in order until this moment at the latest.
    Leaving(Way, Moment),
    /// No more waiting: everything is killed now.
    Hurrying(Way),
}
