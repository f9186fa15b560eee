//! `cargo xtask TASK`: everything a person or a machine does with this repository beyond `cargo build`.
//!
//! One file per task. Nothing here is part of what ships.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its terminal")]

mod apt;
mod bench;
mod build;
mod compare;
mod dist;
mod fuzz;
mod larder;
mod packages;
mod place;
mod run;
mod site;
mod table;
mod template;
mod tenant;
mod test;
mod trial;
mod vm;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask TASK

  try                  build both programs and boot a guest from the built-in template (needs root)
  test [--ring NAME]   format, lints, style, unit, root and VM tests; --ring may be repeated (needs root)
       [--release]     root and VM tests use the optimised programs
       [--filter TEXT] only the root and VM tests whose name contains TEXT
  build [--debug]      the two static programs, and where they are
  dist [--debug]       the two programs and the package for Debian and Ubuntu guests, in target/dist
  packages [--check] [--release] [--trixie | --packaged-systemctl | --systemd] [NAME…]
                       Debian's server packages in a guest, from install to purge; writes docs/packages.md, or with systemd's
                       own systemctl docs/packages-systemd.md, of Debian 13 docs/packages-trixie.md; --systemd asks systemd itself
                       and writes nothing (needs root)
  tenant [--release]   a day in the life of a guest's tenant, and Ansible, over ssh (needs root)
  template             a Debian tree with the usual services, as a tar, for tests and benchmarks (needs root)
  vm [--kernel VER] [--root DIR] [--payload DIR] [--timeout S] -- COMMAND
                       run COMMAND in a throw-away virtual machine on pure cgroup v2
  fuzz [--seconds N] [--jobs N] [TARGET…]
                       feed everything that reads by libFuzzer, each target for N seconds
  bench boot [--runs N]
                       boot time to sshd, memory of init and keeper, size of the programs (needs root)
  compare commands     systemctl, journalctl and Debian's helpers with a systemd 252 and with ours, asked the same;
                       writes docs/NAME.md (needs root)
  compare [--show UNIT]
                       what we make of a Debian tree's units against a systemd 252 booted in it; writes docs/systemd.md
                       and the recorded answers of units/tests/systemd (needs root)
  bench services [--units N] [--runs N]
                       many services under fief-init, runit and s6 (needs root)
  bench load [--units N] [--seconds N]
                       services that fall, flood and are reloaded, while people log in (needs root)
  bench packages [--runs N]
                       a guest with twenty servers, beside the same under systemd in nspawn (needs root)";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match perform(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(args: &[String]) -> Result<ExitCode> {
    let (task, rest) = args.split_first().map_or(("help", args), |(task, rest)| (task.as_str(), rest));
    match task {
        "try" => trial::perform(rest),
        "test" => test::perform(rest),
        "build" => build::perform(rest),
        "dist" => dist::perform(rest),
        "packages" => packages::perform(rest),
        "tenant" => tenant::perform(rest),
        "template" => template::perform(rest),
        "vm" => vm::perform(rest),
        "fuzz" => fuzz::perform(rest),
        "bench" => bench::perform(rest),
        "compare" => compare::perform(rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}\n");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("no task called {other}\n{USAGE}"),
    }
}
