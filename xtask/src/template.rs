//! The Debian tree the tests, the virtual machine and the benchmark share: one tar below `target/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{apt, place, run};

/// What the tree is called as a template of `fief`.
pub(crate) const NAME: &str = "debian:test";
/// And that of somebody else's tree.
pub(crate) const FOREIGN: &str = "debian:foreign";
const SUITE: &str = "bookworm";
/// The guest's services, and what the same tree needs as the virtual machine's root.
const PACKAGES: &str = "openssh-server,cron,rsyslog,nginx-light,ifupdown,iproute2,nftables,procps,curl";
/// What a tree of somebody else's has: systemd, and what speaks to it.
const FOREIGN_PACKAGES: &str =
    "openssh-server,cron,rsyslog,nginx-light,iproute2,procps,systemd,systemd-sysv,libpam-systemd,dbus,polkitd,netplan.io";
/// Keeps systemd's own packages in the tree, to be installed over themselves where there is no network.
const KEEP_PACKAGES: &str = "--customize-hook=mkdir \"$1/srv/debs\" && cd \"$1/srv/debs\" && \
                             APT_CONFIG=\"$MMDEBSTRAP_APT_CONFIG\" apt-get -qq -o APT::Sandbox::User=root download systemd systemd-sysv";
/// Documentation is a third of a minimal tree and no test reads it.
const LEFT_OUT: &[&str] = &["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"];

/// `cargo xtask template`: makes the tar if it is not there and prints its path.
pub(crate) fn perform(_args: &[String]) -> Result<ExitCode> {
    run::need_root("template")?;
    println!("{}", tar()?.display());
    Ok(ExitCode::SUCCESS)
}

/// The tar, made on first use (about half a minute; the packages are downloaded).
pub(crate) fn tar() -> Result<PathBuf> {
    tar_with(PACKAGES)
}

/// The tar of a tree that systemd is in, as somebody else would bring it (about a minute).
pub(crate) fn foreign_tar() -> Result<PathBuf> {
    made(FOREIGN_PACKAGES, &[KEEP_PACKAGES])
}

/// As [`tar`], of a tree with these packages, between commas.
pub(crate) fn tar_with(packages: &str) -> Result<PathBuf> {
    made(packages, &[])
}

fn made(packages: &str, more: &[&str]) -> Result<PathBuf> {
    let cache = place::below_target("cache")?;
    let name = format!("{SUITE}-{:08x}.tar", fnv(&format!("{packages}{LEFT_OUT:?}{}", more.concat())));
    let tar = cache.join(name);
    if tar.is_file() {
        return Ok(tar);
    }
    apt::need(&[&[apt::MMDEBSTRAP]])?;
    println!("making a Debian tree in {}", tar.display());
    let part = tar.with_extension("part.tar");
    let mut make = run::command(["mmdebstrap", "--quiet", "--variant=minbase"]);
    make.arg(format!("--include={packages}"));
    make.args(LEFT_OUT.iter().map(|path| format!("--dpkgopt=path-exclude={path}")));
    make.args(more).arg(SUITE).arg(&part);
    run::quietly(&mut make).context("cannot make a Debian tree")?;
    fs::rename(&part, &tar)?;
    Ok(tar)
}

/// The tar unpacked, for a virtual machine's root.
pub(crate) fn tree() -> Result<PathBuf> {
    let tar = tar()?;
    let tree = tar.with_extension("tree");
    if tree.is_dir() {
        return Ok(tree);
    }
    let part = tar.with_extension("part");
    if part.is_dir() {
        fs::remove_dir_all(&part)?;
    }
    fs::create_dir_all(&part)?;
    unpack(&tar, &part)?;
    fs::rename(&part, &tree)?;
    Ok(tree)
}

pub(crate) fn unpack(tar: &Path, into: &Path) -> Result<()> {
    // Device nodes are the machine's to make (devtmpfs) and cannot be made in every sandbox.
    let mut unpack = run::command(["tar", "--numeric-owner", "--exclude=./dev/*", "-xpf"]);
    run::quietly(unpack.arg(tar).arg("-C").arg(into))
}

/// FNV-1a: a name for a cache entry, not a defence.
pub(crate) fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
