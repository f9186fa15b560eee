//! Who a process is and what it may: users, groups, capabilities. capabilities(7), credentials(7).
#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::unistd::Gid;

/// A set of capabilities, by their kernel numbers (include/uapi/linux/capability.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities(u64);

/// The names in the kernel's order, without `CAP_`.
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

impl Capabilities {
    /// All that the names above cover.
    pub const ALL: Self = Self((1 << NAMES.len()) - 1);
    /// What a guest keeps: all but those that do nothing in a user namespace. Their absence makes `ConditionCapability=` units skip.
    pub const GUEST: Self = Self::ALL.without(&[16, 17, 25, 30, 32, 33, 34, 35, 36, 37]);

    const fn without(self, numbers: &[u32]) -> Self {
        let mut bits = self.0;
        let mut rest = numbers;
        while let [first, tail @ ..] = rest {
            bits &= !(1 << *first);
            rest = tail;
        }
        Self(bits)
    }

    /// The set of these names (`net_bind_service`, `CAP_NET_BIND_SERVICE`); the first unknown one as error.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut bits = 0;
        for name in names {
            let lower = name.to_ascii_lowercase();
            let plain = lower.strip_prefix("cap_").unwrap_or(&lower);
            let number = NAMES.iter().position(|n| *n == plain).ok_or(name)?;
            bits |= 1_u64 << number;
        }
        Ok(Self(bits))
    }

    /// Those whose bits are set, the first lowest: as proc_pid_status(5) shows them.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Whether capability `number` is in it.
    pub fn has(self, number: u32) -> bool {
        self.0.checked_shr(number).is_some_and(|b| b & 1 == 1)
    }
}

impl std::fmt::Display for Capabilities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let missing = Self(Self::ALL.0 & !self.0);
        if missing.0.count_ones() < self.0.count_ones() {
            f.write_str("all")?;
            missing.names().try_for_each(|n| write!(f, " -{n}"))
        } else {
            self.names().enumerate().try_for_each(|(i, n)| write!(f, "{}{n}", if i == 0 { "" } else { " " }))
        }
    }
}

impl Capabilities {
    fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().zip(0_u32..).filter(move |(_, i)| self.has(*i)).map(|(n, _)| *n)
    }
}

/// Cuts the bounding set of the calling process to `keep`, then empties its ambient and inheritable sets; permitted and effective follow
/// at the next execve(2). Allocates nothing.
pub(crate) fn bound(keep: Capabilities) -> Result<(), Errno> {
    for number in 0..64_u32 {
        if keep.has(number) {
            continue;
        }
        // SAFETY: this prctl(2) takes numbers. EINVAL ends the list of what this kernel knows.
        match Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(number), 0, 0, 0) }) {
            Ok(_) => {}
            Err(Errno::EINVAL) => break,
            // Without CAP_SETPCAP nothing can be cut; what is not there already is then as it is.
            Err(Errno::EPERM) if !in_bounding_set(number) => {}
            Err(e) => return Err(e),
        }
    }
    // SAFETY: this prctl(2) takes numbers. EINVAL: a kernel without ambient sets (before 4.3) has none to clear.
    match Errno::result(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) }) {
        Ok(_) | Err(Errno::EINVAL) => {}
        Err(e) => return Err(e),
    }
    clear_inheritable()
}

fn in_bounding_set(number: u32) -> bool {
    // SAFETY: this prctl(2) takes numbers.
    unsafe { libc::prctl(libc::PR_CAPBSET_READ, libc::c_ulong::from(number), 0, 0, 0) == 1 }
}

/// `struct __user_cap_header_struct` and two `struct __user_cap_data_struct`, capget(2), version 3.
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

fn clear_inheritable() -> Result<(), Errno> {
    change_capabilities(|half, _| half.inheritable = 0)
}

/// `change` sees each half of the sets, and by how many bits it is shifted.
fn change_capabilities(change: impl Fn(&mut Data, u32)) -> Result<(), Errno> {
    let mut header = Header { version: 0x2008_0522, pid: 0 };
    let mut data = [Data::default(); 2];
    // SAFETY: header and data have the layout and the number that version 3 asks for.
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) })?;
    for (half, shift) in data.iter_mut().zip([0, 32]) {
        change(half, shift);
    }
    // SAFETY: as above.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, data.as_ptr()) }).map(drop)
}

/// Groups first, then the group, then the user: the order in which each still has the right to. Allocates nothing.
pub(crate) fn become_ids(uid: u32, gid: u32, groups: &[Gid], keep_capabilities: bool) -> Result<(), Errno> {
    become_group(gid, groups)?;
    become_user(uid, keep_capabilities)
}

