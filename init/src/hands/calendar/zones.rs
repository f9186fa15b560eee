//! The time zones of the container: its own, and those that calendars name.

use std::collections::BTreeMap;

use units::value::{TimeZone, Zone};

use crate::file;

/// The container's own; localtime(5).
pub(super) const LOCAL: &str = "/etc/localtime";
const DATABASE: &str = "/usr/share/zoneinfo";
/// The largest file of the database is some kilobytes.
const MOST: u64 = 1 << 18;

/// Those read so far.
#[derive(Debug, Default)]
pub(super) struct Zones(BTreeMap<String, TimeZone>);

impl Zones {
    /// That of a calendar. One that cannot be read is UTC, as with tzset(3).
    pub(super) fn of(&mut self, zone: &Zone) -> &TimeZone {
        let path = match zone {
            Zone::Local => LOCAL.to_owned(),
            Zone::Utc => String::new(),
            Zone::Named(name) => format!("{DATABASE}/{name}"),
        };
        self.0.entry(path).or_insert_with_key(|path| read(path).unwrap_or_default())
    }
}

fn read(path: &str) -> Option<TimeZone> {
    if path.is_empty() || path.split('/').any(|part| part == "..") {
        return None;
    }
    TimeZone::read(&file::read(path, MOST).ok()?)
}
