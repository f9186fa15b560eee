//! `/etc/passwd` and `/etc/group`, read by ourselves: a static binary must never call NSS
//! (glibc would load modules of the wrong libc, musl would read the files as we do).
//! passwd(5), group(5).

use std::io;

use crate::file;

/// Some hundred thousand users; more is a mistake or malice, bytes.
const MOST: u64 = 16 << 20;

/// One line of passwd(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: String,
    pub(crate) shell: String,
}

/// Users and groups as the files say at one moment.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    passwd: String,
    group: String,
}

impl Accounts {
    /// Read both files; one that is absent holds nobody.
    pub(crate) fn read() -> io::Result<Self> {
        Ok(Self { passwd: absent_is_empty("/etc/passwd")?, group: absent_is_empty("/etc/group")? })
    }

    #[cfg(test)]
    fn from_text(passwd: &str, group: &str) -> Self {
        Self { passwd: passwd.to_owned(), group: group.to_owned() }
    }

    /// A user by name, or by number; a number needs no entry and then has group = number.
    pub(crate) fn user(&self, who: &str) -> Option<User> {
        let by_name = self.users().find(|user| user.name == who);
        by_name
            .or_else(|| {
                let uid = number(who)?;
                self.users().find(|user| user.uid == uid).or_else(|| {
                    // The answer for root never depends on a file: PID 1 must work without /etc.
                    Some(User { name: who.to_owned(), uid, gid: uid, home: "/".to_owned(), shell: "/bin/sh".to_owned() })
                })
            })
            .or_else(|| {
                (who == "root").then(|| User {
                    name: "root".to_owned(),
                    uid: 0,
                    gid: 0,
                    home: "/root".to_owned(),
                    shell: "/bin/sh".to_owned(),
                })
            })
    }

    /// Whether a user or a group has this number.
    pub(crate) fn has_number(&self, id: u32) -> bool {
        self.users().any(|user| user.uid == id) || self.groups().any(|(_, gid, _)| gid == id)
    }

    /// A group's number by name or number.
    pub(crate) fn group(&self, which: &str) -> Option<u32> {
        self.groups()
            .find(|(name, _, _)| *name == which)
            .map(|(_, gid, _)| gid)
            .or_else(|| number(which))
            .or_else(|| (which == "root").then_some(0))
    }

    /// The groups that list this user as a member.
    pub(crate) fn memberships(&self, user: &str) -> Vec<u32> {
        self.groups().filter(|(_, _, members)| members.split(',').any(|member| member == user)).map(|(_, gid, _)| gid).collect()
    }

    fn users(&self) -> impl Iterator<Item = User> + '_ {
        self.passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty())?;
            let (_password, uid, gid) = (fields.next()?, fields.next()?, fields.next()?);
            let (_gecos, home, shell) = (fields.next()?, fields.next()?, fields.next().unwrap_or(""));
            Some(User {
                name: name.to_owned(),
                uid: number(uid)?,
                gid: number(gid)?,
                home: if home.is_empty() { "/" } else { home }.to_owned(),
                shell: if shell.is_empty() { "/bin/sh" } else { shell }.to_owned(),
            })
        })
    }

    fn groups(&self) -> impl Iterator<Item = (&str, u32, &str)> {
        self.group.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty())?;
            let (_password, gid) = (fields.next()?, fields.next()?);
            Some((name, number(gid)?, fields.next().unwrap_or("")))
        })
    }
}

/// An id. All ones, in 32 or 16 bits, are none: setresuid(2) takes them for "leave it as it is",
/// and who was to become somebody would stay root.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|id| ![u32::MAX, 0xffff].contains(id))
}

fn absent_is_empty(path: &str) -> io::Result<String> {
    match file::read_text(path, MOST) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn accounts() -> Accounts {
        Accounts::from_text(
            "root:x:0:0:root:/root:/bin/bash\nbroken\nwww-data:x:33:33:www:/var/www:\nx:y:notanumber:1:::\n",
            "root:x:0:\nadm:x:4:www-data,syslog\nssl-cert:x:101:www-data\nempty:x:7\n",
        )
    }

    #[test]
    fn finds_by_name_and_by_number() {
        let accounts = accounts();
        assert_eq!(accounts.user("www-data").unwrap().uid, 33);
        assert_eq!(accounts.user("33").unwrap().name, "www-data");
        assert_eq!(accounts.user("4711").unwrap().gid, 4711);
        assert_eq!(accounts.user("nobody-here"), None);
    }

    #[test]
    fn an_empty_shell_is_bin_sh() {
        assert_eq!(accounts().user("www-data").unwrap().shell, "/bin/sh");
    }

    #[test]
    fn nobody_is_minus_one() {
        let accounts = Accounts::from_text("evil:x:4294967295:0::/:\nodd:x:1000:65535::/:\n", "wheel:x:4294967295:\n");
        for who in ["evil", "odd", "4294967295", "65535", "-1"] {
            assert_eq!(accounts.user(who), None, "{who}");
        }
        assert_eq!(accounts.group("wheel"), None);
        assert_eq!(accounts.group("65535"), None);
    }

    #[test]
    fn knows_groups_and_members() {
        let accounts = accounts();
        assert_eq!(accounts.group("ssl-cert"), Some(101));
        assert_eq!(accounts.group("empty"), Some(7));
        assert_eq!(accounts.group("12"), Some(12));
        assert_eq!(accounts.memberships("www-data"), vec![4, 101]);
    }

    #[test]
    fn root_needs_no_file() {
        assert_eq!(Accounts::default().user("root").unwrap().home, "/root");
    }
}
