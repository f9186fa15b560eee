//! What the log receives, and what its readers find on the disk.

#![allow(dead_code, reason = "the readers' own; not all of them is asked here")]

#[path = "../../init/src/log/native.rs"]
mod native;
#[path = "../../init/src/journalctl/pattern.rs"]
mod pattern;
#[path = "../../init/src/log/record.rs"]
mod record;
#[path = "../../init/src/log/segment.rs"]
mod segment;
#[path = "../../init/src/log/stream.rs"]
mod stream;
#[path = "../../init/src/log/words.rs"]
mod words;

use record::{Draft, Entry, Stamp};
use segment::Segment;
use stream::{Garbled, Stream};

type Owned = Vec<(String, Vec<u8>)>;

fn owned(entry: &Entry<'_>) -> Owned {
    entry.fields().map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}

/// A file of the log: whatever is behind its head, what is read from the front is what is read from the back, and reads the same when it is written
/// anew. The first byte says whether the rest is one record's body, given the checksum that noise never has, or many records as they are.
pub fn log_file(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let mut draft = Draft::default();
    [("_BOOT_ID", "a"), ("_MACHINE_ID", "b"), ("_HOSTNAME", "c")].iter().for_each(|(name, id)| draft.add(name, id.repeat(32)));
    let mut file = b"FIEFLOG1".to_vec();
    record::write(&mut file, Stamp::default(), &draft);
    if kind % 2 == 0 {
        let length = u32::try_from(rest.len()).unwrap_or(u32::MAX).to_le_bytes();
        file.extend([length, record::checksum(rest).to_le_bytes()].concat());
    }
    file.extend_from_slice(rest);
    let length = file.len();
    let Some(file) = Segment::of(file) else { panic!("its head is whole") };
    let entries: Vec<Owned> = file.entries().map(|entry| owned(&entry)).collect();
    let mut back: Vec<Owned> = file.newest().map(|entry| owned(&entry)).collect();
    back.reverse();
    assert_eq!(entries, back);
    assert!(usize::try_from(file.whole()).is_ok_and(|whole| whole <= length));
    for entry in file.entries() {
        let mut again = Draft::default();
        entry.fields().for_each(|(name, value)| again.add(name, value));
        same(&again, entry.stamp, &owned(&entry));
    }
}

/// A draft, written and read.
fn same(draft: &Draft, stamp: Stamp, fields: &Owned) {
    let mut bytes = Vec::new();
    record::write(&mut bytes, stamp, draft);
    let Some((read, length)) = record::read(&bytes) else { panic!("what was written is no record: {fields:?}") };
    assert_eq!((read.stamp, length, draft.cost()), (stamp, bytes.len(), bytes.len()));
    assert_eq!(&owned(&read), fields);
}

/// Entries of a program: no name but one of a field that a program may say, and what is kept of them is what was said.
pub fn native_entries(bytes: &[u8]) {
    native::read(bytes, |fields| {
        assert!(!fields.is_empty() && native::level(fields) < 8);
        let all: Owned = fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect();
        for (name, value) in &all {
            assert!(record::is_name(name) && !name.starts_with('_'), "{name}");
            assert!(value.len() <= bytes.len());
        }
        let mut draft = Draft::default();
        native::keep(&mut draft, fields);
        same(&draft, Stamp::default(), &all);
    });
}

/// A message of syslog(3): its text is some of what was sent, and its numbers are such.
pub fn syslog_message(bytes: &[u8]) {
    let message = words::read(bytes);
    assert!(message.facility < 24 && message.level < 8, "{message:?}");
    assert!(message.pid.is_none_or(|pid| pid.parse::<u64>().is_ok()), "{message:?}");
    assert!(message.text.is_empty() || bytes.windows(message.text.len()).any(|part| part == message.text), "{message:?}");
}

/// A connection's words say the same in whatever pieces they come, the first byte says in how long ones, and no line is longer than it may be.
pub fn log_stream(bytes: &[u8]) {
    let Some((size, rest)) = bytes.split_first() else { return };
    let said = |size: usize| {
        let (mut stream, mut all, mut whole) = (Stream::default(), Vec::new(), Ok(()));
        for piece in rest.chunks(size.max(1)) {
            whole = stream.take(piece, |stream, (facility, level, text)| {
                assert!(facility < 24 && level < 8 && text.len() <= stream::LONGEST_LINE && stream.identifier.len() < 256);
                all.push((facility, level, text.to_vec()));
            });
            if whole == Err(Garbled) {
                break;
            }
        }
        if whole.is_ok() {
            stream.end(|_, (facility, level, text)| all.push((facility, level, text.to_vec())));
        }
        (all, whole)
    };
    assert_eq!(said(usize::from(*size)), said(usize::MAX));
}

/// A pattern and a text, a form feed between them: it ends soon, and what is no pattern is refused.
pub fn pattern(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (pattern, text) = text.split_once('\u{c}').unwrap_or((&text, ""));
    let Ok(read) = pattern::Pattern::read(pattern, Some(true)) else { return };
    let found = read.is_in(text);
    // A word is found where it stands.
    if pattern.chars().all(|c| c.is_alphanumeric() || c == ' ') {
        assert_eq!(found, text.contains(pattern), "{pattern:?} in {text:?}");
    }
}
