//! `--follow`: what comes is shown as it comes; the files are watched. inotify(7)

use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::os::fd::AsFd;

use super::shown::Shown;
use super::source;
use crate::log::segment::{self, Name, Tail};

/// A folder that is not there yet is looked for so often.
const PAUSE: Duration = Duration::from_secs(1);

/// The end of the log, in each folder.
#[derive(Debug)]
pub(super) struct End {
    inotify: Inotify,
    folders: Vec<Followed>,
}

#[derive(Debug)]
struct Followed {
    path: PathBuf,
    is_watched: bool,
    /// The file that is being written, and those before it are done with.
    last: Option<(Name, Tail)>,
}

impl End {
    /// From what is written now on. Everything up to here has to be read after this, so that nothing is missed in between.
    pub(super) fn of(folders: &[PathBuf]) -> Result<Self, Errno> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let folders = folders.iter().map(|path| Followed { path: path.clone(), is_watched: false, last: None }).collect();
        let mut end = Self { inotify, folders };
        end.watch();
        for followed in &mut end.folders {
            let newest = source::newest(&followed.path);
            followed.last = newest.and_then(|name| Tail::open(&name.path).ok().map(|tail| (name, tail)));
        }
        Ok(end)
    }

    fn watch(&mut self) {
        let what = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_DELETE_SELF;
        for followed in self.folders.iter_mut().filter(|followed| !followed.is_watched) {
            followed.is_watched = self.inotify.add_watch(&followed.path, what).is_ok();
        }
    }

    /// Gives what has come since to `each`.
    pub(super) fn go_on(&mut self, mut each: impl FnMut(Shown<'_>)) {
        self.watch();
        for followed in &mut self.folders {
            if let Some((_, tail)) = &mut followed.last {
                let _ = tail.go_on(|about, entry| each(Shown { about, entry: *entry }));
            }
            let known = followed.last.as_ref().map(|(name, _)| name.first);
            for name in segment::list(&followed.path).unwrap_or_default() {
                let is_new = known.is_none_or(|known| name.first > known);
                if let Some(mut tail) = Tail::open(&name.path).ok().filter(|_| is_new) {
                    // The last words of the one before may have come since it was read.
                    if let Some((_, before)) = &mut followed.last {
                        let _ = before.go_on(|about, entry| each(Shown { about, entry: *entry }));
                    }
                    let _ = tail.go_on(|about, entry| each(Shown { about, entry: *entry }));
                    followed.last = Some((name, tail));
                }
            }
        }
    }

    /// Waits until something may have come.
    pub(super) fn wait(&self) {
        let is_whole = self.folders.iter().any(|followed| followed.is_watched);
        let patience = if is_whole { PollTimeout::NONE } else { PollTimeout::try_from(PAUSE).unwrap_or(PollTimeout::NONE) };
        let _ = poll(&mut [PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN)], patience);
        while self.inotify.read_events().is_ok_and(|events| !events.is_empty()) {}
    }
}
