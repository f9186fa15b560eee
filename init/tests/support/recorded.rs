//! Programs of systemd's held against what those of systemd 252 once did.
//!
//! ```text
//!   systemd/NAME.txt:   === OPTIONS           the lines of a file, and
//!                       --- EXIT STATUS       what is there afterwards
//! ```
//!
//! With `FIEF_TEST_RECORD=PROGRAM` the answers of that program are written down instead.

use std::fs;

/// What options and lines come to by a program, and what it said.
pub(crate) type Outcome = fn(program: &str, options: &str, lines: &str) -> (String, String);

/// Every case of the record, `least` of them, comes to the same by ours. `differ` tells what is otherwise, of ours and of theirs.
pub(crate) fn assert_the_same(record: &str, least: usize, outcome: Outcome, differ: fn(&str, &str) -> String) {
    let text = fs::read_to_string(record).unwrap();
    let cases: Vec<(&str, &str, &str)> = text
        .split("=== ")
        .skip(1)
        .map(|block| {
            let (options, rest) = block.split_once('\n').unwrap();
            let (lines, answer) = rest.split_once("--- ").unwrap_or((rest, ""));
            (options, lines, answer.trim_end())
        })
        .collect();
    if let Ok(program) = std::env::var("FIEF_TEST_RECORD") {
        let answered =
            cases.iter().map(|(options, lines, _)| format!("=== {options}\n{lines}--- {}\n", outcome(&program, options, lines).0));
        fs::write(record, answered.collect::<String>()).unwrap();
        return;
    }
    assert!(cases.len() >= least, "{} cases only", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(options, lines, theirs)| {
            let (ours, said) = outcome(env!("CARGO_BIN_EXE_fief-init"), options, lines);
            (ours != *theirs).then(|| format!("{options}\n{lines}{}\n{said}", differ(&ours, theirs)))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
