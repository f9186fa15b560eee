//! A shutdown that is to be later: `/run/systemd/shutdown/scheduled`, in systemd's words.

use std::fmt;
use std::fs;
use std::path::Path;

use units::control::Way;
use units::unit::read_environment;

use crate::file;
use crate::log::civil::Here;
use crate::setup::{Trouble, replace};

const FOLDER: &str = "/run/systemd/shutdown";
const FILE: &str = "/run/systemd/shutdown/scheduled";
/// While it is there nobody but root gets in; pam_nologin(8).
pub(super) const NOLOGIN: &str = "/run/nologin";
const MINUTE: u64 = 60_000_000;
const DAY: u64 = 86_400_000_000;

/// What is pending.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Microseconds since 1970.
    pub(super) at: u64,
    pub(super) mode: Way,
    /// Only warnings are sent.
    pub(super) dry: bool,
    pub(super) is_loud: bool,
    pub(super) message: String,
}

/// What somebody means by a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Now,
    /// Microseconds since 1970.
    At(u64),
    /// From now, microseconds.
    In(u64),
}

pub(super) fn now() -> u64 {
    u64::try_from(kernel::time::realtime().as_micros()).unwrap_or(u64::MAX)
}

impl When {
    pub(super) const IN_A_MINUTE: Self = Self::In(MINUTE);

    /// `now`, minutes with or without a `+`, or `hh:mm` here, today or tomorrow.
    pub(super) fn read(text: &str) -> Option<Self> {
        Self::read_at(text, &Here::found(), now())
    }

    fn read_at(text: &str, here: &Here, now: u64) -> Option<Self> {
        if text == "now" {
            return Some(Self::Now);
        }
        let Some((hour, minute)) = text.split_once(':') else {
            let minutes: u64 = text.strip_prefix('+').unwrap_or(text).parse().ok()?;
            return Some(Self::In(minutes.checked_mul(MINUTE)?)).filter(|when| *when != Self::In(0)).or(Some(Self::Now));
        };
        let (hour, minute) = (hour.parse::<u64>().ok().filter(|hour| *hour < 24)?, minute.parse::<u64>().ok().filter(|m| *m < 60)?);
        let wall = here.wall(now);
        let today = wall - wall % DAY + (hour * 60 + minute) * MINUTE;
        let at = here.of_wall(today)?;
        if at > now { Some(Self::At(at)) } else { here.of_wall(today + DAY).map(Self::At) }
    }

    /// The moment, microseconds since 1970; `None` is now.
    pub(super) fn moment(self) -> Option<u64> {
        match self {
            Self::Now => None,
            Self::At(at) => Some(at),
            Self::In(span) => Some(now().saturating_add(span)),
        }
    }
}

impl Plan {
    /// What is pending, if something is.
    pub(super) fn pending() -> Option<Self> {
        Self::of(&file::read_text(FILE, file::USUAL).ok()?)
    }

    fn of(text: &str) -> Option<Self> {
        let fields = read_environment(text);
        let field = |name: &str| fields.iter().rev().find(|(has, _)| has == name).map(|(_, value)| value.as_str());
        let mode = match field("MODE")? {
            "poweroff" => Way::Poweroff,
            "reboot" => Way::Reboot,
            "halt" => Way::Halt,
            _ => return None,
        };
        Some(Self {
            at: field("USEC")?.parse().ok()?,
            mode,
            dry: field("DRY_RUN") == Some("1"),
            is_loud: field("WARN_WALL") == Some("1"),
            message: field("WALL_MESSAGE").unwrap_or_default().to_owned(),
        })
    }

    fn text(&self) -> String {
        let mut text = format!("USEC={}\nWARN_WALL={}\nMODE={}\n", self.at, u8::from(self.is_loud), self.mode);
        if self.dry {
            text.push_str("DRY_RUN=1\n");
        }
        if !self.message.is_empty() {
            // A line's end would be the beginning of another field.
            let escaped = self.message.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ");
            text.push_str(&format!("WALL_MESSAGE=\"{escaped}\"\n"));
        }
        text
    }

    pub(super) fn write(&self) -> Result<(), Trouble> {
        fs::create_dir_all(FOLDER).map_err(|error| Trouble::file("make", Path::new(FOLDER), error))?;
        replace(Path::new(FILE), 0o644, self.text().as_bytes())
    }
}

/// Nothing is pending any more, and whoever may log in may.
pub(super) fn forget() {
    let _ = fs::remove_file(FILE);
    let _ = fs::remove_file(NOLOGIN);
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (self.dry, self.mode) {
            (true, mode) => format!("dry-{mode}"),
            (false, Way::Reboot) => "Reboot".to_owned(),
            (false, Way::Poweroff | Way::Halt | Way::Exit(_)) => "Shutdown".to_owned(),
        };
        write!(f, "{what} scheduled for {}, use 'shutdown -c' to cancel.", date(self.at))
    }
}

/// A moment, for people.
pub(super) fn date(at: u64) -> String {
    let here = Here::found();
    let civil = here.at(at);
    civil.full()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_those_of_shutdown() {
        // Thu 2026-11-26 02:20:48 UTC
        let now = 1_795_659_648_000_000;
        let read = |text: &str| When::read_at(text, &Here::default(), now);
        assert_eq!((read("now"), read("+0"), read("0")), (Some(When::Now), Some(When::Now), Some(When::Now)));
        assert_eq!((read("+5"), read("5")), (Some(When::In(5 * MINUTE)), Some(When::In(5 * MINUTE))));
        assert_eq!(read("02:21"), Some(When::At(1_795_659_660_000_000)));
        assert_eq!(read("2:20"), Some(When::At(1_795_659_600_000_000 + DAY)));
        for odd in ["", "foo", "+x", "24:00", "1:60", "1:", ":1", "-1", "+-1", "99999999999999999999"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_plan_is_read_as_it_was_written_whatever_the_message() {
        for message in ["", "for repairs", "it's \"so\" \\ and $so", "two\nlines MODE=halt"] {
            for dry in [false, true] {
                let plan = Plan { at: 1_795_659_648_000_000, mode: Way::Reboot, dry, is_loud: true, message: message.to_owned() };
                let again = Plan::of(&plan.text()).unwrap();
                assert_eq!(again, Plan { message: message.replace('\n', " "), ..plan });
            }
        }
        assert_eq!(Plan::of("USEC=1\nWARN_WALL=0\nMODE=dance\n"), None);
    }
}
