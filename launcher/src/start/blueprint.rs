//! The plan of a start, as data: what is staged on the host, and the steps that the child takes to become the guest's init.
//!
//! ```text
//!   stage (a tmpfs in a mount namespace that only the keeper and the child ever see; the working directory of both)
//!   ├── lower     the template, read-only, ids mapped
//!   ├── layer     the container's own layer (upper, work), ids mapped
//!   ├── usr       the host's /usr, read-only, ids mapped            (built-in template only)
//!   ├── dev       a tmpfs with the nodes, and a devpts
//!   ├── run       a tmpfs with /run/host bound read-only into it
//!   └── root      where the child mounts the overlay and moves the others beneath
//! ```
//!
//! The stage is mounted by the host's root before the child's user namespace exists. So the child's copies are locked together with their
//! flags (mount_namespaces(7), "Restrictions on mount namespaces"): root inside can neither make a read-only mount writable nor look beneath one.
//! What the guest may change it mounts itself, with its own rights: overlay, proc, sysfs, cgroup.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use kernel::cgroup::{Generation, Hierarchies};
use kernel::identity::Capabilities;
use kernel::mount::Attributes;
use kernel::namespace::Kind;
use kernel::spawn::{FilePolicy, Pointers, Step};
use nix::sched::CloneFlags;
use nix::sys::resource::Resource;
use nix::unistd::{Gid, Uid};

use crate::config::Host;
use crate::error::{Class, Error};
use crate::network::files::{Existing, GuestFile};
use crate::store::{ContainerConfig, InitPath};

/// Where our init lies inside: bound there read-only from the host's file, so that its pages are shared by all guests.
pub(crate) const INIT_INSIDE: &str = "/run/host/fief/fief-init";

/// The search path of a guest's PID 1 and of programs run from the host. Our tools come first: the guest's own `reboot` may be
/// that of an init that does not run here. Under another init than ours that folder is empty.
pub const PATH: &str = "/run/host/fief/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/host/fief/tools";

/// One thing of the host's that is made ready on the stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// A directory of the host.
    pub from: PathBuf,
    /// Its name on the stage.
    pub at: &'static str,
    /// How it is mounted.
    pub attributes: Attributes,
    /// Whether its owners are shown as the guest's ids map them.
    pub map_ids: bool,
}

/// Everything that a start does, decided before anything is done.
#[derive(Debug)]
pub(crate) struct Blueprint {
    /// The first id of the range.
    pub base: u32,
    /// What lies on the stage.
    pub pieces: Vec<Piece>,
    /// Directories on the stage that an empty, read-only one is laid over.
    pub(crate) hidden: Vec<&'static str>,
    /// What becomes `/run/host`.
    pub view: PathBuf,
    /// The host's `fief-init`.
    pub init: PathBuf,
    /// What the child does after the gate; the last is the exec.
    pub steps: Vec<Step<'static>>,
    /// The namespaces that the child is born into; the cgroup namespace it unshares once it is in its groups.
    pub namespaces: CloneFlags,
}

const QUIET: Attributes = Attributes::NOSUID.and(Attributes::NODEV).and(Attributes::NOEXEC);

impl Blueprint {
    /// The plan for one container. Reads nothing but the host's cgroup set-up, changes nothing.
    ///
    /// # Errors
    /// When the template or the layer is not there, or a text has a NUL byte in it.
    pub(crate) fn draw(host: &Host, config: &ContainerConfig, hierarchies: &Hierarchies, files: &[GuestFile]) -> Result<Self, Error> {
        let rootfs = host.paths.template_rootfs(&config.template);
        let layer = host.paths.container(&config.name).join("layer");
        if !rootfs.is_dir() {
            return Err(Error::new(
                Class::Missing,
                "finding the template",
                format!("{} of template {} is not a directory", rootfs.display(), config.template),
            )
            .advice("fief template list shows what there is"));
        }
        for part in ["upper", "work"] {
            if !layer.join(part).is_dir() {
                let cause = format!("{} is not a directory", layer.join(part).display());
                return Err(
                    Error::new(Class::Start, "finding the container's layer", cause).advice("its files were removed by hand; destroy it")
                );
            }
        }
        let mut pieces = vec![
            Piece { from: rootfs, at: "lower", attributes: Attributes::RDONLY.and(Attributes::NODEV), map_ids: true },
            Piece { from: layer, at: "layer", attributes: Attributes::NODEV, map_ids: true },
        ];
        let mut hidden = Vec::new();
        if config.template.is_builtin() {
            // What the host's owner put there by hand is nobody else's business, and with mapped ids root inside could read all of it.
            hidden.push("usr/local");
            let from = PathBuf::from("/usr");
            pieces.push(Piece { from, at: "usr", attributes: Attributes::RDONLY.and(Attributes::NODEV), map_ids: true });
        }
        let steps = Steps { config, hierarchies, files }
            .all()
            .map_err(|source| Error::new(Class::Value, "planning the start", "a value has a NUL byte in it").source(source))?;
        let born_into = [Kind::User, Kind::Pid, Kind::Mount, Kind::Uts, Kind::Ipc, Kind::Net];
        Ok(Self {
            base: config.ids.base,
            pieces,
            hidden,
            view: host.paths.guest_view(&config.name),
            init: host.init_program()?,
            steps,
            namespaces: born_into.into_iter().fold(CloneFlags::empty(), |all, kind| all | kind.flag()),
        })
    }

