//! Setters of systemd.exec(5), "Sandboxing" and "System Call Filtering".

use super::{Assigned, Fault, boolean};
use crate::Map;
use crate::file::{Draft, nearest};
use crate::systemd::calls;
use crate::systemd::paths::absolute;
use crate::systemd::words::Escapes;
use crate::unit::{
    Access, Bind, CallArchitecture, CallFilter, CallRefusal, Families, Keyring, MountPropagation, PathRule, ProtectHome, ProtectProc,
    ProtectSystem, Sandbox,
};

type Done = Result<(), Fault>;

fn sandbox(draft: &mut Draft) -> &mut Sandbox {
    &mut draft.service.service.sandbox
}

/// A switch.
pub(crate) fn restrict(draft: &mut Draft, a: &Assigned<'_>, field: fn(&mut Sandbox) -> &mut bool) -> Done {
    *field(sandbox(draft)) = if a.value.is_empty() { false } else { a.bool()? };
    Ok(())
}

pub(crate) fn mount_api(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    sandbox(draft).mount_api = a.or_reset(Assigned::bool)?;
    Ok(())
}

pub(crate) fn root_directory(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let text = a.text()?;
    let path = match text.as_str() {
        "" | "/" => None,
        path => Some(absolute(path).ok_or_else(|| Fault::Refused(format!("{path:?} is no absolute path")))?),
    };
    draft.service.service.execution.root_directory = path;
    Ok(())
}

fn namespace_path(a: &Assigned<'_>) -> Result<Option<String>, Fault> {
    let text = a.text()?;
    if text.is_empty() {
        return Ok(None);
    }
    absolute(&text).map(Some).ok_or_else(|| Fault::Refused(format!("{text:?} is no absolute path")))
}

pub(crate) fn network_path(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    sandbox(draft).network_path = namespace_path(a)?;
    Ok(())
}

pub(crate) fn ipc_path(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    sandbox(draft).ipc_path = namespace_path(a)?;
    Ok(())
}

pub(crate) fn joins(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    if a.value.is_empty() {
        sandbox(draft).joins.clear();
    }
    let names = a.names();
    sandbox(draft).joins.extend(names);
    Ok(())
}

pub(crate) fn protect_system(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    sandbox(draft).protect_system = match (a.value, boolean(a.value)) {
        ("full", _) => ProtectSystem::Full,
        ("strict", _) => ProtectSystem::Strict,
        ("", _) | (_, Some(false)) => ProtectSystem::No,
        (_, Some(true)) => ProtectSystem::Yes,
        (other, None) => return Err(format!("{other:?} is none of yes, full, strict, no").into()),
    };
    Ok(())
}

pub(crate) fn protect_home(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    sandbox(draft).protect_home = match (a.value, boolean(a.value)) {
        ("read-only", _) => ProtectHome::ReadOnly,
        ("tmpfs", _) => ProtectHome::Tmpfs,
        ("", _) | (_, Some(false)) => ProtectHome::No,
        (_, Some(true)) => ProtectHome::Yes,
        (other, None) => return Err(format!("{other:?} is none of yes, read-only, tmpfs, no").into()),
    };
    Ok(())
}

pub(crate) fn protect_proc(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let words = [
        ("", ProtectProc::Default),
        ("default", ProtectProc::Default),
        ("noaccess", ProtectProc::NoAccess),
        ("invisible", ProtectProc::Invisible),
        ("ptraceable", ProtectProc::Ptraceable),
    ];
    sandbox(draft).protect_proc = a.word(&words)?;
    Ok(())
}

pub(crate) fn proc_subset(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    sandbox(draft).only_processes = a.word(&[("", false), ("all", false), ("pid", true)])?;
    Ok(())
}

fn paths(draft: &mut Draft, a: &Assigned<'_>, access: Access) -> Done {
    if a.value.is_empty() {
        sandbox(draft).paths.retain(|rule| rule.access != access);
    }
    for word in a.words(Escapes::Strict) {
        let bare = word.strip_prefix('-');
        let path = bare.unwrap_or(&word);
        // `+`: in the service's own root, where a path is looked for here in any case.
        match absolute(path.strip_prefix('+').unwrap_or(path)) {
            Some(path) => sandbox(draft).paths.push(PathRule { access, path, optional: bare.is_some() }),
            None => a.warn(format!("{word:?} is no absolute path")),
        }
    }
    Ok(())
}

