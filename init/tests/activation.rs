//! Sockets, timers, paths and mounts, with the built program as PID 1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

#[path = "support/guest.rs"]
mod guest;
#[path = "support/perl.rs"]
mod perl;

use guest::*;

/// A system of these files, in which everything but services is started before the work begins.
fn boot_with(files: &[(&str, &str)], work: &str) -> Boot {
    let started: Vec<&str> =
        files.iter().map(|(name, _)| *name).filter(|name| !name.contains("service") && !name.ends_with(".toml")).collect();
    let work = script("", &format!("ctl start {}\n{work}", started.join(" ")));
    let mut all = vec![("work.toml", work.as_str())];
    all.extend(files);
    boot(&all)
}

/// One line to a UNIX socket, and the answer.
const ASK: &str = r#"ask() { perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un($ARGV[0])) or die "$!"; syswrite $s, "$ARGV[1]\n"; shutdown($s, 1); print <$s>' "$@"; }"#;

#[test]
#[ignore = "needs root"]
fn a_service_is_started_by_its_socket_and_no_connection_is_lost_while_it_falls() {
    // It answers one connection and falls; each is answered by another life, with the same descriptors.
    let socket = "[Socket]\nListenStream=/run/a/echo\nListenDatagram=/run/a/datagram\nFileDescriptorName=both\nSocketMode=0600\n";
    let serve = "
        die 'not mine' unless $ENV{LISTEN_PID} == $$;
        open(my $l, '+<&=', 3) or die; accept(my $c, $l) or die; my $line = <$c>; chomp $line;
        print $c \"$line by $ENV{LISTEN_FDS} $ENV{LISTEN_FDNAMES}\\n\"; close $c; exit 1;";
    let service = perl::service("", serve)
        .replace("delay = \"10ms\"", "delay = \"10ms\"\nburst = \"max\"")
        .replace("[install]\nwanted-by = [\"multi-user.target\"]\n", "");
    let work = format!(
        "{ASK}\nctl status echo.service | grep active:; stat -c %a /run/a/echo; for i in 1 2 3 4 5; do ask /run/a/echo hello$i; done; ctl poweroff"
    );
    let boot = boot_with(&[("echo.socket", socket), ("echo.toml", &service)], &work);
    boot.ended(POWERED_OFF).shows("inactive").shows("work: 600");
    for number in 1..=5 {
        boot.shows(&format!("work: hello{number} by 2 both:both"));
    }
}

#[test]
#[ignore = "needs root"]
fn a_socket_is_handed_over_where_pid_1_has_more_descriptors_open_than_the_service_may() {
    let socket = "[Socket]\nListenStream=/run/few\n";
    let service =
        "[Service]\nType=oneshot\nLimitNOFILE=8\nExecStart=/bin/sh -c 'test -S /proc/$$$$/fd/3 && echo handed over under `ulimit -n`'\n";
    let boot = boot_with(&[("few.socket", socket), ("few.service", service)], "ctl start few.service; ctl logs few.service; ctl poweroff");
    boot.ended(POWERED_OFF).shows("handed over under 8");
}

#[test]
#[ignore = "needs root"]
fn each_connection_gets_an_instance_of_its_own_which_knows_who_is_there() {
    let socket = "[Socket]\nListenStream=127.0.0.1:47000\nAccept=yes\n";
    let service = "[Service]\nExecStart=/bin/sh -c 'read line <&3; echo \"$line from $REMOTE_ADDR as %i $LISTEN_FDNAMES\" >&3'\n";
    let ask = r#"perl -MSocket -e 'socket(my $s, AF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in(47000, inet_aton("127.0.0.1"))) or die "$!"; syswrite $s, "hi\n"; print <$s>'"#;
    let work = format!("ip link set lo up; {ask}; {ask}; ctl poweroff");
    let boot = boot_with(&[("hi.socket", socket), ("hi@.service", service)], &work);
    boot.ended(POWERED_OFF)
        .shows("work: hi from 127.0.0.1 as 0-127.0.0.1:47000-127.0.0.1:")
        .shows("as 1-127.0.0.1:47000-")
        .shows(" connection");
}