    /// The environment of PID 1, as guest-side contracts want it.
    fn environment(config: &ContainerConfig) -> Vec<String> {
        [
            ("container", "fief"),
            ("container_uuid", &config.uuid),
            ("TERM", "linux"),
            ("LANG", "C.UTF-8"),
            ("PATH", PATH),
            ("NOTIFY_SOCKET", "/run/host/notify"),
            ("CREDENTIALS_DIRECTORY", "/run/host/credentials"),
        ]
        .map(|(key, value)| format!("{key}={value}"))
        .to_vec()
    }
}

impl std::fmt::Display for Blueprint {
    /// What `--dry-run` prints.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "on the host, in a mount namespace of the keeper's own:")?;
        for piece in &self.pieces {
            let ids = if piece.map_ids { format!(", ids mapped to {}", self.base) } else { String::new() };
            writeln!(f, "  stage {} at {} ({}{ids})", piece.from.display(), piece.at, piece.attributes)?;
        }
        self.hidden.iter().try_for_each(|name| writeln!(f, "  hide {name}"))?;
        writeln!(f, "  stage a tmpfs at dev with the nodes and a devpts")?;
        writeln!(f, "  stage a tmpfs at run with {} read-only at host", self.view.display())?;
        let namespaces = Kind::ALL.into_iter().filter(|kind| self.namespaces.contains(kind.flag()));
        let namespaces: Vec<&str> = namespaces.map(Kind::file).collect();
        writeln!(
            f,
            "give birth in new namespaces ({}); map ids 0-65535 to {}; enter control groups; connect the network",
            namespaces.join(" "),
            self.base
        )?;
        writeln!(f, "the child, then the guest's init:")?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step}"))
    }
}

struct Steps<'a> {
    config: &'a ContainerConfig,
    hierarchies: &'a Hierarchies,
    files: &'a [GuestFile],
}

type Made<T> = Result<T, std::ffi::NulError>;

