//! Columns that line up.

use super::paint::Paint;

/// Rows of cells under a heading.
#[derive(Debug)]
pub(crate) struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// Columns whose numbers stand to the right.
    right: Vec<bool>,
}

impl Table {
    /// A heading that begins with '>' makes its column stand to the right.
    pub(crate) fn new(heading: &[&'static str]) -> Self {
        Self {
            right: heading.iter().map(|name| name.starts_with('>')).collect(),
            heading: heading.iter().map(|name| name.trim_start_matches('>')).collect(),
            rows: Vec::new(),
        }
    }

    /// Append a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The text, with or without its heading. On a terminal a last column that is too long is cut.
    pub(crate) fn render(&self, paint: Paint, heading: bool) -> String {
        let mut widths: Vec<usize> = self.heading.iter().map(|name| if heading { name.chars().count() } else { 0 }).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut out = String::new();
        if heading {
            let cells: Vec<String> = self.heading.iter().map(|name| (*name).to_owned()).collect();
            self.line(&mut out, &cells, &widths, paint, |text| paint.bold(text));
        }
        for row in &self.rows {
            self.line(&mut out, row, &widths, paint, |text| paint.state(text));
        }
        out
    }

    fn line(&self, out: &mut String, cells: &[String], widths: &[usize], paint: Paint, dress: impl Fn(&str) -> String) {
        let count = cells.len();
        let mut used = 0;
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            let last = index + 1 == count;
            if self.right.get(index) == Some(&true) {
                out.push_str(&padding);
                out.push_str(&dress(cell));
            } else if last {
                let room = paint.width.map_or(usize::MAX, |whole| whole.saturating_sub(used).max(8));
                out.push_str(&dress(&cut(cell, room)));
            } else {
                out.push_str(&dress(cell));
                out.push_str(&padding);
            }
            if !last {
                out.push_str("  ");
            }
            used += width + 2;
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
}

fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["UNIT", ">PID", "WHAT"]);
        table.row(vec!["ssh".into(), "7".into(), "shell".into()]);
        table.row(vec!["a-long-name".into(), "12345".into(), "x".repeat(20)]);
        table
    }

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let wanted = "UNIT           PID  WHAT\nssh              7  shell\na-long-name  12345  xxxxxxxxxxxxxxxxxxxx\n";
        assert_eq!(table().render(Paint::plain(), true), wanted);
        assert_eq!(table().render(Paint::plain(), false), wanted.split_once('\n').map_or("", |(_, rest)| rest));
    }

    #[test]
    fn a_terminal_is_not_written_past_its_edge() {
        let narrow = table().render(Paint { colour: true, width: Some(30), height: None }, true);
        assert!(narrow.contains("\x1b[1mUNIT\x1b[0m") && narrow.contains("xxxxxxxxx…\n"), "{narrow}");
    }
}
