//! sd_notify(3) in full, and other ways for a service to say how it is, with the built program as PID 1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

#[path = "support/guest.rs"]
mod guest;
#[path = "support/perl.rs"]
mod perl;

use guest::*;

const NOTIFY: &str = "type = \"notify\"";

#[test]
#[ignore = "needs root"]
fn a_barrier_falls_when_everything_said_before_has_been_acted_upon() {
    // The status is asked for by another process as soon as the barrier has fallen.
    let says = perl::service(
        NOTIFY,
        &format!("notify(\"READY=1\\nSTATUS=all is \\xff well\\nX_OWN=1\"); barrier(); system(\"{INIT} ctl status says\"); sleep 1000;"),
    );
    let boot = boot(&[("says.toml", &says), ("off.toml", &until("ctl logs says | grep -q 'status: all is . well'"))]);
    boot.ended(POWERED_OFF).shows("status: all is");
}

#[test]
#[ignore = "needs root"]
fn only_those_who_may_tell_are_heard() {
    // Main: a child of the main process is not heard. All: it is. Nobody takes another unit's process for his own.
    let child = "if (!fork) { notify(\"READY=1\\nSTATUS=by a child\"); barrier(); exit } wait;";
    let itself = "open(my $v, '>', '/run/victim'); print $v $$; close $v; notify(\"READY=1\\nSTATUS=by itself\"); sleep 1000;";
    let forges = "open(my $f, '<', '/run/victim') or die; my $pid = <$f>; notify(\"MAINPID=$pid\\nREADY=1\\nSTATUS=forged\"); sleep 1000;";
    let everybody = "type = \"notify\"\nnotify-access = \"all\"";
    let main = perl::service(NOTIFY, &format!("{child} {itself}"));
    let all = perl::service(everybody, &format!("{child} sleep 1000;"));
    let forged = format!("after = [\"main\"]\n{}", perl::service(everybody, forges));
    let text = "ctl status main all; ctl status forged; cat /run/victim; ctl poweroff";
    let main = main
        .replace("sleep 1000", "open(my $v, '>', '/run/victim'); print $v $$; close $v; sleep 1000")
        .replace("notify(\"READY=1\\nSTATUS=by itself\");", "");
    let main = main.replace("sleep 1000;", "notify(\"READY=1\\nSTATUS=by itself\"); sleep 1000;");
    let boot = boot(&[
        ("main.toml", &main),
        ("all.toml", &all),
        ("forged.toml", &forged),
        ("off.toml", &script("\"main\", \"all\", \"forged\"", text)),
    ]);
    boot.ended(POWERED_OFF).shows("status: by itself").shows("status: by a child").shows("status: forged");
    assert_eq!(boot.console.matches("   status: by a child").count(), 1, "{}", boot.console);
    // The victim is still its own unit's main process, and the forger has its own.
    let pids: Vec<&str> = boot.console.lines().filter_map(|line| line.split(" main pid: ").nth(1)).collect();
    assert_eq!(pids.len(), 3, "{}", boot.console);
    assert!(pids[0] != pids[2] && pids[1] != pids[2], "{pids:?}");
}

