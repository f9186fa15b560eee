//! Who is there, and since when the system is: records of utmp(5).
//!
//! ```text
//!   /run/utmp       one record for each identifier, written over         /var/log/wtmp       every record, appended
//! ```
//!
//! A system whose boot is not recorded has no `/run/utmp`; then nothing is written at all. Invariant: whatever lies at either path, nothing
//! is waited for, and only a plain file of bounded size with one name is written to. Others lock what they write (fcntl(2), as glibc's
//! pututxline(3) does); so is it here, yet whoever keeps a lock to himself only loses what the lock was for.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use nix::sched::sched_yield;
use nix::sys::utsname::uname;
use supervisor::Exit;
use units::unit::UtmpMode;

use crate::file;

/// Where they lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Books<'a> {
    pub(crate) utmp: &'a Path,
    pub(crate) wtmp: &'a Path,
}

/// The two files every program knows.
pub(crate) fn books() -> Books<'static> {
    Books { utmp: Path::new("/run/utmp"), wtmp: Path::new("/var/log/wtmp") }
}

/// The same, if they are this system's: who is not PID 1 keeps no books.
pub(crate) fn of_pid_1() -> Option<Books<'static>> {
    (std::process::id() == 1).then(books)
}

/// `sizeof(struct utmp)`, the same for 32 and 64 bits: times have 32 bits in it.
const SIZE: usize = 384;
const SIZE_ON_DISK: u64 = 384;
/// Beyond so many nobody is looked for in utmp, and none is added: some thousand people at once, bytes.
const MOST_UTMP: u64 = 1 << 20;
/// Rotated long before, bytes.
const MOST_WTMP: u64 = 1 << 30;

/// `ut_type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    RunLevel = 1,
    BootTime = 2,
    Init = 5,
    Login = 6,
    User = 7,
    Dead = 8,
}

/// Begin of the system: the first record of a fresh utmp, and one more in wtmp.
pub(crate) fn boot(books: Books<'_>) {
    let record = of_system(Kind::BootTime, "reboot", 0);
    books.write(&record);
}

/// It has reached the state that is called a runlevel, a digit; utmp(5), `RUN_LVL`.
pub(crate) fn run_level(books: Books<'_>, level: u8) {
    books.write(&of_system(Kind::RunLevel, "runlevel", i32::from(level)));
}

/// Whether this boot is recorded.
pub(crate) fn has_boot(books: Books<'_>) -> bool {
    all(books).iter().any(|record| record.kind() == Kind::BootTime as i16)
}

/// The runlevel before, if there was one, and the present one.
pub(crate) fn level(books: Books<'_>) -> Option<(Option<char>, char)> {
    let record = all(books).into_iter().find(|record| record.kind() == Kind::RunLevel as i16)?;
    let [now, before, ..] = record.pid().to_le_bytes();
    let shown = |level: u8| Some(char::from(level)).filter(char::is_ascii_graphic);
    Some((shown(before), shown(now)?))
}

/// Somebody who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) name: String,
    /// His terminal's name below /dev.
    pub(crate) line: String,
    /// From where, or empty.
    pub(crate) host: String,
    /// Of the process that let him in.
    pub(crate) pid: i32,
    /// Since when, microseconds since 1970.
    pub(crate) since: u64,
}

/// All who are; whose process is gone without a word is not.
pub(crate) fn people(books: Books<'_>) -> Vec<Person> {
    let text = |record: &Record, field| String::from_utf8_lossy(record.field(field)).trim_end_matches('\0').to_owned();
    let is_there = |record: &Record| record.kind() == Kind::User as i16 && Path::new(&format!("/proc/{}", record.pid())).exists();
    let records = all(books).into_iter().filter(is_there);
    let person = |record: Record| Person {
        name: text(&record, NAME),
        line: text(&record, LINE),
        host: text(&record, HOST),
        pid: record.pid(),
        since: record.time(),
    };
    records.map(person).collect()
}

fn all(books: Books<'_>) -> Vec<Record> {
    let records = open(books.utmp, MOST_UTMP).and_then(|file| records(&file).ok()).unwrap_or_default();
    records.into_iter().map(|(_, record)| record).collect()
}

