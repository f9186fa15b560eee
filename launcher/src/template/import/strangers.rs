//! What is given to `fief template import` and is no tree: said by what it is, with what would be one.

use std::io;
use std::path::Path;

use kernel::beneath::Dir;

use super::STEP;
use crate::error::{Class, Error};

/// Where the first bytes of a file say what it is.
const MARKS: [(usize, &[u8], &str); 9] = [
    (0, b"BZh", "is packed by bzip2"),
    (0, &[0x5d, 0, 0], "is packed by lzma"),
    (0, b"PK\x03\x04", "is a zip file"),
    (0, b"QFI\xfb", "is a disk image (qcow2)"),
    (0, b"KDMV", "is a disk image (vmdk)"),
    (0, b"hsqs", "is a squashfs image"),
    (510, &[0x55, 0xaa], "is a disk image"),
    (1080, &[0x53, 0xef], "is an image of an ext file system"),
    (32769, b"CD001", "is an image of a CD"),
];
/// Where a tar file has its own, and what is packed as one may be.
const TREES: [(usize, &[u8]); 4] = [(257, b"ustar"), (0, &[0x1f, 0x8b]), (0, b"\xfd7zXZ\0"), (0, &[0x28, 0xb5, 0x2f, 0xfd])];

/// What a file is that begins so, where it is something other than a tree that is packed.
pub(super) fn known(start: &[u8]) -> Option<&'static str> {
    let has = |at: usize, mark: &[u8]| start.get(at..).is_some_and(|rest| rest.starts_with(mark));
    if TREES.iter().any(|(at, mark)| has(*at, mark)) {
        return None;
    }
    MARKS.iter().find(|(at, mark, _)| has(*at, mark)).map(|(_, _, what)| *what)
}

/// Refuses what was unpacked and has no system at its top, if it is plain why.
pub(super) fn look(rootfs: &Path) -> Result<(), Error> {
    let fail = |error: io::Error| Error::new(Class::Template, STEP, "the tree").source(error);
    let root = Dir::open(rootfs).map_err(fail)?;
    let is_there = |path: &Path| root.exists(path).map_err(fail);
    if is_there(Path::new("etc"))? {
        return Ok(());
    }
    if is_there(Path::new("oci-layout"))? || (is_there(Path::new("manifest.json"))? && !is_there(Path::new("rootfs"))?) {
        return Err(Error::new(Class::Template, STEP, "it is an image in layers, as docker save writes it")
            .advice("docker export of a container made from the image is its tree"));
    }
    for name in root.names().map_err(fail)? {
        let Ok(name) = name.to_str() else { continue };
        if matches!(root.dir(Path::new(name)), Ok(folder) if folder.exists(Path::new("etc")).map_err(fail)?) {
            return Err(Error::new(Class::Template, STEP, format!("the system is not at its top but in its folder {name}"))
                .advice("import that folder, or an archive of what is in it"));
        }
    }
    Ok(())
}
