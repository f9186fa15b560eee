//! What a service tells its init: the text of one datagram, as in sd_notify(3).
//!
//! A line for each word; what is not known, or makes no sense, is passed over, and the rest counts. Of several that say the same sort of
//! thing the first counts, as with systemd: a message of four hundred words is not to be four hundred events. Who may say what, and what came
//! along with it, is the receiver's business.

use std::time::Duration;

/// How much of a `STATUS=` is kept, in characters.
pub const STATUS_LIMIT: usize = 400;
/// The longest `FDNAME=`, in bytes: systemd's own limit.
const NAME_LIMIT: usize = 255;

/// One thing a service has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// `MAINPID=…`: another process is the main one now.
    MainPid(i32),
    /// `READY=1`: it serves.
    Ready,
    /// `STOPPING=1`: it has begun to end.
    Stopping,
    /// `RELOADING=1`, with `MONOTONIC_USEC=`.
    Reloading(Option<Duration>),
    /// `STATUS=…`: a line for people, cut to [`STATUS_LIMIT`].
    Status(String),
    /// `ERRNO=` or `EXIT_STATUS=`.
    Errno(u32),
    /// `EXTEND_TIMEOUT_USEC=…`
    Extend(Duration),
    /// `WATCHDOG=1`
    Alive,
    /// `WATCHDOG=trigger`
    Broken,
    /// `WATCHDOG_USEC=…`
    Watchdog(Duration),
    /// `FDSTORE=1`, with `FDNAME=`, and without `FDPOLL=0`: the descriptors that came along are to be kept.
    Store {
        /// Under this name.
        name: String,
        /// Until their other end hangs up.
        poll: bool,
    },
    /// `FDSTOREREMOVE=1`: those of this name are to be kept no longer.
    Unstore(String),
    /// `BARRIER=1`: what came along is to be closed once everything said before has been acted upon;
    /// sd_notify_barrier(3).
    Barrier,
}

/// The words of a message, in its order; who is the main process comes first, since it says whose the rest is.
#[must_use]
pub fn read(text: &str) -> Vec<Word> {
    let last = |key: &str| text.lines().rev().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let name = || match last("FDNAME") {
        Some(name) if is_name(name) => name.to_owned(),
        Some(_) | None => "stored".to_owned(),
    };
    let micros = |value: &str| value.parse().ok().map(Duration::from_micros);
    let word = |line: &str| {
        let (key, value) = line.split_once('=')?;
        match (key, value) {
            ("MAINPID", _) => value.parse().ok().map(Word::MainPid),
            ("READY", "1") => Some(Word::Ready),
            ("STOPPING", "1") => Some(Word::Stopping),
            ("RELOADING", "1") => Some(Word::Reloading(last("MONOTONIC_USEC").and_then(micros))),
            ("STATUS", _) => Some(Word::Status(value.chars().filter(|c| !c.is_control()).take(STATUS_LIMIT).collect())),
            ("ERRNO" | "EXIT_STATUS", _) => value.parse().ok().map(Word::Errno),
            ("EXTEND_TIMEOUT_USEC", _) => micros(value).map(Word::Extend),
            ("WATCHDOG", "1") => Some(Word::Alive),
            ("WATCHDOG", "trigger") => Some(Word::Broken),
            ("WATCHDOG_USEC", _) => micros(value).map(Word::Watchdog),
            ("FDSTORE", "1") => Some(Word::Store { name: name(), poll: last("FDPOLL") != Some("0") }),
            ("FDSTOREREMOVE", "1") => Some(Word::Unstore(name())),
            ("BARRIER", "1") => Some(Word::Barrier),
            _ => None,
        }
    };
    let mut words: Vec<Word> = Vec::new();
    for word in text.lines().filter_map(word) {
        if !words.iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(&word)) {
            words.push(word);
        }
    }
    crate::order::by_key(&mut words, |word| !matches!(word, Word::MainPid(_)));
    words
}

/// What `LISTEN_FDNAMES` can hold: sd_listen_fds_with_names(3).
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_LIMIT && name.bytes().all(|byte| (b' '..0x7f).contains(&byte) && byte != b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_words_and_passes_over_others() {
        let told = read("READY=1\nSTATUS=serv\x1bing\nX_OWN=1\nnonsense\nMAINPID=x\nMAINPID=12\nWATCHDOG=trigger");
        assert_eq!(told, [Word::MainPid(12), Word::Ready, Word::Status("serving".to_owned()), Word::Broken]);
        let told =
            read("MONOTONIC_USEC=5\nRELOADING=1\nWATCHDOG_USEC=2000000\nEXTEND_TIMEOUT_USEC=-1\nERRNO=2\nWATCHDOG=1\nREADY=0\nBARRIER=1");
        let reloading = Word::Reloading(Some(Duration::from_micros(5)));
        assert_eq!(told, [reloading, Word::Watchdog(Duration::from_secs(2)), Word::Errno(2), Word::Alive, Word::Barrier]);
    }

    #[test]
    fn descriptors_are_stored_under_their_name_wherever_it_stands() {
        let stored = |name: &str, poll| vec![Word::Store { name: name.to_owned(), poll }];
        assert_eq!(read("FDSTORE=1\nFDPOLL=0\nFDNAME=db"), stored("db", false));
        assert_eq!(read("FDSTORE=1\nFDNAME=a:b"), stored("stored", true));
        assert_eq!(read("FDNAME=old\nFDSTOREREMOVE=1"), [Word::Unstore("old".to_owned())]);
    }

    #[test]
    fn of_a_sort_the_first_counts() {
        let told = read(&"STATUS=one\nWATCHDOG=1\nERRNO=1\nEXIT_STATUS=2\nSTATUS=two\nMAINPID=3\nMAINPID=4\n".repeat(60));
        assert_eq!(told, [Word::MainPid(3), Word::Status("one".to_owned()), Word::Alive, Word::Errno(1)]);
    }

    #[test]
    fn a_long_status_is_cut() {
        let status = format!("STATUS={}", "\u{e4}".repeat(1000));
        assert_eq!(read(&status), [Word::Status("\u{e4}".repeat(STATUS_LIMIT))]);
    }
}
