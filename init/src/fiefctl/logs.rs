//! `logs`: what units and init have said.

use std::io::ErrorKind;

use serde_json::json;
use units::control::{LoadState, LogLine, LogStream, LogsRequest, Reply, Request};

use super::line::{Line, Unclear};
use super::names;
use super::output;
use super::paint::Paint;
use super::session::{Failed, Session, code};
use super::words;
use crate::console::printable;

/// The levels of syslog(3), most urgent first.
const LEVELS: [&[&str]; 8] =
    [&["emerg", "panic"], &["alert"], &["crit"], &["err", "error"], &["warning", "warn"], &["notice"], &["info"], &["debug"]];

/// `logs`
pub(super) fn logs(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let words: Vec<String> = line.operands.iter().cloned().chain(line.values("unit").map(str::to_owned)).collect();
    let mut units = names::resolve(&mut session, &words)?;
    if !units.is_empty() {
        // Of a unit that is not there would be silence for ever; and an alias speaks as its unit.
        let rows = session.rows(&units, &[])?;
        if let Some(row) = rows.iter().find(|row| row.load == LoadState::NotFound) {
            return Err(Failed::NoSuchUnit(row.name.to_string()));
        }
        units = rows.into_iter().map(|row| row.name).collect();
    }
    let now = words::now_ms();
    let moment = |option: &'static str| -> Result<Option<u64>, Failed> {
        let bad = |text: &str| {
            Unclear::Bad(format!("--{option}"), format!("{text:?} is no moment; \"10:00\", \"5min ago\", \"2026-11-25 10:00\" are"))
        };
        Ok(line.value(option).map(|text| words::read_moment(text, now).ok_or_else(|| bad(text))).transpose()?)
    };
    let request = LogsRequest {
        units,
        lines: line.number("lines")?,
        follow: line.has("follow"),
        since_ms: moment("since")?,
        until_ms: moment("until")?,
        priority: line.value("priority").map(level).transpose()?,
        after: None,
    };
    let everybody = request.units.len() != 1;
    let paint = Paint::of_stdout();
    session.ask(&Request::Logs(request))?;
    while let Some(Reply::Log(said)) = session.next()? {
        let text = if line.has("json") { format!("{}\n", json!(said)) } else { show(&said, everybody, paint) };
        match output(&text) {
            // head(1) has had enough.
            Err(Failed::Output(error)) if error.kind() == ErrorKind::BrokenPipe => break,
            other => other?,
        }
    }
    Ok(code::OK)
}

fn level(text: &str) -> Result<u8, Unclear> {
    let known = LEVELS.iter().enumerate().find(|(number, names)| number.to_string() == text || names.contains(&text));
    known.and_then(|(number, _)| u8::try_from(number).ok()).ok_or_else(|| {
        let near = units::nearest(text, LEVELS.iter().flat_map(|names| names.iter().copied()));
        let guess = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        Unclear::Bad("--priority".to_owned(), format!("{text:?} is no level{guess}"))
    })
}

/// One line for the eye.
pub(super) fn show(line: &LogLine, with_unit: bool, paint: Paint) -> String {
    let from = match (&line.unit, line.stream) {
        (Some(unit), _) if with_unit => format!("{unit}: "),
        (None, LogStream::Init) if with_unit => "init: ".to_owned(),
        _ => String::new(),
    };
    let mark = if line.stream == LogStream::Init { "· " } else { "" };
    let text = paint.urgent(line.priority, &printable(line.text.as_bytes()));
    format!("{} {mark}{from}{text}\n", paint.faint(&words::clock(line.time_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_names_and_numbers() {
        assert_eq!((level("err"), level("3"), level("warn"), level("emerg")), (Ok(3), Ok(3), Ok(4), Ok(0)));
        assert!(level("wraning").is_err_and(|why| why.to_string().contains("did you mean warning?")));
        assert!(level("8").is_err());
    }
}
