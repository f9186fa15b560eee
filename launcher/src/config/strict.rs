//! Reading our own TOML files: bounded, strict, and told with file, line and caret.

use std::io::Read as _;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{Class, Error, OrFail as _};

/// No config of ours is longer; more is noise or an attack.
const LONGEST: u64 = 1 << 20;

/// Reads `path` as TOML; unknown keys and wrong types are errors with file, line and caret. `None`: no such file.
///
/// # Errors
/// When the file cannot be read, is too long, or does not fit `T`.
pub fn read<T: DeserializeOwned>(path: &Path, step: &'static str) -> Result<Option<T>, Error> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::new(class_of(&error), step, path.display().to_string()).source(error)),
    };
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text).or_fail(Class::Value, step, || path.display().to_string())?;
    if text.len() as u64 > LONGEST {
        return Err(Error::new(Class::Value, step, format!("{}: longer than 1 MiB", path.display())));
    }
    parse(&text, path, step).map(Some)
}

/// Parses `text`, which came from `path`.
///
/// # Errors
/// When it does not fit `T`.
pub fn parse<T: DeserializeOwned>(text: &str, path: &Path, step: &'static str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count());
        let place = line.map_or_else(|| path.display().to_string(), |line| format!("{}:{line}", path.display()));
        Error::new(Class::Value, step, place).source(error)
    })
}

/// The class of an I/O error on one of our own files.
#[must_use]
pub fn class_of(error: &std::io::Error) -> Class {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem) { Class::Unfit } else { Class::Internal }
}
