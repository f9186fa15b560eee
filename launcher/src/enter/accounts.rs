//! Who a guest's users are, by the guest's own `/etc/passwd` and `/etc/group`: passwd(5), group(5).
//!
//! The files are the guest's to write. What is taken from them decides only as whom a program runs *inside*, and is bounded, checked to be
//! numbers of the guest's range, and never given to another parser. NSS is not asked: it would load the guest's libraries into a host process.

use std::io;
use std::path::Path;
use std::str::FromStr;

use kernel::beneath::Dir;

/// The longest file that is read.
const LONGEST: u64 = 4 << 20;
/// How many ids a guest has: 0 to this, exclusive.
const IDS: u32 = 1 << 16;
/// Group `tty` where `/etc/group` does not say otherwise: every distribution has it so.
const TTY: u32 = 5;

/// A user or group as it is asked for: all digits is a number, whatever the guest calls its users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    Number(u32),
    Name(String),
}

/// `USER[:GROUP]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    user: Word,
    group: Option<Word>,
}

/// Why a `USER[:GROUP]` cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0:?} is neither a name nor a number")]
    Word(String),
    #[error("{0} is not one of the guest's ids, 0 to 65535")]
    Range(u32),
    #[error("the guest has no user {0}")]
    User(String),
    #[error("the guest has no group {0}")]
    Group(String),
}

/// One user of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// All groups, the first one too.
    pub(super) groups: Vec<u32>,
    pub(super) home: String,
    pub(super) shell: String,
}

/// A number of the guest's range in plain decimal: no sign, no blank, no leading zero, no other base. `None` for everything else:
/// 4294967295 is -1, which setresuid(2) takes for "leave as it is".
fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    // The length first: what is too long for a u32 must not depend on how parse(2) rounds.
    if plain && text.len() <= 10 { text.parse().ok() } else { None }
}

impl FromStr for Word {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let refused = || Refused::Word(text.to_owned());
        if text.starts_with(char::is_numeric) {
            return match number(text) {
                Some(number) if number < IDS => Ok(Self::Number(number)),
                Some(number) => Err(Refused::Range(number)),
                None => Err(refused()),
            };
        }
        let allowed = |c: char| !(c.is_control() || c.is_whitespace() || matches!(c, ':' | ',' | '/' | '"' | '\'' | '\\'));
        let name = !text.is_empty() && text.len() <= 256 && !text.starts_with(['-', '+', '.', '~']) && text.chars().all(allowed);
        if name { Ok(Self::Name(text.to_owned())) } else { Err(refused()) }
    }
}

impl FromStr for Wanted {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        match text.split_once(':') {
            Some((user, group)) => Ok(Self { user: user.parse()?, group: Some(group.parse()?) }),
            None => Ok(Self { user: text.parse()?, group: None }),
        }
    }
}

impl Wanted {
    /// Whether somebody can be found without the guest's files.
    pub(super) fn needs_no_file(&self) -> bool {
        let user = matches!(&self.user, Word::Number(_)) || self.user == Word::Name("root".into());
        user && !matches!(self.group, Some(Word::Name(_)))
    }
}

/// The two files as they were when read.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    passwd: String,
    group: String,
}

impl Accounts {
    /// Reads both beneath the guest's root; one that is not there holds nobody.
    ///
    /// # Errors
    /// When a file is there and cannot be read, or is longer than 4 MiB.
    pub(super) fn read(root: &Dir) -> io::Result<Self> {
        let file = |path| match root.read(Path::new(path), LONGEST) {
            // A stray Latin-1 letter in a comment must not lose everybody.
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(String::new()),
            Err(e) => Err(e),
        };
        Ok(Self { passwd: file("etc/passwd")?, group: file("etc/group")? })
    }

    /// Who is wanted. A number needs no entry. With a group asked for, that is the only one.
    ///
    /// # Errors
    /// When there is no such user or group.
    pub(super) fn find(&self, wanted: &Wanted) -> Result<Person, Refused> {
        let mut person = match &wanted.user {
            Word::Number(uid) => self.people().find(|p| p.uid == *uid).unwrap_or_else(|| stranger(*uid)),
            Word::Name(name) => match self.people().find(|p| p.name == *name) {
                Some(person) => person,
                // Root is root where no file says so.
                None if name == "root" => stranger(0),
                None => return Err(Refused::User(name.clone())),
            },
        };
        person.groups = match &wanted.group {
            None => self.memberships(&person),
            Some(Word::Number(gid)) => vec![*gid],
            Some(Word::Name(name)) => vec![self.group(name).ok_or_else(|| Refused::Group(name.clone()))?],
        };
        person.gid = person.groups.first().copied().unwrap_or(person.gid);
        Ok(person)
    }

