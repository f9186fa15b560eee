//! The files one by one: whether each is whole, and what each begins with.

use super::Trouble;
use super::source::Source;
use crate::log::segment::Segment;
use crate::say;

/// `--verify`
pub(super) fn verify(source: &Source) -> Result<(), Trouble> {
    let mut is_well = true;
    for path in source.paths() {
        let length = std::fs::metadata(path).map_or(0, |about| about.len());
        let whole = Segment::read(path).map(|file| file.whole());
        // Of one that is being written the length was asked for first: it may only have grown.
        match whole {
            Ok(whole) if whole >= length => say::error(format_args!("PASS: {}", path.display())),
            Ok(whole) => {
                is_well = false;
                say::error(format_args!("{whole:06x}: Invalid entry\nFAIL: {} (Bad message)", path.display()));
            }
            // It has made room for another since.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                is_well = false;
                say::error(format_args!("FAIL: {} ({})", path.display(), say::reason(&error)));
            }
        }
    }
    if is_well { Ok(()) } else { Err(Trouble::told(String::new())) }
}

/// `--header`
pub(super) fn show_heads(source: &Source) -> Result<(), Trouble> {
    let mut out = String::new();
    for (name, _) in &source.files {
        let Ok(file) = Segment::read(&name.path) else { continue };
        let about = file.about();
        let (mut count, mut last) = (0_u64, name.first);
        for entry in file.entries() {
            (count, last) = (count + 1, entry.stamp.sequence);
        }
        let gap = if out.is_empty() { "" } else { "\n" };
        out.push_str(&format!(
            "{gap}File path: {}\nMachine ID: {}\nBoot ID: {}\nHostname: {}\nHead sequential number: {}\nTail sequential number: {last}\n\
             Entry objects: {count}\nDisk usage: {}\n",
            name.path.display(),
            about.machine,
            about.boot,
            about.host,
            name.first,
            super::care::size(file.whole()),
        ));
    }
    Ok(say::raw(out.as_bytes())?)
}
