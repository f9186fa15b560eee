//! Tools by systemd's names in a guest whose PID 1 is ours.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;
#[path = "support/log.rs"]
mod log;

use guest::{POWERED_OFF, boot, script};

/// Has the shell find ours by these names before the machine's own.
fn names(names: &str) -> String {
    format!(
        "mkdir -p /run/bin; for name in {names}; do ln -sf {init} /run/bin/$name; done; PATH=/run/bin:$PATH; export PATH\n",
        init = guest::INIT
    )
}

#[test]
#[ignore = "needs root"]
fn a_script_tells_what_it_is_at_and_its_words_go_to_the_log() {
    let notify = names("systemd-notify");
    let service = format!(
        "[service]\ntype = \"notify\"\ncommand = [\"/bin/sh\", \"-c\", '''{notify}\
         systemd-notify --status=\"all is well\" --ready; trap \"systemd-notify --stopping\" TERM; systemd-cat -t inner echo from within; sleep 1000''']\n"
    );
    let work = names("systemd-notify systemd-cat systemd-detect-virt systemd-id128 systemd-machine-id-setup systemctl systemd-analyze")
        + log::JOURNALCTL
        + "\nctl start shop.service; ctl status shop.service | sed 's/^/of the shop: /'\n\
           until journalctl -q -t inner | grep -q within; do sleep 0.1; done\n\
           systemd-analyze 2>&1 | head -n 1; systemd-analyze blame | sed -n 's/^ *[0-9].*s \\(shop\\)/it took time: \\1/p'\n\
           systemctl status shop.service | sed -n 's/^[A-Z].* \\([a-z-]*\\)\\[[0-9]*\\]: /status says: \\1: /p'\n\
           systemd-notify --ready; echo outside: $?; mkdir -p /run/systemd/system; systemd-notify --booted; echo booted: $?\n\
           systemd-detect-virt; systemd-detect-virt -q -v; echo container: $(systemd-detect-virt -c) $?\n\
           rm /etc/machine-id; id=$(systemd-machine-id-setup --print); test \"$id\" = \"$(systemd-id128 machine-id)\" && test ${#id} = 32 && echo one id\n\
           echo 'words of a pipe' | systemd-cat -t pipe -p err; systemd-cat -t split --stderr-priority=warning sh -c 'echo out; echo err >&2; exit 7'; echo split: $?\n\
           journalctl -q -t pipe -p err -o cat; journalctl -q -t split -p warning -o cat | sed 's/^/urgent: /'; journalctl -q -t split -o cat | sed 's/^/all: /'\n\
           systemd-cat no-such-program; echo missing: $?; ctl poweroff";
    let mut files = log::units();
    files.push(("shop.toml", service));
    files.push(("work.toml", script("\"fief-log.service\"", &work)));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let boot = boot(&files);
    boot.ended(POWERED_OFF).shows("status says: fief-init: starting shop").shows("status says: inner: from within");
    boot.shows("Bootup is not yet finished").shows("it took time: shop.service");
    boot.shows("of the shop:    status: all is well").shows("outside: 1").shows("booted: 0");
    boot.shows("work: container-other").shows("container: container-other 0").shows("work: one id");
    boot.shows("work: words of a pipe").shows("split: 7").shows("urgent: err").does_not_show("urgent: out").shows("all: out");
    boot.shows("missing: 1");
}

/// A terminal with somebody at it, as far as utmp(5) knows: what is said to him stands in /run/seen.
const SOMEBODY: &str = "mkdir -p /dev/pts; mountpoint -q /dev/pts || mount -t devpts -o newinstance,ptmxmode=666 devpts /dev/pts; ln -sf pts/ptmx /dev/ptmx\n\
    script -qfc 'tty > /run/line; sleep 1000' /run/seen > /dev/null &\n\
    until test -s /run/line; do sleep 0.1; done\n\
    perl -e 'print pack(\"s x2 l a32 a4 a32 a256 s2 l l2 l4 a20\", 7, $ARGV[0], \"pts/0\", \"t1\", \"root\", \"\", 0, 0, 0, time, 0, 0, 0, 0, 0, \"\")' $! >> /run/utmp; who\n";

fn pending() -> String {
    include_str!("../../units/stock/fief-shutdown.toml").replace("fief-init", guest::INIT)
}

