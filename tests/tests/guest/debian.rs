//! A Debian guest from mmdebstrap with the usual services.

use std::fs;
use std::time::Duration;

use tests::{DEBIAN, Host, Outcome, finish, until};

/// A host with the template shared and a key to log in with.
struct Site {
    host: Host,
    key: String,
}

impl Site {
    fn new() -> Self {
        let mut host = Host::new();
        host.share_debian();
        let key = host.path("/root/key");
        fs::create_dir_all(key.parent().unwrap()).unwrap();
        let key = key.to_str().unwrap().to_owned();
        host.network(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &key]).ok();
        Self { host, key }
    }

    fn create(&self, name: &str) {
        let public = format!("{}.pub", self.key);
        self.host.fief(&["create", name, "--template", DEBIAN, "--ssh-key", &public]).ok();
    }

    fn ssh(&self, name: &str, command: &str) -> Outcome {
        let target = format!("root@{}", self.host.address(name));
        let mut words = vec!["ssh", "-i", &self.key, "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=600"];
        words.extend(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", &target, command]);
        finish(self.host.command(&words), b"")
    }
}

#[test]
#[ignore = "needs root"]
fn debian_serves_and_is_logged_into() {
    let site = Site::new();
    let host = &site.host;
    site.create("web");
    host.fief(&["start", "--wait", "web"]).ok();
    until("sshd listens", || site.ssh("web", "true").code == 0);

    let seen = site.ssh("web", "id -u; hostname; cat /proc/1/comm; cat /proc/[0-9]*/comm").said();
    assert!(seen.starts_with("0\nweb\ninit\n"), "{seen}");
    assert!(!seen.contains("systemd"), "{seen}");
    for daemon in ["sshd", "cron", "rsyslogd", "nginx"] {
        assert!(seen.lines().any(|line| line == daemon), "no {daemon}: {seen}");
    }
    let page = host.network(&["curl", "-sS", "--max-time", "60", &format!("http://{}/", host.address("web"))]).said();
    assert!(page.contains("nginx"), "{page}");
    assert_eq!(site.ssh("web", "exit 5").code, 5);
    // Maintainer scripts ask by this folder whether units start services.
    site.ssh("web", "test -d /run/systemd/system").ok();
    // All by the packages' own units, nginx with its fork and its PID file.
    for unit in ["ssh", "cron", "rsyslog", "nginx"] {
        let status = site.ssh("web", &format!("fiefctl status {unit}")).said();
        assert!(status.contains(&format!("systemd/system/{unit}.service")) && status.contains("active (running)"), "{status}");
    }
    let pids = site.ssh("web", "cat /run/nginx.pid; fiefctl status nginx | grep 'main pid'").said();
    let pid = pids.lines().next().unwrap_or_default();
    assert!(!pid.is_empty() && pids.contains(&format!("main pid: {pid}\n")), "{pids}");

    // What rsyslog hears is in the guest's own log.
    site.ssh("web", "logger fief-was-here").ok();
    until("rsyslog wrote it", || site.ssh("web", "cat /var/log/syslog /var/log/messages 2>/dev/null").stdout.contains("fief-was-here"));

    let language = || host.sh("web", "tr '\\0' '\\n' < /proc/$(pgrep -o -x cron)/environ | grep -e LANG -e LC_").said();
    assert_eq!(language(), "LANG=C.UTF-8\n");
    host.sh("web", "printf 'LANG=de_DE.UTF-8\\nLC_TIME=C.UTF-8\\n' > /etc/default/locale").ok();

    let boots = host.boot_count("web");
    drop(site.ssh("web", "reboot"));
    until("it is back", || host.boot_count("web") == boots + 1 && host.record("web")["ready"] == true);
    assert_eq!(language(), "LANG=de_DE.UTF-8\nLC_TIME=C.UTF-8\n");
    until("sshd listens again", || site.ssh("web", "true").code == 0);
    drop(site.ssh("web", "poweroff"));
    until("it is off", || host.state("web") == "stopped");
    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn a_second_container_costs_no_disk() {
    let site = Site::new();
    let host = &site.host;
    for name in ["one", "two"] {
        site.create(name);
        host.fief(&["start", name]).ok();
    }
    host.sh("one", "rm /etc/debian_version; echo changed > /etc/issue").ok();
    assert_ne!(host.sh("two", "cat /etc/debian_version /etc/issue").said(), "");
    assert!(!host.sh("two", "cat /etc/issue").said().contains("changed"));
    let layer = host.path("/var/lib/fief/containers/two");
    let kib: u64 = host.network(&["du", "-skx", layer.to_str().unwrap()]).said().split_whitespace().next().unwrap().parse().unwrap();
    assert!(kib < 8 * 1024, "{kib} KiB");
    assert_ne!(host.address("one"), host.address("two"));
}

#[test]
#[ignore = "needs root"]
fn services_of_the_guest_are_managed() {
    let site = Site::new();
    let host = &site.host;
    site.create("web");
    host.fief(&["start", "--wait", "web"]).ok();
    let ctl = |words: &[&str]| {
        let mut all = vec!["exec", "web", "--", "fiefctl"];
        all.extend(words);
        host.fief(&all)
    };
    ctl(&["stop", "cron"]).ok();
    assert!(!host.sh("web", "cat /proc/[0-9]*/comm").stdout.contains("cron\n"));
    ctl(&["start", "cron"]).ok();
    assert!(host.sh("web", "cat /proc/[0-9]*/comm").stdout.contains("cron\n"));
    ctl(&["restart", "nginx"]).ok();
    ctl(&["status", "nginx"]).ok();
    assert_ne!(ctl(&["start", "no-such-unit"]).code, 0);
    // A service that dies is started again.
    host.sh("web", "pkill -9 cron").ok();
    until("cron is back", || host.sh("web", "pgrep cron").code == 0);
}

#[test]
#[ignore = "needs root"]
fn units_whose_files_are_others_by_now_are_told() {
    let site = Site::new();
    let host = &site.host;
    site.create("web");
    host.fief(&["start", "--wait", "web"]).ok();
    let due =
        || host.sh("web", "fiefctl show -p Id -p NeedDaemonReload '*' | grep -B1 =yes | grep -o 'Id=.*' | sort | tr '\\n' ' '").stdout;
    let unit = |name: &str| host.sh("web", &format!("fiefctl show -p NeedDaemonReload {name}")).stdout;
    assert_eq!((due(), unit("cron")), (String::new(), "NeedDaemonReload=no\n".to_owned()));
    // A drop-in that is new, a file that has changed, one of another name in its place, one that has gone.
    host.sh(
        "web",
        "cd /etc/systemd/system; mkdir -p cron.service.d; printf '[Service]\\nNice=1\\n' > cron.service.d/a.conf
         echo >> /usr/lib/systemd/system/ssh.service; mkdir -p /etc/fief/units; echo '[service]\ncommand = \"/bin/true\"' > /etc/fief/units/nginx.toml
         rm /usr/lib/systemd/system/e2scrub_all.timer",
    )
    .ok();
    assert_eq!(due(), "Id=cron.service Id=e2scrub_all.timer Id=nginx.service Id=ssh.service ");
    let status = host.sh("web", "fiefctl status cron");
    assert!(status.stdout.contains("fiefctl reload-units"), "{status}");
    host.sh("web", "fiefctl reload-units").ok();
    assert_eq!((due(), unit("cron")), (String::new(), "NeedDaemonReload=no\n".to_owned()));
}

/// As Debian's handbook has it: all of eth0 said once more, a second address, a command, and an interface of his own.
const INTERFACES: &str = "auto lo\niface lo inet loopback\nsource /etc/network/interfaces.d/*\n\
    auto eth0\niface eth0 inet static\n    address OWN/16\n    gateway GATEWAY\n\
    iface eth0 inet static\n    address 192.0.2.77/24\n    up ip route add 198.51.100.0/24 via GATEWAY\n    up echo raised >> /run/raised\n\
    auto shop0\niface shop0 inet static\n    pre-up ip link add shop0 type bridge\n    post-down ip link delete shop0\n    address 10.99.0.1/24\n";

#[test]
#[ignore = "needs root"]
fn what_the_tenant_writes_for_ifupdown_holds_and_what_the_host_gave_too() {
    let site = Site::new();
    let host = &site.host;
    site.create("web");
    host.fief(&["start", "--wait", "web"]).ok();
    let own = host.address("web").to_string();
    let gateway = host.sh("web", "ip -4 route show default").said().split_whitespace().nth(2).unwrap().to_owned();
    let given = format!("inet {own}/16");
    let (six, out) = ("inet6 fd5e:f1ef::", format!("default via {gateway} "));
    let holds = |more: &[&str]| {
        let seen = host
            .sh("web", "systemctl is-active networking network; ip -o addr; ip route; cat /run/raised; ip -6 route show default")
            .stdout;
        for wanted in ["active\nactive\n", &given, six, &out, "default via fd5e:f1ef::1"].iter().chain(more) {
            assert!(seen.contains(wanted), "{wanted}: {seen}");
        }
        assert_eq!(seen.matches(&given).count(), 1, "{seen}");
        until("sshd answers at the address that was given", || site.ssh("web", "true").code == 0);
        seen
    };
    // The package's own file, which says nothing of eth0.
    holds(&[]);
    // The one that the launcher writes where there is none.
    host.sh("web", "rm /etc/network/interfaces").ok();
    host.fief(&["stop", "web"]).ok();
    host.fief(&["start", "--wait", "web"]).ok();
    holds(&[]);
    host.sh("web", "systemctl restart networking").ok();
    holds(&[]);
    host.sh("web", "ifdown eth0 && ifup eth0").ok();
    holds(&[]);

    let text = INTERFACES.replace("OWN", &own).replace("GATEWAY", &gateway);
    host.sh("web", &format!("printf '%s' '{text}' > /etc/network/interfaces")).ok();
    let boots = host.boot_count("web");
    drop(site.ssh("web", "reboot"));
    until("it is back", || host.boot_count("web") == boots + 1 && host.record("web")["ready"] == true);
    let his = ["inet 192.0.2.77/24", &format!("198.51.100.0/24 via {gateway}"), "raised\n", "inet 10.99.0.1/24"];
    holds(&his);
    host.sh("web", "systemctl restart networking").ok();
    assert_eq!(holds(&his).matches("raised\n").count(), 2);
    assert_eq!(host.sh("web", "systemctl --failed --no-legend").stdout, "");
}

/// Each writes 85 KB and ends, for ever.
const FALLS: &str = "[service]\ncommand = [\"/bin/sh\", \"-c\", \"yes a line of a flood | head -n 5000; exit 1\"]\n\
                     [restart]\npolicy = \"always\"\ndelay = \"100ms\"\nbackoff = 1.0\nburst = \"infinity\"\n";
/// What PID 1 has of its own, at most: 4 MiB of it are lines.
const MOST_KIB: u64 = 16 * 1024;

#[test]
#[ignore = "needs root"]
fn a_storm_of_falls_and_reloads_keeps_nobody_out() {
    let site = Site::new();
    let host = &site.host;
    site.create("web");
    host.fief(&["start", "--wait", "web"]).ok();
    until("sshd listens", || site.ssh("web", "true").code == 0);
    let pid = host.pid("web", "init").unwrap();
    let figure = |key: &str| -> u64 {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    let write = format!("mkdir -p /etc/fief/units; for n in $(seq 200); do printf '%s' '{FALLS}' > /etc/fief/units/fall$n.toml; done");
    host.sh("web", &write).ok();
    let ctl = |words: &str| host.sh("web", &format!("fiefctl {words}"));
    ctl("daemon-reload").ok();
    let all = |verb: &str| drop(ctl(&format!("{verb} $(cd /etc/fief/units; ls | sed s/.toml//)")));
    all("start");
    let falls = || -> u64 {
        let rows: serde_json::Value = serde_json::from_str(&ctl("--json list").said()).unwrap();
        rows.as_array().unwrap().iter().filter_map(|row| row["restarts"].as_u64()).sum()
    };
    let mut most = 0;
    // 35 MB and more.
    while falls() < 400 {
        site.ssh("web", "true").ok();
        ctl("daemon-reload").ok();
        most = most.max(figure("RssAnon:"));
        assert!(most < MOST_KIB, "{most} KiB");
    }
    let told: serde_json::Value = serde_json::from_str(&ctl("--json status").said()).unwrap();
    let longest = &told["turns"]["ever"];
    assert!(longest["us"].as_u64().unwrap() > 0 && longest["piece"] != "", "{longest}");
    all("stop");
    let switches = || figure("voluntary_ctxt_switches:") + figure("nonvoluntary_ctxt_switches:");
    until("PID 1 sleeps", || {
        let before = switches();
        std::thread::sleep(Duration::from_secs(3));
        switches() == before
    });
    site.ssh("web", "true").ok();
}
