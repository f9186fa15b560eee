//! Every verb of fiefctl against a real PID 1, and clients that mean harm; each booted for real, see
//! `support/guest.rs`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;
#[path = "support/want.rs"]
mod want;

use guest::{REBOOTED, boot, script, service};
use want::{WANT, check};

const STAYS: &str = "description = \"a thing that stays\"\ndocumentation = [\"man:stays(8)\"]\n[service]\ncommand = [\"/bin/sh\", \"-c\", \"echo '<3>grave'; echo said; trap : USR1; while :; do sleep 1000 & wait $!; done\"]\nexec-reload = [\"/bin/true\"]\n";

#[test]
#[ignore = "needs root"]
fn jobs_are_done_waited_for_or_not_and_have_their_exit_codes() {
    let fails = "[service]\ntype = \"oneshot\"\ncommand = [\"/bin/false\"]\n";
    let never = "[service]\ntype = \"notify\"\ncommand = [\"/bin/sleep\", \"1000\"]\n[stop]\ntimeout = \"100ms\"\n";
    check(
        &[("stays.toml", STAYS), ("stays-too.toml", STAYS), ("fails.toml", fails), ("never.toml", never)],
        r#"
want 4 ctl start nothing; says "nothing: no such unit"
want 3 ctl is-active stays; says inactive
want 4 ctl is-active nothing
want 3 ctl status stays
want 4 ctl status nothing
want 0 ctl try-restart stays; want 3 ctl is-active -q stays
want 0 ctl start 'stays*'; want 0 ctl is-active stays stays-too.service; says active
want 4 ctl start 'x*'; says "x\*: no such unit"
want 0 ctl reload stays
want 1 ctl reload never; says "it is not up"
want 0 ctl reload-or-restart stays; want 0 ctl try-reload-or-restart stays
want 0 ctl restart stays
want 1 ctl start fails; says "fails: failed: exit code 1"; says "fiefctl status fails"
want 0 ctl is-failed fails; want 0 ctl is-failed; want 1 ctl is-failed stays
want 0 ctl list --failed; says fails; lacks stays
want 1 ctl is-system-running
want 0 ctl reset-failed fails; want 1 ctl is-failed fails
want 0 ctl start --no-wait never; want 3 ctl is-active never; says activating
want 4 ctl start --no-wait nothing
want 0 ctl list never; says activating
want 1 timeout 10 "$(readlink /proc/1/exe)" ctl isolate stays; says "does not allow"
want 0 ctl stop stays stays-too never; want 3 ctl is-active stays
want 2 ctl strat x; says "did you mean start?"
want 2 ctl start; want 2 ctl list --al; says "did you mean --all?"
want 2 ctl start 'a b'
"#,
    );
}

