//! `systemd-id128`: identifiers of 128 bits. systemd-id128(1), but for `show`, whose list of partitions' types no container needs.

use std::process::ExitCode;

use super::{fail, output};
use crate::file;
use crate::getopt::{Line, Opt, Takes};
use crate::setup::valid_id;

const OPTIONS: &[Opt] = &[Opt("pretty", 'p', Takes::Nothing), Opt("app-specific", 'a', Takes::Value), Opt("uuid", 'u', Takes::Nothing)];

const HELP: &str = "\
systemd-id128 [OPTIONS...] COMMAND

Generate and print 128bit identifiers.

Commands:
  new                     Generate a new ID
  machine-id              Print the ID of current machine
  boot-id                 Print the ID of current boot
  invocation-id           Print the ID of current invocation
  help                    Show this help

Options:
  -h --help               Show this help
  -p --pretty             Generate samples of program code
  -u --uuid               Output in UUID format
";

pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, words) {
        Ok(line) => line,
        Err(status) => return status,
    };
    if line.has("app-specific") {
        return fail(format_args!("Application specific IDs are not supported."));
    }
    let read = |path: &str| file::read_text(path, 64).map_err(|error| crate::say::reason(&error));
    let Some(verb) = line.operands.first() else { return fail(format_args!("Command verb required.")) };
    if !matches!(verb.as_str(), "new" | "machine-id" | "boot-id" | "invocation-id" | "help") {
        return fail(format_args!("Unknown command verb {verb}."));
    }
    if line.operands.len() > 1 && verb != "help" {
        return fail(format_args!("Too many arguments."));
    }
    let (text, what) = match verb.as_str() {
        "new" => (read("/proc/sys/kernel/random/uuid"), "generate ID"),
        "machine-id" => (read("/etc/machine-id"), "get machine-ID"),
        "boot-id" => (read("/proc/sys/kernel/random/boot_id"), "get boot-ID"),
        "invocation-id" => (std::env::var("INVOCATION_ID").map_err(|_| "No such device or address".to_owned()), "get invocation-ID"),
        _ => return output(HELP),
    };
    let id = text.and_then(|text| valid_id(&text).ok_or_else(|| "Invalid argument".to_owned()));
    match id {
        Ok(id) => output(&written(&line, &id)),
        Err(why) => fail(format_args!("Failed to {what}: {why}")),
    }
}

/// Of 32 digits, as was asked.
fn written(line: &Line, id: &str) -> String {
    let uuid = || {
        let mut text = id.to_owned();
        [20, 16, 12, 8].into_iter().for_each(|at| text.insert(at, '-'));
        text
    };
    if line.has("pretty") {
        let bytes: Vec<&str> = (0..16).filter_map(|at| id.get(2 * at..2 * at + 2)).collect();
        return format!(
            "As string:\n{id}\n\nAs UUID:\n{}\n\nAs systemd-id128(1) macro:\n#define XYZ SD_ID128_MAKE({})\n\nAs Python constant:\n\
             >>> import uuid\n>>> XYZ = uuid.UUID('{id}')\n",
            uuid(),
            bytes.join(","),
        );
    }
    if line.has("uuid") { format!("{}\n", uuid()) } else { format!("{id}\n") }
}
