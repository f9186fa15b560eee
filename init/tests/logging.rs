//! What is known of a line besides its words, by a PID 1 that runs; systemd.exec(5), "Logging and Standard Input/Output".
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;

use guest::{POWERED_OFF, boot, script};

/// As with systemd, where both are one socket; systemd.exec(5), `StandardError=inherit`.
#[test]
#[ignore = "needs root"]
fn what_is_said_on_both_descriptors_stays_in_order() {
    let speaks = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'for n in $(seq 200); do echo out $$n; echo err $$n >&2; done'\nLogRateLimitBurst=0\n";
    let boot =
        boot(&[("speaks.service", speaks), ("work.toml", &script("", "ctl start speaks.service; ctl logs speaks.service; ctl poweroff"))]);
    boot.ended(POWERED_OFF);
    let said = |line: &str| Some(line.split_once("work: ")?.1.split_once(' ')?.1.to_owned());
    let said: Vec<String> =
        boot.console.lines().filter_map(said).filter(|text| text.starts_with("out ") || text.starts_with("err ")).collect();
    let wanted: Vec<String> = (1..=200).flat_map(|n| [format!("out {n}"), format!("err {n}")]).collect();
    assert_eq!(said, wanted, "{}", boot.console);
}

#[test]
#[ignore = "needs root"]
fn a_line_is_kept_with_who_speaks_and_what_the_unit_says_of_it() {
    let speaks = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo plain; echo \"<3>grave\"'\nSyslogFacility=local3\nSyslogLevel=notice\n\
                  LogExtraFields=SHOP=main \"PART=of %p\"\n";
    let work = "ctl start speaks.service usual.service; ctl logs --json speaks.service usual.service; ctl reexec\n\
                echo again; ctl logs --json speaks.service; ctl poweroff";
    let boot = boot(&[
        ("speaks.service", speaks),
        ("usual.service", "[Service]\nType=oneshot\nExecStart=/bin/echo usual\n"),
        ("work.toml", &script("", work)),
    ]);
    boot.ended(POWERED_OFF);
    let said = |of: &str, text: &str| {
        let lines = of.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line.split_once("work: ")?.1).ok());
        let line = lines.into_iter().find(|line| line["text"] == text && line["stream"] == "stdout").unwrap_or_default();
        (line["facility"].as_u64(), line["priority"].as_u64(), line["fields"].to_string())
    };
    let (before, after) = boot.console.split_once("work: again").unwrap();
    let fields = r#"{"PART":"of speaks","SHOP":"main"}"#.to_owned();
    for text in [before, after] {
        assert_eq!(said(text, "plain"), (Some(19), Some(5), fields.clone()), "{}", boot.console);
        assert_eq!(said(text, "grave"), (Some(19), Some(3), fields.clone()), "{}", boot.console);
    }
    assert_eq!(said(before, "usual"), (Some(3), Some(6), "null".to_owned()), "{}", boot.console);
}
