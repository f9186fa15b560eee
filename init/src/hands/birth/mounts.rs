//! The file system as one service sees it, as steps for a mount namespace of its own. systemd.exec(5), "Sandboxing".
//!
//! ```text
//! Keep   every place whose flags are to differ from those around it, and what is bound: as it is before anything changes
//! Graft  from the root downwards: read-only trees, what stays writable in them, what is hidden, what is new
//! ```
//!
//! Two sorts of places. A *point* keeps its contents and gets other flags: each is put back as it was, with the flags
//! that the nearest rule at or above it asks for, whichever rules those are. A *content* is something else than was
//! there: a new file system, a bind, an empty place. A point beneath a content is about the new contents.

use std::collections::BTreeMap;
use std::ffi::{CString, NulError};
use std::fs;
use std::path::{Path, PathBuf};

use kernel::mount::Attributes;
use kernel::spawn::{Graft, Material, Missing, Propagation, Slot, Step};
use nix::sched::CloneFlags;
use units::unit::{Access, DirectoryKind, MountPropagation, ProtectHome, ProtectProc, ProtectSystem, Sandbox, Service};

use super::super::directories;
use super::Wanted;
use super::course::{Course, c};

/// Empty places to hide others with.
pub(super) const EMPTY: &str = "/run/fief/empty";

/// What happens at one place.
#[derive(Debug, Clone)]
enum Place {
    /// Its flags: `Some` where a rule changes them from here on.
    Point { read_only: Option<bool>, no_exec: Option<bool> },
    /// Something that is taken from elsewhere.
    Bind { from: String, recursive: bool, optional: bool, read_only: bool },
    /// A new file system, with its options and flags.
    New { kind: &'static std::ffi::CStr, options: Vec<(String, Option<String>)>, set: Attributes },
    /// Nothing to be seen.
    Hidden,
}

/// All places of a service, parents first.
#[derive(Debug, Default)]
struct Map {
    places: BTreeMap<Vec<String>, (Place, &'static str, Missing)>,
    /// In a new /dev.
    links: Vec<(String, PathBuf)>,
}

/// A path by its parts, so that order is that of the tree.
fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

impl Map {
    fn content(&mut self, directive: &'static str, path: &str, missing: Missing, place: Place) {
        self.places.insert(parts(path), (place, directive, missing));
    }

    /// What a rule says about flags; of several about one place the strictest counts, and what is new there keeps.
    fn flag(&mut self, directive: &'static str, path: &str, missing: Missing, wanted: Flag) {
        let entry = self.places.entry(parts(path)).or_insert((Place::Point { read_only: None, no_exec: None }, directive, missing));
        if let Place::Point { read_only, no_exec } = &mut entry.0 {
            let field = if wanted.about_exec { no_exec } else { read_only };
            *field = Some(field.unwrap_or(wanted.restricts) | wanted.restricts);
        }
    }

    /// The flags at a place: of each kind, what the nearest rule at or above it says.
    fn flags(&self, path: &[String]) -> Attributes {
        let near = |of: fn(&Place) -> Option<bool>| {
            (0..=path.len()).rev().find_map(|length| self.places.get(path.get(..length)?).and_then(|(place, _, _)| of(place)))
        };
        let read_only = near(|place| match place {
            Place::Point { read_only, .. } => *read_only,
            Place::Bind { .. } | Place::New { .. } | Place::Hidden => Some(false),
        });
        let no_exec = near(|place| match place {
            Place::Point { no_exec, .. } => *no_exec,
            Place::Bind { .. } | Place::New { .. } | Place::Hidden => Some(false),
        });
        let pick = |on: Option<bool>, flag| if on == Some(true) { flag } else { Attributes::NONE };
        pick(read_only, Attributes::RDONLY).and(pick(no_exec, Attributes::NOEXEC))
    }

    /// Takes out points that change nothing: what may be written in what may be written anyway.
    fn simplify(&mut self) {
        let idle =
            |path: &Vec<String>| (0..=path.len()).all(|length| path.get(..length).is_none_or(|at| self.flags(at) == Attributes::NONE));
        let points = self.places.iter().filter(|(_, (place, _, _))| matches!(place, Place::Point { .. }));
        let idle: Vec<Vec<String>> = points.map(|(path, _)| path).filter(|path| idle(path)).cloned().collect();
        for path in idle {
            self.places.remove(&path);
        }
    }