#[test]
#[ignore = "needs root"]
fn a_shutdown_with_a_time_is_announced_shown_and_called_off() {
    let work = names("shutdown telinit")
        + "mount -t tmpfs tmpfs /var/log; : > /var/log/wtmp\n"
        + &format!("{} setup utmp\n", guest::INIT)
        + SOMEBODY
        + "shutdown --show; echo none: $?\n\
           shutdown -r +10 for repairs 2>&1 | sed 's/^/said: /'; shutdown --show 2>&1 | sed 's/^/shown: /'\n\
           sed 's/^/file: /' /run/systemd/shutdown/scheduled; test -e /run/nologin && echo shut too early\n\
           shutdown +4 2>&1 | sed 's/^/said: /'; until test -s /run/nologin; do sleep 0.1; done; echo the door is shut\n\
           shutdown -c never mind; echo cancelled: $?; test -e /run/nologin || echo the door is open; ctl is-active fief-shutdown\n\
           shutdown --show; echo none: $?; shutdown -k now only a test; shutdown 25:00; echo odd: $?; telinit 9; telinit; echo telinit: $?\n\
           until grep -q 'only a test' /run/seen; do sleep 0.1; done; tr -d '\\r' < /run/seen | sed 's/^/seen: /'\n\
           printf 'USEC=%s000000\\nWARN_WALL=0\\nMODE=reboot\\n' $(($(date +%s) + 2)) > /run/systemd/shutdown/scheduled; ctl start fief-shutdown";
    let boot = boot(&[("fief-shutdown.toml", &pending()), ("work.toml", &script("", &work))]);
    boot.ended(guest::REBOOTED).shows("none: 1").shows("No scheduled shutdown.");
    boot.shows("said: Reboot scheduled for ").shows("use 'shutdown -c' to cancel.").shows("shown: Reboot scheduled for ");
    boot.shows("file: WARN_WALL=1").shows("file: MODE=reboot").shows("file: WALL_MESSAGE=\"for repairs\"").does_not_show("shut too early");
    boot.shows("said: Shutdown scheduled for ")
        .shows("the door is shut")
        .shows("cancelled: 0")
        .shows("the door is open")
        .shows("work: inactive");
    boot.shows("Failed to parse time specification: 25:00").shows("odd: 1").shows("Unknown command '9'.").shows("telinit: 1");
    boot.shows("telinit: required argument missing.");
    boot.shows("seen: for repairs")
        .shows("seen: The system is going down for reboot at ")
        .shows("seen: System shutdown has been cancelled");
    boot.shows("seen: The system is going down for power-off NOW!").shows("Broadcast message from root@guest");
}

#[test]
#[ignore = "needs root"]
fn a_program_runs_as_a_unit_that_comes_and_goes_with_it() {
    let work = names("systemd-run systemctl")
        + "run() { systemd-run \"$@\" 2>&1 | sed \"s/^/$what: /\"; }\n\
           what=wait; run -u one --wait --description='One of a kind' -E 'A=x  y' -p Environment=B=z -p UMask=0027 sh -c 'test \"$A\" = \"x  y\" && test $B = z && test $(umask) = 0027'\n\
           systemd-run -q --wait -u code sh -c 'exit 7'; echo code: $?; systemctl is-failed code; systemctl reset-failed code; systemctl status code > /dev/null 2>&1; echo gone: $?\n\
           systemd-run -q --wait -G sh -c 'kill -KILL $$$$'; echo signal: $?\n\
           what=stays; run -u stays --slice=tenants --nice=5 sleep 1000; systemctl is-active stays; systemctl cat stays | sed 's/^/cat: /'\n\
           systemctl show stays -p Slice,Nice,Description,FragmentPath | sed 's/^/shown: /'; test -e /run/systemd/transient/stays.service; echo shown as a file: $?\n\
           run -u stays true; echo; systemctl daemon-reload; systemctl is-active stays; ctl reexec; systemctl is-active stays\n\
           systemctl stop stays; until test ! -e /run/systemd/transient/stays.service; do sleep 0.1; done; systemctl is-active stays; systemctl cat stays 2>&1 | sed 's/^/after: /'\n\
           echo words of a pipe | systemd-run -q -P tr a-z A-Z | sed 's/^/pipe: /'; systemd-run -q -P sh -c 'exit 4' < /dev/null; echo pipe: $?\n\
           what=pty; systemd-run -q -t sh -c 'test -t 0 && test -t 1 && tty' < /dev/null | sed 's/^/pty: /'\n\
           what=timer; run -u soon --on-active=1s --timer-property=AccuracySec=100ms touch /run/it-was-time; systemctl is-active soon.timer\n\
           until test -e /run/it-was-time; do sleep 0.1; done; until test ! -e /run/systemd/transient/soon.timer; do sleep 0.1; done; echo the timer is gone\n\
           what=odd; run -p Nonsense=1 true; run --on-calendar=never true; run nosuchprogram; run -p Type=dance true; run; systemctl reset-failed\n\
           ls /run/systemd/transient | sed 's/^/left over: /'; ctl poweroff";
    let boot = boot(&[("work.toml", &script("", &work))]);
    boot.ended(POWERED_OFF).shows("wait: Running as unit: one.service").shows("wait: Finished with result: success");
    boot.shows("wait: Main processes terminated with: code=exited/status=0").shows("wait: Service runtime: ");
    boot.shows("code: 7").shows("work: failed").shows("gone: 4").shows("signal: 255");
    boot.shows("stays: Running as unit: stays.service")
        .shows("cat: ExecStart=\"/usr/bin/sleep\" \"1000\"")
        .shows("shown: Slice=tenants.slice");
    boot.shows("shown: Nice=5")
        .shows("shown: Description=/usr/bin/sleep 1000")
        .shows("shown: FragmentPath=/run/systemd/transient/stays.service");
    boot.shows("shown as a file: 0")
        .shows("Failed to start transient service unit: Unit stays.service was already loaded or has a fragment file.");
    assert_eq!(boot.console.matches("work: active").count(), 4, "{}", boot.console);
    boot.does_not_show("Warning: ")
        .shows("work: inactive")
        .shows("after: No files found for stays.service.")
        .shows("pipe: WORDS OF A PIPE")
        .shows("pipe: 4");
    boot.shows("pty: /dev/pts/").shows("timer: Running timer as unit: soon.timer").shows("timer: Will run service as unit: soon.service");
    boot.shows("the timer is gone").shows("odd: Unknown assignment: Nonsense=1").shows("odd: Failed to parse calendar event specification");
    boot.shows("odd: Failed to find executable nosuchprogram: No such file or directory").shows("odd: Command line to execute required.");
    boot.does_not_show("left over: ");
}

