use super::ValueError;
use std::fmt;

/// A set of capabilities(7), by number.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct CapabilitySet(pub u64);

const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

impl CapabilitySet {
    /// All that this knows of.
    pub const ALL: Self = Self((1 << NAMES.len()) - 1);

    /// Names with or without `CAP_`, in any case, or numbers, between blanks.
    ///
    /// # Errors
    /// [`ValueError`] when one is no capability.
    pub fn read(text: &str) -> Result<Self, ValueError> {
        let mut bits = 0;
        for word in text.split_whitespace() {
            let lower = word.to_ascii_lowercase();
            let bare = lower.strip_prefix("cap_").unwrap_or(&lower);
            let numbered = || word.parse().ok().filter(|at| *at < NAMES.len());
            match NAMES.iter().position(|name| *name == bare).or_else(numbered) {
                Some(at) => bits |= 1 << at,
                None => return Err(ValueError(format!("{word:?} is no capability such as \"CAP_NET_BIND_SERVICE\""))),
            }
        }
        Ok(Self(bits))
    }

    /// Their names, `CAP_CHOWN`, in order.
    pub fn names(self) -> impl Iterator<Item = String> {
        NAMES.iter().enumerate().filter(move |(at, _)| self.0 & (1 << at) != 0).map(|(_, name)| format!("CAP_{}", name.to_uppercase()))
    }
}

impl fmt::Display for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Debug for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_and_numbers_agree_with_capabilities_7() {
        assert_eq!(CapabilitySet::read("CAP_NET_BIND_SERVICE sys_time").unwrap().0, 1 << 10 | 1 << 25);
        assert_eq!(CapabilitySet::read("cap_checkpoint_restore").unwrap().0, 1 << 40);
        assert_eq!(CapabilitySet(1 << 21 | 1).to_string(), "CAP_CHOWN CAP_SYS_ADMIN");
        assert!(CapabilitySet::read("CAP_NONSENSE").is_err());
        assert_eq!(CapabilitySet::read(&CapabilitySet::ALL.to_string()).unwrap(), CapabilitySet::ALL);
    }
}
