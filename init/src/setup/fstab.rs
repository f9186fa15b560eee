//! What /etc/fstab says to mount at boot, as far as a container can. fstab(5), mount(8).
//!
//! File systems without a device are the guest's to mount: tmpfs, and one folder shown at another place. Disks, swap and the root are the
//! host's business; files of other machines bring lines for them, so these are told in one line and are no failure. mount(8) does it, which
//! knows every option.

#![allow(clippy::disallowed_methods)] // A child of PID 1 may start a program and wait for it.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Trouble, program, text};
use crate::say;

const TABLE: &str = "/etc/fstab";
/// Escapes of fstab(5), which mountinfo has too.
const ESCAPES: [(&str, &str); 4] = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];

pub(super) fn apply() -> Result<(), Trouble> {
    let Some(table) = text(Path::new(TABLE))? else { return Ok(()) };
    let (ours, others): (Vec<_>, Vec<_>) = table.lines().filter_map(Entry::read).filter(Entry::is_wanted).partition(Entry::is_for_us);
    if !others.is_empty() {
        let places: Vec<&str> = others.iter().map(|entry| entry.place).collect();
        say::line(format_args!("the host's, passed over: {}", places.join(" ")));
    }
    if ours.is_empty() {
        return Ok(());
    }
    let Some(mount) = program("mount") else { return Err(Trouble::Wrong("there is no mount(8)".to_owned())) };
    let mounted = text(Path::new("/proc/self/mountinfo"))?.unwrap_or_default();
    let mut failed = Vec::new();
    for entry in ours {
        if mounted.lines().any(|line| line.split(' ').nth(4) == Some(entry.place)) {
            continue;
        }
        // All the rest it reads itself. The folder is made where there is none, as by systemd.
        let mut command = Command::new(&mount);
        command.args(["-o", "X-mount.mkdir", "--target"]).arg(unescaped(entry.place)).stdin(Stdio::null());
        match command.status() {
            Ok(status) if status.success() => {}
            _ if entry.has("nofail") => say::line(format_args!("{} could not be mounted", entry.place)),
            _ => failed.push(entry.place),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Trouble::Wrong(format!("could not be mounted: {}", failed.join(" ")))) }
}

/// One line.
struct Entry<'a> {
    place: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Entry<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace();
        words.next().filter(|what| !what.starts_with('#'))?;
        Some(Self { place: words.next()?, kind: words.next()?, options: words.next().unwrap_or("defaults") })
    }

    fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|has| has == option)
    }

    fn is_wanted(&self) -> bool {
        !self.has("noauto")
    }

    fn is_for_us(&self) -> bool {
        self.place.starts_with('/') && self.place != "/" && (self.kind == "tmpfs" || self.has("bind") || self.has("rbind"))
    }
}

fn unescaped(word: &str) -> String {
    ESCAPES.iter().fold(word.to_owned(), |word, (code, letter)| word.replace(code, letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_disk_is_the_guests() {
        for (line, wanted) in [
            ("UUID=1-2 / ext4 errors=remount-ro 0 1", Some((true, false))),
            ("/swapfile none swap sw 0 0", Some((true, false))),
            ("tmpfs /scratch tmpfs size=16m,mode=1777 0 0", Some((true, true))),
            ("tmpfs /scratch tmpfs noauto", Some((false, true))),
            ("/srv/data /home/data none bind", Some((true, true))),
            ("/srv/data /home/my\\040data none defaults,rbind,nofail 0 0", Some((true, true))),
            ("nas:/x /x nfs _netdev 0 0", Some((true, false))),
            ("# tmpfs /scratch tmpfs", None),
            ("", None),
            ("tmpfs", None),
        ] {
            assert_eq!(Entry::read(line).map(|entry| (entry.is_wanted(), entry.is_for_us())), wanted, "{line}");
        }
        assert_eq!(unescaped("/home/my\\040data"), "/home/my data");
    }
}