#[test]
#[ignore = "needs root"]
fn of_an_instance_that_is_over_nothing_is_left() {
    let socket = "[Socket]\nListenStream=/run/short\nAccept=yes\n";
    let service = "[Service]\nDynamicUser=yes\nUser=short-user\nRuntimeDirectory=short-lived\nStandardOutput=socket\nExecStart=/bin/ls -d /run/short-lived /run/userdb/short-user.user\n";
    let work = format!(
        "{ASK}\nask /run/short hi\nuntil ctl list | grep -q short@ && exit 1 || test ! -e /run/short-lived; do :; done\nls /run/userdb | wc -l | sed 's/^/users: /'; ctl poweroff"
    );
    let boot = boot_with(&[("short.socket", socket), ("short@.service", service)], &work);
    boot.ended(POWERED_OFF).shows("work: /run/short-lived").shows("work: /run/userdb/short-user.user").shows("work: users: 0");
}

#[test]
#[ignore = "needs root"]
fn an_instance_that_nobody_has_named_before_is_made_when_it_is() {
    let template =
        "[service]\ncommand = \"/bin/sh -c 'echo I am %i; exec sleep 1000'\"\nsyslog-identifier = \"shop\"\n[log]\nconsole = \"all\"\n";
    let work = "ctl start made@late && ctl status made@late && ctl reexec && ctl is-active made@late; ctl poweroff";
    let boot = boot(&[("made@.toml", template), ("work.toml", &script("", work))]);
    boot.ended(POWERED_OFF).shows("made@late: shop: I am late").shows("work: active").does_not_show("no such unit");
}

#[test]
#[ignore = "needs root"]
fn a_service_s_own_file_has_its_socket_and_its_timer() {
    // Lazy, it is started by who comes, though its file says that it is wanted.
    let file = perl::service(
        "",
        "open(my $l, '+<&=', 3) or die; accept(my $c, $l) or die; print $c \"served by $ENV{LISTEN_FDNAMES}\\n\"; close $c; sleep 1000;",
    ) + "[[socket]]\nlisten = \"/run/o/web\"\nname = \"web\"\nlazy = true\n\
         [[timer]]\non-active-sec = \"10ms\"\naccuracy-sec = \"1us\"\ncommand = [\"/bin/sh\", \"-c\", \"touch /run/cleaned\"]\n";
    let work = format!(
        "{ASK}\nctl status own | grep active:; ctl start own.socket own.timer; ask /run/o/web hi; while [ ! -e /run/cleaned ]; do :; done; ctl status own | grep active:; ctl poweroff"
    );
    let boot = boot(&[("own.toml", &file), ("work.toml", &script("", &work))]);
    boot.ended(POWERED_OFF).shows("inactive (dead)").shows("work: served by web").shows("active (running)");
}

#[test]
#[ignore = "needs root"]
fn a_fifo_and_a_second_socket_unit_start_one_service() {
    let fifo = "[Socket]\nListenFIFO=/run/b/fifo\nFileDescriptorName=fifo\nService=reads.service\n";
    let other = "[Socket]\nListenSequentialPacket=@fief-test\nFileDescriptorName=packets\nService=reads.service\n";
    let reads = perl::service(
        "",
        "open(my $f, '+<&=', 3) or die; my $line = <$f>; chomp $line; say \"read: $line $ENV{LISTEN_FDNAMES}\"; sleep 1000;",
    )
    .replace("[install]\nwanted-by = [\"multi-user.target\"]\n", "");
    let work = "echo through > /run/b/fifo; while ! ctl logs reads | grep -q read:; do :; done; ctl poweroff";
    let boot = boot_with(&[("a.socket", fifo), ("b.socket", other), ("reads.toml", &reads)], work);
    boot.ended(POWERED_OFF).shows("read: through fifo:packets");
}

#[test]
#[ignore = "needs root"]
fn what_cannot_be_listened_on_fails_with_the_reason() {
    let socket = "[Socket]\nListenStream=/proc/no/socket\n";
    let boot = boot_with(
        &[("bad.socket", socket), ("bad.service", "[Service]\nExecStart=/bin/true\n")],
        "while ! ctl logs bad.socket | grep -q failed; do :; done; ctl poweroff",
    );
    boot.ended(POWERED_OFF).shows("bad.socket: listening on /proc/no/socket failed: No such file or directory");
}

#[test]
#[ignore = "needs root"]
fn timers_elapse_by_the_calendar_and_since_they_were_started() {
    let calendar = "[Timer]\nOnCalendar=*:*:*\nAccuracySec=1us\n";
    let monotonic = "[Timer]\nOnActiveSec=10ms\nAccuracySec=1us\n";
    let service = |name: &str| format!("[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo {name} >> /run/elapsed'\n");
    let work = "while [ $(grep -c calendar /run/elapsed) -lt 2 ]; do :; done; while ! grep -q monotonic /run/elapsed; do :; done; sort -u /run/elapsed; ctl poweroff";
    let boot = boot_with(
        &[("c.timer", calendar), ("c.service", &service("calendar")), ("m.timer", monotonic), ("m.service", &service("monotonic"))],
        &format!("touch /run/elapsed; {work}"),
    );
    boot.ended(POWERED_OFF).shows("work: calendar").shows("work: monotonic");
}

