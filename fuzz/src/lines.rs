//! Files of settings that packages bring, a line each.

use units::Specifiers;
use units::sysusers::{self, Id, Line, Primary};
use units::tmpfiles;

/// A file of tmpfiles.d(5): each line is judged alone, a path that is read leads nowhere but down, and what is for the boot only is all that
/// is left out later.
pub fn tmpfiles(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let facts = Specifiers::default().with('b', "../..");
    let all: Vec<_> = tmpfiles::read(text, &facts, true).collect();
    for (number, read) in &all {
        let line = text.lines().nth(number - 1).unwrap_or_default();
        let alone: Vec<_> = tmpfiles::read(line, &facts, true).map(|(_, read)| read).collect();
        assert_eq!(alone.as_slice(), std::slice::from_ref(read), "{line:?}");
        if let Ok(read) = read {
            assert!(read.path.starts_with('/') && !read.path.contains("//") && !read.path.split('/').any(|part| part == ".."), "{line:?}");
            assert!(read.mode.is_none_or(|mode| mode.bits <= 0o7777));
        }
    }
    assert!(tmpfiles::read(text, &facts, false).all(|later| all.contains(&later)));
}

/// A file of sysusers.d(5): each line is judged alone, and what is read stays one field of one line of passwd(5), with a number that is
/// somebody's.
pub fn sysusers(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let facts = Specifiers::default().with('b', "a:b");
    let is_somebody = |id: &Id| !matches!(id, Id::Number(u32::MAX | 0xffff));
    for (number, read) in sysusers::read(text, &facts) {
        // What is blank at either end is taken off first, also after a backslash.
        let line = text.lines().nth(number - 1).unwrap_or_default().trim_matches([' ', '\t', '\r']);
        assert_eq!(sysusers::one(line, &facts), read, "{line:?}");
        let Ok(read) = read else { continue };
        let fields: Vec<&str> = match &read {
            Line::User { name, id, group, about, home, shell } => {
                assert!(is_somebody(id) && !matches!(group, Primary::Number(u32::MAX | 0xffff)), "{line:?}");
                [name, about].into_iter().chain(home).chain(shell).map(String::as_str).collect()
            }
            Line::Group { name, id } => {
                assert!(is_somebody(id), "{line:?}");
                vec![name]
            }
            Line::Member { user, group } => vec![user, group],
            Line::Range(first, last) => {
                assert!(first <= last);
                Vec::new()
            }
        };
        assert!(fields.iter().all(|field| !field.contains([':', '\n', '\r', '\0'])), "{line:?}");
    }
}
