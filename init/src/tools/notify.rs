//! `systemd-notify`: what a script tells the init it is a service of. systemd-notify(1), sd_notify(3).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::ExitCode;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, MsgFlags, UnixCredentials, sendmsg};
use nix::unistd::{Pid, Uid, getgid, getpid, getppid, getuid, setresuid};
use std::os::fd::AsFd;

use super::{fail, refuse};
use crate::accounts::Accounts;
use crate::getopt::{Opt, Takes, Unclear};
use crate::say;

const OPTIONS: &[Opt] = &[
    Opt("ready", '\0', Takes::Nothing),
    Opt("reloading", '\0', Takes::Nothing),
    Opt("stopping", '\0', Takes::Nothing),
    Opt("pid", '\0', Takes::Perhaps(|_| false)),
    Opt("uid", '\0', Takes::Value),
    Opt("status", '\0', Takes::Value),
    Opt("booted", '\0', Takes::Nothing),
    Opt("no-block", '\0', Takes::Nothing),
];

const HELP: &str = "\
systemd-notify [OPTIONS...] [VARIABLE=VALUE...]

Notify the init system about service status updates.

  -h --help            Show this help
     --version         Show package version
     --ready           Inform the init system about service start-up completion
     --reloading       Inform the init system about configuration reloading
     --stopping        Inform the init system about service shutdown
     --pid[=PID]       Set main PID of daemon
     --uid=USER        Set user to send from
     --status=TEXT     Set status text
     --booted          Check if the system was booted up with systemd
     --no-block        Do not wait until operation finished
";

/// sd_booted(3)
const BOOTED: &str = "/run/systemd/system";
/// How long init may take to hear what was said, milliseconds.
const BARRIER: u16 = 5000;
const NOTHING_SAID: &str = "No status data could be sent: nothing was said";
const NOBODY_LISTENS: &str = "No status data could be sent: $NOTIFY_SOCKET was not set";

pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    if words.is_empty() {
        super::output(HELP);
        return ExitCode::FAILURE;
    }
    let line = match super::line(name, OPTIONS, HELP, words) {
        Ok(line) => line,
        Err(status) => return status,
    };
    let main = match line.options.iter().rev().find(|(option, _)| *option == "pid") {
        None => None,
        Some((_, value)) => match main_pid(value.as_deref().unwrap_or_default()) {
            Some(pid) => Some(pid),
            None => return fail(format_args!("Failed to parse PID {}.", value.as_deref().unwrap_or_default())),
        },
    };
    let user = match line.value("uid") {
        None => None,
        Some(user) => match Accounts::read().ok().and_then(|accounts| accounts.user(user)) {
            Some(user) => Some(user.uid),
            None => return fail(format_args!("Can't resolve user {user}: Invalid argument")),
        },
    };
    if line.has("booted") {
        let is_booted = Path::new(BOOTED).symlink_metadata().is_ok_and(|about| about.is_dir());
        return if is_booted { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let mut told: Vec<String> = Vec::new();
    if line.has("reloading") {
        told.push(format!("RELOADING=1\nMONOTONIC_USEC={}", kernel::time::monotonic().as_micros()));
    }
    told.extend(["ready", "stopping"].into_iter().filter(|word| line.has(word)).map(|word| format!("{}=1", word.to_uppercase())));
    told.extend(line.value("status").map(|text| format!("STATUS={text}")));
    told.extend(main.map(|pid| format!("MAINPID={pid}")));
    told.extend(line.operands.iter().cloned());
    if told.is_empty() {
        return refuse(name, &Unclear::Wrong(NOTHING_SAID.to_owned()));
    }
    // Only the real one: it is what init is shown, and the effective one may show another's.
    let keep = Uid::from_raw(u32::MAX);
    if let Some(uid) = user
        && let Err(errno) = setresuid(Uid::from_raw(uid), keep, keep)
    {
        return fail(format_args!("Failed to change UID: {}", errno.desc()));
    }
    let Ok(place) = std::env::var("NOTIFY_SOCKET") else { return fail(format_args!("{NOBODY_LISTENS}")) };
    let sent = connect(&place).and_then(|socket| {
        send(&socket, told.join("\n").as_bytes(), main.unwrap_or_else(speaker))?;
        Ok(socket)
    });
    let socket = match sent {
        Ok(socket) => socket,
        Err(error) => return fail(format_args!("Failed to notify init system: {}", say::reason(&error))),
    };
    match if line.has("no-block") { Ok(()) } else { wait_until_heard(&socket) } {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(format_args!("Failed to invoke barrier: {}", say::reason(&error))),
    }
}

/// Whom `--pid` means: the caller where nothing is said.
fn main_pid(text: &str) -> Option<Pid> {
    let parent = getppid();
    match text {
        "" | "auto" => Some(if parent.as_raw() > 1 { parent } else { getpid() }),
        "parent" => Some(parent),
        "self" => Some(getpid()),
        number => number.parse().ok().filter(|pid| *pid > 0).map(Pid::from_raw),
    }
}

/// In whose name it is said. A service's main process is heard where a program that it has begun may not be.
fn speaker() -> Pid {
    let parent = getppid();
    if parent.as_raw() > 1 { parent } else { getpid() }
}

fn connect(place: &str) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    match place.strip_prefix('@') {
        Some(name) => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None if place.starts_with('/') => socket.connect(place)?,
        None => return Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
    Ok(socket)
}

fn send(socket: &UnixDatagram, bytes: &[u8], speaker: Pid) -> io::Result<()> {
    let who: UnixCredentials = libc::ucred { pid: speaker.as_raw(), uid: getuid().as_raw(), gid: getgid().as_raw() }.into();
    let part = [io::IoSlice::new(bytes)];
    let as_another = sendmsg::<()>(socket.as_raw_fd(), &part, &[ControlMessage::ScmCredentials(&who)], MsgFlags::MSG_NOSIGNAL, None);
    // Only root may speak for somebody else.
    as_another.or_else(|_| sendmsg::<()>(socket.as_raw_fd(), &part, &[], MsgFlags::MSG_NOSIGNAL, None))?;
    Ok(())
}

/// Until init has closed what came with this, and so has heard all that was said before. sd_notify_barrier(3)
fn wait_until_heard(socket: &UnixDatagram) -> io::Result<()> {
    let (ours, theirs): (OwnedFd, OwnedFd) = nix::unistd::pipe()?;
    kernel::unix::send(socket, b"BARRIER=1", &[&theirs])?;
    drop(theirs);
    let mut watched = [PollFd::new(ours.as_fd(), PollFlags::empty())];
    match poll(&mut watched, PollTimeout::from(BARRIER))? {
        0 => Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)),
        _ => Ok(()),
    }
}
