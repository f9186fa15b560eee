//! A service manager as PID 1 of bare namespaces, set up by the script that init's own tests use, and looked at from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{place, run};

const PATIENCE: Duration = Duration::from_secs(120);

/// It runs, and is killed with all that is in it when dropped.
pub(super) struct Bare {
    script: Child,
    /// PID 1, as the host numbers it.
    pub(super) pid: u32,
    group: String,
}

/// A figure read from a process that may have ended meanwhile.
fn figure(path: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
}

impl Bare {
    /// Boots it: first `prepare`, a line of shell, then the program with its arguments. The moment between is in `/run/begun`.
    pub(super) fn boot(prepare: &str, program: &[String]) -> Result<Self> {
        let group = format!("bench-{}", std::process::id());
        let script = place::repository().join("init/tests/guest.sh");
        let line = format!("mkdir /run/up; {prepare}; date +%s%N >/run/begun; exec \"$@\"");
        let mut command = Command::new(script);
        command.arg(&group).args(["sh", "-c", &line, "sh"]).args(program);
        command.env("GUEST_TIMEOUT", "600").env("container", "fief").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut bare = Self { script: command.spawn().context("cannot run guest.sh")?, pid: 0, group: format!("fief-test-{group}") };
        let begun = Instant::now();
        while bare.pid == 0 || !bare.path("/run/begun").exists() {
            if begun.elapsed() > PATIENCE || bare.script.try_wait()?.is_some() {
                bail!("{} does not boot", program.join(" "));
            }
            std::thread::sleep(Duration::from_millis(2));
            bare.pid = bare.processes().into_iter().find(|pid| is_first(*pid)).unwrap_or(0);
        }
        Ok(bare)
    }

    /// Where a path of the guest lies.
    pub(super) fn path(&self, absolute: &str) -> PathBuf {
        Path::new(&format!("/proc/{}/root", self.pid)).join(absolute.trim_start_matches('/'))
    }

    /// How long it took from the beginning until `count` services had told that they are there, by the time of the last one's file.
    pub(super) fn until_up(&self, count: usize) -> Result<Duration> {
        let begun = Instant::now();
        let folder = self.path("/run/up");
        while fs::read_dir(&folder).map_or(0, Iterator::count) < count {
            if begun.elapsed() > PATIENCE {
                bail!("{} of {count} services are up after {PATIENCE:?}", fs::read_dir(&folder).map_or(0, Iterator::count));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let last = fs::read_dir(&folder)?.flatten().filter_map(|entry| entry.metadata().ok()?.modified().ok()).max();
        let text = fs::read_to_string(self.path("/run/begun"))?;
        let first = Duration::from_nanos(text.trim().parse().context("no time in /run/begun")?);
        let last = last.context("no file")?.duration_since(std::time::UNIX_EPOCH)?;
        Ok(last.saturating_sub(first))
    }

    /// All processes of it, PID 1 too.
    pub(super) fn processes(&self) -> Vec<u32> {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let inside = format!("{}/guest", self.group);
        pids.filter(|pid: &u32| fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(&inside))).collect()
    }

    /// Those of the manager: whatever is no service.
    pub(super) fn managers(&self) -> Vec<u32> {
        let service = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "sleep");
        self.processes().into_iter().filter(|pid| !service(pid)).collect()
    }

    /// Proportional set size of these processes in KiB, proc_pid_smaps(5).
    pub(super) fn memory(pids: &[u32]) -> u64 {
        pids.iter().filter_map(|pid| figure(&format!("/proc/{pid}/smaps_rollup"), "Pss:")).sum()
    }

    /// How often these processes have been switched to so far, proc_pid_status(5).
    pub(super) fn turns(pids: &[u32]) -> u64 {
        let keys = ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"];
        pids.iter().flat_map(|pid| keys.iter().filter_map(move |key| figure(&format!("/proc/{pid}/status"), key))).sum()
    }

    /// How long a command takes inside.
    pub(super) fn time(&self, words: &[String]) -> Result<Duration> {
        let mut command = run::command(["nsenter", "-m", "-p", "-t", &self.pid.to_string(), "--"]);
        let begun = Instant::now();
        run::quietly(command.args(words))?;
        Ok(begun.elapsed())
    }

    /// How long it takes until so many processes that PID 1 never made have been born, have ended and are reaped.
    pub(super) fn orphans(&self, count: usize) -> Result<Duration> {
        let begun = Instant::now();
        self.time(&["sh", "-c", &format!("i={count}; while [ $i -gt 0 ]; do (: &); i=$((i - 1)); done")].map(str::to_owned))?;
        let is_zombie = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|text| text.contains(") Z "));
        while self.children().iter().any(is_zombie) {
            if begun.elapsed() > PATIENCE {
                bail!("there are orphans that are not reaped");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(begun.elapsed())
    }

    /// The children of PID 1: proc_pid_task(5).
    fn children(&self) -> Vec<u32> {
        let text = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid)).unwrap_or_default();
        text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// How long it takes to end after a signal.
    pub(super) fn end(mut self, signal: &str) -> Result<Duration> {
        let begun = Instant::now();
        run::quietly(&mut run::command(["kill", &format!("-{signal}"), &self.pid.to_string()]))?;
        // A zombie has no program any more.
        while fs::read_link(format!("/proc/{}/exe", self.pid)).is_ok() {
            if begun.elapsed() > PATIENCE {
                bail!("it does not end by {signal}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let took = begun.elapsed();
        self.script.wait()?;
        Ok(took)
    }
}

fn is_first(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    line.split_whitespace().count() > 1 && line.split_whitespace().next_back() == Some("1")
}

impl Drop for Bare {
    fn drop(&mut self) {
        if self.pid != 0 && fs::read_link(format!("/proc/{}/exe", self.pid)).is_ok() {
            drop(run::quietly(&mut run::command(["kill", "-KILL", &self.pid.to_string()])));
        }
        drop(self.script.wait());
    }
}
