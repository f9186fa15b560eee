use super::{Calendar, Chain, Component, DAYS, SECOND, Zone};
use crate::value::ValueError;
use std::str::FromStr;

/// Longest list of values in one field.
const MOST: usize = 240;

const LONG_DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const SHORTHANDS: [(&str, &str); 13] = [
    ("minutely", "*-*-* *:*:00"),
    ("hourly", "*-*-* *:00:00"),
    ("daily", "*-*-* 00:00:00"),
    ("weekly", "Mon *-*-* 00:00:00"),
    ("monthly", "*-*-01 00:00:00"),
    ("quarterly", "*-01,04,07,10-01 00:00:00"),
    ("semiannually", "*-01,07-01 00:00:00"),
    ("semi-annually", "*-01,07-01 00:00:00"),
    ("biannually", "*-01,07-01 00:00:00"),
    ("bi-annually", "*-01,07-01 00:00:00"),
    ("annually", "*-01-01 00:00:00"),
    ("yearly", "*-01-01 00:00:00"),
    ("anually", "*-01-01 00:00:00"),
];

impl FromStr for Calendar {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let bad = || ValueError(format!("{text:?} is no calendar expression such as \"daily\" or \"Mon..Fri *-*-* 03:00\""));
        let (rest, zone) = zone(text);
        let lower = rest.to_ascii_lowercase();
        let long = SHORTHANDS.iter().find(|(short, _)| *short == lower).map(|(_, long)| *long);
        let mut calendar = parse(long.unwrap_or(rest)).ok_or_else(bad)?;
        if zone != Zone::Local {
            calendar.zone = zone;
        }
        calendar.normalise();
        if calendar.is_valid() { Ok(calendar) } else { Err(bad()) }
    }
}

/// Splits the name of a time zone off. Which names exist is the system's to say; they begin with a
/// letter and are no weekday.
fn zone(text: &str) -> (&str, Zone) {
    let Some((rest, word)) = text.rsplit_once(' ') else { return (text, Zone::Local) };
    if word.eq_ignore_ascii_case("UTC") {
        return (rest, Zone::Utc);
    }
    let name =
        word.starts_with(|c: char| c.is_ascii_uppercase()) && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b));
    if name && weekday(word).is_none() { (rest, Zone::Named(word.to_owned())) } else { (text, Zone::Local) }
}

fn parse(text: &str) -> Option<Calendar> {
    if text.is_empty() {
        return None;
    }
    let mut rest = text;
    let weekdays = weekdays(&mut rest)?;
    let mut calendar = Calendar {
        weekdays: (weekdays != 0).then_some(weekdays),
        year: Chain::new(),
        month: Chain::new(),
        day: Chain::new(),
        end_of_month: false,
        hour: Chain::new(),
        minute: Chain::new(),
        second: Chain::new(),
        zone: Zone::Local,
    };
    if let Some(seconds) = rest.strip_prefix('@') {
        calendar.set_instant(seconds.parse().ok()?);
        return Some(calendar);
    }
    rest = calendar.date(rest)?;
    calendar.time(rest)?;
    Some(calendar)
}

/// A weekday at the front, and how long its name is.
fn weekday(text: &str) -> Option<(u8, usize)> {
    let begins = |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let found = |names: &[&str]| names.iter().zip(0u8..).find(|(name, _)| begins(name)).map(|(name, at)| (at, name.len()));
    found(&LONG_DAYS).or_else(|| found(&DAYS))
}

/// The list of weekdays at the front, as bits.
fn weekdays(rest: &mut &str) -> Option<u8> {
    let mut bits = 0u8;
    let mut from: Option<u8> = None;
    let mut first = true;
    loop {
        let Some((day, length)) = weekday(rest) else { return first.then_some(0) };
        let after = rest.get(length..)?;
        bits |= 1 << day;
        if let Some(from) = from.take() {
            if from > day {
                return None;
            }
            (from..day).for_each(|between| bits |= 1 << between);
            // After a range only a list or the end may follow.
            if after.starts_with(['.', '-']) {
                return None;
            }
        }
        *rest = if after.is_empty() || after.starts_with(' ') {
            *rest = after.trim_start_matches(' ');
            return Some(bits);
        } else if let Some(after) = after.strip_prefix("..").or_else(|| after.strip_prefix('-')) {
            from = Some(day);
            after
        } else {
            after.strip_prefix(',')?
        };
        if rest.is_empty() || rest.starts_with(' ') {
            *rest = rest.trim_start_matches(' ');
            return from.is_none().then_some(bits);
        }
        first = false;
    }
}