/// The system is leaving.
pub(crate) fn shutdown(books: Books<'_>) {
    books.write(&of_system(Kind::RunLevel, "shutdown", 0));
}

/// A service is begun for somebody to log in by, at this terminal; systemd.exec(5), `UtmpIdentifier=`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) identifier: &'a str,
    /// Its terminal, as a path.
    pub(crate) terminal: &'a str,
    pub(crate) mode: UtmpMode,
    /// Of [`UtmpMode::User`].
    pub(crate) user: &'a str,
}

/// The process is there.
pub(crate) fn begin(books: Books<'_>, place: &Place<'_>, pid: i32) {
    let kinds: &[Kind] = match place.mode {
        UtmpMode::Init => &[Kind::Init],
        UtmpMode::Login => &[Kind::Init, Kind::Login],
        UtmpMode::User => &[Kind::Init, Kind::Login, Kind::User],
    };
    for kind in kinds {
        let mut record = Record::new(*kind, pid);
        record.text(LINE, place.terminal.trim_start_matches("/dev/"));
        // The end of a longer one tells more: `tty1` of `vtty1`.
        let start = place.identifier.len().saturating_sub(ID.1);
        record.text(ID, place.identifier.get(start..).unwrap_or_default());
        if *kind == Kind::User {
            record.text(NAME, place.user);
        }
        record.number(SESSION, pid);
        books.write(&record);
    }
}

/// The process is gone: so is whoever it let in.
pub(crate) fn end(books: Books<'_>, pid: i32, exit: Exit) {
    let Some(file) = open(books.utmp, MOST_UTMP) else { return };
    lock(&file);
    for (at, mut record) in records(&file).unwrap_or_default() {
        if record.pid() == pid && record.is_process() && record.kind() != Kind::Dead as i16 {
            let (signal, code) = match exit {
                Exit::Code(code) => (0, i16::from(code)),
                Exit::Signal(signal) => (i16::try_from(signal.number()).unwrap_or(0), 0),
            };
            record.put(0, &(Kind::Dead as i16).to_ne_bytes());
            record.text(NAME, "");
            record.text(HOST, "");
            record.put(EXIT, &[signal.to_ne_bytes(), code.to_ne_bytes()].concat());
            record.now();
            let _ = file.write_all_at(&record.0, at);
            append(books.wtmp, &record);
        }
    }
}

fn of_system(kind: Kind, user: &str, pid: i32) -> Record {
    let mut record = Record::new(kind, pid);
    record.text(LINE, "~");
    record.text(ID, "~~");
    record.text(NAME, user);
    if let Ok(kernel) = uname() {
        record.text(HOST, &kernel.release().to_string_lossy());
    }
    record
}

impl Books<'_> {
    /// Over the record with this identifier, else at the end; and at the end of wtmp. Of the system there is one of each kind.
    fn write(self, record: &Record) {
        let Some(file) = open(self.utmp, MOST_UTMP) else { return };
        lock(&file);
        let Ok(all) = records(&file) else { return };
        let end = u64::try_from(all.len() * SIZE).unwrap_or(MOST_UTMP);
        let same = all.iter().find(|(_, old)| old.is_for_the_same(record));
        // It is further than that already, by its own hand.
        if same.is_some_and(|(_, old)| record.is_process() && old.pid() == record.pid() && old.kind() > record.kind()) {
            return;
        }
        let at = same.map_or(end, |(at, _)| *at);
        if at + SIZE_ON_DISK <= MOST_UTMP && file.write_all_at(&record.0, at).is_ok() {
            append(self.wtmp, record);
        }
    }
}

fn append(wtmp: &Path, record: &Record) {
    let Some(file) = open(wtmp, MOST_WTMP) else { return };
    lock(&file);
    if let Ok(about) = file.metadata() {
        // Whole records: behind half a one all that follow would be lost.
        let _ = file.write_all_at(&record.0, about.len() - about.len() % SIZE_ON_DISK);
    }
}

