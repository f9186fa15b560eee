//! What an administrator has said about the log, in systemd's words: journald.conf(5).

use std::time::Duration;

use units::value::{Bytes, Limit, read_span};

use crate::file;

/// Read in this order; what is said later counts. Drop-ins by name.
const FILE: &str = "/etc/systemd/journald.conf";
const FOLDERS: [&str; 3] = ["/usr/lib/systemd/journald.conf.d", "/run/systemd/journald.conf.d", "/etc/systemd/journald.conf.d"];

/// Where the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    /// On the disk, and in memory where that cannot be written.
    Persistent,
    Volatile,
    Nowhere,
}

/// All that is heeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) storage: Storage,
    pub(super) system_max_use: Option<u64>,
    pub(super) runtime_max_use: Option<u64>,
    pub(super) interval: Duration,
    pub(super) burst: u64,
    pub(super) forward: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let (storage, interval) = (Storage::Persistent, Duration::from_secs(30));
        Self { storage, system_max_use: None, runtime_max_use: None, interval, burst: 10_000, forward: true }
    }
}

impl Settings {
    /// As the files say.
    pub(super) fn read() -> Self {
        let mut files = vec![FILE.to_owned()];
        for folder in FOLDERS {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let mut names: Vec<String> = entries.filter_map(|entry| entry.path().to_str().map(str::to_owned)).collect();
            names.retain(|name| name.ends_with(".conf"));
            names.sort_unstable();
            files.extend(names);
        }
        let mut settings = Self::default();
        for path in files {
            settings.take(&file::read_text(path, file::USUAL).unwrap_or_default());
        }
        settings
    }

    /// Heeds one file's words. What is not understood is as if it were not said.
    fn take(&mut self, text: &str) {
        let mut is_ours = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                is_ours = line == "[Journal]";
            }
            let Some((key, value)) = line.split_once('=').filter(|_| is_ours && !line.starts_with(['#', ';'])) else { continue };
            let (key, value) = (key.trim(), value.trim());
            let size = || Bytes::read_as_systemd(value).ok().map(|size| size.0);
            match key {
                "Storage" => match value {
                    "volatile" => self.storage = Storage::Volatile,
                    "none" => self.storage = Storage::Nowhere,
                    "auto" | "persistent" => self.storage = Storage::Persistent,
                    _ => {}
                },
                "SystemMaxUse" => self.system_max_use = size().or(self.system_max_use),
                "RuntimeMaxUse" => self.runtime_max_use = size().or(self.runtime_max_use),
                "RateLimitIntervalSec" | "RateLimitInterval" => {
                    if let Ok(Limit::At(span)) = read_span(value) {
                        self.interval = span;
                    }
                }
                "RateLimitBurst" => self.burst = value.parse().unwrap_or(self.burst),
                "ForwardToSyslog" => self.forward = !matches!(value, "no" | "false" | "off" | "0"),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_in_its_section_counts() {
        let mut settings = Settings::default();
        settings.take(
            "Storage=none\n[Other]\nStorage=none\n[Journal]\n#Storage=none\nStorage = volatile\nRateLimitBurst=5\nSystemMaxUse=16M\n",
        );
        settings.take("[Journal]\nRateLimitIntervalSec=1min\nRateLimitBurst=many\nForwardToSyslog=no\nNew=1\n");
        let wanted = Settings {
            storage: Storage::Volatile,
            system_max_use: Some(16 << 20),
            runtime_max_use: None,
            interval: Duration::from_secs(60),
            burst: 5,
            forward: false,
        };
        assert_eq!(settings, wanted);
    }
}
