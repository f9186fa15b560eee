//! `--grep`: the part of Perl's patterns that people type. What is looked for is whether a text has it, not where.
//!
//! ```text
//! a . [a-z] [^x] \d \w \s \D \W \S \b \n \t \\ ^ $ | ( ) (?: )   and after one of them * + ? {2} {2,} {2,5}, greedy or not
//! ```
//!
//! Invariant: all ways are gone at once, so a text costs its length times the pattern's, whatever the pattern. What is not known is refused.

use std::iter::Peekable;
use std::str::Chars;

/// No pattern is larger, in steps.
const MOST: usize = 4096;
/// Nor repeats more often.
const MOST_REPEATS: usize = 255;
/// Groups within groups.
const DEEPEST: usize = 32;

/// A pattern, as steps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    steps: Vec<Step>,
    folds: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    One(Class),
    Begin,
    End,
    Border,
    Split(usize, usize),
    Jump(usize),
    Found,
}

/// Which characters.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Class {
    Any,
    Only(char),
    Digit(bool),
    Word(bool),
    Space(bool),
    Set { any: Vec<(char, char)>, kinds: Vec<Class>, is_in: bool },
}

impl Class {
    fn has(&self, c: char) -> bool {
        match self {
            Self::Any => c != '\n',
            Self::Only(only) => c == *only,
            Self::Digit(is) => c.is_ascii_digit() == *is,
            Self::Word(is) => is_word(c) == *is,
            Self::Space(is) => c.is_whitespace() == *is,
            Self::Set { any, kinds, is_in } => {
                (any.iter().any(|(from, to)| (*from..=*to).contains(&c)) || kinds.iter().any(|kind| kind.has(c))) == *is_in
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl Pattern {
    /// Reads one. Capitals do not matter where the pattern has none, unless somebody says so.
    pub(super) fn read(text: &str, sensitive: Option<bool>) -> Result<Self, String> {
        let folds = !sensitive.unwrap_or_else(|| text.chars().any(char::is_uppercase));
        let text = if folds { text.to_lowercase() } else { text.to_owned() };
        let mut reader = Reader { rest: text.chars().peekable(), depth: 0 };
        let mut steps = reader.either()?;
        if reader.rest.next().is_some() {
            return Err("unmatched closing parenthesis".to_owned());
        }
        steps.push(Step::Found);
        Ok(Self { steps, folds })
    }

    /// Whether it is somewhere in the text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let text: Vec<char> = if self.folds { text.to_lowercase().chars().collect() } else { text.chars().collect() };
        let mut here = Ways::new(self.steps.len());
        for place in 0..=text.len() {
            // It may begin at any place.
            if self.go(&mut here, 0, &text, place) {
                return true;
            }
            let Some(c) = text.get(place) else { break };
            let mut next = Ways::new(self.steps.len());
            for step in &here.all {
                if matches!(self.steps.get(*step), Some(Step::One(class)) if class.has(*c))
                    && self.go(&mut next, step + 1, &text, place + 1)
                {
                    return true;
                }
            }
            here = next;
        }
        false
    }

    /// Takes every way from a step on that needs no character; whether one is at the end.
    fn go(&self, ways: &mut Ways, from: usize, text: &[char], place: usize) -> bool {
        let at = |place: Option<usize>| place.and_then(|place| text.get(place)).is_some_and(|c| is_word(*c));
        let mut open = vec![from];
        while let Some(step) = open.pop() {
            if ways.seen.get(step).copied().unwrap_or(true) {
                continue;
            }
            if let Some(seen) = ways.seen.get_mut(step) {
                *seen = true;
            }
            match self.steps.get(step) {
                Some(Step::One(_)) => ways.all.push(step),
                Some(Step::Begin) if place == 0 => open.push(step + 1),
                Some(Step::End) if place == text.len() => open.push(step + 1),
                Some(Step::Border) if at(place.checked_sub(1)) != at(Some(place)) => open.push(step + 1),
                Some(Step::Begin | Step::End | Step::Border) | None => {}
                Some(Step::Split(one, other)) => open.extend([*one, *other]),
                Some(Step::Jump(to)) => open.push(*to),
                Some(Step::Found) => return true,
            }
        }
        false
    }
}

/// Where one may be, each step once.
struct Ways {
    all: Vec<usize>,
    seen: Vec<bool>,
}

impl Ways {
    fn new(steps: usize) -> Self {
        Self { all: Vec::new(), seen: vec![false; steps] }
    }
}

/// Steps whose targets count from their own first.
type Steps = Vec<Step>;

fn append(all: &mut Steps, more: Steps) -> Result<(), String> {
    let base = all.len();
    all.extend(more.into_iter().map(|step| match step {
        Step::Split(one, other) => Step::Split(one + base, other + base),
        Step::Jump(to) => Step::Jump(to + base),
        step => step,
    }));
    if all.len() > MOST { Err("regular expression is too large".to_owned()) } else { Ok(()) }
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    depth: usize,
}

impl Reader<'_> {
    fn either(&mut self) -> Result<Steps, String> {
        let mut one = self.sequence()?;
        while self.rest.next_if_eq(&'|').is_some() {
            let other = self.sequence()?;
            let mut both = vec![Step::Split(1, one.len() + 2)];
            let end = one.len() + other.len() + 2;
            append(&mut both, one)?;
            both.push(Step::Jump(end));
            append(&mut both, other)?;
            one = both;
        }
        Ok(one)
    }

    fn sequence(&mut self) -> Result<Steps, String> {
        let mut all = Steps::new();
        while self.rest.peek().is_some_and(|c| !matches!(c, '|' | ')')) {
            let one = self.one()?;
            let one = self.repeated(one)?;
            append(&mut all, one)?;
        }
        Ok(all)
    }

    fn one(&mut self) -> Result<Steps, String> {
        let step = match self.rest.next() {
            Some('(') => return self.group(),
            Some('[') => Step::One(self.set()?),
            Some('^') => Step::Begin,
            Some('$') => Step::End,
            Some('.') => Step::One(Class::Any),
            Some('\\') => self.escaped()?,
            Some('*' | '+' | '?') => return Err("quantifier does not follow a repeatable item".to_owned()),
            Some(c) => Step::One(Class::Only(c)),
            None => return Ok(Steps::new()),
        };
        Ok(vec![step])
    }

    fn group(&mut self) -> Result<Steps, String> {
        if self.rest.next_if_eq(&'?').is_some() && self.rest.next_if_eq(&':').is_none() {
            return Err("this kind of group is not known here".to_owned());
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("parentheses are too deeply nested".to_owned());
        }
        let inside = self.either()?;
        self.depth -= 1;
        self.rest.next_if_eq(&')').map(|_| inside).ok_or_else(|| "missing closing parenthesis".to_owned())
    }

    fn escaped(&mut self) -> Result<Step, String> {
        match self.rest.next() {
            Some('b') => Ok(Step::Border),
            Some(c) => class_of(c).map(Step::One),
            None => Err("\\ at end of pattern".to_owned()),
        }
    }

    fn set(&mut self) -> Result<Class, String> {
        let missing = || "missing terminating ] for character class".to_owned();
        let is_in = self.rest.next_if_eq(&'^').is_none();
        let (mut any, mut kinds) = (Vec::new(), Vec::new());
        let mut is_first = true;
        loop {
            let c = self.rest.next().ok_or_else(missing)?;
            let from = match c {
                ']' if !is_first => return Ok(Class::Set { any, kinds, is_in }),
                '\\' => match class_of(self.rest.next().ok_or_else(missing)?)? {
                    Class::Only(c) => c,
                    kind => {
                        kinds.push(kind);
                        is_first = false;
                        continue;
                    }
                },
                c => c,
            };
            is_first = false;
            let mut ahead = self.rest.clone();
            let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|c| !matches!(c, ']' | '\\'));
            let to = if is_range { self.rest.nth(1).unwrap_or(from) } else { from };
            if to < from {
                return Err("range out of order in character class".to_owned());
            }
            any.push((from, to));
        }
    }

    /// What stands after something: how often it may be there.
    fn repeated(&mut self, one: Steps) -> Result<Steps, String> {
        let (least, most) = match self.rest.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.count() {
                Some(count) => count,
                None => return Ok(one),
            },
            Some(_) | None => return Ok(one),
        };
        // The sign, or the last brace of the count.
        self.rest.next();
        // Greedy or not makes no difference to whether it is there.
        let _ = self.rest.next_if_eq(&'?');
        if least > MOST_REPEATS || most.is_some_and(|most| most > MOST_REPEATS || most < least) {
            return Err("number too big in {} quantifier".to_owned());
        }
        let mut all = Steps::new();
        for _ in 0..least {
            append(&mut all, one.clone())?;
        }
        match most {
            None => {
                let mut again = vec![Step::Split(1, one.len() + 2)];
                append(&mut again, one)?;
                again.push(Step::Jump(0));
                append(&mut all, again)?;
            }
            Some(most) => {
                for _ in least..most {
                    let mut perhaps = vec![Step::Split(1, one.len() + 1)];
                    append(&mut perhaps, one.clone())?;
                    append(&mut all, perhaps)?;
                }
            }
        }
        Ok(all)
    }

