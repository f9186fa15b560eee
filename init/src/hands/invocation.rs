//! The number of a unit's life, where whoever keeps the log finds it: a link in memory that leads to it, as systemd leaves it for its journald.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;

use units::UnitName;

const FOLDER: &str = "/run/systemd/units";

fn place(unit: &UnitName) -> String {
    format!("{FOLDER}/invocation:{}", unit.as_str())
}

/// A life has begun. Where the link cannot be made its lines go without the number.
pub(super) fn tell(unit: &UnitName, invocation: &str) {
    let make = || symlink(invocation, place(unit));
    let _ = make().or_else(|error| match error.kind() {
        ErrorKind::AlreadyExists => fs::remove_file(place(unit)).and_then(|()| make()),
        ErrorKind::NotFound => fs::create_dir_all(FOLDER).and_then(|()| make()),
        _ => Err(error),
    });
}

/// The number of the life that a unit has now.
pub(crate) fn of(unit: &UnitName) -> Option<String> {
    fs::read_link(place(unit)).ok()?.into_os_string().into_string().ok()
}

/// It is over, and none follows at once.
pub(super) fn forget(unit: &UnitName) {
    let _ = fs::remove_file(place(unit));
}
