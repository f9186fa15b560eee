//! By how much a point of the calendar is put off: by chance, so that not everybody comes at once, and within its
//! accuracy, so that those that may do come together.

use std::time::Duration;

use units::UnitName;
use units::unit::Timer;

use super::super::environment;
use super::Micros;
use crate::file;

/// What points may coincide on: whole minutes and so on, as systemd has them, shifted by the container's own offset.
const GRAINS: [Micros; 4] = [60_000_000, 10_000_000, 1_000_000, 250_000];

/// Two numbers: one that is always the same for a unit of this container, and one that never is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance {
    fixed: u64,
    fresh: u64,
}

impl Chance {
    pub(super) fn of(unit: &UnitName) -> Self {
        let fresh = environment::invocation();
        let fresh = fresh.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        Self { fixed: hash(&(machine() + unit.as_str())), fresh: fresh.unwrap_or(0) }
    }
}

/// The container's own within a minute, so that containers of one machine do not all wake at once.
pub(super) fn offset() -> Micros {
    i64::try_from(hash(&machine()) % 60_000_000).unwrap_or(0)
}

fn machine() -> String {
    file::read_text("/etc/machine-id", file::USUAL).unwrap_or_default()
}

/// FNV-1a: what is fixed stays so, whatever builds or runs us.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// Later by the timer's random delay.
pub(super) fn put_off(point: Micros, timer: &Timer, chance: impl FnOnce() -> Chance) -> Micros {
    let most = u64::try_from(timer.random_delay.as_micros()).unwrap_or(u64::MAX);
    if most == 0 {
        return point;
    }
    let chance = chance();
    let number = if timer.fixed_random_delay { chance.fixed } else { chance.fresh };
    point.saturating_add(i64::try_from(number % most).unwrap_or(0))
}

/// The moment to wake up at, not before `point` and at most `accuracy` later: with others, if it can be.
pub(super) fn coalesced(point: Micros, accuracy: Duration, offset: Micros) -> Micros {
    let latest = point.saturating_add(i64::try_from(accuracy.as_micros()).unwrap_or(i64::MAX));
    for grain in GRAINS {
        let offset = offset % grain;
        let candidate = (latest - offset).div_euclid(grain) * grain + offset;
        if candidate >= point {
            return candidate;
        }
    }
    latest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_meet_where_they_may_and_are_never_early() {
        let minute = Duration::from_secs(60);
        // Two that are 20 s apart come together; a second one stays apart.
        assert_eq!(coalesced(100_000_000, minute, 7_000_000), coalesced(120_000_000, minute, 7_000_000));
        assert_eq!(coalesced(100_000_000, minute, 7_000_000), 127_000_000);
        assert_eq!(coalesced(100_000_001, Duration::from_micros(1), 7), 100_000_002);
        for accuracy in [0_u64, 1, 300_000, 5_000_000, 70_000_000] {
            for point in [1_i64, 999_999, 60_000_000, 1_700_000_123_456_789] {
                let at = coalesced(point, Duration::from_micros(accuracy), 12_345_678);
                assert!(at >= point && at <= point + accuracy.cast_signed(), "{point} {accuracy} {at}");
            }
        }
    }

    #[test]
    fn chance_is_within_bounds_and_fixed_where_it_is_to_be() {
        let mut timer = Timer { random_delay: Duration::from_secs(10), fixed_random_delay: true, ..Timer::default() };
        let chances = [Chance { fixed: 25_000_000, fresh: 3 }, Chance { fixed: 25_000_000, fresh: 9_999_999 }];
        assert_eq!(chances.map(|chance| put_off(100, &timer, || chance)), [5_000_100, 5_000_100]);
        timer.fixed_random_delay = false;
        assert_eq!(chances.map(|chance| put_off(100, &timer, || chance)), [103, 10_000_099]);
        timer.random_delay = Duration::ZERO;
        assert_eq!(put_off(100, &timer, || chances[0]), 100);
    }
}
