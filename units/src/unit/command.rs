use crate::systemd::exec;
use crate::systemd::words::split;
use crate::value::Signal;
use std::fmt;

/// One command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    pub(crate) words: Vec<String>,
    pub(crate) expand: bool,
    /// Its failing does not matter (it was written with a leading `-`).
    pub ignore_failure: bool,
    /// What the program is told its name is, where that is not its path (a leading `@`).
    pub argv0: Option<String>,
    /// As whom it runs.
    pub privileges: Privileges,
}

/// What of a unit's identity and restrictions a command is under; systemd.service(5), "Special
/// executable prefixes".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Privileges {
    /// All of it.
    #[default]
    Unit,
    /// None of it (`+`): root, no sandbox.
    Full,
    /// All but user, groups and capabilities (`!`): the program changes them itself.
    NoSetuid,
    /// `!!`: as `NoSetuid` where the kernel has no ambient capabilities; every kernel that this
    /// runs on has them, so the same as `Unit`.
    Ambient,
}

/// How a service is told to read its configuration again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reload {
    /// It cannot be.
    #[default]
    Unsupported,
    /// By a signal to the main process.
    Signal(Signal),
    /// By commands, one after the other.
    Commands(Vec<Command>),
}

/// Why a text is no command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No word in it.
    #[error("a command needs at least the name of a program")]
    Empty,
    /// A quote opened and not closed.
    #[error("the quote {0} is not closed")]
    Quote(char),
    /// A backslash before a character that makes no escape.
    #[error("nothing is known of the escape \\{0}")]
    Escape(char),
    /// The program is a folder, a path relative to whatever is current, or has quotes, backslashes or control characters in it.
    #[error("{0:?} is neither an absolute path of a program nor a name to be looked up")]
    Program(String),
    /// A leading `@`, and no second word.
    #[error("behind `@PROGRAM` its name must follow")]
    NameMissing,
    /// More commands than one, where one is wanted.
    #[error("one command is wanted here, not several")]
    Several,
    /// A specifier without a value; the message is complete.
    #[error("{0}")]
    Specifier(String),
    /// A NUL, which no argument can hold.
    #[error("a NUL byte cannot be passed to a program")]
    Nul,
}

impl Command {
    /// Takes words as they are: nothing is expanded. A leading `-` of the program means that its
    /// failing does not matter.
    ///
    /// # Errors
    /// [`CommandError`] when there is no program or a NUL.
    pub fn verbatim(mut words: Vec<String>) -> Result<Self, CommandError> {
        let first = words.first_mut().ok_or(CommandError::Empty)?;
        let ignore_failure = first.starts_with('-');
        if ignore_failure {
            first.remove(0);
        }
        if !Self::is_program(first) {
            return Err(CommandError::Program(std::mem::take(first)));
        }
        Self { ignore_failure, ..Self::default() }.with_words(words)
    }

    /// Reads a line the way systemd reads `ExecStart=` (systemd.service(5), "Command lines"):
    /// quotes, C escapes, prefixes; `$NAME` and `${NAME}` are expanded when it is run.
    ///
    /// # Errors
    /// [`CommandError`] says what is wrong with the line.
    pub fn read(line: &str) -> Result<Self, CommandError> {
        let mut commands = exec::read(line, &|text| Ok(text.to_owned())).map_err(|unread| unread.error)?;
        match (commands.pop(), commands.is_empty()) {
            (Some(command), true) => Ok(command),
            (Some(_), false) => Err(CommandError::Several),
            (None, _) => Err(CommandError::Empty),
        }
    }

    pub(crate) fn with_words(self, words: Vec<String>) -> Result<Self, CommandError> {
        Self { words, ..self }.checked()
    }

    /// Whether it may stand for a program: a path from the root, or a name to be looked up. That there is none is told at the end.
    pub(crate) fn is_program(text: &str) -> bool {
        let is_path = text.starts_with('/') && !text.ends_with('/');
        let is_name = !text.contains('/') && text != "." && text != "..";
        let is_odd = text.contains(|c: char| "'\"\\".contains(c) || c.is_ascii_control());
        !is_odd && (is_path || is_name)
    }

