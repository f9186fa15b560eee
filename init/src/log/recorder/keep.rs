//! What is made of what comes: an entry with who sent it, in the store, and handed on.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};
use units::control::{LogLine, LogStream};

use super::super::forward::Forward;
use super::super::rates::Rates;
use super::super::record::{self, Draft};
use super::super::segment::{About, is_id};
use super::super::sender::{Sender, Senders};
use super::super::settings::{Settings, Storage};
use super::super::store::{Bound, Store};
use super::super::stream::{Said, Stream};
use super::super::{DISK, MEMORY, monotonic, native, realtime, words};
use crate::accounts::Accounts;
use crate::boot::BOOT_ID;
use crate::file;

/// The most that the log takes of a disk, and of the memory that is `/run`, where nobody says; a tenth where that is less. Bytes.
const ON_DISK: u64 = 128 << 20;
const IN_MEMORY: u64 = 16 << 20;
/// By whom PID 1's own lines are said.
const INIT: &str = "fief-init";

/// By whom and when a datagram was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'a> {
    pub(super) sender: &'a Sender,
    /// Since 1970.
    pub(super) moment: Option<Duration>,
}

impl Sent<'_> {
    fn tell(self, draft: &mut Draft) {
        if let Some(moment) = self.moment {
            draft.add("_SOURCE_REALTIME_TIMESTAMP", moment.as_micros().to_string());
        }
        self.sender.tell(draft);
    }
}

/// Everything between the sockets and the disk.
#[derive(Debug)]
pub(super) struct Keep {
    store: Option<Store>,
    settings: Settings,
    rates: Rates,
    pub(super) senders: Senders,
    forward: Forward,
    us: Sender,
    draft: Draft,
    /// Whose entries were too many, and how many; not told yet.
    suppressed: Vec<(String, u64)>,
    /// Entries that were not kept for other reasons.
    unwritten: u64,
    too_long: u64,
}

impl Keep {
    pub(super) fn new(now: Duration) -> Self {
        let settings = Settings::read();
        let mut senders = Senders::default();
        let us = senders.of(std::process::id(), None, now);
        let rates = Rates::new(settings.interval, settings.burst);
        let forward = Forward::new(settings.forward);
        let (draft, suppressed) = (Draft::default(), Vec::new());
        let mut keep = Self { store: None, settings, rates, senders, forward, us, draft, suppressed, unwritten: 0, too_long: 0 };
        keep.open();
        keep
    }

    /// Opens the store where it can be, anew if it was elsewhere.
    pub(super) fn open(&mut self) {
        let wanted: &[(&str, u64, Option<u64>)] = match self.settings.storage {
            Storage::Persistent => &[(DISK, ON_DISK, self.settings.system_max_use), (MEMORY, IN_MEMORY, self.settings.runtime_max_use)],
            Storage::Volatile => &[(MEMORY, IN_MEMORY, self.settings.runtime_max_use)],
            Storage::Nowhere => &[],
        };
        let group = Accounts::read().ok().and_then(|accounts| accounts.group("adm"));
        let mut why = None;
        for (folder, usual, said) in wanted {
            let folder = Path::new(folder);
            if self.store.as_ref().is_some_and(|store| store.folder() == folder) {
                break;
            }
            match Store::open(folder, Bound::of(said.unwrap_or_else(|| a_tenth(folder).min(*usual))), about(), group) {
                Ok(store) => {
                    self.settle();
                    self.store = Some(store);
                    break;
                }
                Err(error) => why = Some(format!("the log cannot be kept in {}: {error}", folder.display())),
            }
        }
        why.iter().for_each(|why| self.tell(4, why, &[]));
    }

    /// The number of PID 1's last line that was kept.
    pub(super) fn line(&self) -> u64 {
        self.store.as_ref().map_or(0, Store::line)
    }

    /// A datagram of `/dev/log`.
    pub(super) fn syslog(&mut self, datagram: &[u8], sent: Sent<'_>, now: Duration) {
        if !self.is_allowed(&sent.sender.account(), now) {
            return;
        }
        let message = words::read(datagram);
        self.begin("syslog", message.level, message.text);
        self.draft.add("SYSLOG_FACILITY", message.facility.to_string());
        let said = [("SYSLOG_IDENTIFIER", message.identifier), ("SYSLOG_PID", message.pid), ("SYSLOG_TIMESTAMP", message.timestamp)];
        said.iter().for_each(|(name, value)| value.iter().for_each(|value| self.draft.add(name, value)));
        sent.tell(&mut self.draft);
        self.add(0);
        self.forward.raw(datagram);
    }

