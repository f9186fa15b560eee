//! Our answers to what systemd is asked, in one place: `cargo xtask compare` holds them against a real one, and the test
//! `recorded` against what that one said.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use units::search::{self, Nature, Tree};
use units::systemd::escape;
use units::unit::{Question, Test, Verdict, comparison};
use units::value::calendar::{TimeZone, Zone};
use units::value::{Calendar, CapabilitySet, Limit, read_span};
use units::{Reader, SourceFile, SourceKind, Unit, UnitName, glob, show};

/// What stands around each command line.
pub(crate) const SERVICE: &str = include_str!("lines.service");

/// What a condition may ask about: how each path below `/run/facts` is made, and the questions that are true of it.
pub(crate) const FACTS: &[(&str, &str, &[&str])] = &[
    ("file", "echo x > file", &["path-exists", "path-is-read-write", "file-not-empty"]),
    ("empty", ": > empty", &["path-exists", "path-is-read-write"]),
    ("program", "echo x > program; chmod 755 program", &["path-exists", "path-is-read-write", "file-not-empty", "file-is-executable"]),
    ("full", "mkdir full; : > full/x", &["path-exists", "path-is-read-write", "path-is-directory", "directory-not-empty"]),
    ("hollow", "mkdir hollow", &["path-exists", "path-is-read-write", "path-is-directory"]),
    ("link", "ln -s file link", &["path-exists", "path-is-read-write", "file-not-empty", "path-is-symbolic-link"]),
    ("way", "ln -s full way", &["path-exists", "path-is-read-write", "path-is-directory", "path-is-symbolic-link", "directory-not-empty"]),
    ("broken", "ln -s nowhere broken", &["path-is-symbolic-link"]),
    (
        "mount",
        "mkdir mount; mount -t tmpfs tmpfs mount",
        &["path-exists", "path-is-read-write", "path-is-directory", "path-is-mount-point"],
    ),
    ("frozen", "mkdir frozen; mount -t tmpfs -o ro tmpfs frozen", &["path-exists", "path-is-directory", "path-is-mount-point"]),
];

/// A tree of unit files of our own writing, in the manner of those of packages and in any odd one; from the directory of either
/// package.
const TREE: &str = "../units/tests/systemd/tree";

/// The answer to what cannot be read.
pub(crate) const REFUSED: &str = "refused";

/// Normalised, and five points after a second before a leap day.
pub(crate) fn calendar(asked: &str, zone: impl Fn(&str) -> Option<TimeZone>) -> String {
    let Ok(calendar) = asked.parse::<Calendar>() else { return REFUSED.to_owned() };
    let zone = match &calendar.zone {
        Zone::Local | Zone::Utc => Some(TimeZone::utc()),
        Zone::Named(name) => zone(name),
    };
    let Some(zone) = zone else { return REFUSED.to_owned() };
    let mut said = vec![calendar.to_string()];
    let mut at = BASE * 1_000_000;
    while let Some(next) = calendar.next_in(at, &zone).filter(|_| said.len() < 6) {
        said.push(civil(next.div_euclid(1_000_000)));
        at = next;
    }
    said.join(" | ")
}

/// 2024-02-28 23:59:59 UTC.
const BASE: i64 = 1_709_164_799;

