//! What a life was begun for, as the variables its processes are told it by; systemd.exec(5), `$MONITOR_UNIT`, `$TRIGGER_UNIT`.

use supervisor::{Because, Exit};
use units::Unit;

use super::Hands;

/// So many are remembered, the latest: whoever is started after a unit is started at once, and each connection may have one of its own.
const MOST: usize = 256;

impl Hands {
    /// The variables of one process.
    pub(super) fn cause(&self, because: Option<&Because>) -> Vec<(String, String)> {
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        match because {
            Some(Because::Ended(unit, result, exit)) => {
                let mut all = outcome("MONITOR_", result, *exit);
                let last = self.ended.iter().rfind(|(ended, _)| ended == unit);
                all.extend(last.map(|(_, invocation)| named("MONITOR_INVOCATION_ID", invocation)));
                all.push(named("MONITOR_UNIT", unit.as_str()));
                all
            }
            Some(Because::Elapsed(timer)) => {
                let mut all = vec![named("TRIGGER_UNIT", timer.as_str())];
                if let Some((real, monotonic)) = self.last_elapse(timer) {
                    all.push(("TRIGGER_TIMER_REALTIME_USEC".to_owned(), real.to_string()));
                    all.push(("TRIGGER_TIMER_MONOTONIC_USEC".to_owned(), monotonic.to_string()));
                }
                all
            }
            Some(Because::Came(unit, path)) => vec![named("TRIGGER_UNIT", unit.as_str()), named("TRIGGER_PATH", path)],
            Some(Because::SeveralEnded) | None => Vec::new(),
        }
    }

    /// A life is over: whoever is started because of it is told which one it was.
    pub(super) fn remember(&mut self, unit: &Unit, invocation: String) {
        if !unit.relations.on_failure.is_empty() || !unit.relations.on_success.is_empty() {
            self.ended.retain(|(name, _)| *name != unit.name);
            self.ended.push((unit.name.clone(), invocation));
            let too_many = self.ended.len().saturating_sub(MOST);
            self.ended.drain(..too_many);
        }
    }
}

/// How something ended, systemd.exec(5), `$SERVICE_RESULT`, `$EXIT_CODE`, `$EXIT_STATUS`.
pub(super) fn outcome(prefix: &str, result: &str, exit: Option<Exit>) -> Vec<(String, String)> {
    let named = |name: &str, value: &str| (format!("{prefix}{name}"), value.to_owned());
    let mut all = vec![named("SERVICE_RESULT", result)];
    match exit {
        Some(Exit::Code(code)) => all.extend([named("EXIT_CODE", "exited"), named("EXIT_STATUS", &code.to_string())]),
        Some(Exit::Signal(signal)) => {
            all.extend([named("EXIT_CODE", "killed"), named("EXIT_STATUS", signal.to_string().trim_start_matches("SIG"))]);
        }
        None => {}
    }
    all
}
