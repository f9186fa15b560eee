//! `show-environment` and what changes it: the variables that PID 1 gives to every process of a unit.

use units::control::{EnvironmentRequest, Refusal, Reply, Request};

use crate::fiefctl::line::Line;
use crate::fiefctl::output;
use crate::fiefctl::session::{Failed, Session};
use crate::say;

use super::code;

/// `show-environment`
pub(super) fn show(line: &Line) -> Result<u8, Failed> {
    let variables = given()?;
    if line.value("output").is_some_and(|format| format.starts_with("json")) {
        let all: serde_json::Map<String, serde_json::Value> =
            variables.iter().filter_map(|word| word.split_once('=')).map(|(name, value)| (name.to_owned(), value.into())).collect();
        output(&format!("{}\n", serde_json::Value::Object(all)))?;
    } else {
        output(
            &variables
                .iter()
                .filter_map(|word| word.split_once('='))
                .map(|(name, value)| format!("{name}={}\n", quoted(value)))
                .collect::<String>(),
        )?;
    }
    Ok(code::OK)
}

/// What every service of PID 1's is given, `NAME=VALUE` each.
pub(crate) fn given() -> Result<Vec<String>, Failed> {
    changed(EnvironmentRequest::default(), "get")
}

/// `set-environment`, `unset-environment`
pub(super) fn change(line: &Line) -> Result<u8, Failed> {
    let words = line.operands.clone();
    let change = match line.verb.name {
        "set-environment" => EnvironmentRequest { set: words, ..EnvironmentRequest::default() },
        _ => EnvironmentRequest { unset: words, ..EnvironmentRequest::default() },
    };
    changed(change, "set")?;
    Ok(code::OK)
}

/// `import-environment`: our own variables become those of all.
pub(super) fn import(line: &Line) -> Result<u8, Failed> {
    let mut set = Vec::new();
    if line.operands.is_empty() {
        say::error(format_args!("Calling import-environment without a list of variable names is deprecated."));
        // What is no text is nobody's to pass on.
        let own = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        set.extend(own.map(|(name, value)| format!("{name}={value}")));
    }
    for name in &line.operands {
        match std::env::var(name) {
            Ok(value) => set.push(format!("{name}={value}")),
            Err(_) => say::error(format_args!("Environment variable ${name} not set, ignoring.")),
        }
    }
    changed(EnvironmentRequest { set, ..EnvironmentRequest::default() }, "import")?;
    Ok(code::OK)
}

pub(crate) fn changed(change: EnvironmentRequest, verb: &str) -> Result<Vec<String>, Failed> {
    let mut session = Session::open()?;
    session.ask(&Request::Environment(change))?;
    match session.next() {
        Ok(Some(Reply::Environment { variables })) => Ok(variables),
        Ok(_) => Err(Failed::Talk(std::io::ErrorKind::UnexpectedEof.into())),
        Err(Failed::Refused(why, Refusal::Impossible)) => Err(Failed::Told(format!("Failed to {verb} environment: {why}"))),
        Err(other) => Err(other),
    }
}

/// As a shell would read it again: `$'…'` where something of it would be taken for its own; systemd's `print_variable`.
fn quoted(value: &str) -> String {
    let is_special = |letter: char| letter.is_control() || letter.is_whitespace() || "\"\\`$*?['()<>|&;!".contains(letter);
    if !value.contains(is_special) {
        return value.to_owned();
    }
    let mut out = "$'".to_owned();
    for letter in value.chars() {
        match letter {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\\' | '\'' => out.extend(['\\', letter]),
            letter if letter.is_ascii_control() => out.push_str(&format!("\\{:03o}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_a_shell_reads_them() {
        for (value, text) in [("plain/1", "plain/1"), ("a b", "$'a b'"), ("it's\n", "$'it\\'s\\n'"), ("", "")] {
            assert_eq!(quoted(value), text);
        }
    }
}
