//! `timedatectl`: the time and its zone. The clock is the host's: no container sets it. timedatectl(1).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitCode;

use super::settings::{Verb, sheet, verb};
use super::{fail, output};
use crate::file;
use crate::getopt::{Line, Opt, Takes};
use crate::log::civil::{DATABASE, Here, LOCAL};
use crate::say;
use crate::setup::{Trouble, replace};

const OPTIONS: &[Opt] = &[
    Opt("no-pager", '\0', Takes::Nothing),
    Opt("no-ask-password", '\0', Takes::Nothing),
    Opt("host", 'H', Takes::Value),
    Opt("machine", 'M', Takes::Value),
    Opt("adjust-system-clock", '\0', Takes::Nothing),
    Opt("monitor", '\0', Takes::Nothing),
    Opt("property", 'p', Takes::Value),
    Opt("all", 'a', Takes::Nothing),
    Opt("value", '\0', Takes::Nothing),
];

const HELP: &str = "\
timedatectl [OPTIONS...] COMMAND ...

Query or change system time and date settings.

Commands:
  status                   Show current time settings
  show                     Show properties of systemd-timedated
  set-timezone ZONE        Set system time zone
  list-timezones           Show known time zones

Options:
  -h --help                Show this help message
     --version             Show package version
  -p --property=NAME       Show only properties by this name
     --value               When showing properties, only print the value
";

const VERBS: &[Verb] = &[
    ("status", 0, 0),
    ("show", 0, 0),
    ("set-time", 1, 1),
    ("set-timezone", 1, 1),
    ("list-timezones", 0, 0),
    ("set-local-rtc", 1, 1),
    ("set-ntp", 1, 1),
    ("timesync-status", 0, 0),
    ("show-timesync", 0, 0),
];

/// What Debian has besides the link.
const NAME: &str = "/etc/timezone";

pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, words) {
        Ok(line) => line,
        Err(status) => return status,
    };
    let (verb, rest) = match verb(VERBS, &line) {
        Ok(verb) => verb,
        Err(status) => return status,
    };
    match (verb, rest.first()) {
        ("status", _) => output(&status()),
        ("show", _) => output(&show(&line)),
        ("list-timezones", _) => output(&zones()),
        ("set-timezone", Some(zone)) => match set_zone(zone) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => fail(format_args!("Failed to set time zone: {}", say::chain(&why))),
        },
        ("set-time", _) => fail(format_args!("Failed to set time: the clock is the host's, a container cannot set it")),
        ("set-ntp", _) => fail(format_args!("Failed to set ntp: NTP not supported")),
        ("set-local-rtc", _) => fail(format_args!("Failed to set local RTC: a container has no RTC")),
        (_, _) => fail(format_args!("Failed to query server: a container keeps no time of its own")),
    }
}

/// The zone's name, by where the link leads.
fn zone() -> String {
    let target = fs::read_link(LOCAL).ok().and_then(|target| target.to_str().map(str::to_owned)).unwrap_or_default();
    let name = target.split_once("zoneinfo/").map(|(_, name)| name.to_owned());
    let named = || file::read_text(NAME, file::USUAL).ok().map(|text| text.trim().to_owned()).filter(|_| Path::new(LOCAL).exists());
    name.or_else(named).unwrap_or_else(|| "UTC".to_owned())
}

fn now() -> u64 {
    u64::try_from(kernel::time::realtime().as_micros()).unwrap_or(u64::MAX)
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

fn status() -> String {
    let (here, now) = (Here::found(), now());
    let utc = Here::default();
    let (local, universal) = (here.at(now), utc.at(now));
    sheet(&[
        ("Local time", local.full()),
        ("Universal time", format!("{} UTC", universal.long())),
        ("RTC time", "n/a".to_owned()),
        ("Time zone", format!("{} ({}, {})", zone(), local.name, local.zone())),
        ("System clock synchronized", yes(kernel::time::is_synchronized())),
        ("NTP service", "n/a".to_owned()),
        ("RTC in local TZ", yes(false)),
    ])
}

fn show(line: &Line) -> String {
    let here = Here::found();
    let civil = here.at(now());
    let all = [
        ("Timezone", zone()),
        ("LocalRTC", yes(false)),
        ("CanNTP", yes(false)),
        ("NTP", yes(false)),
        ("NTPSynchronized", yes(kernel::time::is_synchronized())),
        ("TimeUSec", civil.full()),
    ];
    let wanted: Vec<&str> = line.values("property").flat_map(|names| names.split(',')).collect();
    let shown = all.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name));
    shown.map(|(name, value)| if line.has("value") { format!("{value}\n") } else { format!("{name}={value}\n") }).collect()
}

/// All that the database has by name; tzfile(5), zic(8) for the one file that lists them.
fn zones() -> String {
    let text = file::read_text(format!("{DATABASE}/tzdata.zi"), 1 << 20).unwrap_or_default();
    let named = text.lines().filter_map(|line| {
        let mut words = line.split(' ');
        match words.next()? {
            "Z" => words.next(),
            "L" => words.nth(1),
            _ => None,
        }
    });
    let mut all: Vec<&str> = named.chain(["UTC"]).collect();
    units::order::by(&mut all, Ord::cmp);
    all.dedup();
    all.iter().map(|name| format!("{name}\n")).collect()
}

fn set_zone(zone: &str) -> Result<(), Trouble> {
    let is_name = !zone.is_empty()
        && zone.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+/".contains(&byte));
    let path = format!("{DATABASE}/{zone}");
    let is_there = is_name && file::read_up_to(&path, 4).is_ok_and(|begin| begin == b"TZif");
    // Without a database there is still this.
    if !is_there && zone != "UTC" {
        return Err(Trouble::Wrong(format!("Invalid or not installed time zone '{zone}'")));
    }
    let (local, beside) = (Path::new(LOCAL), Path::new("/etc/localtime.fief-new"));
    let _ = fs::remove_file(beside);
    let linked = symlink(format!("../usr/share/zoneinfo/{zone}"), beside).and_then(|()| fs::rename(beside, local));
    linked.map_err(|error| Trouble::file("link", local, error))?;
    if Path::new(NAME).exists() {
        replace(Path::new(NAME), 0o644, format!("{zone}\n").as_bytes())?;
    }
    Ok(())
}
