//! What a distribution wants enabled; systemd.preset(5).

use crate::glob::matches;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
