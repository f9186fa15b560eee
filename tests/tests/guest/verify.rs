//! What is wrong with a guest's unit files is found from outside as from inside, and nothing of the host's is read for it.

use std::fs;
use std::os::unix::fs::symlink;

use tests::Host;

const BAD: &str = "\
cd /etc/systemd/system
printf '[Service]\\nExecStrat=/bin/true\\nExecStart=/no/such/program\\n' > bad.service
mkdir -p late.service.d
printf '[Service]\\nExecStart=/bin/true\\n' > late.service
printf '[Service]\\nRestart=perhaps\\n' > late.service.d/when.conf
ln -s /dev/null masked.service
ln -s /usr/lib/systemd/no-such.service lost.service
mkdir -p /etc/fief/units
printf '[service]\\ncommand = 7\\n' > /etc/fief/units/worse.toml
";

#[test]
#[ignore = "needs root"]
fn a_container_is_verified_from_outside_as_from_inside() {
    let host = Host::new();
    host.boot("a", &[]);
    host.sh("a", BAD).ok();
    let units = ["bad", "late", "masked", "lost", "worse"];
    let inside = host.fief(&[&["exec", "a", "--", "fiefctl", "verify"], &units[..]].concat());
    assert_eq!(inside.code, 1, "{inside}");
    let outside = || {
        let found = host.fief(&[&["verify", "a"], &units[..]].concat());
        assert_eq!(found.code, 12, "{found}");
        assert_eq!(found.stdout, inside.stdout, "{found}");
        found
    };
    let seen = outside();
    for text in [
        "/etc/systemd/system/bad.service:2:1: ",
        "\n2 | ExecStrat=/bin/true\n  | ^^^^^^^^^\n",
        "ExecStart",
        "/no/such/program is not there",
        "/etc/systemd/system/late.service.d/when.conf:2:9: ",
        "/etc/systemd/system/lost.service: error: ",
        "/etc/fief/units/worse.toml:2:11: error: ",
    ] {
        assert!(seen.stdout.contains(text), "no {text:?}: {seen}");
    }
    seen.refused(12, &["verifying: a: ", " errors"]);

    // What generators write is there as long as it runs.
    host.sh("a", "mkdir -p /run/systemd/generator; echo '[Nonsense' > /run/systemd/generator/made.service").ok();
    host.fief(&["verify", "a", "made"]).refused(12, &[]);
    host.fief(&["freeze", "a"]).ok();
    outside();
    host.fief(&["thaw", "a"]).ok();
    host.fief(&["stop", "a"]).ok();
    outside();
    host.fief(&["verify", "a", "made"]).refused(4, &["made"]);

    let found = host.fief(&["verify", "a", "--json", "bad"]);
    assert_eq!(found.code, 12, "{found}");
    let all: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!((&all[0]["path"], &all[0]["line"], &all[0]["column"]), (&"/etc/systemd/system/bad.service".into(), &2.into(), &1.into()));
    // Only what it wrote itself is wrong: the template is as good as before, and so is the host.
    host.fief(&["verify", "builtin", "multi-user.target"]).ok();
    host.fief(&["verify", "none"]).refused(4, &["none"]);
    host.fief(&["start", "a"]).ok();
    host.sh("a", "test -e /etc/systemd/system/bad.service").ok();
}

#[test]
#[ignore = "needs root"]
fn a_tree_cannot_have_the_hosts_files_read() {
    let host = Host::new();
    let tree = host.path("/tree");
    let units = tree.join("etc/systemd/system");
    fs::create_dir_all(&units).unwrap();
    fs::create_dir_all(tree.join("etc/fief")).unwrap();
    let secret = host.path("/secret");
    fs::create_dir_all(&secret).unwrap();
    fs::write(secret.join("stolen.service"), "[Hidden]\nword=1\n").unwrap();
    symlink(secret.join("stolen.service"), units.join("stolen.service")).unwrap();
    symlink("../../../../../../../../../../../../../../etc/shadow", units.join("shadow.service")).unwrap();
    symlink("/proc/self/environ", units.join("environ.service")).unwrap();
    symlink(&secret, tree.join("etc/fief/units")).unwrap();
    nix::unistd::mkfifo(&units.join("waits.service"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::write(units.join("good.service"), "[Service]\nExecStart=/bin/true\n").unwrap();
    let found = host.fief(&["verify", "--root", tree.to_str().unwrap()]);
    assert_eq!(found.code, 12, "{found}");
    for text in [
        "/etc/systemd/system/stolen.service: error: ",
        "/etc/systemd/system/shadow.service: error: ",
        "/etc/systemd/system/environ.service: error: ",
        "/etc/systemd/system/waits.service: error: ",
        "/etc/systemd/system/good.service: error: /bin/true is not there",
    ] {
        assert!(found.stdout.contains(text), "no {text:?}: {found}");
    }
    for text in ["Hidden", "root:", "FIEF_ROOT"] {
        assert!(!found.stdout.contains(text), "{text:?} is the host's: {found}");
    }
    host.fief(&["verify", "--root", "/no/such/folder"]).refused(4, &["/no/such/folder"]);
    assert_eq!(host.fief(&["verify"]).code, 2);
}
