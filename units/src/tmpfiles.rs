//! Lines of tmpfiles.d(5): what shall be at a path, or shall not.
//!
//! ```text
//!   TYPE[!+-=~^]  PATH  MODE  USER  GROUP  AGE  ARGUMENT      d /run/screens 1777 root screen 10d
//! ```
//!
//! Invariant: a line that is read names an absolute path without `.` and doubled slashes, and has the argument that its type cannot do
//! without. One bad line never spoils the others; each is judged alone. That two lines speak of one path is for those who carry them out.

mod age;
mod argument;

use crate::Specifiers;
use crate::systemd::words;

pub use crate::value::base64::read as decode;
pub use age::{Age, Stamps};
pub use argument::{Attributes, Content};

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `f`
    File(Content),
    /// `w`
    Write(Content),
    /// `d v q Q`
    Directory,
    /// `D`
    Emptied,
    /// `e`
    Existing,
    /// `p`
    Fifo,
    /// `L`, and where to.
    Link(String),
    /// `c`: major and minor number.
    CharDevice(u32, u32),
    /// `b`: major and minor number.
    BlockDevice(u32, u32),
    /// `C`, and of what.
    Copy(String),
    /// `x`
    Keep,
    /// `X`
    KeepItself,
    /// `r`
    Remove,
    /// `R`
    RemoveTree,
    /// `z`
    Access,
    /// `Z`
    AccessTree,
    /// `t`: names and values.
    Xattrs(Vec<(String, String)>),
    /// `T`
    XattrsTree(Vec<(String, String)>),
    /// `h`
    Attributes(Attributes),
    /// `H`
    AttributesTree(Attributes),
    /// `a`, as it is written; acl(5).
    Acl(String),
    /// `A`
    AclTree(String),
}

impl Kind {
    /// The letter.
    #[must_use]
    pub fn letter(&self) -> char {
        match self {
            Self::File(_) => 'f',
            Self::Write(_) => 'w',
            Self::Directory => 'd',
            Self::Emptied => 'D',
            Self::Existing => 'e',
            Self::Fifo => 'p',
            Self::Link(_) => 'L',
            Self::CharDevice(..) => 'c',
            Self::BlockDevice(..) => 'b',
            Self::Copy(_) => 'C',
            Self::Keep => 'x',
            Self::KeepItself => 'X',
            Self::Remove => 'r',
            Self::RemoveTree => 'R',
            Self::Access => 'z',
            Self::AccessTree => 'Z',
            Self::Xattrs(_) => 't',
            Self::XattrsTree(_) => 'T',
            Self::Attributes(_) => 'h',
            Self::AttributesTree(_) => 'H',
            Self::Acl(_) => 'a',
            Self::AclTree(_) => 'A',
        }
    }

    /// Whether the path is a pattern.
    #[must_use]
    pub fn globs(&self) -> bool {
        "wexXrRzZtThHaA".contains(self.letter())
    }

    /// Whether the line says what is at the path, and not only how it is: of those a path has one.
    #[must_use]
    pub fn owns(&self) -> bool {
        "fwdDepLcbCxXrR".contains(self.letter())
    }
}

/// The access mode to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Access bits, 07777 at most.
    pub bits: u32,
    /// Only what was already allowed to somebody: `~`.
    pub masked: bool,
    /// Only to what is new: `:`.
    pub only_new: bool,
}

/// Whose it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Name or number.
    pub who: String,
    /// Only what is new: `:`.
    pub only_new: bool,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What for.
    pub kind: Kind,
    /// `+`: also where something else is, or in addition to what is there.
    pub forced: bool,
    /// `-`: that it cannot be made is no failure.
    pub may_fail: bool,
    /// `=`: what is of another type goes.
    pub replaces: bool,
    /// Absolute.
    pub path: String,
    /// Access.
    pub mode: Option<Mode>,
    /// User.
    pub user: Option<Owner>,
    /// Group.
    pub group: Option<Owner>,
    /// How old things in it may be.
    pub age: Option<Age>,
}

/// What a file says: the number of each line that says something, from 1, with what it says or what is wrong with it. Lines that are for the
/// boot only (`!`) are left out unless `boot`.
pub fn read<'a>(text: &'a str, facts: &'a Specifiers, boot: bool) -> impl Iterator<Item = (usize, Result<Line, String>)> + 'a {
    let said = text
        .lines()
        .map(|line| line.trim_matches([' ', '\t', '\r']))
        .zip(1..)
        .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    said.filter_map(move |(line, number)| Some((number, Line::read(line, facts, boot).transpose()?)))
}

