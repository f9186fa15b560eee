//! What a process of a unit is born with, seen from inside: rights, limits, schedule, descriptors, directories.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;
#[path = "support/execution_rows.rs"]
mod rows;

use guest::{POWERED_OFF, boot, script};
use rows::{ROWS, unit, wrong};

#[test]
#[ignore = "needs root"]
fn a_process_is_born_with_what_its_unit_says() {
    let names: Vec<String> = (0..ROWS.len()).map(|number| format!("row-{number}")).collect();
    let mut files: Vec<(String, String)> =
        names.iter().zip(ROWS).map(|(name, row)| (format!("{name}.toml"), unit(row, "console = \"all\""))).collect();
    let after = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    files.push(("off.toml".to_owned(), script(&after, "ls /run/userdb /run/probe-a 2>&1 | xargs echo left:; ctl poweroff")));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let boot = boot(&files);
    boot.ended(POWERED_OFF);
    let wrong = wrong(&boot.console);
    assert!(wrong.is_empty(), "{wrong}\n{}", boot.console);
}

#[test]
#[ignore = "needs root"]
fn prefixes_say_what_of_it_holds_for_a_command() {
    let unit = "[service]\ntype = \"oneshot\"\nuser = \"65534\"\nprivate-network = true\n\
                exec-start-pre = ['+/bin/sh -c \"echo plus $(id -u) $(stat -Lc %%i /proc/self/ns/net)\"', '!/bin/sh -c \"echo bang $(id -u) $(stat -Lc %%i /proc/self/ns/net)\"', \
                '-/bin/false', ':/bin/echo literal $HOME', '@/bin/sh renamed -c \"echo called $0\"', '!!/bin/sh -c \"echo twice $(id -u)\"']\n\
                command = ['/bin/sh', '-c', 'echo main $(id -u) $(stat -Lc %i /proc/self/ns/net)']\n[log]\nconsole = \"all\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let off = script("\"prefixed\"", "echo own $(stat -Lc %i /proc/self/ns/net); ctl poweroff");
    let boot = boot(&[("prefixed.toml", unit), ("off.toml", &off)]);
    boot.ended(POWERED_OFF).shows("literal $HOME").shows("twice 65534");
    let words = |key: &str| {
        let line = boot.console.lines().find_map(|line| line.split_once(&format!(": {key} ")).map(|(_, rest)| rest.to_owned()));
        line.unwrap_or_default().split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let (plus, bang, main, own) = (words("plus"), words("bang"), words("main"), words("own"));
    assert_eq!(plus, ["0".to_owned(), own.concat()], "{}", boot.console);
    assert_eq!((bang.first().map(String::as_str), bang.last() == own.last()), (Some("0"), false), "{}", boot.console);
    assert_eq!((main.first().map(String::as_str), main.last()), (Some("65534"), bang.last()), "{}", boot.console);
}

/// One step of its way cannot be done and is passed over, the next waits for somebody to write into a pipe.
#[test]
#[ignore = "needs root"]
fn a_child_that_hangs_on_its_way_keeps_nobody_waiting() {
    let hangs = "[service]\ncommand = \"/bin/sh -c 'read line; echo it said $line; exec sleep 1000'\"\ncpu-affinity = \"4000\"\n\
                 standard-input = \"file:/run/pipe\"\n[log]\nconsole = \"all\"\n";
    let off = script(
        "",
        "mkfifo /run/pipe; ctl start --no-wait hangs; for n in $(seq 20); do ctl list > /dev/null; done; echo answered
echo hello > /run/pipe; until ctl logs hangs | grep -q said; do :; done; ctl poweroff",
    );
    boot(&[("hangs.toml", hangs), ("off.toml", &off)]).ended(POWERED_OFF).shows("answered").shows("it said hello");
}
