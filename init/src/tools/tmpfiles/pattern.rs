//! Patterns of paths within a tree, as glob(7) with braces: `/tmp/{a,b}/x*`.

use std::ffi::OsStr;
use std::io;

use nix::sys::stat::SFlag;

use super::super::tree::Tree;
use crate::glob;

/// Paths that one pattern comes to in all; more are none.
const MOST: usize = 1 << 20;
/// Words that one pair of braces after the other comes to.
const MOST_WORDS: usize = 1 << 10;

/// All that is there and fits, in order.
pub(super) fn expand(tree: &Tree, pattern: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for pattern in braces(pattern) {
        let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
        search(tree, String::new(), &parts, &mut found)?;
    }
    units::order::by(&mut found, Ord::cmp);
    found.dedup();
    Ok(found)
}

fn search(tree: &Tree, here: String, parts: &[&str], found: &mut Vec<String>) -> io::Result<()> {
    let Some((part, rest)) = parts.split_first() else {
        let here = if here.is_empty() { "/".to_owned() } else { here };
        if found.len() < MOST && there(tree.node(&here))?.is_some() {
            found.push(here);
        }
        return Ok(());
    };
    if !glob::is_pattern(part) {
        return search(tree, format!("{here}/{part}"), rest, found);
    }
    let Some(folder) = there(tree.target(if here.is_empty() { "/" } else { &here }))? else { return Ok(()) };
    if folder.kind() != SFlag::S_IFDIR {
        return Ok(());
    }
    for name in folder.names()? {
        if let Some(name) = OsStr::to_str(&name).filter(|name| glob::fits(part, name)) {
            search(tree, format!("{here}/{name}"), rest, found)?;
        }
    }
    Ok(())
}

/// What is not there fits nothing.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(node) => Ok(Some(node)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a path fits a pattern, part by part.
pub(super) fn fits(pattern: &str, path: &str) -> bool {
    braces(pattern).iter().any(|pattern| {
        let (mut parts, mut names) = (pattern.split('/'), path.split('/'));
        loop {
            match (parts.next(), names.next()) {
                (Some(part), Some(name)) if part == name || glob::fits(part, name) => {}
                (None, None) => return true,
                (Some(_) | None, Some(_) | None) => return false,
            }
        }
    })
}

/// `a{b,c}d` is `abd` and `acd`; braces without a comma in them are themselves.
fn braces(pattern: &str) -> Vec<String> {
    let mut todo = vec![pattern.to_owned()];
    let mut done = Vec::new();
    while let Some(word) = todo.pop() {
        let Some((before, inside, after)) = innermost(&word).filter(|_| todo.len() + done.len() < MOST_WORDS) else {
            // An inner pair is undone once for each choice of the outer one.
            if !done.contains(&word) {
                done.push(word);
            }
            continue;
        };
        todo.extend(inside.split(',').rev().map(|choice| format!("{before}{choice}{after}")));
    }
    done
}

/// The first pair of braces that has a comma and no other brace in it.
fn innermost(word: &str) -> Option<(&str, &str, &str)> {
    let mut open = None;
    for (at, c) in word.char_indices() {
        match (c, open) {
            ('{', _) => open = Some(at),
            ('}', Some(from)) => {
                let inside = word.get(from + 1..at)?;
                if inside.contains(',') {
                    return Some((word.get(..from)?, inside, word.get(at + 1..)?));
                }
                open = None;
            }
            (_, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_choices_and_parts_stay_parts() {
        assert_eq!(braces("/a{b,c{d,e}}f"), ["/abf", "/acdf", "/acef"].map(str::to_owned));
        assert_eq!(braces("/a{b}{c"), ["/a{b}{c".to_owned()]);
        assert!(fits("/tmp/s-*/t", "/tmp/s-1/t") && !fits("/tmp/*", "/tmp/a/b") && !fits("/tmp/*", "/tmp/.a"));
        assert!(fits("/x/{a,b*}", "/x/bc"));
        assert!(braces(&"{a,b}".repeat(40)).len() <= MOST_WORDS + 2);
    }
}
