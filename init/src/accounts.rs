//! `/etc/passwd` and `/etc/group`, read by ourselves: a static binary must never call NSS
//! (glibc would load modules of the wrong libc, musl would read the files as we do).
//! passwd(5), group(5).

mod entries;

use std::io;
use std::path::Path;

pub(crate) use entries::{Accounts, User};

use crate::file;

/// Some hundred thousand users; more is a mistake or malice, bytes.
const MOST: u64 = 16 << 20;

impl Accounts {
    /// Read both files; one that is absent holds nobody.
    pub(crate) fn read() -> io::Result<Self> {
        Self::beneath(Path::new("/"))
    }

    /// The files of another root.
    pub(crate) fn beneath(root: &Path) -> io::Result<Self> {
        Ok(Self::from_text(absent_is_empty(&root.join("etc/passwd"))?, absent_is_empty(&root.join("etc/group"))?))
    }
}

fn absent_is_empty(path: &Path) -> io::Result<String> {
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

    fn text(passwd: &str, group: &str) -> Accounts {
        Accounts::from_text(passwd.to_owned(), group.to_owned())
    }

    fn accounts() -> Accounts {
        text(
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
        let accounts = text("evil:x:4294967295:0::/:\nodd:x:1000:65535::/:\n", "wheel:x:4294967295:\n");
        for who in ["evil", "odd", "4294967295", "65535", "-1"] {
            assert_eq!(accounts.user(who), None, "{who}");
        }
        assert_eq!(accounts.group("wheel"), None);
        assert_eq!(accounts.group("65535"), None);
    }

    #[test]
    fn a_number_has_neither_sign_nor_leading_zeros() {
        let accounts = text("007:x:1007:1007::/:\n", "+7:x:1008:\n");
        assert_eq!(accounts.user("007").unwrap().uid, 1007);
        assert_eq!(accounts.group("+7"), Some(1008));
        for who in ["+5", "05", "00", "+0"] {
            assert_eq!((accounts.user(who), accounts.group(who)), (None, None), "{who}");
        }
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
