//! The command line, read by the table of [`verbs`](super::verbs).
//!
//! ```text
//! [OPTION…] VERB [OPTION | OPERAND]… [-- OPERAND…]      -n5  -n 5  --lines 5  --lines=5  -fn5
//! ```
//!
//! Invariant: what is not in the table is refused with a guess at what was meant; nothing is passed over.

use super::verbs::{self, Operands, Opt, Verb};

/// A command line that was understood.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) verb: &'static Verb,
    options: Options,
    pub(crate) operands: Vec<String>,
}

/// Options by their long names, in the order in which they were given.
pub(crate) type Options = Vec<(&'static str, Option<String>)>;

/// What somebody typed.
#[derive(Debug)]
pub(crate) enum Typed {
    Do(Line),
    /// `--help`, of all or of a verb.
    Help(Option<&'static Verb>),
    Version,
}

/// Why a command line is not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unclear {
    #[error("which verb? fiefctl --help lists them")]
    NoVerb,
    #[error("{word}: unknown verb{}", near.map_or_else(String::new, |near| format!("; did you mean {near}?")))]
    Verb { word: String, near: Option<&'static str> },
    #[error("{verb} knows no option {option}{}", near.map_or_else(String::new, |near| format!("; did you mean --{near}?")))]
    Option { verb: &'static str, option: String, near: Option<&'static str> },
    #[error("{0} wants a value: {1}")]
    NoValue(String, &'static str),
    #[error("{0} takes no value")]
    Value(String),
    #[error("{0} wants {1}")]
    Wants(&'static str, &'static str),
    #[error("{0}: {1:?} is too much")]
    TooMuch(&'static str, String),
    #[error("{0}: {1}")]
    Bad(String, String),
}

impl Line {
    /// Of its parts; too few or too many operands are none.
    pub(crate) fn new(verb: &'static Verb, options: Options, operands: Vec<String>) -> Result<Self, Unclear> {
        let wants = |what| Err(Unclear::Wants(verb.name, what));
        match (verb.operands, operands.as_slice()) {
            (Operands::None, [word, ..]) => return Err(Unclear::TooMuch(verb.name, word.clone())),
            (Operands::One(what) | Operands::Some(what), []) => return wants(what),
            (Operands::One(_) | Operands::MayOne(_), [_, word, ..]) => return Err(Unclear::TooMuch(verb.name, word.clone())),
            (Operands::UnitAnd(what), [] | [_]) => return wants(what),
            (Operands::None | Operands::Any(_) | Operands::MayOne(_), _)
            | (Operands::One(_) | Operands::Some(_) | Operands::UnitAnd(_), [_, ..]) => {}
        }
        Ok(Self { verb, options, operands })
    }

    /// Whether the option was given.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.iter().any(|(name, _)| *name == option)
    }

    /// The last value of the option.
    pub(crate) fn value(&self, option: &str) -> Option<&str> {
        self.values(option).last()
    }

    /// All its values.
    pub(crate) fn values(&self, option: &str) -> impl Iterator<Item = &str> {
        self.options.iter().filter(move |(name, _)| *name == option).filter_map(|(_, value)| value.as_deref())
    }

    /// The value as a number.
    pub(crate) fn number<N: std::str::FromStr>(&self, option: &'static str) -> Result<Option<N>, Unclear> {
        let bad = |text: &str| Unclear::Bad(format!("--{option}"), format!("{text:?} is no number it can be"));
        self.value(option).map(|text| text.parse().map_err(|_| bad(text))).transpose()
    }
}

/// Read a command line of fiefctl's.
pub(crate) fn read(words: &[String]) -> Result<Typed, Unclear> {
    let is_option = |word: &&String| word.starts_with('-') && word.len() > 1;
    let Some(at) = words.iter().position(|word| !is_option(&word)) else {
        // Without a verb only what asks about fiefctl itself.
        return match words.first().map(String::as_str) {
            Some("-h" | "--help") => Ok(Typed::Help(None)),
            Some("-V" | "--version") => Ok(Typed::Version),
            _ => Err(Unclear::NoVerb),
        };
    };
    let (before, rest) = words.split_at(at);
    let Some((word, after)) = rest.split_first() else { return Err(Unclear::NoVerb) };
    if word == "help" {
        let about = after.first().map(|word| verb_of(word)).transpose()?;
        return Ok(Typed::Help(about));
    }
    let verb = verb_of(word)?;
    let mut reading = Reading::new(verb.name, [verb.options, verbs::COMMON], Abbreviations::Refused);
    reading.all(before)?;
    reading.all(after)?;
    if reading.help {
        return Ok(Typed::Help(Some(verb)));
    }
    Line::new(verb, reading.options, reading.operands).map(Typed::Do)
}

/// Read a command line as getopt_long(3) does: every verb knows all of `options`, their names may be cut short, and what is no
/// option stands in its order: the verb, then its operands. `None` is `--help`.
pub(crate) fn read_all(words: &[String], options: &'static [Opt]) -> Result<Option<(Options, Vec<String>)>, Unclear> {
    let mut reading = Reading::new("", [options, &[]], Abbreviations::Understood);
    reading.all(words)?;
    Ok((!reading.help).then_some((reading.options, reading.operands)))
}

fn verb_of(word: &str) -> Result<&'static Verb, Unclear> {
    let known = || verbs::ALL.iter().flat_map(|verb| std::iter::once(verb.name).chain(verb.aliases.iter().copied()));
    let found = verbs::ALL.iter().find(|verb| verb.name == word || verb.aliases.contains(&word));
    found.ok_or_else(|| Unclear::Verb { word: word.to_owned(), near: units::nearest(word, known()) })
}

/// Whether `--no-leg` is `--no-legend`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Abbreviations {
    Refused,
    Understood,
}

struct Reading {
    verb: &'static str,
    known: [&'static [Opt]; 2],
    abbreviations: Abbreviations,
    options: Options,
    operands: Vec<String>,
    help: bool,
}

impl Reading {
    fn new(verb: &'static str, known: [&'static [Opt]; 2], abbreviations: Abbreviations) -> Self {
        Self { verb, known, abbreviations, options: Vec::new(), operands: Vec::new(), help: false }
    }

    fn known(&self) -> impl Iterator<Item = &'static Opt> {
        self.known.into_iter().flatten()
    }

    fn find(&self, name: &str) -> Option<&'static Opt> {
        let begun = || self.known().filter(|option| self.abbreviations == Abbreviations::Understood && option.long.starts_with(name));
        let exact = self.known().find(|option| option.long == name);
        exact.or_else(|| begun().next().filter(|first| begun().all(|other| other.long == first.long)))
    }

    fn all(&mut self, words: &[String]) -> Result<(), Unclear> {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                self.operands.extend(words.by_ref().cloned());
            } else if let Some(long) = word.strip_prefix("--") {
                self.long(word, long, &mut words)?;
            } else if word.len() > 1 && word.starts_with('-') {
                self.short(word, &mut words)?;
            } else {
                self.operands.push(word.clone());
            }
        }
        Ok(())
    }

    fn long<'w>(&mut self, word: &str, long: &str, words: &mut impl Iterator<Item = &'w String>) -> Result<(), Unclear> {
        let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value.to_owned())));
        if name == "help" {
            self.help = true;
            return Ok(());
        }
        let Some(option) = self.find(name) else {
            let near = units::nearest(name, self.known().map(|option| option.long));
            return Err(Unclear::Option { verb: self.verb, option: word.to_owned(), near });
        };
        let value = match (option.value, value) {
            (None, None) => None,
            (None, Some(_)) => return Err(Unclear::Value(format!("--{}", option.long))),
            (Some(_), Some(value)) => Some(value),
            (Some(what), None) => Some(words.next().cloned().ok_or_else(|| Unclear::NoValue(format!("--{}", option.long), what))?),
        };
        self.options.push((option.long, value));
        Ok(())
    }

    fn short<'w>(&mut self, word: &str, words: &mut impl Iterator<Item = &'w String>) -> Result<(), Unclear> {
        let mut letters = word.chars().skip(1);
        while let Some(letter) = letters.next() {
            if letter == 'h' {
                self.help = true;
                continue;
            }
            let Some(option) = self.known().find(|option| option.short == Some(letter)) else {
                return Err(Unclear::Option { verb: self.verb, option: format!("-{letter}"), near: None });
            };
            let value = match option.value {
                None => None,
                Some(what) => {
                    let rest: String = letters.by_ref().collect();
                    let mut next = || words.next().cloned().ok_or_else(|| Unclear::NoValue(format!("-{letter}"), what));
                    Some(if rest.is_empty() { next()? } else { rest })
                }
            };
            self.options.push((option.long, value));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn typed(text: &str) -> Result<Typed, Unclear> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        read(&words)
    }

    fn line(text: &str) -> Line {
        match typed(text) {
            Ok(Typed::Do(line)) => line,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_stand_anywhere_and_in_every_form() {
        for text in ["logs -fn5 ssh", "logs ssh --lines=5 --follow", "-f logs -n 5 ssh", "log --lines 5 -f -- ssh"] {
            let line = line(text);
            assert_eq!((line.verb.name, line.number::<u32>("lines"), line.has("follow")), ("logs", Ok(Some(5)), true), "{text}");
            assert_eq!(line.operands, ["ssh"], "{text}");
        }
        let several = line("show -p A -pB x");
        assert_eq!(several.values("property").collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(line("stop -- -x").operands, ["-x"]);
    }

    #[test]
    fn what_is_not_known_is_told_on_one_line_with_a_guess() {
        let told = |text: &str| match typed(text) {
            Err(why) => why.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(told(""), "which verb? fiefctl --help lists them");
        assert_eq!(told("statsu"), "statsu: unknown verb; did you mean status?");
        assert_eq!(told("fly"), "fly: unknown verb");
        assert_eq!(told("logs --folow"), "logs knows no option --folow; did you mean --follow?");
        assert_eq!(told("logs -x"), "logs knows no option -x");
        assert_eq!(told("logs -n"), "-n wants a value: N");
        assert_eq!(told("logs --follow=yes"), "--follow takes no value");
        assert_eq!(told("start"), "start wants UNIT");
        assert_eq!(told("poweroff now"), "poweroff: \"now\" is too much");
        assert!(line("logs -n x").number::<u32>("lines").unwrap_err().to_string().contains("no number"));
    }

    #[test]
    fn help_is_found_wherever_it_is_asked_for() {
        assert!(matches!(typed("--help"), Ok(Typed::Help(None))));
        assert!(matches!(typed("help"), Ok(Typed::Help(None))));
        for text in ["help stop", "stop --help", "stop -h", "--help stop x"] {
            assert!(matches!(typed(text), Ok(Typed::Help(Some(verb))) if verb.name == "stop"), "{text}");
        }
    }

    #[test]
    fn no_two_verbs_share_a_name_and_no_two_options_of_a_verb_a_letter() {
        let mut names: Vec<&str> = verbs::ALL.iter().flat_map(|verb| verb.aliases.iter().copied().chain([verb.name])).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair.first() != pair.last()), "{names:?}");
        for verb in verbs::ALL {
            let mut letters: Vec<char> = verb.options().filter_map(|option| option.short).collect();
            letters.sort_unstable();
            let count = letters.len();
            letters.dedup();
            assert_eq!(letters.len(), count, "{}", verb.name);
        }
    }
}
