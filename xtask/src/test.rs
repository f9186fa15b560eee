//! The rings of tests, from the cheapest to the dearest, and a table of what ran.
//!
//! A ring that could not run, or ran nothing, has failed: nothing is skipped silently.

mod metadata;
mod style;
pub(crate) mod suites;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::build::{self, Profile};
use crate::{apt, fuzz, run, table};

/// How many checks ran and how many of them failed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) ran: u32,
    pub(crate) failed: u32,
}

impl Tally {
    /// One check, passed or not; what is wrong is said here.
    pub(crate) fn check(&mut self, name: &str, outcome: Result<()>) {
        self.ran += 1;
        if let Err(error) = outcome {
            println!("{name}: {error:#}");
            self.failed += 1;
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.ran += other.ran;
        self.failed += other.failed;
    }
}

/// What was asked for on the command line.
pub(crate) struct Options {
    rings: Vec<String>,
    /// How the programs under test are built.
    pub(crate) profile: Profile,
    /// Only tests whose name contains this.
    pub(crate) filter: Option<String>,
}

type Ring = (&'static str, fn(&Options) -> Result<Tally>);

const RINGS: &[Ring] = &[
    ("format", format),
    ("lints", lints),
    ("style", style::all),
    ("aarch64", aarch64),
    ("unit", suites::unit),
    ("fuzz", fuzz),
    ("root", suites::root),
    ("vm", suites::vm),
];

/// `cargo xtask test [--ring NAME]… [--release] [--filter TEXT]`
pub(crate) fn perform(args: &[String]) -> Result<ExitCode> {
    let options = options(args)?;
    let wanted = |name: &str| options.rings.is_empty() || options.rings.iter().any(|ring| ring == name);
    if wanted("root") || wanted("vm") {
        run::need_root("test")?;
        apt::need(&[apt::FOR_GUESTS, apt::FOR_VM])?;
    }
    let mut rows = vec![["ring", "ran", "failed", "seconds"].map(str::to_owned).to_vec()];
    let mut total = Tally::default();
    for (name, ring) in RINGS.iter().filter(|(name, _)| wanted(name)) {
        println!("== {name}");
        let begun = Instant::now();
        let tally = match ring(&options) {
            Ok(Tally { ran: 0, .. }) => {
                println!("{name}: nothing ran");
                Tally { ran: 1, failed: 1 }
            }
            Ok(tally) => tally,
            Err(error) => {
                println!("{name}: {error:#}");
                Tally { ran: 1, failed: 1 }
            }
        };
        let seconds = begun.elapsed().as_secs();
        rows.push(vec![(*name).to_owned(), tally.ran.to_string(), tally.failed.to_string(), seconds.to_string()]);
        total.add(tally);
    }
    print!("\n{}", table::render(&rows));
    println!("{} passed, {} failed", total.ran - total.failed, total.failed);
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn options(args: &[String]) -> Result<Options> {
    let mut options = Options { rings: Vec::new(), profile: Profile::Debug, filter: None };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--ring" => {
                let name = value()?;
                if !RINGS.iter().any(|(known, _)| *known == name) {
                    let known: Vec<&str> = RINGS.iter().map(|(known, _)| *known).collect();
                    bail!("no ring called {name}; there are {}", known.join(", "));
                }
                options.rings.push(name);
            }
            "--filter" => options.filter = Some(value()?),
            "--release" => options.profile = Profile::Release,
            other => bail!("test: what is {other}?"),
        }
    }
    Ok(options)
}

fn format(_options: &Options) -> Result<Tally> {
    let mut tally = Tally::default();
    tally.check("cargo fmt", run::run(&mut run::cargo(&["fmt", "--all", "--check"])));
    Ok(tally)
}

fn lints(_options: &Options) -> Result<Tally> {
    let mut tally = Tally::default();
    let words = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    tally.check("cargo clippy", run::run(&mut run::cargo(&words)));
    Ok(tally)
}

/// Every fuzz target for a few seconds.
fn fuzz(_options: &Options) -> Result<Tally> {
    fuzz::ring()
}

/// The other architecture type-checks, on whichever of its targets is to be had.
fn aarch64(_options: &Options) -> Result<Tally> {
    let targets = ["aarch64-unknown-linux-musl", "aarch64-unknown-linux-gnu"];
    let target = targets.into_iter().find(|target| build::have_target(target));
    let target = target.with_context(|| format!("rustup can add neither {}", targets.join(" nor ")))?;
    let mut tally = Tally::default();
    for package in ["units", "supervisor", "kernel", "init", "launcher"] {
        let words = ["check", "--quiet", "--package", package, "--target", target];
        tally.check(package, run::run(&mut run::cargo(&words)));
    }
    Ok(tally)
}
