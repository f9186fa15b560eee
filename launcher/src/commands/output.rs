//! What a command says on stdout: text, a table, or JSON. Nothing here panics on a closed pipe.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use comfy_table::LineStyle;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::error::{Class, Error, OrFail as _};

/// Writes `text`, with a newline at its end. A reader that went away (`fief list | head`) is no failure.
pub(super) fn text(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(end.as_bytes())).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(Class::Internal, "writing the output", "stdout").source(error))
        }
        _ => Ok(()),
    }
}

/// Writes `value` as JSON, indented.
pub(super) fn json(value: &impl Serialize) -> Result<(), Error> {
    let json = serde_json::to_string_pretty(value).or_fail(Class::Internal, "writing the output", || "JSON".into())?;
    text(&json)
}

/// Writes words, one a line.
pub(super) fn lines<'a>(all: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    text(&all.flat_map(|line| [line, "\n"]).collect::<String>())
}

/// Writes rows under a head: by comfy-table on a terminal, aligned words in a pipe.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> Result<(), Error> {
    if io::stdout().is_terminal() {
        let mut table = comfy_table::Table::new();
        // Nothing between the rows: fifty containers are to fit on a screen.
        table.load_style(comfy_table::presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─')));
        table.set_header(head.iter().copied());
        for row in rows {
            table.add_row(row);
        }
        text(&table.trim_fmt())
    } else {
        text(&aligned(head, rows))
    }
}

/// A word for whoever is there, on stderr.
pub(super) fn note(text: &str) {
    // stderr may be gone; nothing depends on it.
    let _ = writeln!(io::stderr().lock(), "fief: {text}");
}

/// Says what is being waited for, on a terminal; nothing in a pipe. Gone when dropped.
#[must_use]
pub(super) struct Waiting(ProgressBar);

/// Begins to say so.
pub(super) fn waiting(what: String) -> Waiting {
    // indicatif draws nothing when stderr is no terminal.
    let bar = ProgressBar::new_spinner().with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    Waiting(bar)
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Columns two blanks apart, no frame, no trailing blanks; an empty cell is `-` so that awk counts right.
fn aligned(head: &[&str], rows: &[Vec<String>]) -> String {
    let cell = |text: &str| if text.is_empty() { "-".to_owned() } else { text.replace('\n', ",") };
    let lines: Vec<Vec<String>> = std::iter::once(head.iter().map(|text| (*text).to_owned()).collect())
        .chain(rows.iter().map(|row| row.iter().map(|text| cell(text)).collect()))
        .collect();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|t| t.chars().count()).max();
    let widths: Vec<usize> = (0..head.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for line in &lines {
        let padded: Vec<String> = line.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}", width = *width)).collect();
        out.push_str(padded.join("  ").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn columns_line_up_in_a_pipe() {
        let rows = [vec!["web1".into(), "10.209.0.2\nfd5e:f1ef::2".into()], vec!["a".into(), String::new()]];
        expect![[r#"
            NAME  ADDRESS
            web1  10.209.0.2,fd5e:f1ef::2
            a     -
        "#]]
        .assert_eq(&aligned(&["NAME", "ADDRESS"], &rows));
    }
}
