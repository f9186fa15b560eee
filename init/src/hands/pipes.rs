//! The pipes that carry what units say: opened for a life, left alone while they flood, closed when
//! their last writer has gone.

use std::time::Duration;

use supervisor::{Life, Phase};
use units::control::LogStream;
use units::unit::{ConsoleLevel, Service};

use super::birth::{Outlets, Stillborn};
use super::{Hands, Pipe};
use crate::journal::{self, Intake};
use crate::reactor::{Reactor, Source};

impl Hands {
    /// Open those of a life, once.
    pub(super) fn open_outlets(&mut self, life: Life, service: &Service, reactor: &mut Reactor) -> Result<(), Stillborn> {
        let Some(body) = self.bodies.get_mut(&life).filter(|body| body.outlets.is_none()) else { return Ok(()) };
        let delayed = |error: std::io::Error| Stillborn::Delayed(format!("no log pipe to be had: {error}"));
        let first = self.next_pipe;
        let mut open = |stream| {
            let (pipe, end) = journal::pipe()?;
            let watch = reactor.watch(&pipe, Source::Output(self.next_pipe))?;
            let intake = Intake::new(pipe);
            self.pipes.insert(self.next_pipe, Pipe { unit: body.unit.clone(), stream, intake, watch, paused: None });
            self.next_pipe += 1;
            Ok(end)
        };
        let output = open(LogStream::Stdout).map_err(delayed)?;
        // Only the console tells them apart.
        let apart = (service.log.console == ConsoleLevel::Warning).then(|| open(LogStream::Stderr));
        body.outlets = Some(Outlets { output, errors: apart.transpose().map_err(delayed)?, first });
        Ok(())
    }

    /// The numbers of a life's pipes.
    pub(crate) fn pipes_of(&self, life: Life) -> std::ops::Range<u64> {
        let outlets = self.bodies.get(&life).and_then(|body| body.outlets.as_ref());
        outlets.map_or(0..0, Outlets::numbers)
    }

    /// The process that most probably writes to this pipe: the main one of its life, where it has one.
    pub(crate) fn speaker(&self, number: u64) -> Option<u32> {
        let is_its = |body: &super::Body| body.outlets.as_ref().is_some_and(|outlets| outlets.numbers().contains(&number));
        let (life, _) = self.bodies.iter().find(|(_, body)| is_its(body))?;
        let processes = self.processes.iter().filter(|(_, process)| process.run.life == *life);
        let (pid, _) = processes.min_by_key(|(_, process)| process.run.phase != Phase::Start)?;
        u32::try_from(*pid).ok()
    }

    /// The pipe of that number.
    pub(crate) fn pipe(&mut self, number: u64) -> Option<&mut Pipe> {
        self.pipes.get_mut(&number)
    }

    /// Leave a pipe that floods alone for a moment.
    pub(crate) fn pause_pipe(&mut self, number: u64, reactor: &mut Reactor) {
        if let Some(pipe) = self.pipes.get_mut(&number) {
            reactor.rewatch(&pipe.intake, pipe.watch, false, false);
            pipe.paused = Some(kernel::time::boottime() + journal::BREATH);
            self.any_paused = true;
        }
    }

    /// Listen again to those that have been left alone long enough.
    pub(crate) fn resume_pipes(&mut self, reactor: &mut Reactor) {
        if !std::mem::take(&mut self.any_paused) {
            return;
        }
        let now = kernel::time::boottime();
        for (_, pipe) in self.pipes.quietly() {
            match pipe.paused {
                Some(until) if until <= now => {
                    pipe.paused = None;
                    reactor.rewatch(&pipe.intake, pipe.watch, true, false);
                }
                Some(_) => self.any_paused = true,
                None => {}
            }
        }
    }

    /// The moment at which something of the hands' own wants to be done.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let paused = if self.any_paused { self.pipes.values().filter_map(|pipe| pipe.paused).min() } else { None };
        paused.into_iter().chain(self.sockets.deadline()).chain(self.generators_deadline()).chain(self.starving_deadline()).min()
    }

    /// Its last writer has gone.
    pub(crate) fn close_pipe(&mut self, number: u64, reactor: &mut Reactor) {
        if let Some(pipe) = self.pipes.remove(&number) {
            reactor.forget(&pipe.intake, pipe.watch);
        }
    }
}
