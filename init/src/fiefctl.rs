//! `fiefctl`: asks init over its control socket and shows the answers.
//!
//! ```text
//! words ─ line ─▶ Line ─ verbs ─▶ a function of its own ─ session ─▶ init
//!           └──── the table in verbs: also help, completion, docs/fiefctl.md
//! ```
//!
//! Tables on a terminal and in a pipe alike, colours on a terminal only, `--json` for programs. One
//! place turns what went wrong into an exit code: [`session::Failed::code`]; 3 and 4 are as systemctl(1)
//! and LSB have them.

pub(crate) mod boot;
mod completion;
mod control;
pub(crate) mod due;
pub(crate) mod edit;
mod files;
mod help;
pub(crate) mod line;
pub(crate) mod links;
pub(crate) mod list;
mod logs;
pub(crate) mod looking;
pub(crate) mod names;
pub(crate) mod paint;
pub(crate) mod power;
pub(crate) mod session;
pub(crate) mod set;
pub(crate) mod sources;
pub(crate) mod standstill;
pub(crate) mod status;
pub(crate) mod table;
mod top;
pub(crate) mod verbs;
pub(crate) mod words;
mod zombies;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use units::control::UnitRow;

use crate::say;
use line::Typed;
use session::{Failed, code};
pub(crate) use words::{date, read_moment};

/// `fiefctl …`
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let done = match line::read(arguments) {
        Ok(Typed::Do(line)) => (line.verb.run)(&line),
        Ok(Typed::Help(None)) => output(&format!("{}\n", help::all())).map(|()| code::OK),
        Ok(Typed::Help(Some(verb))) => output(&format!("{}\n", help::of(verb))).map(|()| code::OK),
        Ok(Typed::Version) => output(&format!("fiefctl {}\n", env!("CARGO_PKG_VERSION"))).map(|()| code::OK),
        Err(unclear) => Err(unclear.into()),
    };
    ExitCode::from(done.unwrap_or_else(|why| tell("fiefctl", &why)))
}

/// Say what went wrong; a reader that has gone is nobody's problem.
fn tell(name: &str, why: &Failed) -> u8 {
    match why {
        Failed::Output(error) if error.kind() == ErrorKind::BrokenPipe => code::OK,
        Failed::NoSuchUnit(_) => {
            say::error(format_args!("{why}"));
            why.code()
        }
        other => {
            say::error(format_args!("{name}: {}", say::chain(other)));
            why.code()
        }
    }
}

/// Text to standard output.
pub(crate) fn output(text: &str) -> Result<(), Failed> {
    say::raw(text.as_bytes()).map_err(Failed::Output)
}

/// An array, one object a line.
fn json_lines<T: ToString>(all: &[T]) -> String {
    let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
    if lines.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", lines.join(",\n")) }
}

fn print_json<R: std::borrow::Borrow<UnitRow>>(rows: &[R]) -> Result<u8, Failed> {
    // Not by way of a Value, which sorts its fields: the name comes first.
    let all: Result<Vec<String>, _> = rows.iter().map(|row| serde_json::to_string(row.borrow())).collect();
    let all = all.map_err(Failed::Nonsense)?;
    output(&json_lines(&all))?;
    Ok(code::OK)
}

/// Put a file in the place of another, its folder too; whoever reads it reads the one or the other.
fn write_over(path: &Path, text: &str) -> Result<(), Failed> {
    let failed = |error| Failed::File(format!("writing {}", path.display()), error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let beside = path.with_extension("new");
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, path)).map_err(failed)
}
