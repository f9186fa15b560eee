//! Every directive that is put in force, proven from inside: a service under it sees a difference that a service without it does not.
//!
//! The rows and the table that the documents are made from are compared, so that none is forgotten.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use guest::{INIT, POWERED_OFF, as_pid_1};
use kernel::seccomp::number;
use units::sandbox::{Outcome, TABLE};

/// One directive, in one of its forms.
struct Row {
    directive: &'static str,
    /// In `[sandbox]`.
    keys: &'static str,
    /// In `[sandbox]` of the service to compare with.
    instead: &'static str,
    /// In `[sandbox]` of both.
    both: &'static str,
    /// Succeeds under the directive, fails without.
    probe: &'static str,
}

const fn row(directive: &'static str, keys: &'static str, probe: &'static str) -> Row {
    Row { directive, keys, instead: "", both: "", probe }
}

const fn beside(directive: &'static str, both: &'static str, keys: &'static str, probe: &'static str) -> Row {
    Row { directive, keys, instead: "", both, probe }
}

/// Made before any service starts.
const PREPARE: &str = r#"
mkdir -p /run/probe/from/sub /run/probe/to /run/probe/other /run/probe/root/usr
echo here > /run/probe/from/here; echo text > /run/probe/file; echo text > /run/probe/suid; : > /run/probe/root/only-here
for link in bin lib lib64 sbin; do test -L /$link && ln -s usr/$link /run/probe/root/$link; done
cp /bin/true /run/probe/from/true; cp /bin/true /run/probe/from/sub/true
: > /tmp/fief-test-$PROBE; : > /dev/probe-node
touch /run/probe/net /run/probe/ipc; unshare --net=/run/probe/net true; unshare --ipc=/run/probe/ipc true
keyring > /run/probe/keyring
"#;

/// What probes are written with. `call` prints the error number that a system call ends with.
fn words() -> String {
    let mut text = String::from(
        "call() { n=$1; shift; perl -e '$! = 0; my $r = syscall(shift, map { $_ + 0 } @ARGV); print $r == -1 ? $! + 0 : 0' \"$n\" \"$@\"; }\n\
         keyring() { perl -e 'print syscall(shift, 0, -3, 0)' $keyctl; }\n\
         bound() { perl -e 'open F, \"/proc/self/status\"; while (<F>) { exit !(hex($1) >> $ARGV[0] & 1) if /^CapBnd:\\s*(\\S+)/ }' $1; }\n\
         inode() { stat -Lc %i $1; }\nother() { test $(inode /proc/self/ns/$1) != $(inode /proc/1/ns/$1); }\n",
    );
    for name in [
        "keyctl",
        "mount",
        "sethostname",
        "settimeofday",
        "sched_setscheduler",
        "personality",
        "mmap",
        "syslog",
        "delete_module",
        "ioperm",
        "unshare",
    ] {
        // One that this architecture has not is a number nobody has.
        let _ = writeln!(text, "{name}={}", number(name).unwrap_or(9999));
    }
    text
}

const ROOT: &str = "root-directory = \"/run/probe/root\"\nbind-read-only-paths = [\"/usr\"]";

