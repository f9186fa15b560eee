//! The language of the system, as its files say; locale.conf(5).

use units::Map;
use units::unit::read_environment;

use crate::file;

/// The first that is there counts; the second is Debian's.
pub(crate) const FILES: [&str; 2] = ["/etc/locale.conf", "/etc/default/locale"];
/// What may be said there. `LC_ALL` is none of it.
pub(crate) const VARIABLES: [&str; 14] = [
    "LANG",
    "LANGUAGE",
    "LC_CTYPE",
    "LC_NUMERIC",
    "LC_TIME",
    "LC_COLLATE",
    "LC_MONETARY",
    "LC_MESSAGES",
    "LC_PAPER",
    "LC_NAME",
    "LC_ADDRESS",
    "LC_TELEPHONE",
    "LC_MEASUREMENT",
    "LC_IDENTIFICATION",
];

/// What is said by now. A file that cannot be read says nothing.
pub(crate) fn said() -> Map<String, String> {
    let text = FILES.iter().find_map(|path| file::read_text(path, file::USUAL).ok());
    read(&text.unwrap_or_default())
}

/// Names of languages are no paths and have no more than 127 bytes; systemd's `locale_is_valid`.
fn read(text: &str) -> Map<String, String> {
    let is_said = |(name, value): &(String, String)| {
        let is_plain = !value.contains(|letter: char| letter == '/' || letter.is_ascii_control());
        VARIABLES.contains(&name.as_str()) && is_plain && (1..128).contains(&value.len())
    };
    read_environment(text).into_iter().filter(is_said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_language_is_not_said() {
        let long = format!("LC_CTYPE={}\n", "x".repeat(128));
        let text = format!("# of the shop\nLANG=\"de_DE.UTF-8\"\nLANGUAGE=de:en\nLC_ALL=C\nPATH=/tmp\nLC_NAME=../x\nLC_TIME=\n{long}");
        let said: Vec<String> = read(&text).iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(said, ["LANG=de_DE.UTF-8", "LANGUAGE=de:en"]);
    }
}
