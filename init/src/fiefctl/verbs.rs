//! Every verb and every option of fiefctl: the one table that the parser, `--help`, the completions and
//! docs/fiefctl.md are made of.

use super::line::Line;
use super::session::Failed;
use super::{boot, control, edit, files, list, logs, looking, power, set, status, top, zombies};

/// A verb.
#[derive(Debug)]
pub(super) struct Verb {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) group: Group,
    pub(super) operands: Operands,
    pub(super) options: &'static [Opt],
    /// In a few words.
    pub(super) about: &'static str,
    /// What else is to be known; may be empty.
    pub(super) more: &'static str,
    pub(super) run: fn(&Line) -> Result<u8, Failed>,
}

/// Where a verb stands in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Looking,
    Doing,
    Files,
    Boot,
    System,
}

impl Group {
    pub(super) const ALL: [(Self, &'static str); 5] = [
        (Self::Looking, "Looking"),
        (Self::Doing, "Doing"),
        (Self::Files, "Unit files"),
        (Self::Boot, "The boot"),
        (Self::System, "The system"),
    ];
}

/// What stands behind a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operands {
    None,
    /// Exactly one.
    One(&'static str),
    /// One or none.
    MayOne(&'static str),
    /// One at least.
    Some(&'static str),
    /// Any number.
    Any(&'static str),
    /// A unit, and one at least of these.
    UnitAnd(&'static str),
}

impl Operands {
    /// As in a usage line.
    pub(super) fn usage(self) -> String {
        match self {
            Self::None => String::new(),
            Self::One(what) => format!(" {what}"),
            Self::MayOne(what) => format!(" [{what}]"),
            Self::Some(what) => format!(" {what}…"),
            Self::Any(what) => format!(" [{what}…]"),
            Self::UnitAnd(what) => format!(" UNIT {what}…"),
        }
    }

    /// What may be completed there.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::None => "",
            Self::One(what) | Self::MayOne(what) | Self::Some(what) | Self::Any(what) => what,
            Self::UnitAnd(_) => "UNIT",
        }
    }
}

/// An option.
#[derive(Debug)]
pub(super) struct Opt {
    pub(super) long: &'static str,
    pub(super) short: Option<char>,
    /// What its value is called, where it takes one.
    pub(super) value: Option<&'static str>,
    pub(super) about: &'static str,
}

/// What every verb knows.
const COMMON: &[Opt] = &[JSON];

impl Verb {
    /// Its own options and those of all.
    pub(super) fn options(&self) -> impl Iterator<Item = &'static Opt> {
        self.options.iter().chain(COMMON)
    }
}

const fn flag(long: &'static str, short: Option<char>, about: &'static str) -> Opt {
    Opt { long, short, value: None, about }
}

const fn valued(long: &'static str, short: Option<char>, value: &'static str, about: &'static str) -> Opt {
    Opt { long, short, value: Some(value), about }
}

const JSON: Opt = flag("json", None, "for programs");
const ALL_UNITS: Opt = flag("all", Some('a'), "also what is down");
const NO_LEGEND: Opt = flag("no-legend", None, "without heading and remarks");
const QUIET: Opt = flag("quiet", Some('q'), "by the exit code alone");
const NO_WAIT: Opt = flag("no-wait", None, "do not wait until it is done");
const RUNTIME: Opt = flag("runtime", None, "until the next boot only");
const ROOT: Opt = valued("root", None, "DIR", "of the system beneath this folder; init is not asked");
const LINES: Opt = valued("lines", Some('n'), "N", "the last N lines");
const JOB: &[Opt] = &[NO_WAIT, flag("quiet", Some('q'), "say nothing of what went wrong")];

const fn job(name: &'static str, aliases: &'static [&'static str], about: &'static str, more: &'static str) -> Verb {
    Verb { name, aliases, group: Group::Doing, operands: Operands::Some("UNIT"), options: JOB, about, more, run: control::job }
}

/// All of them, in the order of the help.
pub(super) const ALL: &[Verb] = &[
    Verb {
        name: "list",
        aliases: &["list-units", "ls"],
        group: Group::Looking,
        operands: Operands::Any("UNIT"),
        options: &[
            ALL_UNITS,
            flag("failed", None, "those that failed"),
            valued("kind", Some('t'), "KIND", "of these kinds: service,socket,timer…"),
            valued("state", None, "STATE", "in one of these states: active,failed,running…"),
            NO_LEGEND,
        ],
        about: "units and what they do",
        more: "Without --all those that are up, should be, or have failed; a unit that is named is always shown.",
        run: list::list,
    },
    Verb {
        name: "status",
        aliases: &[],
        group: Group::Looking,
        operands: Operands::Any("UNIT"),
        options: &[LINES],
        about: "one unit in detail, with its processes and last lines; without a unit, the system",
        more: "Exit code 3 when one is not up, 4 when there is no such unit.",
        run: status::status,
    },
    Verb {
        name: "show",
        aliases: &[],
        group: Group::Looking,
        operands: Operands::Any("UNIT"),
        options: &[
            valued("property", Some('p'), "NAME", "only these, with commas or several times"),
            flag("value", None, "the values without their names"),
        ],
        about: "properties, in the words of systemctl show",
        more: "",
        run: looking::show,
    },
    Verb {
        name: "cat",
        aliases: &[],
        group: Group::Looking,
        operands: Operands::Some("UNIT"),
        options: &[],
        about: "the files a unit was read from, with its drop-ins",
        more: "",
        run: looking::cat,
    },
    Verb {
        name: "deps",
        aliases: &["list-dependencies"],
        group: Group::Looking,
        operands: Operands::MayOne("UNIT"),
        options: &[
            flag("reverse", Some('r'), "what needs it"),
            flag("after", None, "what it is started after"),
            flag("before", None, "what is started after it"),
            flag("all", Some('a'), "do not stop at targets and at what was shown already"),
        ],
        about: "what a unit needs, as a tree; without a unit, what boot aims at",
        more: "",
        run: looking::deps,
    },
    Verb {
        name: "logs",
        aliases: &["log", "journal"],
        group: Group::Looking,
        operands: Operands::Any("UNIT"),
        options: &[
            valued("unit", Some('u'), "UNIT", "of this unit, as if it were named"),
            LINES,
            flag("follow", Some('f'), "and what is said from now on"),
            valued("since", Some('S'), "WHEN", "said then or later"),
            valued("until", Some('U'), "WHEN", "said then or earlier"),
            valued("priority", Some('p'), "LEVEL", "as urgent as this or more: emerg … err warning notice info debug, 0 … 7"),
            flag("boot", Some('b'), "of this boot; there are no others"),
        ],
        about: "what units and init have said",
        more: "WHEN is \"2026-11-25 10:00:00\", \"10:00\", \"today\", \"yesterday\", \"now\", \"@SECONDS\" or a span before now: \"5min ago\", \
               \"-1h\". All times are UTC. The log is in memory: lines that had to make way are counted.",
        run: logs::logs,
    },
    Verb {
        name: "account",
        aliases: &[],
        group: Group::Looking,
        operands: Operands::Any("UNIT"),
        options: &[NO_LEGEND],
        about: "memory, CPU, tasks and I/O used",
        more: "",
        run: list::account,
    },
    Verb {
        name: "top",
        aliases: &[],
        group: Group::Looking,
        operands: Operands::Any("UNIT"),
        options: &[
            valued("order", Some('o'), "WHAT", "by cpu, memory, io, tasks or name"),
            valued("delay", Some('d'), "SPAN", "how long each is shown, 2s"),
            valued("iterations", Some('n'), "N", "so often"),
            flag("batch", Some('b'), "one below the other, as in a pipe"),
        ],
        about: "the same, again and again, those that use most first",
        more: "On a terminal until interrupted; in a pipe once, unless -n says more.",
        run: top::top,
    },
    Verb {
        name: "list-timers",
        aliases: &["timers"],
        group: Group::Looking,
        operands: Operands::Any("UNIT"),
        options: &[ALL_UNITS, NO_LEGEND],
        about: "timers, and when they elapse",
        more: "",
        run: list::timers,
    },
    Verb {
        name: "list-sockets",
        aliases: &["sockets"],
        group: Group::Looking,
        operands: Operands::Any("UNIT"),
        options: &[ALL_UNITS, NO_LEGEND],
        about: "what is listened on, and for whom",
        more: "",
        run: list::sockets,
    },
    Verb {
        name: "list-paths",
        aliases: &["paths"],
        group: Group::Looking,
        operands: Operands::Any("UNIT"),
        options: &[ALL_UNITS, NO_LEGEND],
        about: "which paths are watched, and for whom",
        more: "",
        run: list::paths,
    },
    Verb {
        name: "is-active",
        aliases: &[],
        group: Group::Looking,
        operands: Operands::Some("UNIT"),
        options: &[QUIET],
        about: "whether one of these is up",
        more: "Exit code 0 when one is, else 3, and 4 when there is none of them.",
        run: list::is_active,
    },
    Verb {
        name: "is-failed",
        aliases: &[],
        group: Group::Looking,
        operands: Operands::Any("UNIT"),
        options: &[QUIET],
        about: "whether one of these, or any, has failed",
        more: "Exit code 0 when one has, else 1.",
        run: list::is_failed,
    },
    Verb {
        name: "zombies",
        aliases: &[],
        group: Group::Looking,
        operands: Operands::None,
        options: &[NO_LEGEND],
        about: "processes that have ended and whose parent does not care, and which unit is to blame",
        more: "",
        run: zombies::zombies,
    },
    job("start", &[], "start, and wait until it is up", ""),
    job("stop", &[], "stop, and what requires it", ""),
    job("restart", &[], "stop and start", ""),
    job("try-restart", &["condrestart"], "restart what is up", ""),
    job("reload", &[], "have it read its configuration again", ""),
    job("reload-or-restart", &[], "reload what can, restart the rest, start what is down", ""),
    job("try-reload-or-restart", &["force-reload"], "the same for what is up", ""),
    Verb {
        name: "isolate",
        aliases: &[],
        group: Group::Doing,
        operands: Operands::One("UNIT"),
        options: &[],
        about: "start it and stop all that it does not need",
        more: "It must allow that: allow-isolate = true.",
        run: control::isolate,
    },
    Verb {
        name: "kill",
        aliases: &[],
        group: Group::Doing,
        operands: Operands::Some("UNIT"),
        options: &[
            valued("signal", Some('s'), "SIGNAL", "TERM where it is not given"),
            valued("whom", None, "WHOM", "main, control or all, which is usual"),
        ],
        about: "send a signal to its processes",
        more: "",
        run: control::kill,
    },
    Verb {
        name: "freeze",
        aliases: &[],
        group: Group::Doing,
        operands: Operands::Some("UNIT"),
        options: &[],
        about: "stop its processes where they are",
        more: "",
        run: control::freeze,
    },
    Verb {
        name: "thaw",
        aliases: &[],
        group: Group::Doing,
        operands: Operands::Some("UNIT"),
        options: &[],
        about: "let them go on",
        more: "",
        run: control::thaw,
    },
    Verb {
        name: "reset-failed",
        aliases: &[],
        group: Group::Doing,
        operands: Operands::Any("UNIT"),
        options: &[],
        about: "forget failures, of these or of all",
        more: "",
        run: control::reset_failed,
    },
    Verb {
        name: "set",
        aliases: &["set-property"],
        group: Group::Doing,
        operands: Operands::UnitAnd("KEY=VALUE"),
        options: &[RUNTIME],
        about: "change resource limits, at once and from now on",
        more: "KEY is one of [resources]: memory-max, memory-high, cpu-quota, cpu-weight, tasks-max, io-weight … or systemd's name of it. Without \
               a value it is as the unit's own files say. It is written as a drop-in, 50-fiefctl-set.toml.",
        run: set::set,
    },
    Verb {
        name: "reload-units",
        aliases: &["daemon-reload"],
        group: Group::Files,
        operands: Operands::None,
        options: &[],
        about: "read the unit files again, and say what has changed",
        more: "What is up stays up.",
        run: control::reload_units,
    },
    Verb {
        name: "edit",
        aliases: &[],
        group: Group::Files,
        operands: Operands::Some("UNIT"),
        options: &[flag("full", None, "a file of your own instead of a drop-in"), RUNTIME],
        about: "change a unit by a drop-in, with an editor",
        more: "$EDITOR says which. What init could not read is shown and does not count.",
        run: edit::edit,
    },
    Verb {
        name: "verify",
        aliases: &[],
        group: Group::Files,
        operands: Operands::Any("FILE"),
        options: &[ROOT],
        about: "what is wrong with unit files: with all, or these files, folders and units",
        more: "Exit code 1 when anything is so wrong that a unit cannot be started.",
        run: files::verify,
    },
    Verb {
        name: "convert",
        aliases: &[],
        group: Group::Files,
        operands: Operands::One("FILE"),
        options: &[],
        about: "a unit file of ours as systemd's, and the other way round",
        more: "By the name of the file, on standard output.",
        run: files::convert,
    },
    Verb {
        name: "blame",
        aliases: &[],
        group: Group::Boot,
        operands: Operands::None,
        options: &[],
        about: "how long each unit took to start, longest first",
        more: "",
        run: boot::blame,
    },
    Verb {
        name: "critical-chain",
        aliases: &[],
        group: Group::Boot,
        operands: Operands::MayOne("UNIT"),
        options: &[],
        about: "whom each unit had to wait for longest",
        more: "@ when it was up, + how long it took.",
        run: boot::critical_chain,
    },
    Verb {
        name: "plot",
        aliases: &[],
        group: Group::Boot,
        operands: Operands::None,
        options: &[],
        about: "the boot as a picture: SVG on standard output",
        more: "",
        run: boot::plot,
    },
    Verb {
        name: "is-system-running",
        aliases: &[],
        group: Group::System,
        operands: Operands::None,
        options: &[QUIET],
        about: "starting, running, degraded or stopping",
        more: "Exit code 0 when it is running, else 1.",
        run: list::is_system_running,
    },
    Verb {
        name: "poweroff",
        aliases: &[],
        group: Group::System,
        operands: Operands::None,
        options: power::FORCE,
        about: "stop everything in order and end",
        more: "",
        run: power::leave,
    },
    Verb {
        name: "reboot",
        aliases: &[],
        group: Group::System,
        operands: Operands::None,
        options: power::FORCE,
        about: "stop everything in order and boot again",
        more: "",
        run: power::leave,
    },
    Verb {
        name: "halt",
        aliases: &[],
        group: Group::System,
        operands: Operands::None,
        options: power::FORCE,
        about: "the same as poweroff: there is no machine to keep on",
        more: "",
        run: power::leave,
    },
    Verb {
        name: "reexec",
        aliases: &["daemon-reexec"],
        group: Group::System,
        operands: Operands::None,
        options: &[],
        about: "replace init by the program that is on disk now",
        more: "What is up stays up.",
        run: power::reexec,
    },
    Verb {
        name: "completion",
        aliases: &[],
        group: Group::System,
        operands: Operands::One("SHELL"),
        options: &[],
        about: "completions for bash, zsh or fish",
        more: "For bash: fiefctl completion bash >/usr/share/bash-completion/completions/fiefctl",
        run: super::completion::completion,
    },
];
