//! The end of the system, and init's own renewal.

use units::control::{Reply, Request, Way};

use super::line::Line;
use super::output;
use super::session::{Failed, Session, code};
use super::verbs::Opt;

pub(crate) const FORCE: &[Opt] = &[Opt { long: "force", short: Some('f'), value: None, about: "at once, without stopping units in order" }];

/// `poweroff`, `reboot`, `halt`
pub(crate) fn leave(line: &Line) -> Result<u8, Failed> {
    let way = match line.verb.name {
        "poweroff" => Way::Poweroff,
        "reboot" => Way::Reboot,
        _ => Way::Halt,
    };
    if let Some(way) = leave_by(way, line.has("force"))? {
        output(&format!("leaving: {way}\n"))?;
    }
    Ok(code::OK)
}

/// Ask init to leave; how it does, if it is still there to say so.
pub(crate) fn leave_by(way: Way, at_once: bool) -> Result<Option<Way>, Failed> {
    let mut session = Session::open()?;
    session.ask(&Request::Leave { way, at_once })?;
    match session.next() {
        Ok(Some(Reply::Leaving { way })) => Ok(Some(way)),
        // A system that is leaving may be gone before it has said so.
        Ok(_) | Err(Failed::Talk(_)) => Ok(None),
        Err(why) => Err(why),
    }
}

/// `reexec`: done when the new program answers.
pub(crate) fn reexec(_line: &Line) -> Result<u8, Failed> {
    renew().map(|()| code::OK)
}

/// The new program has answered.
pub(crate) fn renew() -> Result<(), Failed> {
    let mut session = Session::open()?;
    session.ask(&Request::Reexec {})?;
    // The connection may be kept or not; either way somebody answers at the socket afterwards.
    let _ = session.next()?;
    Session::open()?.hello().map(drop)
}