#[test]
#[ignore = "needs root"]
fn descriptors_are_kept_over_a_restart_with_their_names_and_dropped_when_the_unit_rests() {
    // First life: stores a file it has written to, twice, one end of a pipe, and one too many. Then it falls.
    let store = "
        if (!$ENV{LISTEN_FDS}) {
            say 'begins'; open(my $f, '+>', '/run/kept') or die; syswrite $f, 'first life';
            notify(\"FDSTORE=1\\nFDNAME=state\", fileno $f); notify(\"FDSTORE=1\\nFDNAME=again\", fileno $f);
            pipe(my $r, my $w) or die; notify(\"FDSTORE=1\\nFDNAME=old\", fileno $r); notify(\"FDSTOREREMOVE=1\\nFDNAME=old\");
            notify(\"FDSTORE=1\\nFDNAME=pipe\\nFDPOLL=0\", fileno $r);
            open(my $many, '<', '/dev/null') or die; notify(\"FDSTORE=1\", fileno $many);
            notify('READY=1'); barrier(); exit 1;
        }
        open(my $f, '+<&=', 3) or die; seek $f, 0, 0; my $text = <$f>;
        say \"life: $text, $ENV{LISTEN_FDS} $ENV{LISTEN_FDNAMES} \", $ENV{LISTEN_PID} == $$ ? 'mine' : 'not mine';
        notify('READY=1'); sleep 1000;";
    let lives = |count: u32| format!("while [ $(ctl logs keeps | grep -c life:) -lt {count} ]; do :; done;");
    let text = format!(
        "{} ctl stop keeps; ctl start keeps; {} ctl logs keeps | grep -c begins | sed 's/^/beginnings: /'; ctl poweroff",
        lives(1),
        lives(2)
    );
    let keeps = perl::service("type = \"notify\"\nfile-descriptor-store-max = 2", store);
    let boot = boot(&[("keeps.toml", &keeps), ("off.toml", &script("", &text))]);
    boot.ended(POWERED_OFF).shows("life: first life, 2 state:pipe mine").shows("beginnings: 2");
}

#[test]
#[ignore = "needs root"]
fn a_stored_end_goes_when_the_other_end_does() {
    let script_ = "
        if (!-e '/run/second') {
            socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die;
            notify(\"FDSTORE=1\\nFDNAME=polled\", fileno $a); notify(\"FDSTORE=1\\nFDNAME=unpolled\\nFDPOLL=0\", fileno $b);
            open(my $f, '>', '/run/second'); notify('READY=1'); barrier(); exit 1;
        }
        say \"kept: \", $ENV{LISTEN_FDNAMES} // 'none';
        notify(\"FDSTOREREMOVE=1\\nFDNAME=unpolled\"); barrier();
        if (!-e '/run/third') { open(my $f, '>', '/run/third'); notify('READY=1'); barrier(); exit 1; }
        notify('READY=1'); sleep 1000;";
    let hangs = perl::service("type = \"notify\"\nfile-descriptor-store-max = 9", script_);
    let boot = boot(&[("hangs.toml", &hangs), ("off.toml", &until("ctl logs hangs | grep -q 'kept: none'"))]);
    boot.ended(POWERED_OFF).shows("kept: polled:unpolled").shows("kept: none");
}

#[test]
#[ignore = "needs root"]
fn a_newline_on_a_descriptor_says_that_it_is_up() {
    let up = "[service]\ntype = \"notify-fd\"\nnotify-fd = 5\ncommand = [\"/bin/sh\", \"-c\", 'test ! -e /proc/self/fd/3 && printf noise >&5; while [ ! -e /run/go ]; do :; done; echo >&5; exec 5>&-; exec sleep 1000']\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let boot = boot(&[
        ("up.toml", up),
        (
            "off.toml",
            &script(
                "",
                "ctl status up | grep active:; touch /run/go; while ! ctl status up | grep 'active (running)'; do :; done; ctl poweroff",
            ),
        ),
    ]);
    boot.ended(POWERED_OFF).shows("activating").shows("active (running)").shows("started up");
}

#[test]
#[ignore = "needs root"]
fn a_pid_file_may_come_late_and_a_stranger_in_it_is_not_believed() {
    let forks = "[service]\ntype = \"forking\"\npid-file = \"/run/late/pid\"\ncommand = [\"/bin/sh\", \"-c\", \"setsid sleep 1000 & p=$!; (while [ ! -e /run/go ]; do :; done; mkdir /run/late; echo 1 > /run/late/pid; while [ ! -e /run/again ]; do :; done; echo $p > /run/late/pid) &\"]\n[restart]\npolicy = \"no\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let text = "touch /run/go; while [ ! -s /run/late/pid ]; do :; done; ctl status forks | grep active:; touch /run/again; \
                while ! ctl status forks | grep 'active (running)'; do :; done; ctl status forks | grep \"main pid: $(cat /run/late/pid)\"; ctl poweroff";
    let boot = boot(&[("forks.toml", forks), ("off.toml", &script("", text))]);
    boot.ended(POWERED_OFF).shows("active: activating").shows("active (running)").shows("main pid: ").does_not_show("main pid: 1\n");
}

/// A unit that powers off as soon as this holds.
fn until(holds: &str) -> String {
    script("", &format!("while ! {holds}; do :; done; ctl poweroff"))
}
