//! Where diagnostics go: to the terminal in the foreground, to syslog and the container's log file from a keeper.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use log::{Level, LevelFilter, Log, Metadata, Record};
use syslog::{Facility, Formatter3164, Logger, LoggerBackend};

use crate::config::Paths;
use crate::store::{ContainerName, folder};

/// Diagnostics to stderr: warnings, and with `-v` or `FIEF_LOG` more.
pub fn to_the_terminal(verbose: u8) {
    let usual = match verbose {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        _ => LevelFilter::Debug,
    };
    let mut builder = env_logger::Builder::new();
    builder.filter_level(usual).format(|line, record| match record.level() {
        Level::Error => writeln!(line, "fief: {}", record.args()),
        Level::Warn => writeln!(line, "fief: warning: {}", record.args()),
        Level::Info => writeln!(line, "fief: {}", record.args()),
        level @ (Level::Debug | Level::Trace) => writeln!(line, "fief: {level}: {}", record.args()),
    });
    if verbose == 0 {
        builder.parse_env("FIEF_LOG");
    }
    // Set twice only in tests, where the first is as good.
    let _ = builder.try_init();
}

/// Diagnostics of a keeper: to syslog, if there is one, and to the container's log. Neither failing is a failure of
/// the container.
///
/// # Errors
/// When a logger is set already.
pub fn to_the_journal(name: &ContainerName, file: ContainerLog) -> Result<(), log::SetLoggerError> {
    let formatter =
        Formatter3164 { facility: Facility::LOG_DAEMON, hostname: None, process: format!("fief-{name}"), pid: std::process::id() };
    let syslog = syslog::unix(formatter).ok().inspect(|logger| {
        // A keeper must not hang on a syslog that does not read: what it cannot take is lost.
        let _ = match &logger.backend {
            LoggerBackend::Unix(socket) => socket.set_nonblocking(true),
            _ => Ok(()),
        };
    });
    log::set_boxed_logger(Box::new(KeeperLog { syslog: Mutex::new(syslog), file }))?;
    log::set_max_level(std::env::var("FIEF_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::Info));
    Ok(())
}

/// The log of a container never grows beyond twice this.
const ROTATED_AT: u64 = 1 << 20;

/// `/var/log/fief/NAME.log`: what the guest writes on its console and what the keeper says, rotated once at 1 MiB.
#[derive(Debug, Clone)]
pub struct ContainerLog(Arc<Mutex<Open>>);

#[derive(Debug)]
struct Open {
    path: PathBuf,
    old: PathBuf,
    /// `None` when the disk would not let us: the container runs on without a log.
    file: Option<File>,
    length: u64,
}

impl ContainerLog {
    /// Opens the log of `name`, making it if need be. It never fails: a container without a log is better than none.
    #[must_use]
    pub fn open(paths: &Paths, name: &ContainerName) -> Self {
        if let Err(error) = folder(&paths.logs(), 0o750) {
            log::warn!("cannot make {}: {error}", paths.logs().display());
        }
        let mut open = Open { path: paths.log(name), old: paths.old_log(name), file: None, length: 0 };
        open.reopen();
        Self(Arc::new(Mutex::new(open)))
    }

    /// Appends `bytes` as they are.
    pub fn append(&self, bytes: &[u8]) {
        let Ok(mut open) = self.0.lock() else { return };
        if open.length.saturating_add(bytes.len() as u64) > ROTATED_AT {
            // Whether or not the rename works, the new file begins empty.
            let _ = std::fs::rename(&open.path, &open.old);
            let _ = std::fs::remove_file(&open.path);
            open.reopen();
        }
        if open.file.as_mut().is_some_and(|file| file.write_all(bytes).is_ok()) {
            open.length = open.length.saturating_add(bytes.len() as u64);
        }
    }
}

impl Open {
    fn reopen(&mut self) {
        self.file = OpenOptions::new().append(true).create(true).mode(0o640).open(&self.path).ok();
        self.length = self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |meta| meta.len());
    }
}

struct KeeperLog {
    syslog: Mutex<Option<Logger<LoggerBackend, Formatter3164>>>,
    file: ContainerLog,
}

impl Log for KeeperLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = record.args().to_string();
        let now = humantime::format_rfc3339_seconds(SystemTime::now());
        let level = record.level().as_str().to_lowercase();
        self.file.append(format!("{now} keeper {level}: {text}\n").as_bytes());
        if let Ok(mut syslog) = self.syslog.lock()
            && let Some(logger) = syslog.as_mut()
        {
            // A failure to send is no reason to stop trying: syslogd may be restarting or full.
            let _ = match record.level() {
                Level::Error => logger.err(&text),
                Level::Warn => logger.warning(&text),
                Level::Info => logger.info(&text),
                Level::Debug | Level::Trace => logger.debug(&text),
            };
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_log_is_rotated_once() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::beneath(root.path());
        let name: ContainerName = "web1".parse().unwrap();
        let log = ContainerLog::open(&paths, &name);
        for _ in 0..5 {
            log.clone().append(&[b'x'; 300 << 10]);
        }
        assert_eq!(std::fs::metadata(paths.old_log(&name)).unwrap().len(), 900 << 10);
        assert_eq!(std::fs::metadata(paths.log(&name)).unwrap().len(), 600 << 10);
        ContainerLog::open(&paths, &name).append(b"more");
        assert_eq!(std::fs::metadata(paths.log(&name)).unwrap().len(), (600 << 10) + 4);
    }
}
