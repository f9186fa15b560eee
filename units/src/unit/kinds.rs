use super::{Command, Resources, Usual};
use crate::UnitName;
use crate::value::{Calendar, Limit, Mode};
use std::fmt;
use std::time::Duration;

/// Sockets that are listened on for a service; systemd.socket(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// What is listened on, in the order the descriptors are handed over.
    pub listen: Vec<Listen>,
    /// One process of a template for each connection.
    pub accept: bool,
    /// Who gets the descriptors; the service of the same name when absent.
    pub service: Option<UnitName>,
    /// Mode of a socket or FIFO in the file system.
    pub mode: Mode,
    /// Mode of the directories made above it.
    pub directory_mode: Mode,
    /// Its owner.
    pub user: Option<String>,
    /// Its group.
    pub group: Option<String>,
    /// What `LISTEN_FDNAMES` calls it; the unit's name when absent.
    pub name: Option<String>,
    /// `listen(2)`
    pub backlog: Option<u32>,
    /// `IPV6_V6ONLY`, where it is given.
    pub ipv6_only: Option<bool>,
    /// Connections at one time, with `accept`.
    pub max_connections: u32,
    /// Of these, from one address or user; 0 for as many as there may be.
    pub max_connections_per_source: u32,
    /// How often somebody may come.
    pub trigger_limit: TriggerLimit,
    /// What waits on it when its service has ended is thrown away.
    pub flush_pending: bool,
    /// Links to it.
    pub symlinks: Vec<String>,
    /// It is removed from the file system when the unit stops.
    pub remove_on_stop: bool,
    /// Further `setsockopt(2)` and FIFO options, as written.
    pub options: Vec<(&'static str, String)>,
    /// Run before it is bound.
    pub start_pre: Vec<Command>,
    /// Run once it is bound.
    pub start_post: Vec<Command>,
    /// Run before it is closed.
    pub stop_pre: Vec<Command>,
    /// Run once it is closed.
    pub stop_post: Vec<Command>,
}

/// What `IPTOS=` calls the types of service of RFC 1349; systemd.socket(5), ip(7).
pub const TYPES_OF_SERVICE: [(&str, i32); 4] = [("low-delay", 0x10), ("throughput", 0x08), ("reliability", 0x04), ("low-cost", 0x02)];

/// How often a unit may be begun by another before that gives up; systemd.socket(5), `TriggerLimitBurst=`. What is not said is as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TriggerLimit {
    /// In how long.
    pub interval: Option<Duration>,
    /// So often.
    pub burst: Option<u32>,
}

/// Where more are allowed than this nobody counts: each is remembered for the interval.
const MOST_COUNTED: u32 = 10_000;

impl TriggerLimit {
    /// What is usual of a socket, …
    pub const SOCKET: (u32, Duration) = (20, Duration::from_secs(2));
    /// … of one that accepts, …
    pub const ACCEPT: (u32, Duration) = (200, Duration::from_secs(2));
    /// … and of paths.
    pub const PATH: (u32, Duration) = (200, Duration::from_secs(2));

    /// As it is said, and for the rest as is usual.
    #[must_use]
    pub fn said_or(self, (burst, interval): (u32, Duration)) -> (u32, Duration) {
        (self.burst.unwrap_or(burst), self.interval.unwrap_or(interval))
    }

    /// So often in so long; no limit where either is 0.
    #[must_use]
    pub fn or(self, usual: (u32, Duration)) -> Option<(usize, Duration)> {
        let (burst, interval) = self.said_or(usual);
        let counted = (1..=MOST_COUNTED).contains(&burst) && !interval.is_zero();
        usize::try_from(burst).ok().filter(|_| counted).map(|burst| (burst, interval))
    }
}

/// One thing to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Which kind of descriptor.
    pub kind: ListenKind,
    /// A path, `@name`, a port, `address:port`, as written.
    pub address: String,
}

impl Listen {
    /// Whether there are connections to be accepted; accept(2).
    #[must_use]
    pub fn can_accept(&self) -> bool {
        match self.kind {
            ListenKind::Stream | ListenKind::SequentialPacket => true,
            ListenKind::Datagram
            | ListenKind::Fifo
            | ListenKind::Special
            | ListenKind::Netlink
            | ListenKind::MessageQueue
            | ListenKind::UsbFunction => false,
        }
    }
}

/// What is listened on; systemd.socket(5), `ListenStream=` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the kernel's")]
pub enum ListenKind {
    Stream,
    Datagram,
    SequentialPacket,
    Fifo,
    Special,
    Netlink,
    MessageQueue,
    UsbFunction,
}

