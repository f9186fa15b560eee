//! `systemd-ask-password`: a secret, asked for at the terminal. systemd-ask-password(1). No agent is asked: nobody answers for a container.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use units::value::{Limit, read_span};

use super::{fail, output};
use crate::getopt::{Opt, Takes};
use crate::say;

const OPTIONS: &[Opt] = &[
    Opt("icon", '\0', Takes::Value),
    Opt("id", '\0', Takes::Value),
    Opt("keyname", '\0', Takes::Value),
    Opt("credential", '\0', Takes::Value),
    Opt("timeout", '\0', Takes::Value),
    Opt("echo", 'e', Takes::Perhaps(|_| false)),
    Opt("emoji", '\0', Takes::Value),
    Opt("no-tty", '\0', Takes::Nothing),
    Opt("accept-cached", '\0', Takes::Nothing),
    Opt("multiple", '\0', Takes::Nothing),
    Opt("no-output", '\0', Takes::Nothing),
    Opt("n", 'n', Takes::Nothing),
];

const HELP: &str = "\
systemd-ask-password [OPTIONS...] MESSAGE

Query the user for a system passphrase, via the TTY.

  -h --help           Show this help
     --timeout=SEC    Timeout in seconds
     --echo=yes|no|masked
                      Control whether to show password while typing (echo)
  -e --echo           Equivalent to --echo=yes
     --no-output      Do not print password to standard output
  -n                  Do not suffix password written to standard output with
                      newline
";

/// As long as nobody says otherwise, milliseconds.
const PATIENCE: u128 = 90_000;
const TERMINAL: &str = "/dev/tty";

pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, words) {
        Ok(line) => line,
        Err(status) => return status,
    };
    let patience = match line.value("timeout").map(read_span) {
        None => PATIENCE,
        Some(Ok(Limit::At(span))) if !span.is_zero() => span.as_millis(),
        Some(Ok(_)) => u128::MAX,
        Some(Err(_)) => return fail(format_args!("Failed to parse --timeout= parameter: {}", line.value("timeout").unwrap_or_default())),
    };
    let echo = match (line.has("echo"), line.value("echo")) {
        (false, _) | (true, Some("masked")) => false,
        (true, None) => true,
        (true, Some(text)) => match super::boolean("echo", text) {
            Ok(echo) => echo,
            Err(why) => return fail(format_args!("{why}")),
        },
    };
    if line.has("no-tty") {
        return fail(format_args!("Failed to query password: there are no password agents in this container"));
    }
    let message = if line.operands.is_empty() { "Password:".to_owned() } else { line.operands.join(" ") };
    match ask(&message, echo, patience) {
        Ok(_) if line.has("no-output") => ExitCode::SUCCESS,
        Ok(secret) => output(&if line.has("n") { secret } else { secret + "\n" }),
        Err(error) => fail(format_args!("Failed to query password: {}", say::reason(&error))),
    }
}

/// One line from the terminal, which shows it or not and is as it was afterwards.
fn ask(message: &str, echo: bool, patience: u128) -> io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open(TERMINAL)?;
    let before = tcgetattr(&terminal)?;
    let mut quiet = before.clone();
    if !echo {
        quiet.local_flags.remove(LocalFlags::ECHO);
        quiet.local_flags.insert(LocalFlags::ECHONL);
    }
    write!(terminal, "{message} ")?;
    tcsetattr(&terminal, SetArg::TCSAFLUSH, &quiet)?;
    let read = read_line(&terminal, patience);
    tcsetattr(&terminal, SetArg::TCSAFLUSH, &before)?;
    read
}

fn read_line(terminal: &File, patience: u128) -> io::Result<String> {
    let limit = i32::try_from(patience).ok().and_then(|most| PollTimeout::try_from(most).ok()).unwrap_or(PollTimeout::NONE);
    if poll(&mut [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)], limit)? == 0 {
        return Err(io::Error::from_raw_os_error(libc::ETIME));
    }
    let mut text = String::new();
    if BufReader::new(terminal).read_line(&mut text)? == 0 {
        return Err(io::Error::from_raw_os_error(libc::ECANCELED));
    }
    Ok(text.trim_end_matches('\n').to_owned())
}
