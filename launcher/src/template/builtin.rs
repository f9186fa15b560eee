//! The built-in template: the host's own `/usr`, read-only, beneath a fresh rest.
//!
//! It needs no download and takes no disk to speak of. Nothing of the host's `/etc`, `/var` or `/home` is in it: the
//! rest is made out of this file and of what names are found in `/usr`.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use super::{Draft, Kind, find};
use crate::config::Host;
use crate::error::{Class, Error};
use crate::store::{TemplateName, folder};

const STEP: &str = "making the built-in template";

/// Folders with their modes, parents first.
const FOLDERS: &[(&str, u32)] = &[
    ("boot", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("etc/alternatives", 0o755),
    ("etc/default", 0o755),
    ("etc/fief", 0o755),
    ("etc/fief/units", 0o755),
    ("etc/pam.d", 0o755),
    ("etc/profile.d", 0o755),
    ("etc/skel", 0o755),
    ("etc/systemd", 0o755),
    ("etc/systemd/system", 0o755),
    ("home", 0o755),
    ("media", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("srv", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("var", 0o755),
    ("var/cache", 0o755),
    ("var/lib", 0o755),
    ("var/lib/misc", 0o755),
    ("var/local", 0o755),
    ("var/log", 0o755),
    ("var/mail", 0o775),
    ("var/opt", 0o755),
    ("var/spool", 0o755),
    ("var/tmp", 0o1777),
];

/// Files with their modes. Root's password is locked: the way in is `fief enter`.
const FILES: &[(&str, u32, &str)] = &[
    (
        "etc/passwd",
        0o644,
        "root:x:0:0:root:/root:/bin/bash\n\
         daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
         bin:x:2:2:bin:/bin:/usr/sbin/nologin\n\
         sys:x:3:3:sys:/dev:/usr/sbin/nologin\n\
         sync:x:4:65534:sync:/bin:/bin/sync\n\
         man:x:6:12:man:/var/cache/man:/usr/sbin/nologin\n\
         mail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n\
         www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
         backup:x:34:34:backup:/var/backups:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    (
        "etc/group",
        0o644,
        "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nlp:x:7:\nmail:x:8:\nman:x:12:\n\
         kmem:x:15:\nsudo:x:27:\nwww-data:x:33:\nbackup:x:34:\nshadow:x:42:\nutmp:x:43:\nstaff:x:50:\nusers:x:100:\n\
         nogroup:x:65534:\n",
    ),
    (
        "etc/shadow",
        0o640,
        "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nbin:*:19000:0:99999:7:::\nsys:*:19000:0:99999:7:::\n\
         sync:*:19000:0:99999:7:::\nman:*:19000:0:99999:7:::\nmail:*:19000:0:99999:7:::\n\
         www-data:*:19000:0:99999:7:::\nbackup:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n",
    ),
    ("etc/gshadow", 0o640, "root:*::\nshadow:*::\nsudo:*::\n"),
    (
        "etc/nsswitch.conf",
        0o644,
        "passwd: files\ngroup: files\nshadow: files\ngshadow: files\nhosts: files dns\nnetworks: files\n\
         protocols: files\nservices: files\nethers: files\nrpc: files\n",
    ),
    ("etc/hosts", 0o644, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"),
    ("etc/host.conf", 0o644, "multi on\n"),
    ("etc/networks", 0o644, "default 0.0.0.0\nloopback 127.0.0.0\n"),
    ("etc/protocols", 0o644, "ip 0 IP\nicmp 1 ICMP\nigmp 2 IGMP\ntcp 6 TCP\nudp 17 UDP\nipv6 41 IPv6\nipv6-icmp 58 IPv6-ICMP\n"),
    (
        "etc/services",
        0o644,
        "ftp 21/tcp\nssh 22/tcp\ntelnet 23/tcp\nsmtp 25/tcp mail\ndomain 53/tcp\ndomain 53/udp\nhttp 80/tcp www\n\
         pop3 110/tcp\nntp 123/udp\nimap2 143/tcp imap\nhttps 443/tcp\nhttps 443/udp\nsyslog 514/udp\n",
    ),
    ("etc/shells", 0o644, "/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n"),
    (
        "etc/profile",
        0o644,
        "PATH=/run/host/fief/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/host/fief/tools\nexport PATH\n\
         if [ \"$(id -u)\" -eq 0 ]; then PS1='\\u@\\h:\\w# '; else PS1='\\u@\\h:\\w$ '; fi\numask 022\n\
         for file in /etc/profile.d/*.sh; do [ -r \"$file\" ] && . \"$file\"; done\nunset file\n",
    ),
    ("etc/bash.bashrc", 0o644, "[ -z \"$PS1\" ] || PS1='\\u@\\h:\\w\\$ '\n"),
    ("etc/environment", 0o644, "LANG=C.UTF-8\n"),
    ("etc/login.defs", 0o644, "UMASK 022\nUID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\nENCRYPT_METHOD SHA512\n"),
    ("etc/fstab", 0o644, ""),
    ("etc/motd", 0o644, "A fief over this host's own /usr; everything else is this container's alone.\n"),
    ("etc/issue", 0o644, "fief \\n \\l\n"),
    // Empty means: fill me from container_uuid (machine-id(5)).
    ("etc/machine-id", 0o444, ""),
    (
        "etc/pam.d/other",
        0o644,
        "auth required pam_deny.so\naccount required pam_deny.so\npassword required pam_deny.so\nsession required pam_deny.so\n",
    ),
    ("etc/pam.d/su", 0o644, PAM),
    ("etc/pam.d/su-l", 0o644, PAM),
    ("etc/pam.d/runuser", 0o644, PAM),
    ("etc/pam.d/runuser-l", 0o644, PAM),
    ("etc/pam.d/login", 0o644, PAM),
    ("etc/pam.d/sshd", 0o644, PAM),
    ("etc/pam.d/cron", 0o644, PAM),
    ("root/.profile", 0o644, "[ -z \"$BASH\" ] || [ ! -f ~/.bashrc ] || . ~/.bashrc\n"),
    ("root/.bashrc", 0o644, "case $- in *i*) ;; *) return 0 ;; esac\nPS1='\\u@\\h:\\w\\$ '\nalias ll='ls -l'\n"),
    ("var/log/wtmp", 0o664, ""),
    ("var/log/btmp", 0o660, ""),
    ("var/log/lastlog", 0o664, ""),
];

const PAM: &str = "auth sufficient pam_rootok.so\nauth required pam_unix.so\naccount required pam_unix.so\n\
                   password required pam_unix.so sha512\nsession required pam_unix.so\n";

/// Files of group shadow (42) and utmp (43).
const GROUPS: &[(&str, u32)] =
    &[("etc/shadow", 42), ("etc/gshadow", 42), ("var/log/wtmp", 43), ("var/log/btmp", 43), ("var/log/lastlog", 43), ("var/mail", 8)];

/// Links with their targets.
const LINKS: &[(&str, &str)] = &[
    ("etc/os-release", "../usr/lib/os-release"),
    ("etc/mtab", "../proc/self/mounts"),
    ("etc/localtime", "/usr/share/zoneinfo/Etc/UTC"),
    ("var/run", "/run"),
    ("var/lock", "/run/lock"),
    ("var/spool/mail", "../mail"),
];

/// Names in `/usr` that are links to `/etc/alternatives` on Debian, and what they may mean there.
const ALTERNATIVES: &[(&str, &[&str])] = &[
    ("awk", &["bin/mawk", "bin/gawk", "bin/original-awk"]),
    ("nawk", &["bin/mawk", "bin/gawk", "bin/original-awk"]),
    ("pager", &["bin/less", "bin/more"]),
    ("editor", &["bin/nano", "bin/vim.tiny", "bin/vim.basic", "bin/nvi"]),
    ("vi", &["bin/vim.basic", "bin/vim.tiny", "bin/nvi"]),
    ("vim", &["bin/vim.basic"]),
    ("which", &["bin/which.debianutils", "bin/which.gnu"]),
    ("nc", &["bin/nc.openbsd", "bin/nc.traditional"]),
    ("iptables", &["sbin/iptables-nft", "sbin/iptables-legacy"]),
    ("ip6tables", &["sbin/ip6tables-nft", "sbin/ip6tables-legacy"]),
];

/// Makes the built-in template unless it is there.
///
/// # Errors
/// When this host's `/usr` does not hold everything (an unmerged system), or it cannot be written.
pub fn ensure(host: &Host) -> Result<(), Error> {
    let name = TemplateName::builtin();
    match find(host, &name) {
        Ok(_) => return Ok(()),
        Err(error) if error.class() == Class::Missing => {}
        Err(error) => return Err(error),
    }
    let draft = match Draft::begin(host, &name, false) {
        // Someone was quicker.
        Err(error) if error.class() == Class::Exists => return Ok(()),
        other => other?,
    };
    fill(&draft.rootfs(), Path::new("/"))?;
    match draft.finish(Kind::HostUsr, "this host's /usr") {
        Err(error) if error.class() == Class::Exists => Ok(()),
        other => other.map(drop),
    }
}

/// Makes the tree at `rootfs`, for a host whose root is at `host`.
fn fill(rootfs: &Path, host: &Path) -> Result<(), Error> {
    let fail = |what: &str, error: std::io::Error| Error::new(Class::Template, STEP, what.to_owned()).source(error);
    for (path, mode) in FOLDERS {
        let path = rootfs.join(path);
        folder(&path, 0o700)
            .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode)))
            .map_err(|error| fail(&path.display().to_string(), error))?;
    }
    for (name, mode, text) in FILES {
        let path = rootfs.join(name);
        std::fs::write(&path, text)
            .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode)))
            .map_err(|error| fail(name, error))?;
    }
    for (name, group) in GROUPS {
        chown(rootfs.join(name), None, Some(*group)).map_err(|error| fail(name, error))?;
    }
    for (name, target) in LINKS {
        symlink(target, rootfs.join(name)).map_err(|error| fail(name, error))?;
    }
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        let there = host.join(name);
        match there.symlink_metadata() {
            Ok(meta) if meta.is_symlink() => {
                symlink(format!("usr/{name}"), rootfs.join(name)).map_err(|error| fail(name, error))?;
            }
            Ok(_) => {
                return Err(Error::new(Class::Unfit, STEP, format!("/{name} of this host is no link into /usr"))
                    .advice("build or import a template instead"));
            }
            Err(_) => {}
        }
    }
    for (name, candidates) in ALTERNATIVES {
        if let Some(found) = candidates.iter().find(|path| host.join("usr").join(path).is_file()) {
            let link = Path::new("etc/alternatives").join(name);
            symlink(format!("/usr/{found}"), rootfs.join(&link)).map_err(|error| fail(name, error))?;
        }
    }
    for name in wanted_by_packages(host) {
        symlink("/dev/null", rootfs.join("etc/systemd/system").join(&name)).map_err(|error| fail(&name, error))?;
    }
    Ok(())
}

