//! Patterns of a shell: `*`, `?`, `[a-z]`, `[!a-z]`. glob(7).

/// Whether a text fits a pattern; nothing in it is special, neither a dot nor a slash. fnmatch(3).
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // Where to go on if the last star was to stand for one more: time is at most the product of both lengths.
    let (mut p, mut n, mut again) = (0, 0, None);
    while let Some(c) = text.get(n) {
        let step = match pattern.get(p) {
            Some('*') => {
                again = Some((p + 1, n + 1));
                p += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => class(pattern.get(p..).unwrap_or_default(), *c),
            Some(other) => (other == c).then_some(1),
            None => None,
        };
        match (step, again) {
            (Some(step), _) => (p, n) = (p + step, n + 1),
            (None, Some((star, from))) => {
                (p, n) = (star, from);
                again = Some((star, from + 1));
            }
            (None, None) => return false,
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

/// How long a `[…]` is, if the character is in it. Without a `]` it is a bracket.
fn class(pattern: &[char], c: char) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let begin = if negated { 2 } else { 1 };
    // A first `]` belongs to it.
    let Some(end) = pattern.iter().skip(begin + 1).position(|c| *c == ']').map(|at| at + begin + 1) else {
        return (c == '[').then_some(1);
    };
    let mut inside = pattern.get(begin..end).unwrap_or_default();
    let mut found = false;
    while let Some((first, rest)) = inside.split_first() {
        inside = rest;
        let range = if let ['-', last, after @ ..] = inside {
            inside = after;
            *first..=*last
        } else {
            *first..=*first
        };
        found |= range.contains(&c);
    }
    (found != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_the_shell() {
        for (pattern, text) in [
            ("*", "x"),
            ("ssh*.service", "sshd.service"),
            ("a?c", "abc"),
            ("[a-c]x", "bx"),
            ("[!a]x", "bx"),
            ("[", "["),
            ("*a*b", "xaab"),
            ("srv-my\\x2d*", "srv-my\\x2ddata.mount"),
            ("*", ""),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("ssh.*", "sshd.service"), ("a?", "a"), ("[!a]x", "ax"), ("*b", "abc"), ("", "x"), ("x", ""), ("*a*b", "xaba")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(!matches(&"*a".repeat(50), &"a".repeat(49)));
    }
}
