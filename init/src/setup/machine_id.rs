//! /etc/machine-id: stable per container, new for a clone. machine-id(5).
//!
//! Missing, empty or "uninitialized" is filled from the container's uuid where the manager
//! gave one, else from the kernel's random uuid. A valid id is left alone.

use std::path::Path;

use super::{Trouble, replace, text};
use crate::say;

const FILE: &str = "etc/machine-id";

/// The id that a tree has.
pub(crate) struct MachineId {
    pub(crate) id: String,
    /// Where it has just been taken from; `None` where it was there before.
    pub(crate) source: Option<&'static str>,
}

pub(super) fn apply() -> Result<(), Trouble> {
    match beneath(Path::new("/")) {
        Ok(MachineId { source: None, .. }) => {}
        Ok(MachineId { id, .. }) => say::line(format_args!("machine id is {id}")),
        // A read-only /etc is the image's choice; programs that need the id will say so.
        Err(trouble @ Trouble::File { .. }) => say::line(format_args!("no machine id: {}", say::chain(&trouble))),
        Err(trouble @ Trouble::Wrong(_)) => return Err(trouble),
    }
    Ok(())
}

/// Of this tree, made where there is none. Only the running one is told an id by the container's manager.
pub(crate) fn beneath(root: &Path) -> Result<MachineId, Trouble> {
    let path = root.join(FILE);
    if let Some(id) = text(&path)?.as_deref().and_then(valid) {
        return Ok(MachineId { id, source: None });
    }
    let given = if root == Path::new("/") { given()? } else { None };
    let (id, source) = match given {
        Some(id) => (id, "container UUID"),
        None => {
            let random = text(Path::new("/proc/sys/kernel/random/uuid"))?.as_deref().and_then(valid);
            (random.ok_or_else(|| Trouble::Wrong("the kernel gives no random uuid".to_owned()))?, "random generator")
        }
    };
    replace(&path, 0o444, format!("{id}\n").as_bytes())?;
    Ok(MachineId { id, source: Some(source) })
}

/// By the manager.
fn given() -> Result<Option<String>, Trouble> {
    match std::env::var("container_uuid").ok().as_deref().and_then(valid) {
        Some(id) => Ok(Some(id)),
        None => Ok(text(Path::new("/run/host/container-uuid"))?.as_deref().and_then(valid)),
    }
}

/// 32 hexadecimal digits, not all zero; the dashes of a uuid are left out.
pub(crate) fn valid(text: &str) -> Option<String> {
    let id: String = text.trim().chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    let good = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && id.bytes().any(|byte| byte != b'0');
    good.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_becomes_an_id_and_nonsense_does_not() {
        assert_eq!(valid("0123ABCD-0000-4000-8000-00000000000f\n").as_deref(), Some("0123abcd00004000800000000000000f"));
        assert_eq!(valid("uninitialized"), None);
        assert_eq!(valid(""), None);
        assert_eq!(valid(&"0".repeat(32)), None);
    }
}
