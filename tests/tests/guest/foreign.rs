//! Trees that somebody else made, with an init of their own or none: imported, started, brought up to date, given back.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tests::{FOREIGN, Given, Host, Outcome, Seat, finish, program, until};

/// What a person types, and package systemd has too.
const NAMES: &str = "init systemctl journalctl reboot shutdown poweroff halt telinit runlevel hostnamectl loginctl";
const OURS: &str = "/usr/lib/fief/fief-init";

/// Every path beneath `root` with what is there: links as they are written, files with owner, mode and content.
fn everything(root: &Path) -> BTreeMap<PathBuf, (u32, u32, u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let about = path.symlink_metadata().unwrap();
            let what = if about.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if about.is_dir() {
                folders.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            let entry = (about.uid(), about.gid(), about.permissions().mode(), what);
            found.insert(path.strip_prefix(root).unwrap().to_owned(), entry);
        }
    }
    found
}

fn init(verb: &str, root: &Path) {
    let mut command = std::process::Command::new(program("fief-init"));
    command.args([verb, "--root"]).arg(root);
    finish(command, b"").ok();
}

/// Takes the names in a tree, and gives them back: all is as it was.
fn take_and_give_back(tree: &Path) {
    let before = everything(tree);
    init("install", tree);
    for name in ["sbin/init", "sbin/reboot", "bin/systemctl"] {
        assert_eq!(fs::read_link(tree.join(name)).unwrap(), Path::new(OURS), "{name}");
    }
    init("uninstall", tree);
    let after = everything(tree);
    let differ: Vec<_> = before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(differ.is_empty(), "{differ:?}");
}

/// A folder of the test's own with a key to log in with.
fn key(host: &Host) -> String {
    let key = host.path("/root/key");
    fs::create_dir_all(key.parent().unwrap()).unwrap();
    let key = key.to_str().unwrap().to_owned();
    host.network(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &key]).ok();
    key
}

