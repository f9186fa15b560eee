//! `systemd-analyze`: how the boot went, and what expressions of time come to. systemd-analyze(1).
//!
//! What fiefctl has under the same name is asked of it; what is of systemd's own making (its state, its security score) is refused.

use std::process::ExitCode;

use units::search;
use units::value::{Calendar, Limit, Zone, read_span};

use super::{fail, output, refuse};
use crate::fiefctl;
use crate::fiefctl::session::{Failed, Session};
use crate::getopt::{Line, Opt, Takes, Unclear};
use crate::journalctl::moment;
use crate::log::civil::Here;
use crate::log::realtime;
use crate::say;
use crate::systemctl::when::{relative, timespan};

const OPTIONS: &[Opt] = &[
    Opt("iterations", '\0', Takes::Value),
    Opt("base-time", '\0', Takes::Value),
    Opt("man", '\0', Takes::Perhaps(|_| false)),
    Opt("generators", '\0', Takes::Perhaps(|_| false)),
    Opt("recursive-errors", '\0', Takes::Value),
    Opt("fuzz", '\0', Takes::Value),
    Opt("quiet", 'q', Takes::Nothing),
    Opt("no-pager", '\0', Takes::Nothing),
    Opt("system", '\0', Takes::Nothing),
];

const HELP: &str = "\
systemd-analyze [OPTIONS...] COMMAND ...

How the boot went, and what expressions of time come to.

Commands:
  [time]                     How long the boot took
  blame                      How long each unit took to start
  critical-chain [UNIT]      Whom each unit had to wait for longest
  plot                       The boot as a picture: SVG
  verify FILE...             What is wrong with unit files
  unit-paths                 Where units are looked for
  calendar SPEC...           What a calendar expression means, and when it elapses
  timestamp TIMESTAMP...     What a moment means
  timespan SPAN...           What a span comes to

Options:
     --iterations=N          Show the specified number of iterations
     --base-time=TIMESTAMP   Calculate calendar times relative to specified time
     --no-pager              Do not pipe output into a pager
  -q --quiet                 Do not emit hints
  -h --help                  Show this help
     --version               Show package version
";

/// What systemd's has beside these.
const OTHERS: [&str; 13] = [
    "capability",
    "cat-config",
    "compare-versions",
    "condition",
    "dot",
    "dump",
    "exit-status",
    "filesystems",
    "inspect-elf",
    "log-level",
    "security",
    "syscall-filter",
    "unit-files",
];

pub(crate) fn run(name: &str, arguments: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, arguments) {
        Ok(line) => line,
        Err(status) => return status,
    };
    let (verb, words) = line.operands.split_first().map_or(("time", &[][..]), |(verb, words)| (verb.as_str(), words));
    let ours = || fiefctl::run(&line.operands);
    match verb {
        "time" if words.is_empty() => how_long(),
        "time" => fail(format_args!("Too many arguments.")),
        "blame" if words.is_empty() => blame(),
        "blame" => fail(format_args!("Too many arguments.")),
        "critical-chain" | "plot" => ours(),
        "verify" if !words.is_empty() => ours(),
        "unit-paths" => output(&search::SYSTEMD.map(|folder| format!("{folder}\n")).concat()),
        "calendar" | "timestamp" | "timespan" if !words.is_empty() => match table_of(verb, &line) {
            Ok(one) => each(words, &*one, verb == "timespan"),
            Err(why) => refuse(name, &Unclear::Wrong(why)),
        },
        "calendar" | "timestamp" | "timespan" | "verify" => fail(format_args!("Too few arguments.")),
        _ if OTHERS.contains(&verb) => fail(format_args!("{verb} is about systemd itself; fiefctl --help has what there is of ours.")),
        _ => fail(format_args!("Unknown command verb {verb}.")),
    }
}

/// Startup finished in …
fn how_long() -> ExitCode {
    match Session::open().and_then(|mut session| session.hello()) {
        Err(why) => refused(&why),
        Ok(hello) => match hello.finished_us.zip(hello.booted_us) {
            None => fail(format_args!(
                "Bootup is not yet finished (org.freedesktop.systemd1.Manager.FinishTimestampMonotonic=0).\n\
                 Please try again later.\nHint: Use 'systemctl list-jobs' to see active jobs"
            )),
            Some((finished, booted)) => {
                let span = timespan(finished.saturating_sub(booted), 1000);
                output(&format!(
                    "Startup finished in {span} (userspace) \n{} reached after {span} in userspace.\n",
                    hello.default_target.as_str()
                ))
            }
        },
    }
}

fn blame() -> ExitCode {
    let rows = match Session::open().and_then(|mut session| session.rows(&[], &[])) {
        Ok(rows) => rows,
        Err(why) => return refused(&why),
    };
    let mut spans: Vec<(u64, String)> = rows
        .iter()
        .filter_map(|row| Some((fiefctl::boot::took(row)?, row.name.as_str().to_owned())))
        .filter(|(span, _)| *span > 0)
        .collect();
    spans.sort_by(|(one, _), (other, _)| other.cmp(one));
    let cells: Vec<(String, String)> = spans.into_iter().map(|(span, name)| (timespan(span, 1000), name)).collect();
    let width = cells.iter().map(|(span, _)| span.len()).max().unwrap_or(0);
    output(&cells.iter().map(|(span, name)| format!("{span:>width$} {name}\n")).collect::<String>())
}

