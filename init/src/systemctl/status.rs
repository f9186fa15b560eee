//! `status`: one unit, or the system, as systemctl(1) shows it.

use kernel::cgroup::Hierarchies;
use units::UnitName;
use units::control::{ActiveState, Detail, LoadState, LogLine, LogStream, MainExit, UnitRow};
use units::install::Installer;
use units::value::Limit;

use crate::console::printable;
use crate::fiefctl::line::Line;
use crate::fiefctl::links::installer;
use crate::fiefctl::list::boottime_us;
use crate::fiefctl::paint::Paint;
use crate::fiefctl::session::{Failed, Session};
use crate::fiefctl::sources::Beneath;
use crate::fiefctl::status::{last_lines, tree};
use crate::fiefctl::{due, output};
use crate::journalctl::Recent;
use crate::say;

use super::deps::glyph;
use super::{alive, code, list, names, show, when};

/// What stands before a process of the tree.
const MARGIN: &str = "             ";
/// `EXIT_PROGRAM_OR_SERVICES_STATUS_UNKNOWN`
const UNKNOWN: u8 = 4;

/// `status`
pub(super) fn status(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    if line.operands.is_empty() && !line.has("all") && line.value("type").is_none() && line.value("state").is_none() {
        return system(&mut session);
    }
    let words: Vec<String> = if line.operands.is_empty() {
        vec!["*".to_owned()]
    } else {
        line.operands.iter().map(|word| of_pid(word)).collect::<Result<_, _>>()?
    };
    let named = names::expand(&mut session, &words, line.has("all"))?;
    if named.is_empty() {
        return Ok(code::OK);
    }
    let mut rows = names::rows(&mut session, &named, &[Detail::Account])?;
    due::look_anew(&mut rows);
    let installer = installer(&Beneath::new(None));
    let look = Look { paint: Paint::of_stdout(), hierarchies: Hierarchies::detect().unwrap_or_default(), installer };
    let count = line.value("lines").and_then(|text| text.parse().ok()).unwrap_or(10);
    let (mut worst, mut first) = (code::OK, true);
    let recent = Recent::open(line.value("output"), look.paint.colour);
    for row in &rows {
        let code = code_of(row);
        if code == UNKNOWN {
            say::error(format_args!("Unit {} could not be found.", row.name.as_str()));
        } else {
            if row.reload_due == Some(true) {
                alive::warn_of_change(&row.name);
            }
            let triggers = session.rows(&row.triggered_by, &[]).ok().filter(|_| !row.triggered_by.is_empty()).unwrap_or_default();
            let triggered =
                row.triggers.as_ref().map(|unit| session.rows(std::slice::from_ref(unit), &[])).transpose()?.unwrap_or_default();
            let gap = if std::mem::take(&mut first) { "" } else { "\n" };
            output(&format!("{gap}{}{}", look.detail(row, &triggers, &triggered), look.processes(row)))?;
            let said = match &recent {
                Some(recent) => {
                    // A line of PID 1's is a millisecond's at best.
                    let since = row.moments.began_us.map(|at| show::realtime_us(at).saturating_sub(2000));
                    recent.of(row.name.as_str(), since, count.into())
                }
                // Who is not root sees the state without the log.
                None => {
                    let host = hostname();
                    last_lines(row, count)
                        .unwrap_or_default()
                        .iter()
                        .map(|line| log_line(line, &host, look.paint))
                        .collect::<String>()
                        .into()
                }
            };
            if !said.is_empty() {
                output("\n")?;
                say::raw(&said).map_err(Failed::Output)?;
            }
        }
        if worst == code::OK {
            worst = code;
        }
    }
    Ok(worst)
}

fn code_of(row: &UnitRow) -> u8 {
    match row.active {
        ActiveState::Inactive if row.load == LoadState::NotFound => UNKNOWN,
        ActiveState::Inactive | ActiveState::Failed => code::NOT_RUNNING,
        ActiveState::Active | ActiveState::Activating | ActiveState::Deactivating | ActiveState::Reloading => code::OK,
    }
}

/// A number is a process: the unit it belongs to, by its cgroup.
fn of_pid(word: &str) -> Result<String, Failed> {
    let Ok(pid) = word.parse::<u32>() else { return Ok(word.to_owned()) };
    unit_of(pid).ok_or_else(|| Failed::Told(format!("Failed to get unit for PID {pid}: PID {pid} does not belong to any loaded unit.")))
}

/// The unit that a process belongs to.
pub(crate) fn unit_of(pid: u32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let group = text.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    let is_unit =
        |part: &&str| part.ends_with(".service") || part.ends_with(".socket") || part.ends_with(".mount") || part.ends_with(".scope");
    group.split('/').rfind(is_unit).map(str::to_owned)
}

struct Look {
    paint: Paint,
    hierarchies: Hierarchies,
    installer: Installer,
}

