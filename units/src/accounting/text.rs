use crate::value::Limit;
use serde::{Deserialize, Serialize};

/// A file that holds one number.
#[must_use]
pub fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// A file that holds one number or `max`.
#[must_use]
pub fn limit(text: &str) -> Option<Limit<u64>> {
    match text.trim() {
        "max" => Some(Limit::Max),
        digits => digits.parse().ok().map(Limit::At),
    }
}

/// The number behind `key` in a file of `key number` lines.
#[must_use]
pub fn field(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Bytes read and written, summed over devices: `254:0 rbytes=4096 wbytes=0 …`.
pub(super) fn io_v2(text: &str) -> (u64, u64) {
    let sum = |key: &str| {
        let values = text.split_whitespace().filter_map(|word| word.strip_prefix(key)?.parse::<u64>().ok());
        values.fold(0, u64::saturating_add)
    };
    (sum("rbytes="), sum("wbytes="))
}

/// Bytes read and written, summed over devices: `254:0 Read 4096`.
pub(super) fn io_v1(text: &str) -> (u64, u64) {
    let sum = |wanted: &str| {
        let values = text.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let (_device, word, number) = (words.next()?, words.next()?, words.next()?);
            (word == wanted).then(|| number.parse::<u64>().ok())?
        });
        values.fold(0, u64::saturating_add)
    };
    (sum("Read"), sum("Write"))
}

/// Time lost waiting for a resource: `memory.pressure`, `/proc/pressure/memory`
/// (Documentation/accounting/psi.rst).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// At least one task waited.
    pub some: Option<Stall>,
    /// All tasks waited.
    pub full: Option<Stall>,
}

/// One line of pressure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stall {
    /// Per cent of the last ten seconds.
    pub avg10: f64,
    /// Per cent of the last minute.
    pub avg60: f64,
    /// Per cent of the last five minutes.
    pub avg300: f64,
    /// In all, in microseconds.
    pub total_us: u64,
}

impl Pressure {
    /// Reads the lines `some avg10=0.00 …` and `full …`; what is not there is absent.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let line = |key: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
            let value = |key: &str| rest.split(' ').find_map(|word| word.strip_prefix(key));
            Some(Stall {
                avg10: value("avg10=")?.parse().ok()?,
                avg60: value("avg60=")?.parse().ok()?,
                avg300: value("avg300=")?.parse().ok()?,
                total_us: value("total=")?.parse().ok()?,
            })
        };
        Self { some: line("some"), full: line("full") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_read() {
        let text = "some avg10=1.50 avg60=0.20 avg300=0.00 total=12345\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        let pressure = Pressure::read(text);
        assert_eq!(pressure.some, Some(Stall { avg10: 1.5, avg60: 0.2, avg300: 0.0, total_us: 12345 }));
        assert_eq!(pressure.full.map(|stall| stall.total_us), Some(7));
        assert_eq!(Pressure::read("some avg10=x"), Pressure::default());
    }

    #[test]
    fn a_field_is_a_whole_word() {
        assert_eq!(field("oom 3\noom_kill 2\noom_group_kill 1\n", "oom_kill"), Some(2));
        assert_eq!(limit("max\n"), Some(Limit::Max));
        assert_eq!(limit("-1"), None);
    }
}
