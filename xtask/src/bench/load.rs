//! `cargo xtask bench load`: services that fall, flood their logs and are reloaded, while people log in.
//!
//! ```text
//!   guest (Debian, sshd)          host
//!     200 × yes | head; exit 1
//!     sshd                     ◀── ssh … true, without a pause
//!     fiefctl reload-units, without a pause
//!     PID 1                    ◀── a request on the control socket, without a pause; memory once a second
//! ```
//!
//! The longest stall of PID 1's loop: one request is outstanding at any time, so no stall passes unseen, and the longest wait for an
//! answer is at least the longest stall. It is an upper bound: the time for which the machine gave PID 1 no processor is in it, and the asker
//! none. What PID 1 itself knows of its longest turn stands beside it, with what it was about.

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::bare::Bare;
use crate::site::Site;
use crate::test::suites;
use crate::{apt, run, table, template};

const GUEST: &str = "load";
/// How long it is watched when all is over.
const IDLE: Duration = Duration::from_secs(10);

/// `cargo xtask bench load [--units N] [--seconds N]`
pub(super) fn perform(args: &[&str]) -> Result<ExitCode> {
    let (mut units, mut seconds) = (200, 60);
    for pair in args.chunks(2) {
        match pair {
            ["--units", number] => units = number.parse().context("--units takes a number")?,
            ["--seconds", number] => seconds = number.parse().context("--seconds takes a number")?,
            _ => bail!("bench load [--units N] [--seconds N]"),
        }
    }
    apt::need(&[apt::FOR_GUESTS])?;
    let mut site = Site::enter("bench")?;
    let store = suites::import(&site.programs().join("fief"))?;
    site.use_templates(&store)?;
    let key = site.path("/key");
    run::quietly(run::command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key))?;
    let public = key.with_extension("pub").display().to_string();
    run::quietly(&mut site.fief(&["create", GUEST, "--template", template::NAME, "--ssh-key", &public]))?;
    run::quietly(&mut site.fief(&["start", GUEST]))?;
    let outcome = measure(&site, &key, units, Duration::from_secs(seconds));
    run::quietly(&mut site.fief(&["stop", GUEST]))?;
    let rows = outcome?;
    println!("\n{units} services that fall, flood and are reloaded for {seconds} s, in a Debian guest with sshd\n");
    print!("{}", table::render(&rows));
    Ok(ExitCode::SUCCESS)
}

/// What was seen of it.
#[derive(Default)]
struct Seen {
    memory: Vec<u64>,
    waits: Vec<u64>,
    logins: Vec<u64>,
    reloads: Vec<u64>,
}

fn measure(site: &Site, key: &Path, units: usize, span: Duration) -> Result<Vec<Vec<String>>> {
    let record = site.record(GUEST)?;
    let pid = super::pid_of(&record, "init").and_then(|pid| u32::try_from(pid).ok()).context("the record names no init")?;
    let address = site.address(GUEST)?;
    let quiet = Bare::memory(&[pid]);
    let falls = "[service]\ncommand = [\"/bin/sh\", \"-c\", \"yes a line of a flood | head -n 2000; exit 1\"]\n\
                 [restart]\npolicy = \"always\"\ndelay = \"100ms\"\nbackoff = 1.0\nburst = \"infinity\"\n";
    let write = format!(
        "mkdir -p /etc/fief/units; n=0; while [ $n -lt {units} ]; do printf '%s' \"$0\" > /etc/fief/units/f$n.toml; n=$((n+1)); done"
    );
    run::quietly(&mut site.fief(&["exec", GUEST, "--", "sh", "-c", &write, falls]))?;
    run::quietly(&mut site.fief(&["exec", GUEST, "--", "fiefctl", "daemon-reload"]))?;
    let all = |verb: &str| format!("fiefctl {verb} $(cd /etc/fief/units; ls f*.toml | sed s/.toml//) >/dev/null 2>&1; true");
    run::quietly(&mut site.fief(&["exec", GUEST, "--", "sh", "-c", &all("start")]))?;
    let over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let go_on = || !over.load(Ordering::Relaxed);
        let waits = scope.spawn(move || asked_all_the_time(pid, go_on));
        let logins = scope.spawn(move || timed(go_on, || log_in(address, key)));
        let reloads = scope.spawn(move || reloaded_all_the_time(site, go_on));
        let mut seen = Seen::default();
        let begun = Instant::now();
        while begun.elapsed() < span {
            std::thread::sleep(Duration::from_secs(1));
            seen.memory.push(Bare::memory(&[pid]));
        }
        over.store(true, Ordering::Relaxed);
        let lost = || anyhow::anyhow!("a thread was lost");
        seen.waits = waits.join().map_err(|_| lost())??;
        seen.logins = logins.join().map_err(|_| lost())??;
        seen.reloads = reloads.join().map_err(|_| lost())??;
        Ok::<Seen, anyhow::Error>(seen)
    })?;
    let longest = longest_turn(pid)?;
    run::quietly(&mut site.fief(&["exec", GUEST, "--", "sh", "-c", &all("stop")]))?;
    // What was stirred up settles.
    std::thread::sleep(Duration::from_secs(2));
    let before = Bare::turns(&[pid]);
    std::thread::sleep(IDLE);
    let turns = Bare::turns(&[pid]).saturating_sub(before);
    ensure!(!seen.waits.is_empty() && !seen.logins.is_empty(), "nothing was measured");
    let half = seen.memory.get(seen.memory.len() / 2..).unwrap_or_default().to_vec();
    let mut rows = vec![["", "median", "least", "most", "unit"].map(str::to_owned).to_vec()];
    rows.push(super::row("memory of init before (PSS)", vec![quiet], "KiB"));
    rows.push(super::row("memory of init (PSS)", seen.memory, "KiB"));
    rows.push(super::row("… in the second half", half, "KiB"));
    rows.push(super::row("memory of init afterwards (PSS)", vec![Bare::memory(&[pid])], "KiB"));
    rows.push(super::row(&format!("wait for an answer ({} times)", seen.waits.len()), seen.waits, "µs"));
    let figure = |key: &str| vec![longest.get(key).and_then(serde_json::Value::as_u64).unwrap_or(0)];
    rows.push(super::row("longest turn of the loop", figure("us"), "µs"));
    rows.push(super::row("… of it on a processor", figure("on_processor_us"), "µs"));
    let piece = longest.get("piece").and_then(serde_json::Value::as_str).unwrap_or_default();
    rows.push(super::row(&format!("… of it for {piece}"), figure("piece_us"), "µs"));
    rows.push(super::row(&format!("ssh login ({} times)", seen.logins.len()), seen.logins, "µs"));
    rows.push(super::row(&format!("reload ({} times)", seen.reloads.len()), seen.reloads, "µs"));
    rows.push(super::row(&format!("turns in {} s afterwards", IDLE.as_secs()), vec![turns], ""));
    Ok(rows)
}

