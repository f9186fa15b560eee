//! systemd's own units, which ours replace or a container has no use for.

use crate::{UnitKind, UnitName};

/// systemd's unit, and ours that does its work here.
const REPLACED: [(&str, &str); 9] = [
    ("systemd-tmpfiles-setup.service", "setup-tmpfiles.service"),
    ("systemd-tmpfiles-setup-dev.service", "setup-tmpfiles.service"),
    ("systemd-sysctl.service", "setup-sysctl.service"),
    ("procps.service", "setup-sysctl.service"),
    ("systemd-machine-id-commit.service", "setup-machine-id.service"),
    ("systemd-hostnamed.service", "setup-hostname.service"),
    ("systemd-networkd.service", "network.service"),
    // Not the target: cloud-init stands between these and it.
    ("systemd-networkd-wait-online.service", "network.service"),
    ("NetworkManager-wait-online.service", "network.service"),
];

/// Units whose names do not say it, but which come with systemd or belong to a machine.
const OTHERS: [&str; 41] = [
    "autovt@.service",
    "basic.target",
    "blockdev@.target",
    "console-getty.service",
    "container-getty@.service",
    "cryptdisks-early.service",
    "cryptdisks.service",
    "dbus-org.freedesktop.hostname1.service",
    "dbus-org.freedesktop.locale1.service",
    "dbus-org.freedesktop.login1.service",
    "dbus-org.freedesktop.timedate1.service",
    "debug-shell.service",
    "default.target",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "emergency.service",
    "getty-static.service",
    "getty.target",
    "getty@.service",
    "hwclock.service",
    "initrd-cleanup.service",
    "initrd-parse-etc.service",
    "initrd-switch-root.service",
    "initrd-udevadm-cleanup-db.service",
    "kmod-static-nodes.service",
    "ldconfig.service",
    "modprobe@.service",
    "multi-user.target",
    "proc-sys-fs-binfmt_misc.automount",
    "proc-sys-fs-binfmt_misc.mount",
    "quotaon.service",
    "rc-local.service",
    "rescue.service",
    "serial-getty@.service",
    "soft-reboot.target",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "sysinit.target",
    "user@.service",
];

/// Targets that systemd brings, and what reaches each by itself.
const TARGETS: [(&str, &str, Option<&str>); 41] = [
    ("bluetooth.target", "Bluetooth support", None),
    ("boot-complete.target", "Boot completion check", None),
    ("cryptsetup-pre.target", "Before encrypted volumes", None),
    ("cryptsetup.target", "Encrypted volumes", None),
    ("emergency.target", "Emergency mode", None),
    ("exit.target", "Exit", None),
    ("final.target", "Late shutdown", None),
    ("first-boot-complete.target", "First boot complete", None),
    ("getty-pre.target", "Before login prompts", None),
    ("graphical.target", "Graphical interface", Some("default.target")),
    ("halt.target", "Halt", None),
    ("integritysetup.target", "Integrity-protected volumes", None),
    ("kexec.target", "Reboot by another kernel", None),
    ("local-fs-pre.target", "Before local file systems", None),
    ("local-fs.target", "Local file systems", None),
    ("machines.target", "Containers", None),
    ("network-online.target", "Network is online", None),
    ("network-pre.target", "Before the network", None),
    ("network.target", "Network", None),
    ("nss-lookup.target", "Host and network name lookups", None),
    ("nss-user-lookup.target", "User and group name lookups", None),
    ("paths.target", "Path units", Some("basic.target")),
    ("poweroff.target", "Power off", None),
    ("printer.target", "Printer support", None),
    ("reboot.target", "Reboot", None),
    ("remote-cryptsetup.target", "Remote encrypted volumes", None),
    ("remote-fs-pre.target", "Before remote file systems", None),
    ("remote-fs.target", "Remote file systems", None),
    ("rescue.target", "Rescue mode", None),
    ("rpcbind.target", "RPC port mapper", None),
    ("shutdown.target", "Shutdown", None),
    ("slices.target", "Slice units", Some("basic.target")),
    ("smartcard.target", "Smart card", None),
    ("sockets.target", "Socket units", Some("basic.target")),
    ("sound.target", "Sound card", None),
    ("swap.target", "Swap", None),
    ("time-set.target", "System time set", None),
    ("time-sync.target", "System time synchronised", None),
    ("timers.target", "Timer units", Some("basic.target")),
    ("umount.target", "Unmount all file systems", None),
    ("veritysetup.target", "Verity-protected volumes", None),
];

