//! What is asked.

/// A fixed sequence of numbers (Knuth's MMIX), so that every run asks the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % end.max(1)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let at = self.below(from.len());
        from.get(at).copied().unwrap_or_default()
    }
}

const CALENDARS: &str = "daily|weekly|monthly|hourly|minutely|quarterly|semiannually|yearly|annually|Mon|Mon..Fri|Sat,Sun 12:00|Fri 13-*-13|\
*-02-29|*-02~01|*-*~1|*-*~07/1|Mon *-05~07/1|*-*-1..7 3:00|*-*-* 00/2:00|*:0/15|*:*:0/30|*-*-* *:*:*|*-*-* 12:34:56.789|*-*-* 0:0:0/7.5|\
2024-02-29|2023-02-29|2025..2027-1,7-1|2024/2-3-4|@1709164800|10:20|10:20:30|5|*|*-*|1-2-3 4:5:6|99-1-1|70-1-1|69-1-1|Wed..Sun 23:59|Sun..Mon|\
Mon-Fri|monday|MON|Tues|Mon,Tue,|Mon,,Tue|24:00|12:60|12:00:60|*-13-1|*-0-1|*-1-32|1970-1-1|2200-1-1|1969-1-1|*-*-* 25:00|*-*~32|*-*~0|\
daily UTC|daily Europe/Berlin|*-3-31 2:30 Europe/Berlin|*-10-27 2:30 Europe/Berlin|*-*-* 02:30 Europe/Berlin|*-*-* 02:30 America/New_York|\
*-3-10 2:30 America/New_York|*-3-10 *:30 America/New_York|*-11-3 1:30 America/New_York|hourly America/New_York|Sun *-3-* 2:0/20 Europe/Berlin|\
daily Nowhere/Land|daily utc|*-*-* 3:00 GMT|daily GMT| Mon|Mon |Mon  12:00| 12:00|12:00 |*-*-* |daily  UTC|*-*-*|Mon *-*-*  12:00 |*-*~1,2|*-*~1,27|*-*~1,2,21|*-*~1..27|*-*~28|1..3:00|1..3/2:00|3..1:00|1/0:00|0/24:00|*-*-*  3:00| daily |*-2-30|*-4-31|*-*-5..3|2024-1..3-*|\
*-1/3-1|*-*-1/7|*-*-31|*-*-29..31 0:0|*:*:1.5..9.5|*:*:0,10..20/5,59|Mon *-1-1|Thu *-2-29|*/2:00|*-*/2-1|12..|..12|1,2,3:4,5,6|0..23/5:7";

/// Calendar expressions.
pub(super) fn calendars() -> Vec<String> {
    let mut all: Vec<String> = CALENDARS.split('|').map(str::to_owned).collect();
    let mut numbers = Numbers(252);
    for _ in 0..260 {
        let days = numbers.pick(&["", "", "", "Mon..Fri ", "Sat,Sun ", "Wed ", "Mon,Thu..Sat "]);
        let year = numbers.pick(&["*", "*", "*", "2024", "2024..2026", "2025/2"]);
        let month = numbers.pick(&["*", "*", "1", "2", "3,6,9", "1..5/2", "2/4", "12"]);
        let sign = numbers.pick(&["-", "-", "-", "~"]);
        let day = numbers.pick(&["*", "*", "1", "28", "29", "31", "1..7", "3/10", "5,15,25", "2..20/6"]);
        let hour = numbers.pick(&["*", "0", "3", "6,18", "8..17", "0/5", "1..9/4", "23"]);
        let minute = numbers.pick(&["*", "0", "30", "0/20", "5..50/15", "59"]);
        let second = numbers.pick(&["", ":0", ":*", ":15", ":0/25", ":1.5", ":10..40/7"]);
        let zone = numbers.pick(&["", "", "", " UTC", " Europe/Berlin", " America/New_York"]);
        all.push(format!("{days}{year}-{month}{sign}{day} {hour}:{minute}{second}{zone}"));
    }
    all
}

