//! Names that filters of system calls are written with: sets of calls, error numbers, address families. The
//! sets are those of systemd 252, `systemd-analyze syscall-filter`.

use crate::unit::CallRefusal;

/// `@set name name @set …`, one set on a line.
const SETS: &str = include_str!("calls.txt");

/// The names in a set; `None` when there is no such set.
fn set(name: &str) -> Option<impl Iterator<Item = &'static str>> {
    SETS.lines().find_map(|line| {
        let mut words = line.split(' ');
        (words.next() == Some(name)).then_some(words)
    })
}

/// Adds what a word means: a call, or all calls of a set and of the sets in it. False when it means nothing.
pub(crate) fn resolve(word: &str, found: &mut Vec<&'static str>) -> bool {
    if !word.starts_with('@') {
        let known = SETS.lines().flat_map(|line| line.split(' ')).find(|name| *name == word).or_else(|| {
            let names = LONELY.split_ascii_whitespace();
            names.into_iter().find(|name| *name == word)
        });
        found.extend(known);
        return known.is_some();
    }
    if word == "@known" {
        let named = SETS.lines().flat_map(|line| line.split(' ')).filter(|name| !name.starts_with('@'));
        found.extend(named.chain(LONELY.split_ascii_whitespace()));
        return true;
    }
    let Some(names) = set(word) else { return false };
    for name in names {
        if name.starts_with('@') {
            resolve(name, found);
        } else {
            found.push(name);
        }
    }
    true
}

/// All sets, for a suggestion.
pub(crate) fn sets() -> impl Iterator<Item = &'static str> {
    SETS.lines().filter_map(|line| line.split(' ').next())
}

/// Calls of this age that are in no set.
const LONELY: &str = "add_key afs_syscall cachestat create_module file_getattr file_setattr futex_requeue futex_wait futex_wake \
    get_kernel_syms getpmsg getxattrat idle io_uring_enter keyctl landlock_add_rule landlock_create_ruleset landlock_restrict_self listmount \
    listxattrat lsm_get_self_attr lsm_list_modules lsm_set_self_attr map_shadow_stack mseal nfsservctl open_tree_attr putpmsg query_module \
    removexattrat request_key s390_guarded_storage security set_mempolicy_home_node setxattrat statmount swapcontext tuxcall uprobe uretprobe \
    uselib vserver";

/// What is behind the colon of `name:EPERM`, and in `SystemCallErrorNumber=`.
pub(crate) fn refusal(text: &str) -> Option<CallRefusal> {
    if text == "kill" {
        return Some(CallRefusal::Kill);
    }
    let by_name = || (1..).zip(ERRORS.split(' ')).find(|(_, name)| *name == text && *name != "-").map(|(number, _)| number);
    let number = text.parse::<u16>().ok().filter(|number| *number <= 4095).or_else(by_name)?;
    Some(CallRefusal::Errno(number))
}

/// What [`refusal`] reads as this error; `None` for a number without a name.
pub(crate) fn error_name(number: u16) -> Option<&'static str> {
    ERRORS.split(' ').nth(usize::from(number).checked_sub(1)?).filter(|name| *name != "-")
}

/// errno(3) from 1 on; the same numbers on x86 and Arm.
const ERRORS: &str = "EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV \
    ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK \
    ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT \
    - EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ \
    EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE \
    ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET \
    ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS \
    ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED \
    EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON";

/// `AF_UNIX` and the like, by number; include/linux/socket.h.
pub(crate) fn family(name: &str) -> Option<u16> {
    let bare = name.strip_prefix("AF_")?;
    match bare {
        "LOCAL" => return Some(1),
        "ROUTE" => return Some(16),
        _ => {}
    }
    (1..).zip(FAMILIES.split(' ')).find(|(_, known)| *known == bare && *known != "-").map(|(number, _)| number)
}

/// What [`family`] reads as this number, without its `AF_`.
pub(crate) fn family_name(number: u16) -> Option<&'static str> {
    FAMILIES.split(' ').nth(usize::from(number).checked_sub(1)?).filter(|name| *name != "-")
}

const FAMILIES: &str = "UNIX INET AX25 IPX APPLETALK NETROM BRIDGE ATMPVC X25 INET6 ROSE DECnet NETBEUI SECURITY KEY NETLINK PACKET ASH ECONET \
    ATMSVC RDS SNA IRDA PPPOX WANPIPE LLC IB MPLS CAN TIPC BLUETOOTH IUCV RXRPC ISDN PHONET IEEE802154 CAIF ALG NFC VSOCK KCM QIPCRTR SMC XDP \
    MCTP";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_sets() {
        let mut found = Vec::new();
        assert!(resolve("@system-service", &mut found));
        assert!(found.contains(&"read") && found.contains(&"timer_create") && !found.contains(&"mount"));
        assert!(!resolve("@nothing", &mut found) && !resolve("no_such_call", &mut found));
        found.clear();
        assert!(resolve("keyctl", &mut found) && resolve("mseal", &mut found));
        assert!(resolve("@known", &mut found) && found.contains(&"uselib") && !found.iter().any(|name| name.starts_with('@')));
        assert_eq!(sets().count(), 28);
    }

    #[test]
    fn numbers_are_the_kernel_s() {
        for (name, number) in [("EPERM", 1), ("ENOSYS", 38), ("ENOMSG", 42), ("EBFONT", 59), ("EHWPOISON", 133), ("7", 7)] {
            assert_eq!(refusal(name), Some(CallRefusal::Errno(number)), "{name}");
            assert!(error_name(number) == Some(name) || name == "7", "{name}");
        }
        assert_eq!(refusal("kill"), Some(CallRefusal::Kill));
        assert_eq!(refusal("-"), None);
        for (name, number) in [("AF_UNIX", 1), ("AF_INET6", 10), ("AF_NETLINK", 16), ("AF_PACKET", 17), ("AF_VSOCK", 40), ("AF_MCTP", 45)] {
            assert_eq!(family(name), Some(number), "{name}");
            assert_eq!(family_name(number), name.strip_prefix("AF_"), "{name}");
        }
        assert_eq!(family("INET"), None);
    }
}
