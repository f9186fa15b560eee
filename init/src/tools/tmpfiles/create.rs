//! `--create`: what is not there is made, and what is there gets its mode, owner and attributes.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat, renameat};
use nix::sys::stat::{Mode, SFlag, makedev, mkdirat, mknodat};
use nix::unistd::{mkfifoat, symlinkat};
use units::tmpfiles::{Attributes, Content, Kind};

use super::super::tree::{DEEPEST, Missing, Node, Tree};
use super::access::{Age, settle};
use super::plan::Item;
use super::{acl, copy, pattern};
use crate::{file, say};

/// A credential is at most this long, bytes; systemd.exec(5).
const MOST_CREDENTIAL: u64 = 1 << 20;

/// Carries one line out. What is there and of another kind is told and left, but for a file's line.
pub(super) fn create(tree: &Tree, item: &Item) -> Result<(), String> {
    let path = item.path.as_str();
    match &item.kind {
        Kind::File(content) => {
            let Some(content) = handed_in(content)? else { return Ok(()) };
            made(tree, item, "file", |place| write_new(item, place, &content))
        }
        Kind::Directory | Kind::Emptied => made(tree, item, "directory", |place| place.directory(item)),
        Kind::Fifo => made(tree, item, "FIFO", |place| {
            place.special(item, SFlag::S_IFIFO, 0, |place| mkfifoat(&place.parent.fd, place.name, mode(item, 0o644)))
        }),
        Kind::CharDevice(major, minor) => made(tree, item, "device", |place| place.device(item, SFlag::S_IFCHR, *major, *minor)),
        Kind::BlockDevice(major, minor) => made(tree, item, "device", |place| place.device(item, SFlag::S_IFBLK, *major, *minor)),
        Kind::Link(target) => made(tree, item, "symlink", |place| place.link(item, target)),
        Kind::Copy(source) => {
            let source = match tree.node(source) {
                // Templates of files are not in every system.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                other => other.map_err(|error| told("copy", source, &error))?,
            };
            made(tree, item, "copy", |place| {
                place.replace(item, source.kind());
                let age = copy::copy(&source, &place.parent, place.name, item)?;
                settle(item, &place.parent.look(place.name)?, age)
            })
        }
        Kind::Write(content) => {
            let Some(content) = handed_in(content)? else { return Ok(()) };
            each(tree, path, &|tree, path| write_there(item, &tree.target(path)?, &content))
        }
        Kind::Existing => each(tree, path, &|tree, path| {
            let node = tree.node(path)?;
            if node.kind() == SFlag::S_IFDIR {
                return settle(item, &node, Age::Old);
            }
            say::error(format_args!("\"{path}\" already exists and is not a directory."));
            Ok(())
        }),
        Kind::Access => each(tree, path, &|tree, path| settle(item, &tree.node(path)?, Age::Old)),
        Kind::AccessTree => each(tree, path, &|tree, path| all(&tree.node(path)?, &|node| settle(item, node, Age::Old))),
        Kind::Xattrs(pairs) => each(tree, path, &|tree, path| xattrs(&tree.node(path)?, pairs)),
        Kind::XattrsTree(pairs) => each(tree, path, &|tree, path| all(&tree.node(path)?, &|node| xattrs(node, pairs))),
        Kind::Attributes(wanted) => each(tree, path, &|tree, path| attributes(&tree.node(path)?, *wanted)),
        Kind::AttributesTree(wanted) => each(tree, path, &|tree, path| all(&tree.node(path)?, &|node| attributes(node, *wanted))),
        Kind::Acl(_) => each(tree, path, &|tree, path| acl::apply(&tree.node(path)?, &item.acl, item.forced)),
        Kind::AclTree(_) => each(tree, path, &|tree, path| all(&tree.node(path)?, &|node| acl::apply(node, &item.acl, item.forced))),
        Kind::Keep | Kind::KeepItself | Kind::Remove | Kind::RemoveTree => Ok(()),
    }
}

fn told(doing: &str, path: &str, error: &io::Error) -> String {
    format!("Failed to {doing} '{path}': {}", say::reason(error))
}

/// Where something is to be made.
struct Place<'a> {
    parent: Node,
    name: &'a OsStr,
    path: &'a str,
}

