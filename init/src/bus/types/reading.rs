//! From the words of systemctl(1) `show` to the values behind them.

use units::value::{CapabilitySet, Signal, base64, read_span};

use super::value::Value;

/// `MS_REC`, and what MountFlags may be; mount(2).
const RECURSIVE: u64 = 0x4000;
const PROPAGATION: [(&str, u64); 4] = [("", 0), ("shared", 1 << 20), ("slave", 1 << 19), ("private", 1 << 18)];
/// `CLONE_NEW*`; clone(2).
const NAMESPACES: [(&str, u64); 7] = [
    ("cgroup", 0x0200_0000),
    ("ipc", 0x0800_0000),
    ("net", 0x4000_0000),
    ("mnt", 0x0002_0000),
    ("pid", 0x2000_0000),
    ("user", 0x1000_0000),
    ("uts", 0x0400_0000),
];
/// `MPOL_*`; set_mempolicy(2).
const POLICIES: [(&str, i32); 6] = [("n/a", -1), ("default", 0), ("preferred", 1), ("bind", 2), ("interleave", 3), ("local", 4)];

/// The value of this type that the lines of the property say; `None` where they say none.
pub(super) fn read(signature: &'static str, name: &str, texts: &[String]) -> Option<Value> {
    let first = texts.first().map_or("", String::as_str);
    let each = |element, one: fn(&str) -> Option<Vec<Value>>| {
        let said = texts.iter().filter(|text| !text.is_empty());
        let all: Option<Vec<Value>> = said.map(|text| one(text).map(Value::Structure)).collect();
        all.map(|all| Value::Array(element, all))
    };
    let words = |element, one: fn(&str) -> Option<Vec<Value>>| {
        let all: Option<Vec<Value>> = first.split_ascii_whitespace().map(|word| one(word).map(Value::Structure)).collect();
        all.map(|all| Value::Array(element, all))
    };
    match signature {
        "s" => Some(Value::text(first)),
        "b" => units::systemd::boolean(first).map(Value::Bool),
        "i" => signed(first).map(Value::I32),
        "u" if name.ends_with("Mode") || name == "UMask" => u32::from_str_radix(first, 8).ok().map(Value::U32),
        "u" => first.parse().ok().map(Value::U32),
        "t" => number(name, first).map(Value::U64),
        "x" => first.parse::<i64>().ok().map(|number| Value::U64(number.cast_unsigned())),
        "as" => Some(Value::Array("s", texts.iter().flat_map(|text| items(text)).map(Value::Text).collect())),
        "ay" if name == "StandardInputData" => base64::read(first).map(|bytes| Value::bytes(&bytes)),
        "ay" if name == "InvocationID" => bytes(first).map(|bytes| Value::bytes(&bytes)),
        "ay" => mask(first).map(|bytes| Value::bytes(&bytes)),
        "aay" => Some(Value::Array("ay", texts.iter().filter(|text| !text.is_empty()).map(|text| Value::bytes(text.as_bytes())).collect())),
        "(ss)" => Some(Value::Structure(vec![Value::text("org.freedesktop.systemd1.BadUnitSetting"), Value::text(first)])),
        "(bas)" => Some(chosen(first)),
        "(aiai)" => statuses(first),
        "a(sb)" => each("(sb)", |text| {
            let (path, optional) = text.strip_suffix(')')?.rsplit_once(" (ignore_errors=")?;
            Some(vec![Value::text(path), Value::Bool(units::systemd::boolean(optional)?)])
        }),
        "a(ss)" if name == "TemporaryFileSystem" => words("(ss)", |word| {
            let (path, options) = word.split_once(':').unwrap_or((word, ""));
            Some(vec![Value::text(path), Value::text(options)])
        }),
        "a(ss)" => each("(ss)", |text| {
            let (address, kind) = text.strip_suffix(')')?.rsplit_once(" (")?;
            Some(vec![Value::text(kind), Value::text(address)])
        }),
        "a(st)" => each("(st)", |text| {
            let (path, most) = text.rsplit_once(' ')?;
            Some(vec![Value::text(path), Value::U64(most.parse().ok()?)])
        }),
        "a(sst)" if name == "TimersCalendar" => each("(sst)", |text| {
            let (base, spec) = elapse(text)?;
            Some(vec![Value::text(base), Value::text(spec), Value::U64(0)])
        }),
        "a(sst)" => each("(sst)", |text| {
            let (path, link) = text.split_once(':')?;
            Some(vec![Value::text(path), Value::text(link), Value::U64(0)])
        }),
        "a(stt)" => each("(stt)", |text| {
            let (base, span) = elapse(text)?;
            Some(vec![Value::text(base), Value::U64(span_us(span)?), Value::U64(0)])
        }),
        "a(ssbt)" => words("(ssbt)", |word| {
            let (bare, optional) = word.strip_prefix('-').map_or((word, false), |bare| (bare, true));
            let (bare, flags) = bare.strip_suffix(":rbind").map_or((bare, 0), |bare| (bare, RECURSIVE));
            let (from, to) = bare.split_once(':')?;
            Some(vec![Value::text(from), Value::text(to), Value::Bool(optional), Value::U64(flags)])
        }),
        "a(sasbttttuii)" => each("(sasbttttuii)", |text| {
            let (path, argv, ignores) = command(text, " ; ignore_errors=")?;
            Some([vec![path, argv, Value::Bool(units::systemd::boolean(ignores)?)], never_run()].concat())
        }),
        "a(sasasttttuii)" => each("(sasasttttuii)", |text| {
            let (path, argv, flags) = command(text, " ; flags=")?;
            Some([vec![path, argv, Value::texts(flags.split_ascii_whitespace())], never_run()].concat())
        }),
        _ => None,
    }
}