const ROWS: &[Row] = &[
    row("RootDirectory", ROOT, "test -e /only-here && test ! -e /run/probe"),
    beside("MountAPIVFS", ROOT, "mount-apivfs = true", "test -r /proc/self/stat && test -d /run/probe && test -c /dev/null"),
    row(
        "BindPaths",
        "bind-paths = [\"/run/probe/from:/run/probe/new/place\"]",
        "test -e /run/probe/new/place/here && test -w /run/probe/new/place",
    ),
    row(
        "BindReadOnlyPaths",
        "bind-read-only-paths = [\"/run/probe/from:/run/probe/to\"]",
        "test -e /run/probe/to/here && ! test -w /run/probe/to",
    ),
    row(
        "TemporaryFileSystem",
        "temporary-file-system = [\"/run/probe/from:mode=0700\"]",
        "! test -e /run/probe/from/here && test $(stat -c %a /run/probe/from) = 700",
    ),
    row("PrivateTmp", "private-tmp = true", "! test -e /tmp/fief-test-$PROBE && test $(stat -c %a /tmp) = 1777 && touch /tmp/x /var/tmp/x"),
    row(
        "PrivateDevices",
        "private-devices = true",
        "! test -e /dev/probe-node && echo > /dev/null && test -e /dev/fd/0 && ! bound 27 && ! bound 17",
    ),
    row(
        "PrivateNetwork",
        "private-network = true",
        "other net && perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(Listen => 1, LocalAddr => \"127.0.0.1\")'",
    ),
    row("NetworkNamespacePath", "network-namespace-path = \"/run/probe/net\"", "test $(inode /proc/self/ns/net) = $(inode /run/probe/net)"),
    row("PrivateIPC", "private-ipc = true", "other ipc"),
    row("IPCNamespacePath", "ipc-namespace-path = \"/run/probe/ipc\"", "test $(inode /proc/self/ns/ipc) = $(inode /run/probe/ipc)"),
    row("PrivateUsers", "private-users = true", "test \"$(awk '{ print $1, $2, $3 }' /proc/self/uid_map)\" = '0 0 1'"),
    row("PrivateMounts", "private-mounts = true", "other mnt"),
    row("MountFlags", "mount-flags = \"shared\"", "awk '$5 == \"/\"' /proc/self/mountinfo | grep -q shared:"),
    row("ProtectSystem", "protect-system = true", "! test -w /usr && test -w /etc"),
    row("ProtectSystem", "protect-system = \"full\"", "! test -w /usr && ! test -w /etc && test -w /var"),
    row(
        "ProtectSystem",
        "protect-system = \"strict\"",
        "! test -w /usr && ! test -w /etc && ! test -w /var && ! test -w /run && test -w /dev/shm",
    ),
    row("ProtectHome", "protect-home = true", "test $(stat -c %a /root) = 0 && test -z \"$(ls -A /root)\""),
    row("ProtectHome", "protect-home = \"read-only\"", "! test -w /root"),
    row("ProtectHome", "protect-home = \"tmpfs\"", "! test -w /root && test $(stat -fc %T /root) = tmpfs"),
    beside("ProtectProc", "user = \"65534\"", "protect-proc = \"invisible\"", "! test -e /proc/1/stat && test -e /proc/self/stat"),
    row("ProcSubset", "proc-subset = \"pid\"", "! test -e /proc/meminfo && test -e /proc/self/stat"),
    row("ProtectKernelTunables", "protect-kernel-tunables = true", "! test -w /proc/sys/kernel/domainname && ! test -w /sys/kernel"),
    row(
        "ProtectKernelModules",
        "protect-kernel-modules = true",
        "! bound 16 && test $(call $delete_module 0 0) = 1 && ! ls /usr/lib/modules/* 2> /dev/null",
    ),
    row(
        "ProtectKernelLogs",
        "protect-kernel-logs = true",
        "! bound 34 && test $(call $syslog 10 0 0) = 1 && ! test -s /proc/kmsg && test $(stat -c %a /proc/kmsg) = 0",
    ),
    row("ProtectControlGroups", "protect-control-groups = true", "! test -w $(awk '$3 == \"cgroup2\" { print $2; exit }' /proc/mounts)"),
    row("ProtectHostname", "protect-hostname = true", "other uts && test $(call $sethostname 0 0) = 1"),
    row("ProtectClock", "protect-clock = true", "! bound 25 && test $(call $settimeofday 0 0) = 1"),
    beside(
        "ReadWritePaths",
        "protect-system = \"strict\"",
        "read-write-paths = [\"/run/probe/from\", \"-/no/such\"]",
        "test -w /run/probe/from && ! test -w /run/probe/other",
    ),
    row("ReadOnlyPaths", "read-only-paths = [\"/run/probe/from\"]", "! test -w /run/probe/from && test -w /run/probe/other"),
    row(
        "InaccessiblePaths",
        "inaccessible-paths = [\"/run/probe/from\", \"/run/probe/file\"]",
        "! test -e /run/probe/from/here && ! test -s /run/probe/file && test -f /run/probe/file",
    ),
    beside(
        "ExecPaths",
        "no-exec-paths = [\"/run/probe/from\"]",
        "exec-paths = [\"/run/probe/from/sub\"]",
        "/run/probe/from/sub/true && ! /run/probe/from/true 2> /dev/null",
    ),
    row("NoExecPaths", "no-exec-paths = [\"/run/probe/from\"]", "! /run/probe/from/true 2> /dev/null && test -w /run/probe/from"),
    row(
        "SystemCallFilter",
        "system-call-filter = [\"@system-service\", \"~mkdir mkdirat\"]\nsystem-call-error-number = \"EPERM\"",
        "test $(call $mount 0 0 0 0 0) = 1 && ! mkdir /run/probe/made 2> /dev/null",
    ),
    row("SystemCallFilter", "system-call-filter = [\"~personality:ELOOP\"]", "test $(call $personality 0) = 40"),
    row("SystemCallFilter", "system-call-filter = [\"~personality\"]", "call $personality 0 > /dev/null; test $? = 159"),
    beside(
        "SystemCallErrorNumber",
        "system-call-filter = [\"~personality\"]",
        "system-call-error-number = \"ELOOP\"",
        "test \"$(call $personality 0)\" = 40",
    ),
    row("SystemCallArchitectures", "system-call-architectures = [\"native\"]", "$HOME/foreign; test $? = 159"),
    row(
        "RestrictAddressFamilies",
        "restrict-address-families = [\"AF_UNIX\"]",
        "! perl -MSocket -e 'socket(S, AF_INET, SOCK_STREAM, 0) or exit 1' && perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) or exit 1'",
    ),
    row(
        "RestrictAddressFamilies",
        "restrict-address-families = [\"~AF_INET\"]",
        "! perl -MSocket -e 'socket(S, AF_INET, SOCK_STREAM, 0) or exit 1' && perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) or exit 1'",
    ),
    row("RestrictNamespaces", "restrict-namespaces = true", "! unshare -u true 2> /dev/null"),
    row("RestrictNamespaces", "restrict-namespaces = [\"~uts\"]", "! unshare -u true 2> /dev/null && unshare -i true"),
    row(
        "RestrictRealtime",
        "restrict-realtime = true",
        "test $(call $sched_setscheduler 0 1 0) = 1 && test $(call $sched_setscheduler 0 0 0) = 22",
    ),
    row("RestrictSUIDSGID", "restrict-suidsgid = true", "! chmod 4755 /run/probe/suid 2> /dev/null && chmod 755 /run/probe/suid"),
    row("LockPersonality", "lock-personality = true", "test $(call $personality 8) = 1 && test $(call $personality 0) = 0"),
    row(
        "MemoryDenyWriteExecute",
        "memory-deny-write-execute = true",
        "test $(call $mmap 0 4096 7 34 -1 0) = 1 && test $(call $mmap 0 4096 3 34 -1 0) = 0",
    ),
    row("Personality", "personality = \"x86\"", "case $(uname -m) in i?86 | armv*) ;; *) false ;; esac"),
    Row {
        directive: "KeyringMode",
        keys: "keyring-mode = \"private\"",
        instead: "keyring-mode = \"inherit\"",
        both: "",
        probe: "test $(keyring) != $(cat /run/probe/keyring)",
    },
];

