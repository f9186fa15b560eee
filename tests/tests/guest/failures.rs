//! What cannot be done is refused in one line with its own exit code, and leaves nothing.

use std::fs;

use tests::{Host, until};

/// A root directory with nothing much in it, as a template.
fn import_tiny(host: &Host) {
    let tree = host.path("/tiny");
    for folder in ["usr/bin", "etc", "dev", "proc", "sys", "run", "tmp", "var"] {
        fs::create_dir_all(tree.join(folder)).unwrap();
    }
    host.fief(&["template", "import", "tiny", tree.to_str().unwrap()]).ok();
}

#[test]
#[ignore = "needs root"]
fn unknown_names() {
    let host = Host::new();
    for verb in ["start", "stop", "kill", "freeze", "thaw", "destroy", "show", "restart"] {
        host.fief(&[verb, "nope"]).refused(4, &["nope"]);
    }
    host.fief(&["create", "a", "--template", "nope"]).refused(4, &["nope"]);
    assert_ne!(host.fief(&["create", "Not_A_Name"]).code, 0);
    assert_eq!(host.state("a"), "absent");
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn names_taken_and_wrong_states() {
    let host = Host::new();
    host.boot("a", &[]);
    host.fief(&["create", "a"]).refused(5, &["a"]);
    host.fief(&["start", "a"]).refused(6, &["a", "running"]);
    host.fief(&["destroy", "a"]).refused(6, &["a"]);
    assert_ne!(host.fief(&["thaw", "a"]).code, 1);
    assert_eq!(host.sh("a", "echo well").said(), "well\n");
    host.fief(&["stop", "a"]).ok();
    host.fief(&["stop", "a"]).refused(6, &["a"]);
    host.fief(&["freeze", "a"]).refused(6, &["a"]);
    assert!([6, 125].contains(&host.sh("a", "true").code));
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn a_missing_root() {
    let host = Host::new();
    import_tiny(&host);
    host.fief(&["create", "a", "--template", "tiny"]).ok();
    fs::remove_dir_all(host.path("/var/lib/fief/templates/tiny/rootfs")).unwrap();
    host.fief(&["start", "a"]).refused(4, &["rootfs"]);
    assert_eq!(host.state("a"), "stopped");
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn a_missing_template() {
    let host = Host::new();
    import_tiny(&host);
    host.fief(&["create", "a", "--template", "tiny"]).ok();
    fs::remove_dir_all(host.path("/var/lib/fief/templates/tiny")).unwrap();
    let outcome = host.fief(&["start", "a"]);
    assert!([4, 7].contains(&outcome.code), "{outcome}");
    let code = outcome.code;
    outcome.refused(code, &["tiny"]);
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn a_missing_init() {
    let host = Host::new();
    host.fief(&["create", "a", "--init", "/no/such/init"]).ok();
    host.fief(&["start", "a"]).refused(7, &["/no/such/init"]);
    assert_eq!(host.state("a"), "stopped");
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn a_missing_bridge() {
    let host = Host::new();
    host.fief(&["create", "a", "--network", "host-bridge", "nosuch0"]).ok();
    host.fief(&["start", "a"]).refused(10, &["nosuch0"]);
    assert_eq!(host.state("a"), "stopped");
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn ids_used_up() {
    let host = Host::new();
    host.configure(&format!("{}id-count = 1\n", host.settings()));
    host.fief(&["create", "a"]).ok();
    host.fief(&["create", "b"]).refused(8, &["id"]);
    assert_eq!(host.state("b"), "absent");
    host.fief(&["destroy", "a"]).ok();
    host.fief(&["create", "b"]).ok();
}

#[test]
#[ignore = "needs root"]
fn addresses_used_up() {
    let host = Host::new();
    host.configure(&format!("{}pool4 = \"10.209.0.0/29\"\n", host.settings()));
    // Eight, without the network's own, the bridge's and the broadcast address.
    for number in 0..5 {
        host.fief(&["create", &format!("a{number}")]).ok();
    }
    host.fief(&["create", "b"]).refused(8, &["10.209.0.0/29"]);
    assert_eq!(host.state("b"), "absent");
    host.fief(&["create", "c", "--network", "none"]).ok();
}

#[test]
#[ignore = "needs root"]
fn limits_of_nonsense() {
    let host = Host::new();
    for nonsense in [
        ["--memory", "12Q"],
        ["--memory", "0"],
        ["--memory", "-1"],
        ["--cpus", "0"],
        ["--cpus", "-1"],
        ["--cpus", "NaN"],
        ["--cpu-weight", "0"],
        ["--cpu-weight", "10001"],
        ["--procs", "0"],
        ["--procs", "many"],
        ["--swap", "-5M"],
    ] {
        let outcome = host.fief(&["create", "a", nonsense[0], nonsense[1]]);
        assert!([2, 3].contains(&outcome.code), "{outcome}");
        assert!(outcome.stderr.contains(nonsense[0].trim_start_matches('-')), "{outcome}");
        assert_eq!(host.state("a"), "absent");
    }
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn config_of_nonsense() {
    let host = Host::new();
    let good = host.settings();
    host.configure("brigde = \"x\"\n");
    let outcome = host.fief(&["create", "a"]);
    assert_eq!(outcome.code, 3, "{outcome}");
    assert!(outcome.stderr.contains("fief.toml") && outcome.stderr.contains("brigde"), "{outcome}");
    host.configure(&good);
}

#[test]
#[ignore = "needs root"]
fn init_that_ends_at_once_is_told() {
    let host = Host::new();
    host.fief(&["create", "a", "--init", "/bin/false"]).ok();
    // Another init than ours has no way to say that it is ready: it counts as started once it is executed.
    let outcome = host.fief(&["start", "a"]);
    assert!([0, 7].contains(&outcome.code), "{outcome}");
    until("it is down", || host.state("a") == "stopped");
    assert!(host.log("a").contains("1"), "the log tells how it ended: {}", host.log("a"));
    host.assert_clean();
}
