//! `systemctl`: what fiefctl does, in the words and with the exit codes of systemd 252's.
//!
//! ```text
//! words ─ table: getopt_long(3)'s reading ─▶ Line ─▶ a verb's function ─ fiefctl's session ─▶ init
//!                                                                     └─ units::install ─▶ links, with or without init
//! ```
//!
//! Maintainer scripts, invoke-rc.d, deb-systemd-helper and configuration tools read these words; a person is better served by
//! fiefctl. Everything that is done is done by the code that serves fiefctl: here are only the sentences. docs/systemctl.md
//! holds them against the real one's.

mod alive;
mod clean;
mod deps;
pub(crate) mod environment;
mod grid;
pub(crate) mod jobs;
pub(crate) mod links;
pub(crate) mod list;
pub(crate) mod names;
mod place;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod system;
mod sysv;
mod table;
pub(crate) mod unfit;
pub(crate) mod when;

use std::io::ErrorKind;
use std::process::ExitCode;

use units::UnitKind;
use units::control::Refusal;

use crate::fiefctl::line::{self, Line, Unclear};
use crate::fiefctl::output;
use crate::fiefctl::session::Failed;
use crate::fiefctl::verbs::{Group, Verb};
use crate::say;

/// What Debian's bookworm says; packages compare the number.
const VERSION: &str = "\
systemd 252 (252.39-1~deb12u2)
+PAM +AUDIT +SELINUX +APPARMOR +IMA +SMACK +SECCOMP +GCRYPT -GNUTLS +OPENSSL +ACL +BLKID +CURL +ELFUTILS +FIDO2 +IDN2 -IDN +IPTC +KMOD \
+LIBCRYPTSETUP +LIBFDISK +PCRE2 -PWQUALITY +P11KIT +QRENCODE +TPM2 +BZIP2 +LZ4 +XZ +ZLIB +ZSTD -BPF_FRAMEWORK -XKBCOMMON +UTMP +SYSVINIT \
default-hierarchy=unified
";

/// The exit codes of systemctl(1), which are LSB's where a state is asked for.
mod code {
    pub(super) const OK: u8 = 0;
    pub(super) const FAILED: u8 = 1;
    pub(super) const NOT_RUNNING: u8 = 3;
    pub(super) const NOT_APPLICABLE: u8 = 3;
    pub(super) const NOT_ALLOWED: u8 = 4;
    pub(super) const NOT_INSTALLED: u8 = 5;
}

/// `systemctl …`; `called` is the name in complaints about the command line.
pub(crate) fn run(called: &str, arguments: &[String]) -> ExitCode {
    let done = perform(called, arguments).unwrap_or_else(|why| complain(&why));
    ExitCode::from(done)
}

fn perform(called: &str, arguments: &[String]) -> Result<u8, Failed> {
    let told = |unclear| Failed::Told(sentence(called, &unclear));
    let Some((options, mut operands)) = line::read_all(arguments, table::OPTIONS).map_err(told)? else {
        output(&help())?;
        return Ok(code::OK);
    };
    let word = if operands.is_empty() { "list-units".to_owned() } else { operands.remove(0) };
    let verb = table::VERBS.iter().find(|verb| verb.name == word || verb.aliases.contains(&word.as_str()));
    let unknown = || Failed::Told(format!("Unknown command verb {word}."));
    // What is asked about systemctl itself, or refused, is so whatever the verb.
    let about = Line::new(&NO_VERB, options.clone(), Vec::new()).map_err(told)?;
    if let Some(code) = before_all(&about)? {
        return Ok(code);
    }
    let line = Line::new(verb.ok_or_else(unknown)?, options, operands).map_err(told)?;
    if let Some(code) = place::refusal(&line)? {
        return Ok(code);
    }
    (line.verb.run)(&line)
}

const NO_VERB: Verb =
    Verb { name: "", aliases: &[], group: Group::System, operands: units_none(), options: &[], about: "", more: "", run: |_| Ok(code::OK) };

const fn units_none() -> crate::fiefctl::verbs::Operands {
    crate::fiefctl::verbs::Operands::None
}

/// A path as systemd of Debian's bookworm writes it, to which `/lib` is a folder of its own.
fn spelling(path: &str, is_there: impl Fn(&str) -> bool) -> String {
    let short = path.strip_prefix("/usr").filter(|short| short.starts_with("/lib/systemd/system/"));
    short.filter(|short| is_there(short)).unwrap_or(path).to_owned()
}

