//! Users and groups.

#[path = "../../init/src/accounts/entries.rs"]
mod entries;

use entries::{Accounts, User};

/// `/etc/passwd`, `/etc/group` and who is asked for, form feeds between them: whoever is found stands there or is a number, nobody
/// gets an id that changes nothing, and root is always somebody.
pub fn accounts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(3, '\u{c}');
    let [passwd, group, who] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let accounts = Accounts::from_text(passwd.to_owned(), group.to_owned());
    let listed = |file: &str, name: &str| file.lines().any(|line| line.split(':').next() == Some(name));
    let names = passwd.lines().chain(group.lines()).filter_map(|line| line.split(':').next());
    for who in names.chain([who, "root", "0", "65535", "4294967295"]) {
        if let Some(User { name, uid, gid, home, shell }) = accounts.user(who) {
            assert!(listed(passwd, &name) || name == who, "{who:?} is {name:?}");
            assert!(name == who || uid.to_string() == who, "{who:?} is {name:?}, {uid}");
            assert!([uid, gid].iter().all(|id| is_somebody(*id)), "{who:?} is {uid}:{gid}");
            assert!(!home.is_empty() && !shell.is_empty());
            // Somebody may be called by the number of another.
            let is_name = listed(passwd, &uid.to_string());
            assert!(is_name || !listed(passwd, &name) || accounts.user(&uid.to_string()).is_some_and(|user| user.uid == uid));
        }
        if let Some(gid) = accounts.group(who) {
            assert!(is_somebody(gid) && (listed(group, who) || gid.to_string() == who || who == "root"), "{who:?} is group {gid}");
        }
        for gid in accounts.memberships(who) {
            assert!(is_somebody(gid) && accounts.has_number(gid), "{who:?} is in {gid}");
        }
    }
    assert!(accounts.user("root").is_some() && accounts.user("0").is_some() && accounts.group("root").is_some());
}

/// setresuid(2): all ones leave an id as it is, in 16 bits too.
fn is_somebody(id: u32) -> bool {
    id != u32::MAX && id != 0xffff
}
