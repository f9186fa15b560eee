//! Every verb and every option: systemctl(1) of systemd 252.

use crate::fiefctl::verbs::{Group, Operands, Opt, Verb};

use super::{alive, clean, deps, environment, jobs, links, list, show, status, system};

const fn flag(long: &'static str, short: Option<char>) -> Opt {
    Opt { long, short, value: None, about: "" }
}

const fn valued(long: &'static str, short: Option<char>, value: &'static str) -> Opt {
    Opt { long, short, value: Some(value), about: "" }
}

/// Any verb takes any of them; what it has no use for is passed over, as systemctl(1) does.
pub(super) const OPTIONS: &[Opt] = &[
    flag("all", Some('a')),
    flag("after", None),
    flag("before", None),
    valued("boot-loader-entry", None, "NAME"),
    valued("boot-loader-menu", None, "TIME"),
    valued("check-inhibitors", None, "MODE"),
    flag("dry-run", None),
    flag("failed", None),
    flag("firmware-setup", None),
    flag("force", Some('f')),
    flag("full", Some('l')),
    flag("global", None),
    valued("host", Some('H'), "HOST"),
    flag("ignore-inhibitors", Some('i')),
    valued("image", None, "PATH"),
    valued("job-mode", None, "MODE"),
    valued("kill-who", None, "WHOM"),
    valued("kill-whom", None, "WHOM"),
    valued("legend", None, "BOOL"),
    valued("lines", Some('n'), "INTEGER"),
    valued("machine", Some('M'), "CONTAINER"),
    flag("marked", None),
    valued("message", None, "MESSAGE"),
    flag("mkdir", None),
    flag("no-ask-password", None),
    flag("no-block", None),
    flag("no-legend", None),
    flag("no-pager", None),
    flag("no-reload", None),
    flag("no-wall", None),
    flag("now", None),
    valued("output", Some('o'), "STRING"),
    flag("plain", None),
    valued("preset-mode", None, "MODE"),
    valued("property", Some('p'), "NAME"),
    // `-P NAME` is `--value --property=NAME`.
    valued("P", Some('P'), "NAME"),
    flag("quiet", Some('q')),
    flag("read-only", None),
    flag("recursive", Some('r')),
    flag("reverse", None),
    valued("root", None, "PATH"),
    flag("runtime", None),
    flag("show-transaction", Some('T')),
    flag("show-types", None),
    valued("signal", Some('s'), "SIGNAL"),
    valued("state", None, "STATE"),
    flag("system", None),
    valued("timestamp", None, "FORMAT"),
    valued("type", Some('t'), "TYPE"),
    flag("user", None),
    flag("value", None),
    flag("version", None),
    flag("wait", None),
    valued("what", None, "RESOURCES"),
    flag("with-dependencies", None),
];

type Run = fn(&crate::fiefctl::line::Line) -> Result<u8, crate::fiefctl::session::Failed>;