    /// Whether something new lies at a place above.
    fn is_beneath_content(&self, path: &[String]) -> bool {
        (0..path.len()).any(|length| {
            let above = path.get(..length).and_then(|above| self.places.get(above));
            above.is_some_and(|(place, _, _)| !matches!(place, Place::Point { .. }))
        })
    }
}

/// What a rule about flags asks for.
#[derive(Debug, Clone, Copy)]
struct Flag {
    about_exec: bool,
    restricts: bool,
}

const READ_ONLY: Flag = Flag { about_exec: false, restricts: true };
const READ_WRITE: Flag = Flag { about_exec: false, restricts: false };
const NO_EXEC: Flag = Flag { about_exec: true, restricts: true };
const EXEC: Flag = Flag { about_exec: true, restricts: false };

/// A mount namespace and what is in it, if the service wants any.
pub(super) fn arrange(course: &mut Course<'_>, wanted: &Wanted<'_>) -> Result<(), NulError> {
    let (service, sandbox) = (wanted.service, &wanted.service.sandbox);
    let root = service.execution.root_directory.as_deref();
    let map = draw(wanted);
    let first = map.places.values().next().map(|(_, directive, _)| *directive);
    let wants = root.map(|_| "RootDirectory").or(first);
    let wants = wants.or(sandbox.private_mounts.then_some("PrivateMounts")).or(sandbox.propagation.map(|_| "MountFlags"));
    let Some(wants) = wants else { return Ok(()) };
    course.asked(wants, Step::Unshare(CloneFlags::CLONE_NEWNS));
    course.asked(wants, Step::Propagate(Propagation::Slave));
    let mut kept = BTreeMap::new();
    for (path, (place, directive, _)) in &map.places {
        let (from, recursive, optional) = match place {
            Place::Bind { from, recursive, optional, .. } => (from.clone(), *recursive, *optional),
            Place::Hidden => (hide(root, path), false, true),
            Place::Point { .. } | Place::New { .. } => continue,
        };
        keep(course, &mut kept, path, directive, (&from, recursive, optional))?;
    }
    if let Some(root) = root {
        enter(course, root, service.mounts_api())?;
    }
    for (path, (place, directive, missing)) in &map.places {
        if matches!(place, Place::Point { .. }) && !path.is_empty() && !map.is_beneath_content(path) {
            keep(course, &mut kept, path, directive, (&text(path), true, *missing == Missing::PassedOver))?;
        }
    }
    for (path, (place, directive, missing)) in &map.places {
        let (what, set) = match place {
            Place::Point { .. } => (kept.remove(path).map_or(Material::Itself, Material::Kept), map.flags(path)),
            Place::Bind { read_only, .. } => {
                let set = if *read_only { Attributes::RDONLY } else { Attributes::NONE };
                let Some(slot) = kept.remove(path) else { continue };
                (Material::Kept(slot), set)
            }
            Place::Hidden => {
                let Some(slot) = kept.remove(path) else { continue };
                (Material::Kept(slot), Attributes::RDONLY.and(Attributes::NOEXEC).and(Attributes::NOSUID).and(Attributes::NODEV))
            }
            Place::New { kind, options, set } => {
                let option = |(key, value): &(String, Option<String>)| Ok((c(key.as_str())?, value.as_deref().map(c).transpose()?));
                (Material::New { kind, options: options.iter().map(option).collect::<Result<_, NulError>>()? }, *set)
            }
        };
        course.asked(directive, Step::Graft(Graft { what, set, clear: Attributes::NONE, on: c(text(path))?, missing: *missing }));
    }
    for (path, target) in &map.links {
        let target = c(target.as_os_str().as_encoded_bytes())?;
        course.asked("PrivateDevices", Step::SymbolicLink { target, path: c(path.as_str())? });
    }
    match sandbox.propagation {
        None | Some(MountPropagation::Slave) => {}
        Some(MountPropagation::Shared) => course.asked("MountFlags", Step::Propagate(Propagation::Shared)),
        Some(MountPropagation::Private) => course.asked("MountFlags", Step::Propagate(Propagation::Private)),
    }
    Ok(())
}

fn text(path: &[String]) -> String {
    format!("/{}", path.join("/"))
}

type Kept = BTreeMap<Vec<String>, Slot>;

fn keep(
    course: &mut Course<'_>,
    kept: &mut Kept,
    path: &[String],
    directive: &'static str,
    (from, recursive, optional): (&str, bool, bool),
) -> Result<(), NulError> {
    let slot = Slot::new();
    course.asked(directive, Step::Keep { path: c(from)?, recursive, optional, slot: slot.clone() });
    kept.insert(path.to_vec(), slot);
    Ok(())
}

/// An empty file or directory, whichever is to be hidden.
fn hide(root: Option<&str>, path: &[String]) -> String {
    let there = format!("{}{}", root.unwrap_or_default(), text(path));
    let kind = if fs::metadata(there).is_ok_and(|about| !about.is_dir()) { "file" } else { "directory" };
    format!("{EMPTY}/{kind}")
}

/// Makes the empty places. What fails is told when they are wanted.
pub(super) fn make_empty() {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let _ = fs::DirBuilder::new().recursive(true).mode(0o755).create(EMPTY);
    let _ = fs::DirBuilder::new().mode(0o0).create(Path::new(EMPTY).join("directory"));
    let _ = fs::OpenOptions::new().write(true).create_new(true).mode(0o0).open(Path::new(EMPTY).join("file"));
}

/// The service's own root: bound on itself, since pivot_root(2) wants a mount.
fn enter(course: &mut Course<'_>, root: &str, mount_api: bool) -> Result<(), NulError> {
    let none = Attributes::NONE;
    let graft = |what, on: CString, missing| Step::Graft(Graft { what, set: none, clear: none, on, missing });
    course.asked("RootDirectory", graft(Material::Itself, c(root)?, Missing::Fails));
    for place in ["/proc", "/sys", "/dev", "/run"].into_iter().filter(|_| mount_api) {
        let slot = Slot::new();
        course.asked("MountAPIVFS", Step::Keep { path: c(place)?, recursive: true, optional: false, slot: slot.clone() });
        course.asked("MountAPIVFS", graft(Material::Kept(slot), c(format!("{root}{place}"))?, Missing::Made));
    }
    course.asked("RootDirectory", Step::PivotRoot(c(root)?));
    Ok(())
}

/// What the directives come to.
fn draw(wanted: &Wanted<'_>) -> Map {
    let (service, sandbox) = (wanted.service, &wanted.service.sandbox);
    let mut map = Map::default();
    system(&mut map, service, sandbox);
    homes(&mut map, sandbox);
    kernel(&mut map, sandbox);
    if sandbox.private_devices {
        devices(&mut map);
    }
    if let Some(temporary) = &wanted.shared.temporary {
        for (place, from) in [("/tmp", &temporary.tmp), ("/var/tmp", &temporary.var_tmp)] {
            let from = from.display().to_string();
            map.content(
                "PrivateTmp",
                place,
                Missing::PassedOver,
                Place::Bind { from, recursive: false, optional: false, read_only: false },
            );
        }
    }
    for (path, options) in &sandbox.temporary {
        map.content("TemporaryFileSystem", path, Missing::Made, temporary(options));
    }
    for bind in &sandbox.binds {
        let directive = if bind.read_only { "BindReadOnlyPaths" } else { "BindPaths" };
        let place = Place::Bind { from: bind.from.clone(), recursive: bind.recursive, optional: bind.optional, read_only: bind.read_only };
        map.content(directive, &bind.to, Missing::Made, place);
    }
    private_directories(&mut map, service);
    for rule in &sandbox.paths {
        let missing = if rule.optional { Missing::PassedOver } else { Missing::Fails };
        let directive = rule.access.directive();
        match rule.access {
            Access::ReadWrite => map.flag(directive, &rule.path, missing, READ_WRITE),
            Access::ReadOnly => map.flag(directive, &rule.path, missing, READ_ONLY),
            Access::Exec => map.flag(directive, &rule.path, missing, EXEC),
            Access::NoExec => map.flag(directive, &rule.path, missing, NO_EXEC),
            Access::Inaccessible => map.content(directive, &rule.path, missing, Place::Hidden),
        }
    }
    map.simplify();
    map
}

fn system(map: &mut Map, service: &Service, sandbox: &Sandbox) {
    let name = "ProtectSystem";
    let wanted = sandbox.protect_system;
    if wanted == ProtectSystem::Strict {
        map.flag(name, "/", Missing::Fails, READ_ONLY);
        for path in ["/proc", "/sys", "/dev", "/home", "/root", "/run/user"] {
            map.flag(name, path, Missing::PassedOver, READ_WRITE);
        }
        // What is made for the service is for it to write to.
        for directory in service.directories.0.iter().filter(|directory| directory.kind != DirectoryKind::Configuration) {
            let path = directories::place(service, directory);
            map.flag(name, &path.display().to_string(), Missing::PassedOver, READ_WRITE);
        }
    } else if wanted >= ProtectSystem::Yes {
        for path in ["/usr", "/boot", "/efi"] {
            map.flag(name, path, Missing::PassedOver, READ_ONLY);
        }
        if wanted == ProtectSystem::Full {
            map.flag(name, "/etc", Missing::PassedOver, READ_ONLY);
        }
    }
}

fn homes(map: &mut Map, sandbox: &Sandbox) {
    let name = "ProtectHome";
    for path in ["/home", "/root", "/run/user"] {
        match sandbox.protect_home {
            ProtectHome::No => {}
            ProtectHome::Yes => map.content(name, path, Missing::PassedOver, Place::Hidden),
            ProtectHome::ReadOnly => map.flag(name, path, Missing::PassedOver, READ_ONLY),
            ProtectHome::Tmpfs => map.content(name, path, Missing::PassedOver, temporary("mode=0755,ro,nosuid,nodev,noexec")),
        }
    }
}

fn kernel(map: &mut Map, sandbox: &Sandbox) {
    let proc = match sandbox.protect_proc {
        ProtectProc::Default => None,
        ProtectProc::NoAccess => Some("noaccess"),
        ProtectProc::Invisible => Some("invisible"),
        ProtectProc::Ptraceable => Some("ptraceable"),
    };
    if proc.is_some() || sandbox.only_processes {
        let mut options = Vec::new();
        options.extend(proc.map(|how| ("hidepid".to_owned(), Some(how.to_owned()))));
        options.extend(sandbox.only_processes.then(|| ("subset".to_owned(), Some("pid".to_owned()))));
        let set = Attributes::NOSUID.and(Attributes::NODEV).and(Attributes::NOEXEC);
        let name = if proc.is_some() { "ProtectProc" } else { "ProcSubset" };
        map.content(name, "/proc", Missing::Fails, Place::New { kind: c"proc", options, set });
    }
    if sandbox.kernel_tunables {
        let name = "ProtectKernelTunables";
        for path in [
            "/proc/acpi",
            "/proc/apm",
            "/proc/asound",
            "/proc/bus",
            "/proc/fs",
            "/proc/irq",
            "/proc/latency_stats",
            "/proc/mtrr",
            "/proc/scsi",
            "/proc/sys",
            "/proc/sysrq-trigger",
            "/proc/timer_stats",
            "/sys",
        ] {
            map.flag(name, path, Missing::PassedOver, READ_ONLY);
        }
        for path in ["/proc/kallsyms", "/proc/kcore"] {
            map.content(name, path, Missing::PassedOver, Place::Hidden);
        }
        if !sandbox.control_groups {
            map.flag(name, "/sys/fs/cgroup", Missing::PassedOver, READ_WRITE);
        }
    }
    if sandbox.control_groups {
        map.flag("ProtectControlGroups", "/sys/fs/cgroup", Missing::PassedOver, READ_ONLY);
    }
    if sandbox.kernel_modules {
        map.content("ProtectKernelModules", "/usr/lib/modules", Missing::PassedOver, Place::Hidden);
    }
    if sandbox.kernel_logs {
        for path in ["/proc/kmsg", "/dev/kmsg"] {
            map.content("ProtectKernelLogs", path, Missing::PassedOver, Place::Hidden);
        }
    }
}

/// A /dev of pseudo devices. Nodes cannot be made in a user namespace: those that are there are bound.
fn devices(map: &mut Map) {
    let name = "PrivateDevices";
    let set = Attributes::NOSUID.and(Attributes::NOEXEC);
    let options = vec![("mode".to_owned(), Some("0755".to_owned()))];
    map.content(name, "/dev", Missing::Fails, Place::New { kind: c"tmpfs", options, set });
    // /dev/log is the way to the log, not a device.
    for node in [
        "null",
        "zero",
        "full",
        "random",
        "urandom",
        "tty",
        "pts",
        "ptmx",
        "shm",
        "mqueue",
        "hugepages",
        "log",
        "fd",
        "stdin",
        "stdout",
        "stderr",
    ] {
        let path = format!("/dev/{node}");
        match fs::read_link(&path) {
            Ok(target) => map.links.push((path, target)),
            Err(_) => {
                let bind = Place::Bind { from: path.clone(), recursive: true, optional: true, read_only: false };
                map.content(name, &path, Missing::Made, bind);
            }
        }
    }
}

/// Of a user made up for the time: what is kept for it lies where nobody else of that number gets.
fn private_directories(map: &mut Map, service: &Service) {
    if !service.execution.dynamic_user {
        return;
    }
    for directory in &service.directories.0 {
        let place = directories::place(service, directory).display().to_string();
        let Some(private) = directories::private_root(directory.kind) else { continue };
        map.content("DynamicUser", private, Missing::PassedOver, temporary("mode=0755"));
        map.content(
            "DynamicUser",
            &place,
            Missing::Made,
            Place::Bind { from: place.clone(), recursive: true, optional: false, read_only: false },
        );
    }
}

/// Options of a tmpfs, those of the mount apart.
fn temporary(options: &str) -> Place {
    let mut set = Attributes::NODEV;
    let mut own = vec![("mode".to_owned(), Some("0755".to_owned()))];
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => set = set.and(Attributes::RDONLY),
            "nosuid" => set = set.and(Attributes::NOSUID),
            "noexec" => set = set.and(Attributes::NOEXEC),
            "rw" | "nodev" | "suid" | "exec" | "strictatime" | "relatime" => {}
            option => {
                let (key, value) = option.split_once('=').map_or((option, None), |(key, value)| (key, Some(value.to_owned())));
                own.retain(|(known, _)| known != key);
                own.push((key.to_owned(), value));
            }
        }
    }
    Place::New { kind: c"tmpfs", options: own, set }
}
