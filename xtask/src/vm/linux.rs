//! Debian's kernel package: fetched once, its image unpacked on this side.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run;

/// A kernel ready to boot.
pub(super) struct Linux {
    /// `uname -r`.
    pub(super) release: String,
    /// The image to boot.
    pub(super) image: PathBuf,
    /// The directory of its modules.
    pub(super) modules: PathBuf,
}

/// The kernel of a series, by `apt-get download` on first use.
pub(super) fn fetch(series: &str, cache: &Path) -> Result<Linux> {
    let unpacked = cache.join(format!("linux-{series}"));
    if !unpacked.join("boot").is_dir() {
        let part = cache.join(format!("linux-{series}.part"));
        drop(fs::remove_dir_all(&part));
        fs::create_dir_all(&part)?;
        download(series, &part)?;
        fs::rename(&part, &unpacked)?;
    }
    let vmlinuz = entry(&unpacked.join("boot"), "vmlinuz-")?;
    let release = vmlinuz.to_string_lossy().rsplit("vmlinuz-").next().unwrap_or_default().to_owned();
    let modules = ["lib/modules", "usr/lib/modules"]
        .map(|dir| unpacked.join(dir).join(&release))
        .into_iter()
        .find(|dir| dir.is_dir())
        .with_context(|| format!("no modules in {}", unpacked.display()))?;
    let image = unpacked.join("vmlinux");
    if !image.is_file() {
        fs::write(&image, unpack_image(&vmlinuz)?)?;
    }
    Ok(Linux { release, image, modules })
}

fn download(series: &str, into: &Path) -> Result<()> {
    let package = match series {
        // The distribution's default is 6.1 on bookworm; its package follows updates.
        "6.1" => "linux-image-cloud-amd64".to_owned(),
        other => format!("linux-image-{other}-cloud-amd64"),
    };
    let depends = |package: &str| run::output(&mut run::command(["apt-cache", "depends", package]));
    if depends(&package).is_err() {
        run::quietly(&mut run::command(["apt-get", "-qq", "update"]))?;
    }
    let depends = depends(&package).with_context(|| format!("apt knows no package {package}"))?;
    let concrete = depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .find(|name| name.starts_with("linux-image-"))
        .unwrap_or(&package);
    println!("fetching {concrete}");
    let mut get = run::command(["apt-get", "-qq", "download", concrete]);
    // apt drops to its own user for downloads, which may not write here.
    get.args(["-o", "APT::Sandbox::User=root"]).current_dir(into);
    run::quietly(&mut get)?;
    let deb = entry(into, "linux-image-")?;
    run::quietly(run::command(["dpkg-deb", "-x"]).arg(&deb).arg(into))?;
    fs::remove_file(deb)?;
    Ok(())
}

fn entry(dir: &Path, prefix: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)) {
            return Ok(path);
        }
    }
    bail!("no {prefix}* in {}", dir.display())
}

/// The ELF image inside a vmlinuz: it boots by PVH, so the emulated processor need not unpack it.
fn unpack_image(vmlinuz: &Path) -> Result<Vec<u8>> {
    const PACKERS: [(&[u8], &[&str]); 4] = [
        (b"\x28\xb5\x2f\xfd", &["zstd", "-dcq"]),
        (b"\x02\x21\x4c\x18", &["lz4", "-dcq"]),
        (b"\xfd7zXZ\0", &["xz", "-dcq", "--single-stream"]),
        (b"\x1f\x8b\x08", &["gzip", "-dcq"]),
    ];
    let packed = fs::read(vmlinuz)?;
    for (magic, words) in PACKERS {
        for (at, _) in packed.windows(magic.len()).enumerate().filter(|(_, window)| *window == magic) {
            let image = through(words, packed.get(at..).unwrap_or_default())?;
            if image.starts_with(b"\x7fELF") {
                return Ok(image);
            }
        }
    }
    bail!("cannot unpack {}", vmlinuz.display())
}

/// What a filter makes of `input`; its status is ignored, for trailing bytes are an error to most.
pub(super) fn through(words: &[&str], input: &[u8]) -> Result<Vec<u8>> {
    let mut filter: Command = run::command(words);
    let mut child = filter
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {}", run::line(&filter)))?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
        child.wait_with_output()
    })?;
    Ok(output.stdout)
}
