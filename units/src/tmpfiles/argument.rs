use super::Kind;
use crate::Specifiers;
use crate::systemd::words;
use crate::value::base64;

/// What is written to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// This.
    Text(Vec<u8>),
    /// What somebody hands in under this name; systemd.exec(5), "Credentials".
    Credential {
        /// The name.
        name: String,
        /// In digits of RFC 4648.
        base64: bool,
    },
}

/// What `FS_IOC_SETFLAGS` is to set; ioctl_iflags(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Bits to have.
    pub set: u32,
    /// Bits that are looked at; the others stay.
    pub mask: u32,
}

/// Letters of chattr(1) and their bits, `FS_*_FL` of linux/fs.h.
const LETTERS: [(char, u32); 15] = [
    ('A', 0x80),
    ('S', 0x8),
    ('D', 0x1_0000),
    ('a', 0x20),
    ('c', 0x4),
    ('d', 0x40),
    ('e', 0x8_0000),
    ('i', 0x10),
    ('j', 0x4000),
    ('s', 0x1),
    ('u', 0x2),
    ('t', 0x8000),
    ('T', 0x2_0000),
    ('C', 0x80_0000),
    ('P', 0x2000_0000),
];

/// What a line of this type is about.
pub(super) fn kind(letter: char, argument: Option<&str>, path: &str, facts: &Specifiers, coded: (bool, bool)) -> Result<Kind, String> {
    if (coded.0 || coded.1) && !"fFw".contains(letter) {
        return Err(format!("{letter} lines write nothing that could be handed in or decoded."));
    }
    let factory = || Ok(format!("/usr/share/factory{path}"));
    let text = |argument: &str| expand(&unescape(argument)?, facts);
    let wanted = |what: &str| argument.ok_or_else(|| format!("{what} requires argument."));
    Ok(match letter {
        'f' | 'F' => Kind::File(argument.map_or(Ok(Content::Text(Vec::new())), |argument| content(argument, facts, coded))?),
        'w' => Kind::Write(content(wanted("Write file")?, facts, coded)?),
        'd' | 'v' | 'q' | 'Q' => Kind::Directory,
        'D' => Kind::Emptied,
        'e' | 'm' => Kind::Existing,
        'p' => Kind::Fifo,
        'L' => Kind::Link(argument.map_or_else(factory, text)?),
        'C' => {
            let source = argument.map_or_else(factory, text)?;
            if !source.starts_with('/') {
                return Err(format!("Source path '{source}' is not absolute."));
            }
            Kind::Copy(source)
        }
        'c' | 'b' => {
            let argument = wanted("Device file")?;
            let number = |text: &str| text.parse::<u32>().ok().filter(|_| !text.starts_with('+'));
            let (major, minor) = argument
                .split_once(':')
                .and_then(|(major, minor)| Some((number(major)?, number(minor)?)))
                .filter(|(major, minor)| *major < 1 << 12 && *minor < 1 << 20)
                .ok_or_else(|| format!("Can't parse device file major/minor '{argument}'."))?;
            if letter == 'c' { Kind::CharDevice(major, minor) } else { Kind::BlockDevice(major, minor) }
        }
        'x' => Kind::Keep,
        'X' => Kind::KeepItself,
        'r' => Kind::Remove,
        'R' => Kind::RemoveTree,
        'z' => Kind::Access,
        'Z' => Kind::AccessTree,
        't' => Kind::Xattrs(assignments(wanted("Set extended attribute")?, facts)?),
        'T' => Kind::XattrsTree(assignments(wanted("Set extended attribute")?, facts)?),
        'h' => Kind::Attributes(attributes(wanted("Set file attribute")?)?),
        'H' => Kind::AttributesTree(attributes(wanted("Set file attribute")?)?),
        'a' => Kind::Acl(expand(wanted("Set ACLs")?, facts)?),
        'A' => Kind::AclTree(expand(wanted("Set ACLs")?, facts)?),
        other => return Err(format!("Unknown command type '{other}'.")),
    })
}

