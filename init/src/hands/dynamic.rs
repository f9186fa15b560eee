//! Users made up for the time a service runs. systemd.exec(5), `DynamicUser=`.
//!
//! ```text
//! /run/userdb/web.user   {"userName":"web","uid":61234, …}    61234.user → web.user    the same for the group
//! ```
//!
//! The record is the truth: it says which number a name has, outlives PID 1's own replacement, and is what systemd's NSS
//! module and userdbctl(1) look into (nss-systemd(8), "/run/userdb/"). Programs without that module see a number without a
//! name, as they would with systemd.
//!
//! Invariant: a number belongs to one name at a time, and to nobody in /etc/passwd.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::accounts::{Accounts, User};
use crate::file;

/// Where records lie.
const RECORDS: &str = "/run/userdb";
/// systemd's own range, within the 64 Ki ids of a container; users(7) of systemd, "Special Users and Groups".
const FIRST: u32 = 61_184;
const LAST: u32 = 65_519;

/// The user of that name, made up if there is none.
pub(super) fn hold(name: &str, accounts: &Accounts) -> io::Result<User> {
    hold_in(Path::new(RECORDS), name, accounts)
}

/// The name is nobody's any more.
pub(super) fn let_go(name: &str) {
    let_go_in(Path::new(RECORDS), name);
}

fn hold_in(records: &Path, name: &str, accounts: &Accounts) -> io::Result<User> {
    if name.is_empty() || name.contains(['/', '"', '\\']) || name.contains(char::is_control) {
        return Err(io::Error::other(format!("{name:?} is no name for a user")));
    }
    if let Some(uid) = recorded(records, name) {
        return Ok(user(name, uid));
    }
    fs::create_dir_all(records)?;
    let count = LAST - FIRST + 1;
    // The same name gets the same number again, if it is free: what it has left behind is then its own.
    let begin = name.bytes().fold(5381_u32, |hash, byte| hash.wrapping_mul(33) ^ u32::from(byte)) % count;
    for step in 0..count {
        let uid = FIRST + (begin + step) % count;
        if accounts.has_number(uid) {
            continue;
        }
        // The link is what takes the number: it can be made once.
        match symlink(format!("{name}.user"), record(records, &uid.to_string(), "user")) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => {
                write(records, name, uid)?;
                return Ok(user(name, uid));
            }
        }
    }
    Err(io::Error::other("no number is left for a user"))
}

fn let_go_in(records: &Path, name: &str) {
    let Some(uid) = recorded(records, name) else { return };
    for kind in ["user", "group"] {
        let _ = fs::remove_file(record(records, name, kind));
        let _ = fs::remove_file(record(records, &uid.to_string(), kind));
    }
}

fn record(records: &Path, name: &str, kind: &str) -> PathBuf {
    records.join(format!("{name}.{kind}"))
}

/// The number in a record of ours.
fn recorded(records: &Path, name: &str) -> Option<u32> {
    let text = file::read_text(record(records, name, "user"), file::USUAL).ok()?;
    let (_, rest) = text.split_once("\"uid\":")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|uid| (FIRST..=LAST).contains(uid) && text.contains("\"service\":\"fief\""))
}

/// User and group records, <https://systemd.io/USER_RECORD>.
fn write(records: &Path, name: &str, uid: u32) -> io::Result<()> {
    let put = |kind: &str, text: String| {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(record(records, name, kind))?;
        file.write_all(text.as_bytes())
    };
    let common = "\"disposition\":\"dynamic\",\"service\":\"fief\"";
    put(
        "user",
        format!(
            "{{\"userName\":\"{name}\",\"uid\":{uid},\"gid\":{uid},\"realName\":\"Dynamic User\",\"homeDirectory\":\"/\",\"shell\":\"/usr/sbin/nologin\",\"locked\":true,{common}}}\n"
        ),
    )?;
    put("group", format!("{{\"groupName\":\"{name}\",\"gid\":{uid},{common}}}\n"))?;
    match symlink(format!("{name}.group"), record(records, &uid.to_string(), "group")) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn user(name: &str, uid: u32) -> User {
    User { name: name.to_owned(), uid, gid: uid, home: "/".to_owned(), shell: "/usr/sbin/nologin".to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_keeps_its_number_and_two_names_have_two() {
        let folder = tempfile::tempdir().unwrap();
        let (records, nobody) = (folder.path(), Accounts::default());
        let web = hold_in(records, "web", &nobody).unwrap();
        assert!((FIRST..=LAST).contains(&web.uid) && web.gid == web.uid);
        assert_eq!(hold_in(records, "web", &nobody).unwrap(), web);
        // Somebody else who would like the same number.
        let_go_in(records, "web");
        symlink("db.user", record(records, &web.uid.to_string(), "user")).unwrap();
        write(records, "db", web.uid).unwrap();
        let other = hold_in(records, "web", &nobody).unwrap();
        assert_ne!(other.uid, web.uid);
        let text = fs::read_to_string(records.join(format!("{}.user", other.uid))).unwrap();
        assert!(text.contains("\"userName\":\"web\""));
        let_go_in(records, "web");
        let_go_in(records, "db");
        assert_eq!(fs::read_dir(records).unwrap().count(), 0);
        hold_in(records, "../web", &nobody).unwrap_err();
    }
}
