use super::{Command, Directories, Environment, Execution, OpenFile, Preserve, Reload, Resources, Restart, Sandbox, Stop, Usual};
use crate::UnitName;
use crate::value::{Bytes, Limit, Mode, Signal};
use std::time::Duration;

/// What a service is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// When it counts as started.
    pub kind: ServiceType,
    /// What runs; exactly one except for [`ServiceType::Oneshot`], which may have none or several.
    pub start: Vec<Command>,
    /// Run before everything else; one that ends with 1 to 254 skips the start, which is no failure.
    pub start_conditions: Vec<Command>,
    /// Run first, one after the other.
    pub start_pre: Vec<Command>,
    /// Run once it is up, one after the other.
    pub start_post: Vec<Command>,
    /// How it is told to read its configuration again.
    pub reload: Reload,
    /// What a [`ServiceType::NotifyReload`] is told it by.
    pub reload_signal: Signal,
    /// Run to stop it, before any signal.
    pub stop_commands: Vec<Command>,
    /// Run when all of it is gone.
    pub stop_post: Vec<Command>,
    /// It counts as up after its processes have ended.
    pub remain_after_exit: bool,
    /// Whose end is its end.
    pub exit: ExitType,
    /// Exit codes other than 0 that are no failure.
    pub success_codes: Vec<u8>,
    /// Signals that are no failure, besides HUP, INT, TERM and PIPE.
    pub success_signals: Vec<Signal>,
    /// How long it may take to start.
    pub start_timeout: Limit<Duration>,
    /// How long it may be up.
    pub runtime_max: Limit<Duration>,
    /// By up to so much longer, by chance.
    pub runtime_extra: Duration,
    /// How often it must say `WATCHDOG=1`.
    pub watchdog: Option<Duration>,
    /// What it gets when it does not.
    pub watchdog_signal: Signal,
    /// Whether the main process is guessed where no PID file names it.
    pub guess_main_pid: bool,
    /// The name on the message bus that says it is up.
    pub bus_name: Option<String>,
    /// Further sockets that are handed to it.
    pub sockets: Vec<UnitName>,
    /// Whether handed descriptors do not block.
    pub non_blocking: bool,
    /// Files that are opened for it and handed to it.
    pub open_files: Vec<OpenFile>,
    /// How many descriptors are kept for it.
    pub fd_store_max: u32,
    /// Whether its run-time directories outlive it.
    pub runtime_preserve: Preserve,
    /// Whose notifications count.
    pub notify_access: NotifyAccess,
    /// For [`ServiceType::Notify`]: a newline on this descriptor says that it is up, as with s6, and not `READY=1`.
    pub notify_descriptor: Option<u8>,
    /// What follows when it ends by itself.
    pub restart: Usual<Restart>,
    /// How it is stopped.
    pub stop: Stop,
    /// As whom it runs.
    pub run_as: Usual<RunAs>,
    /// What the kernel lets it do, and how it is scheduled.
    pub execution: Usual<Execution>,
    /// What it may not see or do.
    pub sandbox: Usual<Sandbox>,
    /// Its environment.
    pub environment: Usual<Environment>,
    /// The directories made for it.
    pub directories: Directories,
    /// Where its output goes.
    pub log: Usual<Log>,
    /// What it may use.
    pub resources: Usual<Resources>,
    /// Its terminal, for a login prompt.
    pub tty: Option<Tty>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            kind: ServiceType::default(),
            start: Vec::new(),
            start_conditions: Vec::new(),
            start_pre: Vec::new(),
            start_post: Vec::new(),
            reload: Reload::default(),
            reload_signal: Signal::HUP,
            stop_commands: Vec::new(),
            stop_post: Vec::new(),
            remain_after_exit: false,
            exit: ExitType::default(),
            success_codes: Vec::new(),
            success_signals: Vec::new(),
            start_timeout: Limit::At(START_TIMEOUT),
            runtime_max: Limit::Max,
            runtime_extra: Duration::ZERO,
            watchdog: None,
            watchdog_signal: Signal::ABRT,
            guess_main_pid: true,
            bus_name: None,
            sockets: Vec::new(),
            non_blocking: false,
            open_files: Vec::new(),
            fd_store_max: 0,
            runtime_preserve: Preserve::default(),
            notify_access: NotifyAccess::default(),
            notify_descriptor: None,
            restart: Usual::default(),
            stop: Stop::default(),
            run_as: Usual::default(),
            execution: Usual::default(),
            sandbox: Usual::default(),
            environment: Usual::default(),
            directories: Directories::default(),
            log: Usual::default(),
            resources: Usual::default(),
            tty: None,
        }
    }
}

impl Service {
    /// Whether `/proc`, `/sys`, `/dev` and `/run` are mounted in its root: where that is its own, unless it says otherwise.
    #[must_use]
    pub fn mounts_api(&self) -> bool {
        self.sandbox.mount_api.unwrap_or(self.execution.root_directory.is_some())
    }
}

