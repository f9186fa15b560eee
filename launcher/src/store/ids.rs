//! Which id ranges are free.
//!
//! Ranges are 64 Ki wide and aligned, taken in order from the host's pool. A range is used up by any container whose
//! `container.toml` names it, and left alone when `/etc/subuid`, `/etc/subgid` or a user or group of the host lies in
//! it. The files of the host are read, never NSS: a static binary must not load its modules.

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

/// The first free range of the pool.
///
/// # Errors
/// When every range is used or reserved.
pub fn pick(config: &HostConfig, used: &BTreeSet<u32>, reserved: &Reserved) -> Result<Ids, Error> {
    let width = 1u32 << 16;
    (0..config.id_count)
        .filter_map(|n| n.checked_mul(width).and_then(|offset| config.id_base.checked_add(offset)))
        .find(|base| !used.contains(base) && !reserved.touches(u64::from(*base)))
        .map(|base| Ids { base })
        .ok_or_else(|| {
            Error::new(
                Class::Exhausted,
                "handing out an id range",
                format!("all {} ranges from {} are used", config.id_count, config.id_base),
            )
            .advice("destroy a container, or raise id-count in fief.toml")
        })
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
        assert_eq!(pick(&config, &BTreeSet::new(), &free).unwrap().base, BASE);
        let used = BTreeSet::from([BASE, BASE + 131_072]);
        assert_eq!(pick(&config, &used, &free).unwrap().base, BASE + 65_536);
        let used = BTreeSet::from([BASE, BASE + 65_536, BASE + 131_072]);
        assert_eq!(pick(&config, &used, &free).unwrap_err().class(), Class::Exhausted);
    }

    #[test]
    fn the_hosts_own_ids_are_left_alone() {
        let etc = tempfile::tempdir().unwrap();
        std::fs::write(etc.path().join("subuid"), "a:1879048192:1\nnonsense\nb:x:y\n").unwrap();
        std::fs::write(etc.path().join("subgid"), "a:1879113727:2\n").unwrap();
        std::fs::write(etc.path().join("passwd"), "root:x:0:0:root:/root:/bin/sh\nz:x:1879179264:5::/:/bin/sh\n").unwrap();
        std::fs::write(etc.path().join("group"), "z:x:1879244801:\n\u{ff}bad\n").unwrap();
        let reserved = Reserved::of_host(etc.path());
        let ids = pick(&HostConfig::default(), &BTreeSet::new(), &reserved).unwrap();
        assert_eq!(ids.base, BASE + 4 * 65_536);
    }
}
