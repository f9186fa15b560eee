//! What there would be if one unit were all that is looked for: a walk for its files opens the files of no other.

use super::{FIEF, Nature, SYSTEMD, Tree, named_stem};
use crate::{UnitName, sysv};
use std::collections::BTreeSet;

/// A tree with only the files about one unit in the folders of units; everything else in it is as it was.
pub struct About<'t> {
    tree: &'t dyn Tree,
    /// The stems of its files and of its folders of drop-ins.
    stems: BTreeSet<String>,
}

impl<'t> About<'t> {
    /// About the unit with these names, of which it was read from `sources` before.
    pub fn new(tree: &'t dyn Tree, names: &[UnitName], sources: &[String]) -> Self {
        let of_names = names.iter().flat_map(|name| name.stems().into_iter().chain([name.kind().suffix().to_owned()]));
        // A timer may stand in the file of a service.
        let of_files = sources.iter().filter_map(|path| Some(named_stem(path.rsplit('/').next()?)));
        Self { tree, stems: of_names.chain(of_files).collect() }
    }
}

impl Tree for About<'_> {
    fn names(&self, folder: &str) -> Vec<(String, Nature)> {
        let mut names = self.tree.names(folder);
        if folder == "/etc/init.d" {
            names.retain(|(script, _)| sysv::unit_of(script).is_some_and(|name| self.stems.contains(name.as_str())));
        } else if FIEF.contains(&folder) || SYSTEMD.contains(&folder) {
            names.retain(|(name, _)| self.stems.contains(&named_stem(name.strip_suffix(".d").unwrap_or(name))));
        }
        names
    }

    fn link(&self, path: &str) -> Option<String> {
        self.tree.link(path)
    }

    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, String> {
        self.tree.read(path, limit)
    }

    fn is_executable(&self, path: &str) -> bool {
        self.tree.is_executable(path)
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
            everything(&About::new(&files, &names, &sources)).into_iter().map(|file| file.path).collect()
        };
        let all = "/etc/systemd/system/service.d/all.conf";
        let web = ["/etc/fief/units/web.toml.d/a.toml", all, "/usr/lib/systemd/system/web.service"];
        assert_eq!(found("web", &[]), web);
        assert_eq!(found("foo-bar@1", &[]), ["/etc/systemd/system/foo-.service.d/cut.conf", "/etc/systemd/system/foo-bar@.service", all]);
        let part = ["/etc/fief/units/web.toml.d/a.toml", "/usr/lib/systemd/system/web.service"];
        assert_eq!(found("web.timer", &["/usr/lib/systemd/system/web.service"]), part);
    }
}
