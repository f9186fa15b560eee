//! How long PID 1 is away from its reactor: the longest of its turns, and what of it took the longest.
//!
//! ```text
//! wait ─▶ begun ─ piece ─ piece ─ piece ─▶ over ─▶ wait
//!           └────────── a turn ──────────┘
//! ```
//!
//! Always measured: it costs a few readings of clocks per turn, and a stall that happened once in a month can be asked for
//! afterwards. Two clocks tell a turn that did much from one that was given no processor.

use std::cell::Cell;
use std::time::Duration;

use kernel::time::{boottime, processor};
use units::control::{LongTurn, Turns as Told};

/// What a turn is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The supervisor hears one event.
    Hearing,
    /// One of its orders is carried out, of this kind.
    Order(&'static str),
    /// Clients of the control socket.
    Clients,
    /// Signals.
    Signals,
    /// Lines of one pipe.
    Output,
    /// Any other source.
    Source,
    /// A slice of the reading of unit files, in words.
    Reading(&'static str),
    /// Children that have ended.
    Reaping,
    /// The state is written down anew.
    Writing,
    /// Directories are taken away.
    Sweeping,
}

impl Piece {
    fn word(self) -> &'static str {
        match self {
            Self::Hearing => "hearing an event",
            Self::Order(words) | Self::Reading(words) => words,
            Self::Clients => "clients",
            Self::Signals => "signals",
            Self::Output => "output",
            Self::Source => "another source",
            Self::Reaping => "reaping",
            Self::Writing => "writing the state anew",
            Self::Sweeping => "sweeping",
        }
    }
}

/// One turn, and its longest piece.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    took: Duration,
    on_processor: Duration,
    piece: Option<(Duration, Piece)>,
}

/// The turns there were.
#[derive(Debug)]
pub(crate) struct Turns {
    count: u64,
    /// When the turn began, by both clocks, and when its last piece ended.
    begun: Duration,
    begun_on_processor: Duration,
    mark: Duration,
    piece: Option<(Duration, Piece)>,
    ever: Turn,
    lately: Cell<Turn>,
}

impl Turns {
    /// The first turn begins.
    pub(crate) fn new() -> Self {
        let (begun, none) = (boottime(), Turn::default());
        Self { count: 0, begun, begun_on_processor: processor(), mark: begun, piece: None, ever: none, lately: Cell::new(none) }
    }

    /// Something has happened, and a turn begins.
    pub(crate) fn begin(&mut self) {
        self.begun = boottime();
        self.begun_on_processor = processor();
        self.mark = self.begun;
        self.piece = None;
    }

    /// What has been done since the turn began, or since the last piece, was one of these. The moment.
    pub(crate) fn was(&mut self, piece: Piece) -> Duration {
        let now = boottime();
        let took = now.saturating_sub(self.mark);
        self.mark = now;
        if self.piece.is_none_or(|(longest, _)| took > longest) {
            self.piece = Some((took, piece));
        }
        now
    }

    /// The turn is over.
    pub(crate) fn over(&mut self) {
        self.count += 1;
        let took = boottime().saturating_sub(self.begun);
        if took < self.lately.get().took {
            return;
        }
        let turn = Turn { took, on_processor: processor().saturating_sub(self.begun_on_processor), piece: self.piece };
        self.lately.set(turn);
        if took >= self.ever.took {
            self.ever = turn;
        }
    }

    /// What is known of them; with `anew`, what comes is counted apart from what has been told.
    pub(crate) fn tell(&self, anew: bool) -> Told {
        let told = Told { count: self.count, ever: self.ever.tell(), lately: self.lately.get().tell() };
        if anew {
            self.lately.set(Turn::default());
        }
        told
    }
}

impl Turn {
    fn tell(self) -> LongTurn {
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let (piece, what) = self.piece.map_or((0, ""), |(took, piece)| (us(took), piece.word()));
        LongTurn { us: us(self.took), on_processor_us: us(self.on_processor), piece_us: piece, piece: what.to_owned() }
    }
}

/// The whole in one line, for a person.
pub(crate) fn words(told: &Told) -> String {
    format!("{} turns; the longest took {}; of late {}", told.count, long(&told.ever), long(&told.lately))
}

fn long(turn: &LongTurn) -> String {
    let ms = |us: u64| format!("{}.{:03} ms", us / 1000, us % 1000);
    let piece = if turn.piece.is_empty() { String::new() } else { format!(", {} for {}", ms(turn.piece_us), turn.piece) };
    format!("{} ({} on a processor{piece})", ms(turn.us), ms(turn.on_processor_us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_is_kept_with_its_longest_piece_and_asking_begins_anew() {
        let mut turns = Turns::new();
        turns.begin();
        turns.was(Piece::Clients);
        let until = boottime() + Duration::from_millis(3);
        while boottime() < until {}
        turns.was(Piece::Order("an order"));
        turns.was(Piece::Output);
        turns.over();
        let told = turns.tell(true);
        assert!(told.count == 1 && told.ever.us >= 3000 && told.ever == told.lately, "{told:?}");
        assert!(told.ever.piece == "an order" && told.ever.piece_us >= 3000 && told.ever.on_processor_us > 0, "{told:?}");
        turns.begin();
        turns.over();
        let later = turns.tell(false);
        assert!(later.count == 2 && later.ever == told.ever && later.lately.us < told.ever.us, "{later:?}");
    }
}
