//! Which id ranges are free.
//!
//! Ranges are 64 Ki wide and aligned, taken in order from the host's pool. A range is used up by any container whose
//! `container.toml` names it, and left alone when `/etc/subuid`, `/etc/subgid` or a user or group of the host lies in
//! it; one that a running user namespace has is taken last. The files of the host are read, never NSS: a static binary must not load its modules.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use super::Ids;
use crate::config::HostConfig;
use crate::error::{Class, Error};

const WIDTH: u64 = 1 << 16;

/// Ids of the host that a container must not get.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reserved(Vec<Range<u64>>);

impl Reserved {
    /// What the host's own files give to others. A file that is missing or has odd lines reserves what it says clearly.
    #[must_use]
    pub fn of_host(etc: &Path) -> Self {
        let read = |name: &str| std::fs::read(etc.join(name)).map(|b| String::from_utf8_lossy(&b).into_owned());
        let text = |name: &str| read(name).unwrap_or_default();
        let mut reserved = Self::default();
        reserved.add_ranges(&text("subuid"));
        reserved.add_ranges(&text("subgid"));
        reserved.add_accounts(&text("passwd"));
        reserved.add_accounts(&text("group"));
        reserved
    }

    /// The ids of every user namespace that someone lives in: another program's that asks nobody, or a container's
    /// whose config is gone.
    #[must_use]
    pub fn of_processes(proc: &Path) -> Self {
        let mut inhabited = Self::default();
        for entry in std::fs::read_dir(proc).into_iter().flatten().flatten() {
            if entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit) {
                for map in ["uid_map", "gid_map"] {
                    // A process that ends meanwhile has no map; what cannot be read reserves nothing.
                    inhabited.add_maps(&std::fs::read_to_string(entry.path().join(map)).unwrap_or_default());
                }
            }
        }
        inhabited
    }

    /// Lines of user_namespaces(7)'s `uid_map`: inside, outside, count. The host's own maps everything to itself.
    fn add_maps(&mut self, text: &str) {
        for line in text.lines() {
            let mut fields = line.split_ascii_whitespace().skip(1).map(|field| field.parse::<u64>().ok());
            if let (Some(Some(first)), Some(Some(count))) = (fields.next(), fields.next())
                && count < u64::from(u32::MAX)
                && !self.0.contains(&(first..first.saturating_add(count)))
            {
                self.0.push(first..first.saturating_add(count));
            }
        }
    }

    /// Lines of subuid(5): `name:first:count`.
    fn add_ranges(&mut self, text: &str) {
        for line in text.lines() {
            let mut fields = line.split(':').skip(1).map(|field| field.trim().parse::<u64>().ok());
            if let (Some(Some(first)), Some(Some(count))) = (fields.next(), fields.next()) {
                self.0.push(first..first.saturating_add(count));
            }
        }
    }

    /// Lines of passwd(5) and group(5): the third field is an id, and in passwd the fourth is one too.
    fn add_accounts(&mut self, text: &str) {
        for line in text.lines() {
            for id in line.split(':').skip(2).take(2).filter_map(|field| field.parse::<u64>().ok()) {
                self.0.push(id..id.saturating_add(1));
            }
        }
    }

    fn touches(&self, base: u64) -> bool {
        self.0.iter().any(|range| range.start < base + WIDTH && base < range.end)
    }
}

/// The first free range of the pool; one that somebody lives in without being recorded (`inhabited`) only when there is
/// no other.
///
/// # Errors
/// When every range is used or reserved.
pub fn pick(config: &HostConfig, used: &BTreeSet<u32>, reserved: &Reserved, inhabited: &Reserved) -> Result<Ids, Error> {
    let width = 1u32 << 16;
    let free = || {
        (0..config.id_count)
            .filter_map(|n| n.checked_mul(width).and_then(|offset| config.id_base.checked_add(offset)))
            .filter(|base| !used.contains(base) && !reserved.touches(u64::from(*base)))
    };
    if let Some(base) = free().find(|base| !inhabited.touches(u64::from(*base))) {
        return Ok(Ids { base });
    }
    let base = free().next().ok_or_else(|| {
        let cause = format!("all {} ranges from {} are used", config.id_count, config.id_base);
        Error::new(Class::Exhausted, "handing out an id range", cause).advice("destroy a container, or raise id-count in fief.toml")
    })?;
    log::warn!("ids {base} to {} are in use by a user namespace that is none of ours; raise id-count in fief.toml", base | 0xffff);
    Ok(Ids { base })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BASE: u32 = 0x7000_0000;

    #[test]
    fn ranges_are_taken_in_order_and_used_ones_skipped() {
        let config = HostConfig { id_count: 3, ..HostConfig::default() };
        let free = Reserved::default();
        assert_eq!(pick(&config, &BTreeSet::new(), &free, &free).unwrap().base, BASE);
        let used = BTreeSet::from([BASE, BASE + 131_072]);
        assert_eq!(pick(&config, &used, &free, &free).unwrap().base, BASE + 65_536);
        let used = BTreeSet::from([BASE, BASE + 65_536, BASE + 131_072]);
        assert_eq!(pick(&config, &used, &free, &free).unwrap_err().class(), Class::Exhausted);
    }

    #[test]
    fn the_hosts_own_ids_are_left_alone() {
        let etc = tempfile::tempdir().unwrap();
        std::fs::write(etc.path().join("subuid"), "a:1879048192:1\nnonsense\nb:x:y\n").unwrap();
        std::fs::write(etc.path().join("subgid"), "a:1879113727:2\n").unwrap();
        std::fs::write(etc.path().join("passwd"), "root:x:0:0:root:/root:/bin/sh\nz:x:1879179264:5::/:/bin/sh\n").unwrap();
        std::fs::write(etc.path().join("group"), "z:x:1879244801:\n\u{ff}bad\n").unwrap();
        let proc = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(proc.path().join("77")).unwrap();
        std::fs::write(proc.path().join("77/uid_map"), "         0 1879310336      65536\n").unwrap();
        std::fs::write(proc.path().join("77/gid_map"), "         0          0 4294967295\n").unwrap();
        let reserved = Reserved::of_host(etc.path());
        let inhabited = Reserved::of_processes(proc.path());
        let ids = pick(&HostConfig::default(), &BTreeSet::new(), &reserved, &inhabited).unwrap();
        assert_eq!(ids.base, BASE + 5 * 65_536);
        // The only one left is better than none.
        let config = HostConfig { id_count: 5, ..HostConfig::default() };
        assert_eq!(pick(&config, &BTreeSet::new(), &reserved, &inhabited).unwrap().base, BASE + 4 * 65_536);
    }
}
