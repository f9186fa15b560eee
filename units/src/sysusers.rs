//! Lines of sysusers.d(5): users and groups that packages want.
//!
//! ```text
//!   TYPE  NAME  ID  GECOS  HOME  SHELL        u httpd 404 "HTTP User"        m httpd input        r - 500-900
//! ```
//!
//! Invariant: what is read can be written into a line of passwd(5) or group(5) as it is: it has neither a colon nor a line's end, and no id
//! means "leave it as it is".

use crate::Specifiers;
use crate::systemd::words;

/// Which number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    /// A free one.
    Any,
    /// This.
    Number(u32),
    /// Of whose this path is.
    OfPath(String),
}

/// Which group a user is in first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Primary {
    /// The one with the user's name.
    Own,
    /// The one with this number.
    Number(u32),
    /// The one with this name.
    Named(String),
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// `u`
    User {
        /// Whom.
        name: String,
        /// User's number.
        id: Id,
        /// First group.
        group: Primary,
        /// What is said of the user; gecos(5).
        about: String,
        /// Home directory.
        home: Option<String>,
        /// Program of a login.
        shell: Option<String>,
    },
    /// `g`
    Group {
        /// Which.
        name: String,
        /// Its number.
        id: Id,
    },
    /// `m`
    Member {
        /// Who.
        user: String,
        /// Of what.
        group: String,
    },
    /// `r`: the first and the last number to be given.
    Range(u32, u32),
}

/// What a file says: the number of each line that says something, from 1, with what it says or what is wrong with it.
pub fn read<'a>(text: &'a str, facts: &'a Specifiers) -> impl Iterator<Item = (usize, Result<Line, String>)> + 'a {
    let said = text
        .lines()
        .map(|line| line.trim_matches([' ', '\t', '\r']))
        .zip(1..)
        .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    said.map(|(line, number)| (number, one(line, facts)))
}

/// One line.
///
/// # Errors
/// What is wrong with it, in systemd's words.
pub fn one(text: &str, facts: &Specifiers) -> Result<Line, String> {
    let mut rest = text;
    let mut fields: [Option<String>; 6] = Default::default();
    for field in &mut fields {
        let word = words::next_strict(&mut rest).map_err(|error| format!("Syntax error: {error}"))?;
        *field = word.filter(|word| !word.is_empty() && word != "-");
    }
    let [action, name, id, about, home, shell] = fields;
    let action = action.ok_or("Missing action and name columns.")?;
    if !rest.is_empty() {
        return Err("Trailing garbage.".to_owned());
    }
    let expand = |field: Option<String>| -> Result<Option<String>, String> {
        field.map(|text| facts.expand(&text).map_err(|why| format!("Failed to replace specifiers in '{text}': {why}"))).transpose()
    };
    let (name, id, about, home, shell) = (expand(name)?, expand(id)?, expand(about)?, expand(home)?, expand(shell)?);
    let letter = action.chars().next().filter(|_| action.len() == 1);
    if let (Some(letter @ ('g' | 'm' | 'r')), Some(what)) = (
        letter,
        [(&about, "GECOS"), (&home, "home directory"), (&shell, "login shell")]
            .iter()
            .find(|(field, _)| field.is_some())
            .map(|(_, what)| *what),
    ) {
        return Err(format!("Lines of type '{letter}' don't take a {what} field."));
    }
    let named = |name: Option<String>| {
        let name = name.ok_or("Missing action and name columns.")?;
        if is_name(&name) { Ok(name) } else { Err(format!("'{name}' is not a valid user or group name.")) }
    };
    match letter {
        Some('u') => {
            let name = named(name)?;
            let (id, group) = user_id(id.as_deref())?;
            let about = about.unwrap_or_default();
            if about.contains(|c: char| c == ':' || c.is_control()) {
                return Err(format!("'{about}' is not a valid GECOS field."));
            }
            let is_path = |path: &str| path.starts_with('/') && !path.contains(|c: char| c == ':' || c.is_control());
            if let Some(home) = home.as_deref().filter(|home| !is_path(home)) {
                return Err(format!("'{home}' is not a valid home directory field."));
            }
            if let Some(shell) = shell.as_deref().filter(|shell| !is_path(shell)) {
                return Err(format!("'{shell}' is not a valid login shell field."));
            }
            Ok(Line::User { name, id, group, about, home, shell })
        }
        Some('g') => Ok(Line::Group { name: named(name)?, id: group_id(id)? }),
        Some('m') => {
            let user = named(name)?;
            let group = id.ok_or("Lines of type 'm' require a group name in the third field.")?;
            if is_name(&group) { Ok(Line::Member { user, group }) } else { Err(format!("'{group}' is not a valid user or group name.")) }
        }
        Some('r') => {
            if name.is_some() {
                return Err("Lines of type 'r' don't take a name field.".to_owned());
            }
            let range = id.ok_or("Lines of type 'r' require an ID range in the third field.")?;
            let (first, last) = range.split_once('-').unwrap_or((&range, &range));
            let numbers = number(first).and_then(|first| Ok((first, number(last)?)));
            match numbers {
                Ok((first, last)) if first <= last => Ok(Line::Range(first, last)),
                Ok(_) | Err(_) => Err(format!("Invalid UID range {range}.")),
            }
        }
        _ => Err(format!("Unknown command type '{action}'.")),
    }
}