pub(crate) fn read_write_paths(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    paths(draft, a, Access::ReadWrite)
}

pub(crate) fn read_only_paths(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    paths(draft, a, Access::ReadOnly)
}

pub(crate) fn inaccessible_paths(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    paths(draft, a, Access::Inaccessible)
}

pub(crate) fn exec_paths(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    paths(draft, a, Access::Exec)
}

pub(crate) fn no_exec_paths(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    paths(draft, a, Access::NoExec)
}

fn binds(draft: &mut Draft, a: &Assigned<'_>, read_only: bool) -> Done {
    if a.value.is_empty() {
        sandbox(draft).binds.retain(|bind| bind.read_only != read_only);
    }
    for word in a.words(Escapes::Strict) {
        let bare = word.strip_prefix('-');
        let mut parts = bare.unwrap_or(&word).split(':');
        let from = parts.next().and_then(absolute);
        let to = parts.next().map_or_else(|| from.clone(), absolute);
        let recursive = match parts.next() {
            None | Some("rbind") => Some(true),
            Some("norbind") => Some(false),
            Some(_) => None,
        };
        match (from, to, recursive) {
            (Some(from), Some(to), Some(recursive)) => {
                sandbox(draft).binds.push(Bind { from, to, recursive, optional: bare.is_some(), read_only });
            }
            // Without it something else would run than was meant.
            _ => return Err(Fault::Refused(format!("{word:?} is nothing to bind, such as \"/from:/to\""))),
        }
    }
    Ok(())
}

pub(crate) fn bind_paths(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    binds(draft, a, false)
}

pub(crate) fn bind_read_only_paths(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    binds(draft, a, true)
}

pub(crate) fn temporary(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    if a.value.is_empty() {
        sandbox(draft).temporary.clear();
    }
    for word in a.words(Escapes::Bare) {
        let (path, options) = word.split_once(':').unwrap_or((&word, ""));
        let Some(path) = absolute(path) else { return Err(Fault::Refused(format!("{word:?} is no absolute path"))) };
        sandbox(draft).temporary.push((path, options.to_owned()));
    }
    Ok(())
}

pub(crate) fn mount_flags(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let words = [
        ("", None),
        ("shared", Some(MountPropagation::Shared)),
        ("slave", Some(MountPropagation::Slave)),
        ("private", Some(MountPropagation::Private)),
    ];
    sandbox(draft).propagation = a.word(&words)?;
    Ok(())
}

pub(crate) fn keyring(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let words = [("private", Keyring::Private), ("inherit", Keyring::Inherit), ("shared", Keyring::Shared)];
    sandbox(draft).keyring = a.word(&words)?;
    Ok(())
}

/// What is wrong with a word that names no call and no set.
fn unknown_call(word: &str) -> String {
    match nearest(word, calls::sets()).filter(|_| word.starts_with('@')) {
        Some(near) => format!("there is no set of system calls {word:?}; did you mean {near:?}?"),
        None => format!("no system call is named {word:?}"),
    }
}

/// As systemd: the first line says whether what is listed is allowed or refused; a later one of the
/// other kind takes names away again, or gives them an error number of their own.
pub(crate) fn calls(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    if a.value.is_empty() {
        sandbox(draft).calls = None;
        return Ok(());
    }
    let (inverted, list) = match a.value.strip_prefix('~') {
        Some(list) => (true, list),
        None => (false, a.value),
    };
    let filter = sandbox(draft).calls.get_or_insert_with(|| {
        let mut filter = CallFilter { allows: !inverted, calls: Map::new() };
        if !inverted {
            add(&mut filter, "@default", None, true);
        }
        filter
    });
    for word in list.split_whitespace() {
        let (name, refusal) = match word.split_once(':') {
            Some(_) if !inverted => {
                a.warn(format!("{word:?} is passed over: a call that is allowed fails with no error"));
                continue;
            }
            Some((name, text)) => match calls::refusal(text) {
                Some(refusal) => (name, Some(refusal)),
                None => {
                    a.warn(format!("{text:?} is no error number such as \"EPERM\""));
                    continue;
                }
            },
            None => (word, None),
        };
        let adds = inverted != filter.allows || refusal.is_some();
        if !add(filter, name, refusal, adds) {
            a.warn(unknown_call(name));
        }
    }
    Ok(())
}

