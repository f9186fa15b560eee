//! What the command line says, in journalctl(1)'s words.

use super::Trouble;

/// How much of a word an option wants after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Value,
    /// Only joined to it: `--boot=ID`, `-bID`; or, for some, in a word of its own that can be nothing else.
    Perhaps,
}
use Takes::{Nothing, Perhaps, Value};

/// All that are known. Some are passed over: what they ask for is so anyway, or is nothing here.
const ALL: [(&str, Option<char>, Takes); 52] = [
    ("help", Some('h'), Nothing),
    ("version", None, Nothing),
    ("unit", Some('u'), Value),
    ("user-unit", None, Value),
    ("identifier", Some('t'), Value),
    ("priority", Some('p'), Value),
    ("facility", None, Value),
    ("grep", Some('g'), Value),
    ("case-sensitive", None, Perhaps),
    ("boot", Some('b'), Perhaps),
    ("dmesg", Some('k'), Nothing),
    ("since", Some('S'), Value),
    ("until", Some('U'), Value),
    ("cursor", Some('c'), Value),
    ("after-cursor", None, Value),
    ("cursor-file", None, Value),
    ("show-cursor", None, Nothing),
    ("lines", Some('n'), Perhaps),
    ("no-tail", None, Nothing),
    ("reverse", Some('r'), Nothing),
    ("follow", Some('f'), Nothing),
    ("pager-end", Some('e'), Nothing),
    ("no-pager", None, Nothing),
    ("output", Some('o'), Value),
    ("output-fields", None, Value),
    ("all", Some('a'), Nothing),
    ("quiet", Some('q'), Nothing),
    ("no-hostname", None, Nothing),
    ("utc", None, Nothing),
    ("directory", Some('D'), Value),
    ("field", Some('F'), Value),
    ("fields", Some('N'), Nothing),
    ("list-boots", None, Nothing),
    ("disk-usage", None, Nothing),
    ("vacuum-size", None, Value),
    ("vacuum-files", None, Value),
    ("vacuum-time", None, Value),
    ("rotate", None, Nothing),
    ("flush", None, Nothing),
    ("sync", None, Nothing),
    ("verify", None, Nothing),
    ("header", None, Nothing),
    ("relinquish-var", None, Nothing),
    ("smart-relinquish-var", None, Nothing),
    ("system", None, Nothing),
    ("user", None, Nothing),
    ("merge", Some('m'), Nothing),
    ("catalog", Some('x'), Nothing),
    ("full", Some('l'), Nothing),
    ("no-full", None, Nothing),
    ("this-boot", None, Nothing),
    ("truncate-newline", None, Nothing),
];

/// What was said: options by their long names, in their order, and the other words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    options: Vec<(&'static str, Option<String>)>,
    pub(super) words: Vec<String>,
}

impl Said {
    pub(super) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(known, _)| *known == name)
    }

    /// The value that was said last.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(known, _)| *known == name).and_then(|(_, value)| value.as_deref())
    }

    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |(known, _)| *known == name).filter_map(|(_, value)| value.as_deref())
    }
}

/// Reads the words as getopt_long(3) would.
pub(super) fn read(words: &[String]) -> Result<Said, Trouble> {
    let mut said = Said::default();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            said.words.extend(words.cloned());
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value.to_owned())));
            let (name, takes) = find(name)?;
            let value = match (takes, value) {
                (Nothing, Some(_)) => return Err(Trouble::told(format!("journalctl: option '--{name}' doesn't allow an argument"))),
                (Value, None) => {
                    let missing = || Trouble::told(format!("journalctl: option '--{name}' requires an argument"));
                    Some(words.next().cloned().ok_or_else(missing)?)
                }
                (Perhaps, None) => words.next_if(|next| stands_alone(name, next)).cloned(),
                (Nothing | Value | Perhaps, value) => value,
            };
            said.options.push((name, value));
        } else if word.len() > 1 && word.starts_with('-') {
            let mut letters = word.chars().skip(1);
            while let Some(letter) = letters.next() {
                let known = ALL.iter().find(|(_, short, _)| *short == Some(letter));
                let (name, _, takes) = known.ok_or_else(|| Trouble::told(format!("journalctl: invalid option -- '{letter}'")))?;
                let rest = if *takes == Nothing { String::new() } else { letters.by_ref().collect() };
                let value = match takes {
                    Nothing => None,
                    _ if !rest.is_empty() => Some(rest),
                    Value => {
                        let missing = || Trouble::told(format!("journalctl: option requires an argument -- '{letter}'"));
                        Some(words.next().cloned().ok_or_else(missing)?)
                    }
                    Perhaps => words.next_if(|next| stands_alone(name, next)).cloned(),
                };
                said.options.push((name, value));
            }
        } else {
            said.words.push(word.clone());
        }
    }
    Ok(said)
}

/// Whether a word after an option whose value may be left out is that value all the same.
fn stands_alone(name: &str, word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match name {
        "lines" => word == "all" || digits(word),
        "boot" => {
            let (id, offset) = word.split_at(word.find(['+', '-']).unwrap_or(word.len()));
            let has_offset = offset.get(1..).is_some_and(digits);
            let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            word == "all" || (offset.is_empty() && (digits(id) || is_id)) || (has_offset && (id.is_empty() || is_id))
        }
        _ => false,
    }
}

