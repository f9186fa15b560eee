//! House rules that neither rustc nor clippy holds, and what `cargo deny` would look at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, ensure};

use super::metadata::Graph;
use super::{Options, Tally};
use crate::{place, run};

/// Licences that ask for nothing but their text.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Who may depend on whom. The same as the picture in ARCHITECTURE.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("supervisor", &["units"]),
    ("kernel", &[]),
    ("init", &["units", "supervisor", "kernel"]),
    ("launcher", &["units", "kernel"]),
    ("tests", &[]),
    ("xtask", &["units"]),
];

/// The packages that ship.
const SHIPPED: [&str; 2] = ["init", "launcher"];
const LONGEST: usize = 500;

pub(super) fn all(_options: &Options) -> Result<Tally> {
    let graph = Graph::read()?;
    let mut tally = Tally::default();
    tally.check("licences", licences(&graph));
    tally.check("one version of each package in PID 1", no_duplicates());
    tally.check("no C library", nothing_links(&graph));
    tally.check("PID 1's dependencies are the reviewed ones", reviewed());
    tally.check("imports follow the arrows", arrows(&graph));
    tally.check("unsafe only in init/kernel", unsafe_in_one_place(&graph));
    tally.check("no long file", no_long_file());
    Ok(tally)
}

fn licences(graph: &Graph) -> Result<()> {
    let bad: Vec<String> = graph
        .packages
        .values()
        .filter(|package| !package.licence.as_deref().is_some_and(allowed))
        .map(|package| format!("{} ({})", package.name, package.licence.as_deref().unwrap_or("none")))
        .collect();
    ensure!(bad.is_empty(), "not on the list: {}", bad.join(", "));
    Ok(())
}

/// Whether some choice of an SPDX expression is on the list. `/` is the old spelling of OR.
fn allowed(expression: &str) -> bool {
    let expression = expression.trim();
    if let Some((left, right)) = split(expression, " AND ") {
        return allowed(left) && allowed(right);
    }
    if let Some((left, right)) = split(expression, " OR ").or_else(|| expression.split_once('/')) {
        return allowed(left) || allowed(right);
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => allowed(inner),
        None => LICENCES.contains(&expression),
    }
}

/// Splits at the first `word` outside parentheses.
fn split<'a>(expression: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    expression.match_indices(word).map(|(at, _)| expression.split_at(at)).find_map(|(left, right)| {
        let balanced = left.matches('(').count() == left.matches(')').count();
        balanced.then(|| right.strip_prefix(word).map(|right| (left, right))).flatten()
    })
}

/// Names and versions of what goes into PID 1 when it is built by itself, compile time included.
fn pid_1() -> Result<BTreeSet<(String, String)>> {
    let words = ["tree", "--package", "init", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--locked", "--target"];
    let tree = run::output(run::cargo(&words).arg(crate::build::target()))?;
    let pair =
        |line: &str| line.split_once(' ').map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap_or_default().to_owned()));
    Ok(tree.lines().filter_map(pair).collect())
}

fn no_duplicates() -> Result<()> {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, version) in pid_1()? {
        versions.entry(name).or_default().push(version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    ensure!(versions.is_empty(), "{versions:?}");
    Ok(())
}

/// C would need a cross compiler, and its memory errors would be PID 1's.
fn nothing_links(graph: &Graph) -> Result<()> {
    let linked = SHIPPED.iter().flat_map(|name| graph.linked(name));
    let bad: BTreeSet<&str> = linked.filter(|package| package.links.is_some()).map(|package| &*package.name).collect();
    ensure!(bad.is_empty(), "bind a C library: {bad:?}");
    Ok(())
}

/// The list names a package first on each line, and then the reason for it.
fn reviewed() -> Result<()> {
    let text = fs::read_to_string(place::repository().join("init/dependencies.txt")).context("no init/dependencies.txt")?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let listed: BTreeSet<&str> = lines.filter_map(|line| line.split_whitespace().next()).collect();
    let tree = pid_1()?;
    let now: BTreeSet<&str> = tree.iter().map(|(name, _)| name.as_str()).collect();
    let new: Vec<&&str> = now.difference(&listed).collect();
    let gone: Vec<&&str> = listed.difference(&now).collect();
    ensure!(new.is_empty() && gone.is_empty(), "init/dependencies.txt lacks {new:?}, and lists {gone:?} in vain");
    Ok(())
}

fn arrows(graph: &Graph) -> Result<()> {
    let mut bad = Vec::new();
    for package in graph.ours() {
        let may = ARROWS.iter().find(|(name, _)| *name == package.name).map(|(_, may)| *may);
        let Some(may) = may else {
            bad.push(format!("{} is in no picture", package.name));
            continue;
        };
        let needs = graph.needs(&package.id).filter(|needed| needed.ours && !may.contains(&needed.name.as_str()));
        bad.extend(needs.map(|needed| format!("{} → {}", package.name, needed.name)));
    }
    ensure!(bad.is_empty(), "{}", bad.join(", "));
    Ok(())
}

fn unsafe_in_one_place(graph: &Graph) -> Result<()> {
    let mut bad = Vec::new();
    for root in graph.ours().filter(|package| package.name != "kernel").flat_map(|package| &package.roots) {
        if !fs::read_to_string(root)?.contains("#![forbid(unsafe_code)]") {
            bad.push(root.as_str());
        }
    }
    ensure!(bad.is_empty(), "do not forbid it: {}", bad.join(", "));
    Ok(())
}

fn no_long_file() -> Result<()> {
    let top = place::repository();
    // Under sudo the repository is someone else's, which git would not look at.
    let files = run::output(&mut run::command(["git", "-c", "safe.directory=*", "ls-files", "*.rs"]))?;
    let mut bad = Vec::new();
    for file in files.lines() {
        let lines = fs::read_to_string(top.join(file)).unwrap_or_default().lines().count();
        if lines > LONGEST {
            bad.push(format!("{file} ({lines})"));
        }
    }
    ensure!(bad.is_empty(), "longer than {LONGEST} lines: {}", bad.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn licence_expressions() {
        assert!(allowed("MIT OR Apache-2.0"));
        assert!(allowed("Unlicense/MIT"));
        assert!(allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(allowed("GPL-3.0 OR MIT"));
        assert!(!allowed("MIT AND GPL-3.0"));
        assert!(!allowed("(MIT OR Apache-2.0) AND GPL-3.0"));
    }
}
