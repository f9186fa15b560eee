//! Generators of packages at boot, at reload and over a new beginning of PID 1.
//!
//! The guest's /etc, and the folders where the host's packages have theirs, are covered by empty ones.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use guest::{Boot, INIT, POWERED_OFF, as_pid_1, script};

/// Covers what the host has, puts the test's own into /etc, and becomes init.
const COVER: &str = "\
mkdir /run/kept; cp /etc/passwd /etc/group /run/kept
for place in /etc /usr/lib/systemd /usr/local/lib/systemd /lib/systemd; do
    [ ! -d $place ] || mount -t tmpfs tmpfs $place
done
cp -r /run/kept/. \"$1\"/. /etc
exec \"$0\" --bare";

const TEMPLATE: &str = "[Service]\nExecStart=/bin/sh -c 'echo this is %i; exec sleep 1000'\n";

/// An instance for each file in /etc/instances, as postgresql-common makes them of its clusters.
const GOOD: &str = "#!/bin/sh
mkdir \"$1/multi-user.target.wants\"
for file in /etc/instances/*; do
    ln -s /etc/systemd/system/data@.service \"$1/multi-user.target.wants/data@${file##*/}.service\"
done
echo scope $SYSTEMD_SCOPE of $SYSTEMD_VIRTUALIZATION first $SYSTEMD_FIRST_BOOT on $SYSTEMD_ARCHITECTURE
echo for $2 and $3, in $(cat /proc/self/cgroup)
";

/// A system of these files below /etc, executable if they are scripts.
fn boot(files: &[(&str, &str)], links: &[(&str, &str)]) -> Boot {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        path
    };
    let always = [
        ("systemd/system/data@.service", TEMPLATE),
        ("instances/one", ""),
        ("machine-id", "0123456789abcdef0123456789abcdef\n"),
        ("fief/units/multi-user.target.toml", "description = \"the test\"\n"),
        ("systemd/system-generators/good", GOOD),
    ];
    for (name, text) in always.iter().chain(files) {
        let path = place(name);
        fs::write(&path, text).unwrap();
        let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    for (name, target) in links {
        symlink(target, place(name)).unwrap();
    }
    as_pid_1(&["sh", "-ec", COVER, INIT, folder.path().to_str().unwrap()])
}

#[test]
#[ignore = "needs root"]
fn what_generators_write_is_started_and_read_again_at_reload() {
    let off = script(
        "\"data@one\"",
        "ctl logs; echo then: $(ls /run/systemd | sort | tr '\\n' ' ')
touch /etc/instances/two; rm /etc/instances/one; ctl reload-units
ctl start data@two; ctl status data@two | grep active:; ls /run/systemd/generator/*
rm /etc/systemd/system-generators/good; ctl reload-units; ls /run/systemd | grep -c generator; ctl poweroff",
    );
    let boot = boot(&[("fief/units/off.toml", &off)], &[]);
    boot.ended(POWERED_OFF)
        .shows("started data@one")
        .shows("scope system of container:fief first 0 on ")
        .shows("for /run/systemd/generator.early and /run/systemd/generator.late, in ")
        .shows("0::/generators\n")
        .shows("then: container generator system units\n")
        .shows("removed: data@one")
        .shows("active (running)")
        .shows("off: data@two.service")
        .shows("off: 0");
}

/// Nothing else happens that would wake PID 1, and its turn has been too long to begin anything new in it.
#[test]
#[ignore = "needs root"]
fn a_reload_without_generators_ends_though_looking_for_them_took_long() {
    let off = script(
        "\"data@one\"",
        "rm /etc/systemd/system-generators/good; for n in $(seq 5000); do : > /etc/systemd/system-generators/$n; done
ctl reload-units; ctl reload-units & ctl reload-units & ctl reload-units; wait; echo all answered; ctl poweroff",
    );
    boot(&[("fief/units/off.toml", &off)], &[]).ended(POWERED_OFF).shows("all answered");
}

#[test]
#[ignore = "needs root"]
fn a_generator_that_hangs_fails_or_is_masked_costs_nobody_else() {
    // The one that hangs has left the session it was born in: only its group has it.
    let hangs = "#!/bin/sh\nsetsid sh -c 'echo $$ > /run/hangs; while :; do sleep 1000; done' &\nwait\n";
    let off = script(
        "\"data@one\"",
        "echo hangs: $(kill -0 $(cat /run/hangs) 2>&1 | grep -c 'No such'); ls /run/never || echo masked
echo groups: $(find /sys/fs/cgroup -name generators | wc -l); ctl poweroff",
    );
    let files = [
        ("fief/units/off.toml", off.as_str()),
        ("systemd/system-generators/hangs", hangs),
        ("systemd/system-generators/fails", "#!/bin/sh\necho I cannot >&2\nexit 3\n"),
        ("systemd/system-generators/broken", "#!/no/such/shell\n"),
        ("systemd/system-generators/systemd-fstab-generator", "#!/bin/sh\ntouch /run/never\n"),
    ];
    let boot = boot(&files, &[("systemd/system-generators/masked", "/dev/null")]);
    boot.ended(POWERED_OFF)
        .shows("generator fails failed: exit code 3")
        .shows("generator broken could not be executed: No such file or directory")
        .shows("generator hangs was killed: it took longer than 5 s")
        .shows("started data@one")
        .shows("hangs: 1")
        .shows("masked")
        .shows("groups: 0");
}

#[test]
#[ignore = "needs root"]
fn a_boot_goes_on_when_init_is_begun_anew_while_generators_are_at_work() {
    // It asks for it itself, and ends only when it has happened: the new program has other descriptors open.
    let asks = "#!/bin/sh
kill -59 1
until tr '\\0' '\\n' < /proc/1/cmdline | grep -q restore; do sleep 0.05; done
echo begun anew
";
    let off = script("\"data@one\"", "ctl logs; ctl poweroff");
    let boot = boot(&[("fief/units/off.toml", &off), ("systemd/system-generators/asks", asks)], &[]);
    boot.ended(POWERED_OFF).shows("has taken over 0 units").shows("started data@one").shows("begun anew");
}

#[test]
#[ignore = "needs root"]
fn an_end_asked_for_while_generators_are_at_work_does_not_wait_for_them() {
    let asks = "#!/bin/sh\nkill -TERM 1\nexec sleep 1000\n";
    let boot = boot(&[("systemd/system-generators/asks", asks)], &[]);
    boot.ended(POWERED_OFF).shows("asked for by process").does_not_show("took longer");
}