/// What is answered before a verb is looked at.
fn before_all(line: &Line) -> Result<Option<u8>, Failed> {
    if line.has("version") {
        output(VERSION)?;
        return Ok(Some(code::OK));
    }
    for kind in line.values("type").flat_map(|kinds| kinds.split(',')) {
        if kind == "help" {
            let kinds: String = UnitKind::every().map(|kind| format!("{}\n", kind.suffix())).collect();
            output(&format!("Available unit types:\n{kinds}"))?;
            return Ok(Some(code::OK));
        }
        let is_load_state = ["stub", "loaded", "not-found", "bad-setting", "error", "merged", "masked"].contains(&kind);
        if !is_load_state && !UnitKind::every().any(|known| known.suffix() == kind) {
            let told = format!("Unknown unit type or load state '{kind}'.\nUse -t help to see a list of allowed values.");
            return Err(Failed::Told(told));
        }
    }
    if line.value("what") == Some("help") {
        output(&clean::kinds())?;
        return Ok(Some(code::OK));
    }
    if let Some(odd) = line.value("lines").filter(|text| *text != "all" && text.parse::<u32>().is_err()) {
        return Err(Failed::Told(format!("Failed to parse lines '{odd}'")));
    }
    if let Some(odd) = line.value("signal").filter(|text| units::value::Signal::read(text).is_err()) {
        return Err(Failed::Told(format!("Failed to parse signal string \"{odd}\".")));
    }
    Ok(None)
}

/// What is not understood, as getopt_long(3) and systemctl(1) say it.
fn sentence(called: &str, unclear: &Unclear) -> String {
    let option = |name: &str, long: &str, short: &str| match name.strip_prefix("--") {
        Some(_) => format!("{called}: option '{name}' {long}"),
        None => format!("{called}: option {short} -- '{}'", name.trim_start_matches('-')),
    };
    match unclear {
        Unclear::NoVerb | Unclear::Wants(..) => "Too few arguments.".to_owned(),
        Unclear::TooMuch(..) => "Too many arguments.".to_owned(),
        Unclear::Verb { word, .. } => format!("Unknown command verb {word}."),
        Unclear::Option { option, .. } if option.starts_with("--") => {
            format!("{called}: unrecognized option '{}'", option.split('=').next().unwrap_or_default())
        }
        Unclear::Option { option, .. } => format!("{called}: invalid option -- '{}'", option.trim_start_matches('-')),
        Unclear::NoValue(name, _) => option(name, "requires an argument", "requires an argument"),
        Unclear::Value(name) => option(name, "doesn't allow an argument", "takes no argument"),
        Unclear::Bad(what, why) => format!("{what}: {why}"),
    }
}

/// Say what went wrong; a reader that has gone is nobody's problem.
fn complain(why: &Failed) -> u8 {
    match why {
        Failed::Output(error) if error.kind() == ErrorKind::BrokenPipe => return code::OK,
        Failed::Connect(_) => say::error(format_args!(
            "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down"
        )),
        Failed::Refused(_, Refusal::NotAllowed) => {
            say::error(format_args!("Access denied"));
            return code::NOT_ALLOWED;
        }
        // It was told where it happened.
        Failed::Told(text) if text.is_empty() => {}
        Failed::Told(text) => say::error(format_args!("{text}")),
        other => say::error(format_args!("{}", say::chain(other))),
    }
    code::FAILED
}

fn help() -> String {
    let mut out = "systemctl [OPTIONS...] COMMAND ...\n\nQuery or send control commands to the system manager.\n\nCommands:\n".to_owned();
    for verb in table::VERBS {
        let operands = match verb.operands.kind() {
            "" => String::new(),
            what => format!(" {what}{}", if verb.operands.usage().contains('…') { "..." } else { "" }),
        };
        out.push_str(&format!("  {:<35} {}\n", format!("{}{operands}", verb.name), verb.about));
    }
    out.push_str("\nOptions:\n");
    for option in table::OPTIONS {
        let short = option.short.map_or_else(|| "  ".to_owned(), |short| format!("-{short}"));
        let value = option.value.map_or_else(String::new, |value| format!("={value}"));
        out.push_str(&format!("  {short} --{}{value}\n", option.long));
    }
    out.push_str("\nIt is fief-init that answers; fiefctl(1) is its own command.\n");
    out
}
