//! The system as a whole: `poweroff` and its kin, targets to be in, what PID 1 is set to; and `set-property`, `edit`, `revert`.

use std::fs;
use std::path::Path;

use units::UnitName;
use units::control::Way;

use crate::fiefctl::line::Line;
use crate::fiefctl::session::{Failed, Session};
use crate::fiefctl::sources::Beneath;
use crate::fiefctl::{edit, output, power, set};
use crate::say;

use super::{code, jobs, names};

/// `poweroff`, `halt`, `reboot`, `kexec`, `exit`
pub(super) fn leave(line: &Line) -> Result<u8, Failed> {
    let way = match line.verb.name {
        "poweroff" => Way::Poweroff,
        "halt" => Way::Halt,
        "exit" => {
            let word = line.operands.first().map_or("0", String::as_str);
            Way::Exit(word.parse().map_err(|_| Failed::Told("Invalid exit code.".to_owned()))?)
        }
        // There is no other kernel to begin with.
        _ => Way::Reboot,
    };
    if line.has("dry-run") {
        return Ok(code::OK);
    }
    power::leave_by(way, line.has("force"))?;
    Ok(code::OK)
}

/// `default`, `rescue`, `emergency`
pub(super) fn target(line: &Line) -> Result<u8, Failed> {
    if line.has("dry-run") {
        return Ok(code::OK);
    }
    jobs::carry_out(line, "start", &[format!("{}.target", line.verb.name)], true)
}

/// `suspend` and its kin: a container does not sleep.
pub(super) fn sleep(line: &Line) -> Result<u8, Failed> {
    let verb = line.verb.name;
    Err(Failed::Told(format!("Call to {verb} failed: Sleep verb \"{verb}\" not supported")))
}

/// `log-level`, `log-target`, `service-watchdogs`: what PID 1 does, which cannot be changed.
pub(super) fn setting(line: &Line) -> Result<u8, Failed> {
    const LEVELS: &[&str] = &["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    const TARGETS: &[&str] = &["console", "kmsg", "journal", "syslog", "journal-or-kmsg", "syslog-or-kmsg", "auto", "null"];
    let verb = line.verb.name;
    let is = match verb {
        "log-level" => "info",
        "log-target" => "journal",
        _ => "yes",
    };
    let Some(wanted) = line.operands.first().map(String::as_str) else {
        output(&format!("{is}\n"))?;
        return Ok(code::OK);
    };
    let odd = match verb {
        "log-level" if !LEVELS.contains(&wanted) && wanted.parse::<u8>().ok().is_none_or(|level| level > 7) => {
            Some(format!("\"{wanted}\" is not a valid log level."))
        }
        "log-target" if !TARGETS.contains(&wanted) => {
            Some(format!("Failed to set log target of org.freedesktop.systemd1 to {wanted}: Invalid log target '{wanted}'"))
        }
        "service-watchdogs" if units::systemd::boolean(wanted).is_none() => {
            Some("Failed to parse service-watchdogs argument: Invalid argument".to_owned())
        }
        _ => None,
    };
    match odd {
        Some(odd) => Err(Failed::Told(odd)),
        None if wanted == is => Ok(code::OK),
        None => Err(Failed::Told(format!("Failed to set {verb} to {wanted}: Operation not supported"))),
    }
}

/// `service-log-level`, `service-log-target`: services offer that on a message bus alone.
pub(super) fn on_a_bus(_line: &Line) -> Result<u8, Failed> {
    Err(Failed::Told("Failed to connect to bus: No such file or directory".to_owned()))
}

/// `bind`, `mount-image`: a process's mounts are its own business, once it runs.
pub(super) fn into_namespace(line: &Line) -> Result<u8, Failed> {
    let name = names::one(line.operands.first().map_or("", String::as_str))?;
    let what = match line.verb.name {
        "bind" => "bind mount",
        _ if line.operands.len() < 3 => return Err(Failed::Told("Too few arguments.".to_owned())),
        _ => "mount image",
    };
    let rows = names::rows(&mut Session::open()?, std::slice::from_ref(&name), &[])?;
    let why = match rows.iter().find(|row| names::is_in_memory(row)) {
        Some(_) => "Operation not supported".to_owned(),
        None => format!("Unit {} not loaded.", name.as_str()),
    };
    Err(Failed::Told(format!("Failed to {what}: {why}")))
}

/// `switch-root`: a container has one root.
pub(super) fn switch_root(_line: &Line) -> Result<u8, Failed> {
    Err(Failed::Told("Not in initrd, refusing switch-root operation.".to_owned()))
}

/// `set-property`
pub(super) fn set_property(line: &Line) -> Result<u8, Failed> {
    let word = line.operands.first().map_or("", String::as_str);
    let name = names::one(word)?;
    set::set(line).map_err(|why| match why {
        Failed::NoSuchUnit(_) => Failed::Told(format!("Failed to set unit properties on {0}: Unit {0} not found.", name.as_str())),
        Failed::Unclear(unclear) => Failed::Told(unclear.to_string()),
        Failed::Told(text) if text.contains("unknown key") => {
            Failed::Told(format!("Unknown assignment: {}", line.operands.iter().skip(1).map(String::as_str).collect::<Vec<_>>().join(" ")))
        }
        Failed::Told(text) => Failed::Told(format!("Failed to set unit properties on {}: {text}", name.as_str())),
        other => other,
    })
}

/// `edit`
pub(super) fn edit(line: &Line) -> Result<u8, Failed> {
    edit::edit(line).map_err(|why| match why {
        Failed::NoSuchUnit(unit) => {
            Failed::Told(format!("No files found for {unit}.\nRun 'systemctl edit --force --full {unit}' to create a new unit."))
        }
        other => other,
    })
}

/// `revert`
pub(super) fn revert(line: &Line) -> Result<u8, Failed> {
    let tree = Beneath::new(line.value("root"));
    for word in &line.operands {
        for path in reverted(&tree, &names::one(word)?)? {
            removed(line, &path);
        }
    }
    if tree.is_here()
        && let Ok(mut session) = Session::open()
    {
        session.reread()?;
    }
    Ok(code::OK)
}

/// Takes away what the administrator has put over the files of the distribution; what that was.
pub(crate) fn reverted(tree: &Beneath, name: &UnitName) -> Result<Vec<String>, Failed> {
    let vendors = ["/usr/lib/systemd/system", "/lib/systemd/system", "/usr/lib/fief/units"];
    let is_vendors = vendors.iter().any(|folder| Path::new(&tree.place(&format!("{folder}/{}", name.as_str()))).exists());
    let mut gone = Vec::new();
    for folder in ["/etc/systemd/system", "/run/systemd/system", "/etc/systemd/system.control", "/run/systemd/system.control"] {
        let own = tree.place(&format!("{folder}/{}", name.as_str()));
        let drop_ins = format!("{own}.d");
        let mut files: Vec<String> =
            fs::read_dir(&drop_ins).into_iter().flatten().flatten().map(|entry| entry.path().display().to_string()).collect();
        units::order::by(&mut files, Ord::cmp);
        // The only file of a unit is not in anybody's way.
        files.extend(Some(own).filter(|own| is_vendors && Path::new(own).symlink_metadata().is_ok()));
        for file in files {
            fs::remove_file(&file).map_err(|error| Failed::File(format!("removing {file}"), error))?;
            gone.push(file);
        }
        if fs::remove_dir(&drop_ins).is_ok() {
            gone.push(drop_ins);
        }
    }
    Ok(gone)
}

fn removed(line: &Line, path: &str) {
    if !line.has("quiet") {
        say::error(format_args!("Removed \"{path}\"."));
    }
}
