//! What is compared in a condition, and how: systemd.unit(5), `ConditionKernelVersion=` and its kin.
//!
//! ```text
//!   >=5.10 <6        $=6.1.*        ID=debian VERSION_ID>=12        >=2G        system.slice:10%/1min
//! ```

use crate::systemd::words::{Escapes, split_as};
use crate::unit::is_variable;
use crate::value::{Bytes, Percent};
use std::cmp::Ordering;

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `$=`: as a pattern of a shell's, by whoever can.
    Fits,
    /// `!$=`
    FitsNot,
    /// `=`: letter by letter.
    Is,
    /// `!=`
    IsNot,
    /// The rest go by [`order`].
    Lower,
    /// `<=`
    LowerOrEqual,
    /// `==`
    Equal,
    /// `<>`
    Unequal,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
}

/// Longer ones before those they begin with.
const OPERATORS: [(&str, Operator); 10] = [
    ("!$=", Operator::FitsNot),
    ("$=", Operator::Fits),
    ("<>", Operator::Unequal),
    ("<=", Operator::LowerOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("==", Operator::Equal),
    ("!=", Operator::IsNot),
    ("<", Operator::Lower),
    (">", Operator::Greater),
    ("=", Operator::Is),
];

impl Operator {
    /// The operator at the front of `text`, and what follows it.
    fn read(text: &str) -> Option<(Self, &str)> {
        OPERATORS.into_iter().find_map(|(sign, operator)| Some((operator, text.strip_prefix(sign)?)))
    }

    /// Whether two values that are `ordering` of each other are so.
    #[must_use]
    pub fn allows(self, ordering: Ordering) -> bool {
        match self {
            Self::Lower => ordering.is_lt(),
            Self::LowerOrEqual => ordering.is_le(),
            Self::Equal | Self::Is | Self::Fits => ordering.is_eq(),
            Self::Unequal | Self::IsNot | Self::FitsNot => ordering.is_ne(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Greater => ordering.is_gt(),
        }
    }

    /// Whether `actual` is so of `wanted`, both being versions; `fits` says whether the first is matched by the second.
    pub fn compares(self, actual: &str, wanted: &str, fits: impl FnOnce(&str, &str) -> bool) -> bool {
        match self {
            Self::Fits => fits(actual, wanted),
            Self::FitsNot => !fits(actual, wanted),
            Self::Is | Self::IsNot => self.allows(actual.cmp(wanted)),
            Self::Lower | Self::LowerOrEqual | Self::Equal | Self::Unequal | Self::GreaterOrEqual | Self::Greater => {
                self.allows(order(actual, wanted))
            }
        }
    }
}

/// Comparisons with one version, all of which are to hold; without an operator it is a pattern.
#[must_use]
pub fn versions(text: &str) -> Option<Vec<(Operator, String)>> {
    let mut words = words(text)?.into_iter();
    let mut all = Vec::new();
    while let Some(word) = words.next() {
        let (operator, value) = Operator::read(word.trim()).unwrap_or((Operator::Fits, word.trim()));
        let value = match value.trim_start() {
            // Only in the first may a blank stand between the two.
            "" if all.is_empty() => words.next()?,
            "" => return None,
            value => value.to_owned(),
        };
        all.push((operator, value));
    }
    Some(all)
}

/// The name of a program, and comparisons with its version.
#[must_use]
pub fn of_program(text: &str) -> Option<(&str, Vec<(Operator, String)>)> {
    let text = text.trim();
    let end = text.find(|c: char| c.is_whitespace() || "!$<>=".contains(c))?;
    let (name, rest) = text.split_at(end);
    Some((name, versions(rest)?)).filter(|(name, versions)| !name.is_empty() && !versions.is_empty())
}

/// One comparison with a field of os-release(5): its name, how, and with what.
pub type Field = (String, Operator, String);

/// Such comparisons, without blanks within each.
#[must_use]
pub fn fields(text: &str) -> Option<Vec<Field>> {
    let field = |word: String| {
        let (name, rest) = word.split_at(word.find(['!', '$', '<', '>', '='])?);
        let (operator, value) = Operator::read(rest)?;
        let is_one = is_variable(name) && !value.is_empty() && !value.starts_with(char::is_whitespace);
        is_one.then(|| (name.to_owned(), operator, value.to_owned()))
    };
    words(text)?.into_iter().map(field).collect()
}

fn words(text: &str) -> Option<Vec<String>> {
    match split_as(text, Escapes::Bare) {
        (words, None) => Some(words),
        (_, Some(_)) => None,
    }
}

/// A comparison with a number of bytes; at least so many, where nothing is said.
#[must_use]
pub fn size(text: &str) -> Option<(Operator, u64)> {
    let (operator, value) = quantity(text)?;
    Bytes::read_as_systemd(value).ok().map(|bytes| (operator, bytes.0))
}

/// A comparison with a number; at least so many, where nothing is said.
#[must_use]
pub fn number(text: &str) -> Option<(Operator, u64)> {
    let (operator, value) = quantity(text)?;
    value.trim_start().parse().ok().map(|number| (operator, number))
}

fn quantity(text: &str) -> Option<(Operator, &str)> {
    match Operator::read(text) {
        Some((Operator::Fits | Operator::FitsNot, _)) => None,
        Some(read) => Some(read),
        None => Some((Operator::GreaterOrEqual, text)),
    }
}

/// What pressure is borne: `SLICE:SHARE/SPAN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressure {
    /// Of a slice's group; otherwise of the whole system.
    pub slice: Option<String>,
    /// At most this share of the time.
    pub share: Percent,
    /// The mean of how long, by the kernel's name of it: `avg10`, `avg60`, `avg300`. Documentation/accounting/psi.rst.
    pub mean: &'static str,
}

/// Reads it; without a span it is the mean of five minutes.
#[must_use]
pub fn pressure(text: &str) -> Option<Pressure> {
    let (slice, rest) = text.split_once(':').map_or((None, text), |(slice, rest)| (Some(slice.trim().to_owned()), rest));
    let (share, span) = rest.split_once('/').unwrap_or((rest, "5min"));
    let spans = [("10sec", "avg10"), ("1min", "avg60"), ("5min", "avg300")];
    let (_, mean) = spans.into_iter().find(|(word, _)| span.trim_start().starts_with(word))?;
    let share = Percent::read(share).ok().filter(|share| *share <= Percent::WHOLE)?;
    Some(Pressure { slice, share, mean })
}

/// Which of two versions is the later: uapi-group.org's Version Format Specification, `systemd-analyze compare-versions`.
#[must_use]
pub fn order(one: &str, other: &str) -> Ordering {
    let (mut a, mut b) = (one.as_bytes(), other.as_bytes());
    loop {
        (a, b) = (past_strange(a), past_strange(b));
        // A tilde goes before everything, the end too.
        match separator(b'~', &mut a, &mut b) {
            Some(Ordering::Equal) | None => {}
            Some(different) => return different,
        }
        if a.is_empty() || b.is_empty() {
            return a.len().min(1).cmp(&b.len().min(1));
        }
        for sign in [b'-', b'^', b'.'] {
            match separator(sign, &mut a, &mut b) {
                Some(Ordering::Equal) | None => {}
                Some(different) => return different,
            }
        }
        let digits = [a, b].iter().any(|text| text.first().is_some_and(u8::is_ascii_digit));
        let one = take(&mut a, digits);
        let other = take(&mut b, digits);
        let compared = if digits { by_number(one, other) } else { one.cmp(other) };
        if compared.is_ne() {
            return compared;
        }
    }
}

/// Whoever has the separator is the earlier; both have it: what follows decides.
fn separator(sign: u8, a: &mut &[u8], b: &mut &[u8]) -> Option<Ordering> {
    let (in_a, in_b) = (a.first() == Some(&sign), b.first() == Some(&sign));
    if !in_a && !in_b {
        return None;
    }
    if in_a && in_b {
        (*a, *b) = (a.get(1..).unwrap_or_default(), b.get(1..).unwrap_or_default());
    }
    Some((!in_a).cmp(&!in_b))
}

fn past_strange(text: &[u8]) -> &[u8] {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"~-^.".contains(byte);
    text.get(text.iter().position(known).unwrap_or(text.len())..).unwrap_or_default()
}

fn take<'t>(text: &mut &'t [u8], digits: bool) -> &'t [u8] {
    let inside = |byte: &u8| if digits { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
    let (taken, rest) = text.split_at(text.iter().position(|byte| !inside(byte)).unwrap_or(text.len()));
    *text = rest;
    taken
}

