//! The units that come with fief-init.

use crate::{SourceFile, SourceKind};

/// What the path of a stock unit begins with.
const ROOT: &str = "built-in/";

macro_rules! stock {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../stock/", $name, ".toml")))),*]
    };
}

const FILES: &[(&str, &str)] = stock![
    "basic.target",
    "console-getty",
    "default.target",
    "emergency.target",
    "exit.target",
    "fief-bus",
    "fief-bus.socket",
    "fief-log",
    "fief-log.socket",
    "fief-shutdown",
    "getty.target",
    "halt.target",
    "kexec.target",
    "local-fs.target",
    "multi-user.target",
    "network",
    "network-online.target",
    "network.target",
    "poweroff.target",
    "reboot.target",
    "rc-local",
    "remote-fs.target",
    "rescue.target",
    "setup-credentials",
    "setup-fstab",
    "setup-hostname",
    "setup-interfaces",
    "setup-loopback",
    "setup-machine-id",
    "setup-ssh-host-keys",
    "setup-sysctl",
    "setup-tmpfiles",
    "sysinit.target",
    "syslog.socket",
    "systemd-tmpfiles-clean",
    "systemd-tmpfiles-clean.timer",
    "timers.target",
];

/// What is added to units of packages, whatever tree they come with; `/etc` may say otherwise.
const DROP_INS: &[(&str, &str)] = &[("dbus.service.d/50-fief.conf", include_str!("../stock/dbus.service.d/50-fief.conf"))];

/// Other names of them; systemd.special(7).
const ALIASES: &[(&str, &str)] = &[("ctrl-alt-del.target", "reboot.target")];

/// The files of `units/stock`, compiled in; to be read last, so that any file of the guest wins.
pub fn files() -> impl Iterator<Item = SourceFile> {
    let unit =
        |(name, text): &(&str, &str)| SourceFile { path: format!("{ROOT}{name}.toml"), kind: SourceKind::Unit(text.as_bytes().to_vec()) };
    let alias =
        |(name, of): &(&str, &str)| SourceFile { path: format!("{ROOT}{name}"), kind: SourceKind::Alias { target: (*of).to_owned() } };
    let drop_in =
        |(name, text): &(&str, &str)| SourceFile { path: format!("{ROOT}{name}"), kind: SourceKind::DropIn(text.as_bytes().to_vec()) };
    FILES.iter().map(unit).chain(ALIASES.iter().map(alias)).chain(DROP_INS.iter().map(drop_in))
}

/// Whether a file of this path came with fief-init.
#[must_use]
pub fn is_stock(path: &str) -> bool {
    path.starts_with(ROOT)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Entry, read};

    #[test]
    fn every_stock_unit_is_good_and_named_right() {
        let (units, diagnostics) = read(files());
        assert_eq!(diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
        assert_eq!(units.iter().count(), FILES.len());
        assert!(units.iter().all(|(_, entry)| matches!(entry, Entry::Unit(_))));
    }

    #[test]
    fn a_bus_of_debians_starts_its_services_itself_and_another_is_left_alone() {
        let line = "--system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only";
        let started = |name: &str, program: &str, more: &[SourceFile]| {
            let text = format!("[Service]\nType=notify\nExecStart=@/usr/bin/{program} @{program} {line}\n");
            let unit = SourceFile { path: format!("/usr/lib/systemd/system/{name}"), kind: SourceKind::Unit(text.into_bytes()) };
            let (units, diagnostics) = read(more.iter().cloned().chain([unit]).chain(files()));
            assert!(diagnostics.is_empty(), "{diagnostics:?}");
            let unit = units.unit(&crate::UnitName::new(name).unwrap()).unwrap();
            format!("{:?}", unit.service().unwrap().start)
        };
        let words = started("dbus.service", "dbus-daemon", &[]);
        assert!(words.contains("--syslog-only") && !words.contains("--systemd-activation"), "{words}");
        // dbus-broker has the name by a link, and a command line of its own.
        let link = SourceKind::Alias { target: "/usr/lib/systemd/system/dbus-broker.service".to_owned() };
        let link = SourceFile { path: "/etc/systemd/system/dbus.service".to_owned(), kind: link };
        let words = started("dbus-broker.service", "dbus-broker-launch", &[link]);
        assert!(words.contains("dbus-broker-launch"), "{words}");
        let own = SourceKind::DropIn(b"[Service]\nExecStart=\nExecStart=/opt/bus\n".to_vec());
        let own = SourceFile { path: "/etc/systemd/system/dbus.service.d/override.conf".to_owned(), kind: own };
        let words = started("dbus.service", "dbus-daemon", &[own]);
        assert!(words.contains("/opt/bus"), "{words}");
    }

    #[test]
    fn every_stock_unit_is_reached_from_the_default_target() {
        let (units, _) = read(files());
        let mut reached = crate::Set::new();
        // A server that wants the network asks for it by itself; who speaks D-Bus by connecting.
        let asked_for = [
            "network-online.target",
            "fief-bus",
            "fief-shutdown",
            "syslog.socket",
            "poweroff.target",
            "reboot.target",
            "halt.target",
            "kexec.target",
            "exit.target",
        ];
        let asked_for = ["default.target", "rescue.target", "emergency.target"].into_iter().chain(asked_for);
        let mut next: Vec<_> = asked_for.flat_map(crate::UnitName::new).collect();
        while let Some(name) = next.pop() {
            let begun = units.unit(&name).and_then(crate::Unit::triggers);
            if let Some(node) = units.graph().node(&name)
                && reached.insert(name)
            {
                next.extend(begun);
                next.extend(node.wants.iter().chain(&node.requires).cloned());
            }
        }
        let idle: Vec<String> = units.iter().map(|(n, _)| n).filter(|n| !reached.contains(*n)).map(ToString::to_string).collect();
        assert_eq!(idle, [""; 0]);
    }
}
