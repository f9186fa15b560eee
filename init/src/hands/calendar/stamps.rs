//! When persistent timers elapsed last, as the times of empty files; where systemd has them, so that neither misses what
//! the other did.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::sys::stat::futimens;
use nix::sys::time::TimeSpec;
use units::UnitName;

use super::Micros;

pub(super) const PLACE: &str = "/var/lib/systemd/timers";

fn path(place: &Path, unit: &UnitName) -> PathBuf {
    place.join(format!("stamp-{}", unit.as_str()))
}

/// When it was written last.
pub(super) fn read(place: &Path, unit: &UnitName) -> Option<Micros> {
    let about = fs::metadata(path(place, unit)).ok()?;
    about.mtime().checked_mul(1_000_000)?.checked_add(about.mtime_nsec() / 1000)
}

/// Write it now. On a disk that is full or read-only the timer goes on without: what was missed is then not made up for.
pub(super) fn write(place: &Path, unit: &UnitName) {
    let _ = fs::create_dir_all(place);
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o644).custom_flags(libc::O_NOFOLLOW).open(path(place, unit));
    if let Ok(file) = file {
        let _ = futimens(&file, &TimeSpec::UTIME_NOW, &TimeSpec::UTIME_NOW);
    }
}
