//! That the kernel has killed a process of a unit for want of memory.
//!
//! ```text
//! cgroup2   memory.events changes ────────────────▶ the counter is compared ─▶ OomKilled
//! v1        an eventfd, before anybody is killed ──▶ compared, and again a few times: the counter follows
//! ```
//!
//! The counter is what counts: it is compared as well when a process of the unit has ended by SIGKILL, or in whatever way where it may not have
//! been looked at yet; and where nothing tells, when a stranger was killed.

use std::fs::File;
use std::time::Duration;

use kernel::cgroup::{Generation, Group};
use supervisor::{Event, Life};

use super::emptying::acknowledge;
use super::{Hands, Queue, account};
use crate::reactor::{Reactor, Source, Watch};

/// How long the kernel takes from telling to killing, usually; looked at again after so long, then after [`LONGER`] times that, and so on.
const SOON: Duration = Duration::from_millis(10);
const LONGER: u32 = 4;
/// A pause that is longer is none: memory was found elsewhere.
const LONGEST: Duration = Duration::from_secs(1);

/// Where it tells of one group.
#[derive(Debug)]
pub(super) struct Memory {
    file: File,
    watch: Watch,
    generation: Generation,
}

/// A life to be looked at again.
#[derive(Debug)]
pub(super) struct Again {
    life: Life,
    at: Duration,
    pause: Duration,
}

impl Memory {
    /// Hears of it from now on; `None` where there is no such controller.
    pub(super) fn watch(group: &Group, life: Life, reactor: &mut Reactor) -> Option<Self> {
        let (generation, file) = group.out_of_memory().ok()?;
        let watch = match generation {
            Generation::V1 => reactor.watch(&file, Source::Memory(life)),
            Generation::V2 => reactor.watch_changes(&file, Source::Memory(life)),
        };
        Some(Self { watch: watch.ok()?, file, generation })
    }

    /// No longer.
    pub(super) fn forget(self, reactor: &mut Reactor) {
        reactor.forget(&self.file, self.watch);
    }
}

impl Again {
    fn after(life: Life, pause: Duration) -> Self {
        Self { life, at: kernel::time::boottime() + pause, pause }
    }
}

impl Hands {
    /// Memory has run out in the group of a life, or above it.
    pub(crate) fn memory_ran_out(&mut self, life: Life, queue: &mut Queue) {
        let Some(memory) = self.bodies.quiet_mut(&life).and_then(|body| body.memory.as_mut()) else { return };
        let follows = match memory.generation {
            Generation::V1 => nix::unistd::read(&memory.file, &mut [0; 8]).is_ok(),
            Generation::V2 => {
                acknowledge(&mut memory.file);
                false
            }
        };
        if !self.look_for_oom(life, queue) && follows {
            self.starving.push(Again::after(life, SOON));
        }
    }

    /// The counter of kills for want of memory, compared with what it was; whether it has risen.
    pub(crate) fn look_for_oom(&mut self, life: Life, queue: &mut Queue) -> bool {
        let Some(body) = self.bodies.get(&life) else { return false };
        let now = body.group.as_ref().and_then(account::oom_kills).unwrap_or(0);
        let rose = now > body.oom_kills;
        if rose && let Some(body) = self.bodies.get_mut(&life) {
            body.oom_kills = now;
            queue.push_back(Event::OomKilled(life));
        }
        rose
    }

    /// Whether a kill in the group of a life may not have been told yet though somebody in it knows.
    pub(super) fn hears_late_of_oom(&self, life: Life) -> bool {
        let body = self.bodies.get(&life).filter(|body| body.group.is_some());
        body.is_some_and(|body| body.memory.as_ref().is_none_or(|memory| memory.generation == Generation::V1))
    }

    /// Look at those again whose time has come.
    pub(crate) fn look_again_for_oom(&mut self, queue: &mut Queue) {
        let now = kernel::time::boottime();
        let due: Vec<Again> = self.starving.extract_if(.., |again| again.at <= now).collect();
        for Again { life, pause, .. } in due {
            let pause = pause * LONGER;
            if !self.look_for_oom(life, queue) && self.bodies.contains_key(&life) && pause <= LONGEST {
                self.starving.push(Again::after(life, pause));
            }
        }
    }

    /// The moment at which that is to be done.
    pub(super) fn starving_deadline(&self) -> Option<Duration> {
        self.starving.iter().map(|again| again.at).min()
    }
}
