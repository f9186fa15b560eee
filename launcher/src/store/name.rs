//! Names of containers and templates: checked once, here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A container's name is a host name and a cgroup name.
    #[error("{0:?} is not a container name: 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit")]
    Container(String),
    /// A template's name is a folder name.
    #[error("{0:?} is not a template name: 1 to 100 of a-z, 0-9 and '._:+-', beginning with a letter or digit")]
    Template(String),
}

/// The name of a container: also its default host name, its cgroup and its folder. `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerName(Box<str>);

/// The name of a template, such as `debian:bookworm`: also its folder. `[a-z0-9][a-z0-9._:+-]{0,99}`
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TemplateName(Box<str>);

const fn lower_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

impl FromStr for ContainerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let bytes = text.as_bytes();
        let sound = matches!((bytes.first(), bytes.last()), (Some(&a), Some(&z)) if lower_or_digit(a) && lower_or_digit(z))
            && bytes.len() <= 63
            && bytes.iter().all(|&byte| lower_or_digit(byte) || byte == b'-');
        if sound { Ok(Self(text.into())) } else { Err(NameError::Container(text.into())) }
    }
}

impl FromStr for TemplateName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let bytes = text.as_bytes();
        let sound = bytes.first().is_some_and(|&byte| lower_or_digit(byte))
            && bytes.len() <= 100
            && bytes.iter().all(|&byte| lower_or_digit(byte) || b"._:+-".contains(&byte));
        if sound { Ok(Self(text.into())) } else { Err(NameError::Template(text.into())) }
    }
}

impl TemplateName {
    /// The template that needs no download: the host's own `/usr` beneath a fresh rest.
    #[must_use]
    pub fn builtin() -> Self {
        Self("builtin".into())
    }

    /// Is it the built-in template?
    #[must_use]
    pub fn is_builtin(&self) -> bool {
        self.as_str() == "builtin"
    }
}

macro_rules! name {
    ($type:ty) => {
        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.into()
            }
        }
    };
}

name!(ContainerName);
name!(TemplateName);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_lower_case_words() {
        for good in ["a", "web1", "0", "a-b", &"x".repeat(63)] {
            assert!(good.parse::<ContainerName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "../x", "a/b", "a b", "ä", "a\n", &"x".repeat(64)] {
            assert!(bad.parse::<ContainerName>().is_err(), "{bad}");
        }
        for good in ["debian:bookworm", "builtin", "x+y-1.2_3"] {
            assert!(good.parse::<TemplateName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".x", ":x", "a/b", "A", "a b", "a\0"] {
            assert!(bad.parse::<TemplateName>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_one_safe_path_component(text in "\\PC{0,70}") {
            if let Ok(name) = text.parse::<ContainerName>() {
                prop_assert!(!name.as_str().contains(['/', '.', '\0']) && !name.as_str().is_empty());
                prop_assert_eq!(name.to_string(), text.clone());
            }
            if let Ok(name) = text.parse::<TemplateName>() {
                prop_assert!(!name.as_str().contains(['/', '\0']) && !name.as_str().starts_with('.'));
            }
        }
    }
}
