//! Random bytes and UUIDs, from the kernel.

use std::fs::File;
use std::io::{self, Read as _};

/// `N` random bytes from `/dev/urandom`.
///
/// # Errors
/// When the device cannot be read.
pub fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A random UUID (RFC 9562 version 4), lower case with hyphens.
///
/// # Errors
/// When `/dev/urandom` cannot be read.
pub fn uuid() -> io::Result<String> {
    let number = u128::from_be_bytes(bytes()?);
    let number = number & !(0xf << 76) | (4 << 76);
    let number = number & !(0b11 << 62) | (0b10 << 62);
    let hex = format!("{number:032x}");
    let mut text = String::with_capacity(36);
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn uuids_are_version_4_and_differ() {
        let one = uuid().unwrap();
        assert_eq!(one.len(), 36);
        assert_eq!(&one[14..15], "4");
        assert!(matches!(&one[19..20], "8" | "9" | "a" | "b"));
        assert_ne!(one, uuid().unwrap());
    }
}
