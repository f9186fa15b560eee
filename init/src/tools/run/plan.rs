//! What was typed, as units.

use std::path::Path;

use units::control::{Fragment, Then};
use units::systemd::section_of;
use units::unit::is_variable;
use units::{UnitKind, UnitName};

use crate::getopt::Line;

/// What is to be run, and how it is waited for.
#[derive(Debug)]
pub(super) struct Plan {
    /// The service, or the scope.
    pub(super) service: UnitName,
    pub(super) command: Vec<String>,
    pub(super) trigger: Option<Trigger>,
    pub(super) stdio: Stdio,
    pub(super) then: Then,
    pub(super) collect: bool,
    pub(super) quiet: bool,
    /// The command takes the caller's place, in a group of its own.
    pub(super) scope: Option<Scope>,
    description: String,
    /// Lines of the service's file, section and text.
    lines: Vec<(&'static str, String)>,
}

/// What starts it.
#[derive(Debug)]
pub(super) struct Trigger {
    /// `timer`, `path` or `socket`.
    pub(super) kind: &'static str,
    pub(super) name: UnitName,
    lines: Vec<(&'static str, String)>,
}

/// What the caller is to be before its command.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) user: Option<String>,
    pub(super) group: Option<String>,
    pub(super) nice: Option<i32>,
    pub(super) folder: Option<String>,
    /// Name and value.
    pub(super) environment: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stdio {
    Log,
    /// The caller's own.
    Pipe,
    Terminal,
}

/// Options of timers, with the directive of each.
const TIMERS: [(&str, &str); 8] = [
    ("on-active", "OnActiveSec"),
    ("on-boot", "OnBootSec"),
    ("on-startup", "OnStartupSec"),
    ("on-unit-active", "OnUnitActiveSec"),
    ("on-unit-inactive", "OnUnitInactiveSec"),
    ("on-calendar", "OnCalendar"),
    ("on-timezone-change", "OnTimezoneChange"),
    ("on-clock-change", "OnClockChange"),
];
/// Options that are one directive of a service.
const OF_SERVICE: [(&str, &str); 6] = [
    ("service-type", "Type"),
    ("uid", "User"),
    ("gid", "Group"),
    ("nice", "Nice"),
    ("working-directory", "WorkingDirectory"),
    ("slice", "Slice"),
];
const HEAD: &str = "# This is a transient unit file, created programmatically via the systemd API. Do not edit.\n";

impl Plan {
    pub(super) fn read(line: &Line) -> Result<Self, String> {
        check(line)?;
        let shell = line.has("shell");
        let mut command = line.operands.clone();
        if shell {
            command = vec![std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".to_owned())];
        }
        let stdio = match (line.has("pty"), line.has("pipe")) {
            (true, true) if nix::unistd::isatty(std::io::stdin()).unwrap_or(false) => Stdio::Terminal,
            (_, true) => Stdio::Pipe,
            (true, false) => Stdio::Terminal,
            (false, false) if shell => Stdio::Terminal,
            (false, false) => Stdio::Log,
        };
        let (service, trigger) = names(line)?;
        let trigger = trigger.map(|(kind, name)| Trigger::read(line, kind, name)).transpose()?;
        if let Some(program) = command.first_mut() {
            *program = executable(program).ok_or_else(|| format!("Failed to find executable {program}: No such file or directory"))?;
        }
        let waits = line.has("wait") || stdio != Stdio::Log || shell;
        let then = if waits && trigger.is_none() {
            Then::Over
        } else if line.has("no-block") {
            Then::AtOnce
        } else {
            Then::Settled
        };
        let description = line.value("description").map_or_else(|| command.join(" "), str::to_owned);
        let mut plan = Self {
            service,
            command,
            trigger,
            stdio,
            then,
            collect: line.has("collect") || shell,
            quiet: line.has("quiet"),
            scope: line.has("scope").then(Scope::default),
            description,
            lines: Vec::new(),
        };
        if line.has("scope") {
            plan.read_scope(line)?
        } else {
            plan.read_service(line, shell)?
        }
        Ok(plan)
    }

    fn read_scope(&mut self, line: &Line) -> Result<(), String> {
        let text = |option: &str| line.value(option).map(str::to_owned);
        let nice = line.value("nice").and_then(|nice| nice.parse().ok());
        let folder = text("working-directory");
        let environment = variables(line)?;
        self.scope = Some(Scope { user: text("uid"), group: text("gid"), nice, folder, environment });
        if let Some(slice) = line.value("slice") {
            self.lines.push(("Scope", format!("Slice={}", slice_of(slice))));
        }
        if line.has("send-sighup") {
            self.lines.push(("Scope", "SendSIGHUP=yes".to_owned()));
        }
        for property in line.values("property") {
            self.lines.push(property_of("Scope", property)?);
        }
        Ok(())
    }

    fn read_service(&mut self, line: &Line, shell: bool) -> Result<(), String> {
        if shell && !line.has("service-type") {
            self.lines.push(("Service", "Type=exec".to_owned()));
        }
        for (option, directive) in OF_SERVICE {
            if let Some(value) = line.value(option) {
                let value = if option == "slice" { slice_of(value) } else { plain(value) };
                self.lines.push(("Service", format!("{directive}={value}")));
            }
        }
        let flags = [("remain-after-exit", "RemainAfterExit"), ("send-sighup", "SendSIGHUP")];
        self.lines.extend(flags.into_iter().filter(|(option, _)| line.has(option)).map(|(_, word)| ("Service", format!("{word}=yes"))));
        if line.has("same-dir") || shell {
            let here = std::env::current_dir()
                .map_err(|error| format!("Failed to get current working directory: {}", crate::say::reason(&error)))?;
            self.lines.push(("Service", format!("WorkingDirectory={}", plain(&here.display().to_string()))));
        }
        for (name, value) in variables(line)? {
            self.lines.push(("Service", format!("Environment={}", quoted(&format!("{name}={value}")))));
        }
        for property in line.values("property") {
            self.lines.push(property_of("Service", property)?);
        }
        Ok(())
    }

    /// The units' texts; what is to be started is the last.
    pub(super) fn fragments(&self, terminal: Option<&str>) -> Vec<Fragment> {
        let mut all = Vec::new();
        if self.scope.is_some() {
            // A section without a line is one too.
            let lines: Vec<_> = self.lines.iter().cloned().chain([("Scope", String::new())]).collect();
            all.push(Fragment { name: self.service.clone(), text: text(&self.description, &lines) });
        } else if !self.command.is_empty() {
            let words: Vec<String> = self.command.iter().map(|word| quoted(word)).collect();
            let mut lines = self.lines.clone();
            lines.push(("Service", format!("ExecStart={}", words.join(" "))));
            let own = std::process::id();
            match (self.stdio, terminal) {
                (Stdio::Terminal, Some(path)) => {
                    lines.push(("Service", format!("TTYPath={path}\nStandardInput=tty\nStandardOutput=tty\nStandardError=tty")));
                    let term = std::env::var("TERM").unwrap_or_else(|_| "linux".to_owned());
                    lines.push(("Service", format!("Environment={}", quoted(&format!("TERM={term}")))));
                }
                (Stdio::Pipe, _) => lines.push((
                    "Service",
                    format!(
                        "StandardInput=file:/proc/{own}/fd/0\nStandardOutput=append:/proc/{own}/fd/1\nStandardError=append:/proc/{own}/fd/2"
                    ),
                )),
                (Stdio::Terminal, None) | (Stdio::Log, _) => {}
            }
            all.push(Fragment { name: self.service.clone(), text: text(&self.description, &lines) });
        }
        if let Some(trigger) = &self.trigger {
            all.push(Fragment { name: trigger.name.clone(), text: text(&self.description, &trigger.lines) });
        }
        all
    }
}

impl Trigger {
    fn read(line: &Line, kind: &'static str, name: UnitName) -> Result<Self, String> {
        let section = match kind {
            "timer" => "Timer",
            "path" => "Path",
            _ => "Socket",
        };
        let mut lines = Vec::new();
        if kind == "timer" {
            for (option, value) in &line.options {
                if let Some((_, directive)) = TIMERS.iter().find(|(known, _)| known == option) {
                    let value = value.as_deref().unwrap_or("yes");
                    if *option == "on-calendar" && value.parse::<units::value::Calendar>().is_err() {
                        return Err("Failed to parse calendar event specification: Invalid argument".to_owned());
                    }
                    lines.push((section, format!("{directive}={}", plain(value))));
                }
            }
            lines.push((section, "RemainAfterElapse=no".to_owned()));
        }
        for property in line.values(&format!("{kind}-property")) {
            lines.push(property_of(section, property)?);
        }
        Ok(Self { kind, name, lines })
    }
}

/// What may stand together.
fn check(line: &Line) -> Result<(), String> {
    let has = |option: &str| line.has(option);
    let wrong = |text: &str| Err(text.to_owned());
    if has("user") {
        return wrong("Failed to connect to bus: No medium found");
    }
    let kinds = [TIMERS.iter().any(|(option, _)| has(option)), has("path-property"), has("socket-property")];
    let triggers = kinds.iter().filter(|kind| **kind).count();
    if let Some(nice) = line.value("nice").filter(|nice| !nice.parse::<i32>().is_ok_and(|nice| (-20..20).contains(&nice))) {
        return Err(format!("Failed to parse nice value: {nice}"));
    }
    if has("shell") && !line.operands.is_empty() {
        return wrong("If --shell is used, no command line is expected.");
    }
    if line.operands.is_empty() && !has("shell") && (!has("unit") || triggers == 0) {
        return wrong("Command line to execute required.");
    }
    if triggers > 1 {
        return wrong("Only single trigger (path, socket, timer) unit can be created.");
    }
    let shares = has("pty") || has("pipe") || has("shell");
    if shares && has("no-block") {
        return wrong("--pty/--pipe is not compatible with --no-block.");
    }
    if shares && (triggers > 0 || has("scope")) {
        return wrong("--pty/--pipe is not compatible in timer or --scope mode.");
    }
    if has("scope") && triggers > 0 {
        return wrong("Path, socket or timer options are not supported in --scope mode.");
    }
    if has("timer-property") && !kinds.first().is_some_and(|timer| *timer) {
        return wrong("--timer-property= has no effect without any other timer options.");
    }
    if has("wait") {
        let other = [(has("no-block"), "--no-block"), (triggers > 0, "path, socket or timer operations"), (has("scope"), "--scope")];
        if let Some((_, other)) = other.iter().find(|(is, _)| *is) {
            return Err(format!("--wait may not be combined with {other}."));
        }
    }
    if has("scope") && (has("remain-after-exit") || has("service-type")) {
        return wrong("--remain-after-exit and --service-type= are not supported in --scope mode.");
    }
    if has("host") || has("machine") {
        return wrong("Failed to connect to bus: Host is down");
    }
    Ok(())
}

/// The service's name, and that of what starts it.
type Named = (UnitName, Option<(&'static str, UnitName)>);

fn names(line: &Line) -> Result<Named, String> {
    let stem = match line.value("unit") {
        Some(unit) => {
            let name = UnitName::new(unit).map_err(|_| "Failed to mangle unit name: Invalid argument".to_owned())?;
            let suffix = format!(".{}", name.kind().suffix());
            name.as_str().strip_suffix(&suffix).unwrap_or(name.as_str()).to_owned()
        }
        None => {
            let id = crate::file::read_text("/proc/sys/kernel/random/uuid", 64).map_err(|error| crate::say::reason(&error))?;
            format!("run-r{}", id.trim().replace('-', ""))
        }
    };
    let named = |kind: UnitKind| {
        UnitName::new(&format!("{stem}.{}", kind.suffix())).map_err(|_| "Failed to mangle unit name: Invalid argument".to_owned())
    };
    let trigger = if TIMERS.iter().any(|(option, _)| line.has(option)) {
        Some(("timer", named(UnitKind::Timer)?))
    } else if line.has("path-property") {
        Some(("path", named(UnitKind::Path)?))
    } else if line.has("socket-property") {
        Some(("socket", named(UnitKind::Socket)?))
    } else {
        None
    };
    Ok((named(if line.has("scope") { UnitKind::Scope } else { UnitKind::Service })?, trigger))
}

/// A slice's name, its suffix or not.
fn slice_of(name: &str) -> String {
    plain(&if name.ends_with(".slice") { name.to_owned() } else { format!("{name}.slice") })
}

/// The variables that are to be set, with their values.
fn variables(line: &Line) -> Result<Vec<(String, String)>, String> {
    let mut all = Vec::new();
    for variable in line.values("setenv") {
        let (name, value) = variable.split_once('=').map_or((variable, None), |(name, value)| (name, Some(value.to_owned())));
        if !is_variable(name) {
            return Err(format!("Cannot assign environment variable {variable}: Invalid argument"));
        }
        // Without a value it is what the caller has, if he has it.
        all.extend(value.or_else(|| std::env::var(name).ok()).map(|value| (name.to_owned(), value)));
    }
    Ok(all)
}

/// `NAME=VALUE` as a line of the section that it stands in.
fn property_of(section: &'static str, property: &str) -> Result<(&'static str, String), String> {
    let unknown = || format!("Unknown assignment: {property}");
    let (name, value) = property.split_once('=').ok_or_else(|| format!("Not an assignment: {property}"))?;
    let section = section_of(section, name).ok_or_else(unknown)?;
    Ok((section, format!("{name}={}", value.replace(['\n', '\r'], " "))))
}

/// Where a program is, as execvp(3) looks for it.
fn executable(program: &str) -> Option<String> {
    if program.contains('/') {
        return Some(std::path::absolute(program).ok()?.display().to_string());
    }
    let path = std::env::var("PATH").unwrap_or_else(|_| crate::program::PATH.to_owned());
    let mut places = path.split(':').map(|folder| format!("{folder}/{program}"));
    places.find(|place| nix::unistd::access(Path::new(place), nix::unistd::AccessFlags::X_OK).is_ok() && Path::new(place).is_file())
}

/// A file of these lines, section by section.
pub(crate) fn text(description: &str, lines: &[(&str, String)]) -> String {
    let mut text = format!("{HEAD}[Unit]\nDescription={}\n", plain(description));
    let mut sections: Vec<&str> = Vec::new();
    for (section, line) in lines {
        if *section == "Unit" {
            text.push_str(&format!("{line}\n"));
        } else if !sections.contains(section) {
            sections.push(section);
        }
    }
    for wanted in sections {
        text.push_str(&format!("\n[{wanted}]\n"));
        lines.iter().filter(|(section, _)| *section == wanted).for_each(|(_, line)| text.push_str(&format!("{line}\n")));
    }
    text
}

/// A value that is one line, and in which nothing stands for something else.
pub(crate) fn plain(value: &str) -> String {
    value.replace(['\n', '\r'], " ").replace('%', "%%")
}

/// A word that is read as it is. Variables in it are PID 1's to put in, as with systemd's.
pub(crate) fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    format!("\"{}\"", escaped.replace('%', "%%"))
}
