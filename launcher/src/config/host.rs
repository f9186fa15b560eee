//! `fief.toml`: what is particular to this host. Every key is optional.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Cidr;
use super::strict;
use crate::error::{Class, Error};

/// Where id ranges begin unless `fief.toml` says otherwise: above what nspawn picks from (524288..1878982656).
const ID_BASE: u32 = 0x7000_0000;
/// How many ranges of 64 Ki there are unless `fief.toml` says otherwise.
const ID_COUNT: u32 = 1024;
/// The size of one container's id range.
pub(crate) const ID_RANGE: u32 = 1 << 16;

/// The host's config.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct HostConfig {
    /// The cgroup beneath which every container has its own.
    pub cgroup: String,
    /// The bridge with NAT that containers hang on.
    pub bridge: String,
    /// Our nftables table.
    pub nft_table: String,
    /// IPv4 addresses to hand out; the first host address is the bridge's.
    pub pool4: Cidr,
    /// IPv6 addresses to hand out; the first host address is the bridge's.
    pub pool6: Cidr,
    /// The first id of the first range.
    pub id_base: u32,
    /// How many ranges of 65536 ids may be handed out.
    pub id_count: u32,
    /// The `fief-init` program; by default the one beside `fief`.
    pub init: Option<PathBuf>,
    /// The package that `fief template build` puts into Debian and Ubuntu trees; by default the one beside `fief`.
    pub guest_package: Option<PathBuf>,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            cgroup: "fief".into(),
            bridge: "fief0".into(),
            nft_table: "fief".into(),
            pool4: Cidr::literal(IpAddr::V4(Ipv4Addr::new(10, 209, 0, 0)), 16),
            pool6: Cidr::literal(IpAddr::V6(Ipv6Addr::new(0xfd5e, 0xf1ef, 0, 0, 0, 0, 0, 0)), 64),
            id_base: ID_BASE,
            id_count: ID_COUNT,
            init: None,
            guest_package: None,
        }
    }
}

impl HostConfig {
    /// Reads `path`; a missing file means the defaults.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense.
    pub fn read(path: &Path) -> Result<Self, Error> {
        const STEP: &str = "reading the host's config";
        let config: Self = strict::read(path, STEP)?.unwrap_or_default();
        config.check().map_err(|cause| Error::new(Class::Value, STEP, format!("{}: {cause}", path.display())))?;
        Ok(config)
    }

    /// What the types cannot say.
    fn check(&self) -> Result<(), String> {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let plain = |text: &str| !text.is_empty() && !text.starts_with(['.', '-']) && text.chars().all(word);
        if self.cgroup.len() > 200 || !self.cgroup.split('/').all(plain) {
            return Err(format!("cgroup = {:?} is not a cgroup path", self.cgroup));
        }
        // IFNAMSIZ is 16 with the closing NUL.
        if self.bridge.len() > 15 || !plain(&self.bridge) {
            return Err(format!("bridge = {:?} is not a link name of at most 15 characters", self.bridge));
        }
        if self.nft_table.len() > 100
            || !self.nft_table.starts_with(|c: char| c.is_ascii_alphabetic())
            || !self.nft_table.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        {
            return Err(format!("nft-table = {:?} is not a table name", self.nft_table));
        }
        if !self.pool4.address().is_ipv4() || !(8..=30).contains(&self.pool4.prefix()) {
            return Err(format!("pool4 = \"{}\" is not an IPv4 network of /8 to /30", self.pool4));
        }
        if !self.pool6.address().is_ipv6() || !(32..=126).contains(&self.pool6.prefix()) {
            return Err(format!("pool6 = \"{}\" is not an IPv6 network of /32 to /126", self.pool6));
        }
        if !self.id_base.is_multiple_of(ID_RANGE) || self.id_base < ID_RANGE {
            return Err(format!("id-base = {} is not a multiple of 65536 above 0", self.id_base));
        }
        let end = u64::from(self.id_base) + u64::from(self.id_count) * u64::from(ID_RANGE);
        // 2^32 - 1 is (uid_t) -1, no id; systemd and we leave the last range alone.
        if self.id_count == 0 || end > u64::from(u32::MAX - ID_RANGE) {
            return Err(format!("id-count = {} does not fit between id-base and 2^32", self.id_count));
        }
        for (key, path) in [("init", &self.init), ("guest-package", &self.guest_package)] {
            if path.as_ref().is_some_and(|path| !path.is_absolute()) {
                return Err(format!("{key} is not an absolute path"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<HostConfig, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fief.toml");
        std::fs::write(&path, text).unwrap();
        HostConfig::read(&path).map_err(|error| error.line())
    }

    #[test]
    fn nothing_means_the_defaults() {
        assert_eq!(read("").unwrap(), HostConfig::default());
        let defaults = HostConfig::default();
        assert_eq!(defaults.pool4.to_string(), "10.209.0.0/16");
        assert_eq!(defaults.pool6.to_string(), "fd5e:f1ef::/64");
        defaults.check().unwrap();
    }

    #[test]
    fn every_key_can_be_set() {
        let config = read(
            "cgroup = 'fief-test-1'\nbridge = 'fief-test-0'\nnft-table = 'fief-test'\npool4 = '10.77.0.0/24'\n\
             pool6 = 'fd00:77::/64'\nid-base = 1879113728\nid-count = 3\ninit = '/x/fief-init'\nguest-package = '/x/y.deb'\n",
        )
        .unwrap();
        assert_eq!(config.id_count, 3);
        assert_eq!(config.init.unwrap(), Path::new("/x/fief-init"));
    }

    #[test]
    fn nonsense_is_told_with_file_line_and_caret() {
        let line = read("bridge = 'fief0'\nbrigde = 'x'\n").unwrap_err();
        assert!(line.contains("fief.toml:2") && line.contains("brigde") && line.contains('^'), "{line}");
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "cgroup = '../x'",
            "cgroup = ''",
            "cgroup = '/x'",
            "bridge = 'sixteencharacter'",
            "bridge = 'a/b'",
            "nft-table = 'a b'",
            "pool4 = 'fd00::/64'",
            "pool4 = '10.0.0.0/31'",
            "pool6 = '10.0.0.0/8'",
            "id-base = 5",
            "id-count = 0",
            "id-count = 65535",
            "init = 'fief-init'",
            "guest-package = 'y.deb'",
            "id-base = -1",
            "pool4 = 5",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
