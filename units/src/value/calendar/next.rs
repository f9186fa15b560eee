use super::{Calendar, Component, SECOND, TimeZone};

/// The last year anything is looked for in.
const LAST_YEAR: i64 = 2199;

/// A point in civil time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    /// Of the minute, in microseconds.
    pub(super) micros: i64,
}

/// Days since the epoch of a date, and back, as in "chrono-Compatible Low-Level Date Algorithms"
/// (Howard Hinnant): years begin in March, so that the leap day is the last.
pub(super) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

pub(super) fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (years + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

pub(super) fn days_in(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_of(next_year, next, 1) - days_of(year, month, 1)
}

impl Civil {
    /// Of seconds since the epoch.
    pub(super) fn of(seconds: i64) -> Self {
        let (year, month, day) = date_of(seconds.div_euclid(86_400));
        let second = seconds.rem_euclid(86_400);
        Self { year, month, day, hour: second / 3600, minute: second / 60 % 60, micros: second % 60 * SECOND }
    }

    fn seconds(&self) -> i64 {
        days_of(self.year, self.month, self.day) * 86_400 + self.hour * 3600 + self.minute * 60
    }

    /// The first point of the next minute, hour, and so on.
    fn advance(&mut self, to: Next) {
        self.micros = 0;
        if to == Next::Minute && self.minute < 59 {
            return self.minute += 1;
        }
        self.minute = 0;
        if to <= Next::Hour && self.hour < 23 {
            return self.hour += 1;
        }
        self.hour = 0;
        if to <= Next::Day && self.day < days_in(self.year, self.month) {
            return self.day += 1;
        }
        self.day = 1;
        if to <= Next::Month && self.month < 12 {
            return self.month += 1;
        }
        self.month = 1;
        self.year += 1;
    }
}

/// Where a search goes on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Minute,
    Hour,
    Day,
    Month,
    Year,
}

pub(super) fn next_after(calendar: &Calendar, micros: i64, offset: i32) -> Option<i64> {
    let local = micros.checked_add(1)?.checked_add(i64::from(offset) * SECOND)?;
    let mut at = Civil::of(local.div_euclid(SECOND));
    at.micros += local.rem_euclid(SECOND);
    if at.year < 1970 {
        at = Civil { year: 1970, month: 1, day: 1, hour: 0, minute: 0, micros: 0 };
    }
    // Each round moves on by at least one value of a field; even 29 February on a Monday is found
    // within 40 years.
    loop {
        let from = at;
        let year = least(&calendar.year, at.year)?;
        if year > at.year {
            at = Civil { year, month: 1, day: 1, hour: 0, minute: 0, micros: 0 };
        }
        if at.year > LAST_YEAR {
            return None;
        }
        match least(&calendar.month, at.month).filter(|month| *month <= 12) {
            None => {
                at.advance(Next::Year);
                continue;
            }
            Some(month) if month > at.month => at = Civil { month, day: 1, hour: 0, minute: 0, micros: 0, ..at },
            Some(_) => {}
        }
        let last = days_in(at.year, at.month);
        let day = if calendar.end_of_month { least_from_end(&calendar.day, at.day, last) } else { least(&calendar.day, at.day) };
        match day.filter(|day| *day <= last) {
            None => {
                at.advance(Next::Month);
                continue;
            }
            Some(day) if day > at.day => at = Civil { day, hour: 0, minute: 0, micros: 0, ..at },
            Some(_) => {}
        }
        // 1 January 1970 was a Thursday.
        let weekday = (days_of(at.year, at.month, at.day) + 3).rem_euclid(7);
        if calendar.weekdays.is_some_and(|days| days & (1 << weekday) == 0) {
            at.advance(Next::Day);
            continue;
        }
        match least(&calendar.hour, at.hour).filter(|hour| *hour < 24) {
            None => {
                at.advance(Next::Day);
                continue;
            }
            Some(hour) if hour > at.hour => at = Civil { hour, minute: 0, micros: 0, ..at },
            Some(_) => {}
        }
        match least(&calendar.minute, at.minute).filter(|minute| *minute < 60) {
            None => {
                at.advance(Next::Hour);
                continue;
            }
            Some(minute) if minute > at.minute => at = Civil { minute, micros: 0, ..at },
            Some(_) => {}
        }
        match least(&calendar.second, at.micros).filter(|micros| *micros < 60 * SECOND) {
            None => at.advance(Next::Minute),
            Some(micros) => {
                return Some((at.seconds() - i64::from(offset)) * SECOND + micros);
            }
        }
        debug_assert_ne!(from, at, "a round that does not move on would never end");
    }
}

/// As [`next_after`], where the offset changes with the instant: local points that the clock skips are none, and one that
/// it shows twice is the first.
pub(super) fn next_in(calendar: &Calendar, micros: i64, zone: &TimeZone) -> Option<i64> {
    const DAY: i64 = 86_400;
    let offset = |micros: i64| i64::from(zone.offset_at(micros.div_euclid(SECOND)));
    let mut local = micros.checked_add(offset(micros) * SECOND)?;
    loop {
        let wanted = next_after(calendar, local, 0)?;
        // What holds a day before and after; no zone changes more often.
        let (before, after) = (offset(wanted - DAY * SECOND), offset(wanted + DAY * SECOND));
        let candidates = [before, after].map(|offset| (wanted - offset * SECOND, offset));
        let found = candidates.into_iter().filter(|(at, wanted)| *at > micros && offset(*at) == *wanted).map(|(at, _)| at).min();
        if found.is_some() {
            return found;
        }
        // On from where the clock goes on: the first second of the time after.
        let (mut low, mut high) = (wanted / SECOND - 2 * DAY, wanted / SECOND + 2 * DAY);
        while high - low > 1 {
            let middle = low.midpoint(high);
            if zone.offset_at(middle) == zone.offset_at(low) { low = middle } else { high = middle }
        }
        local = (wanted + 1).max((high + i64::from(zone.offset_at(high))) * SECOND).min(wanted + DAY * SECOND) - 1;
    }
}

/// The least value of the chain that is not below `value`.
fn least(chain: &[Component], value: i64) -> Option<i64> {
    if chain.is_empty() {
        return Some(value);
    }
    chain.iter().filter_map(|part| reach(part.start, part.stop, part.repeat, value)).min()
}

fn least_from_end(chain: &[Component], value: i64, last: i64) -> Option<i64> {
    let mirrored = |n: i64| last + 1 - n;
    let mut best = None;
    for part in chain {
        let (start, stop) = match part.stop {
            Some(stop) => (mirrored(stop), Some(mirrored(part.start))),
            None => (mirrored(part.start), None),
        };
        let found = reach(start, stop, part.repeat, value);
        best = match (best, found) {
            (Some(a), Some(b)) => Some(std::cmp::min::<i64>(a, b)),
            (a, b) => a.or(b),
        };
    }
    best
}

fn reach(start: i64, stop: Option<i64>, repeat: i64, value: i64) -> Option<i64> {
    if start >= value {
        return Some(start);
    }
    if repeat <= 0 {
        return None;
    }
    let steps = (value - start + repeat - 1) / repeat;
    let found = start + steps * repeat;
    stop.is_none_or(|stop| found <= stop).then_some(found)
}
