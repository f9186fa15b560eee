//! That the control group of a unit is empty.

use std::fs::File;

use supervisor::{Event, Life};

use super::{Hands, Queue, slices};
use crate::reactor::{Reactor, Source};

impl Hands {
    /// Say when the last process of a life has gone.
    pub(crate) fn drain(&mut self, life: Life, reactor: &mut Reactor, queue: &mut Queue) {
        let Some(body) = self.bodies.get_mut(&life) else {
            queue.push_back(Event::Emptied(life));
            return;
        };
        body.draining = true;
        self.watch_emptying(life, reactor);
        self.look_whether_empty(life, reactor, queue);
    }

    /// Hear of it when the group of a life gets empty. To be called before it is looked at: a change in between is not
    /// missed.
    pub(super) fn watch_emptying(&mut self, life: Life, reactor: &mut Reactor) {
        let Some(body) = self.bodies.get_mut(&life).filter(|body| body.emptying.is_none()) else { return };
        let file = body.group.as_ref().and_then(|group| group.events_file().ok().flatten());
        body.emptying = file.and_then(|file| {
            let watch = reactor.watch_changes(&file, Source::Emptying(life)).ok()?;
            Some((file, watch))
        });
    }

    /// Tell it once, if somebody waits for it.
    pub(crate) fn look_whether_empty(&mut self, life: Life, reactor: &mut Reactor, queue: &mut Queue) {
        let none_known = !self.processes.values().any(|process| process.run.life == life);
        let Some(body) = self.bodies.get_mut(&life).filter(|body| body.draining || body.looking) else { return };
        let mut empty = none_known;
        if let Some(group) = &body.group {
            if let Some((file, _)) = &mut body.emptying {
                acknowledge(file);
            }
            empty = !group.is_populated();
        }
        if empty {
            // Without groups, who is looked for may be somebody unknown.
            if std::mem::take(&mut body.looking) && body.group.is_some() {
                queue.push_back(Event::MainFound(life, None));
            }
            let drained = std::mem::take(&mut body.draining);
            if let Some((file, watch)) = body.emptying.take() {
                reactor.forget(&file, watch);
            }
            if drained {
                queue.push_back(Event::Emptied(life));
            }
        }
    }

    /// What the end of strangers calls for, once per turn and not per stranger: a look at groups that waited for one, and at the counters of
    /// those of which nothing tells.
    pub(crate) fn after_reaping(&mut self, queue: &mut Queue) {
        self.leftovers.retain(|(_, group)| {
            let stays = group.is_populated() || group.remove().is_err();
            if !stays {
                slices::leave(self.root.as_ref(), group);
            }
            stays
        });
        if std::mem::take(&mut self.stranger_killed) {
            let lives: Vec<Life> = self.bodies.iter().filter(|(_, body)| body.memory.is_none()).map(|(life, _)| *life).collect();
            for life in lives {
                self.look_for_oom(life, queue);
            }
        }
    }
}

/// Reading from the start acknowledges a change; kernfs says EPOLLPRI until then.
pub(super) fn acknowledge(file: &mut File) {
    let _ = std::io::Seek::rewind(file);
    let _ = std::io::read_to_string(file);
}
