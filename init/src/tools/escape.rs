//! `systemd-escape`: text and paths as parts of units' names, and back. systemd-escape(1).

use std::process::ExitCode;

use units::systemd::escape;
use units::{UnitKind, UnitName};

use super::{output, refuse};
use crate::getopt::{Line, Opt, Takes, Unclear};
use crate::say;

const OPTIONS: &[Opt] = &[
    Opt("suffix", '\0', Takes::Value),
    Opt("template", '\0', Takes::Value),
    Opt("path", 'p', Takes::Nothing),
    Opt("unescape", 'u', Takes::Nothing),
    Opt("mangle", 'm', Takes::Nothing),
    Opt("instance", '\0', Takes::Nothing),
];

const HELP: &str = "\
systemd-escape [OPTIONS...] [NAME...]

Escape strings for usage in systemd unit names.

  -h --help               Show this help
     --version            Show package version
     --suffix=SUFFIX      Unit suffix to append to escaped strings
     --template=TEMPLATE  Insert strings as instance into template
     --instance           With --unescape, show just the instance part
  -u --unescape           Unescape strings
  -m --mangle             Mangle strings
  -p --path               When escaping/unescaping assume the string is a path
";

pub(crate) fn run(name: &str, arguments: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, arguments) {
        Ok(line) => line,
        Err(status) => return status,
    };
    if let Err(why) = check(&line) {
        return refuse(name, &why);
    }
    let mut words = Vec::new();
    for word in &line.operands {
        match one(&line, word) {
            Ok(word) => words.push(word),
            // What was right before it is said all the same.
            Err(why) => {
                output(&words.join(" "));
                return refuse(name, &why);
            }
        }
    }
    output(&format!("{}\n", words.join(" ")))
}

/// Options that may stand together.
fn check(line: &Line) -> Result<(), Unclear> {
    let wrong = |text: &str| Err(Unclear::Wrong(text.to_owned()));
    let (unescape, mangle) = (line.has("unescape"), line.has("mangle"));
    if line.operands.is_empty() {
        return wrong("Not enough arguments.");
    }
    if line.has("template") && line.has("suffix") {
        return wrong("--suffix= and --template= may not be combined.");
    }
    if (line.has("template") || line.has("suffix")) && mangle {
        return wrong("--suffix= and --template= are not compatible with --mangle.");
    }
    if line.has("suffix") && unescape {
        return wrong("--suffix is not compatible with --unescape.");
    }
    if line.has("path") && mangle {
        return wrong("--path may not be combined with --mangle.");
    }
    if line.has("instance") && !unescape {
        return wrong("--instance must be used in conjunction with --unescape.");
    }
    if line.has("instance") && line.has("template") {
        return wrong("--instance may not be combined with --template.");
    }
    if let Some(suffix) = line.value("suffix")
        && !UnitKind::every().any(|kind| kind.suffix() == suffix)
    {
        return Err(Unclear::Wrong(format!("Invalid unit suffix type \"{suffix}\".")));
    }
    if let Some(template) = line.value("template")
        && !named(template).is_some_and(|name| name.is_template())
    {
        return Err(Unclear::Wrong(format!("Template name {template} is not valid.")));
    }
    Ok(())
}

/// A name that is written out, its suffix too.
fn named(text: &str) -> Option<UnitName> {
    UnitName::new(text).ok().filter(|name| name.as_str() == text)
}

/// What becomes of one word.
fn one(line: &Line, word: &str) -> Result<String, Unclear> {
    if line.has("unescape") {
        return unescaped(line, word);
    }
    if line.has("mangle") {
        return mangled(word).ok_or_else(|| Unclear::Wrong("Failed to mangle name: Invalid argument".to_owned()));
    }
    let escaped = if line.has("path") { escaped_path(word)? } else { escape::escape(word) };
    match (line.value("template").and_then(named), line.value("suffix")) {
        (Some(template), _) => {
            let failed = || Unclear::Wrong("Failed to replace instance: Invalid argument".to_owned());
            template.with_instance(&escaped).map(|name| name.as_str().to_owned()).ok_or_else(failed)
        }
        (None, Some(suffix)) => Ok(format!("{escaped}.{suffix}")),
        (None, None) => Ok(escaped),
    }
}

/// Of a path; what is none, and could still be meant as one, is told.
fn escaped_path(word: &str) -> Result<String, Unclear> {
    let is_absolute = word.starts_with('/');
    let Some(escaped) = escape::escape_path(word) else {
        let what = if is_absolute { "a normalized" } else { "an absolute" };
        return Err(Unclear::Wrong(format!("Input '{word}' is not {what} file system path, failed to escape.")));
    };
    if word.is_empty() {
        say::error(format_args!("Input '' is not a valid file system path, escaping is likely not going be reversible."));
    } else if !is_absolute {
        say::error(format_args!("Input '{word}' is not an absolute file system path, escaping is likely not going to be reversible."));
    }
    Ok(escaped)
}

fn unescaped(line: &Line, word: &str) -> Result<String, Unclear> {
    let wrong = |text: String| Unclear::Wrong(text);
    let template = line.value("template");
    let part = if template.is_some() || line.has("instance") {
        let name = named(word).ok_or_else(|| wrong("Failed to extract instance: Invalid argument".to_owned()))?;
        let instance = name.instance().filter(|_| !name.is_template());
        let instance = instance.ok_or_else(|| wrong(format!("Unit {word} is missing the instance name.")))?.to_owned();
        let own = name.template().map(|own| own.as_str().to_owned()).unwrap_or_default();
        if let Some(template) = template.filter(|template| *template != own) {
            return Err(wrong(format!("Unit {word} template {own} does not match specified template {template}.")));
        }
        instance
    } else {
        word.to_owned()
    };
    let (read, what) = if line.has("path") { (escape::unescape_path(&part), "path") } else { (escape::unescape(&part), "string") };
    read.ok_or_else(|| wrong(format!("Failed to unescape {what}: Invalid argument")))
}

/// What somebody types for a unit, as its name.
fn mangled(word: &str) -> Option<String> {
    if let Some(name) = named(word) {
        return Some(name.as_str().to_owned());
    }
    if word.starts_with('/') {
        let kind = if ["/dev/", "/sys/"].iter().any(|tree| word.starts_with(tree)) { "device" } else { "mount" };
        return escape::escape_path(word).map(|name| format!("{name}.{kind}"));
    }
    let mut out = String::with_capacity(word.len());
    for byte in word.bytes() {
        match byte {
            b'/' => out.push('-'),
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b':' | b'-' | b'_' | b'.' | b'\\' | b'@' => out.push(char::from(byte)),
            other => out.push_str(&format!("\\x{other:02x}")),
        }
    }
    let has_suffix = UnitKind::every().any(|kind| out.strip_suffix(kind.suffix()).is_some_and(|stem| stem.ends_with('.')));
    if !has_suffix {
        out.push_str(".service");
    }
    named(&out).map(|_| out)
}