/// The file, if it is a plain one; a link, a device or a pipe that somebody put there is not followed, opened or waited for.
fn open(path: &Path, most: u64) -> Option<File> {
    let plain = |about: &std::fs::Metadata| about.is_file() && about.nlink() == 1 && about.len() <= most;
    if !plain(&std::fs::symlink_metadata(path).ok()?) {
        return None;
    }
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).ok()?;
    // It may have been exchanged in between.
    file.metadata().ok().filter(plain).map(|_| file)
}

/// How often a lock that somebody else has is asked for; he needs it for two system calls.
const TRIES: usize = 8;

/// Takes the file for itself until it is closed, if that can be had soon; whether it could.
fn lock(file: &File) -> bool {
    (0..TRIES).any(|_| file::lock(file).is_ok() || sched_yield().is_err())
}

fn records(file: &File) -> io::Result<Vec<(u64, Record)>> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len().min(MOST_UTMP)).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0)?;
    let whole = bytes.chunks_exact(SIZE).zip((0..).step_by(SIZE));
    Ok(whole.filter_map(|(chunk, at)| Some((at, Record(chunk.try_into().ok()?)))).collect())
}

/// Offset and size of a field.
type Field = (usize, usize);

const LINE: Field = (8, 32);
const ID: Field = (40, 4);
const NAME: Field = (44, 32);
const HOST: Field = (76, 256);
const EXIT: usize = 332;
const SESSION: usize = 336;
const TIME: usize = 340;

struct Record([u8; SIZE]);

impl Record {
    fn new(kind: Kind, pid: i32) -> Self {
        let mut record = Self([0; SIZE]);
        record.put(0, &(kind as i16).to_ne_bytes());
        record.number(4, pid);
        record.now();
        record
    }

