use crate::Map;
use crate::value::Mode;

/// The environment of a service. Later wins: inherited, `set`, files in order (systemd.exec(5),
/// `EnvironmentFile=`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Variables taken over from PID 1's own environment.
    pub inherit: Vec<String>,
    /// Files of `NAME=value` lines.
    pub files: Vec<EnvironmentFile>,
    /// Variables given in the unit.
    pub set: Map<String, String>,
    /// Taken away at the end: names, or `NAME=value` for exactly that.
    pub unset: Vec<String>,
}

/// A file of `NAME=value` lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentFile {
    /// Absolute.
    pub path: String,
    /// It may be missing (it was written with a leading `-`).
    pub optional: bool,
}

/// The directories made for a service, owned by its user, before it starts; systemd.exec(5),
/// `RuntimeDirectory=`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directories(pub Vec<Directory>);

/// One directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Beneath which root.
    pub kind: DirectoryKind,
    /// Relative, without `..`.
    pub path: String,
    /// Symbolic links to it, beneath the same root.
    pub links: Vec<String>,
    /// Its mode.
    pub mode: Mode,
}

/// Whether run-time directories outlive the service; systemd.exec(5),
/// `RuntimeDirectoryPreserve=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preserve {
    /// They are removed when it is down.
    #[default]
    No,
    /// They outlive a restart.
    Restart,
    /// They stay.
    Yes,
}

/// The roots of directories made for services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirectoryKind {
    /// `/run`; removed when the service is down.
    Runtime,
    /// `/var/lib`
    State,
    /// `/var/cache`
    Cache,
    /// `/var/log`
    Logs,
    /// `/etc`
    Configuration,
}

impl DirectoryKind {
    /// Where these directories are made.
    #[must_use]
    pub fn root(self) -> &'static str {
        match self {
            Self::Runtime => "/run",
            Self::State => "/var/lib",
            Self::Cache => "/var/cache",
            Self::Logs => "/var/log",
            Self::Configuration => "/etc",
        }
    }

    /// The variable that tells the service their paths, joined with colons.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Runtime => "RUNTIME_DIRECTORY",
            Self::State => "STATE_DIRECTORY",
            Self::Cache => "CACHE_DIRECTORY",
            Self::Logs => "LOGS_DIRECTORY",
            Self::Configuration => "CONFIGURATION_DIRECTORY",
        }
    }
}

/// Reads a file of `NAME=value` lines: comments with `#` or `;`, quotes as in the shell without
/// expansion, `\` at the end of a line continues it. Lines that are none of these are left out, as
/// systemd does (systemd.exec(5), `EnvironmentFile=`).
#[must_use]
pub fn read_environment(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.peek().copied() {
        if first.is_whitespace() {
            chars.next();
            continue;
        }
        if first == '#' || first == ';' {
            for c in chars.by_ref() {
                if c == '\n' {
                    break;
                }
            }
            continue;
        }
        let mut name = String::new();
        let mut assigned = false;
        for c in chars.by_ref() {
            match c {
                '=' => {
                    assigned = true;
                    break;
                }
                '\n' => break,
                _ => name.push(c),
            }
        }
        if !assigned {
            continue;
        }
        let value = read_value(&mut chars);
        let name = name.trim();
        let name = name.strip_prefix("export ").map_or(name, str::trim_start);
        if is_variable(name) {
            found.push((name.to_owned(), value));
        }
    }
    found
}

fn read_value(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut value = String::new();
    // Blanks at the end of an unquoted value do not count: remember where the counted part ends.
    let mut counted = 0;
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\n') => break,
            (None, '\'' | '"') => quote = Some(c),
            (Some(q), c) if q == c => {
                quote = None;
                counted = value.len();
            }
            (Some('\''), c) => value.push(c),
            (_, '\\') => match chars.next() {
                Some('\n') | None => {}
                Some(next) => {
                    if quote.is_some() && !"\"\\`$".contains(next) {
                        value.push('\\');
                    }
                    value.push(next);
                    counted = value.len();
                }
            },
            (None, c) if c.is_whitespace() => {
                if !value.is_empty() {
                    value.push(c);
                }
            }
            (None, c) => {
                value.push(c);
                counted = value.len();
            }
            (Some(_), c) => value.push(c),
        }
    }
    if quote.is_none() {
        value.truncate(counted);
    }
    value
}

/// Whether `name` may name a variable: letters, digits, underscore, not a digit first.
#[must_use]
pub fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_default_files_are_read() {
        let text = "# options\nSSHD_OPTS=\nLANG=\"C.UTF-8\"\n\nOPTS='-a \"b\"'  # not a comment\nA=b \\\n c  \nexport X=\"1\\$2\"\nnoise\n2BAD=x\nEND=last";
        let found = read_environment(text);
        let show: Vec<String> = found.iter().map(|(n, v)| format!("{n}=[{v}]")).collect();
        assert_eq!(show, ["SSHD_OPTS=[]", "LANG=[C.UTF-8]", "OPTS=[-a \"b\"  # not a comment]", "A=[b  c]", "X=[1$2]", "END=[last]"]);
    }
}
