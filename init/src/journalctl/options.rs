//! What the command line says, in journalctl(1)'s words.

use super::Trouble;
use crate::getopt::Takes::{Nothing, Perhaps, Value};
use crate::getopt::{self, Line, Opt, Order, Unclear};

/// All that are known. Some are passed over: what they ask for is so anyway, or is nothing here.
const ALL: &[Opt] = &[
    Opt("unit", 'u', Value),
    Opt("user-unit", '\0', Value),
    Opt("identifier", 't', Value),
    Opt("priority", 'p', Value),
    Opt("facility", '\0', Value),
    Opt("grep", 'g', Value),
    Opt("case-sensitive", '\0', Perhaps(|_| false)),
    Opt("boot", 'b', Perhaps(is_boot)),
    Opt("dmesg", 'k', Nothing),
    Opt("since", 'S', Value),
    Opt("until", 'U', Value),
    Opt("cursor", 'c', Value),
    Opt("after-cursor", '\0', Value),
    Opt("cursor-file", '\0', Value),
    Opt("show-cursor", '\0', Nothing),
    Opt("lines", 'n', Perhaps(is_count)),
    Opt("no-tail", '\0', Nothing),
    Opt("reverse", 'r', Nothing),
    Opt("follow", 'f', Nothing),
    Opt("pager-end", 'e', Nothing),
    Opt("no-pager", '\0', Nothing),
    Opt("output", 'o', Value),
    Opt("output-fields", '\0', Value),
    Opt("all", 'a', Nothing),
    Opt("quiet", 'q', Nothing),
    Opt("no-hostname", '\0', Nothing),
    Opt("utc", '\0', Nothing),
    Opt("directory", 'D', Value),
    Opt("file", '\0', Value),
    Opt("root", '\0', Value),
    Opt("image", '\0', Value),
    Opt("namespace", '\0', Value),
    Opt("machine", 'M', Value),
    Opt("list-catalog", '\0', Nothing),
    Opt("dump-catalog", '\0', Nothing),
    Opt("update-catalog", '\0', Nothing),
    Opt("setup-keys", '\0', Nothing),
    Opt("interval", '\0', Value),
    Opt("verify-key", '\0', Value),
    Opt("force", '\0', Nothing),
    Opt("new-id128", '\0', Nothing),
    Opt("field", 'F', Value),
    Opt("fields", 'N', Nothing),
    Opt("list-boots", '\0', Nothing),
    Opt("disk-usage", '\0', Nothing),
    Opt("vacuum-size", '\0', Value),
    Opt("vacuum-files", '\0', Value),
    Opt("vacuum-time", '\0', Value),
    Opt("rotate", '\0', Nothing),
    Opt("flush", '\0', Nothing),
    Opt("sync", '\0', Nothing),
    Opt("verify", '\0', Nothing),
    Opt("header", '\0', Nothing),
    Opt("relinquish-var", '\0', Nothing),
    Opt("smart-relinquish-var", '\0', Nothing),
    Opt("system", '\0', Nothing),
    Opt("user", '\0', Nothing),
    Opt("merge", 'm', Nothing),
    Opt("catalog", 'x', Nothing),
    Opt("full", 'l', Nothing),
    Opt("no-full", '\0', Nothing),
    Opt("this-boot", '\0', Nothing),
    Opt("truncate-newline", '\0', Nothing),
];

/// Options by their long names, and the other words.
pub(super) fn read(words: &[String]) -> Result<Line, Trouble> {
    getopt::read(ALL, Order::Any, words).map_err(|why| {
        Trouble::told(match &why {
            Unclear::Long(word) => format!("journalctl: {}", Unclear::Long(word.split('=').next().unwrap_or_default().to_owned())),
            Unclear::Ambiguous(_, names) => {
                let names: Vec<String> = names.iter().map(|name| format!("'--{name}'")).collect();
                format!("journalctl: {why}; possibilities: {}", names.join(" "))
            }
            Unclear::Short(_) | Unclear::NoValue(_) | Unclear::NoValueShort(_) | Unclear::Value(_) | Unclear::Wrong(_) => {
                format!("journalctl: {why}")
            }
        })
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A word that after `-n` can be nothing but its value.
fn is_count(word: &str) -> bool {
    word == "all" || is_number(word)
}

/// The same after `-b`.
fn is_boot(word: &str) -> bool {
    let (id, offset) = word.split_at(word.find(['+', '-']).unwrap_or(word.len()));
    let has_offset = offset.get(1..).is_some_and(is_number);
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    word == "all" || (offset.is_empty() && (is_number(id) || is_id)) || (has_offset && (id.is_empty() || is_id))
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
     --user-unit=UNIT        Show logs from the specified user unit
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
                               short-monotonic, short-delta, short-unix,
                               verbose, export, json, json-pretty, json-sse,
                               json-seq, cat, with-unit)
     --output-fields=LIST    Select fields to print in verbose/export/json modes
     --utc                   Express time in Coordinated Universal Time (UTC)
     --no-hostname           Suppress output of hostname field
  -a --all                   Show all fields, including long and unprintable
  -q --quiet                 Do not show info messages and privilege warning
     --no-pager              Do not pipe output into a pager
  -k --dmesg                 Show kernel message log from the current boot
  -D --directory=PATH        Show journal files from directory
     --file=PATH             Show journal file
     --root=ROOT             Operate on files below a root directory

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
     --header                Show journal header information
     --verify                Verify journal file consistency
     --sync                  Synchronize unwritten journal messages to disk
     --flush                 Flush all journal data from /run into /var
     --rotate                Request immediate rotation of the journal files
";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn typed(text: &str) -> Line {
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
        assert_eq!(said.operands, ["_PID=1", "+", "_UID=0", "-x"]);
        assert_eq!(typed("-n x").operands, ["x"]);
        assert_eq!(typed("-b xyz").operands, ["xyz"]);
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
        let all = || ALL.iter().chain(&getopt::COMMON);
        let mut names: Vec<String> = all().map(|Opt(name, _, _)| (*name).to_owned()).collect();
        names.extend(all().filter_map(|Opt(_, short, _)| Some(String::from(*short)).filter(|_| *short != '\0')));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
