//! Command lines as `ExecStart=` takes them; systemd.service(5), "Command lines".

use super::words;
use crate::unit::{Command, CommandError, Privileges};

/// Why a line could not be read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) error: CommandError,
    /// The commands before that.
    pub(crate) before: Vec<Command>,
    /// Its failing would not matter, and systemd goes on without it.
    pub(crate) may_fail: bool,
}

type Expand<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// Reads one assignment: several commands where a lone `;` stands between them. `expand` replaces
/// specifiers, word by word: what they stand for is not split again.
///
/// # Errors
/// [`Unread`] says what is wrong with the line.
pub(crate) fn read(line: &str, expand: Expand<'_>) -> Result<Vec<Command>, Unread> {
    let mut commands = Vec::new();
    let mut rest = line;
    loop {
        let first = match words::next(&mut rest) {
            Ok(Some(first)) => first,
            Ok(None) if commands.is_empty() => return Err(Unread { error: CommandError::Empty, before: commands, may_fail: false }),
            Ok(None) => return Ok(commands),
            // The first word, prefixes and all, cannot be told; systemd passes over the line.
            Err(error) => return Err(Unread { error, before: commands, may_fail: true }),
        };
        let (command, program) = prefixes(&first);
        let may_fail = command.ignore_failure;
        match one(command, program, &mut rest, expand) {
            Ok(command) => commands.push(command),
            Err(error) => return Err(Unread { error, before: commands, may_fail }),
        }
    }
}

/// A command up to a lone `;` or to the end.
fn one(mut command: Command, program: &str, rest: &mut &str, expand: Expand<'_>) -> Result<Command, CommandError> {
    let expand = |word: &str| expand(word).map_err(CommandError::Specifier);
    let program = expand(program)?;
    if !Command::is_program(&program) {
        return Err(CommandError::Program(program));
    }
    let mut words = vec![program];
    while !rest.is_empty() {
        if let Some(after) = lone(rest, ";") {
            *rest = after;
            break;
        }
        if let Some(after) = lone(rest, "\\;") {
            words.push(";".to_owned());
            *rest = after;
            continue;
        }
        let Some(word) = words::next(rest)? else { break };
        words.push(expand(&word)?);
    }
    if command.argv0.is_some() {
        if words.len() < 2 {
            return Err(CommandError::NameMissing);
        }
        command.argv0 = Some(words.remove(1));
    }
    command.with_words(words)
}

/// What follows `word`, where it stands alone at the front.
fn lone<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let after = text.strip_prefix(word)?;
    (after.is_empty() || after.starts_with(|c: char| c.is_ascii_whitespace())).then(|| after.trim_start())
}

/// Takes the prefixes off, each at most once, in any order.
fn prefixes(word: &str) -> (Command, &str) {
    let mut command = Command { expand: true, ..Command::default() };
    let mut rest = word;
    loop {
        let mut chars = rest.chars();
        match (chars.next(), command.privileges) {
            (Some('-'), _) if !command.ignore_failure => command.ignore_failure = true,
            (Some('@'), _) if command.argv0.is_none() => command.argv0 = Some(String::new()),
            (Some(':'), _) if command.expand => command.expand = false,
            (Some('+'), Privileges::Unit) => command.privileges = Privileges::Full,
            (Some('!'), Privileges::Unit) => command.privileges = Privileges::NoSetuid,
            (Some('!'), Privileges::NoSetuid) => command.privileges = Privileges::Ambient,
            (Some(_) | None, _) => return (command, rest),
        }
        rest = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn read(line: &str) -> Result<Vec<Command>, CommandError> {
        super::read(line, &|text| Ok(text.replace("%i", "a b"))).map_err(|unread| unread.error)
    }

    fn argv(command: &Command) -> Vec<String> {
        command.argv(|name| match name {
            "OPTS" => Some("-a 'b c'".to_owned()),
            "ONE" => Some("x y".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn prefixes_come_in_any_order_and_once() {
        let one = |line: &str| read(line).unwrap().remove(0);
        let command = one("-+/bin/a");
        assert!(command.ignore_failure && command.privileges == Privileges::Full && command.program() == "/bin/a");
        assert_eq!(one("!/bin/a").privileges, Privileges::NoSetuid);
        assert_eq!(one("!!-/bin/a").privileges, Privileges::Ambient);
        assert_eq!(argv(&one(":/bin/a $OPTS ${ONE}")), ["/bin/a", "$OPTS", "${ONE}"]);
        let named = one("@/bin/sh -sh -c x");
        assert_eq!((named.program(), argv(&named)), ("/bin/sh", vec!["-sh".to_owned(), "-c".into(), "x".into()]));
        assert_eq!(one("--x").program(), "-x");
        assert_eq!(read("@/bin/sh").unwrap_err(), CommandError::NameMissing);
    }

    #[test]
    fn a_lone_semicolon_divides_and_an_escaped_one_does_not() {
        let two = read("/bin/a b ; -/bin/c d \\; e;").unwrap();
        assert_eq!(argv(&two[0]), ["/bin/a", "b"]);
        assert_eq!(argv(&two[1]), ["/bin/c", "d", ";", "e;"]);
        assert!(two[1].ignore_failure);
    }

    #[test]
    fn specifiers_and_braced_variables_do_not_split() {
        let command = read("/bin/a %i $OPTS ${ONE} $NONE ${NONE} $$x 5$ s/\\.d$// \"$ONE\"").unwrap().remove(0);
        assert_eq!(argv(&command), ["/bin/a", "a b", "-a", "b c", "x y", "", "$x", "5$", "s/\\.d$//", "x", "y"]);
    }

    #[test]
    fn what_may_fail_may_be_unreadable() {
        let unread = |line: &str| super::read(line, &|text| Ok(text.to_owned())).unwrap_err();
        let told = unread("/bin/a ; -b/c d ; /bin/e");
        assert_eq!((told.error, told.before.len(), told.may_fail), (CommandError::Program("b/c".into()), 1, true));
        assert_eq!(unread("/bin/").error, CommandError::Program("/bin/".into()));
        assert!(!unread("/bin/a 'b").may_fail && unread("'/bin/a b").may_fail);
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_fail(line in "(\\PC|[-+!@:;$\\\\\"' ]){0,80}") {
            if let Ok(commands) = read(&line) {
                for command in commands {
                    proptest::prop_assert!(!argv(&command).is_empty());
                }
            }
        }
    }
}
