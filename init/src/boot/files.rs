//! The unit files of this system, and what specifiers in them stand for.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::utsname::uname;
use units::search::{Found, Nature, Tree};
use units::{Specifiers, search};

use crate::file;

/// The tree that PID 1 lives in.
pub(crate) struct Here;

/// All unit files: of these folders, or of the usual ones if there are none. None has been looked into.
pub(super) fn find(tree: &dyn Tree, folders: &[String]) -> Found {
    if folders.is_empty() { search::find_everything(tree) } else { search::find(tree, folders) }
}

impl Tree for Here {
    fn names(&self, folder: &str) -> Vec<(String, Nature)> {
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let named = |entry: fs::DirEntry| Some((entry.file_name().into_string().ok()?, nature(entry.file_type().ok()?)));
        entries.flatten().filter_map(named).collect()
    }

    fn link(&self, path: &str) -> Option<String> {
        fs::read_link(path).ok()?.into_os_string().into_string().ok()
    }

    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, String> {
        let path = Path::new(path);
        let about = fs::metadata(path).map_err(|error| error.to_string())?;
        if about.rdev() == libc::makedev(1, 3) {
            return Ok(Vec::new());
        }
        file::read_up_to(path, u64::try_from(limit).unwrap_or(u64::MAX)).map_err(|error| error.to_string())
    }

    fn is_executable(&self, path: &str) -> bool {
        fs::metadata(path).is_ok_and(|about| about.is_file() && about.mode() & 0o111 != 0)
    }
}

fn nature(kind: fs::FileType) -> Nature {
    if kind.is_file() {
        Nature::File
    } else if kind.is_dir() {
        Nature::Folder
    } else if kind.is_symlink() {
        Nature::Link
    } else {
        Nature::Other
    }
}

/// systemd's name of the architecture, for those we are built for.
pub(crate) fn architecture() -> String {
    std::env::consts::ARCH.replace("x86_64", "x86-64").replace("aarch64", "arm64")
}

/// What the running system answers for the specifiers that depend on it.
pub(crate) fn specifiers() -> Specifiers {
    let mut known = Specifiers::default();
    let mut set = |letter, value: Option<String>| {
        if let Some(value) = value {
            known = std::mem::take(&mut known).with(letter, value);
        }
    };
    let line =
        |path: &str| Some(file::read_text(path, file::USUAL).ok()?.lines().next()?.trim().to_owned()).filter(|line| !line.is_empty());
    let kernel = uname().ok();
    let told = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    set('v', told(kernel.as_ref().map(|kernel| kernel.release())));
    set('a', Some(architecture()));
    // Before the unit that sets it has run, the file says what the name will be.
    let host = line("/etc/hostname").or_else(|| told(kernel.as_ref().map(|kernel| kernel.nodename())));
    set('l', host.as_deref().and_then(|host| host.split('.').next()).map(ToOwned::to_owned));
    set('q', host.clone());
    set('H', host);
    set('m', line("/etc/machine-id"));
    set('b', file::boot_id().ok().filter(|id| !id.is_empty()));
    let release = file::read_text("/etc/os-release", file::USUAL).or_else(|_| file::read_text("/usr/lib/os-release", file::USUAL));
    let release = units::unit::read_environment(&release.unwrap_or_default());
    let keys = [('o', "ID"), ('w', "VERSION_ID"), ('B', "BUILD_ID"), ('W', "VARIANT_ID"), ('M', "IMAGE_ID"), ('A', "IMAGE_VERSION")];
    for (letter, key) in keys {
        // What os-release does not say is empty. os-release(5).
        let value = release.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
        set(letter, Some(value.unwrap_or_default()));
    }
    known
}