fn made(tree: &Tree, item: &Item, what: &str, make: impl FnOnce(&Place<'_>) -> io::Result<()>) -> Result<(), String> {
    // The root is there.
    if item.path == "/" {
        return tree.node("/").and_then(|node| settle(item, &node, Age::Old)).map_err(|error| told("adjust", "/", &error));
    }
    let missing = if item.replaces { Missing::MadeOver } else { Missing::Made };
    let done = tree.parent(&item.path, missing).and_then(|(parent, name)| make(&Place { parent, name, path: &item.path }));
    if what == "directory" && done.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotADirectory) {
        say::error(format_args!("\"{}\" is beneath what is not a directory.", item.path));
        return Ok(());
    }
    done.map_err(|error| told(&format!("create {what}"), &item.path, &error))
}

/// All that fits the pattern and is there.
fn each(tree: &Tree, pattern: &str, act: &dyn Fn(&Tree, &str) -> io::Result<()>) -> Result<(), String> {
    let mut first = Ok(());
    for path in pattern::expand(tree, pattern).map_err(|error| told("look for", pattern, &error))? {
        match act(tree, &path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound && first.is_ok() => first = Err(told("adjust", &path, &error)),
            Ok(()) | Err(_) => {}
        }
    }
    first
}

/// The node and, of a directory, all beneath it; no link is followed.
fn all(node: &Node, act: &dyn Fn(&Node) -> io::Result<()>) -> io::Result<()> {
    all_to(node, act, DEEPEST)
}

