//! Generators: programs of packages that write units when the unit files are read. systemd.generator(7).
//!
//! ```text
//!   /run, /etc, /usr/local/lib, /usr/lib …/systemd/system-generators ──▶ Generator…
//!   each with the three OUTPUT folders as its arguments ──▶ units, drop-ins and links, found there by the walk
//! ```

use super::{MOST, Tree, sorted};
use crate::systemd::plumbing;
use std::collections::BTreeSet;

/// Where they are; the first file of a name counts.
const FOLDERS: [&str; 5] = [
    "/run/systemd/system-generators",
    "/etc/systemd/system-generators",
    "/usr/local/lib/systemd/system-generators",
    "/usr/lib/systemd/system-generators",
    "/lib/systemd/system-generators",
];

/// Where they write, as they are told: normal, early, late.
pub const OUTPUT: [&str; 3] = ["/run/systemd/generator", "/run/systemd/generator.early", "/run/systemd/generator.late"];

/// A program that writes units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generator {
    /// The name of its file.
    pub name: String,
    /// Where it is.
    pub path: String,
}

/// All generators there are, but systemd's own. One that is empty or leads to `/dev/null` masks those of its name in
/// later folders.
pub fn generators(tree: &dyn Tree) -> Vec<Generator> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for folder in FOLDERS {
        for (name, _) in sorted(tree, folder) {
            let path = format!("{folder}/{name}");
            if found.len() >= MOST || plumbing::is_own_generator(&name) || seen.contains(&name) {
                continue;
            }
            if tree.read(&path, 1).is_ok_and(|text| text.is_empty()) {
                seen.insert(name);
            } else if tree.is_executable(&path) {
                seen.insert(name.clone());
                found.push(Generator { name, path });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Nature;

    /// Path, first byte of the text if any, whether it may be executed.
    struct Small(&'static [(&'static str, &'static str, bool)]);

    impl Tree for Small {
        fn names(&self, folder: &str) -> Vec<(String, Nature)> {
            let inside = self.0.iter().filter_map(|(path, _, _)| path.strip_prefix(folder)?.strip_prefix('/'));
            inside.map(|name| (name.to_owned(), Nature::File)).collect()
        }

        fn link(&self, _path: &str) -> Option<String> {
            None
        }

        fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, String> {
            let text = self.0.iter().find(|(known, _, _)| *known == path).map_or("", |(_, text, _)| text);
            Ok(text.bytes().take(limit).collect())
        }

        fn is_executable(&self, path: &str) -> bool {
            self.0.iter().any(|(known, _, executable)| *known == path && *executable)
        }
    }

    #[test]
    fn the_first_of_a_name_counts_and_an_empty_one_masks() {
        let tree = Small(&[
            ("/etc/systemd/system-generators/masked", "", false),
            ("/etc/systemd/system-generators/ours", "#", true),
            ("/etc/systemd/system-generators/readme", "a", false),
            ("/usr/lib/systemd/system-generators/masked", "#", true),
            ("/usr/lib/systemd/system-generators/ours", "#", true),
            ("/usr/lib/systemd/system-generators/readme", "#", true),
            ("/usr/lib/systemd/system-generators/systemd-fstab-generator", "#", true),
        ]);
        let found = generators(&tree).into_iter().map(|generator| generator.path);
        assert_eq!(found.collect::<Vec<_>>(), ["/etc/systemd/system-generators/ours", "/usr/lib/systemd/system-generators/readme"]);
    }
}
