//! Mode and owner as a line says. chmod(2), chown(2).

use std::io;
use std::path::Path;

use nix::sys::stat::SFlag;

use super::super::tree::Node;
use super::plan::Item;
use crate::file;

/// Whether what the line is about was there before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    New,
    Old,
}

/// Gives it, as far as it differs.
pub(super) fn settle(item: &Item, node: &Node, age: Age) -> io::Result<()> {
    let applies = |only_new: bool| !only_new || age == Age::New;
    let (user, group) = (item.user.filter(|user| applies(user.only_new)), item.group.filter(|group| applies(group.only_new)));
    let mode = item.mode.filter(|mode| applies(mode.only_new));
    if user.is_none() && group.is_none() && mode.is_none() {
        return Ok(());
    }
    let stat = &node.stat;
    let is_directory = node.kind() == SFlag::S_IFDIR;
    if !is_directory && stat.st_nlink > 1 && !hard_links_are_protected() {
        // Anybody may have given a file of root's this name: to change it here would be to change it there.
        return Err(io::Error::other("refusing to set permissions on a hard-linked file while fs.protected_hardlinks is off"));
    }
    let (uid, gid) = (user.map_or(stat.st_uid, |user| user.id), group.map_or(stat.st_gid, |group| group.id));
    let is_given = (uid, gid) != (stat.st_uid, stat.st_gid);
    let old = stat.st_mode & 0o7777;
    let new = mode.map_or(old, |mode| if mode.masked { masked(mode.bits, old, is_directory) } else { mode.bits });
    let is_link = node.kind() == SFlag::S_IFLNK;
    // At no moment may anybody do what neither mode allows.
    if is_given && new != old && old & new != old && !is_link {
        node.chmod(old & new)?;
    }
    if is_given {
        node.chown(uid, gid)?;
    }
    // chown(2) takes set-id bits away.
    if (is_given || new != old) && !is_link {
        node.chmod(new)?;
    }
    Ok(())
}

/// What nobody may do stays so.
fn masked(wanted: u32, old: u32, is_directory: bool) -> u32 {
    let mut bits = if is_directory { wanted } else { wanted & 0o777 };
    for class in [0o111, 0o222, 0o444] {
        if old & class == 0 {
            bits &= !class;
        }
    }
    bits
}

/// proc_sys_fs(5)
fn hard_links_are_protected() -> bool {
    file::read_text(Path::new("/proc/sys/fs/protected_hardlinks"), 16).is_ok_and(|text| text.trim() == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_allows_nothing_new() {
        assert_eq!(masked(0o2755, 0o644, false), 0o644);
        assert_eq!(masked(0o2755, 0o700, true), 0o2755);
        assert_eq!(masked(0o666, 0o444, false), 0o444);
    }
}
