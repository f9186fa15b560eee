use super::draft::Draft;
use super::keys;
use super::source::Source;
use crate::systemd::directives::{self, Directive};
use crate::systemd::exec;
use crate::systemd::set::{Assigned, Fault, put};
use crate::systemd::syntax::BLANKS;
use crate::unit::Command;
use crate::value::{Limit, read_span};
use crate::{Map, UnitName};
use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One table of a file: keys are taken out of it, and what is left at the end is unknown.
///
/// A value of the wrong type is told and then treated as absent.
pub(super) struct Section<'s, 'd> {
    source: &'s Source<'s>,
    title: &'static str,
    left: Map<String, (Range<usize>, &'d Spanned<DeValue<'d>>)>,
}

/// A value with its place.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<'s, 'd> Section<'s, 'd> {
    pub(super) fn new(source: &'s Source<'s>, title: &'static str, table: &'d DeTable<'d>) -> Self {
        let mut left = Map::new();
        for (key, value) in table {
            let name = keys::canonical(key.get_ref());
            if left.insert(name.clone(), (key.span(), value)).is_some() {
                source.error(key.span(), format!("`{name}` is given twice"), None);
            }
        }
        Self { source, title, left }
    }

    pub(super) fn take(&mut self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        debug_assert!(
            keys::of(self.title).contains(&key.strip_prefix("not-").unwrap_or(key))
                || keys::KEYS.iter().any(|(name, _)| *name == key || key == "unit"),
            "{key} is not in the table of keys of [{}]",
            self.title
        );
        self.left.remove(key).map(|(_, value)| value)
    }

    /// The first of several spellings that is there.
    fn take_any(&mut self, spellings: &[&str]) -> Option<&'d Spanned<DeValue<'d>>> {
        let mut found = None;
        for key in spellings {
            if let Some(value) = self.take(key) {
                if found.is_some() {
                    let words = spellings.join("` and `");
                    self.wrong(value, format!("`{words}` are one key, given twice"));
                } else {
                    found = Some(value);
                }
            }
        }
        found
    }

    pub(super) fn wrong(&self, value: &Spanned<DeValue<'_>>, message: String) {
        self.source.error(value.span(), message, None);
    }

    pub(super) fn wrong_at(&self, span: Range<usize>, message: String) {
        self.source.error(span, message, None);
    }

    fn mistyped(&self, value: &Spanned<DeValue<'_>>, key: &str, wanted: &str) {
        let found = value.get_ref().type_str();
        self.wrong(value, format!("`{key}` takes {wanted}, not {found}"));
    }

    pub(super) fn section(&mut self, title: &'static str) -> Option<Section<'s, 'd>> {
        let value = self.take(title)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(self.source, title, table)),
            _ => {
                self.mistyped(value, title, "a table");
                None
            }
        }
    }

    pub(super) fn bool(&mut self, key: &str) -> Option<bool> {
        let value = self.take(key)?;
        let bool = value.get_ref().as_bool();
        if bool.is_none() {
            self.mistyped(value, key, "true or false");
        }
        bool
    }

    pub(super) fn text(&mut self, key: &str) -> Option<Found<String>> {
        let value = self.take(key)?;
        self.text_of(value, key)
    }

    fn text_of(&self, value: &Spanned<DeValue<'_>>, key: &str) -> Option<Found<String>> {
        let text = self.plain_of(value, key)?;
        match self.source.scope().expand(text) {
            Ok(text) => Some(Found { value: text, span: value.span() }),
            Err(message) => {
                self.wrong(value, message);
                None
            }
        }
    }

    /// The text as it is written: specifiers stay.
    fn plain_of<'v>(&self, value: &'v Spanned<DeValue<'_>>, key: &str) -> Option<&'v str> {
        let Some(text) = value.get_ref().as_str() else {
            self.mistyped(value, key, "a string");
            return None;
        };
        if text.contains('\0') {
            self.wrong(value, format!("`{key}` may not hold a NUL byte"));
            return None;
        }
        Some(text)
    }

    /// A string, or a number written without quotes.
    pub(super) fn scalar(&mut self, key: &str) -> Option<Found<String>> {
        let value = self.take(key)?;
        self.scalar_of(value, key)
    }

    fn scalar_of(&self, value: &Spanned<DeValue<'_>>, key: &str) -> Option<Found<String>> {
        let span = value.span();
        match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => Some(Found { value: number.as_str().replace('_', ""), span }),
            DeValue::Integer(number) => {
                let digits = number.as_str().replace('_', "");
                let prefix = if number.radix() == 8 { "0o" } else { "" };
                Some(Found { value: format!("{prefix}{digits}"), span })
            }
            DeValue::Float(number) => Some(Found { value: number.as_str().replace('_', ""), span }),
            _ => self.text_of(value, key),
        }
    }

    /// One string or an array of them.
    pub(super) fn texts(&mut self, key: &str) -> Vec<Found<String>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::String(_) => self.text_of(value, key).into_iter().collect(),
            DeValue::Array(items) => items.iter().filter_map(|item| self.text_of(item, key)).collect(),
            _ => {
                self.mistyped(value, key, "a string or an array of strings");
                Vec::new()
            }
        }
    }

    /// A scalar that `read` understands.
    pub(super) fn read<T, E: Display>(&mut self, key: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let found = self.scalar(key)?;
        match read(&found.value) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong_at(found.span, error.to_string());
                None
            }
        }
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, key: &str, least: i64, most: i64) -> Option<i64> {
        self.read(key, |text| match text.parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            Ok(_) | Err(_) => Err(format!("`{key}` takes a number from {least} to {most}")),
        })
    }

    /// A span of time that may be without end.
    pub(super) fn span(&mut self, spellings: &[&str]) -> Option<Limit<Duration>> {
        let value = self.take_any(spellings)?;
        let found = self.scalar_of(value, spellings.first().unwrap_or(&""))?;
        match read_span(&found.value) {
            Ok(span) => Some(span),
            Err(error) => {
                self.wrong_at(found.span, error.to_string());
                None
            }
        }
    }

    /// A span of time that has an end.
    pub(super) fn finite_span(&mut self, key: &str) -> Option<Duration> {
        self.read(key, |text| match read_span(text) {
            Ok(Limit::At(span)) => Ok(span),
            Ok(Limit::Max) => Err(format!("`{key}` must have an end")),
            Err(error) => Err(error.to_string()),
        })
    }

    /// One of a few words.
    pub(super) fn word<T: Clone>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let found = self.text(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == found.value) {
            return Some(value.clone());
        }
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let help = keys::nearest(&found.value, all.iter().copied()).map(|word| format!("did you mean \"{word}\"?"));
        let message = format!("`{key}` is one of \"{}\"", all.join("\", \""));
        self.source.error(found.span, message, help);
        None
    }

    /// Names of units.
    pub(super) fn names(&mut self, key: &str) -> Vec<Found<UnitName>> {
        let mut names = Vec::new();
        for Found { value, span } in self.texts(key) {
            match UnitName::new(&value) {
                Ok(name) => names.push(Found { value: name, span }),
                Err(error) => self.wrong_at(span, error.to_string()),
            }
        }
        names
    }

    /// The main command: a string is one line; an array of strings is one argument vector; an
    /// array of arrays is several.
    pub(super) fn command(&mut self, spellings: &[&str]) -> Vec<Command> {
        let Some(value) = self.take_any(spellings) else { return Vec::new() };
        let key = spellings.first().unwrap_or(&"");
        match value.get_ref() {
            DeValue::Array(items) if !items.is_empty() && items.iter().all(|item| item.get_ref().is_str()) => {
                self.argv(value, key).into_iter().collect()
            }
            _ => self.commands_of(value, key),
        }
    }

    /// Further commands: each string is a line, each array an argument vector.
    pub(super) fn commands(&mut self, key: &str) -> Vec<Command> {
        match self.take(key) {
            Some(value) => self.commands_of(value, key),
            None => Vec::new(),
        }
    }

    pub(super) fn commands_of(&self, value: &Spanned<DeValue<'_>>, key: &str) -> Vec<Command> {
        match value.get_ref() {
            DeValue::String(_) => self.line(value, key),
            DeValue::Array(items) => items
                .iter()
                .flat_map(|item| match item.get_ref() {
                    DeValue::Array(_) => self.argv(item, key).into_iter().collect(),
                    _ => self.line(item, key),
                })
                .collect(),
            _ => {
                self.mistyped(value, key, "a command line, or an array");
                Vec::new()
            }
        }
    }

    fn line(&self, value: &Spanned<DeValue<'_>>, key: &str) -> Vec<Command> {
        let Some(text) = value.get_ref().as_str() else {
            self.mistyped(value, key, "a string");
            return Vec::new();
        };
        exec::read(text, &|text| self.source.scope().expand(text)).unwrap_or_else(|error| {
            self.wrong(value, error.error.to_string());
            Vec::new()
        })
    }

    fn argv(&self, value: &Spanned<DeValue<'_>>, key: &str) -> Option<Command> {
        let words: Vec<String> =
            value.get_ref().as_array()?.iter().map(|item| Some(self.plain_of(item, key)?.to_owned())).collect::<Option<_>>()?;
        Command::verbatim(words).map_err(|error| self.wrong(value, error.to_string())).ok()
    }

    /// All that is left, whatever the keys.
    pub(super) fn take_all(&mut self) -> Vec<(String, Range<usize>, Option<Found<String>>)> {
        let left = std::mem::take(&mut self.left);
        left.into_iter()
            .map(|(_, (span, value))| {
                let key = self.source.text().and_then(|text| text.get(span.clone())).unwrap_or_default();
                let key = key.trim_matches(['"', '\'']).to_owned();
                let found = self.scalar_of(value, &key);
                (key, span, found)
            })
            .collect()
    }

    /// Takes all keys that are systemd's directives of `section`; a value is what would stand behind
    /// the `=`, an array several such lines, the empty string a reset.
    pub(super) fn directives(&mut self, draft: &mut Draft, section: &'static str) {
        self.directives_where(draft, |key| directives::find_kebab(section, key));
    }

    /// The same for the directives of one group.
    pub(super) fn directives_of(&mut self, draft: &mut Draft, group: &'static [Directive]) {
        let ours = |found: &&'static Directive| group.iter().any(|directive| directive.name == found.name);
        self.directives_where(draft, |key| directives::find_kebab("Service", key).filter(ours));
    }

    fn directives_where(&mut self, draft: &mut Draft, find: impl Fn(&str) -> Option<&'static Directive>) {
        for (key, (span, value)) in std::mem::take(&mut self.left) {
            let Some(directive) = find(&key) else {
                self.left.insert(key, (span, value));
                continue;
            };
            let Some(texts) = super::toml::assignments(value.get_ref()) else {
                self.mistyped(value, &key, "a string, a number, true or false, or an array of them");
                continue;
            };
            for text in texts {
                self.assign(draft, directive, &key, &text, value);
            }
        }
    }

    /// What a socket listens on, where the order of several kinds matters: `"datagram 53"`; a stream without a kind.
    pub(super) fn listen(&mut self, draft: &mut Draft) {
        let Some(value) = self.take("listen") else { return };
        for text in super::toml::assignments(value.get_ref()).unwrap_or_default() {
            let (kind, address) = text.split_once(' ').unwrap_or(("stream", &text));
            match directives::find_kebab("Socket", &format!("listen-{kind}")) {
                Some(directive) => self.assign(draft, directive, "listen", address, value),
                None => self.wrong(value, "`listen` takes a kind and an address, such as \"stream 80\"".to_owned()),
            }
        }
    }

    fn assign(&self, draft: &mut Draft, directive: &'static Directive, key: &str, text: &str, value: &Spanned<DeValue<'_>>) {
        if text.contains(['\0', '\n']) {
            return self.wrong(value, format!("`{key}` may hold neither a NUL byte nor the end of a line"));
        }
        let scope = self.source.scope();
        let name = Some(directive.name);
        let assigned = Assigned { value: text.trim_matches(BLANKS), scope, source: self.source, directive: name, span: value.span() };
        if let Err(Fault::Passed(message) | Fault::Refused(message)) = put(draft, directive, &assigned) {
            self.wrong(value, message);
        }
    }

    /// Tells every key nobody asked for; `x-…` is anybody's own.
    pub(super) fn finish(self) {
        for (key, (span, _)) in self.left {
            if key.starts_with("x-") {
                continue;
            }
            let shown: String = key.chars().take(40).filter(|c| !c.is_control()).collect();
            let message = match self.title {
                "" => format!("unknown key `{shown}`"),
                title => format!("unknown key `{shown}` in [{title}]"),
            };
            self.source.error(span, message, keys::guess(self.title, &key));
        }
    }
}