/// A verb that asks PID 1.
const fn asks(name: &'static str, aliases: &'static [&'static str], operands: Operands, about: &'static str, run: Run) -> Verb {
    Verb { name, aliases, group: Group::Doing, operands, options: &[], about, more: "", run }
}

/// A verb that works on files.
const fn files(name: &'static str, operands: Operands, about: &'static str, run: Run) -> Verb {
    Verb { group: Group::Files, ..asks(name, &[], operands, about, run) }
}

const UNITS: Operands = Operands::Some("UNIT");

/// Those of [`Group::Files`] work on files, whoever is PID 1; [`Group::System`] answers everywhere; the others need PID 1.
pub(super) const VERBS: &[Verb] = &[
    asks("list-units", &[], Operands::Any("PATTERN"), "List units currently in memory", list::units),
    asks("list-automounts", &[], Operands::Any("PATTERN"), "List automount units currently in memory, ordered by path", list::automounts),
    asks("list-sockets", &[], Operands::Any("PATTERN"), "List socket units currently in memory, ordered by address", list::sockets),
    asks("list-timers", &[], Operands::Any("PATTERN"), "List timer units currently in memory, ordered by next elapse", list::timers),
    asks("list-jobs", &[], Operands::Any("PATTERN"), "List jobs", list::jobs),
    asks("list-dependencies", &[], Operands::Any("UNIT"), "Recursively show units which are required or wanted by the units", deps::list),
    files("list-unit-files", Operands::Any("PATTERN"), "List installed unit files", list::unit_files),
    asks("is-active", &["check"], Operands::Some("PATTERN"), "Check whether units are active", alive::is_active),
    asks("is-failed", &[], Operands::Some("PATTERN"), "Check whether units are failed", alive::is_failed),
    asks("status", &[], Operands::Any("PATTERN"), "Show runtime status of one or more units", status::status),
    asks("show", &[], Operands::Any("PATTERN"), "Show properties of one or more units/jobs or the manager", show::show),
    asks("cat", &[], Operands::Some("PATTERN"), "Show files and drop-ins of specified units", show::cat),
    asks("start", &[], UNITS, "Start (activate) one or more units", jobs::job),
    asks("stop", &["condstop"], UNITS, "Stop (deactivate) one or more units", jobs::job),
    asks("reload", &[], UNITS, "Reload one or more units", jobs::job),
    asks("restart", &[], UNITS, "Start or restart one or more units", jobs::job),
    asks("try-restart", &["condrestart"], UNITS, "Restart one or more units if active", jobs::job),
    asks("reload-or-restart", &[], UNITS, "Reload one or more units if possible, otherwise start or restart", jobs::job),
    asks(
        "try-reload-or-restart",
        &["reload-or-try-restart", "condreload", "force-reload"],
        UNITS,
        "If active, reload one or more units, if supported, otherwise restart",
        jobs::job,
    ),
    asks("isolate", &[], Operands::One("UNIT"), "Start one unit and stop all others", jobs::job),
    asks("kill", &[], UNITS, "Send signal to processes of a unit", jobs::kill),
    asks("freeze", &[], Operands::Some("PATTERN"), "Freeze execution of unit processes", jobs::freeze),
    asks("thaw", &[], Operands::Some("PATTERN"), "Resume execution of a frozen unit", jobs::freeze),
    asks("reset-failed", &[], Operands::Any("PATTERN"), "Reset failed state for all, one, or more units", jobs::reset_failed),
    asks("daemon-reload", &[], Operands::None, "Reload systemd manager configuration", alive::daemon_reload),
    asks("daemon-reexec", &[], Operands::None, "Reexecute systemd manager", alive::daemon_reexec),
    asks("set-property", &[], Operands::UnitAnd("PROPERTY=VALUE"), "Sets one or more properties of a unit", system::set_property),
    asks("edit", &[], UNITS, "Edit one or more unit files", system::edit),
    files("revert", UNITS, "Revert one or more unit files to vendor version", system::revert),
    asks("show-environment", &[], Operands::None, "Dump environment", environment::show),
    asks("set-environment", &[], Operands::Some("VARIABLE=VALUE"), "Set one or more environment variables", environment::change),
    asks("unset-environment", &[], Operands::Some("VARIABLE"), "Unset one or more environment variables", environment::change),
    asks("import-environment", &[], Operands::Any("VARIABLE"), "Import all or some environment variables", environment::import),
    asks("cancel", &[], Operands::Any("JOB"), "Cancel all, one, or more jobs", jobs::cancel),
    asks("clean", &[], UNITS, "Clean runtime, cache, state, logs or configuration of unit", clean::clean),
    asks("help", &[], Operands::Some("PATTERN"), "Show manual for one or more units", show::help),
    asks("bind", &[], Operands::UnitAnd("PATH"), "Refused: a process has its mounts for itself", system::into_namespace),
    asks("mount-image", &[], Operands::UnitAnd("PATH"), "Refused: a process has its mounts for itself", system::into_namespace),
    asks("switch-root", &[], Operands::Any("ROOT"), "Refused: a container has one root", system::switch_root),
    asks("log-level", &[], Operands::MayOne("LEVEL"), "Get logging threshold for manager", system::setting),
    asks("log-target", &[], Operands::MayOne("TARGET"), "Get logging target for manager", system::setting),
    asks("service-log-level", &[], Operands::Some("SERVICE"), "Get logging threshold for service", system::on_a_bus),
    asks("service-log-target", &[], Operands::Some("SERVICE"), "Get logging target for service", system::on_a_bus),
    asks("service-watchdogs", &[], Operands::MayOne("BOOL"), "Get service watchdog state", system::setting),
    asks("default", &[], Operands::None, "Enter system default mode", system::target),
    asks("rescue", &[], Operands::None, "Enter system rescue mode", system::target),
    asks("emergency", &[], Operands::None, "Enter system emergency mode", system::target),
    asks("halt", &[], Operands::None, "Shut down and halt the system", system::leave),
    asks("poweroff", &[], Operands::None, "Shut down and power-off the system", system::leave),
    asks("reboot", &[], Operands::MayOne("ARG"), "Shut down and reboot the system", system::leave),
    asks("kexec", &[], Operands::None, "Shut down and reboot the system with kexec", system::leave),
    asks("exit", &[], Operands::MayOne("EXIT_CODE"), "Request container exit", system::leave),
    asks("suspend", &[], Operands::None, "Refused: a container does not sleep", system::sleep),
    asks("hibernate", &[], Operands::None, "Refused: a container does not sleep", system::sleep),
    asks("hybrid-sleep", &[], Operands::None, "Refused: a container does not sleep", system::sleep),
    asks("suspend-then-hibernate", &[], Operands::None, "Refused: a container does not sleep", system::sleep),
    files("enable", UNITS, "Enable one or more unit files", links::change),
    files("disable", UNITS, "Disable one or more unit files", links::change),
    files("reenable", UNITS, "Reenable one or more unit files", links::change),
    files("preset", UNITS, "Enable/disable one or more unit files based on preset configuration", links::change),
    files("preset-all", Operands::None, "Enable/disable all unit files based on preset configuration", links::change),
    files("is-enabled", UNITS, "Check whether unit files are enabled", links::is_enabled),
    files("mask", UNITS, "Mask one or more units", links::change),
    files("unmask", UNITS, "Unmask one or more units", links::change),
    files("link", Operands::Some("PATH"), "Link one or more units files into the search path", links::change),
    files("add-wants", Operands::UnitAnd("UNIT"), "Add 'Wants' dependency for the target on specified one or more units", links::change),
    files(
        "add-requires",
        Operands::UnitAnd("UNIT"),
        "Add 'Requires' dependency for the target on specified one or more units",
        links::change,
    ),
    files("get-default", Operands::None, "Get the name of the default target", links::get_default),
    files("set-default", Operands::One("TARGET"), "Set the default target", links::set_default),
    Verb {
        group: Group::System,
        ..asks("is-system-running", &[], Operands::None, "Check whether system is fully running", alive::is_running)
    },
];