#[test]
#[ignore = "needs root"]
fn names_zone_language_and_people_are_shown_and_set() {
    let work = names("hostnamectl timedatectl localectl loginctl")
        + &format!("{} setup utmp; rm -f /etc/machine-info /etc/default/locale /etc/locale.conf\n", guest::INIT)
        + SOMEBODY
        + "hostnamectl set-hostname shop7; hostname; cat /etc/hostname; hostnamectl --static status; hostnamectl hostname\n\
           hostnamectl --pretty set-hostname 'The Shop'; hostnamectl set-chassis server; hostnamectl deployment test; cat /etc/machine-info | sed 's/^/info: /'\n\
           hostnamectl | sed 's/^/host: /'; hostnamectl --json=short | sed 's/^/json: /'; hostnamectl --static set-hostname 'a b'; echo odd: $?; hostnamectl chassis boat; echo odd: $?\n\
           timedatectl set-timezone Europe/Berlin; readlink /etc/localtime; timedatectl show -p Timezone --value; timedatectl | sed 's/^/time: /'\n\
           timedatectl set-timezone Nowhere/Land; echo zone: $?; timedatectl set-timezone ../../etc/passwd; echo zone: $?; timedatectl set-time 12:00; echo set-time: $?\n\
           timedatectl list-timezones | grep -c -x -e Europe/Berlin -e UTC; timedatectl bogus; echo verb: $?\n\
           localectl set-locale LANG=C.UTF-8 LC_TIME=C; cat /etc/default/locale | sed 's/^/locale: /'; localectl | sed 's/^/status: /'; localectl set-locale LANG=xx_XX; echo locale: $?; localectl set-keymap de; echo keymap: $?\n\
           localectl list-locales | grep -x C.UTF-8; localectl set-locale C; cat /etc/default/locale | sed 's/^/then: /'\n\
           loginctl list-sessions | sed 's/^/session: /'; loginctl list-users --no-legend | sed 's/^/user: /'; loginctl enable-linger root; ls /var/lib/systemd/linger\n\
           loginctl show-user root -p Linger -p UID | sed 's/^/linger: /'; loginctl disable-linger root; loginctl show-user root -p Linger --value\n\
           loginctl show-user nobody; echo nobody: $?; loginctl lock-sessions; echo lock: $?; ctl poweroff";
    let boot = boot(&[("work.toml", &script("", &work))]);
    boot.ended(POWERED_OFF);
    assert_eq!(boot.console.matches("work: shop7").count(), 4, "{}", boot.console);
    boot.shows("info: PRETTY_HOSTNAME=\"The Shop\"").shows("info: CHASSIS=server").shows("info: DEPLOYMENT=test");
    boot.shows("host:  Static hostname: shop7").shows("host:  Pretty hostname: The Shop").shows("host:          Chassis: server");
    boot.shows("host:   Virtualization: container-other").shows("host: Operating System: ").shows("\"StaticHostname\":\"shop7\"");
    assert_eq!(boot.console.matches("work: odd: 1").count(), 2, "{}", boot.console);
    boot.shows("work: ../usr/share/zoneinfo/Europe/Berlin")
        .shows("work: Europe/Berlin")
        .shows("time:                 Time zone: Europe/Berlin (");
    boot.shows("Failed to set time zone: Invalid or not installed time zone 'Nowhere/Land'").shows("set-time: 1");
    assert_eq!(boot.console.matches("work: zone: 1").count(), 2, "{}", boot.console);
    boot.shows("work: 2").shows("Unknown command verb bogus.").shows("verb: 1");
    boot.shows("locale: LANG=C.UTF-8")
        .shows("locale: LC_TIME=C")
        .shows("status: System Locale: LANG=C.UTF-8")
        .shows("work: locale: 1")
        .shows("keymap: 1");
    boot.shows("work: C.UTF-8").shows("then: LANG=C").does_not_show("then: LC_TIME");
    boot.shows("session: SESSION UID USER SEAT TTY").shows("root      pts/0").shows("1 sessions listed.").shows("user: 0 root");
    boot.shows("work: root").shows("linger: UID=0").shows("linger: Linger=yes").shows("work: no").shows("nobody: 1");
    boot.shows("Failed to lock sessions: there is no login manager in this container").shows("lock: 1");
}

