//! The last lines of one unit, in a fixed amount of memory.
//!
//! ```text
//! push ─▶ [ line line line … │ line line … │ line … ]   chunks of bytes, each as large as it is
//!                                 the oldest chunk makes way as a whole ─▶ lost
//! ```
//!
//! A line is its numbers and its text, one after the other in a chunk: nothing beside them, and no piece of memory of its own. A hundred
//! thousand lines that come and go as pieces of any size would leave holes that cost as much as they do.
//!
//! Drop-oldest: a service that talks too much loses its own past, never blocks, and never
//! takes room from another. What is lost is counted.

use std::collections::VecDeque;

use units::control::LogStream;

use super::Priority;

/// A chunk is no larger, unless for one line: with what the allocator needs it fills four of its pages' quarters.
const CHUNK: usize = 4064;
/// Nor smaller, once the ring has so much.
const LEAST_CHUNK: usize = 512;
/// A ring has so many of them.
const CHUNKS: usize = 8;
/// What a chunk costs beside its bytes.
const OVERHEAD: usize = 64;
/// Number, time, length, stream and priority.
const HEAD: usize = 8 + 8 + 4 + 1 + 1;

/// One line as a service said it, without its line feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Counts the journal's lines from 1 on, whoever said them: the order of all rings together.
    pub(crate) number: u64,
    /// Milliseconds since 1970.
    pub(crate) time_ms: u64,
    pub(crate) stream: LogStream,
    /// syslog(3), the facility among it.
    pub(crate) priority: Priority,
    pub(crate) text: &'a [u8],
}

/// Lines one after the other, as bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'a>(pub(super) &'a [u8]);

#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    lines: u64,
    last: u64,
}

/// The last lines that fit.
#[derive(Debug)]
pub(crate) struct Ring {
    chunks: VecDeque<Chunk>,
    used: usize,
    room: usize,
    /// Lines that had to make way, and the number of the last of them.
    lost: u64,
    lost_up_to: u64,
}

impl Line<'_> {
    /// Append it as bytes, for [`Lines`].
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let stream = match self.stream {
            LogStream::Stdout => 0,
            LogStream::Stderr => 1,
            LogStream::Init => 2,
            LogStream::Syslog => 3,
        };
        bytes.extend_from_slice(&self.number.to_ne_bytes());
        bytes.extend_from_slice(&self.time_ms.to_ne_bytes());
        // No line is longer than what a pipe or a datagram can hold.
        bytes.extend_from_slice(&u32::try_from(self.text.len()).unwrap_or(u32::MAX).to_ne_bytes());
        bytes.extend_from_slice(&[stream, self.priority.0]);
        bytes.extend_from_slice(self.text);
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let (number, rest) = self.0.split_first_chunk()?;
        let (time_ms, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (stream, rest) = rest.split_first()?;
        let (priority, rest) = rest.split_first()?;
        let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_ne_bytes(*length)).ok()?)?;
        self.0 = rest;
        let stream = match stream {
            0 => LogStream::Stdout,
            1 => LogStream::Stderr,
            2 => LogStream::Init,
            _ => LogStream::Syslog,
        };
        let (number, time_ms) = (u64::from_ne_bytes(*number), u64::from_ne_bytes(*time_ms));
        Some(Line { number, time_ms, stream, priority: Priority(*priority), text })
    }
}

impl Chunk {
    fn cost(&self) -> usize {
        self.bytes.capacity() + OVERHEAD
    }

    fn lines(&self) -> Lines<'_> {
        Lines(&self.bytes)
    }
}

impl Ring {
    /// A ring that holds about `room` bytes.
    pub(crate) fn new(room: usize) -> Self {
        Self { chunks: VecDeque::new(), used: 0, room: room.max(LEAST_CHUNK * CHUNKS), lost: 0, lost_up_to: 0 }
    }

