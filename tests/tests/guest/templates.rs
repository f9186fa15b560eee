//! Templates: imported, listed, shared, removed.

use std::fs;
use std::path::Path;

use tests::Host;

fn tree(host: &Host) -> String {
    let tree = host.path("/tree");
    for folder in ["usr/bin", "usr/sbin", "etc", "dev", "proc", "sys", "run", "tmp", "var", "root"] {
        fs::create_dir_all(tree.join(folder)).unwrap();
    }
    fs::write(tree.join("etc/os-release"), "ID=tiny\n").unwrap();
    fs::write(tree.join("etc/secret"), "x").unwrap();
    tree.to_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs root"]
fn import_list_and_remove() {
    let host = Host::new();
    let tree = tree(&host);
    host.fief(&["template", "import", "from-dir", &tree]).ok();
    for (ending, flag) in [("tar", "-c"), ("tar.gz", "-cz"), ("tar.xz", "-cJ"), ("tar.zst", "--zstd")] {
        let archive = host.path("/archive").with_extension(ending).to_str().unwrap().to_owned();
        let mode = if flag == "--zstd" { vec!["tar", "--zstd", "-c"] } else { vec!["tar", flag] };
        let words: Vec<&str> = mode.into_iter().chain(["-f", &archive, "-C", &tree, "."]).collect();
        host.network(&words).ok();
        let name = format!("from-{ending}").replace('.', "-");
        host.fief(&["template", "import", &name, &archive]).ok();
        assert!(host.path(&format!("/var/lib/fief/templates/{name}/rootfs/etc/secret")).is_file());
    }
    let archive = fs::read(host.path("/archive.tar.gz")).unwrap();
    host.fief_fed(&["template", "import", "from-stdin", "-"], &archive).ok();
    assert!(host.path("/var/lib/fief/templates/from-stdin/rootfs/etc/secret").is_file());
    let list = host.fief(&["template", "list", "--json"]).json();
    let names: Vec<&str> = list.as_array().unwrap().iter().filter_map(|entry| entry["name"].as_str()).collect();
    assert!(names.contains(&"from-dir") && names.contains(&"from-tar-zst"), "{names:?}");
    host.fief(&["template", "import", "from-dir", &tree]).refused(5, &["from-dir"]);

    host.fief(&["create", "a", "--template", "from-dir"]).ok();
    host.fief(&["template", "remove", "from-dir"]).refused(6, &["from-dir", "a"]);
    host.fief(&["destroy", "a"]).ok();
    host.fief(&["template", "remove", "from-dir"]).ok();
    host.fief(&["template", "remove", "from-dir"]).refused(4, &["from-dir"]);
    assert!(!host.path("/var/lib/fief/templates/from-dir").exists());
}

#[test]
#[ignore = "needs root"]
fn the_names_of_another_init_are_taken_and_kept_beside() {
    let host = Host::new();
    // Alpine's layout: nothing merged, and the names are links to one program.
    let tree = tree(&host);
    let at = |path: &str| Path::new(&tree).join(path);
    fs::create_dir_all(at("bin")).unwrap();
    fs::create_dir_all(at("sbin")).unwrap();
    fs::write(at("bin/busybox"), "busybox").unwrap();
    for name in ["init", "reboot"] {
        std::os::unix::fs::symlink("/bin/busybox", at("sbin").join(name)).unwrap();
    }
    host.fief(&["template", "import", "alpine", &tree]).ok();
    let made = host.path("/var/lib/fief/templates/alpine/rootfs");
    for name in ["init", "reboot"] {
        let link = |name: &str| fs::read_link(made.join("sbin").join(name)).unwrap();
        assert_eq!(link(name), Path::new("/usr/lib/fief/fief-init"));
        assert_eq!(link(&format!("{name}.fief-distrib")), Path::new("/bin/busybox"));
    }
    assert!(made.join("usr/lib/fief/fief-init").is_file());
}

#[test]
#[ignore = "needs root"]
fn bad_archives_leave_nothing() {
    let host = Host::new();
    let noise = host.path("/noise.tar");
    fs::write(&noise, vec![7; 1 << 16]).unwrap();
    host.fief(&["template", "import", "noise", noise.to_str().unwrap()]).refused(11, &["noise.tar"]);
    host.fief(&["template", "import", "nothing", "/no/such/file.tar"]).refused(11, &["/no/such/file.tar"]);
    // An archive that climbs out writes nothing outside.
    let tree = tree(&host);
    let archive = host.path("/climb.tar").to_str().unwrap().to_owned();
    let rename = "--transform=s,^\\./etc/secret$,../../../../escaped,";
    host.network(&["tar", "-P", "-cf", &archive, rename, "-C", &tree, "."]).ok();
    drop(host.fief(&["template", "import", "climb", &archive]));
    for place in ["/escaped", "/var/escaped", "/var/lib/escaped", "/var/lib/fief/escaped", "/var/lib/fief/templates/escaped"] {
        assert!(!host.path(place).exists(), "{place}");
    }
    let left: Vec<_> = fs::read_dir(host.path("/var/lib/fief/templates")).into_iter().flatten().flatten().map(|e| e.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("noise")), "{left:?}");
}

#[test]
#[ignore = "needs root"]
fn a_build_that_fails_leaves_nothing_and_says_why_in_a_line() {
    let host = Host::new();
    // Shown to the tree that is being made, as a mount, before anything can fail.
    let package = host.path("/guest.deb");
    fs::write(&package, "no package").unwrap();
    host.configure(&format!("{}guest-package = \"{}\"\n", host.settings(), package.display()));
    host.fief(&["template", "build", "debian:bookworm", "--mirror", "file:/no/such/mirror"])
        .refused(11, &["mmdebstrap failed", "/no/such/mirror"]);
    for folder in ["templates", "build"] {
        let left: Vec<_> =
            fs::read_dir(host.path("/var/lib/fief").join(folder)).into_iter().flatten().flatten().map(|e| e.path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
    host.assert_clean();
}
