//! What services say: a pipe per life, lines cut here, kept in a bounded ring per unit.
//!
//! ```text
//! service ─1,2→ pipe → Intake (line cutter, byte budget per turn) → Ring → fiefctl logs
//!                                                              └────────→ console
//! ```
//!
//! Invariant: nothing here waits and nothing grows without bound. A service that floods is
//! read at `BUDGET` bytes or `LINES` lines per `BREATH`, so its own pipe slows it down, init does not spend the
//! container's CPU on it, and the other descriptors get their turn; a ring drops its oldest lines.

mod keep;
mod ring;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use units::control::{LogLine, LogStream};
use units::{Map, UnitName};

use crate::ledger::Ledger;
use keep::{Batch, Copying};
use ring::{Line, Ring};

/// `LOG_DAEMON` of syslog(3), and who speaks who does not say so.
pub(crate) const DAEMON: u8 = 3;
pub(crate) const USER: u8 = 1;
/// `LOG_NOTICE` and `LOG_INFO`.
pub(crate) const NOTICE: u8 = 5;
pub(crate) const INFO: u8 = 6;

/// How urgent a line is, and who speaks: the number of syslog(3), eight times the facility and the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Priority(u8);

impl Priority {
    /// Of what is said by or about a daemon.
    pub(crate) const fn of_daemon(level: u8) -> Self {
        Self::new(DAEMON, level)
    }

    /// Facility and level.
    pub(crate) const fn new(facility: u8, level: u8) -> Self {
        Self(facility << 3 | level & 7)
    }

    pub(crate) fn facility(self) -> u8 {
        self.0 >> 3
    }

    pub(crate) fn level(self) -> u8 {
        self.0 & 7
    }
}

/// Memory for the lines of one unit, bytes.
const ROOM: usize = 256 * 1024;
/// The most that a unit file may ask for, bytes: the memory is PID 1's.
const MOST_ROOM: usize = 16 * 1024 * 1024;
/// Memory for all lines together, bytes; beyond it the largest ring gives way.
const ROOM_FOR_ALL: usize = 4 * 1024 * 1024;
/// A line longer than this is cut in two.
const LONGEST_LINE: usize = 4096;
/// Bytes read from one pipe before it has to wait for a `BREATH`: some 3 MB/s.
const BUDGET: usize = 64 * 1024;
/// And lines: a pipe full of empty ones is 65,536 of them, and each costs about the same whatever is in it. A pipe full of short words is read in
/// one go.
const LINES: usize = 16 * 1024;
/// How long a pipe that floods is left alone.
pub(crate) const BREATH: Duration = Duration::from_millis(20);

/// What everybody has said: a ring per unit, one for init itself, and one for `/dev/log`, where
/// everybody may write and nobody shall wash away what init has said.
#[derive(Debug)]
pub(crate) struct Journal {
    units: Map<UnitName, Ring>,
    init: Ring,
    syslog: Ring,
    said: u64,
    used: usize,
    room: usize,
    /// Where the lines are that outlive the program.
    ledger: Option<Ledger>,
    /// Those that are not there yet.
    batch: Batch,
    /// The one that is to take its place.
    copying: Option<Copying>,
}

/// Which lines somebody wants to see.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Wanted {
    /// Of these units; none means of everybody.
    pub(crate) units: Vec<UnitName>,
    pub(crate) since_ms: Option<u64>,
    pub(crate) until_ms: Option<u64>,
    /// As urgent as this or more.
    pub(crate) priority: Option<u8>,
}

impl Wanted {
    fn is_of(&self, unit: Option<&UnitName>) -> bool {
        self.units.is_empty() || unit.is_some_and(|unit| self.units.contains(unit))
    }

    fn has(&self, line: &Line<'_>) -> bool {
        self.since_ms.is_none_or(|since| line.time_ms >= since)
            && self.until_ms.is_none_or(|until| line.time_ms <= until)
            && self.priority.is_none_or(|priority| line.priority.level() <= priority)
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self::with_room(ROOM_FOR_ALL)
    }
}

impl Journal {
    fn with_room(room: usize) -> Self {
        let (units, batch) = (Map::new(), Batch::default());
        Self { units, init: Ring::new(ROOM), syslog: Ring::new(ROOM), said: 0, used: 0, room, ledger: None, batch, copying: None }
    }

    /// Give a unit's ring another size than the usual, before it first speaks.
    pub(crate) fn reserve(&mut self, unit: &UnitName, room: usize) {
        self.units.entry(unit.clone()).or_insert_with(|| Ring::new(room.min(MOST_ROOM)));
        self.room = self.room.max(ROOM_FOR_ALL.saturating_add(room.min(MOST_ROOM)));
    }

