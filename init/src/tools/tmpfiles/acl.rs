//! POSIX ACLs, by the attributes that the kernel keeps them in. acl(5), linux/posix_acl_xattr.h.

use std::io;

use nix::errno::Errno;
use nix::sys::stat::SFlag;

use super::super::tree::Node;
use crate::accounts::Accounts;

/// Whom an entry is about, by the kernel's numbers.
const USER_OBJ: u16 = 1;
const USER: u16 = 2;
const GROUP_OBJ: u16 = 4;
const GROUP: u16 = 8;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

const VERSION: u32 = 2;
/// Of entries that name nobody.
const NOBODY: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    is_default: bool,
    tag: u16,
    allowed: u16,
    id: u32,
}

/// `d:group:adm:r-x,u:root:rwx,mask::r`
pub(super) fn read(text: &str, accounts: &Accounts) -> Result<Vec<Entry>, String> {
    text.split(',').map(|entry| one(entry.trim(), accounts).ok_or_else(|| format!("Failed to parse ACL \"{text}\": \"{entry}\""))).collect()
}

fn one(text: &str, accounts: &Accounts) -> Option<Entry> {
    let mut rest = text;
    let is_default = ["default:", "d:"].iter().any(|prefix| rest.strip_prefix(prefix).inspect(|after| rest = after).is_some());
    let mut fields = rest.split(':');
    let (kind, who) = (fields.next()?, fields.next()?);
    let letters = fields.next()?;
    if fields.next().is_some() {
        return None;
    }
    let (tag, id) = match (kind, who) {
        ("u" | "user", "") => (USER_OBJ, NOBODY),
        ("u" | "user", who) => (USER, accounts.user(who)?.uid),
        ("g" | "group", "") => (GROUP_OBJ, NOBODY),
        ("g" | "group", who) => (GROUP, accounts.group(who)?),
        ("m" | "mask", "") => (MASK, NOBODY),
        ("o" | "other", "") => (OTHER, NOBODY),
        _ => return None,
    };
    let mut allowed = 0;
    for letter in letters.chars() {
        allowed |= match letter {
            'r' => 4,
            'w' => 2,
            'x' => 1,
            '-' => 0,
            '0'..='7' if letters.len() == 1 => u16::try_from(letter.to_digit(8)?).ok()?,
            _ => return None,
        };
    }
    Some(Entry { is_default, tag, allowed, id })
}

/// Gives what is held these entries, in addition to those it has or in their stead.
pub(super) fn apply(node: &Node, entries: &[Entry], adds: bool) -> io::Result<()> {
    for (is_default, name) in [(false, "system.posix_acl_access"), (true, "system.posix_acl_default")] {
        let wanted: Vec<Entry> = entries.iter().filter(|entry| entry.is_default == is_default).copied().collect();
        // Only a directory hands anything down, and a link has no access of its own.
        if wanted.is_empty() || node.kind() == SFlag::S_IFLNK || (is_default && node.kind() != SFlag::S_IFDIR) {
            continue;
        }
        let there = if adds { kernel::inode::xattr(&node.path(), name) } else { Ok(Vec::new()) };
        let done = match there {
            Ok(there) => kernel::inode::set_xattr(&node.path(), name, &joined(&decode(&there), &wanted, node.stat.st_mode)),
            Err(Errno::ENODATA) => kernel::inode::set_xattr(&node.path(), name, &joined(&[], &wanted, node.stat.st_mode)),
            Err(error) => Err(error),
        };
        match done {
            // A file system without them.
            Err(Errno::EOPNOTSUPP) => return Ok(()),
            other => other?,
        }
    }
    Ok(())
}

fn decode(bytes: &[u8]) -> Vec<Entry> {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    let half = |bytes: &[u8]| u16::try_from(number(bytes)).unwrap_or(0);
    let entries = bytes.get(4..).unwrap_or_default().chunks_exact(8);
    entries
        .filter_map(|entry| {
            Some(Entry { is_default: false, tag: half(entry.get(..2)?), allowed: half(entry.get(2..4)?), id: number(entry.get(4..)?) })
        })
        .collect()
}

/// All entries in the kernel's form, with those that no list can do without.
fn joined(there: &[Entry], wanted: &[Entry], mode: u32) -> Vec<u8> {
    let mut all: Vec<Entry> = wanted.to_vec();
    let speaks = |all: &[Entry], tag, id| all.iter().any(|entry| (entry.tag, entry.id) == (tag, id));
    for entry in there {
        if !speaks(&all, entry.tag, entry.id) {
            all.push(*entry);
        }
    }
    for (tag, shift) in [(USER_OBJ, 6), (GROUP_OBJ, 3), (OTHER, 0)] {
        if !speaks(&all, tag, NOBODY) {
            let allowed = u16::try_from(mode >> shift & 7).unwrap_or(0);
            all.push(Entry { is_default: false, tag, allowed, id: NOBODY });
        }
    }
    let is_named = |entry: &&Entry| [USER, GROUP].contains(&entry.tag);
    if all.iter().any(|entry| is_named(&entry)) && !speaks(&all, MASK, NOBODY) {
        let masked = all.iter().filter(|entry| is_named(entry) || entry.tag == GROUP_OBJ);
        let allowed = masked.fold(0, |sum, entry| sum | entry.allowed);
        all.push(Entry { is_default: false, tag: MASK, allowed, id: NOBODY });
    }
    units::order::by(&mut all, |a, b| (a.tag, a.id).cmp(&(b.tag, b.id)));
    let mut bytes = VERSION.to_le_bytes().to_vec();
    for entry in all {
        bytes.extend(entry.tag.to_le_bytes());
        bytes.extend(entry.allowed.to_le_bytes());
        bytes.extend(entry.id.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_missing_follows_from_the_mode() {
        let accounts = Accounts::from_text(String::new(), "adm:x:4:\n".to_owned());
        let wanted = read("group:adm:r-x,d:u::7", &accounts).unwrap();
        assert!(wanted.get(1).unwrap().is_default);
        let all = decode(&joined(&[], wanted.get(..1).unwrap(), 0o640));
        let seen: Vec<(u16, u16, u32)> = all.iter().map(|entry| (entry.tag, entry.allowed, entry.id)).collect();
        assert_eq!(seen, [(USER_OBJ, 6, NOBODY), (GROUP_OBJ, 4, NOBODY), (GROUP, 5, 4), (MASK, 5, NOBODY), (OTHER, 0, NOBODY)]);
        // Once there, it is as it is said, and the rest stays.
        let again = decode(&joined(&all, &read("g:adm:-", &accounts).unwrap(), 0o777));
        assert!(again.iter().any(|entry| entry.tag == GROUP && entry.allowed == 0) && again.len() == 5);
        for text in ["", "group:adm", "x::r", "u:nobody-here:r", "g:adm:q", "o:x:r"] {
            assert!(read(text, &accounts).is_err(), "{text}");
        }
    }
}
