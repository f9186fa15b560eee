//! The log that stays, by a PID 1 that runs: what comes by which way, who is told as its sender, and what journalctl shows of it.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;
#[path = "support/log.rs"]
mod log;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use guest::{POWERED_OFF, boot, script};
use log::{JOURNALCTL, units};

/// What is said of an entry, by a line of `journalctl -o json` after `work: TAG `.
fn entry(console: &str, tag: &str) -> serde_json::Value {
    let line = console.lines().find_map(|line| line.split_once(&format!("work: {tag} ")).map(|(_, json)| json));
    assert!(line.is_some(), "no {tag}:\n{console}");
    serde_json::from_str(line.unwrap()).unwrap()
}

#[test]
#[ignore = "needs root"]
fn whatever_way_it_comes_it_is_kept_with_who_sent_it() {
    // It stays until it was heard: of who has gone nothing is known but his numbers.
    let program = r#"
        socket(D, PF_UNIX, SOCK_DGRAM, 0); send(D, "<35>Nov 26 02:54:30 tag[7]: by syslog", 0, sockaddr_un("/dev/log")) or die;
        send(D, "MESSAGE=by itself\nPRIORITY=3\nSHOP=main\n_PID=1\n_SYSTEMD_UNIT=forged.service\n", 0, sockaddr_un("/run/systemd/journal/socket")) or die;
        socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un("/run/systemd/journal/stdout")) or die;
        syswrite(S, "stream\n\n6\n1\n0\n0\n0\n<4>in a stream\nthe last"); shutdown(S, 1); sysread(S, my $end, 1);
        socket(R, PF_UNIX, SOCK_STREAM, 0); connect(R, sockaddr_un("/run/fief/log")) or die; syswrite(R, "seen 0\n"); sysread(R, my $ok, 3);
    "#;
    let speaks = format!(
        "[service]\ntype = \"oneshot\"\ncommand = [\"/bin/sh\", \"-c\", '''\necho to its output; exec perl -MSocket -e '{program}'\n''']\n[log]\nsyslog-identifier = \"shop\"\n"
    );
    let work = format!(
        "{JOURNALCTL}\nctl start speaks; ls -l /dev/log | grep -o -- '->.*'\n\
         for text in 'to its output' 'by syslog' 'by itself' 'in a stream' 'the last'; do printf '%s %s\\n' $(echo $text | tr -d ' ') \"$(journalctl -q -o json MESSAGE=\"$text\")\"; done\n\
         journalctl -q -u speaks -o cat | sed 's/^/unit: /'; journalctl -b -n 1 -q -o short | sed 's/^/short: /'\n\
         journalctl -u nobody; echo code $?; ls -ln /var/log/fief | sed 's/^/file: /'; ctl poweroff"
    );
    let mut files = units();
    files.push(("speaks.toml", speaks));
    files.push(("work.toml", script("\"fief-log\"", &work)));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let boot = boot(&files);
    boot.ended(POWERED_OFF).shows("-> /run/systemd/journal/dev-log").shows("work: -- No entries --").shows("work: code 0");
    let console = &boot.console;
    let of = |tag: &str, field: &str| entry(console, tag)[field].as_str().unwrap_or_default().to_owned();
    for (tag, transport, name, level) in [
        ("toitsoutput", "stdout", "shop", "6"),
        ("bysyslog", "syslog", "tag", "3"),
        ("byitself", "journal", "", "3"),
        ("inastream", "stdout", "stream", "4"),
        ("thelast", "stdout", "stream", "6"),
    ] {
        assert_eq!((of(tag, "_TRANSPORT").as_str(), of(tag, "PRIORITY").as_str()), (transport, level), "{tag}\n{console}");
        assert_eq!(of(tag, "SYSLOG_IDENTIFIER"), name, "{tag}\n{console}");
        assert_eq!(of(tag, "_SYSTEMD_UNIT"), "speaks.service", "{tag}\n{console}");
        assert_eq!(of(tag, "_HOSTNAME"), "guest");
        assert_ne!(of(tag, "_PID"), "1");
    }
    assert_eq!(
        (of("byitself", "SHOP"), of("byitself", "_UID"), of("bysyslog", "SYSLOG_FACILITY")),
        ("main".into(), "0".into(), "4".into())
    );
    for text in ["to its output", "by syslog", "by itself", "in a stream"] {
        boot.shows(&format!("work: unit: {text}"));
    }
    boot.shows("work: unit: starting speaks");
    assert!(console.lines().any(|line| line.contains("work: file: -rw-r-----") && line.ends_with(".log")), "{console}");
}

