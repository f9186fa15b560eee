//! What signals mean to init. They are blocked from the first instruction and read from one
//! descriptor ([`kernel::signal`]).
//!
//! A blocked signal is queued even for PID 1 and even at its default action, so nothing sent
//! during boot is lost, and a manager that looks at `SigBlk` sees that SIGRTMIN+3 is understood.
//! signal(7), signalfd(2), pid_namespaces(7).
//!
//! They are those of systemd(1), but that SIGTERM, by which container managers stop a container, powers off and begins nothing anew.
//! `docs/signals.md` is this table.

use kernel::signal::SIGRTMIN;

/// What a signal asks of init.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A child has ended.
    Reap,
    PowerOff,
    Reboot,
    PowerOffNow,
    RebootNow,
    /// What is up besides this target goes down.
    Isolate(&'static str),
    /// Start it, if there is one.
    Start(&'static str),
    /// The same; to reboot, if there is none.
    StartOrReboot(&'static str),
    Reload,
    ReopenControl,
    Dump,
    /// Begin the program anew.
    Reexec,
}

/// A signal: its number, what it is called, what is done, in words too.
type Row = (i32, &'static str, Wish, &'static str);

const fn row(number: i32, name: &'static str, wish: Wish, words: &'static str) -> Row {
    (number, name, wish, words)
}

const TABLE: [Row; 20] = [
    row(libc::SIGCHLD, "SIGCHLD", Wish::Reap, "look which processes have ended"),
    row(libc::SIGTERM, "SIGTERM", Wish::PowerOff, POWER_OFF),
    row(libc::SIGPWR, "SIGPWR", Wish::PowerOff, POWER_OFF),
    row(
        libc::SIGINT,
        "SIGINT",
        Wish::StartOrReboot("ctrl-alt-del.target"),
        "start `ctrl-alt-del.target`, another name of `reboot.target` unless somebody has made it something else",
    ),
    row(libc::SIGWINCH, "SIGWINCH", Wish::Start("kbrequest.target"), "start `kbrequest.target`, if there is one"),
    row(libc::SIGHUP, "SIGHUP", Wish::Reload, "read the unit files again"),
    row(libc::SIGUSR1, "SIGUSR1", Wish::ReopenControl, "make the sockets of `fiefctl` and sd_notify(3) again"),
    row(libc::SIGUSR2, "SIGUSR2", Wish::Dump, "show the state of everything on the console"),
    row(SIGRTMIN, "SIGRTMIN+0", Wish::Isolate("default.target"), "isolate `default.target`"),
    row(SIGRTMIN + 1, "SIGRTMIN+1", Wish::Isolate("rescue.target"), "isolate `rescue.target`"),
    row(SIGRTMIN + 2, "SIGRTMIN+2", Wish::Isolate("emergency.target"), "isolate `emergency.target`"),
    row(SIGRTMIN + 3, "SIGRTMIN+3", Wish::PowerOff, POWER_OFF),
    row(SIGRTMIN + 4, "SIGRTMIN+4", Wish::PowerOff, POWER_OFF),
    row(SIGRTMIN + 5, "SIGRTMIN+5", Wish::Reboot, REBOOT),
    row(SIGRTMIN + 6, "SIGRTMIN+6", Wish::Reboot, "the same: a container has no kernel of its own to execute"),
    row(SIGRTMIN + 13, "SIGRTMIN+13", Wish::PowerOffNow, POWER_OFF_NOW),
    row(SIGRTMIN + 14, "SIGRTMIN+14", Wish::PowerOffNow, POWER_OFF_NOW),
    row(SIGRTMIN + 15, "SIGRTMIN+15", Wish::RebootNow, REBOOT_NOW),
    row(SIGRTMIN + 16, "SIGRTMIN+16", Wish::RebootNow, REBOOT_NOW),
    row(SIGRTMIN + 25, "SIGRTMIN+25", Wish::Reexec, "begin PID 1's program anew, with everything kept"),
];

const POWER_OFF: &str = "power off in order";
const REBOOT: &str = "reboot in order";
const POWER_OFF_NOW: &str = "power off at once: nothing is stopped in order";
const REBOOT_NOW: &str = "reboot at once";

/// The meaning of a signal's number; `None` for those that mean nothing to init.
pub(crate) fn meaning(number: u32) -> Option<Wish> {
    let number = i32::try_from(number).ok()?;
    TABLE.iter().find(|(known, ..)| *known == number).map(|(_, _, wish, _)| *wish)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fmt::Write;

    #[test]
    fn a_manager_s_stop_signals_mean_an_ordered_end() {
        assert_eq!(meaning(15), Some(Wish::PowerOff));
        assert_eq!(meaning(30), Some(Wish::PowerOff));
        assert_eq!(meaning(37), Some(Wish::PowerOff));
        assert_eq!(meaning(38), Some(Wish::PowerOff));
        assert_eq!(meaning(39), Some(Wish::Reboot));
        assert_eq!(meaning(48), Some(Wish::PowerOffNow));
        assert_eq!(meaning(49), Some(Wish::RebootNow));
        assert_eq!(meaning(59), Some(Wish::Reexec));
        assert_eq!(meaning(13), None);
    }

    #[test]
    fn no_number_is_there_twice() {
        let mut numbers: Vec<i32> = TABLE.iter().map(|(number, ..)| *number).collect();
        units::order::by(&mut numbers, Ord::cmp);
        numbers.dedup();
        assert_eq!(numbers.len(), TABLE.len());
    }

    /// To write it anew: `UPDATE_DOCS=1 cargo test -p init the_document_of_signals`.
    #[test]
    fn the_document_of_signals_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/signals.md");
        let mut made = "# Signals to PID 1\n\nMade from the table in `init/src/signals.rs`. They are those of systemd(1), but that SIGTERM powers off, by which container \
                        managers stop a container. A second one that asks for the end makes it a hurry: what does not go is killed. Other signals do nothing.\n\n\
                        | signal | number | |\n|---|--:|---|\n"
            .to_owned();
        for (number, name, _, words) in TABLE {
            let _ = writeln!(made, "| {name} | {number} | {words} |");
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &made).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), made);
    }
}