fn signed(text: &str) -> Option<i32> {
    let named = POLICIES.iter().find(|(word, _)| *word == text).map(|(_, number)| *number);
    text.parse().ok().or(named).or_else(|| (text == "[not set]").then_some(-1))
}

/// A number, a span, a set; what has no bound is the greatest.
fn number(name: &str, text: &str) -> Option<u64> {
    let of = |words: &[(&str, u64)], word: &str| words.iter().find(|(known, _)| *known == word).map(|(_, bits)| *bits);
    match (name, text) {
        ("MountFlags", word) => of(&PROPAGATION, word),
        ("RestrictNamespaces", "no") => Some(NAMESPACES.iter().fold(0, |all, (_, bit)| all | bit)),
        ("RestrictNamespaces", "yes") => Some(0),
        ("RestrictNamespaces", words) => words.split(' ').try_fold(0, |all, word| Some(all | of(&NAMESPACES, word)?)),
        ("CapabilityBoundingSet" | "AmbientCapabilities", names) => CapabilitySet::read(names).ok().map(|set| set.0),
        (_, "infinity" | "[not set]") => Some(u64::MAX),
        (_, "") => Some(0),
        (_, text) => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok().or_else(|| span_us(text)),
        },
    }
}

fn span_us(text: &str) -> Option<u64> {
    let span = read_span(text).ok()?;
    span.at().map_or(Some(u64::MAX), |span| u64::try_from(span.as_micros()).ok())
}

/// The items of a list, some of which are in double quotes.
fn items(text: &str) -> Vec<String> {
    let (mut all, mut letters) = (Vec::new(), text.chars().peekable());
    while letters.next_if(|letter| *letter == ' ').is_some() || letters.peek().is_some() {
        let mut item = String::new();
        match letters.next_if_eq(&'"') {
            Some(_) => {
                while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
                    item.push(if letter == '\\' { letters.next().unwrap_or(letter) } else { letter });
                }
                all.push(item);
            }
            None => {
                while let Some(letter) = letters.next_if(|letter| *letter != ' ') {
                    item.push(letter);
                }
                all.extend(Some(item).filter(|item| !item.is_empty()));
            }
        }
    }
    all
}

/// `0-3 5` as bits, the lowest first.
/// Pairs of digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

fn mask(text: &str) -> Option<Vec<u8>> {
    let mut bits = Vec::new();
    for range in text.split_ascii_whitespace() {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        for bit in first..=last.min(8191) {
            let place = bit / 8;
            bits.resize(bits.len().max(place + 1), 0);
            *bits.get_mut(place)? |= 1 << (bit % 8);
        }
    }
    Some(bits)
}

