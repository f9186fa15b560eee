//! Time zones, from the files of the tz database; RFC 8536, tzfile(5).
//!
//! ```text
//!   TZif ─ read ─▶ TimeZone { transitions …, rule for what comes after the last } ─ offset_at(instant) ─▶ seconds ahead of UTC
//!                                                                                 ─ name_at(instant) ─▶ "CET"
//! ```

use super::next::{date_of, days_in, days_of};

/// Files are some kilobytes; what says it has more transitions than this is none.
const MOST_TRANSITIONS: usize = 1 << 14;

/// How far civil time is ahead of UTC, at every instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeZone {
    /// Before the first transition.
    first: Time,
    /// From this instant on it is this, ascending.
    transitions: Vec<(i64, Time)>,
    /// All names, each ended by a zero.
    letters: Vec<u8>,
    /// After the last transition.
    rule: Option<Rule>,
}

/// One civil time of a zone: its summer time, say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Time {
    /// Seconds ahead of UTC.
    offset: i32,
    /// Where its name begins among the letters.
    name: u8,
}

/// What holds for ever; POSIX `TZ`, `CET-1CEST,M3.5.0,M10.5.0/3`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    name: String,
    standard: i32,
    summer: Option<Summer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Summer {
    name: String,
    offset: i32,
    begins: Change,
    ends: Change,
}

/// A day of each year, and a time of that day in seconds, which may be of another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    day: Day,
    time: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Day {
    /// `Jn`: 1 to 365, 29 February is never counted.
    Julian(i64),
    /// `n`: 0 to 365.
    Zero(i64),
    /// `Mm.w.d`: the w-th d-day of a month, 5 being the last.
    Weekday { month: i64, week: i64, day: i64 },
}

impl TimeZone {
    /// UTC itself.
    #[must_use]
    pub fn utc() -> Self {
        Self::default()
    }

    /// A file of the tz database. `None` when it is none.
    #[must_use]
    pub fn read(file: &[u8]) -> Option<Self> {
        let header = Header::read(file)?;
        if header.version == 0 {
            return header.body(file, 4, None);
        }
        // The first block is for readers of old; the second has 64 bits, and the rule behind it.
        let second = file.get(header.length(4)?..)?;
        let header = Header::read(second)?;
        let footer = second.get(header.length(8)?..)?.strip_prefix(b"\n")?;
        let text = std::str::from_utf8(footer.split(|byte| *byte == b'\n').next()?).ok()?;
        let rule = if text.is_empty() { None } else { Some(Rule::read(text)?) };
        header.body(second, 8, rule)
    }

    /// Seconds that civil time is ahead of UTC, `seconds` after the epoch.
    #[must_use]
    pub fn offset_at(&self, seconds: i64) -> i32 {
        self.at(seconds).0
    }

    /// What civil time is called then: "CEST", and where nobody has a name for it "+0530".
    #[must_use]
    pub fn name_at(&self, seconds: i64) -> &str {
        self.at(seconds).1
    }

    fn at(&self, seconds: i64) -> (i32, &str) {
        let passed = self.transitions.partition_point(|(at, _)| *at <= seconds);
        let time = match (passed.checked_sub(1).and_then(|last| self.transitions.get(last)), &self.rule) {
            (_, Some(rule)) if passed == self.transitions.len() => return rule.at(seconds),
            (Some((_, time)), _) => time,
            (None, _) => &self.first,
        };
        let letters = self.letters.get(usize::from(time.name)..).unwrap_or_default();
        let name = letters.split(|byte| *byte == 0).next().and_then(|name| std::str::from_utf8(name).ok());
        (time.offset, name.filter(|name| !name.is_empty()).unwrap_or("UTC"))
    }
}

struct Header {
    version: u8,
    is_ut: usize,
    is_standard: usize,
    leaps: usize,
    transitions: usize,
    types: usize,
    letters: usize,
}

const HEADER: usize = 44;

impl Header {
    fn read(file: &[u8]) -> Option<Self> {
        let rest = file.strip_prefix(b"TZif")?;
        let count =
            |at: usize| Some(usize::try_from(u32::from_be_bytes(*file.get(20 + 4 * at..)?.first_chunk()?)).ok()?.min(usize::MAX / 64));
        let header = Self {
            version: *rest.first()?,
            is_ut: count(0)?,
            is_standard: count(1)?,
            leaps: count(2)?,
            transitions: count(3)?,
            types: count(4)?,
            letters: count(5)?,
        };
        (header.transitions <= MOST_TRANSITIONS && (1..=256).contains(&header.types)).then_some(header)
    }

    /// Of header and block, with times of so many bytes.
    fn length(&self, width: usize) -> Option<usize> {
        let parts = [
            self.transitions.checked_mul(width + 1)?,
            self.types * 6,
            self.letters,
            self.leaps.checked_mul(width + 4)?,
            self.is_standard,
            self.is_ut,
        ];
        parts.into_iter().try_fold(HEADER, usize::checked_add)
    }

