//! Host names as RFC 1123 §2.1 and sethostname(2) allow them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ContainerName;

/// The kernel's `__NEW_UTS_LEN`: the most sethostname(2) takes.
const LONGEST: usize = 64;

/// A host name: dot-separated labels of letters, digits and inner hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hostname(Box<str>);

/// The text is no host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host name: at most 64 characters, labels of letters, digits and inner '-', joined by '.'")]
pub struct HostnameError(String);

impl Hostname {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Hostname {
    type Err = HostnameError;

    fn from_str(text: &str) -> Result<Self, HostnameError> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if text.len() <= LONGEST && text.split('.').all(label) { Ok(Self(text.into())) } else { Err(HostnameError(text.into())) }
    }
}

impl From<&ContainerName> for Hostname {
    /// Every container name is a host name of one label.
    fn from(name: &ContainerName) -> Self {
        Self(name.as_str().into())
    }
}

impl TryFrom<String> for Hostname {
    type Error = HostnameError;
    fn try_from(text: String) -> Result<Self, HostnameError> {
        text.parse()
    }
}

impl From<Hostname> for String {
    fn from(name: Hostname) -> Self {
        name.0.into()
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_1123() {
        for good in ["a", "Web1", "web1.example.org", "3com", &format!("{}.a", "x".repeat(62))] {
            assert!(good.parse::<Hostname>().is_ok(), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "-a", "a-", "a_b", "a..b", "a b", "a\n", "ä", &"x".repeat(64), &"a.".repeat(40)] {
            assert!(bad.parse::<Hostname>().is_err(), "{bad}");
        }
    }
}
