//! Who sent something: the kernel's word for the process, and what `/proc` says of it while it is there.
//!
//! Invariant: a process that floods costs one look a second, and no more are remembered than [`MOST`].

use std::collections::BTreeMap;
use std::time::Duration;

use crate::file;
use crate::log::record::Draft;

/// So many processes are remembered.
const MOST: usize = 128;
/// And for so long: a number is another process's some day.
const FRESH: Duration = Duration::from_secs(1);
/// A process has one line in each, bytes.
const LONGEST: u64 = 16 * 1024;
/// More of its words is not kept of it, bytes.
const LONGEST_WORDS: u64 = 4 * 1024;
/// Where PID 1 leaves the number of a unit's life, as a link that leads to it.
const INVOCATIONS: &str = "/run/systemd/units/invocation:";

/// A process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sender {
    pub(super) pid: u32,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) comm: String,
    pub(super) exe: String,
    /// Its words as a shell would take them.
    pub(super) words: String,
    /// What it may do as root may, hexadecimal.
    pub(super) capabilities: String,
    pub(super) group: String,
    pub(super) unit: Option<String>,
    pub(super) invocation: String,
}

/// Those that were looked at lately.
#[derive(Debug, Default)]
pub(super) struct Senders(BTreeMap<u32, (Duration, Sender)>);

impl Senders {
    /// A process by the credentials that the kernel gives with what it sends; unix(7), `SCM_CREDENTIALS`.
    pub(super) fn of(&mut self, pid: u32, ids: Option<(u32, u32)>, now: Duration) -> Sender {
        let known = self.0.get(&pid).filter(|(at, _)| now.saturating_sub(*at) < FRESH).map(|(_, sender)| sender.clone());
        let mut sender = known.unwrap_or_else(|| {
            self.0.retain(|_, (at, _)| now.saturating_sub(*at) < FRESH);
            if self.0.len() >= MOST {
                self.0.clear();
            }
            let sender = look(pid);
            self.0.insert(pid, (now, sender.clone()));
            sender
        });
        if let Some((uid, gid)) = ids {
            (sender.uid, sender.gid) = (Some(uid), Some(gid));
        }
        sender
    }
}

fn look(pid: u32) -> Sender {
    let read = |what: &str| file::read_text(format!("/proc/{pid}/{what}"), LONGEST).unwrap_or_default();
    let group = read("cgroup").lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default().to_owned();
    let status = read("status");
    let id = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    let comm = read("comm").trim_end_matches('\n').to_owned();
    let target = |path: String| std::fs::read_link(path).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let unit = unit_of(&group).map(str::to_owned);
    Sender {
        pid,
        uid: id("Uid:"),
        gid: id("Gid:"),
        comm,
        exe: target(format!("/proc/{pid}/exe")),
        words: quoted(&file::read_up_to(format!("/proc/{pid}/cmdline"), LONGEST_WORDS).unwrap_or_default()),
        capabilities: status.lines().find_map(|line| line.strip_prefix("CapEff:")).map(number).unwrap_or_default(),
        invocation: unit.as_ref().map(|unit| target(format!("{INVOCATIONS}{unit}"))).unwrap_or_default(),
        unit,
        group,
    }
}

/// Without the zeros before it.
fn number(text: &str) -> String {
    let text = text.trim();
    let start = text.find(|digit| digit != '0').unwrap_or(text.len().saturating_sub(1));
    text.get(start..).unwrap_or_default().to_owned()
}

/// The words of a command line, of which each ends with a NUL, in quotes where a shell needs them; systemd's `quote_command_line`.
fn quoted(words: &[u8]) -> String {
    let needs_backslash = |letter: char| matches!(letter, '"' | '\\' | '`' | '$');
    let is_special = |letter: char| needs_backslash(letter) || "*?['()<>|&;!".contains(letter);
    let is_plain = |letter: char| !letter.is_control() && !letter.is_ascii_whitespace() && !is_special(letter);
    let one = |word: &[u8]| {
        let word = String::from_utf8_lossy(word);
        if !word.is_empty() && word.chars().all(is_plain) {
            return word.into_owned();
        }
        let mut out = String::from('"');
        for letter in word.chars() {
            match letter {
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                letter if letter.is_ascii_control() => out.push_str(&format!("\\{:03o}", u32::from(letter))),
                letter => out.extend(needs_backslash(letter).then_some('\\').into_iter().chain([letter])),
            }
        }
        out + "\""
    };
    let Some(words) = words.strip_suffix(b"\0").or(Some(words)).filter(|words| !words.is_empty()) else { return String::new() };
    words.split(|byte| *byte == 0).map(one).collect::<Vec<_>>().join(" ")
}

