//! `cargo xtask bench`: how long, how big.

mod bare;
mod load;
mod packages;
mod services;

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::site::Site;
use crate::test::suites;
use crate::{apt, run, table, template};

const GUEST: &str = "bench";
const LEAST_RUNS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(120);

/// `cargo xtask bench boot [--runs N]`
pub(crate) fn perform(args: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let runs = match words.as_slice() {
        ["services", rest @ ..] => return services::perform(rest),
        ["load", rest @ ..] => return load::perform(rest),
        ["packages", rest @ ..] => return packages::perform(rest),
        ["boot"] => LEAST_RUNS + 1,
        ["boot", "--runs", runs] => runs.parse().context("--runs takes a number")?,
        _ => bail!("bench: there are boot, services, load and packages"),
    };
    ensure!(runs >= LEAST_RUNS, "a median of fewer than {LEAST_RUNS} runs says little");
    apt::need(&[apt::FOR_GUESTS])?;
    let mut site = Site::enter("bench")?;
    let store = suites::import(&site.programs().join("fief"))?;
    site.use_templates(&store)?;
    let rows = measure(&site, runs)?;
    println!("\nDebian guest with sshd, cron, rsyslog and nginx, {runs} boots\n");
    print!("{}", table::render(&rows));
    Ok(ExitCode::SUCCESS)
}

fn measure(site: &Site, runs: usize) -> Result<Vec<Vec<String>>> {
    run::quietly(&mut site.fief(&["create", GUEST, "--template", template::NAME]))?;
    let mut ready = Vec::new();
    let mut listening = Vec::new();
    let mut init = Vec::new();
    let mut keeper = Vec::new();
    for number in 1..=runs {
        let begun = Instant::now();
        let mut start = site.fief(&["start", GUEST]).spawn().context("cannot run fief start")?;
        let waiter = std::thread::spawn(move || start.wait().map(|status| (status.success(), begun.elapsed())));
        listening.push(milliseconds(sshd_answers(site, begun)?));
        let (well, returned) = waiter.join().unwrap_or(Ok((false, PATIENCE)))?;
        ensure!(well, "fief start failed");
        ready.push(milliseconds(returned));
        let record = site.record(GUEST)?;
        for (whose, sizes) in [("init", &mut init), ("keeper", &mut keeper)] {
            sizes.push(pss(pid_of(&record, whose).with_context(|| format!("the record names no {whose}"))?)?);
        }
        run::quietly(&mut site.fief(&["stop", GUEST]))?;
        eprint!("\r{number}/{runs}");
    }
    eprintln!();
    run::quietly(&mut site.fief(&["destroy", GUEST]))?;
    let mut rows = vec![["", "median", "least", "most", "unit"].map(str::to_owned).to_vec()];
    rows.push(row("fief start to sshd's greeting", listening, "ms"));
    rows.push(row("fief start to its return", ready, "ms"));
    rows.push(row("memory of init (PSS)", init, "KiB"));
    rows.push(row("memory of keeper (PSS)", keeper, "KiB"));
    for name in ["fief", "fief-init"] {
        rows.push(row(&format!("size of {name}"), vec![kib(&site.programs().join(name))?], "KiB"));
    }
    Ok(rows)
}

/// When sshd listened and sent its greeting, counted from `begun`.
///
/// The first packet goes out when it listens: one that comes before the guest's link is up would wait for the second
/// ARP request, a second later, and that is what would be measured.
fn sshd_answers(site: &Site, begun: Instant) -> Result<Duration> {
    let config = fs::read_to_string(site.path(&format!("/var/lib/fief/containers/{GUEST}/container.toml")))?;
    let address = config
        .split('"')
        .filter_map(|word| word.split_once('/').and_then(|(address, _)| address.parse::<std::net::Ipv4Addr>().ok()))
        .next()
        .context("the guest has no IPv4 address")?;
    while !site.record(GUEST).is_ok_and(|record| pid_of(&record, "init").is_some_and(listens)) {
        ensure!(begun.elapsed() < PATIENCE, "sshd does not listen after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((address, 22)), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut greeting = [0; 4];
    stream.read_exact(&mut greeting)?;
    ensure!(&greeting == b"SSH-", "what answers on port 22 is no sshd");
    Ok(begun.elapsed())
}

/// Whether somebody listens on port 22 in the network of this process: proc_pid_net(5), state 0A.
fn listens(pid: i64) -> bool {
    ["tcp", "tcp6"].iter().any(|table| {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        text.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.nth(1).is_some_and(|local| local.ends_with(":0016")) && words.nth(1) == Some("0A")
        })
    })
}

fn pid_of(record: &serde_json::Value, whose: &str) -> Option<i64> {
    record.get(whose)?.get("pid")?.as_i64()
}

/// Proportional set size in KiB: proc_pid_smaps(5).
fn pss(pid: i64) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("no Pss in {path}"))
}

fn kib(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path)?.len() / 1024)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

fn row(what: &str, mut values: Vec<u64>, unit: &str) -> Vec<String> {
    values.sort_unstable();
    let middle = values.get(values.len() / 2).copied().unwrap_or(0);
    let ends = [values.first(), values.last()].map(|end| end.copied().unwrap_or(0).to_string());
    let [least, most] = ends;
    vec![what.to_owned(), middle.to_string(), least, most, unit.to_owned()]
}
