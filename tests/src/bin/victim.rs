//! A daemon for tests to be hard on: what it does wrong, and how often, is said by its arguments.
//!
//! ```text
//!   victim NAME MANNER END FALLS      MANNER: how it becomes ready     END: what it does then, in its first FALLS lives
//!      │ └─ one byte more in /run/victim/NAME for each life
//!      ├─ a child in a session of its own that TERM does not end, unless MANNER is `lone`
//!      └─ END  code N │ usr1 │ never (gets ready) │ stay │ stubborn (stays, and TERM does not end it) │ unwell (does not say that it is well)
//! ```
//!
//! MANNER is `plain`, `once`, `notify`, `late` (ready once init is known to wait), `child` (whose child says that it is ready), `unheard`
//! (the same, and its word does not count), `newline` (on descriptor 3), `flood` (says much first), `socket` (holds the one it is handed).
//! Forking are `lone`, once, and `pid-file` and `wrong-pid`, twice, which write their file when all who came before have gone.
//!
//! `victim post NAME` is one byte more in /run/victim/NAME.post.
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
use nix::unistd::setsid;

const FOLDER: &str = "/run/victim";
/// Between two looks at what no event tells.
const AGAIN: Duration = Duration::from_millis(20);
/// A flood, of a hundred bytes each: more than a pipe holds several times over.
const LINES: usize = 3000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["leaked"] => leaked(),
        ["post", name] => one_more(&format!("{name}.post")).map(|_| 0),
        ["herald", name] => herald(name),
        ["fork", name, manner, end, first] => fork(&["daemon", name, manner, end, first]),
        ["daemon", name, manner, end, first] => daemon(name, manner, end, first),
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
    let life = one_more(name)?;
    let end = if life <= falls { end } else { after_falls(manner, end) };
    if manner != "lone" {
        ready(&mut again(&["leaked"])?)?;
    }
    match (manner, end) {
        (_, "never") => stay(),
        // From now on it has to say again and again that it is well, or that it will not.
        ("notify", "unwell") => {
            tell("READY=1")?;
            stay()
        }
        ("notify", _) => {
            tell("READY=1\nSTATUS=a victim\nWATCHDOG_USEC=0")?;
            act(end)
        }
        ("late", _) => {
            while !is(name, "activating")? {
                std::thread::sleep(AGAIN);
            }
            tell("READY=1")?;
            act(end)
        }
        ("child", _) => {
            // It stays until it has been heard: of one that is gone nobody knows whose child it was.
            again(&["herald", name])?.wait()?;
            act(end)
        }
        // Not heard: nobody's word counts but the main process's.
        ("unheard", _) => {
            again(&["herald", name])?;
            stay()
        }
        ("newline", _) => {
            OpenOptions::new().write(true).open("/proc/self/fd/3")?.write_all(b"\n")?;
            act(end)
        }
        ("flood", _) => {
            let line = [b"much ado about nothing, ".as_slice(); 4].concat();
            let mut out = std::io::stdout().lock();
            for _ in 0..LINES {
                out.write_all(&line)?;
                out.write_all(b"\n")?;
            }
            act(end)
        }
        ("socket", _) => {
            let said = ["LISTEN_FDS", "LISTEN_PID"].map(|name| std::env::var(name).unwrap_or_default());
            let is_socket = fs::read_link("/proc/self/fd/3").is_ok_and(|file| file.to_string_lossy().starts_with("socket:"));
            if said != ["1".to_owned(), std::process::id().to_string()] || !is_socket {
                return Ok(97);
            }
            act(end)
        }
        // The daemon is left behind; what it does wrong, it does once it is known to be up.
        ("lone", _) => fork(&["daemon", name, manner, end, &std::process::id().to_string()]),
        ("pid-file" | "wrong-pid", _) => fork(&["fork", name, manner, end, &std::process::id().to_string()]),
        _ => act(end),
    }
}

/// One byte more in a file; how many there are.
fn one_more(file: &str) -> std::io::Result<u64> {
    fs::create_dir_all(FOLDER)?;
    let path = format!("{FOLDER}/{file}");
    OpenOptions::new().create(true).append(true).open(&path)?.write_all(b".")?;
    fs::metadata(&path).map(|data| data.len())
}

/// Leaves another victim behind.
fn fork(words: &[&str]) -> std::io::Result<u8> {
    ready(&mut again(words)?)?;
    // Whoever waits for this one, if it is one in the middle.
    say_ready()?;
    Ok(0)
}

/// Says that its parent is ready, and stays until that is known.
fn herald(name: &str) -> std::io::Result<u8> {
    tell("READY=1")?;
    while !is(name, "active")? {
        std::thread::sleep(AGAIN);
    }
    Ok(0)
}

/// A notification to PID 1.
fn tell(words: &str) -> std::io::Result<()> {
    let socket = std::env::var("NOTIFY_SOCKET").map_err(std::io::Error::other)?;
    UnixDatagram::unbound()?.send_to(words.as_bytes(), socket).map(drop)
}

/// What one does that has fallen often enough.
fn after_falls<'a>(manner: &str, end: &'a str) -> &'a str {
    match (manner, end) {
        (_, "never") => "never",
        ("once", _) => "code 0",
        _ => "stay",
    }
}

fn daemon(name: &str, manner: &str, end: &str, first: &str) -> std::io::Result<u8> {
    setsid()?;
    say_ready()?;
    // Late: the first process has gone, and is looked at as gone.
    while fs::exists(format!("/proc/{first}"))? {
        std::thread::sleep(AGAIN);
    }
    match manner {
        "pid-file" => fs::write(format!("{FOLDER}/{name}.pid"), format!("{}\n", std::process::id()))?,
        "wrong-pid" => fs::write(format!("{FOLDER}/{name}.pid"), "1\n")?,
        _ => {}
    }
    if end != "stay" && end != "stubborn" {
        while !is(name, "active")? {
            std::thread::sleep(AGAIN);
        }
    }
    act(end)
}

/// Whether init thinks this unit is in this state.
fn is(name: &str, state: &str) -> std::io::Result<bool> {
    let mut init = UnixStream::connect("/run/fief/control")?;
    writeln!(init, "{{\"request\":\"list\",\"units\":[\"{name}\"]}}")?;
    init.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    init.read_to_string(&mut answer)?;
    Ok(answer.contains(&format!("\"active\":\"{state}\"")))
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