/// Everything that is said is there once and in order, although the process that keeps it is killed in between, and what is sent meanwhile waits.
#[test]
#[ignore = "needs root"]
fn nothing_is_lost_when_who_keeps_it_falls() {
    let work = format!(
        "{JOURNALCTL}\n\
         main() {{ ctl show -p MainPID fief-log | sed 's/.*=//'; }}\n\
         n=0; while [ $n -lt 5 ]; do\n\
           before=$(main); kill -KILL $before; echo line $n; logger -t sent number $n\n\
           while [ \"$(main)\" = $before ] || [ \"$(main)\" = 0 ]; do :; done; n=$((n + 1))\n\
         done\n\
         echo lines: $(journalctl -q -b -o cat _SYSTEMD_UNIT=work.service -g '^line [0-9]' | tr '\\n' ' ')\n\
         echo sent: $(journalctl -q -o cat -t sent | tr '\\n' ' ')\n\
         journalctl --list-boots -q | wc -l | sed 's/^/boots: /'; journalctl -q -g 'were not kept' | sed 's/^/lost: /'; ctl poweroff"
    );
    let mut files = units();
    files.push(("work.toml", script("\"fief-log\"", &work)));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let boot = boot(&files);
    boot.ended(POWERED_OFF).shows("lines: line 0 line 1 line 2 line 3 line 4\n");
    boot.shows("sent: number 0 number 1 number 2 number 3 number 4\n").shows("work: boots: 1").does_not_show("work: lost:");
}

/// The clients are the distribution's: of libsystemd, by a datagram, by a sealed file where it is too large for one, and by a stream.
#[test]
#[ignore = "needs root"]
fn journalctl_shows_what_is_asked_for_and_follows() {
    let work = format!(
        "{JOURNALCTL}\n\
         for n in 1 2 3; do logger -p user.notice -t counted number $n; done; logger -p user.err -t counted grave\n\
         echo last: $(journalctl -q -o cat -t counted -n 2 | xargs); echo newest: $(journalctl -q -o cat -t counted -r -n 2 | xargs)\n\
         echo urgent: $(journalctl -q -o cat -t counted -p err | xargs); echo found: $(journalctl -q -o cat -g 'NUMBER [12]$' -t counted --case-sensitive=no | xargs)\n\
         echo either: $(journalctl -q -o cat MESSAGE=grave + MESSAGE='number 2' | xargs); echo since: $(journalctl -q -o cat -t counted --since -1h | wc -l) $(journalctl -q -t counted --until -1h | wc -l)\n\
         cursor=$(journalctl -o cat -t counted -n 1 --show-cursor | sed -n 's/^-- cursor: //p'); logger -t counted later\n\
         echo after: $(journalctl -q -o cat -t counted --after-cursor \"$cursor\" | xargs); journalctl -q -t counted --cursor-file /run/cursor >/dev/null; logger -t counted latest\n\
         echo file: $(journalctl -q -o cat -t counted --cursor-file /run/cursor | xargs)\n\
         journalctl -b -1; echo boot $?; journalctl -k; echo kernel $?; journalctl --since 2026-01-02 --until 2026-01-01; echo span $?\n\
         echo fields: $(journalctl -q -F SYSLOG_IDENTIFIER | grep counted)\n\
         {{ echo MESSAGE=large; printf BLOB=; head -c 300000 /dev/zero | tr '\\0' x; echo; }} | logger --journald\n\
         {{ echo MESSAGE=huge; printf BLOB=; head -c 400000 /dev/zero | tr '\\0' x; echo; }} | setpriv --reuid 65534 --clear-groups logger --journald\n\
         echo huge: $(journalctl -a -q -o cat --output-fields=BLOB MESSAGE=huge _UID=65534 | wc -c); echo large: $(journalctl -a -q -o cat --output-fields=BLOB MESSAGE=large | wc -c)\n\
         {{ echo MESSAGE=small; echo SHOP=main; }} | logger --journald; echo small: $(journalctl -q -o cat MESSAGE=small SHOP=main)\n\
         if [ -x /usr/bin/systemd-cat ]; then /usr/bin/systemd-cat -t cat -p warning echo by cat; else logger -t cat -p user.warning by cat; fi\n\
         echo cat: $(journalctl -q -o cat -t cat -p warning..warning)\n\
         journalctl -f -n 0 -t followed -o cat >/run/followed & follower=$!\n\
         until [ -s /run/followed ]; do logger -t followed begun; done\n\
         journalctl --rotate && logger -t followed across; until grep -q across /run/followed; do :; done; kill $follower; echo it follows\n\
         ls /var/log/fief | wc -l | sed 's/^/files: /'; journalctl --vacuum-files=1; ls /var/log/fief | wc -l | sed 's/^/files: /'; journalctl --sync && echo synced\n\
         cp -r /var/log/fief /run/copy; journalctl --verify -D /run/copy && echo whole; printf x >>/run/copy/$(ls /run/copy | head -1); journalctl --verify -D /run/copy || echo spoilt; journalctl -q -D /run/copy -o short-delta -n 1 -t followed\n\
         setpriv --reuid 65534 --clear-groups sh -c '{init} journalctl; echo nobody $?'\n\
         setpriv --reuid 65534 --groups 4 {init} journalctl -q -o cat -t followed | sed 's/^/adm: /'; ctl poweroff",
        init = guest::INIT,
    );
    let mut files = units();
    files.push(("work.toml", script("\"fief-log\"", &work)));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let boot = boot(&files);
    boot.ended(POWERED_OFF);
    for text in [
        "last: number 3 grave",
        "newest: grave number 3",
        "urgent: grave",
        "found: number 1 number 2",
        "either: number 2 grave",
        "since: 4 0",
        "whole",
        "spoilt",
        "after: later",
        "file: latest",
        "Data from the specified boot (-1) is not available: No such boot ID in journal",
        "boot 1",
        "-- No entries --",
        "kernel 0",
        "--since= must be before --until=.",
        "span 1",
        "fields: counted",
        "huge: 400001",
        "large: 300001",
        "small: small",
        "cat: by cat",
        "it follows",
        "files: 2",
        "Vacuuming done, freed ",
        "files: 1",
        "synced",
        "No journal files were opened due to insufficient permissions.",
        "nobody 1",
        "adm: across",
    ] {
        boot.shows(&format!("work: {text}"));
    }
}