    /// A datagram of `/run/systemd/journal/socket`.
    pub(super) fn native(&mut self, bytes: &[u8], sent: Sent<'_>, now: Duration) {
        let sender = sent.sender;
        let account = sender.account();
        native::read(bytes, |fields| {
            if !self.is_allowed(&account, now) {
                return;
            }
            self.draft.clear();
            native::keep(&mut self.draft, fields);
            self.draft.add("_TRANSPORT", "journal");
            sent.tell(&mut self.draft);
            self.add(0);
            let field = |name: &str| fields.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            let name = field("SYSLOG_IDENTIFIER").and_then(|name| std::str::from_utf8(name).ok()).unwrap_or(&sender.comm);
            if let Some(text) = field("MESSAGE") {
                let priority = (words::USER, native::level(fields));
                self.forward.words(priority, realtime(), (name, Some(sender.pid)), text);
            }
        });
    }

    /// The same in a file of memory, where it is too large for a datagram. Whatever else is sent is not read: it might never end.
    pub(super) fn native_in(&mut self, fd: OwnedFd, sent: Sent<'_>, now: Duration) {
        if fcntl(&fd, FcntlArg::F_GET_SEALS).is_err() {
            return;
        }
        let file = File::from(fd);
        let length = file.metadata().map_or(0, |about| about.len());
        let Some(length) = usize::try_from(length).ok().filter(|length| *length <= record::LONGEST) else {
            self.too_long += 1;
            return;
        };
        let mut bytes = vec![0; length];
        if file.read_exact_at(&mut bytes, 0).is_ok() {
            self.native(&bytes, sent, now);
        }
    }

    /// A line of a connection on `/run/systemd/journal/stdout`.
    pub(super) fn said(&mut self, stream: &Stream, (facility, level, text): Said<'_>, sender: &Sender, now: Duration) {
        if !self.is_allowed(&sender.account(), now) {
            return;
        }
        self.begin("stdout", level, text);
        self.draft.add("SYSLOG_FACILITY", facility.to_string());
        let name = if stream.identifier.is_empty() { &sender.comm } else { &stream.identifier };
        self.draft.add("SYSLOG_IDENTIFIER", name);
        sender.tell(&mut self.draft);
        self.add(0);
        self.forward.words((facility, level), realtime(), (name, Some(sender.pid)), text);
    }

    /// A line that PID 1 has: what a unit wrote, what init tells, or what came by `/dev/log` before we were there.
    pub(super) fn line_of_init(&mut self, line: &LogLine, now: Duration) {
        let unit = line.unit.as_ref().map(|unit| unit.as_str().to_owned());
        if line.stream != LogStream::Init && !self.is_allowed(unit.as_deref().unwrap_or("/dev/log"), now) {
            return;
        }
        let mut name = line.identifier.clone().unwrap_or_default();
        let mut text = line.text.as_str();
        let mut sender = match line.stream {
            LogStream::Init => self.senders.of(1, None, now),
            LogStream::Stdout | LogStream::Stderr => match line.pid.map(|pid| self.senders.of(pid, None, now)) {
                // The process has gone, and its number may be another's.
                Some(found) if found.unit == unit => found,
                found => Sender { pid: found.map_or(0, |found| found.pid), ..Sender::default() },
            },
            LogStream::Syslog => Sender::default(),
        };
        let transport = match line.stream {
            LogStream::Init => {
                INIT.clone_into(&mut name);
                sender.unit = Some("init.scope".to_owned());
                "journal"
            }
            LogStream::Stdout | LogStream::Stderr => {
                sender.unit.clone_from(&unit);
                // PID 1 has put it before the line.
                text = text.strip_prefix(name.as_str()).and_then(|text| text.strip_prefix(": ")).unwrap_or(text);
                "stdout"
            }
            LogStream::Syslog => "syslog",
        };
        let mut pid = (sender.pid > 0).then_some(sender.pid);
        let mut said_pid = None;
        if line.stream == LogStream::Syslog {
            let message = words::read(text.as_bytes());
            name = message.identifier.unwrap_or_default().to_owned();
            said_pid = message.pid.map(str::to_owned);
            pid = message.pid.and_then(|pid| pid.parse().ok());
            text = std::str::from_utf8(message.text).unwrap_or(text);
        }
        self.begin(transport, line.priority, text.as_bytes());
        self.draft.add("SYSLOG_FACILITY", line.facility.to_string());
        if !name.is_empty() {
            self.draft.add("SYSLOG_IDENTIFIER", &name);
        }
        said_pid.iter().for_each(|pid| self.draft.add("SYSLOG_PID", pid));
        if line.stream == LogStream::Init {
            unit.iter().for_each(|unit| self.draft.add("UNIT", unit));
        }
        self.draft.add("_SOURCE_REALTIME_TIMESTAMP", (line.time_ms * 1000).to_string());
        line.fields.iter().filter(|(name, _)| !name.starts_with('_')).for_each(|(name, value)| self.draft.add(name, value));
        sender.tell(&mut self.draft);
        self.add(line.number);
        // A daemon that took `/dev/log` over had those itself.
        if line.stream != LogStream::Syslog {
            self.forward.words((line.facility, line.priority), line.time_ms * 1000, (&name, pid), text.as_bytes());
        }
    }

