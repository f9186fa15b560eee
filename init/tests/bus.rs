//! systemd's own `systemctl`, as Debian has it, against a real PID 1; see `support/guest.rs`.
//!
//! What is asked is what `tests/systemctl.rs` asks of ours: the same words and exit codes, by another program that speaks D-Bus.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;
#[path = "support/want.rs"]
mod want;

use guest::{INIT, POWERED_OFF};
use want::check_until;

const STAYS: &str = "description = \"a thing that stays\"\n[service]\ncommand = [\"/bin/sh\", \"-c\", \"trap : USR1; while :; do sleep 1000 & wait $!; done\"]\nexec-reload = [\"/bin/true\"]\n";
const PLAIN: &str = "[service]\ncommand = [\"/bin/sleep\", \"1000\"]\n";
const FAILS: &str = "[service]\ntype = \"oneshot\"\ncommand = [\"/bin/sh\", \"-c\", \"exit 3\"]\n[restart]\npolicy = \"no\"\n";

/// The units of the bus as they come with init.
fn bus() -> [(&'static str, String); 2] {
    let wanted = |text: &str| text.replace("sysinit.target", "multi-user.target").replace("fief-init", INIT);
    let socket = wanted(include_str!("../../units/stock/fief-bus.socket.toml")).replace("before = [\"multi-user.target\"]\n", "");
    [("fief-bus.socket.toml", socket), ("fief-bus.toml", wanted(include_str!("../../units/stock/fief-bus.toml")))]
}

/// Runs a script beside these units, where `systemctl` is the packaged one.
#[track_caller]
fn check(others: &[(&str, &str)], text: &str, end: i32) {
    let bus = bus();
    let files: Vec<(&str, &str)> = bus.iter().map(|(name, text)| (*name, text.as_str())).chain(others.iter().copied()).collect();
    let begin = "export SYSTEMD_PAGER= SYSTEMD_COLORS=0 PATH=/usr/bin:/bin\nsystemctl() { command systemctl \"$@\"; }\n\
                 readlink /proc/1/exe | grep -q fief-init || echo WRONG: PID 1\nstrings=$(head -c 4 /usr/bin/systemctl | tail -c 3); [ \"$strings\" = ELF ] || echo WRONG: no systemctl\n\
                 until [ -S /run/systemd/private ]; do :; done";
    let boot = check_until(&files, &format!("{begin}\n{text}\necho all done\nctl poweroff"), end);
    if end == POWERED_OFF {
        boot.shows("all done");
    }
}

#[test]
#[ignore = "needs root"]
fn the_packaged_systemctl_starts_and_stops() {
    let manual = format!("refuse-manual-start = true\n{PLAIN}");
    check(
        &[
            ("stays.toml", STAYS),
            ("fails.toml", FAILS),
            ("plain.toml", PLAIN),
            ("needs.toml", &format!("requires = [\"fails\"]\nafter = [\"fails\"]\n{PLAIN}")),
            ("manual.toml", &manual),
            ("top.target.toml", "wants = [\"plain\"]\n"),
        ],
        r#"
want 0 systemctl --version; says '^systemd 252 (252'
want 5 systemctl start nothing; says "Failed to start nothing.service: Unit nothing.service not found."
want 5 systemctl stop nothing; says "Failed to stop nothing.service: Unit nothing.service not loaded."
want 3 systemctl is-active stays; says '^inactive$'
want 3 systemctl is-active nothing; says '^inactive$'
want 1 systemctl is-failed nothing stays; says '^inactive$'
want 0 systemctl try-restart stays.service; want 3 systemctl -q is-active stays
want 0 systemctl --quiet --system start stays.service plain.service; lacks .
want 0 systemctl is-active stays nothing; says '^active$'
want 0 systemctl reload stays; want 0 systemctl force-reload stays plain; want 0 systemctl reload-or-restart stays
want 3 systemctl reload plain; says "Job type reload is not applicable for unit plain.service."
want 0 systemctl kill --signal=USR1 stays.service; want 0 systemctl --signal=KILL --kill-who=main kill plain
want 1 systemctl kill -s HUP nothing; says "Failed to kill unit nothing.service: Unit nothing.service not loaded."
want 1 systemctl start fails; says "Job for fails.service failed because the control process exited with error code."
says 'See "systemctl status fails.service" and "journalctl -xeu fails.service" for details.'
want 1 systemctl start needs; says "A dependency job for needs.service failed. See 'journalctl -xe' for details."
want 4 systemctl start manual; says 'Operation refused, unit manual.service may be requested by dependency only'
want 1 systemctl start many@; says 'Failed to start many@.service: Unit name many@.service is missing the instance name.'
want 0 systemctl is-failed fails; says '^failed$'
want 1 systemctl is-system-running; says '^starting$'
want 0 systemctl reset-failed fails.service; want 1 systemctl is-failed fails; want 0 systemctl reset-failed
want 1 systemctl reset-failed nothing; says "Unit nothing.service not loaded."
want 0 systemctl restart 'stay*'; want 0 systemctl stop 'nothing-*'
want 0 systemctl --no-block restart stays; want 0 systemctl start -T stays; says '^Enqueued anchor job [0-9]* stays.service/start.$'
want 0 systemctl stop stays.service plain; want 3 systemctl is-active stays
want 0 systemctl stop systemd-udevd.service; want 0 systemctl try-restart systemd-udevd
want 0 systemctl start top.target; want 0 systemctl is-active plain
want 4 systemctl isolate top; says "Operation refused, unit may not be isolated."
want 0 systemctl --system daemon-reload; lacks .
want 0 systemctl daemon-reexec; want 0 systemctl is-active top.target
want 0 systemctl list-jobs; says test.service; want 1 systemctl cancel 77; says 'Job 77 does not exist'
"#,
        POWERED_OFF,
    );
}

#[test]
#[ignore = "needs root"]
fn the_packaged_systemd_run_begins_units_and_scopes() {
    check(
        &[("slow.toml", "[service]\ntype = \"notify\"\ncommand = [\"/bin/sleep\", \"1000\"]\n")],
        r#"
want 0 systemd-run --version; says '^systemd 252 (252'
want 7 systemd-run --scope -u one -p MemoryMax=64M -p TasksMax=50 --slice=work sh -c 'grep ^0:: /proc/self/cgroup; systemctl is-active one.scope; systemctl show -p MemoryMax,TasksMax one.scope; exit 7'
says '^Running scope as unit: one.scope$'; says '^0::/work.slice/one.scope$'; says '^active$'; says '^MemoryMax=67108864$'; says '^TasksMax=50$'
until [ ! -e /run/systemd/transient/one.scope ]; do :; done; want 3 systemctl is-active one.scope
want 0 systemd-run -q --scope true; want 1 systemd-run --scope -p Nonsense=1 true; says '^Unknown assignment: Nonsense=1$'
want 0 systemd-run -u other -p Nice=5 -p TimeoutStopSec=7 -E 'A=x  "y"' sh -c 'echo "$A" 100% >/run/said; exec sleep 1000'; says '^Running as unit: other.service$'
until [ -s /run/said ]; do :; done; want 0 cat /run/said; says '^x  "y" 100%$'
want 0 systemctl show -p Nice,TimeoutStopUSec,ExecStart other; says '^Nice=5$'; says '^TimeoutStopUSec=7s$'; says 'path=/usr/bin/sh ; argv\[\]=/usr/bin/sh -c '
want 1 systemd-run -u other sleep 1; says '^Failed to start transient service unit: Unit other.service was already loaded or has a fragment file.$'
want 1 systemd-run -p Type=dance true; want 0 systemctl stop other
want 0 systemd-run -u soon --on-active=1s --timer-property=AccuracySec=100ms touch /run/it-was-time; says '^Running timer as unit: soon.timer$'
until [ -e /run/it-was-time ]; do :; done
want 0 systemctl set-environment A=1 B=2; want 0 systemctl show-environment; says '^A=1$'; want 0 systemctl unset-environment A; want 0 systemctl show-environment; lacks '^A='; says '^B=2$'
want 0 systemctl --no-block start slow; want 0 systemctl list-jobs --no-legend; says '^[0-9]* *slow.service *start *running$'
number=$(grep slow /run/out | cut -d ' ' -f 1); want 0 systemctl cancel $number; want 0 systemctl list-jobs --no-legend; lacks slow; want 1 systemctl cancel $number; says "Job $number does not exist"
want 0 systemctl stop slow; want 0 systemctl --no-block start slow; want 0 systemctl cancel; want 0 systemctl list-jobs --no-legend; lacks .
want 0 systemctl stop slow; want 0 ls /run/systemd/transient; lacks scope
"#,
        POWERED_OFF,
    );
}

#[test]
#[ignore = "needs root"]
fn the_packaged_systemctl_changes_unit_files() {
    check(
        &[("stays.toml", STAYS), ("x.socket.toml", "[socket]\nlisten-stream = [\"/run/x.sock\"]\n"), ("x.toml", STAYS)],
        r#"
want 0 systemctl -p LoadState show stays.service; says '^LoadState=loaded$'
want 0 systemctl -p LoadState --value show nothing.service; says '^not-found$'
want 0 systemctl show -p Triggers --value x.socket; says '^x.service$'
want 0 systemctl show -pId,Names,ActiveState,Result,UnitFileState,ExecMainStatus,NeedDaemonReload stays
says '^Id=stays.service$'; says '^Names=stays.service$'; says '^Result=success$'; says '^ExecMainStatus=0$'; says '^NeedDaemonReload=no$'
want 0 systemctl start stays; want 0 systemctl show -P MainPID stays; says '^[1-9][0-9]*$'
want 0 systemctl show -p ActiveEnterTimestamp stays; says '^ActiveEnterTimestamp=[MTWFS][a-z][a-z] 20[0-9-]* [0-9:]* '
want 0 systemctl show --property=Version; says '^Version=252'; want 0 systemctl show; says '^SystemState=starting$'; says '^NNames=[1-9]'
want 0 systemctl cat stays; says '^# .*/stays.toml$'; want 1 systemctl cat nothing; says '^No files found for nothing.service.$'
want 1 systemctl is-enabled nothing; says '^Failed to get unit file state for nothing.service: No such file or directory$'
cd /usr/lib/systemd/system
printf '[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\nAlias=second.service\n' >one.service
printf '[Service]\nExecStart=/bin/sleep 1000\n' >bare.service
printf '[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n' >many@.service
want 0 systemctl preset one.service
says '^Created symlink /etc/systemd/system/second.service → .*lib/systemd/system/one.service.$'
says '^Created symlink /etc/systemd/system/multi-user.target.wants/one.service → .*lib/systemd/system/one.service.$'
want 0 systemctl --system is-enabled -- one.service; says '^enabled$'
want 0 systemctl is-enabled second; says '^alias$'; want 0 systemctl --quiet disable one; lacks .; want 1 systemctl is-enabled one; says '^disabled$'
want 0 systemctl enable --no-reload one; want 0 systemctl disable one; says '^Removed "/etc/systemd/system/second.service".$'
want 1 systemctl enable nothing; says '^Failed to enable unit: Unit file nothing.service does not exist.$'
want 0 systemctl enable bare; says '^The unit files have no installation config'; want 0 systemctl is-enabled bare; says '^static$'
want 1 systemctl enable many@; says '^Failed to enable unit: Destination unit multi-user.target is a non-template unit.$'
want 0 systemctl enable many@a; want 0 systemctl is-enabled many@a; want 0 systemctl disable many@a
want 0 systemctl --runtime mask one; says '^Created symlink /run/systemd/system/one.service → /dev/null.$'
want 1 systemctl is-enabled one; says '^masked-runtime$'; want 1 systemctl start one; says '^Failed to start one.service: Unit one.service is masked.$'
want 0 systemctl --runtime unmask one; want 0 systemctl mask nothing; says '^Unit nothing.service does not exist, proceeding anyway.$'
want 0 systemctl unmask nothing; says '^Removed "/etc/systemd/system/nothing.service".$'
want 0 systemctl enable --now one; want 0 systemctl is-active one; want 0 systemctl disable --now one; want 3 systemctl is-active one
want 0 systemctl add-wants multi-user bare; want 0 systemctl disable bare; want 0 systemctl get-default; says '^multi-user.target$'
want 0 systemctl start many@b; want 0 systemctl is-active many@b; want 0 systemctl -p LoadState show many@c; says '^LoadState=loaded$'
printf '[Service]\nExecStart=/bin/sleep 1000\n' >fresh.service; want 0 systemctl start fresh
want 0 systemctl set-property --runtime fresh.service MemoryMax=64M TasksMax=10 CPUQuota=50%
want 0 systemctl show -p MemoryMax,CPUQuotaPerSecUSec fresh; says '^MemoryMax=67108864$'; says '^CPUQuotaPerSecUSec=500ms$'
want 1 systemctl set-property nothing MemoryMax=1G; says 'Unit nothing.service not found.$'
mkdir -p /etc/systemd/system/fresh.service.d; printf '[Unit]\nDescription=changed\n' >/etc/systemd/system/fresh.service.d/a.conf
want 0 systemctl start fresh; says '^Warning: The unit file, source configuration file or drop-ins of fresh.service changed on disk.'
want 0 systemctl daemon-reload; want 0 systemctl show -p Description --value fresh; says '^changed$'
want 0 systemctl revert fresh; says '^Removed "/etc/systemd/system/fresh.service.d/a.conf".$'
want 0 systemctl log-level; says '^info$'; want 0 systemctl show-environment; says '^PATH=/'
want 1 systemctl set-default nothing; says 'Unit file nothing.target does not exist.$'
"#,
        POWERED_OFF,
    );
}

#[test]
#[ignore = "needs root"]
fn the_packaged_systemctl_lists_and_shows() {
    check(
        &[
            ("stays.toml", STAYS),
            ("fails.toml", FAILS),
            ("often.timer.toml", "[timer]\non-boot-sec = \"1h\"\nunit = \"stays.service\"\n"),
            ("x.socket.toml", "[socket]\nlisten-stream = [\"/run/x.sock\"]\n"),
            ("x.toml", STAYS),
            ("many@.toml", STAYS),
            ("top.target.toml", "wants = [\"stays\", \"x.socket\"]\n"),
        ],
        r#"
want 0 systemctl start top.target often.timer many@a many@b; want 1 systemctl start fails
want 0 systemctl list-units; says '^  UNIT  *LOAD  *ACTIVE  *SUB  *'; says '^  stays.service  *loaded  *active  *running  *.*a thing that stays$'
says '^● fails.service  *loaded  *failed  *failed '; says 'loaded units listed. Pass --all'; lacks '^  x.service'
want 0 systemctl list-units --no-legend 'many@*'; says '^  many@a.service loaded active running '; lacks 'stays.service'; lacks LOAD
want 0 systemctl --plain --no-legend --failed; says '^fails.service loaded failed failed '; lacks stays
want 0 systemctl list-units --all --type=service; says '^  x.service  *loaded  *inactive  *dead'; lacks top.target
want 0 systemctl list-unit-files --full --type=socket; says '^UNIT FILE  *STATE  *PRESET'; says '^x.socket  *static  *-'
want 1 systemctl list-unit-files --no-legend nothing.service; lacks .
want 0 systemctl list-timers; says '^[MTWFS].. 20.* left  *-  *-  *often.timer  *stays.service$'; says '^1 timers listed.$'
want 0 systemctl list-sockets --no-legend; says '^/run/x.sock  *x.socket  *x.service$'
want 0 systemctl list-dependencies top.target; says '^top.target$'; says '^● ├─stays.service$'; says '^● └─x.socket$'
want 0 systemctl list-dependencies --reverse --plain stays; says '^  top.target$'
want 0 systemctl status stays.service --full --no-pager; says '^● stays.service - a thing that stays$'
says '^     Loaded: loaded (/etc/fief/units/stays.toml; static)$'
says '^     Active: active (running) since [MTWFS].. 20.*; .* ago$'; says '^   Main PID: [0-9]* (sh)$'; says '^     CGroup: /system.slice/stays.service$'
says '^             ├─[0-9]* /bin/sh -c '
want 3 systemctl status fails; says '^× fails.service'; says '^     Active: failed (Result: exit-code) since '
want 4 systemctl status nothing; says '^Unit nothing.service could not be found.$'
want 0 systemctl status x.socket often.timer; says '^   Triggers: ● x.service$'; says '^    Trigger: .* left$'
want 0 systemctl status $(systemctl show -P MainPID stays); says '^● stays.service'
want 0 systemctl status; says '^    State: starting$'
want 0 systemctl stop x.service x.socket; want 0 systemctl start x.socket x.service; want 0 systemctl stop x
says '^Warning: Stopping x.service, but it can still be activated by:$'; says '^  x.socket$'
# Every line of `show` that ours has, it has too: but for what is counted while one looks, what systemd 252 does not know and shows as a number, and
# what of it that has no bound is told by ours in the words of the others.
counted='MemoryCurrent MemoryPeak CPUUsageNSec'; later='EffectiveTasksMax MemorySwapCurrent'; unbounded='IOReadBytes IOWriteBytes'
fixed() { grep -v -e Timestamp -e NextElapse -e LastTrigger -e '^Job=' $(printf -- '-e ^%s= ' $counted $later $unbounded) | sort; }
for unit in stays.service fails.service often.timer x.socket x.service top.target many@a.service multi-user.target fief-bus.service; do
    /proc/1/exe systemctl show --all $unit | fixed >/run/ours; systemctl show --all $unit | fixed >/run/theirs
    diff /run/ours /run/theirs >/run/diff || { echo "WRONG: $unit"; cat /run/diff; }
done
"#,
        POWERED_OFF,
    );
}

#[test]
#[ignore = "needs root"]
fn the_packaged_systemctl_ends_the_system() {
    let target = include_str!("../../units/stock/reboot.target.toml");
    check(&[("reboot.target.toml", target)], "want 0 systemctl reboot; sleep 1000", guest::REBOOTED);
}

/// Of the units that package systemd brings none is run but its targets: ours are there instead.
#[test]
#[ignore = "needs root"]
fn the_packaged_systemctl_finds_our_units_in_the_place_of_systemds() {
    let folder = tempfile::tempdir().unwrap();
    let test = guest::script(
        "",
        &format!(
            r#"{}
export SYSTEMD_PAGER= SYSTEMD_COLORS=0 PATH=/usr/sbin:/usr/bin:/sbin:/bin
test -e /usr/lib/systemd/system/systemd-journald.service || echo WRONG: no package systemd
want 0 systemctl is-active sysinit.target basic.target; lacks inactive
want 3 systemctl is-active systemd-journald systemd-udevd systemd-logind systemd-networkd systemd-timesyncd; lacks '^active'
want 0 systemctl list-units --plain --no-legend 'systemd-*.service' 'systemd-*.socket'; lacks .
want 0 systemctl is-active fief-log fief-bus; lacks inactive
for process in /proc/[0-9]*; do case $(readlink $process/exe) in */lib/systemd/*) echo "WRONG: $(cat $process/comm)" ;; esac; done
echo all done; ctl poweroff"#,
            want::WANT
        ),
    );
    std::fs::write(folder.path().join("test.toml"), test).unwrap();
    let begin = format!(
        "rm -rf /etc/systemd/system /etc/init.d /etc/fief; mkdir -p /etc/systemd/system /etc/fief/units; cp {}/test.toml /etc/fief/units\n\
         # A machine's /tmp may be large, and what is in it is nobody's here.\n\
         ln -s /dev/null /etc/fief/units/setup-tmpfiles.toml; exec {INIT}",
        folder.path().display()
    );
    guest::as_pid_1(&["sh", "-ec", &begin]).does_not_show("WRONG").shows("all done").ended(POWERED_OFF);
}

#[test]
#[ignore = "needs root"]
fn the_packaged_systemctl_is_served_beside_who_says_nonsense_or_does_not_read() {
    check(
        &[("plain.toml", PLAIN)],
        r#"
before=$(systemctl show -P MainPID fief-bus)
cat >/run/nonsense <<'END'
use Socket; use IO::Handle; $SIG{PIPE} = "IGNORE";
my $greeting = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
my $fields = "";
for (["1", "o", "/org/freedesktop/systemd1"], ["3", "s", "ListUnits"], ["2", "s", "org.freedesktop.systemd1.Manager"]) {
    $fields .= "\0" x (-length($fields) % 8) . chr($_->[0]) . "\1$_->[1]\0" . pack("V/a* x", $_->[2]);
}
my $call = "l\1\0\1" . pack("V3", 0, 7, length $fields) . $fields . "\0" x (-length($fields) % 8);
my @said = ("", "GET / HTTP/1.0\r\n\r\n", "\0BEGIN\r\n", "\0AUTH ANONYMOUS\r\n", $greeting . "\xff" x 64, $greeting . "l\1\0\1" . "\xff" x 12, $greeting . $call x 5000);
my @all = map {
    socket(my $s, PF_UNIX, SOCK_STREAM, 0); connect($s, sockaddr_un("/run/systemd/private")) or die "$!"; $s->blocking(0);
    for (my $at = 0; my $count = syswrite($s, $_, 65536, $at); $at += $count) {} $s
} @said;
exit system("systemctl", "start", "plain") >> 8;
END
want 0 perl /run/nonsense; want 0 systemctl is-active plain
[ "$before" = "$(systemctl show -P MainPID fief-bus)" ] || echo WRONG: it was begun anew
want 1 perl -MSocket -e '$> = 65534; socket(S, PF_UNIX, SOCK_STREAM, 0); exit !connect(S, sockaddr_un("/run/systemd/private"))'
"#,
        POWERED_OFF,
    );
}
