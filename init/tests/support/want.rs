//! Scripts in a guest that say what is wrong.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, missing_docs)]

use super::guest::{Boot, INIT, POWERED_OFF, as_pid_1, boot, script};

/// A shell's `want CODE WORDS…`: the words end with that exit code, or it is said.
pub const WANT: &str = r#"
want() { code=$1; shift; "$@" >/run/out 2>&1; got=$?; [ $got = $code ] || { echo "WRONG: $* ended with $got, not $code:"; cat /run/out; }; }
says() { grep -q -e "$1" /run/out || { echo "WRONG: no $1 in:"; cat /run/out; }; }
lacks() { ! grep -q -e "$1" /run/out || { echo "WRONG: $1 in:"; cat /run/out; }; }
# Until the shell of STAYS has come to its last line.
settled() { until ctl status stays | grep -q '─ [0-9]* sleep 1000'; do :; done; }
units() { set -- $(tr '\0' ' ' </proc/1/cmdline); echo $4; }
"#;

/// Boots these units and a script, which must find nothing wrong and reach its end.
#[track_caller]
pub fn check(files: &[(&str, &str)], text: &str) -> Boot {
    let test = script("", &format!("{WANT}{text}\necho all done\nctl poweroff"));
    let files: Vec<(&str, &str)> = files.iter().copied().chain([("test.toml", test.as_str())]).collect();
    let boot = boot(&files);
    boot.does_not_show("WRONG").shows("all done").ended(POWERED_OFF);
    boot
}

/// The same of a system whose units are where a guest has them: /etc/fief/units, and systemd's folders, empty but for what the
/// script puts there.
#[track_caller]
pub fn check_installed(files: &[(&str, &str)], text: &str) -> Boot {
    let boot = check_until(files, &format!("{text}\necho all done\nctl poweroff"), POWERED_OFF);
    boot.shows("all done");
    boot
}

/// The same of a script that ends the system itself.
#[track_caller]
pub fn check_until(files: &[(&str, &str)], text: &str, end: i32) -> Boot {
    let folder = tempfile::tempdir().unwrap();
    let test = script("", &format!("{WANT}{text}"));
    let target = ("multi-user.target.toml", "description = \"the test\"\n");
    for (name, text) in files.iter().copied().chain([("test.toml", test.as_str()), target]) {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let begin = format!(
        "rm -rf /etc/systemd/system /usr/lib/systemd/system /etc/init.d /etc/fief; mkdir -p /etc/systemd/system /usr/lib/systemd/system /etc/fief/units\n\
         cp {}/* /etc/fief/units; exec {INIT} --bare",
        folder.path().display()
    );
    let boot = as_pid_1(&["sh", "-ec", &begin]);
    boot.does_not_show("WRONG").ended(end);
    boot
}
