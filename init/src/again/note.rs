//! Writing down what PID 1 has, as it changes.

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use kernel::again::{self, Program, hand_over};
use serde::{Deserialize, Serialize};
use std::os::fd::{AsFd, AsRawFd};
use supervisor::{Moment, Ticket};
use units::control::{Refusal, Reply};

use super::{BEGUN, BRAIN, CONSOLE, DONE, HEADER, Header, OPTION, PANIC, QUEUED, READING, SLOT, STEPPED, SYSTEM, VERSION};
use crate::boot::Options;
use crate::console::Tone;
use crate::ledger::Ledger;
use crate::system::System;

/// So many events and orders have room while there are none.
const ROOM: usize = 64;

/// What is known of the writing.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Where the state is; none where there is no memory for it, and then nothing is outlived.
    pub(crate) ledger: Option<Ledger>,
    /// How many of the events that wait are written down.
    pub(crate) queued: usize,
    /// The mark of what waits for the console's reader.
    pub(crate) console: (u64, usize),
    /// When faults were outlived.
    pub(crate) faults: Vec<u64>,
    /// The program is to be begun anew, and who asked for it.
    pub(crate) wanted: Option<Vec<Ticket>>,
    /// Who asked the earlier life of the program for it.
    pub(crate) asked: Vec<Ticket>,
}

/// What belongs to no part of the system.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct What {
    pub(crate) began: Duration,
    pub(crate) options: Options,
    pub(crate) broken: Option<Moment>,
    pub(crate) listener: Option<i32>,
    pub(crate) notify: Option<i32>,
    pub(crate) syslog: Option<i32>,
    /// Who is to be told that the program was begun anew.
    pub(crate) asked: Vec<Ticket>,
}

impl System {
    /// From now on everything is written down, and faults are outlived.
    pub(crate) fn begin_notes(&mut self) {
        let ledgers = Ledger::new(c"fief-state").and_then(|state| Ok((state, Ledger::new(c"fief-journal")?)));
        let prepared = ledgers.and_then(|(state, journal)| {
            let (path, argv, envp) = words(state.as_fd().as_raw_fd())?;
            again::prepare(&path, argv, envp, state.as_fd(), journal.as_fd())?;
            Ok((state, journal))
        });
        match prepared {
            Ok((state, journal)) => {
                self.notes.ledger = Some(state);
                self.journal.write_to(Some(journal));
                self.write_anew();
            }
            Err(error) => self.say(Tone::Notice, &format!("faults of init's own will not be outlived: {error}")),
        }
    }

    /// Everything that has changed is written down.
    pub(crate) fn commit(&mut self) {
        self.journal.commit();
        let Some(ledger) = &mut self.notes.ledger else { return };
        for event in self.queue.iter().skip(self.notes.queued) {
            ledger.say(QUEUED, event, &[]);
        }
        self.notes.queued = self.queue.len();
        self.hands.note(ledger, false);
        self.control.note(ledger, false);
        if let Some((mark, waits)) = self.console.waiting(self.notes.console) {
            ledger.put(CONSOLE, "", &(), waits);
            self.notes.console = mark;
        }
        ledger.commit();
    }

    /// What is to be read, and for whom, has changed.
    pub(crate) fn note_reading(&mut self) {
        if let Some(ledger) = &mut self.notes.ledger {
            ledger.put(READING, "", &self.reading, &[]);
        }
    }

    /// The first event that waits is going to be heard.
    pub(crate) fn note_begun(&mut self, now: Moment) {
        self.commit();
        self.notes.queued = self.notes.queued.saturating_sub(1);
        if let Some(ledger) = &mut self.notes.ledger {
            ledger.say(BEGUN, &now, &[]);
            ledger.commit();
        }
    }

    /// It has been heard; what follows from it is to be carried out.
    pub(crate) fn note_stepped(&mut self) {
        if let Some(ledger) = &mut self.notes.ledger {
            ledger.say(STEPPED, &(), &[]);
            ledger.commit();
        }
    }

    /// The next of its actions has been carried out.
    pub(crate) fn note_done(&mut self) {
        if let Some(ledger) = &mut self.notes.ledger {
            ledger.say(DONE, &(), &[]);
        }
        self.commit();
    }

    /// Whether the end of a step is waited for.
    pub(crate) fn waits_for_the_end_of_a_step(&self) -> bool {
        self.notes.wanted.is_some() || self.has_read() || self.notes.ledger.as_ref().is_some_and(Ledger::is_long)
    }

    /// At the end of a turn: everything is written down, and between two steps what waits for that happens.
    pub(crate) fn settle(&mut self) {
        self.commit();
        self.more_to_copy = self.journal.turn();
        if self.queue.is_empty() && self.orders.is_empty() {
            // What the boot of a thousand units needed is not needed again soon.
            self.queue.shrink_to(ROOM);
            self.orders.shrink_to(ROOM);
        }
        if !self.orders.is_empty() {
            return;
        }
        if self.notes.ledger.as_ref().is_some_and(Ledger::is_long) {
            self.write_anew();
        }
        if let Some(asked) = self.notes.wanted.take() {
            self.begin_anew(asked);
        }
    }

