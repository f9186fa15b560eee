//! The record of a running container, and what is true of it.
//!
//! The keeper writes `/run/fief/containers/NAME/record.json` by write-and-rename whenever something in it changes.
//! It is a claim, not the truth: [`observe`] weighs it against the lock (held by the keeper for its life) and against
//! `/proc` (a process is the one recorded only when its start time is the same).
//!
//! ```text
//!   lock held + record                        Starting, Running, Stopping   by the record's phase
//!   lock held, no record yet                  Starting
//!   lock free + init of the record alive      KeeperLost                    adopt it
//!   lock free + anything left in the folder   Stale                         sweep it
//!   otherwise                                 Stopped
//! ```

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{ContainerName, atomic, lock};
use crate::config::{Cidr, Host, Paths, strict};
use crate::error::{Class, Error, OrFail as _};

/// A process and when it began: a pid alone may be someone else's by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessMark {
    /// Its pid on the host.
    pub pid: i32,
    /// Its start in clock ticks since boot: field 22 of `/proc/PID/stat`, proc_pid_stat(5).
    pub start_time: u64,
}

/// What the keeper is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Being put together, or booting and not ready yet.
    #[default]
    Starting,
    /// Init runs.
    Running,
    /// Asked to stop, or being taken down.
    Stopping,
}

/// What the keeper says of its container. Reading is tolerant: a newer fief may have written more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuntimeRecord {
    /// `container_uuid`.
    pub uuid: String,
    /// The keeper.
    pub keeper: Option<ProcessMark>,
    /// The guest's PID 1, once born.
    pub init: Option<ProcessMark>,
    /// What the keeper is about.
    pub phase: Phase,
    /// Which boot since `fief start`: 1, and one more for every reboot from inside.
    pub boot: u32,
    /// When this boot began, in milliseconds since 1970.
    pub started_at: u64,
    /// Has init told that it is ready?
    pub ready: bool,
    /// What init said last about itself (`STATUS=`).
    pub status: String,
    /// The guest's addresses.
    pub addresses: Vec<Cidr>,
    /// The host's end of its link.
    pub host_link: Option<String>,
}

impl ProcessMark {
    /// The process with this pid as it is now; `None` when there is none or it is dead already.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        let (state, start_time) = state_and_start(&stat)?;
        (!matches!(state, b'Z' | b'X' | b'x')).then_some(Self { pid, start_time })
    }

    /// This process.
    #[must_use]
    pub fn of_self() -> Option<Self> {
        Self::of(i32::try_from(std::process::id()).ok()?)
    }

    /// Is it still this very process, and not a zombie?
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.pid > 0 && Self::of(self.pid).as_ref() == Some(self)
    }
}

/// State and start time out of `/proc/PID/stat`; the name in parentheses may hold anything, also parentheses.
fn state_and_start(stat: &[u8]) -> Option<(u8, u64)> {
    let close = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    // The state is field 3; the start time field 22.
    Some((state, fields.nth(18)?.parse().ok()?))
}

impl RuntimeRecord {
    /// Reads the record of `name`; `None` when there is none or it is no record.
    #[must_use]
    pub fn read(paths: &Paths, name: &ContainerName) -> Option<Self> {
        let text = std::fs::read(paths.record(name)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes the record, whole or not at all.
    ///
    /// # Errors
    /// When the folder is missing or full.
    pub fn write(&self, paths: &Paths, name: &ContainerName) -> Result<(), Error> {
        const STEP: &str = "writing the record";
        let path = paths.record(name);
        let text = serde_json::to_vec_pretty(self).or_fail(Class::Internal, STEP, || path.display().to_string())?;
        atomic::write_volatile(&path, &text, 0o600)
            .map_err(|error| Error::new(strict::class_of(&error), STEP, path.display().to_string()).source(error))
    }

    /// Sets when this boot began to now.
    pub fn started_now(&mut self) {
        self.started_at =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    }

    /// How long this boot has lasted.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        let began = UNIX_EPOCH + Duration::from_millis(self.started_at);
        SystemTime::now().duration_since(began).unwrap_or_default()
    }
}

/// What is true of a container at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// Nothing of it is there.
    Stopped,
    /// A keeper is putting it together, or it boots and is not ready.
    Starting(RuntimeRecord),
    /// Its init runs and is kept.
    Running(RuntimeRecord),
    /// Its keeper is taking it down.
    Stopping(RuntimeRecord),
    /// Its init runs but the keeper is gone: to be adopted.
    KeeperLost(RuntimeRecord),
    /// Keeper and init are gone but left things behind: to be swept.
    Stale(Option<RuntimeRecord>),
}

