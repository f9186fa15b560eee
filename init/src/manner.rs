//! In which manner the lines of a unit are taken: how urgent they are, which are kept, and how many; systemd.exec(5), "Logging and Standard
//! Input/Output".

use std::time::Duration;

use units::unit::{ConsoleLevel, Log};

use crate::journal::{self, Priority};

/// That of one unit.
#[derive(Debug)]
pub(crate) struct Manner {
    /// Which lines the console shows as well.
    pub(crate) console: ConsoleLevel,
    /// What stands before each line.
    identifier: Option<Box<str>>,
    /// Who speaks, and how urgent a line is that does not say so; syslog(3).
    facility: u8,
    level: u8,
    /// A line may say so: `<3>`; sd-daemon(3).
    prefixed: bool,
    /// What is less urgent is not kept.
    least: u8,
    rate: Option<Rate>,
    /// The process by which it spoke last.
    pub(crate) speaker: Option<u32>,
}

/// So many lines in each interval.
#[derive(Debug)]
struct Rate {
    interval: Duration,
    burst: u32,
    /// When the interval began, on the clock that is on through suspend.
    since: Duration,
    heard: u32,
}

/// What is to be done with a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<'a> {
    /// It is kept, as urgent as that, after a word on lines that were too many before.
    Kept { priority: Priority, text: &'a [u8], suppressed: u32 },
    /// It is not.
    Dropped,
}

impl Manner {
    pub(crate) fn of(log: &Log) -> Self {
        let rate = log.rate.filter(|(interval, _)| !interval.is_zero());
        Self {
            console: log.console,
            identifier: log.identifier.as_deref().map(Box::from),
            facility: log.facility.unwrap_or(journal::DAEMON),
            level: log.level.unwrap_or(journal::INFO),
            prefixed: !log.prefix_is_text,
            least: log.level_max.unwrap_or(7),
            rate: rate.map(|(interval, burst)| Rate { interval, burst, since: Duration::ZERO, heard: 0 }),
            speaker: None,
        }
    }

    /// Judges a line that came at `now`.
    pub(crate) fn take<'a>(&mut self, line: &'a [u8], now: Duration) -> Taken<'a> {
        let (level, text) = match line {
            [b'<', digit @ b'0'..=b'7', b'>', text @ ..] if self.prefixed => (digit - b'0', text),
            text => (self.level, text),
        };
        if level > self.least {
            return Taken::Dropped;
        }
        match self.rate.as_mut().map_or(Some(0), |rate| rate.allows(now)) {
            Some(suppressed) => Taken::Kept { priority: Priority::new(self.facility, level), text, suppressed },
            None => Taken::Dropped,
        }
    }

    /// The line as it is kept: what it is called stands before it, as with syslog.
    pub(crate) fn words<'a>(&self, text: &'a [u8]) -> std::borrow::Cow<'a, [u8]> {
        match &self.identifier {
            Some(identifier) => [identifier.as_bytes(), b": ", text].concat().into(),
            None => text.into(),
        }
    }
}

impl Rate {
    /// How many were too many before this one; `None` if it is itself.
    fn allows(&mut self, now: Duration) -> Option<u32> {
        let mut suppressed = 0;
        if now.saturating_sub(self.since) >= self.interval {
            suppressed = self.heard.saturating_sub(self.burst);
            (self.since, self.heard) = (now, 0);
        }
        self.heard = self.heard.saturating_add(1);
        (self.heard <= self.burst).then_some(suppressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1000 + seconds)
    }

    #[test]
    fn a_line_may_say_how_urgent_it_is_and_the_unit_what_is_kept() {
        let mut manner = Manner::of(&Log {
            level: Some(4),
            level_max: Some(5),
            facility: Some(4),
            identifier: Some("shop".to_owned()),
            ..Log::default()
        });
        let kept = |level, text| Taken::Kept { priority: Priority::new(4, level), text, suppressed: 0 };
        assert_eq!(manner.take(b"<3>bad", at(0)), kept(3, b"bad"));
        assert_eq!(manner.take(b"plain", at(0)), kept(4, b"plain"));
        assert_eq!(manner.take(b"<6>chat", at(0)), Taken::Dropped);
        assert_eq!(&*manner.words(b"plain"), b"shop: plain");
        let mut verbatim = Manner::of(&Log { prefix_is_text: true, ..Log::default() });
        assert_eq!(verbatim.take(b"<3>bad", at(0)), Taken::Kept { priority: Priority::of_daemon(6), text: b"<3>bad", suppressed: 0 });
    }

    #[test]
    fn what_is_too_many_is_counted_and_told_with_the_next() {
        let mut manner = Manner::of(&Log { rate: Some((Duration::from_secs(10), 2)), ..Log::default() });
        let kept = |suppressed| Taken::Kept { priority: Priority::of_daemon(6), text: &b"x"[..], suppressed };
        let taken = [at(0), at(1), at(2), at(9), at(10), at(10), at(10), at(25)].map(|now| manner.take(b"x", now));
        assert_eq!(taken, [kept(0), kept(0), Taken::Dropped, Taken::Dropped, kept(2), kept(0), Taken::Dropped, kept(1)]);
    }
}
