//! The built program as PID 1 of a fresh pid, mount, network, uts, ipc and cgroup namespace.
//!
//! Each test writes a folder of units, boots, and looks at what the console showed and how the
//! system ended. Needs root for the namespaces and the control groups (named fief-test-*).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

#[path = "support/guest.rs"]
mod guest;

use std::fs;
use std::process::{Command, Stdio};

use guest::*;

#[test]
#[ignore = "needs root"]
fn the_minimal_init_passes_the_exit_code_on() {
    as_pid_1(&[INIT, "--", "sh", "-c", "echo as $$; exit 7"]).ended(7);
    as_pid_1(&[INIT, "--", "/no/such"]).ended(127).shows("executing failed: No such file");
    as_pid_1(&[INIT, "--", "/etc/passwd"]).ended(126);
    as_pid_1(&[INIT, "--", "sh", "-c", "kill -9 $$"]).ended(137);
}

#[test]
#[ignore = "needs root"]
fn units_start_in_order_and_a_power_off_ends_them_in_reverse() {
    let boot = boot(&[
        ("first.toml", &service("exec sleep 1000")),
        ("second.toml", &format!("after = [\"first\"]\n{}", service("exec sleep 1000"))),
        ("off.toml", &script("\"first\", \"second\"", "ctl list; ctl status second; cat /proc/self/cgroup; ctl poweroff")),
    ]);
    boot.ended(POWERED_OFF).shows("started first").shows("started second").shows("0::/system.slice/off.service");
    let at = |text: &str| boot.console.find(text).unwrap_or(usize::MAX);
    assert!(at("started first") < at("started second"), "{}", boot.console);
    assert!(at("stopped second") < at("stopped first"), "{}", boot.console);
}

#[test]
#[ignore = "needs root"]
fn a_reboot_is_told_from_a_power_off() {
    boot(&[("again.toml", &script("", "ctl reboot"))]).ended(REBOOTED);
    boot(&[("now.toml", &script("", "ctl poweroff -f"))]).ended(POWERED_OFF);
}

#[test]
#[ignore = "needs root"]
fn ten_thousand_orphans_leave_no_zombie_and_cost_no_child() {
    let orphans = "\
i=0; while [ $i -lt 10000 ]; do ( : & ); i=$((i+1)); done
sleep 0.3; z=0
for s in /proc/[0-9]*/status; do grep -qs '^State:.Z' $s && z=$((z+1)); done
echo zombies: $z
ctl status keeps | grep active:
ctl poweroff";
    let boot = boot(&[("keeps.toml", &service("exec sleep 1000")), ("orphans.toml", &script("\"keeps\"", orphans))]);
    boot.ended(POWERED_OFF).shows("zombies: 0").shows("active: active").does_not_show("keeps fell");
}