/// Time spans.
pub(super) fn spans() -> Vec<String> {
    let fixed = "0|1|5s|90|1min 30s|1h30min|2.5s|.5s|100ms|3 weeks 1d|1y 1M|5 500ms|infinity|1.5h|1 s|s|1 s x|1fortnight|1us|1usec|10µs|1msec|\
        2sec|2second|2seconds|3m|3min|3minute|3minutes|1hr|1hour|2hours|1d|1day|2days|1w|1week|2weeks|1month|2months|1M|1year|2years|1y|-1|-1s|\
        1..5s|1.|.|1e3|0x10|1,5s|1s1s|1s 1|1 1|1.234567s|1.2345678s|0.0000001s|18446744073709551615us|18446744073709551614us|584542y|600000y|\
        1min-1s|5S|5Min|infinityy| infinity|1h 2h|10 min 5|0.5min|0.1month|1 . 5s|1.5.5|1.5 .5|1.5s.5|1.s|3. 1|3.+1|0.-0|12.34.56|1s.5|9223372036854775807us|9223372036854775808us|18446744073709us|\
        18446744073709s|18446744073708s|18446744073709551s|584554y|584000y 1000000y";
    let mut all: Vec<String> = fixed.split('|').map(|text| text.trim_start_matches('\n').to_owned()).collect();
    let mut numbers = Numbers(7);
    for _ in 0..150 {
        let parts = 1 + numbers.below(3);
        let text: Vec<String> = (0..parts)
            .map(|_| {
                let number = numbers.pick(&["0", "1", "7", "2.5", "10.25", "59", "365", ".75"]);
                let blank = numbers.pick(&["", "", " "]);
                format!("{number}{blank}{}", numbers.pick(&["us", "ms", "s", "min", "h", "d", "w", "M", "y", "hr", "days", ""]))
            })
            .collect();
        all.push(text.join(numbers.pick(&["", " ", "  "])));
    }
    all
}

/// Texts that become parts of names.
pub(super) fn escapes() -> Vec<String> {
    let fixed = "a|a-b|a/b|/|//|.x|x.|..|a b|Hallöchen|a:b_c.d|@|\\|\\x2d|-|--|~|%i|a+b=c|'q'|\"q\"|/dev/sda1|tmp/.x/y|ﬁef|#;[]|$HOME|a\tb";
    fixed.split('|').map(str::to_owned).collect()
}

/// Arguments of a command.
pub(super) fn lines() -> Vec<String> {
    let fixed = [
        "a b c",
        "'a b' c",
        "\"a b\" c",
        "a\"b c\"d",
        "a'b'c",
        "''",
        "\"\"",
        "\\x41\\102\\n",
        "'\\x41'",
        "a\\sb",
        "a\\ b",
        "\\q",
        "'\\q'",
        "$ONE",
        "${ONE}",
        "$ONE$TWO",
        "${ONE}${TWO}",
        "x$ONE",
        "x${ONE}y",
        "\"$ONE\"",
        "'$ONE'",
        "\"${ONE}\"",
        "'${ONE}'",
        "$$ONE",
        "$$",
        "$$$ONE",
        "$",
        "a$",
        "5$",
        "${",
        "${}",
        "${ONE",
        "$EMPTY",
        "${EMPTY}",
        "$NONE",
        "${NONE}",
        "x$NONE",
        "x${NONE}y",
        "$OPTS",
        "${OPTS}",
        "\"$OPTS\"",
        "a ; /run/words b",
        "a ;/run/words b",
        "a ; /run/words b ; /run/words",
        "a ;",
        "; a",
        "a;b",
        "a \\; b",
        "';'",
        "a ';' b",
        "a \";\" b",
        "a \\;b",
        "$OPEN",
        "x${OPEN}",
        "$BACK",
        "x${BACK}",
        "a\\ b\\ c",
        "\"a\\ b\"",
        "'a\\ b'",
        "a\\$ONE",
        "a\\;b",
        "a\\\tb",
        "%n",
        "a%p%%p",
        "%y",
        "%",
        "a%",
        "a;",
        "%%",
        "a%%b",
        "100%%",
        "a | b > c",
        "a && b",
        "*",
        "~",
        "#x",
        "a #x",
        "a\tb",
        "  a   b  ",
        "'a",
        "\"a",
        "a'",
        "\\",
        "\\\\",
        "'\\\\'",
        "\\\"",
        "\\'",
        "'\\''",
        "a\\",
        "=",
        "--x=$ONE",
        "--x=${ONE}",
        "--x=\"${ONE}\"",
        "-$TWO",
        "${TWO}2",
        "$TWO2",
        "$TWO.",
        "$TWO-x",
        "\\u00e4",
        "\\U0001f600",
        "\\0",
        "\\000",
        "\\x00",
        "\\x4",
        "\\1",
        "\\17",
        "ä",
        "$1",
        "${1}",
        "$@",
        "$*",
        "$-",
        "$TWO $TWO",
        "'$$'",
        "\"$$x\"",
        "$ONE,$TWO",
        "{a,b}",
        "`x`",
        "$(x)",
        "\\a\\b\\f\\r\\t\\v",
        "a\"\"b",
        "\"a\"'b'\"c\"",
        "\"a'b\"",
        "'a\"b'",
        "'a'b 'c'd",
        "${ONE} ${ONE}",
        "$NONE $EMPTY a",
    ];
    let mut all: Vec<String> = fixed.iter().map(|text| (*text).to_owned()).collect();
    let mut numbers = Numbers(11);
    let parts = [
        "a",
        "'b c'",
        "\"d e\"",
        "$ONE",
        "${ONE}",
        "$OPTS",
        "$EMPTY",
        "${NONE}",
        "$$",
        "\\t",
        "\\x41",
        " ",
        " ",
        " ",
        "x=",
        "'$TWO'",
        "\"${TWO}\"",
        "-",
        ";",
        " ; /run/words ",
        "%%",
    ];
    for _ in 0..200 {
        let count = 2 + numbers.below(5);
        let text: String = (0..count).map(|_| numbers.pick(&parts)).collect();
        all.push(format!("w{}", text.trim_end()));
    }
    all
}

