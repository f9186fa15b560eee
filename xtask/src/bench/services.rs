//! `cargo xtask bench services`: many services under fief-init, runit and s6, in the same namespaces, one after the other.
//!
//! Each service is a shell that makes a file and becomes `sleep`. What forking them costs without any manager is measured too. First with a few
//! services, then with many: what one more costs is the difference.
//!
//! Not beside dinit, which bookworm has not, nor finit, which wants a root file system of its own to set up.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::bare::Bare;
use super::median;
use crate::build::{self, Profile};
use crate::{apt, place, run, table};

/// How long it is watched while nothing happens.
const IDLE: Duration = Duration::from_secs(5);
/// How many services are few.
const FEW: usize = 50;
/// How many orphans are made and reaped.
const ORPHANS: usize = 1000;

/// A manager and how it is used.
struct Manager {
    name: &'static str,
    /// Before it begins; `FOLDER` is where its services are.
    prepare: &'static str,
    program: Vec<String>,
    list: Vec<String>,
    /// Asks for the state of one service.
    ask: Vec<String>,
    reload: Option<Vec<String>>,
    end: &'static str,
}

/// One run of one manager, in the order of [`HEAD`].
type Figures = [u64; 8];
const HEAD: [&str; 8] = ["boot ms", "list ms", "ask one ms", "reload ms", "orphans ms", "end ms", "memory KiB", "turns idle"];
const RELOAD: usize = 3;
const MEMORY: usize = 6;

/// `cargo xtask bench services [--units N] [--runs N]`
pub(super) fn perform(args: &[&str]) -> Result<ExitCode> {
    let (mut units, mut runs) = (1000, 5);
    for pair in args.chunks(2) {
        match pair {
            ["--units", number] => units = number.parse().context("--units takes a number")?,
            ["--runs", number] => runs = number.parse().context("--runs takes a number")?,
            _ => bail!("bench services [--units N] [--runs N]"),
        }
    }
    ensure!(units > FEW, "--units takes more than {FEW}");
    run::need_root("bench")?;
    apt::need(&[apt::FOR_BENCH])?;
    let init = build::init(Profile::Release)?;
    let top = place::below_target("bench/services")?;
    let managers = managers(&top, &init);
    let few = measure(&top, &managers, FEW, runs)?;
    let many = measure(&top, &managers, units, runs)?;
    println!("\nbytes of memory for one service more\n");
    let more = u64::try_from(units - FEW)?;
    let each = |(few, many): (&Figures, &Figures)| many[MEMORY].saturating_sub(few[MEMORY]) * 1024 / more;
    let rows = managers.iter().zip(few.iter().zip(&many)).map(|(manager, pair)| vec![manager.name.to_owned(), each(pair).to_string()]);
    print!("{}", table::render(&rows.collect::<Vec<_>>()));
    Ok(ExitCode::SUCCESS)
}

/// The medians of each manager with so many services, which are printed too.
fn measure(top: &Path, managers: &[Manager], units: usize, runs: usize) -> Result<Vec<Figures>> {
    write_services(top, units)?;
    let mut raw = Vec::new();
    let mut all: Vec<Vec<Figures>> = managers.iter().map(|_| Vec::new()).collect();
    for number in 1..=runs {
        raw.push(forks(units)?);
        for (manager, figures) in managers.iter().zip(&mut all) {
            figures.push(manager.run(units)?);
        }
        eprint!("\r{number}/{runs}");
    }
    eprintln!();
    let medians =
        all.iter().map(|runs| std::array::from_fn(|at| median(&runs.iter().filter_map(|run| run.get(at).copied()).collect::<Vec<_>>())));
    let medians: Vec<Figures> = medians.collect();
    let mut rows = vec![std::iter::once("").chain(HEAD).map(str::to_owned).collect::<Vec<_>>()];
    rows.push(vec!["no manager".to_owned(), median(&raw).to_string()]);
    for (manager, figures) in managers.iter().zip(&medians) {
        let cells = figures.iter().enumerate().map(|(at, figure)| match (at, &manager.reload) {
            (RELOAD, None) => "-".to_owned(),
            (_, _) => figure.to_string(),
        });
        rows.push(std::iter::once(manager.name.to_owned()).chain(cells).collect());
    }
    println!("\n{units} services, medians of {runs} runs; turns in {} s; runsvdir leaves its services to be killed\n", IDLE.as_secs());
    print!("{}", table::render(&rows));
    Ok(medians)
}

