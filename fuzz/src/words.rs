//! Command lines, environment files, notifications.

use units::notify::{self, Word};
use units::unit::{Command, read_environment};

use crate::text;

/// What stands for a variable here: its own name, and a list for `LIST`.
fn variable(name: &str) -> Option<String> {
    match name {
        "LIST" => Some("one 'two three' four".to_owned()),
        "NONE" => None,
        other => Some(other.to_owned()),
    }
}

/// A command line has a program, no argument holds a NUL, and what it becomes grows with what was written, not faster.
pub fn command(bytes: &[u8]) {
    let Some(line) = text(bytes) else { return };
    let Ok(command) = Command::read(line) else { return };
    assert!(!command.program().is_empty());
    let argv = command.argv(variable);
    assert!(!argv.is_empty() && argv.iter().all(|word| !word.contains('\0')), "{argv:?}");
    // The longest value of a variable is LIST's; `$$` and escapes only shrink.
    let length: usize = argv.iter().map(|word| word.len() + 1).sum();
    assert!(length <= 2 + line.len() * 8, "{} bytes became {length}", line.len());
    // Words taken as they are stay as they are.
    let first = argv.first().is_some_and(|program| program.starts_with('-') || program.is_empty());
    if let (false, Ok(verbatim)) = (first, Command::verbatim(argv.clone())) {
        assert_eq!(verbatim.argv(|name| panic!("{name} is looked up")), argv);
    }
}

/// Names are names of variables, nothing is longer than the file, and what was read is read again from a plain way to write it.
pub fn environment(bytes: &[u8]) {
    let file = String::from_utf8_lossy(bytes);
    let found = read_environment(&file);
    let length: usize = found.iter().map(|(name, value)| name.len() + 1 + value.len()).sum();
    assert!(length <= file.len(), "{} bytes became {length}", file.len());
    let mut plain = String::new();
    for (name, value) in &found {
        let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.starts_with(|c: char| c.is_ascii_digit());
        assert!(fits && !name.is_empty(), "{name:?} names a variable");
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('`', "\\`").replace('$', "\\$");
        plain.push_str(&format!("{name}=\"{escaped}\"\n"));
    }
    assert_eq!(read_environment(&plain), found, "{plain}");
}

/// At most one word for a line, and of a sort, and none of them long.
pub fn notify(bytes: &[u8]) {
    let message = String::from_utf8_lossy(bytes);
    let words = notify::read(&message);
    assert!(words.len() <= message.lines().count().min(13));
    for word in &words {
        if let Word::Status(status) = word {
            assert!(status.chars().count() <= notify::STATUS_LIMIT && !status.contains('\n'), "{status:?}");
        }
    }
}
