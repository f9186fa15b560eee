//! A service's surroundings in a guest, whose root has a user namespace and delegated groups only: the same rows as for a PID 1 that is root of
//! the machine.

use tests::{DEBIAN, Host};

#[path = "../../../init/tests/support/execution_rows.rs"]
mod execution_rows;
#[path = "../../../init/tests/support/sandbox_rows.rs"]
mod sandbox_rows;

/// Keys in `[resources]`, what the service runs, and what it says where the controllers are on cgroup2 and where they are on v1.
const LIMITS: &[(&str, &str, [&str; 2])] = &[
    ("memory-max = \"64M\"", "at memory.max memory.limit_in_bytes", ["67108864"; 2]),
    ("memory-high = \"32M\"", "at memory.high", ["33554432", "none"]),
    ("memory-min = \"1M\"", "at memory.min", ["1048576", "none"]),
    ("memory-low = \"2M\"", "at memory.low", ["2097152", "none"]),
    ("memory-swap-max = 0", "at memory.swap.max", ["0", "none"]),
    ("cpu-weight = 200", "at cpu.weight cpu.shares", ["200", "2048"]),
    ("tasks-max = \"50%\"", "test $(at pids.max) -le $(($(cat /proc/sys/kernel/pid_max) / 2)) && echo half", ["half"; 2]),
    ("allowed-cpus = 0", "nproc", ["1"; 2]),
    ("allowed-memory-nodes = 0", "at cpuset.mems", ["0"; 2]),
    ("oom-policy = \"kill\"", "at memory.oom.group", ["1", "none"]),
    (
        "delegate = true",
        "mkdir $(dirname $(ls /sys/fs/cgroup$own/cgroup.events /sys/fs/cgroup/*$own/cgroup.events 2> /dev/null))/sub && echo mine",
        ["mine"; 2],
    ),
    ("slice = \"work-web.slice\"", "echo $own", ["/work.slice/work-web.slice/row-11.service"; 2]),
];

/// A guest with Debian's programs, and these units beside its own.
fn guest(units: &[(String, String)]) -> Host {
    let mut host = Host::new();
    host.share_debian();
    host.boot("a", &["--template", DEBIAN]);
    host.sh("a", "mkdir -p /etc/fief/units /run/probe").ok();
    // One stream for all: `NAME LINES` and then so many lines.
    let mut stream = String::new();
    for (name, text) in units {
        stream.push_str(&format!("{name} {}\n{text}", text.lines().count()));
    }
    let unpack = "while read -r name lines; do i=0; while test $i -lt $lines; do IFS= read -r line; printf '%s\\n' \"$line\"; \
                  i=$((i + 1)); done > /etc/fief/units/$name.toml; done";
    host.fief_fed(&["exec", "a", "--", "sh", "-c", unpack], stream.as_bytes()).ok();
    host.sh("a", "fiefctl reload-units").ok();
    host
}

/// Starts them one after the other, each to its end, and what they have said.
fn run(host: &Host, units: &[(String, String)]) -> String {
    let names: Vec<&str> = units.iter().map(|(name, _)| name.as_str()).collect();
    // One whose probe fails has ended well too: it says so.
    host.sh("a", &format!("for name in {}; do fiefctl start $name; done; fiefctl logs", names.join(" "))).said()
}

#[test]
#[ignore = "needs root"]
fn what_a_sandbox_says_holds_in_a_guest() {
    let mut units = vec![("prepare".to_owned(), sandbox_rows::unit("", "keyring-mode = \"inherit\"", "", sandbox_rows::PREPARE))];
    units.extend(sandbox_rows::services(""));
    let host = guest(&units);
    // In a guest nobody may load modules, protected or not: what shows the protection is whether their folder can be read.
    let prepare = "mkdir -p /usr/lib/modules/probe && cat > /run/probe/foreign && chmod 755 /run/probe/foreign";
    host.fief_fed(&["exec", "a", "--", "sh", "-c", prepare], &sandbox_rows::foreign()).ok();
    let said = run(&host, &units);
    let wrong = sandbox_rows::wrong(&said);
    assert!(wrong.is_empty(), "{}\n{said}", wrong.join("\n"));
}

#[test]
#[ignore = "needs root"]
fn what_a_process_is_born_with_is_the_same_in_a_guest() {
    let units: Vec<_> =
        execution_rows::ROWS.iter().enumerate().map(|(number, row)| (format!("row-{number}"), execution_rows::unit(row, ""))).collect();
    let host = guest(&units);
    let said = run(&host, &units);
    let wrong = execution_rows::wrong(&said);
    assert!(wrong.is_empty(), "{wrong}\n{said}");
}

/// The first of these files that is there, of the unit's own group on whichever hierarchy.
const AT: &str = "own=$(sed -n s/^0:://p /proc/self/cgroup); at() { for file; do for place in /sys/fs/cgroup$own /sys/fs/cgroup/*$own; do \
                  test -e $place/$file && cat $place/$file && return; done; done; echo none; }";

fn limited(keys: &str, script: &str) -> String {
    format!(
        "[service]\ntype = \"oneshot\"\nuser = \"65534\"\ncommand = [\"/bin/sh\", \"-c\", '''{AT}; {script}''']\n[resources]\n{keys}\n[restart]\npolicy = \"no\"\n"
    )
}

#[test]
#[ignore = "needs root"]
fn limits_of_a_unit_are_in_force_in_a_guest() {
    let rows = LIMITS.iter().enumerate();
    let mut units: Vec<_> = rows.map(|(number, (keys, script, _))| (format!("row-{number}"), limited(keys, script))).collect();
    let eats = "memory-max = \"32M\"\nmemory-swap-max = 0\noom-policy = \"kill\"";
    units.push(("eats".to_owned(), limited(eats, "/bin/sh -c 'tail /dev/zero; true'; echo survived")));
    units.push(("disk".to_owned(), limited("io-read-bandwidth-max = \"/proc 10M\"", "true")));
    let host = guest(&units);
    let said = run(&host, &units);
    let is_v2 = host.sh("a", "grep -qw memory /sys/fs/cgroup/cgroup.controllers").code == 0;
    for (number, (keys, script, [v2, v1])) in LIMITS.iter().enumerate() {
        let line = format!("row-{number}: {}", if is_v2 { v2 } else { v1 });
        assert!(said.lines().any(|shown| shown.ends_with(&line)), "{keys}\n{script}\nnot shown: {line}\n{said}");
    }
    assert!(said.contains("limit not in force: cgroup v1 has no memory.high") != is_v2, "{said}");
    // Of a grandchild of PID 1 it is told on either generation. With cgroup2 all of it went with the one that was killed; v1 kills that one alone.
    assert!(said.contains("eats: the kernel killed a process of it for want of memory"), "{said}");
    assert_eq!(!said.contains("eats: survived"), is_v2, "{said}");
    assert!(said.contains("limit not in force: /proc: its file system is on no block device"), "{said}");
}
