//! What a systemd 252 once answered, asked again of ours.
//!
//! ```text
//!   cargo xtask compare ─ asks systemd ─▶ tests/systemd/*.txt: question ⇒ answer ─ here ─▶ systemd/ours.rs
//! ```
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "systemd/ours.rs"]
mod ours;

use std::collections::BTreeMap;

use units::value::calendar::TimeZone;

/// Every question of the file, with both answers where they differ.
fn ask(recorded: &str, at_least: usize, ours: impl Fn(&str) -> String) {
    let pairs = || recorded.lines().map(|line| line.split_once(" ⇒ ").unwrap_or_else(|| panic!("no answer in {line:?}")));
    assert!(pairs().count() >= at_least, "{} questions only", pairs().count());
    let wrong: Vec<String> = pairs()
        .filter(|(asked, theirs)| ours(asked) != *theirs)
        .map(|(asked, theirs)| format!("`{asked}`: systemd says `{theirs}`, we say `{}`", ours(asked)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn calendar_expressions_mean_the_same() {
    ask(include_str!("systemd/calendar.txt"), 350, |asked| ours::calendar(asked, zone));
}

/// What holds in the three zones that are named, at the end of a file of the tz database that has no transitions.
fn zone(name: &str) -> Option<TimeZone> {
    let rule = match name {
        "Europe/Berlin" => "CET-1CEST,M3.5.0,M10.5.0/3",
        "America/New_York" => "EST5EDT,M3.2.0,M11.1.0",
        "GMT" => "GMT0",
        _ => return None,
    };
    // Version 2; of six counts only one type and its four letters are not zero; tzfile(5).
    let counts = [0_u32, 0, 0, 0, 1, 4].map(u32::to_be_bytes).concat();
    let block = [b"TZif2".as_slice(), &[0; 15], &counts, &[0; 6], b"LMT\0"].concat();
    Some(TimeZone::read(&[&block, &block, b"\n".as_slice(), rule.as_bytes(), b"\n"].concat()).unwrap())
}

#[test]
fn spans_are_as_long() {
    ask(include_str!("systemd/spans.txt"), 220, ours::span);
}

#[test]
fn names_are_escaped_alike() {
    ask(include_str!("systemd/escapes.txt"), 25, ours::escaped);
}

#[test]
fn command_lines_become_the_same_words() {
    ask(include_str!("systemd/lines.txt"), 300, ours::line);
}

#[test]
fn conditions_come_to_the_same() {
    ask(include_str!("systemd/conditions.txt"), 100, ours::conditions);
}

/// `[UNIT]`, then its properties. Those that differ for a reason (`docs/systemd.md`) and those that depend on other units of the
/// tree are not recorded.
#[test]
fn units_have_the_same_properties() {
    let text = format!("\n{}", include_str!("systemd/shown.txt"));
    let blocks = text.split("\n[").filter_map(|block| block.split_once("]\n"));
    let blocks: Vec<(&str, &str)> = blocks.collect();
    let ours = ours::shown(blocks.iter().map(|(name, _)| *name));
    let (mut values, mut wrong) = (0, Vec::new());
    for (name, properties) in &blocks {
        let mut theirs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (property, value) in properties.lines().filter_map(|line| line.split_once('=')) {
            theirs.entry(property).or_default().push(value);
        }
        for (property, value) in theirs {
            values += 1;
            let mine = ours.get(*name).and_then(|mine| mine.get(property));
            if mine.is_none_or(|mine| *mine != value) {
                wrong.push(format!("{name}: {property}: systemd says {value:?}, we say {mine:?}"));
            }
        }
    }
    assert!(blocks.len() >= 28 && values >= 3000, "{} units, {values} values only", blocks.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
