//! What each sandboxing directive changes, as rows: run under a PID 1 that is root of the machine (`init/tests/sandbox.rs`) and in a whole
//! guest, whose root has a user namespace only (`tests/tests/guest/inside.rs`).
#![allow(unreachable_pub, missing_docs)]

use std::fmt::Write;

use nix::libc;

/// One directive, in one of its forms.
pub struct Row {
    pub directive: &'static str,
    /// In `[sandbox]`.
    pub keys: &'static str,
    /// In `[sandbox]` of the service to compare with.
    pub instead: &'static str,
    /// In `[sandbox]` of both.
    pub both: &'static str,
    /// Succeeds under the directive, fails without.
    pub probe: &'static str,
}

const fn row(directive: &'static str, keys: &'static str, probe: &'static str) -> Row {
    Row { directive, keys, instead: "", both: "", probe }
}

const fn beside(directive: &'static str, both: &'static str, keys: &'static str, probe: &'static str) -> Row {
    Row { directive, keys, instead: "", both, probe }
}

/// Made before any service starts.
pub const PREPARE: &str = r#"
mkdir -p /run/probe/from/sub /run/probe/to /run/probe/other /run/probe/root/usr
echo here > /run/probe/from/here; echo text > /run/probe/file; echo text > /run/probe/suid; : > /run/probe/root/only-here
for link in bin lib lib64 sbin; do test -L /$link && ln -s usr/$link /run/probe/root/$link; done
cp /bin/true /run/probe/from/true; cp /bin/true /run/probe/from/sub/true
: > /tmp/fief-test-$PROBE; : > /dev/probe-node
touch /run/probe/net /run/probe/ipc; unshare --net=/run/probe/net true; unshare --ipc=/run/probe/ipc true
keyring > /run/probe/keyring
"#;

/// What probes are written with. `call` prints the error number that a system call ends with.
pub fn words() -> String {
    let mut text = String::from(
        "call() { n=$1; shift; perl -e '$! = 0; my $r = syscall(shift, map { $_ + 0 } @ARGV); print $r == -1 ? $! + 0 : 0' \"$n\" \"$@\"; }\n\
         keyring() { perl -e 'print syscall(shift, 0, -3, 0)' $keyctl; }\n\
         bound() { perl -e 'open F, \"/proc/self/status\"; while (<F>) { exit !(hex($1) >> $ARGV[0] & 1) if /^CapBnd:\\s*(\\S+)/ }' $1; }\n\
         inode() { stat -Lc %i $1; }\nother() { test $(inode /proc/self/ns/$1) != $(inode /proc/1/ns/$1); }\n",
    );
    let calls = [
        ("keyctl", libc::SYS_keyctl),
        ("mount", libc::SYS_mount),
        ("sethostname", libc::SYS_sethostname),
        ("clock_adjtime", libc::SYS_clock_adjtime),
        ("sched_setscheduler", libc::SYS_sched_setscheduler),
        ("personality", libc::SYS_personality),
        ("mmap", libc::SYS_mmap),
        ("syslog", libc::SYS_syslog),
        ("delete_module", libc::SYS_delete_module),
    ];
    for (name, number) in calls {
        let _ = writeln!(text, "{name}={number}");
    }
    text
}

const ROOT: &str = "root-directory = \"/run/probe/root\"\nbind-read-only-paths = [\"/usr\"]";

pub const ROWS: &[Row] = &[
    row("RootDirectory", ROOT, "test -e /only-here && test -r /proc/self/stat && test -d /run/probe && test -c /dev/null"),
    beside("MountAPIVFS", ROOT, "mount-api-vfs = false", "test ! -e /proc/self/stat && test ! -e /run/probe"),
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
    row("ProtectKernelTunables", "protect-kernel-tunables = true", "! test -w /proc/sys/net/ipv4/ip_forward && ! test -w /sys/kernel"),
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
    row("ProtectClock", "protect-clock = true", "! bound 25 && test $(call $clock_adjtime 0 0) = 1"),
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
    row("RestrictSUIDSGID", "restrict-suid-sgid = true", "! chmod 4755 /run/probe/suid 2> /dev/null && chmod 755 /run/probe/suid"),
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

/// An i386 program that ends with 7: `mov eax, 1; mov ebx, 7; int 0x80`.
pub fn foreign() -> Vec<u8> {
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

/// A oneshot with a script that knows the words.
pub fn unit(after: &str, keys: &str, log: &str, script: &str) -> String {
    format!(
        "after = [{after}]\n[service]\ntype = \"oneshot\"\ncommand = [\"/bin/sh\", \"-c\", '''\n{}\n{script}\n''']\n\
         [environment]\nset = {{ PROBE = \"{}\", HOME = \"/run/probe\" }}\n\
         [sandbox]\n{keys}\n[log]\n{log}\n[install]\nwanted-by = [\"multi-user.target\"]\n",
        words(),
        std::process::id(),
    )
}

/// For each row a service under the directive and one free of it, by name; each says on its output what it found, and its invocation.
pub fn services(log: &str) -> Vec<(String, String)> {
    let mut services = Vec::new();
    for (number, row) in ROWS.iter().enumerate() {
        for (kind, keys) in [("under", row.keys), ("free", row.instead)] {
            let script = format!("if {{ {}; }}; then echo holds; else echo is open; fi; echo invocation $INVOCATION_ID", row.probe);
            services.push((format!("{kind}-{number}"), unit("\"prepare\"", &format!("{}\n{keys}", row.both), log, &script)));
        }
    }
    services
}

/// What the services did not say though they should.
pub fn wrong(said: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, row) in ROWS.iter().enumerate() {
        for line in [format!("under-{number}: holds"), format!("free-{number}: is open")] {
            if !said.lines().any(|shown| shown.ends_with(&line)) {
                wrong.push(format!("{} ({}): not shown: {line}", row.directive, row.keys));
            }
        }
    }
    wrong
}