/// Units that packages of the host have started by links in `/usr` itself. They are masked: the other half of such a package, its users and its
/// `/etc`, is the host's and not here. What systemd brings is fief-init's to pass over.
fn wanted_by_packages(host: &Path) -> BTreeSet<String> {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let farms = entries(&host.join("usr/lib/systemd/system")).map(|entry| entry.path());
    let farms = farms.filter(|path| path.extension().is_some_and(|kind| kind == "wants" || kind == "requires"));
    let names = farms.flat_map(|farm| entries(&farm).filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>());
    let runs = |name: &String| [".service", ".socket", ".timer", ".path"].iter().any(|kind| name.ends_with(kind));
    names.filter(|name| runs(name) && !name.starts_with("systemd-")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    fn host() -> tempfile::TempDir {
        let host = tempfile::tempdir().unwrap();
        fs::create_dir_all(host.path().join("usr/bin")).unwrap();
        fs::write(host.path().join("usr/bin/gawk"), "").unwrap();
        symlink("usr/bin", host.path().join("bin")).unwrap();
        let farm = host.path().join("usr/lib/systemd/system/multi-user.target.wants");
        fs::create_dir_all(&farm).unwrap();
        for name in ["dbus.service", "getty.target", "systemd-logind.service"] {
            symlink("../x", farm.join(name)).unwrap();
        }
        host
    }

    #[test]
    #[ignore = "needs root"]
    fn the_tree_is_fresh_and_locked() {
        let (host, rootfs) = (host(), tempfile::tempdir().unwrap());
        fill(rootfs.path(), host.path()).unwrap();
        let at = |path: &str| rootfs.path().join(path);
        assert_eq!(fs::read_link(at("bin")).unwrap(), Path::new("usr/bin"));
        assert_eq!(fs::read_link(at("etc/alternatives/awk")).unwrap(), Path::new("/usr/bin/gawk"));
        assert!(!at("lib64").is_symlink());
        assert_eq!(fs::read_link(at("etc/systemd/system/dbus.service")).unwrap(), Path::new("/dev/null"));
        assert_eq!(fs::read_dir(at("etc/systemd/system")).unwrap().count(), 1);
        assert!(fs::read_dir(at("usr")).unwrap().next().is_none());
        assert_eq!(fs::metadata(at("tmp")).unwrap().permissions().mode() & 0o7777, 0o1777);
        assert_eq!(fs::metadata(at("etc/shadow")).unwrap().permissions().mode() & 0o7777, 0o640);
    }

    #[test]
    fn every_account_is_locked_and_whole() {
        let text = |name: &str| FILES.iter().find(|(path, ..)| *path == name).unwrap().2;
        let names = |text: &str| text.lines().map(|line| line.split(':').next().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(text("etc/passwd")), names(text("etc/shadow")));
        assert!(text("etc/shadow").lines().all(|line| line.split(':').nth(1) == Some("*")));
        assert!(text("etc/passwd").lines().all(|line| line.split(':').count() == 7));
        assert!(text("etc/group").lines().all(|line| line.split(':').count() == 4));
    }
}