/// Assignments of conditions, ` & ` between them; the paths are those of [`super::ours::FACTS`].
pub(super) fn conditions() -> Vec<String> {
    let mut all = Vec::new();
    for word in ["PathExists", "PathIsDirectory", "PathIsSymbolicLink", "PathIsMountPoint", "PathIsReadWrite"] {
        for name in ["file", "link", "broken", "full", "way", "mount", "frozen", "nothing"] {
            all.push(format!("Condition{word}=/run/facts/{name}"));
        }
    }
    for word in ["FileNotEmpty", "FileIsExecutable", "DirectoryNotEmpty"] {
        for name in ["file", "empty", "program", "link", "full", "hollow", "way", "nothing"] {
            all.push(format!("Condition{word}=/run/facts/{name}"));
        }
    }
    let there = "PathExists=/run/facts/file";
    let fixed = [
        "ConditionPathExists=!/run/facts/file",
        "ConditionPathExists=!/run/facts/nothing",
        "ConditionPathExistsGlob=/run/facts/fi*",
        "ConditionPathExistsGlob=/run/facts/zz*",
        "ConditionVirtualization=yes",
        "ConditionVirtualization=no",
        "ConditionVirtualization=container",
        "ConditionVirtualization=vm",
        "ConditionVirtualization=!container",
        "ConditionVirtualization=private-users",
        "ConditionVirtualization=kvm",
        "ConditionCapability=CAP_CHOWN",
        "ConditionCapability=!CAP_CHOWN",
        "ConditionACPower=true",
        "ConditionACPower=false",
        "ConditionACPower=!true",
        "ConditionSecurity=selinux",
        "ConditionSecurity=!selinux",
        "ConditionKernelCommandLine=fief.nonsense",
        "ConditionPathExists=/run/facts/file/",
        "ConditionPathExists=/run//facts/./file",
        "ConditionPathExists=",
        "ConditionPathExists=relative",
        "ConditionPathExists=! /run/facts/nothing",
        "ConditionPathExists=| /run/facts/file",
        "ConditionPathExists=|!/run/facts/nothing",
        "ConditionPathExists=!|/run/facts/nothing",
        "AssertPathExists=/run/facts/file",
        "AssertPathExists=/run/facts/nothing",
        "AssertPathExists=!/run/facts/nothing",
        "AssertPathIsDirectory=/run/facts/full",
        "AssertVirtualization=vm",
    ];
    all.extend(fixed.map(str::to_owned));
    all.extend(OF_THE_SYSTEM.iter().flat_map(|(word, values)| values.split('|').map(move |value| format!("Condition{word}={value}"))));
    let no = "PathExists=/run/facts/nothing";
    let some = |one: &str| one.replacen('=', "=|", 1);
    for (first, second) in [(there, there), (there, no), (no, there), (no, no)] {
        let (either, other) = (some(first), some(second));
        all.push(format!("Condition{first} & Condition{second}"));
        all.push(format!("Condition{either} & Condition{other}"));
        all.push(format!("Condition{first} & Condition{other}"));
        all.push(format!("Condition{either} & Condition{other} & Condition{second}"));
        all.push(format!("Assert{first} & Condition{second}"));
        all.push(format!("Assert{either} & Assert{other}"));
        all.push(format!("Condition{first} & ConditionPathExists= & Condition{second}"));
    }
    all
}

