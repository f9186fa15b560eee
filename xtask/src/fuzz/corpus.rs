//! What targets begin with: words of the readers' own sources, and files that the repository has anyway.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::place;

/// The files of a folder in order; none where there is no folder.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

/// libFuzzer's dictionary of all short string literals in these sources: a reader knows a word by comparing it with one of them.
pub(super) fn dictionary(sources: &[&str]) -> Result<String> {
    let mut words = BTreeSet::new();
    for source in sources {
        let path = place::repository().join(source);
        for file in sources_of(&path)? {
            let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            words.extend(literals(&text).map(str::to_owned));
        }
    }
    Ok(words.iter().map(|word| format!("\"{word}\"\n")).collect())
}

fn sources_of(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources_of(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Literals that are one word: what is between quotes in one line, where nothing in it needs escaping.
fn literals(source: &str) -> impl Iterator<Item = &str> {
    let fits = |word: &&str| (1..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    source.lines().flat_map(|line| line.split('"').skip(1).step_by(2)).filter(fits)
}

/// Inputs made of other files in the repository.
pub(super) fn made_for(target: &str) -> Result<Vec<Vec<u8>>> {
    let top = place::repository();
    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    Ok(match target {
        "toml_unit" => {
            let mut made = Vec::new();
            for path in files(&top.join("units/stock"))? {
                let kind = if path.to_string_lossy().ends_with(".target.toml") { "t" } else { "s" };
                made.push(format!("{kind}{}", read(&path)?).into_bytes());
            }
            made
        }
        // The first column of what systemd was asked.
        "calendar" => {
            let text = read(&top.join("units/src/value/calendar/tests.txt"))?;
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.filter_map(|line| Some(line.split_once('|')?.0.trim().as_bytes().to_vec())).collect()
        }
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::literals;

    #[test]
    fn literals_are_found() {
        let source = "match x { \"ExecStart\" => a(\"two words\"), \"b\\n\" => b(\"%i\") }";
        assert_eq!(literals(source).collect::<Vec<_>>(), ["ExecStart", "%i"]);
    }
}
