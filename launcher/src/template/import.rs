//! `fief template import`: a template out of a tar file or a folder that someone else made.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use indicatif::{ProgressBar, ProgressStyle};
use tar::EntryType;

use super::prepare;
use super::tree::{Attributes, LeftOut, Tree, TreeError};
use super::{Draft, Kind, Manifest};
use crate::config::Host;
use crate::error::{Class, Error};
use crate::store::TemplateName;

mod strangers;
mod unpacked;

const STEP: &str = "importing the template";

/// Makes the template `name` out of `from`.
///
/// # Errors
/// When the name is taken, or `from` is no sound tree; then nothing is left of it.
pub fn run(host: &Host, name: &TemplateName, from: &Path, replace: bool) -> Result<Manifest, Error> {
    let given = |error: io::Error| Error::new(Class::Template, STEP, from.display().to_string()).source(error);
    if name.is_builtin() {
        return Err(Error::new(Class::Value, STEP, "builtin is the name of the built-in template"));
    }
    let is_stdin = from == Path::new("-");
    if !is_stdin && from.symlink_metadata().is_err() && from.to_str().is_some_and(|text| text.contains("://")) {
        return Err(Error::new(Class::Value, STEP, format!("{} is an address, and nothing is fetched", from.display()))
            .advice("download it first, or: curl -sSfL ADDRESS | fief template import NAME -"));
    }
    let kind = if is_stdin { File::open("/dev/stdin").and_then(|file| file.metadata()) } else { from.symlink_metadata() };
    let kind = kind.map_err(given)?;
    // A link at the top of an image is how one gets a launcher to write elsewhere; a folder is named by itself.
    if kind.is_symlink() && from.is_dir() {
        return Err(Error::new(Class::Value, STEP, format!("{} is a symbolic link", from.display())).advice("name the folder itself"));
    }
    let draft = Draft::begin(host, name, replace)?;
    let source = if is_stdin { Path::new("/dev/stdin") } else { from };
    let filled = if kind.is_dir() && !is_stdin { copy(source, &draft.rootfs()) } else { unpack(source, &draft.rootfs()) };
    let left_out = filled.map_err(|error| Error::new(Class::Template, STEP, from.display().to_string()).source(error))?;
    if let Some(words) = left_out.words() {
        log::warn!("{}: {words}", from.display());
    }
    strangers::look(&draft.rootfs())?;
    if prepare::has_an_init(&draft.rootfs())? {
        take_names(&host.init_program()?, &draft.rootfs())?;
    }
    prepare::prepare(&draft.rootfs())?;
    draft.finish(Kind::Rootfs, &format!("imported from {}", if is_stdin { "standard input".into() } else { from.to_string_lossy() }))
}

/// Has fief-init take the names of the tree's own init: what that one's `reboot` says to PID 1, ours would understand otherwise or not at all.
/// dpkg is told, so that upgrades inside leave the names alone; what the tree had is kept beside.
fn take_names(init: &Path, rootfs: &Path) -> Result<(), Error> {
    let fail = |cause: String| Error::new(Class::Template, STEP, cause).advice("fief-init install --root DIR does the same by hand");
    let ran = Command::new(init).args(["install", "--root"]).arg(rootfs).stdin(Stdio::null()).output();
    let output = ran.map_err(|error| fail(format!("{} cannot be run", init.display())).source(error))?;
    if output.status.success() { Ok(()) } else { Err(fail(String::from_utf8_lossy(&output.stderr).trim().to_owned())) }
}

