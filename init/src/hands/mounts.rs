//! Where something is mounted, and the place for it; systemd.mount(5).

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use supervisor::{Phase, Run};
use units::unit::{Body, Mount, Unit};

/// Whether there is nothing to do: what is mounted already is not mounted over, and what is not is not unmounted.
pub(super) fn is_done(run: Run, unit: &Unit) -> bool {
    let Body::Mount(mount) = &unit.body else { return false };
    let mounted = || fs::read_to_string("/proc/self/mountinfo").is_ok_and(|text| shows(&text, Path::new(&mount.place)));
    match run.phase {
        Phase::Start => mounted(),
        Phase::Stop => !mounted(),
        Phase::Condition | Phase::StartPre | Phase::StartPost | Phase::Reload | Phase::StopPost => false,
    }
}

/// Make what is to be mounted on, if it is not there. The error is for a person.
pub(super) fn make_place(unit: &Unit) -> Result<(), String> {
    let Body::Mount(mount) = &unit.body else { return Ok(()) };
    made(mount).map_err(|error| format!("making {} failed: {error}", mount.place))
}

fn made(mount: &Mount) -> io::Result<()> {
    let place = Path::new(&mount.place);
    if place.exists() {
        return Ok(());
    }
    let mode = mount.directory_mode.map_or(0o755, |mode| mode.bits());
    let directory = |path: &Path| fs::DirBuilder::new().recursive(true).mode(mode).create(path);
    let is_bind = mount.options.split(',').any(|option| option == "bind" || option == "rbind");
    if is_bind && Path::new(&mount.what).is_file() {
        // A file is bound on a file.
        place.parent().map_or(Ok(()), directory)?;
        return fs::OpenOptions::new().write(true).create_new(true).open(place).map(drop);
    }
    directory(place)
}

/// Whether a mount is at this place; proc_pid_mountinfo(5), field 5, with octal escapes.
fn shows(mountinfo: &str, place: &Path) -> bool {
    // What leads through links is listed where it leads to.
    let real = fs::canonicalize(place).unwrap_or_else(|_| PathBuf::from(place));
    mountinfo.lines().filter_map(|line| line.split(' ').nth(4)).any(|field| Path::new(&unescaped(field)) == real)
}

fn unescaped(field: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.into_iter().fold(field.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn mounts_are_found_by_their_place() {
        let text = "36 35 98:0 /m /mnt1 rw - ext3 /dev/root rw\n37 35 0:5 / /mnt/a\\040b rw - tmpfs tmpfs rw\n";
        assert!(shows(text, Path::new("/mnt1")));
        assert!(shows(text, Path::new("/mnt/a b")));
        assert!(!shows(text, Path::new("/mnt")));
    }

    #[test]
    fn the_place_is_a_directory_or_for_a_file_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("source"), "").unwrap();
        let directory = Mount { what: "tmpfs".to_owned(), place: path("a/b"), ..Mount::default() };
        let file = Mount { what: path("source"), place: path("c/d"), options: "ro,bind".to_owned(), ..Mount::default() };
        for mount in [&directory, &file] {
            made(mount).unwrap();
            made(mount).unwrap();
        }
        assert!(Path::new(&directory.place).is_dir());
        assert!(Path::new(&file.place).is_file());
    }
}
