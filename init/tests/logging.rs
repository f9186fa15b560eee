//! What is known of a line besides its words, by a PID 1 that runs; systemd.exec(5), "Logging and Standard Input/Output".
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;

use guest::{POWERED_OFF, boot, script};

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
