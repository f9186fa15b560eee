//! Objects with a path: PID 1 itself, its units and its jobs; and what is asked of their properties.

use units::UnitName;
use units::control::{Detail, UnitRow};

use super::answer::{Answer, Answered, Fault, names};
use super::manager;
use super::message::{Body, Message};
use super::server::Server;
use super::types;
use super::wire::Writer;
use crate::fiefctl::session::Session;
use crate::fiefctl::sources::Beneath;
use crate::fiefctl::{due, links};
use crate::systemctl::{names as units_named, show};

pub(super) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const PEER: &str = "org.freedesktop.DBus.Peer";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const UNITS: &str = "/org/freedesktop/systemd1/unit/";
/// The unit of whoever asks.
const SELF: &str = "/org/freedesktop/systemd1/unit/self";
/// What PID 1 logs; org.freedesktop.LogControl1(5).
const LOG: &str = "/org/freedesktop/LogControl1";
const JOBS: &str = "/org/freedesktop/systemd1/job/";

/// The path of a job.
pub(super) fn job_path(id: u32) -> String {
    format!("{JOBS}{id}")
}

/// The path of a unit: what is no letter or digit of its name as `_` and two digits.
pub(super) fn unit_path(unit: &UnitName) -> String {
    let mut path = UNITS.to_owned();
    for (at, byte) in unit.as_str().bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => path.push(char::from(byte)),
            b'0'..=b'9' if at > 0 => path.push(char::from(byte)),
            byte => path.push_str(&format!("_{byte:02x}")),
        }
    }
    path
}

/// The unit of a path.
fn unit_of(path: &str) -> Option<UnitName> {
    let mut rest = path.strip_prefix(UNITS)?;
    let mut name = Vec::new();
    while let Some((begin, coded)) = rest.split_once('_') {
        let (digits, after) = coded.split_at_checked(2)?;
        name.extend_from_slice(begin.as_bytes());
        name.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    name.extend_from_slice(rest.as_bytes());
    // Its whole name: a bare word is the name of no unit here.
    let name = String::from_utf8(name).ok()?;
    UnitName::new(&name).ok().filter(|unit| unit.as_str() == name)
}

/// What every object answers to, whatever it is. `properties` are its own, all or one of them.
pub(super) fn common(
    message: &Message<'_>,
    properties: impl FnOnce(&str, Option<&str>) -> Result<Vec<types::Property>, Fault>,
) -> Option<Answered> {
    let mut values = message.body();
    Some(match (message.interface, message.member, message.signature) {
        (PEER, "Ping", _) => Answer::done(),
        (PEER, "GetMachineId", _) => {
            let id = crate::file::read_text("/etc/machine-id", crate::file::USUAL).unwrap_or_default();
            Answer::text(id.trim())
        }
        (PROPERTIES, "Get", "ss") => (|| {
            let (interface, name) = (values.string()?, values.string()?);
            let found = properties(interface, Some(name))?.into_iter().find(|property| property.name == name);
            let unknown = || Fault::new(names::UNKNOWN_PROPERTY, format!("Unknown interface {interface} or property {name}."));
            let property = found.ok_or_else(unknown)?;
            Ok(Answer::Now(Body::new("v", |out| property.write(out))))
        })(),
        (PROPERTIES, "GetAll", "s") => (|| {
            let all = properties(values.string()?, None)?;
            Ok(Answer::Now(Body::new("a{sv}", |out| write_all(out, &all))))
        })(),
        (PROPERTIES, "Set", "ssv") => Err(Fault::new(names::READ_ONLY, "Property is not writable.")),
        _ => return None,
    })
}

fn write_all(out: &mut Writer, all: &[types::Property]) {
    out.array("{sv}", |out| {
        for property in all {
            out.structure();
            out.string(&property.name);
            property.write(out);
        }
    });
}

/// That there is no such method.
pub(super) fn unknown(message: &Message<'_>) -> Fault {
    let (member, interface) = (message.member, message.interface);
    Fault::new(names::UNKNOWN_METHOD, format!("Unknown method {member} or interface {interface}."))
}

/// A call of an object that is not PID 1.
pub(super) fn call(server: &mut Server, client: u64, message: &Message<'_>) -> Answered {
    let unit = if message.path == SELF { server.unit_of_caller(client) } else { unit_of(message.path) };
    let Some(unit) = unit else {
        let known = |_: &str, _: Option<&str>| match message.path {
            LOG => Ok(types::of_log()),
            path => Err(Fault::new(names::UNKNOWN_OBJECT, format!("Unknown object '{path}'."))),
        };
        return common(message, known).unwrap_or_else(|| Err(unknown(message)));
    };
    if let Some(answered) = common(message, |interface, wanted| properties(&unit, interface, wanted)) {
        return answered;
    }
    if !matches!(message.interface, UNIT | "") {
        return Err(unknown(message));
    }
    match (message.member, message.signature) {
        // Asked for by who waits for the unit to change.
        ("Ref", "") => server.watch(client, unit).and_then(|()| Answer::done()),
        ("Unref", "") => {
            server.watched.retain(|watched| watched.client != client || watched.unit != unit);
            Answer::done()
        }
        (member, "s") => match manager::verb(&format!("{member}Unit")) {
            Some(verb) => manager::job(server, verb, unit.as_str(), message.body().string()?).and_then(|id| Answer::path(&job_path(id))),
            None => Err(unknown(message)),
        },
        _ => Err(unknown(message)),
    }
}

/// What is asked of a unit; where only some of it was, there may be more.
fn properties(unit: &UnitName, interface: &str, wanted: Option<&str>) -> Result<Vec<types::Property>, Fault> {
    let mut session = Session::open()?;
    let mut rows = units_named::rows(&mut session, std::slice::from_ref(unit), &[Detail::Properties])?;
    // It takes a look at the unit's files, and nobody else wants to know.
    if wanted.is_none_or(|name| name == "NeedDaemonReload") {
        due::look_anew(&mut rows);
    }
    let row = rows.pop().ok_or_else(|| Fault::new(names::NO_SUCH_UNIT, format!("Unit {} not loaded.", unit.as_str())))?;
    let moments = types::of_row(&row);
    let sheet = show::of_unit(row, &links::installer(&Beneath::new(None)));
    let mut all = types::typed(sheet, moments);
    if interface == UNIT {
        all.retain(|property| types::is_of_unit(&property.name));
    }
    Ok(all)
}

/// The body of PropertiesChanged for a unit that is down.
pub(super) fn changed(row: &UnitRow) -> Body {
    let sheet = vec![("ActiveState".to_owned(), row.active.to_string()), ("SubState".to_owned(), row.sub.clone())];
    let all = types::typed(sheet, types::of_row(row));
    Body::new("sa{sv}as", |out| {
        out.string(UNIT);
        write_all(out, &all);
        out.strings([]);
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_path_is_a_name_and_back() {
        for (name, path) in [("ssh.service", "ssh_2eservice"), ("-.mount", "_2d_2emount"), ("9p@a\\x2d.socket", "_39p_40a_5cx2d_2esocket")]
        {
            let unit = UnitName::new(name).unwrap();
            assert_eq!(unit_path(&unit), format!("{UNITS}{path}"));
            assert_eq!(unit_of(&unit_path(&unit)).unwrap(), unit);
        }
        for bad in ["/", "/org/freedesktop/systemd1", &format!("{UNITS}ssh"), &format!("{UNITS}_2"), &format!("{UNITS}_zz_2eservice")] {
            assert!(unit_of(bad).is_none(), "{bad}");
        }
    }
}
