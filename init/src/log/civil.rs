//! Moments as the container's people write them, in its own time zone; localtime(5), `TZ` of tzset(3).

use units::value::TimeZone;

use crate::fiefctl::date;
use crate::file;

pub(crate) const LOCAL: &str = "/etc/localtime";
pub(crate) const DATABASE: &str = "/usr/share/zoneinfo";
/// The largest file of the database is some kilobytes.
const MOST: u64 = 1 << 18;
const DAY: i64 = 86_400;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// The first of January 1970 was a Thursday.
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Where we are.
#[derive(Debug, Default)]
pub(crate) struct Here(TimeZone);

/// A moment, as a calendar and a clock on the wall show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil<'a> {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
    pub(crate) weekday: &'static str,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) micros: u64,
    /// Seconds that it is ahead of UTC.
    pub(crate) offset: i32,
    /// What the time is called: "CET".
    pub(crate) name: &'a str,
}

impl Here {
    /// As the process is told, or the container is set. What cannot be read is UTC.
    pub(crate) fn found() -> Self {
        let path = match std::env::var("TZ") {
            Ok(name) if name.is_empty() => return Self::default(),
            Ok(name) if name.starts_with(":/") || name.starts_with('/') => name.trim_start_matches(':').to_owned(),
            Ok(name) => format!("{DATABASE}/{}", name.trim_start_matches(':')),
            Err(_) => LOCAL.to_owned(),
        };
        Self(file::read(path, MOST).ok().and_then(|bytes| TimeZone::read(&bytes)).unwrap_or_default())
    }

    /// As in that zone of the database; UTC where there is no such.
    pub(crate) fn named(zone: &str) -> Self {
        Self(file::read(format!("{DATABASE}/{zone}"), MOST).ok().and_then(|bytes| TimeZone::read(&bytes)).unwrap_or_default())
    }

    pub(crate) fn rules(&self) -> &TimeZone {
        &self.0
    }

    /// What the wall shows at so many microseconds since 1970.
    pub(crate) fn at(&self, micros: u64) -> Civil<'_> {
        let seconds = i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX / 2);
        let offset = self.0.offset_at(seconds);
        let local = seconds + i64::from(offset);
        let (days, rest) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let (year, month, day) = date(days);
        let weekday = usize::try_from(days.rem_euclid(7)).ok().and_then(|day| DAYS.get(day)).copied().unwrap_or_default();
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        Civil { year, month, day, weekday, hour, minute, second, micros: micros % 1_000_000, offset, name: self.0.name_at(seconds) }
    }

    /// A moment as if what the wall shows were UTC.
    pub(crate) fn wall(&self, micros: u64) -> u64 {
        let seconds = i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX / 2);
        micros.saturating_add_signed(i64::from(self.0.offset_at(seconds)) * 1_000_000)
    }

    /// The way back.
    pub(crate) fn of_wall(&self, micros: u64) -> Option<u64> {
        let local = i64::try_from(micros / 1_000_000).ok()?;
        let guess = local - i64::from(self.0.offset_at(local));
        micros.checked_add_signed(-i64::from(self.0.offset_at(guess)) * 1_000_000)
    }
}

impl Civil<'_> {
    /// `Nov 26 02:20:48`, as syslog has it.
    pub(crate) fn syslog(&self) -> String {
        let month = usize::try_from(self.month).ok().and_then(|month| MONTHS.get(month.checked_sub(1)?)).copied().unwrap_or_default();
        format!("{month} {:02} {:02}:{:02}:{:02}", self.day, self.hour, self.minute, self.second)
    }

    /// `2026-11-26T02:20:48`
    pub(crate) fn iso(&self) -> String {
        format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", self.year, self.month, self.day, self.hour, self.minute, self.second)
    }

    /// `+0100`
    pub(crate) fn zone(&self) -> String {
        let minutes = self.offset.abs() / 60;
        format!("{}{:02}{:02}", if self.offset < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
    }

    /// `Thu 2026-11-26 02:20:48`
    pub(crate) fn long(&self) -> String {
        format!("{} {}", self.weekday, self.iso().replace('T', " "))
    }

    /// `Thu 2026-11-26 02:20:48 UTC`
    pub(crate) fn full(&self) -> String {
        format!("{} {}", self.long(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_shows_what_it_should_and_back() {
        let here = Here::default();
        let civil = here.at(1_795_659_648_123_456);
        assert_eq!((civil.syslog(), civil.micros), ("Nov 26 02:20:48".to_owned(), 123_456));
        assert_eq!((civil.long(), civil.zone(), civil.name), ("Thu 2026-11-26 02:20:48".into(), "+0000".into(), "UTC"));
        assert_eq!(here.of_wall(here.wall(1_795_659_648_123_456)), Some(1_795_659_648_123_456));
    }
}
