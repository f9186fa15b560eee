//! SysV scripts of `/etc/init.d` that have no unit, as units.
//!
//! ```text
//!   # Provides: postgres            ─▶ Type=forking, RemainAfterExit=yes
//!   # Required-Start: $network      ─▶ After=network-online.target, Wants=
//!   # pidfile: /run/x.pid           ─▶ PIDFile=, RemainAfterExit=no
//!   /etc/rc3.d/S01postgres          ─▶ WantedBy multi-user.target
//! ```
//!
//! The rules are those of systemd-sysv-generator(8); the header is that of the Linux Standard Base,
//! "Comment Conventions for Init Scripts". The unit is made as text in systemd's syntax, so that it
//! goes through the same reader as everything else, and drop-ins for it count.

use crate::{Set, SourceFile, SourceKind, UnitName};
use std::fmt::Write;

/// What the paths of such units begin with; there is no such file.
pub const ROOT: &str = "generated";

/// Scripts that are no services, or whose work is done here by others.
const SKIPPED: [&str; 38] = [
    "README",
    "skeleton",
    "rc",
    "rcS",
    "rc.local",
    "rmnologin",
    "single",
    "halt",
    "reboot",
    "sendsigs",
    "umountfs",
    "umountroot",
    "umountnfs.sh",
    "killprocs",
    "bootlogd",
    "stop-bootlogd",
    "bootlogs",
    "bootmisc.sh",
    "checkfs.sh",
    "checkroot.sh",
    "checkroot-bootclean.sh",
    "hostname.sh",
    "hwclock.sh",
    "kmod",
    "mountall.sh",
    "mountall-bootclean.sh",
    "mountdevsubfs.sh",
    "mountkernfs.sh",
    "mountnfs.sh",
    "mountnfs-bootclean.sh",
    "networking",
    "procps",
    "urandom",
    "udev",
    "x11-common",
    "brightness",
    "screen-cleanup",
    "motd",
];

/// What a facility of the LSB is here; nothing where it holds from the beginning.
const FACILITIES: [(&str, Option<&str>); 8] = [
    ("local_fs", None),
    ("network", Some("network-online.target")),
    ("named", Some("nss-lookup.target")),
    ("portmap", Some("rpcbind.target")),
    ("remote_fs", Some("remote-fs.target")),
    ("syslog", None),
    ("time", Some("time-sync.target")),
    ("all", None),
];

/// Whether a script of this name is passed over.
#[must_use]
pub fn is_skipped(script: &str) -> bool {
    SKIPPED.contains(&script) || script.starts_with('.') || script.ends_with("~") || script.contains(".dpkg-")
}

/// The unit of a script: `None` for a name that can be none.
#[must_use]
pub fn unit_of(script: &str) -> Option<UnitName> {
    let stem = script.strip_suffix(".sh").unwrap_or(script);
    UnitName::new(&format!("{stem}.service")).ok()
}

/// A link `/etc/rcN.d/SNNname`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RcLink {
    /// The digit of its folder.
    pub level: char,
    /// Its priority.
    pub priority: u32,
}

impl RcLink {
    /// What a link says, by the name of its folder (`rc3.d`) and its own (`S01ssh`), and of which
    /// script; `None` for those that stop.
    #[must_use]
    pub fn read<'n>(folder: &str, name: &'n str) -> Option<(Self, &'n str)> {
        let level = folder.strip_prefix("rc")?.strip_suffix(".d")?.chars().next().filter(|level| "2345".contains(*level))?;
        let digits = name.strip_prefix('S')?.get(..2)?;
        Some((Self { level, priority: digits.parse().ok()? }, name.get(3..)?))
    }
}

/// What stands in the header of a script.
#[derive(Debug, Default)]
struct Header {
    description: String,
    provides: Vec<String>,
    required: Vec<String>,
    should: Vec<String>,
    before: Vec<String>,
    pid_file: Option<String>,
    has_reload: bool,
}

