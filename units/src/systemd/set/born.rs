//! What a process is born with besides what systemd.exec(5) says of its user and its limits.

use super::{Assigned, Fault};
use crate::file::Draft;
use crate::unit::OpenFile;

type Done = Result<(), Fault>;

pub(crate) fn open_file(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let files = &mut draft.service.service.open_files;
    match a.or_reset(|a| Ok(OpenFile::read(&a.text()?)?))? {
        Some(file) => files.push(file),
        None => files.clear(),
    }
    Ok(())
}
