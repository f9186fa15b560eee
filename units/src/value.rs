//! Values with a unit of measure, read from text: spans, sizes, limits, shares, signals, modes.

mod address;
pub mod base64;
pub mod calendar;
mod capability;
mod share;
mod signal;
mod size;
mod span;

pub use address::Address;
pub use calendar::{Calendar, TimeZone, Zone};
pub use capability::CapabilitySet;
pub use share::{Percent, Weight};
pub use signal::Signal;
pub use size::Bytes;
pub use span::{read_span, read_span_in};

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is not such a value; the message is complete.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub String);

/// A limit: none, or so much. Never 0 or −1 for "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit<T> {
    /// So much.
    At(T),
    /// No limit; the kernel's word is `max`.
    Max,
}

impl<T> Limit<T> {
    /// The number, where there is a limit.
    pub fn at(self) -> Option<T> {
        match self {
            Self::At(value) => Some(value),
            Self::Max => None,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Limit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(value) => value.fmt(f),
            Self::Max => f.pad("max"),
        }
    }
}

/// File mode bits, `0o0000..=0o7777`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mode(u16);

impl Mode {
    /// `022`, what every service begins with.
    pub const UMASK: Self = Self(0o022);
    /// `0666`, what sockets in the file system are made with.
    pub const SOCKET: Self = Self(0o666);
    /// `0755`, what directories are made with.
    pub const DIRECTORY: Self = Self(0o755);

    /// Checks that only permission bits are set.
    #[must_use]
    pub const fn new(bits: u16) -> Option<Self> {
        if bits <= 0o7777 { Some(Self(bits)) } else { None }
    }

    /// The bits, for `chmod(2)` and `umask(2)`.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }

    /// Octal digits, as in `chmod(1)`.
    ///
    /// # Errors
    /// [`ValueError`] when it is anything else.
    pub fn read(text: &str) -> Result<Self, ValueError> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        if !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit())
            && let Some(mode) = u16::from_str_radix(digits, 8).ok().and_then(Self::new)
        {
            return Ok(mode);
        }
        Err(ValueError(format!("{text:?} is no octal mode such as \"0755\"")))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}
