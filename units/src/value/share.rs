use super::ValueError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A share, kept in hundredths of a percent; `cpu-quota = "150%"` is one CPU and a half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percent(u32);

impl Percent {
    /// All of it.
    pub const WHOLE: Self = Self(10_000);

    /// Digits, behind a point two more at most, and a percent sign.
    ///
    /// # Errors
    /// [`ValueError`] when it is anything else.
    pub fn read(text: &str) -> Result<Self, ValueError> {
        let digits = text.trim().strip_suffix('%').map(str::trim_end);
        digits.and_then(Self::of_digits).map(Self).ok_or_else(|| ValueError(format!("{text:?} is no share such as \"50%\"")))
    }

    fn of_digits(digits: &str) -> Option<u32> {
        let (whole, part) = digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
        let part: u32 = match part {
            None => 0,
            Some(part) if part.bytes().all(|byte| byte.is_ascii_digit()) => match part.len() {
                1 => part.parse::<u32>().ok()? * 10,
                2 => part.parse().ok()?,
                _ => return None,
            },
            Some(_) => return None,
        };
        whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(part)
    }

    /// So many ten-thousandths.
    #[must_use]
    pub const fn hundredths(self) -> u32 {
        self.0
    }

    /// This share of `whole`, rounded down.
    #[must_use]
    pub fn of(self, whole: u64) -> u64 {
        u64::try_from(u128::from(whole) * u128::from(self.0) / 10_000).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, part) => write!(f, "{whole}.{part:02}%"),
        }
    }
}

/// A weight as `cpu.weight` takes it, `1..=10000`, 100 being usual
/// (Documentation/admin-guide/cgroup-v2.rst, "Weights").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Weight(u16);

impl Weight {
    /// What the kernel has where nothing is said.
    pub const USUAL: Self = Self(100);

    /// Checks the range.
    #[must_use]
    pub const fn new(weight: u16) -> Option<Self> {
        if weight >= 1 && weight <= 10_000 { Some(Self(weight)) } else { None }
    }

    /// The number for `cpu.weight`.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The number for v1's `cpu.shares`: 100 there is 1024, and 2 is the least.
    #[must_use]
    pub const fn shares(self) -> u32 {
        let shares = self.0 as u32 * 1024 / 100;
        if shares < 2 { 2 } else { shares }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shares_have_two_digits_behind_the_point() {
        for (text, hundredths, shown) in
            [("50%", 5000, "50%"), ("12.5 %", 1250, "12.50%"), ("0.07%", 7, "0.07%"), ("1000%", 100_000, "1000%")]
        {
            let share = Percent::read(text).unwrap();
            assert_eq!((share.hundredths(), share.to_string().as_str()), (hundredths, shown));
        }
        for text in ["", "%", "5", ".5%", "5.%", "1.234%", "-1%", "1.+5%", "99999999%"] {
            assert!(Percent::read(text).is_err(), "{text}");
        }
        assert_eq!((Percent::read("12.5%").unwrap().of(1000), Percent::WHOLE.of(u64::MAX)), (125, u64::MAX));
    }
}