    /// Keep one line of `unit`, or of init, or of the syslog.
    pub(crate) fn push(&mut self, unit: Option<&UnitName>, stream: LogStream, text: &[u8]) {
        self.push_as(unit, stream, Priority::of_daemon(INFO), text);
    }

    /// The same, as urgent as that.
    pub(crate) fn push_as(&mut self, unit: Option<&UnitName>, stream: LogStream, priority: Priority, text: &[u8]) {
        let line = Line { number: self.said + 1, time_ms: now_ms(), stream, priority, text };
        self.note(unit, &line);
        self.keep(unit, &line);
    }

    fn keep(&mut self, unit: Option<&UnitName>, line: &Line<'_>) {
        let stream = line.stream;
        self.said = self.said.max(line.number);
        let ring = match (unit, stream) {
            (Some(unit), _) => {
                if !self.units.contains_key(unit) {
                    self.units.insert(unit.clone(), Ring::new(ROOM));
                }
                self.units.get_mut(unit).unwrap_or(&mut self.init)
            }
            (None, LogStream::Syslog) => &mut self.syslog,
            (None, LogStream::Init | LogStream::Stdout | LogStream::Stderr) => &mut self.init,
        };
        self.used = self.used.saturating_sub(ring.used());
        ring.push(line);
        self.used += ring.used();
        let mut is_one_empty = false;
        while self.used > self.room {
            let rings = self.units.values_mut().chain([&mut self.init, &mut self.syslog]);
            let Some(largest) = rings.max_by_key(|ring| ring.used()) else { return };
            let before = largest.used();
            // By more than one line: looking for the largest is not free.
            largest.shrink_to(before - before / 8 - 1);
            self.used -= before - largest.used();
            is_one_empty |= largest.is_empty();
        }
        // Units that were made for one connection are never heard of again.
        if is_one_empty {
            self.units.retain(|_, ring| !ring.is_empty() || ring.room() != ROOM);
        }
    }

    /// The number of the newest line.
    pub(crate) fn newest(&self) -> u64 {
        self.said
    }

    /// The first lines after `number` that are wanted, `most` of them at most, in the order they were
    /// said.
    pub(crate) fn after(&self, number: u64, wanted: &Wanted, most: usize) -> Vec<(u64, LogLine)> {
        let heads = self.rings(wanted).map(|(name, ring)| {
            let mut lines = ring.after(number).filter(|line| wanted.has(line));
            (name, lines.next(), lines)
        });
        let mut heads: Vec<_> = heads.collect();
        let mut found = Vec::new();
        while found.len() < most {
            let oldest = heads.iter_mut().min_by_key(|(_, head, _)| head.map_or(u64::MAX, |line| line.number));
            let Some((name, head, lines)) = oldest else { break };
            let Some(line) = std::mem::replace(head, lines.next()) else { break };
            found.push((line.number, show(*name, &line)));
        }
        found
    }

    /// After which line the last `count` of those wanted begin.
    pub(crate) fn before_last(&self, count: usize, wanted: &Wanted) -> u64 {
        let lines =
            |ring: &'_ Ring| -> Vec<u64> { ring.newest().filter(|line| wanted.has(line)).take(count).map(|line| line.number).collect() };
        let last = self.rings(wanted).flat_map(|(_, ring)| lines(ring));
        let mut last: Vec<u64> = last.collect();
        last.sort_unstable_by(|a, b| b.cmp(a));
        match count.checked_sub(1) {
            None => self.said,
            Some(index) => last.get(index).map_or(0, |number| number - 1),
        }
    }

    /// How many lines of those rings had to make way, if any of them came after `number`.
    pub(crate) fn lost_after(&self, number: u64, wanted: &Wanted) -> u64 {
        self.rings(wanted).filter_map(|(_, ring)| ring.lost_after(number)).sum()
    }

    fn rings(&self, wanted: &Wanted) -> impl Iterator<Item = (Option<&UnitName>, &Ring)> {
        let units = self.units.iter().map(|(name, ring)| (Some(name), ring));
        units.chain([(None, &self.init), (None, &self.syslog)]).filter(move |(name, _)| wanted.is_of(*name))
    }
}

