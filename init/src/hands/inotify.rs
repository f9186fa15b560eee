//! Watching paths that may not be there yet; inotify(7).
//!
//! ```text
//! /run/a/b      /  ──"run"──▶ /run ──"a"──▶ (not there)                 a step, watched for that name
//!               /  ──"run"──▶ /run ──"a"──▶ /run/a ──"b"──▶ /run/a/b    and the end, watched for what is wanted
//! ```
//!
//! Each directory is watched before it is looked into, so that nothing happens unseen in between; links are followed one
//! by one, each watched where it lies. When a step changes, the path is followed anew.
//!
//! Invariant: one instance for all, and at most [`MOST`] watches; where the kernel has lost events
//! (IN_Q_OVERFLOW) everybody is told to look again.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use supervisor::Life;

use units::{Map, Set};

use crate::reactor::{Reactor, Source, Watch};

/// Watches in all.
const MOST: usize = 8192;
/// Links on the way to one path, as the kernel has it; path_resolution(7).
const MOST_LINKS: usize = 40;
/// Reads per turn, of some events each.
const PER_TURN: usize = 64;

/// What can happen to a step: its name comes or goes, or it does itself.
const STEP: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_MOVE)
    .union(AddWatchFlags::IN_ATTRIB)
    .union(AddWatchFlags::IN_DELETE_SELF)
    .union(AddWatchFlags::IN_MOVE_SELF);
/// Added to what others watch at the same place, instead of taking its place.
const IN_MASK_ADD: AddWatchFlags = AddWatchFlags::from_bits_retain(libc::IN_MASK_ADD);

/// For whom a path is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// A path unit, and which of its paths.
    Path(Life, usize),
    /// A service whose main process is looked for.
    PidFile(Life),
    /// The clock's time zone.
    Zone,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// Something on the way: the path is to be followed anew.
    Way,
    /// To the end itself.
    End,
}

#[derive(Debug)]
struct Interest {
    purpose: Purpose,
    /// The name that matters in this directory. `None`: this is the end.
    name: Option<OsString>,
    mask: AddWatchFlags,
}

/// All that is watched.
#[derive(Debug, Default)]
pub(super) struct Watches {
    inotify: Option<Kernel>,
    places: Map<WatchDescriptor, Vec<Interest>>,
}

#[derive(Debug)]
struct Kernel(Inotify, Watch);

impl AsFd for Kernel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Watches {
    /// Watch a path, in place of what was watched for this purpose, and say whether it is there. What is wanted of
    /// the end is in `mask`; of what is not there, its coming.
    pub(super) fn follow(&mut self, purpose: Purpose, path: &Path, mask: AddWatchFlags, reactor: &mut Reactor) -> io::Result<bool> {
        let before = self.take(purpose);
        let done = self.walk(purpose, path, mask, reactor);
        // Only now, so that what is watched before and after is so all the time.
        self.prune(before);
        if done.is_err() {
            self.forget(purpose, reactor);
        }
        done
    }

    /// Watch nothing for this purpose any more.
    pub(super) fn forget(&mut self, purpose: Purpose, reactor: &mut Reactor) {
        let places = self.take(purpose);
        self.prune(places);
        if self.places.is_empty()
            && let Some(kernel) = self.inotify.take()
        {
            reactor.forget(&kernel, kernel.1);
        }
    }

    /// Whether something is watched for this purpose.
    pub(super) fn has(&self, purpose: Purpose) -> bool {
        self.places.values().flatten().any(|interest| interest.purpose == purpose)
    }

    /// Those concerned by what has happened, each once.
    pub(super) fn changed(&mut self) -> Map<Purpose, Change> {
        let mut changed = Map::new();
        for _ in 0..PER_TURN {
            let Some(Ok(events)) = self.inotify.as_ref().map(|kernel| kernel.0.read_events()) else { break };
            for event in events {
                self.sort(&event, &mut changed);
            }
        }
        changed
    }

