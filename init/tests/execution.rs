//! What a process of a unit is born with, seen from inside: rights, limits, schedule, descriptors, directories.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;

use guest::{POWERED_OFF, boot, script};

/// Keys in `[service]`, what the service runs, and what it then says.
const ROWS: &[(&str, &str, &str)] = &[
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
    ("timer-slack-n-sec = 1234", "cat /proc/self/timerslack_ns", "1234"),
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
];

#[test]
#[ignore = "needs root"]
fn a_process_is_born_with_what_its_unit_says() {
    let names: Vec<String> = (0..ROWS.len()).map(|number| format!("row-{number}")).collect();
    let unit = |(keys, run, _): &(&str, &str, &str)| {
        format!(
            "[service]\ntype = \"oneshot\"\ncommand = [\"/bin/sh\", \"-c\", '''{run}''']\n{keys}\n[environment]\nset = {{ PRCTL = \"{}\" }}\n[log]\nconsole = \"all\"\n[install]\nwanted-by = [\"multi-user.target\"]\n",
            kernel::seccomp::number("prctl").unwrap()
        )
    };
    let mut files: Vec<(String, String)> = names.iter().zip(ROWS).map(|(name, row)| (format!("{name}.toml"), unit(row))).collect();
    let after = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    files.push(("off.toml".to_owned(), script(&after, "ls /run/userdb /run/probe-a 2>&1 | xargs echo left:; ctl poweroff")));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let boot = boot(&files);
    boot.ended(POWERED_OFF);
    let mut wrong = String::new();
    for (name, (keys, run, said)) in names.iter().zip(ROWS) {
        if !boot.console.lines().any(|line| line.ends_with(&format!("{name}: {said}"))) {
            wrong.push_str(&format!("{name}: {keys}\n  {run}\n  should say: {said}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}\n{}", boot.console);
}

#[test]
#[ignore = "needs root"]
fn prefixes_say_what_of_it_holds_for_a_command() {
    let unit = "[service]\ntype = \"oneshot\"\nuser = \"65534\"\nprivate-network = true\n\
                exec-start-pre = ['+/bin/sh -c \"echo plus $(id -u) $(stat -Lc %%i /proc/self/ns/net)\"', '!/bin/sh -c \"echo bang $(id -u) $(stat -Lc %%i /proc/self/ns/net)\"', \
                '-/bin/false', ':/bin/echo literal $HOME', '@/bin/sh renamed -c \"echo called $0\"', '!!/bin/sh -c \"echo twice $(id -u)\"']\n\
                command = ['/bin/sh', '-c', 'echo main $(id -u) $(stat -Lc %i /proc/self/ns/net)']\n[log]\nconsole = \"all\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let off = script("\"prefixed\"", "echo own $(stat -Lc %i /proc/self/ns/net); ctl poweroff");
    let boot = boot(&[("prefixed.toml", unit), ("off.toml", &off)]);
    boot.ended(POWERED_OFF).shows("literal $HOME").shows("twice 65534");
    let words = |key: &str| {
        let line = boot.console.lines().find_map(|line| line.split_once(&format!(": {key} ")).map(|(_, rest)| rest.to_owned()));
        line.unwrap_or_default().split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let (plus, bang, main, own) = (words("plus"), words("bang"), words("main"), words("own"));
    assert_eq!(plus, ["0".to_owned(), own.concat()], "{}", boot.console);
    assert_eq!((bang.first().map(String::as_str), bang.last() == own.last()), (Some("0"), false), "{}", boot.console);
    assert_eq!((main.first().map(String::as_str), main.last()), (Some("65534"), bang.last()), "{}", boot.console);
}
