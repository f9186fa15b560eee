//! What becomes of each directive that keeps a service from something: the one place that says so.
//!
//! ```text
//!   Kept        put in force; where the container does not permit it, told once and passed over,
//!               or the start is refused: `Without` says which
//!   PassedOver  told once, with the reason
//!   Refused     the service does not start
//! ```
//!
//! `strict = true` in `[sandbox]` (`X-FiefStrict=yes`) turns every passing over into a refusal.
//! `docs/sandbox.md` is this table (test `the_document_is_the_table`), and a test of PID 1 proves each
//! that is kept from inside.

/// One directive.
#[derive(Clone, Copy, Debug)]
pub struct Restriction {
    /// systemd's name of it.
    pub directive: &'static str,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// What becomes of a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is put in force, in this way.
    Kept(&'static str, Without),
    /// It is not, for this reason.
    PassedOver(&'static str),
    /// A unit with it does not start, for this reason.
    Refused(&'static str),
}

/// What follows where a directive cannot be put in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// The service runs without: it is as safe as it would be on no such system.
    GoesOn,
    /// The service does not start: it would see something else than was meant.
    Refuses,
}

use Outcome::{Kept, PassedOver, Refused};
use Without::{GoesOn, Refuses};

const fn row(directive: &'static str, outcome: Outcome) -> Restriction {
    Restriction { directive, outcome }
}

const MOUNTED: &str = "mounts in a namespace of the service's own";
const FILTERED: &str = "a filter of system calls";
const BPF: &str = "programs of the kernel's BPF cannot be attached from a user namespace";
const MODULE: &str = "the kernel's security modules are the host's";

/// All of them, in the order of systemd.exec(5) and systemd.resource-control(5).
pub const TABLE: &[Restriction] = &[
    row("RootDirectory", Kept("a root of the service's own", Refuses)),
    row("RootImage", Refused("an image would have to be mounted from a block device, which a user namespace may not")),
    row("MountImages", Refused("an image would have to be mounted from a block device, which a user namespace may not")),
    row("ExtensionImages", Refused("an image would have to be mounted from a block device, which a user namespace may not")),
    row("ExtensionDirectories", Refused("systemd's system extensions are not laid over /usr here")),
    row("MountAPIVFS", Kept("/proc, /sys, /dev and /run of the container in the service's root", Refuses)),
    row("BindPaths", Kept(MOUNTED, Refuses)),
    row("BindReadOnlyPaths", Kept(MOUNTED, Refuses)),
    row("TemporaryFileSystem", Kept(MOUNTED, Refuses)),
    row("PrivateTmp", Kept("directories in /tmp and /var/tmp that only the unit's processes see there", GoesOn)),
    row("PrivateDevices", Kept("a /dev of pseudo devices, no device calls, no capability to make devices", GoesOn)),
    row("PrivateNetwork", Kept("a network namespace with loopback up", GoesOn)),
    row("NetworkNamespacePath", Kept("the network namespace behind the path", Refuses)),
    row("PrivateIPC", Kept("an IPC namespace", GoesOn)),
    row("IPCNamespacePath", Kept("the IPC namespace behind the path", Refuses)),
    row("JoinsNamespaceOf", Kept("the other unit's network, IPC and temporary files while it is up", GoesOn)),
    row("PrivateUsers", Kept("a user namespace that knows root and the service's own user", GoesOn)),
    row("PrivatePIDs", PassedOver("the service's first process would have to be an init of its own")),
    row("PrivateMounts", Kept("a mount namespace", GoesOn)),
    row("MountFlags", Kept("a mount namespace of this propagation", GoesOn)),
    row("ProtectSystem", Kept(MOUNTED, GoesOn)),
    row("ProtectHome", Kept(MOUNTED, GoesOn)),
    row("ProtectProc", Kept("a /proc of the service's own", GoesOn)),
    row("ProcSubset", Kept("a /proc of the service's own", GoesOn)),
    row("ProtectKernelTunables", Kept(MOUNTED, GoesOn)),
    row("ProtectKernelModules", Kept("mounts, a filter of system calls, no capability", GoesOn)),
    row("ProtectKernelLogs", Kept("mounts, a filter of system calls, no capability", GoesOn)),
    row("ProtectControlGroups", Kept(MOUNTED, GoesOn)),
    row("ProtectHostname", Kept("a UTS namespace and a filter of system calls", GoesOn)),
    row("ProtectClock", Kept("a filter of system calls, no capability", GoesOn)),
    row("ReadWritePaths", Kept(MOUNTED, GoesOn)),
    row("ReadOnlyPaths", Kept(MOUNTED, GoesOn)),
    row("InaccessiblePaths", Kept(MOUNTED, GoesOn)),
    row("ExecPaths", Kept(MOUNTED, GoesOn)),
    row("NoExecPaths", Kept(MOUNTED, GoesOn)),
    row("SystemCallFilter", Kept(FILTERED, GoesOn)),
    row("SystemCallErrorNumber", Kept(FILTERED, GoesOn)),
    row("SystemCallArchitectures", Kept(FILTERED, GoesOn)),
    row("SystemCallLog", PassedOver("the kernel's audit log is the host's")),
    row("RestrictAddressFamilies", Kept(FILTERED, GoesOn)),
    row("RestrictNamespaces", Kept(FILTERED, GoesOn)),
    row("RestrictRealtime", Kept(FILTERED, GoesOn)),
    row("RestrictSUIDSGID", Kept(FILTERED, GoesOn)),
    row("RestrictFileSystems", PassedOver(BPF)),
    row("LockPersonality", Kept(FILTERED, GoesOn)),
    row("MemoryDenyWriteExecute", Kept(FILTERED, GoesOn)),
    row("Personality", Kept("personality(2)", GoesOn)),
    row("KeyringMode", Kept("a session keyring of the service's own", GoesOn)),
    row("RemoveIPC", PassedOver("System V objects of a user go with the container")),
    row("SELinuxContext", PassedOver(MODULE)),
    row("AppArmorProfile", PassedOver(MODULE)),
    row("SmackProcessLabel", PassedOver(MODULE)),
    row("DeviceAllow", PassedOver("a user namespace makes no devices, and which there are is the container's doing")),
    row("DevicePolicy", PassedOver("a user namespace makes no devices, and which there are is the container's doing")),
    row("IPAddressAllow", PassedOver(BPF)),
    row("IPAddressDeny", PassedOver(BPF)),
    row("IPIngressFilterPath", PassedOver(BPF)),
    row("IPEgressFilterPath", PassedOver(BPF)),
    row("SocketBindAllow", PassedOver(BPF)),
    row("SocketBindDeny", PassedOver(BPF)),
    row("RestrictNetworkInterfaces", PassedOver(BPF)),
    row("BPFProgram", PassedOver(BPF)),
    row("NFTSet", PassedOver("the container's own firewall rules are its root's to keep")),
];

/// The row of a directive.
#[must_use]
pub fn find(directive: &str) -> Option<&'static Restriction> {
    TABLE.iter().find(|row| row.directive == directive)
}

/// The system calls in one of systemd's sets, by name; none where there is no such set.
#[must_use]
pub fn calls(set: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    crate::systemd::calls::resolve(set, &mut names);
    names
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::systemd::directives::{Act, CGROUP, EXEC, UNIT};
    use std::fmt::Write;

    /// To write it anew: `UPDATE_DOCS=1 cargo test -p units the_document`.
    #[test]
    fn the_document_is_the_table() {
        let mut text = String::from(
            "# Sandboxing\n\nWhat becomes of systemd's sandboxing directives (and of the keys in `[sandbox]`, the same names in kebab-case) in a container. \
             Made from the table in `units/src/sandbox.rs`; each directive that is put in force is proven from inside by a test in \
             `init/tests/sandbox.rs`.\n\nBy default a restriction that cannot be had is told in the unit's log, once, and the service runs without. \
             `strict = true` in `[sandbox]` (`X-FiefStrict=yes` in systemd's syntax) refuses the start instead. Where the last column says *does not \
             start*, the service would see something else than was meant, and it never runs without.\n\nA service with a filter of system calls runs \
             native programs only: calls of other architectures (32-bit ones, x32) have other numbers, and would slip past. They kill the process, \
             unless `SystemCallArchitectures=` names the architecture and nothing else is filtered.\n\n\
             | directive | put in force by | where it cannot be |\n|---|---|---|\n",
        );
        for row in TABLE {
            let (how, without) = match row.outcome {
                Kept(how, GoesOn) => (how, "told, passed over"),
                Kept(how, Refuses) => (how, "does not start"),
                PassedOver(why) => ("–", why),
                Refused(why) => ("does not start", why),
            };
            let _ = writeln!(text, "| `{}` | {how} | {without} |", row.directive);
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sandbox.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), text);
    }

    #[test]
    fn every_restriction_is_in_the_table_once_and_as_it_is_carried_out() {
        let all: Vec<_> = [EXEC, CGROUP, UNIT].into_iter().flatten().collect();
        for row in TABLE {
            assert_eq!(TABLE.iter().filter(|other| other.directive == row.directive).count(), 1, "{}", row.directive);
            let directive = all.iter().find(|directive| directive.name == row.directive).unwrap();
            let agrees = match row.outcome {
                Kept(..) => matches!(directive.act, Act::Restrict(_)) && directive.done,
                PassedOver(_) => matches!(directive.act, Act::Hardening),
                Refused(_) => matches!(directive.act, Act::Vital(_)),
            };
            assert!(agrees, "{}", row.directive);
        }
        for directive in all.iter().filter(|directive| matches!(directive.act, Act::Hardening | Act::Restrict(_))) {
            assert!(find(directive.name).is_some(), "{}", directive.name);
        }
    }
}