    /// Write everything down, as it is now; only between two events.
    pub(crate) fn write_anew(&mut self) {
        self.write_anew_for(Vec::new());
    }

    /// Whether it is written down now.
    fn write_anew_for(&mut self, asked: Vec<Ticket>) -> bool {
        let Some(mut ledger) = self.notes.ledger.take() else { return false };
        let written = ledger.renew(|ledger| {
            let journal = self.journal.ledger().map_or(-1, |journal| hand_over(journal.as_fd()));
            ledger.put(HEADER, "", &Header { version: VERSION, journal, faults: self.notes.faults.clone() }, &[]);
            let what = What {
                began: self.began,
                options: self.options.clone(),
                broken: self.broken,
                listener: self.control.listener(),
                notify: self.notify.as_ref().map(|(notify, _)| hand_over(notify)),
                syslog: self.syslog.as_ref().map(hand_over),
                asked,
            };
            ledger.put(SYSTEM, "", &what, &[]);
            self.library.note(ledger);
            ledger.put(READING, "", &self.reading, &[]);
            ledger.put(BRAIN, "", &self.supervisor, &[]);
            for (name, slot) in self.supervisor.slots() {
                ledger.put(SLOT, name.as_str(), &slot, &[]);
            }
            for event in &self.queue {
                ledger.say(QUEUED, event, &[]);
            }
            self.hands.note(ledger, true);
            self.control.note(ledger, true);
            if let Some((mark, waits)) = self.console.waiting((u64::MAX, 0)) {
                ledger.put(CONSOLE, "", &(), waits);
                self.notes.console = mark;
            }
        });
        self.notes.queued = self.queue.len();
        self.notes.ledger = Some(ledger);
        if let Err(error) = &written {
            self.journal.push(None, units::control::LogStream::Init, format!("the state is not written down: {error}").as_bytes());
        }
        written.is_ok()
    }

    /// Begin the program anew, as somebody has asked. Comes back only where that cannot be done.
    fn begin_anew(&mut self, asked: Vec<Ticket>) {
        let why = if self.write_anew_for(asked.clone()) {
            let errno = again::take(Program::Newest);
            // They are sealed by now.
            self.journal.write_anew();
            self.write_anew();
            format!("init cannot be begun anew: {}", errno.desc())
        } else {
            // What is written down is how it was once: nobody would know of what has happened since.
            "init cannot be begun anew: its state cannot be written down".to_owned()
        };
        self.say(Tone::Bad, &why);
        for ticket in asked {
            let reply = Reply::Refused { reason: why.clone(), kind: Refusal::Impossible };
            self.control.answer(ticket, &reply, &mut self.reactor, &mut self.queue);
        }
    }

    /// A turn has panicked, saying this: what it was about is forgotten, and the program begins anew from what was written
    /// before. Comes back only where that cannot be done.
    pub(crate) fn outlive(&mut self, what: &str) {
        let Some(ledger) = &mut self.notes.ledger else { return };
        ledger.forget();
        ledger.say(PANIC, &(kernel::time::boottime(), what), &[]);
        ledger.commit();
        let errno = again::take(Program::Same);
        // It is sealed by now, and written anew at the end of a turn. Not closed: by its number a fault's handler goes, and another file may get that.
        self.say(Tone::Bad, &format!("init cannot be begun anew: {}", errno.desc()));
    }
}

/// How the program is begun anew: path, arguments, environment.
fn words(ledger: i32) -> std::io::Result<(String, Vec<CString>, Vec<CString>)> {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| "fief-init".into());
    let mut rest: Vec<_> = arguments.collect();
    if rest.first().is_some_and(|word| word == OPTION) {
        rest.drain(..2.min(rest.len()));
    }
    let path = own_path(&name.to_string_lossy());
    let argv = [name, OPTION.into(), ledger.to_string().into()].into_iter().chain(rest);
    let argv = argv.map(|word| CString::new(word.into_vec())).collect::<Result<_, _>>()?;
    let variable = |(key, value): (std::ffi::OsString, std::ffi::OsString)| CString::new([key.into_vec(), value.into_vec()].join(&b'='));
    let envp = std::env::vars_os().map(variable).collect::<Result<_, _>>()?;
    Ok((path, argv, envp))
}

/// What the program was started from: by the kernel's word, else its own. A file that has been replaced shows as
/// deleted, and is meant by its name all the same. proc_pid_exe(5).
fn own_path(name: &str) -> String {
    let link = std::fs::read_link("/proc/self/exe").ok().and_then(|path| path.into_os_string().into_string().ok());
    link.map_or_else(|| name.to_owned(), |path| path.strip_suffix(" (deleted)").map_or(path.clone(), str::to_owned))
}