/// Seconds since the epoch as civil time in UTC ("chrono-Compatible Low-Level Date Algorithms", Howard Hinnant).
fn civil(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let (year, day) = (years + era * 400 + i64::from(month <= 2), of_year - (153 * shifted + 2) / 5 + 1);
    let second = seconds.rem_euclid(86_400);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// In microseconds.
pub(crate) fn span(asked: &str) -> String {
    match read_span(asked) {
        Ok(Limit::At(span)) => span.as_micros().to_string(),
        Ok(Limit::Max) => u64::MAX.to_string(),
        Err(_) => REFUSED.to_owned(),
    }
}

/// As part of a unit's name.
pub(crate) fn escaped(asked: &str) -> String {
    escape::escape(asked)
}

/// The words each command of the line is given, in angle brackets; a command on a line.
pub(crate) fn line(asked: &str) -> String {
    let unit = unit(&format!("{SERVICE}ExecStart=/run/words {asked}\n"));
    let Some(service) = unit.as_ref().and_then(Unit::service) else { return REFUSED.to_owned() };
    let said = service.start.iter().map(|command| {
        let argv = command.argv(|name| service.environment.set.get(name).cloned());
        argv.iter().skip(1).map(|word| format!("<{word}>")).collect::<String>()
    });
    said.collect::<Vec<_>>().join("\n").replace('\n', "\\n")
}

/// `go`, `skip` or `refuse`: assignments with ` & ` between them.
pub(crate) fn conditions(asked: &str) -> String {
    let Some(unit) = unit(&format!("[Unit]\n{}\n[Service]\nExecStart=/bin/x\n", asked.replace(" & ", "\n"))) else {
        return REFUSED.to_owned();
    };
    match unit.conditions.judge(holds) {
        Verdict::Go => "go",
        Verdict::Skip(_) => "skip",
        Verdict::Refuse(_) => "refuse",
    }
    .to_owned()
}

/// In the guest that systemd was asked in.
fn holds(test: &Test) -> Option<bool> {
    let value = test.value.as_str();
    Some(match test.question {
        Question::PathExists if value.ends_with('*') => {
            FACTS.iter().any(|(fact, _, _)| format!("/run/facts/{fact}").starts_with(value.trim_end_matches('*')))
        }
        Question::Virtualization => ["yes", "true", "1", "container", "private-users"].contains(&value),
        Question::Capability => CapabilitySet::read(value).ok().map(|_| true)?,
        Question::AcPower => true,
        Question::Architecture => value == "native",
        Question::CpuFeature => value.eq_ignore_ascii_case("fpu"),
        Question::User => ["root", "0", "@system"].contains(&value),
        Question::Group => ["root", "0"].contains(&value),
        Question::Host => glob::matches(&value.to_lowercase(), "compare"),
        Question::Environment => ["LC_ALL", "LC_ALL=C.UTF-8", "SYSTEMD_PAGER", "SYSTEMD_PAGER="].contains(&value),
        // A controller that nobody knows is passed over.
        Question::ControlGroupController => true,
        Question::KernelCommandLine => value == "/lib/systemd/systemd",
        Question::NeedsUpdate => true,
        Question::KernelVersion => {
            comparison::versions(value)?.iter().all(|(operator, wanted)| operator.compares("6.1.0-18-amd64", wanted, fits))
        }
        Question::OsRelease => {
            comparison::fields(value)?.iter().all(|(name, operator, wanted)| operator.compares(release(name), wanted, fits))
        }
        Question::Memory => comparison::size(value).map(|(operator, wanted)| operator.allows((2_u64 << 30).cmp(&wanted)))?,
        Question::Cpus => comparison::number(value).map(|(operator, wanted)| operator.allows(2.cmp(&wanted)))?,
        // All that is asked for is less than the whole.
        Question::MemoryPressure | Question::CpuPressure | Question::IoPressure => comparison::pressure(value).map(|_| true)?,
        question => value
            .trim_end_matches('/')
            .strip_prefix("/run/facts/")
            .is_some_and(|name| FACTS.iter().any(|(fact, _, holds)| *fact == name && holds.contains(&question.word()))),
    })
}

fn fits(actual: &str, pattern: &str) -> bool {
    glob::matches(pattern, actual)
}

/// os-release(5) of the tree.
fn release(name: &str) -> &'static str {
    match name {
        "ID" => "debian",
        "NAME" => "Debian GNU/Linux",
        "VERSION_ID" => "12",
        "VERSION_CODENAME" => "bookworm",
        _ => "",
    }
}

fn unit(text: &str) -> Option<Unit> {
    let file = SourceFile { path: "/etc/systemd/system/words.service".to_owned(), kind: SourceKind::Unit(text.as_bytes().to_vec()) };
    let (set, _) = units::read([file]);
    set.unit(&UnitName::new("words.service").ok()?).cloned()
}

/// Where the tree of our own units lies.
pub(crate) fn own_tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(TREE)
}

/// Properties, each with its values.
pub(crate) type Properties = BTreeMap<String, Vec<String>>;

/// What `units::show` says of each of these, by property; they are alone in the world.
pub(crate) fn shown<'n>(names: impl IntoIterator<Item = &'n str>) -> BTreeMap<String, Properties> {
    let names: Vec<UnitName> = names.into_iter().filter_map(|name| UnitName::new(name).ok()).collect();
    let sources = search::collect_with_plumbing(&Rooted(own_tree()), &search::SYSTEMD);
    let (set, _) = Reader::default().with_plumbing().with_instances(names.iter().cloned()).read(sources);
    let mut all = BTreeMap::new();
    for name in names {
        let mut properties = Properties::new();
        for (property, value) in show::show(&set, &name) {
            properties.entry(property.to_owned()).or_default().push(value.replace('\n', "\\n"));
        }
        all.insert(name.as_str().to_owned(), properties);
    }
    all
}

/// A tree seen from outside.
pub(crate) struct Rooted(pub(crate) PathBuf);

impl Rooted {
    fn path(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }
}

impl Tree for Rooted {
    fn names(&self, folder: &str) -> Vec<(String, Nature)> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let named = |entry: fs::DirEntry| {
            let kind = entry.file_type().ok()?;
            let nature = match (kind.is_file(), kind.is_dir(), kind.is_symlink()) {
                (true, _, _) => Nature::File,
                (_, true, _) => Nature::Folder,
                (_, _, true) => Nature::Link,
                (false, false, false) => Nature::Other,
            };
            Some((entry.file_name().into_string().ok()?, nature))
        };
        entries.filter_map(named).collect()
    }

    fn link(&self, path: &str) -> Option<String> {
        fs::read_link(self.path(path)).ok()?.into_os_string().into_string().ok()
    }

    /// A link is followed within the tree.
    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, String> {
        let end = self.end_of(path);
        if end == self.path("/dev/null") {
            return Ok(Vec::new());
        }
        let mut text = fs::read(end).map_err(|error| error.to_string())?;
        text.truncate(limit);
        Ok(text)
    }

    fn is_executable(&self, path: &str) -> bool {
        fs::metadata(self.end_of(path)).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    }
}

impl Rooted {
    /// Where the links at a path end, within the tree.
    fn end_of(&self, path: &str) -> PathBuf {
        let mut place = path.to_owned();
        for _ in 0..8 {
            match self.link(&place) {
                Some(target) if target.starts_with('/') => place = target,
                Some(target) => place = format!("{}/{target}", place.rsplit_once('/').map_or("", |(folder, _)| folder)),
                None => break,
            }
        }
        self.path(&place)
    }
}
