//! Programs the tests need from the distribution, installed when they are missing and not otherwise.

use anyhow::{Context, Result, bail};

use crate::run;

/// A program and the Debian package it comes in.
pub(crate) struct Needed(pub(crate) &'static str, pub(crate) &'static str);

/// Builds Debian trees.
pub(crate) const MMDEBSTRAP: Needed = Needed("mmdebstrap", "mmdebstrap");
/// What the root tests call.
pub(crate) const FOR_GUESTS: &[Needed] = &[
    MMDEBSTRAP,
    Needed("ip", "iproute2"),
    Needed("nft", "nftables"),
    Needed("ssh", "openssh-client"),
    Needed("ssh-keygen", "openssh-client"),
    Needed("nsenter", "util-linux"),
    Needed("curl", "curl"),
    Needed("systemctl", "systemd"),
];
/// What a hoster speaks to guests by.
pub(crate) const FOR_TENANT: &[Needed] = &[Needed("ansible-playbook", "ansible-core")];
/// Makes Debian packages.
pub(crate) const FOR_DIST: &[Needed] = &[Needed("dpkg-deb", "dpkg"), Needed("gzip", "gzip")];
/// What fief-init is measured beside.
pub(crate) const FOR_BENCH: &[Needed] = &[Needed("runsvdir", "runit"), Needed("s6-svscan", "s6"), Needed("nsenter", "util-linux")];
/// Boots systemd in a container, to be measured beside.
pub(crate) const FOR_NSPAWN: &[Needed] = &[Needed("systemd-nspawn", "systemd-container")];
/// What libFuzzer is compiled with.
pub(crate) const FOR_FUZZ: &[Needed] = &[Needed("c++", "g++")];
/// What a virtual machine is made with.
pub(crate) const FOR_VM: &[Needed] = &[
    MMDEBSTRAP,
    Needed("qemu-system-x86_64", "qemu-system-x86"),
    Needed("busybox", "busybox-static"),
    Needed("mkfs.ext4", "e2fsprogs"),
    Needed("cpio", "cpio"),
    Needed("zstd", "zstd"),
    Needed("xz", "xz-utils"),
    Needed("lz4", "lz4"),
];

/// Makes sure of all of them: one `apt-get update` and one `apt-get install`, of what is missing only.
pub(crate) fn need(lists: &[&[Needed]]) -> Result<()> {
    let mut missing: Vec<&str> = lists.iter().flat_map(|list| list.iter()).filter(|n| !run::has(n.0)).map(|n| n.1).collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    if !run::has("apt-get") {
        bail!("missing: {}; install them by this machine's package manager", missing.join(" "));
    }
    println!("installing {}", missing.join(" "));
    let apt = |words: &[&str]| {
        let mut command = run::command(["apt-get", "-qq"]);
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        run::quietly(&mut command)
    };
    apt(&["update"]).context("cannot read the package lists")?;
    let mut words = vec!["install", "-y", "--no-install-recommends"];
    words.extend(&missing);
    apt(&words).with_context(|| format!("cannot install {}", missing.join(" ")))
}
