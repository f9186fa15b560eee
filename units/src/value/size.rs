use super::ValueError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// `512M`, `1.5GiB`, `4096`. As with systemd's `MemoryMax=` and the kernel's own parser, a
    /// single letter (`K`, `M`, `G`, `T`) counts in 1024, and so do the `KiB` forms; `KB` and
    /// `MB` count in 1000.
    ///
    /// # Errors
    /// [`ValueError`] when it is no size or does not fit 64 bits.
    pub fn read(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        let bad = || ValueError(format!("{text:?} is no size such as \"512M\" or \"1GiB\""));
        let single = text.chars().last().filter(|c| "KMGTPkmgtp".contains(*c)).map(|_| format!("{text}iB"));
        let size: bytesize::ByteSize = single.as_deref().unwrap_or(text).parse().map_err(|_| bad())?;
        // Above 2^63 every kernel file of limits rounds to "max"; a size that large is a slip.
        if size.as_u64() > i64::MAX.unsigned_abs() {
            return Err(bad());
        }
        Ok(Self(size.as_u64()))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&bytesize::ByteSize(self.0).display().iec().to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn letters_count_in_1024() {
        for (text, bytes) in
            [("512M", 512 << 20), ("1GiB", 1 << 30), ("4096", 4096), ("1k", 1024), ("2 MB", 2_000_000), ("0", 0), ("10B", 10)]
        {
            assert_eq!(Bytes::read(text).unwrap(), Bytes(bytes), "{text}");
        }
        for text in ["", "M", "-1", "1X", "99999999999999T", "nan", "inf"] {
            assert!(Bytes::read(text).is_err(), "{text}");
        }
    }
}