/// Where a syslog daemon listens it gets what is kept, whatever way it came, as rsyslogd would want it.
#[test]
#[ignore = "needs root"]
fn what_is_kept_is_handed_on_to_who_listens() {
    let daemon = r#"
        open(my $log, "<&=", 3) or die; open(my $out, ">>", "/run/got"); select($out); $| = 1;
        while (defined recv($log, my $text, 65536, 0)) { print "$text\n" }
    "#;
    let daemon = format!("requires = [\"syslog.socket\"]\n[service]\ncommand = [\"/usr/bin/perl\", \"-e\", '''{daemon}''']\n");
    let work = format!(
        "{JOURNALCTL}\nctl start syslog; echo <3>by its output; logger -p local3.err -t tag by syslog; echo MESSAGE=by itself | logger --journald\n\
         for text in 'by its output' 'by syslog' 'by itself' 'reached \\|started syslog'; do until grep -q \"$text\" /run/got; do sleep 0.1; done; done\n\
         sed 's/^/got: /' /run/got; ctl poweroff"
    )
    .replace("echo <3>by", "echo '<3>by'")
    .replace("by its output; logger", "by its output'; logger");
    let mut files = units();
    files.push(("syslog.socket.toml", include_str!("../../units/stock/syslog.socket.toml").to_owned()));
    files.push(("syslog.toml", daemon));
    files.push(("work.toml", script("\"fief-log\"", &work)));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let boot = boot(&files);
    boot.ended(POWERED_OFF);
    let got = |head: &str, tail: &str| {
        let mut lines = boot.console.lines().filter_map(|line| line.split_once("work: got: ").map(|(_, got)| got));
        assert!(lines.any(|line| line.starts_with(head) && line.contains(tail)), "{head} … {tail}:\n{}", boot.console);
    };
    got("<27>", " sh[");
    got("<155>", "tag: by syslog");
    got("<14>", ": by itself");
    got("<30>", " fief-init[1]: started syslog");
}