/// The groups alone.
pub(crate) fn become_group(gid: u32, groups: &[Gid]) -> Result<(), Errno> {
    // SAFETY: `Gid` is a transparent wrapper of gid_t; the length is the slice's. The system calls themselves, since a libc's
    // setresuid would signal other threads, which a child of clone3 has not.
    match Errno::result(unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) }) {
        // A user namespace mapped without privilege denies setgroups(2) and has no groups to shed; user_namespaces(7).
        Err(Errno::EPERM) if groups.is_empty() => {}
        other => drop(other?),
    }
    // SAFETY: takes numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) }).map(drop)
}

/// The user alone.
pub(crate) fn become_user(uid: u32, keep_capabilities: bool) -> Result<(), Errno> {
    if keep_capabilities {
        // SAFETY: this prctl(2) takes numbers.
        Errno::result(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) })?;
    }
    // SAFETY: takes numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) }).map(drop)
}

/// What is permitted is also in effect: a change of user has taken it out of it. Allocates nothing.
pub(crate) fn all_permitted_effective() -> Result<(), Errno> {
    change_capabilities(|half, _| half.effective = half.permitted)
}

/// Sets the secure bits, for which CAP_SETPCAP must be permitted. Allocates nothing.
pub(crate) fn secure_bits(bits: u32) -> Result<(), Errno> {
    all_permitted_effective()?;
    secure(libc::c_ulong::from(bits))
}

/// Makes `set` inheritable and ambient. Allocates nothing.
pub(crate) fn ambient(set: Capabilities) -> Result<(), Errno> {
    change_capabilities(|half, shift| {
        half.effective = half.permitted;
        half.inheritable |= u32::try_from(set.0 >> shift & 0xFFFF_FFFF).unwrap_or(0);
    })?;
    for number in (0..64_u32).filter(|number| set.has(*number)) {
        // SAFETY: this prctl(2) takes numbers.
        Errno::result(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, libc::c_ulong::from(number), 0, 0) })?;
    }
    Ok(())
}

const SECBIT_NO_SETUID_FIXUP: libc::c_ulong = 1 << 2;

/// Calls `act` with `id` as effective user and group and all capabilities kept, then is as before. A child that `act` makes by fork or clone has the
/// changed ids. Errors: `EPERM` without the right to change; then `act` was not called.
pub(crate) fn effectively<T>(id: u32, act: impl FnOnce() -> T) -> Result<T, Errno> {
    // The system calls themselves: a libc's would change all threads, these change the caller's alone.
    // SAFETY: this prctl(2) takes numbers.
    let bits = Errno::result(unsafe { libc::prctl(libc::PR_GET_SECUREBITS, 0, 0, 0, 0) })?;
    let bits = libc::c_ulong::try_from(bits).map_err(|_| Errno::EINVAL)?;
    let _back = Back { bits, uid: nix::unistd::geteuid().as_raw(), gid: nix::unistd::getegid().as_raw() };
    secure(bits | SECBIT_NO_SETUID_FIXUP)?;
    become_effectively(id, id)?;
    Ok(act())
}

/// What [`effectively`] goes back to, also when it unwinds.
struct Back {
    bits: libc::c_ulong,
    uid: u32,
    gid: u32,
}

impl Drop for Back {
    fn drop(&mut self) {
        // From what was allowed before to what was before: refused to nobody who came this far.
        let _ = become_effectively(self.uid, self.gid);
        let _ = secure(self.bits);
    }
}

fn secure(bits: libc::c_ulong) -> Result<(), Errno> {
    // SAFETY: this prctl(2) takes numbers.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_SECUREBITS, bits, 0, 0, 0) }).map(drop)
}

fn become_effectively(uid: u32, gid: u32) -> Result<(), Errno> {
    // SAFETY: both take numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresgid, u32::MAX, gid, u32::MAX) })?;
    // SAFETY: as above.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresuid, u32::MAX, uid, u32::MAX) }).map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn guest_lacks_what_is_inert_in_a_user_namespace() {
        let words = Capabilities::GUEST.to_string();
        assert_eq!(
            words,
            "all -sys_module -sys_rawio -sys_time -audit_control -mac_override -mac_admin -syslog -wake_alarm -block_suspend -audit_read"
        );
    }

    #[test]
    fn names_are_read_both_ways() {
        assert_eq!(Capabilities::named(["CAP_CHOWN", "kill"]).unwrap().to_string(), "chown kill");
        assert_eq!(Capabilities::named(["chown", "fly"]), Err("fly"));
    }
}