fn all_to(node: &Node, act: &dyn Fn(&Node) -> io::Result<()>, deeper: u32) -> io::Result<()> {
    let mut first = act(node);
    if node.kind() != SFlag::S_IFDIR {
        return first;
    }
    let deeper = deeper.checked_sub(1).ok_or(Errno::ELOOP)?;
    for name in node.names()? {
        match node.look(&name).and_then(|inner| all_to(&inner, act, deeper)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound && first.is_ok() => first = Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    first
}

fn mode(item: &Item, usual: u32) -> Mode {
    Mode::from_bits_truncate(item.mode.map_or(usual, |mode| mode.bits))
}

/// What is to be written; `None` where it is handed in by nobody.
fn handed_in(content: &Content) -> Result<Option<Vec<u8>>, String> {
    let (name, base64) = match content {
        Content::Text(text) => return Ok(Some(text.clone())),
        Content::Credential { name, base64 } => (name, *base64),
    };
    let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") else { return Ok(None) };
    let path = Path::new(&folder).join(name);
    let bytes = match file::read(&path, MOST_CREDENTIAL) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(told("read credential", name, &error)),
    };
    if !base64 {
        return Ok(Some(bytes));
    }
    let decoded = units::tmpfiles::decode(&String::from_utf8_lossy(&bytes));
    decoded.map(Some).ok_or_else(|| format!("Failed to base64 decode credential '{name}'"))
}

/// `f`, `f+`
fn write_new(item: &Item, place: &Place<'_>, content: &[u8]) -> io::Result<()> {
    place.replace(item, SFlag::S_IFREG);
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    match openat(&place.parent.fd, place.name, flags, mode(item, 0o644)) {
        Ok(fd) => {
            File::from(fd).write_all(content)?;
            settle(item, &place.parent.look(place.name)?, Age::New)
        }
        Err(Errno::EEXIST) => {
            let node = place.parent.look(place.name)?;
            if node.kind() != SFlag::S_IFREG {
                return Err(io::Error::other("exists and is not a regular file"));
            }
            if item.forced {
                let file = reopen(&node, OFlag::O_WRONLY)?;
                file.set_len(0)?;
                (&file).write_all(content)?;
            }
            settle(item, &node, Age::Old)
        }
        Err(error) => Err(error.into()),
    }
}

/// `w`, `w+`
fn write_there(item: &Item, node: &Node, content: &[u8]) -> io::Result<()> {
    let append = if item.forced { OFlag::O_APPEND } else { OFlag::empty() };
    reopen(node, OFlag::O_WRONLY | append)?.write_all(content)?;
    settle(item, node, Age::Old)
}

/// The very thing that was looked at, to be read or written.
fn reopen(node: &Node, flags: OFlag) -> io::Result<File> {
    let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
    Ok(File::from(open(&node.path(), flags, Mode::empty())?))
}

impl Place<'_> {
    /// What is of another kind goes, where the line says so.
    fn replace(&self, item: &Item, kind: SFlag) {
        if item.replaces && self.parent.look(self.name).is_ok_and(|node| node.kind() != kind) {
            // What could not be taken away is met again at once.
            let _ = self.parent.remove(self.name);
        }
    }

    fn already(&self, what: &str) {
        say::error(format_args!("\"{}\" already exists and is not {what}.", self.path));
    }

    fn directory(&self, item: &Item) -> io::Result<()> {
        self.replace(item, SFlag::S_IFDIR);
        let age = match mkdirat(&self.parent.fd, self.name, mode(item, 0o755)) {
            Ok(()) => Age::New,
            Err(Errno::EEXIST) => Age::Old,
            Err(error) => return Err(error.into()),
        };
        let node = self.parent.look(self.name)?;
        if node.kind() != SFlag::S_IFDIR {
            self.already("a directory");
            return Ok(());
        }
        settle(item, &node, age)
    }

    fn device(&self, item: &Item, kind: SFlag, major: u32, minor: u32) -> io::Result<()> {
        let number = makedev(major.into(), minor.into());
        match self.special(item, kind, number, |place| mknodat(&place.parent.fd, place.name, kind, mode(item, 0o644), number)) {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                say::error(format_args!("We lack permissions; skipping creation of device node '{}'.", self.path));
                Ok(())
            }
            other => other,
        }
    }

    fn special(&self, item: &Item, kind: SFlag, number: u64, make: impl Fn(&Self) -> nix::Result<()>) -> io::Result<()> {
        self.replace(item, kind);
        let mut age = Age::New;
        match make(self) {
            Ok(()) => {}
            Err(Errno::EEXIST) => {
                let node = self.parent.look(self.name)?;
                let is_it = node.kind() == kind && (kind == SFlag::S_IFIFO || node.stat.st_rdev == number);
                if !is_it && !item.forced {
                    self.already(if kind == SFlag::S_IFIFO { "a FIFO" } else { "a device node" });
                    return Ok(());
                }
                if is_it {
                    age = Age::Old;
                } else {
                    self.parent.remove(self.name)?;
                    make(self)?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        settle(item, &self.parent.look(self.name)?, age)
    }

    fn link(&self, item: &Item, target: &str) -> io::Result<()> {
        self.replace(item, SFlag::S_IFLNK);
        let parent = self.parent.fd.as_fd();
        let mut age = Age::New;
        match symlinkat(target, parent, self.name) {
            Ok(()) => {}
            Err(Errno::EEXIST) if readlinkat(parent, self.name).is_ok_and(|old| old == target) => age = Age::Old,
            Err(Errno::EEXIST) if item.forced => {
                if self.parent.look(self.name)?.kind() == SFlag::S_IFDIR {
                    self.parent.remove(self.name)?;
                }
                // At no moment is there nothing.
                let beside = format!(".#tmpfiles-{}", std::process::id());
                symlinkat(target, parent, beside.as_str())?;
                renameat(parent, beside.as_str(), parent, self.name)?;
            }
            // Somebody wants it otherwise.
            Err(Errno::EEXIST) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        settle(item, &self.parent.look(self.name)?, age)
    }
}

fn xattrs(node: &Node, pairs: &[(String, String)]) -> io::Result<()> {
    if node.kind() == SFlag::S_IFLNK {
        return Ok(());
    }
    pairs.iter().try_for_each(|(name, value)| Ok(kernel::inode::set_xattr(&node.path(), name, value.as_bytes())?))
}

/// Of files and directories only: a device's ioctl(2) may be anything.
fn attributes(node: &Node, wanted: Attributes) -> io::Result<()> {
    if ![SFlag::S_IFREG, SFlag::S_IFDIR].contains(&node.kind()) {
        return Ok(());
    }
    let file = reopen(node, OFlag::O_RDONLY)?;
    match kernel::inode::change_attributes(file.as_fd(), wanted.set, wanted.mask) {
        // Most file systems know none of them.
        Err(Errno::ENOTTY | Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
        other => Ok(other?),
    }
}