/// No digit at all is the least; zeros in front do not count, and a longer number is larger.
fn by_number(one: &[u8], other: &[u8]) -> Ordering {
    let bare = |digits: &[u8]| {
        digits.iter().position(|digit| *digit != b'0').and_then(|at| digits.get(at..).map(<[u8]>::to_vec)).unwrap_or_default()
    };
    let by_length = |a: &[u8], b: &[u8]| a.len().cmp(&b.len());
    let (bare_one, bare_other) = (bare(one), bare(other));
    (!one.is_empty()).cmp(&!other.is_empty()).then(by_length(&bare_one, &bare_other)).then(bare_one.cmp(&bare_other))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// As `systemd-analyze compare-versions` of systemd 252 has it.
    #[test]
    fn versions_are_in_order() {
        use Ordering::{Equal, Greater, Less};
        for (one, other, expected) in [
            ("6.1.0-18-amd64", "6.1", Greater),
            ("5.10", "5.9", Greater),
            ("1.0~rc1", "1.0", Less),
            ("1.0~rc1", "1.0~rc2", Less),
            ("1.0^p", "1.0", Greater),
            ("1.0-1", "1.0.1", Less),
            ("1.0-1", "1.0", Greater),
            ("007", "7", Equal),
            ("1a", "1b", Less),
            ("a", "1", Less),
            ("1.é2", "1.2", Less),
            ("12", "", Greater),
            ("6.18.44+", "6.18.44", Equal),
            ("1.-", "1.-", Equal),
            ("1~~", "1~", Greater),
            ("0", "00", Equal),
            ("a1", "a", Greater),
            ("abc", "ab1", Greater),
            ("^", "-", Greater),
            ("1_2", "12", Less),
        ] {
            assert_eq!(order(one, other), expected, "{one} {other}");
            assert_eq!(order(other, one), expected.reverse(), "{other} {one}");
        }
    }

    /// As `systemd-analyze condition` of systemd 252 takes them or does not.
    #[test]
    fn a_comparison_has_an_operator_and_a_value() {
        let one = |operator, value: &str| Some(vec![(operator, value.to_owned())]);
        assert_eq!(versions("6.*"), one(Operator::Fits, "6.*"));
        assert_eq!(versions(">= 5"), one(Operator::GreaterOrEqual, "5"));
        assert_eq!(versions("'>= 5'"), one(Operator::GreaterOrEqual, "5"));
        assert_eq!(versions("=$6*"), one(Operator::Is, "$6*"));
        assert_eq!(versions("!$=6*"), one(Operator::FitsNot, "6*"));
        assert_eq!(versions(">=5 <=9").unwrap().len(), 2);
        for wrong in [">=5 <= 9", ">=5 >", ">", "'"] {
            assert_eq!(versions(wrong), None, "{wrong}");
        }
        assert_eq!(fields("ID=debian VERSION_ID>=12").unwrap().len(), 2);
        for wrong in ["ID = debian", "ID", "=x", "a-b=c", "ID=", "ID=' x'"] {
            assert_eq!(fields(wrong), None, "{wrong}");
        }
        assert_eq!((size("1G"), size("< 1K")), (Some((Operator::GreaterOrEqual, 1 << 30)), Some((Operator::Lower, 1024))));
        assert_eq!((size("much"), size("$=1G"), number("=2"), number("-2")), (None, None, Some((Operator::Is, 2)), None));
        assert_eq!(of_program("kernel >= 5"), Some(("kernel", vec![(Operator::GreaterOrEqual, "5".to_owned())])));
        assert_eq!((of_program("kernel"), of_program(">5")), (None, None));
    }

    #[test]
    fn pressure_has_a_share_and_perhaps_a_slice_and_a_span() {
        let read = |text: &str| pressure(text).map(|read| (read.slice, read.share.hundredths(), read.mean));
        assert_eq!(read("50%"), Some((None, 5000, "avg300")));
        assert_eq!(read("a.slice:12.5%/10sec"), Some((Some("a.slice".to_owned()), 1250, "avg10")));
        assert_eq!((read("50"), read("101%"), read("5%/2min"), read("a:")), (None, None, None, None));
    }
}