fn show(unit: Option<&UnitName>, line: &Line<'_>) -> LogLine {
    LogLine {
        number: line.number,
        time_ms: line.time_ms,
        unit: unit.cloned(),
        pid: None,
        identifier: None,
        stream: line.stream,
        priority: line.priority.level(),
        facility: line.priority.facility(),
        fields: std::collections::BTreeMap::new(),
        text: String::from_utf8_lossy(line.text).into_owned(),
    }
}

/// Milliseconds since 1970, for people; no delay depends on it.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// The reading end of one life's output.
#[derive(Debug)]
pub(crate) struct Intake {
    pipe: OwnedFd,
    partial: Vec<u8>,
}

/// What one turn of reading came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Nothing more for now: epoll will say when to go on.
    Open,
    /// The budget is used up and there is more.
    Flood,
    /// Every writer has closed the pipe.
    Ended,
}

impl Intake {
    /// Read from `pipe`, which must be non-blocking.
    pub(crate) fn new(pipe: OwnedFd) -> Self {
        Self { pipe, partial: Vec::new() }
    }

    /// Go on reading where an earlier life of the program stopped, with half a line of it.
    pub(crate) fn resumed(pipe: OwnedFd, partial: Vec<u8>) -> Self {
        Self { pipe, partial }
    }

    /// The line that has not ended yet.
    pub(crate) fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// Read up to the budget and give every complete line to `each`.
    pub(crate) fn turn(&mut self, mut each: impl FnMut(&[u8])) -> Flow {
        let mut buffer = [0_u8; 8192];
        let (mut left, mut lines) = (BUDGET, 0);
        while left > 0 && lines < LINES {
            match nix::unistd::read(&self.pipe, &mut buffer) {
                Ok(0) => {
                    self.flush(&mut each);
                    return Flow::Ended;
                }
                Ok(count) => {
                    left = left.saturating_sub(count);
                    lines += self.cut(buffer.get(..count).unwrap_or_default(), &mut each);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Flow::Open,
                Err(_) => {
                    self.flush(&mut each);
                    return Flow::Ended;
                }
            }
        }
        Flow::Flood
    }

    /// How many lines that were.
    fn cut(&mut self, mut bytes: &[u8], each: &mut impl FnMut(&[u8])) -> usize {
        let mut lines = 0;
        while !bytes.is_empty() {
            let room = LONGEST_LINE.saturating_sub(self.partial.len()).max(1);
            let window = bytes.get(..room.min(bytes.len())).unwrap_or(bytes);
            if let Some(end) = window.iter().position(|byte| *byte == b'\n') {
                let (line, rest) = bytes.split_at(end);
                self.partial.extend_from_slice(line);
                self.flush_even_empty(each);
                lines += 1;
                bytes = rest.get(1..).unwrap_or_default();
            } else {
                let (piece, rest) = bytes.split_at(window.len());
                self.partial.extend_from_slice(piece);
                if self.partial.len() >= LONGEST_LINE {
                    self.flush_even_empty(each);
                    lines += 1;
                }
                bytes = rest;
            }
        }
        lines
    }

    fn flush(&mut self, each: &mut impl FnMut(&[u8])) {
        if !self.partial.is_empty() {
            self.flush_even_empty(each);
        }
    }

    fn flush_even_empty(&mut self, each: &mut impl FnMut(&[u8])) {
        let text = self.partial.strip_suffix(b"\r").unwrap_or(&self.partial);
        each(text);
        self.partial.clear();
        // One long line must not pin its memory for the service's life.
        self.partial.shrink_to(512);
    }
}

impl AsFd for Intake {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

/// A pipe for a life's output: (reading end, non-blocking; writing end, blocking). Both close
/// on exec; the writing end reaches the child only as an explicit step of its plan. pipe2(2)
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    // Only our end: O_NONBLOCK on the writing end would give services EAGAIN from printf.
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((reader, writer))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn of(units: &[&UnitName]) -> Wanted {
        Wanted { units: units.iter().map(|unit| (*unit).clone()).collect(), ..Wanted::default() }
    }

    #[test]
    fn lines_are_wanted_by_unit_time_and_urgency() {
        let mut journal = Journal::default();
        let units = ["a", "b", "c"].map(|name| UnitName::new(name).unwrap());
        for unit in &units {
            journal.push_as(Some(unit), LogStream::Stderr, Priority::of_daemon(3), b"bad");
            journal.push(Some(unit), LogStream::Stdout, b"<8>no priority");
        }
        let texts = |wanted: &Wanted| journal.after(0, wanted, 99).into_iter().map(|(_, line)| line.text).collect::<Vec<_>>();
        assert_eq!(texts(&of(&[&units[0], &units[2]])), ["bad", "<8>no priority", "bad", "<8>no priority"]);
        let urgent = Wanted { priority: Some(4), ..of(&[]) };
        assert_eq!(texts(&urgent), ["bad"; 3]);
        assert_eq!(journal.before_last(1, &urgent), 4);
        assert!(texts(&Wanted { since_ms: Some(now_ms() + 60_000), ..of(&[]) }).is_empty());
        assert!(texts(&Wanted { until_ms: Some(1), ..of(&[]) }).is_empty());
    }