fn add(filter: &mut CallFilter, word: &str, refusal: Option<CallRefusal>, adds: bool) -> bool {
    let mut names = Vec::new();
    let known = calls::resolve(word, &mut names);
    for name in names {
        if adds {
            filter.calls.insert(name.to_owned(), refusal);
        } else {
            filter.calls.remove(name);
        }
    }
    known
}

pub(crate) fn call_error(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let refusal = calls::refusal(a.value).ok_or_else(|| format!("{:?} is no error number such as \"EPERM\"", a.value));
    sandbox(draft).call_error = if a.value.is_empty() { None } else { Some(refusal?) };
    Ok(())
}

pub(crate) fn architectures(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    if a.value.is_empty() {
        sandbox(draft).architectures.clear();
    }
    for word in a.value.split_whitespace() {
        sandbox(draft).architectures.push(match word {
            "native" => CallArchitecture::Native,
            "x86" => CallArchitecture::X86,
            "x86-64" => CallArchitecture::X86_64,
            "x32" => CallArchitecture::X32,
            "arm" => CallArchitecture::Arm,
            "arm64" => CallArchitecture::Arm64,
            "mips" | "mips64" | "mips64-n32" | "mips-le" | "mips64-le" | "mips64-le-n32" | "ppc" | "ppc64" | "ppc64-le" | "riscv64"
            | "s390" | "s390x" | "ia64" | "parisc" | "parisc64" | "sparc" | "sparc64" | "loongarch64" => CallArchitecture::Other,
            other => {
                a.warn(format!("{other:?} is no architecture such as \"native\" or \"x86-64\""));
                continue;
            }
        });
    }
    Ok(())
}

pub(crate) fn families(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    if a.value.is_empty() {
        sandbox(draft).families = None;
        return Ok(());
    }
    if a.value == "none" {
        sandbox(draft).families = Some(Families { allows: true, list: crate::Set::new() });
        return Ok(());
    }
    let (inverted, list) = match a.value.strip_prefix('~') {
        Some(list) => (true, list),
        None => (false, a.value),
    };
    let families = sandbox(draft).families.get_or_insert(Families { allows: !inverted, list: crate::Set::new() });
    for word in list.split_whitespace() {
        match calls::family(word) {
            Some(number) if inverted != families.allows => drop(families.list.insert(number)),
            Some(number) => drop(families.list.remove(&number)),
            None => a.warn(format!("{word:?} is no family of addresses such as \"AF_INET\"")),
        }
    }
    Ok(())
}

/// `CLONE_NEW*`, sched.h.
const NAMESPACES: [(&str, u32); 8] = [
    ("cgroup", 0x0200_0000),
    ("ipc", 0x0800_0000),
    ("net", 0x4000_0000),
    ("mnt", 0x0002_0000),
    ("pid", 0x2000_0000),
    ("user", 0x1000_0000),
    ("uts", 0x0400_0000),
    ("time", 0x80),
];

pub(crate) fn namespaces(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let all = NAMESPACES.iter().fold(0, |bits, (_, flag)| bits | flag);
    match (a.value, boolean(a.value)) {
        ("", _) | (_, Some(false)) => sandbox(draft).namespaces = None,
        (_, Some(true)) => sandbox(draft).namespaces = Some(0),
        (value, None) => {
            let (inverted, list) = match value.strip_prefix('~') {
                Some(list) => (true, list),
                None => (false, value),
            };
            let mut bits = 0;
            for word in list.split_whitespace() {
                match NAMESPACES.iter().find(|(name, _)| *name == word) {
                    Some((_, flag)) => bits |= flag,
                    None => a.warn(format!("{word:?} is no kind of namespace such as \"net\"")),
                }
            }
            let before = sandbox(draft).namespaces;
            sandbox(draft).namespaces = Some(if inverted { before.unwrap_or(all) & !bits } else { before.unwrap_or(0) | bits });
        }
    }
    Ok(())
}

pub(crate) fn personality(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    const PER_LINUX32: u32 = 8;
    sandbox(draft).personality = match a.value {
        "" => None,
        "x86" | "arm" => Some(PER_LINUX32),
        "x86-64" | "arm64" => Some(0),
        other => return Err(format!("{other:?} is no architecture of this machine").into()),
    };
    Ok(())
}
