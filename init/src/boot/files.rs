//! The unit files of this system, collected in order of precedence.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use units::{FILE_LIMIT, SourceFile, SourceKind};

use crate::file;

/// Where unit files are looked for; the first file of a name counts.
pub(crate) const FOLDERS: &[&str] = &["/etc/fief/units", "/run/fief/units", "/usr/local/lib/fief/units", "/usr/lib/fief/units"];

/// More files than this in one folder are not units of a system.
const MOST: usize = 10_000;

/// Collect from `folders`. A folder that is not there holds nothing; a file that cannot be read
/// is a finding of its own, for the reader to tell.
pub(crate) fn collect<S: AsRef<str>>(folders: &[S]) -> Vec<SourceFile> {
    let mut found = Vec::new();
    for folder in folders {
        for name in names(folder.as_ref()) {
            let path = format!("{}/{name}", folder.as_ref());
            if name.ends_with(".toml.d") {
                for drop_in in names(&path).into_iter().filter(|name| name.ends_with(".toml")) {
                    found.push(source(format!("{path}/{drop_in}"), SourceKind::DropIn));
                }
            } else if name.ends_with(".toml") {
                found.push(source(path, SourceKind::Unit));
            }
        }
    }
    found
}

fn source(path: String, kind: impl FnOnce(Vec<u8>) -> SourceKind) -> SourceFile {
    let kind = match read(Path::new(&path)) {
        Ok(text) => kind(text),
        Err(why) => SourceKind::Unreadable(why),
    };
    SourceFile { path, kind }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let about = fs::metadata(path).map_err(|error| error.to_string())?;
    if about.rdev() == libc::makedev(1, 3) {
        return Ok(Vec::new());
    }
    let most = u64::try_from(FILE_LIMIT).unwrap_or(u64::MAX).saturating_add(1);
    file::read_up_to(path, most).map_err(|error| error.to_string())
}

fn names(folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).take(MOST).collect();
    names.sort();
    names
}
