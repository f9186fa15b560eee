//! Small tools of ours against what those of systemd 252 once said: exit status, output, errors.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/recorded.rs"]
mod recorded;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemd/tools.txt");

/// A command line, in an environment of these lines. `program` is ours, or a folder of systemd's.
fn outcome(program: &str, options: &str, lines: &str) -> (String, String) {
    let mut words = options.split(' ').map(|word| word.replace('_', " "));
    let name = words.next().unwrap();
    let theirs = Path::new(program).join(&name);
    let program = if theirs.exists() { theirs } else { program.into() };
    let ended = Command::new(program)
        .arg0(&name)
        .args(words.filter(|word| !word.is_empty()))
        .env_clear()
        .envs(lines.lines().filter_map(|line| line.split_once('=')))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().replace('\n', "\n| ");
    let seen = format!("{}\n| {}\n! {}", ended.status.code().unwrap(), text(&ended.stdout), text(&ended.stderr));
    (seen.trim_end().to_owned(), String::new())
}

#[test]
fn what_is_typed_is_answered_as_by_systemd() {
    recorded::assert_the_same(RECORD, 140, outcome, |ours, theirs| format!("we say\n{ours}\nsystemd\n{theirs}"));
}
