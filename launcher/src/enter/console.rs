//! A terminal at the guest's console, by its keeper.
//!
//! The connection lives as long as the keeper: over every reboot of the guest. Where there is no keeper yet, the start of one is waited for, so
//! that a boot can be seen from its first line.

use std::io::{self, BufRead as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use kernel::pty;
use nix::poll::PollTimeout;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::relay::{self, Channel};
use super::terminal::{Event, Raw, Signals, Stream};
use crate::config::Host;
use crate::error::{Class, Error, OrFail as _};
use crate::start::{self, Request, Size};
use crate::store::record::Observed;
use crate::store::{self, ContainerName};

const STEP: &str = "attaching to the console";

/// Ctrl-]
const KEY: u8 = 0x1d;

/// How long a change that inotify(7) does not tell of, such as a lock that is let go, stays unseen.
const LOOK: u16 = 1000;

/// Attaches, waiting for a keeper if need be.
///
/// # Errors
/// When the container is not there, or what is to be waited on cannot be watched.
pub(super) fn attach(host: &Host, name: &ContainerName) -> Result<(), Error> {
    store::find(host, name)?;
    let signals = Signals::take().or_fail(Class::Internal, STEP, || "taking signals".into())?;
    let person = Stream::In.is_terminal();
    let raw = if person { Some(Raw::set().or_fail(Class::Internal, STEP, || "the terminal's modes".into())?) } else { None };
    let mut seat = Seat { host, name, raw, signals, input: None };
    let input = Stream::In.copy().or_fail(Class::Internal, STEP, || "standard input".into())?;
    seat.input = Some(input);
    seat.sit()
}

/// What a wait or a connection came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The key, or a signal.
    Left,
    /// The keeper closed it, or something changed.
    Moved,
}

struct Seat<'a> {
    host: &'a Host,
    name: &'a ContainerName,
    /// Where a person sits.
    raw: Option<Raw>,
    signals: Signals,
    input: Option<OwnedFd>,
}

