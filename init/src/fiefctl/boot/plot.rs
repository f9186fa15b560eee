//! The boot as a picture: a bar for each unit, time from left to right.
//!
//! ```text
//!   0 s        0.5 s       1 s
//!   │░░░░░▓▓▓▓████████████│  db (400 ms)        ░ waits  ▓ starts  █ is up
//! ```

use std::fmt::Write;

use units::UnitKind;
use units::control::{Hello, UnitRow};

use super::took;
use crate::fiefctl::words;

/// Pixels of the whole boot, of a row, and around all.
const WIDTH: f64 = 900.0;
const ROW: f64 = 18.0;
const MARGIN: f64 = 40.0;
/// Room for the name of who began last.
const NAMES: f64 = 300.0;

/// An SVG of all that began between boot and its end, or now.
pub(super) fn svg(hello: &Hello, rows: &[UnitRow]) -> String {
    let begin = hello.booted_us.unwrap_or(0);
    let end = hello.finished_us.unwrap_or(hello.now_us).max(begin + 1);
    let mut rows: Vec<&UnitRow> =
        rows.iter().filter(|row| row.moments.began_us.is_some_and(|began| (begin..=end).contains(&began))).collect();
    units::order::by_key(&mut rows, |row| (row.moments.began_us, row.moments.up_us, row.name.clone()));
    let scale = Scale { begin, width: WIDTH / to_f64(end - begin) };
    let height = ROW * to_f64(u64::try_from(rows.len()).unwrap_or(0)) + 3.0 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{MARGIN}\" y=\"20\" font-size=\"15\">booted in {}: {} units up, {} failed (fief-init {})</text>\n",
        WIDTH + NAMES + 2.0 * MARGIN,
        words::micros(end - begin),
        hello.up,
        hello.failed,
        escape(&hello.version)
    );
    grid(&mut out, &scale, end - begin, height);
    for (index, row) in rows.iter().enumerate() {
        let y = ROW * to_f64(u64::try_from(index).unwrap_or(0)) + MARGIN + 10.0;
        bar(&mut out, row, &scale, end, y);
    }
    let y = height - 22.0;
    for (index, (colour, word)) in [("#cfcfcf", "waits for its turn"), ("#e4572e", "starts"), ("#a8d5a2", "is up")].into_iter().enumerate()
    {
        let x = MARGIN + 160.0 * to_f64(u64::try_from(index).unwrap_or(0));
        let _ = writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"14\" height=\"12\" fill=\"{colour}\"/>");
        let _ = writeln!(out, "<text x=\"{}\" y=\"{}\">{word}</text>", x + 20.0, y + 10.0);
    }
    out.push_str("</svg>\n");
    out
}

struct Scale {
    begin: u64,
    /// Pixels of a microsecond.
    width: f64,
}

impl Scale {
    fn x(&self, moment: u64) -> f64 {
        MARGIN + to_f64(moment.saturating_sub(self.begin)) * self.width
    }
}

/// Lines at round times, ten or so.
fn grid(out: &mut String, scale: &Scale, span: u64, height: f64) {
    let mut step = 1_000;
    while span / step > 12 {
        // 1, 2, 5, 10, 20, 50 …
        step = if step.to_string().starts_with('2') { step * 5 / 2 } else { step * 2 };
    }
    let mut at = 0;
    while at <= span {
        let x = scale.x(scale.begin + at);
        let _ = writeln!(out, "<line x1=\"{x:.1}\" y1=\"{MARGIN}\" x2=\"{x:.1}\" y2=\"{:.0}\" stroke=\"#ddd\"/>", height - MARGIN);
        let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{}\" fill=\"#888\" font-size=\"10\">{}</text>", MARGIN - 2.0, words::micros(at));
        at += step;
    }
}

fn bar(out: &mut String, row: &UnitRow, scale: &Scale, end: u64, y: f64) {
    let began = row.moments.began_us.unwrap_or(end);
    let asked = row.moments.asked_us.unwrap_or(began).clamp(scale.begin, began);
    let up = row.moments.up_us.filter(|up| *up >= began);
    let mut piece = |from: u64, to: u64, colour: &str| {
        let (from, to) = (scale.x(from), scale.x(to.min(end)));
        if to > from {
            let _ =
                writeln!(out, "<rect x=\"{from:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"/>", to - from, ROW - 4.0);
        }
    };
    piece(asked, began, "#cfcfcf");
    piece(began, up.unwrap_or(end), "#e4572e");
    if let Some(up) = up {
        piece(up, row.moments.down_us.filter(|down| *down > up).unwrap_or(end), "#a8d5a2");
    }
    let took =
        took(row).filter(|_| row.name.kind() != UnitKind::Target).map_or_else(String::new, |took| format!(" ({})", words::micros(took)));
    let _ = writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\">{}{took}</text>", scale.x(began) + 4.0, y + 11.0, escape(&row.name.to_string()));
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Exact up to 2^53, which is 285 years of microseconds.
#[allow(clippy::cast_precision_loss, reason = "pixels")]
fn to_f64(number: u64) -> f64 {
    number as f64
}
