//! Scopes: processes that somebody else has begun, in a group of their own that PID 1 made.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;

use guest::{POWERED_OFF, boot, script};

/// Has the shell find ours by these names before the machine's own, and knows what to wait for.
fn begin() -> String {
    format!(
        "mkdir -p /run/bin; for name in systemd-run systemctl; do ln -sf {init} /run/bin/$name; done; PATH=/run/bin:$PATH; export PATH\n\
         await() {{ until eval \"$@\"; do sleep 0.05; done; }}\n\
         gone() {{ await \"test ! -e /run/systemd/transient/$1\"; systemctl is-active $1; systemctl show -p LoadState --value $1; }}\n\
         group() {{ grep '^0::' /proc/$1/cgroup; }}\n",
        init = guest::INIT
    )
}

#[test]
#[ignore = "needs root"]
fn a_command_runs_in_a_group_of_its_own_where_its_caller_was() {
    let work = begin()
        + "cd /tmp; A=kept systemd-run --scope -u one -E B=b -p MemoryMax=64M -p TasksMax=50 --slice=work --nice=3 sh -c \
           'echo mine: $PPID $A $B $(pwd) $(nice); systemctl is-active one.scope; grep -h : /proc/self/cgroup | sed \"s/^/in: /\"; \
            systemctl show one.scope -p ActiveState,SubState,ControlGroup,MemoryMax,TasksMax,Slice,Transient,Description | sed \"s/^/shown: /\"; \
            systemctl status one.scope | sed \"s/^/status: /\"; systemctl list-units --type=scope --no-legend | sed \"s/^/listed: /\"; \
            cat /sys/fs/cgroup/memory/work.slice/one.scope/memory.limit_in_bytes /sys/fs/cgroup/work.slice/one.scope/memory.max 2>/dev/null; exit 7'\n\
           echo code: $? $$; gone one.scope; test -e /sys/fs/cgroup/*/work.slice; echo slice: $?\n\
           systemd-run -q --scope true; echo quick: $?; systemd-run -q --scope --uid=daemon sh -c 'echo I am $(id -un) $(id -Gn)'\n\
           await 'test -z \"$(ls /run/systemd/transient)\"'; echo nothing is left; ctl poweroff";
    let boot = boot(&[("work.toml", &script("", &work))]);
    boot.ended(POWERED_OFF).shows("Running scope as unit: one.scope").shows(" kept b /tmp 3").shows("work: active");
    boot.shows("in: 0::/work.slice/one.scope").shows("shown: ActiveState=active").shows("shown: SubState=running");
    boot.shows("shown: ControlGroup=/work.slice/one.scope").shows("shown: MemoryMax=67108864").shows("shown: TasksMax=50");
    boot.shows("shown: Slice=work.slice").shows("shown: Description=/usr/bin/sh -c").shows("work: 67108864");
    boot.shows("status:      Active: active (running)").shows("one.scope loaded active running").shows("code: 7").shows("work: inactive");
    boot.shows("work: not-found").shows("slice: 1").shows("quick: 0").shows("I am daemon daemon").shows("nothing is left");
    boot.does_not_show(":/system.slice/work.service/");
}

#[test]
#[ignore = "needs root"]
fn it_is_stopped_killed_and_ended_in_time_and_survives_another_life_of_init() {
    let work = begin()
        + "run() { systemd-run -q --scope -u $1 $2 sh -c \"$3\" & await systemctl -q is-active $1.scope; await \"grep -qs . /sys/fs/cgroup/*/system.slice/$1.scope/cgroup.procs /sys/fs/cgroup/system.slice/$1.scope/cgroup.procs\"; }\n\
           run soft '' 'exec sleep 1000'; systemctl stop soft.scope; wait $!; echo stopped: $?; gone soft.scope\n\
           run deaf '-p TimeoutStopSec=1' 'trap \"\" TERM; while :; do sleep 0.1; done'; ctl reexec; systemctl is-active deaf.scope; ctl daemon-reload; systemctl is-active deaf.scope\n\
           kill -SEGV 1; await systemctl -q is-active deaf.scope; systemctl show -p MemoryMax,SubState,TimeoutStopUSec deaf.scope | sed 's/^/fallen: /'\n\
           systemctl stop deaf.scope; wait $!; echo killed: $?; systemctl show -p Result,ActiveState deaf.scope | sed 's/^/deaf: /'\n\
           run hit '' 'exec sleep 1000'; systemctl kill -s USR1 hit.scope; wait $!; echo hit: $?; gone hit.scope\n\
           run late '-p RuntimeMaxSec=1' 'exec sleep 1000'; wait $!; echo late: $?; await systemctl -q is-failed late.scope; systemctl show -p Result,SubState late.scope | sed 's/^/late: /'\n\
           systemctl start late.scope; echo again: $?; systemctl reset-failed; gone late.scope\n\
           run many '' 'sleep 1000 & sleep 1000 & touch /run/many; exec sleep 1000'; await test -e /run/many; kill -KILL $!; systemctl is-active many.scope; systemctl stop many.scope; gone many.scope\n\
           run many2 '' '(sleep 1; exec sleep 0.1) & sleep 0.1'; wait $!; systemctl is-active many2.scope; gone many2.scope\n\
           systemd-run --scope -u odd -p Type=oneshot true; systemd-run --scope -u odd -p MemoryMax=x true; systemd-run --scope -u odd --wait true; systemd-run --scope -u odd nosuchprogram\n\
           await '! test -e /run/systemd/transient/odd.scope'; ctl restart deaf.scope; systemctl restart work.scope; ls /run/systemd/transient | sed 's/^/left over: /'; ctl poweroff";
    let boot = boot(&[("work.toml", &script("", &work))]);
    boot.ended(POWERED_OFF).shows("stopped: 143").shows("killed: 137").shows("hit: 138").shows("late: 143");
    boot.shows("what was written down goes on").shows("fallen: SubState=running").shows("fallen: TimeoutStopUSec=1s");
    boot.shows("late: Result=timeout").shows("late: SubState=failed").shows("again: 1");
    boot.shows("Unknown assignment: Type=oneshot")
        .shows("--wait may not be combined with --scope.")
        .shows("Failed to find executable nosuchprogram");
    assert_eq!(boot.console.matches("work: active").count(), 4, "{}", boot.console);
    assert_eq!(boot.console.matches("work: inactive").count(), 5, "{}", boot.console);
    assert_eq!(boot.console.matches("work: not-found").count(), 5, "{}", boot.console);
    boot.does_not_show("left over: ");
}

#[test]
#[ignore = "needs root"]
fn one_that_nobody_enters_goes_and_one_that_is_full_is_not_forgotten_at_the_end() {
    let ask = "{\"request\":\"run\",\"units\":[{\"name\":\"empty.scope\",\"text\":\"[Scope]\\n\"}]}";
    let work = begin()
        + &format!(
            "printf '%s\\n' '{ask}' | perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(\"/run/fief/control\"); print $s scalar <STDIN>; print \"answer: \", scalar <$s>'\n"
        )
        + "systemctl is-active empty.scope; ctl reexec; await '! systemctl -q is-active empty.scope'; echo it has gone\n\
           systemd-run -q --scope -u full sh -c 'trap \"echo the end is heard; exit\" TERM; while :; do sleep 0.1; done' & await systemctl -q is-active full.scope; sleep 0.3; ctl poweroff";
    let boot = boot(&[("work.toml", &script("", &work))]);
    boot.ended(POWERED_OFF).shows("answer: {").shows("\"ok\"").shows("work: active").shows("it has gone").shows("the end is heard");
}