/// The slice that a control group is in, `-.slice` where it is in none.
fn slice_of(group: &str) -> &str {
    group.split('/').rfind(|name| name.ends_with(".slice")).unwrap_or("-.slice")
}

/// The unit that a control group is of: the first name below the slices. PID 1's own is `/init`.
fn unit_of(group: &str) -> Option<&str> {
    let name = group.split('/').find(|name| !name.is_empty() && !name.ends_with(".slice"))?;
    // cgroup.subtree_control and its like are escaped so; systemd's cg_escape.
    let name = name.strip_prefix('_').unwrap_or(name);
    if name == "init" {
        return Some("init.scope");
    }
    let kinds = [".service", ".scope", ".socket", ".mount", ".swap"];
    kinds.iter().any(|kind| name.ends_with(kind)).then_some(name)
}

impl Sender {
    /// What is known of it, as fields that nobody can forge.
    pub(super) fn tell(&self, draft: &mut Draft) {
        let mut number = |name: &str, value: Option<u32>| value.iter().for_each(|value| draft.add(name, value.to_string()));
        number("_PID", (self.pid > 0).then_some(self.pid));
        number("_UID", self.uid);
        number("_GID", self.gid);
        let mut text = |name: &str, value: &str| {
            if !value.is_empty() {
                draft.add(name, value);
            }
        };
        text("_COMM", &self.comm);
        text("_EXE", &self.exe);
        text("_CMDLINE", &self.words);
        text("_CAP_EFFECTIVE", &self.capabilities);
        text("_SYSTEMD_CGROUP", &self.group);
        text("_SYSTEMD_UNIT", self.unit.as_deref().unwrap_or_default());
        if !self.group.is_empty() {
            text("_SYSTEMD_SLICE", slice_of(&self.group));
        }
        text("_SYSTEMD_INVOCATION_ID", &self.invocation);
    }

    /// By what its lines are counted: its unit, or who it is where it has none.
    pub(super) fn account(&self) -> String {
        match (&self.unit, self.uid) {
            (Some(unit), _) => unit.clone(),
            (None, Some(uid)) => format!("user {uid}"),
            (None, None) => "nobody known".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_first_name_below_the_slices() {
        for (group, unit) in [
            ("/system.slice/web.service", Some("web.service")),
            ("/system.slice/system-getty.slice/getty@tty1.service/sub/deeper.service", Some("getty@tty1.service")),
            ("/user.slice/user-1000.slice/session-2.scope", Some("session-2.scope")),
            ("/system.slice/_cgroup.service", Some("cgroup.service")),
            ("/init", Some("init.scope")),
            ("/exec", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(unit_of(group), unit, "{group}");
        }
    }

    #[test]
    fn words_are_quoted_as_a_shell_needs_them() {
        for (words, text) in [
            (&b"logger\0-t\0x\0"[..], "logger -t x"),
            (b"sh\0-c\0echo $A \"b\"\nc\0", r#"sh -c "echo \$A \"b\"\nc""#),
            (b"a\0\0b*\0", r#"a "" "b*""#),
            ("ä\u{1}\0".as_bytes(), r#""ä\001""#),
            (b"nginx: master", r#""nginx: master""#),
            (b"", ""),
        ] {
            assert_eq!(quoted(words), text);
        }
        assert_eq!(["000001ffffffffff", "0000", ""].map(number), ["1ffffffffff", "0", ""]);
        assert_eq!(["/a.slice/a-b.slice/x.service", "/init", "/"].map(slice_of), ["a-b.slice", "-.slice", "-.slice"]);
    }

    #[test]
    fn a_process_is_known_by_proc_and_who_has_gone_by_its_credentials() {
        let me = std::process::id();
        let mut senders = Senders::default();
        let now = Duration::from_secs(1);
        let sender = senders.of(me, Some((7, 8)), now);
        assert_eq!((sender.pid, sender.uid, sender.gid, sender.comm.is_empty()), (me, Some(7), Some(8), false));
        assert!(sender.exe.starts_with('/') && sender.words.contains("init") && !sender.capabilities.is_empty(), "{sender:?}");
        assert_eq!(senders.of(0, None, now), Sender::default());
        for pid in 1 << 23..(1 << 23) + 1000 {
            assert_eq!(senders.of(pid, Some((1, 2)), now).account(), "user 1");
        }
        assert!(senders.0.len() <= MOST);
    }
}