/// `-`, `UID`, `UID:GID`, `UID:GROUP`, `/PATH`
fn user_id(field: Option<&str>) -> Result<(Id, Primary), String> {
    let Some(field) = field else { return Ok((Id::Any, Primary::Own)) };
    if field.starts_with('/') {
        return Ok((Id::OfPath(field.to_owned()), Primary::Own));
    }
    let (user, group) = field.split_once(':').map_or((field, None), |(user, group)| (user, Some(group)));
    let id = if user == "-" { Id::Any } else { Id::Number(number(user).map_err(|why| format!("Failed to parse UID: '{field}': {why}"))?) };
    let group = match group {
        None => Primary::Own,
        Some(group) => match number(group) {
            Ok(gid) => Primary::Number(gid),
            Err(_) if is_name(group) => Primary::Named(group.to_owned()),
            Err(why) => return Err(format!("Failed to parse GID: '{field}': {why}")),
        },
    };
    Ok((id, group))
}

fn group_id(field: Option<String>) -> Result<Id, String> {
    match field {
        None => Ok(Id::Any),
        Some(path) if path.starts_with('/') => Ok(Id::OfPath(path)),
        Some(text) => number(&text).map(Id::Number).map_err(|why| format!("Failed to parse GID: '{text}': {why}")),
    }
}

/// An id, which is not all ones in 32 or 16 bits; setresuid(2).
fn number(text: &str) -> Result<u32, &'static str> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("Invalid argument");
    }
    let id: u32 = text.parse().map_err(|_| "Numerical result out of range")?;
    if [u32::MAX, 0xffff].contains(&id) { Err("No such device or address") } else { Ok(id) }
}

fn is_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && name.len() <= 31 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_type_is_read() {
        let read = |text: &str| one(text, &Specifiers::default()).unwrap();
        let Line::User { name, id, group, about, home, shell } = read("u pg 500:adm \"Post gres\" /var/lib/pg /bin/bash") else {
            unreachable!()
        };
        assert_eq!((name.as_str(), id, group, about.as_str()), ("pg", Id::Number(500), Primary::Named("adm".to_owned()), "Post gres"));
        assert_eq!((home.as_deref(), shell.as_deref()), (Some("/var/lib/pg"), Some("/bin/bash")));
        assert!(matches!(read("u x /a/b"), Line::User { id: Id::OfPath(path), .. } if path == "/a/b"));
        assert!(matches!(read("u x -:5"), Line::User { id: Id::Any, group: Primary::Number(5), .. }));
        assert_eq!(read("g input - -"), Line::Group { name: "input".to_owned(), id: Id::Any });
        assert_eq!(read("m a b"), Line::Member { user: "a".to_owned(), group: "b".to_owned() });
        assert_eq!((read("r - 5-7"), read("r - 9")), (Line::Range(5, 7), Line::Range(9, 9)));
    }

    #[test]
    fn what_is_wrong_is_said_in_systemds_words() {
        for (text, said) in [
            ("x q", "Unknown command type 'x'."),
            ("u", "Missing action and name columns."),
            ("u bad/name -", "'bad/name' is not a valid user or group name."),
            ("u x y", "Failed to parse UID: 'y': Invalid argument"),
            ("u y 99999999999", "Failed to parse UID: '99999999999': Numerical result out of range"),
            ("u z - \"a:b\"", "'a:b' is not a valid GECOS field."),
            ("m onlyone", "Lines of type 'm' require a group name in the third field."),
            ("g g1 - \"desc\"", "Lines of type 'g' don't take a GECOS field."),
            ("r - 5-3", "Invalid UID range 5-3."),
            ("u zz - - rel/home", "'rel/home' is not a valid home directory field."),
            ("u zs - - / sh", "'sh' is not a valid login shell field."),
            ("u 4numeric -", "'4numeric' is not a valid user or group name."),
            ("u a - - - - more", "Trailing garbage."),
        ] {
            assert_eq!(one(text, &Specifiers::default()), Err(said.to_owned()), "{text}");
        }
    }
}
