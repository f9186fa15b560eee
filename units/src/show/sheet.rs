use super::words;
use crate::value::Limit;
use std::time::Duration;

/// A property and its value, as `systemctl show` prints them around the `=`.
pub type Property = (&'static str, String);

/// The properties gathered so far.
#[derive(Default)]
pub(super) struct Sheet(Vec<Property>);

impl Sheet {
    pub(super) fn put(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    pub(super) fn flag(&mut self, name: &'static str, value: bool) {
        self.put(name, if value { "yes" } else { "no" });
    }

    pub(super) fn number(&mut self, name: &'static str, value: impl Into<i64>) {
        self.put(name, value.into().to_string());
    }

    /// The word for a value.
    pub(super) fn word<T: PartialEq>(&mut self, name: &'static str, words: &[(&'static str, T)], value: T) {
        self.put(name, words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| *word));
    }

    pub(super) fn limit(&mut self, name: &'static str, value: Limit<u64>) {
        self.put(name, value.at().map_or_else(|| "infinity".to_owned(), |number| number.to_string()));
    }

    pub(super) fn span(&mut self, name: &'static str, value: Limit<Duration>) {
        self.put(name, words::span(value));
    }

    pub(super) fn list<'a>(&mut self, name: &'static str, items: impl IntoIterator<Item = &'a str>) {
        let mut value = String::new();
        for item in items {
            if !value.is_empty() {
                value.push(' ');
            }
            words::quote(item, &mut value);
        }
        self.put(name, value);
    }

    pub(super) fn into_properties(self) -> Vec<Property> {
        self.0
    }
}