/// Microseconds of each, one after the other, while it goes on.
fn timed(go_on: impl Fn() -> bool, mut act: impl FnMut() -> Result<()>) -> Result<Vec<u64>> {
    let mut spans = Vec::new();
    while go_on() {
        let begun = Instant::now();
        act()?;
        spans.push(u64::try_from(begun.elapsed().as_micros())?);
    }
    Ok(spans)
}

/// How long PID 1 took to answer each of a row of requests over one connection.
fn asked_all_the_time(pid: u32, go_on: impl Fn() -> bool) -> Result<Vec<u64>> {
    let mut stream = UnixStream::connect(format!("/proc/{pid}/root/run/fief/control")).context("cannot reach init")?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    let mut spans = Vec::new();
    while go_on() {
        let begun = Instant::now();
        stream.write_all(b"{\"request\":\"hello\"}\n")?;
        line.clear();
        ensure!(answers.read_line(&mut line)? > 0, "init hung up");
        ensure!(line.contains("\"reply\":\"hello\""), "init answers {line}");
        spans.push(u64::try_from(begun.elapsed().as_micros())?);
    }
    Ok(spans)
}

/// Microseconds of each reload, asked for from inside: each `fief exec` moves a process into the guest, and for that the kernel lets
/// nobody fork for a while.
fn reloaded_all_the_time(site: &Site, go_on: impl Fn() -> bool) -> Result<Vec<u64>> {
    let mut reload = site.fief(&["exec", GUEST, "--", "sh", "-c", "while fiefctl reload-units > /dev/null; do echo; done"]);
    let mut child = reload.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run fief exec")?;
    let mut done = BufReader::new(child.stdout.take().context("no output")?).lines();
    let spans = timed(go_on, || done.next().context("no unit files were read again")?.map(drop).map_err(Into::into));
    child.kill()?;
    child.wait()?;
    spans
}

/// The longest turn of PID 1's loop so far.
fn longest_turn(pid: u32) -> Result<serde_json::Value> {
    let mut stream = UnixStream::connect(format!("/proc/{pid}/root/run/fief/control")).context("cannot reach init")?;
    stream.write_all(b"{\"request\":\"turns\"}\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let told: serde_json::Value = serde_json::from_str(&line).with_context(|| format!("init answers {line}"))?;
    told.get("ever").cloned().with_context(|| format!("init answers {line}"))
}

fn log_in(address: Ipv4Addr, key: &Path) -> Result<()> {
    let mut ssh: Command = run::command(["ssh", "-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i"]);
    run::quietly(ssh.arg(key).arg(format!("root@{address}")).arg("true"))
}