    fn sort(&mut self, event: &InotifyEvent, changed: &mut Map<Purpose, Change>) {
        let mut tell = |purpose, change: Change| {
            let worst = changed.entry(purpose).or_insert(change);
            *worst = change.max(*worst);
        };
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            for interest in self.places.values().flatten() {
                tell(interest.purpose, Change::End);
            }
            return;
        }
        for interest in self.places.get(&event.wd).into_iter().flatten() {
            let named = event.name.is_none() || interest.name.is_none() || event.name == interest.name;
            if named && event.mask.intersects(interest.mask) {
                tell(interest.purpose, if interest.name.is_some() { Change::Way } else { Change::End });
            }
        }
        if event.mask.contains(AddWatchFlags::IN_IGNORED) {
            // The kernel has let go of it: it is no more, or no longer mounted.
            for interest in self.places.remove(&event.wd).into_iter().flatten() {
                tell(interest.purpose, Change::Way);
            }
        }
    }

    fn walk(&mut self, purpose: Purpose, path: &Path, mask: AddWatchFlags, reactor: &mut Reactor) -> io::Result<bool> {
        let mut ahead: VecDeque<OsString> = parts(path);
        let mut here = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            match self.add(purpose, &here, Some(&name), STEP, reactor) {
                Ok(()) => {}
                // Gone since it was looked at, or it is no directory: what is above is watched.
                Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(false),
                Err(errno) => return Err(errno.into()),
            }
            let next = here.join(&name);
            let Ok(about) = fs::symlink_metadata(&next) else { return Ok(false) };
            if !about.is_symlink() {
                here = next;
                continue;
            }
            links += 1;
            let Ok(target) = fs::read_link(&next) else { return Ok(false) };
            if links > MOST_LINKS {
                return Err(Errno::ELOOP.into());
            }
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            for part in parts(&target).into_iter().rev() {
                ahead.push_front(part);
            }
        }
        match self.add(purpose, &here, None, mask, reactor) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    fn add(
        &mut self,
        purpose: Purpose,
        place: &Path,
        name: Option<&OsStr>,
        mask: AddWatchFlags,
        reactor: &mut Reactor,
    ) -> Result<(), Errno> {
        if self.places.len() >= MOST {
            return Err(Errno::ENOSPC);
        }
        let kernel = match &self.inotify {
            Some(kernel) => kernel,
            None => {
                let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
                let watch = reactor.watch(&inotify, Source::Paths)?;
                self.inotify.insert(Kernel(inotify, watch))
            }
        };
        let only_directories = if name.is_some() { AddWatchFlags::IN_ONLYDIR } else { AddWatchFlags::empty() };
        let place = kernel.0.add_watch(place, mask | IN_MASK_ADD | AddWatchFlags::IN_DONT_FOLLOW | only_directories)?;
        self.places.entry(place).or_default().push(Interest { purpose, name: name.map(OsStr::to_owned), mask });
        Ok(())
    }

    /// Take a purpose out everywhere; the places it was at.
    fn take(&mut self, purpose: Purpose) -> Set<WatchDescriptor> {
        let mut places = Set::new();
        for (place, interests) in &mut self.places {
            if interests.extract_if(.., |interest| interest.purpose == purpose).count() > 0 {
                places.insert(*place);
            }
        }
        places
    }

    /// Let go of those of these places that nobody watches any more.
    fn prune(&mut self, places: Set<WatchDescriptor>) {
        for place in places {
            if self.places.get(&place).is_some_and(Vec::is_empty) {
                self.places.remove(&place);
                if let Some(kernel) = &self.inotify {
                    let _ = kernel.0.rm_watch(place);
                }
            }
        }
    }
}