#[test]
#[ignore = "needs root"]
fn what_units_are_and_do_is_shown() {
    let socket = "[socket]\nlisten-stream = [\"/run/x.sock\"]\n";
    let boot = check(
        &[
            ("stays.toml", STAYS),
            ("stays.toml.d/10-more.toml", "[environment]\nset = { A = \"b\" }\n"),
            ("top.target.toml", "wants = [\"stays\"]\nafter = [\"stays\"]\n"),
            ("x.socket.toml", socket),
            ("x.toml", &service("exec sleep 1000")),
        ],
        r#"
want 0 ctl start top.target stays; settled
want 0 ctl status stays; says "a thing that stays"; says "man:stays(8)"; says "drop-in: .*10-more"; says "─ [0-9]* sleep 1000"; says grave
want 0 ctl status; says "state: "; says "aims at: "
want 0 ctl --json status stays; says '"processes":\[{'; says '"active":"active"'; says '"memory-current":'
want 0 ctl show stays; says ActiveState=active; says SubState=running; says "MainPID=[1-9]"; says "FragmentPath=.*stays.toml"; says "ExecReload=.*/bin/true"; says "CanReload=yes"
want 0 ctl show stays -p ActiveState,MainPID --value; lacks =; says '^active$'
want 0 ctl show; says SystemState=
want 0 ctl cat stays; says "^# .*/stays.toml$"; says "^# .*10-more.toml$"; says "A = "
want 4 ctl cat nothing
want 0 ctl deps top.target; says "└─stays"
want 0 ctl deps -r stays; says "─top.target"
want 0 ctl deps --after top.target; says "─stays"
want 4 ctl deps nothing
want 0 ctl logs stays; says said; says grave
want 0 ctl logs -u stays -p err; says grave; lacks said
want 0 ctl logs stays -n 1 --until now; want 0 ctl logs stays --until '1h ago'; lacks said
want 2 ctl logs --since soon
want 4 ctl logs nothing
"$(readlink /proc/1/exe)" ctl logs -f stays >/run/out & while ! grep -q said /run/out; do sleep 0.05; done; kill $!
want 0 ctl logs stays --json; says '"priority":3'
want 0 ctl account; says stays
want 0 ctl top -d 100ms -n 2; says "CPU %"; says stays
want 0 ctl list-sockets --all; says "/run/x.sock .*x.socket .*x"
want 0 ctl list-timers; want 0 ctl list-paths; says CONDITION
want 0 ctl blame; want 0 ctl critical-chain top.target; says "└─stays @"
want 0 ctl plot; says "</svg>"
want 0 ctl list --kind target; says top.target; lacks stays
want 2 ctl list --kind tagret; says "did you mean target?"
want 0 ctl list --state running --no-legend; says stays; lacks UNIT
want 0 ctl list /x/stays.toml stays.service; says stays
for what in list status show deps blame account list-sockets zombies; do want 0 ctl $what --json; done
for shell in bash zsh fish; do want 0 ctl completion $shell; says isolate; done
want 0 ctl help logs; says "--follow"; want 0 ctl --help; says critical-chain; want 0 ctl --version
perl -e 'if (!fork) { exit } open my $f, ">", "/run/zombie"; sleep 30' &
while [ ! -e /run/zombie ]; do sleep 0.05; done
want 0 ctl zombies; says "perl.*test.*perl -e"; kill $!
"#,
    );
    boot.shows("started stays");
}

