//! `systemd-cat`: a program whose output goes to the log. systemd-cat(1), sd_journal_stream_fd(3).

use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};

use super::fail;
use crate::getopt::{self, Opt, Order, Takes};
use crate::journalctl::LEVELS;
use crate::say;

const OPTIONS: &[Opt] = &[
    Opt("identifier", 't', Takes::Value),
    Opt("priority", 'p', Takes::Value),
    Opt("stderr-priority", '\0', Takes::Value),
    Opt("level-prefix", '\0', Takes::Value),
];

const HELP: &str = "\
systemd-cat [OPTIONS...] COMMAND ...

Execute process with stdout/stderr connected to the journal.

  -h --help                      Show this help
     --version                   Show package version
  -t --identifier=STRING         Set syslog identifier
  -p --priority=PRIORITY         Set priority value (0..7)
     --stderr-priority=PRIORITY  Set priority value (0..7) used for stderr
     --level-prefix=BOOL         Control whether level prefix shall be parsed
";

const SOCKET: &str = "/run/systemd/journal/stdout";
/// `LOG_INFO`
const INFO: usize = 6;

pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    let line = match super::answered(getopt::read(OPTIONS, Order::OptionsFirst, words), name, HELP) {
        Ok(line) => line,
        Err(status) => return status,
    };
    let level = |option: &str| line.value(option).map(|text| read_level(text).ok_or(()));
    let (level, level_of_errors) = match (level("priority").transpose(), level("stderr-priority").transpose()) {
        (Ok(level), Ok(of_errors)) => (level.unwrap_or(INFO), of_errors),
        (Err(()), _) => return fail(format_args!("Failed to parse priority value.")),
        (Ok(_), Err(())) => return fail(format_args!("Failed to parse stderr priority value.")),
    };
    let prefix = line.value("level-prefix").map_or(Ok(true), |text| super::boolean("level-prefix", text));
    let prefix = match prefix {
        Ok(prefix) => prefix,
        Err(why) => return fail(format_args!("{why}")),
    };
    let identifier = line.value("identifier").unwrap_or_default();
    let streams = stream(identifier, level, prefix).and_then(|out| {
        let errors = level_of_errors.filter(|other| *other != level).map(|level| stream(identifier, level, prefix));
        let errors = errors.unwrap_or_else(|| out.try_clone())?;
        Ok((out, errors))
    });
    let (out, errors) = match streams {
        Ok(streams) => streams,
        Err(error) => return fail(format_args!("Failed to create stream fd: {}", say::reason(&error))),
    };
    let error = become_program(&line.operands, out, errors);
    fail(format_args!("Failed to execute process: {}", say::reason(&error)))
}

/// A level of syslog(3) by its name or number.
fn read_level(text: &str) -> Option<usize> {
    LEVELS.iter().position(|name| *name == text).or_else(|| text.parse().ok().filter(|level| *level < LEVELS.len()))
}

/// A connection to the log, which has been told what it is.
fn stream(identifier: &str, level: usize, prefix: bool) -> io::Result<UnixStream> {
    if identifier.contains('\n') {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let mut stream = UnixStream::connect(SOCKET)?;
    stream.shutdown(Shutdown::Read)?;
    stream.write_all(format!("{identifier}\n\n{level}\n{}\n0\n0\n0\n", u8::from(prefix)).as_bytes())?;
    Ok(stream)
}

/// Comes back only where that could not be. Without a program its input is what goes to the log.
#[allow(clippy::disallowed_methods, reason = "takes the place of a tool, not of PID 1")]
fn become_program(words: &[String], out: UnixStream, errors: UnixStream) -> io::Error {
    let program = words.first().map_or("cat", String::as_str);
    let mut command = Command::new(program);
    command.args(words.get(1..).unwrap_or_default());
    command.stdout(Stdio::from(OwnedFd::from(out))).stderr(Stdio::from(OwnedFd::from(errors)));
    command.exec()
}
