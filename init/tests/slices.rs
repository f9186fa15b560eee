//! Slices: nested groups with limits of their own, which come with the first unit in them and go with the last.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;

use guest::{POWERED_OFF, boot, script};

fn service(kind: &str, slice: &str, command: &str) -> String {
    format!(
        "[service]\ntype = \"{kind}\"\ncommand = [\"/bin/sh\", \"-c\", '''{command}''']\n[resources]\nslice = \"{slice}\"\n[log]\nconsole = \"all\"\n\
         [restart]\npolicy = \"no\"\n[install]\nwanted-by = [\"multi-user.target\"]\n"
    )
}

#[test]
#[ignore = "needs root"]
fn units_lie_in_their_slices_and_share_their_limits() {
    // A file on whichever hierarchy has it, and how many hierarchies have a group.
    let text = "at() { cat /sys/fs/cgroup/$1 /sys/fs/cgroup/*/$1 2>/dev/null | head -n 1; }\n\
                groups() { ls -d /sys/fs/cgroup/$1 /sys/fs/cgroup/*/$1 2>/dev/null | wc -l; }\n\
                echo own: $(grep ^0:: /proc/self/cgroup); ctl status nap@x | grep cgroup\n\
                echo tasks: $(at work.slice/pids.max) $(at work.slice/pids.current)\n\
                set -- $(tr '\\0' ' ' < /proc/1/cmdline); mkdir -p /run/fief/units/work.slice.toml.d; ln -s /run/fief/units/work.slice.toml.d $4\n\
                ctl set --runtime work.slice TasksMax=100; echo tasks then: $(at work.slice/pids.max)\n\
                ctl status work.slice | grep cgroup; ctl account work.slice\n\
                ctl stop stays; echo inner: $(groups work.slice/work-web.slice), outer: $(groups work.slice)\n\
                ctl stop beside; echo outer then: $(groups work.slice)\n\
                ctl poweroff";
    let boot = boot(&[
        ("work.slice.toml", "[resources]\ntasks-max = 12\n"),
        ("inside.toml", &service("oneshot", "work-web.slice", "echo I am in $(grep ^0:: /proc/self/cgroup)")),
        ("stays.toml", &service("exec", "work-web.slice", "exec sleep 1000")),
        ("beside.toml", &service("exec", "work.slice", "exec sleep 1000")),
        (
            "many.toml",
            &format!(
                "after = [\"inside\", \"stays\", \"beside\"]\n{}",
                service("oneshot", "work-web.slice", "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1000 & done")
            ),
        ),
        ("outermost.toml", &service("oneshot", "-.slice", "echo I am in $(grep ^0:: /proc/self/cgroup)")),
        ("nap@.toml", "[service]\ncommand = [\"/bin/sleep\", \"1000\"]\n"),
        ("pulls.target.toml", "wants = [\"nap@x\"]\n[install]\nwanted-by = [\"multi-user.target\"]\n"),
        ("off.toml", &script("\"inside\", \"stays\", \"beside\", \"many\", \"outermost\", \"nap@x\"", text)),
    ]);
    boot.ended(POWERED_OFF).shows("inside: I am in 0::/work.slice/work-web.slice/inside.service");
    boot.shows("outermost: I am in 0::/outermost.service").shows("own: 0::/system.slice/off.service");
    boot.shows("cgroup: /system.slice/system-nap.slice/nap@x.service");
    // Its twelve and what others in the slice have are too many.
    boot.shows("Cannot fork").shows("tasks: 12 2").shows("tasks then: 100").shows("cgroup: /work.slice").shows("2/100");
    boot.shows("inner: 0, outer: ").does_not_show("outer: 0").shows("outer then: 0");
}