impl Line {
    fn read(text: &str, facts: &Specifiers, boot: bool) -> Result<Option<Self>, String> {
        let mut rest = text;
        let mut fields: [Option<String>; 6] = Default::default();
        for field in &mut fields {
            *field = words::next_strict(&mut rest).map_err(|error| format!("Failed to parse line: {error}"))?;
        }
        let [Some(action), Some(path), mode, user, group, age] = fields else { return Err("Syntax error.".to_owned()) };
        let argument = Some(rest).filter(|rest| !dashed(rest));
        let mut letters = action.chars();
        let letter = letters.next().ok_or_else(|| format!("Command too short '{action}'."))?;
        let [mut at_boot, mut forced, mut may_fail, mut replaces, mut base64, mut credential] = [false; 6];
        for modifier in letters {
            let known = match modifier {
                '!' => &mut at_boot,
                '+' => &mut forced,
                '-' => &mut may_fail,
                '=' => &mut replaces,
                '~' => &mut base64,
                '^' => &mut credential,
                _ => return Err(format!("Unknown modifiers in command '{action}'")),
            };
            if std::mem::replace(known, true) {
                return Err(format!("Unknown modifiers in command '{action}'"));
            }
        }
        if at_boot && !boot {
            return Ok(None);
        }
        let path = facts.expand(&path).map_err(|why| format!("Failed to replace specifiers in '{path}': {why}"))?;
        let kind = argument::kind(letter, argument, &path, facts, (base64, credential))?;
        if !path.starts_with('/') {
            return Err(format!("Path '{path}' not absolute."));
        }
        let path = simple(&path);
        if path.split('/').any(|part| part == "..") {
            return Err(format!("Path '{path}' leads upwards."));
        }
        Ok(Some(Self {
            kind,
            forced,
            may_fail,
            replaces,
            path,
            mode: given(mode).map(|text| access(&text)).transpose()?,
            user: given(user).map(owner),
            group: given(group).map(owner),
            age: given(age).map(|text| Age::read(&text)).transpose()?,
        }))
    }
}

fn given(field: Option<String>) -> Option<String> {
    field.filter(|text| !dashed(text))
}

fn dashed(text: &str) -> bool {
    text.is_empty() || text == "-"
}

fn owner(text: String) -> Owner {
    match text.strip_prefix(':') {
        Some(who) => Owner { who: who.to_owned(), only_new: true },
        None => Owner { who: text, only_new: false },
    }
}

fn access(text: &str) -> Result<Mode, String> {
    let digits = text.trim_start_matches(['~', ':']);
    let signs = text.get(..text.len() - digits.len()).unwrap_or_default();
    let bits = u32::from_str_radix(digits, 8).ok().filter(|bits| *bits <= 0o7777 && !digits.starts_with('+'));
    let bits = bits.ok_or_else(|| format!("Invalid mode '{text}'."))?;
    Ok(Mode { bits, masked: signs.contains('~'), only_new: signs.contains(':') })
}

/// Without doubled slashes, dots that lead nowhere, and a slash at the end.
fn simple(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        out.push('/');
        out.push_str(part);
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn one(text: &str) -> Result<Line, String> {
        let facts = Specifiers::default().with('b', "B");
        read(text, &facts, true).next().unwrap().1
    }

    #[test]
    fn all_fields_are_read() {
        let line = one(r#"d+-= "/run/a b//./c/" ~:2750 :root adm ~10d -"#).unwrap();
        assert_eq!((line.path.as_str(), line.forced, line.may_fail, line.replaces), ("/run/a b/c", true, true, true));
        assert_eq!(line.mode, Some(Mode { bits: 0o2750, masked: true, only_new: true }));
        assert_eq!(line.user, Some(Owner { who: "root".to_owned(), only_new: true }));
        assert_eq!(line.group, Some(Owner { who: "adm".to_owned(), only_new: false }));
        let age = line.age.unwrap();
        assert_eq!((age.span.as_secs(), age.keeps_first_level), (864_000, true));
        let line = one(r"f /x%b - - - - a\x20%t  b").unwrap();
        assert_eq!(line.kind, Kind::File(Content::Text(b"a /run  b".to_vec())));
        assert_eq!(line.path, "/xB");
        assert_eq!(one("L /etc/x").unwrap().kind, Kind::Link("/usr/share/factory/etc/x".to_owned()));
        assert_eq!(one("f~ /x - - - - AAE=").unwrap().kind, Kind::File(Content::Text(vec![0, 1])));
        assert_eq!(one("f^ /x - - - - a.b").unwrap().kind, Kind::File(Content::Credential { name: "a.b".to_owned(), base64: false }));
    }

    #[test]
    fn what_is_for_the_boot_is_left_out_later() {
        let facts = Specifiers::default();
        let text = "# a\n\nr! /a\n  d /b";
        assert_eq!(read(text, &facts, true).map(|(number, _)| number).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(read(text, &facts, false).map(|(number, _)| number).collect::<Vec<_>>(), [4]);
    }
}
