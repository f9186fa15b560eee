use super::directives::{Act, Directive, groups};
use crate::unit::Why;
use std::fmt::Write;

const SECTIONS: [&str; 7] = ["Unit", "Install", "Service", "Socket", "Timer", "Path", "Mount"];

/// Why each directive that asks for something else than a service's safety or speed is passed over.
const FOREIGN: &[(&[&str], &str)] = &[
    (&["WantsMountsFor"], "younger than systemd 252, and mounts are not looked for by it"),
    (
        &["OnFailureJobMode", "OnSuccessJobMode", "OnFailureIsolate"],
        "what is started then is started as by any other, which is the default (`replace`)",
    ),
    (&["IgnoreOnSnapshot"], "there are no snapshots, with systemd since 228 neither"),
    (&["CollectMode"], "no unit is forgotten before the unit files are read again"),
    (&["RebootArgument", "JobTimeoutRebootArgument"], "a container has no firmware to be told"),
    (&["SurviveFinalKillSignal"], "for what outlives a change of root; all ends with its container"),
    (&["UpheldBy"], "no folder of such links is made"),
    (&["SysVStartPriority"], "gone, with systemd since 218"),
    (&["Capabilities"], "gone, with systemd since 230: `CapabilityBoundingSet=` and `AmbientCapabilities=` are there"),
    (&["USBFunctionDescriptors", "USBFunctionStrings"], "a container is no USB device"),
    (&["WakeSystem"], "a container cannot wake its machine"),
    (&["Priority", "TimeoutIdleSec"], "of swap and automounts, which are no units here"),
    (&["TTYVTDisallocate"], "a container has no virtual consoles"),
    (&["PAMName"], "a static program loads no modules of PAM"),
    (&["RootHash", "RootHashSignature", "RootVerity", "RootImageOptions", "RootEphemeral"], "goes with `RootImage=`, which is refused"),
    (&["ImportCredential"], "no credentials are given yet"),
];

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
        Act::Foreign => {
            let why = FOREIGN.iter().find(|(names, _)| names.contains(&directive.name));
            format!("passed over: {}", why.map_or_else(|| Why::Foreign.to_string(), |(_, why)| (*why).to_owned()))
        }
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

    #[test]
    fn each_foreign_directive_has_a_reason_of_its_own() {
        let all = || SECTIONS.into_iter().flat_map(groups).flat_map(|group| group.iter()).filter(|d| matches!(d.act, Act::Foreign));
        for directive in all() {
            assert!(FOREIGN.iter().any(|(names, _)| names.contains(&directive.name)), "{}", directive.name);
        }
    }

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
