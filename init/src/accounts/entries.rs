//! What stands in the two files. Nothing but text in, so that noise can be tried on it (`fuzz/src/accounts.rs`).
//!
//! Invariant: nobody found has an id that means "leave it as it is" to the kernel, and root is found whatever the files say.

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
    pub(crate) fn from_text(passwd: String, group: String) -> Self {
        Self { passwd, group }
    }

    /// A user by name, or by number; a number needs no entry and then has group = number.
    pub(crate) fn user(&self, who: &str) -> Option<User> {
        let by_name = self.users().find(|user| user.name == who);
        by_name
            .or_else(|| {
                let uid = written(who)?;
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
            .or_else(|| written(which))
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

/// An id instead of a name: without a sign and leading zeros, as systemd takes it.
fn written(text: &str) -> Option<u32> {
    number(text).filter(|_| text == "0" || text.starts_with(|c: char| ('1'..='9').contains(&c)))
}
