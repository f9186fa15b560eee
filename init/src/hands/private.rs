//! What the processes of one unit share with each other and nobody else: temporary files, network, IPC. systemd.exec(5), `PrivateTmp=` and
//! the like.
//!
//! Made when the first process wants it. A unit that joins another's holds the same; it goes with the last of them.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use kernel::again::hand_over;
use kernel::namespace::{self, Kind};
use serde::{Deserialize, Serialize};
use supervisor::Life;
use units::unit::{Sandbox, Service};

use super::Hands;
use super::birth::Stillborn;
use super::gone::Gone;
use crate::again::Inherited;
use crate::file;

/// Two directories that only a mount leads to: those above them are root's alone.
#[derive(Debug)]
pub(super) struct Temporary {
    pub(super) tmp: PathBuf,
    pub(super) var_tmp: PathBuf,
}

/// What [`Private`] is, written down.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct PrivateNote {
    temporary: Option<(PathBuf, PathBuf)>,
    /// The number of the descriptor, and which namespace it is.
    network: Option<(i32, u64)>,
    ipc: Option<(i32, u64)>,
}

/// Of one life.
#[derive(Debug, Default)]
pub(super) struct Private {
    pub(super) temporary: Option<Rc<Temporary>>,
    pub(super) network: Option<Rc<OwnedFd>>,
    pub(super) ipc: Option<Rc<OwnedFd>>,
}

impl Private {
    /// Takes over what another unit has, as far as this one wants it to be private.
    pub(super) fn join(&mut self, other: &Self, sandbox: &Sandbox) {
        if sandbox.private_tmp {
            self.temporary = self.temporary.take().or_else(|| other.temporary.clone());
        }
        if sandbox.private_network {
            self.network = self.network.take().or_else(|| other.network.clone());
        }
        if sandbox.private_ipc {
            self.ipc = self.ipc.take().or_else(|| other.ipc.clone());
        }
    }

    /// Makes what is wanted and not there yet. Returns, by directive, what could not be had.
    pub(super) fn complete(&mut self, sandbox: &Sandbox, invocation: &str) -> Vec<(&'static str, io::Error)> {
        let mut failed = Vec::new();
        if sandbox.private_tmp && self.temporary.is_none() {
            match Temporary::make(invocation) {
                Ok(made) => self.temporary = Some(Rc::new(made)),
                Err(error) => failed.push(("PrivateTmp", error)),
            }
        }
        let wanted = [
            ("PrivateNetwork", sandbox.private_network, &sandbox.network_path, Kind::Net, &mut self.network),
            ("PrivateIPC", sandbox.private_ipc, &sandbox.ipc_path, Kind::Ipc, &mut self.ipc),
        ];
        for (directive, wanted, path, kind, place) in wanted {
            // One that is there already comes first; it is opened for each process, as a path may lead elsewhere by then.
            if !wanted || path.is_some() || place.is_some() {
                continue;
            }
            match namespace::empty(kind) {
                Ok(made) => *place = Some(Rc::new(made)),
                Err(error) => failed.push((directive, error)),
            }
        }
        failed
    }

    /// Written down: places and numbers. Whoever shares has the same.
    pub(super) fn note(&self) -> PrivateNote {
        let temporary = self.temporary.as_ref().map(|shared| (shared.tmp.clone(), shared.var_tmp.clone()));
        let [network, ipc] = [&self.network, &self.ipc].map(|shared| shared.as_ref().map(|fd| (hand_over(&**fd), is_of(fd))));
        PrivateNote { temporary, network, ipc }
    }

    /// What the processes of a life shared in an earlier life of the program; those `others` may have it already.
    pub(super) fn resumed<'a>(note: PrivateNote, inherited: &mut Inherited, others: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let held = note.temporary.as_ref().and_then(|(tmp, _)| others.clone().filter_map(|o| o.temporary.as_ref()).find(|o| o.tmp == *tmp));
        let temporary = match (held, note.temporary) {
            (Some(held), _) => Some(held.clone()),
            (None, Some((tmp, var_tmp))) => Some(Rc::new(Temporary { tmp, var_tmp })),
            (None, None) => None,
        };
        let mut namespace = |note: Option<(i32, u64)>| {
            let (number, inode) = note?;
            let mut all = others.clone().flat_map(|other| [&other.network, &other.ipc]).flatten();
            all.find(|fd| is_of(fd) == inode).cloned().or_else(|| inherited.take(number).map(Rc::new))
        };
        Self { temporary, network: namespace(note.network), ipc: namespace(note.ipc) }
    }

    /// The life is over; what nobody else holds goes.
    pub(super) fn end(self) -> Vec<Gone> {
        let alone = self.temporary.and_then(|shared| Rc::try_unwrap(shared).ok());
        alone
            .into_iter()
            .flat_map(|temporary| [temporary.tmp, temporary.var_tmp])
            .filter_map(|place| Gone::of(place.parent()?, &place))
            .collect()
    }
}

impl Temporary {
    /// The name is the life's own, which nobody can know beforehand. There already: made by an earlier PID 1, whose lives these are.
    fn make(invocation: &str) -> io::Result<Self> {
        Self::make_in(Path::new("/tmp"), Path::new("/var/tmp"), invocation)
    }

    fn make_in(tmp: &Path, var_tmp: &Path, invocation: &str) -> io::Result<Self> {
        let make = |root: &Path| {
            let above = root.join(format!("fief-private-{invocation}"));
            let place = above.join("tmp");
            for (path, mode) in [(&above, 0o700), (&place, 0o1777)] {
                match fs::DirBuilder::new().mode(mode).create(path) {
                    // The umask has taken from it.
                    Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(mode))?,
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_root_s(path) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(place)
        };
        let tmp = make(tmp)?;
        let var_tmp = make(var_tmp).inspect_err(|_| {
            // Nobody knows of it, so nobody would take it away.
            let _ = fs::remove_dir(&tmp).and_then(|()| tmp.parent().map_or(Ok(()), fs::remove_dir));
        })?;
        Ok(Self { tmp, var_tmp })
    }
}

/// Which namespace; namespaces(7).
fn is_of(namespace: &OwnedFd) -> u64 {
    nix::sys::stat::fstat(namespace).map_or(0, |about| about.st_ino)
}

fn is_root_s(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::symlink_metadata(path).is_ok_and(|about| about.is_dir() && about.uid() == 0)
}

impl Hands {
    /// Makes what the unit's processes share, once, or takes it from a unit that is up and says so.
    pub(super) fn complete_private(&mut self, life: Life, service: &Service) -> Result<(), Stillborn> {
        let sandbox = &service.sandbox;
        let Some(mut private) = self.bodies.get_mut(&life).map(|body| std::mem::take(&mut body.private)) else { return Ok(()) };
        for name in &sandbox.joins {
            if let Some(other) = self.bodies.values().rev().find(|body| body.unit == *name) {
                private.join(&other.private, sandbox);
            }
        }
        let Some(body) = self.bodies.get_mut(&life) else { return Ok(()) };
        let failed = private.complete(sandbox, &body.invocation);
        body.private = private;
        for (directive, error) in failed {
            if sandbox.strict {
                return Err(Stillborn::of(file::about(directive, error)));
            }
            self.does_without(life, directive, &error.to_string());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn of_two_directories_that_cannot_both_be_had_none_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let made = Temporary::make_in(folder.path(), folder.path(), "both").unwrap();
        assert_eq!(fs::metadata(&made.tmp).unwrap().permissions().mode() & 0o7777, 0o1777);
        Temporary::make_in(folder.path(), &folder.path().join("none"), "one").unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
