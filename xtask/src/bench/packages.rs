//! `cargo xtask bench packages`: a guest with twenty servers, under fief and under systemd in systemd-nspawn(1), in turns.
//!
//! ```text
//!   fief start ──────▶ fief-init ─▶ 20 servers ◀─┐
//!                                                ├─ one asker in the guest's network: a request of each one's protocol until answered
//!   systemd-nspawn ──▶ systemd ───▶ 20 servers ◀─┘
//! ```
//!
//! The trees are made alike, of the same packages; systemd's has systemd besides. What a guest does at its first boot only is not
//! measured.

mod asker;
mod nspawn;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use self::nspawn::Nspawn;
use super::{PATIENCE, bare::Bare, milliseconds, pid_of, row};
use crate::site::Site;
use crate::{apt, run, table, template};

/// The servers, and what they need to be one guest's.
const SERVERS: &str = "openssh-server,nginx-light,postgresql,mariadb-server,redis-server,memcached,postfix,dovecot-imapd,bind9,squid,varnish,\
vsftpd,mosquitto,prometheus-node-exporter,tor,munin-node,zabbix-agent,cups-daemon,spamd,beanstalkd,cron,rsyslog";
const SYSTEMD: &str = "systemd,systemd-sysv,dbus";
const GUEST: &str = "bench";
const TEMPLATE: &str = "debian:bench";
/// How long a guest is left alone before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(5);

/// What was seen of one boot.
struct Figures {
    /// Of each server, milliseconds from the start to its answer.
    answers: BTreeMap<String, u64>,
    /// KiB of all processes, and of those that are no server of a package.
    memory: u64,
    managers: u64,
    processes: u64,
    end: u64,
}

impl Figures {
    fn last(&self) -> u64 {
        self.answers.values().copied().max().unwrap_or(0)
    }
}

/// `cargo xtask bench packages [--runs N]`
pub(super) fn perform(args: &[&str]) -> Result<ExitCode> {
    let runs = match args {
        ["--asker", since] => return asker::run(since.parse().context("--asker takes nanoseconds")?),
        ["--runs", runs] => runs.parse().context("--runs takes a number")?,
        [] => 5,
        _ => bail!("bench packages [--runs N]"),
    };
    apt::need(&[apt::FOR_GUESTS, apt::FOR_NSPAWN])?;
    let ours = template::tar_with(SERVERS)?;
    let theirs = template::tar_with(&format!("{SERVERS},{SYSTEMD}"))?;
    let site = Site::enter("bench")?;
    run::quietly(site.fief(&["template", "import", TEMPLATE]).arg(&ours))?;
    run::quietly(&mut site.fief(&["create", GUEST, "--template", TEMPLATE, "--network", "none"]))?;
    let nspawn = Nspawn::unpack(&theirs, &site)?;
    let (mut fief_runs, mut nspawn_runs) = (Vec::new(), Vec::new());
    for number in 0..=runs {
        for (figures, seen) in [(under_fief(&site)?, &mut fief_runs), (nspawn.run()?, &mut nspawn_runs)] {
            // The first boot makes keys and the like.
            if number > 0 {
                seen.push(figures);
            }
        }
        eprint!("\r{number}/{runs}");
    }
    eprintln!();
    println!("\nDebian guest with {} servers, {runs} boots each after a first one\n", asker::SERVERS.len());
    print!("{}", table::render(&rows(&fief_runs, &nspawn_runs)));
    Ok(ExitCode::SUCCESS)
}

fn rows(fief: &[Figures], nspawn: &[Figures]) -> Vec<Vec<String>> {
    type Read = fn(&Figures) -> u64;
    let what: [(&str, Read, &str); 5] = [
        ("start to the last server's answer", Figures::last, "ms"),
        ("memory of all processes (PSS)", |figures| figures.memory, "KiB"),
        ("  of the service manager's", |figures| figures.managers, "KiB"),
        ("processes", |figures| figures.processes, ""),
        ("stop", |figures| figures.end, "ms"),
    ];
    let mut rows = vec![["", "median", "least", "most", "unit"].map(str::to_owned).to_vec()];
    for (name, read, unit) in what {
        for (whose, runs) in [("fief", fief), ("nspawn", nspawn)] {
            rows.push(row(&format!("{name}, {whose}"), runs.iter().map(read).collect(), unit));
        }
    }
    for name in asker::SERVERS.iter().map(|server| server.name) {
        for (whose, runs) in [("fief", fief), ("nspawn", nspawn)] {
            let answers = runs.iter().filter_map(|figures| figures.answers.get(name).copied()).collect();
            rows.push(row(&format!("{name}, {whose}"), answers, "ms"));
        }
    }
    rows
}

fn under_fief(site: &Site) -> Result<Figures> {
    let begun = SystemTime::now();
    let mut start = site.fief(&["start", GUEST]).stdout(Stdio::null()).spawn().context("cannot run fief start")?;
    let init = await_that("the guest's init", || pid_of(&site.record(GUEST).ok()?, "init").and_then(|pid| u32::try_from(pid).ok()))?;
    let answers = answers(init, begun)?;
    ensure!(start.wait()?.success(), "fief start failed");
    let figures = look(init, answers)?;
    let stop = Instant::now();
    run::quietly(&mut site.fief(&["stop", GUEST]))?;
    Ok(Figures { end: milliseconds(stop.elapsed()), ..figures })
}

/// Asks from inside the network of this process.
fn answers(init: u32, begun: SystemTime) -> Result<BTreeMap<String, u64>> {
    let since = begun.duration_since(UNIX_EPOCH)?.as_nanos().to_string();
    let mut asker = run::command(["nsenter", &format!("--net=/proc/{init}/ns/net"), "--"]);
    asker.arg(std::env::current_exe().context("cannot find this program")?).args(["bench", "packages", "--asker", &since]);
    let mut child = asker.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run nsenter")?;
    let mut answers = BTreeMap::new();
    for line in BufReader::new(child.stdout.take().context("no output")?).lines() {
        let line = line?;
        let (name, took) = line.split_once(' ').context("the asker says something else")?;
        answers.insert(name.to_owned(), took.parse()?);
    }
    ensure!(child.wait()?.success(), "not every server answers");
    Ok(answers)
}

/// Memory and number of the processes of a guest.
fn look(init: u32, answers: BTreeMap<String, u64>) -> Result<Figures> {
    std::thread::sleep(SETTLE);
    let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let inside = namespace(init).context("the guest is gone")?;
    let pids = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pids: Vec<u32> = pids.filter(|pid| namespace(*pid).as_ref() == Some(&inside)).collect();
    let is_manager = |pid: &u32| {
        let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        ["fief-init", "dbus-daemon", "(sd-pam)"].contains(&name.as_str()) || name.starts_with("systemd")
    };
    let managers: Vec<u32> = pids.iter().copied().filter(is_manager).collect();
    let [memory, managers] = [&pids, &managers].map(|pids| Bare::memory(pids));
    Ok(Figures { answers, memory, managers, processes: u64::try_from(pids.len())?, end: 0 })
}

/// Asks every millisecond until there is one.
fn await_that<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask() {
            return Ok(found);
        }
        ensure!(begun.elapsed() < PATIENCE, "{what} is not there after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
