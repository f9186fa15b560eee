//! A running guest as one who enters it needs it: its init by descriptor, and everything else through that.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use kernel::beneath::Dir;
use kernel::cgroup::{Group, Hierarchies};
use kernel::namespace::{self, Kind};
use kernel::pidfd::PidFd;
use kernel::pty::{self, Pty};
use nix::sys::stat::{SFlag, fstat, major};
use nix::sys::statfs::{DEVPTS_SUPER_MAGIC, fstatfs};
use nix::unistd::Pid;

use super::accounts::{Accounts, Person};
use crate::config::Host;
use crate::error::{Class, Error, OrFail as _};
use crate::start::{self, Groups, Request};
use crate::store::record::Observed;
use crate::store::{self, ContainerName, Phase, RuntimeRecord};

const STEP: &str = "entering the container";

/// How often a guest that is rebooting is waited for.
const PATIENCE: usize = 8;

/// The major numbers of pseudo-terminals' ends; Documentation/admin-guide/devices.txt.
const UNIX98_PEERS: std::ops::RangeInclusive<u64> = 136..=143;

/// A guest that can be entered.
#[derive(Debug)]
pub(super) struct Guest {
    name: ContainerName,
    pidfd: PidFd,
    /// In the order in which they are entered.
    pub(super) namespaces: Vec<(Kind, OwnedFd)>,
    base: u32,
    groups: Groups,
}

impl Guest {
    /// Opens all of it by the host's `/proc`, and looks twice that it was one and the same process from beginning to end. The root of its
    /// file system comes apart: no directory may be open when somebody goes in (CVE-2024-21626).
    ///
    /// # Errors
    /// When the container does not run, is frozen, or ends meanwhile.
    pub(super) fn open(host: &Host, name: &ContainerName) -> Result<(Self, Dir), Error> {
        let (guest, root) = Self::find(host, name)?;
        guest.stands_still()?;
        Ok((guest, root))
    }

    /// The same of one that may be frozen, to look at.
    pub(super) fn find(host: &Host, name: &ContainerName) -> Result<(Self, Dir), Error> {
        let config = store::find(host, name)?;
        let record = record(host, name)?;
        let groups = Groups::of(host, name)?;
        let mark = record.init.ok_or_else(|| gone(name))?;
        let pid = Pid::from_raw(mark.pid);
        let pidfd = PidFd::open(pid).map_err(|_| gone(name))?;
        // Looked at after the descriptor was opened: the descriptor is then of the process recorded.
        if !mark.is_alive() {
            return Err(gone(name));
        }
        let root = Dir::open(Path::new(&format!("/proc/{pid}/root/."))).or_fail(Class::Start, STEP, || "the guest's root".into());
        let namespaces = all_of(pid);
        // It has not ended up to here, so its number was its own all the time, and so is what was opened by it.
        if pidfd.has_ended() {
            return Err(gone(name));
        }
        let (root, namespaces) = (root?, namespaces?);
        let guest = Self { name: name.clone(), pidfd, namespaces, base: config.ids.base, groups };
        guest.is_a_guest(&root)?;
        Ok((guest, root))
    }

    /// Neither the host nor a guest in the making, which still has the host's root.
    fn is_a_guest(&self, theirs: &Dir) -> Result<(), Error> {
        let outside = || -> io::Result<bool> {
            for (kind, theirs) in &self.namespaces {
                if matches!(kind, Kind::User | Kind::Mount | Kind::Pid) && inode(theirs)? == inode(&namespace::own(*kind)?)? {
                    return Ok(true);
                }
            }
            let root = std::fs::metadata("/")?;
            Ok(inode(theirs)? == (root.dev(), root.ino()))
        };
        match outside().or_fail(Class::Internal, STEP, || "comparing namespaces".into())? {
            true => Err(Error::new(Class::State, STEP, format!("{} is still being made", self.name))),
            false => Ok(()),
        }
    }

    /// Who joins a frozen group stands still in it.
    fn stands_still(&self) -> Result<(), Error> {
        let asked = |group: &Group| group.read_unified("cgroup.freeze").is_some_and(|text| text.trim() == "1");
        let frozen = |group: &Group| group.is_frozen() || asked(group);
        if frozen(&self.groups.limit) || frozen(&self.groups.guest) || frozen(&self.groups.guest.child("exec")) {
            return Err(Error::new(Class::State, STEP, format!("{} is frozen", self.name)).advice(format!("fief thaw {}", self.name)));
        }
        Ok(())
    }

