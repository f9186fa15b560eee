//! `systemd-sysusers` of ours against what the one of systemd 252 once did.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/recorded.rs"]
mod recorded;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemd/sysusers.txt");
const FILES: [&str; 4] = ["passwd", "group", "shadow", "gshadow"];

fn furnish(root: &Path) {
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::create_dir_all(root.join("usr/lib/sysusers.d")).unwrap();
    let texts = [
        "root:x:0:0:root:/root:/bin/bash\nman:x:6:12:man:/var/cache/man:/usr/sbin/nologin\nuser:x:1000:1000::/home/user:/bin/sh\n",
        "root:x:0:\nman:x:12:\nadm:x:4:user\nuser:x:1000:\ntaken:x:999:\n",
        "root:*:19000:0:99999:7:::\nman:*:19000:0:99999:7:::\n",
        "root:*::\nadm:*::user\n",
    ];
    for (name, text) in FILES.iter().zip(texts) {
        let path = root.join("etc").join(name);
        fs::write(&path, text).unwrap();
        let mode = if name.ends_with("shadow") { 0o640 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::write(root.join("owned"), "").unwrap();
    std::os::unix::fs::chown(root.join("owned"), Some(321), Some(322)).unwrap();
    fs::write(root.join("usr/lib/sysusers.d/named.conf"), "u named -\n").unwrap();
}

fn outcome(program: &str, options: &str, lines: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    furnish(&root);
    let file = folder.path().join("test.conf");
    fs::write(&file, lines).unwrap();
    let options = options.replace("FILE", file.to_str().unwrap());
    let ended = Command::new(program)
        .arg0("systemd-sysusers")
        .arg(format!("--root={}", root.display()))
        .args(options.split_whitespace().map(|word| word.replace('_', " ")))
        .output()
        .unwrap();
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let mut seen = ended.status.code().unwrap().to_string();
    for name in FILES {
        let path = root.join("etc").join(name);
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        let text = fs::read_to_string(&path).unwrap().replace(&format!(":{today}:"), ":TODAY:");
        let was = if root.join("etc").join(format!("{name}-")).exists() { "and as it was" } else { "as it was" };
        seen.push_str(&format!("\n[{name} {mode:o} {was}]\n{}", text.trim_end()));
    }
    (seen, String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[test]
#[ignore = "needs root"]
fn lines_come_to_the_same_as_with_systemd() {
    recorded::assert_the_same(RECORD, 25, outcome, |ours, theirs| format!("we have\n{ours}\nsystemd\n{theirs}"));
}
