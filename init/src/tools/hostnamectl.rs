//! `hostnamectl`: the host's name, and what machine-info(5) says of it. hostnamectl(1).

use std::path::Path;
use std::process::ExitCode;

use nix::sys::utsname::uname;
use serde_json::{Map, Value, json};
use units::unit::read_environment;

use super::settings::{Verb, sheet, variables, verb, write_variables};
use super::{fail, output, virt};
use crate::file;
use crate::getopt::{Line, Opt, Takes};
use crate::say;
use crate::setup::{Trouble, is_host_name, name_in_hosts, replace, valid_id};

const OPTIONS: &[Opt] = &[
    Opt("transient", '\0', Takes::Nothing),
    Opt("static", '\0', Takes::Nothing),
    Opt("pretty", '\0', Takes::Nothing),
    Opt("no-ask-password", '\0', Takes::Nothing),
    Opt("json", '\0', Takes::Value),
    Opt("host", 'H', Takes::Value),
    Opt("machine", 'M', Takes::Value),
];

const HELP: &str = "\
hostnamectl [OPTIONS...] COMMAND ...

Query or change system hostname.

Commands:
  status                 Show current hostname settings
  hostname [NAME]        Get/set system hostname
  icon-name [NAME]       Get/set icon name for host
  chassis [NAME]         Get/set chassis type for host
  deployment [NAME]      Get/set deployment environment for host
  location [NAME]        Get/set location for host

Options:
  -h --help              Show this help
     --version           Show package version
     --transient         Only set transient hostname
     --static            Only set static hostname
     --pretty            Only set pretty hostname
     --json=pretty|short|off
                         Generate JSON output
";

const VERBS: &[Verb] = &[
    ("status", 0, 0),
    ("hostname", 0, 1),
    ("set-hostname", 1, 1),
    ("icon-name", 0, 1),
    ("set-icon-name", 1, 1),
    ("chassis", 0, 1),
    ("set-chassis", 1, 1),
    ("deployment", 0, 1),
    ("set-deployment", 1, 1),
    ("location", 0, 1),
    ("set-location", 1, 1),
];

const HOSTNAME: &str = "/etc/hostname";
const INFO: &str = "/etc/machine-info";
/// systemd's, as hostnamed knows them.
const CHASSIS: [&str; 11] = ["vm", "container", "handset", "tablet", "convertible", "desktop", "laptop", "server", "watch", "embedded", ""];

pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, words) {
        Ok(line) => line,
        Err(status) => return status,
    };
    if let Some(odd) = line.value("json").filter(|json| !["pretty", "short", "off"].contains(json)) {
        return fail(format_args!("Unknown argument to --json= switch: {odd}"));
    }
    if line.has("host") || line.has("machine") {
        return fail(format_args!("Failed to connect to bus: Host is down"));
    }
    let (verb, rest) = match verb(VERBS, &line) {
        Ok(verb) => verb,
        Err(status) => return status,
    };
    let what = verb.strip_prefix("set-").unwrap_or(verb);
    match (what, rest.first()) {
        ("status", _) => status(&line),
        ("hostname", None) => output(&format!("{}\n", asked(&line).unwrap_or_else(current))),
        ("hostname", Some(name)) => told("hostname", set_name(&line, name)),
        (what, value) => {
            let key = what.replace('-', "_").to_uppercase();
            match value {
                None => output(&format!("{}\n", variables(INFO).get(&key).map_or("", String::as_str))),
                Some(odd) if what == "chassis" && !CHASSIS.contains(&odd.as_str()) => {
                    fail(format_args!("Could not set chassis: Invalid chassis '{odd}'"))
                }
                Some(value) => told(what, write_variables(INFO, &[(&key, value)])),
            }
        }
    }
}

fn told(what: &str, done: Result<(), Trouble>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => fail(format_args!("Could not set {what}: {}", say::chain(&why))),
    }
}

/// The kernel's.
fn current() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// /etc/hostname's; empty where there is none.
fn lasting() -> String {
    let text = file::read_text(HOSTNAME, file::USUAL).unwrap_or_default();
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default().to_owned()
}

/// The one of the names that an option names.
fn asked(line: &Line) -> Option<String> {
    if line.has("pretty") {
        return Some(variables(INFO).get("PRETTY_HOSTNAME").cloned().unwrap_or_default());
    }
    if line.has("static") {
        return Some(lasting());
    }
    line.has("transient").then(current)
}

