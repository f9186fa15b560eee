//! Which numbers new users and groups get: the one that is asked for, where nobody has it; else that of the other of the two; else the
//! highest free one of the ranges. Users and groups share the ranges, so that those of one name mostly have one number.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use units::sysusers::Id;

use super::database::Database;
use crate::say;

/// What the system's users have where nobody says otherwise; sysusers.d(5), Debian's policy 9.2.2.
const USUAL: (u32, u32) = (1, 999);

pub(super) struct Numbers {
    root: PathBuf,
    ranges: Vec<(u32, u32)>,
    /// All above were looked at.
    below: Option<u32>,
}

impl Numbers {
    pub(super) fn new(root: &Path, ranges: Vec<(u32, u32)>) -> Self {
        let ranges = if ranges.is_empty() { vec![USUAL] } else { ranges };
        Self { root: root.to_owned(), ranges, below: None }
    }

    /// For a group; for that of a user of the same name, whose number is to be `of_user`.
    pub(super) fn group(&mut self, database: &Database, name: &str, id: &Id, of_user: Option<&Id>) -> Option<u32> {
        let is_free =
            |gid: u32, with_users: bool| !database.has_gid(gid) && (!with_users || database.user_of(gid).is_none_or(|user| user == name));
        match (id, of_user) {
            (Id::Number(gid), None) if is_free(*gid, false) => return Some(*gid),
            (Id::Number(gid), None) => say::error(format_args!("Suggested group ID {gid} for {name} already used.")),
            (_, Some(Id::Number(uid))) if is_free(*uid, true) => return Some(*uid),
            (Id::OfPath(path), _) => {
                if let Some(gid) = self.owner(path).map(|(_, gid)| gid).filter(|gid| self.has(*gid) && is_free(*gid, true)) {
                    return Some(gid);
                }
            }
            (_, _) => {}
        }
        self.free(|gid| is_free(gid, true))
    }

    pub(super) fn user(&mut self, database: &Database, name: &str, id: &Id, gid: u32, is_strict: bool) -> Option<u32> {
        let is_free = |uid: u32, with_groups: bool| {
            database.user_of(uid).is_none() && (!with_groups || database.group_of(uid).is_none_or(|group| group == name))
        };
        match id {
            Id::Number(uid) if is_free(*uid, !is_strict) => return Some(*uid),
            Id::Number(uid) => say::error(format_args!("Suggested user ID {uid} for {name} already used.")),
            Id::OfPath(path) => {
                if let Some(uid) = self.owner(path).map(|(uid, _)| uid).filter(|uid| self.has(*uid) && is_free(*uid, true)) {
                    return Some(uid);
                }
            }
            Id::Any => {}
        }
        if is_free(gid, true) {
            return Some(gid);
        }
        self.free(|uid| is_free(uid, true))
    }

    fn owner(&self, path: &str) -> Option<(u32, u32)> {
        let about = std::fs::symlink_metadata(self.root.join(path.trim_start_matches('/'))).ok()?;
        Some((about.uid(), about.gid()))
    }

    fn has(&self, id: u32) -> bool {
        id > 0 && self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&id))
    }

    fn free(&mut self, is_free: impl Fn(u32) -> bool) -> Option<u32> {
        loop {
            let below = self.below.unwrap_or(u32::MAX);
            let next =
                self.ranges.iter().filter_map(|(first, last)| Some(below.checked_sub(1)?.min(*last)).filter(|id| id >= first)).max()?;
            self.below = Some(next);
            // Root's is no free one, and these two mean "leave it as it is".
            if ![0, 0xffff, u32::MAX].contains(&next) && is_free(next) {
                return Some(next);
            }
        }
    }
}
