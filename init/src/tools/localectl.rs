//! `localectl`: the language of the system. There is no console of its own, and so no keyboard. localectl(1), locale.conf(5).

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::ExitCode;

use super::settings::{Verb, sheet, variables, verb, write_variables};
use super::{fail, output};
use crate::getopt::{Opt, Takes};
use crate::language::{FILES, VARIABLES};
use crate::say;

const OPTIONS: &[Opt] = &[
    Opt("no-pager", '\0', Takes::Nothing),
    Opt("no-ask-password", '\0', Takes::Nothing),
    Opt("no-convert", '\0', Takes::Nothing),
    Opt("host", 'H', Takes::Value),
    Opt("machine", 'M', Takes::Value),
];

const HELP: &str = "\
localectl [OPTIONS...] COMMAND ...

Query or change system locale settings.

Commands:
  status                   Show current locale settings
  set-locale LOCALE...     Set system locale
  list-locales             Show known locales

Options:
  -h --help                Show this help
     --version             Show package version
     --no-pager            Do not pipe output into a pager
";

const VERBS: &[Verb] = &[
    ("status", 0, 0),
    ("set-locale", 1, 20),
    ("list-locales", 0, 0),
    ("set-keymap", 1, 2),
    ("list-keymaps", 0, 0),
    ("set-x11-keymap", 1, 4),
    ("list-x11-keymap-models", 0, 0),
    ("list-x11-keymap-layouts", 0, 0),
    ("list-x11-keymap-variants", 0, 1),
    ("list-x11-keymap-options", 0, 0),
];

const LOCALES: &str = "/usr/lib/locale";
/// Built into the library.
const ALWAYS: [&str; 2] = ["C", "POSIX"];
/// `AR_MAGIC` of glibc's locarchive.h.
const MAGIC: u32 = 0xde02_0109;
/// More names are in no archive.
const MOST_NAMES: u32 = 1 << 16;

pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, words) {
        Ok(line) => line,
        Err(status) => return status,
    };
    let (verb, rest) = match verb(VERBS, &line) {
        Ok(verb) => verb,
        Err(status) => return status,
    };
    match verb {
        "status" => output(&status()),
        "list-locales" => output(&locales().iter().map(|name| format!("{name}\n")).collect::<String>()),
        "set-locale" => set(rest),
        _ => fail(format_args!("Failed to find any keymaps: a container has no console of its own")),
    }
}

/// The file that says it: the one that is there, else the distribution's.
fn place() -> &'static str {
    let [usual, debians] = FILES;
    let there = FILES.into_iter().find(|path| Path::new(path).exists());
    there.unwrap_or(if Path::new("/etc/default").is_dir() { debians } else { usual })
}

fn status() -> String {
    let all = variables(place());
    let said: Vec<String> = VARIABLES.iter().filter_map(|name| Some(format!("{name}={}", all.get(*name)?))).collect();
    let locale = if said.is_empty() { "n/a".to_owned() } else { said.join(&format!("\n{:15}", "")) };
    sheet(&[("System Locale", locale), ("VC Keymap", "n/a".to_owned()), ("X11 Layout", "n/a".to_owned())])
}

fn set(words: &[String]) -> ExitCode {
    let mut changes: Vec<(&str, &str)> = Vec::new();
    let known = locales();
    for word in words {
        let (name, value) = match word.split_once('=') {
            Some(pair) => pair,
            None if words.len() == 1 => ("LANG", word.as_str()),
            None => return fail(format_args!("Failed to issue method call: Invalid Locale data.")),
        };
        if !VARIABLES.contains(&name) {
            return fail(format_args!("Failed to issue method call: Invalid Locale data."));
        }
        let is_there = value.is_empty() || name == "LANGUAGE" || known.iter().any(|locale| plain(locale) == plain(value));
        if !is_there {
            return fail(format_args!("Failed to issue method call: Locale {value} not installed, refusing."));
        }
        changes.push((name, value));
    }
    // What is not named any more is not set any more.
    let gone = VARIABLES.iter().filter(|name| changes.iter().all(|(set, _)| set != *name)).map(|name| (*name, ""));
    let all: Vec<(&str, &str)> = changes.iter().copied().chain(gone).collect();
    match write_variables(place(), &all) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => fail(format_args!("Failed to issue method call: {}", say::chain(&why))),
    }
}

/// As setlocale(3) compares them: the encoding's name in small letters and digits only.
fn plain(locale: &str) -> String {
    match locale.split_once('.') {
        Some((language, encoding)) => {
            let encoding: String = encoding.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
            format!("{language}.{encoding}")
        }
        None => locale.to_owned(),
    }
}

/// Those there are, in folders and in glibc's archive.
fn locales() -> Vec<String> {
    let entries = fs::read_dir(LOCALES).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().join("LC_IDENTIFICATION").exists());
    let mut all: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    all.extend(File::open(format!("{LOCALES}/locale-archive")).ok().and_then(|archive| archived(&archive)).unwrap_or_default());
    all.extend(ALWAYS.map(str::to_owned));
    for name in &mut all {
        // As people write it.
        if let Some(language) = name.strip_suffix(".utf8") {
            *name = format!("{language}.UTF-8");
        }
    }
    units::order::by(&mut all, Ord::cmp);
    all.dedup();
    all
}

/// The names in an archive: its head says where the table of them is, each entry where its name is.
fn archived(archive: &File) -> Option<Vec<String>> {
    let number = |at: u64| {
        let mut bytes = [0; 4];
        archive.read_exact_at(&mut bytes, at).ok().map(|()| u32::from_ne_bytes(bytes))
    };
    if number(0)? != MAGIC {
        return None;
    }
    let (table, size) = (u64::from(number(8)?), number(16)?.min(MOST_NAMES));
    let name = |entry: u32| {
        let at = table + u64::from(entry) * 12;
        let (place, record) = (number(at + 4)?, number(at + 8)?);
        if record == 0 {
            return None;
        }
        let mut bytes = [0; 64];
        let length = archive.read_at(&mut bytes, u64::from(place)).ok()?;
        let end = bytes.iter().take(length).position(|byte| *byte == 0)?;
        bytes.get(..end).map(|name| String::from_utf8_lossy(name).into_owned())
    };
    Some((0..size).filter_map(name).collect())
}
