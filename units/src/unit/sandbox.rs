use crate::{Map, Set, UnitName};

/// What a service may not see or do; systemd.exec(5), "Sandboxing". What becomes of each directive
/// where it cannot be had is said in [`crate::sandbox`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// What cannot be put in force keeps the service from starting.
    pub strict: bool,
    /// `/tmp` and `/var/tmp` of its own.
    pub private_tmp: bool,
    /// A `/dev` with pseudo devices only.
    pub private_devices: bool,
    /// A network with loopback only.
    pub private_network: bool,
    /// A network that is there already, by a file such as `/run/netns/x`.
    pub network_path: Option<String>,
    /// Users but root and its own are nobody.
    pub private_users: bool,
    /// Mounts made by it show nowhere else.
    pub private_mounts: bool,
    /// System V IPC and message queues of its own.
    pub private_ipc: bool,
    /// IPC that is there already, by a file.
    pub ipc_path: Option<String>,
    /// What of the system it cannot write.
    pub protect_system: ProtectSystem,
    /// What becomes of people's homes.
    pub protect_home: ProtectHome,
    /// Which processes `/proc` shows.
    pub protect_proc: ProtectProc,
    /// `/proc` shows processes only.
    pub only_processes: bool,
    /// `/proc/sys`, `/sys` and the like cannot be written.
    pub kernel_tunables: bool,
    /// Modules can be neither loaded nor seen.
    pub kernel_modules: bool,
    /// The kernel's log can be neither read nor written.
    pub kernel_logs: bool,
    /// `/sys/fs/cgroup` cannot be written.
    pub control_groups: bool,
    /// The host name cannot be changed.
    pub hostname: bool,
    /// The clock cannot be set.
    pub clock: bool,
    /// What may be done beneath which paths.
    pub paths: Vec<PathRule>,
    /// What of the file system shows elsewhere too.
    pub binds: Vec<Bind>,
    /// Empty file systems in memory: path and mount options.
    pub temporary: Vec<(String, String)>,
    /// How its mounts propagate, where not as ever.
    pub propagation: Option<MountPropagation>,
    /// With a root of its own: `/proc`, `/sys`, `/dev` and `/run` are mounted there; see [`super::Service::mounts_api`].
    pub mount_api: Option<bool>,
    /// Services whose private network, IPC and temporary files it shares.
    pub joins: Vec<UnitName>,
    /// Which system calls it may make.
    pub calls: Option<CallFilter>,
    /// What a call gets that it may not make; killed where absent.
    pub call_error: Option<CallRefusal>,
    /// Which architectures' calls it may make, the native one always; all where empty.
    pub architectures: Vec<CallArchitecture>,
    /// Which families of sockets it may make.
    pub families: Option<Families>,
    /// Which kinds of namespaces it may make or enter, `CLONE_NEW*`; all where absent.
    pub namespaces: Option<u32>,
    /// No real-time schedule.
    pub no_realtime: bool,
    /// No file of its can be made set-user-id.
    pub no_suid: bool,
    /// personality(2) stays.
    pub lock_personality: bool,
    /// No memory is both writable and executable.
    pub no_write_execute: bool,
    /// personality(2) it begins with.
    pub personality: Option<u32>,
    /// Which kernel keyring it begins with.
    pub keyring: Keyring,
}

/// `ProtectSystem=`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the words are those of systemd.exec(5)")]
pub enum ProtectSystem {
    #[default]
    No,
    Yes,
    Full,
    Strict,
}

/// `ProtectHome=`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words are those of systemd.exec(5)")]
pub enum ProtectHome {
    #[default]
    No,
    Yes,
    ReadOnly,
    Tmpfs,
}

/// `ProtectProc=`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words are those of systemd.exec(5)")]
pub enum ProtectProc {
    #[default]
    Default,
    NoAccess,
    Invisible,
    Ptraceable,
}

/// What may be done beneath a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// All, although it lies beneath what may only be read.
    ReadWrite,
    /// Nothing is written.
    ReadOnly,
    /// Nothing is seen.
    Inaccessible,
    /// Programs run, although they do not around it.
    Exec,
    /// No program runs.
    NoExec,
}

impl Access {
    /// The directive that says so.
    #[must_use]
    pub fn directive(self) -> &'static str {
        match self {
            Self::ReadWrite => "ReadWritePaths",
            Self::ReadOnly => "ReadOnlyPaths",
            Self::Inaccessible => "InaccessiblePaths",
            Self::Exec => "ExecPaths",
            Self::NoExec => "NoExecPaths",
        }
    }
}

/// One path and what may be done beneath it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// What.
    pub access: Access,
    /// Absolute; in the service's own root where it has one.
    pub path: String,
    /// It may be missing (it was written with a leading `-`).
    pub optional: bool,
}

/// One path shown in another place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// What.
    pub from: String,
    /// Where.
    pub to: String,
    /// With what is mounted beneath it.
    pub recursive: bool,
    /// It may be missing.
    pub optional: bool,
    /// It cannot be written there.
    pub read_only: bool,
}

/// `MountFlags=`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words are those of mount_namespaces(7)")]
pub enum MountPropagation {
    Shared,
    Slave,
    Private,
}

/// `KeyringMode=`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keyring {
    /// A new one, empty.
    #[default]
    Private,
    /// PID 1's.
    Inherit,
    /// A new one with the user's in it.
    Shared,
}

/// What a refused call gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallRefusal {
    /// An error number.
    Errno(u16),
    /// The process is killed by SIGSYS.
    Kill,
}

/// A list of system calls, sets of them already resolved to names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFilter {
    /// Those listed are allowed and all others refused, or the other way round.
    pub allows: bool,
    /// The names, with what they get where that was written behind a colon.
    pub calls: Map<String, Option<CallRefusal>>,
}

/// `SystemCallArchitectures=`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words are those of systemd.exec(5)")]
pub enum CallArchitecture {
    Native,
    X86,
    X86_64,
    X32,
    Arm,
    Arm64,
    /// Any other: there is nothing here that could make such a call.
    Other,
}

/// `RestrictAddressFamilies=`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Families {
    /// Those listed are allowed and all others refused, or the other way round.
    pub allows: bool,
    /// `AF_*` by number.
    pub list: Set<u16>,
}
