//! Long answers, piece by piece: rows of units and lines of the log.
//!
//! ```text
//! names ──PIECE──▶ supervisor.rows ─ and what else is asked about each ─▶ Reply::Units … Reply::End
//! rings ──PIECE──▶ Reply::Log … Reply::End, or on and on
//! ```
//!
//! Invariant: what a client has not taken yet is not made yet, so neither a slow reader nor a system
//! of a thousand units costs memory or holds up the loop. A row is true when it is made; those of one
//! answer need not be of one moment.

use std::collections::VecDeque;

use units::UnitName;
use units::control::{Detail, LogLine, LogStream, LogsRequest, Reply, UnitRow};

use super::{Known, properties};
use crate::journal::{self, Journal, Wanted};
use crate::system;

/// Rows told per turn of the loop; each may cost a dozen reads of counters.
const ROWS: usize = 32;
/// The same with all their properties, for which there is one walk over all units.
const SHEETS: usize = 16;
/// Lines told per turn of the loop.
const LINES: usize = 64;

/// A long answer under way.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) enum Telling {
    Rows { names: VecDeque<UnitName>, with: Vec<Detail> },
    Lines(Reading),
}

/// Somebody reading the log.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Reading {
    wanted: Wanted,
    seen: u64,
    /// The last line to give; none for a reader who stays.
    until: Option<u64>,
    /// Lines lost that have been told of.
    lost: u64,
}

impl Telling {
    /// Rows of these units.
    pub(super) fn rows(names: Vec<UnitName>, with: Vec<Detail>) -> Self {
        Self::Rows { names: names.into(), with }
    }

    /// Lines of the log.
    pub(super) fn lines(asked: LogsRequest, journal: &Journal) -> Self {
        let wanted = Wanted { units: asked.units, since_ms: asked.since_ms, until_ms: asked.until_ms, priority: asked.priority };
        // Without a ledger a program begun anew counts from 1 on again.
        let after = asked.after.map(|number| if number > journal.newest() { 0 } else { number });
        let count = asked.lines.and_then(|count| usize::try_from(count).ok());
        let seen = after.unwrap_or_else(|| count.map_or(0, |count| journal.before_last(count, &wanted)));
        // Who wants the last lines only is not told of older ones.
        let lost = if seen == 0 { 0 } else { journal.lost_after(0, &wanted) };
        let until = (!asked.follow).then(|| journal.newest());
        Self::Lines(Reading { wanted, seen, until, lost })
    }

    /// Whether there is more to tell when line `newest` is the last one.
    pub(super) fn has_more(&self, newest: u64) -> bool {
        match self {
            Self::Rows { .. } => true,
            Self::Lines(reading) => reading.until.is_some() || reading.seen < newest,
        }
    }

    /// The next piece, and whether more may come.
    pub(super) fn next(&mut self, known: Known<'_>) -> (Vec<Reply>, bool) {
        match self {
            Self::Rows { names, with } => {
                let most = if with.contains(&Detail::Properties) { SHEETS } else { ROWS };
                let piece: Vec<UnitName> = names.drain(..names.len().min(most)).collect();
                let mut units = known.supervisor.rows(system::now(), &piece);
                for row in &mut units {
                    complete(row, with, known);
                }
                if with.contains(&Detail::Properties) {
                    properties::fill(&mut units, known.supervisor.units());
                }
                let mut replies = vec![Reply::Units { units }];
                if names.is_empty() {
                    replies.push(Reply::End);
                }
                (replies, !names.is_empty())
            }
            Self::Lines(reading) => reading.next(known),
        }
    }
}

impl Reading {
    fn next(&mut self, known: Known<'_>) -> (Vec<Reply>, bool) {
        let journal = known.journal;
        let until = self.until.unwrap_or(u64::MAX);
        let lost = journal.lost_after(self.seen, &self.wanted);
        let newly_lost = lost.saturating_sub(self.lost);
        self.lost = self.lost.max(lost);
        let mut lines = journal.after(self.seen, &self.wanted, LINES);
        let is_all = lines.len() < LINES || lines.last().is_some_and(|(number, _)| *number >= until);
        lines.retain(|(number, _)| *number <= until);
        self.seen = if is_all { journal.newest() } else { lines.last().map_or(self.seen, |(number, _)| *number) };
        let mut replies = Vec::new();
        if newly_lost > 0 {
            replies.push(Reply::Log(lost_line(&self.wanted, newly_lost)));
        }
        replies.extend(lines.into_iter().map(|(_, mut line)| {
            let unit = line.unit.as_ref().and_then(|unit| known.supervisor.units().unit(unit));
            if let Some(service) = unit.and_then(|unit| unit.service()) {
                line.fields.extend(service.log.fields.iter().cloned());
                let program = || service.start.first().map(|command| command.program().rsplit('/').next().unwrap_or_default().to_owned());
                line.identifier = service.log.identifier.clone().or_else(program);
            }
            line.pid = line.unit.as_ref().and_then(|unit| known.manners.get(unit)).and_then(|manner| manner.speaker);
            Reply::Log(line)
        }));
        let ends = is_all && self.until.is_some();
        if ends {
            replies.push(Reply::End);
        }
        (replies, !ends)
    }
}

/// What the supervisor does not know of a unit.
fn complete(row: &mut UnitRow, with: &[Detail], known: Known<'_>) {
    let group = known.hands.group(&row.name);
    row.cgroup = group.map(|group| format!("/{}", group.path().display()));
    row.stamps = row.sources.iter().map(|path| known.stamps.of(path)).collect();
    // The brain knows of spans, the hands of the calendar: whichever comes first.
    row.next_us = row.next_us.into_iter().chain(known.hands.next_elapse(&row.name)).min();
    let all = with.contains(&Detail::Properties);
    if all || with.contains(&Detail::Account) {
        row.account = known.hands.account(&row.name);
    }
    let node = || known.supervisor.units().graph().node(&row.name);
    if with.contains(&Detail::Relations)
        && let Some(node) = node()
    {
        row.relate(node);
    }
}

fn lost_line(wanted: &Wanted, lost: u64) -> LogLine {
    let unit = match wanted.units.as_slice() {
        [unit] => Some(unit.clone()),
        _ => None,
    };
    let text = format!("{lost} older lines were not kept");
    let (priority, facility) = (journal::NOTICE, journal::DAEMON);
    LogLine {
        number: 0,
        time_ms: journal::now_ms(),
        unit,
        pid: None,
        identifier: None,
        stream: LogStream::Init,
        priority,
        facility,
        fields: std::collections::BTreeMap::new(),
        text,
    }
}