#[test]
#[ignore = "needs root"]
fn what_cannot_be_executed_is_told_with_stage_and_cause() {
    let missing =
        "[service]\ncommand = [\"/no/such/program\"]\n[restart]\npolicy = \"no\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let nobody = "[service]\ncommand = [\"/bin/true\"]\n[run-as]\nuser = \"no-such-user\"\n[restart]\npolicy = \"no\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let boot =
        boot(&[("missing.toml", missing), ("nobody.toml", nobody), ("off.toml", &script("\"missing\", \"nobody\"", "ctl poweroff"))]);
    boot.ended(POWERED_OFF)
        .shows("missing: executing /no/such/program failed: No such file or directory")
        .shows("nobody: changing identity failed: no user no-such-user");
}

#[test]
#[ignore = "needs root"]
fn a_bad_unit_file_is_shown_with_its_line_and_the_others_boot() {
    let boot = boot(&[
        ("bad.toml", "[service]\ncomand = [\"/bin/true\"]\n[install]\nwanted-by = [\"multi-user.target\"]\n"),
        ("worse.toml", &"\u{1}noise\n".repeat(1 << 20)),
        ("good.toml", &service("exec sleep 1000")),
        ("off.toml", &script("\"good\"", "ctl status bad; echo code: $?; ctl poweroff")),
    ]);
    boot.ended(POWERED_OFF).shows("bad.toml:2").shows("^").shows("started good").shows("code: 3");
}

#[test]
#[ignore = "needs root"]
fn logs_hold_what_services_say_and_a_flood_does_not_stop_the_rest() {
    let boot = boot(&[
        ("says.toml", &service("echo out; echo err >&2; exec sleep 1000")),
        ("floods.toml", &service("exec yes flood")),
        (
            "off.toml",
            &script(
                "\"says\", \"floods\"",
                "sleep 0.2; ctl logs says; ctl logs floods -n 2; ctl --json list floods | head -c 200; ctl poweroff",
            ),
        ),
    ]);
    boot.ended(POWERED_OFF).shows("out").shows("err").shows("flood").shows("{\"name\":\"floods.service\"");
}

#[test]
#[ignore = "needs root"]
fn only_root_may_change_things() {
    let boot = boot(&[(
        "off.toml",
        &script("", "setpriv --reuid 65534 --clear-groups sh -c \"$0 ctl list >/dev/null && echo may list; $0 ctl poweroff || echo may not leave\"; ctl poweroff")
            .replace("$0", INIT),
    )]);
    boot.ended(POWERED_OFF).shows("may list").shows("only root may ask this").shows("may not leave");
}

/// A process that has nothing to do with it; gone when the test is.
struct Bystander(std::process::Child);

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs root"]
fn init_outside_a_pid_namespace_of_its_own_ends_nothing_but_itself() {
    // In the machine's own pid namespace, only the file systems apart: what must not happen is
    // that the machine, or any process but init's own, ends.
    let mut bystander = Bystander(Command::new("sleep").arg("1000").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let script = "mount -t tmpfs tmpfs /run; \"$0\" --bare --supervise & init=$!; \
                  while [ ! -S /run/fief/control ]; do :; done; \"$0\" ctl poweroff; wait $init; echo code: $?";
    let output = Command::new("timeout")
        .args(["-s", "KILL", "20", "unshare", "-m", "sh", "-ec", script, INIT])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let boot = boot_of(&output);
    boot.shows("leaving without reboot(2): not PID 1").shows("code: 0");
    assert!(bystander.0.try_wait().unwrap().is_none(), "a bystander was killed");
    // And without being told to, it does not even begin.
    let refused = Command::new(INIT).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

/// It would take the control socket from PID 1.
#[test]
#[ignore = "needs root"]
fn a_second_one_in_a_container_does_not_begin() {
    let work = format!("{INIT} security; echo code: $?; {INIT} --supervise; echo told to: $?; ctl list | grep -c work; ctl poweroff");
    let boot = boot(&[("work.toml", &script("", &work))]);
    boot.ended(POWERED_OFF).shows("another one answers at /run/fief/control").shows("code: 2").shows("told to: 2").shows("work: 1");
}

#[test]
#[ignore = "needs root"]
fn signals_from_outside_mean_an_ordered_end() {
    for (signal, code) in [("TERM", POWERED_OFF), ("37", POWERED_OFF), ("39", REBOOTED), ("PWR", POWERED_OFF)] {
        let boot = boot(&[("keeps.toml", &service("exec sleep 1000")), ("asks.toml", &script("\"keeps\"", &format!("kill -{signal} 1")))]);
        boot.ended(code).shows("stopped keeps").shows("asked for by process");
    }
}

/// INT starts what has the name of the three keys, and reboots only where nothing has; 35 and 36 isolate, and 28 is a key of its own.
#[test]
#[ignore = "needs root"]
fn signals_from_outside_start_targets() {
    let target = |more: &str| format!("default-dependencies = false\nrequires = [\"says@{more}\"]\n");
    let says = "[service]\ntype = \"oneshot\"\nremain-after-exit = true\ncommand = \"/bin/touch /run/said-%i\"\n";
    let text = "seen() { until test -e /run/said-$1; do sleep 0.05; done; }; down() { while ctl is-active -q $1; do sleep 0.05; done; }\n\
                kill -INT 1; seen keys; kill -WINCH 1; seen key; ctl start keeps; echo before: $(ctl is-active keeps)\n\
                kill -35 1; seen rescue; down keeps; echo rescued\n\
                ctl start keeps; kill -36 1; seen emergency; down keeps; echo in emergency; kill -INT 1\n\
                rm $(dirname $(ctl show -p FragmentPath --value ctrl-alt-del.target))/ctrl-alt-del.target.toml; ctl reload-units; kill -INT 1";
    let isolated = |more: &str| format!("allow-isolate = true\nwants = [\"work\"]\n{}", target(more));
    let work = script("", text).replace("[service]", "ignore-on-isolate = true\n[service]");
    let boot = boot(&[
        ("ctrl-alt-del.target.toml", &target("keys")),
        ("kbrequest.target.toml", &target("key")),
        ("rescue.target.toml", &isolated("rescue")),
        ("emergency.target.toml", &isolated("emergency")),
        ("says@.toml", says),
        ("keeps.toml", "[service]\ncommand = \"/bin/sleep 1000\"\n"),
        ("work.toml", &work),
    ]);
    boot.ended(REBOOTED).shows("work: before: active").shows("work: rescued").shows("work: in emergency");
}

#[test]
#[ignore = "needs root"]
fn a_console_that_nobody_reads_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("multi-user.target.toml"), "description = \"the test\"\n").unwrap();
    let marker = path.join("marker");
    let floods = "i=0; while [ $i -lt 20000 ]; do echo a line that goes to the console as well; i=$((i+1)); done";
    let loud = service(&format!("{floods}; exec sleep 1000")).replace("[install]", "[log]\nconsole = \"all\"\n[install]");
    fs::write(path.join("loud.toml"), loud).unwrap();
    let off = format!("{floods}; ctl list > {}; ctl poweroff", marker.display());
    fs::write(path.join("off.toml"), script("", &off)).unwrap();
    let mut guest = Command::new(GUEST)
        .args([&format!("init-deaf-{}", std::process::id()), INIT, "--bare", "--units", path.to_str().unwrap()])
        .env("GUEST_SHARED", path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Its output is a pipe that holds 64 KiB; it is read only after the end.
    assert_eq!(guest.wait().unwrap().code(), Some(POWERED_OFF));
    assert!(fs::read_to_string(marker).unwrap().contains("loud"));
}

#[test]
#[ignore = "needs root"]
fn a_service_that_falls_is_restarted_and_one_that_notifies_is_waited_for() {
    let notifies = "[service]\ntype = \"notify\"\nnotify-access = \"all\"\ncommand = [\"/bin/sh\", \"-c\", \"sleep 0.3; systemd-notify --ready --status=serving; exec sleep 1000\"]\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let falls = "[service]\ncommand = [\"/bin/sh\", \"-c\", \"test -e /run/fell && exec sleep 1000; touch /run/fell; exit 3\"]\n[restart]\ndelay = \"50ms\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let boot = boot(&[
        ("notifies.toml", notifies),
        ("falls.toml", falls),
        ("off.toml", &script("\"notifies\"", "sleep 0.3; ctl status notifies falls; ctl poweroff")),
    ]);
    boot.ended(POWERED_OFF).shows("falls fell: exit code 3; again in").shows("status: serving").shows("restarts: 1");
    let at = |text: &str| boot.console.find(text).unwrap_or(usize::MAX);
    assert!(at("started notifies") < at("off: notifies"), "{}", boot.console);
}

#[test]
#[ignore = "needs root"]
fn stopping_a_service_ends_what_it_has_left_in_the_background_too() {
    let leaves = service("setsid sh -c 'trap : TERM; while :; do sleep 1; done' & exec sleep 1000")
        .replace("[install]", "[stop]\ntimeout = \"300ms\"\n[install]");
    let text = "sleep 0.2; cat /sys/fs/cgroup/*/system.slice/leaves.service/cgroup.procs /sys/fs/cgroup/system.slice/leaves.service/cgroup.procs 2>/dev/null | sort -u | wc -l | sed 's/^/before: /'; \
                ctl stop leaves; ls -d /sys/fs/cgroup/*/system.slice/leaves.service 2>/dev/null | wc -l | sed 's/^/groups: /'; ctl poweroff";
    let boot = boot(&[("leaves.toml", &leaves), ("off.toml", &script("\"leaves\"", text))]);
    boot.ended(POWERED_OFF).shows("killing leaves").shows("stopped leaves").shows("groups: 0").does_not_show("before: 0");
}

#[test]
#[ignore = "needs root"]
fn who_had_to_be_killed_is_cleaned_up_after_and_starts_again() {
    let stubborn = service("trap : TERM; echo up; while :; do sleep 1; done")
        .replace("[service]", "[service]\nexec-start-pre = \"echo before\"\nexec-stop-post = \"echo behind\"")
        .replace("[install]", "[stop]\ntimeout = \"200ms\"\n[install]");
    let text = "ctl restart stubborn; ctl stop stubborn; ctl start stubborn; until ctl logs stubborn | grep -c up | grep 3; do sleep 0.1; done; \
                for word in before up behind; do ctl logs stubborn | grep -c $word | sed \"s/^/$word: /\"; done; ctl poweroff";
    let boot = boot(&[("stubborn.toml", &stubborn), ("off.toml", &script("\"stubborn\"", text))]);
    boot.ended(POWERED_OFF).shows("before: 3").shows("up: 3").shows("behind: 2");
}

#[test]
#[ignore = "needs root"]
fn a_forking_service_is_known_by_its_pid_file() {
    let forks = "[service]\ntype = \"forking\"\npid-file = \"/run/forks.pid\"\ncommand = [\"/bin/sh\", \"-c\", \"setsid sleep 1000 & p=$!; (sleep 0.2; echo $p > /run/forks.pid) &\"]\n[restart]\npolicy = \"no\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let text = "ctl status forks; kill $(cat /run/forks.pid); sleep 0.2; ctl status forks; echo code: $?; ctl poweroff";
    let boot = boot(&[("forks.toml", forks), ("off.toml", &script("\"forks\"", text))]);
    boot.ended(POWERED_OFF).shows("active (running)").shows("main pid: ").shows("code: 3");
}

#[test]
#[ignore = "needs root"]
fn a_daemon_that_is_replaced_by_another_of_its_own_has_not_ended() {
    // As nginx when its program was upgraded: the new one writes the pid file, then the old one goes.
    let old = "echo $$ > /run/over.pid; until [ -e /run/go ]; do sleep 0.05; done; sh /run/new & \
               until [ $(cat /run/over.pid) != $$ ]; do sleep 0.05; done";
    let over = format!(
        "[service]\ntype = \"forking\"\npid-file = \"/run/over.pid\"\ncommand = [\"/bin/sh\", \"-c\", \"echo 'echo $$ > /run/over.pid; \
         exec sleep 1000' > /run/new; echo '{old}' > /run/old; sh /run/old &\"]\n\
         [restart]\npolicy = \"no\"\n[install]\nwanted-by = [\"multi-user.target\"]\n"
    );
    let text = "old=$(cat /run/over.pid); touch /run/go; while [ -d /proc/$old ]; do sleep 0.05; done\n\
                until ctl status over | grep -Eq \"main pid: $(cat /run/over.pid)\\$|inactive|failed\"; do sleep 0.05; done\n\
                ctl status over; kill $(cat /run/over.pid); while ctl status over > /dev/null; do sleep 0.05; done; ctl poweroff";
    let boot = boot(&[("over.toml", &over), ("off.toml", &script("\"over\"", text))]);
    boot.ended(POWERED_OFF).shows("active (running)").shows("main pid: ");
}

#[test]
#[ignore = "needs root"]
fn a_service_over_its_limit_is_killed_and_init_and_the_others_live() {
    let eats = "[service]\ncommand = [\"/bin/sh\", \"-c\", \"exec tail /dev/zero\"]\n[resources]\nmemory-max = \"32M\"\n[restart]\npolicy = \"no\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let bombs = "[service]\ncommand = [\"/bin/sh\", \"-c\", \"while :; do sleep 1000 & done\"]\n[resources]\ntasks-max = 16\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let text = "while ctl status eats > /dev/null; do :; done; ctl status eats; ctl account; ctl poweroff";
    let boot = boot(&[
        ("eats.toml", eats),
        ("bombs.toml", bombs),
        ("keeps.toml", &service("exec sleep 1000")),
        ("off.toml", &script("\"eats\"", text)),
    ]);
    boot.ended(POWERED_OFF).shows("eats: the kernel killed a process of it for want of memory").does_not_show("keeps fell");
}

#[test]
#[ignore = "needs root"]
fn that_a_process_of_a_process_was_killed_for_want_of_memory_is_told() {
    // Its parent hears of it, PID 1 does not: the group tells.
    let feeds = "[service]\ncommand = [\"/bin/sh\", \"-c\", \"tail /dev/zero; exec sleep 1000\"]\n[resources]\nmemory-max = \"32M\"\n[restart]\npolicy = \"no\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let ends = feeds.replace("exec sleep 1000", "exit 0").replace("[service]", "[service]\ntype = \"oneshot\"");
    let text = "while ctl status feeds > /dev/null; do :; done; ctl status feeds; ctl poweroff";
    let boot = boot(&[("feeds.toml", feeds), ("ends.toml", &ends), ("off.toml", &script("\"feeds\", \"ends\"", text))]);
    // The one that heard of it ends at once; on cgroup2 it went with the other.
    boot.shows("ends: the kernel killed a process of it for want of memory");
    boot.ended(POWERED_OFF)
        .shows("feeds: the kernel killed a process of it for want of memory")
        .shows("failed  feeds: killed for want of memory");
}

#[test]
#[ignore = "needs root"]
fn what_was_written_is_in_the_log_before_the_end_is_told() {
    // Many that write a pipe full and end, all at the same time.
    let talks = "[service]\ntype = \"oneshot\"\ncommand = [\"/usr/bin/perl\", \"-e\", 'print \"a word\\n\" x 9000, \"the last\\n\"']\n\
                 [install]\nwanted-by = [\"multi-user.target\"]\n";
    let names: Vec<String> = (0..40).map(|number| format!("talks-{number}")).collect();
    let text = "for unit in $(ctl list --all | grep -o 'talks-[0-9]*'); do ctl logs $unit | grep -n -e 'the last' -e 'has finished' | cut -d: -f1 | \
                tr '\\n' ' ' | { read -r last told; test $last -lt $told && echo in its order; }; done | sort | uniq -c\nctl poweroff";
    let after: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let off = script(&after.join(", "), text);
    let files: Vec<(String, &str)> = names.iter().map(|name| (format!("{name}.toml"), talks)).collect();
    let mut files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    files.push(("off.toml", &off));
    boot(&files).ended(POWERED_OFF).shows("40 in its order");
}