/// As systemd: what takes longer to start than this never will.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// When a service counts as started; systemd.service(5), `Type=`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServiceType {
    /// When its program has been executed. Our default.
    #[default]
    Exec,
    /// When its process exists.
    Simple,
    /// As `Simple`, once nothing else is being started or five seconds are over.
    Idle,
    /// When its name is on the message bus.
    Dbus,
    /// When it has ended successfully.
    Oneshot,
    /// When it says `READY=1` (`sd_notify(3)`).
    Notify,
    /// As `Notify`, and it is reloaded by a signal, which it acknowledges.
    NotifyReload,
    /// When its first process has ended, leaving a daemon behind.
    Forking {
        /// Where the daemon writes its pid. Without one the main process is guessed.
        pid_file: Option<String>,
    },
}

/// Whose end is the end of a service; systemd.service(5), `ExitType=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExitType {
    /// The main process's.
    #[default]
    Main,
    /// That of the last of all its processes.
    Cgroup,
}

impl ExitType {
    /// Each with its word.
    pub(crate) const WORDS: [(&str, Self); 2] = [("main", Self::Main), ("cgroup", Self::Cgroup)];
}

/// Whose notifications count; systemd.service(5), `NotifyAccess=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum NotifyAccess {
    /// Nobody's: the default of every type but `notify`.
    #[default]
    None,
    /// The main process's: the default of `notify`.
    Main,
    /// The main process's and those of its commands.
    Exec,
    /// Any process of the unit.
    All,
}

/// As whom and where a service runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// Name or number; root when absent.
    pub user: Option<String>,
    /// Name or number; the user's own group when absent.
    pub group: Option<String>,
    /// Supplementary groups besides the user's.
    pub groups: Vec<String>,
    /// `umask(2)`.
    pub umask: Mode,
    /// Absolute, or `~` for the user's home. `/` when absent.
    pub working_directory: Option<String>,
    /// A missing working directory is no failure (it was written with a leading `-`).
    pub working_directory_optional: bool,
    /// `setpriority(2)`, −20 to 19. Best effort.
    pub nice: Option<i8>,
    /// `/proc/PID/oom_score_adj`, −1000 to 1000. Best effort.
    pub oom_score_adjust: Option<i16>,
    /// `PR_SET_NO_NEW_PRIVS`.
    pub no_new_privileges: bool,
}

impl Default for RunAs {
    fn default() -> Self {
        Self {
            user: None,
            group: None,
            groups: Vec::new(),
            umask: Mode::UMASK,
            working_directory: None,
            working_directory_optional: false,
            nice: None,
            oom_score_adjust: None,
            no_new_privileges: false,
        }
    }
}

/// Where the output of a service goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Descriptor 0.
    pub stdin: Input,
    /// What it is called in the log, where that is not the unit's name.
    pub identifier: Option<String>,
    /// How urgent a line is that does not say so; syslog(3), 6 where absent.
    pub level: Option<u8>,
    /// Who speaks; syslog(3), a daemon (3) where absent.
    pub facility: Option<u8>,
    /// What is said besides of each line, by names.
    pub fields: Vec<(String, String)>,
    /// A line that begins with `<3>` does not say by that how urgent it is.
    pub prefix_is_text: bool,
    /// Lines less urgent than this are not kept.
    pub level_max: Option<u8>,
    /// At most so many lines are kept in each interval.
    pub rate: Option<(Duration, u32)>,
    /// Descriptor 1.
    pub stdout: Output,
    /// Descriptor 2; follows `stdout` when absent.
    pub stderr: Option<Output>,
    /// Which lines the console shows as well.
    pub console: ConsoleLevel,
    /// How much is kept in memory; the journal's own default when absent.
    pub keep: Option<Bytes>,
}

/// Where a descriptor leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// init's log.
    #[default]
    Log,
    /// `/dev/null`
    Null,
    /// The unit's terminal.
    Tty,
    /// PID 1's own descriptor.
    Inherit,
    /// A file, from its beginning, over what it holds.
    File(String),
    /// The end of a file.
    Append(String),
    /// A file, emptied first.
    Truncate(String),
    /// The connection or socket it was started by.
    Socket,
    /// A socket handed to it, by its name.
    Descriptor(String),
}

/// Where descriptor 0 comes from; systemd.exec(5), `StandardInput=`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// `/dev/null`
    #[default]
    Null,
    /// The unit's terminal.
    Tty,
    /// Bytes of the unit's own.
    Data(Vec<u8>),
    /// A file.
    File(String),
    /// The connection or socket it was started by.
    Socket,
    /// A socket handed to it, by its name.
    Descriptor(String),
}

/// Which lines of a service the console shows as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConsoleLevel {
    /// None.
    #[default]
    Off,
    /// What it writes to descriptor 2.
    Warning,
    /// All.
    All,
}

/// A terminal for the main process: it becomes session leader there, with the terminal as
/// controlling terminal and as descriptors 0 to 2 (where the log section does not say otherwise).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tty {
    /// `/dev/console`
    pub path: String,
    /// Sane line settings before the program starts.
    pub reset: bool,
    /// `vhangup(2)` before the program starts, so that nobody of an earlier session still reads.
    pub hang_up: bool,
    /// So many lines; 0 leaves them as they are.
    pub rows: u16,
    /// So many columns.
    pub columns: u16,
}
