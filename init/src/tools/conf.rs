//! Directories of settings that override one another by the names of their files: `/etc/X.d`, `/run/X.d`, `/usr/local/lib/X.d`, `/usr/lib/X.d`.
//! systemd's "drop-in" order: a name counts where it is found first, the names are taken in their order, and a link to `/dev/null` or an
//! empty file masks. tmpfiles.d(5), sysusers.d(5), sysctl.d(5).

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::errno::Errno;
use units::Map;

use super::refuse;
use crate::getopt::{Line, Unclear};
use crate::{file, say};

/// A file of settings and what it says.
pub(crate) struct Conf {
    /// As it is to be told.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Larger is none, bytes.
const MOST: u64 = 4 << 20;

/// The directories of `kind` (`tmpfiles`), the most important first.
fn directories(root: &Path, kind: &str) -> [PathBuf; 4] {
    ["etc", "run", "usr/local/lib", "usr/lib"].map(|at| root.join(at).join(format!("{kind}.d")))
}

/// All that count. With `instead`, a path of one of them, `given` stands in its place, also where it is not there yet.
pub(crate) fn all(root: &Path, kind: &str, instead: Option<(&Path, Vec<Conf>)>) -> Vec<Conf> {
    let mut found: Map<String, PathBuf> = Map::new();
    let mut replaced = None;
    for directory in directories(root, kind) {
        if let Some((path, _)) = &instead
            && path.parent().is_some_and(|parent| root.join(parent.strip_prefix("/").unwrap_or(parent)) == directory)
            && let Some(name) = path.file_name().and_then(|name| name.to_str())
            && !found.contains_key(name)
        {
            replaced = Some(name.to_owned());
            found.insert(name.to_owned(), directory.join(name));
        }
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        for name in names.filter(|name| name.ends_with(".conf") && !name.starts_with('.')) {
            let path = directory.join(&name);
            found.entry(name).or_insert(path);
        }
    }
    let mut given = instead.map(|(_, given)| given);
    let mut all = Vec::new();
    for (name, path) in found.iter() {
        if replaced.as_ref() == Some(name) {
            all.extend(given.take().unwrap_or_default());
        } else if let Ok(conf) = open(&path.display().to_string(), path) {
            all.push(conf);
        }
    }
    all
}

/// What a command line asks for: the files that are named, or with `--inline` their text; those in the place of another, with `--replace`; or all.
/// Where that cannot be, the program's exit status.
pub(super) fn asked(name: &str, root: &Path, kind: &str, line: &Line) -> Result<Vec<Conf>, ExitCode> {
    if line.has("replace") && (line.has("cat-config") || line.operands.is_empty()) {
        let why = "When --replace= is given, some configuration items must be specified.";
        return Err(refuse(name, &Unclear::Wrong(why.to_owned())));
    }
    let mut given = Vec::new();
    for word in &line.operands {
        given.push(if line.has("inline") {
            Conf { name: "(argument)".to_owned(), text: word.clone() }
        } else {
            named(root, kind, word).map_err(|error| {
                say::error(format_args!("Failed to open '{word}': {}", say::reason(&error)));
                ExitCode::FAILURE
            })?
        });
    }
    Ok(match line.value("replace") {
        Some(path) => all(root, kind, Some((Path::new(path), given))),
        None if given.is_empty() => all(root, kind, None),
        None => given,
    })
}

/// What somebody named: a path, `-` for standard input, or a name to be looked for in the directories.
fn named(root: &Path, kind: &str, name: &str) -> io::Result<Conf> {
    if name == "-" {
        let text = io::read_to_string(io::stdin())?;
        return Ok(Conf { name: "<stdin>".to_owned(), text });
    }
    if !name.contains('/') {
        let found = directories(root, kind).into_iter().map(|directory| directory.join(name)).find(|path| path.exists());
        let path = found.ok_or(Errno::ENOENT)?;
        return open(&path.display().to_string(), &path);
    }
    open(name, Path::new(name))
}

fn open(name: &str, path: &Path) -> io::Result<Conf> {
    // What is no file, as /dev/null, says nothing.
    let text = if path.metadata()?.is_file() { file::read_text(path, MOST)? } else { String::new() };
    Ok(Conf { name: name.to_owned(), text })
}

/// All on one sheet, each under its name: `--cat-config`.
pub(super) fn sheet(all: &[Conf]) -> String {
    let mut out = String::new();
    for (at, conf) in all.iter().enumerate() {
        out.push_str(if at == 0 { "# " } else { "\n# " });
        out.push_str(&conf.name);
        out.push('\n');
        out.push_str(&conf.text);
    }
    out
}
