//! `systemd-tmpfiles` of ours against what the one of systemd 252 once did.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/recorded.rs"]
mod recorded;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemd/tmpfiles.txt");

/// What every line finds there.
fn furnish(root: &Path) {
    for directory in ["etc", "a", "dir", "old/young", "old/inner", "users", "usr/lib/tmpfiles.d"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    let users = "root:x:0:0:root:/root:/bin/bash\nman:x:6:12::/:\nuser:x:1000:1000::/:\n";
    let files = [
        ("etc/passwd", users),
        ("etc/group", "root:x:0:\nman:x:12:\nadm:x:4:\n"),
        ("file", "old\n"),
        ("empty", ""),
        ("dir/x", "x"),
        ("old/1", ""),
        ("old/sticky", ""),
        ("old/inner/2", ""),
        ("old/young/3", ""),
        ("users/own", ""),
        ("usr/lib/tmpfiles.d/named.conf", "d /named 0700\n"),
    ];
    for (path, text) in files {
        fs::write(root.join(path), text).unwrap();
    }
    fs::set_permissions(root.join("old/sticky"), fs::Permissions::from_mode(0o1644)).unwrap();
    for (target, link) in [("file", "link"), ("../file", "users/out"), ("/dir", "users/far")] {
        symlink(target, root.join(link)).unwrap();
    }
    nix::unistd::mkfifo(&root.join("fifo"), nix::sys::stat::Mode::from_bits_truncate(0o644)).unwrap();
    // A user's, with links to what is not the user's.
    for path in ["users", "users/own", "users/out", "users/far"] {
        std::os::unix::fs::lchown(root.join(path), Some(1000), Some(1000)).unwrap();
    }
    chown(root.join("users"), Some(1000), Some(1000)).unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(10 * 86_400);
    for path in ["old/1", "old/sticky", "old/inner/2", "old/inner"] {
        let times = fs::FileTimes::new().set_accessed(long_ago).set_modified(long_ago);
        fs::File::open(root.join(path)).unwrap().set_times(times).unwrap();
    }
}

/// All that is there, a line each: path, type, mode, owner, content or target.
fn look(root: &Path, at: &Path, lines: &mut Vec<String>) {
    let mut entries: Vec<_> = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let about = fs::symlink_metadata(&path).unwrap();
        let kind = about.file_type();
        let (letter, more) = if kind.is_dir() {
            ('d', String::new())
        } else if kind.is_symlink() {
            ('l', fs::read_link(&path).unwrap().display().to_string())
        } else if kind.is_file() {
            ('f', format!("{:?}", String::from_utf8_lossy(&fs::read(&path).unwrap())))
        } else if kind.is_fifo() {
            ('p', String::new())
        } else {
            (if kind.is_char_device() { 'c' } else { 'b' }, format!("{:x}", about.rdev()))
        };
        let name = path.strip_prefix(root).unwrap().display().to_string().replace(&machine("boot_id"), "BOOT");
        lines.push(format!("{name} {letter} {:o} {}:{} {more}", about.mode() & 0o7777, about.uid(), about.gid()).trim_end().to_owned());
        if kind.is_dir() && !["etc", "usr"].contains(&name.as_str()) {
            look(root, &path, lines);
        }
    }
}

fn machine(what: &str) -> String {
    fs::read_to_string(format!("/proc/sys/kernel/random/{what}")).unwrap().trim().replace('-', "")
}

/// What the lines come to, by this program: its exit status, what it said, and the tree.
fn outcome(program: &str, options: &str, lines: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    furnish(&root);
    let file = folder.path().join("test.conf");
    fs::write(&file, lines).unwrap();
    let options = options.replace("FILE", file.to_str().unwrap());
    let ended = Command::new(program)
        .arg0("systemd-tmpfiles")
        .arg(format!("--root={}", root.display()))
        .args(options.split_whitespace())
        .env_remove("CREDENTIALS_DIRECTORY")
        .output()
        .unwrap();
    let mut tree = Vec::new();
    look(&root, &root, &mut tree);
    // By the names as they are written down: that of the boot's id is another each time.
    tree.sort();
    (format!("{}\n{}", ended.status.code().unwrap(), tree.join("\n")), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[test]
#[ignore = "needs root"]
fn lines_come_to_the_same_as_with_systemd() {
    recorded::assert_the_same(RECORD, 50, outcome, |ours, theirs| {
        let (ours, theirs): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), theirs.lines().collect());
        let more: Vec<&&str> = ours.iter().filter(|line| !theirs.contains(line)).collect();
        let less: Vec<&&str> = theirs.iter().filter(|line| !ours.contains(line)).collect();
        format!("we have {more:#?}, systemd {less:#?}")
    });
}

#[test]
#[ignore = "needs root"]
fn a_second_run_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    furnish(folder.path());
    let file = folder.path().join("test.conf");
    let lines = "d /run/x 1777 man adm 10d\nf /run/x/f 0640 man - - hello\nL+ /dir - - - - file\np /pp 0600\nZ /old 0700 man\na+ /run/x - - - - g:adm:rwx\nC /copy - - - - /users\n";
    fs::write(&file, lines).unwrap();
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fief-init"));
        command.arg0("systemd-tmpfiles").arg(format!("--root={}", folder.path().display())).args(["--create", file.to_str().unwrap()]);
        assert!(command.status().unwrap().success());
        let mut tree = Vec::new();
        look(folder.path(), folder.path(), &mut tree);
        let changed: Vec<i64> = ["run/x", "run/x/f", "dir", "pp", "old", "copy"]
            .map(|path| fs::symlink_metadata(folder.path().join(path)).unwrap().ctime_nsec())
            .into();
        (tree, changed)
    };
    let first = run();
    assert_eq!(run(), first);
}

#[test]
#[ignore = "needs root"]
fn nobody_leads_root_to_what_is_not_his() {
    let (answer, said) = outcome(
        env!("CARGO_BIN_EXE_fief-init"),
        "--create --remove FILE",
        concat!("w /users/out - - - - BAD\n", "f /users/far/evil - - - - x\n", "R /users/far/x\n", "Z /users/out 0777 user\n",),
    );
    assert!(said.contains("unsafe: ") && answer.starts_with("73\n"), "{said}");
    for kept in ["file f 644 0:0 \"old\\n\"", "dir/x f 644 0:0 \"x\""] {
        assert!(answer.lines().any(|line| line == kept), "{answer}");
    }
    assert!(!answer.contains("evil"), "{answer}");
}
