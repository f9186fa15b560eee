//! Files of settings that packages bring, a line each.

use units::Specifiers;
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
