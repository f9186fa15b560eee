//! What a service tells its init: the text of one datagram, as in sd_notify(3).
//!
//! A line for each word; what is not known, or makes no sense, is passed over, and the rest counts. Who may say what, and
//! what came along with it, is the receiver's business.

use std::time::Duration;

/// How much of a `STATUS=` is kept, in characters.
pub const STATUS_LIMIT: usize = 200;

/// One thing a service has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// `READY=1`: it serves.
    Ready,
    /// `STOPPING=1`: it has begun to end.
    Stopping,
    /// `RELOADING=1`.
    Reloading,
    /// `STATUS=…`: a line for people, cut to [`STATUS_LIMIT`].
    Status(String),
    /// `MAINPID=…`: another process is the main one now.
    MainPid(i32),
    /// `EXTEND_TIMEOUT_USEC=…`
    Extend(Duration),
}

/// The words of a message, in its order.
#[must_use]
pub fn read(text: &str) -> Vec<Word> {
    text.lines()
        .filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            match (key, value) {
                ("READY", "1") => Some(Word::Ready),
                ("STOPPING", "1") => Some(Word::Stopping),
                ("RELOADING", "1") => Some(Word::Reloading),
                ("EXTEND_TIMEOUT_USEC", _) => value.parse().ok().map(Duration::from_micros).map(Word::Extend),
                ("STATUS", _) => Some(Word::Status(value.chars().take(STATUS_LIMIT).collect())),
                ("MAINPID", _) => value.parse().ok().map(Word::MainPid),
                _ => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_words_and_passes_over_others() {
        let told = read("READY=1\nSTATUS=serving\nMAINPID=12\nX_OWN=1\nnonsense\nMAINPID=x");
        assert_eq!(told, vec![Word::Ready, Word::Status("serving".to_owned()), Word::MainPid(12)]);
    }
}