/// Proven in a test of its own: it is about two services.
const APART: [&str; 1] = ["JoinsNamespaceOf"];

#[test]
fn every_directive_in_force_has_a_probe() {
    let kept = TABLE.iter().filter(|row| matches!(row.outcome, Outcome::Kept(..))).map(|row| row.directive);
    let proven = ROWS.iter().map(|row| row.directive).chain(APART);
    assert_eq!(kept.collect::<BTreeSet<_>>(), proven.collect::<BTreeSet<_>>());
}

/// An i386 program that ends with 7: `mov eax, 1; mov ebx, 7; int 0x80`.
fn foreign() -> Vec<u8> {
    let mut elf = vec![0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut put = |bytes: &[u8]| elf.extend_from_slice(bytes);
    put(&[2, 0, 3, 0, 1, 0, 0, 0]);
    for word in [0x0804_8054_u32, 52, 0, 0] {
        put(&word.to_le_bytes());
    }
    for half in [52_u16, 32, 1, 0, 0, 0] {
        put(&half.to_le_bytes());
    }
    for word in [1_u32, 0, 0x0804_8000, 0x0804_8000, 96, 96, 5, 0x1000] {
        put(&word.to_le_bytes());
    }
    put(&[0xb8, 1, 0, 0, 0, 0xbb, 7, 0, 0, 0, 0xcd, 0x80]);
    elf
}

fn unit(after: &str, keys: &str, script: &str) -> String {
    format!(
        "after = [{after}]\n[service]\ntype = \"oneshot\"\ncommand = [\"/bin/sh\", \"-c\", '''\n{}\n{script}\n''']\n[environment]\nset = {{ PROBE = \"{}\", HOME = \"{}\" }}\n\
         [sandbox]\n{keys}\n[log]\nconsole = \"all\"\n[install]\nwanted-by = [\"multi-user.target\"]\n",
        words(),
        std::process::id(),
        "/run/probe"
    )
}

#[test]
#[ignore = "needs root"]
fn what_is_said_holds_inside_and_only_there() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put("multi-user.target.toml", "description = \"the test\"\n");
    put("foreign", "");
    fs::write(folder.path().join("foreign"), foreign()).unwrap();
    let foreign = format!("{PREPARE}\ncp {}/foreign /run/probe/foreign; chmod 755 /run/probe/foreign", folder.path().display());
    put("prepare.toml", &unit("", "keyring-mode = \"inherit\"", &foreign));
    let mut names = vec!["\"prepare\"".to_owned()];
    for (number, row) in ROWS.iter().enumerate() {
        for (kind, keys) in [("under", row.keys), ("free", row.instead)] {
            let script = format!("if {{ {}; }}; then echo holds; else echo is open; fi; echo invocation $INVOCATION_ID", row.probe);
            put(&format!("{kind}-{number}.toml"), &unit("\"prepare\"", &format!("{}\n{keys}", row.both), &script));
            names.push(format!("\"{kind}-{number}\""));
        }
    }
    let done = format!("rm -f /tmp/fief-test-$PROBE; {INIT} ctl logs | grep -E 'in force|passed over' ; {INIT} ctl poweroff");
    put("off.toml", &unit(&names.join(", "), "", &done));
    let boot = as_pid_1(&[INIT, "--bare", "--units", folder.path().to_str().unwrap()]);
    boot.ended(POWERED_OFF);
    let mut wrong = Vec::new();
    for (number, row) in ROWS.iter().enumerate() {
        for line in [format!("under-{number}: holds"), format!("free-{number}: is open")] {
            if !boot.console.lines().any(|shown| shown.ends_with(&line)) {
                wrong.push(format!("{} ({}): not shown: {line}", row.directive, row.keys));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), boot.console);
    let ids: Vec<&str> = boot.console.lines().filter_map(|line| line.split_once(": invocation ")).map(|(_, id)| id.trim()).collect();
    assert_eq!(ids.len(), 2 * ROWS.len());
    for id in ids {
        for root in ["/tmp", "/var/tmp"] {
            assert!(!Path::new(root).join(format!("fief-private-{id}")).exists(), "{root} {id}");
        }
    }
}

#[test]
#[ignore = "needs root"]
fn what_is_joined_is_shared_while_the_other_is_up() {
    let keys = "private-tmp = true\nprivate-network = true";
    let keeps = format!(
        "[service]\ncommand = [\"/bin/sh\", \"-c\", \"echo > /tmp/mine; sleep 1000\"]\nexec-start-post = [\"/bin/sh -c 'until test -e /tmp/mine; do sleep 0.01; done'\"]\n[sandbox]\n{keys}\n[install]\nwanted-by = [\"multi-user.target\"]\n"
    );
    let net = "echo net $(stat -Lc %i /proc/self/ns/net)";
    let joins =
        format!("joins-namespace-of = [\"keeps\"]\n{}", unit("\"keeps\"", keys, &format!("test -e /tmp/mine && echo shared; {net}")));
    let apart = unit("\"keeps\"", keys, &format!("test -e /tmp/mine || echo alone; {net}"));
    let off = guest::script("\"joins\", \"apart\"", "ctl poweroff");
    let boot = guest::boot(&[("keeps.toml", &keeps), ("joins.toml", &joins), ("apart.toml", &apart), ("off.toml", &off)]);
    boot.ended(POWERED_OFF).shows("joins: shared").shows("apart: alone");
    let of =
        |unit: &str| boot.console.lines().find_map(|line| line.split_once(&format!("{unit}: net ")).map(|(_, inode)| inode.to_owned()));
    assert!(of("joins").is_some() && of("joins") != of("apart"), "{}", boot.console);
}

#[test]
#[ignore = "needs root"]
fn what_cannot_be_had_is_told_once_and_refuses_only_the_strict() {
    let keys = "ip-address-deny = \"any\"\nread-only-paths = [\"/no/such/place\"]";
    let twice = "exec-start-pre = [\"/bin/true\", \"/bin/true\"]";
    let lenient = unit("", keys, "echo runs").replace("[service]", &format!("[service]\n{twice}"));
    let strict = unit("", &format!("strict = true\n{keys}"), "echo runs");
    let missing = unit("", "strict = true\nread-only-paths = [\"/no/such/place\"]", "echo runs");
    let bind = unit("", "bind-paths = [\"/no/such/place:/run/x\"]", "echo runs");
    let optional = unit("", "strict = true\nread-only-paths = [\"-/no/such/place\"]", "echo runs");
    let off = "ctl logs lenient; ctl poweroff";
    let boot = guest::boot(&[
        ("lenient.toml", &lenient),
        ("strict.toml", &strict),
        ("missing.toml", &missing),
        ("bind.toml", &bind),
        ("optional.toml", &optional),
        ("off.toml", &guest::script("\"lenient\", \"strict\", \"missing\", \"bind\", \"optional\"", off)),
    ]);
    boot.ended(POWERED_OFF).shows("lenient: runs").shows("optional: runs");
    boot.shows("strict: IPAddressDeny cannot be put in force").does_not_show("strict: runs");
    boot.shows("missing: ReadOnlyPaths: mounting failed: No such file or directory").does_not_show("missing: runs");
    boot.shows("bind: BindPaths: mounting failed: No such file or directory").does_not_show("bind: runs");
    for line in
        ["IPAddressDeny is passed over: programs of the kernel's BPF", "ReadOnlyPaths is not in force: mounting failed: No such file"]
    {
        assert_eq!(boot.console.matches(line).count(), 1, "{line}\n{}", boot.console);
    }
}
