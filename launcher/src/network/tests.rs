#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
use std::os::fd::AsFd as _;

use super::*;
use crate::config::{Cidr, Paths};
use expect_test::expect;

mod in_a_namespace;

/// A link on the default bridge with these addresses.
pub(super) fn link(guest_link: &str, addresses: &[&str]) -> Link {
    let addresses: Vec<Cidr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Link {
        kind: LinkKind::Bridge,
        bridge: "fief0".into(),
        guest_link: guest_link.into(),
        host_link: "vf0a1b2c3d".into(),
        mac: "02:00:0a:d1:00:02".parse().unwrap(),
        addresses,
        gateways: vec!["10.209.0.1".parse().unwrap()],
    }
}

#[test]
fn the_plan_is_told() {
    let steps = describe(&HostConfig::default(), &[link("eth0", &["10.209.0.2/16"])]);
    expect![[r#"
        guest: switch on lo
        host: table inet fief hides what leaves fief0
        host: bridge fief0 with 10.209.0.1/16 and fd5e:f1ef::1/64
        host: link vf0a1b2c3d on fief0, its other end eth0 (02:00:0a:d1:00:02) in the guest
        guest: eth0 has 10.209.0.2/16
        guest: default route to 10.209.0.1"#]]
    .assert_eq(&steps.join("\n"));
}

#[test]
fn a_link_on_another_bridge_than_the_configs_is_an_error_of_its_own() {
    let config = HostConfig { bridge: "fief-test-9".into(), ..HostConfig::default() };
    let error = check(&config, &[link("eth0", &[])]).unwrap_err();
    assert_eq!(error.class(), Class::Value);
    expect![[
        r#"setting up the network: the container hangs on bridge fief0, but fief.toml says bridge = "fief-test-9" (change one of the two)"#
    ]]
    .assert_eq(&error.line());
}

#[test]
fn a_bridge_the_host_lacks_is_an_error_of_its_own() {
    let mut link = link("eth0", &[]);
    link.kind = LinkKind::HostBridge;
    link.bridge = "fief-test-no".into();
    let error = check(&HostConfig::default(), &[link]).unwrap_err();
    assert_eq!(error.class(), Class::Unfit);
    expect!["setting up the network: there is no link fief-test-no on this host (make the bridge first, or create the container without --network host-bridge)"]
        .assert_eq(&error.line());
}