impl Default for Socket {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            accept: false,
            service: None,
            mode: Mode::SOCKET,
            directory_mode: Mode::DIRECTORY,
            user: None,
            group: None,
            name: None,
            backlog: None,
            ipv6_only: None,
            max_connections: 64,
            max_connections_per_source: 0,
            trigger_limit: TriggerLimit::default(),
            flush_pending: false,
            symlinks: Vec::new(),
            remove_on_stop: false,
            options: Vec::new(),
            start_pre: Vec::new(),
            start_post: Vec::new(),
            stop_pre: Vec::new(),
            stop_post: Vec::new(),
        }
    }
}

/// A clock that starts a unit; systemd.timer(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Points in civil time.
    pub on_calendar: Vec<Calendar>,
    /// Spans since something happened.
    pub since: Vec<(Since, Duration)>,
    /// What it starts; the service of the same name when absent.
    pub unit: Option<UnitName>,
    /// A point that was missed while the system was down is made up for.
    pub persistent: bool,
    /// Each point is put off by a random time up to this.
    pub random_delay: Duration,
    /// That random time is always the same for this unit.
    pub fixed_random_delay: bool,
    /// How far points may be put off to coincide with others.
    pub accuracy: Duration,
    /// Also when the clock is set.
    pub on_clock_change: bool,
    /// Also when the time zone is.
    pub on_timezone_change: bool,
    /// It stays up when there is no further point.
    pub remain_after_elapse: bool,
}

/// What a timer counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The timer was started.
    Active,
    /// The container was.
    Boot,
    /// PID 1 was.
    Startup,
    /// Its unit came up last.
    UnitActive,
    /// Its unit went down last.
    UnitInactive,
}

impl Default for Timer {
    fn default() -> Self {
        Self {
            on_calendar: Vec::new(),
            since: Vec::new(),
            unit: None,
            persistent: false,
            random_delay: Duration::ZERO,
            fixed_random_delay: false,
            accuracy: Duration::from_secs(60),
            on_clock_change: false,
            on_timezone_change: false,
            remain_after_elapse: true,
        }
    }
}

/// Paths that are watched to start a unit; systemd.path(5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// What is waited for.
    pub paths: Vec<(PathEvent, String)>,
    /// What it starts; the service of the same name when absent.
    pub unit: Option<UnitName>,
    /// The directory to be watched is made.
    pub make_directory: bool,
    /// With this mode, `0755` when absent.
    pub directory_mode: Option<Mode>,
    /// How often it may come about.
    pub trigger_limit: TriggerLimit,
}

/// What about a path is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum PathEvent {
    /// It is there.
    Exists,
    /// Something that fits the pattern is there.
    ExistsGlob,
    /// It was changed and closed.
    Changed,
    /// It was written to.
    Modified,
    /// Something is in the directory.
    DirectoryNotEmpty,
}

/// A file system to be mounted; systemd.mount(5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// The source.
    pub what: String,
    /// The mount point, which also says the unit's name.
    pub place: String,
    /// The type, told from the source when absent.
    pub kind: Option<String>,
    /// Options, as `mount(8)` takes them.
    pub options: String,
    /// Mode of the directories made for it.
    pub directory_mode: Option<Mode>,
    /// How long it may take.
    pub timeout: Option<Limit<Duration>>,
    /// Options that the type does not know are passed over.
    pub sloppy: bool,
    /// It is not mounted read-only where it cannot be otherwise.
    pub read_write_only: bool,
    /// It is taken out of the tree though it is in use.
    pub lazy_unmount: bool,
    /// It is unmounted though its server does not answer.
    pub force_unmount: bool,
}

/// A node of the cgroup tree; systemd.slice(5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// What all beneath it may use together.
    pub resources: Usual<Resources>,
}

impl fmt::Display for ListenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stream => "stream",
            Self::Datagram => "datagram",
            Self::SequentialPacket => "seqpacket",
            Self::Fifo => "fifo",
            Self::Special => "special",
            Self::Netlink => "netlink",
            Self::MessageQueue => "message-queue",
            Self::UsbFunction => "usb-function",
        })
    }
}

/// After what a timer elapses: "boot".
impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "it was started",
            Self::Boot => "boot",
            Self::Startup => "init's start",
            Self::UnitActive => "its unit was up",
            Self::UnitInactive => "its unit was down",
        })
    }
}

impl fmt::Display for PathEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Exists => "exists",
            Self::ExistsGlob => "exists-glob",
            Self::Changed => "changed",
            Self::Modified => "modified",
            Self::DirectoryNotEmpty => "directory-not-empty",
        })
    }
}
