//! What path units wait for; systemd.path(5).
//!
//! ```text
//! WatchPaths ─▶ it is so already ─────────────────────────▶ PathTriggered
//!        └─ watched ─▶ something has changed ─▶ it is so ──────┘  and watched no more, until that is ordered again
//! ```
//!
//! A change between the two orders is not made up for, as systemd has it: a service that writes to what it was
//! started by would run for ever. That something has come or gone meanwhile is noticed.

mod keep;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::AddWatchFlags;
use supervisor::{Event, Life};
use units::unit::{Body, PathEvent};
use units::{UnitName, UnitSet};

use super::inotify::{Change, Purpose};
use super::{Hands, Queue};
use crate::glob;
use crate::kept::Kept;
use crate::reactor::Reactor;

/// The path units there are.
#[derive(Debug, Default)]
pub(super) struct Paths {
    lives: Kept<Life, Vec<Awaited>>,
}

/// One path that is waited for.
#[derive(Debug)]
struct Awaited {
    event: PathEvent,
    path: String,
    /// Whether it was there when it was looked at last.
    was_there: bool,
}

/// What of the end concerns it; of [`PathEvent::Exists`] its coming alone.
fn wanted(event: PathEvent) -> AddWatchFlags {
    let entries = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
    let changed =
        entries | AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_ATTRIB | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVED_FROM;
    let own = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
    own | match event {
        PathEvent::Exists => AddWatchFlags::empty(),
        PathEvent::ExistsGlob | PathEvent::DirectoryNotEmpty => entries,
        PathEvent::Changed => changed,
        PathEvent::Modified => changed | AddWatchFlags::IN_MODIFY,
    }
}

impl Awaited {
    /// What is to be followed: of a pattern, what comes before it.
    fn followed(&self) -> PathBuf {
        match self.event {
            PathEvent::ExistsGlob => glob::base(&self.path),
            PathEvent::Exists | PathEvent::Changed | PathEvent::Modified | PathEvent::DirectoryNotEmpty => PathBuf::from(&self.path),
        }
    }

    /// Whether it has come about: what has changed since it was looked at last, if it was.
    fn has_come(&mut self, changed: Option<Change>) -> bool {
        let there = match self.event {
            PathEvent::Exists | PathEvent::Changed | PathEvent::Modified => Path::new(&self.path).exists(),
            PathEvent::ExistsGlob => glob::any(&self.path),
            PathEvent::DirectoryNotEmpty => fs::read_dir(&self.path).is_ok_and(|mut entries| entries.next().is_some()),
        };
        let was_there = std::mem::replace(&mut self.was_there, there);
        match self.event {
            PathEvent::Exists | PathEvent::ExistsGlob | PathEvent::DirectoryNotEmpty => there,
            PathEvent::Changed | PathEvent::Modified => changed == Some(Change::End) || there != was_there,
        }
    }
}

impl Hands {
    /// Watch what a path unit waits for, if it is not so already.
    pub(crate) fn watch_paths(&mut self, life: Life, name: &UnitName, units: &UnitSet, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(Body::Path(watch)) = units.unit(name).map(|unit| &unit.body) else {
            queue.push_back(Event::WatchFailed(life, "there is nothing to watch".to_owned()));
            return;
        };
        let is_new = !self.paths.lives.contains_key(&life);
        if is_new {
            let make = |(event, path): &(PathEvent, String)| Awaited { event: *event, path: path.clone(), was_there: false };
            let mut all: Vec<Awaited> = watch.paths.iter().map(make).collect();
            if watch.make_directory {
                let mode = watch.directory_mode.map_or(0o755, |mode| mode.bits());
                for one in all.iter().filter(|one| one.event != PathEvent::Exists && one.event != PathEvent::ExistsGlob) {
                    // What is there already, of whatever kind, is what is to be watched.
                    let _ = fs::DirBuilder::new().recursive(true).mode(mode).create(&one.path);
                }
            }
            for one in &mut all {
                one.was_there = Path::new(&one.path).exists();
            }
            self.paths.lives.insert(life, all);
        }
        let count = self.paths.lives.get(&life).map_or(0, Vec::len);
        for index in 0..count {
            if self.look_at(life, index, None, reactor, queue) {
                return;
            }
        }
    }

    /// Follow a path and say whether it has come about. True when there is no more to watch for this life.
    fn look_at(&mut self, life: Life, index: usize, changed: Option<Change>, reactor: &mut Reactor, queue: &mut Queue) -> bool {
        let Some(one) = self.paths.lives.get_mut(&life).and_then(|all| all.get_mut(index)) else { return true };
        // Watched before it is looked at: what comes in between is not missed.
        let followed = self.watches.follow(Purpose::Path(life, index), &one.followed(), wanted(one.event), reactor);
        let event = match followed {
            Ok(_) if one.has_come(changed) => Event::PathTriggered(life, one.path.clone()),
            Ok(_) => return false,
            Err(error) => Event::WatchFailed(life, format!("watching {} failed: {}", one.path, why(&error))),
        };
        queue.push_back(event);
        self.stop_watching(life, reactor);
        true
    }

    /// Something that is watched has changed.
    pub(crate) fn paths_changed(&mut self, units: &UnitSet, reactor: &mut Reactor, queue: &mut Queue) {
        for (purpose, change) in self.watches.changed() {
            match purpose {
                Purpose::Path(life, index) => drop(self.look_at(life, index, Some(change), reactor, queue)),
                Purpose::PidFile(life) => self.pid_file_changed(life, units, reactor, queue),
                Purpose::Zone => self.zone_changed(units, reactor, queue),
            }
        }
    }

    /// Watch the paths of a life no more; what they were like is remembered.
    fn stop_watching(&mut self, life: Life, reactor: &mut Reactor) {
        let count = self.paths.lives.get(&life).map_or(0, Vec::len);
        for index in 0..count {
            self.watches.forget(Purpose::Path(life, index), reactor);
        }
    }

    /// Watch neither paths nor calendar for a life.
    pub(crate) fn unwatch(&mut self, life: Life, reactor: &mut Reactor) {
        self.stop_watching(life, reactor);
        self.paths.lives.remove(&life);
        self.forget_calendar(life, reactor);
    }
}

fn why(error: &io::Error) -> &str {
    match error.raw_os_error().map(Errno::from_raw) {
        // The kernel has no more watches for us, or we allow ourselves none.
        Some(Errno::ENOSPC) => "no more watches to be had",
        Some(errno) => errno.desc(),
        None => "it cannot be watched",
    }
}

#[cfg(test)]
mod tests;