/// A command by ssh: what a person's login finds, without the path of `fief exec`.
fn ssh(host: &Host, name: &str, key: &str, command: &str) -> Outcome {
    let target = format!("root@{}", host.address(name));
    // Who logs in waits for no logind: every activation that nobody answers takes 25 seconds.
    let mut words = vec!["timeout", "20", "ssh", "-i", key, "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=15"];
    words.extend(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", &target, command]);
    host.network(&words)
}

/// Creates and starts it, and waits until one can log in; the key for that.
fn start(host: &Host, name: &str, template: &str) -> String {
    let key = key(host);
    host.fief(&["create", name, "--template", template, "--ssh-key", &format!("{key}.pub")]).ok();
    host.fief(&["start", "--wait", name]).ok();
    until("sshd listens", || ssh(host, name, &key, "true").code == 0);
    key
}

#[test]
#[ignore = "needs root"]
fn a_tree_with_systemd_is_run_by_ours_and_its_upgrades_leave_our_names() {
    let mut host = Host::new();
    host.share_foreign();
    let key = start(&host, "sd", FOREIGN);
    let ssh = |command: &str| ssh(&host, "sd", &key, command);
    assert_eq!(ssh("cat /proc/1/comm; systemctl is-system-running").said(), "init\nrunning\n");
    let units = "for unit in ssh cron rsyslog nginx dbus; do systemctl is-active $unit; done | sort | uniq -c";
    assert_eq!(ssh(units).said().trim(), "5 active");
    let lead = format!("for name in {NAMES}; do readlink -f $(PATH=/usr/sbin:/usr/bin command -v $name); done | sort | uniq -c");
    let all_ours = format!("{} {OURS}", NAMES.split(' ').count());
    assert_eq!(ssh(&lead).said().trim(), all_ours);

    // Who is started by the bus is there at once; who is systemd's own is refused at once.
    let call = |name: &str| {
        ssh(&format!("timeout 10 busctl --system call org.freedesktop.{name} / org.freedesktop.DBus.Peer Ping; echo $?")).said()
    };
    assert_eq!(call("PolicyKit1").trim(), "0");
    for name in ["hostname1", "login1", "systemd1"] {
        assert_eq!(call(name).trim(), "1", "{name}");
    }
    assert_eq!(ssh("test -e /run/systemd/seats || test -e /run/nologin; echo $?").said(), "1\n");

    // The distribution brings its programs up to date: they come to lie beside ours.
    let version = "/bin/systemctl.fief-distrib-unmerged --version | head -n 1";
    let before = ssh(version).said();
    assert!(before.starts_with("systemd 2"), "{before}");
    let upgrade = "rm /bin/systemctl.fief-distrib-unmerged; DEBIAN_FRONTEND=noninteractive apt-get install --reinstall --yes \
                   /srv/debs/*.deb";
    ssh(upgrade).ok();
    assert_eq!(ssh(version).said(), before);
    assert_eq!(ssh(&lead).said().trim(), all_ours);
    // dpkg finds each file of its own where it has put it; documentation is left out of this tree.
    assert_eq!(ssh("dpkg --verify systemd systemd-sysv | grep -v ' /usr/share/'; true").said(), "");
    assert_eq!(ssh("systemctl is-system-running").said(), "running\n");

    let boots = host.boot_count("sd");
    drop(ssh("reboot"));
    until("it is back", || host.boot_count("sd") == boots + 1 && host.record("sd")["ready"] == true);
    until("sshd listens again", || ssh("true").code == 0);
    assert_eq!(ssh("systemctl is-system-running").said(), "running\n");

    // Given back, the names are the distribution's; PID 1 is ours still, and its systemctl speaks to it.
    host.sh("sd", "/run/host/fief/bin/fief-init uninstall").ok();
    let theirs =
        "readlink -f /sbin/init /sbin/reboot; /usr/bin/systemctl is-active cron; dpkg-divert --list '*.fief-distrib*'; ls /usr/lib/fief";
    let outcome = ssh(theirs);
    assert_eq!(outcome.stdout, "/usr/lib/systemd/systemd\n/usr/bin/systemctl\nactive\n", "{outcome}");
    host.fief(&["restart", "sd"]).ok();
    until("sshd listens once more", || ssh("true").code == 0);
    drop(ssh("/sbin/poweroff"));
    until("it is off", || host.state("sd") == "stopped");

    host.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn a_whole_systems_tree_is_given_back_to_the_byte() {
    let mut host = Host::new();
    let tree = host.foreign_tree();
    take_and_give_back(&tree);
}

/// What of cloud-init stands in the order of a boot: behind the address, before whatever waits for the network.
const CLOUD_INIT: &str = "[Unit]\nDefaultDependencies=no\nAfter=systemd-networkd-wait-online.service\nAfter=networking.service\n\
                          Before=network-online.target\nBefore=sshd.service\nBefore=sysinit.target\n[Service]\nType=oneshot\n\
                          ExecStart=/bin/true\nRemainAfterExit=yes\n[Install]\nWantedBy=multi-user.target\n";
const APPARMOR: &str = "[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\nConditionSecurity=apparmor\n\
                        AssertPathIsReadWrite=/sys/kernel/security/apparmor/.load\n[Service]\nType=oneshot\nExecStart=/bin/false\n\
                        [Install]\nWantedBy=sysinit.target\n";
const NETPLAN: &str = "network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n";

/// Gives Debian's tree what an Ubuntu image has otherwise: of a machine's (cloud-init, netplan, resolved) and of docker's.
fn make_ubuntus(tree: &Path) {
    let at = |path: &str| tree.join(path);
    let link = |target: &str, path: &str| {
        drop(fs::remove_file(at(path)));
        fs::create_dir_all(at(path).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, at(path)).unwrap();
    };
    let write = |path: &str, text: &str| {
        fs::create_dir_all(at(path).parent().unwrap()).unwrap();
        fs::write(at(path), text).unwrap();
    };
    write(
        "usr/lib/os-release",
        "NAME=Ubuntu\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\nPRETTY_NAME=\"Ubuntu 24.04\"\n",
    );
    link("../run/systemd/resolve/stub-resolv.conf", "etc/resolv.conf");
    write("etc/nsswitch.conf", "passwd: files systemd\ngroup: files systemd\nshadow: files\nhosts: files resolve [!UNAVAIL=return] dns\n");
    drop(fs::remove_dir_all(at("etc/network")));
    write("etc/netplan/50-cloud-init.yaml", NETPLAN);
    fs::set_permissions(at("etc/netplan/50-cloud-init.yaml"), fs::Permissions::from_mode(0o600)).unwrap();
    write("etc/fstab", "LABEL=cloudimg-rootfs / ext4 discard,errors=remount-ro 0 1\nLABEL=UEFI /boot/efi vfat umask=0077 0 1\n");
    for (name, text) in [("cloud-init", CLOUD_INIT), ("apparmor", APPARMOR)] {
        write(&format!("usr/lib/systemd/system/{name}.service"), text);
    }
    for (wants, unit) in [
        ("multi-user", "cloud-init"),
        ("sysinit", "apparmor"),
        ("multi-user", "systemd-networkd"),
        ("network-online", "systemd-networkd-wait-online"),
        ("sysinit", "systemd-resolved"),
    ] {
        link(&format!("/usr/lib/systemd/system/{unit}.service"), &format!("etc/systemd/system/{wants}.target.wants/{unit}.service"));
    }
    link("/usr/lib/systemd/system/systemd-networkd.service", "etc/systemd/system/dbus-org.freedesktop.network1.service");
    write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n");
    fs::set_permissions(at("usr/sbin/policy-rc.d"), fs::Permissions::from_mode(0o755)).unwrap();
    write(".dockerenv", "");
    for path in ["usr/sbin/init", "etc/machine-id", "etc/hostname"] {
        drop(fs::remove_file(at(path)));
    }
}

#[test]
#[ignore = "needs root"]
fn ubuntus_layout_is_a_container_like_any() {
    let mut host = Host::new();
    let tree = host.foreign_tree();
    make_ubuntus(&tree);
    let told = host.fief(&["template", "import", "ubuntu", tree.to_str().unwrap()]);
    let policy = told.stderr.lines().filter(|line| line.contains("policy-rc.d is left out")).count();
    assert_eq!((told.code, policy), (0, 1), "{told}");
    let key = start(&host, "ubuntu", "ubuntu");
    let ssh = |command: &str| ssh(&host, "ubuntu", &key, command);
    assert_eq!(ssh("systemctl is-system-running; readlink /sbin/init").said(), format!("running\n{OURS}\n"));
    let log = ssh("fiefctl logs -n 1000").said();
    assert!(log.contains("skipped apparmor: security apparmor") && log.contains("started cloud-init"), "{log}");
    assert!(!log.contains("cycle"), "{log}");
    // Its name, its address and its name server are the launcher's to give, by files that are files.
    let resolved =
        "test -f /etc/resolv.conf -a ! -L /etc/resolv.conf && grep -c ^nameserver /etc/resolv.conf && hostname && getent hosts ubuntu";
    let seen = ssh(resolved).said();
    assert!(seen.starts_with("1\nubuntu\n"), "{seen}");
    assert_eq!(ssh("ls /.dockerenv /usr/sbin/policy-rc.d 2> /dev/null; wc -c < /etc/machine-id").stdout, "33\n");
    // A package may start what it brings.
    assert_eq!(ssh("systemctl stop cron && invoke-rc.d cron start && systemctl is-active cron").said(), "active\n");
    // As the package systemd-resolved leaves it.
    ssh("ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf").ok();
    host.fief(&["restart", "ubuntu"]).ok();
    until("sshd listens again", || ssh("true").code == 0);
    assert_eq!(ssh(resolved).said(), seen);
}

/// A script of OpenRC's: its program is not there, as it would not be asked for.
const OPENRC: &str = "#!/sbin/openrc-run\ncommand=/usr/sbin/none\ndepend() {\n\tneed net\n}\n";

/// Alpine's layout: nothing merged, busybox by every name, OpenRC, no dpkg and no unit.
fn make_alpines(tree: &Path) {
    for folder in [
        "dev",
        "proc",
        "sys",
        "run",
        "tmp",
        "root",
        "usr/lib",
        "var/log",
        "lib/apk/db",
        "etc/init.d",
        "etc/runlevels/boot",
        "etc/runlevels/default",
    ] {
        fs::create_dir_all(tree.join(folder)).unwrap();
    }
    let write = |path: &str, text: &str| fs::write(tree.join(path), text).unwrap();
    write("etc/alpine-release", "3.20.3\n");
    write("etc/os-release", "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=\"Alpine Linux v3.20\"\n");
    write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n");
    write("etc/shadow", "root:*::0:::::\nnobody:!::0:::::\n");
    write("etc/group", "root:x:0:root\ntty:x:5:\nutmp:x:406:\nnobody:x:65534:\n");
    write("etc/shells", "/bin/sh\n");
    write("etc/inittab", "::sysinit:/sbin/openrc sysinit\n::wait:/sbin/openrc default\ntty1::respawn:/sbin/getty 38400 tty1\n");
    write("etc/fstab", "/dev/cdrom /media/cdrom iso9660 noauto,ro 0 0\n");
    for (script, runlevel) in [("hostname", "boot"), ("networking", "boot"), ("crond", "default"), ("sshd", "default"), ("acpid", "none")] {
        let path = tree.join("etc/init.d").join(script);
        fs::write(&path, OPENRC).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        if runlevel != "none" {
            std::os::unix::fs::symlink(format!("/etc/init.d/{script}"), tree.join("etc/runlevels").join(runlevel).join(script)).unwrap();
        }
    }
    let busybox = std::env::split_paths(&std::env::var_os("PATH").unwrap()).map(|dir| dir.join("busybox")).find(|path| path.is_file());
    let busybox = busybox.expect("busybox-static");
    let mut list = std::process::Command::new(&busybox);
    list.arg("--list-full");
    for name in finish(list, b"").said().lines().filter(|name| *name != "bin/busybox") {
        let path = tree.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/bin/busybox", path).unwrap();
    }
    drop(fs::remove_file(tree.join("bin/busybox")));
    fs::copy(busybox, tree.join("bin/busybox")).unwrap();
}

#[test]
#[ignore = "needs root"]
fn alpines_layout_boots_to_a_login_and_is_given_back() {
    let host = Host::new();
    let tree = host.path("/alpine");
    make_alpines(&tree);
    take_and_give_back(&tree);

    host.fief(&["template", "import", "alpine", tree.to_str().unwrap()]).ok();
    host.fief_fed(&["create", "al", "--template", "alpine", "--password", "-"], b"root:secret\n").ok();
    host.fief(&["start", "--wait", "al"]).ok();
    assert_eq!(
        host.sh("al", "cat /proc/1/comm; systemctl is-system-running; readlink -f /sbin/poweroff").said(),
        format!("init\nrunning\n{OURS}\n")
    );
    let logs = host.sh("al", "fiefctl logs -n 1000").said();
    let told: Vec<&str> = logs.lines().filter(|line| line.contains("OpenRC")).collect();
    assert!(matches!(told.as_slice(), [line] if line.contains("these were to be: crond sshd;")), "{told:?}");
    assert_eq!(host.sh("al", "systemctl status sshd").code, 4);
    assert_eq!(host.sh("al", "ls -l /etc/resolv.conf | cut -c1; hostname; ip -4 -o addr show eth0 | wc -l").said(), "-\nal\n1\n");

    let mut seat = Seat::new(&host, Given::All, &["console", "al"]);
    seat.type_in("\n");
    seat.expect("al login:");
    seat.type_in("root\n");
    seat.expect("Password:");
    seat.type_in("secret\n");
    seat.type_in("echo i am $(id -u) at $(tty)\n");
    seat.expect("i am 0 at /dev/console");
    seat.type_in("\u{1d}");
    assert_eq!(seat.end().0, 0);
    host.sh("al", "/sbin/poweroff").left();
    until("it is off", || host.state("al") == "stopped");
    host.assert_clean();
}
