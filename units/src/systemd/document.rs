use super::directives::{Act, Directive, groups};
use crate::unit::Why;
use std::fmt::Write;

const SECTIONS: [&str; 7] = ["Unit", "Install", "Service", "Socket", "Timer", "Path", "Mount"];

/// Every directive that is known, with what becomes of it, as the last section of `docs/systemd.md`.
#[must_use]
pub fn directives_document() -> String {
    let mut text = String::from(
        "## What becomes of each directive\n\nMade from the tables in `units/src/systemd/directives`. Directives of execution, of killing and of \
         control groups belong to every section whose units have processes; they are listed with `[Service]`. A directive that is passed over is \
         named in the unit's status, with the reason; a value that cannot be read is told and passed over, as systemd does. An unknown directive is \
         told with its place.\n",
    );
    for section in SECTIONS {
        let _ = writeln!(text, "\n### `[{section}]`\n\n| directive | |\n|---|---|");
        // What its units have in common with others is listed once.
        let own = if section == "Service" { groups(section) } else { groups(section).get(..1).unwrap_or_default() };
        for directive in own.iter().flat_map(|group| group.iter()) {
            let _ = writeln!(text, "| `{}` | {} |", directive.name, outcome(directive));
        }
    }
    text
}

fn outcome(directive: &Directive) -> String {
    match directive.act {
        Act::Hardening => format!("passed over: {}", Why::Hardening),
        Act::Tuning => format!("passed over: {}", Why::Tuning),
        Act::Foreign => format!("passed over: {}", Why::Foreign),
        Act::Vital(why) => format!("refused: {why}"),
        Act::Old(new) => format!("old name of `{new}`"),
        Act::Condition(question) if question.is_never() => "a condition that never holds in a container".to_owned(),
        _ if directive.done => "done".to_owned(),
        _ => format!("read, {}", Why::Pending),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// To write it anew: `UPDATE_DOCS=1 cargo test -p units the_document`.
    #[test]
    fn the_document_of_directives_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/systemd.md");
        let text = std::fs::read_to_string(path).unwrap();
        let made = directives_document();
        let head = made.lines().next().unwrap();
        let (before, _) = text.split_once(head).unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, format!("{before}{made}")).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), format!("{before}{made}"));
    }
}
