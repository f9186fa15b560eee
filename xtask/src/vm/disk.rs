//! Directories as ext4 images, owners kept, without mounting anything.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{run, template};

/// Free space in a root image, in MiB.
const ROOM: u64 = 2048;

/// The image of a tree, made once per state of the tree.
pub(super) fn cached(tree: &Path, cache: &Path) -> Result<PathBuf> {
    let changed = fs::metadata(tree).with_context(|| format!("no tree {}", tree.display()))?.ctime();
    let key = template::fnv(&format!("{} {changed} {ROOM}", tree.display()));
    let image = cache.join(format!("root-{key:08x}.ext4"));
    if !image.is_file() {
        let part = image.with_extension("part");
        make(tree, &part, ROOM)?;
        fs::rename(&part, &image)?;
    }
    Ok(image)
}

/// The payload and the command in it.
pub(super) fn payload(dir: &Path, command: &str, scratch: &Path, image: &Path) -> Result<()> {
    let copy = scratch.join("payload");
    run::quietly(run::command(["cp", "-a", "--reflink=auto"]).arg(dir).arg(&copy))?;
    fs::write(copy.join(".command"), format!("{command}\n"))?;
    make(&copy, image, 64)?;
    fs::remove_dir_all(copy)?;
    Ok(())
}

fn make(tree: &Path, image: &Path, room: u64) -> Result<()> {
    let used = run::output(run::command(["du", "-smx"]).arg(tree))?;
    let used: u64 = used.split_whitespace().next().and_then(|n| n.parse().ok()).context("du made no sense")?;
    drop(fs::remove_file(image));
    fs::File::create(image)?.set_len((used * 12 / 10 + room) << 20)?;
    let mut mkfs = run::command(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-m", "0", "-d"]);
    run::quietly(mkfs.arg(tree).arg(image).env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin"))
}
