//! `container.toml`: everything there is to know about a container that does not run.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::credentials::{CredentialName, CredentialValue};
use super::{ContainerName, Hostname, Limits, TemplateName, atomic};
use crate::config::{Cidr, strict};
use crate::error::{Class, Error, OrFail as _};

/// The version of the file that this program writes and reads.
const VERSION: u32 = 1;

/// What the guest's link is called unless the config says otherwise.
pub const BRIDGE_GUEST_LINK: &str = "eth0";

/// A container, as `container.toml` has it. Strict: unknown keys are errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ContainerConfig {
    version: u32,
    /// Its name; the folder has the same.
    pub name: ContainerName,
    /// `container_uuid`: the machine id of a guest that has none yet.
    pub uuid: String,
    /// What it lies over.
    pub template: TemplateName,
    /// The host name inside.
    pub hostname: Hostname,
    /// Started with the host.
    #[serde(default)]
    pub onboot: bool,
    /// The id range.
    pub ids: Ids,
    /// The limits.
    #[serde(default)]
    pub limits: Limits,
    /// Name servers.
    #[serde(default)]
    pub dns: Dns,
    /// What runs as PID 1.
    #[serde(default)]
    pub init: Init,
    /// Secrets and first settings, by systemd's credential names; shown inside as `/run/host/credentials/NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub credentials: BTreeMap<CredentialName, CredentialValue>,
    /// The links; none means a loopback only.
    #[serde(default, rename = "network", skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
}

/// The id range: guest ids 0..65536 are host ids `base..base + 65536`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// The first host id; a multiple of 65536.
    pub base: u32,
}

/// Name servers of the guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// Empty: those of the host.
    #[serde(default)]
    pub nameservers: Vec<IpAddr>,
}

/// What runs as PID 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// Which program.
    #[serde(default)]
    pub path: InitPath,
    /// Its arguments after `argv[0]`.
    #[serde(default)]
    pub args: Vec<String>,
}

/// Our own init, or one of the guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum InitPath {
    /// The word `fief-init`: this host's, bound into the guest.
    #[default]
    Ours,
    /// An absolute path inside the guest.
    Guest(PathBuf),
}

/// One network link of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Link {
    /// On what kind of bridge.
    pub kind: LinkKind,
    /// The bridge on the host.
    pub bridge: String,
    /// The link's name inside.
    pub guest_link: String,
    /// The link's name on the host.
    pub host_link: String,
    /// The link's hardware address inside.
    pub mac: MacAddress,
    /// Its addresses inside.
    #[serde(default)]
    pub addresses: Vec<Cidr>,
    /// The way out, at most one per family.
    #[serde(default)]
    pub gateways: Vec<IpAddr>,
}

/// What kind of bridge a link hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// fief's own, with NAT; fief makes it and hands out the addresses.
    Bridge,
    /// One that the host's owner made; fief only hangs the link on it.
    HostBridge,
}

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// The six bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// A locally administered unicast address out of six arbitrary bytes.
    #[must_use]
    pub const fn local(mut bytes: [u8; 6]) -> Self {
        let [first, ..] = &mut bytes;
        *first = (*first & 0xfc) | 0x02;
        Self(bytes)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a unicast hardware address such as 02:00:5e:10:00:01");
        let bytes: Vec<u8> = text
            .split(':')
            .map(|part| (part.len() == 2).then(|| u8::from_str_radix(part, 16).ok()).flatten())
            .collect::<Option<_>>()
            .ok_or_else(bad)?;
        let bytes: [u8; 6] = bytes.try_into().map_err(|_| bad())?;
        let [first, ..] = bytes;
        if first & 1 == 1 || bytes == [0; 6] { Err(bad()) } else { Ok(Self(bytes)) }
    }
}

impl TryFrom<String> for MacAddress {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(mac: MacAddress) -> Self {
        mac.to_string()
    }
}

impl TryFrom<String> for InitPath {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text == "fief-init" {
            Ok(Self::Ours)
        } else if text.starts_with('/') && !text.chars().any(char::is_control) {
            Ok(Self::Guest(text.into()))
        } else {
            Err(format!("{text:?} is neither \"fief-init\" nor an absolute path inside the guest"))
        }
    }
}

impl From<InitPath> for String {
    fn from(path: InitPath) -> Self {
        match path {
            InitPath::Ours => "fief-init".into(),
            InitPath::Guest(path) => path.to_string_lossy().into_owned(),
        }
    }
}

impl ContainerConfig {
    /// A container with the defaults: no limits, no links, our init.
    #[must_use]
    pub fn new(name: ContainerName, uuid: String, template: TemplateName, ids: Ids) -> Self {
        Self {
            version: VERSION,
            uuid,
            template,
            hostname: Hostname::from(&name),
            name,
            onboot: false,
            ids,
            limits: Limits::default(),
            dns: Dns::default(),
            init: Init::default(),
            credentials: BTreeMap::new(),
            links: Vec::new(),
        }
    }