fn managers(top: &Path, init: &Path) -> [Manager; 3] {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let folder = top.join("fief").display().to_string();
    let init = init.display().to_string();
    [
        Manager {
            name: "fief-init",
            prepare: ":",
            program: words(&[&init, "--bare", "--units", &folder]),
            list: words(&[&init, "ctl", "list", "--all"]),
            ask: words(&[&init, "ctl", "is-active", "s0"]),
            reload: Some(words(&[&init, "ctl", "daemon-reload"])),
            end: "TERM",
        },
        Manager {
            name: "runit",
            prepare: "cp -a FOLDER/run /run/scan",
            program: words(&["runsvdir", "-P", "/run/scan"]),
            list: words(&["sh", "-c", "cd /run/scan && sv status ./*"]),
            ask: words(&["sv", "status", "/run/scan/s0"]),
            reload: None,
            end: "HUP",
        },
        Manager {
            name: "s6",
            prepare: "cp -a FOLDER/run /run/scan",
            program: words(&["s6-svscan", "-c", "4000", "/run/scan"]),
            list: words(&["sh", "-c", "for one in /run/scan/*; do s6-svstat $one; done"]),
            ask: words(&["s6-svstat", "/run/scan/s0"]),
            reload: Some(words(&["s6-svscanctl", "-a", "/run/scan"])),
            end: "TERM",
        },
    ]
}

/// What a service does, for all managers the same.
fn service(number: usize, folder: &str) -> String {
    format!("echo >{folder}/{number}; exec sleep 1000000")
}

fn write_services(top: &Path, units: usize) -> Result<()> {
    for name in ["fief", "run"] {
        let folder = top.join(name);
        if folder.is_dir() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
    }
    fs::write(top.join("fief/multi-user.target.toml"), "description = \"all services\"\n")?;
    for number in 0..units {
        let line = service(number, "/run/up");
        let unit = format!(
            "description = \"service {number}\"\n[service]\ncommand = [\"/bin/sh\", \"-c\", \"{line}\"]\n[install]\nwanted-by = [\"multi-user.target\"]\n"
        );
        fs::write(top.join(format!("fief/s{number}.toml")), unit)?;
        let folder = top.join(format!("run/s{number}"));
        fs::create_dir(&folder)?;
        let program = folder.join("run");
        fs::write(&program, format!("#!/bin/sh\n{line}\n"))?;
        fs::set_permissions(program, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// How long it takes to fork all of them, and have them come up, without a manager: milliseconds.
fn forks(units: usize) -> Result<u64> {
    let folder = PathBuf::from(format!("/dev/shm/fief-test-forks-{}", std::process::id()));
    fs::create_dir(&folder)?;
    let begun = Instant::now();
    let spawn = |number| {
        let line = service(number, &folder.display().to_string());
        Command::new("/bin/sh").args(["-c", &line]).stdin(Stdio::null()).stdout(Stdio::null()).spawn()
    };
    let children: Vec<Child> = (0..units).map(spawn).collect::<std::io::Result<_>>()?;
    while fs::read_dir(&folder)?.count() < units {
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = begun.elapsed();
    for mut child in children {
        child.kill()?;
        child.wait()?;
    }
    fs::remove_dir_all(&folder)?;
    Ok(super::milliseconds(took))
}

impl Manager {
    fn run(&self, units: usize) -> Result<Figures> {
        let top = place::below_target("bench/services")?;
        let prepare = self.prepare.replace("FOLDER", &top.display().to_string());
        let bare = Bare::boot(&prepare, &self.program)?;
        let boot = bare.until_up(units)?;
        let list = bare.time(&self.list)?;
        let ask = bare.time(&self.ask)?;
        let reload = self.reload.as_ref().map_or(Ok(Duration::ZERO), |words| bare.time(words))?;
        let orphans = bare.orphans(ORPHANS)?;
        // What was stirred up settles.
        std::thread::sleep(Duration::from_secs(1));
        let managers = bare.managers();
        let before = Bare::turns(&managers);
        std::thread::sleep(IDLE);
        let turns = Bare::turns(&managers).saturating_sub(before);
        let memory = Bare::memory(&managers);
        let end = bare.end(self.end)?;
        let [boot, list, ask, reload, orphans, end] = [boot, list, ask, reload, orphans, end].map(super::milliseconds);
        Ok([boot, list, ask, reload, orphans, end, memory, turns])
    }
}