/// The names on the way; `..` as it stands, which leads up from wherever the way has led.
fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|part| !matches!(part, Component::RootDir | Component::CurDir))
        .map(|part| part.as_os_str().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::symlink;

    const WRITTEN: AddWatchFlags = AddWatchFlags::IN_CLOSE_WRITE;

    /// Waits for what happens to the one path watched.
    fn wait(watches: &mut Watches, reactor: &mut Reactor) -> Change {
        loop {
            reactor.wait(None);
            if let Some(change) = watches.changed().get(&Purpose::Zone) {
                return *change;
            }
        }
    }

    #[test]
    fn a_path_is_awaited_step_by_step_and_then_heard_of() {
        let (mut watches, mut reactor, folder) = (Watches::default(), Reactor::new().unwrap(), tempfile::tempdir().unwrap());
        let path = folder.path().join("a/b");
        let follow = |watches: &mut Watches, reactor: &mut Reactor| watches.follow(Purpose::Zone, &path, WRITTEN, reactor).unwrap();
        assert!(!follow(&mut watches, &mut reactor));
        fs::write(folder.path().join("other"), "").unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        assert_eq!(wait(&mut watches, &mut reactor), Change::Way);
        assert!(!follow(&mut watches, &mut reactor));
        fs::write(folder.path().join("a/b"), "").unwrap();
        assert_eq!(wait(&mut watches, &mut reactor), Change::Way);
        assert!(follow(&mut watches, &mut reactor));
        fs::write(folder.path().join("a/b"), "more").unwrap();
        assert_eq!(wait(&mut watches, &mut reactor), Change::End);
        fs::rename(folder.path().join("a"), folder.path().join("c")).unwrap();
        assert_eq!(wait(&mut watches, &mut reactor), Change::Way);
        assert!(!follow(&mut watches, &mut reactor));
        watches.forget(Purpose::Zone, &mut reactor);
        assert!(watches.places.is_empty() && watches.inotify.is_none());
    }

    #[test]
    fn links_are_followed_and_their_change_is_seen() {
        let (mut watches, mut reactor, folder) = (Watches::default(), Reactor::new().unwrap(), tempfile::tempdir().unwrap());
        for name in ["one", "two"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let link = folder.path().join("link");
        symlink("./one", &link).unwrap();
        assert!(watches.follow(Purpose::Zone, &link, WRITTEN, &mut reactor).unwrap());
        fs::write(folder.path().join("one"), "x").unwrap();
        assert_eq!(wait(&mut watches, &mut reactor), Change::End);
        let other = folder.path().join("new");
        symlink(folder.path().join("two"), &other).unwrap();
        fs::rename(&other, &link).unwrap();
        assert_eq!(wait(&mut watches, &mut reactor), Change::Way);
        assert!(watches.follow(Purpose::Zone, &link, WRITTEN, &mut reactor).unwrap());
        fs::write(folder.path().join("two"), "x").unwrap();
        assert_eq!(wait(&mut watches, &mut reactor), Change::End);
        let ring = folder.path().join("ring");
        symlink("ring", &ring).unwrap();
        assert_eq!(watches.follow(Purpose::Zone, &ring, WRITTEN, &mut reactor).unwrap_err().raw_os_error(), Some(libc::ELOOP));
        assert!(watches.places.is_empty());
    }

    #[test]
    fn lost_events_concern_everybody() {
        let (mut watches, mut reactor, folder) = (Watches::default(), Reactor::new().unwrap(), tempfile::tempdir().unwrap());
        let (busy, quiet) = (folder.path().join("busy"), folder.path().join("quiet"));
        let other = Purpose::Path(serde_json::from_str("1").unwrap(), 0);
        for (purpose, path) in [(Purpose::Zone, &busy), (other, &quiet)] {
            fs::create_dir(path).unwrap();
            watches.follow(purpose, path, AddWatchFlags::IN_MOVE, &mut reactor).unwrap();
        }
        let most: usize = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
        let (one, two) = (busy.join("one"), busy.join("two"));
        fs::write(&one, "").unwrap();
        for turn in 0..=most {
            let (from, to) = if turn % 2 == 0 { (&one, &two) } else { (&two, &one) };
            fs::rename(from, to).unwrap();
        }
        let mut changed = Map::new();
        // Of its own making it hears of the way at most.
        while changed.get(&other) != Some(&Change::End) {
            reactor.wait(None);
            changed.extend(watches.changed());
        }
    }
}