/// An option by its name, or by as much of it as is no other's.
fn find(name: &str) -> Result<(&'static str, Takes), Trouble> {
    let fitting: Vec<_> = ALL.iter().filter(|(known, _, _)| known.starts_with(name)).collect();
    match fitting.as_slice() {
        [] => Err(Trouble::told(format!("journalctl: unrecognized option '--{name}'"))),
        [(known, _, takes)] => Ok((known, *takes)),
        several => match several.iter().find(|(known, _, _)| *known == name) {
            Some((known, _, takes)) => Ok((known, *takes)),
            None => {
                let names: Vec<String> = several.iter().map(|(known, _, _)| format!("'--{known}'")).collect();
                Err(Trouble::told(format!("journalctl: option '--{name}' is ambiguous; possibilities: {}", names.join(" "))))
            }
        },
    }
}

/// What `--help` shows.
pub(super) const HELP: &str = "\
journalctl [OPTIONS...] [MATCHES...]

Query the journal.

Options:
  -S --since=DATE            Show entries not older than the specified date
  -U --until=DATE            Show entries not newer than the specified date
  -c --cursor=CURSOR         Show entries starting at the specified cursor
     --after-cursor=CURSOR   Show entries after the specified cursor
     --show-cursor           Print the cursor after all the entries
     --cursor-file=FILE      Show entries after cursor in FILE and update FILE
  -b --boot[=ID]             Show current boot or the specified boot
  -u --unit=UNIT             Show logs from the specified unit
  -t --identifier=STRING     Show entries with the specified syslog identifier
  -p --priority=RANGE        Show entries with the specified priority
     --facility=FACILITY...  Show entries with the specified facilities
  -g --grep=PATTERN          Show entries with MESSAGE matching PATTERN
     --case-sensitive[=BOOL] Force case sensitive or insensitive matching
  -e --pager-end             Immediately jump to the end in the pager
  -f --follow                Follow the journal
  -n --lines[=INTEGER]       Number of journal entries to show
     --no-tail               Show all lines, even in follow mode
  -r --reverse               Show the newest entries first
  -o --output=STRING         Change journal output mode (short, short-precise,
                               short-iso, short-iso-precise, short-full,
                               short-monotonic, short-unix, verbose, export,
                               json, json-pretty, json-sse, json-seq, cat,
                               with-unit)
     --output-fields=LIST    Select fields to print in verbose/export/json modes
     --utc                   Express time in Coordinated Universal Time (UTC)
     --no-hostname           Suppress output of hostname field
  -a --all                   Show all fields, including long and unprintable
  -q --quiet                 Do not show info messages and privilege warning
     --no-pager              Do not pipe output into a pager
  -k --dmesg                 Show kernel message log from the current boot
  -D --directory=PATH        Show journal files from directory

Commands:
  -h --help                  Show this help text
     --version               Show package version
  -N --fields                List all field names currently used
  -F --field=FIELD           List all values that a specified field takes
     --list-boots            Show terse information about recorded boots
     --disk-usage            Show total disk usage of all journal files
     --vacuum-size=BYTES     Reduce disk usage below specified size
     --vacuum-files=INT      Leave only the specified number of journal files
     --vacuum-time=TIME      Remove journal files older than specified time
     --verify                Verify journal file consistency
     --sync                  Synchronize unwritten journal messages to disk
     --flush                 Flush all journal data from /run into /var
     --rotate                Request immediate rotation of the journal files
";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn typed(text: &str) -> Said {
        read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).unwrap()
    }

    fn refused(text: &str) -> String {
        read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).unwrap_err().to_string()
    }

    #[test]
    fn options_are_read_in_every_form() {
        for text in [
            "-u web -n5 -b -1",
            "--unit=web --lines=5 --boot=-1",
            "-uweb -n 5 -b-1",
            "--unit web --lines 5 --boot -1",
            "--uni web -rn5 -b -1",
        ] {
            let said = typed(text);
            assert_eq!((said.value("unit"), said.value("lines"), said.value("boot")), (Some("web"), Some("5"), Some("-1")), "{text}");
        }
        let said = typed("-afb -p info -n1 -t sshd -t sudo -o cat _PID=1 + _UID=0 -- -x");
        assert_eq!((said.has("all"), said.has("follow"), said.has("boot"), said.value("boot")), (true, true, true, None));
        assert_eq!(said.values("identifier").collect::<Vec<_>>(), ["sshd", "sudo"]);
        assert_eq!(said.words, ["_PID=1", "+", "_UID=0", "-x"]);
        assert_eq!(typed("-n x").words, ["x"]);
        assert_eq!(typed("-b xyz").words, ["xyz"]);
    }

    #[test]
    fn what_is_wrong_is_said_in_getopts_words() {
        assert_eq!(refused("--foo"), "journalctl: unrecognized option '--foo'");
        assert_eq!(refused("-Z"), "journalctl: invalid option -- 'Z'");
        assert_eq!(refused("-u"), "journalctl: option requires an argument -- 'u'");
        assert_eq!(refused("--unit"), "journalctl: option '--unit' requires an argument");
        assert_eq!(refused("--quiet=1"), "journalctl: option '--quiet' doesn't allow an argument");
        assert!(refused("--vac").ends_with("possibilities: '--vacuum-size' '--vacuum-files' '--vacuum-time'"));
    }

    #[test]
    fn no_two_options_share_a_name_or_a_letter() {
        let mut names: Vec<String> = ALL.iter().map(|(name, _, _)| (*name).to_owned()).collect();
        names.extend(ALL.iter().filter_map(|(_, short, _)| short.map(String::from)));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
