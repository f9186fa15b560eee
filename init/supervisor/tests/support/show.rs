//! Orders as the lines of a script.

use super::World;
use supervisor::{Action, Afterwards, Life, Notice, Ticket};
use units::control::Reply;

impl World {
    /// One line, where it is worth one.
    pub(super) fn show(&self, action: &Action) -> Option<String> {
        let unit = |life: &Life| self.lives.get(life).map_or_else(|| format!("{life:?}"), ToString::to_string);
        Some(match action {
            Action::Check(_, unit) => format!("check {unit}"),
            Action::Prepare(life, unit) => format!("prepare {unit}{life:?}"),
            Action::Spawn { run, unit, because, .. } => {
                let why = because.as_ref().map_or_else(String::new, |because| format!(" because {because:?}"));
                format!("spawn {unit}{:?} {}[{}]{why}", run.life, run.phase, run.index)
            }
            Action::FindMain(_, unit) => format!("find main of {unit}"),
            Action::Listen(_, unit) => format!("listen for {unit}"),
            Action::Attend(life, on) => format!("attend to {} {on}", unit(life)),
            Action::Flush(life) => format!("flush {}", unit(life)),
            Action::Unlisten(_, unit) => format!("close {unit}"),
            Action::Give(connection, unit) => format!("give {connection:?} to {unit}"),
            Action::Drop(connection) => format!("drop {connection:?}"),
            Action::WatchCalendar(_, unit) => format!("watch calendar of {unit}"),
            Action::Stamp(unit) => format!("stamp {unit}"),
            Action::WatchPaths(_, unit) => format!("watch paths of {unit}"),
            Action::Unwatch(life) => format!("unwatch {}", unit(life)),
            Action::Limit(_, unit) => format!("limit {unit}"),
            Action::Freeze(life, on) => format!("freeze {} {on}", unit(life)),
            Action::Signal(life, whom, signal) => format!("signal {} {whom:?} {signal}", unit(life)),
            Action::Kill(life) => format!("kill {}", unit(life)),
            Action::Drain(_) => return None,
            Action::Release(_, unit, Afterwards::Rest) => format!("release {unit}"),
            Action::Release(_, unit, Afterwards::Restart) => format!("release {unit} to restart"),
            Action::Answer(Ticket(n), Reply::Done { results }) => {
                let results: Vec<String> = results.iter().map(|r| format!("{} {:?}", r.unit, r.outcome)).collect();
                format!("answer {n}: {}", results.join(", "))
            }
            Action::Answer(Ticket(n), reply) => format!("answer {n}: {reply:?}"),
            Action::Forget(unit) => format!("forget {unit}"),
            Action::Reread(Ticket(n)) => format!("reread for {n}"),
            Action::Environment(Ticket(n), change) => format!("environment for {n}: {change:?}"),
            Action::Reexec(Ticket(n)) => format!("re-execute for {n}"),
            Action::Tell(_) if self.quiet => return None,
            Action::Tell(notice) => match notice {
                Notice::Starting(_) | Notice::Stopping(_) => return None,
                Notice::Started(unit, _) => format!("  {unit} is up"),
                Notice::Failed(unit, cause) => format!("  {unit} failed: {cause}"),
                Notice::Fell { unit, cause, again_at } => format!("  {unit} fell: {cause}, again at {:?}", again_at.0),
                Notice::Skipped(unit, what) => format!("  {unit} skipped: {what}"),
                Notice::Stopped(unit) => format!("  {unit} is down"),
                other => format!("  {other:?}"),
            },
            Action::Leave(way) => format!("leave {way}"),
        })
    }
}