    /// The group that owns terminals.
    pub(super) fn tty(&self) -> u32 {
        self.group("tty").unwrap_or(TTY)
    }

    fn people(&self) -> impl Iterator<Item = Person> + '_ {
        self.passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|n| !n.is_empty())?.to_owned();
            let (uid, gid) = (id(fields.nth(1)?)?, id(fields.next()?)?);
            let home = sane_path(fields.nth(1)?).unwrap_or("/").to_owned();
            let shell = fields.next().and_then(sane_path).unwrap_or("/bin/sh").to_owned();
            Some(Person { name, uid, gid, groups: Vec::new(), home, shell })
        })
    }

    fn groups(&self) -> impl Iterator<Item = (&str, u32, &str)> {
        self.group.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|n| !n.is_empty())?;
            Some((name, id(fields.nth(1)?)?, fields.next().unwrap_or_default()))
        })
    }

    fn group(&self, wanted: &str) -> Option<u32> {
        self.groups().find(|(name, _, _)| *name == wanted).map(|(_, gid, _)| gid)
    }

    /// The user's own group, then those that name the user.
    fn memberships(&self, person: &Person) -> Vec<u32> {
        let named = self.groups().filter(|(_, _, members)| members.split(',').any(|m| m == person.name)).map(|(_, gid, _)| gid);
        let mut others: Vec<u32> = named.filter(|gid| *gid != person.gid).collect();
        others.sort_unstable();
        others.dedup();
        std::iter::once(person.gid).chain(others).collect()
    }
}

fn id(text: &str) -> Option<u32> {
    number(text).filter(|n| *n < IDS)
}

/// Absolute and free of what could write on a terminal.
fn sane_path(text: &str) -> Option<&str> {
    (text.starts_with('/') && text.len() < 4096 && !text.chars().any(char::is_control)).then_some(text)
}

