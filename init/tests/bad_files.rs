//! Unit files that are none, of every kind and in both syntaxes: each is told with file, line and
//! caret, and the boot goes on.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use guest::{INIT, POWERED_OFF, as_pid_1, script, service};

/// What is put into the folder of units.
enum Put {
    Text(&'static str),
    Bytes(fn() -> Vec<u8>),
    Folder,
    Link(&'static str),
    Fifo,
}

use Put::{Bytes, Fifo, Folder, Link, Text};

/// A file, what it is, and what the console must show of it.
const TABLE: &[(&str, Put, &[&str])] = &[
    ("directive.toml", Text("[service]\ncomand = \"/bin/true\"\n"), &["directive.toml:2:1: error", "^^^^^^", "did you mean `command`?"]),
    (
        "directive2.service",
        Text("[Service]\nExecStart=/bin/true\nRestrat=always\n"),
        &["directive2.service:3:1: warning", "^^^^^^^", "did you mean `Restart`?"],
    ),
    ("value.toml", Text("[service]\ncommand = \"/bin/true\"\n[stop]\ntimeout = \"soon\"\n"), &["value.toml:4:11: error", "^^^^^^"]),
    ("value2.service", Text("[Service]\nExecStart=/bin/true\nTimeoutStopSec=soon\n"), &["value2.service:3:16: warning", "^^^^"]),
    ("quote.service", Text("[Service]\nExecStart=/bin/true 'x\n"), &["quote.service:2:11: error", "^^^^"]),
    ("round.toml", Text("after = [\"about\"]\n[service]\ncommand = \"/bin/true\"\n"), &["ordering cycle: about after round after about"]),
    ("about.service", Text("[Unit]\nAfter=round.service\n[Service]\nExecStart=/bin/true\n"), &["does not wait for"]),
    (
        "missing.toml",
        Text("requires = [\"god\"]\n[service]\ncommand = \"/bin/true\"\n"),
        &["missing.toml:1:13: error", "did you mean `good`?"],
    ),
    (
        "missing2.service",
        Text("[Unit]\nRequires=god.service\n[Service]\nExecStart=/bin/true\n"),
        &["missing2.service:2:10: error", "did you mean `good`?"],
    ),
    ("folder.toml", Folder, &["folder.toml: error: cannot be read"]),
    ("folder2.service", Folder, &["folder2.service: error: cannot be read"]),
    ("loop.toml", Link("loop.toml"), &["loop.toml: error: cannot be read"]),
    ("ring.service", Link("rung.service"), &["ring.service: error: leads to rung.service, and so on in a circle"]),
    ("rung.service", Link("ring.service"), &["rung.service: error: leads to ring.service, and so on in a circle"]),
    ("fifo.toml", Fifo, &["fifo.toml: error: cannot be read"]),
    ("fifo2.service", Fifo, &["fifo2.service: error: cannot be read"]),
    ("giant.toml", Bytes(|| vec![b'#'; 10 << 20]), &["giant.toml:1:1: error: the file is larger than 1024 KiB"]),
    ("giant2.service", Bytes(|| vec![b'#'; 10 << 20]), &["giant2.service:1:1: error: the file is larger than 1024 KiB"]),
    ("latin.toml", Bytes(|| b"description = \"x\"\n# \xe9t\xe9\n".to_vec()), &["latin.toml:2:3: error: not UTF-8", "^"]),
    ("latin2.service", Bytes(|| b"[Unit]\nDescription=\xe9t\xe9\n".to_vec()), &["latin2.service:2:13: error: not UTF-8", "^"]),
    ("nul.toml", Text("description = \"a\"\n\0\n"), &["nul.toml:2:1: error: a NUL byte", "^"]),
    ("nul2.service", Text("[Service]\nExecStart=/bin/tr\0ue\n"), &["nul2.service:2:18: error: a NUL byte", "^"]),
];

fn put(path: &Path, what: &Put) {
    match what {
        Text(text) => fs::write(path, text).unwrap(),
        Bytes(make) => fs::write(path, make()).unwrap(),
        Folder => fs::create_dir(path).unwrap(),
        Link(target) => symlink(target, path).unwrap(),
        Fifo => nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRUSR).unwrap(),
    }
}

#[test]
#[ignore = "needs root"]
fn bad_files_are_told_and_the_boot_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    for (name, what, _) in TABLE {
        put(&folder.path().join(name), what);
    }
    for (name, text) in [
        ("multi-user.target.toml", "description = \"the test\"\n".to_owned()),
        ("good.toml", service("exec sleep 1000")),
        ("off.toml", script("\"good\"", "ctl poweroff")),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let boot = as_pid_1(&[INIT, "--bare", "--units", folder.path().to_str().unwrap()]);
    boot.ended(POWERED_OFF).shows("started good");
    for text in TABLE.iter().flat_map(|(_, _, texts)| *texts) {
        boot.shows(text);
    }
}
