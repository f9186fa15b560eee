//! PID 1 is begun anew, asked for and by faults, while fifty units are at work: nothing of theirs may change.
//!
//! The guest's own root file system is the host's, so the two sides of a test speak by files in its folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

#[path = "support/guest.rs"]
mod guest;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
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
        Self::boot_in(tempfile::tempdir().unwrap(), name, INIT, files)
    }

    /// The same with another program, in a folder that it shares with the test.
    fn boot_in(folder: tempfile::TempDir, name: &str, program: &str, files: &[(String, String)]) -> Self {
        let units = folder.path().join("units");
        fs::create_dir(&units).unwrap();
        fs::write(units.join("multi-user.target.toml"), "description = \"the test\"\n").unwrap();
        for (name, text) in files {
            fs::write(units.join(name), text.replace("DIR", folder.path().to_str().unwrap())).unwrap();
        }
        let console = fs::File::create(folder.path().join("console")).unwrap();
        let process = Command::new(GUEST)
            .args([&format!("recover-{name}-{}", std::process::id()), program, "--bare", "--units", units.to_str().unwrap()])
            .env("GUEST_TIMEOUT", "240")
            .env("GUEST_SHARED", folder.path())
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
        let output = self.ctl_command(words).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    fn ctl_command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.init.to_string(), "-m", "-p", "-u", "-i", "-n", "--", INIT, "ctl"]).args(words).stdin(Stdio::null());
        command
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
        let lines = || -> Vec<u64> {
            let text = running.ctl(&["logs", &name]);
            text.lines().filter_map(|line| line.rsplit_once("line ")?.1.trim().parse().ok()).collect()
        };
        running.until("a unit that says more than ten lines", || lines().len() > 10);
        let lines = lines();
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

/// Waits until the console shows `line` once more than before `act`.
#[track_caller]
fn seen_again(running: &Running, line: &str, act: impl FnOnce()) {
    let before = running.count(line);
    act();
    running.until(line, || running.count(line) > before);
}

#[test]
#[ignore = "needs root"]
fn a_panic_and_a_full_stack_are_outlived_and_the_event_is_dropped() {
    let running = Running::boot("panic", &fifty());
    let before = running.units();
    running.signal(34 + 28, "a panic on purpose");
    running.signal(34 + 29, "SIGSEGV at address");
    running.until("the list as before", || running.units() == before);
    let boot = running.end(POWERED_OFF);
    boot.ended(POWERED_OFF).shows("this was dropped with it").does_not_show("leaving in order");
}

#[test]
#[ignore = "needs root"]
fn who_ends_while_nobody_can_hear_it_is_started_again() {
    let keeps = service("exec sleep 100000");
    let falls = keeps.replace("[install]", "[restart]\ndelay = \"10ms\"\n[install]");
    let running = Running::boot("deaf", &[("falls.toml".to_owned(), falls), ("keeps.toml".to_owned(), keeps)]);
    let pid_of = |name: &str| running.units().into_iter().find(|(unit, ..)| unit == name).map_or(0, |(_, pid, _)| pid);
    let (falls, keeps) = (pid_of("falls.service"), pid_of("keeps.service"));
    kill(running.init, Signal::SIGSTOP).unwrap();
    // From inside, where its number means it.
    let inside = ["-t", &running.init.to_string(), "-p", "-m", "--", "kill", "-9", &falls.to_string()].map(str::to_owned);
    assert!(Command::new("nsenter").args(inside).status().unwrap().success());
    seen_again(&running, OUTLIVED, || {
        kill(running.init, Signal::SIGSEGV).unwrap();
        kill(running.init, Signal::SIGCONT).unwrap();
    });
    running.wait("falls fell: killed by SIGKILL");
    running.until("another process", || ![0, falls].contains(&pid_of("falls.service")));
    assert_eq!(pid_of("keeps.service"), keeps);
    running.end(POWERED_OFF).ended(POWERED_OFF).does_not_show("keeps fell");
}

#[test]
#[ignore = "needs root"]
fn the_third_fault_in_ten_seconds_ends_the_container_in_order() {
    let running = Running::boot("thrice", &[("keeps.toml".to_owned(), service("exec sleep 100000"))]);
    for _ in 0..3 {
        running.signal(11, OUTLIVED);
    }
    running.end(70).ended(70).shows("3 faults in 10 s; leaving in order").shows("stopped keeps");
}

#[test]
#[ignore = "needs root"]
fn a_fault_even_then_is_the_end() {
    let stubborn = service("trap : TERM; while :; do sleep 1; done");
    let running = Running::boot("hopeless", &[("stays.toml".to_owned(), stubborn)]);
    for _ in 0..3 {
        running.signal(11, OUTLIVED);
    }
    running.wait("leaving (poweroff)");
    kill(running.init, Signal::SIGSEGV).unwrap();
    running.end(255).ended(255).shows("that is the end");
}

