//! Scripts in `/etc/init.d`: enabling such a one is update-rc.d(8)'s, which systemctl(1) calls by systemd-sysv-install.
//!
//! deb-systemd-helper, update-rc.d and this call each other: `$SYSTEMCTL_SKIP_SYSV` ends that.

use std::path::Path;
use std::process::Command;

use crate::fiefctl::output;
use crate::fiefctl::session::Failed;
use crate::say;

use super::links::Work;
use super::{code, names};

/// What systemd of Debian's has for it. It does no more than is done here where it is not there.
const INSTALL: &str = "/lib/systemd/systemd-sysv-install";

/// A word that means a script: its name, and whether there is a unit of that name too.
struct Script {
    name: String,
    has_unit: bool,
}

/// The words that do not mean scripts alone.
fn scripts(work: &Work<'_>) -> Result<(Vec<String>, Vec<Script>), Failed> {
    let words = &work.line.operands;
    let skipped = std::env::var("SYSTEMCTL_SKIP_SYSV").ok().as_deref().and_then(units::systemd::boolean) == Some(true);
    if skipped || work.line.has("global") {
        return Ok((words.clone(), Vec::new()));
    }
    let (mut others, mut scripts) = (Vec::new(), Vec::new());
    for word in words {
        let script = names::one(word).ok().and_then(|name| name.as_str().strip_suffix(".service").map(str::to_owned));
        let script = script.filter(|name| !word.starts_with('/') && Path::new(&work.tree.place(&format!("/etc/init.d/{name}"))).exists());
        let Some(name) = script else {
            others.push(word.clone());
            continue;
        };
        let has_unit = work.has_unit(&format!("{name}.service"))?;
        if has_unit {
            others.push(word.clone());
        }
        scripts.push(Script { name, has_unit });
    }
    Ok((others, scripts))
}

/// `enable` and `disable` of scripts; the words that are left, and how it went.
pub(super) fn redirect(work: &Work<'_>, verb: &str) -> Result<(Vec<String>, u8), Failed> {
    let (words, scripts) = scripts(work)?;
    let mut worst = code::OK;
    for script in &scripts {
        tell(work, script, verb);
        let done = install(work, verb, &script.name);
        worst = worst.max(if done { code::OK } else { code::FAILED });
    }
    Ok((words, worst))
}

/// `is-enabled` of scripts without a unit: the words that are left, and whether one of them is.
pub(super) fn are_enabled(work: &Work<'_>) -> Result<(Vec<String>, bool), Failed> {
    let (words, scripts) = scripts(work)?;
    let mut any = false;
    for script in scripts.iter().filter(|script| !script.has_unit) {
        tell(work, script, "is-enabled");
        let is = is_linked(work, &script.name);
        any |= is;
        if !work.line.has("quiet") {
            output(if is { "enabled\n" } else { "disabled\n" })?;
        }
    }
    Ok((words, any))
}

fn tell(work: &Work<'_>, script: &Script, verb: &str) {
    if work.line.has("quiet") {
        return;
    }
    let name = &script.name;
    if script.has_unit {
        say::error(format_args!("Synchronizing state of {name}.service with SysV service script with {INSTALL}."));
    } else {
        say::error(format_args!("{name}.service is not a native service, redirecting to systemd-sysv-install."));
    }
    let root = work.line.value("root").map_or_else(String::new, |root| format!(" --root={root}"));
    say::error(format_args!("Executing: {INSTALL}{root} {verb} {name}"));
}

/// `/etc/rcS.d/S01name`, `/etc/rc5.d/S03name`
fn is_linked(work: &Work<'_>, name: &str) -> bool {
    let is_start = |file: &str| file.strip_prefix('S').and_then(|rest| rest.get(2..)).is_some_and(|rest| rest == name);
    ["/etc/rcS.d", "/etc/rc5.d"].iter().any(|folder| {
        std::fs::read_dir(work.tree.place(folder))
            .into_iter()
            .flatten()
            .flatten()
            .any(|entry| is_start(&entry.file_name().to_string_lossy()))
    })
}

#[allow(clippy::disallowed_methods, reason = "systemctl is no init: it may wait for a child")]
fn install(work: &Work<'_>, verb: &str, name: &str) -> bool {
    let root = work.line.value("root").filter(|root| !root.trim_end_matches('/').is_empty());
    let run = |words: &[&str]| {
        let mut command = match root {
            Some(root) => {
                let mut command = Command::new("chroot");
                command.arg(root).arg("/usr/sbin/update-rc.d");
                command
            }
            None => Command::new("/usr/sbin/update-rc.d"),
        };
        command.args(words).env("_SKIP_SYSTEMD_NATIVE", "1").env("SYSTEMCTL_SKIP_SYSV", "1").status().is_ok_and(|status| status.success())
    };
    run(&[name, "defaults"]) && run(&[name, verb])
}
