//! What the host hands in: passwords and keys, by systemd's credential names.
//!
//! ```text
//! $CREDENTIALS_DIRECTORY/passwd.hashed-password.USER → field 2 of /etc/shadow
//! $CREDENTIALS_DIRECTORY/ssh.authorized_keys.root    → lines of /root/.ssh/authorized_keys
//! ```
//!
//! A credential is applied when it is new or differs from what was applied last (a copy is kept
//! in /var/lib/fief/credentials), so a password or key that the guest's root changes later
//! survives the next boot. systemd.system-credentials(7), shadow(5).

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Trouble, folder, replace, text};
use crate::accounts::Accounts;
use crate::say;

const APPLIED: &str = "/var/lib/fief/credentials";
const SHADOW: &str = "/etc/shadow";
const PASSWORD: &str = "passwd.hashed-password.";
const ROOT_KEYS: &str = "ssh.authorized_keys.root";

pub(super) fn apply() -> Result<(), Trouble> {
    let from = std::env::var_os("CREDENTIALS_DIRECTORY").map_or_else(|| PathBuf::from("/run/host/credentials"), PathBuf::from);
    let entries = match fs::read_dir(&from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Trouble::file("list", &from, error)),
    };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    units::order::by(&mut names, Ord::cmp);
    let mut first_trouble = None;
    for name in names {
        if let Err(trouble) = apply_one(&from, &name) {
            // The others may still let somebody in.
            say::error(format_args!("{name}: {}", say::chain(&trouble)));
            first_trouble.get_or_insert(trouble);
        }
    }
    first_trouble.map_or(Ok(()), Err)
}

fn apply_one(from: &Path, name: &str) -> Result<(), Trouble> {
    let is_password = name.strip_prefix(PASSWORD);
    if is_password.is_none() && name != ROOT_KEYS {
        return Ok(());
    }
    let Some(value) = text(&from.join(name))? else { return Ok(()) };
    let kept = Path::new(APPLIED).join(name);
    let before = text(&kept)?;
    if before.as_deref() == Some(value.as_str()) {
        return Ok(());
    }
    match is_password {
        Some(user) => set_password(user, value.trim())?,
        None => set_root_keys(before.as_deref().unwrap_or(""), &value)?,
    }
    for path in ["/var/lib/fief", APPLIED] {
        folder(Path::new(path), 0o700)?;
    }
    replace(&kept, 0o600, value.as_bytes())
}

fn set_password(user: &str, hash: &str) -> Result<(), Trouble> {
    let path = Path::new(SHADOW);
    let shadow = text(path)?.ok_or_else(|| Trouble::Wrong(format!("there is no {SHADOW}")))?;
    let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    let edited = with_password(&shadow, user, hash, today).map_err(Trouble::Wrong)?;
    replace(path, 0o640, edited.as_bytes())?;
    say::line(format_args!("password of {user} set"));
    Ok(())
}

/// The shadow file with one user's hash and date of change replaced.
fn with_password(shadow: &str, user: &str, hash: &str, today: u64) -> Result<String, String> {
    if hash.is_empty() || hash.contains([':', '\n', '\r', '\0']) {
        return Err(format!("the password hash for {user} is none"));
    }
    let mut found = false;
    let mut out = String::with_capacity(shadow.len() + hash.len());
    for line in shadow.lines() {
        let mut fields: Vec<&str> = line.split(':').collect();
        let day = today.to_string();
        if fields.first() == Some(&user) && !found {
            found = true;
            if let Some(field) = fields.get_mut(1) {
                *field = hash;
            }
            if let Some(field) = fields.get_mut(2) {
                *field = &day;
            }
        }
        out.push_str(&fields.join(":"));
        out.push('\n');
    }
    if found { Ok(out) } else { Err(format!("{SHADOW} has no user {user}")) }
}

fn set_root_keys(before: &str, now: &str) -> Result<(), Trouble> {
    let root = Accounts::read()
        .map_err(|error| Trouble::file("read", Path::new("/etc/passwd"), error))?
        .user("root")
        .ok_or_else(|| Trouble::Wrong("there is no root".to_owned()))?;
    let home = Path::new(&root.home);
    let ssh = home.join(".ssh");
    folder(home, 0o700)?;
    if folder(&ssh, 0o700)? {
        chown(&ssh, Some(root.uid), Some(root.gid)).map_err(|error| Trouble::file("own", &ssh, error))?;
    }
    let file = ssh.join("authorized_keys");
    let existing = text(&file)?.unwrap_or_default();
    let merged = merge(&existing, before, now);
    if merged != existing {
        replace(&file, 0o600, merged.as_bytes())?;
    }
    say::line(format_args!("{} root key(s) in {}", keys(now).count(), file.display()));
    Ok(())
}

/// Keys we brought before and no longer bring go, new ones come, the guest's own lines stay.
fn merge(existing: &str, before: &str, now: &str) -> String {
    let gone: Vec<&str> = keys(before).filter(|key| !keys(now).any(|new| new == *key)).collect();
    let mut lines: Vec<&str> = existing.lines().filter(|line| !gone.contains(&line.trim())).collect();
    for key in keys(now) {
        if !lines.iter().any(|line| line.trim() == key) {
            lines.push(key);
        }
    }
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

fn keys(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn edits_one_user_and_nobody_else() {
        let shadow = "root:*:19000:0:99999:7:::\nrooter:!:1:0:::::\n";
        let edited = with_password(shadow, "root", "$6$a$b", 20_000).unwrap();
        assert_eq!(edited, "root:$6$a$b:20000:0:99999:7:::\nrooter:!:1:0:::::\n");
        assert!(with_password(shadow, "nobody", "$6$a$b", 1).is_err());
    }

    #[test]
    fn a_hash_cannot_bring_a_second_user() {
        assert!(with_password("root:*:::::::\n", "root", "x:0\nevil::", 1).is_err());
    }

    #[test]
    fn keys_of_the_guest_stay_and_withdrawn_ones_go() {
        let merged = merge("ssh-rsa OWN me\nssh-rsa OLD host\n", "ssh-rsa OLD host\n", "# c\nssh-rsa NEW host\n");
        assert_eq!(merged, "ssh-rsa OWN me\nssh-rsa NEW host\n");
    }
}
