//! The system as a whole: `poweroff` and its kin, targets to be in, what PID 1 is set to; and `set-property`, `edit`, `revert`.

use std::fs;
use std::path::Path;

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
            Way::Exit(word.parse().map_err(|_| Failed::Told(format!("Invalid exit code {word}.")))?)
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

/// `show-environment`: what every service of PID 1's is given.
pub(super) fn environment(_line: &Line) -> Result<u8, Failed> {
    Session::open()?;
    let inherited = fs::read("/proc/1/environ").unwrap_or_default();
    let inherited = String::from_utf8_lossy(&inherited);
    let kept = inherited.split('\0').filter(|entry| ["LANG=", "LC_", "TZ=", "container="].iter().any(|begin| entry.starts_with(begin)));
    let mut all: Vec<String> = kept.map(str::to_owned).chain([format!("PATH={}", crate::program::PATH)]).collect();
    units::order::by(&mut all, Ord::cmp);
    output(&all.iter().map(|entry| format!("{entry}\n")).collect::<String>())?;
    Ok(code::OK)
}

/// `log-level`, `log-target`, `service-watchdogs`: what PID 1 does, which cannot be changed.
pub(super) fn setting(line: &Line) -> Result<u8, Failed> {
    let is = match line.verb.name {
        "log-level" => "info",
        "log-target" => "journal-or-kmsg",
        _ => "yes",
    };
    match line.operands.first() {
        None => output(&format!("{is}\n"))?,
        Some(wanted) if wanted == is => {}
        Some(wanted) => return Err(Failed::Told(format!("Failed to set {} to {wanted}: Operation not supported", line.verb.name))),
    }
    Ok(code::OK)
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

/// `revert`: what the administrator has put over the files of the distribution goes.
pub(super) fn revert(line: &Line) -> Result<u8, Failed> {
    let tree = Beneath::new(line.value("root"));
    for word in &line.operands {
        let name = names::one(word)?;
        let vendors = ["/usr/lib/systemd/system", "/lib/systemd/system", "/usr/lib/fief/units"];
        let is_vendors = vendors.iter().any(|folder| Path::new(&tree.place(&format!("{folder}/{}", name.as_str()))).exists());
        for folder in ["/etc/systemd/system", "/run/systemd/system", "/etc/systemd/system.control", "/run/systemd/system.control"] {
            let own = tree.place(&format!("{folder}/{}", name.as_str()));
            let drop_ins = format!("{own}.d");
            let mut files: Vec<String> =
                fs::read_dir(&drop_ins).into_iter().flatten().flatten().map(|entry| entry.path().display().to_string()).collect();
            units::order::by(&mut files, Ord::cmp);
            // The only file of a unit is not in anybody's way.
            files.extend(Some(own).filter(|own| is_vendors && Path::new(own).symlink_metadata().is_ok()));
            for file in &files {
                fs::remove_file(file).map_err(|error| Failed::File(format!("removing {file}"), error))?;
                removed(line, file);
            }
            if fs::remove_dir(&drop_ins).is_ok() {
                removed(line, &drop_ins);
            }
        }
    }
    if tree.is_here()
        && let Ok(mut session) = Session::open()
    {
        session.reread()?;
    }
    Ok(code::OK)
}

fn removed(line: &Line, path: &str) {
    if !line.has("quiet") {
        say::error(format_args!("Removed \"{path}\"."));
    }
}
