//! A daemon for tests to be hard on: what it does wrong, and how often, is said by its arguments.
//!
//! ```text
//!   victim NAME MANNER END FALLS      MANNER: how it becomes ready     END: what it does then, in its first FALLS lives
//!      │ └─ one byte more in /run/victim/NAME for each life
//!      ├─ a child in a session of its own that TERM does not end, unless MANNER is `lone`
//!      └─ END  code N │ usr1 │ never (gets ready) │ stay │ stubborn (stays, and TERM does not end it)
//! ```
//!
//! It is static, so that any template can run it, and it forks by starting itself again.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "its parent or the log reads it")]

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, raise};
use nix::unistd::{Pid, getppid, setsid};

const FOLDER: &str = "/run/victim";
/// Between two looks at what no event tells.
const AGAIN: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["leaked"] => leaked(),
        ["daemon", name, manner, end] => daemon(name, manner, end),
        [name, manner, end, falls] => live(name, manner, end, falls.parse().unwrap_or(0)),
        _ => Err(std::io::Error::other("victim NAME MANNER END FALLS")),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            println!("victim: {error}");
            ExitCode::from(99)
        }
    }
}

fn live(name: &str, manner: &str, end: &str, falls: u64) -> std::io::Result<u8> {
    fs::create_dir_all(FOLDER)?;
    let count = format!("{FOLDER}/{name}");
    OpenOptions::new().create(true).append(true).open(&count)?.write_all(b".")?;
    let life = fs::metadata(&count)?.len();
    let end = if life <= falls { end } else { after_falls(manner, end) };
    if manner != "lone" {
        ready(&mut again(&["leaked"])?)?;
    }
    match (manner, end) {
        (_, "never") => stay(),
        ("notify", _) => {
            let socket = std::env::var("NOTIFY_SOCKET").map_err(std::io::Error::other)?;
            UnixDatagram::unbound()?.send_to(b"READY=1\nSTATUS=a victim", socket)?;
            act(end)
        }
        ("lone" | "pid-file" | "wrong-pid", _) => {
            // The daemon is left behind; what it does wrong, it does once it is known to be up.
            ready(&mut again(&["daemon", name, manner, end])?)?;
            Ok(0)
        }
        _ => act(end),
    }
}

/// What one does that has fallen often enough.
fn after_falls<'a>(manner: &str, end: &'a str) -> &'a str {
    match (manner, end) {
        (_, "never") => "never",
        ("once", _) => "code 0",
        _ => "stay",
    }
}

fn daemon(name: &str, manner: &str, end: &str) -> std::io::Result<u8> {
    let first = getppid();
    setsid()?;
    say_ready()?;
    // Late: the first process has gone, and is looked at as gone.
    while getppid() == first && first != Pid::from_raw(1) {
        std::thread::sleep(AGAIN);
    }
    match manner {
        "pid-file" => fs::write(format!("{FOLDER}/{name}.pid"), format!("{}\n", std::process::id()))?,
        "wrong-pid" => fs::write(format!("{FOLDER}/{name}.pid"), "1\n")?,
        _ => {}
    }
    if end != "stay" && end != "stubborn" {
        while !is_up(name)? {
            std::thread::sleep(AGAIN);
        }
    }
    act(end)
}

/// Whether init thinks this unit is up.
fn is_up(name: &str) -> std::io::Result<bool> {
    let mut init = UnixStream::connect("/run/fief/control")?;
    writeln!(init, "{{\"request\":\"list\",\"units\":[\"{name}\"]}}")?;
    init.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    init.read_to_string(&mut answer)?;
    Ok(answer.contains("\"active\":\"active\""))
}

fn act(end: &str) -> std::io::Result<u8> {
    if let Some(code) = end.strip_prefix("code ") {
        return Ok(code.parse().unwrap_or(99));
    }
    match end {
        "usr1" => raise(Signal::SIGUSR1).map(|()| 98).map_err(Into::into),
        "stubborn" => {
            deaf()?;
            stay()
        }
        _ => stay(),
    }
}

fn leaked() -> std::io::Result<u8> {
    setsid()?;
    deaf()?;
    say_ready()?;
    stay()
}

/// TERM and HUP have no effect from now on.
fn deaf() -> std::io::Result<()> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.add(Signal::SIGHUP);
    set.thread_block().map_err(Into::into)
}

fn stay() -> ! {
    loop {
        std::thread::park();
    }
}

/// Another victim, with a pipe to say that it is there.
fn again(words: &[&str]) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?).args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

fn ready(child: &mut Child) -> std::io::Result<()> {
    let mut byte = [0];
    child.stdout.take().ok_or_else(|| std::io::Error::other("no pipe"))?.read_exact(&mut byte)
}

fn say_ready() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(b".")?;
    out.flush()
}
