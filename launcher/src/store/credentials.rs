//! Credentials: what a guest is told about itself at boot, under systemd's names (systemd.system-credentials(7)).
//!
//! A password never reaches a file: only its SHA-512 crypt(3) hash does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::random;

/// A credential's name: a file name below `/run/host/credentials`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CredentialName(Box<str>);

/// A credential's value. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CredentialValue(Box<str>);

/// Why something is no credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not a file name.
    #[error("{0:?} is not a credential name: letters, digits and '._-', not beginning with '.'")]
    Name(String),
    /// Too long or binary.
    #[error("the value is not text of at most 64 KiB without control characters")]
    Value,
    /// Not USER:PASSWORD.
    #[error("a password is given as USER:PASSWORD")]
    NoUser,
    /// A user name that shadow would not take.
    #[error("{0:?} is not a user name: a-z, 0-9, '_' and '-', beginning with a letter or '_', at most 32")]
    User(String),
    /// An empty password.
    #[error("the password is empty")]
    EmptyPassword,
    /// A password with control characters could not be typed, or would break a file.
    #[error("the password has control characters")]
    ControlCharacters,
    /// crypt(3) failed.
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
    /// A line of an ssh key file.
    #[error("line {line} is not an OpenSSH public key")]
    Key {
        /// Counted from 1.
        line: usize,
    },
    /// The file holds the wrong half.
    #[error("this is a private key; give the .pub file")]
    PrivateKey,
    /// No key in it.
    #[error("there is no key in it")]
    NoKey,
}

impl FromStr for CredentialName {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<Self, CredentialError> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=200).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(word) {
            Ok(Self(text.into()))
        } else {
            Err(CredentialError::Name(text.into()))
        }
    }
}

impl CredentialName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CredentialValue {
    /// Checks the value: text, tabs and newlines, at most 64 KiB.
    ///
    /// # Errors
    /// When it is too long or has control characters.
    pub fn new(text: String) -> Result<Self, CredentialError> {
        if text.len() > 64 << 10 || text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            return Err(CredentialError::Value);
        }
        Ok(Self(text.into()))
    }

    /// The value as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CredentialValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialValue({} bytes)", self.0.len())
    }
}

impl fmt::Display for CredentialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// `USER:PASSWORD` as the credential `passwd.hashed-password.USER`, hashed with SHA-512 crypt.
///
/// # Errors
/// When it is not of that form, the user name is none, or the password is empty or has control characters.
pub fn password(given: &str) -> Result<(CredentialName, CredentialValue), CredentialError> {
    use sha_crypt::password_hash::PasswordHasher as _;
    let (user, password) = given.split_once(':').ok_or(CredentialError::NoUser)?;
    let user = user_name(user)?;
    if password.is_empty() {
        return Err(CredentialError::EmptyPassword);
    }
    if password.chars().any(char::is_control) {
        return Err(CredentialError::ControlCharacters);
    }
    // Twelve bytes are sixteen characters, the most of a salt that crypt(3) looks at.
    let salt: [u8; 12] = random::bytes().map_err(|error| CredentialError::Hash(error.to_string()))?;
    let hash = sha_crypt::ShaCrypt::SHA512
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| CredentialError::Hash(error.to_string()))?;
    let value = CredentialValue::new(hash.to_string())?;
    Ok((format!("passwd.hashed-password.{user}").parse()?, value))
}

/// A user name as useradd(8) takes it.
fn user_name(text: &str) -> Result<&str, CredentialError> {
    let first = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    if text.len() <= 32 && text.as_bytes().first().is_some_and(first) && text.bytes().all(word) {
        Ok(text)
    } else {
        Err(CredentialError::User(text.into()))
    }
}

/// The text of one or more public key files as the credential `ssh.authorized_keys.root`.
///
/// # Errors
/// When a line is neither empty, a comment nor a key, or there is no key.
pub fn ssh_keys(text: &str) -> Result<(CredentialName, CredentialValue), CredentialError> {
    if text.contains("PRIVATE KEY-----") {
        return Err(CredentialError::PrivateKey);
    }
    let mut keys = String::new();
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !is_key(line) {
            return Err(CredentialError::Key { line: number });
        }
        keys.push_str(line);
        keys.push('\n');
    }
    if keys.is_empty() {
        return Err(CredentialError::NoKey);
    }
    Ok(("ssh.authorized_keys.root".parse()?, CredentialValue::new(keys)?))
}

/// A line of sshd(8)'s AUTHORIZED_KEYS format; the options before the key are kept as they are.
fn is_key(line: &str) -> bool {
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return false;
    }
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    words.windows(2).any(|pair| match pair {
        [kind, blob] => {
            ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| kind.starts_with(start))
                && blob.len() >= 16
                && blob.starts_with("AAAA")
                && blob.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
        }
        _ => false,
    })
}

macro_rules! by_text {
    ($type:ty, $from:expr) => {
        impl TryFrom<String> for $type {
            type Error = CredentialError;
            fn try_from(text: String) -> Result<Self, CredentialError> {
                $from(text)
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.0.into()
            }
        }
    };
}

by_text!(CredentialName, |text: String| text.parse());
by_text!(CredentialValue, CredentialValue::new);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_password_becomes_a_hash() {
        let (name, value) = password("root:p:w").unwrap();
        assert_eq!(name.as_str(), "passwd.hashed-password.root");
        assert!(value.as_str().starts_with("$6$") && !value.as_str().contains("p:w"));
        assert!(!format!("{value:?}").contains('$'));
        let (_, again) = password("root:p:w").unwrap();
        assert_ne!(value, again, "every hash has a salt of its own");
    }

    #[test]
    fn nonsense_passwords_are_refused() {
        for bad in ["root", "root:", ":x", "Root:x", "ro ot:x", "../x:y", "root:a\nb", "root:a\u{7f}", "-x:y"] {
            assert!(password(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn keys_are_checked_line_by_line() {
        let ed = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@x";
        let text = format!("# mine\n\n{ed}\nfrom=\"10.0.0.0/8\" {ed}\n");
        let (name, value) = ssh_keys(&text).unwrap();
        assert_eq!(name.as_str(), "ssh.authorized_keys.root");
        assert_eq!(value.as_str().lines().count(), 2);
        assert_eq!(ssh_keys(&format!("{ed}\nrubbish\n")), Err(CredentialError::Key { line: 2 }));
        assert_eq!(ssh_keys("# nothing\n"), Err(CredentialError::NoKey));
        assert_eq!(ssh_keys("-----BEGIN OPENSSH PRIVATE KEY-----\n"), Err(CredentialError::PrivateKey));
        assert!(ssh_keys("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\u{1b}[2J").is_err());
    }

    proptest! {
        #[test]
        fn names_are_safe_file_names(text in "\\PC{0,20}") {
            if let Ok(name) = text.parse::<CredentialName>() {
                prop_assert!(!name.as_str().contains('/') && !name.as_str().starts_with('.'));
            }
        }
    }
}
