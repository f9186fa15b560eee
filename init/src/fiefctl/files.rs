//! Verbs about unit files.

use serde_json::json;
use units::{Count, Diagnostic, UnitName, convert, search};

use super::line::Line;
use super::session::{Failed, code};
use super::sources::{self, Beneath};
use super::{json_lines, names, output};
use crate::boot::files::Here;
use crate::file;
use crate::say;

/// `verify`
pub(super) fn verify(line: &Line) -> Result<u8, Failed> {
    let tree = Beneath::new(line.value("root"));
    let mut files = tree.files();
    let mut wanted: Vec<String> = Vec::new();
    let mut units: Vec<UnitName> = Vec::new();
    for word in &line.operands {
        match std::fs::metadata(word) {
            // Before all others: it is about these.
            Ok(about) if about.is_dir() => {
                let folder = word.trim_end_matches('/').to_owned();
                let mut own = search::collect(&Here, std::slice::from_ref(&folder));
                own.append(&mut files);
                files = own;
                wanted.push(format!("{folder}/"));
            }
            Ok(_) => {
                let text = file::read_up_to(word, u64::try_from(units::FILE_LIMIT).unwrap_or(u64::MAX).saturating_add(1));
                let text = text.map_err(|error| Failed::File(word.clone(), error))?;
                files.retain(|file| file.path != *word);
                files.insert(0, units::SourceFile { path: word.clone(), kind: units::SourceKind::Unit(text) });
                wanted.push(word.clone());
            }
            Err(error) if word.contains('/') => return Err(Failed::File(word.clone(), error)),
            Err(_) => units.push(names::name(word)?),
        }
    }
    let (set, mut found) = sources::read(&tree, files);
    found.extend(units::verify::verify(&set, &tree));
    for name in &units {
        let files = set.files(name).ok_or_else(|| Failed::NoSuchUnit(name.to_string()))?;
        wanted.extend(files.into_iter().map(str::to_owned));
    }
    let is_about = |diagnostic: &Diagnostic, wanted: &String| {
        if wanted.ends_with('/') { diagnostic.path.starts_with(wanted.as_str()) } else { diagnostic.path == *wanted }
    };
    found.retain(|diagnostic| line.operands.is_empty() || wanted.iter().any(|wanted| is_about(diagnostic, wanted)));
    let count = Count::of(&found);
    if line.has("json") {
        let all: Vec<_> = found.iter().map(|diagnostic| json!(diagnostic)).collect();
        output(&json_lines(&all))?;
    } else {
        for diagnostic in &found {
            output(&format!("{diagnostic}\n"))?;
        }
        say::error(format_args!("{count}"));
    }
    Ok(if count.errors > 0 { code::FAILED } else { code::OK })
}

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
