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

    /// As `parse_size()` of systemd has it: numbers, with digits behind a point or not, each with a letter of 1024 or none, the
    /// greatest first.
    ///
    /// # Errors
    /// [`ValueError`] when it is no such size or does not fit 64 bits.
    pub fn read_as_systemd(text: &str) -> Result<Self, ValueError> {
        let bad = || ValueError(format!("{text:?} is no size such as \"512M\" or \"1.5G\""));
        parts(text).map(Self).ok_or_else(bad)
    }
}

/// What each letter counts, the greatest first.
const LETTERS: [(&str, u64); 8] =
    [("E", 1 << 60), ("P", 1 << 50), ("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10), ("B", 1), ("", 1)];

fn parts(text: &str) -> Option<u64> {
    let mut sum: u64 = 0;
    let mut rest = text;
    let mut letters = LETTERS.as_slice();
    loop {
        rest = rest.trim_start();
        let whole = rest.get(..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()))?;
        rest = rest.get(whole.len()..)?;
        let part = match rest.strip_prefix('.') {
            Some(after) => {
                let part = after.get(..after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len()))?;
                rest = after.get(part.len()..)?;
                // Beyond these no letter counts further.
                part.get(..18).unwrap_or(part)
            }
            None => "",
        };
        rest = rest.trim_start();
        let at = letters.iter().position(|(letter, _)| rest.starts_with(letter))?;
        let (letter, unit) = letters.get(at)?;
        (letters, rest) = (letters.get(at + 1..)?, rest.get(letter.len()..)?);
        sum = sum.checked_add(whole.parse::<u64>().ok()?.checked_mul(*unit)?)?;
        if let Ok(share) = part.parse::<u64>() {
            let scale = 10_u128.pow(u32::try_from(part.len()).ok()?);
            sum = sum.checked_add(u64::try_from(u128::from(share) * u128::from(*unit) / scale).ok()?)?;
        }
        if rest.is_empty() {
            return Some(sum);
        }
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
    fn sizes_add_up_in_systemd_s_files() {
        for (text, bytes) in [
            ("1.3K", 1331),
            ("1.M", 1 << 20),
            ("1K 512", 1536),
            ("1G5M", (1 << 30) + (5 << 20)),
            ("10 M", 10 << 20),
            ("0", 0),
            ("7B", 7),
            ("1E", 1 << 60),
        ] {
            assert_eq!(Bytes::read_as_systemd(text).unwrap(), Bytes(bytes), "{text}");
        }
        for text in ["", "M", "-1", "10MB", "1KiB", "1k", "5M1G", "1M 1M", ".5M", "16E", "5 5"] {
            assert!(Bytes::read_as_systemd(text).is_err(), "{text}");
        }
    }

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
