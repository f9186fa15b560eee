//! The last lines of one unit, in a fixed amount of memory.
//!
//! Drop-oldest: a service that talks too much loses its own past, never blocks, and never
//! takes room from another. What is lost is counted.

use std::collections::VecDeque;

use units::control::LogStream;

/// What a line costs beside its bytes: the struct, its share of a queue that doubles, and the
/// allocator's.
const OVERHEAD: usize = 88;
/// Up to so many there is no room to spare: most units only ever say that they have started.
const FEW: usize = 4;

/// One line as a service said it, without its line feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Counts the journal's lines from 1 on, whoever said them: the order of all rings together.
    pub(crate) number: u64,
    /// Milliseconds since 1970.
    pub(crate) time_ms: u64,
    pub(crate) stream: LogStream,
    /// syslog(3)
    pub(crate) priority: u8,
    pub(crate) text: Box<[u8]>,
}

/// The last lines that fit.
#[derive(Debug)]
pub(crate) struct Ring {
    lines: VecDeque<Line>,
    used: usize,
    room: usize,
    /// Lines that had to make way, and the number of the last of them.
    lost: u64,
    lost_up_to: u64,
}

impl Ring {
    /// A ring that holds about `room` bytes.
    pub(crate) fn new(room: usize) -> Self {
        Self { lines: VecDeque::new(), used: 0, room: room.max(4096), lost: 0, lost_up_to: 0 }
    }

    /// Append a line; the oldest make way.
    pub(crate) fn push(&mut self, line: Line) {
        self.used += line.text.len() + OVERHEAD;
        if self.lines.len() < FEW {
            self.lines.reserve_exact(1);
        }
        self.lines.push_back(line);
        self.shrink_to(self.room);
    }

    /// How many lines had to make way, and the number of the last of them.
    pub(crate) fn lost(&self) -> (u64, u64) {
        (self.lost, self.lost_up_to)
    }

    /// So many had to make way in an earlier life of the program.
    pub(crate) fn set_lost(&mut self, lost: u64, lost_up_to: u64) {
        (self.lost, self.lost_up_to) = (lost, lost_up_to);
    }

    /// Bytes used.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Let the oldest make way until no more than that is used.
    pub(crate) fn shrink_to(&mut self, room: usize) {
        while self.used > room {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.used -= oldest.text.len() + OVERHEAD;
            self.lost += 1;
            self.lost_up_to = oldest.number;
        }
    }

    /// What was said after line `number`; 0 for all that is kept.
    pub(crate) fn after(&self, number: u64) -> impl DoubleEndedIterator<Item = &Line> {
        let start = self.lines.partition_point(|line| line.number <= number);
        self.lines.range(start..)
    }

    /// Whether lines after `number` have been dropped already, and how many lines in all.
    pub(crate) fn lost_after(&self, number: u64) -> Option<u64> {
        (self.lost_up_to > number).then_some(self.lost)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn line(number: u64, text: &[u8]) -> Line {
        Line { number, time_ms: 0, stream: LogStream::Stdout, priority: 6, text: text.into() }
    }

    #[test]
    fn the_oldest_make_way_and_are_counted() {
        let mut ring = Ring::new(4096);
        for number in 1..=1000 {
            ring.push(line(number, format!("line {number}").as_bytes()));
        }
        assert!(ring.used <= 4096);
        assert_eq!(&*ring.after(0).next_back().unwrap().text, b"line 1000");
        assert!(ring.lines.len() > 30);
        assert_eq!(ring.lost, 1000 - u64::try_from(ring.lines.len()).unwrap());
        assert!(ring.lost_after(0).is_some());
        assert_eq!(ring.lost_after(999), None);
    }

    #[test]
    fn a_line_larger_than_the_ring_leaves_it_empty_not_broken() {
        let mut ring = Ring::new(4096);
        ring.push(line(1, &[b'x'; 5000]));
        assert_eq!((ring.lines.len(), ring.used), (0, 0));
        ring.push(line(2, b"ok"));
        assert_eq!(ring.after(0).count(), 1);
    }

    #[test]
    fn a_follower_continues_after_what_it_has_seen() {
        let mut ring = Ring::new(4096);
        ring.push(line(3, b"a"));
        ring.push(line(9, b"b"));
        let new: Vec<_> = ring.after(3).map(|line| line.number).collect();
        assert_eq!(new, vec![9]);
    }
}
