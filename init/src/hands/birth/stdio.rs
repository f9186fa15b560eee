//! Where descriptors 0, 1 and 2 lead; systemd.exec(5), "Logging and Standard Input/Output".

use std::ffi::NulError;
use std::os::fd::AsFd;

use kernel::spawn::Step;
use units::unit::{Input, Output, Tty};

use super::Wanted;
use super::course::{Course, c};

pub(super) fn connect<'a>(course: &mut Course<'a>, wanted: &'a Wanted<'_>) -> Result<(), NulError> {
    let log = &wanted.service.log;
    // The main process gets the terminal, its helpers do not.
    let tty = wanted.service.tty.as_ref().filter(|_| wanted.is_main);
    if let Some(tty) = tty.filter(|tty| tty.reset || tty.hang_up || tty.rows != 0 || tty.columns != 0) {
        let &Tty { reset, hang_up, rows, columns, .. } = tty;
        course.must(Step::FreshTerminal { path: c(tty.path.as_str())?, reset, hang_up, rows, columns });
    }
    let input = match (&log.stdin, tty) {
        (Input::Tty, Some(tty)) => open(&tty.path, libc::O_RDWR, 0)?,
        (Input::Data(_), _) if wanted.is_main => match wanted.input {
            Some(data) => Step::Inherit(data, 0),
            None => open("/dev/null", libc::O_RDONLY, 0)?,
        },
        (Input::File(path), _) if wanted.is_main => open(path, libc::O_RDONLY, 0)?,
        (Input::Socket, _) => taken(wanted, None, 0)?,
        (Input::Descriptor(name), _) => taken(wanted, Some(name), 0)?,
        (Input::Null | Input::Tty | Input::Data(_) | Input::File(_), _) => open("/dev/null", libc::O_RDONLY, 0)?,
    };
    let terminal = matches!(log.stdin, Input::Tty) && tty.is_some();
    course.must(input);
    for (number, output) in [(1, &log.stdout), (2, log.stderr.as_ref().unwrap_or(&log.stdout))] {
        if let Some(step) = output_step(wanted, output, tty, number)? {
            course.must(step);
        }
    }
    if terminal {
        course.must(Step::ControllingTerminal);
    }
    Ok(())
}

fn output_step<'a>(wanted: &'a Wanted<'_>, output: &Output, tty: Option<&Tty>, number: i32) -> Result<Option<Step<'a>>, NulError> {
    let create = libc::O_WRONLY | libc::O_CREAT;
    Ok(Some(match (output, tty) {
        // A terminal takes the place of the log, as a login prompt expects.
        (Output::Log | Output::Tty, Some(tty)) => open(&tty.path, libc::O_RDWR, number)?,
        (Output::Log | Output::Tty, None) => Step::Inherit(wanted.outlets.of(number).as_fd(), number),
        (Output::Null, _) => open("/dev/null", libc::O_WRONLY, number)?,
        (Output::Inherit, _) => return Ok(None),
        (Output::File(path), _) => open(path, create, number)?,
        (Output::Append(path), _) => open(path, create | libc::O_APPEND, number)?,
        (Output::Truncate(path), _) => open(path, create | libc::O_TRUNC, number)?,
        (Output::Socket, _) => taken(wanted, None, number)?,
        (Output::Descriptor(name), _) => taken(wanted, Some(name), number)?,
    }))
}

/// A descriptor it is handed: by its name, else the first; the log, or nothing to be read, where there is none.
fn taken<'a>(wanted: &'a Wanted<'_>, name: Option<&str>, number: i32) -> Result<Step<'a>, NulError> {
    match (wanted.handed.find(name), number) {
        (Some(fd), _) => Ok(Step::Inherit(fd, number)),
        (None, 0) => open("/dev/null", libc::O_RDONLY, 0),
        (None, _) => Ok(Step::Inherit(wanted.outlets.of(number).as_fd(), number)),
    }
}

fn open<'a>(path: &str, flags: i32, number: i32) -> Result<Step<'a>, NulError> {
    Ok(Step::Open { path: c(path)?, flags: flags | libc::O_NOCTTY, mode: 0o644, number })
}