/// What the package for Debian's guests brings: where, and what stands in it.
const OF_CRON: [(&str, &str); 5] = [
    ("/usr/lib/fief/cron-spread", include_str!("../debian/tree/usr/lib/fief/cron-spread")),
    ("/etc/cron.hourly/00fief", include_str!("../debian/tree/etc/cron.hourly/00fief")),
    ("/etc/cron.daily/00fief", include_str!("../debian/tree/etc/cron.daily/00fief")),
    ("/etc/cron.weekly/00fief", include_str!("../debian/tree/etc/cron.weekly/00fief")),
    ("/etc/cron.monthly/00fief", include_str!("../debian/tree/etc/cron.monthly/00fief")),
];

#[test]
#[ignore = "needs root"]
fn crons_jobs_begin_at_a_time_of_the_guests_own() {
    let files = OF_CRON.map(|(path, text)| format!("mkdir -p $(dirname {path}); cat > {path} <<'THE END'\n{text}THE END\n"));
    let work = "rm -rf /etc/cron.*\n".to_owned()
        + &files.concat()
        + "for part in hourly daily weekly monthly; do printf '#!/bin/sh\\necho it runs\\n' > /etc/cron.$part/job; done\n\
        chmod +x /etc/cron.*/* /usr/lib/fief/cron-spread\n\
        mkdir /run/fake; printf '#!/bin/sh\\necho waits $1\\n' > /run/fake/sleep; chmod +x /run/fake/sleep; export PATH=/run/fake:$PATH\n\
        cp /bin/dash /run/cron; echo 00000e1143210fedcba9876543210fed > /etc/machine-id\n\
        parts() { /run/cron -c \"run-parts /etc/cron.$1 > /run/out; true\"; echo $1: $(cat /run/out); }\n\
        for part in hourly daily weekly monthly; do parts $part; done; echo by hand: $(run-parts /etc/cron.daily)\n\
        for n in $(seq 100); do head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \\n' > /etc/machine-id; parts daily; done | sed 's/.*waits //; s/ .*//' > /run/all\n\
        echo most in a minute: $(while read n; do echo $((n / 60)); done < /run/all | sort | uniq -c | sort -n | tail -n 1 | sed 's/^ *//; s/ .*//')\n\
        echo guests: $(grep -c . /run/all); rm /etc/machine-id; parts daily; ctl poweroff";
    let boot = boot(&[("work.toml", &script("", &work))]);
    boot.ended(POWERED_OFF);
    // 3601 seconds, of a quarter and of half an hour.
    boot.shows("hourly: waits 1 it runs")
        .shows("daily: waits 1 it runs")
        .shows("weekly: waits 1 it runs")
        .shows("monthly: waits 1 it runs");
    boot.shows("by hand: it runs").shows("guests: 100").shows("daily: it runs");
    let most = boot.console.lines().find_map(|line| line.split_once("most in a minute: ")).unwrap().1;
    assert!(most.trim().parse::<u32>().unwrap() <= 14, "{}", boot.console);
}
