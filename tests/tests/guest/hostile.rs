//! A guest whose root means ill: it must not reach what is the host's, nor keep the host from ending it, nor leave a trace.

use std::fs;
use std::time::{Duration, Instant};

use tests::{Host, program};

/// keyctl(2), add_key(2) and inotify_init1(2) of x86-64; perl is on every Debian.
const WITH_A_SECRET: &str = "syscall(250, 1, 0, 0, 0, 0) > 0 or die; my ($t, $d, $p) = ('user', 'fief-test-secret', 'x'); \
                             syscall(248, $t, $d, $p, 1, -3) > 0 or die; exec @ARGV or die";
const ALL_INOTIFY: &str = "my $n = 0; $n++ while $n < 100000 && syscall(294, 0) >= 0; $| = 1; print \"$n\\n\"; <STDIN> if @ARGV";

fn keeper_ticks(host: &Host, name: &str) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", host.pid(name, "keeper").unwrap())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
#[ignore = "needs root"]
fn keys_of_who_starts_or_enters_it_stay_outside() {
    let host = Host::new();
    host.boot("a", &[]);
    let with_a_secret = |words: &[&str]| {
        let fief = program("fief");
        let all = ["perl", "-e", WITH_A_SECRET, "--", fief.to_str().unwrap()];
        host.network(&[&all[..], words].concat())
    };
    // /proc/keys shows what its reader may see, and who has a session keyring may see what is in it.
    let seen = with_a_secret(&["exec", "a", "--", "cat", "/proc/keys"]).said();
    assert!(!seen.contains("fief-test-secret"), "{seen}");
    let unit = "[service]\ncommand = [\"sh\", \"-c\", \"cat /proc/keys > /root/keys; exec sleep infinity\"]\n\
                [install]\nwanted-by = [\"multi-user.target\"]\n";
    let script = "mkdir -p /etc/fief/units; cat > /etc/fief/units/keys.toml";
    host.fief_fed(&["exec", "a", "--", "sh", "-c", script], unit.as_bytes()).ok();
    with_a_secret(&["restart", "a"]).ok();
    tests::until("the unit has run", || host.sh("a", "test -s /root/keys").code == 0);
    let seen = host.sh("a", "cat /root/keys").said();
    assert!(!seen.contains("fief-test-secret"), "{seen}");
}

#[test]
#[ignore = "needs root"]
fn what_the_kernel_counts_by_user_is_each_guests_own() {
    let host = Host::new();
    host.boot("a", &[]);
    host.boot("b", &[]);
    let count = |words: &[&str]| host.network(words).said().trim().parse::<u64>().unwrap();
    let before = count(&["perl", "-e", ALL_INOTIFY]);
    assert!(before > 0);
    // Holds all it can get until its input ends.
    let mut greedy = host.fief_command(&["exec", "a", "--", "perl", "-e", ALL_INOTIFY, "hold"]);
    let mut greedy = greedy.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(greedy.stdout.take().unwrap()), &mut line).unwrap();
    assert_ne!(line.trim(), "0");
    let host_has = count(&["perl", "-e", ALL_INOTIFY]);
    let other_has = host.fief(&["exec", "b", "--", "perl", "-e", ALL_INOTIFY]).said();
    drop(greedy.stdin.take());
    greedy.wait().unwrap();
    assert!(host_has + 16 > before, "of {before} the host has {host_has} left, the guest has {line}");
    assert_ne!(other_has.trim(), "0");
}