/// Names that alone are allowed, or behind a `~` that alone are not.
fn chosen(text: &str) -> Value {
    let (names, allows) = text.strip_prefix('~').map_or((text, true), |names| (names, false));
    Value::Structure(vec![Value::Bool(allows), Value::texts(names.split_ascii_whitespace())])
}

fn statuses(text: &str) -> Option<Value> {
    let (mut codes, mut signals) = (Vec::new(), Vec::new());
    for word in text.split_ascii_whitespace() {
        match word.parse() {
            Ok(code) => codes.push(Value::I32(code)),
            Err(_) => signals.push(Value::I32(Signal::read(word).ok()?.number())),
        }
    }
    Some(Value::Structure(vec![Value::Array("i", codes), Value::Array("i", signals)]))
}

/// `{ OnCalendar=daily ; next_elapse=(null) }`
fn elapse(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("{ ")?.rsplit_once(" ; next_elapse=")?.0.split_once('=')
}

/// `{ path=P ; argv[]=A ; ignore_errors=no ; start_time=… }`: path, arguments, and what stands behind `key`. Between which of the arguments a blank
/// was one of theirs is not said.
fn command<'t>(text: &'t str, key: &str) -> Option<(Value, Value, &'t str)> {
    let (rest, _) = text.strip_prefix("{ path=")?.rsplit_once(" ; start_time=")?;
    let (rest, about) = rest.rsplit_once(key)?;
    let (path, argv) = rest.split_once(" ; argv[]=")?;
    Some((Value::text(path), Value::texts(argv.split(' ')), about))
}

/// When it began and ended, as which process and how.
fn never_run() -> Vec<Value> {
    [vec![Value::U64(0); 4], vec![Value::U32(0), Value::I32(0), Value::I32(0)]].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn one(signature: &'static str, name: &str, text: &str) -> Option<Value> {
        read(signature, name, &[text.to_owned()])
    }

    #[test]
    fn texts_are_values_again() {
        for (name, text, wanted) in [
            ("TimeoutStartUSec", "1min 30s", 90_000_000),
            ("RestartUSec", "100ms", 100_000),
            ("MemoryMax", "infinity", u64::MAX),
            ("MemoryCurrent", "[not set]", u64::MAX),
            ("TasksCurrent", "7", 7),
            ("CoredumpFilter", "0x33", 0x33),
            ("RestrictNamespaces", "net uts", 0x4400_0000),
            ("CapabilityBoundingSet", "cap_chown cap_kill", 0x21),
        ] {
            assert_eq!(one("t", name, text), Some(Value::U64(wanted)), "{name}");
        }
        assert_eq!(one("u", "UMask", "0022"), Some(Value::U32(0o22)));
        assert_eq!(one("i", "NUMAPolicy", "n/a"), Some(Value::I32(-1)));
        assert_eq!(one("t", "TimeoutStartUSec", "soon"), None);
        assert_eq!(one("b", "CanStart", "perhaps"), None);
        assert_eq!(one("as", "Environment", r#"A=1 "B=a \"b" C= """#), Some(Value::texts(["A=1", "B=a \"b", "C=", ""])));
        assert_eq!(one("ay", "CPUAffinity", "0-1 9"), Some(Value::bytes(&[3, 2])));
        assert_eq!(one("a(ss)", "Listen", ""), Some(Value::Array("(ss)", Vec::new())));
        let listen = Value::Structure(vec![Value::text("Stream"), Value::text("/run/x (y)")]);
        assert_eq!(one("a(ss)", "Listen", "/run/x (y) (Stream)"), Some(Value::Array("(ss)", vec![listen])));
    }

    #[test]
    fn a_command_has_its_parts() {
        let text = "{ path=/bin/sh ; argv[]=sh -c a ; b ; ignore_errors=yes ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }";
        let (path, argv, ignores) = command(text, " ; ignore_errors=").unwrap();
        assert_eq!((path, argv, ignores), (Value::text("/bin/sh"), Value::texts(["sh", "-c", "a", ";", "b"]), "yes"));
    }
}