    #[test]
    fn all_together_keep_to_the_room_and_the_largest_gives_way() {
        let mut journal = Journal::with_room(200 * 1024);
        let (quiet, loud): (UnitName, UnitName) = (UnitName::new("quiet").unwrap(), UnitName::new("loud").unwrap());
        journal.push(Some(&quiet), LogStream::Stdout, b"once");
        journal.push(None, LogStream::Init, b"init");
        for _ in 0..10_000 {
            journal.push(Some(&loud), LogStream::Stdout, b"a line of the usual length, as such lines are");
            journal.push(None, LogStream::Syslog, b"a line of the usual length, as such lines are");
            assert!(journal.used <= journal.room);
        }
        let sum: usize = journal.rings(&Wanted::default()).map(|(_, ring)| ring.used()).sum();
        assert_eq!(sum, journal.used);
        assert_eq!(journal.after(0, &of(&[&quiet]), 9).len(), 1);
        assert_eq!(journal.init.after(0).count(), 1);
    }

    #[test]
    fn pieces_and_last_lines_are_in_the_order_said() {
        let mut journal = Journal::default();
        let units = ["a", "b", "c"].map(|name| UnitName::new(name).unwrap());
        for unit in units.iter().cycle().take(10) {
            journal.push(Some(unit), LogStream::Stdout, unit.as_str().as_bytes());
        }
        let numbers = |lines: Vec<(u64, LogLine)>| lines.into_iter().map(|(number, _)| number).collect::<Vec<_>>();
        assert_eq!(numbers(journal.after(0, &of(&[]), 4)), vec![1, 2, 3, 4]);
        assert_eq!(numbers(journal.after(4, &of(&[]), 99)), vec![5, 6, 7, 8, 9, 10]);
        assert_eq!(journal.before_last(3, &of(&[])), 7);
        assert_eq!(journal.before_last(99, &of(&[])), 0);
        assert_eq!(journal.before_last(0, &of(&[])), 10);
        assert_eq!(numbers(journal.after(journal.before_last(2, &of(&[&units[0]])), &of(&[&units[0]]), 9)), vec![7, 10]);
    }

    fn lines(intake: &mut Intake) -> (Vec<String>, Flow) {
        let mut all = Vec::new();
        let flow = intake.turn(|line| all.push(String::from_utf8_lossy(line).into_owned()));
        (all, flow)
    }

    #[test]
    fn cuts_lines_and_keeps_the_partial_one_until_the_end() {
        let (reader, writer) = pipe().unwrap();
        let mut intake = Intake::new(reader);
        nix::unistd::write(&writer, b"one\r\n\ntwo").unwrap();
        assert_eq!(lines(&mut intake), (vec!["one".into(), String::new()], Flow::Open));
        drop(writer);
        assert_eq!(lines(&mut intake), (vec!["two".into()], Flow::Ended));
    }

    #[test]
    fn a_turn_is_short_however_short_the_lines_are() {
        let (reader, writer) = pipe().unwrap();
        let mut intake = Intake::new(reader);
        assert_eq!(nix::unistd::write(&writer, &[b'\n'; 40_000]).unwrap(), 40_000);
        let mut turns = Vec::new();
        loop {
            let (all, flow) = lines(&mut intake);
            turns.push(all.len());
            match flow {
                Flow::Flood => {}
                Flow::Open | Flow::Ended => break,
            }
        }
        assert_eq!(turns, [LINES, LINES, 40_000 - 2 * LINES]);
    }

    #[test]
    fn a_line_without_end_is_cut_not_hoarded() {
        let (reader, writer) = pipe().unwrap();
        let mut intake = Intake::new(reader);
        nix::unistd::write(&writer, &[b'x'; 10_000]).unwrap();
        let (all, _) = lines(&mut intake);
        assert_eq!(all.iter().map(String::len).collect::<Vec<_>>(), vec![4096, 4096]);
        assert!(intake.partial.len() < LONGEST_LINE);
    }
}
