//! What a process of a unit is born with, as rows: run under a PID 1 that is root of the machine (`init/tests/execution.rs`) and in a whole
//! guest (`tests/tests/guest/inside.rs`).
#![allow(unreachable_pub, missing_docs)]

use std::fmt::Write;

use nix::libc;

/// Keys in `[service]`, what the service runs, and what it then says.
pub const ROWS: &[(&str, &str, &str)] = &[
    (
        "user = \"65534\"\ngroup = \"12\"\nsupplementary-groups = [\"7\", \"8\"]",
        "echo $(id -u) $(id -g) $(id -G | tr ' ' '\\n' | sort -n)",
        "65534 12 7 8 12",
    ),
    ("umask = \"0027\"\nworking-directory = \"/usr\"", "echo $(umask) $(pwd)", "0027 /usr"),
    ("working-directory = \"-/no/such\"", "pwd", "/"),
    (
        "limit-nofile = \"128:256\"\nlimit-core = \"0\"\nlimit-fsize = \"1M\"",
        "echo $(ulimit -Sn) $(ulimit -Hn) $(ulimit -c) $(ulimit -f)",
        "128 256 0 2048",
    ),
    ("nice = 5", "nice", "5"),
    ("io-scheduling-class = \"idle\"", "ionice -p $$", "idle"),
    ("io-scheduling-class = \"best-effort\"\nio-scheduling-priority = 7", "ionice -p $$", "best-effort: prio 7"),
    (
        "cpu-scheduling-policy = \"batch\"\ncpu-scheduling-reset-on-fork = true",
        "chrt -p $$ | head -n 1 | sed 's/.*: //'",
        "SCHED_BATCH|SCHED_RESET_ON_FORK",
    ),
    ("cpu-affinity = \"0\"", "nproc", "1"),
    ("timer-slack-nsec = 1234", "cat /proc/self/timerslack_ns", "1234"),
    ("coredump-filter = \"private-anonymous elf-headers 0x80\"", "cat /proc/self/coredump_filter", "00000091"),
    ("numa-policy = \"bind\"\nnuma-mask = \"0\"", "grep -c bind:0 /proc/self/numa_maps | sed 's/^[1-9].*/bound/'", "bound"),
    // Kept by programs from Linux 6.7 on, told of from 6.12 on.
    (
        "memory-ksm = true",
        "grep -q ksm_merge_any /proc/self/ksm_stat && sed -n 's/ksm_merge_any: //p' /proc/self/ksm_stat || echo yes",
        "yes",
    ),
    // It is told where somebody listens for what would be said then.
    (
        "exec-start-pre = [\"/bin/sh -c 'mkdir -p /run/systemd/journal; test -e /run/systemd/journal/socket || : > /run/systemd/journal/socket'\"]",
        "test \"$JOURNAL_STREAM\" = $(stat -Lc %d:%i /proc/$$/fd/2) && echo the log",
        "the log",
    ),
    (
        "standard-error = \"null\"\nexec-start-pre = [\"/bin/sh -c 'mkdir -p /run/systemd/journal; test -e /run/systemd/journal/socket || : > /run/systemd/journal/socket'\"]",
        "test \"$JOURNAL_STREAM\" = $(stat -Lc %d:%i /proc/$$/fd/1) && echo of its output",
        "of its output",
    ),
    ("set-login-environment = true", "echo $USER $LOGNAME $HOME", "root root /root"),
    (
        "user = \"65534\"\nset-login-environment = false",
        "echo $(id -un) is $USER ${LOGNAME:-none} ${HOME:-none}",
        "nobody is nobody none none",
    ),
    ("memory-pressure-watch = \"off\"", "echo $MEMORY_PRESSURE_WATCH ${MEMORY_PRESSURE_WRITE:-none}", "/dev/null none"),
    ("memory-pressure-watch = \"skip\"", "echo ${MEMORY_PRESSURE_WATCH:-none}", "none"),
    (
        "user = \"65534\"\nmemory-pressure-threshold-sec = \"50ms\"",
        "file=$(echo $MEMORY_PRESSURE_WRITE | base64 -d | tr -d '\\000'); test ! -e /proc/pressure/memory && file='some 50000 2000000' || test -w $MEMORY_PRESSURE_WATCH && echo $file",
        "some 50000 2000000",
    ),
    (
        "cpu-quota = \"50%\"\ncpu-quota-period-sec = \"20ms\"",
        "find /sys/fs/cgroup -name cpu.max -o -name cpu.cfs_period_us | xargs cat 2>/dev/null | grep -x -m 1 -e '10000 20000' -e 20000 | sed 's/.*/every 20000/'",
        "every 20000",
    ),
    ("oom-score-adjust = 321", "cat /proc/self/oom_score_adj", "321"),
    ("ignore-sigpipe = true", "awk '/^SigIgn/ { print substr($2, 13) }' /proc/self/status", "1000"),
    ("no-new-privileges = true", "awk '/^NoNewPrivs/ { print $2 }' /proc/self/status", "1"),
    (
        "capability-bounding-set = \"CAP_CHOWN CAP_KILL\"",
        "awk '/^Cap(Bnd|Eff)/ { print $2 }' /proc/self/status | xargs",
        "0000000000000021 0000000000000021",
    ),
    (
        "user = \"65534\"\nambient-capabilities = \"CAP_NET_BIND_SERVICE\"",
        "awk '/^Cap(Amb|Eff)/ { print $2 }' /proc/self/status | xargs",
        "0000000000000400 0000000000000400",
    ),
    ("user = \"65534\"", "awk '/^Cap(Prm|Amb)/ { print $2 }' /proc/self/status | xargs", "0000000000000000 0000000000000000"),
    (
        "user = \"65534\"\nsystem-call-filter = [\"~personality\"]",
        "awk '/^(CapPrm|Seccomp:|NoNewPrivs)/ { print $2 }' /proc/self/status | xargs",
        "0000000000000000 0 2",
    ),
    ("secure-bits = \"noroot noroot-locked\"", "perl -e 'print syscall($ENV{PRCTL}, 27, 0, 0, 0, 0), \"\\n\"'", "3"),
    ("standard-input = \"data\"\nstandard-input-text = \"from the unit\"", "cat", "from the unit"),
    ("standard-input = \"file:/proc/sys/kernel/ostype\"", "cat", "Linux"),
    ("standard-input = \"data\"\nstandard-input-data = \"aW4gYmFzZTY0Cg==\"", "cat", "in base64"),
    (
        "standard-output = \"file:/run/probe-file\"\nstandard-error = \"journal\"\nexec-start-pre = [\"/bin/sh -c 'echo long before > /run/probe-file'\"]",
        "printf new; cat /run/probe-file >&2",
        "newg before",
    ),
    (
        "open-file = [\"/proc/sys/kernel/ostype:kind:read-only\", \"/no/such::graceful\", \"/run/probe-opened::append\"]\nexec-start-pre = [\"/bin/sh -c 'echo one > /run/probe-opened'\"]",
        "echo $LISTEN_FDS $LISTEN_FDNAMES $(cat <&3) >&4; cat /run/probe-opened | xargs",
        "one 2 kind:probe-opened Linux",
    ),
    ("syslog-identifier = \"shop\"", "echo hello", "shop: hello"),
    ("syslog-level-prefix = false", "echo '<3>as it is'", "<3>as it is"),
    ("log-level-max = \"warning\"", "echo '<6>chat'; echo '<4>kept'", "kept"),
    ("environment = \"A=1 B=2\"\nunset-environment = \"B\"", "echo ${A:-none} ${B:-none}", "1 none"),
    ("", "test $SYSTEMD_EXEC_PID = $$ && echo its own", "its own"),
    (
        "user = \"65534\"\nruntime-directory = \"probe-a probe-b:probe-link\"\nruntime-directory-mode = \"0700\"",
        "echo $(stat -c %a:%u /run/probe-a) $(readlink /run/probe-link) $RUNTIME_DIRECTORY",
        "700:65534 /run/probe-b /run/probe-a:/run/probe-b",
    ),
    (
        "dynamic-user = true\nuser = \"probe-user\"\nruntime-directory = \"probe-dynamic\"",
        "u=$(id -u); test $u -ge 61184 && test $u -le 65519 && test -e /run/userdb/$u.user && test -w /run/probe-dynamic && ! test -w /etc && echo made up",
        "made up",
    ),
    (
        "dynamic-user = true\nuser = \"probe-user\"\nstate-directory = \"probe-outer probe-outer/inner\"",
        "touch $(readlink -f /var/lib/probe-outer)/inner/file && stat -c %F /var/lib/probe-outer/inner/",
        "directory",
    ),
];

/// A oneshot of a row.
pub fn unit((keys, run, _): &(&str, &str, &str), log: &str) -> String {
    format!(
        "[service]\ntype = \"oneshot\"\ncommand = [\"/bin/sh\", \"-c\", '''{run}''']\n{keys}\n[environment]\nset = {{ PRCTL = \"{}\" }}\n[log]\n{log}\n[install]\nwanted-by = [\"multi-user.target\"]\n",
        libc::SYS_prctl
    )
}

/// What the services `row-0`, `row-1` and so on did not say though they should.
pub fn wrong(said: &str) -> String {
    let mut wrong = String::new();
    for (number, (keys, run, line)) in ROWS.iter().enumerate() {
        if !said.lines().any(|shown| shown.ends_with(&format!("row-{number}: {line}"))) {
            let _ = writeln!(wrong, "row-{number}: {keys}\n  {run}\n  should say: {line}");
        }
    }
    wrong
}
