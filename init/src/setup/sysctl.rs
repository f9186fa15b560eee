//! What sysctl.d says of the kernel. sysctl.d(5), proc_sys(5).
//!
//! A container has some of these keys for itself (most of `net`, some of `kernel` by its ipc and uts namespaces); the others are the
//! host's. Packages and administrators set them all the same, so what may not be set is told in one line and is no failure.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use units::Map;

use super::Trouble;
use crate::tools::{self, Conf};
use crate::{file, glob, say};

const KEYS: &str = "/proc/sys";
/// Read behind the others where no link of sysctl.d leads to it: procps(8), `sysctl --system`.
const LAST: &str = "/etc/sysctl.conf";

pub(super) fn apply() -> Result<(), Trouble> {
    let mut all = tools::settings(Path::new("/"), "sysctl", None);
    if let Ok(text) = file::read_text(LAST, file::USUAL) {
        all.push(Conf { name: LAST.to_owned(), text });
    }
    let told = Settings::read(&all).set(Path::new(KEYS));
    for (why, keys) in &told {
        say::line(format_args!("{why}: {}", keys.join(" ")));
    }
    if told.contains_key(REFUSED) { Err(Trouble::Wrong("not all could be set".to_owned())) } else { Ok(()) }
}

const HOSTS: &str = "the host's, passed over";
const ABSENT: &str = "not there, passed over";
const REFUSED: &str = "refused";

/// What was not set, and why, in the order of the keys.
type Told = Map<&'static str, Vec<String>>;

/// One key, which may be a pattern.
struct Setting {
    /// With slashes, below `/proc/sys`.
    key: String,
    /// `None`: no pattern is to set it.
    value: Option<String>,
    /// That it cannot be set is nobody's concern.
    is_optional: bool,
}

/// All settings, each key once, in the order in which they are to be made.
#[derive(Default)]
struct Settings(Vec<Setting>);

impl Settings {
    fn read(all: &[Conf]) -> Self {
        let mut settings = Self::default();
        for conf in all {
            for (number, line) in (1..).zip(conf.text.lines()) {
                let line = line.trim();
                if line.is_empty() || line.starts_with(['#', ';']) {
                    continue;
                }
                match Setting::read(line) {
                    // What is said later counts, and comes later.
                    Some(setting) => {
                        settings.0.retain(|earlier| earlier.key != setting.key);
                        settings.0.push(setting);
                    }
                    None => say::line(format_args!("{}:{number}: neither KEY=VALUE nor -KEY", conf.name)),
                }
            }
        }
        settings
    }

    fn set(&self, keys: &Path) -> Told {
        let mut told = Told::new();
        for setting in &self.0 {
            let Some(value) = &setting.value else { continue };
            let places = if glob::is_pattern(&setting.key) {
                let mut places = glob::all(keys, &setting.key);
                places.retain(|place| !self.0.iter().any(|other| keys.join(&other.key) == *place));
                places
            } else {
                vec![keys.join(&setting.key)]
            };
            for place in places {
                let Err(error) = write(&place, value) else { continue };
                if !setting.is_optional {
                    let (why, what) = reason(&error, &place, keys);
                    told.entry(why).or_default().push(what);
                }
            }
        }
        told
    }
}

impl Setting {
    fn read(line: &str) -> Option<Self> {
        let (rest, is_optional) = line.strip_prefix('-').map_or((line, false), |rest| (rest, true));
        let (key, value) = match rest.split_once('=') {
            Some((key, value)) => (key, Some(value.trim().to_owned())),
            None if is_optional => (rest, None),
            None => return None,
        };
        let key = path(key.trim())?;
        Some(Self { key, value, is_optional })
    }
}

/// `net.ipv4.conf.eth0/1.forwarding` and `net/ipv4/conf/eth0.1/forwarding` are one key: the first separator says which is which.
fn path(key: &str) -> Option<String> {
    let is_dotted = key.find(['.', '/']).is_some_and(|at| key.get(at..).is_some_and(|rest| rest.starts_with('.')));
    let swap = |letter: char| match letter {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    let path: String = if is_dotted { key.chars().map(swap).collect() } else { key.trim_start_matches('/').to_owned() };
    let is_sound = !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    is_sound.then_some(path)
}

/// In one write(2): a key takes what one call brings.
fn write(place: &Path, value: &str) -> io::Result<()> {
    let flags = OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
    let mut key = OpenOptions::new().write(true).truncate(true).custom_flags(flags.bits()).open(place)?;
    key.write_all(format!("{value}\n").as_bytes())
}

/// The key as one writes it, under the reason that it shares with others.
fn reason(error: &io::Error, place: &Path, keys: &Path) -> (&'static str, String) {
    let key: PathBuf = place.strip_prefix(keys).unwrap_or(place).into();
    let key = key.display().to_string().replace('/', ".");
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPERM | Errno::EACCES | Errno::EROFS) => (HOSTS, key),
        Some(Errno::ENOENT) => (ABSENT, key),
        _ => (REFUSED, format!("{key} ({})", say::reason(error))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    fn settings(texts: &[&str]) -> Settings {
        Settings::read(&texts.iter().map(|text| Conf { name: "x".to_owned(), text: (*text).to_owned() }).collect::<Vec<_>>())
    }

    #[test]
    fn keys_have_two_spellings() {
        for (key, wanted) in [
            ("net.ipv4.ip_forward", Some("net/ipv4/ip_forward")),
            ("net/ipv4/conf/eth0.1/rp_filter", Some("net/ipv4/conf/eth0.1/rp_filter")),
            ("net.ipv4.conf.eth0/1.rp_filter", Some("net/ipv4/conf/eth0.1/rp_filter")),
            ("/kernel/panic", Some("kernel/panic")),
            ("kernel/../../etc/passwd", None),
            ("", None),
            ("kernel..panic", None),
        ] {
            assert_eq!(path(key).as_deref(), wanted, "{key}");
        }
    }

    #[test]
    fn the_last_word_counts_and_patterns_leave_alone_what_is_named() {
        let root = tempfile::tempdir().unwrap();
        let keys = root.path();
        for name in ["all", "eth0", "lo"] {
            fs::create_dir_all(keys.join("net/conf").join(name)).unwrap();
            fs::write(keys.join("net/conf").join(name).join("filter"), "old\n").unwrap();
        }
        let told = settings(&[
            "# a comment\nnet.conf.eth0.filter = 1\nnet.conf.*.filter = 7\n",
            "-net.conf.all.filter\nnet.conf.eth0.filter= 2 3 \nno sense\nnet.gone = 1\n-net.gone.too = 1\nnet.conf.lo = 1",
        ])
        .set(keys);
        let value = |name: &str| fs::read_to_string(keys.join("net/conf").join(name).join("filter")).unwrap();
        assert_eq!(["all", "eth0", "lo"].map(value), ["old\n", "2 3\n", "7\n"]);
        assert_eq!(told.get(ABSENT), Some(&vec!["net.gone".to_owned()]));
        assert!(told.get(REFUSED).is_some_and(|keys| keys.first().is_some_and(|key| key.starts_with("net.conf.lo ("))));
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn what_is_the_hosts_is_one_reason() {
        for errno in [Errno::EPERM, Errno::EACCES, Errno::EROFS] {
            let keys = Path::new("/k");
            assert_eq!(reason(&errno.into(), Path::new("/k/kernel/panic"), keys), (HOSTS, "kernel.panic".to_owned()));
        }
    }
}