impl Calendar {
    /// Reads the date, where there is one, and hands back what follows.
    fn date<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        if text.is_empty() {
            return Some(text);
        }
        let (first, rest) = chain(text, false)?;
        if rest.is_empty() || rest.starts_with(':') {
            return Some(text);
        }
        let mut divide = |rest: &'a str| -> Option<&'a str> {
            match rest.strip_prefix('~') {
                Some(after) => {
                    self.end_of_month = true;
                    Some(after)
                }
                None => rest.strip_prefix('-'),
            }
        };
        let (second, rest) = chain(divide(rest)?, false)?;
        let ended = |rest: &str| rest.is_empty() || rest.starts_with(' ');
        if ended(rest) {
            (self.month, self.day) = (first, second);
            return Some(rest.trim_start_matches(' '));
        }
        // The `~` stands before the day, which comes last.
        let (third, rest) = chain(divide(rest)?, false)?;
        if !ended(rest) {
            return None;
        }
        (self.year, self.month, self.day) = (first, second, third);
        Some(rest.trim_start_matches(' '))
    }

    fn time(&mut self, text: &str) -> Option<()> {
        let zero = || vec![Component { start: 0, stop: None, repeat: 0 }];
        (self.hour, self.minute, self.second) = (zero(), zero(), zero());
        if text.is_empty() {
            return Some(());
        }
        let (hour, rest) = chain(text, false)?;
        let (minute, rest) = chain(rest.strip_prefix(':')?, false)?;
        (self.hour, self.minute) = (hour, minute);
        if rest.is_empty() {
            return Some(());
        }
        let (second, rest) = chain(rest.strip_prefix(':')?, true)?;
        self.second = second;
        rest.is_empty().then_some(())
    }

    /// `@seconds`: one instant, in UTC.
    fn set_instant(&mut self, seconds: i64) {
        let civil = super::next::Civil::of(seconds);
        let one = |start| vec![Component { start, stop: None, repeat: 0 }];
        (self.year, self.month, self.day) = (one(civil.year), one(civil.month), one(civil.day));
        (self.hour, self.minute, self.second) = (one(civil.hour), one(civil.minute), one(civil.micros));
        self.zone = Zone::Utc;
    }

    fn normalise(&mut self) {
        self.weekdays = self.weekdays.filter(|days| *days != 0x7f);
        self.end_of_month &= !self.day.is_empty();
        for year in self.year.iter_mut() {
            for value in [Some(&mut year.start), year.stop.as_mut()].into_iter().flatten() {
                match *value {
                    0..70 => *value += 2000,
                    70..100 => *value += 1900,
                    _ => {}
                }
            }
        }
        for chain in [&mut self.year, &mut self.month, &mut self.day, &mut self.hour, &mut self.minute, &mut self.second] {
            for part in chain.iter_mut() {
                if let Some(stop) = part.stop
                    && stop > part.start
                    && part.repeat > 0
                {
                    part.stop = Some(stop - (stop - part.start) % part.repeat);
                }
                let once = part.stop.is_some_and(|stop| stop == part.start || (stop > part.start && part.start + part.repeat > stop));
                if once {
                    (part.stop, part.repeat) = (None, 0);
                }
            }
            crate::order::by(chain, Ord::cmp);
            chain.dedup();
        }
    }

    fn is_valid(&self) -> bool {
        let day_end = if self.end_of_month { 28 } else { 31 };
        let within = |chain: &Chain, from: i64, to: i64, backwards: bool| {
            chain.iter().all(|part| {
                let fits = |value: i64| (from..=to).contains(&value);
                let once_more = match part.stop {
                    Some(stop) => fits(stop) && part.start + part.repeat <= stop,
                    None if backwards => part.start - part.repeat >= from,
                    None => part.start + part.repeat <= to,
                };
                fits(part.start) && part.repeat <= to - from && once_more
            })
        };
        within(&self.year, 1970, 2199, false)
            && within(&self.month, 1, 12, false)
            && within(&self.day, 1, day_end, self.end_of_month)
            && within(&self.hour, 0, 23, false)
            && within(&self.minute, 0, 59, false)
            && within(&self.second, 0, 60 * SECOND - 1, false)
    }
}

/// The values of one field at the front, and what follows.
fn chain(text: &str, is_second: bool) -> Option<(Chain, &str)> {
    if let Some(rest) = text.strip_prefix('*') {
        let every = Component { start: 0, stop: None, repeat: SECOND };
        let any = if is_second { vec![every] } else { Chain::new() };
        // `*/5` counts from the first value there is, which the field alone knows: only seconds,
        // minutes and hours begin with 0, and systemd refuses it for all.
        return Some((any, rest));
    }
    let mut parts = Chain::new();
    let mut rest = text;
    loop {
        let start = decimal(&mut rest, is_second)?;
        let mut part = Component { start, stop: None, repeat: 0 };
        if let Some(after) = rest.strip_prefix("..") {
            rest = after;
            part.stop = Some(decimal(&mut rest, is_second)?);
            part.repeat = if is_second { SECOND } else { 1 };
        }
        if let Some(after) = rest.strip_prefix('/') {
            rest = after;
            part.repeat = decimal(&mut rest, is_second).filter(|repeat| *repeat > 0)?;
        } else if is_second && part.stop.is_some_and(|stop| part.start + part.repeat > stop) {
            return None;
        }
        parts.push(part);
        if parts.len() > MOST || !(rest.is_empty() || rest.starts_with([' ', ',', '-', '~', ':'])) {
            return None;
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => return Some((parts, rest)),
        }
    }
}

fn decimal(rest: &mut &str, is_second: bool) -> Option<i64> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    let value = i64::from(digits.parse::<i32>().ok()?);
    *rest = after;
    if !is_second {
        return Some(value);
    }
    let mut micros = value.checked_mul(SECOND).filter(|micros| *micros <= i64::from(i32::MAX))?;
    if after.starts_with('.') && !after.starts_with("..") {
        let fraction = after.get(1..).unwrap_or_default();
        let end = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
        let digits = fraction.get(..end)?;
        let six: String = digits.chars().chain("000000".chars()).take(6).collect();
        // More than six places are rounded, and at least one is wanted.
        let up = digits.as_bytes().get(6).is_some_and(|digit| *digit >= b'5');
        micros += (!digits.is_empty()).then(|| six.parse::<i64>().ok()).flatten()? + i64::from(up);
        *rest = fraction.get(end..)?;
    }
    Some(micros)
}
