//! `fief create`.

use crate::cli::{Create, Settings};
use crate::config::Host;
use crate::error::{Class, Error, OrFail as _};
use crate::network::assign;
use crate::network::pool::PoolError;
use crate::store::{ContainerConfig, ContainerName, Shelf, random};
use crate::template;

use super::settings;

const STEP: &str = "creating the container";

pub(super) fn run(host: &Host, args: &Create) -> Result<(), Error> {
    create(host, &args.name, &args.settings, args.onboot).map(drop)
}

/// Creates `name`; when it fails nothing of it is left.
pub(super) fn create(host: &Host, name: &ContainerName, settings: &Settings, onboot: bool) -> Result<ContainerConfig, Error> {
    let checked = settings::check(&host.config, settings)?;
    // Told before a template is made for it.
    if host.paths.container(name).exists() {
        Shelf::lock(host)?.name_is_free(name)?;
    }
    template::find_or_make(host, &settings.template)?;
    let shelf = Shelf::lock(host)?;
    shelf.name_is_free(name)?;
    // Again: it may have been removed before we had the lock.
    template::find(host, &settings.template)?;
    let (bases, addresses) = shelf.used()?;
    let ids = shelf.pick_ids(&bases)?;
    let uuid = random::uuid().or_fail(Class::Internal, STEP, || "a UUID".into())?;
    let links = assign::links(&host.config, &uuid, &checked.wish, &addresses).map_err(|error| {
        let class = match error {
            PoolError::Exhausted { .. } => Class::Exhausted,
            PoolError::InUse { .. } => Class::Exists,
            _ => Class::Value,
        };
        Error::new(class, "handing out addresses", error.to_string())
    })?;
    let mut config = ContainerConfig::new(name.clone(), uuid, settings.template.clone(), ids);
    if let Some(hostname) = &settings.hostname {
        config.hostname = hostname.clone();
    }
    config.onboot = onboot;
    config.limits = checked.limits;
    config.links = links;
    config.dns.nameservers.clone_from(&settings.nameserver);
    config.credentials = checked.credentials;
    config.init.path = checked.init;
    shelf.add(&config)?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::cli::{Cli, Verb};
    use crate::config::{HostConfig, Paths};
    use crate::template::{Draft, Kind};
    use clap::Parser as _;

    fn host(root: &std::path::Path, config: HostConfig) -> Host {
        let host = Host { paths: Paths::beneath(root), config };
        Draft::begin(&host, &"t".parse().unwrap(), false).unwrap().finish(Kind::Rootfs, "test").unwrap();
        host
    }

    fn make(host: &Host, words: &str) -> Result<(), Error> {
        let words = ["fief", "create"].into_iter().chain(words.split_ascii_whitespace());
        let Verb::Create(args) = Cli::try_parse_from(words).unwrap().verb else { panic!() };
        run(host, &args)
    }

    #[test]
    fn containers_get_ids_and_addresses_of_their_own() {
        let root = tempfile::tempdir().unwrap();
        let host = host(root.path(), HostConfig::default());
        make(&host, "a -t t --memory 64M").unwrap();
        make(&host, "b -t t --hostname b.example.org").unwrap();
        let [(_, Ok(a)), (_, Ok(b))] = &crate::store::all(&host).unwrap()[..] else { panic!() };
        assert_ne!(b.ids.base, a.ids.base);
        assert_eq!(a.addresses().next().unwrap().to_string(), "10.209.0.2/16");
        assert_eq!(b.addresses().next().unwrap().to_string(), "10.209.0.3/16");
        assert_ne!(a.uuid, b.uuid);
    }

    #[test]
    fn what_fails_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let host = host(root.path(), HostConfig { id_count: 1, ..HostConfig::default() });
        make(&host, "a -t t").unwrap();
        for (words, class) in
            [("a -t t", Class::Exists), ("b -t u", Class::Missing), ("b -t t", Class::Exhausted), ("b -t t --network x", Class::Value)]
        {
            assert_eq!(make(&host, words).unwrap_err().class(), class, "{words}");
        }
        crate::store::Shelf::lock(&host).unwrap().remove(&"a".parse().unwrap()).unwrap();
        make(&host, "a -t t").unwrap();
        assert_eq!(std::fs::read_dir(host.paths.containers()).unwrap().count(), 1);
    }

    #[test]
    fn an_address_is_given_once() {
        let root = tempfile::tempdir().unwrap();
        let host = host(root.path(), HostConfig::default());
        make(&host, "a -t t --ip 10.209.7.7").unwrap();
        assert_eq!(make(&host, "b -t t --ip 10.209.7.7/16").unwrap_err().class(), Class::Exists);
        assert_eq!(make(&host, "b -t t --ip 10.77.7.7/16").unwrap_err().class(), Class::Value);
    }
}
