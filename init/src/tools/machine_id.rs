//! `systemd-machine-id-setup`: the id of machine-id(5), in this tree or another. systemd-machine-id-setup(1).

use std::path::Path;
use std::process::ExitCode;

use super::{fail, output};
use crate::getopt::{Opt, Takes};
use crate::say;
use crate::setup::{MachineId, machine_id_beneath};

const OPTIONS: &[Opt] = &[
    Opt("root", '\0', Takes::Value),
    Opt("image", '\0', Takes::Value),
    Opt("commit", '\0', Takes::Nothing),
    Opt("print", '\0', Takes::Nothing),
];

const HELP: &str = "\
systemd-machine-id-setup [OPTIONS...]

Initialize /etc/machine-id from a random source.

  -h --help             Show this help
     --version          Show package version
     --root=PATH        Operate relative to root path
     --commit           Commit transient ID
     --print            Print used machine ID
";

pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, words) {
        Ok(line) => line,
        Err(status) => return status,
    };
    if !line.operands.is_empty() {
        return fail(format_args!("Extraneous arguments"));
    }
    if line.has("image") {
        return fail(format_args!("Disk images are not supported."));
    }
    // Ours is written for good when it is made: there is nothing to commit.
    let root = line.value("root").unwrap_or("/");
    match machine_id_beneath(Path::new(root)) {
        Ok(MachineId { id, source }) => {
            if let Some(source) = source {
                say::error(format_args!("Initializing machine ID from {source}."));
            }
            if line.has("print") { output(&format!("{id}\n")) } else { ExitCode::SUCCESS }
        }
        Err(trouble) => fail(format_args!("{}", say::chain(&trouble))),
    }
}
