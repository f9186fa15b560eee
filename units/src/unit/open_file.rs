use crate::systemd::words::escape;
use crate::value::ValueError;
use std::fmt;

/// A file or socket that is opened for a service and handed to it; systemd.service(5), `OpenFile=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFile {
    /// Absolute. A socket of the file system is connected to.
    pub path: String,
    /// By what name the service finds it.
    pub name: String,
    /// What it may do with it.
    pub access: Opened,
    /// It goes without, where it cannot be opened.
    pub graceful: bool,
}

/// For what a file is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opened {
    /// Reading and writing.
    #[default]
    Both,
    /// Reading.
    ReadOnly,
    /// Both, writing at the end.
    Append,
    /// Both, emptied first.
    Truncate,
}

const ACCESS: [(&str, Opened); 3] = [("read-only", Opened::ReadOnly), ("append", Opened::Append), ("truncate", Opened::Truncate)];

impl OpenFile {
    /// `PATH[:NAME[:OPTION,…]]`, with C escapes.
    ///
    /// # Errors
    /// It is not that; the message says what is.
    pub fn read(text: &str) -> Result<Self, ValueError> {
        let parts = parts(text).ok_or_else(|| ValueError(format!("{text:?} has a backslash that escapes nothing")))?;
        let (path, name, options) = match parts.as_slice() {
            [path] => (path, "", ""),
            [path, name] => (path, name.as_str(), ""),
            [path, name, options] => (path, name.as_str(), options.as_str()),
            _ => return Err(ValueError(format!("{text:?} has more than a path, a name and options"))),
        };
        let last = path.rsplit('/').next().unwrap_or_default();
        let name = if name.is_empty() { last } else { name };
        if !path.starts_with('/') || last.is_empty() {
            return Err(ValueError(format!("{path:?} is no absolute path of a file")));
        }
        if name.len() > 255 || name.contains(|c: char| !(' '..='~').contains(&c) || c == ':') {
            return Err(ValueError(format!("{name:?} is no name of a descriptor")));
        }
        let mut file = Self { path: path.clone(), name: name.to_owned(), access: Opened::Both, graceful: false };
        for option in options.split(',').filter(|option| !option.is_empty()) {
            let access = ACCESS.iter().find(|(word, _)| *word == option).map(|(_, access)| *access);
            match access {
                Some(access) if file.access == Opened::Both => file.access = access,
                None if option == "graceful" && !file.graceful => file.graceful = true,
                Some(_) | None => {
                    return Err(ValueError(format!("{option:?} is not one of read-only, append, truncate, or graceful, or one too many")));
                }
            }
        }
        Ok(file)
    }
}

/// As [`OpenFile::read`] takes it, and `systemctl show` shows it.
impl fmt::Display for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path.replace('\\', "\\\\").replace(':', "\\:"))?;
        let named = self.path.rsplit('/').next() != Some(self.name.as_str());
        if named {
            write!(f, ":{}", self.name.replace('\\', "\\\\"))?;
        }
        let access = ACCESS.iter().find(|(_, access)| *access == self.access).map(|(word, _)| *word);
        let mut before = if named { ":" } else { "::" };
        for option in access.into_iter().chain(self.graceful.then_some("graceful")) {
            write!(f, "{before}{option}")?;
            before = ",";
        }
        Ok(())
    }
}

/// What stands between the colons; `None` where a backslash escapes nothing.
fn parts(text: &str) -> Option<Vec<String>> {
    let (mut all, mut part) = (Vec::new(), String::new());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..)?;
        match c {
            ':' => all.push(std::mem::take(&mut part)),
            '\\' => {
                let (meant, after) = rest.strip_prefix(':').map(|after| (':', after)).or_else(|| escape(rest))?;
                part.push(meant);
                rest = after;
            }
            _ => part.push(c),
        }
    }
    all.push(part);
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_they_are_shown() {
        for (text, shown) in [
            ("/a/b", Some("/a/b")),
            ("/a/b:b", Some("/a/b")),
            ("/a/b:c", Some("/a/b:c")),
            ("/a/b::read-only", Some("/a/b::read-only")),
            ("/a/b:c:graceful,append", Some("/a/b:c:append,graceful")),
            ("/a\\x3ab", None),
            ("/a\\x3ab:c", Some("/a\\:b:c")),
            ("/a\\tb:c", Some("/a\tb:c")),
            ("a", None),
            ("", None),
            ("/a/", None),
            ("/a:b:read-only,truncate", None),
            ("/a:b:graceful,graceful", None),
            ("/a:b:write", None),
            ("/a:b::", None),
            ("/a:\u{e4}", None),
            ("/a\\", None),
        ] {
            assert_eq!(OpenFile::read(text).ok().map(|file| file.to_string()).as_deref(), shown, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_read_again(text in "/[a:\\\\ ]{0,6}(:[b\\\\]{0,3}(:(append|graceful|,){0,3})?)?") {
            if let Ok(file) = OpenFile::read(&text) {
                proptest::prop_assert_eq!(OpenFile::read(&file.to_string()), Ok(file));
            }
        }
    }
}
