//! Patterns of paths, as glob(7): `*`, `?`, `[a-z]`, `[!x]` within a part; a leading dot is matched by a dot only.

use std::fs;
use std::path::{Path, PathBuf};

/// Entries looked at in all: a pattern over a whole disk must not keep PID 1.
const MOST: usize = 1 << 16;

/// Whether there is anything that fits.
pub(crate) fn any(pattern: &str) -> bool {
    search(Path::new("/"), &parts(pattern), &mut MOST.clone(), &mut |_| true)
}

/// All that fits below `root`, in order.
pub(crate) fn all(root: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    search(root, &parts(pattern), &mut MOST.clone(), &mut |path| {
        found.push(path.to_owned());
        false
    });
    units::order::by(&mut found, Ord::cmp);
    found
}

fn parts(pattern: &str) -> Vec<&str> {
    pattern.split('/').filter(|part| !part.is_empty()).collect()
}

/// What comes before the first part that is a pattern.
pub(crate) fn base(pattern: &str) -> PathBuf {
    let plain = pattern.split('/').filter(|part| !part.is_empty()).take_while(|part| !is_pattern(part));
    Path::new("/").join(plain.collect::<PathBuf>())
}

pub(crate) fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// Shows what fits until `is_enough` says so; whether it did.
fn search(here: &Path, parts: &[&str], left: &mut usize, is_enough: &mut dyn FnMut(&Path) -> bool) -> bool {
    let Some((part, rest)) = parts.split_first() else { return here.exists() && is_enough(here) };
    if !is_pattern(part) {
        return search(&here.join(part), rest, left, is_enough);
    }
    let Ok(entries) = fs::read_dir(here) else { return false };
    for entry in entries.flatten() {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| fits(part, name)) && search(&entry.path(), rest, left, is_enough) {
            return true;
        }
    }
    false
}

/// Whether a name fits one part of a pattern.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    (!name.starts_with('.') || pattern.starts_with('.')) && units::glob::matches(pattern, name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_fit_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("*", "a", true),
            ("*", ".a", false),
            (".*", ".a", true),
            ("a*c", "abc", true),
            ("a*c", "ab", false),
            ("*.conf", "x.y.conf", true),
            ("a?", "a", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]x]", "]", true),
            ("[a", "[a", true),
            ("*a*a*a*a*a*b", &"a".repeat(200), false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn parts_are_searched_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        fs::create_dir_all(folder.path().join("ab/cd")).unwrap();
        assert!(any(&format!("{root}/a*/c?")));
        assert!(!any(&format!("{root}/a*/d*")));
        assert!(any(&format!("{root}/ab")));
        fs::create_dir_all(folder.path().join("aa/cd")).unwrap();
        assert_eq!(all(folder.path(), "a*/c*"), ["aa/cd", "ab/cd"].map(|path| folder.path().join(path)));
        assert_eq!(base(&format!("{root}/a*/cd")), folder.path());
    }
}
