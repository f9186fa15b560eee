use crate::value::{Limit, Signal};
use std::time::Duration;

/// How a service is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Sent first.
    pub signal: Signal,
    /// How long it may take, until `final_signal`; clipped by the budget of a shutdown.
    pub timeout: Limit<Duration>,
    /// The same after [`super::Service::watchdog_signal`], while it writes its core; `timeout` when absent.
    pub abort_timeout: Option<Limit<Duration>>,
    /// Who gets the signals.
    pub mode: StopMode,
    /// Sent when the time is over.
    pub final_signal: Signal,
    /// `SIGHUP` right after the first signal, for shells.
    pub send_hangup: bool,
    /// Whether the final signal is sent at all.
    pub send_kill: bool,
    /// What it gets when it takes too long to start.
    pub start_failure: Strike,
    /// What it gets when its stop commands, or the first signal, take too long.
    pub stop_failure: Strike,
    /// Sent first when it is stopped only to be started again; `signal` when absent.
    pub restart_signal: Option<Signal>,
}

/// Who gets the signals; systemd.kill(5), `KillMode=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopMode {
    /// All processes of the unit.
    #[default]
    ControlGroup,
    /// The first signal to the main process only, the final one to all.
    Mixed,
    /// The main process only; the others are left alone.
    Process,
    /// Nobody: the stop commands have to do.
    None,
}

/// What ends a service that takes too long; systemd.service(5), `TimeoutStartFailureMode=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strike {
    /// The first signal, and the final one as usual.
    #[default]
    Terminate,
    /// [`super::Service::watchdog_signal`], and the final one later.
    Abort,
    /// The final signal at once.
    Kill,
}

impl Strike {
    /// Each with its word.
    pub(crate) const WORDS: [(&str, Self); 3] = [("terminate", Self::Terminate), ("abort", Self::Abort), ("kill", Self::Kill)];
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            signal: Signal::TERM,
            timeout: Limit::At(Duration::from_secs(30)),
            abort_timeout: None,
            mode: StopMode::default(),
            final_signal: Signal::KILL,
            send_hangup: false,
            send_kill: true,
            start_failure: Strike::default(),
            stop_failure: Strike::default(),
            restart_signal: None,
        }
    }
}
