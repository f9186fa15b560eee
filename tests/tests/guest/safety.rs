//! init must never take the host down.

use tests::{Host, program};

/// In a PID namespace reboot(2) ends that namespace only, by a signal to its first process: so a program that calls
/// it shows, and the host comes to no harm. Here the first process is a shell and `fief-init` is not PID 1.
#[test]
#[ignore = "needs root"]
fn init_refuses_to_reboot_the_host() {
    let host = Host::new();
    let init = program("fief-init");
    let bin = host.path("/bin");
    std::fs::create_dir_all(&bin).unwrap();
    for words in ["reboot -f", "reboot -ff", "poweroff -f", "halt -f", "shutdown -h now", "reboot", "init", "fief-init", "telinit 6"] {
        let (name, rest) = words.split_once(' ').unwrap_or((words, ""));
        let link = bin.join(name);
        drop(std::fs::remove_file(&link));
        std::os::unix::fs::symlink(&init, &link).unwrap();
        let script = format!("{} {rest} </dev/null; echo \"status $?\"; echo survived", link.display());
        let outcome = host.network(&["unshare", "--pid", "--mount-proc", "--fork", "sh", "-c", &script]);
        assert_eq!(outcome.code, 0, "{words}: {outcome}");
        assert!(outcome.stdout.ends_with("survived\n"), "{words}: {outcome}");
        assert!(!outcome.stdout.contains("status 0\n"), "{words} claims to have done it: {outcome}");
    }
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
