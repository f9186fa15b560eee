//! What there would be if one unit were all that is looked for: a walk for its files opens the files of no other.
//!
//! ```text
//!   Index: each folder of units listed once, its names by stem ──▶ About one unit ──▶ About the next …
//! ```

use super::{FIEF, Nature, SYSTEMD, Tree, named_stem};
use crate::{UnitName, sysv};
use std::collections::{BTreeMap, BTreeSet};

/// Where SysV scripts are.
const SCRIPTS: &str = "/etc/init.d";

/// What a folder holds, by the stems of the names.
type ByStem = BTreeMap<String, Vec<(String, Nature)>>;

/// The folders of units of a tree, each listed once however many units are asked about.
pub struct Index<'t> {
    tree: &'t dyn Tree,
    folders: BTreeMap<&'static str, ByStem>,
}

impl<'t> Index<'t> {
    /// Lists them.
    pub fn new(tree: &'t dyn Tree) -> Self {
        let stem = |folder: &str, name: &str| match folder {
            SCRIPTS => sysv::unit_of(name).map(|name| name.as_str().to_owned()),
            _ => Some(named_stem(name.strip_suffix(".d").unwrap_or(name))),
        };
        let list = |folder: &'static str| {
            let mut by_stem = ByStem::new();
            for (name, nature) in tree.names(folder) {
                if let Some(stem) = stem(folder, &name) {
                    by_stem.entry(stem).or_default().push((name, nature));
                }
            }
            (folder, by_stem)
        };
        Self { tree, folders: FIEF.into_iter().chain(SYSTEMD).chain([SCRIPTS]).map(list).collect() }
    }
}

/// A tree with only the files about one unit in the folders of units; everything else in it is as it was.
pub struct About<'i> {
    index: &'i Index<'i>,
    /// The stems of its files and of its folders of drop-ins.
    stems: BTreeSet<String>,
}

impl<'i> About<'i> {
    /// About the unit with these names, of which it was read from `sources` before.
    pub fn new(index: &'i Index<'i>, names: &[UnitName], sources: &[String]) -> Self {
        let of_names = names.iter().flat_map(|name| name.stems().into_iter().chain([name.kind().suffix().to_owned()]));
        // A timer may stand in the file of a service.
        let of_files = sources.iter().filter_map(|path| Some(named_stem(path.rsplit('/').next()?)));
        Self { index, stems: of_names.chain(of_files).collect() }
    }
}

impl Tree for About<'_> {
    fn names(&self, folder: &str) -> Vec<(String, Nature)> {
        match self.index.folders.get(folder) {
            Some(by_stem) => self.stems.iter().filter_map(|stem| by_stem.get(stem)).flatten().cloned().collect(),
            None => self.index.tree.names(folder),
        }
    }

    fn link(&self, path: &str) -> Option<String> {
        self.index.tree.link(path)
    }

    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, String> {
        self.index.tree.read(path, limit)
    }

    fn is_executable(&self, path: &str) -> bool {
        self.index.tree.is_executable(path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::search::everything;
    use std::collections::BTreeMap;

    /// Regular files, with their text.
    struct Files(BTreeMap<&'static str, &'static str>);

    impl Tree for Files {
        fn names(&self, folder: &str) -> Vec<(String, Nature)> {
            let below = self.0.keys().filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/'));
            let mut names: Vec<_> = below
                .map(|rest| match rest.split_once('/') {
                    Some((folder, _)) => (folder.to_owned(), Nature::Folder),
                    None => (rest.to_owned(), Nature::File),
                })
                .collect();
            names.dedup();
            names
        }

        fn link(&self, _path: &str) -> Option<String> {
            None
        }

        fn read(&self, path: &str, _limit: usize) -> Result<Vec<u8>, String> {
            assert!(!path.contains("other"), "{path} is nobody's business");
            self.0.get(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| "none".to_owned())
        }

        fn is_executable(&self, path: &str) -> bool {
            self.0.contains_key(path)
        }
    }

    #[test]
    fn only_its_own_files_are_found() {
        let files = Files(
            [
                "/etc/fief/units/web.toml.d/a.toml",
                "/etc/fief/units/other.toml",
                "/etc/systemd/system/service.d/all.conf",
                "/etc/systemd/system/foo-.service.d/cut.conf",
                "/etc/systemd/system/foo-bar@.service",
                "/etc/systemd/system/other.service",
                "/etc/systemd/system/other.service.d/x.conf",
                "/etc/systemd/system/web.socket",
                "/etc/init.d/other",
                "/etc/init.d/web",
                "/usr/lib/systemd/system/web.service",
            ]
            .map(|path| (path, "[Unit]\n"))
            .into(),
        );
        let found = |name: &str, sources: &[&str]| -> Vec<String> {
            let sources: Vec<String> = sources.iter().map(|path| (*path).to_owned()).collect();
            let names = [UnitName::new(name).unwrap()];
            everything(&About::new(&Index::new(&files), &names, &sources)).into_iter().map(|file| file.path).collect()
        };
        let all = "/etc/systemd/system/service.d/all.conf";
        let web = ["/etc/fief/units/web.toml.d/a.toml", all, "/usr/lib/systemd/system/web.service"];
        assert_eq!(found("web", &[]), web);
        assert_eq!(found("foo-bar@1", &[]), ["/etc/systemd/system/foo-.service.d/cut.conf", "/etc/systemd/system/foo-bar@.service", all]);
        let part = ["/etc/fief/units/web.toml.d/a.toml", "/usr/lib/systemd/system/web.service"];
        assert_eq!(found("web.timer", &["/usr/lib/systemd/system/web.service"]), part);
    }
}
