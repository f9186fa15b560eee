use super::ValueError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Hundredths; `cpu-quota = "150%"` is one CPU and a half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percent(pub u32);

impl Percent {
    /// Digits and a percent sign.
    ///
    /// # Errors
    /// [`ValueError`] when it is anything else.
    pub fn read(text: &str) -> Result<Self, ValueError> {
        let digits = text.trim().strip_suffix('%').map(str::trim_end);
        match digits.and_then(|d| d.parse().ok()) {
            Some(percent) => Ok(Self(percent)),
            None => Err(ValueError(format!("{text:?} is no share such as \"50%\""))),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// A weight as `cpu.weight` takes it, `1..=10000`, 100 being usual
/// (Documentation/admin-guide/cgroup-v2.rst, "Weights").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Weight(u16);

impl Weight {
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
