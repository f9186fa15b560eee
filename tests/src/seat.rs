//! A person at a terminal: a pseudo-terminal with a program of ours on one end and the test on the other.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};

use crate::{Host, program, until};

/// What of a terminal is given to a program; the rest are pipes and `/dev/null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// Standard input, output and error.
    All,
    /// Standard output and error.
    Output,
    /// Standard input.
    Input,
}

/// One program at one terminal.
#[derive(Debug)]
pub struct Seat {
    keys: File,
    // Both `Some` until the end.
    peer: Option<File>,
    reader: Option<JoinHandle<()>>,
    child: Child,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Seat {
    /// Runs `fief` with these words in a session of its own at a terminal of 33 lines and 77 columns.
    ///
    /// # Panics
    /// When there is no terminal to be had.
    #[must_use]
    pub fn new(host: &Host, given: Given, words: &[&str]) -> Self {
        let size = Winsize { ws_row: 33, ws_col: 77, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let (keys, peer) = (File::from(pty.master), File::from(pty.slave));
        let fief = program("fief");
        let mut all = vec!["setsid", "--wait"];
        if given != Given::Output {
            all.push("--ctty");
        }
        all.push(fief.to_str().unwrap());
        all.extend(words);
        let mut command: Command = host.command(&all);
        let end = || Stdio::from(OwnedFd::from(peer.try_clone().unwrap()));
        command.stdin(if given == Given::Output { Stdio::null() } else { end() });
        command.stdout(if given == Given::Input { Stdio::piped() } else { end() });
        command.stderr(if given == Given::Input { Stdio::null() } else { end() });
        let mut child = command.spawn().unwrap();
        drop(command);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut source: Box<dyn Read + Send> = match child.stdout.take() {
            Some(pipe) => Box::new(pipe),
            None => Box::new(keys.try_clone().unwrap()),
        };
        let shown = Arc::clone(&seen);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // EIO is the end of a terminal.
            while let Ok(n @ 1..) = source.read(&mut bytes) {
                shown.lock().unwrap().extend_from_slice(&bytes[..n]);
            }
        });
        Self { keys, peer: Some(peer), reader: Some(reader), child, seen }
    }

    fn peer(&self) -> &File {
        self.peer.as_ref().expect("not ended")
    }

    /// Types.
    ///
    /// # Panics
    /// When the terminal does not take it.
    pub fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// What was shown so far, without carriage returns.
    ///
    /// # Panics
    /// When the reader panicked.
    #[must_use]
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).replace('\r', "")
    }

    /// Waits until `text` has been shown.
    pub fn expect(&self, text: &str) {
        until(&format!("{text:?} is on the terminal"), || self.seen().contains(text));
    }

    /// Gives the terminal another height: one change, one SIGWINCH.
    ///
    /// # Panics
    /// When stty(1) fails.
    pub fn resize(&self, rows: u16) {
        let peer = Stdio::from(OwnedFd::from(self.peer().try_clone().unwrap()));
        let stty = Command::new("stty").args(["rows", &rows.to_string()]).stdin(peer).status();
        assert!(stty.unwrap().success());
    }

    /// Whether it is in raw mode.
    ///
    /// # Panics
    /// When the terminal is gone.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        !tcgetattr(self.peer()).unwrap().local_flags.contains(LocalFlags::ICANON)
    }

    /// The device that the terminal's file system is.
    ///
    /// # Panics
    /// When the terminal is gone.
    #[must_use]
    pub fn device(&self) -> u64 {
        self.peer().metadata().unwrap().dev()
    }

    /// Waits for the program's end; its exit code. Asserts that the terminal is as it was.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn end(mut self) -> (i32, String) {
        until("the program at the terminal has ended", || self.child.try_wait().unwrap().is_some());
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        assert!(!self.is_raw(), "left in raw mode:\n{}", self.seen());
        // With its last end closed, what is left to be read has an end too.
        drop(self.peer.take());
        self.reader.take().unwrap().join().unwrap();
        (code, self.seen())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("-- terminal\n{}", self.seen());
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
