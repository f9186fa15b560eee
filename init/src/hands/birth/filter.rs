//! The system calls a service may make, as one filter. systemd.exec(5), "System Call Filtering" and the restrictions beside it.

use kernel::Errno;
use kernel::seccomp::{self, Architecture, Condition, Filter, Program, Rule, Verdict};
use units::sandbox::calls;
use units::unit::{CallArchitecture, CallFilter, CallRefusal, Families, Sandbox};

const ALL: u32 = u32::MAX;

/// The filter that the restrictions come to, and the directive to name when it cannot be had; `None` where nothing is restricted.
pub(super) fn program(sandbox: &Sandbox) -> Option<(&'static str, Option<Program>)> {
    let mut draft = Draft { filter: Filter::new(), asked: None };
    draft.groups(sandbox);
    if let Some(families) = &sandbox.families {
        draft.families(families);
    }
    if let Some(allowed) = sandbox.namespaces {
        draft.namespaces(allowed);
    }
    if sandbox.no_realtime {
        draft.no_realtime();
    }
    if sandbox.no_suid {
        draft.no_suid();
    }
    if sandbox.no_write_execute {
        draft.no_write_execute();
    }
    if sandbox.lock_personality {
        // As it is, or asked for only.
        let now = sandbox.personality.unwrap_or(0);
        draft.deny("LockPersonality", "personality", vec![isnt(0, ALL, now), isnt(0, ALL, ALL)], Errno::EPERM);
    }
    if let Some(listed) = &sandbox.calls {
        draft.listed(listed, verdict(sandbox.call_error));
    }
    draft.architectures(&sandbox.architectures);
    draft.asked.map(|directive| (directive, draft.filter.compile()))
}

fn is(argument: u8, mask: u32, value: u32) -> Condition {
    Condition { argument, mask, value, equal: true }
}

fn isnt(argument: u8, mask: u32, value: u32) -> Condition {
    Condition { argument, mask, value, equal: false }
}

fn error(errno: Errno) -> Verdict {
    Verdict::Errno(u16::try_from(errno as i32).unwrap_or(1))
}

fn verdict(refusal: Option<CallRefusal>) -> Verdict {
    match refusal {
        Some(CallRefusal::Errno(number)) => Verdict::Errno(number),
        Some(CallRefusal::Kill) | None => Verdict::Kill,
    }
}

struct Draft {
    filter: Filter,
    asked: Option<&'static str>,
}

impl Draft {
    /// A call that fails when all conditions hold; one that this architecture has not cannot be made anyway.
    fn deny(&mut self, directive: &'static str, call: &str, when: Vec<Condition>, errno: Errno) {
        self.asked.get_or_insert(directive);
        let verdict = error(errno);
        match (seccomp::number(call), when.is_empty()) {
            (None, _) => {}
            (Some(number), true) => drop(self.filter.calls.insert(number, verdict)),
            (Some(call), false) => self.filter.rules.push(Rule { call, when, verdict }),
        }
    }

