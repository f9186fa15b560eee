//! The settings of a new container: from the command line to a config. Nothing is changed before all of it is checked.

use std::collections::BTreeMap;
use std::io::{Read as _, stdin};
use std::net::IpAddr;
use std::path::Path;

use crate::cli::{IpArg, LimitArgs, Settings};
use crate::config::{Cidr, HostConfig};
use crate::error::{Class, Error, OrFail as _};
use crate::network::Choice;
use crate::network::assign::Wish;
use crate::store::credentials::{self, CredentialName, CredentialValue};
use crate::store::{InitPath, Limits, link_name};

const STEP: &str = "reading the settings";

/// The settings, checked.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) limits: Limits,
    pub(super) wish: Wish,
    pub(super) credentials: BTreeMap<CredentialName, CredentialValue>,
    pub(super) init: InitPath,
}

/// Checks `settings` as far as this host's config and files go.
pub(super) fn check(config: &HostConfig, settings: &Settings) -> Result<Checked, Error> {
    let bad = |what: &str, cause: String| Error::new(Class::Value, STEP, what.to_owned()).source(cause);
    let init = settings.init.clone().map_or(Ok(InitPath::default()), InitPath::try_from);
    Ok(Checked {
        limits: limits(&settings.limits),
        wish: wish(config, settings)?,
        credentials: credentials(settings)?,
        init: init.map_err(|cause| bad("--init", cause))?,
    })
}

fn limits(args: &LimitArgs) -> Limits {
    Limits { memory: args.memory, swap: args.swap, cpus: args.cpus, cpu_weight: args.cpu_weight, procs: args.procs }
}

fn wish(config: &HostConfig, settings: &Settings) -> Result<Wish, Error> {
    let bad = |cause: &str| Error::new(Class::Value, STEP, "--network").source(cause.to_owned());
    let words: Vec<&str> = settings.network.iter().flatten().map(String::as_str).collect();
    let choice = match words.as_slice() {
        [] | ["bridge"] => Choice::Bridge,
        ["none"] => Choice::None,
        ["host-bridge", name] => {
            link_name(name).map_err(|cause| bad(&format!("{name:?} {cause}")))?;
            Choice::HostBridge((*name).to_owned())
        }
        ["host-bridge"] => return Err(bad("name the bridge: --network host-bridge br0")),
        [word, ..] => return Err(bad(&format!("{word:?} is not bridge, none or host-bridge BRIDGE"))),
    };
    let full = |ip: &IpArg| match (ip, &choice) {
        (IpArg::Full(cidr), _) => Ok(*cidr),
        (IpArg::Bare(address), Choice::HostBridge(_)) => {
            let cause = format!("{address} needs a prefix length on a host bridge: {address}/24");
            Err(Error::new(Class::Value, STEP, "--ip").source(cause))
        }
        (IpArg::Bare(address), Choice::Bridge | Choice::None) => Ok(with_prefix(config, *address)),
    };
    Ok(Wish { addresses: settings.ip.iter().map(full).collect::<Result<_, Error>>()?, gateways: settings.gateway.clone(), choice })
}

/// The address with the prefix length of its family's pool.
fn with_prefix(config: &HostConfig, address: IpAddr) -> Cidr {
    let pool = if address.is_ipv4() { config.pool4 } else { config.pool6 };
    // The pool is of the same family, so its prefix fits.
    Cidr::new(address, pool.prefix()).unwrap_or(pool)
}

fn credentials(settings: &Settings) -> Result<BTreeMap<CredentialName, CredentialValue>, Error> {
    let mut all = BTreeMap::new();
    let mut given = Vec::new();
    for password in &settings.password {
        if password == "-" {
            let mut text = String::new();
            let most = 64 << 10;
            stdin().lock().take(most).read_to_string(&mut text).or_fail(Class::Value, STEP, || "--password -".into())?;
            given.extend(text.lines().filter(|line| !line.is_empty()).map(str::to_owned));
        } else {
            given.push(password.clone());
        }
    }
    if given.is_empty() && !settings.password.is_empty() {
        return Err(Error::new(Class::Value, STEP, "--password -").source("standard input has no USER:PASSWORD line"));
    }
    for password in given {
        // The password itself is never told.
        let (name, value) = credentials::password(&password).or_fail(Class::Value, STEP, || "--password".into())?;
        all.insert(name, value);
    }
    let mut keys = String::new();
    for path in &settings.ssh_key {
        let text = key_file(path)?;
        let (_, value) = credentials::ssh_keys(&text).or_fail(Class::Value, STEP, || format!("--ssh-key {}", path.display()))?;
        keys.push_str(value.as_str());
    }
    if !keys.is_empty() {
        let (name, value) = credentials::ssh_keys(&keys).or_fail(Class::Value, STEP, || "--ssh-key".into())?;
        all.insert(name, value);
    }
    Ok(all)
}

fn key_file(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let file = std::fs::File::open(path).and_then(|file| file.take(64 << 10).read_to_string(&mut text));
    file.or_fail(Class::Value, STEP, || format!("--ssh-key {}", path.display()))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::cli::{Cli, Verb};
    use clap::Parser as _;

    fn checked(words: &str) -> Result<Checked, Error> {
        let words = ["fief", "create", "web"].into_iter().chain(words.split_ascii_whitespace());
        let Verb::Create(create) = Cli::try_parse_from(words).unwrap().verb else { panic!() };
        check(&HostConfig::default(), &create.settings)
    }

    #[test]
    fn networks_and_addresses() {
        assert_eq!(checked("").unwrap().wish, Wish::default());
        let wish = checked("--ip 10.209.0.9 --ip fd5e:f1ef::9").unwrap().wish;
        assert_eq!(wish.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.209.0.9/16", "fd5e:f1ef::9/64"]);
        let wish = checked("--network host-bridge br0 --ip 192.0.2.9/24 --gateway 192.0.2.1").unwrap().wish;
        assert_eq!(wish.choice, Choice::HostBridge("br0".into()));
        for bad in [
            "--network host-bridge",
            "--network x",
            "--network host-bridge a/b",
            "--network none x",
            "--network host-bridge br0 --ip 192.0.2.9",
        ] {
            assert_eq!(checked(bad).unwrap_err().class(), Class::Value, "{bad}");
        }
    }

    #[test]
    fn keys_and_passwords_become_credentials() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("k.pub");
        std::fs::write(&file, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me\n").unwrap();
        let checked_ok = checked(&format!("--ssh-key {} --password root:x --password me:y", file.display())).unwrap();
        let names: Vec<&str> = checked_ok.credentials.keys().map(CredentialName::as_str).collect();
        assert_eq!(names, ["passwd.hashed-password.me", "passwd.hashed-password.root", "ssh.authorized_keys.root"]);
        let error = checked("--password root:").unwrap_err();
        assert_eq!(error.class(), Class::Value);
        assert!(checked("--ssh-key /no/such").is_err() && checked("--init sbin/init").is_err());
        let secret = checked("--password Bad:hunter2").unwrap_err().line();
        assert!(!secret.contains("hunter2"), "{secret}");
    }
}
