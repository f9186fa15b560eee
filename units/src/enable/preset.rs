//! What a distribution, and then its administrator, want enabled; systemd.preset(5).

use crate::UnitName;

/// What a preset says of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// It is to be enabled; so is what no rule fits.
    Enable,
    /// It is to be disabled.
    Disable,
    /// It is to stay as it is.
    Ignore,
}

/// The rules of all preset files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presets(Vec<(Preset, String, Vec<String>)>);

impl Presets {
    /// Folders of preset files, first ones first; of two files of one name the first counts, and all are
    /// read in the order of their names.
    pub const FOLDERS: [&str; 4] = [
        "/etc/systemd/system-preset",
        "/run/systemd/system-preset",
        "/usr/local/lib/systemd/system-preset",
        "/usr/lib/systemd/system-preset",
    ];

    /// Appends the rules of one file; what is no rule is passed over, as systemd does.
    pub fn add(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            let preset = match words.next() {
                Some("enable") => Preset::Enable,
                Some("disable") => Preset::Disable,
                Some("ignore") => Preset::Ignore,
                _ => continue,
            };
            if let Some(pattern) = words.next() {
                self.0.push((preset, pattern.to_owned(), words.map(str::to_owned).collect()));
            }
        }
    }

    /// What the first rule that fits says. `fits` is the shell's matching of a pattern, glob(7).
    pub fn of(&self, name: &UnitName, fits: impl Fn(&str, &str) -> bool) -> Preset {
        let template = name.template();
        let rule = self.0.iter().find(|(_, pattern, instances)| {
            let of_template = || template.as_ref().is_some_and(|template| fits(pattern, template.as_str()));
            let named = || instances.is_empty() || name.instance().is_some_and(|instance| instances.iter().any(|other| other == instance));
            fits(pattern, name.as_str()) || (of_template() && named())
        });
        rule.map_or(Preset::Enable, |(preset, _, _)| *preset)
    }
}