    /// What other restrictions take along; the sets are those that systemd takes.
    fn groups(&mut self, sandbox: &Sandbox) {
        let groups: [(&'static str, bool, Vec<&str>); 5] = [
            ("PrivateDevices", sandbox.private_devices, calls("@raw-io")),
            ("ProtectKernelModules", sandbox.kernel_modules, calls("@module")),
            ("ProtectKernelLogs", sandbox.kernel_logs, vec!["syslog"]),
            ("ProtectClock", sandbox.clock, calls("@clock")),
            ("ProtectHostname", sandbox.hostname, vec!["sethostname", "setdomainname"]),
        ];
        for (directive, _, names) in groups.into_iter().filter(|(_, on, _)| *on) {
            for name in names {
                self.deny(directive, name, Vec::new(), Errno::EPERM);
            }
        }
    }

    fn families(&mut self, families: &Families) {
        let name = "RestrictAddressFamilies";
        if families.allows {
            let others = families.list.iter().map(|family| isnt(0, ALL, u32::from(*family))).collect();
            self.deny(name, "socket", others, Errno::EAFNOSUPPORT);
        } else {
            for family in &families.list {
                self.deny(name, "socket", vec![is(0, ALL, u32::from(*family))], Errno::EAFNOSUPPORT);
            }
        }
    }

    /// Flags of clone(2) and unshare(2), the kind for setns(2). clone3(2) has its flags in memory, where no filter looks: whoever is told that
    /// there is no such call uses clone(2).
    fn namespaces(&mut self, allowed: u32) {
        const KINDS: [u32; 8] = [0x80, 0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];
        let name = "RestrictNamespaces";
        for kind in KINDS.into_iter().filter(|kind| allowed & kind == 0) {
            for (call, argument) in [("unshare", 0), ("setns", 1)] {
                self.deny(name, call, vec![is(argument, kind, kind)], Errno::EPERM);
            }
            // There the low bits are the signal.
            if kind != 0x80 {
                self.deny(name, "clone", vec![is(0, kind, kind)], Errno::EPERM);
            }
        }
        self.deny(name, "setns", vec![is(1, ALL, 0)], Errno::EPERM);
        self.deny(name, "clone3", Vec::new(), Errno::ENOSYS);
    }

    /// sched_setattr(2) has its policy in memory.
    fn no_realtime(&mut self) {
        const RESET_ON_FORK: u32 = 0x4000_0000;
        let ordinary = [libc::SCHED_OTHER, libc::SCHED_BATCH, libc::SCHED_IDLE];
        let others = ordinary.map(|policy| isnt(1, !RESET_ON_FORK, policy.cast_unsigned())).to_vec();
        self.deny("RestrictRealtime", "sched_setscheduler", others, Errno::EPERM);
        self.deny("RestrictRealtime", "sched_setattr", Vec::new(), Errno::EPERM);
    }

    fn no_suid(&mut self) {
        const O_CREAT: u32 = libc::O_CREAT.cast_unsigned();
        const O_TMPFILE: u32 = 0o20_000_000;
        let name = "RestrictSUIDSGID";
        for bit in [libc::S_ISUID, libc::S_ISGID] {
            for (call, mode) in [
                ("chmod", 1),
                ("fchmod", 1),
                ("fchmodat", 2),
                ("fchmodat2", 2),
                ("mkdir", 1),
                ("mkdirat", 2),
                ("mknod", 1),
                ("mknodat", 2),
                ("creat", 1),
            ] {
                self.deny(name, call, vec![is(mode, bit, bit)], Errno::EPERM);
            }
            for makes in [O_CREAT, O_TMPFILE] {
                self.deny(name, "open", vec![is(1, makes, makes), is(2, bit, bit)], Errno::EPERM);
                self.deny(name, "openat", vec![is(2, makes, makes), is(3, bit, bit)], Errno::EPERM);
            }
        }
        // Its mode is in memory; whoever is told that there is no such call uses openat(2).
        self.deny(name, "openat2", Vec::new(), Errno::ENOSYS);
    }

    fn no_write_execute(&mut self) {
        const WRITE: u32 = libc::PROT_WRITE.cast_unsigned();
        const EXECUTE: u32 = libc::PROT_EXEC.cast_unsigned();
        const SHM_EXEC: u32 = 0o100_000;
        let name = "MemoryDenyWriteExecute";
        self.deny(name, "mmap", vec![is(2, WRITE | EXECUTE, WRITE | EXECUTE)], Errno::EPERM);
        for call in ["mprotect", "pkey_mprotect"] {
            self.deny(name, call, vec![is(2, EXECUTE, EXECUTE)], Errno::EPERM);
        }
        self.deny(name, "shmat", vec![is(2, SHM_EXEC, SHM_EXEC)], Errno::EPERM);
    }

    /// Calls by name. With a list of what is allowed, those that nobody here knows do not exist, so that a program falls back to an older one.
    fn listed(&mut self, listed: &CallFilter, refused: Verdict) {
        self.asked.get_or_insert("SystemCallFilter");
        for (number, name) in seccomp::calls() {
            let verdict = match (listed.allows, listed.calls.get(name)) {
                (true, Some(None)) | (false, None) => continue,
                (_, Some(Some(refusal))) => verdict(Some(*refusal)),
                (true, None) | (false, Some(None)) => refused,
            };
            self.filter.calls.insert(number, verdict);
        }
        if listed.allows {
            for (number, _) in seccomp::calls() {
                self.filter.calls.entry(number).or_insert(Verdict::Allow);
            }
            self.filter.others = error(Errno::ENOSYS);
        }
    }

    /// Foreign calls have other numbers, so that they are let through only where nothing else is filtered.
    fn architectures(&mut self, wanted: &[CallArchitecture]) {
        if wanted.is_empty() {
            return;
        }
        let alone = self.asked.is_none();
        self.asked.get_or_insert("SystemCallArchitectures");
        if alone {
            let known = wanted.iter().filter_map(|architecture| match architecture {
                CallArchitecture::X86 => Some(Architecture::X86),
                CallArchitecture::X86_64 => Some(Architecture::X86_64),
                CallArchitecture::Arm => Some(Architecture::Arm),
                CallArchitecture::Arm64 => Some(Architecture::Arm64),
                CallArchitecture::Native | CallArchitecture::X32 | CallArchitecture::Other => None,
            });
            self.filter.foreign = known.filter(|architecture| *architecture != Architecture::NATIVE).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use units::unit::Service;

    fn sandbox(lines: &str) -> Sandbox {
        let text = format!("[Service]\nExecStart=/bin/true\n{lines}\n");
        let file = units::SourceFile { path: "/l/a.service".into(), kind: units::SourceKind::Unit(text.into()) };
        let (set, told) = units::read([file]);
        assert!(told.is_empty(), "{told:?}");
        let service: &Service = set.unit(&units::UnitName::new("a").unwrap()).unwrap().service().unwrap();
        Sandbox::clone(&service.sandbox)
    }

    #[test]
    fn everything_at_once_is_short_enough() {
        let all = "PrivateDevices=yes\nProtectKernelModules=yes\nProtectKernelLogs=yes\nProtectClock=yes\nProtectHostname=yes\n\
                   RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\nRestrictNamespaces=yes\nRestrictRealtime=yes\nRestrictSUIDSGID=yes\n\
                   LockPersonality=yes\nMemoryDenyWriteExecute=yes\nSystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources\n\
                   SystemCallErrorNumber=EPERM\nSystemCallArchitectures=native";
        let (directive, program) = program(&sandbox(all)).unwrap();
        assert_eq!(directive, "PrivateDevices");
        assert!(program.unwrap().length() < 1000);
    }

    #[test]
    fn nothing_restricted_is_no_filter() {
        assert!(program(&sandbox("NoNewPrivileges=yes")).is_none());
        assert!(program(&sandbox("SystemCallArchitectures=native")).is_some());
    }
}
