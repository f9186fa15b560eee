//! One syntax as the other: systemd's unit files as TOML, and back.
//!
//! Key by key, values as they are written: specifiers, variables and prefixes stay. What was read
//! from the one file and what is read from the other are the same unit (tests `…_and_back`). Comments
//! are lost but for those before the first section.

mod to_systemd;
mod to_toml;

pub use to_systemd::to_systemd;
pub use to_toml::to_toml;

/// Our short words: section, key, and systemd's directive for it.
const SHORT: [(&str, &str, &str); 47] = [
    ("service", "command", "ExecStart"),
    ("service", "start-timeout", "TimeoutStartSec"),
    ("service", "notify-fd", "X-FiefNotifyFd"),
    ("restart", "policy", "Restart"),
    ("restart", "delay", "RestartSec"),
    ("restart", "backoff", "X-FiefBackoff"),
    ("restart", "steps", "RestartSteps"),
    ("restart", "mode", "RestartMode"),
    ("restart", "max-delay", "X-FiefMaxDelay"),
    ("restart", "burst", "StartLimitBurst"),
    ("restart", "interval", "StartLimitInterval"),
    ("restart", "reset-after", "X-FiefResetAfter"),
    ("stop", "signal", "KillSignal"),
    ("stop", "timeout", "TimeoutStopSec"),
    ("stop", "mode", "KillMode"),
    ("stop", "final-signal", "FinalKillSignal"),
    ("stop", "send-hangup", "SendSIGHUP"),
    ("run-as", "user", "User"),
    ("run-as", "group", "Group"),
    ("run-as", "groups", "SupplementaryGroups"),
    ("run-as", "umask", "UMask"),
    ("run-as", "working-directory", "WorkingDirectory"),
    ("run-as", "nice", "Nice"),
    ("run-as", "oom-score-adjust", "OOMScoreAdjust"),
    ("run-as", "no-new-privileges", "NoNewPrivileges"),
    ("environment", "inherit", "PassEnvironment"),
    ("environment", "files", "EnvironmentFile"),
    ("directories", "runtime", "RuntimeDirectory"),
    ("directories", "runtime-mode", "RuntimeDirectoryMode"),
    ("directories", "state", "StateDirectory"),
    ("directories", "state-mode", "StateDirectoryMode"),
    ("directories", "cache", "CacheDirectory"),
    ("directories", "cache-mode", "CacheDirectoryMode"),
    ("directories", "logs", "LogsDirectory"),
    ("directories", "logs-mode", "LogsDirectoryMode"),
    ("directories", "configuration", "ConfigurationDirectory"),
    ("directories", "configuration-mode", "ConfigurationDirectoryMode"),
    ("log", "stdout", "StandardOutput"),
    ("log", "stderr", "StandardError"),
    ("log", "console", "X-FiefConsole"),
    ("log", "keep", "X-FiefKeep"),
    ("sandbox", "strict", "X-FiefStrict"),
    ("tty", "path", "TTYPath"),
    ("tty", "reset", "TTYReset"),
    ("tty", "hang-up", "TTYVHangup"),
    ("environment", "set", "Environment"),
    ("service", "notify-access", "NotifyAccess"),
];

#[cfg(test)]
mod tests;
