//! The stage: what the host's root makes ready before the child exists. See [`super::blueprint`].

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use kernel::mount::{self, Attributes, Tree};
use kernel::namespace::{self, IdRange, Kind};
use kernel::pty::{self, Pty};
use nix::sys::stat::{Mode, SFlag, makedev, mknodat};

use super::blueprint::{Blueprint, Piece};
use crate::error::{Class, Error};

const STEP: &str = "staging the root file system";

/// The id of group `tty` in every Linux distribution; grantpt(3) and devpts's `gid=5` rest on it.
const TTY: u32 = 5;

/// The keeper's private mount namespace with the stage as its working directory. Dropped, the keeper is back in the host's, and the
/// private one ends with the last process in it: no mount is left, whatever happens to the keeper.
#[derive(Debug)]
pub(crate) struct Stage {
    back: Back,
    console: Pty,
}

impl Stage {
    /// Builds it at the directory `at`.
    ///
    /// # Errors
    /// When the kernel refuses a mount: the cause says which.
    pub(crate) fn build(plan: &Blueprint, at: &Path) -> Result<Self, Error> {
        let home = namespace::own(Kind::Mount).map_err(|e| fail("cannot open the host's mount namespace", e))?;
        namespace::leave(Kind::Mount).map_err(|e| fail("cannot make a mount namespace", e.into()))?;
        // From here on every way out goes back.
        let back = Back(home);
        mount::slave_all().map_err(|e| fail("cannot cut the mount namespace off", e.into()))?;
        let ids = IdRange { base: plan.base, count: 1 << 16 };
        let userns = namespace::id_map(ids).map_err(|e| fail("cannot make the id map", e))?;

        // Mode 711: the child, who is nobody here, walks through it by name.
        let stage = tmpfs(&[("mode", "711"), ("size", "1m")], Attributes::NOSUID)?;
        let place = mount::place(at).map_err(|e| fail(&at.display().to_string(), e))?;
        stage.attach(place.as_fd()).map_err(|e| fail("cannot attach the stage", e.into()))?;
        std::env::set_current_dir(at).map_err(|e| fail("cannot enter the stage", e))?;

        for name in plan.pieces.iter().map(|p| p.at).chain(["dev", "run", "root"]) {
            fs::create_dir(name).and_then(|()| chmod(name, 0o711)).map_err(|e| fail(name, e))?;
        }
        for piece in &plan.pieces {
            lay(piece, userns.as_fd())?;
        }
        for name in plan.hidden.iter().filter(|name| Path::new(name).is_dir()) {
            attach(&tmpfs(&[("mode", "755"), ("size", "4k")], Attributes::RDONLY.and(Attributes::NODEV).and(Attributes::NOSUID))?, name)?;
        }
        let console = devices(plan.base)?;
        run(plan)?;
        Ok(Self { back, console })
    }

    /// Leaves the stage to the child, which has a copy of it, and gives the guest's console.
    #[must_use]
    pub(crate) fn go_home(self) -> Pty {
        drop(self.back);
        self.console
    }
}

/// The way back into the host's mount namespace, taken when dropped.
#[derive(Debug)]
struct Back(OwnedFd);

impl Drop for Back {
    fn drop(&mut self) {
        // setns(2) takes the root and working directory along to the namespace's root.
        if let Err(e) = namespace::enter(&self.0, Kind::Mount) {
            log::error!("cannot go back to the host's mount namespace: {e}");
        }
    }
}

/// One directory of the host on the stage.
fn lay(piece: &Piece, userns: std::os::fd::BorrowedFd<'_>) -> Result<(), Error> {
    let from = piece.from.display();
    let tree = Tree::clone_of_path(&piece.from).map_err(|e| fail(&format!("cannot clone the mount of {from}"), e))?;
    tree.set(piece.attributes).map_err(|e| fail(&format!("cannot set {} on {from}", piece.attributes), e.into()))?;
    if piece.map_ids {
        tree.map_ids(userns).map_err(|e| {
            fail(&format!("cannot map the ids of {from}"), e.into())
                .advice("its file system must support id-mapped mounts: ext4, xfs, btrfs; overlayfs and NFS do not")
        })?;
    }
    attach(&tree, piece.at)
}

