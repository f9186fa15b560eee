use super::ValueError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A signal's number, `1..=64`, as on x86-64 and aarch64 (signal(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Signal(u8);

/// The kernel's first real-time signal is 32, but C libraries keep 32 and 33 for themselves and
/// call 34 `SIGRTMIN`; so does everybody who says `SIGRTMIN+3`.
const RTMIN: u8 = 34;
const LAST: u8 = 64;

const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD",
    "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

impl Signal {
    /// Hang-up.
    pub const HUP: Self = Self(1);
    /// Interrupt.
    pub const INT: Self = Self(2);
    /// Abort.
    pub const ABRT: Self = Self(6);
    /// Kill; cannot be caught.
    pub const KILL: Self = Self(9);
    /// Broken pipe.
    pub const PIPE: Self = Self(13);
    /// Terminate.
    pub const TERM: Self = Self(15);
    /// Continue.
    pub const CONT: Self = Self(18);

    /// Checks the range.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 1 && number <= LAST { Some(Self(number)) } else { None }
    }

    /// The number, for `kill(2)`.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0 as i32
    }

    /// `TERM`, `SIGTERM`, `15`, `SIGRTMIN+3`.
    ///
    /// # Errors
    /// [`ValueError`] when there is no such signal.
    pub fn read(text: &str) -> Result<Self, ValueError> {
        let bare = text.strip_prefix("SIG").unwrap_or(text);
        let number = if let Some(rest) = bare.strip_prefix("RTMIN") {
            match rest.strip_prefix('+') {
                Some(offset) => offset.parse().ok().and_then(|n: u8| RTMIN.checked_add(n)),
                None => rest.is_empty().then_some(RTMIN),
            }
        } else if let Some(rest) = bare.strip_prefix("RTMAX") {
            match rest.strip_prefix('-') {
                Some(offset) => offset.parse().ok().and_then(|n: u8| LAST.checked_sub(n)).filter(|n| *n >= RTMIN),
                None => rest.is_empty().then_some(LAST),
            }
        } else {
            NAMES.iter().position(|name| *name == bare).and_then(|at| u8::try_from(at + 1).ok()).or_else(|| bare.parse().ok())
        };
        number.and_then(Self::new).ok_or_else(|| ValueError(format!("{text:?} is no signal such as \"TERM\" or \"SIGRTMIN+3\"")))
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(usize::from(self.0) - 1) {
            Some(name) => write!(f, "SIG{name}"),
            None if self.0 >= RTMIN => write!(f, "SIGRTMIN+{}", self.0 - RTMIN),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl TryFrom<u8> for Signal {
    type Error = ValueError;
    fn try_from(number: u8) -> Result<Self, ValueError> {
        Self::new(number).ok_or_else(|| ValueError(format!("there is no signal {number}")))
    }
}

impl From<Signal> for u8 {
    fn from(signal: Signal) -> Self {
        signal.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_and_numbers_agree_with_signal_7() {
        assert_eq!(Signal::read("TERM").unwrap(), Signal::TERM);
        assert_eq!(Signal::read("SIGKILL").unwrap(), Signal::KILL);
        assert_eq!(Signal::read("SYS").unwrap().number(), 31);
        assert_eq!(Signal::read("SIGRTMIN+3").unwrap().number(), 37);
        assert_eq!(Signal::read("RTMAX").unwrap().number(), 64);
        assert_eq!(Signal::read("18").unwrap(), Signal::CONT);
        assert_eq!(Signal::TERM.to_string(), "SIGTERM");
        assert_eq!(Signal::new(37).unwrap().to_string(), "SIGRTMIN+3");
        for text in ["", "0", "65", "NOPE", "RTMIN+31", "RTMIN3", "RTMAX-31", "SIG"] {
            assert!(Signal::read(text).is_err(), "{text}");
        }
    }
}
