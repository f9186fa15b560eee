//! What is done with the store as a whole: its size, what of it goes, and words to the process that writes it.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use units::control::{LogsRequest, Reply, Request};
use units::value::{Bytes, Limit, read_span};

use super::Trouble;
use super::source::Source;
use crate::log::READERS;
use crate::say;

/// The process that writes answers sooner; one that hangs is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// `16.0M`, as systemd tells sizes.
pub(super) fn size(bytes: u64) -> String {
    let units = [(1 << 40, 'T'), (1 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, letter)) => format!("{}.{}{letter}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes}B"),
    }
}

/// How much the files take.
pub(super) fn usage(source: &Source) -> u64 {
    source.files.iter().filter_map(|(name, _)| fs::metadata(&name.path).ok()).map(|about| about.len()).sum()
}

/// Files go, the oldest first, until the rest is as little as that.
#[derive(Debug, Default)]
pub(super) struct Vacuum {
    pub(super) size: Option<u64>,
    pub(super) files: Option<usize>,
    /// None is older, microseconds since 1970.
    pub(super) since: Option<u64>,
}

impl Vacuum {
    pub(super) fn read(size: Option<&str>, files: Option<&str>, time: Option<&str>, now: u64) -> Result<Self, Trouble> {
        let wrong = |what: &str, text: &str| Trouble::told(format!("Failed to parse vacuum {what}: {text}"));
        let span = |text: &str| match read_span(text) {
            Ok(Limit::At(span)) => Ok(now.saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))),
            Ok(Limit::Max) => Ok(0),
            Err(_) => Err(wrong("time", text)),
        };
        Ok(Self {
            size: size.map(|text| Bytes::read_as_systemd(text).map(|size| size.0).map_err(|_| wrong("size", text))).transpose()?,
            files: files.map(|text| text.parse().map_err(|_| wrong("files", text))).transpose()?.filter(|files| *files > 0),
            since: time.map(span).transpose()?,
        })
    }

    /// Takes them away; the lines that tell of it. The file that is being written stays, the newest of its folder.
    pub(super) fn perform(&self, source: &Source) -> Vec<String> {
        let mut told = Vec::new();
        for folder in source.folders.iter().filter(|folder| folder.is_dir()) {
            let of_folder: Vec<_> = source.files.iter().filter(|(name, _)| name.path.parent() == Some(folder)).collect();
            let sizes: Vec<u64> = of_folder.iter().map(|(name, _)| fs::metadata(&name.path).map_or(0, |about| about.len())).collect();
            let (mut all, mut count, mut freed) = (sizes.iter().sum::<u64>(), of_folder.len(), 0);
            for (place, ((name, _), length)) in of_folder.iter().zip(sizes).enumerate() {
                let next = of_folder.get(place + 1);
                let is_too_old = next.zip(self.since).is_some_and(|((_, next), since)| next.begun < since);
                let is_too_much = self.size.is_some_and(|size| all > size) || self.files.is_some_and(|files| count > files);
                if next.is_none() || !(is_too_old || is_too_much) {
                    break;
                }
                match fs::remove_file(&name.path) {
                    Ok(()) => told.push(format!("Deleted archived journal {} ({}).", name.path.display(), size(length))),
                    Err(error) => {
                        told.push(format!("Failed to delete archived journal {}: {}", name.path.display(), say::reason(&error)));
                        break;
                    }
                }
                (all, count, freed) = (all - length, count - 1, freed + length);
            }
            told.push(format!("Vacuuming done, freed {} of archived journals from {}.", size(freed), folder.display()));
        }
        told
    }
}

/// Waits until what has been said up to now is written, where somebody writes.
pub(super) fn catch_up() {
    // The process may be away for a moment; what it has written by then is shown.
    let _ = newest_line().and_then(|line| ask(&format!("seen {line}\n")));
}

/// The number of the last line that PID 1 has; 0 where it has none, or is not ours.
fn newest_line() -> io::Result<u64> {
    let Ok(mut init) = UnixStream::connect(units::control::CONTROL_SOCKET) else { return Ok(0) };
    init.set_read_timeout(Some(PATIENCE))?;
    let request = Request::Logs(LogsRequest { lines: Some(1), ..LogsRequest::default() });
    init.write_all(format!("{}\n", serde_json::to_string(&request)?).as_bytes())?;
    let mut newest = 0;
    for line in BufReader::new(init).lines() {
        match serde_json::from_str(&line?)? {
            Reply::Log(line) => newest = newest.max(line.number),
            _ => break,
        }
    }
    Ok(newest)
}

/// Says a word to the process that writes; an answer that is not "ok" is an error.
pub(super) fn ask(words: &str) -> io::Result<()> {
    let mut stream = UnixStream::connect(READERS)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(words.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer == "ok\n" { Ok(()) } else { Err(io::Error::other(answer.trim().to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_as_systemd_tells_them() {
        for (bytes, text) in [(0, "0B"), (1023, "1023B"), (1024, "1.0K"), (16 << 20, "16.0M"), ((3 << 30) + (1 << 29), "3.5G")] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let refused = |size, files, time| Vacuum::read(size, files, time, 0).map(|_| ()).map_err(|why| why.to_string());
        assert_eq!(refused(Some("x"), None, None), Err("Failed to parse vacuum size: x".to_owned()));
        assert!(refused(None, Some("x"), None).is_err() && refused(None, None, Some("x")).is_err());
        assert_eq!(refused(Some("1M"), Some("3"), Some("2weeks")), Ok(()));
    }
}
