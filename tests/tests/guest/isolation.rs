//! What a guest's root may not see or do.

use std::fs;

use tests::{Host, program};

#[test]
#[ignore = "needs root"]
fn ids_are_the_containers_own() {
    let host = Host::new();
    host.boot("a", &[]);
    host.boot("b", &[]);
    let base = |name: &str| -> u64 {
        let map = host.sh(name, "cat /proc/self/uid_map").said();
        let fields: Vec<u64> = map.split_whitespace().map(|field| field.parse().unwrap()).collect();
        assert_eq!((fields[0], fields[2], fields.len()), (0, 65536, 3), "{map}");
        assert_eq!(host.sh(name, "cat /proc/self/gid_map").said().split_whitespace().nth(1).unwrap(), fields[1].to_string());
        fields[1]
    };
    let (a, b) = (base("a"), base("b"));
    assert!(a >= 1 << 16 && a % (1 << 16) == 0 && a.abs_diff(b) >= 1 << 16, "{a} {b}");
    // What root inside writes is, on the host's disk, not root's.
    host.sh("a", "touch /root/mine").ok();
    let mut found =
        host.network(&["find", host.path("/var/lib/fief/containers/a").to_str().unwrap(), "-name", "mine", "-printf", "%U\n"]).said();
    found.truncate(found.trim_end().len());
    let on_disk: u64 = found.parse().unwrap();
    assert!(on_disk == a || on_disk == 0, "owned by {on_disk}");
    let init = host.pid("a", "init").unwrap();
    let status = fs::read_to_string(format!("/proc/{init}/status")).unwrap();
    assert!(status.contains(&format!("Uid:\t{a}\t{a}")), "{status}");
}

#[test]
#[ignore = "needs root"]
fn namespaces_are_all_its_own() {
    let host = Host::new();
    host.boot("a", &[]);
    let init = host.pid("a", "init").unwrap();
    for kind in ["user", "pid", "mnt", "uts", "ipc", "net", "cgroup", "time"] {
        let own = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
        let theirs = fs::read_link(format!("/proc/{init}/ns/{kind}")).unwrap();
        assert_ne!(own, theirs, "{kind}");
        // And who joins by exec is in the same as init.
        let joined = host.sh("a", &format!("readlink /proc/self/ns/{kind} /proc/1/ns/{kind}")).said();
        let mut lines = joined.lines();
        assert_eq!(lines.next(), lines.next(), "{kind}: {joined}");
    }
    let seen = host.sh("a", "cat /proc/[0-9]*/comm | sort -u").said();
    assert!(!seen.contains("cargo") && !seen.contains("guest-"), "host processes are visible: {seen}");
}

#[test]
#[ignore = "needs root"]
fn capabilities_are_dropped() {
    // capability(7): SYS_MODULE 16, SYS_RAWIO 17, SYS_TIME 25, AUDIT_CONTROL 30, MAC_OVERRIDE 32, MAC_ADMIN 33,
    // SYSLOG 34, WAKE_ALARM 35, BLOCK_SUSPEND 36, AUDIT_READ 37
    const DROPPED: u64 = 1 << 16 | 1 << 17 | 1 << 25 | 1 << 30 | 1 << 32 | 1 << 33 | 1 << 34 | 1 << 35 | 1 << 36 | 1 << 37;
    let host = Host::new();
    host.boot("a", &[]);
    for (who, path) in [("init", "/proc/1/status"), ("exec", "/proc/self/status")] {
        let status = host.sh("a", &format!("cat {path}")).said();
        let set = |key: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            u64::from_str_radix(line.trim_start_matches(':').trim(), 16).unwrap()
        };
        for key in ["CapBnd", "CapEff", "CapPrm"] {
            assert_eq!(set(key) & DROPPED, 0, "{who}: {key}\n{status}");
        }
        assert_eq!((set("CapInh"), set("CapAmb")), (0, 0), "{who}\n{status}");
        // It must still be root: NET_ADMIN 12, SYS_ADMIN 21.
        assert_ne!(set("CapEff") & (1 << 12 | 1 << 21), 0, "{who}");
    }
}

#[test]
#[ignore = "needs root"]
fn mounts_of_the_host_are_neither_seen_nor_changed() {
    let host = Host::new();
    host.boot("a", &[]);
    host.put_probe("a");
    let table = host.sh("a", "cat /proc/self/mountinfo").said();
    for line in table.lines() {
        let point = line.split(' ').nth(4).unwrap();
        assert!(!point.contains("fief-test-") && !point.starts_with("/work") && !point.starts_with("/boot"), "{line}");
    }
    assert!(
        table.lines().any(|line| line.split(' ').nth(4) == Some("/sys") && line.split(' ').nth(5).unwrap().starts_with("ro")),
        "{table}"
    );
    for path in ["/run/host", "/usr"] {
        let answer = host.fief(&["exec", "a", "--", "/root/probe", "remount", path]).said();
        assert!(answer.starts_with("refused"), "{path}: {answer}");
    }
    for attempt in [
        "> /run/host/os-release",
        "touch /run/host/x",
        "umount /run/host",
        "touch /usr/x",
        "echo 1 > /proc/sys/vm/drop_caches",
        "mkdir /sys/x",
    ] {
        assert_ne!(host.sh("a", attempt).code, 0, "{attempt}");
    }
    let answer = host.fief(&["exec", "a", "--", "/root/probe", "mknod", "/root/disk"]).said();
    assert!(answer.starts_with("refused"), "{answer}");
    // The host's secrets are not in the built-in template.
    let shadow = fs::read_to_string("/etc/shadow").unwrap_or_default();
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    assert_ne!(host.sh("a", "cat /etc/shadow").stdout, shadow);
    assert!(machine.trim().is_empty() || host.sh("a", "cat /etc/machine-id").stdout != machine);
    assert_eq!(host.sh("a", "ls /home /root").stdout.matches(".ssh").count(), 0);
}

#[test]
#[ignore = "needs root"]
fn no_descriptor_of_the_host_leaks_in() {
    let host = Host::new();
    host.boot("a", &[]);
    let open = host.sh("a", "for fd in /proc/$$/fd/*; do readlink $fd; done; true").said();
    assert!(!open.contains("fief-test-") && !open.contains("/var/lib/fief"), "{open}");
    let links = host.sh("a", "readlink /proc/1/exe /proc/1/cwd /proc/1/root; ls -l /proc/1/fd; true").said();
    assert!(!links.contains("fief-test-"), "{links}");
    let before = fs::read(program("fief")).unwrap();
    drop(host.sh("a", "for p in /proc/[0-9]*; do echo x > $p/exe; done 2>/dev/null"));
    assert_eq!(fs::read(program("fief")).unwrap(), before);
}

#[test]
#[ignore = "needs root"]
fn devices_work_for_users_too() {
    let host = Host::new();
    host.boot("a", &[]);
    let script = "echo x > /dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c && ls -l /dev/fd /dev/stdin >/dev/null \
                  && test -c /dev/full -a -c /dev/tty -a -e /dev/ptmx -a -d /dev/shm -a -d /dev/pts && touch /dev/shm/x";
    assert_eq!(host.fief(&["exec", "a", "-u", "nobody", "--", "sh", "-c", script]).said(), "4\n4\n");
    assert_eq!(host.sh("a", "ls /dev | grep -c -E '^(vd|sd|loop|kmsg|mem|kvm)'").stdout, "0\n");
}
