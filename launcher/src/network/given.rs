//! The host name that a guest was last given, in a file beside its config.
//!
//! A tenant may name the machine anew (`hostnamectl`, `/etc/hostname`), and that holds over reboots as on a machine of one's own. It is
//! the host's word again when the host has a new one: a config with another name than was given last.

use std::path::{Path, PathBuf};

use super::files::Existing;
use crate::store::{Hostname, atomic};

fn place(container: &Path) -> PathBuf {
    container.join("hostname")
}

/// What to do about the `/etc/hostname` that is there, with this name in the config.
pub fn policy(container: &Path, hostname: &Hostname) -> Existing {
    // Unreadable is never given: the host's word counts.
    let given = std::fs::read_to_string(place(container)).unwrap_or_default();
    if given.trim_end() == hostname.as_str() { Existing::Leave } else { Existing::Replace }
}

/// The guest has it now. Told where that cannot be noted: the next start would give it again.
pub fn note(container: &Path, hostname: &Hostname) {
    if policy(container, hostname) == Existing::Replace
        && let Err(error) = atomic::write(&place(container), format!("{}\n", hostname.as_str()).as_bytes(), 0o644)
    {
        log::warn!("cannot note the host name given in {}: {error}", place(container).display());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_is_given_once() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new): (Hostname, Hostname) = ("web1.example.org".parse().unwrap(), "web2".parse().unwrap());
        assert_eq!(policy(folder.path(), &old), Existing::Replace);
        note(folder.path(), &old);
        assert_eq!((policy(folder.path(), &old), policy(folder.path(), &new)), (Existing::Leave, Existing::Replace));
        note(folder.path(), &new);
        assert_eq!((policy(folder.path(), &old), policy(folder.path(), &new)), (Existing::Replace, Existing::Leave));
    }
}