impl Look {
    fn detail(&self, row: &UnitRow, triggers: &[UnitRow], triggered: &[UnitRow]) -> String {
        let name = row.name.as_str();
        let title = if row.description.is_empty() || row.description == name { String::new() } else { format!(" - {}", row.description) };
        let mut out = format!("{} {name}{title}\n", glyph(row, self.paint));
        let mut say = |key: &str, value: String| out.push_str(&format!("{key:>11}: {value}\n"));
        say("Loaded", self.loaded(row));
        if let Some(drop_ins) = drop_ins(row) {
            say("Drop-In", drop_ins);
        }
        say("Active", self.active(row));
        let marked = |rows: &[UnitRow]| {
            let each: Vec<String> = rows.iter().map(|row| format!("{} {}", glyph(row, self.paint), row.name.as_str())).collect();
            each.join(&format!("\n{MARGIN}"))
        };
        if !triggers.is_empty() {
            say("TriggeredBy", marked(triggers));
        }
        if row.name.kind() == units::UnitKind::Timer {
            let next =
                row.next_us.map_or_else(|| "n/a".to_owned(), |at| format!("{}; {}", show::stamp(at), when::relative(at, boottime_us())));
            say("Trigger", next);
        }
        if !triggered.is_empty() {
            say("Triggers", marked(triggered));
        }
        if let Some(condition) = row.result.as_ref().and_then(|result| result.strip_prefix("skipped: ")) {
            say("Condition", format!("start condition failed\n{MARGIN}└─ {condition} was not met"));
        }
        if !row.documentation.is_empty() {
            say("Docs", row.documentation.join(&format!("\n{MARGIN}")));
        }
        if row.name.kind() == units::UnitKind::Socket {
            let listens: Vec<String> = row.watches.iter().map(|watch| listen(watch)).collect();
            say("Listen", listens.join(&format!("\n{MARGIN}")));
        }
        match (row.main_pid, row.main_exit) {
            (Some(pid), _) => {
                let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                say("Main PID", format!("{pid} ({})", printable(name.trim().as_bytes())));
            }
            (None, Some(exit)) => say("Main PID", format!("({})", ended(exit))),
            (None, None) => {}
        }
        if let Some(status) = &row.status {
            say("Status", format!("\"{}\"", printable(status.as_bytes())));
        }
        let account = &row.account;
        if let Some(tasks) = account.tasks_current {
            let limit = match account.tasks_max {
                Some(Limit::At(limit)) => format!(" (limit: {limit})"),
                Some(Limit::Max) | None => String::new(),
            };
            say("Tasks", format!("{tasks}{limit}"));
        }
        if let Some(memory) = account.memory_current {
            say("Memory", when::bytes(memory.0));
        }
        if let Some(cpu) = account.cpu_usage_us {
            say("CPU", when::timespan(cpu, 1000));
        }
        if let Some(cgroup) = &row.cgroup {
            say("CGroup", cgroup.clone());
        }
        out
    }

    fn loaded(&self, row: &UnitRow) -> String {
        let name = row.name.as_str();
        let why = match row.load {
            LoadState::Loaded => {
                let path = row.sources.first().map_or_else(String::new, |path| show::here(path));
                let preset = self.installer.is_preset(&row.name).map(|is| if is { "enabled" } else { "disabled" });
                let state = self.installer.state(&row.name);
                let is_told = !matches!(state, Some(units::install::State::Static | units::install::State::Generated));
                let preset = preset.filter(|_| is_told).map_or_else(String::new, |preset| format!("; preset: {preset}"));
                let state = state.map_or_else(String::new, |state| format!("; {}", self.paint.state(&state.to_string())));
                return format!("loaded ({path}{state}{preset})");
            }
            LoadState::Masked => format!("Unit {name} is masked."),
            LoadState::BadSetting => format!("Unit {name} has a bad unit file setting."),
            LoadState::NotFound => format!("Unit {name} not found."),
        };
        format!("{} (Reason: {why})", self.paint.state(&row.load.to_string()))
    }

    fn active(&self, row: &UnitRow) -> String {
        let active = row.active.to_string();
        let sub = list::sub(row);
        let mut text = if active == sub { active.clone() } else { format!("{active} ({sub})") };
        if row.active == ActiveState::Failed || sub == "auto-restart" {
            text.push_str(&format!(" (Result: {})", row.verdict));
        }
        let text = self.paint.state(&active).replace(&active, &text);
        let at = match row.active {
            ActiveState::Active | ActiveState::Reloading => row.moments.up_us,
            ActiveState::Inactive | ActiveState::Failed => row.moments.down_us,
            ActiveState::Activating => row.moments.began_us,
            ActiveState::Deactivating => None,
        };
        at.map_or(text.clone(), |at| format!("{text} since {}; {}", show::stamp(at), when::relative(at, boottime_us())))
    }

    fn processes(&self, row: &UnitRow) -> String {
        tree(row, &self.hierarchies, self.paint, MARGIN, "")
    }
}