    /// The groups to join, open. On cgroup2 one beneath the guest's: a group with controllers given on to its children holds no process
    /// itself (cgroup-v2.rst, "No Internal Process Constraint"). It is the guest's own, like the rest of its tree.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn groups(&self) -> Result<Vec<OwnedFd>, Error> {
        let Hierarchies { unified, v1 } = self.groups.hierarchies.clone();
        let unified = Hierarchies { unified, v1: Vec::new() }.group(self.groups.guest.path().join("exec"));
        let v1 = Hierarchies { unified: None, v1 }.group(self.groups.guest.path());
        let open = || {
            unified.create()?;
            unified.delegate(self.base, self.base)?;
            let mut files = unified.entrances()?;
            files.extend(v1.entrances()?);
            Ok::<_, io::Error>(files)
        };
        // The guest may take away a group that is empty.
        open().or_else(|_| open()).map_err(|e| self.instead(Error::new(Class::Start, STEP, "the guest's control groups").source(e)))
    }

    /// A terminal of the guest's own devpts, `owner`'s.
    ///
    /// # Errors
    /// When the guest has no devpts at `/dev/pts`, or it is not one.
    pub(super) fn terminal(&self, root: &Dir, accounts: &Accounts, owner: &Person) -> Result<Pty, Error> {
        const STEP: &str = "opening a terminal of the guest";
        let fail = |cause: &str, e: io::Error| Error::new(Class::Start, STEP, cause.to_owned()).source(e);
        let no =
            |cause: &str| Error::new(Class::Start, STEP, format!("{cause} is not a devpts")).advice("fief exec works with pipes: … | cat");
        let is_devpts = |fd: &OwnedFd| fstatfs(fd).is_ok_and(|s| s.filesystem_type() == DEVPTS_SUPER_MAGIC);
        let devpts = root.dir(Path::new("dev/pts")).map_err(|e| fail("/dev/pts", e))?;
        if fstatfs(&devpts).map_err(|e| fail("/dev/pts", e.into()))?.filesystem_type() != DEVPTS_SUPER_MAGIC {
            return Err(no("/dev/pts"));
        }
        let pty = pty::open_in(devpts.as_fd()).map_err(|e| fail("/dev/pts/ptmx", e.into()))?;
        // A node of that name could have been bound over; what answers must be a pair of this kind.
        if !is_devpts(&pty.master) || !is_devpts(&pty.peer) || !is_peer(&pty.peer) {
            return Err(no("/dev/pts/ptmx"));
        }
        nix::unistd::fchown(&pty.peer, Some((self.base + owner.uid).into()), Some((self.base + accounts.tty()).into()))
            .map_err(|e| fail("its owner", e.into()))?;
        Ok(pty)
    }

    /// The failure to tell when something failed inside: that of a guest that ended meanwhile is that it ended.
    pub(super) fn instead(&self, error: Error) -> Error {
        if self.pidfd.has_ended() { gone(&self.name) } else { error }
    }
}

/// The record of a guest that is up: one that is being booted is waited for.
fn record(host: &Host, name: &ContainerName) -> Result<RuntimeRecord, Error> {
    for _ in 0..PATIENCE {
        match start::settle(host, name)? {
            // It answers when the guest's init runs; before, the child that will be init is not yet in the guest.
            Observed::Starting(_) => drop(start::ask(host, name, STEP, &Request::Wait)?),
            Observed::Running(record) | Observed::Stopping(record) | Observed::KeeperLost(record) if record.phase != Phase::Starting => {
                return Ok(record);
            }
            seen => {
                return Err(Error::new(Class::State, STEP, format!("{name} is {}", seen.word())).advice(format!("fief start {name}")));
            }
        }
    }
    Err(Error::new(Class::State, STEP, format!("{name} is starting")).advice(format!("fief logs {name}")))
}

/// All its namespaces in the order of entering. The time namespace was made by the host's root and is the host's: it is entered with the host's
/// rights, before the user namespace; the others are the guest's.
fn all_of(pid: Pid) -> Result<Vec<(Kind, OwnedFd)>, Error> {
    let order = std::iter::once(Kind::Time).chain(Kind::ALL.into_iter().filter(|k| *k != Kind::Time));
    order
        .map(|kind| {
            let opened = namespace::of(pid, kind).or_fail(Class::Start, STEP, || format!("the guest's {} namespace", kind.file()));
            opened.map(|fd| (kind, fd))
        })
        .collect()
}

fn gone(name: &ContainerName) -> Error {
    Error::new(Class::State, STEP, format!("{name} has just ended"))
}

fn inode(fd: &impl AsFd) -> io::Result<(u64, u64)> {
    let stat = fstat(fd)?;
    Ok((stat.st_dev, stat.st_ino))
}

fn is_peer(fd: &OwnedFd) -> bool {
    fstat(fd)
        .is_ok_and(|s| SFlag::from_bits_truncate(s.st_mode) & SFlag::S_IFMT == SFlag::S_IFCHR && UNIX98_PEERS.contains(&major(s.st_rdev)))
}