/// Somebody without an entry.
fn stranger(uid: u32) -> Person {
    let (name, home) = if uid == 0 { ("root".to_owned(), "/root") } else { (uid.to_string(), "/") };
    Person { name, uid, gid: uid, groups: Vec::new(), home: home.to_owned(), shell: "/bin/sh".to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn accounts() -> Accounts {
        Accounts {
            passwd: "root:x:0:0:root:/root:/bin/bash\nbroken\n# note\nwww-data:x:33:33:www:/var/www:\nodd:x:0x7:1:::\nsigned:x:+7:1:::\n\
                     huge:x:4294967295:1:::\nfar:x:70000:1:::\nrel:x:9:9::home:bash\n0:x:1234:1234::/:\nroot:x:7:7::/:/bin/evil\n\
                     esc:x:8:8::/\u{1b}[2J:/bin/\u{7}\n"
                .into(),
            group:
                "root:x:0:\nadm:x:4:www-data,syslog\nssl-cert:x:101:www-data\nadm2:x:4:www-data\nempty:x:7\ntty:x:6:\nneg:x:-1:www-data\n"
                    .into(),
        }
    }

    fn find(text: &str) -> Result<Person, Refused> {
        accounts().find(&text.parse()?)
    }

    #[test]
    fn users_are_found_by_name_and_number() {
        let www = find("www-data").unwrap();
        assert_eq!((www.uid, www.gid, www.groups.as_slice()), (33, 33, [33, 4, 101].as_slice()));
        assert_eq!((www.home.as_str(), www.shell.as_str()), ("/var/www", "/bin/sh"));
        assert_eq!(find("33").unwrap(), www);
        assert_eq!(find("root").unwrap().shell, "/bin/bash");
        assert_eq!(find("4711").unwrap(), Person { groups: vec![4711], ..stranger(4711) });
        assert_eq!(find("nobody-here"), Err(Refused::User("nobody-here".into())));
    }

    #[test]
    fn a_group_asked_for_is_the_only_one() {
        let www = find("www-data:ssl-cert").unwrap();
        assert_eq!((www.gid, www.groups), (101, vec![101]));
        assert_eq!(find("33:9").unwrap().groups, [9]);
        assert_eq!(find("33:nowhere"), Err(Refused::Group("nowhere".into())));
    }

    #[test]
    fn a_user_called_0_is_not_user_0() {
        assert_eq!(find("0").unwrap().name, "root");
        assert_eq!(find("1234").unwrap().name, "0");
    }

    #[test]
    fn entries_that_are_no_entries_are_nobody() {
        for name in ["odd", "signed", "huge", "far", "broken"] {
            assert_eq!(find(name), Err(Refused::User(name.into())));
        }
        let rel = find("rel").unwrap();
        assert_eq!((rel.home.as_str(), rel.shell.as_str()), ("/", "/bin/sh"));
        let esc = find("esc").unwrap();
        assert_eq!((esc.home.as_str(), esc.shell.as_str()), ("/", "/bin/sh"));
        assert_eq!(find("root:neg"), Err(Refused::Group("neg".into())));
    }

    #[test]
    fn root_needs_no_file() {
        let nobody = Accounts::default();
        assert_eq!(nobody.find(&"root".parse().unwrap()).unwrap().home, "/root");
        assert_eq!(nobody.tty(), 5);
        assert_eq!(accounts().tty(), 6);
    }

    #[test]
    fn what_looks_like_a_number_and_is_none_is_refused() {
        for text in [
            "",
            "-1",
            "+0",
            "0x0",
            "0o1",
            "00",
            "01",
            " 0",
            "0 ",
            "0\n",
            "1e3",
            "1_0",
            "0:",
            ":0",
            "0:0:0",
            "4294967295",
            "4294967296",
            "65536",
            "18446744073709551616",
            "\u{0660}",
            "a b",
            "a\0b",
            "../x",
            "~root",
            "a:-1",
            "a:+1",
            "a,b",
        ] {
            assert!(text.parse::<Wanted>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn files_are_read_beneath_the_root_only() {
        let root = tempfile::tempdir().unwrap();
        let dir = Dir::open(root.path()).unwrap();
        assert!(Accounts::read(&dir).unwrap().passwd.is_empty());
        std::fs::create_dir(root.path().join("etc")).unwrap();
        // To the host's file it would lead, if it could.
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("etc/group")).unwrap();
        std::fs::write(root.path().join("etc/passwd"), "me:x:5:5::/:\n").unwrap();
        let read = Accounts::read(&dir).unwrap();
        assert_eq!((read.passwd.as_str(), read.group.as_str()), ("me:x:5:5::/:\n", "me:x:5:5::/:\n"));
        std::fs::write(root.path().join("etc/passwd"), vec![b'x'; (4 << 20) + 1]).unwrap();
        assert!(Accounts::read(&dir).is_err());
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_written_or_not_at_all(text in "[-+ 0-9a-fxXo_]{0,12}") {
            match text.parse::<Word>() {
                Ok(Word::Number(n)) => prop_assert!(n < IDS && n.to_string() == text),
                Ok(Word::Name(name)) => prop_assert!(!name.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+')),
                Err(_) => {}
            }
        }

        #[test]
        fn every_id_of_the_guest_can_be_asked_for(n in 0..IDS) {
            prop_assert_eq!(n.to_string().parse::<Word>(), Ok(Word::Number(n)));
        }

        #[test]
        fn whatever_the_files_hold_ids_stay_in_the_range(passwd in ".{0,200}", group in "(.{0,30}\n){0,5}", wanted in ".{0,20}") {
            let accounts = Accounts { passwd: passwd.clone() + "\nu:x:1:2::/:/bin/sh\n", group };
            for text in [wanted.as_str(), "u", "0", passwd.as_str()] {
                if let Ok(person) = text.parse::<Wanted>().and_then(|w| accounts.find(&w)) {
                    prop_assert!(person.uid < IDS && person.gid < IDS && person.groups.iter().all(|g| *g < IDS));
                    prop_assert!(person.home.starts_with('/') && person.shell.starts_with('/'));
                }
            }
        }
    }
}
