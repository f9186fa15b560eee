//! Descriptors a process is born with from 3 on; sd_listen_fds(3).

use std::os::fd::BorrowedFd;

use kernel::spawn::{self, Step};
use supervisor::{Phase, Run};
use units::UnitName;

use super::Hands;

/// What one process gets, in its order.
#[derive(Debug, Default)]
pub(super) struct Handed<'a> {
    names: Vec<&'a str>,
    descriptors: Vec<BorrowedFd<'a>>,
}

impl<'a> Handed<'a> {
    /// The step that puts them where they are looked for, if there are any.
    pub(super) fn step(&self) -> Option<Step<'a>> {
        let handed = || self.descriptors.iter().map(|fd| spawn::Handed::new(*fd)).collect();
        (!self.descriptors.is_empty()).then(|| Step::HandOver(handed()))
    }

    /// How many, and what they are called.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        if self.descriptors.is_empty() {
            return Vec::new();
        }
        let variable = |key: &str, value: String| (key.to_owned(), value);
        vec![variable("LISTEN_FDS", self.descriptors.len().to_string()), variable("LISTEN_FDNAMES", self.names.join(":"))]
    }

    /// Variables whose value is the process's own number: whoever inherits the environment is not meant.
    pub(super) fn own_pid(&self) -> &'static [&'static str] {
        if self.descriptors.is_empty() { &[] } else { &["LISTEN_PID"] }
    }
}

impl<'a> Extend<(&'a str, BorrowedFd<'a>)> for Handed<'a> {
    fn extend<T: IntoIterator<Item = (&'a str, BorrowedFd<'a>)>>(&mut self, all: T) {
        for (name, fd) in all {
            self.names.push(name);
            self.descriptors.push(fd);
        }
    }
}

impl Hands {
    /// What the process of a run gets: the main ones only.
    pub(super) fn handed<'a>(&'a self, run: Run, unit: &'a UnitName) -> Handed<'a> {
        let mut handed = Handed::default();
        if run.phase == Phase::Start {
            handed.extend(self.store.of(unit));
        }
        handed
    }
}