fn content(argument: &str, facts: &Specifiers, (base64, credential): (bool, bool)) -> Result<Content, String> {
    if credential {
        // A name, and no path.
        let is_name = !argument.is_empty() && !argument.contains('/') && argument != "." && argument != "..";
        return if is_name {
            Ok(Content::Credential { name: argument.to_owned(), base64 })
        } else {
            Err(format!("Invalid credential name '{argument}'."))
        };
    }
    if base64 {
        return base64::read(argument).map(Content::Text).ok_or_else(|| format!("Failed to base64 decode specified argument '{argument}'"));
    }
    Ok(Content::Text(expand(&unescape(argument)?, facts)?.into_bytes()))
}

fn expand(text: &str, facts: &Specifiers) -> Result<String, String> {
    facts.expand(text).map_err(|why| format!("Failed to replace specifiers in '{text}': {why}"))
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('\\') {
        out.push_str(plain);
        let (c, after) = words::escape(after).ok_or_else(|| format!("Failed to unescape parameter to write: {text}"))?;
        out.push(c);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// `user.a=b security.c="d e"`
fn assignments(text: &str, facts: &Specifiers) -> Result<Vec<(String, String)>, String> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(word) = words::next(&mut rest).map_err(|error| format!("Failed to parse extended attribute '{text}': {error}"))? {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("Malformed extended attribute found, ignoring: {word}"))?;
        all.push((name.to_owned(), expand(value, facts)?));
    }
    Ok(all)
}

/// `[+-=][aAcCdDeijPsStTu]`
fn attributes(text: &str) -> Result<Attributes, String> {
    let sign = text.chars().next().filter(|sign| "+-=".contains(*sign));
    let letters = if sign.is_some() { text.get(1..).unwrap_or_default() } else { text };
    if letters.is_empty() && sign != Some('=') {
        return Err(format!("Setting file attribute on '{text}' needs an attribute specification."));
    }
    let mut bits = 0;
    for letter in letters.chars() {
        let known = LETTERS.iter().find(|(known, _)| *known == letter);
        bits |= known.ok_or_else(|| format!("Unknown file attribute '{letter}'."))?.1;
    }
    let all = LETTERS.iter().fold(0, |all, (_, bit)| all | bit);
    Ok(match sign {
        Some('-') => Attributes { set: 0, mask: bits },
        Some('=') => Attributes { set: bits, mask: all },
        _ => Attributes { set: bits, mask: bits },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(letter: char, argument: &str) -> Result<Kind, String> {
        kind(letter, Some(argument).filter(|text| !text.is_empty()), "/x", &Specifiers::default(), (false, false))
    }

    #[test]
    fn each_type_has_the_argument_that_it_needs() {
        assert_eq!(read('c', "1:3"), Ok(Kind::CharDevice(1, 3)));
        for (letter, argument) in
            [('c', "1"), ('b', "1:x"), ('c', ""), ('w', ""), ('t', "a"), ('h', "+"), ('h', "+q"), ('C', "rel"), ('f', r"\q"), ('k', "")]
        {
            assert!(read(letter, argument).is_err(), "{letter} {argument}");
        }
        let pairs = vec![("user.a".to_owned(), "b c".to_owned()), ("user.d".to_owned(), "/run".to_owned())];
        assert_eq!(read('t', "user.a=\"b c\" user.d=%t"), Ok(Kind::Xattrs(pairs)));
        assert_eq!(read('h', "+C"), Ok(Kind::Attributes(Attributes { set: 0x80_0000, mask: 0x80_0000 })));
        assert_eq!(read('h', "-ia"), Ok(Kind::Attributes(Attributes { set: 0, mask: 0x30 })));
        assert!(matches!(read('H', "="), Ok(Kind::AttributesTree(Attributes { set: 0, mask })) if mask != 0));
    }
}