impl Seat<'_> {
    fn sit(&mut self) -> Result<(), Error> {
        let mut told = false;
        loop {
            // Watched before it is looked at: what changes in between wakes us.
            let watch = self.watch()?;
            let seen = start::settle(self.host, self.name)?;
            if seen.is_alive() {
                let request = Request::Console { size: self.size() };
                match start::ask(self.host, self.name, STEP, &request) {
                    Ok(connection) => return self.attached(connection),
                    // Not listening yet, or not any more.
                    Err(e) if e.class() == Class::State => log::debug!("{}", e.line()),
                    Err(e) => return Err(e),
                }
            } else if !told {
                told = true;
                self.say(&format!("{} is {}; waiting for it to start{}", self.name, seen.word(), self.how_to_leave()));
            }
            if self.wait(&watch)? == End::Left {
                self.say("detached");
                return Ok(());
            }
        }
    }

    /// A watch on the container's run-time folder, or on the folder in which the way to it will appear.
    fn watch(&self) -> Result<Inotify, Error> {
        let fail =
            |e: nix::errno::Errno| Error::new(Class::Internal, STEP, "cannot watch the container's folder").source(io::Error::from(e));
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).map_err(fail)?;
        let flags = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
        let folder: PathBuf = self.host.paths.runtime(self.name);
        for folder in folder.ancestors() {
            match inotify.add_watch(folder, flags) {
                Ok(_) => break,
                Err(nix::errno::Errno::ENOENT) => {}
                Err(e) => return Err(fail(e)),
            }
        }
        Ok(inotify)
    }

    /// Until something changes there.
    fn wait(&mut self, watch: &Inotify) -> Result<End, Error> {
        // What is typed before there is anybody to type to goes nowhere.
        let mut typed = match (&self.raw, self.input.take()) {
            (Some(_), Some(input)) => {
                let nowhere = std::fs::OpenOptions::new().write(true).open("/dev/null");
                let nowhere = nowhere.or_fail(Class::Internal, STEP, || "/dev/null".into())?;
                vec![Channel::new(input, nowhere.into()).until_key(KEY)]
            }
            (_, input) => {
                self.input = input;
                Vec::new()
            }
        };
        let end = loop {
            let watched = [self.signals.as_fd(), watch.as_fd()];
            let ready = relay::turn(&mut typed, &watched, PollTimeout::from(LOOK)).or_fail(Class::Internal, STEP, || "poll(2)".into())?;
            let mut ready = ready.into_iter();
            let (signalled, changed) = (ready.next().unwrap_or(false), ready.next().unwrap_or(false));
            if typed.iter().any(|t| t.is_pressed() || t.is_over()) || (signalled && self.left()) {
                break End::Left;
            }
            if changed || !signalled {
                break End::Moved;
            }
        };
        if self.input.is_none() {
            self.input = Some(Stream::In.copy().or_fail(Class::Internal, STEP, || "standard input".into())?);
        }
        Ok(end)
    }

    /// Moves bytes both ways until one side has enough.
    fn attached(&mut self, mut connection: io::BufReader<std::os::unix::net::UnixStream>) -> Result<(), Error> {
        let fail = || "the connection".to_owned();
        if self.raw.is_some() {
            self.say(&format!("attached to {}{}", self.name, self.how_to_leave()));
        }
        // What came right behind the answer.
        let early = connection.buffer().to_vec();
        connection.consume(early.len());
        let socket = connection.into_inner();
        socket.set_nonblocking(true).or_fail(Class::Internal, STEP, fail)?;
        let theirs: OwnedFd = socket.try_clone().or_fail(Class::Internal, STEP, fail)?.into();
        let shown = Channel::new(theirs, Stream::Out.copy().or_fail(Class::Internal, STEP, fail)?).after(&early);
        let mut channels = vec![shown];
        if let Some(input) = self.input.take() {
            let typed = Channel::new(input, socket.into());
            channels.push(if self.raw.is_some() { typed.until_key(KEY) } else { typed });
        }
        loop {
            let ready = relay::turn(&mut channels, &[self.signals.as_fd()], PollTimeout::NONE);
            let ready = ready.or_fail(Class::Internal, STEP, || "poll(2)".into())?;
            let signalled = ready.contains(&true) && self.left();
            let pressed = channels.iter().any(Channel::is_pressed);
            if signalled || pressed {
                // What was typed before the key; a keeper that does not read does not hold the person.
                let _ = relay::turn(&mut channels, &[], PollTimeout::ZERO);
                self.say("detached");
                return Ok(());
            }
            if channels.first().is_none_or(Channel::is_over) {
                return self.closed();
            }
        }
    }

    /// The keeper closed the connection: because the container ended, or because it was killed itself.
    fn closed(&mut self) -> Result<(), Error> {
        match start::settle(self.host, self.name)? {
            Observed::Running(_) => self.say(&format!("the keeper of {0} ended; fief console {0} attaches to its new one", self.name)),
            _ => self.say(&format!("{} has ended", self.name)),
        }
        Ok(())
    }

    /// Looks at signals; whether one of them ends it.
    fn left(&mut self) -> bool {
        let mut left = false;
        for event in self.signals.events() {
            match event {
                Event::Asked(_) => left = true,
                Event::Continued | Event::Resized => {
                    let _ = self.raw.as_ref().map(Raw::again);
                    if let Some(size) = self.size() {
                        // A keeper that is busy booting a guest hears it late or never: then it has the size of the attach.
                        let told = start::ask(self.host, self.name, STEP, &Request::Resize(size));
                        log::debug!("resize: {:?}", told.map(drop).map_err(|e| e.line()));
                    }
                }
            }
        }
        left
    }

    fn size(&self) -> Option<Size> {
        self.raw.as_ref()?;
        pty::window_size(io::stdin()).ok().filter(|s| s.ws_row > 0 && s.ws_col > 0).map(|s| Size { rows: s.ws_row, cols: s.ws_col })
    }

    fn how_to_leave(&self) -> &'static str {
        if self.raw.is_some() { "; Ctrl-] detaches" } else { "" }
    }

    /// To the person, on a line of its own whatever the terminal's mode. Not to standard output, which is the guest's.
    fn say(&self, text: &str) {
        let end = if self.raw.is_some() { "\r\n" } else { "\n" };
        // Nobody may be there to read it.
        let _ = write!(io::stderr(), "{}[fief: {text}]{end}", if self.raw.is_some() { "\r" } else { "" });
    }
}