/// `/dev`: a tmpfs with the nodes that every container has, and its own devpts, whose first terminal is the console. Made by the host's root, whose nodes
/// work; what the guest would mount itself is `nodev` in effect.
fn devices(base: u32) -> Result<Pty, Error> {
    let dev = tmpfs(&[("mode", "755"), ("size", "512k"), ("uid", &base.to_string()), ("gid", &base.to_string())], Attributes::NOSUID)?;
    attach(&dev, "dev")?;
    let dir = File::open("dev").map_err(|e| fail("dev", e))?;
    for (name, major, minor) in [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)] {
        mknodat(&dir, name, SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(major, minor))
            .map_err(io::Error::from)
            .and_then(|()| chmod(Path::new("dev").join(name), 0o666))
            .and_then(|()| give(&Path::new("dev").join(name), base, if name == "tty" { base + TTY } else { base }))
            .map_err(|e| fail(&format!("cannot make the device {name}"), e))?;
    }
    let made = || -> io::Result<()> {
        for (name, target) in [
            ("ptmx", "pts/ptmx"),
            ("fd", "/proc/self/fd"),
            ("stdin", "fd/0"),
            ("stdout", "fd/1"),
            ("stderr", "fd/2"),
            ("core", "/proc/kcore"),
        ] {
            symlink(target, Path::new("dev").join(name))?;
        }
        for name in ["pts", "shm", "mqueue"] {
            fs::create_dir(Path::new("dev").join(name))?;
            give(&Path::new("dev").join(name), base, base)?;
        }
        File::create("dev/console").map(drop)
    };
    made().map_err(|e| fail("cannot furnish /dev", e))?;

    let group = (base + TTY).to_string();
    let options = [(c"gid", group.as_str()), (c"mode", "620"), (c"ptmxmode", "666")];
    let options = options.map(|(k, v)| std::ffi::CString::new(v).map(|v| (k, v)));
    let options = options.into_iter().collect::<Result<Vec<_>, _>>().map_err(|e| fail("devpts", e.into()))?;
    let devpts = Tree::new(c"devpts", options.iter().map(|(k, v)| (*k, Some(v.as_c_str()))), Attributes::NOSUID.and(Attributes::NOEXEC))
        .map_err(|e| fail("cannot make a devpts", e.into()))?;
    attach(&devpts, "dev/pts")?;
    let pts = File::open("dev/pts").map_err(|e| fail("dev/pts", e))?;
    let console = pty::open_in(pts.as_fd()).map_err(|e| fail("cannot open the console", e.into()))?;
    nix::unistd::fchown(&console.peer, Some(base.into()), Some((base + TTY).into())).map_err(|e| fail("the console", e.into()))?;
    Ok(console)
}

/// `/run`: a tmpfs, and in it what the host tells the guest.
fn run(plan: &Blueprint) -> Result<(), Error> {
    let base = plan.base.to_string();
    let run = tmpfs(&[("mode", "755"), ("uid", &base), ("gid", &base)], Attributes::NOSUID.and(Attributes::NODEV))?;
    attach(&run, "run")?;
    let made = || -> io::Result<()> {
        fs::create_dir("run/host")?;
        fs::create_dir("run/lock")?;
        chmod("run/lock", 0o1777)?;
        ["run/host", "run/lock"].iter().try_for_each(|d| give(Path::new(d), plan.base, plan.base))
    };
    made().map_err(|e| fail("cannot furnish /run", e))?;
    let view = Tree::clone_of_path(&plan.view).map_err(|e| fail(&plan.view.display().to_string(), e))?;
    let read_only = Attributes::RDONLY.and(Attributes::NOSUID).and(Attributes::NODEV);
    view.set(read_only).map_err(|e| fail("cannot make /run/host read-only", e.into()))?;
    attach(&view, "run/host")?;
    let init = Tree::clone_of_path(&plan.init).map_err(|e| fail(&plan.init.display().to_string(), e))?;
    init.set(read_only).map_err(|e| fail("cannot make fief-init read-only", e.into()))?;
    attach(&init, "run/host/fief/fief-init")
}

fn tmpfs(options: &[(&str, &str)], attributes: Attributes) -> Result<Tree, Error> {
    let c = |t: &str| std::ffi::CString::new(t).map_err(|e| fail("tmpfs", e.into()));
    let options = options.iter().map(|(k, v)| Ok((c(k)?, c(v)?))).collect::<Result<Vec<_>, Error>>()?;
    Tree::new(c"tmpfs", options.iter().map(|(k, v)| (k.as_c_str(), Some(v.as_c_str()))), attributes)
        .map_err(|e| fail("cannot make a tmpfs", e.into()))
}

fn attach(tree: &Tree, at: &str) -> Result<(), Error> {
    let place = mount::place(Path::new(at)).map_err(|e| fail(at, e))?;
    tree.attach(place.as_fd()).map_err(|e| fail(&format!("cannot attach {at}"), e.into()))
}

fn chmod(path: impl AsRef<Path>, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn give(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    std::os::unix::fs::chown(path, Some(uid), Some(gid))
}

fn fail(cause: &str, source: io::Error) -> Error {
    Error::new(Class::Start, STEP, cause).source(source)
}
