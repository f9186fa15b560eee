//! Command lines as getopt_long(3) reads them.
//!
//! ```text
//!   --long=VALUE  --long VALUE  -sVALUE  -s VALUE  -abc        options and operands in any order, until --
//! ```
//!
//! A long option may be cut short as long as it is the only one that begins so.

/// Whether an option has a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Takes {
    Nothing,
    Value,
    /// Only joined to it (`--boot=ID`, `-bID`), or in a word of its own that can be nothing else.
    Perhaps(fn(&str) -> bool),
}

/// An option: its long name, or where it has none its letter once more; its letter or `\0`.
#[derive(Debug)]
pub(crate) struct Opt(pub(crate) &'static str, pub(crate) char, pub(crate) Takes);

/// `--help` and `--version`, which all have.
pub(crate) static COMMON: [Opt; 2] = [Opt("help", 'h', Takes::Nothing), Opt("version", '\0', Takes::Nothing)];

/// Whether options may follow the first operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Any,
    /// What follows is another program's command line.
    OptionsFirst,
}

/// What was understood: the options in their order, under the long name or the letter, and the operands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) options: Vec<(&'static str, Option<String>)>,
    pub(crate) operands: Vec<String>,
}

/// Why a line is not understood, in the words of glibc.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unclear {
    #[error("unrecognized option '{0}'")]
    Long(String),
    #[error("option '{0}' is ambiguous")]
    Ambiguous(String, Vec<&'static str>),
    #[error("invalid option -- '{0}'")]
    Short(char),
    #[error("option '{0}' requires an argument")]
    NoValue(String),
    #[error("option requires an argument -- '{0}'")]
    NoValueShort(char),
    #[error("option '{0}' doesn't allow an argument")]
    Value(String),
    #[error("{0}")]
    Wrong(String),
}

impl Line {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(known, _)| *known == name)
    }

    /// The value that was given last, also where that was none.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(known, _)| *known == name).and_then(|(_, value)| value.as_deref())
    }

    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |(known, _)| *known == name).filter_map(|(_, value)| value.as_deref())
    }
}

/// Read a command line, by these options and [`COMMON`].
pub(crate) fn read(known: &'static [Opt], order: Order, words: &[String]) -> Result<Line, Unclear> {
    let mut line = Line::default();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            line.operands.extend(words.by_ref().cloned());
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value.to_owned())));
            let Opt(name, _, takes) = find(known, name, word)?;
            let value = match (takes, value) {
                (Takes::Nothing, Some(_)) => return Err(Unclear::Value(format!("--{name}"))),
                (Takes::Value, None) => Some(words.next().cloned().ok_or_else(|| Unclear::NoValue(format!("--{name}")))?),
                (Takes::Perhaps(can_be), None) => words.next_if(|next| can_be(next)).cloned(),
                (Takes::Nothing | Takes::Value | Takes::Perhaps(_), value) => value,
            };
            line.options.push((name, value));
        } else if word.len() > 1 && word.starts_with('-') {
            let mut letters = word.chars().skip(1);
            while let Some(letter) = letters.next() {
                // The letter of `--help` is another's with some.
                let all = known.iter().chain(&COMMON);
                let Opt(name, _, takes) =
                    all.into_iter().find(|option| option.1 == letter && letter != '\0').ok_or(Unclear::Short(letter))?;
                let mut rest = || Some(letters.by_ref().collect::<String>()).filter(|rest| !rest.is_empty());
                let value = match takes {
                    Takes::Nothing => None,
                    Takes::Value => Some(rest().or_else(|| words.next().cloned()).ok_or(Unclear::NoValueShort(letter))?),
                    Takes::Perhaps(can_be) => rest().or_else(|| words.next_if(|next| can_be(next)).cloned()),
                };
                line.options.push((name, value));
            }
        } else {
            line.operands.push(word.clone());
            if order == Order::OptionsFirst {
                line.operands.extend(words.by_ref().cloned());
            }
        }
    }
    Ok(line)
}

/// The option with this name or the only one that begins so, which was written as this word.
fn find(known: &'static [Opt], name: &str, word: &str) -> Result<&'static Opt, Unclear> {
    let begin = || COMMON.iter().chain(known).filter(|option| option.0.len() > 1 && option.0.starts_with(name));
    let mut few = begin();
    match (begin().find(|option| option.0 == name), few.next(), few.next()) {
        (Some(option), _, _) | (None, Some(option), None) => Ok(option),
        (None, Some(_), Some(_)) => Err(Unclear::Ambiguous(format!("--{name}"), begin().map(|option| option.0).collect())),
        (None, None, _) => Err(Unclear::Long(word.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KNOWN: &[Opt] = &[Opt("path", 'p', Takes::Nothing), Opt("prefix", '\0', Takes::Value), Opt("template", 't', Takes::Value)];

    fn line(text: &str, order: Order) -> Result<Line, Unclear> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        read(KNOWN, order, &words)
    }

    #[test]
    fn options_are_read_as_by_getopt() {
        let read = line("a -pt x --pre=y b -- -c", Order::Any).unwrap();
        let options = [("path", None), ("template", Some("x")), ("prefix", Some("y"))];
        assert_eq!(read.options, options.map(|(name, value)| (name, value.map(str::to_owned))));
        assert_eq!(read.operands, ["a", "b", "-c"]);
        let read = line("-p cmd -t --x", Order::OptionsFirst).unwrap();
        assert_eq!((read.has("path"), read.operands.len()), (true, 3));
    }

    #[test]
    fn what_is_not_known_is_told_in_glibcs_words() {
        let told = |text| line(text, Order::Any).unwrap_err().to_string();
        assert_eq!(told("--bogus=1"), "unrecognized option '--bogus=1'");
        assert_eq!(told("--p"), "option '--p' is ambiguous");
        assert_eq!(told("-x"), "invalid option -- 'x'");
        assert_eq!(told("--prefix"), "option '--prefix' requires an argument");
        assert_eq!(told("-t"), "option requires an argument -- 't'");
        assert_eq!(told("--path=x"), "option '--path' doesn't allow an argument");
    }
}