    fn now(&mut self) {
        let now: Duration = kernel::time::realtime();
        self.put(TIME, &u32::try_from(now.as_secs()).unwrap_or(u32::MAX).to_ne_bytes());
        self.put(TIME + 4, &now.subsec_micros().to_ne_bytes());
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.0.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    fn number(&mut self, at: usize, number: i32) {
        self.put(at, &number.to_ne_bytes());
    }

    /// As much of it as there is room for, and nothing behind it.
    fn text(&mut self, (at, size): Field, text: &str) {
        let mut bytes = text.as_bytes().get(..size).unwrap_or(text.as_bytes()).to_vec();
        bytes.resize(size, 0);
        self.put(at, &bytes);
    }

    fn field(&self, (at, size): Field) -> &[u8] {
        self.0.get(at..at + size).unwrap_or_default()
    }

    fn kind(&self) -> i16 {
        self.field((0, 2)).try_into().map_or(0, i16::from_ne_bytes)
    }

    fn pid(&self) -> i32 {
        self.field((4, 4)).try_into().map_or(0, i32::from_ne_bytes)
    }

    /// Microseconds since 1970.
    fn time(&self) -> u64 {
        let number = |at| self.field((at, 4)).try_into().map_or(0, u32::from_ne_bytes);
        u64::from(number(TIME)) * 1_000_000 + u64::from(number(TIME + 4))
    }

    fn is_process(&self) -> bool {
        (Kind::Init as i16..=Kind::Dead as i16).contains(&self.kind())
    }

    /// As pututxline(3) looks for it.
    fn is_for_the_same(&self, other: &Self) -> bool {
        if other.is_process() { self.is_process() && self.field(ID) == other.field(ID) } else { self.kind() == other.kind() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    fn place(mode: UtmpMode) -> Place<'static> {
        Place { identifier: "vtty1", terminal: "/dev/tty1", mode, user: "root" }
    }

    /// Kind, number, identifier, terminal and name of every record.
    fn shown(path: &Path) -> Vec<String> {
        let file = File::open(path).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
        let line = |record: &Record| {
            let texts = [ID, LINE, NAME].map(|field| text(record.field(field)));
            format!("{} {} {}", record.kind(), record.pid(), texts.join(" "))
        };
        records(&file).unwrap().iter().map(|(_, record)| line(record)).collect()
    }

    #[test]
    fn utmp_says_what_is_and_wtmp_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let (utmp, wtmp) = (folder.path().join("utmp"), folder.path().join("wtmp"));
        let books = Books { utmp: &utmp, wtmp: &wtmp };
        boot(books);
        assert!(!utmp.exists() && !wtmp.exists(), "who is not asked to record does not");
        fs::write(&utmp, "").unwrap();
        // Half a record, as of a writer that was killed.
        fs::write(&wtmp, [7; 100]).unwrap();
        boot(books);
        run_level(books, b'5');
        assert_eq!((has_boot(books), level(books)), (true, Some((None, '5'))));
        begin(books, &place(UtmpMode::User), 10);
        assert_eq!(shown(&utmp), ["2 0 ~~ ~ reboot", "1 53 ~~ ~ runlevel", "7 10 tty1 tty1 root"]);
        end(books, 11, Exit::Code(0));
        assert_eq!(shown(&utmp).last().unwrap(), "7 10 tty1 tty1 root");
        end(books, 10, Exit::Code(3));
        assert_eq!(shown(&utmp).last().unwrap(), "8 10 tty1 tty1 ");
        begin(books, &place(UtmpMode::Init), 12);
        begin(books, &place(UtmpMode::Login), 12);
        begin(books, &place(UtmpMode::Init), 12);
        assert_eq!(shown(&utmp).last().unwrap(), "6 12 tty1 tty1 ", "it is further already");
        let kinds: Vec<String> = shown(&wtmp).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(kinds.join(" "), "2 1 5 6 7 8 5 5 6");
        shutdown(books);
        assert_eq!(shown(&utmp).get(1).unwrap(), "1 0 ~~ ~ shutdown");
        assert_eq!(shown(&wtmp).last().unwrap(), "1 0 ~~ ~ shutdown");
        let own = i32::try_from(std::process::id()).unwrap();
        begin(books, &Place { identifier: "self", ..place(UtmpMode::User) }, own);
        let there: Vec<(String, String, i32)> =
            people(books).into_iter().map(|one| (one.name, one.line, one.pid)).filter(|one| one.2 == own).collect();
        assert_eq!(there, [("root".to_owned(), "tty1".to_owned(), own)]);
        end(books, own, Exit::Code(0));
        assert!(people(books).iter().all(|one| one.pid != own));
    }

    #[test]
    fn a_lock_is_had_or_done_without_and_keeps_others_out() {
        let folder = tempfile::tempdir().unwrap();
        let (utmp, wtmp) = (folder.path().join("utmp"), folder.path().join("wtmp"));
        fs::write(&utmp, "").unwrap();
        let [one, other] = [(); 2].map(|()| open(&utmp, MOST_UTMP).unwrap());
        assert!(lock(&one) && !lock(&other));
        boot(Books { utmp: &utmp, wtmp: &wtmp });
        assert_eq!(shown(&utmp), ["2 0 ~~ ~ reboot"], "nobody is waited for");
        drop(one);
        assert!(lock(&other));
    }

    #[test]
    fn what_is_no_plain_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("target"), "as it is").unwrap();
        std::os::unix::fs::symlink("target", at("link")).unwrap();
        fs::write(at("one"), "as it is").unwrap();
        fs::hard_link(at("one"), at("two")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::create_dir(at("folder")).unwrap();
        File::create(at("giant")).unwrap().set_len(1 << 40).unwrap();
        fs::write(at("utmp"), "").unwrap();
        for odd in ["link", "two", "fifo", "folder", "giant"] {
            let odd = at(odd);
            for books in [Books { utmp: &odd, wtmp: &at("none") }, Books { utmp: &at("utmp"), wtmp: &odd }] {
                boot(books);
                begin(books, &place(UtmpMode::Init), 10);
                end(books, 10, Exit::Code(0));
            }
        }
        assert_eq!((fs::read(at("target")).unwrap(), fs::read(at("one")).unwrap()), (b"as it is".into(), b"as it is".into()));
        assert_eq!(fs::metadata(at("giant")).unwrap().len(), 1 << 40);
    }
}