/// The script as a unit, wanted by multi-user.target if links start it.
#[must_use]
pub fn unit(script: &str, text: &str, links: &[RcLink]) -> Option<SourceFile> {
    let name = unit_of(script)?;
    let header = read(text);
    let mut unit = String::new();
    let title = if header.description.is_empty() { script } else { &header.description };
    let mut after: Set<String> = Set::new();
    let mut wants: Set<String> = Set::new();
    for needed in header.required.iter().chain(&header.should) {
        if let Some(other) = facility(needed) {
            if other.ends_with(".target") {
                wants.insert(other.clone());
            }
            after.insert(other);
        }
    }
    let mut before: Set<String> = header.before.iter().filter_map(|name| facility(name)).collect();
    // What provides a facility stands before it.
    before.extend(header.provides.iter().filter(|name| name.starts_with('$')).filter_map(|name| facility(name)));
    for set in [&mut after, &mut before] {
        set.remove(name.as_str());
    }
    if !links.is_empty() {
        before.insert("multi-user.target".to_owned());
    }
    let path = format!("/etc/init.d/{script}");
    let list = |names: &Set<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    // Writing to a String cannot fail.
    let _ = write!(unit, "[Unit]\nSourcePath={path}\nDescription={}\n", plain(title));
    for (key, names) in [("After", &after), ("Wants", &wants), ("Before", &before)] {
        if !names.is_empty() {
            let _ = writeln!(unit, "{key}={}", list(names));
        }
    }
    let _ = write!(
        unit,
        "[Service]\nType=forking\nRestart=no\nTimeoutSec=5min\nIgnoreSIGPIPE=no\nKillMode=process\nGuessMainPID=no\nRemainAfterExit={}\n",
        if header.pid_file.is_some() { "no" } else { "yes" }
    );
    if let Some(pid_file) = &header.pid_file {
        let _ = writeln!(unit, "PIDFile={}", plain(pid_file));
    }
    let _ = write!(unit, "SuccessExitStatus=5 6\nExecStart={path} start\nExecStop={path} stop\n");
    if header.has_reload {
        let _ = writeln!(unit, "ExecReload={path} reload");
    }
    Some(SourceFile { path: format!("{ROOT}/{}", name.as_str()), kind: SourceKind::Unit(unit.into_bytes()) })
}

/// As the value of an assignment: no specifier, and nothing that would continue the line.
fn plain(text: &str) -> String {
    text.replace(['\0', '\r'], " ").trim_end_matches('\\').replace('%', "%%")
}

/// The link that enables the unit of a script, for whoever collects files.
#[must_use]
pub fn enabled(name: &UnitName) -> SourceFile {
    let target = format!("{ROOT}/{}", name.as_str());
    SourceFile { path: format!("{ROOT}/multi-user.target.wants/{}", name.as_str()), kind: SourceKind::Alias { target } }
}

/// A unit for a word of the header: a facility, or another script.
fn facility(word: &str) -> Option<String> {
    match word.strip_prefix('$') {
        Some(word) => match FACILITIES.iter().find(|(facility, _)| *facility == word) {
            Some((_, target)) => target.map(ToOwned::to_owned),
            None => UnitName::new(&format!("{word}.target")).ok().map(|name| name.as_str().to_owned()),
        },
        None => unit_of(word).map(|name| name.as_str().to_owned()),
    }
}