/// systemd's own generators: of fstab(5), of disks, of the kernel's command line, of terminals and SysV scripts, which a
/// container has not or ours do. systemd.generator(7), "See Also".
const GENERATORS: [&str; 17] = [
    "systemd-bless-boot-generator",
    "systemd-cryptsetup-generator",
    "systemd-debug-generator",
    "systemd-factory-reset-generator",
    "systemd-fstab-generator",
    "systemd-getty-generator",
    "systemd-gpt-auto-generator",
    "systemd-hibernate-resume-generator",
    "systemd-import-generator",
    "systemd-integritysetup-generator",
    "systemd-rc-local-generator",
    "systemd-run-generator",
    "systemd-ssh-generator",
    "systemd-system-update-generator",
    "systemd-sysv-generator",
    "systemd-tpm2-generator",
    "systemd-veritysetup-generator",
];

/// Whether a generator of this name is one of systemd's own.
pub(crate) fn is_own_generator(name: &str) -> bool {
    GENERATORS.contains(&name)
}

/// Whether a file of systemd's is passed over: where it is the unit that systemd brings, and ours
/// does its work or nothing in a container does. What an administrator has put in its place counts,
/// unless it belongs to systemd by its name.
pub(crate) fn is_passed_over(path: &str, name: &str) -> bool {
    if name.ends_with(".toml") {
        return false;
    }
    UnitName::new(name).is_ok_and(|name| if path.starts_with("/etc/") { is_systemds_own(&name) } else { is_skipped(&name) })
}

/// Whether a unit of this name comes with systemd, and is passed over.
#[must_use]
pub fn is_skipped(name: &UnitName) -> bool {
    let text = name.as_str();
    let template = name.template();
    let named = OTHERS.contains(&text) || template.is_some_and(|t| OTHERS.contains(&t.as_str()));
    is_systemds_own(name) || named || is_standard(name)
}

/// By its name it is one of systemd's programs.
fn is_systemds_own(name: &UnitName) -> bool {
    let text = name.as_str();
    let prefixes = ["systemd-", "initrd", "user-runtime-dir@"];
    prefixes.iter().any(|prefix| text.starts_with(prefix)) && name.kind() != UnitKind::Slice
}

/// Whether it is one of the targets that systemd brings.
pub(crate) fn is_standard(name: &UnitName) -> bool {
    TARGETS.iter().any(|(target, _, _)| *target == name.as_str())
}

/// A target of systemd's as a file of ours.
pub(crate) fn standard_target(name: &UnitName) -> Option<String> {
    let (_, description, wanted_by) = TARGETS.iter().find(|(target, _, _)| *target == name.as_str())?;
    let install = wanted_by.map_or(String::new(), |by| format!("[install]\nwanted-by = [\"{by}\"]\n"));
    // Where an administrator has made it the default, this is how the rest is reached.
    let needs =
        if name.as_str() == "graphical.target" { "requires = [\"multi-user.target\"]\nafter = [\"multi-user.target\"]\n" } else { "" };
    Some(format!("description = \"{description}\"\ndefault-dependencies = false\n{needs}{install}"))
}

/// Our unit that does the work of this one.
pub(crate) fn replacement(name: &UnitName) -> Option<UnitName> {
    let (_, ours) = REPLACED.iter().find(|(theirs, _)| *theirs == name.as_str())?;
    UnitName::new(ours).ok()
}

/// Whether needing it is satisfied without its being there: systemd's own parts, devices and swap,
/// which a container has from the beginning or never.
pub(crate) fn is_satisfied(name: &UnitName) -> bool {
    match name.kind() {
        UnitKind::Device | UnitKind::Swap | UnitKind::Scope | UnitKind::Automount => true,
        UnitKind::Slice => matches!(name.as_str(), "-.slice" | "system.slice" | "user.slice" | "machine.slice"),
        UnitKind::Mount => matches!(name.as_str(), "-.mount" | "run.mount" | "tmp.mount") || is_skipped(name),
        UnitKind::Service | UnitKind::Target | UnitKind::Socket | UnitKind::Timer | UnitKind::Path => {
            is_skipped(name) || name.as_str() == "syslog.socket"
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn all_names_are_names() {
        let replaced = REPLACED.iter().flat_map(|(a, b)| [*a, *b]);
        for text in OTHERS.iter().copied().chain(TARGETS.iter().map(|(name, _, _)| *name)).chain(replaced) {
            assert_eq!(UnitName::new(text).unwrap().as_str(), text);
        }
        assert!(is_skipped(&UnitName::new("getty@tty1").unwrap()));
        assert!(is_skipped(&UnitName::new("systemd-journald.socket").unwrap()));
        // Of systemd 254, with an action that an older one does not know.
        assert!(is_skipped(&UnitName::new("soft-reboot.target").unwrap()));
        assert!(!is_skipped(&UnitName::new("system-cockpithttps.slice").unwrap()));
        assert!(!is_skipped(&UnitName::new("ssh").unwrap()));
    }
}
