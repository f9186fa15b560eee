//! `docs/systemd.md`.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};

use super::answers::Answers;
use super::judge::{self, Verdict};
use super::reasons::NOT_OURS;
use super::record::{PACKAGES, Record};
use super::tree::Fate;
use crate::place;

pub(crate) fn write(record: &Record, verdict: &Verdict, answers: &[Answers]) -> Result<()> {
    let mut text = String::new();
    overview(&mut text, record, verdict, answers)?;
    differences(&mut text, verdict)?;
    left_out(&mut text, verdict)?;
    short_answers(&mut text, answers)?;
    text.push_str(&units::systemd::directives_document());
    let path = place::repository().join("docs/systemd.md");
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn overview(text: &mut String, record: &Record, verdict: &Verdict, answers: &[Answers]) -> Result<()> {
    let version = record.text("version")?;
    let packages = record.text("packages")?.lines().count();
    let fate = |fate: Fate| verdict.fates.get(&fate).copied().unwrap_or(0);
    let explained: usize = verdict.explained.values().map(|explained| explained.values).sum();
    let asked: usize = answers.iter().map(|answer| answer.asked).sum();
    writeln!(
        text,
        "# Against systemd\n\nMade by `cargo xtask compare`: a Debian tree with {} server packages ({packages} packages in all) is booted in a \
         container of ours with `--init /lib/systemd/systemd`, and what `{}` says of its units is held against what `units::show` makes of the \
         same files. Templates are asked for by an instance whose name has to be unescaped, `a-b\\x2dc`. A difference that has no reason in the \
         tables below, and a unit that does not load though systemd loads it, fail the command. The last section is also held against the code by a test, without \
         network.\n",
        PACKAGES.split(',').count(),
        version.trim().split(" (").next().unwrap_or_default(),
    )?;
    writeln!(text, "| | |\n|---|--:|")?;
    for (what, count) in [
        ("unit files found", verdict.fates.values().sum()),
        ("… PID 1 loads", fate(Fate::Loaded)),
        ("… PID 1 has a unit of its own for", fate(Fate::Replaced)),
        ("… systemd's own, passed over by PID 1", fate(Fate::Skipped)),
        ("… masked", fate(Fate::Masked)),
        ("… refused, by systemd too or for a reason", fate(Fate::Bad)),
        ("units compared, systemd's own among them", verdict.units),
        ("properties compared", verdict.properties.len()),
        ("values compared", verdict.values),
        ("… equal", verdict.equal),
        ("… different for a reason", explained),
        ("… different without one", verdict.faults.len()),
        ("short questions asked", asked),
    ] {
        writeln!(text, "| {what} | {count} |")?;
    }
    let whole: Vec<&str> = verdict.properties.iter().filter(|(_, (all, equal))| all == equal).map(|(name, _)| name.as_str()).collect();
    writeln!(text, "\nEqual in every unit: {} properties of {}.\n", whole.len(), verdict.properties.len())?;
    Ok(())
}

fn differences(text: &mut String, verdict: &Verdict) -> Result<()> {
    writeln!(text, "## Differences and their reasons\n\n| properties | values | reason | for instance |\n|---|--:|---|---|")?;
    for (number, explained) in &verdict.explained {
        let why = judge::reason(*number).map_or("", |reason| reason.why);
        let properties: Vec<String> = explained.properties.iter().map(|name| format!("`{name}`")).collect();
        let example = explained.example.replace('|', "\\|");
        writeln!(text, "| {} | {} | {why} | {example} |", properties.join(", "), explained.values)?;
    }
    writeln!(text)?;
    for (why, units) in &verdict.left_out {
        let shown: Vec<String> = units.iter().take(6).map(|unit| format!("`{unit}`")).collect();
        let more = if units.len() > shown.len() { ", …" } else { "" };
        writeln!(text, "Not compared, since {why}: {} ({}{more}).\n", units.len(), shown.join(", "))?;
    }
    Ok(())
}

fn left_out(text: &mut String, verdict: &Verdict) -> Result<()> {
    writeln!(text, "## What only systemd shows\n\n| reason | properties |\n|---|---|")?;
    for (group, properties) in &verdict.theirs_only {
        let why = NOT_OURS.get(*group).map_or("", |(why, _)| why);
        let properties: Vec<String> = properties.iter().map(|name| format!("`{name}`")).collect();
        writeln!(text, "| {why} | {} |", properties.join(" "))?;
    }
    writeln!(text)?;
    Ok(())
}

fn short_answers(text: &mut String, answers: &[Answers]) -> Result<()> {
    if answers.is_empty() {
        return Ok(());
    }
    writeln!(text, "## Expressions, spans, command lines\n\n| | asked | same answer | other answer, for a reason |\n|---|--:|--:|--:|")?;
    for answer in answers {
        let other: usize = answer.explained.values().sum();
        writeln!(text, "| {} | {} | {} | {other} |", answer.what, answer.asked, answer.asked - other - answer.faults.len())?;
    }
    writeln!(text)?;
    for answer in answers {
        for (why, count) in &answer.explained {
            writeln!(text, "- {}: {count}: {why}", answer.what)?;
        }
    }
    writeln!(text)?;
    Ok(())
}