#[test]
#[ignore = "needs root"]
fn processes_are_signalled_stopped_and_limited() {
    check(
        &[("stays.toml", STAYS)],
        r#"
mkdir -p /run/fief/units/stays.toml.d; ln -s /run/fief/units/stays.toml.d $(units)/stays.toml.d
want 0 ctl start stays
want 0 ctl set --runtime stays memory-max=64M TasksMax=77; want 0 ctl account stays; says "64.0 MiB"; says "/77"
want 0 ctl set --runtime stays memory-max=32M; want 0 ctl account stays; says "32.0 MiB"; says "/77"
want 0 ctl restart stays; want 0 ctl account stays; says "32.0 MiB"
want 1 ctl set --runtime stays memory-maxx=64M; says "did you mean"
want 2 ctl set stays; want 4 ctl set nothing tasks-max=1
want 0 ctl cat stays
want 0 ctl freeze stays; want 0 ctl list stays; says frozen; want 0 ctl status stays; says frozen
grep -q 'frozen 1' /sys/fs/cgroup/system.slice/stays.service/cgroup.events /sys/fs/cgroup/*/system.slice/stays.service/cgroup.events 2>/dev/null || echo "WRONG: it is not frozen"
want 0 ctl thaw stays; want 0 ctl list stays; lacks frozen
want 0 ctl freeze stays; want 0 ctl stop stays; want 1 ctl freeze stays; says "no processes"
want 0 ctl start stays; settled; want 0 ctl kill --whom main -s USR1 stays; want 0 ctl is-active stays
want 1 ctl kill --whom control stays
want 2 ctl kill -s NOSUCH stays; want 2 ctl kill --whom nobody stays
want 0 ctl kill -s KILL stays; want 0 ctl stop stays
want 1 ctl kill stays; says "no processes"
"#,
    );
}

#[test]
#[ignore = "needs root"]
fn a_target_can_be_isolated_and_the_system_rebooted() {
    let alone = "allow-isolate = true\nwants = [\"kept\"]\n";
    let test = script(
        "",
        &format!(
            "{WANT}\nwant 0 ctl start stays\nwant 0 ctl isolate alone.target\nwant 3 ctl is-active stays\nwant 0 ctl is-active kept\n\
             ctl start reboot.target"
        ),
    );
    // Who isolates must not go down with the rest before it has looked.
    let test = format!("ignore-on-isolate = true\n{test}");
    let end = "description = \"the end\"\n";
    let files = [
        ("alone.target.toml", alone),
        ("kept.toml", &service("exec sleep 1000")),
        ("reboot.target.toml", end),
        ("stays.toml", STAYS),
        ("test.toml", &test),
    ];
    boot(&files).does_not_show("WRONG").ended(REBOOTED);
}

#[test]
#[ignore = "needs root"]
fn unit_files_are_converted_and_read_again() {
    check(
        &[("stays.toml", STAYS)],
        r#"
want 0 ctl convert $(units)/stays.toml; says "^ExecReload=/bin/true"; cp /run/out /run/stays.service
want 0 ctl convert /run/stays.service; says '^\[service\]'
want 1 ctl convert /no/such; says "No such file"
printf '[service]\ncommand = ["/bin/sleep", "1000"]\n' >$(units)/new.toml
want 4 ctl start new; want 0 ctl reload-units; says "^added: new$"; want 0 ctl reload-units; lacks new; want 0 ctl start new; want 0 ctl daemon-reload; want 0 ctl is-active new
printf '[service]\ncomand = "x"\n' >$(units)/bad.toml
want 0 ctl reload-units; says "^added: bad$"; says "did you mean .command"; want 0 ctl list --failed; says bad
want 1 ctl verify $(units)/bad.toml; says "bad.toml:2:1: error"; says "1 error, 0 warnings"; want 0 ctl verify $(units)/new.toml
want 1 ctl verify $(units); want 1 ctl verify /no/such; want 4 ctl verify nothing-here
mkdir -p /run/root/etc/fief/units; cp $(units)/bad.toml /run/root/etc/fief/units; want 1 ctl verify --root /run/root --json; says '"line":2'
rm $(units)/bad.toml $(units)/new.toml; want 0 ctl reload-units; says "^removed: bad new$"; want 0 ctl is-active new
mkdir -p /run/fief/units/stays.toml.d; ln -s /run/fief/units/stays.toml.d $(units)/stays.toml.d
EDITOR="sh -c 'printf \"[environment]\\nset = { A = \\\"edited\\\" }\\n\" >\$1' --"; export EDITOR
want 0 ctl edit --runtime stays; says "^changed: stays$"; want 0 ctl cat stays; says edited
EDITOR=true want 0 ctl edit --runtime stays; says "nothing was changed"
EDITOR="sh -c 'echo nonsense >\$1' --" want 1 ctl edit --runtime stays; says "stays as it was"; want 0 ctl cat stays; lacks nonsense
EDITOR=false want 1 ctl edit --runtime stays; says "failed"
"#,
    );
}

#[test]
#[ignore = "needs root"]
fn units_are_enabled_masked_and_preset_beneath_a_root_and_here() {
    check(
        &[("stays.toml", STAYS)],
        r#"
root=/run/root; lib=$root/usr/lib/systemd; mkdir -p $lib/system $lib/system-preset
printf '[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\nAlias=www.service\n' >$lib/system/web.service
printf '[Service]\nExecStart=/bin/sleep %%i\n[Install]\nWantedBy=multi-user.target\nDefaultInstance=7\n' >$lib/system/nap@.service
printf '[Service]\nExecStart=/bin/sleep 1\n' >$lib/system/plain.service
echo 'disable web.service' >$lib/system-preset/10-x.preset
at() { code=$1; verb=$2; shift 2; want $code ctl $verb --root $root "$@"; }
at 1 is-enabled web; says '^disabled$'; at 0 is-enabled plain; says static; at 4 is-enabled gone; says not-found
at 0 enable web nap@; says "made /etc/systemd/system/multi-user.target.wants/web.service → /usr/lib/systemd/system/web.service"
[ -L $root/etc/systemd/system/www.service ] && [ -L $root/etc/systemd/system/multi-user.target.wants/nap@7.service ] || echo "WRONG: no links"
at 0 is-enabled web; says '^enabled$'; at 0 is-enabled www; says alias; at 0 is-enabled nap@7; at 0 enable web; lacks made
at 0 preset web; says removed; at 1 is-enabled web; at 0 preset-all; at 0 enable --runtime web; at 0 is-enabled web; says enabled-runtime
at 0 disable --runtime web; at 0 mask web; at 1 is-enabled web; says masked; at 1 enable web; says "is masked"; at 0 unmask web; at 1 is-enabled web; says disabled
at 4 enable gone; says "there is no gone"; at 0 list-unit-files; says "web.service *disabled"; at 0 list-unit-files --json 'we*'; lacks plain
at 0 enable web --json; says '"made":"/etc/systemd'; at 0 reenable web; at 0 disable web; at 0 link /opt/odd.service; says made
mkdir -p /run/systemd/system; printf '[Service]\nExecStart=/bin/sleep 1000\n' >/run/systemd/system/here.service
want 0 ctl is-enabled here; says static; want 0 ctl mask --runtime nothing-else; says "made /run/systemd/system/nothing-else.service → /dev/null"; want 0 ctl unmask --runtime nothing-else
"#,
    );
}

#[test]
#[ignore = "needs root"]
fn only_root_may_do_things_and_everybody_may_look() {
    check(
        &[("stays.toml", STAYS)],
        r#"
user() { setpriv --reuid 65534 --clear-groups "$(readlink /proc/1/exe)" ctl "$@"; }
for what in list status "status stays" "show stays" blame account is-system-running; do
    user $what >/run/out 2>&1; [ $? -le 3 ] && ! grep -q "only root" /run/out || { echo "WRONG: $what"; cat /run/out; }
done
for what in "start stays" "kill stays" "freeze stays" "isolate multi-user.target" daemon-reload reexec poweroff logs "reset-failed"; do
    want 5 user $what; says "only root may ask this"
done
"#,
    );
}

#[test]
#[ignore = "needs root"]
fn a_client_that_means_harm_costs_only_itself() {
    let test = r#"
cat >/run/harm.pl <<'PERL'
use Socket; use Fcntl; $SIG{PIPE} = 'IGNORE'; $| = 1;
sub to { socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; connect($s, pack_sockaddr_un('/run/fief/control')) or return; $s }
# Noise, a line without end, half a frame, a frame of a megabyte, deep nesting, NULs: each is refused or let go.
for my $bad ("\x00\xff\xfe garbage\n", "x" x 200000, '{"request":"li', '{"request":"list","units":["' . 'a' x 1000000 . '"]}' . "\n",
             '[' x 30000 . "\n", "\0" x 50000 . "\n", '{"request":"list","units":[' . join(',', ('"nobody"') x 5000) . "]}\n", "\n" x 60000) {
    my $s = to() or next; syswrite $s, $bad; shutdown($s, 1);
    my $got = 0; while (sysread $s, my $some, 65536) { $got += length $some }
    print "answered $got\n" if $got > 1000000;
}
my @held;
# A thousand who say nothing, and slow readers of everything there is.
for (1 .. 1000) { my $s = to() or last; fcntl($s, F_SETFL, O_NONBLOCK); syswrite $s, ($_ % 2 ? '{"request":"logs","follow":true}' . "\n" : ('{"request":"list","with":["properties"]}' . "\n") x 100); push @held, $s }
print "held\n"; sleep 60;
PERL
rss() { awk '/^VmRSS/ { print $2 }' /proc/1/status; }
before=$(rss)
setpriv --reuid 65534 --regid 65534 --clear-groups perl /run/harm.pl >/run/harm.out 2>&1 & users=$!
perl /run/harm.pl >/run/harm2.out 2>&1 & root=$!
for out in harm harm2; do while ! grep -qs held /run/$out.out; do sleep 0.05; done; done
kill -9 $root; wait $root
want 0 ctl is-active test2
kb=$(($(rss) - before)); [ $kb -lt 16000 ] || echo "WRONG: it has grown by $kb KB"
cat /run/harm.out /run/harm2.out
kill -9 $users
while [ $(ls /proc/1/fd | wc -l) -gt 40 ]; do sleep 0.05; done"#;
    let boot = check(&[("test2.toml", &service("exec sleep 1000"))], test);
    boot.does_not_show("answered");
}
