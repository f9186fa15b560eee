//! What a guest does to PID 1, by accident and on purpose; each booted for real, see `support/guest.rs`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;

use guest::{POWERED_OFF, boot, script, service};

#[test]
#[ignore = "needs root"]
fn restarts_leave_no_descriptor_no_group_and_no_memory() {
    let count = r#"
descriptors() { set -- /proc/1/fd/*; echo $#; }
groups() { find /sys/fs/cgroup/ -type d | wc -l; }
rss() { awk '/^VmRSS/ { print $2 }' /proc/1/status; }
again() { i=0; while [ $i -lt "$1" ]; do ctl restart some; i=$((i + 1)); done; }
again 100; before=$(descriptors) g=$(groups) kb=$(rss)
again 400
echo "$before descriptors, then $(descriptors); $g groups, then $(groups)"
# The connection of the client before may still be open, or not yet: one or two more are no leak, four hundred would be.
[ $(($(descriptors) - before)) -le 4 ] && [ "$g" = "$(groups)" ] && echo "nothing is left"
echo "$kb KB, then $(rss) KB"
[ $(($(rss) - kb)) -lt 400 ] && echo "memory is steady"
ctl poweroff"#;
    let some =
        "[service]\ncommand = [\"/bin/sh\", \"-c\", \"echo one; echo two >&2; exec sleep 1000\"]\n[directories]\nruntime = [\"some\"]\n";
    boot(&[("some.toml", some), ("test.toml", &script("", count))]).shows("nothing is left").shows("memory is steady").ended(POWERED_OFF);
}

#[test]
#[ignore = "needs root"]
fn account_files_that_are_none_fail_a_start_and_nothing_else() {
    let test = r#"
mkfifo /run/fifo; truncate -s 10G /run/giant
for what in fifo giant; do
    mount --bind /run/$what /etc/passwd
    timeout 5 "$(readlink /proc/1/exe)" ctl start other && echo "$what started it"
    umount /etc/passwd
done
ctl start other && echo "it starts now"
ctl poweroff"#;
    let other = "[service]\ncommand = [\"/bin/sleep\", \"1000\"]\n[run-as]\nuser = \"nobody\"\n[restart]\npolicy = \"no\"\n";
    boot(&[("other.toml", other), ("test.toml", &script("", test))])
        .shows("changing identity failed: reading the account files: not a regular file")
        .shows("changing identity failed: reading the account files: file too large")
        .does_not_show("started it")
        .shows("it starts now")
        .ended(POWERED_OFF);
}

#[test]
#[ignore = "needs root"]
fn a_flood_of_users_on_the_control_socket_keeps_nobody_out() {
    let test = r#"
cat >/run/flood.pl <<'E'
use Socket; use POSIX; use Fcntl; setgid(65534); setuid(65534); $SIG{PIPE} = 'IGNORE';
my @all;
for (1 .. 1000) {
    socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
    fcntl($s, F_SETFL, O_NONBLOCK);
    connect($s, pack_sockaddr_un('/run/fief/control')) or next;
    push @all, $s;
}
my ($never, $many) = ('x' x 60000, "{\"request\":\"list\"}\n" x 5000);
my $n = 0;
for my $s (@all) { syswrite $s, $n++ % 2 ? $never : $many; shutdown($s, 1) if $n % 3 == 0; }
$| = 1; print "flooding\n"; sleep 30;
E
perl /run/flood.pl & flood=$!
sleep 1
ctl list | grep -c test && ctl status test | grep -q activ && echo "root is heard"
kill -9 $flood; wait $flood
sleep 1
[ $(ls /proc/1/fd | wc -l) -lt 40 ] && echo "all have gone"
ctl poweroff"#;
    boot(&[("test.toml", &script("", test))]).shows("flooding").shows("root is heard").shows("all have gone").ended(POWERED_OFF);
}

#[test]
#[ignore = "needs root"]
fn nobody_wakes_it_when_nothing_happens() {
    let test = r#"
switches() { awk '/ctxt_switches/ { n += $2 } END { print n }' /proc/1/status; }
sleep 0.5; before=$(switches); sleep 3; after=$(switches)
echo "woken $((after - before)) times"
ctl poweroff"#;
    boot(&[("some.toml", &service("exec sleep 1000")), ("test.toml", &script("\"some\"", test))]).shows("woken 0 times").ended(POWERED_OFF);
}

#[test]
#[ignore = "needs root"]
fn unit_files_are_read_again_on_request_and_on_hang_up() {
    let test = r#"
set -- $(tr '\0' ' ' </proc/1/cmdline); dir=$4
echo '[service]
command = ["/bin/sleep", "1000"]' >$dir/new.toml
ctl start new || echo "not known yet"
ctl daemon-reload && ctl start new && echo "known now"
rm $dir/new.toml; kill -HUP 1; sleep 0.5
ctl status new | grep -q running && echo "it stays up"
ctl stop new && kill -HUP 1; sleep 0.5
ctl start new || echo "gone now"
ctl poweroff"#;
    boot(&[("test.toml", &script("", test))])
        .shows("not known yet")
        .shows("known now")
        .shows("it stays up")
        .shows("gone now")
        .ended(POWERED_OFF);
}

#[test]
#[ignore = "needs root"]
fn a_power_off_in_the_middle_of_a_boot_is_one() {
    let slow = "[service]\ntype = \"oneshot\"\ncommand = [\"/bin/sh\", \"-c\", \"trap '' TERM; sleep 1000\"]\n\
                [stop]\ntimeout = \"1s\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let never = "after = [\"slow\"]\nrequires = [\"slow\"]\n[service]\ncommand = \"/bin/echo never\"\n\
                 [log]\nconsole = \"all\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    boot(&[("slow.toml", slow), ("never.toml", never), ("test.toml", &script("", "sleep 0.3; ctl poweroff"))])
        .shows("killing slow")
        .does_not_show("never: ")
        .ended(POWERED_OFF);
}

#[test]
#[ignore = "needs root"]
fn a_runtime_directory_ten_thousand_deep_goes_and_comes_again() {
    let deep = "[service]\ntype = \"oneshot\"\nremain-after-exit = true\n\
                command = [\"/usr/bin/perl\", \"-e\", '''chdir \"/run/deep\"; for (1 .. 10000) { mkdir \"d\"; chdir \"d\" } print \"dug\\n\"''']\n\
                [directories]\nruntime = [\"deep\"]\n[log]\nconsole = \"all\"\n";
    let test = r#"
ctl start deep && ctl restart deep && ctl stop deep
while [ -e /run/deep ] || [ -n "$(ls /run/fief/gone)" ]; do sleep 0.1; done; echo "nothing is left"
ctl poweroff"#;
    boot(&[("deep.toml", deep), ("test.toml", &script("", test))]).shows("deep: dug").shows("nothing is left").ended(POWERED_OFF);
}

#[test]
#[ignore = "needs root"]
fn the_last_command_knows_how_it_went_and_all_know_one_life() {
    let web = "[service]\ncommand = [\"/bin/sh\", \"-c\", \"echo life $INVOCATION_ID; kill -SEGV $$\"]\n\
               exec-stop-post = [[\"/bin/sh\", \"-c\", \"echo $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS; echo life $INVOCATION_ID\"]]\n\
               [restart]\npolicy = \"no\"\n[log]\nconsole = \"all\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    let boot = boot(&[("web.toml", web), ("test.toml", &script("\"web\"", "sleep 0.5; ctl poweroff"))]);
    boot.shows("web: signal killed SEGV").ended(POWERED_OFF);
    let lives: Vec<&str> = boot.console.lines().filter_map(|line| line.split_once("web: life ")).map(|(_, life)| life).collect();
    assert!(matches!(lives.as_slice(), [a, b] if a == b && a.len() == 32), "{lives:?}");
}

#[test]
#[ignore = "needs root"]
fn a_main_process_that_is_somebody_else_s_child_is_missed_when_it_ends() {
    let web = "[service]\ntype = \"notify\"\nnotify-access = \"all\"\ncommand = [\"/usr/bin/perl\", \"-MSocket\", \"-e\", '''\
               my $p = fork; if (!$p) { sleep 1; exit } socket(my $s, AF_UNIX, SOCK_DGRAM, 0); \
               send($s, \"MAINPID=$p\\nREADY=1\", 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})); sleep 1000''']\n\
               [restart]\npolicy = \"no\"\n[install]\nwanted-by = [\"multi-user.target\"]\n";
    boot(&[("web.toml", web), ("test.toml", &script("\"web\"", "sleep 2; ctl status web | grep active:; ctl poweroff"))])
        .shows("active: inactive")
        .ended(POWERED_OFF);
}
