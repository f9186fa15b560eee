//! Booting, rebooting, powering off, from outside and from inside.

use tests::{Host, until};

#[test]
#[ignore = "needs root"]
fn a_guest_boots_and_stops() {
    let host = Host::new();
    host.boot("a", &[]);
    assert_eq!(host.state("a"), "running");
    assert_eq!(host.sh("a", "cat /proc/1/comm; hostname").said(), "init\na\n");
    host.fief(&["stop", "a"]).ok();
    assert_eq!(host.state("a"), "stopped");
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn reboot_inside_comes_back_with_the_same_address() {
    let host = Host::new();
    host.boot("a", &[]);
    let address = host.address("a");
    let (init, boots) = (host.pid("a", "init"), host.boot_count("a"));
    host.sh("a", "touch /root/kept; echo here > /run/gone").ok();
    let boot_id = || host.sh("a", "cat /proc/sys/kernel/random/boot_id").said();
    let id = boot_id();
    assert_ne!(id, std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap(), "the host's");
    host.sh("a", "fiefctl reexec").ok();
    assert_eq!(boot_id(), id);
    host.sh("a", "reboot").left();
    until("the second boot is ready", || host.boot_count("a") == boots + 1 && host.record("a")["ready"] == true);
    assert_eq!(host.state("a"), "running");
    assert_ne!(host.pid("a", "init"), init);
    assert_ne!(boot_id(), id);
    assert_eq!(host.address("a"), address);
    let seen = host.sh("a", "ip -4 -o addr show dev eth0; ls /root/kept; ls /run/gone 2>&1").stdout;
    assert!(seen.contains(&format!("inet {address}/")), "{seen}");
    assert!(seen.contains("/root/kept\n"), "{seen}");
    assert!(!seen.contains("\n/run/gone\n"), "{seen}");

    host.sh("a", "poweroff").left();
    until("the container is stopped", || host.state("a") == "stopped");
    assert_eq!(host.processes("a"), Vec::<i32>::new());
    host.assert_clean();
    host.fief(&["start", "a"]).ok();
    assert_eq!(host.address("a"), address);
}

#[test]
#[ignore = "needs root"]
fn halt_and_forced_reboot_are_told_apart() {
    let host = Host::new();
    host.boot("a", &[]);
    let boots = host.boot_count("a");
    // -f: at once, without stopping services. The command may be killed before it can say that all is well.
    drop(host.sh("a", "reboot -f"));
    until("it is back", || host.boot_count("a") == boots + 1 && host.record("a")["ready"] == true);
    drop(host.sh("a", "halt"));
    until("it is down", || host.state("a") == "stopped");
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn restart_keeps_what_was_written() {
    let host = Host::new();
    host.boot("a", &[]);
    host.sh("a", "echo kept > /root/file; echo kept > /var/file; echo kept > /etc/file").ok();
    host.fief(&["restart", "a"]).ok();
    assert_eq!(host.sh("a", "cat /root/file /var/file /etc/file").said(), "kept\nkept\nkept\n");
}

#[test]
#[ignore = "needs root"]
fn services_are_stopped_in_order() {
    let host = Host::new();
    host.boot("a", &[]);
    let unit = "[service]\ncommand = [\"sh\", \"-c\", \"trap 'echo stopped > /root/told; exit' TERM; while :; do sleep 1; done\"]\n\
                [install]\nwanted-by = [\"multi-user.target\"]\n";
    host.fief_fed(&["exec", "a", "--", "sh", "-c", "mkdir -p /etc/fief/units; cat > /etc/fief/units/polite.toml"], unit.as_bytes()).ok();
    host.fief(&["restart", "a"]).ok();
    host.fief(&["restart", "a"]).ok();
    assert_eq!(host.sh("a", "cat /root/told").said(), "stopped\n");
}

#[test]
#[ignore = "needs root"]
fn kill_and_fast_stop() {
    let host = Host::new();
    host.boot("a", &[]);
    host.fief(&["kill", "a"]).ok();
    until("it is down", || host.state("a") == "stopped");
    host.assert_clean();
    host.fief(&["start", "a"]).ok();
    host.fief(&["stop", "--fast", "a"]).ok();
    assert_eq!(host.state("a"), "stopped");
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn a_dry_run_does_nothing() {
    let host = Host::new();
    host.fief(&["create", "a", "--memory", "64M"]).ok();
    let plan = host.fief(&["start", "--dry-run", "a"]).said();
    assert!(plan.lines().count() > 5, "{plan}");
    assert_eq!(host.state("a"), "stopped");
    host.assert_clean();
}
