//! `fief-init install` and `uninstall` on trees of dpkg's and of others'. Needs root, as dpkg does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const INIT: &str = env!("CARGO_BIN_EXE_fief-init");
const OURS: &str = "/usr/lib/fief/fief-init";

fn ok(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output
}

fn init(verb: &str, root: &Path) -> Output {
    Command::new(INIT).args([verb, "--root"]).arg(root).output().unwrap()
}

fn done(verb: &str, root: &Path) {
    let output = init(verb, root);
    assert!(output.status.success(), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Every path beneath `root` with what is there: links as they are written, files with their mode and content.
fn everything(root: &Path) -> BTreeMap<PathBuf, String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let about = path.symlink_metadata().unwrap();
            let what = if about.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else if about.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else {
                format!("{:o} {}", about.permissions().mode(), String::from_utf8_lossy(&fs::read(&path).unwrap()))
            };
            found.insert(path.strip_prefix(root).unwrap().to_owned(), what);
        }
    }
    found
}

/// A package called `boots` with these files, each holding `text`.
fn package(into: &Path, version: &str, files: &[&str], text: &str) -> PathBuf {
    let tree = into.join(format!("boots-{version}"));
    for file in files {
        let path = tree.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::create_dir_all(tree.join("DEBIAN")).unwrap();
    let control = format!("Package: boots\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <n@localhost>\nDescription: a test\n");
    fs::write(tree.join("DEBIAN/control"), control).unwrap();
    let deb = into.join(format!("boots-{version}.deb"));
    ok(Command::new("dpkg-deb").args(["--build", "--root-owner-group"]).arg(&tree).arg(&deb));
    deb
}

/// A merged system with dpkg's folders and nothing in it.
fn system() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for folder in ["usr/sbin", "usr/bin", "usr/lib", "var/lib/dpkg/info", "var/lib/dpkg/updates", "tmp"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    for name in ["sbin", "bin"] {
        symlink(format!("usr/{name}"), root.path().join(name)).unwrap();
    }
    for file in ["var/lib/dpkg/status", "var/lib/dpkg/available", "var/lib/dpkg/lock", "var/lib/dpkg/lock-frontend"] {
        fs::write(root.path().join(file), "").unwrap();
    }
    fs::write(root.path().join("var/lib/dpkg/diversions"), "/bin/sh\n/bin/sh.distrib\ndash\n").unwrap();
    root
}

fn dpkg(root: &Path, words: &[&str]) {
    ok(Command::new("dpkg").arg(format!("--root={}", root.display())).arg("--force-script-chrootless").args(words));
}

#[test]
#[ignore = "needs root"]
fn upgrades_leave_our_names_alone_and_uninstall_undoes_to_the_byte() {
    let (root, debs) = (system(), tempfile::tempdir().unwrap());
    let root = root.path();
    // The names as bookworm has them, and as later releases do. The folder /sbin, which on a real system is base-files', is dpkg's to remove
    // when no package has it any more.
    let first = package(debs.path(), "1", &["sbin/init", "sbin/halt", "sbin/other"], "first");
    let second = package(debs.path(), "2", &["usr/sbin/init", "usr/sbin/halt", "sbin/other"], "second");
    dpkg(root, &["--install", first.to_str().unwrap()]);
    let before = everything(root);

    done("install", root);
    let with = everything(root);
    assert_eq!(fs::read_link(root.join("sbin/init")).unwrap(), Path::new(OURS));
    assert_eq!(fs::read_link(root.join("usr/sbin/telinit")).unwrap(), Path::new(OURS));
    assert_eq!(fs::read_to_string(root.join("sbin/init.fief-distrib-unmerged")).unwrap(), "first");
    done("install", root);
    assert_eq!(everything(root), with, "a second time changes nothing");
    // dpkg reads the record, and says whose it is.
    let admin = format!("--admindir={}", root.join("var/lib/dpkg").display());
    let list = ok(Command::new("dpkg-divert").args([admin.as_str(), "--list", "/sbin/init"]));
    let said = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(said.contains("local diversion of /sbin/init to /sbin/init.fief-distrib-unmerged"), "{said}");

    done("uninstall", root);
    assert_eq!(everything(root), before);

    done("install", root);
    dpkg(root, &["--install", second.to_str().unwrap()]);
    assert_eq!(fs::read_link(root.join("sbin/init")).unwrap(), Path::new(OURS));
    assert_eq!(fs::read_to_string(root.join("sbin/init.fief-distrib")).unwrap(), "second");
    assert_eq!(fs::read_to_string(root.join("sbin/other")).unwrap(), "second");
    done("uninstall", root);
    assert_eq!(fs::read_to_string(root.join("sbin/init")).unwrap(), "second");
    assert_eq!(fs::read_to_string(root.join("var/lib/dpkg/diversions")).unwrap(), "/bin/sh\n/bin/sh.distrib\ndash\n");
    dpkg(root, &["--purge", "boots"]);
    assert!(!root.join("usr/sbin/init").exists());
}

#[test]
#[ignore = "needs root"]
fn a_system_without_dpkg_is_taken_and_given_back_too() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    // Alpine's layout: nothing merged, the names are links to one program.
    for folder in ["bin", "sbin", "usr/bin", "usr/sbin", "usr/lib", "lib/apk/db"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("bin/busybox"), "busybox").unwrap();
    for name in ["init", "halt", "poweroff", "reboot"] {
        symlink("/bin/busybox", root.join("sbin").join(name)).unwrap();
    }
    let before = everything(root);
    done("install", root);
    assert_eq!(fs::read_link(root.join("sbin/reboot")).unwrap(), Path::new(OURS));
    assert_eq!(fs::read_link(root.join("sbin/telinit")).unwrap(), Path::new(OURS));
    assert_eq!(fs::read_link(root.join("sbin/reboot.fief-distrib")).unwrap(), Path::new("/bin/busybox"));
    assert!(root.join(OURS.trim_start_matches('/')).is_file());
    done("uninstall", root);
    assert_eq!(everything(root), before);
}

#[test]
#[ignore = "needs root"]
fn what_is_not_ours_to_change_is_left() {
    let held = system();
    let root = held.path();
    // The distribution's package has the names already.
    fs::write(root.join("var/lib/dpkg/info/fief-guest.list"), "").unwrap();
    let before = everything(root);
    done("install", root);
    let output = init("uninstall", root);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("fief-guest"), "{output:?}");
    assert_eq!(everything(root), before);

    fs::remove_file(root.join("var/lib/dpkg/info/fief-guest.list")).unwrap();
    fs::write(root.join("var/lib/dpkg/diversions"), "/sbin/init\n/sbin/init.mine\n:\n").unwrap();
    fs::write(root.join("sbin/init"), "somebody's").unwrap();
    let output = init("install", root);
    assert!(String::from_utf8_lossy(&output.stderr).contains("/sbin/init is diverted already"), "{output:?}");
    assert_eq!(fs::read_to_string(root.join("sbin/init")).unwrap(), "somebody's");

    // Links of the tree lead nowhere else.
    let (outside, hostile) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("init"), "the host's").unwrap();
    fs::create_dir(hostile.path().join("usr")).unwrap();
    symlink(outside.path(), hostile.path().join("usr/sbin")).unwrap();
    symlink(outside.path(), hostile.path().join("usr/lib")).unwrap();
    drop(init("install", hostile.path()));
    assert_eq!(everything(outside.path()).len(), 1);
    assert_eq!(fs::read_to_string(outside.path().join("init")).unwrap(), "the host's");
}