    fn body(&self, file: &[u8], width: usize, rule: Option<Rule>) -> Option<TimeZone> {
        let times = file.get(HEADER..)?;
        let kinds = times.get(self.transitions * width..)?;
        let types = kinds.get(self.transitions..)?;
        let time = |kind: u8| {
            let kind = usize::from(kind);
            // Offset, whether it is summer time, and the place of the name.
            let [a, b, c, d, _, name] = *types.get(6 * kind..).filter(|_| kind < self.types)?.first_chunk()?;
            Some(Time { offset: i32::from_be_bytes([a, b, c, d]), name }).filter(|time| time.offset.abs() < 7 * 86_400)
        };
        let mut transitions = Vec::with_capacity(self.transitions);
        for (at, kind) in (0..self.transitions).zip(kinds) {
            let bytes = times.get(at * width..)?;
            let instant =
                if width == 8 { i64::from_be_bytes(*bytes.first_chunk()?) } else { i32::from_be_bytes(*bytes.first_chunk()?).into() };
            transitions.push((instant, time(*kind)?));
        }
        let ascending = transitions.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
        let letters = types.get(6 * self.types..)?.get(..self.letters)?.to_vec();
        ascending.then_some(TimeZone { first: time(0)?, transitions, letters, rule })
    }
}

impl Rule {
    fn read(text: &str) -> Option<Self> {
        let mut rest = text;
        let standard_name = name(&mut rest)?.to_owned();
        // POSIX counts westwards.
        let standard = -signed_time(&mut rest)?;
        if rest.is_empty() {
            return Some(Self { name: standard_name, standard: i32::try_from(standard).ok()?, summer: None });
        }
        let name = name(&mut rest)?.to_owned();
        let offset = if rest.starts_with(',') { standard + 3600 } else { -signed_time(&mut rest)? };
        let begins = Change::read(&mut rest)?;
        let ends = Change::read(&mut rest)?;
        let summer = Some(Summer { name, offset: i32::try_from(offset).ok()?, begins, ends });
        rest.is_empty().then_some(Self { name: standard_name, standard: i32::try_from(standard).ok()?, summer })
    }

    fn at(&self, seconds: i64) -> (i32, &str) {
        let Some(summer) = &self.summer else { return (self.standard, &self.name) };
        let (year, _, _) = date_of((seconds + i64::from(self.standard)).div_euclid(86_400));
        // Each in the time that holds before it.
        let begins = summer.begins.in_year(year) - i64::from(self.standard);
        let ends = summer.ends.in_year(year) - i64::from(summer.offset);
        let in_summer = if begins < ends { begins <= seconds && seconds < ends } else { !(ends <= seconds && seconds < begins) };
        if in_summer { (summer.offset, &summer.name) } else { (self.standard, &self.name) }
    }
}

impl Change {
    fn read(rest: &mut &str) -> Option<Self> {
        *rest = rest.strip_prefix(',')?;
        let day = if let Some(after) = rest.strip_prefix('M') {
            *rest = after;
            let month = number(rest, 1, 12)?;
            *rest = rest.strip_prefix('.')?;
            let week = number(rest, 1, 5)?;
            *rest = rest.strip_prefix('.')?;
            Day::Weekday { month, week, day: number(rest, 0, 6)? }
        } else if let Some(after) = rest.strip_prefix('J') {
            *rest = after;
            Day::Julian(number(rest, 1, 365)?)
        } else {
            Day::Zero(number(rest, 0, 365)?)
        };
        let time = match rest.strip_prefix('/') {
            Some(after) => {
                *rest = after;
                signed_time(rest)?
            }
            None => 7200,
        };
        Some(Self { day, time })
    }

    /// Seconds since the epoch, in civil time.
    fn in_year(&self, year: i64) -> i64 {
        let first = days_of(year, 1, 1);
        let day = match self.day {
            Day::Zero(day) => first + day,
            Day::Julian(day) => first + day - 1 + i64::from(day > 59 && days_in(year, 2) == 29),
            Day::Weekday { month, week, day } => {
                let begin = days_of(year, month, 1);
                // 1 January 1970 was a Thursday, day 4 of a week that begins with Sunday.
                let wait = (day - (begin + 4)).rem_euclid(7);
                let found = begin + wait + 7 * (week - 1);
                if found >= begin + days_in(year, month) { found - 7 } else { found }
            }
        };
        day * 86_400 + self.time
    }
}

/// Letters, or anything in `<>`.
fn name<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (name, after) = match rest.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>')?,
        None => rest.split_at(rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())),
    };
    *rest = after;
    (name.len() >= 3).then_some(name)
}

/// `[+-]hh[:mm[:ss]]`, in seconds.
fn signed_time(rest: &mut &str) -> Option<i64> {
    let sign = if let Some(after) = rest.strip_prefix('-') {
        *rest = after;
        -1
    } else {
        *rest = rest.strip_prefix('+').unwrap_or(rest);
        1
    };
    let mut time = number(rest, 0, 167)? * 3600;
    for unit in [60, 1] {
        if let Some(after) = rest.strip_prefix(':') {
            *rest = after;
            time += number(rest, 0, 59)? * unit;
        }
    }
    Some(sign * time)
}