#[test]
#[ignore = "needs root"]
fn a_fault_when_all_units_are_down_does_not_keep_the_system_from_ending() {
    // Its process is left when it is down, and keeps the end waiting.
    let stray = service("trap : TERM; while :; do sleep 1; done").replace("[install]", "[stop]\nmode = \"none\"\n[install]");
    let running = Running::boot("stray", &[("stray.toml".to_owned(), stray)]);
    running.ctl(&["poweroff"]);
    running.wait("stopped stray");
    // The first waits for the work under way to be over, which it never is.
    for _ in 0..2 {
        kill(running.init, Signal::SIGSEGV).unwrap();
        // Two that wait would be one.
        running.until("the signal is taken", || {
            let status = fs::read_to_string(format!("/proc/{}/status", running.init)).unwrap();
            let waiting = status.lines().find_map(|line| line.strip_prefix("ShdPnd:")).unwrap();
            u64::from_str_radix(waiting.trim(), 16).unwrap() & 1 << (Signal::SIGSEGV as i32 - 1) == 0
        });
    }
    running.wait(OUTLIVED);
    running.end(POWERED_OFF).ended(POWERED_OFF);
}

#[test]
#[ignore = "needs root"]
fn without_a_program_to_begin_it_goes_on_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("fief-init");
    fs::copy(INIT, &program).unwrap();
    let running = Running::boot_in(folder, "gone", program.to_str().unwrap(), &[("keeps.toml".to_owned(), service("exec sleep 100000"))]);
    fs::remove_file(&program).unwrap();
    let before = running.units();
    let said = running.ctl(&["reexec"]);
    assert!(said.contains("cannot be begun anew: No such file or directory"), "{said}\n{}", running.console());
    // What runs is still there, whatever has become of its name.
    running.signal(11, OUTLIVED);
    assert_eq!(before, running.units());
    running.end(POWERED_OFF).ended(POWERED_OFF).does_not_show(TAKEN_OVER);
}

#[test]
#[ignore = "needs root"]
fn who_reads_the_log_reads_on_and_who_connects_is_served() {
    let mut files = fifty();
    files.truncate(3);
    let socket = "[socket]\nlisten-stream = [\"DIR/door\"]\naccept = true\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    files.push(("door.socket.toml".to_owned(), socket.to_owned()));
    let serves = "[service]\ncommand = [\"/bin/cat\"]\nstandard-input = \"socket\"\nstandard-output = \"socket\"\n";
    files.push(("door@.toml".to_owned(), serves.to_owned()));
    let running = Running::boot("reader", &files);
    let mut reader = running.ctl_command(&["logs", "-f", "says0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(reader.stdout.take().unwrap()).lines();
    // Beside its own lines there are init's about it.
    let mut next = move || loop {
        let line = lines.next().expect("the log has ended").unwrap();
        if let Some(number) = line.rsplit_once("line ").and_then(|(_, number)| number.parse::<u64>().ok()) {
            return number;
        }
    };
    let mut last = next();
    let mut early = UnixStream::connect(running.path("door")).unwrap();
    early.write_all(b"before\n").unwrap();
    let mut answer = BufReader::new(early.try_clone().unwrap()).lines();
    assert_eq!(answer.next().unwrap().unwrap(), "before");
    for _ in 0..5 {
        running.signal(34 + 25, TAKEN_OVER);
        let newest = running.ctl(&["logs", "-n", "1", "says0"]);
        let newest: u64 = newest.trim().rsplit_once("line ").expect("no line").1.parse().unwrap();
        while last < newest {
            let number = next();
            assert_eq!(number, last + 1, "{}", running.console());
            last = number;
        }
        early.write_all(b"still\n").unwrap();
        assert_eq!(answer.next().unwrap().unwrap(), "still");
        let mut late = UnixStream::connect(running.path("door")).unwrap();
        late.write_all(b"after\n").unwrap();
        assert_eq!(BufReader::new(late).lines().next().unwrap().unwrap(), "after");
    }
    let _ = reader.kill();
    let _ = reader.wait();
    running.end(POWERED_OFF).ended(POWERED_OFF);
}

#[test]
#[ignore = "needs root"]
fn one_that_is_not_pid_1_is_begun_anew_as_well() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("multi-user.target.toml"), "description = \"the test\"\n").unwrap();
    fs::write(folder.path().join("keeps.toml"), service("exec sleep 100000")).unwrap();
    // Its orphans are its own: all that is left ends with its pid namespace.
    let script = "mount -t tmpfs tmpfs /run; \"$0\" --bare --supervise --units \"$1\" & init=$!; \
                  ctl() { \"$0\" ctl \"$@\"; }; \
                  until ctl status keeps; do :; done >/dev/null 2>&1; before=$(ctl --json list keeps | grep -o 'main_pid\":[0-9]*'); \
                  ctl reexec; kill -SEGV $init; \
                  until ctl list >/dev/null 2>&1; do :; done; after=$(ctl --json list keeps | grep -o 'main_pid\":[0-9]*'); \
                  echo \"$before and $after\"; [ \"$before\" = \"$after\" ] && echo the same; ctl poweroff; wait $init; echo code: $?";
    let output = Command::new("timeout")
        .args(["-s", "KILL", "60", "unshare", "-mpf", "--mount-proc", "--kill-child", "sh", "-c", script, INIT])
        .arg(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    boot_of(&output).shows(TAKEN_OVER).shows(OUTLIVED).shows("the same").shows("code: 0").does_not_show("keeps fell");
}
