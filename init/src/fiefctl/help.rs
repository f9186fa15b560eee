//! `--help` and docs/fiefctl.md, both of the table.

use std::fmt::Write;

use super::verbs::{self, Group, Opt, Verb};

/// What is true of all verbs.
const COMMON: &str = "\
A unit's \".service\" may be left out; an alias, the path of a unit file, a mount point and a
pattern (\"web-*\") will do, and several at once. --json says the same for programs.
Exit codes: 0 done, 1 failed, 2 not understood, 3 not up, 4 no such unit,
5 init does not answer, or only root may ask this.";

/// `fiefctl --help`.
pub(super) fn all() -> String {
    let mut out = "usage: fiefctl [--json] VERB [OPTION | UNIT]…\n".to_owned();
    for (group, heading) in Group::ALL {
        let _ = write!(out, "\n{heading}:\n");
        for verb in of_group(group) {
            let usage = format!("{}{}", verb.name, verb.operands.usage());
            let _ = writeln!(out, "  {usage:<32} {}", verb.about);
        }
    }
    let _ = write!(out, "\nfiefctl VERB --help says more of each.\n\n{COMMON}");
    out
}

/// `fiefctl VERB --help`.
pub(super) fn of(verb: &Verb) -> String {
    let mut out = format!("usage: {}\n\n{}\n", usage(verb), verb.about);
    if !verb.more.is_empty() {
        let _ = write!(out, "\n{}\n", wrapped(verb.more));
    }
    out.push('\n');
    for option in verb.options() {
        let _ = writeln!(out, "  {:<24} {}", spelling(option), option.about);
    }
    if !verb.aliases.is_empty() {
        let _ = writeln!(out, "\nAlso called {}.", verb.aliases.join(", "));
    }
    out.trim_end().to_owned()
}

/// Lines no longer than the eye likes.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > 96 {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

fn usage(verb: &Verb) -> String {
    format!("fiefctl {} [OPTION…]{}", verb.name, verb.operands.usage())
}

fn spelling(option: &Opt) -> String {
    let short = option.short.map_or_else(|| "    ".to_owned(), |short| format!("-{short}, "));
    let value = option.value.map_or_else(String::new, |value| format!(" {value}"));
    format!("{short}--{}{value}", option.long)
}

fn of_group(group: Group) -> impl Iterator<Item = &'static Verb> {
    verbs::ALL.iter().filter(move |verb| verb.group == group)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use units::control::{Hello, JobRow, LogLine, LogStream, Moments, SystemState, UnitRow};

    /// docs/fiefctl.md.
    fn markdown() -> String {
        let mut out = "\
# fiefctl

Speaks to the init of the container it runs in, over `/run/fief/control`. This page is made of the table
that the program itself reads its command line by (`init/src/fiefctl/verbs.rs`); a test compares them.

"
        .to_owned();
        let _ = writeln!(out, "{}\n", COMMON.replace('\n', " ").replace(" Exit codes", "\n\nExit codes"));
        out.push_str("Colours only on a terminal, and not where `NO_COLOR` is set. Times are UTC.\n");
        for (group, heading) in Group::ALL {
            let _ = write!(out, "\n## {heading}\n");
            for verb in of_group(group) {
                let _ = write!(out, "\n### {}\n\n`{}`\n\n{}\n", verb.name, usage(verb), sentence(verb.about));
                if !verb.more.is_empty() {
                    let _ = write!(out, "\n{}\n", verb.more);
                }
                let own: Vec<String> =
                    verb.options.iter().map(|option| format!("| `{}` | {} |", spelling(option).trim_start(), option.about)).collect();
                if !own.is_empty() {
                    let _ = write!(out, "\n| option | what |\n|---|---|\n{}\n", own.join("\n"));
                }
                if !verb.aliases.is_empty() {
                    let _ = write!(out, "\nAlso called `{}`.\n", verb.aliases.join("`, `"));
                }
            }
        }
        out.push_str("\n## JSON\n\n");
        out.push_str(JSON);
        out
    }

    const JSON: &str = "\
`list`, `status`, `account`, `top`, `list-timers`, `list-sockets`, `list-paths`, `deps`, `blame`, `critical-chain` print one array of units,
one object a line; `logs` prints one object a line, as it comes. The names of the fields stay; new ones may come. All moments that end in
`_us` are microseconds of the container's `CLOCK_BOOTTIME`; those in `time_ms` are milliseconds since 1970.

A unit: `name` `aliases` `description` `documentation` `load` (loaded, not-found, bad-setting, masked) `active` (inactive, activating, active,
reloading, deactivating, failed) `sub` `job` (`kind` `waiting`) `main_pid` `frozen` `age_ms` `restarts` `result` `verdict` `main_exit` `status` `cgroup` `sources`
`shadowed` `triggers` `triggered_by` `watches` `next_us` `last_us` `moments` (`asked_us` `began_us` `up_us` `down_us`) and, where the verb is
about that, `account` (`memory-current` `memory-peak` `memory-max` `swap-current` `oom-kills` `cpu-usage-us` `cpu-user-us` `cpu-system-us`
`cpu-throttled-us` `tasks-current` `tasks-max` `io-read` `io-written`), `relations`, `properties`.

A line of the log: `number` `time_ms` `unit` `pid` `identifier` `stream` (init, stdout, stderr where the console shows errors alone, syslog) `priority` (0 … 7) `facility` (0 … 23,
syslog(3)) `fields` (`LogExtraFields=`) `text`.

The system, of `is-system-running` and `status` without a unit: `protocol` `version` `state` `booted_us` `finished_us` `now_us`
`default_target` `up` `failed` `jobs`.

What changed, of `reload-units`: `added` `removed` `changed` `problems`. A change of `enable` and its kin: `made` and `target`, or `removed`;
of `is-enabled` and `list-unit-files`: `name` `state`. A finding of `verify`: `severity` `path` `line` `column` `message` `help`.

What became of a unit, of the verbs that do something: `unit` and `outcome`, which is `ok`, `queued`, `cancelled` or an object with one of
`skipped`, `failed`, `refused` and the reason.
";

    fn sentence(about: &str) -> String {
        let mut letters = about.chars();
        letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
    }

    #[test]
    fn the_reference_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fiefctl.md");
        let wanted = markdown();
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(path, &wanted).unwrap();
        }
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert!(there == wanted, "docs/fiefctl.md is stale: UPDATE_EXPECT=1 cargo test -p init the_reference");
    }

    #[test]
    fn every_field_that_is_told_is_in_the_reference() {
        let name = || units::UnitName::new("a").unwrap();
        let row: UnitRow = serde_json::from_str(
            r#"{"name":"a","description":"","load":"loaded","active":"active","sub":"","age_ms":0,"restarts":0,"job":{"kind":"stop","waiting":true},
            "account":{"cpu-usage-us":1},"relations":{"after":["b"]},"properties":[["a","b"]]}"#,
        )
        .unwrap();
        assert_eq!((row.job.clone(), row.moments), (Some(JobRow { kind: "stop".into(), waiting: true, number: 0 }), Moments::default()));
        let line = LogLine {
            number: 1,
            time_ms: 0,
            unit: None,
            pid: Some(1),
            identifier: Some("shop".to_owned()),
            stream: LogStream::Init,
            priority: 6,
            facility: 3,
            fields: [("SHOP".to_owned(), "main".to_owned())].into(),
            text: String::new(),
        };
        let hello = Hello {
            protocol: 1,
            version: String::new(),
            state: SystemState::Running,
            booted_us: None,
            finished_us: None,
            now_us: 0,
            default_target: name(),
            up: 0,
            failed: 0,
            jobs: 0,
        };
        let mut texts = vec![serde_json::to_value(&line).unwrap(), serde_json::to_value(&hello).unwrap()];
        let row = serde_json::to_value(&row).unwrap();
        texts.extend([row["job"].clone(), row["moments"].clone(), row["account"].clone(), row]);
        for value in texts {
            for key in value.as_object().unwrap().keys() {
                assert!(JSON.contains(&format!("`{key}`")), "{key} is not in the reference");
            }
        }
    }

    #[test]
    fn the_help_of_a_verb_has_its_options() {
        let text = of(verbs::ALL.iter().find(|verb| verb.name == "logs").unwrap());
        expect_test::expect![[r#"
            usage: fiefctl logs [OPTION…] [UNIT…]

            what units and init have said

            WHEN is "2026-11-25 10:00:00", "10:00", "today", "yesterday", "now", "@SECONDS" or a span before
            now: "5min ago", "-1h". All times are UTC. The log is in memory: lines that had to make way are
            counted.

              -u, --unit UNIT          of this unit, as if it were named
              -n, --lines N            the last N lines
              -f, --follow             and what is said from now on
              -S, --since WHEN         said then or later
              -U, --until WHEN         said then or earlier
              -p, --priority LEVEL     as urgent as this or more: emerg … err warning notice info debug, 0 … 7
              -b, --boot               of this boot; there are no others
                  --json               for programs

            Also called log, journal."#]]
        .assert_eq(&text);
        assert!(all().lines().all(|line| line.chars().count() <= 120), "{}", all());
    }
}