impl Steps<'_> {
    fn all(&self) -> Made<Vec<Step<'static>>> {
        let mut steps = vec![
            // All that follows goes by path: what is still open is the keeper's, and must not be there when a path of the guest's is walked.
            Step::CloseAll,
            Step::Identity { uid: Uid::from_raw(0), gid: Gid::from_raw(0), groups: vec![Gid::from_raw(0)], keep_capabilities: false },
            Step::Unshare(Kind::Cgroup.flag()),
            Step::NewSession,
            // As the guest's root, whose it then is.
            Step::NewKeyring,
            Step::Hostname(c(self.config.hostname.as_str())?),
            // What PID 1 makes on the way is as if made by root with the usual mask.
            Step::Umask(0o022),
            Step::Overlay { options: c("lowerdir=lower,upperdir=layer/upper,workdir=layer/work,userxattr")?, place: c("root")? },
        ];
        for name in ["dev", "proc", "sys", "run"] {
            steps.push(directory("", name)?);
        }
        if self.config.template.is_builtin() {
            steps.push(bind("usr", "usr")?);
        }
        steps.push(bind("dev", "dev")?);
        // By the child, for a keeper that takes over must be able to put another terminal there: a mount from the stage could not be taken away.
        steps.push(Step::Bind { from: c("root/dev/pts/0")?, recursive: false, root: c("root")?, place: c("dev/console")? });
        steps.push(bind("run", "run")?);
        let nosuid = Attributes::NOSUID.and(Attributes::NODEV);
        steps.push(new_fs(c"tmpfs", &[("mode", Some("1777"))], nosuid, "dev/shm")?);
        steps.push(new_fs(c"mqueue", &[], QUIET, "dev/mqueue")?);
        steps.push(new_fs(c"proc", &[], QUIET, "proc")?);
        steps.push(new_fs(c"sysfs", &[], QUIET.and(Attributes::RDONLY), "sys")?);
        self.cgroups(&mut steps)?;
        steps.push(Step::PivotRoot(c("root")?));
        for file in self.files {
            steps.push(write_file(file)?);
        }
        steps.push(Step::Bound(Capabilities::GUEST));
        for number in 0..3 {
            steps.push(Step::Open { path: c("/dev/console")?, flags: nix::libc::O_RDWR | nix::libc::O_NOCTTY, mode: 0, number });
        }
        steps.push(Step::Limit(Resource::RLIMIT_CORE, 0, u64::MAX));
        steps.push(Step::DefaultSignals);
        steps.push(self.exec()?);
        Ok(steps)
    }

    /// The guest sees the same kind of tree as the host: pure cgroup2, or the v1 controllers with cgroup2 beside them.
    fn cgroups(&self, steps: &mut Vec<Step<'static>>) -> Made<()> {
        if !self.hierarchies.is_hybrid() {
            steps.push(new_fs(c"cgroup2", &[], QUIET, "sys/fs/cgroup")?);
            return Ok(());
        }
        steps.push(new_fs(c"tmpfs", &[("mode", Some("755"))], QUIET, "sys/fs/cgroup")?);
        for hierarchy in self.hierarchies.all() {
            let name = match hierarchy.generation() {
                Generation::V2 => "unified".to_owned(),
                Generation::V1 => hierarchy.controllers.join(",").trim_start_matches("name=").to_owned(),
            };
            steps.push(directory("sys/fs/cgroup", &name)?);
            let place = format!("sys/fs/cgroup/{name}");
            let options: Vec<(&str, Option<&str>)> = match hierarchy.generation() {
                Generation::V2 => {
                    steps.push(new_fs(c"cgroup2", &[], QUIET, &place)?);
                    continue;
                }
                Generation::V1 => hierarchy.controllers.iter().flat_map(|c| match c.strip_prefix("name=") {
                    Some(name) => vec![("none", None), ("name", Some(name))],
                    None => vec![(c.as_str(), None)],
                }),
            }
            .collect();
            steps.push(new_fs(c"cgroup", &options, QUIET, &place)?);
        }
        Ok(())
    }

    fn exec(&self) -> Made<Step<'static>> {
        let (program, zeroth) = match &self.config.init.path {
            InitPath::Ours => (OsStr::new(INIT_INSIDE), OsStr::new("fief-init")),
            InitPath::Guest(path) => (path.as_os_str(), path.as_os_str()),
        };
        let argv = [Ok(c_os(zeroth)?)].into_iter().chain(self.config.init.args.iter().map(|a| c(a))).collect::<Made<_>>()?;
        let envp = Blueprint::environment(self.config).iter().map(|e| c(e)).collect::<Made<_>>()?;
        Ok(Step::Exec { programs: vec![c_os(program)?], argv: Pointers::new(argv), envp: Pointers::new(envp) })
    }
}

fn c(text: &str) -> Made<CString> {
    CString::new(text)
}

fn c_os(text: &OsStr) -> Made<CString> {
    CString::new(text.as_bytes())
}

fn bind(from: &str, place: &str) -> Made<Step<'static>> {
    Ok(Step::Bind { from: c(from)?, recursive: true, root: c("root")?, place: c(place)? })
}

fn directory(place: &str, name: &str) -> Made<Step<'static>> {
    Ok(Step::MakeDir { root: c("root")?, place: c(place)?, name: c(name)?, mode: 0o755 })
}

fn new_fs(kind: &'static CStr, options: &[(&str, Option<&str>)], attributes: Attributes, place: &str) -> Made<Step<'static>> {
    let options = options.iter().map(|(k, v)| Ok((c(k)?, v.map(c).transpose()?))).collect::<Made<_>>()?;
    Ok(Step::NewFs { kind, options, attributes, root: c("root")?, place: c(place)? })
}

fn write_file(file: &GuestFile) -> Made<Step<'static>> {
    let path = c_os(file.path.as_os_str())?;
    let temporary = [path.as_bytes(), b".fief-new"].concat();
    let policy = match file.existing {
        Existing::Replace => FilePolicy::Always,
        Existing::ReplaceUnlessKept => FilePolicy::UnlessLine(crate::network::files::KEEP),
        Existing::Leave => FilePolicy::IfAbsent,
    };
    Ok(Step::WriteFile { path, temporary: CString::new(temporary)?, text: file.bytes.clone(), mode: file.mode, policy })
}