    /// `{2}`, `{2,}`, `{2,5}`, up to its last brace; a brace that begins none of these is itself.
    fn count(&mut self) -> Option<(usize, Option<usize>)> {
        let mut ahead = self.rest.clone();
        let _ = ahead.next();
        let text: String = ahead.by_ref().take_while(|c| *c != '}').collect();
        let (least, most) = match text.split_once(',') {
            None => (text.parse().ok()?, Some(text.parse().ok()?)),
            Some((least, "")) => (least.parse().ok()?, None),
            Some((least, most)) => (least.parse().ok()?, Some(most.parse().ok()?)),
        };
        for _ in 0..=text.chars().count() {
            self.rest.next();
        }
        Some((least, most))
    }
}

fn class_of(c: char) -> Result<Class, String> {
    Ok(match c {
        'd' => Class::Digit(true),
        'D' => Class::Digit(false),
        'w' => Class::Word(true),
        'W' => Class::Word(false),
        's' => Class::Space(true),
        'S' => Class::Space(false),
        'n' => Class::Only('\n'),
        't' => Class::Only('\t'),
        'r' => Class::Only('\r'),
        c if c.is_ascii_alphanumeric() => return Err(format!("\\{c} is not known here")),
        c => Class::Only(c),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(pattern: &str, text: &str) -> bool {
        Pattern::read(pattern, None).unwrap().is_in(text)
    }

    #[test]
    fn what_people_type_is_found_where_it_is() {
        for (pattern, text, wanted) in [
            ("", "anything", true),
            ("fail", "It FAILED", true),
            ("Fail", "it failed", false),
            ("^a.*z$", "a to z", true),
            ("^a.*z$", "so a to z", false),
            ("(error|warning): \\d+", "warning: 42", true),
            ("(error|warning): \\d+", "warning: x", false),
            ("colou?r", "color", true),
            ("x{2,3}y", "xy", false),
            ("x{2,3}y", "xxy", true),
            ("x{2}$", "axx", true),
            ("[^a-c]+\\.$", "abcx.", true),
            ("[]x]", "]", true),
            ("[a\\d-]", "-", true),
            ("\\bssh\\b", "an ssh key", true),
            ("\\bssh\\b", "sshd", false),
            ("a{b", "a{b", true),
            ("(?:ab)*c", "ababc", true),
            ("Zürich|Ä", "in Zürich", true),
        ] {
            assert_eq!(found(pattern, text), wanted, "{pattern} in {text}");
        }
        assert!(Pattern::read("FAIL", Some(false)).unwrap().is_in("failed"));
    }

    #[test]
    fn what_takes_others_for_ever_takes_no_time() {
        assert!(!found("(a*)*(a*)*(a|aa)+$b", &"a".repeat(5000)));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for pattern in ["[", "(", ")", "*", "a**", "\\", "(?=x)", "\\Qx", "[z-a]", "a{300}", "((((a{200}){200}){200}){200})"] {
            assert!(Pattern::read(pattern, Some(true)).is_err(), "{pattern}");
        }
        assert!(Pattern::read(&"(".repeat(100_000), None).is_err());
    }
}
