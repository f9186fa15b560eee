#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::config::{HostConfig, Paths};
use std::io::Write as _;

fn host(root: &Path) -> Host {
    Host { paths: Paths::beneath(root), config: HostConfig::default() }
}

fn header(kind: EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o755);
    header.set_uid(nix::unistd::Uid::current().as_raw().into());
    header.set_gid(nix::unistd::Gid::current().as_raw().into());
    header.set_mtime(42);
    header
}

/// A small system, and whatever `more` adds.
fn archive(more: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for folder in ["./", "./etc/", "./usr/", "./usr/bin/"] {
        builder.append_data(&mut header(EntryType::Directory, 0), folder, io::empty()).unwrap();
    }
    let mut file = header(EntryType::Regular, 2);
    file.set_mode(0o4711);
    builder.append_data(&mut file, "./usr/bin/su", &b"su"[..]).unwrap();
    builder.append_link(&mut header(EntryType::Link, 0), "./usr/bin/also", "./usr/bin/su").unwrap();
    builder.append_link(&mut header(EntryType::Symlink, 0), "./bin", "usr/bin").unwrap();
    more(&mut builder);
    builder.into_inner().unwrap()
}

/// A header with a path that `tar::Builder` itself would refuse to write.
fn raw(builder: &mut tar::Builder<Vec<u8>>, kind: EntryType, path: &str, target: &str) {
    let mut header = header(kind, 0);
    let fields = header.as_gnu_mut().unwrap();
    fields.name.iter_mut().zip(path.bytes()).for_each(|(to, from)| *to = from);
    fields.linkname.iter_mut().zip(target.bytes()).for_each(|(to, from)| *to = from);
    header.set_cksum();
    builder.append(&header, io::empty()).unwrap();
}

fn import(bytes: &[u8]) -> (tempfile::TempDir, Result<Manifest, Error>) {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("x.tar");
    std::fs::write(&file, bytes).unwrap();
    let result = run(&host(root.path()), &"x".parse().unwrap(), &file, false);
    (root, result)
}

fn check(root: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let rootfs = host(root).paths.template_rootfs(&"x".parse().unwrap());
    let su = rootfs.join("usr/bin/su").metadata().unwrap();
    assert_eq!((su.permissions().mode() & 0o7777, su.nlink(), su.mtime()), (0o4711, 2, 42));
    assert_eq!(rootfs.join("bin").read_link().unwrap(), Path::new("usr/bin"));
    assert!(rootfs.join("usr/bin/fiefctl").is_symlink());
}

#[test]
fn plain_and_gz_archives_are_read() {
    let plain = archive(|_| ());
    let (root, result) = import(&plain);
    assert_eq!(result.unwrap().kind, Kind::Rootfs);
    check(root.path());
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&plain).unwrap();
    let (root, result) = import(&gz.finish().unwrap());
    result.unwrap();
    check(root.path());
}

