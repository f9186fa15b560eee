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
    (
        "about.service",
        Text("[Unit]\nAfter=round.service\n[Service]\nExecStart=/bin/true\n"),
        &["round.toml:1:10: warning", "does not wait for"],
    ),
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
    // A file that can be opened and not read, whoever asks.
    ("unreadable.toml", Link(UNREADABLE), &["unreadable.toml: error: cannot be read"]),
    ("unreadable2.service", Link(UNREADABLE), &["unreadable2.service: error: cannot be read"]),
    ("nowhere.toml", Link("/no/such/file"), &["nowhere.toml: error: cannot be read"]),
    ("nowhere2.service", Link("/no/such/file"), &["nowhere2.service: error: cannot be read"]),
    ("section.toml", Text("[servise]\ncommand = \"/bin/true\"\n"), &["section.toml:1:2: error", "did you mean `service`?"]),
    ("section2.service", Text("[Servise]\nExecStart=/bin/true\n"), &["section2.service:2:1: warning", "did you mean [Service]?"]),
    ("syntax.toml", Text("[service]\ncommand = \"/bin/true\n"), &["syntax.toml:2:21: error"]),
    ("syntax2.service", Text("[Service]\nExecStart /bin/true\n"), &["syntax2.service:2:1: warning"]),
    ("multi-user.target.wants/good.service", Text("[Service]\n"), &["wants/good.service: warning: is no link"]),
    // The same in drop-ins: of a unit of systemd's, and of one of ours.
    ("theirs.service", Text("[Service]\nExecStart=/bin/true\n"), &[]),
    (
        "theirs.service.d/directive.conf",
        Text("[Service]\nRestrat=always\n"),
        &["theirs.service.d/directive.conf:2:1: warning", "did you mean `Restart`?"],
    ),
    ("theirs.service.d/value.conf", Text("[Service]\nTimeoutStopSec=soon\n"), &["theirs.service.d/value.conf:2:16: warning"]),
    ("theirs.service.d/folder.conf", Folder, &["theirs.service.d/folder.conf: error: cannot be read"]),
    ("theirs.service.d/loop.conf", Link("loop.conf"), &["theirs.service.d/loop.conf: error: cannot be read"]),
    ("theirs.service.d/fifo.conf", Fifo, &["theirs.service.d/fifo.conf: error: cannot be read"]),
    ("theirs.service.d/unreadable.conf", Link(UNREADABLE), &["theirs.service.d/unreadable.conf: error: cannot be read"]),
    ("theirs.service.d/giant.conf", Bytes(|| vec![b'#'; 10 << 20]), &["theirs.service.d/giant.conf:1:1: error: the file is larger"]),
    ("theirs.service.d/latin.conf", Bytes(|| b"[Unit]\n# \xe9\n".to_vec()), &["theirs.service.d/latin.conf:2:3: error: not UTF-8"]),
    ("theirs.service.d/nul.conf", Text("[Unit]\nDescription=\0\n"), &["theirs.service.d/nul.conf:2:13: error: a NUL byte"]),
    ("ours.toml", Text("[service]\ncommand = \"/bin/true\"\n"), &[]),
    (
        "ours.toml.d/directive.toml",
        Text("[service]\ncomand = \"/bin/a\"\n"),
        &["ours.toml.d/directive.toml:2:1: error", "did you mean `command`?"],
    ),
    ("ours.toml.d/value.toml", Text("[stop]\ntimeout = \"soon\"\n"), &["ours.toml.d/value.toml:2:11: error"]),
    ("ours.toml.d/folder.toml", Folder, &["ours.toml.d/folder.toml: error: cannot be read"]),
    ("ours.toml.d/loop.toml", Link("loop.toml"), &["ours.toml.d/loop.toml: error: cannot be read"]),
    ("ours.toml.d/fifo.toml", Fifo, &["ours.toml.d/fifo.toml: error: cannot be read"]),
    ("ours.toml.d/unreadable.toml", Link(UNREADABLE), &["ours.toml.d/unreadable.toml: error: cannot be read"]),
    ("ours.toml.d/giant.toml", Bytes(|| vec![b'#'; 10 << 20]), &["ours.toml.d/giant.toml:1:1: error: the file is larger"]),
    ("ours.toml.d/latin.toml", Bytes(|| b"# \xe9\n".to_vec()), &["ours.toml.d/latin.toml:1:3: error: not UTF-8"]),
    ("ours.toml.d/nul.toml", Text("description = \"\0\"\n"), &["ours.toml.d/nul.toml:1:16: error: a NUL byte"]),
    // What is wrong with several units together is told of those that are well alone.
    ("lacks.service", Text("[Service]\nExecStart=/bin/true\n"), &[]),
    ("lacks.service.d/god.conf", Text("[Unit]\nRequires=god.service\n"), &["lacks.service.d/god.conf:2:10: error"]),
    ("lacks2.toml", Text("[service]\ncommand = \"/bin/true\"\n"), &[]),
    ("lacks2.toml.d/god.toml", Text("requires = [\"god\"]\n"), &["lacks2.toml.d/god.toml:1:13: error"]),
    ("left.service", Text("[Service]\nExecStart=/bin/true\n"), &[]),
    ("left.service.d/round.conf", Text("[Unit]\nAfter=right.service\n"), &["ordering cycle: left after right after left"]),
    ("right.toml", Text("[service]\ncommand = \"/bin/true\"\n"), &[]),
    ("right.toml.d/round.toml", Text("after = [\"left\"]\n"), &["right.toml.d/round.toml:1:10: warning"]),
];

/// A regular file whose beginning is no memory of the reader's: EIO, for root too. proc_pid_mem(5).
const UNREADABLE: &str = "/proc/self/mem";

fn put(path: &Path, what: &Put) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
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
    let untold: Vec<_> = TABLE.iter().flat_map(|(_, _, texts)| *texts).filter(|text| !boot.console.contains(**text)).collect();
    assert!(untold.is_empty(), "the console does not show {untold:#?}:\n{}", boot.console);
}