    /// Every address of the container.
    pub fn addresses(&self) -> impl Iterator<Item = Cidr> + '_ {
        self.links.iter().flat_map(|link| link.addresses.iter().copied())
    }

    /// Reads `path`; `None` when there is no such file.
    ///
    /// # Errors
    /// When it cannot be read, has another version, or says something that makes no sense.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        const STEP: &str = "reading the container's config";
        let Some(config) = strict::read::<Self>(path, STEP)? else { return Ok(None) };
        config.check().map_err(|cause| Error::new(Class::Value, STEP, format!("{}: {cause}", path.display())))?;
        Ok(Some(config))
    }

    /// Writes it to `path`, whole or not at all, readable by root only.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        const STEP: &str = "writing the container's config";
        let text = toml::to_string(self).or_fail(Class::Internal, STEP, || path.display().to_string())?;
        atomic::write(path, text.as_bytes(), 0o600)
            .map_err(|error| Error::new(strict::class_of(&error), STEP, path.display().to_string()).source(error))
    }

    /// What the types cannot say.
    fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!("version = {} is not {VERSION}; another fief wrote it", self.version));
        }
        if !self.ids.base.is_multiple_of(1 << 16) || self.ids.base == 0 || self.ids.base > u32::MAX - (2 << 16) {
            return Err(format!("ids.base = {} is not a multiple of 65536 above 0", self.ids.base));
        }
        if self.uuid.len() != 36 || !self.uuid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
            return Err(format!("uuid = {:?} is not a UUID", self.uuid));
        }
        if self.init.args.iter().any(|arg| arg.contains('\0')) {
            return Err("init.args has a NUL".into());
        }
        for link in &self.links {
            for (key, name) in [("bridge", &link.bridge), ("guest-link", &link.guest_link), ("host-link", &link.host_link)] {
                link_name(name).map_err(|cause| format!("{key} = {name:?} {cause}"))?;
            }
        }
        Ok(())
    }
}

/// A link name the kernel takes (`dev_valid_name`) and that needs no quoting anywhere.
pub(crate) fn link_name(name: &str) -> Result<(), &'static str> {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 15 || name.starts_with(['.', '-']) || !name.chars().all(word) {
        Err("is not a link name of 1 to 15 letters, digits, '-', '_', '.'")
    } else {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use expect_test::expect;

    pub(crate) fn example() -> ContainerConfig {
        let mut config = ContainerConfig::new(
            "web1".parse().unwrap(),
            "6f1c2f6e-1b1a-4c0f-9d55-7a3c5e2d1b00".into(),
            "debian:bookworm".parse().unwrap(),
            Ids { base: 1_879_113_728 },
        );
        config.limits.memory = Some(Bytes::memory("512M").unwrap());
        config.limits.cpus = Some("1.5".parse().unwrap());
        config.links.push(Link {
            kind: LinkKind::Bridge,
            bridge: "fief0".into(),
            guest_link: BRIDGE_GUEST_LINK.into(),
            host_link: "vf0a1b2c3d".into(),
            mac: "02:00:0a:d1:00:02".parse().unwrap(),
            addresses: vec!["10.209.0.2/16".parse().unwrap(), "fd5e:f1ef::2/64".parse().unwrap()],
            gateways: vec!["10.209.0.1".parse().unwrap(), "fd5e:f1ef::1".parse().unwrap()],
        });
        config
            .credentials
            .insert("ssh.authorized_keys.root".parse().unwrap(), CredentialValue::new("ssh-ed25519 AAAA root@x\n".into()).unwrap());
        config
    }

    use super::super::Bytes;

    #[test]
    fn the_file_is_readable_text_and_round_trips() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("container.toml");
        example().write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        expect![[r#"
            version = 1
            name = "web1"
            uuid = "6f1c2f6e-1b1a-4c0f-9d55-7a3c5e2d1b00"
            template = "debian:bookworm"
            hostname = "web1"
            onboot = false

            [ids]
            base = 1879113728

            [limits]
            memory = "512MiB"
            cpus = 1.5

            [dns]
            nameservers = []

            [init]
            path = "fief-init"
            args = []

            [credentials]
            "ssh.authorized_keys.root" = """
            ssh-ed25519 AAAA root@x
            """

            [[network]]
            kind = "bridge"
            bridge = "fief0"
            guest-link = "eth0"
            host-link = "vf0a1b2c3d"
            mac = "02:00:0a:d1:00:02"
            addresses = ["10.209.0.2/16", "fd5e:f1ef::2/64"]
            gateways = ["10.209.0.1", "fd5e:f1ef::1"]
        "#]]
        .assert_eq(&text);
        assert_eq!(ContainerConfig::read(&path).unwrap().unwrap(), example());
    }

    #[test]
    fn unknown_keys_versions_and_nonsense_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("container.toml");
        example().write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for (from, to) in [
            ("version = 1", "version = 2"),
            ("onboot", "onbot"),
            ("base = 1879113728", "base = 1879113729"),
            ("base = 1879113728", "base = 0"),
            ("name = \"web1\"", "name = \"../web1\""),
            ("\"vf0a1b2c3d\"", "\"a/b\""),
            ("02:00:0a", "03:00:0a"),
            ("\"fief-init\"", "\"sbin/init\""),
            ("10.209.0.2/16", "10.209.0.2/160"),
            ("6f1c2f6e", "6f1c2f6"),
        ] {
            assert!(text.contains(from));
            std::fs::write(&path, text.replace(from, to)).unwrap();
            let error = ContainerConfig::read(&path).unwrap_err();
            assert_eq!(error.class(), Class::Value, "{to}");
        }
        std::fs::write(&path, "x".repeat(2 << 20)).unwrap();
        assert!(ContainerConfig::read(&path).unwrap_err().line().contains("1 MiB"));
    }
}
