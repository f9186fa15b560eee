//! `clean`: what a unit has put into its directories goes; systemctl(1), systemd.exec(5), "Sandboxing".

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use units::UnitKind;
use units::control::{ActiveState, Detail, LoadState, UnitRow};

use crate::fiefctl::line::Line;
use crate::fiefctl::session::{Failed, Session};
use crate::say;

use super::{code, names};

/// What can be cleaned: its word, the property that names its directories, and where they are.
const KINDS: [(&str, &str, &str); 5] = [
    ("runtime", "RuntimeDirectory", "/run"),
    ("state", "StateDirectory", "/var/lib"),
    ("cache", "CacheDirectory", "/var/cache"),
    ("logs", "LogsDirectory", "/var/log"),
    ("configuration", "ConfigurationDirectory", "/etc"),
];

/// `--what=help`
pub(super) fn kinds() -> String {
    KINDS.iter().fold(String::new(), |all, (word, ..)| format!("{all}{word}\n"))
}

/// `clean`
pub(super) fn clean(line: &Line) -> Result<u8, Failed> {
    let mut kinds: Vec<&str> = Vec::new();
    for word in line.values("what").flat_map(|words| words.split(',')) {
        match word {
            "all" => kinds.extend(KINDS.map(|(word, ..)| word)),
            word => match KINDS.iter().find(|(known, ..)| *known == word) {
                Some((word, ..)) => kinds.push(word),
                None => return Err(Failed::Told(format!("Invalid what argument {word}"))),
            },
        }
    }
    if !line.has("what") {
        kinds.extend(["cache", "runtime"]);
    }
    let mut session = Session::open()?;
    let named = names::expand(&mut session, &line.operands, line.has("all"))?;
    let mut worst = code::OK;
    for row in names::rows(&mut session, &named, &[Detail::Properties])? {
        if let Err(why) = clean_one(&row, &kinds) {
            say::error(format_args!("Failed to clean unit {}: {why}", row.name.as_str()));
            worst = code::FAILED;
        }
    }
    Ok(worst)
}

fn clean_one(row: &UnitRow, kinds: &[&str]) -> Result<(), String> {
    let name = row.name.as_str();
    match row.load {
        LoadState::NotFound => return Err(format!("Unit {name} not loaded.")),
        LoadState::Masked => return Err(format!("Unit {name} is masked.")),
        LoadState::BadSetting => return Err(format!("Unit {name} has a bad unit file setting.")),
        LoadState::Loaded => {}
    }
    if row.name.kind() != UnitKind::Service {
        return Err(format!("Unit '{name}' does not support cleaning."));
    }
    if row.job.is_some() || !matches!(row.active, ActiveState::Inactive | ActiveState::Failed) {
        return Err(format!("Unit '{name}' is not inactive or has pending job."));
    }
    let places = places(row, kinds);
    if places.is_empty() {
        return Err("No matching resources found.".to_owned());
    }
    for place in &places {
        // A link is taken away, and not what it leads to.
        let gone =
            fs::symlink_metadata(place).and_then(|about| if about.is_dir() { fs::remove_dir_all(place) } else { fs::remove_file(place) });
        match gone {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(format!("{}: {}", place.display(), say::reason(&error))),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Its directories of these kinds, also where they are while the user is made up.
fn places(row: &UnitRow, kinds: &[&str]) -> Vec<PathBuf> {
    let of = |property: &str| row.properties.iter().find(|(key, _)| key == property).map_or("", |(_, value)| value.as_str());
    let meant = KINDS.iter().filter(|(word, ..)| kinds.contains(word));
    let each = |(_, property, root): &(&str, &str, &str)| -> Vec<PathBuf> {
        let inside = |word: &str| Path::new(root).join(word).components().all(|part| part != std::path::Component::ParentDir);
        let names = of(property).split_whitespace().map(|word| word.split(':').next().unwrap_or(word));
        names
            .filter(|word| inside(word))
            .flat_map(|word| {
                [Path::new(root).join(word.trim_start_matches('/')), Path::new(root).join("private").join(word.trim_start_matches('/'))]
            })
            .collect()
    };
    meant.flat_map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fiefctl::boot::tests::row;

    #[test]
    fn what_goes_is_named_by_the_unit_and_lies_where_it_should() {
        let mut row = row("a", None);
        row.active = ActiveState::Inactive;
        row.properties = vec![("CacheDirectory".to_owned(), "a b/c:link ../x".to_owned()), ("StateDirectory".to_owned(), "s".to_owned())];
        let paths: Vec<String> = places(&row, &["cache"]).iter().map(|path| path.display().to_string()).collect();
        assert_eq!(paths, ["/var/cache/a", "/var/cache/private/a", "/var/cache/b/c", "/var/cache/private/b/c"]);
        assert_eq!(clean_one(&row, &["logs"]), Err("No matching resources found.".to_owned()));
        row.active = ActiveState::Active;
        assert_eq!(clean_one(&row, &["cache"]), Err("Unit 'a.service' is not inactive or has pending job.".to_owned()));
    }
}
