//! Verbs about unit files.

use units::UnitName;
use units::convert;

use super::line::Line;
use super::output;
use super::session::{Failed, code};
use crate::file;

/// `convert`
pub(super) fn convert(line: &Line) -> Result<u8, Failed> {
    let path = line.operands.first().map(String::as_str).unwrap_or_default();
    let most = u64::try_from(units::FILE_LIMIT).unwrap_or(u64::MAX);
    let text = file::read_text(path, most).map_err(|error| Failed::File(path.to_owned(), error))?;
    let name = path.rsplit('/').next().unwrap_or_default();
    let converted = match name.strip_suffix(".toml") {
        Some(stem) => {
            let name = UnitName::new(stem).map_err(|why| Failed::Name(stem.to_owned(), why))?;
            convert::to_systemd(name.kind(), &text).map_err(|why| Failed::Told(format!("{path}: {why}")))?
        }
        None => convert::to_toml(&text),
    };
    output(&converted)?;
    Ok(code::OK)
}
