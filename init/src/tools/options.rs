//! Command lines as getopt_long(3) reads them.
//!
//! ```text
//!   --long=VALUE  --long VALUE  -sVALUE  -s VALUE  -abc        options and operands in any order, until --
//! ```
//!
//! A long option may be cut short as long as it is the only one that begins so.

/// Whether an option has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Value,
}

/// An option: its long name or "", its letter or `\0`.
#[derive(Debug)]
pub(super) struct Opt(pub(super) &'static str, pub(super) char, pub(super) Takes);

/// `--help` and `--version`, which all have.
pub(super) const COMMON: [Opt; 2] = [Opt("help", 'h', Takes::Nothing), Opt("version", '\0', Takes::Nothing)];

/// Whether options may follow the first operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Any,
    /// What follows is another program's command line.
    OptionsFirst,
}

/// What was understood: the options in their order, under the long name or the letter, and the operands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) options: Vec<(&'static str, String)>,
    pub(super) operands: Vec<String>,
}

/// Why a line is not understood, in the words of glibc.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unclear {
    #[error("unrecognized option '{0}'")]
    Long(String),
    #[error("option '{0}' is ambiguous")]
    Ambiguous(String),
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
    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The last value.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).last()
    }

    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.options.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Read a command line, by these options and [`COMMON`].
pub(super) fn read(known: &'static [Opt], order: Order, words: &[String]) -> Result<Line, Unclear> {
    let mut line = Line::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            line.operands.extend(words.by_ref().cloned());
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let option = find(known, name)
                .map_err(|ambiguous| if ambiguous { Unclear::Ambiguous(format!("--{name}")) } else { Unclear::Long(word.clone()) })?;
            let value = match (option.2, value) {
                (Takes::Nothing, Some(_)) => return Err(Unclear::Value(format!("--{}", option.0))),
                (Takes::Nothing, None) => String::new(),
                (Takes::Value, Some(value)) => value.to_owned(),
                (Takes::Value, None) => words.next().cloned().ok_or_else(|| Unclear::NoValue(format!("--{}", option.0)))?,
            };
            line.options.push((option.0, value));
        } else if word.len() > 1 && word.starts_with('-') {
            let mut letters = word.chars().skip(1);
            while let Some(letter) = letters.next() {
                let all = known.iter().chain(&COMMON);
                let option = all.into_iter().find(|option| option.1 == letter && letter != '\0').ok_or(Unclear::Short(letter))?;
                let value = match option.2 {
                    Takes::Nothing => String::new(),
                    Takes::Value => {
                        let rest: String = letters.by_ref().collect();
                        if rest.is_empty() { words.next().cloned().ok_or(Unclear::NoValueShort(letter))? } else { rest }
                    }
                };
                line.options.push((option.0, value));
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

/// The option with this name or the only one that begins so; the error is whether there are several.
fn find(known: &'static [Opt], name: &str) -> Result<&'static Opt, bool> {
    let all = || known.iter().chain(&COMMON).filter(|option| !option.0.is_empty());
    if let Some(exact) = all().find(|option| option.0 == name) {
        return Ok(exact);
    }
    let mut begin = all().filter(|option| option.0.starts_with(name));
    match (begin.next(), begin.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(true),
        (None, _) => Err(false),
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
        let options = [("path", ""), ("template", "x"), ("prefix", "y")];
        assert_eq!(read.options, options.map(|(name, value)| (name, value.to_owned())));
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
