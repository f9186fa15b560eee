//! init must never take the host down.

use std::os::unix::fs::PermissionsExt;

use tests::{Host, program};

/// In a PID namespace reboot(2) ends that namespace only, by a signal to its first process: so a program that calls
/// it shows, and the host comes to no harm. Here the first process is a shell, and the program is any other.
#[test]
#[ignore = "needs root"]
fn tools_do_not_reboot_what_is_not_a_guest() {
    let host = Host::new();
    for words in ["reboot -f", "reboot -ff", "poweroff -f", "halt -f", "shutdown -h now", "reboot", "init 6", "telinit 6"] {
        let (name, rest) = words.split_once(' ').unwrap_or((words, ""));
        let link = named(&host, name);
        // Their own /run, so that they meet no init that might be running here.
        let script = format!("mount -t tmpfs run /run || exit 9; {link} {rest}; echo \"status $?\"; echo survived");
        let outcome = host.network(&["unshare", "--pid", "--mount-proc", "--fork", "sh", "-c", &script]);
        assert_eq!(outcome.code, 0, "{words}: {outcome}");
        assert!(outcome.stdout.ends_with("survived\n"), "{words}: {outcome}");
        assert!(!outcome.stdout.contains("status 0\n"), "{words} claims to have done it: {outcome}");
    }
}

/// On the machine itself, as any process but the first, init does not begin. Without any privilege, should it.
#[test]
#[ignore = "needs root"]
fn init_refuses_to_run_the_host() {
    let host = Host::new();
    for name in ["init", "fief-init"] {
        let link = named(&host, name);
        let harmless = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"];
        let outcome = host.network(&[harmless.as_slice(), &[&link]].concat());
        assert_eq!(outcome.code, 2, "{outcome}");
        assert!(outcome.stderr.contains("not PID 1 of a container"), "{outcome}");
    }
}

/// The program by one of its names, where anyone may run it.
fn named(host: &Host, name: &str) -> String {
    let folder = host.path("/bin");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::copy(program("fief-init"), &path).unwrap();
    std::fs::set_permissions(host.path("/"), std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// As the first process of a PID namespace it may, and then only the namespace ends.
#[test]
#[ignore = "needs root"]
fn poweroff_ends_the_namespace_only() {
    let host = Host::new();
    host.boot("a", &[]);
    drop(host.sh("a", "poweroff -f"));
    tests::until("it is off", || host.state("a") == "stopped");
    assert_eq!(host.network(&["echo", "here"]).said(), "here\n");
    host.assert_clean();
}
