//! Scripts of OpenRC, as Alpine has them in `/etc/init.d`: openrc-run(8) is their interpreter and wants its own runlevels around it, so
//! nothing here runs them. Those that a boot by OpenRC would have started are told of in one line.

use crate::search::{Nature, Tree};
use crate::{Set, SourceFile, SourceKind};

/// Where its scripts are.
const SCRIPTS: &str = "/etc/init.d";
/// Links to the scripts of a boot.
const RUNLEVELS: [&str; 3] = ["/etc/runlevels/sysinit", "/etc/runlevels/boot", "/etc/runlevels/default"];
/// Programs that such a script may be written for.
const INTERPRETERS: [&str; 2] = ["openrc-run", "runscript"];

/// Whose work PID 1, its stock units or the launcher do, or which is a machine's.
const NOT_MISSED: [&str; 37] = [
    "agetty",
    "binfmt",
    "bootmisc",
    "cgroups",
    "consolefont",
    "devfs",
    "dmesg",
    "fsck",
    "hostname",
    "hwclock",
    "hwdrivers",
    "keymaps",
    "killprocs",
    "klogd",
    "loadkmap",
    "localmount",
    "loopback",
    "machine-id",
    "mdev",
    "mdevd",
    "modules",
    "mount-ro",
    "networking",
    "osclock",
    "procfs",
    "root",
    "save-keymaps",
    "savecache",
    "seedrng",
    "staticroute",
    "swap",
    "swclock",
    "sysctl",
    "sysfs",
    "syslog",
    "termencoding",
    "urandom",
];

/// The scripts that a boot would start.
pub(crate) fn enabled(tree: &dyn Tree) -> Set<String> {
    let links = RUNLEVELS.iter().flat_map(|folder| tree.names(folder)).filter(|(_, nature)| *nature != Nature::Folder);
    links.map(|(name, _)| name).filter(|name| !NOT_MISSED.contains(&name.as_str())).collect()
}

/// Whether a script is one of OpenRC's, by its first line.
pub(crate) fn is_script(text: &[u8]) -> bool {
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(line) = first.strip_prefix(b"#!") else { return false };
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).take(2);
    words.any(|word| INTERPRETERS.iter().any(|name| word.rsplit(|byte| *byte == b'/').next() == Some(name.as_bytes())))
}

/// What to tell of these scripts; nothing if there are none.
pub(crate) fn remark(scripts: &[String]) -> Option<SourceFile> {
    let why = format!(
        "scripts of OpenRC are not run here, and these were to be: {}; a unit in /etc/fief/units can start the same program",
        scripts.join(" ")
    );
    (!scripts.is_empty()).then(|| SourceFile { path: SCRIPTS.to_owned(), kind: SourceKind::Unreadable(why) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::everything;
    use std::collections::BTreeMap;

    #[test]
    fn an_interpreter_is_known_by_its_name() {
        for (text, is) in [
            ("#!/sbin/openrc-run\ndepend() { }\n", true),
            ("#! /usr/bin/env openrc-run", true),
            ("#!/sbin/runscript", true),
            ("#!/bin/sh\n# openrc-run", false),
            ("#!/sbin/openrc-runner", false),
            ("openrc-run", false),
            ("", false),
        ] {
            assert_eq!(is_script(text.as_bytes()), is, "{text}");
        }
    }

    #[test]
    fn all_names_stand_in_order() {
        assert!(NOT_MISSED.is_sorted_by(|one, other| one < other));
    }

    /// Regular files, all of them executable.
    struct Files(BTreeMap<&'static str, &'static str>);

    impl Tree for Files {
        fn names(&self, folder: &str) -> Vec<(String, Nature)> {
            let names = self.0.keys().filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/'));
            names.filter(|name| !name.contains('/')).map(|name| (name.to_owned(), Nature::File)).collect()
        }

        fn link(&self, _path: &str) -> Option<String> {
            None
        }

        fn read(&self, path: &str, _limit: usize) -> Result<Vec<u8>, String> {
            self.0.get(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| "none".to_owned())
        }

        fn is_executable(&self, path: &str) -> bool {
            self.0.contains_key(path)
        }
    }

    #[test]
    fn what_was_to_be_started_is_told_once_and_is_no_unit() {
        let script = "#!/sbin/openrc-run\n";
        let tree = Files(
            [
                ("/etc/init.d/crond", script),
                ("/etc/init.d/hostname", script),
                ("/etc/init.d/idle", script),
                ("/etc/init.d/old", "#!/bin/sh\n"),
                ("/etc/init.d/sshd", script),
                ("/etc/runlevels/boot/hostname", ""),
                ("/etc/runlevels/default/crond", ""),
                ("/etc/runlevels/default/sshd", ""),
            ]
            .into(),
        );
        let (units, diagnostics) = crate::read(everything(&tree));
        let names: Vec<&str> = units.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["old.service"]);
        let told: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        assert!(matches!(told.as_slice(), [line] if line.contains("warning: ") && line.contains("were to be: crond sshd;")), "{told:?}");
    }
}
