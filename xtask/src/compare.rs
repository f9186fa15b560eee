//! `cargo xtask compare`: what we make of a Debian tree's units, calendar expressions, spans and command lines, against
//! what a systemd 252 says that runs as PID 1 of the same tree in a container of ours.
//!
//! ```text
//!   mmdebstrap ─▶ tar ─ fief, --init systemd ─▶ record: show, tree, answers ─┐
//!                                     record/tree ─ units::read, show ───────┴─ judge ─▶ docs/systemd.md, units/tests/systemd
//! ```
//!
//! A difference without a reason in [`reasons`] is a failure, and so is a unit that does not load.

mod answers;
mod commands;
mod judge;
mod reasons;
mod record;
mod report;
mod tree;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::build::Profile;
use crate::run;
use crate::site::Site;
use record::Record;

/// `cargo xtask compare [commands [NAME] | --recorded [--show UNIT]]`
pub(crate) fn perform(args: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let record = match words.as_slice() {
        [] => {
            run::need_root("compare")?;
            crate::apt::need(&[&[crate::apt::MMDEBSTRAP]])?;
            // The site has a network of its own, and none that leads anywhere.
            crate::template::tar_with(record::PACKAGES)?;
            let site = Site::enter_with("compare", Profile::Debug)?;
            Record::make(&site)?
        }
        ["commands"] => return commands::perform(None),
        ["commands", name] => return commands::perform(Some(name)),
        ["--recorded"] | ["--recorded", "--show", _] => Record::last()?,
        _ => bail!("compare: there is `compare [commands [NAME] | --recorded [--show UNIT]]`"),
    };
    let ours = tree::Ours::read(&record)?;
    if let ["--recorded", "--show", unit] = words.as_slice() {
        ours.print(unit)?;
        return Ok(ExitCode::SUCCESS);
    }
    let verdict = judge::judge(&record, &ours)?;
    let answers = answers::judge(&record)?;
    report::write(&record, &verdict, &answers)?;
    println!("{} values of units of our own are written down", answers::write_shown(&verdict.agreed)?);
    for diagnostic in &ours.diagnostics {
        println!("{}", diagnostic.to_string().lines().next().unwrap_or_default());
    }
    let faults = verdict.faults.len() + answers.iter().map(|answer| answer.faults.len()).sum::<usize>();
    for fault in verdict.faults.iter().chain(answers.iter().flat_map(|answer| &answer.faults)) {
        println!("{fault}");
    }
    println!("{}", verdict.summary());
    answers.iter().for_each(|answer| println!("{}", answer.summary()));
    println!("{faults} without a reason");
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What an import gives our init in a tree that has another's: here that other one is meant.
fn give_names_back(site: &Site, root: &std::path::Path) -> Result<()> {
    run::quietly(run::command([site.programs().join("fief-init")]).args(["uninstall", "--root"]).arg(root))
}
