//! What a distribution wants enabled; systemd.preset(5).

use crate::search::Tree;
use crate::{Map, UnitName};

/// Where policies are looked for; of two files of one name the first counts.
const FOLDERS: [&str; 8] = [
    "/etc/fief/preset",
    "/etc/systemd/system-preset",
    "/run/fief/preset",
    "/run/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
    "/usr/lib/fief/preset",
    "/usr/lib/systemd/system-preset",
    "/lib/systemd/system-preset",
];

/// A policy larger than this is none, bytes.
const LIMIT: usize = 256 * 1024;

/// All rules, in the order in which they are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Presets(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    wish: Wish,
    pattern: String,
    /// For a template: the instances meant.
    instances: Vec<String>,
}

/// What is to become of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Enable,
    Disable,
    Ignore,
}

impl Presets {
    pub(super) fn of(tree: &dyn Tree) -> Self {
        let mut files: Map<String, String> = Map::new();
        for folder in FOLDERS {
            for (name, _) in tree.names(folder) {
                if name.ends_with(".preset") {
                    let path = format!("{folder}/{name}");
                    files.entry(name).or_insert(path);
                }
            }
        }
        let texts = files.values().filter_map(|path| tree.read(path, LIMIT).ok());
        Self(texts.flat_map(|text| rules(&String::from_utf8_lossy(&text))).collect())
    }

    /// The first rule that names the unit; without one it is enabled.
    pub(super) fn wish(&self, name: &UnitName) -> Wish {
        let named = |rule: &&Rule| {
            let template = name.template().filter(|_| !rule.instances.is_empty());
            match (template, name.instance()) {
                (Some(template), Some(instance)) => {
                    matches(&rule.pattern, template.as_str()) && rule.instances.iter().any(|meant| meant == instance)
                }
                _ => matches(&rule.pattern, name.as_str()),
            }
        };
        self.0.iter().find(named).map_or(Wish::Enable, |rule| rule.wish)
    }

    /// The instances that the first rule for a template names.
    pub(super) fn instances(&self, template: &UnitName) -> Vec<UnitName> {
        let rule = self.0.iter().find(|rule| matches(&rule.pattern, template.as_str()));
        rule.into_iter().flat_map(|rule| &rule.instances).filter_map(|instance| template.with_instance(instance)).collect()
    }
}

fn rules(text: &str) -> Vec<Rule> {
    let rule = |line: &str| {
        let mut words = line.split_whitespace();
        let wish = match words.next()? {
            "enable" => Wish::Enable,
            "disable" => Wish::Disable,
            "ignore" => Wish::Ignore,
            _ => return None,
        };
        Some(Rule { wish, pattern: words.next()?.to_owned(), instances: words.map(ToOwned::to_owned).collect() })
    };
    text.lines().filter_map(rule).collect()
}

/// As fnmatch(3) does it: `*`, `?`, `[a-z]`, `[!a-z]`. Linear in both for each `*`.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match (pattern.get(p), text.get(t)) {
            (Some('*'), _) => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            (None, None) => return true,
            (Some('['), Some(c)) => bracket(pattern.get(p + 1..).unwrap_or_default(), *c).map(|length| length + 1),
            (Some(wanted), Some(c)) => (*wanted == '?' || wanted == c).then_some(1),
            (Some(_), None) | (None, Some(_)) => None,
        };
        match (step, star) {
            (Some(length), _) => (p, t) = (p + length, t + 1),
            // Let the last star take one more.
            (None, Some((at, from))) if from < text.len() => {
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
            (None, _) => return false,
        }
    }
}

/// How long the bracket is whose inside begins here, if `c` is in it; a `[` that is not closed stands
/// for itself.
fn bracket(inside: &[char], c: char) -> Option<usize> {
    let negated = matches!(inside.first(), Some('!' | '^'));
    let from = usize::from(negated);
    let Some(end) = inside.iter().skip(from + 1).position(|c| *c == ']').map(|at| at + from + 1) else {
        return (c == '[').then_some(0);
    };
    let set = inside.get(from..end).unwrap_or_default();
    let mut found = false;
    let mut at = 0;
    while let Some(first) = set.get(at) {
        match (set.get(at + 1), set.get(at + 2)) {
            (Some('-'), Some(last)) => {
                found |= (*first..=*last).contains(&c);
                at += 3;
            }
            _ => {
                found |= *first == c;
                at += 1;
            }
        }
    }
    (found != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn patterns_are_those_of_the_shell() {
        for (pattern, text) in [("*", "x"), ("ssh*.service", "sshd.service"), ("a?c", "abc"), ("[a-c]x", "bx"), ("[!a]x", "bx"), ("[", "[")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("ssh.*", "sshd.service"), ("a?", "a"), ("[!a]x", "ax"), ("*b", "abc"), ("", "x"), ("x", "")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(!matches(&"*a".repeat(50), &"a".repeat(49)));
    }

    #[test]
    fn the_first_rule_counts() {
        let presets = Presets(rules("# c\nenable web@.service one two\ndisable web@*\nenable ssh.service\nnonsense\ndisable *\n"));
        let name = |text: &str| UnitName::new(text).unwrap();
        let wish = |text: &str| presets.wish(&name(text));
        assert_eq!(
            [wish("ssh"), wish("cron"), wish("web@one"), wish("web@three")],
            [Wish::Enable, Wish::Disable, Wish::Enable, Wish::Disable]
        );
        assert_eq!(presets.instances(&name("web@")), [name("web@one"), name("web@two")]);
        assert_eq!(Presets::default().wish(&name("x")), Wish::Enable);
    }
}
