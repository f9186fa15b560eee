use super::escape;
use crate::{Map, UnitName};

/// What the `%` specifiers of unit files stand for, as far as it is not said by the unit itself;
/// systemd.unit(5), "Specifiers". This package asks the system nothing: who reads units for a
/// running guest sets what he knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specifiers {
    values: Map<char, String>,
    verbatim: bool,
}

/// What is the same for every system manager.
const CONSTANT: [(char, &str); 14] = [
    ('t', "/run"),
    ('S', "/var/lib"),
    ('C', "/var/cache"),
    ('L', "/var/log"),
    ('E', "/etc"),
    ('T', "/tmp"),
    ('V', "/var/tmp"),
    ('u', "root"),
    ('U', "0"),
    ('g', "root"),
    ('G', "0"),
    ('h', "/root"),
    ('s', "/bin/sh"),
    ('%', "%"),
];

/// What only the running system can say: architecture, boot id, host name (in full, short,
/// pretty), machine id, kernel release, and from os-release: id, version, build, variant, image,
/// image version.
const FACTS: &str = "abHlqmvowBWMA";

impl Default for Specifiers {
    fn default() -> Self {
        let values = CONSTANT.iter().map(|(letter, value)| (*letter, (*value).to_owned())).collect();
        Self { values, verbatim: false }
    }
}

impl Specifiers {
    /// Leaves every specifier as it is written, for those who look at templates.
    #[must_use]
    pub fn verbatim() -> Self {
        Self { verbatim: true, ..Self::default() }
    }

    /// Sets what `%letter` stands for: `a` architecture, `b` boot id, `H` host name, `l` the same up
    /// to the first dot, `q` the pretty host name, `m` machine id, `v` kernel release, and from
    /// os-release `o` ID, `w` `VERSION_ID`, `B` `BUILD_ID`, `W` `VARIANT_ID`, `M` `IMAGE_ID`, `A`
    /// `IMAGE_VERSION`. The paths and names of a system manager (`t S C L E T V u U g G h s`) are set
    /// from the beginning.
    #[must_use]
    pub fn with(mut self, letter: char, value: impl Into<String>) -> Self {
        self.values.insert(letter, value.into());
        self
    }

    /// Replaces every specifier of a text that is no unit's.
    ///
    /// # Errors
    /// The message, when there is no such specifier, or its value is not known.
    pub fn expand(&self, text: &str) -> Result<String, String> {
        expand(text, |letter| self.values.get(&letter).cloned())
    }
}

fn expand(text: &str, value: impl Fn(char) -> Option<String>) -> Result<String, String> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            None => out.push('%'),
            Some(letter) => match value(letter) {
                Some(value) => out.push_str(&value),
                None if FACTS.contains(letter) => return Err(format!("what %{letter} stands for is not known here")),
                None if "IJPf".contains(letter) => return Err(format!("the name of the unit holds no text for %{letter}")),
                None if letter.is_ascii_alphanumeric() => return Err(format!("there is no specifier %{letter}; a percent sign is %%")),
                None => out.extend(['%', letter]),
            },
        }
    }
    Ok(out)
}

/// The specifiers within one file of one unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) specifiers: &'a Specifiers,
    pub(crate) name: &'a UnitName,
    /// The unit's file.
    pub(crate) path: &'a str,
}

impl Scope<'_> {
    /// Whether specifiers stay as they are.
    pub(crate) fn is_verbatim(&self) -> bool {
        self.specifiers.verbatim
    }

    /// Replaces every specifier. A percent sign before anything but a letter or a digit stays.
    ///
    /// # Errors
    /// The message, when there is no such specifier, or its value is not known.
    pub(crate) fn expand(&self, text: &str) -> Result<String, String> {
        if self.specifiers.verbatim {
            return Ok(text.to_owned());
        }
        expand(text, |letter| self.value(letter))
    }

    fn value(&self, letter: char) -> Option<String> {
        let name = self.name;
        let last = || name.prefix().rsplit_once('-').map_or(name.prefix(), |(_, last)| last);
        let own = match letter {
            'n' => name.as_str(),
            'N' => name.stem(),
            'p' => name.prefix(),
            'P' => return escape::unescape(name.prefix()),
            'i' => name.instance().unwrap_or_default(),
            'I' => return escape::unescape(name.instance().unwrap_or_default()),
            'j' => last(),
            'J' => return escape::unescape(last()),
            'f' => return escape::unescape_path(name.instance().filter(|i| !i.is_empty()).unwrap_or(name.prefix())),
            'd' => return Some(format!("/run/credentials/{}", name.as_str())),
            'y' => self.path,
            'Y' => self.path.rsplit_once('/').map_or("", |(folder, _)| folder),
            other => return self.specifiers.values.get(&other).cloned(),
        };
        Some(own.to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn all_of_them_are_known() {
        let facts = "abHlqmvowBWMA".chars().fold(Specifiers::default(), |s, letter| s.with(letter, format!("<{letter}>")));
        let name = UnitName::new("foo-bar\\x2dx@a-b\\x2dc.service").unwrap();
        let scope = Scope { specifiers: &facts, name: &name, path: "/etc/systemd/system/foo.service" };
        let shown = |text: &str| scope.expand(text).unwrap();
        assert_eq!(shown("%n %N"), "foo-bar\\x2dx@a-b\\x2dc.service foo-bar\\x2dx@a-b\\x2dc");
        assert_eq!(shown("%p %P %j %J"), "foo-bar\\x2dx foo/bar-x bar\\x2dx bar-x");
        assert_eq!(shown("%i %I %f"), "a-b\\x2dc a/b-c /a/b-c");
        assert_eq!(shown("%t %S %C %L %E %T %V"), "/run /var/lib /var/cache /var/log /etc /tmp /var/tmp");
        assert_eq!(shown("%u %U %g %G %h %s"), "root 0 root 0 /root /bin/sh");
        assert_eq!(shown("%a%b%H%l%q%m%v%o%w%B%W%M%A"), "<a><b><H><l><q><m><v><o><w><B><W><M><A>");
        assert_eq!(shown("%y %Y"), "/etc/systemd/system/foo.service /etc/systemd/system");
        assert_eq!(shown("%% 100%: %- %"), "% 100%: %- %");
        assert_eq!(scope.expand("%z").unwrap_err(), "there is no specifier %z; a percent sign is %%");
        let plain = Scope { specifiers: &Specifiers::default(), ..scope };
        assert_eq!(plain.expand("%m").unwrap_err(), "what %m stands for is not known here");
        let verbatim = Scope { specifiers: &Specifiers::verbatim(), ..scope };
        assert_eq!(verbatim.expand("%i %%").unwrap(), "%i %%");
    }
}
