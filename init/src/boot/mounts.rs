//! The mounts a system needs, made where the manager has not.
//!
//! Data first: [`WANTED`] says what should be where; the walk makes what is missing and
//! reports, once, what was not permitted. mount(2), and the container interface of systemd for
//! the list.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

/// One file system and where it belongs.
struct Wanted {
    place: &'static str,
    kind: &'static str,
    flags: MsFlags,
    options: &'static str,
}

const NOSUID_NODEV: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);
const NOTHING: MsFlags = NOSUID_NODEV.union(MsFlags::MS_NOEXEC);

const WANTED: &[Wanted] = &[
    Wanted { place: "/proc", kind: "proc", flags: NOTHING, options: "" },
    Wanted { place: "/sys", kind: "sysfs", flags: NOTHING.union(MsFlags::MS_RDONLY), options: "" },
    Wanted { place: "/dev", kind: "devtmpfs", flags: MsFlags::MS_NOSUID, options: "mode=755" },
    Wanted {
        place: "/dev/pts",
        kind: "devpts",
        flags: MsFlags::MS_NOSUID.union(MsFlags::MS_NOEXEC),
        options: "newinstance,gid=5,mode=620,ptmxmode=666",
    },
    Wanted { place: "/dev/shm", kind: "tmpfs", flags: NOSUID_NODEV, options: "mode=1777" },
    Wanted { place: "/run", kind: "tmpfs", flags: NOSUID_NODEV, options: "mode=755" },
];

const CGROUPS: Wanted = Wanted { place: "/sys/fs/cgroup", kind: "cgroup2", flags: NOTHING, options: "nsdelegate" };

/// The id of this boot, as the kernel would write it.
pub(crate) const BOOT_ID: &str = "/run/fief/boot-id";
const KERNELS: &str = "/proc/sys/kernel/random/boot_id";

/// Make what is missing. Each string is one thing that could not be had.
pub(super) fn complete() -> Vec<String> {
    let mut missing = Vec::new();
    for wanted in WANTED {
        if is_mount(wanted.place) || serves(wanted) {
            continue;
        }
        if let Err(errno) = make(wanted) {
            missing.push(format!("no {} on {}: {}", wanted.kind, wanted.place, errno.desc()));
        }
    }
    if Path::new(CGROUPS.place).is_dir()
        && !is_mount(CGROUPS.place)
        && let Err(errno) = make(&CGROUPS)
    {
        missing.push(format!("no control groups: {}", errno.desc()));
    }
    links();
    if let Err(error) = have_own_boot_id() {
        missing.push(format!("no boot id of its own: {}", crate::say::reason(&error)));
    }
    missing
}

/// The kernel's id is that of the host's boot, and the same after the guest's next. Who waits for a reboot waits for another one (Ansible),
/// and who keeps things by boots tells them apart by it. So each boot of the guest's has its own, in the kernel's place, as in a container
/// of systemd-nspawn's. random(4), sd_id128_get_boot(3).
fn have_own_boot_id() -> std::io::Result<()> {
    if Path::new(BOOT_ID).exists() {
        // PID 1 has begun over; the boot is the same.
        return Ok(());
    }
    if let Some(folder) = Path::new(BOOT_ID).parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(BOOT_ID, crate::file::read_text("/proc/sys/kernel/random/uuid", 64)?)?;
    let none = None::<&str>;
    mount(Some(BOOT_ID), KERNELS, none, MsFlags::MS_BIND, none)?;
    Ok(mount(none, KERNELS, none, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | NOTHING, none)?)
}

/// Whether the place already does its work without being a mount: an image with a plain,
/// writable /run is good enough where mounting is not permitted, yet a fresh one is better, so
/// only /dev with a usable null counts.
fn serves(wanted: &Wanted) -> bool {
    // Not tried by writing to it: that would make a file where there is none.
    wanted.place == "/dev" && fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == libc::makedev(1, 3))
}

fn make(wanted: &Wanted) -> Result<(), Errno> {
    match fs::create_dir(wanted.place) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)));
        }
        _ => {}
    }
    mount(Some(wanted.kind), wanted.place, Some(wanted.kind), wanted.flags, Some(wanted.options))
}

/// A mount point has another device than the folder it is in.
fn is_mount(place: &str) -> bool {
    let path = Path::new(place);
    let parent = path.parent().unwrap_or(Path::new("/"));
    match (fs::symlink_metadata(path), fs::symlink_metadata(parent)) {
        (Ok(here), Ok(above)) => here.is_dir() && here.dev() != above.dev(),
        _ => false,
    }
}

/// The names under /dev that shells and programs take for granted.
fn links() {
    for (name, target) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
        ("/dev/ptmx", "pts/ptmx"),
        ("/var/run", "/run"),
        ("/var/lock", "/run/lock"),
    ] {
        if fs::symlink_metadata(name).is_err() {
            let _ = std::os::unix::fs::symlink(target, name);
        }
    }
}