    /// So many of PID 1's lines had to make way before we came to read them.
    pub(super) fn lost_lines(&mut self, count: u64) {
        self.tell(4, &format!("{count} lines of services were not kept: they came faster than they could be read"), &[]);
    }

    /// Something was sent that is longer than we read.
    pub(super) fn too_long(&mut self) {
        self.too_long += 1;
    }

    /// Everything is written, and what was lost is told.
    pub(super) fn settle(&mut self) {
        for (who, count) in std::mem::take(&mut self.suppressed) {
            let is_unit = !who.starts_with("user ");
            let unit = [("OBJECT_SYSTEMD_UNIT", who.as_str())];
            self.tell(4, &format!("Suppressed {count} messages from {who}"), if is_unit { &unit } else { &[] });
        }
        let handed_on = self.forward.take_lost();
        if handed_on > 0 {
            self.tell(4, &format!("{handed_on} messages were not handed on: the syslog daemon does not keep up"), &[]);
        }
        let too_long = std::mem::take(&mut self.too_long);
        if too_long > 0 {
            self.tell(4, &format!("{too_long} messages were too long to be kept"), &[]);
        }
        let Some(store) = &mut self.store else { return };
        store.flush();
        let lost = store.take_lost();
        self.unwritten += lost;
        // Not into a disk that has just taken nothing.
        if self.unwritten > 0 && lost == 0 {
            let count = std::mem::take(&mut self.unwritten);
            self.tell(3, &format!("{count} messages could not be written"), &[]);
        }
    }

    /// All that is to be told of what was too many.
    pub(super) fn end(&mut self) {
        self.rates.end(&mut self.suppressed);
        self.settle();
        self.settle();
        let _ = self.sync();
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.settle();
        self.store.as_mut().map_or(Ok(()), Store::sync)
    }

    pub(super) fn rotate(&mut self) -> io::Result<()> {
        self.settle();
        self.store.as_mut().map_or(Ok(()), Store::rotate)
    }

    /// When something is to be told that nothing will come to wake us for.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.rates.deadline()
    }

    /// It has come.
    pub(super) fn tick(&mut self, now: Duration) {
        self.rates.due(now, &mut self.suppressed);
    }

    fn is_allowed(&mut self, account: &str, now: Duration) -> bool {
        self.rates.allows(account, now, &mut self.suppressed)
    }

    fn begin(&mut self, transport: &str, level: u8, text: &[u8]) {
        self.draft.clear();
        self.draft.add("_TRANSPORT", transport);
        self.draft.add("PRIORITY", level.to_string());
        self.draft.add("MESSAGE", text);
    }

    fn add(&mut self, line: u64) {
        let Some(store) = &mut self.store else { return };
        if !store.add(realtime(), monotonic(), line, &self.draft) {
            self.too_long += 1;
        }
    }

    /// Something of our own.
    fn tell(&mut self, level: u8, text: &str, more: &[(&str, &str)]) {
        self.begin("driver", level, text.as_bytes());
        self.draft.add("SYSLOG_IDENTIFIER", "fief-log");
        more.iter().for_each(|(name, value)| self.draft.add(name, value));
        self.us.tell(&mut self.draft);
        self.add(0);
    }
}

/// A tenth of the file system that a folder is on, or will be.
fn a_tenth(folder: &Path) -> u64 {
    let there = folder.ancestors().find(|path| path.exists()).unwrap_or(folder);
    nix::sys::statvfs::statvfs(there).map_or(0, |about| about.fragment_size().saturating_mul(about.blocks()) / 10)
}

/// What is true of all entries from now on.
fn about() -> About {
    let line = |path: &str| file::read_text(path, file::USUAL).unwrap_or_default().trim().to_owned();
    let id = |text: String| Some(text.replace('-', "")).filter(|id| is_id(id));
    let boot = id(line(BOOT_ID)).or_else(|| {
        let new = id(line("/proc/sys/kernel/random/uuid"))?;
        // Where it cannot be written every life of ours is a boot of its own.
        let _ = fs::create_dir_all("/run/fief").and_then(|()| fs::write(BOOT_ID, format!("{new}\n")));
        Some(new)
    });
    let nothing = || "0".repeat(32);
    About {
        boot: boot.unwrap_or_else(nothing),
        machine: id(line("/etc/machine-id")).unwrap_or_else(nothing),
        host: line("/proc/sys/kernel/hostname"),
        begun: 0,
    }
}
