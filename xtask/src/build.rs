//! The two static programs.
//!
//! musl where rustup can add the target: smaller, and correct without a shared libc. Otherwise glibc
//! linked statically, which also runs in an empty root. Both are built with `--target`, so that
//! `+crt-static` never reaches a proc-macro.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{place, run};

/// How to optimise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// What ships.
    Release,
    /// What the tests run while one works: overflow checks on, quick to build.
    Debug,
}

/// What was built and where it lies.
pub(crate) struct Built {
    /// The directory of the programs.
    pub(crate) dir: PathBuf,
    /// The target triple.
    pub(crate) target: String,
}

impl Built {
    pub(crate) fn fief(&self) -> PathBuf {
        self.dir.join("fief")
    }

    pub(crate) fn init(&self) -> PathBuf {
        self.dir.join("fief-init")
    }
}

/// `cargo xtask build [--debug]`
pub(crate) fn perform(args: &[String]) -> Result<ExitCode> {
    let profile = if args.iter().any(|arg| arg == "--debug") { Profile::Debug } else { Profile::Release };
    let built = programs(profile)?;
    for program in [built.fief(), built.init()] {
        let size = std::fs::metadata(&program).with_context(|| format!("no {}", program.display()))?.len();
        println!("{}  {} KiB", program.display(), size / 1024);
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds `fief` and `fief-init`.
pub(crate) fn programs(profile: Profile) -> Result<Built> {
    packages(profile, &["init", "launcher"])
}

/// Builds `fief-init` alone; where it is.
pub(crate) fn init(profile: Profile) -> Result<PathBuf> {
    packages(profile, &["init"]).map(|built| built.init())
}

/// Builds them and the tests' probe, which also runs inside guests.
pub(crate) fn programs_and_probe(profile: Profile) -> Result<Built> {
    packages(profile, &["init", "launcher", "tests"])
}

/// One after the other: built together, each would get the features of the other's dependencies, and PID 1 code it
/// has no use for.
fn packages(profile: Profile, which: &[&str]) -> Result<Built> {
    let target = target();
    for package in which {
        let mut build = cargo_static(&["build", "--bins", "--package", package], &target);
        if profile == Profile::Release {
            build.arg("--release");
        }
        run::run(&mut build)?;
    }
    let dir = place::target().join(&target).join(if profile == Profile::Release { "release" } else { "debug" });
    Ok(Built { dir, target })
}

/// Cargo with this verb, for static programs of this target.
pub(crate) fn cargo_static(verb: &[&str], target: &str) -> std::process::Command {
    let mut command = run::cargo(verb);
    command.args(["--target", target]);
    if target.ends_with("-gnu") {
        let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
        command.env("RUSTFLAGS", format!("{flags} -C target-feature=+crt-static"));
    }
    command
}

/// The static target of this machine.
pub(crate) fn target() -> String {
    let arch = std::env::consts::ARCH;
    let musl = format!("{arch}-unknown-linux-musl");
    if have_target(&musl) { musl } else { format!("{arch}-unknown-linux-gnu") }
}

/// Whether the target's standard library is installed, after asking rustup to add it, without a word.
pub(crate) fn have_target(target: &str) -> bool {
    let installed = || {
        run::output(&mut run::command(["rustup", "target", "list", "--installed"]))
            .is_ok_and(|list| list.lines().any(|line| line == target))
    };
    installed() || (run::quietly(&mut run::command(["rustup", "target", "add", target])).is_ok() && installed())
}