#[test]
#[ignore = "needs root"]
fn a_point_missed_while_the_container_was_down_is_made_up_for_once() {
    // The stamp is of last month, in a place of this guest's own.
    let timer = "[Timer]\nOnCalendar=daily\nPersistent=yes\nAccuracySec=1us\n";
    let service = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo made up for'\nStandardOutput=journal\n";
    let work = "mkdir -p /var/lib/systemd; mount -t tmpfs tmpfs /var/lib/systemd; mkdir /var/lib/systemd/timers; \
                touch -d '1 month ago' /var/lib/systemd/timers/stamp-daily.timer; ctl start daily.timer; \
                while ! ctl logs daily.service | grep -q 'made up for'; do :; done; \
                find /var/lib/systemd/timers -newermt '1 day ago' -name 'stamp-*'; ctl status daily.timer | grep active:; ctl poweroff";
    let boot = boot(&[("daily.timer", timer), ("daily.service", service), ("work.toml", &script("", work))]);
    boot.ended(POWERED_OFF).shows("work: /var/lib/systemd/timers/stamp-daily.timer").shows("active (waiting)");
}

#[test]
#[ignore = "needs root"]
fn paths_start_what_waits_for_them() {
    let unit = |path: &str| format!("[Path]\n{path}\n");
    let service =
        |name: &str| format!("[Service]\nType=oneshot\nExecStart=/bin/sh -c 'rm -rf /run/p/{name}; echo {name} >> /run/triggered'\n");
    let kinds = [
        ("exists", "PathExists=/run/p/exists", "touch /run/p/exists"),
        ("glob", "PathExistsGlob=/run/p/glob/*.x", "mkdir /run/p/glob; touch /run/p/glob/a.x"),
        ("changed", "PathChanged=/run/p/changed", "echo > /run/p/changed"),
        ("modified", "PathModified=/run/p/modified", "echo > /run/p/modified"),
        ("filled", "DirectoryNotEmpty=/run/p/filled\nMakeDirectory=yes", "touch /run/p/filled/x"),
    ];
    let files: Vec<(String, String)> = kinds
        .iter()
        .flat_map(|(name, path, _)| [(format!("{name}.path"), unit(path)), (format!("{name}.service"), service(name))])
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let acts: Vec<String> =
        kinds.iter().map(|(name, _, act)| format!("{act}; while ! grep -q {name} /run/triggered; do :; done;")).collect();
    let waiting = "for i in exists glob changed modified filled; do while ! ctl status $i.path | grep -q '(waiting)'; do :; done; done; touch /run/triggered; mkdir -p /run/p;";
    let boot = boot_with(&files, &format!("{waiting} {} sort -u /run/triggered; ctl poweroff", acts.join(" ")));
    boot.ended(POWERED_OFF);
    for (name, _, _) in kinds {
        boot.shows(&format!("work: {name}"));
    }
}

#[test]
#[ignore = "needs root"]
fn mounts_are_made_once_and_unmade() {
    let tmpfs = "[Mount]\nWhat=tmpfs\nWhere=/run/m/t\nType=tmpfs\nOptions=size=1M,mode=0711\n";
    let bind = "[Unit]\nAfter=run-m-t.mount\n[Mount]\nWhat=/proc/version\nWhere=/run/m/version\nOptions=bind\n";
    let count = "grep -c ' /run/m/t ' /proc/self/mountinfo";
    let work = format!(
        "stat -c %a /run/m/t; cat /run/m/version; ctl restart run-m-t.mount; {count}; \
         ctl stop run-m-t.mount; {count}; mount -t tmpfs tmpfs /run/m/t; ctl start run-m-t.mount; {count}; ctl status run-m-t.mount | grep active:; ctl poweroff"
    );
    let boot = boot_with(&[("run-m-t.mount", tmpfs), ("run-m-version.mount", bind)], &work);
    boot.ended(POWERED_OFF).shows("work: 711").shows("work: Linux version");
    let counts: Vec<&str> = boot.console.lines().filter_map(|line| line.split("] work: ").nth(1)).filter(|rest| rest.len() == 1).collect();
    assert_eq!(counts, ["1", "0", "1"], "{}", boot.console);
}