fn refused(why: &Failed) -> ExitCode {
    fail(format_args!("Failed to get timestamp properties: {}", say::chain(why)))
}

/// Rows of a table, or the error and whether there is a hint.
type Told = Result<Vec<(String, String)>, String>;
/// What of a word is shown.
type Showing = Box<dyn Fn(&str) -> Told>;

fn table_of(verb: &str, line: &Line) -> Result<Showing, String> {
    let (here, now) = (Here::found(), realtime());
    let base = match line.value("base-time") {
        Some(text) => moment(text, &here, now).ok_or_else(|| format!("Failed to parse --base-time= parameter: {text}"))?,
        None => now,
    };
    let times = match line.value("iterations") {
        Some(text) => text.parse().map_err(|_| format!("Failed to parse iterations: {text}"))?,
        None => 1_u32,
    };
    Ok(match verb {
        "calendar" => Box::new(move |word| calendar(word, (base, now, times))),
        "timestamp" => Box::new(move |word| timestamp(word, &here, now)),
        _ => Box::new(span),
    })
}

/// One table for each word, the keys to the right.
fn each(words: &[String], one: &dyn Fn(&str) -> Told, stops_at_first: bool) -> ExitCode {
    let (mut text, mut status) = (String::new(), ExitCode::SUCCESS);
    for (place, word) in words.iter().enumerate() {
        match one(word) {
            Ok(rows) => {
                let width = rows.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
                rows.iter().for_each(|(key, value)| text.push_str(&format!("{key:>width$} {value}\n")));
            }
            Err(why) => status = fail(format_args!("{why}")),
        }
        if stops_at_first && status != ExitCode::SUCCESS {
            break;
        }
        if place + 1 < words.len() {
            text.push('\n');
        }
    }
    output(&text);
    status
}

fn calendar(word: &str, (base, now, times): (u64, u64, u32)) -> Told {
    let expression: Calendar = word.parse().map_err(|_| {
        let wrong = format!("Failed to parse calendar specification '{word}': Invalid argument");
        let hint = |verb: &str, kind: &str| {
            format!("{wrong}\nHint: this expression is a valid {kind}. Use 'systemd-analyze {verb} \"{word}\"' instead?")
        };
        if moment(word, &Here::found(), now).is_some() {
            hint("timestamp", "timestamp")
        } else if read_span(word).is_ok() {
            hint("timespan", "timespan")
        } else {
            wrong
        }
    })?;
    let here = match &expression.zone {
        Zone::Named(name) => Here::named(name),
        Zone::Local | Zone::Utc => Here::found(),
    };
    let normal = expression.to_string();
    let mut rows = Vec::new();
    if normal != word {
        rows.push(("Original form:".to_owned(), word.to_owned()));
    }
    rows.push(("Normalized form:".to_owned(), normal));
    let mut at = i64::try_from(base).unwrap_or(i64::MAX);
    for number in 1..=times {
        let Some(next) = expression.next_in(at, here.rules()) else {
            if number == 1 {
                rows.push(("Next elapse:".to_owned(), "never".to_owned()));
            }
            break;
        };
        let key = if number == 1 { "Next elapse:".to_owned() } else { format!("Iter. #{number}:") };
        let micros = u64::try_from(next).unwrap_or(0);
        rows.push((key, stamp(&Here::found(), micros)));
        of_utc(&mut rows, micros);
        rows.push(("From now:".to_owned(), relative(micros, now)));
        at = next;
    }
    Ok(rows)
}

fn timestamp(word: &str, here: &Here, now: u64) -> Told {
    let at = moment(word, here, now).ok_or_else(|| format!("Failed to parse \"{word}\": Invalid argument"))?;
    let (normal, mut rows) = (stamp(here, at), Vec::new());
    if normal != word {
        rows.push(("Original form:".to_owned(), word.to_owned()));
    }
    rows.push(("Normalized form:".to_owned(), normal));
    of_utc(&mut rows, at);
    let part = if at % 1_000_000 == 0 { String::new() } else { format!(".{:06}", at % 1_000_000) };
    rows.push(("UNIX seconds:".to_owned(), format!("@{}{part}", at / 1_000_000)));
    rows.push(("From now:".to_owned(), relative(at, now)));
    Ok(rows)
}

fn span(word: &str) -> Told {
    let limit = read_span(word).map_err(|_| format!("Failed to parse time span '{word}': Invalid argument"))?;
    let (micros, human) = match limit {
        Limit::At(span) => {
            let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
            (micros, timespan(micros, 1))
        }
        Limit::Max => (u64::MAX, "infinity".to_owned()),
    };
    Ok([("Original:", word.to_owned()), ("μs:", micros.to_string()), ("Human:", human)].map(|(key, value)| (key.to_owned(), value)).into())
}

/// "Thu 2026-11-26 10:08:37 UTC"
fn stamp(here: &Here, micros: u64) -> String {
    let civil = here.at(micros);
    civil.full()
}

/// The same in UTC, where civil time is another.
fn of_utc(rows: &mut Vec<(String, String)>, micros: u64) {
    if Here::found().at(micros).name != "UTC" {
        rows.push(("(in UTC):".to_owned(), stamp(&Here::default(), micros)));
    }
}