impl Observed {
    /// The record, if there is one.
    #[must_use]
    pub const fn record(&self) -> Option<&RuntimeRecord> {
        match self {
            Self::Stopped => None,
            Self::Starting(record) | Self::Running(record) | Self::Stopping(record) | Self::KeeperLost(record) => Some(record),
            Self::Stale(record) => record.as_ref(),
        }
    }

    /// Is any process of it there?
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        match self {
            Self::Stopped | Self::Stale(_) => false,
            Self::Starting(_) | Self::Running(_) | Self::Stopping(_) | Self::KeeperLost(_) => true,
        }
    }

    /// One word: what listings show, and `--json` promises.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting(_) => "starting",
            Self::Running(_) => "running",
            Self::Stopping(_) => "stopping",
            Self::KeeperLost(_) => "keeper-lost",
            Self::Stale(_) => "stale",
        }
    }
}

/// What is true of `name` at this moment.
///
/// # Errors
/// When the run-time folder exists but cannot be read (not root).
pub fn observe(host: &Host, name: &ContainerName) -> Result<Observed, Error> {
    const STEP: &str = "looking at the container";
    let fail = |error: io::Error| Error::new(strict::class_of(&error), STEP, host.paths.runtime(name).display().to_string()).source(error);
    let record = RuntimeRecord::read(&host.paths, name);
    if lock::is_held(&host.paths.runtime_lock(name)).map_err(fail)? {
        // The keeper may have replaced or written it between our two looks.
        let record = RuntimeRecord::read(&host.paths, name).or(record).unwrap_or_default();
        return Ok(match record.phase {
            Phase::Starting => Observed::Starting(record),
            Phase::Running => Observed::Running(record),
            Phase::Stopping => Observed::Stopping(record),
        });
    }
    // Read again: a keeper that ended between the looks has taken its record along.
    let record = RuntimeRecord::read(&host.paths, name);
    if let Some(record) = record {
        return Ok(if record.init.is_some_and(|init| init.is_alive()) {
            Observed::KeeperLost(record)
        } else {
            Observed::Stale(Some(record))
        });
    }
    let left = match std::fs::read_dir(host.paths.runtime(name)) {
        Ok(entries) => entries.flatten().any(|entry| entry.file_name() != "lock"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(fail(error)),
    };
    Ok(if left { Observed::Stale(None) } else { Observed::Stopped })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::config::HostConfig;

    #[test]
    fn stat_lines_with_odd_names_are_read() {
        let stat = b"12 (a) b) S) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 0 0";
        assert_eq!(state_and_start(stat), Some((b'S', 98765)));
        assert_eq!(state_and_start(b"12 (x"), None);
        assert_eq!(state_and_start(b""), None);
        assert!(ProcessMark::of_self().unwrap().is_alive());
        assert!(!ProcessMark { start_time: 1, ..ProcessMark::of_self().unwrap() }.is_alive());
        assert!(!ProcessMark { pid: 0, start_time: 0 }.is_alive());
    }

    #[test]
    fn truth_is_lock_and_record_and_proc() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host { paths: Paths::beneath(folder.path()), config: HostConfig::default() };
        let name: ContainerName = "web1".parse().unwrap();
        assert_eq!(observe(&host, &name).unwrap(), Observed::Stopped);
        std::fs::create_dir_all(host.paths.runtime(&name)).unwrap();
        let held = lock::wait(&host.paths.runtime_lock(&name)).unwrap();
        assert_eq!(observe(&host, &name).unwrap().word(), "starting");
        let record = RuntimeRecord { phase: Phase::Running, init: ProcessMark::of_self(), ..RuntimeRecord::default() };
        record.write(&host.paths, &name).unwrap();
        assert_eq!(observe(&host, &name).unwrap(), Observed::Running(record.clone()));
        drop(held);
        assert_eq!(observe(&host, &name).unwrap(), Observed::KeeperLost(record.clone()));
        let dead = RuntimeRecord { init: Some(ProcessMark { pid: 1, start_time: 1 << 60 }), ..record };
        dead.write(&host.paths, &name).unwrap();
        assert_eq!(observe(&host, &name).unwrap(), Observed::Stale(Some(dead)));
        std::fs::write(host.paths.record(&name), "rubbish").unwrap();
        assert_eq!(observe(&host, &name).unwrap(), Observed::Stale(None));
        std::fs::remove_file(host.paths.record(&name)).unwrap();
        assert_eq!(observe(&host, &name).unwrap(), Observed::Stopped);
    }

    #[test]
    fn reading_is_tolerant() {
        let record: RuntimeRecord = serde_json::from_str(r#"{"boot": 3, "of-the-future": [1]}"#).unwrap();
        assert_eq!(record.boot, 3);
    }
}