/// The folders, with the files in each.
fn drop_ins(row: &UnitRow) -> Option<String> {
    let mut folders: Vec<(String, Vec<&str>)> = Vec::new();
    for source in row.sources.iter().skip(1) {
        let (folder, file) = source.rsplit_once('/')?;
        match folders.iter_mut().find(|(known, _)| *known == show::here(folder)) {
            Some((_, files)) => files.push(file),
            None => folders.push((show::here(folder), vec![file])),
        }
    }
    let each: Vec<String> = folders.iter().map(|(folder, files)| format!("{folder}\n{MARGIN}└─{}", files.join(", "))).collect();
    (!each.is_empty()).then(|| each.join(&format!("\n{MARGIN}")))
}

/// "/run/x.sock (Stream)"
fn listen(watch: &str) -> String {
    match watch.split_once(' ') {
        Some((kind, address)) => format!("{address} ({})", kind.trim_start_matches("Listen").trim_start_matches("listen-")),
        None => watch.to_owned(),
    }
}

/// "code=exited, status=1/FAILURE"; systemd.exec(5), "Process Exit Codes".
fn ended(exit: MainExit) -> String {
    match exit {
        MainExit::Code(code) => {
            let word = match code {
                0 => "/SUCCESS",
                1 => "/FAILURE",
                2 => "/INVALIDARGUMENT",
                203 => "/EXEC",
                217 => "/USER",
                226 => "/NAMESPACE",
                _ => "",
            };
            format!("code=exited, status={code}{word}")
        }
        MainExit::Signal(signal) => format!("code=killed, signal={}", signal.to_string().trim_start_matches("SIG")),
    }
}

fn hostname() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// "Nov 24 10:00:00 host sshd: …"
fn log_line(line: &LogLine, host: &str, paint: Paint) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let moment = crate::fiefctl::words::moment(line.time_ms);
    let (date, clock) = moment.split_once(' ').unwrap_or((&moment, ""));
    let mut parts = date.split('-').skip(1).map(|part| part.parse::<usize>().unwrap_or(1));
    let (month, day) = (parts.next().unwrap_or(1), parts.next().unwrap_or(1));
    let month = MONTHS.get(month.saturating_sub(1)).unwrap_or(&"Jan");
    let from = match (&line.unit, line.stream) {
        (Some(unit), LogStream::Stdout | LogStream::Stderr | LogStream::Syslog) => unit.stem(),
        (Some(_) | None, _) => "fief-init[1]",
    };
    format!("{month} {day:02} {clock} {host} {from}: {}\n", paint.urgent(line.priority, &printable(line.text.as_bytes())))
}

/// Without a unit: the system.
fn system(session: &mut Session) -> Result<u8, Failed> {
    let hello = session.hello()?;
    let rows = session.rows(&[], &[])?;
    let paint = Paint::of_stdout();
    let names: usize = rows.iter().map(|row| 1 + row.aliases.len()).sum();
    let state = hello.state.to_string();
    let mut out = format!("{} {}\n", paint.state(&state).replace(&state, "●"), hostname());
    let mut say = |key: &str, value: String| out.push_str(&format!("{key:>9}: {value}\n"));
    say("State", paint.state(&state));
    say("Units", format!("{names} loaded (incl. loaded aliases)"));
    say("Jobs", format!("{} queued", hello.jobs));
    say("Failed", format!("{} units", hello.failed));
    if let Some(booted) = hello.booted_us {
        say("Since", format!("{}; {}", show::stamp(booted), when::relative(booted, hello.now_us)));
    }
    say("systemd", "252.39-1~deb12u2".to_owned());
    say("CGroup", "/".to_owned());
    let root = UnitName::new("-.slice").ok().map(|name| session.rows(&[name], &[])).transpose()?.and_then(|mut rows| rows.pop());
    let root = root.map(|row| UnitRow { cgroup: Some("/".to_owned()), ..row });
    let groups = Hierarchies::detect().unwrap_or_default();
    output(&(out + &root.map_or_else(String::new, |row| tree(&row, &groups, paint, "           ", ""))))?;
    Ok(code::OK)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ends_are_told_as_systemd_does() {
        assert_eq!(ended(MainExit::Code(1)), "code=exited, status=1/FAILURE");
        assert_eq!(ended(MainExit::Code(77)), "code=exited, status=77");
        assert_eq!(ended(MainExit::Signal(units::value::Signal::TERM)), "code=killed, signal=TERM");
    }

    #[test]
    fn drop_ins_are_told_by_their_folders() {
        let mut row = crate::fiefctl::boot::tests::row("a", None);
        row.sources = ["/lib/a.service", "/etc/a.d/1.conf", "/etc/a.d/2.conf", "/run/a.d/3.conf"].map(str::to_owned).to_vec();
        assert_eq!(drop_ins(&row).unwrap(), "/etc/a.d\n             └─1.conf, 2.conf\n             /run/a.d\n             └─3.conf");
    }
}
