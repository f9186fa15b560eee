//! `cargo xtask try`: a guest from the built-in template, from nothing to a shell inside.

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::run;
use crate::site::Site;

const GUEST: &str = "try";

/// Builds, boots, shows, lets the person in, removes.
pub(crate) fn perform(_args: &[String]) -> Result<ExitCode> {
    let site = Site::enter("try")?;
    let limits = ["--memory", "512M", "--cpus", "1", "--procs", "200"];
    run::run(&mut site.fief(&[&["create", GUEST], limits.as_slice()].concat()))?;

    title("the guest boots");
    let begun = Instant::now();
    boot(&site)?;
    println!("ready after {:.2} s", begun.elapsed().as_secs_f64());

    title("fief list");
    run::run(&mut site.fief(&["list"]))?;
    title("fiefctl list, inside");
    run::run(&mut site.fief(&["exec", GUEST, "--", "fiefctl", "list"]))?;
    title("fiefctl account, inside");
    run::run(&mut site.fief(&["exec", GUEST, "--", "fiefctl", "account"]))?;

    if std::io::stdin().is_terminal() {
        title("a shell inside; exit ends and removes the guest");
        // Its status is that of the last command typed there: no concern of ours.
        site.fief(&["enter", GUEST]).status().context("cannot run fief enter")?;
    }
    run::run(&mut site.fief(&["stop", GUEST]))?;
    run::run(&mut site.fief(&["destroy", GUEST]))?;
    Ok(ExitCode::SUCCESS)
}

fn title(text: &str) {
    println!("\n== {text}");
}

/// Starts the guest and shows its console meanwhile; in a pipe behind it, as plain text.
fn boot(site: &Site) -> Result<()> {
    if !std::io::stdout().is_terminal() {
        run::run(&mut site.fief(&["start", "--wait", GUEST]))?;
        return run::run(&mut site.fief(&["logs", GUEST]));
    }
    let log = site.path(&format!("/var/log/fief/{GUEST}.log"));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let follower = scope.spawn(|| follow(&log, &done));
        let outcome = run::run(&mut site.fief(&["start", "--wait", GUEST]));
        done.store(true, Ordering::Release);
        drop(follower.join());
        outcome
    })
}

/// Copies a growing file to our standard output until it is `done` and nothing more comes: the console may still be on its
/// way when the guest is ready.
fn follow(log: &PathBuf, done: &AtomicBool) {
    let mut file: Option<File> = None;
    let mut silent = 0;
    loop {
        let last = done.load(Ordering::Acquire) && silent >= 15;
        file = file.or_else(|| File::open(Path::new(log)).ok());
        let mut news = Vec::new();
        if let Some(file) = &mut file {
            drop(file.read_to_end(&mut news));
        }
        silent = if news.is_empty() { silent + 1 } else { 0 };
        let mut out = std::io::stdout().lock();
        drop(out.write_all(&news).and_then(|()| out.flush()));
        if last {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