    /// Append a line; the oldest make way.
    pub(crate) fn push(&mut self, line: &Line<'_>) {
        let size = HEAD + line.text.len();
        let most = (self.room / CHUNKS).clamp(LEAST_CHUNK, CHUNK);
        match self.chunks.back_mut() {
            Some(chunk) if chunk.bytes.len() + size <= most => {
                let before = chunk.bytes.capacity();
                let wanted = chunk.bytes.len() + size;
                if wanted > before {
                    // Who says little has little room to spare.
                    chunk.bytes.reserve_exact(wanted.max(before * 2).min(most) - chunk.bytes.len());
                }
                line.write(&mut chunk.bytes);
                (chunk.lines, chunk.last) = (chunk.lines + 1, line.number);
                self.used += chunk.bytes.capacity() - before;
            }
            Some(_) | None => {
                // Most units only ever say that they have started.
                if self.chunks.is_empty() {
                    self.chunks.reserve_exact(1);
                }
                let mut bytes = Vec::with_capacity(if self.chunks.is_empty() { size } else { size.max(most) });
                line.write(&mut bytes);
                let chunk = Chunk { bytes, lines: 1, last: line.number };
                self.used += chunk.cost();
                self.chunks.push_back(chunk);
            }
        }
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

    /// Bytes it may use.
    pub(crate) fn room(&self) -> usize {
        self.room
    }

    /// Whether it has no line.
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Let the oldest make way until no more than that is used.
    pub(crate) fn shrink_to(&mut self, room: usize) {
        while self.used > room {
            let Some(oldest) = self.chunks.pop_front() else { break };
            self.used -= oldest.cost();
            self.lost += oldest.lines;
            self.lost_up_to = oldest.last;
        }
    }

    /// What was said after line `number`; 0 for all that is kept.
    pub(crate) fn after(&self, number: u64) -> impl Iterator<Item = Line<'_>> {
        let lines = self.chunks_after(number).flat_map(Lines);
        lines.skip_while(move |line| line.number <= number)
    }

    /// The lines from the newest back to the oldest.
    pub(crate) fn newest(&self) -> impl Iterator<Item = Line<'_>> {
        self.chunks.iter().rev().flat_map(|chunk| {
            let mut lines: Vec<Line<'_>> = chunk.lines().collect();
            lines.reverse();
            lines
        })
    }

    /// Everything that was said after line `number`, with some that was said before, as bytes.
    pub(super) fn chunks_after(&self, number: u64) -> impl Iterator<Item = &[u8]> {
        let start = self.chunks.partition_point(|chunk| chunk.last <= number);
        self.chunks.range(start..).map(|chunk| chunk.bytes.as_slice())
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

    fn line(number: u64, text: &[u8]) -> Line<'_> {
        Line { number, time_ms: 0, stream: LogStream::Stdout, priority: Priority(6), text }
    }

    #[test]
    fn the_oldest_make_way_and_are_counted() {
        let mut ring = Ring::new(4096);
        for number in 1..=1000 {
            ring.push(&line(number, format!("line {number}").as_bytes()));
            assert!(ring.used <= 4096);
        }
        assert_eq!(ring.newest().next().unwrap().text, b"line 1000");
        let kept: Vec<u64> = ring.after(0).map(|line| line.number).collect();
        assert!(kept.len() > 80, "{}", kept.len());
        assert_eq!(ring.lost(), (1000 - u64::try_from(kept.len()).unwrap(), kept.first().unwrap() - 1));
        assert!(ring.newest().map(|line| line.number).eq(kept.into_iter().rev()));
        assert!(ring.lost_after(0).is_some());
        assert_eq!(ring.lost_after(999), None);
    }

    #[test]
    fn what_is_counted_is_what_is_used() {
        let mut ring = Ring::new(64 * 1024);
        for number in 1..=5000_u64 {
            ring.push(&line(number, vec![b'x'; usize::try_from(number % 700).unwrap()].as_slice()));
        }
        assert_eq!(ring.used, ring.chunks.iter().map(Chunk::cost).sum::<usize>());
        let text: usize = ring.after(0).map(|line| line.text.len()).sum();
        assert!(text > ring.used / 4 * 3, "{text} bytes of text in {}", ring.used);
        ring.shrink_to(0);
        assert!(ring.is_empty() && ring.used == 0 && ring.lost() == (5000, 5000));
    }

    #[test]
    fn a_line_comes_back_as_it_was_said() {
        let mut ring = Ring::new(64 * 1024);
        let streams = [LogStream::Stdout, LogStream::Stderr, LogStream::Init, LogStream::Syslog];
        let long = vec![b'y'; 10_000];
        let texts: [&[u8]; 3] = [b"", b"\xff\0<3>", &long];
        let lines = streams.into_iter().zip(texts.into_iter().cycle()).zip(1..);
        let lines: Vec<Line<'_>> = lines
            .map(|((stream, text), number)| Line { number, time_ms: u64::MAX - number, stream, priority: Priority(0xff - 1), text })
            .collect();
        lines.iter().for_each(|line| ring.push(line));
        assert_eq!(ring.after(0).collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_line_larger_than_the_ring_leaves_it_empty_not_broken() {
        let mut ring = Ring::new(4096);
        ring.push(&line(1, &[b'x'; 5000]));
        assert!(ring.is_empty() && ring.used == 0);
        ring.push(&line(2, b"ok"));
        assert_eq!(ring.after(0).count(), 1);
    }

    #[test]
    fn a_follower_continues_after_what_it_has_seen() {
        let mut ring = Ring::new(4096);
        ring.push(&line(3, b"a"));
        ring.push(&line(9, b"b"));
        let new: Vec<_> = ring.after(3).map(|line| line.number).collect();
        assert_eq!(new, vec![9]);
    }
}
