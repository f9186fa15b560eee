//! `systemd-path`: where things are. systemd-path(1), file-hierarchy(7).

use std::path::Path;
use std::process::ExitCode;

use units::search;

use super::{fail, output};
use crate::getopt::{Opt, Takes};

const OPTIONS: &[Opt] = &[Opt("suffix", '\0', Takes::Value)];

const HELP: &str = "\
systemd-path [OPTIONS...] [NAME...]

Show system and user paths.

  -h --help             Show this help
     --version          Show package version
     --suffix=SUFFIX    Suffix to append to paths
";

/// Each with where it is. `~` is the caller's home, a variable's value goes before what stands behind it, `*` is systemd's list of folders of units.
const PATHS: &[(&str, &str)] = &[
    ("temporary", "$TMPDIR|/tmp"),
    ("temporary-large", "$TMPDIR|/var/tmp"),
    ("system-binaries", "/usr/bin"),
    ("system-include", "/usr/include"),
    ("system-library-private", "/usr/lib"),
    ("system-shared", "/usr/share"),
    ("system-configuration-factory", "/usr/share/factory/etc"),
    ("system-state-factory", "/usr/share/factory/var"),
    ("system-configuration", "/etc"),
    ("system-runtime", "/run"),
    ("system-runtime-logs", "/run/log"),
    ("system-state-private", "/var/lib"),
    ("system-state-logs", "/var/log"),
    ("system-state-cache", "/var/cache"),
    ("system-state-spool", "/var/spool"),
    ("user-binaries", "~/.local/bin"),
    ("user-library-private", "~/.local/lib"),
    ("user-shared", "$XDG_DATA_HOME|~/.local/share"),
    ("user-configuration", "$XDG_CONFIG_HOME|~/.config"),
    ("user-state-cache", "$XDG_CACHE_HOME|~/.cache"),
    ("user", "~"),
    ("search-binaries-default", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("systemd-util", "/lib/systemd"),
    ("systemd-system-unit", "/lib/systemd/system"),
    ("systemd-system-preset", "/lib/systemd/system-preset"),
    ("systemd-system-conf", "/etc/systemd/system"),
    ("systemd-search-system-unit", "*"),
    ("systemd-system-generator", "/lib/systemd/system-generators"),
    (
        "systemd-search-system-generator",
        "/run/systemd/system-generators:/etc/systemd/system-generators:/usr/local/lib/systemd/system-generators:/lib/systemd/system-generators",
    ),
    ("systemd-sleep", "/lib/systemd/system-sleep"),
    ("systemd-shutdown", "/lib/systemd/system-shutdown"),
    ("tmpfiles", "/usr/lib/tmpfiles.d"),
    ("sysusers", "/usr/lib/sysusers.d"),
    ("sysctl", "/usr/lib/sysctl.d"),
    ("binfmt", "/usr/lib/binfmt.d"),
    ("modules-load", "/usr/lib/modules-load.d"),
    ("catalog", "/usr/lib/systemd/catalog"),
];

pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, words) {
        Ok(line) => line,
        Err(status) => return status,
    };
    let suffix = line.value("suffix").map(|suffix| format!("/{suffix}")).unwrap_or_default();
    let mut text = String::new();
    if line.operands.is_empty() {
        for (name, rule) in PATHS {
            text.push_str(&format!("{name}: {}{suffix}\n", place(rule)));
        }
    }
    for wanted in &line.operands {
        let Some((_, rule)) = PATHS.iter().find(|(name, _)| name == wanted) else {
            output(&text);
            return fail(format_args!("Path {wanted} not known."));
        };
        text.push_str(&format!("{}{suffix}\n", place(rule)));
    }
    output(&text)
}

fn place(rule: &str) -> String {
    if rule == "*" {
        return search::SYSTEMD.join(":");
    }
    let (variable, path) = rule.strip_prefix('$').and_then(|rule| rule.split_once('|')).unwrap_or(("", rule));
    // What $TMPDIR says counts only where it is a folder.
    let is_good = |value: &String| value.starts_with('/') && (variable != "TMPDIR" || Path::new(value).is_dir());
    let said = std::env::var(variable).ok().filter(is_good);
    said.unwrap_or_else(|| match path.strip_prefix('~') {
        Some(rest) => format!("{}{rest}", std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned())),
        None => path.to_owned(),
    })
}