/// Questions about the machine and the distribution, of the kind that every machine with this tree answers alike.
const OF_THE_SYSTEM: &[(&str, &str)] = &[
    (
        "KernelVersion",
        ">=3.0|<3.0|>=3.0 <3.1|>=3.0 <99|>= 3.0|> 3.0 < 99|3.*|?*|[3-9]*|*|=nonsense|!=nonsense|<>3.0|==3.0|$=*|!$=*|$=3.0.1|>|!>=3.0|!<3.0|\
         >=3.0  <=3.1|<=99.0.0-rc1|>~3|\">=3.0\" \"<99\"|>=3.0,<99|=>3.0",
    ),
    ("Memory", "1M|>1M|> 1M|<1M|< 1M|>=1K|>0|=1M|==1M|!=1M|<>1M|much|1.5M|!1M|!<1M|>=|1000T|<1000T|$=1M|1 M|-1"),
    ("CPUs", "1|>=1|<1|> 0|>10000|=0|!=0|many|-1|1.5|!1|<=10000|>=|0"),
    ("User", "root|0|@system|nobody|65534|daemon|1|no-such-user|!root|00|@other"),
    ("Group", "root|0|nogroup|65534|daemon|no-such-group|!root|00"),
    (
        "Host",
        "compare|COMPARE|comp*|c?mpare|[a-d]ompare|other|!compare|0123456789abcdef0123456789abcdef|01234567-89ab-cdef-0123-456789abcdef",
    ),
    (
        "Environment",
        "LC_ALL|LC_ALL=C.UTF-8|LC_ALL=C|LC_ALL=|LC|FIEF_NONSENSE|!FIEF_NONSENSE|SYSTEMD_PAGER|SYSTEMD_PAGER=|SYSTEMD_PAGER=x|=x",
    ),
    (
        "OSRelease",
        "ID=debian|ID=arch|VERSION_ID=12|VERSION_ID>=11|VERSION_ID<12|VERSION_ID<=12|VERSION_ID>12|VERSION_ID==12.0|VERSION_ID<>12|\
         ID=debian VERSION_ID>=11|ID=debian VERSION_ID>=13|ID!=arch|NOSUCH=x|NOSUCH!=x|ID|ID = debian|ID= debian|VERSION_CODENAME$=book*|\
         VERSION_CODENAME!$=book*|ID$=deb?an|!ID=debian|=debian|'ID=debian'|ID=\"debian\"|NAME=\"Debian GNU/Linux\"|\"NAME=Debian GNU/Linux\"|ID>deb",
    ),
    ("Architecture", "native|!native|nonsense|NATIVE"),
    ("Firmware", "nonsense|device-tree|device-tree-compatible(nonsense)|device-tree-compatible(|smbios-field(nonsense = x)|!nonsense"),
    ("CPUFeature", "fpu|FPU|nonsense|!fpu|!nonsense"),
    ("ControlGroupController", "nonsense|!nonsense"),
    ("Credential", "nonsense|!nonsense|../nonsense"),
    ("Capability", "CAP_NONSENSE|!CAP_NONSENSE|cap_chown|chown|0"),
    ("NeedsUpdate", "relative"),
    ("KernelCommandLine", "/lib/systemd/systemd|!/lib/systemd/systemd|fief.nonsense=x"),
    ("Virtualization", "nonsense|!nonsense|true|1|false|0|systemd-nspawn|docker"),
    ("MemoryPressure", "100%|100%/1min|100%/5min|100%/10sec|100%/10s|100%/nonsense|nonsense|101%|-1%|100|!100%|100% / 1min"),
    ("CPUPressure", "100%|100%/5min|nonsense"),
    ("IOPressure", "100%|100%/1min|nonsense"),
];

/// Why systemd may answer a question of this sort otherwise.
pub(super) fn reason(sort: &str, asked: &str, theirs: &str) -> Option<&'static str> {
    let days = asked.split_once('~').and_then(|(_, rest)| rest.split(' ').next()).unwrap_or_default();
    match sort {
        "calendar" if theirs == "refused" && days.contains(',') => Some(
            "days before a month's end, several of them: systemd lowers the limit by three days for each, so that `*-*~25` is one and `*-*~5,15,25` is none",
        ),
        "lines" if ["%n", "a%p%%p", "%y"].contains(&asked) => Some("each line stands in a unit of its own there, whose name these are"),
        "lines" if asked == "; a" => Some("`a` is no program: nothing is printed for it"),
        "conditions" if asked.contains("/./") => Some("what holds is made up here by the letters of a path; PID 1 asks the kernel"),
        "conditions" if asked == "ConditionCapability=chown" => Some("a capability's name may go without its `CAP_` here"),
        _ => None,
    }
}
