//! `cargo xtask bench services`: many services under fief-init, runit and s6, in the same namespaces, one after the other.
//!
//! Each service is a shell that makes a file and becomes `sleep`. What forking them costs without any manager is measured too.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::bare::Bare;
use super::median;
use crate::build::{self, Profile};
use crate::{apt, place, run, table};

/// How long it is watched while nothing happens.
const IDLE: Duration = Duration::from_secs(5);

/// A manager and how it is used.
struct Manager {
    name: &'static str,
    /// Before it begins; `FOLDER` is where its services are.
    prepare: &'static str,
    program: Vec<String>,
    list: Vec<String>,
    reload: Option<Vec<String>>,
    end: &'static str,
}

/// One run of one manager, in the order of [`HEAD`].
type Figures = [u64; 7];
const HEAD: [&str; 7] = ["boot ms", "list ms", "reload ms", "end ms", "memory KiB", "bytes a unit", "turns idle"];

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
    run::need_root("bench")?;
    apt::need(&[apt::FOR_BENCH])?;
    let init = build::init(Profile::Release)?;
    let top = place::below_target("bench/services")?;
    write_services(&top, units)?;
    let managers = managers(&top, &init);
    let mut raw = Vec::new();
    let mut figures: Vec<Vec<Figures>> = managers.iter().map(|_| Vec::new()).collect();
    for number in 1..=runs {
        raw.push(forks(units)?);
        for (manager, figures) in managers.iter().zip(&mut figures) {
            figures.push(manager.run(units)?);
        }
        eprint!("\r{number}/{runs}");
    }
    eprintln!();
    let mut rows = vec![std::iter::once("").chain(HEAD).map(str::to_owned).collect::<Vec<_>>()];
    rows.push(vec!["no manager".to_owned(), median(&raw).to_string()]);
    for (manager, figures) in managers.iter().zip(&figures) {
        let column = |at: usize| figures.iter().filter_map(|run| run.get(at).copied()).collect::<Vec<_>>();
        let cell = |at: usize| if at == 2 && manager.reload.is_none() { "-".to_owned() } else { median(&column(at)).to_string() };
        rows.push(std::iter::once(manager.name.to_owned()).chain((0..HEAD.len()).map(cell)).collect());
    }
    println!("\n{units} services, medians of {runs} runs; turns in {} s; runsvdir leaves its services to be killed\n", IDLE.as_secs());
    print!("{}", table::render(&rows));
    Ok(ExitCode::SUCCESS)
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
            reload: Some(words(&[&init, "ctl", "daemon-reload"])),
            end: "TERM",
        },
        Manager {
            name: "runit",
            prepare: "cp -a FOLDER/run /run/scan",
            program: words(&["runsvdir", "-P", "/run/scan"]),
            list: words(&["sh", "-c", "cd /run/scan && sv status ./*"]),
            reload: None,
            end: "HUP",
        },
        Manager {
            name: "s6",
            prepare: "cp -a FOLDER/run /run/scan",
            program: words(&["s6-svscan", "-c", "4000", "/run/scan"]),
            list: words(&["sh", "-c", "for one in /run/scan/*; do s6-svstat $one; done"]),
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
        let reload = self.reload.as_ref().map_or(Ok(Duration::ZERO), |words| bare.time(words))?;
        // What was stirred up settles.
        std::thread::sleep(Duration::from_secs(1));
        let managers = bare.managers();
        let before = Bare::turns(&managers);
        std::thread::sleep(IDLE);
        let turns = Bare::turns(&managers).saturating_sub(before);
        let memory = Bare::memory(&managers);
        let end = bare.end(self.end)?;
        let each = memory * 1024 / u64::try_from(units.max(1))?;
        let [boot, list, reload, end] = [boot, list, reload, end].map(super::milliseconds);
        Ok([boot, list, reload, end, memory, each, turns])
    }
}
