//! PID 1 is begun anew, asked for and by faults, while fifty units are at work: nothing of theirs may change.
//!
//! The guest's own root file system is the host's, so the two sides of a test speak by files in its folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

#[path = "support/guest.rs"]
mod guest;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use guest::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Long enough for the slowest machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(120);

/// A guest that runs while the test looks on.
struct Running {
    folder: tempfile::TempDir,
    process: Option<Child>,
    init: Pid,
}

impl Running {
    /// Boots these units, and `off`, a script that is told to end by the file `end`.
    fn boot(name: &str, files: &[(String, String)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let units = folder.path().join("units");
        fs::create_dir(&units).unwrap();
        fs::write(units.join("multi-user.target.toml"), "description = \"the test\"\n").unwrap();
        for (name, text) in files {
            fs::write(units.join(name), text.replace("DIR", folder.path().to_str().unwrap())).unwrap();
        }
        let console = fs::File::create(folder.path().join("console")).unwrap();
        let process = Command::new(GUEST)
            .args([&format!("recover-{name}-{}", std::process::id()), INIT, "--bare", "--units", units.to_str().unwrap()])
            .env("GUEST_TIMEOUT", "240")
            .env("container", "fief")
            .stdin(Stdio::null())
            .stdout(console.try_clone().unwrap())
            .stderr(console)
            .spawn()
            .unwrap();
        let mut running = Self { folder, process: Some(process), init: Pid::from_raw(0) };
        running.wait("booted in");
        running.init = running.find_init();
        running
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn console(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("console")).unwrap()).into_owned()
    }

    fn count(&self, text: &str) -> usize {
        self.console().matches(text).count()
    }

    /// Until the console shows it.
    #[track_caller]
    fn wait(&self, text: &str) {
        self.until(text, || self.count(text) > 0);
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < until, "not seen: {what}\n{}", self.console());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The process that has this folder in its words and is 1 in its own namespace.
    fn find_init(&self) -> Pid {
        let words = self.path("units");
        let is_it = |pid: &i32| {
            let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let status = String::from_utf8_lossy(&read("status")).into_owned();
            let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
            numbers.split_whitespace().count() > 1
                && numbers.split_whitespace().last() == Some("1")
                && String::from_utf8_lossy(&read("cmdline")).contains(words.to_str().unwrap())
        };
        let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        Pid::from_raw(all.into_iter().find(is_it).expect("no init is to be found"))
    }

    /// A signal to PID 1 from the host; then until the console shows `line` once more.
    #[track_caller]
    fn signal(&self, number: i32, line: &str) {
        let before = self.count(line);
        // By kill(1): real-time signals have no name in `Signal`.
        assert!(Command::new("kill").args([format!("-{number}"), self.init.to_string()]).status().unwrap().success());
        self.until(line, || self.count(line) > before);
    }

