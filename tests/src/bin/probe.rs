//! What the root tests run inside a guest: a static program, so that any template can run it.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "the test reads it")]

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

const USAGE: &str = "probe eat MIB | bomb N | wait | spin THREADS SECONDS | remount PATH | mknod PATH\n\
    | listen PORT | connect ADDRESS PORT";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["eat", mib] => eat(number(mib)),
        ["bomb", most] => bomb(number(most)),
        ["wait"] => wait(),
        ["spin", threads, seconds] => spin(number(threads), number(seconds)),
        ["remount", path] => remount(path),
        ["mknod", path] => report(mknod(*path, SFlag::S_IFBLK, Mode::from_bits_truncate(0o600), makedev(254, 0))),
        ["listen", port] => answer(listen(port)),
        ["connect", address, port] => answer(connect(address, port)),
        _ => {
            println!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// Takes memory, touches it, and tells how far it came.
fn eat(mib: u64) -> ExitCode {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    for count in 1..=mib {
        eaten.push(black_box(vec![1; 1 << 20]));
        if count % 16 == 0 {
            println!("ate {count}");
        }
    }
    println!("ate all of {}", eaten.len());
    ExitCode::SUCCESS
}

/// Starts processes until the system refuses or there are enough; they end with this one.
fn bomb(most: u64) -> ExitCode {
    let mut children = Vec::new();
    let me = std::env::current_exe().unwrap_or_else(|_| "/root/probe".into());
    for _ in 0..most {
        match Command::new(&me).arg("wait").stdin(Stdio::piped()).spawn() {
            Ok(child) => children.push(child),
            Err(error) => {
                println!("spawned {} then {error}", children.len());
                break;
            }
        }
    }
    println!("spawned {}", children.len());
    for mut child in children {
        drop(child.stdin.take());
        drop(child.wait());
    }
    ExitCode::SUCCESS
}

/// Waits for the end of its input.
fn wait() -> ExitCode {
    drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    ExitCode::SUCCESS
}

/// Keeps processors busy.
fn spin(threads: u64, seconds: u64) -> ExitCode {
    let end = Instant::now() + Duration::from_secs(seconds);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| while Instant::now() < end {});
        }
    });
    ExitCode::SUCCESS
}

/// Tries to make a mount writable.
fn remount(path: &str) -> ExitCode {
    report(mount(None::<&str>, path, None::<&str>, MsFlags::MS_REMOUNT | MsFlags::MS_BIND, None::<&str>))
}

fn report(outcome: nix::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => println!("allowed"),
        Err(errno) => println!("refused {errno:?}"),
    }
    ExitCode::SUCCESS
}

/// Serves one connection: its greeting goes to who connects.
fn listen(port: &str) -> std::io::Result<()> {
    let socket = TcpListener::bind(("::", u16::try_from(number(port)).unwrap_or(0)))?;
    println!("listening");
    socket.accept()?.0.write_all(b"hello from the probe\n")
}

/// Prints what a listening probe says.
fn connect(address: &str, port: &str) -> std::io::Result<()> {
    let target = (address, u16::try_from(number(port)).unwrap_or(0));
    let mut greeting = String::new();
    TcpStream::connect(target)?.read_to_string(&mut greeting)?;
    print!("{greeting}");
    Ok(())
}

fn answer(outcome: std::io::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