fn number(rest: &mut &str, least: i64, most: i64) -> Option<i64> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let value = rest.get(..end)?.parse().ok()?;
    *rest = rest.get(end..)?;
    (least..=most).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::shown;
    use super::super::{Calendar, SECOND};
    use super::*;

    /// A file of version 2 without transitions, so that its rule holds always.
    pub(crate) fn of_rule(rule: &str) -> TimeZone {
        let block = |version: u8| {
            let mut block = b"TZif".to_vec();
            block.push(version);
            block.extend([0; 15]);
            for count in [0_u32, 0, 0, 0, 1, 4] {
                block.extend(count.to_be_bytes());
            }
            block.extend([0; 6]);
            block.extend(b"LMT\0");
            block
        };
        let mut file = block(b'2');
        file.extend(block(b'2'));
        file.extend(format!("\n{rule}\n").bytes());
        TimeZone::read(&file).unwrap()
    }

    fn elapses(calendar: &str, from: &str, zone: &TimeZone, count: usize) -> Vec<String> {
        let calendar: Calendar = calendar.parse().unwrap();
        let once: Calendar = format!("{from} UTC").parse().unwrap();
        let mut at = once.next_after(0, 0).unwrap() - 1;
        let mut found = Vec::new();
        while found.len() < count {
            at = calendar.next_in(at, zone).unwrap();
            found.push(shown(at));
        }
        found
    }

    #[test]
    fn rules_say_when_summer_is() {
        let hour = |zone: &TimeZone, seconds| zone.offset_at(seconds) / 3600;
        let berlin = of_rule("CET-1CEST,M3.5.0,M10.5.0/3");
        // 2024-03-31 01:00 and 2024-10-27 01:00 UTC.
        for (at, offset) in [(1_711_846_799, 1), (1_711_846_800, 2), (1_729_990_799, 2), (1_729_990_800, 1)] {
            assert_eq!(hour(&berlin, at), offset, "{at}");
            assert_eq!(berlin.name_at(at), if offset == 2 { "CEST" } else { "CET" });
        }
        // The other half of the earth.
        let sydney = of_rule("AEST-10AEDT,M10.1.0,M4.1.0/3");
        assert_eq!((hour(&sydney, 1_704_067_200), hour(&sydney, 1_720_000_000)), (11, 10));
        let kolkata = of_rule("<+0530>-5:30");
        assert_eq!((kolkata.offset_at(0), kolkata.name_at(0)), (19_800, "+0530"));
        // Greenland's clocks change on the day before, in local time.
        assert_eq!(hour(&of_rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0"), 1_711_846_800), -1);
        for wrong in ["", "X", "CET", "CET-1CEST,M13.1.0,M10.5.0", "CET-1CEST,M3.5.0", "CET-1x", "CET-1CEST,M3.5.0,M10.5.0/3x"] {
            assert_eq!(Rule::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_hour_that_is_skipped_has_no_point_and_one_that_comes_twice_has_one() {
        let berlin = of_rule("CET-1CEST,M3.5.0,M10.5.0/3");
        assert_eq!(elapses("*-*-* 02:30", "2024-03-30 00:00", &berlin, 2), ["2024-03-30 01:30:00", "2024-04-01 00:30:00"]);
        assert_eq!(elapses("*-*-* 02:30", "2024-10-26 12:00", &berlin, 2), ["2024-10-27 00:30:00", "2024-10-28 01:30:00"]);
        // Every second: the search must not walk through the hour that is not there.
        assert_eq!(elapses("*:*:*", "2024-03-31 00:59:59", &berlin, 2), ["2024-03-31 00:59:59", "2024-03-31 01:00:00"]);
        assert_eq!(elapses("03:00 UTC", "2024-03-31 00:00", &berlin, 1), ["2024-03-31 03:00:00"]);
    }

    #[test]
    fn noise_is_no_zone() {
        let mut good = b"TZif2".to_vec();
        good.resize(200, 0xff);
        for length in 0..good.len() {
            assert_eq!(TimeZone::read(good.get(..length).unwrap()), None);
        }
    }

    #[test]
    fn transitions_come_before_the_rule() {
        let mut file = b"TZif\0".to_vec();
        file.extend([0; 15]);
        for count in [0_u32, 0, 0, 2, 2, 8] {
            file.extend(count.to_be_bytes());
        }
        for at in [100_i32, 200] {
            file.extend(at.to_be_bytes());
        }
        file.extend([1, 0]);
        for (offset, name) in [(0_i32, 0), (3600, 4)] {
            file.extend(offset.to_be_bytes());
            file.extend([0, name]);
        }
        file.extend(b"LMT\0CET\0");
        let zone = TimeZone::read(&file).unwrap();
        assert_eq!([99, 100, 199, 200].map(|at| zone.offset_at(at)), [0, 3600, 3600, 0]);
        assert_eq!([99, 100, 199, 200].map(|at| zone.name_at(at)), ["LMT", "CET", "CET", "LMT"]);
        assert_eq!(TimeZone::utc().name_at(0), "UTC");
        let midnight: Calendar = "*-*-* 00:00".parse().unwrap();
        assert_eq!(midnight.next_in(200 * SECOND, &zone), Some(86_400 * SECOND));
    }
}
