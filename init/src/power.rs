//! poweroff, reboot, halt, shutdown, telinit: their options, which people and scripts know by
//! heart. poweroff(8), shutdown(8), telinit(8) of systemd and sysvinit, as far as they agree.

use units::control::Way;

/// What such a command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Leave in order.
    Leave(Way),
    /// Leave at once: nothing is stopped first.
    LeaveNow(Way),
    /// Read the unit files again.
    Reload,
    /// `runlevel`: say which.
    Runlevel,
    /// `--help`.
    Help,
    /// `shutdown -c`, `poweroff -w`: accepted, nothing to do.
    Nothing,
}

/// Why a command line is not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unclear {
    #[error("{0}: unknown option")]
    Option(String),
    #[error("{0}: only \"now\" is understood")]
    Time(String),
    #[error("{0}: no such runlevel; 0 powers off, 6 reboots, q reads the unit files again")]
    Runlevel(String),
}

/// The usage of all of them.
pub(crate) const USAGE: &str = "\
poweroff | reboot | halt  [-f]        leave; -f: at once, without stopping services
shutdown [-h|-P|-r|-H] [now]          leave: power off (default), reboot, halt
telinit 0|6|q                         power off, reboot, read the unit files again
runlevel                              the previous and the present runlevel";

/// Read the command line of `name`.
pub(crate) fn read(name: &str, arguments: &[String]) -> Result<Asked, Unclear> {
    match name {
        "runlevel" => Ok(Asked::Runlevel),
        "telinit" | "init" => runlevel(arguments),
        "shutdown" => shutdown(arguments),
        "reboot" => plain(Way::Reboot, arguments),
        "halt" => plain(Way::Halt, arguments),
        _ => plain(Way::Poweroff, arguments),
    }
}

fn plain(mut way: Way, arguments: &[String]) -> Result<Asked, Unclear> {
    let mut now = false;
    for argument in arguments {
        match argument.as_str() {
            "-f" | "--force" | "-ff" | "-n" => now |= argument != "-n",
            "-p" | "--poweroff" => way = Way::Poweroff,
            "--reboot" => way = Way::Reboot,
            "--halt" => way = Way::Halt,
            "-w" | "--wtmp-only" => return Ok(Asked::Nothing),
            "-d" | "--no-wtmp" | "--no-wall" | "-i" | "-h" => {}
            "--help" => return Ok(Asked::Help),
            other => return Err(Unclear::Option(other.to_owned())),
        }
    }
    Ok(if now { Asked::LeaveNow(way) } else { Asked::Leave(way) })
}

fn shutdown(arguments: &[String]) -> Result<Asked, Unclear> {
    let mut way = Way::Poweroff;
    let mut when = None;
    for argument in arguments {
        match argument.as_str() {
            "-r" | "--reboot" => way = Way::Reboot,
            "-H" | "--halt" => way = Way::Halt,
            "-h" | "-P" | "-p" | "--poweroff" => way = Way::Poweroff,
            "-c" => return Ok(Asked::Nothing),
            "-k" => return Ok(Asked::Nothing),
            "-t" | "-a" | "-f" | "-F" | "--no-wall" => {}
            "--help" => return Ok(Asked::Help),
            option if option.starts_with('-') => return Err(Unclear::Option(option.to_owned())),
            // After the time comes the message to users.
            word => {
                when.get_or_insert(word);
            }
        }
    }
    // systemd waits a minute without a time; who leaves a container means now.
    match when {
        None | Some("now" | "+0" | "0") => Ok(Asked::Leave(way)),
        Some(time) => Err(Unclear::Time(time.to_owned())),
    }
}

fn runlevel(arguments: &[String]) -> Result<Asked, Unclear> {
    match arguments.first().map(String::as_str) {
        Some("0") => Ok(Asked::Leave(Way::Poweroff)),
        Some("6") => Ok(Asked::Leave(Way::Reboot)),
        Some("q" | "Q") => Ok(Asked::Reload),
        Some("u" | "U" | "2" | "3" | "4" | "5") => Ok(Asked::Nothing),
        Some("--help") | None => Ok(Asked::Help),
        Some(other) => Err(Unclear::Runlevel(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Asked, Unclear> {
        let mut words = line.split(' ').map(str::to_owned);
        let name = words.next().unwrap_or_default();
        read(&name, &words.collect::<Vec<_>>())
    }

    #[test]
    fn the_usual_lines_mean_what_people_expect() {
        assert_eq!(asked("reboot"), Ok(Asked::Leave(Way::Reboot)));
        assert_eq!(asked("reboot -f"), Ok(Asked::LeaveNow(Way::Reboot)));
        assert_eq!(asked("halt -p"), Ok(Asked::Leave(Way::Poweroff)));
        assert_eq!(asked("shutdown -h now"), Ok(Asked::Leave(Way::Poweroff)));
        assert_eq!(asked("shutdown -r now for repairs"), Ok(Asked::Leave(Way::Reboot)));
        assert_eq!(asked("init 6"), Ok(Asked::Leave(Way::Reboot)));
        assert_eq!(asked("telinit q"), Ok(Asked::Reload));
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        assert_eq!(asked("shutdown +5"), Err(Unclear::Time("+5".to_owned())));
        assert_eq!(asked("reboot --firmware"), Err(Unclear::Option("--firmware".to_owned())));
        assert_eq!(asked("telinit 1"), Err(Unclear::Runlevel("1".to_owned())));
    }
}
