//! `journalctl`: what was logged, in systemd's words and with its exit codes, out of the files of [`crate::log`].
//!
//! ```text
//! words ─ options ─▶ filter ─┐
//! files ─ source ────────────┴▶ entries ─ output ─▶ pager, or standard output
//! ```
//!
//! Invariant: nobody is asked for entries: who may read the files may read the log, whether it is being written or not.

mod boots;
mod care;
mod filter;
mod follow;
mod options;
mod output;
mod pager;
mod pattern;
mod shown;
mod source;
mod when;
mod whole;

pub(crate) use when::read as moment;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::getopt::Line;
use crate::log::civil::Here;
use crate::log::record::is_name;
use crate::log::{DISK, MEMORY, realtime};
use crate::{file, say};
use care::Vacuum;
use filter::Filter;
pub(crate) use filter::LEVELS;
use output::{MODES, Manner, Mode, Time};
use pager::Out;
use pattern::Pattern;
use shown::Shown;
use source::{Source, Start};

/// Why something could not be shown.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Told(String),
    #[error("Failed to write output")]
    Output(#[from] io::Error),
}

impl Trouble {
    fn told(text: String) -> Self {
        Self::Told(text)
    }
}

/// `journalctl …`
pub(crate) fn run(words: &[String]) -> ExitCode {
    match options::read(words).and_then(|said| act(&said)) {
        Ok(()) => ExitCode::SUCCESS,
        // The pager, or head(1), has had enough.
        Err(Trouble::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        // It was told where it happened, or needs no words.
        Err(Trouble::Told(text)) if text.is_empty() => ExitCode::FAILURE,
        Err(trouble) => {
            say::error(format_args!("{}", say::chain(&trouble)));
            ExitCode::FAILURE
        }
    }
}

fn act(said: &Line) -> Result<(), Trouble> {
    if said.has("help") {
        return Ok(say::raw(options::HELP.as_bytes())?);
    }
    if said.has("version") {
        return Ok(say::raw(format!("journalctl of fief-init {}\n", env!("CARGO_PKG_VERSION")).as_bytes())?);
    }
    if let Some(first) = said.operands.first().filter(|_| COMMANDS.iter().any(|name| said.has(name))) {
        return Err(Trouble::told(format!("Extraneous arguments starting with '{first}'")));
    }
    if said.value("facility") == Some("help") {
        return Ok(say::raw(filter::facility_names().as_bytes())?);
    }
    if let Some(name) = ELSEWHERE.iter().find(|name| said.has(name)) {
        return Err(Trouble::told(format!("--{name} is not for this log: its words are in its own files, and no other machine's")));
    }
    for (option, word) in [("rotate", "rotate\n"), ("flush", "flush\n"), ("sync", "sync\n")] {
        if said.has(option) {
            care::ask(word).map_err(|error| Trouble::told(format!("Failed to {option} the journal: {}", say::reason(&error))))?;
        }
    }
    let vacuum = ["vacuum-size", "vacuum-files", "vacuum-time"].map(|name| said.value(name));
    if vacuum.iter().any(Option::is_some) {
        let [size, files, time] = vacuum;
        let vacuum = Vacuum::read(size, files, time, realtime())?;
        vacuum.perform(&open(said)?).iter().for_each(|line| say::error(format_args!("{line}")));
        return Ok(());
    }
    if ["rotate", "flush", "sync", "relinquish-var", "smart-relinquish-var"].iter().any(|name| said.has(name)) {
        return Ok(());
    }
    look(said)
}

/// What is done with the whole of it takes no matches.
const COMMANDS: [&str; 11] =
    ["list-boots", "disk-usage", "vacuum-size", "vacuum-files", "vacuum-time", "rotate", "flush", "sync", "verify", "header", "fields"];

/// What systemd's has and makes no sense of ours.
const ELSEWHERE: [&str; 7] = ["list-catalog", "dump-catalog", "update-catalog", "setup-keys", "image", "machine", "new-id128"];

fn open(said: &Line) -> Result<Source, Trouble> {
    let wrong = |what: &str, error: &io::Error| Trouble::told(format!("Failed to open {what}: {}", say::reason(error)));
    let places = ["directory", "file", "root", "namespace"].map(|name| said.value(name));
    match places {
        [None, None, None, None] => Ok(Source::open(&[MEMORY, DISK].map(PathBuf::from))),
        [Some(folder), None, None, None] => Source::open_one(folder).map_err(|error| wrong(folder, &error)),
        [None, Some(_), None, None] => Source::open_files(said.values("file").map(PathBuf::from)).map_err(|error| wrong("files", &error)),
        [None, None, Some(root), None] => {
            Ok(Source::open(&[MEMORY, DISK].map(|folder| Path::new(root).join(folder.trim_start_matches('/')))))
        }
        // There is one log.
        [None, None, None, Some(name)] => Ok(Source::open(&if name == "*" { vec![MEMORY.into(), DISK.into()] } else { Vec::new() })),
        _ => Err(Trouble::told("Please specify at most one of -D/--directory=, --file=, -M/--machine=, --root=, --image=.".to_owned())),
    }
}

/// The log as `systemctl status` shows it.
#[derive(Debug)]
pub(crate) struct Recent {
    source: Source,
    boot: String,
    manner: Manner,
}

impl Recent {
    /// With all that has been said up to now, to be shown in this way of journalctl(1) `--output=`; `None` where nothing of this boot is kept
    /// that this user may see.
    pub(crate) fn open(way: Option<&str>, colour: bool) -> Option<Self> {
        care::catch_up();
        let source = Source::open(&[MEMORY, DISK].map(PathBuf::from));
        let known = way.and_then(|way| MODES.iter().find(|(name, _)| *name == way));
        let mode = known.map_or(Mode::Short(Time::Syslog), |(_, mode)| *mode);
        let manner = Manner { mode, here: Here::found(), host: true, all: false, colour, fields: Vec::new() };
        let boot = file::boot_id().ok()?;
        source.files.iter().any(|(name, _)| name.boot == boot).then_some(Self { source, boot, manner })
    }

    /// The last entries of this boot about a unit, from `since` on, microseconds of `CLOCK_REALTIME`.
    pub(crate) fn of(&self, unit: &str, since: Option<u64>, count: u64) -> Vec<u8> {
        let filter = Filter { boot: Some(self.boot.clone()), units: vec![unit.to_owned()], since, ..Filter::default() };
        let (mut shown, mut left) = (Vec::new(), count);
        if count > 0 {
            self.source.read(&filter, Start::First, true, |entry| {
                shown.extend(self.manner.show(entry, None));
                left -= 1;
                left > 0
            });
        }
        shown.reverse();
        shown.concat()
    }
}

/// Whatever is looked at and not changed.
fn look(said: &Line) -> Result<(), Trouble> {
    let here = if said.has("utc") { Here::default() } else { Here::found() };
    let now = realtime();
    let mut filter = filter_of(said, &here, now)?;
    let mode = mode_of(said)?;
    let quiet = said.has("quiet") || mode.is_some_and(Mode::is_for_programs);
    if let Some(Mode::Cat) = mode.filter(|_| said.value("output") == Some("help")) {
        return Ok(());
    }
    let lines = lines_of(said)?;
    if said.has("follow") && said.has("reverse") {
        return Err(Trouble::told("Please specify either --reverse= or --follow=, not both.".to_owned()));
    }
    let start = start_of(said)?;
    if ["directory", "file", "root"].iter().all(|name| !said.has(name)) {
        care::catch_up();
    }
    // Before anything is read: what comes while we read is then not missed.
    let end = if said.has("follow") { Some(follow::End::of(&open(said)?.folders).map_err(io::Error::from)?) } else { None };
    let source = open(said)?;
    if source.files.is_empty() && !quiet {
        complain(&source)?;
    }
    if said.has("disk-usage") {
        let text = format!("Archived and active journals take up {} in the file system.\n", care::size(care::usage(&source)));
        return Ok(say::raw(text.as_bytes())?);
    }
    if said.has("verify") {
        return whole::verify(&source);
    }
    if said.has("header") {
        return whole::show_heads(&source);
    }
    let boots =
        if said.has("list-boots") || said.has("boot") || said.has("this-boot") || said.has("dmesg") { source.boots() } else { Vec::new() };
    if said.has("list-boots") {
        return boots::list(said, &boots, &here);
    }
    if said.has("boot") || said.has("this-boot") || said.has("dmesg") {
        filter.boot = boots::of(said.value("boot"), &boots)?;
    }
    if said.has("fields") || said.has("field") {
        return list_values(said, &source);
    }
    let terminal = io::stdout().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let fields = said.value("output-fields").map_or_else(Vec::new, |list| list.split(',').map(str::to_owned).collect());
    let mode = mode.unwrap_or(Mode::Short(Time::Syslog));
    let manner = Manner { mode, here, host: !said.has("no-hostname"), all: said.has("all"), colour, fields };
    let pages = terminal && !said.has("no-pager") && !said.has("follow");
    let mut out = if pages { Out::paged(said.has("pager-end")) } else { Out::plain() };
    let mut showing = Showing { manner, quiet, before: None, last: None, failed: None };
    let count = show(&source, &filter, (start, lines, said.has("reverse")), &mut showing, &mut out)?;
    if let Some(mut end) = end {
        loop {
            out.flush()?;
            end.wait();
            end.go_on(|shown| {
                if filter.wants(shown) && showing.is_later(shown) {
                    showing.one(shown, &mut out);
                }
            });
            showing.check()?;
        }
    }
    if count == 0 && !quiet {
        out.write_all(b"-- No entries --\n")?;
    }
    if let Some(cursor) = showing.last.as_ref().map(|(_, cursor)| cursor) {
        if said.has("show-cursor") {
            out.write_all(format!("-- cursor: {cursor}\n").as_bytes())?;
        }
        if let Some(path) = said.value("cursor-file") {
            fs::write(path, format!("{cursor}\n"))
                .map_err(|error| Trouble::told(format!("Failed to write cursor file: {}", say::reason(&error))))?;
        }
    }
    out.finish()?;
    // As grep(1) has it.
    if count == 0 && filter.pattern.is_some() { Err(Trouble::told(String::new())) } else { Ok(()) }
}

/// What is shown, and what was shown before.
struct Showing {
    manner: Manner,
    quiet: bool,
    /// The boot of the last, and its moment on the clock that nobody sets.
    before: Option<(String, u64)>,
    /// The number of the last, and its cursor.
    last: Option<(u64, String)>,
    failed: Option<io::Error>,
}

impl Showing {
    fn is_later(&self, shown: Shown<'_>) -> bool {
        self.last.as_ref().is_none_or(|(number, _)| shown.entry.stamp.sequence > *number)
    }

    /// Whether there is anybody left to show it to.
    fn one(&mut self, shown: Shown<'_>, out: &mut Out) -> bool {
        let before = self.before.as_ref().map(|(boot, at)| (boot.as_str(), *at));
        let Some(text) = self.manner.show(shown, before) else { return true };
        let boot = &shown.about.boot;
        let is_other = before.is_some_and(|(before, _)| before != boot);
        let head = if is_other && !self.quiet { format!("-- Boot {boot} --\n") } else { String::new() };
        self.before = Some((boot.clone(), shown.entry.stamp.monotonic));
        self.last = Some((shown.entry.stamp.sequence, shown.cursor()));
        self.failed = out.write_all(head.as_bytes()).and_then(|()| out.write_all(&text)).err();
        self.failed.is_none()
    }

    fn check(&mut self) -> Result<(), Trouble> {
        self.failed.take().map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Shows what is there; how many there were.
fn show(
    source: &Source,
    filter: &Filter,
    (start, lines, backwards): (Start, Option<u64>, bool),
    showing: &mut Showing,
    out: &mut Out,
) -> Result<u64, Trouble> {
    let from = match lines {
        Some(0) => return Ok(0),
        // With a cursor they are counted from there on.
        Some(count) if !backwards && start == Start::First => source.before_last(count, filter, start),
        Some(_) | None => start,
    };
    let mut count = 0;
    source.read(filter, from, backwards, |shown| {
        count += 1;
        showing.one(shown, out) && lines.is_none_or(|lines| count < lines)
    });
    showing.check()?;
    Ok(count)
}

/// Why there is nothing, where that is no one's wish.
fn complain(source: &Source) -> Result<(), Trouble> {
    if source.is_forbidden {
        say::error(format_args!(
            "Hint: You are currently not seeing messages from other users and the system.\n      \
             Users in groups 'adm', 'systemd-journal' can see all messages.\n      Pass -q to turn off this notice."
        ));
        return Err(Trouble::told("No journal files were opened due to insufficient permissions.".to_owned()));
    }
    say::error(format_args!("No journal files were found."));
    Ok(())
}

fn filter_of(said: &Line, here: &Here, now: u64) -> Result<Filter, Trouble> {
    let moment = |name: &str| -> Result<Option<u64>, Trouble> {
        let bad = |text: &str| Trouble::told(format!("Failed to parse timestamp: {text}"));
        said.value(name).map(|text| when::read(text, here, now).ok_or_else(|| bad(text))).transpose()
    };
    let (since, until) = (moment("since")?, moment("until")?);
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        return Err(Trouble::told("--since= must be before --until=.".to_owned()));
    }
    let sensitive = match (said.has("case-sensitive"), said.value("case-sensitive")) {
        (false, _) => None,
        (true, None) => Some(true),
        (true, Some(text)) => Some(
            units::systemd::boolean(text)
                .ok_or_else(|| Trouble::told(format!("Bad --case-sensitive= argument \"{text}\": Invalid argument")))?,
        ),
    };
    let pattern = said
        .value("grep")
        .map(|text| Pattern::read(text, sensitive).map_err(|why| Trouble::told(format!("Bad pattern \"{text}\": {why}"))));
    let facilities: Vec<Vec<String>> = said.values("facility").map(filter::facilities).collect::<Result<_, _>>()?;
    let mut matches = filter::matches(&said.operands)?;
    if said.has("user") {
        matches.iter_mut().for_each(Vec::clear);
    }
    Ok(Filter {
        boot: None,
        kernel: said.has("dmesg"),
        units: said.values("unit").map(unit_name).collect(),
        user_units: said.values("user-unit").map(unit_name).collect(),
        identifiers: said.values("identifier").map(str::to_owned).collect(),
        levels: said.value("priority").map(filter::levels).transpose()?,
        facilities: facilities.concat(),
        since,
        until,
        pattern: pattern.transpose()?,
        matches,
    })
}

/// `ssh` is `ssh.service`; so is a pattern.
fn unit_name(word: &str) -> String {
    let kinds = [".service", ".socket", ".target", ".timer", ".path", ".mount", ".automount", ".swap", ".slice", ".scope", ".device"];
    if kinds.iter().any(|kind| word.ends_with(kind)) { word.to_owned() } else { format!("{word}.service") }
}

fn mode_of(said: &Line) -> Result<Option<Mode>, Trouble> {
    match said.value("output") {
        None => Ok(None),
        Some("help") => {
            MODES.iter().try_for_each(|(name, _)| say::raw(format!("{name}\n").as_bytes()))?;
            Ok(Some(Mode::Cat))
        }
        Some(text) => {
            let known = MODES.iter().find(|(name, _)| *name == text).map(|(_, mode)| *mode);
            known.map(Some).ok_or_else(|| Trouble::told(format!("Unknown output format '{text}'.")))
        }
    }
}

/// At most so many, where there is a limit.
fn lines_of(said: &Line) -> Result<Option<u64>, Trouble> {
    let usual = if said.has("pager-end") {
        Some(1000)
    } else {
        (said.has("follow") && !said.has("no-tail") && !said.has("since") && start_of(said)? == Start::First).then_some(10)
    };
    match (said.has("lines"), said.value("lines")) {
        (false, _) => Ok(usual),
        (true, None) => Ok(Some(10)),
        (true, Some("all")) => Ok(None),
        (true, Some(text)) => text.parse().map(Some).map_err(|_| Trouble::told(format!("Failed to parse lines '{text}'"))),
    }
}

fn start_of(said: &Line) -> Result<Start, Trouble> {
    if ["since", "cursor", "after-cursor"].iter().filter(|name| said.has(name)).count() > 1 {
        return Err(Trouble::told("Please specify only one of --since=, --cursor=, and --after-cursor=.".to_owned()));
    }
    let number =
        |cursor: &str| shown::number_of(cursor).ok_or_else(|| Trouble::told("Failed to seek to cursor: Invalid argument".to_owned()));
    if let Some(cursor) = said.value("cursor") {
        return number(cursor).map(Start::At);
    }
    // A cursor file is read where there is one, and written in the end.
    let file = said.value("cursor-file").and_then(|path| crate::file::read_text(path, 4096).ok());
    match said.value("after-cursor").map(str::to_owned).or(file).filter(|cursor| !cursor.trim().is_empty()) {
        Some(cursor) => number(cursor.trim()).map(Start::After),
        None => Ok(Start::First),
    }
}

/// `--fields`, `--field=NAME`: what there is, each once.
fn list_values(said: &Line, source: &Source) -> Result<(), Trouble> {
    if said.value("field").is_some_and(|name| !is_name(name)) {
        return Err(Trouble::told("Failed to query unique data objects: Invalid argument".to_owned()));
    }
    let mut all = BTreeSet::new();
    // Of all entries, whatever else is asked for.
    source.read(&Filter::default(), Start::First, false, |shown| {
        match said.value("field") {
            Some(name) => all.extend(shown.field(name).map(<[u8]>::to_vec)),
            None => all.extend(shown.fields().map(|(name, _)| name.as_bytes().to_vec())),
        }
        true
    });
    let mut out = Out::plain();
    for value in all {
        out.write_all(&value)?;
        out.write_all(b"\n")?;
    }
    Ok(out.finish()?)
}