#[test]
fn xz_and_zstd_archives_are_read() {
    let plain = archive(|_| ());
    let options = lzma_rust2::XzOptions::default();
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    xz.write_all(&plain).unwrap();
    let (root, result) = import(&xz.finish().unwrap());
    result.unwrap();
    check(root.path());
    // Two frames with a skippable one between, as pzstd writes.
    let (one, two) = plain.split_at(1000);
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let mut zstd = ruzstd::encoding::compress_to_vec(one, level);
    zstd.extend([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    zstd.extend(ruzstd::encoding::compress_to_vec(two, level));
    let (root, result) = import(&zstd);
    result.unwrap();
    check(root.path());
}

#[test]
fn hostile_archives_fail_and_leave_nothing() {
    let cases: [(&str, EntryType, &str, &str); 6] = [
        ("absolute", EntryType::Regular, "/tmp/fief-test-evil", ""),
        ("dots", EntryType::Regular, "usr/../../fief-test-evil", ""),
        ("through a link", EntryType::Regular, "bin/fief-test-evil", ""),
        ("hard link out", EntryType::Link, "etc/x", "../../../etc/passwd"),
        ("hard link absolute", EntryType::Link, "etc/x", "/etc/passwd"),
        ("top as a link", EntryType::Symlink, "./", "/etc"),
    ];
    for (what, kind, path, target) in cases {
        let (root, result) = import(&archive(|builder| raw(builder, kind, path, target)));
        let error = result.unwrap_err();
        assert_eq!(error.class(), Class::Template, "{what}");
        let templates = host(root.path()).paths.templates();
        assert_eq!(std::fs::read_dir(templates).unwrap().count(), 0, "{what}");
        assert!(!Path::new("/tmp/fief-test-evil").exists());
    }
}

#[test]
fn devices_are_left_out_and_half_archives_fail() {
    let whole = archive(|builder| raw(builder, EntryType::Char, "dev-null", ""));
    let (root, result) = import(&whole);
    result.unwrap();
    assert!(!host(root.path()).paths.template_rootfs(&"x".parse().unwrap()).join("dev-null").exists());
    for bad in [&whole[..2000], b"not a tar at all", b"", &[0x1f, 0x8b, 1, 2], &[0x28, 0xb5, 0x2f, 0xfd, 9]] {
        let (root, result) = import(bad);
        assert_eq!(result.unwrap_err().class(), Class::Template);
        assert_eq!(std::fs::read_dir(host(root.path()).paths.templates()).unwrap().count(), 0);
    }
}

#[test]
fn a_folder_is_copied_without_following_links() {
    let root = tempfile::tempdir().unwrap();
    let from = tempfile::tempdir().unwrap();
    let at = |path: &str| from.path().join(path);
    for folder in ["etc", "usr/bin"] {
        std::fs::create_dir_all(at(folder)).unwrap();
    }
    std::fs::write(at("usr/bin/su"), "su").unwrap();
    std::fs::hard_link(at("usr/bin/su"), at("usr/bin/also")).unwrap();
    std::os::unix::fs::symlink("/etc/shadow", at("etc/link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let host = host(root.path());
    let name: TemplateName = "x".parse().unwrap();
    run(&host, &name, from.path(), false).unwrap();
    let rootfs = host.paths.template_rootfs(&name);
    assert_eq!(rootfs.join("usr/bin/also").metadata().unwrap().nlink(), 2);
    assert!(rootfs.join("etc/link").is_symlink() && !rootfs.join("socket").exists());
    assert_eq!(run(&host, &name, from.path(), false).unwrap_err().class(), Class::Exists);
    let link = root.path().join("link");
    std::os::unix::fs::symlink(from.path(), &link).unwrap();
    assert_eq!(run(&host, &"y".parse().unwrap(), &link, false).unwrap_err().class(), Class::Value);
    assert_eq!(run(&host, &"y".parse().unwrap(), &root.path().join("no"), false).unwrap_err().class(), Class::Template);
    assert_eq!(run(&host, &TemplateName::builtin(), from.path(), false).unwrap_err().class(), Class::Value);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(200))]

    /// Whatever a few wrong bytes make of an archive, it is a template or it is nothing, and nothing is outside.
    #[test]
    fn a_damaged_archive_stays_inside(damage in proptest::collection::vec((0usize..6000, proptest::num::u8::ANY), 1..6)) {
        let mut bytes = archive(|builder| raw(builder, EntryType::Symlink, "etc/up", "../.."));
        for (place, byte) in damage {
            let length = bytes.len();
            bytes[place % length] = byte;
        }
        let (root, result) = import(&bytes);
        let templates = std::fs::read_dir(host(root.path()).paths.templates()).unwrap().count();
        proptest::prop_assert_eq!(templates, usize::from(result.is_ok()));
        let mut outside: Vec<_> = std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        outside.sort();
        proptest::prop_assert_eq!(outside, ["var", "x.tar"]);
    }
}

#[test]
fn what_is_no_archive_is_told_in_one_plain_line() {
    let text = b"root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:\n".repeat(40);
    let plain = archive(|_| ());
    let cut = plain.get(..1024 + 100).unwrap();
    for (bytes, word) in [(text.as_slice(), "neither a tar file"), (cut, "ends too early"), (b"", "empty")] {
        let line = import(bytes).1.unwrap_err().line();
        assert!(line.contains(word) && !line.contains('\n'), "{line}");
    }
}

#[test]
fn what_is_no_tree_is_told_by_what_it_is() {
    let at = |place: usize, mark: &[u8]| [&vec![0; place], mark, &vec![0; 2048]].concat();
    for (bytes, word) in [
        (at(0, b"BZh9"), "packed by bzip2"),
        (at(0, &[0x5d, 0, 0, 0x80]), "packed by lzma"),
        (at(0, b"PK\x03\x04"), "a zip file"),
        (at(0, b"QFI\xfb"), "qcow2"),
        (at(0, b"hsqs"), "squashfs"),
        (at(510, &[0x55, 0xaa]), "a disk image"),
        (at(1080, &[0x53, 0xef]), "an ext file system"),
        (at(32769, b"CD001"), "a CD"),
        (vec![0; 1 << 16], "nothing but zeros"),
    ] {
        let line = import(&bytes).1.unwrap_err().line();
        assert!(line.contains(word) && !line.contains('\n'), "{line}");
    }
    // A system that is not at the top, and one that is in layers.
    let inside = |files: &[&str]| {
        let mut builder = tar::Builder::new(Vec::new());
        for file in files {
            builder.append_data(&mut header(EntryType::Regular, 1), file, &b"x"[..]).unwrap();
        }
        builder.into_inner().unwrap()
    };
    let refused = |files: &[&str]| import(&inside(files)).1.unwrap_err().line();
    assert!(refused(&["metadata.yaml", "rootfs/etc/passwd", "rootfs/usr/x"]).contains("in its folder rootfs"));
    assert!(refused(&["image/etc/passwd"]).contains("in its folder image"));
    assert!(refused(&["manifest.json", "abc/layer.tar"]).contains("docker save"));
    assert!(refused(&["oci-layout", "index.json", "blobs/sha256/1"]).contains("docker export"));
    assert!(refused(&["else/x"]).contains("no folder /etc"));
    let root = tempfile::tempdir().unwrap();
    let line = run(&host(root.path()), &"x".parse().unwrap(), Path::new("https://images/x.tar.xz"), false).unwrap_err().line();
    assert!(line.contains("nothing is fetched"), "{line}");
}