/// Of a name that is no host's one is made, and it is kept as it is for people.
fn set_name(line: &Line, name: &str) -> Result<(), Trouble> {
    let all = !["static", "transient", "pretty"].iter().any(|which| line.has(which));
    let has = |which: &str| all || line.has(which);
    let simple: String = match all {
        true => name.trim().replace([' ', '_'], "-").chars().filter(|c| c.is_ascii_alphanumeric() || "-.".contains(*c)).collect(),
        false => name.to_owned(),
    };
    if (has("static") || has("transient")) && !simple.is_empty() && !is_host_name(&simple) {
        return Err(Trouble::Wrong(format!("Invalid hostname '{name}'")));
    }
    if has("pretty") {
        let pretty = if all && simple == name { "" } else { name };
        write_variables(INFO, &[("PRETTY_HOSTNAME", pretty)])?;
    }
    if has("static") {
        let path = Path::new(HOSTNAME);
        if simple.is_empty() {
            std::fs::remove_file(path).map_err(|error| Trouble::file("remove", path, error))?;
        } else {
            replace(path, 0o644, format!("{simple}\n").as_bytes())?;
        }
    }
    if has("transient") || has("static") {
        let wanted = if simple.is_empty() { "localhost" } else { &simple };
        nix::unistd::sethostname(wanted).map_err(|errno| Trouble::Wrong(errno.desc().to_owned()))?;
        // On a machine with systemd a module of the resolver knows the name; here it is looked for in the file.
        name_in_hosts()?;
    }
    Ok(())
}

/// A field, with the name that programs know it by and the one for people; empty is left out for these.
type Field = (&'static str, &'static str, String);

fn fields() -> Vec<Field> {
    let info = variables(INFO);
    let of_info = |key: &str| info.get(key).cloned().unwrap_or_default();
    let (container, kind) = (virt::container(), virt::any());
    let chassis = Some(of_info("CHASSIS")).filter(|said| !said.is_empty());
    let chassis = chassis.unwrap_or_else(|| if container.is_some() { "container" } else { "vm" }.to_owned());
    let icon = Some(of_info("ICON_NAME")).filter(|said| !said.is_empty()).unwrap_or_else(|| format!("computer-{chassis}"));
    let id = |path: &str| file::read_text(path, 64).ok().as_deref().and_then(valid_id).unwrap_or_default();
    let release = ["/etc/os-release", "/usr/lib/os-release"].into_iter().find_map(|path| file::read_text(path, file::USUAL).ok());
    let release = read_environment(&release.unwrap_or_default());
    let of_release = |key: &str| release.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.clone()).unwrap_or_default();
    let kernel = uname().ok();
    let word = |of: fn(&nix::sys::utsname::UtsName) -> &std::ffi::OsStr| {
        kernel.as_ref().map(|kernel| of(kernel).to_string_lossy().into_owned()).unwrap_or_default()
    };
    let (current, lasting) = (current(), lasting());
    vec![
        ("StaticHostname", "Static hostname", lasting.clone()),
        ("PrettyHostname", "Pretty hostname", of_info("PRETTY_HOSTNAME")),
        ("", "Transient hostname", if current == lasting { String::new() } else { current.clone() }),
        ("Hostname", "", current),
        ("IconName", "Icon name", icon),
        ("Chassis", "Chassis", chassis),
        ("Deployment", "Deployment", of_info("DEPLOYMENT")),
        ("Location", "Location", of_info("LOCATION")),
        ("", "Machine ID", id("/etc/machine-id")),
        ("", "Boot ID", id("/proc/sys/kernel/random/boot_id")),
        ("", "Virtualization", kind.unwrap_or_default().to_owned()),
        ("OperatingSystemPrettyName", "Operating System", of_release("PRETTY_NAME")),
        ("OperatingSystemCPEName", "CPE OS Name", of_release("CPE_NAME")),
        ("OperatingSystemHomeURL", "", of_release("HOME_URL")),
        ("", "Kernel", format!("{} {}", word(|kernel| kernel.sysname()), word(|kernel| kernel.release()))),
        ("KernelName", "", word(|kernel| kernel.sysname())),
        ("KernelRelease", "", word(|kernel| kernel.release())),
        ("KernelVersion", "", word(|kernel| kernel.version())),
        ("", "Architecture", crate::boot::files::architecture().to_owned()),
    ]
}

fn status(line: &Line) -> ExitCode {
    if let Some(name) = asked(line) {
        return output(&format!("{name}\n"));
    }
    let fields = fields();
    let json = line.value("json").filter(|json| *json != "off");
    if let Some(json) = json {
        let value = |text: &String| if text.is_empty() { Value::Null } else { json!(text) };
        let object: Map<String, Value> =
            fields.iter().filter(|(name, _, _)| !name.is_empty()).map(|(name, _, text)| ((*name).to_owned(), value(text))).collect();
        let object = Value::Object(object);
        return output(&format!("{}\n", if json == "pretty" { format!("{object:#}") } else { object.to_string() }));
    }
    let rows: Vec<(&str, String)> =
        fields.into_iter().filter(|(_, name, text)| !name.is_empty() && !text.is_empty()).map(|(_, name, text)| (name, text)).collect();
    output(&sheet(&rows))
}
