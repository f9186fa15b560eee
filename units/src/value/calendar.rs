//! Calendar expressions, `Mon..Fri *-*-* 03:00`; systemd.time(7), "Calendar events".
//!
//! ```text
//!   text ─ parse ─▶ Calendar ─ Display ─▶ normalised text
//!                      └─ next_after(instant, offset) ─▶ instant
//! ```

mod next;
mod parse;
mod zone;

pub use zone::TimeZone;

use std::fmt;

/// Points in civil time that come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Bit 0 is Monday; `None` is any day.
    weekdays: Option<u8>,
    year: Chain,
    month: Chain,
    day: Chain,
    /// `~`: days count back from the end of the month.
    end_of_month: bool,
    hour: Chain,
    minute: Chain,
    /// In microseconds.
    second: Chain,
    /// In whose time.
    pub zone: Zone,
}

/// In whose time a calendar expression is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// The system's own.
    #[default]
    Local,
    /// UTC.
    Utc,
    /// That of tz database's file of this name.
    Named(String),
}

/// Values of one field, ascending; empty means any.
type Chain = Vec<Component>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Component {
    start: i64,
    stop: Option<i64>,
    /// 0 when only `start` is meant.
    repeat: i64,
}

const SECOND: i64 = 1_000_000;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

impl Calendar {
    /// Whether it has a point at all after `micros` (microseconds since the epoch, UTC), and which,
    /// where civil time is `offset` seconds ahead of UTC. With a fixed offset; who knows the rules
    /// of a time zone asks again with the offset that holds at the answer.
    #[must_use]
    pub fn next_after(&self, micros: i64, offset: i32) -> Option<i64> {
        next::next_after(self, micros, if self.zone == Zone::Utc { 0 } else { offset })
    }

    /// The same where civil time goes by `zone`, as far as the expression names none of its own: [`Calendar::zone`] says
    /// which file that is.
    #[must_use]
    pub fn next_in(&self, micros: i64, zone: &TimeZone) -> Option<i64> {
        match self.zone {
            Zone::Utc => next::next_after(self, micros, 0),
            Zone::Local | Zone::Named(_) => next::next_in(self, micros, zone),
        }
    }
}

/// The normalised form, as `systemd-analyze calendar` prints it.
impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(days) = self.weekdays {
            write_weekdays(f, days)?;
            f.write_str(" ")?;
        }
        write_chain(f, &self.year, 4, 1)?;
        f.write_str("-")?;
        write_chain(f, &self.month, 2, 1)?;
        f.write_str(if self.end_of_month { "~" } else { "-" })?;
        write_chain(f, &self.day, 2, 1)?;
        f.write_str(" ")?;
        write_chain(f, &self.hour, 2, 1)?;
        f.write_str(":")?;
        write_chain(f, &self.minute, 2, 1)?;
        f.write_str(":")?;
        write_chain(f, &self.second, 2, SECOND)?;
        match &self.zone {
            Zone::Local => Ok(()),
            Zone::Utc => f.write_str(" UTC"),
            Zone::Named(name) => write!(f, " {name}"),
        }
    }
}

fn write_weekdays(f: &mut fmt::Formatter<'_>, days: u8) -> fmt::Result {
    let mut first = true;
    let mut at = 0;
    while at < 7 {
        let run = (at..7).take_while(|day| days & (1 << day) != 0).count();
        let name = |at: usize| DAYS.get(at).copied().unwrap_or_default();
        if run > 0 {
            f.write_str(if first { "" } else { "," })?;
            f.write_str(name(at))?;
            first = false;
        }
        if run > 1 {
            f.write_str(if run > 2 { ".." } else { "," })?;
            f.write_str(name(at + run - 1))?;
        }
        at += run.max(1);
    }
    Ok(())
}

fn write_chain(f: &mut fmt::Formatter<'_>, chain: &Chain, width: usize, unit: i64) -> fmt::Result {
    if let [Component { start: 0, stop: None, repeat: SECOND }] = chain.as_slice()
        && unit == SECOND
    {
        return f.write_str("*");
    }
    if chain.is_empty() {
        return f.write_str("*");
    }
    let number = |f: &mut fmt::Formatter<'_>, value: i64, width: usize| {
        write!(f, "{:0width$}", value / unit)?;
        if value % unit > 0 { write!(f, ".{:06}", value % unit) } else { Ok(()) }
    };
    for (at, component) in chain.iter().enumerate() {
        f.write_str(if at > 0 { "," } else { "" })?;
        number(f, component.start, width)?;
        if let Some(stop) = component.stop {
            f.write_str("..")?;
            number(f, stop, width)?;
        }
        if component.repeat > 0 && !(component.stop.is_some() && component.repeat == unit) {
            f.write_str("/")?;
            number(f, component.repeat, 0)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