/// Why a tree cannot be read or made.
#[derive(Debug, thiserror::Error)]
enum ImportError {
    #[error("cannot be read")]
    Read(#[from] io::Error),
    #[error("an entry is refused")]
    Entry(#[from] TreeError),
    #[error("{0:?} is of an odd kind ({1:?})")]
    Odd(PathBuf, EntryType),
    #[error("{0:?} is a sparse file of a kind that is not read; make the archive without --sparse")]
    Sparse(PathBuf),
    #[error("it is empty, or nothing but zeros")]
    Empty,
    /// What the library says of it would bring the bytes it found there.
    #[error("it is neither a tar file, plain or packed by gzip, xz or zstd, nor a folder")]
    Foreign,
    #[error("it {0}; the files in it are wanted: unpack or mount it, and name the folder")]
    Known(&'static str),
    #[error("it is damaged or ends too early, behind {0} entries")]
    Damaged(u64),
}

/// Bytes read of bytes there are, on a terminal.
fn progress(total: u64, what: &'static str) -> ProgressBar {
    // indicatif draws nothing when stderr is no terminal.
    let bar = ProgressBar::new(total).with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes}") {
        bar.set_style(style);
    }
    bar
}

fn unpack(from: &Path, rootfs: &Path) -> Result<LeftOut, ImportError> {
    let file = File::open(from)?;
    let bar = progress(file.metadata()?.len(), "unpacking");
    let mut packed = BufReader::with_capacity(1 << 17, bar.wrap_read(file));
    if let Some(what) = strangers::known(packed.fill_buf()?) {
        return Err(ImportError::Known(what));
    }
    let reader = unpacked::reader(packed)?;
    let mut archive = tar::Archive::new(reader);
    let mut tree = Tree::open(rootfs)?;
    let mut count = 0u64;
    for entry in archive.entries()? {
        let entry = entry.map_err(|error| match (error.kind(), count) {
            (io::ErrorKind::Other, 0) => ImportError::Foreign,
            (io::ErrorKind::Other, _) => ImportError::Damaged(count),
            _ => ImportError::Read(error),
        })?;
        unpack_one(&mut tree, entry)?;
        count += 1;
    }
    bar.finish_and_clear();
    if count == 0 {
        return Err(ImportError::Empty);
    }
    Ok(tree.finish()?)
}

fn unpack_one(tree: &mut Tree, mut entry: tar::Entry<'_, impl Read>) -> Result<(), ImportError> {
    let path = PathBuf::from(OsStr::from_bytes(&entry.path_bytes()));
    let mut attributes = Attributes {
        uid: entry.header().uid()?,
        gid: entry.header().gid()?,
        mode: entry.header().mode()?,
        mtime: i64::try_from(entry.header().mtime()?).unwrap_or(0),
        xattrs: Vec::new(),
    };
    if let Some(extensions) = entry.pax_extensions()? {
        for extension in extensions {
            let extension = extension?;
            let number = || extension.value().ok().and_then(|text| text.split('.').next()?.parse::<u64>().ok());
            let Ok(key) = extension.key() else { continue };
            match key {
                "uid" => attributes.uid = number().unwrap_or(attributes.uid),
                "gid" => attributes.gid = number().unwrap_or(attributes.gid),
                "mtime" => attributes.mtime = number().and_then(|n| i64::try_from(n).ok()).unwrap_or(attributes.mtime),
                _ if key.starts_with("GNU.sparse.") => return Err(ImportError::Sparse(path)),
                _ => {
                    if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                        attributes.xattrs.push((name.to_owned(), extension.value_bytes().to_owned()));
                    }
                }
            }
        }
    }
    // The top itself: `./`.
    if super::tree::inside(&path)?.as_os_str().is_empty() {
        return match entry.header().entry_type() {
            EntryType::Directory => Ok(tree.top(&attributes)?),
            kind => Err(ImportError::Odd(path, kind)),
        };
    }
    let link = entry.link_name_bytes().map(|name| PathBuf::from(OsStr::from_bytes(&name)));
    let link = link.as_deref().unwrap_or(Path::new(""));
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => tree.file(&path, &attributes, &mut entry)?,
        EntryType::Directory => tree.folder(&path, &attributes)?,
        EntryType::Symlink => tree.symlink(&path, &attributes, link.as_os_str())?,
        EntryType::Link => tree.hard_link(&path, link)?,
        EntryType::Fifo => tree.fifo(&path, &attributes)?,
        EntryType::Char | EntryType::Block => tree.left_out.devices += 1,
        EntryType::XGlobalHeader => {}
        kind => return Err(ImportError::Odd(path, kind)),
    }
    Ok(())
}

/// Copies a folder, one file system of it; links are copied, never followed.
fn copy(from: &Path, rootfs: &Path) -> Result<LeftOut, ImportError> {
    let mut tree = Tree::open(rootfs)?;
    let top = from.symlink_metadata()?;
    let bar = ProgressBar::new_spinner().with_message("copying");
    let mut seen: HashMap<(u64, u64), PathBuf> = HashMap::new();
    let mut folders = vec![PathBuf::new()];
    tree.top(&attributes_of(from, &top)?)?;
    while let Some(folder) = folders.pop() {
        let mut entries = std::fs::read_dir(from.join(&folder))?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            bar.inc(1);
            let path = folder.join(entry.file_name());
            let source = entry.path();
            let meta = source.symlink_metadata()?;
            let attributes = attributes_of(&source, &meta)?;
            let kind = meta.file_type();
            if (kind.is_file() || kind.is_symlink() || kind.is_fifo()) && meta.nlink() > 1 {
                if let Some(first) = seen.get(&(meta.dev(), meta.ino())) {
                    tree.hard_link(&path, first)?;
                    continue;
                }
                seen.insert((meta.dev(), meta.ino()), path.clone());
            }
            if kind.is_dir() {
                tree.folder(&path, &attributes)?;
                // What is mounted there stays out; its folder is kept.
                if meta.dev() == top.dev() {
                    folders.push(path);
                }
            } else if kind.is_symlink() {
                tree.symlink(&path, &attributes, source.read_link()?.as_os_str())?;
            } else if kind.is_file() {
                tree.file(&path, &attributes, &mut open_itself(&source)?)?;
            } else if kind.is_fifo() {
                tree.fifo(&path, &attributes)?;
            } else if kind.is_socket() {
                tree.left_out.sockets += 1;
            } else {
                tree.left_out.devices += 1;
            }
        }
    }
    bar.finish_and_clear();
    Ok(tree.finish()?)
}

fn open_itself(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

fn attributes_of(path: &Path, meta: &std::fs::Metadata) -> io::Result<Attributes> {
    let mut xattrs = Vec::new();
    if meta.is_file() || meta.is_dir() {
        for name in xattr::list(path)?.filter_map(|name| name.into_string().ok()) {
            if let Some(value) = xattr::get(path, &name)? {
                xattrs.push((name, value));
            }
        }
    }
    let (uid, gid) = (meta.uid().into(), meta.gid().into());
    Ok(Attributes { uid, gid, mode: meta.mode(), mtime: meta.mtime(), xattrs })
}

#[cfg(test)]
mod tests;