    /// fiefctl inside, from the host.
    fn ctl(&self, words: &[&str]) -> String {
        let output = Command::new("nsenter")
            .args(["-t", &self.init.to_string(), "-m", "-p", "-u", "-i", "-n", "--", INIT, "ctl"])
            .args(words)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    /// Every unit with its main process and its restarts.
    fn units(&self) -> Vec<(String, u64, u64)> {
        let text = self.ctl(&["--json", "list"]);
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap_or_default();
        let number = |row: &serde_json::Value, key: &str| row[key].as_u64().unwrap_or(0);
        let found: Vec<_> = rows
            .iter()
            .filter_map(|row| Some((row["name"].as_str()?.to_owned(), number(row, "main_pid"), number(row, "restarts"))))
            .collect();
        assert!(!found.is_empty(), "no list:\n{text}\n{}", self.console());
        found
    }

    /// Power off, and the console.
    fn end(mut self, code: i32) -> Boot {
        if code == POWERED_OFF {
            self.ctl(&["poweroff"]);
        }
        let ended = self.process.as_mut().unwrap().wait().unwrap();
        self.process = None;
        Boot { code: ended.code().unwrap_or(-1), console: self.console() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // Its PID 1, and with it everything inside; guest.sh then clears up.
        if self.init.as_raw() > 1 {
            let _ = kill(self.init, Signal::SIGKILL);
        }
        let _ = process.wait();
    }
}

const TAKEN_OVER: &str = "has taken over";
const OUTLIVED: &str = "what was written down goes on";

/// Fifty units of all sorts.
fn fifty() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for number in 0..20 {
        let says = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.02; done";
        files.push((format!("says{number}.toml"), service(says)));
    }
    for number in 0..10 {
        files.push((format!("forks{number}.toml"), service("while :; do (sleep 0.03; :) & wait; done")));
    }
    for number in 0..10 {
        files.push((format!("rests{number}.toml"), service("exec sleep 100000")));
    }
    let notifies = "[service]\ntype = \"notify\"\nnotify-access = \"all\"\nwatchdog-sec = \"20s\"\ncommand = [\"/bin/sh\", \"-c\", \"systemd-notify --ready; while :; do systemd-notify WATCHDOG=1; sleep 1; done\"]\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    for number in 0..5 {
        files.push((format!("notifies{number}.toml"), notifies.replace("watchdog-sec = \"20s\"\n", "")));
    }
    let forking = |number: usize| {
        format!(
            "[service]\ntype = \"forking\"\npid-file = \"/run/daemon{number}.pid\"\ncommand = [\"/bin/sh\", \"-c\", \"setsid sleep 100000 & echo $! > /run/daemon{number}.pid\"]\n[install]\nwanted-by = [\"multi-user.target\"]\n"
        )
    };
    for number in 0..5 {
        files.push((format!("daemon{number}.toml"), forking(number)));
    }
    files
}

/// The numbered lines of each, one after the other and each once.
#[track_caller]
fn assert_no_gap(running: &Running) {
    for number in 0..20 {
        let name = format!("says{number}");
        let text = running.ctl(&["logs", &name]);
        let lines: Vec<u64> = text.lines().filter_map(|line| line.rsplit_once("line ")?.1.trim().parse().ok()).collect();
        assert!(lines.len() > 10, "{name} has said nothing:\n{text}");
        for pair in lines.windows(2) {
            assert_eq!(pair[1], pair[0] + 1, "{name}: a gap in the lines\n{}", running.console());
        }
    }
}

#[test]
#[ignore = "needs root"]
fn fifty_units_do_not_notice_that_init_is_begun_anew_ten_times() {
    let running = Running::boot("anew", &fifty());
    let before = running.units();
    assert_eq!(before.iter().filter(|(_, pid, _)| *pid > 1).count(), 50, "{before:?}\n{}", running.console());
    for _ in 0..10 {
        running.signal(34 + 25, TAKEN_OVER);
    }
    assert_eq!(before, running.units(), "{}", running.console());
    assert_no_gap(&running);
    let boot = running.end(POWERED_OFF);
    boot.ended(POWERED_OFF).does_not_show("fell:").does_not_show("cannot be read").does_not_show(OUTLIVED);
    assert_eq!(boot.console.matches("booted in").count(), 1, "announced twice:\n{}", boot.console);
}

#[test]
#[ignore = "needs root"]
fn fifty_units_do_not_notice_ten_faults_of_init() {
    let running = Running::boot("faults", &fifty());
    let before = running.units();
    for round in 0..10 {
        running.signal(if round % 2 == 0 { 11 } else { 7 }, OUTLIVED);
        // The third within ten seconds would be one too many.
        std::thread::sleep(Duration::from_millis(5100));
    }
    assert_eq!(before, running.units(), "{}", running.console());
    assert_no_gap(&running);
    let boot = running.end(POWERED_OFF);
    boot.ended(POWERED_OFF).does_not_show("fell:").does_not_show("cannot be read").does_not_show("leaving in order");
}