fn read(text: &str) -> Header {
    let mut header = Header::default();
    let mut inside = false;
    let mut last = "";
    for line in text.lines() {
        if line.contains("{") && !line.starts_with('#') || line.contains("Usage") || line.contains("usage") {
            header.has_reload |= line.contains("reload");
        }
        let Some(comment) = line.strip_prefix('#') else { continue };
        let words = comment.trim();
        match words {
            "## BEGIN INIT INFO" | "### BEGIN INIT INFO" => inside = true,
            "## END INIT INFO" | "### END INIT INFO" => inside = false,
            _ => {}
        }
        if let Some(path) = words.strip_prefix("pidfile:").map(str::trim)
            && path.starts_with('/')
            && !path.contains(char::is_control)
            && !path.split('/').any(|part| part == "..")
        {
            header.pid_file = Some(path.to_owned());
        }
        if !inside {
            continue;
        }
        let list = |rest: &str| rest.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>();
        // A line that begins with blanks continues the description.
        match words.split_once(':').filter(|_| !comment.starts_with("  ") && !comment.starts_with('\t')) {
            Some((key, rest)) => {
                last = key;
                match key.trim().to_ascii_lowercase().as_str() {
                    "provides" => header.provides.extend(list(rest)),
                    "required-start" => header.required.extend(list(rest)),
                    "should-start" => header.should.extend(list(rest)),
                    "x-start-before" => header.before.extend(list(rest)),
                    "short-description" => header.description = rest.trim().to_owned(),
                    "description" if header.description.is_empty() => header.description = rest.trim().to_owned(),
                    _ => {}
                }
            }
            None if last.eq_ignore_ascii_case("required-start") => header.required.extend(list(words)),
            None => {}
        }
    }
    header
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::read as read_units;
    use crate::unit::ServiceType;

    #[test]
    fn a_pid_file_that_can_be_none_is_none() {
        for path in ["/run/a\0b.pid", "/run/../a.pid", "a.pid"] {
            let file = unit("thing.sh", &format!("#!/bin/sh\n# pidfile: {path}\n"), &[]).unwrap();
            let (set, told) = crate::read([file]);
            assert!(told.is_empty(), "{told:?}");
            let service = set.unit(&UnitName::new("thing").unwrap()).unwrap().service().unwrap();
            assert_eq!(service.kind, ServiceType::Forking { pid_file: None });
        }
    }

    #[test]
    fn a_title_is_one_line_of_plain_text() {
        let header = "### BEGIN INIT INFO\n# Short-Description: a\rb\0c 5% \\\n### END INIT INFO\n";
        let file = unit("thing.sh", &format!("#!/bin/sh\n{header}"), &[]).unwrap();
        let (set, told) = crate::read([file]);
        assert!(told.is_empty(), "{told:?}");
        assert_eq!(set.unit(&UnitName::new("thing").unwrap()).unwrap().description, "a b c 5%");
    }

    const SCRIPT: &str = "#!/bin/sh\n# pidfile: /run/shop.pid\n### BEGIN INIT INFO\n# Provides:          shop\n\
        # Required-Start:    $remote_fs $network $syslog db\n# Should-Start:      $named\n# X-Start-Before:    nginx\n\
        # Default-Start:     2 3 4 5\n# Short-Description: Sells 100%\n# Description: much more\n### END INIT INFO\n\
        case $1 in\n*) echo 'Usage: shop {start|stop|reload}';;\nesac\n";

    #[test]
    fn a_header_becomes_relations() {
        let name = unit_of("shop").unwrap();
        let file = unit("shop", SCRIPT, &[RcLink { level: '3', priority: 1 }]).unwrap();
        let (units, diagnostics) = read_units([file, enabled(&name)].into_iter().chain(crate::stock::files()));
        assert_eq!(diagnostics, []);
        let shop = units.unit(&name).unwrap();
        assert_eq!(shop.description, "Sells 100%");
        let after: Vec<&str> = shop.relations.after.iter().map(UnitName::as_str).collect();
        assert_eq!(after, ["db.service", "network-online.target", "nss-lookup.target", "remote-fs.target"]);
        assert!(shop.relations.before.contains(&UnitName::new("nginx").unwrap()));
        let service = shop.service().unwrap();
        assert_eq!(service.kind, ServiceType::Forking { pid_file: Some("/run/shop.pid".to_owned()) });
        assert!(!service.remain_after_exit);
        assert_eq!(service.start.first().unwrap().argv(|_| None), ["/etc/init.d/shop", "start"]);
        assert!(matches!(service.reload, crate::unit::Reload::Commands(_)));
        assert_eq!(shop.manner.source_path.as_deref(), Some("/etc/init.d/shop"));
        assert!(units.graph().node(&UnitName::new("multi-user.target").unwrap()).unwrap().wants.contains(&name));
    }

    #[test]
    fn a_script_without_a_header_remains_after_its_exit() {
        let file = unit("old.sh", "#!/bin/sh\nexec old\n", &[]).unwrap();
        let (units, diagnostics) = read_units([file]);
        assert_eq!(diagnostics, []);
        let old = units.unit(&UnitName::new("old").unwrap()).unwrap();
        assert!(old.service().unwrap().remain_after_exit);
        assert_eq!(old.description, "old.sh");
    }

    #[test]
    fn links_and_names() {
        assert_eq!(RcLink::read("rc3.d", "S01ssh"), Some((RcLink { level: '3', priority: 1 }, "ssh")));
        for (folder, name) in [("rc0.d", "S01x"), ("rc3.d", "K01x"), ("rc3.d", "Sx"), ("rcS.d", "S01x"), ("rc3.d", "Sé1x")] {
            assert_eq!(RcLink::read(folder, name), None, "{folder}/{name}");
        }
        assert!(is_skipped("rc.local") && is_skipped("x.dpkg-old") && !is_skipped("ssh"));
    }

    proptest::proptest! {
        #[test]
        fn no_script_makes_it_fail(text in "(# |### BEGIN INIT INFO\n|[a-zA-Z-]{1,8}:|\\PC|\n){0,60}") {
            let file = unit("x", &text, &[]);
            proptest::prop_assert!(file.is_some());
        }
    }
}