#[test]
#[ignore = "needs root"]
fn a_guest_that_freezes_itself_and_hides_in_deep_groups_is_killed_and_swept() {
    let host = Host::new();
    host.boot("a", &[]);
    let script = r#"
        # Who is frozen on its way to another program would keep our pipes.
        exec </dev/null >/dev/null 2>&1
        find /sys/fs/cgroup -maxdepth 1 -mindepth 1 -name freezer | while read top; do
            mkdir $top/x; sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > $top/x/cgroup.procs; echo FROZEN > $top/x/freezer.state
        done
        name=$(head -c 200 /dev/zero | tr '\0' d)
        for top in /sys/fs/cgroup /sys/fs/cgroup/*; do
            (test -e $top/cgroup.procs && cd -P $top && for i in $(seq 200); do mkdir $name 2>/dev/null && cd ./$name || break; done)
        done; true"#;
    host.sh("a", script).ok();
    let begun = Instant::now();
    host.fief(&["kill", "a"]).ok();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(host.state("a"), "stopped");
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn a_guest_that_never_stops_talking_costs_its_keeper_little() {
    let host = Host::new();
    host.boot("a", &[]);
    let noisy = r#"
        use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; connect($s, pack_sockaddr_un("/run/host/notify")) or die;
        if (!fork) { open(my $c, ">", "/dev/console") or die; my $t = "x" x 4095 . "\n"; while (1) { syswrite($c, $t) } }
        my $m = "STATUS=x\n" x 400; my $end = time + 3; send($s, $m, 0) while time < $end; kill 9, -getpgrp"#;
    let before = keeper_ticks(&host, "a");
    drop(host.fief(&["exec", "a", "--", "perl", "-e", noisy]));
    let used = keeper_ticks(&host, "a") - before;
    // Of three seconds; a tick is 10 ms.
    assert!(used < 60, "{used} ticks");
    let begun = Instant::now();
    host.fief(&["stop", "a"]).ok();
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
#[ignore = "needs root"]
fn a_guest_that_used_up_its_processes_is_entered_and_stopped() {
    let host = Host::new();
    host.boot("a", &["--procs", "40"]);
    let mut bomb = host.fief_command(&["exec", "a", "--", "perl", "-e", "while (1) { fork }"]).spawn().unwrap();
    tests::until("the limit is reached", || host.cgroup_file("a/limit", "pids.current").is_some_and(|n| n.trim() == "40"));
    assert_eq!(host.fief(&["exec", "a", "--", "echo", "in"]).said(), "in\n");
    let begun = Instant::now();
    host.fief(&["stop", "a", "--timeout", "5"]).ok();
    assert!(begun.elapsed() < Duration::from_secs(20));
    bomb.wait().unwrap();
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn files_of_the_guest_that_are_none_are_not_read() {
    let host = Host::new();
    host.boot("a", &[]);
    host.sh("a", "cp /etc/passwd /root/passwd").ok();
    for made in ["ln -s /proc/kmsg", "mkfifo", "ln -s /dev/zero", "ln -s /dev/console", "mkdir", "ln -s passwd", "truncate -s 1T"] {
        host.sh("a", &format!("rm -rf /etc/passwd; {made} /etc/passwd")).ok();
        let begun = Instant::now();
        // A number needs no file.
        assert_eq!(host.fief(&["exec", "a", "-u", "0", "--", "id", "-u"]).said(), "0\n", "{made}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{made}");
    }
    host.sh("a", "rm -rf /etc/passwd; cp /root/passwd /etc/passwd").ok();
}

#[test]
#[ignore = "needs root"]
fn a_root_that_leads_elsewhere_is_not_started_over() {
    let host = Host::new();
    host.fief(&["create", "a"]).ok();
    let upper = host.path("/var/lib/fief/containers/a/layer/upper");
    let victim = host.path("/victim");
    fs::create_dir(&victim).unwrap();
    // World-writable: were a step led there, nothing else would hold it back.
    fs::set_permissions(&victim, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let out = format!("/../../../../../../../../../..{}", victim.display());
    for place in ["dev", "proc", "sys", "run", "usr", "etc"] {
        let targets = (3..24).map(|fd| format!("/proc/self/fd/{fd}{out}")).step_by(if place == "etc" { 1 } else { 20 });
        for target in targets.chain(["/".into(), victim.display().to_string(), format!("/proc/1/root{out}")]) {
            std::os::unix::fs::symlink(&target, upper.join(place)).unwrap();
            let outcome = host.fief(&["start", "a"]);
            if outcome.code == 0 {
                // `/etc` may be the guest's own root.
                assert_eq!((place, target.as_str()), ("etc", "/"));
                host.fief(&["kill", "a"]).ok();
            } else {
                assert_eq!(outcome.stderr.trim_end().lines().count(), 1, "{outcome}");
            }
            assert_eq!(fs::read_dir(&victim).unwrap().count(), 0, "{place} -> {target}");
            fs::remove_file(upper.join(place)).unwrap();
        }
    }
    host.assert_clean();
    host.fief(&["start", "a"]).ok();
}

#[test]
#[ignore = "needs root"]
fn no_folder_of_the_host_goes_in_as_a_stream() {
    let host = Host::new();
    host.boot("a", &[]);
    let fief = program("fief");
    let script = format!("exec {} exec a -- sh -c 'ls /proc/self/fd/0/../' < /", fief.display());
    let outcome = host.network(&["sh", "-c", &script]);
    assert_ne!(outcome.code, 0, "{outcome}");
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("directory"), "{outcome}");
}
