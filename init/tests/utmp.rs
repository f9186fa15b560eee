//! Who is there and since when, as who(1) and last(1) of a running system say.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;

use guest::{POWERED_OFF, boot, script};

#[test]
#[ignore = "needs root"]
fn who_logs_in_is_known_while_he_is_there() {
    let session = |mode: &str, line: &str| {
        format!("[Service]\nExecStart=/bin/sleep 1000\nUtmpIdentifier={line}\nUtmpMode={mode}\nTTYPath=/dev/{line}\nStandardInput=null\n")
    };
    // Of the guest's own, not the machine's whose files these are.
    let work = format!(
        "mount -t tmpfs tmpfs /var/log; : > /var/log/wtmp; {init} setup utmp\n\
         ctl start user.service login.service init.service\n\
         echo boot: $(who -b); echo users: $(who -q | xargs); echo entries: $(who -lp | tr -d ' ' | tr '\\n' ' ')\n\
         ctl stop user.service init.service; echo users: $(who -q | xargs); echo left: $(who -l | grep -c tty8); echo dead: $(who -d | grep -c 'term=.* exit=')\n\
         last -x -w -f /var/log/wtmp | sed 's/^/last: /'\n\
         rm /run/utmp; mkfifo /run/utmp; ctl start user.service; ctl is-active user.service; ctl stop user.service\n\
         rm /run/utmp; : > /run/elsewhere; ln -s elsewhere /run/utmp; ctl start user.service; echo through the link: $(stat -c %s /run/elsewhere); ctl poweroff",
        init = guest::INIT
    );
    let boot = boot(&[
        ("user.service", &session("user", "tty7")),
        ("login.service", &session("login", "tty8")),
        ("init.service", &session("init", "tty9")),
        ("work.toml", &script("", &work)),
    ]);
    boot.ended(POWERED_OFF).shows("work: boot: system boot ").shows("users: root # users=1").shows("users: # users=0");
    boot.shows("work: left: 1").shows("work: dead: 2").shows("id=tty9");
    boot.shows("last: reboot ").shows("last: root ").shows("work: active").shows("through the link: 0");
}
