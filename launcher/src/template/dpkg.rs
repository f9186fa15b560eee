//! What dpkg has installed in a tree, by its own record: `/var/lib/dpkg/status`, deb822(5) with the fields of dpkg-query(1).

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use kernel::beneath::Dir;

/// A status file larger than this is none, bytes.
const LIMIT: u64 = 256 << 20;

/// The names of the packages whose files are there.
///
/// # Errors
/// When the tree has no record.
pub(super) fn installed(rootfs: &Path) -> io::Result<BTreeSet<String>> {
    let bytes = Dir::open(rootfs)?.read(Path::new("var/lib/dpkg/status"), LIMIT)?;
    Ok(names(&String::from_utf8_lossy(&bytes)))
}

fn names(status: &str) -> BTreeSet<String> {
    let field = |stanza: &str, name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
    // The third word is the state; the first is only what somebody wishes.
    let is_there = |stanza: &&str| {
        field(stanza, "Status:").is_some_and(|status| !status.ends_with("not-installed") && !status.ends_with("config-files"))
    };
    status.split("\n\n").filter(is_there).filter_map(|stanza| field(stanza, "Package:")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_not_there() {
        let status = "Package: a\nStatus: install ok installed\nDescription: x\n Package: y\n\n\
                      Package: b\nStatus: deinstall ok config-files\n\nPackage: c\nStatus: install ok unpacked\n";
        assert_eq!(names(status).into_iter().collect::<Vec<_>>(), ["a", "c"]);
    }
}