/// One service says as much as it can, and the guest is killed in the middle of it. What the others said is there, what was not kept of the one is
/// counted, the store can be read, and neither it nor PID 1 has grown.
#[test]
#[ignore = "needs root"]
fn a_flood_costs_who_floods_and_a_kill_costs_the_last_words() {
    let shared = tempfile::tempdir().unwrap();
    let path = shared.path().to_str().unwrap();
    let units_folder = shared.path().join("units");
    fs::create_dir_all(shared.path().join("log")).unwrap();
    fs::create_dir(&units_folder).unwrap();
    let put = |name: &str, text: &str| fs::write(units_folder.join(name), text).unwrap();
    put("multi-user.target.toml", "description = \"the test\"\n");
    units().iter().for_each(|(name, text)| put(name, text));
    let settings = "[Journal]\nRateLimitIntervalSec=1s\nRateLimitBurst=200\nSystemMaxUse=4M\n";
    let prepare = format!(
        "mkdir -p /etc/systemd/journald.conf.d; echo '{settings}' >/etc/systemd/journald.conf.d/test.conf; mount --bind {path}/log /var/log"
    );
    put("prepare.toml", &script("", &prepare).replace("after = []", "after = []\nbefore = [\"fief-log\"]"));
    put("floods.toml", &guest::service("exec yes flood"));
    let work = format!(
        "{JOURNALCTL}\n\
         resident() {{ sed -n 's/^RssAnon:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/1/status; }}\n\
         number() {{ ctl logs --json floods -n 1 | sed -n 's/.*\"number\":\\([0-9]*\\).*/\\1/p'; }}\n\
         until [ \"$(journalctl -q -u floods -g Suppressed)\" ]; do :; done\n\
         kib=$(resident) lines=$(number) since=$(date +%s%N) n=0\n\
         while [ $n -lt 8 ]; do\n\
           n=$((n + 1)); echo quiet $n; logger -t quiet by syslog $n\n\
           until [ \"$(journalctl -q -o cat MESSAGE=\"quiet $n\" + MESSAGE=\"by syslog $n\" | wc -l)\" = 2 ]; do :; done\n\
         done\n\
         echo $((($(number) - lines) * 1000000 / (($(date +%s%N) - since) / 1000))) lines a second; echo grown by $(($(resident) - kib)) KiB.\n\
         echo kept by $(sed -n 's/^RssAnon:[^0-9]*//p' /proc/$(ctl show -p MainPID fief-log | sed 's/.*=//')/status)\n\
         echo now; while :; do echo more; done"
    );
    put("work.toml", &script("\"fief-log\", \"floods\"", &work));
    let running = Running::boot(shared.path(), &units_folder);
    running.wait("work: now");
    let console = running.kill();
    let grown: i64 = console.split_once("grown by ").unwrap().1.split_once(" KiB.").unwrap().0.parse().unwrap();
    // Of one ring and what waits for its reader there is room; of what was said in the meantime, several megabytes, there is none.
    assert!(grown < 1024, "{console}");
    let store = shared.path().join("log/fief");
    let size: u64 = fs::read_dir(&store).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(size <= 4 << 20, "{size}");
    let shown = |words: &[&str]| {
        let output =
            Command::new(guest::INIT).args(["journalctl", "-D", store.to_str().unwrap(), "-q", "-o", "cat"]).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let quiet: String = (1..=8).map(|number| format!("quiet {number}\n")).collect();
    assert_eq!(shown(&["_SYSTEMD_UNIT=work.service", "-g", "^quiet"]), quiet);
    assert_eq!(shown(&["-t", "quiet"]), quiet.replace("quiet", "by syslog"));
    assert!(shown(&["-u", "floods", "-g", "^Suppressed \\d+ messages from floods.service$"]).lines().count() > 0);
    assert!(shown(&["-u", "floods", "MESSAGE=flood"]).lines().count() >= 200);
}

/// A guest that runs until it is killed; with it goes all that is in it.
struct Running {
    process: Option<Child>,
    console: PathBuf,
    words: String,
}

impl Running {
    fn boot(shared: &Path, units: &Path) -> Self {
        let console = shared.join("console");
        let file = fs::File::create(&console).unwrap();
        let words = units.to_str().unwrap().to_owned();
        let process = Command::new(guest::GUEST)
            .args([&format!("log-{}", std::process::id()), guest::INIT, "--bare", "--units", &words])
            .env("GUEST_TIMEOUT", "240")
            .env("GUEST_SHARED", shared)
            .env("container", "fief")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { process: Some(process), console, words }
    }

    fn console(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.console).unwrap()).into_owned()
    }

    #[track_caller]
    fn wait(&self, text: &str) {
        let until = Instant::now() + Duration::from_secs(200);
        while !self.console().contains(text) {
            assert!(Instant::now() < until, "not seen: {text}\n{}", self.console());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// By SIGKILL to its PID 1, from outside; what the console showed.
    fn kill(mut self) -> String {
        self.end();
        self.console()
    }

    fn end(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // It is 1 in its own namespace, and has this folder in its words.
        let is_it = |pid: &str| {
            let read = |name: &str| String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default()).into_owned();
            let status = read("status");
            let numbers: Vec<&str> =
                status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default().split_whitespace().collect();
            numbers.len() > 1 && numbers.last() == Some(&"1") && read("cmdline").contains(&self.words)
        };
        let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        if let Some(pid) = all.filter(|name| name.parse::<i32>().is_ok()).find(|pid| is_it(pid)) {
            assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        }
        process.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
