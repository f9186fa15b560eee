//! Limits, on whichever cgroup hierarchies this machine has.

use std::time::{Duration, Instant};

use tests::{Host, until};

#[test]
#[ignore = "needs root"]
fn memory_is_killed_inside_and_neighbours_live() {
    let host = Host::new();
    host.boot("eater", &["--memory", "128M", "--swap", "0"]);
    host.boot("neighbour", &[]);
    host.put_probe("eater");
    let (init, keeper) = (host.pid("eater", "init"), host.pid("eater", "keeper"));
    let eaten = host.fief(&["exec", "eater", "--", "/root/probe", "eat", "512"]);
    assert_eq!(eaten.code, 128 + 9, "{eaten}");
    assert!(eaten.stdout.contains("ate 64") && !eaten.stdout.contains("ate 160"), "{eaten}");
    assert_eq!(host.state("eater"), "running");
    assert_eq!((host.pid("eater", "init"), host.pid("eater", "keeper")), (init, keeper));
    assert_eq!(host.sh("eater", "echo lives").said(), "lives\n");
    assert_eq!(host.sh("neighbour", "echo lives").said(), "lives\n");
}

#[test]
#[ignore = "needs root"]
fn a_command_of_somebody_who_is_inside_gets_limits_of_its_own() {
    let host = Host::new();
    host.boot("scoped", &["--memory", "256M", "--swap", "0"]);
    host.put_probe("scoped");
    let where_it_is = host
        .sh("scoped", "systemd-run --scope -u one --slice=work sh -c 'grep ^0:: /proc/self/cgroup; systemctl is-active one.scope'")
        .said();
    assert_eq!(where_it_is, "0::/work.slice/one.scope\nactive\n");
    let eaten = host.sh("scoped", "systemd-run -q --scope -u eats -p MemoryMax=64M /root/probe eat 512");
    assert_eq!(eaten.code, 128 + 9, "{eaten}");
    assert!(eaten.stdout.contains("ate 32") && !eaten.stdout.contains("ate 96"), "{eaten}");
    until("it has failed", || host.sh("scoped", "systemctl show -p Result --value eats.scope").stdout == "oom-kill\n");
    let bombed = host.sh("scoped", "systemd-run -q --scope -p TasksMax=20 /root/probe bomb 1000").said();
    let most: u32 = bombed.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a count");
    assert!((10..20).contains(&most), "{bombed}");
}

#[test]
#[ignore = "needs root"]
fn a_fork_bomb_ends_at_the_limit() {
    let host = Host::new();
    host.boot("bomber", &["--procs", "64"]);
    host.put_probe("bomber");
    let bombed = host.fief(&["exec", "bomber", "--", "/root/probe", "bomb", "1000"]).said();
    let most: u32 = bombed.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a count");
    assert!(bombed.contains("then") && (10..64).contains(&most), "{bombed}");
    assert_eq!(host.sh("bomber", "echo lives").said(), "lives\n");
}

#[test]
#[ignore = "needs root"]
fn half_a_core_is_half_a_core() {
    let host = Host::new();
    host.boot("half", &["--cpus", "0.5"]);
    host.put_probe("half");
    let mut spinner = host.fief_command(&["exec", "half", "--", "/root/probe", "spin", "3", "60"]).spawn().unwrap();
    let before = cpu_micros(&host, "half");
    until("it spins", || cpu_micros(&host, "half") > before + 300_000);
    let (begun, used) = (Instant::now(), cpu_micros(&host, "half"));
    // The time is what is measured here.
    std::thread::sleep(Duration::from_secs(10));
    let share = (cpu_micros(&host, "half") - used) as f64 / begun.elapsed().as_micros() as f64;
    host.fief(&["kill", "half"]).ok();
    spinner.wait().unwrap();
    assert!((0.45..=0.55).contains(&share), "{share} of a core");
}

#[test]
#[ignore = "needs root"]
fn freeze_stops_and_thaw_resumes() {
    let host = Host::new();
    host.boot("ice", &[]);
    host.put_probe("ice");
    let mut spinner = host.fief_command(&["exec", "ice", "--", "/root/probe", "spin", "1", "600"]).spawn().unwrap();
    let before = cpu_micros(&host, "ice");
    until("it spins", || cpu_micros(&host, "ice") > before + 100_000);
    host.fief(&["freeze", "ice"]).ok();
    let frozen = cpu_micros(&host, "ice");
    std::thread::sleep(Duration::from_secs(2));
    assert!(cpu_micros(&host, "ice") < frozen + 20_000, "still runs");
    assert_eq!(host.state("ice"), "frozen");
    host.fief(&["thaw", "ice"]).ok();
    let thawed = cpu_micros(&host, "ice");
    until("it spins again", || cpu_micros(&host, "ice") > thawed + 100_000);
    assert_eq!(host.state("ice"), "running");
    // A frozen container can be killed, too.
    host.fief(&["freeze", "ice"]).ok();
    host.fief(&["kill", "ice"]).ok();
    until("it is down", || host.state("ice") == "stopped");
    spinner.wait().unwrap();
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn a_guest_cannot_raise_its_limits() {
    let host = Host::new();
    host.boot("a", &["--memory", "256M", "--procs", "100", "--cpus", "1", "--cpu-weight", "50"]);
    // Whatever the guest sees of the cgroup tree, nothing in it is the group with the limits.
    let written = host.sh(
        "a",
        "for f in $(find /sys/fs/cgroup -maxdepth 2 -name memory.max -o -maxdepth 2 -name memory.limit_in_bytes \
         -o -maxdepth 2 -name pids.max -o -maxdepth 2 -name cpu.max); do echo 1000000000 > $f; done 2>/dev/null; true",
    );
    written.ok();
    let memory = limit(&host, "memory.max", "memory.limit_in_bytes");
    assert_eq!(memory, (256 << 20).to_string());
    assert_eq!(limit(&host, "pids.max", "pids.max"), "100");
}

fn limit(host: &Host, new: &str, old: &str) -> String {
    let file = host.cgroup_file("a/limit", new).or_else(|| host.cgroup_file("a/limit", old));
    file.expect("the limit's file").trim().to_owned()
}

/// Microseconds of processor time the container has used: cgroup2 counts them with or without a controller.
fn cpu_micros(host: &Host, name: &str) -> u64 {
    let stat = host.unified_file(&format!("{name}/limit"), "cpu.stat").expect("cpu.stat");
    stat.lines().find_map(|line| line.strip_prefix("usage_usec ")).and_then(|text| text.parse().ok()).expect("usage_usec")
}