    fn checked(self) -> Result<Self, CommandError> {
        if self.words.iter().chain(&self.argv0).any(|word| word.contains('\0')) {
            return Err(CommandError::Nul);
        }
        match self.words.first() {
            Some(program) if !program.is_empty() => Ok(self),
            Some(_) | None => Err(CommandError::Empty),
        }
    }

    /// The program: a path, or a word looked up in `PATH`. `fief-init` means PID 1's own
    /// executable.
    #[must_use]
    pub fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The argument vector, the program's name first, with variables expanded by `lookup`. The
    /// program itself is never expanded. As systemd has it, `$NAME` alone becomes as many words as
    /// its value has, `${NAME}` is replaced within its word, `$$` is a dollar, and an unset variable
    /// is empty.
    pub fn argv(&self, lookup: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let mut argv = Vec::with_capacity(self.words.len());
        for (at, word) in self.words.iter().enumerate() {
            let whole = word.strip_prefix('$').filter(|rest| !rest.starts_with(['{', '$']));
            match (at, &self.argv0, whole) {
                (0, Some(name), _) => argv.push(name.clone()),
                (0, None, _) => argv.push(word.clone()),
                (_, _, _) if !self.expand => argv.push(word.clone()),
                (_, _, Some(name)) => {
                    let value = lookup(name).unwrap_or_default();
                    match split(&value) {
                        Ok(words) => argv.extend(words),
                        // A value may leave a quote open; it ends with the value.
                        Err(CommandError::Quote(quote)) => argv.extend(split(&format!("{value}{quote}")).unwrap_or_default()),
                        Err(_) => argv.extend(value.split_whitespace().map(str::to_owned)),
                    }
                }
                (_, _, None) => argv.push(expand(word, &lookup)),
            }
        }
        argv
    }
}

/// The line as it would be written.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.words.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            if word.is_empty() || word.contains([' ', '\t', '\n', '"', '\'', '\\']) {
                write!(f, "{word:?}")?;
            } else {
                f.write_str(word)?;
            }
        }
        Ok(())
    }
}

fn expand(word: &str, lookup: &impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        match braced {
            Some((name, after)) => {
                out.push_str(&lookup(name).unwrap_or_default());
                rest = after;
            }
            None => {
                out.push('$');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn argv(line: &str) -> Vec<String> {
        Command::read(line).unwrap().argv(|name| match name {
            "OPTS" => Some("-a 'b c'".to_owned()),
            "ONE" => Some("x y".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn lines_are_split_as_systemd_splits_them() {
        assert_eq!(argv("/bin/a b  c"), ["/bin/a", "b", "c"]);
        assert_eq!(argv("/bin/a 'b c' \"d e\" f\\sg"), ["/bin/a", "b c", "d e", "f g"]);
        assert_eq!(argv("nginx -g 'daemon off;'"), ["nginx", "-g", "daemon off;"]);
        assert_eq!(argv("/bin/a \"\" \\x41"), ["/bin/a", "", "A"]);
        assert_eq!(argv("/bin/a $OPTS $NONE ${ONE} -x=${ONE} $$HOME 5$"), ["/bin/a", "-a", "b c", "x y", "-x=x y", "$HOME", "5$"]);
        assert!(Command::read("-/bin/a").unwrap().ignore_failure);
        assert_eq!(Command::read("  ").unwrap_err(), CommandError::Empty);
        assert_eq!(Command::read("a 'b").unwrap_err(), CommandError::Quote('\''));
        assert_eq!(argv("a \\q \\x00"), ["a", "\\q", "\\x00"]);
        assert_eq!(Command::read("a \0").unwrap_err(), CommandError::Nul);
        assert_eq!(Command::read("@a \0").unwrap_err(), CommandError::Nul);
    }

    #[test]
    fn arrays_are_taken_as_they_are() {
        for no_program in [" /bin/a", "./a", "/bin/", ".", "a\"b"] {
            assert_eq!(Command::verbatim(vec![no_program.into()]), Err(CommandError::Program(no_program.into())));
        }
        let command = Command::verbatim(vec!["-/bin/a".into(), "$OPTS".into()]).unwrap();
        assert!(command.ignore_failure);
        assert_eq!(command.argv(|_| Some("no".into())), ["/bin/a", "$OPTS"]);
    }
}
