//! Columns that line up.

/// Rows of cells under a heading.
#[derive(Debug)]
pub(super) struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// Columns whose numbers stand to the right.
    right: Vec<bool>,
}

impl Table {
    /// A heading that begins with '>' makes its column stand to the right.
    pub(super) fn new(heading: &[&'static str]) -> Self {
        Self {
            right: heading.iter().map(|name| name.starts_with('>')).collect(),
            heading: heading.iter().map(|name| name.trim_start_matches('>')).collect(),
            rows: Vec::new(),
        }
    }

    /// Append a row.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The text; `colour` makes the heading bold and colours the words that say a state.
    pub(super) fn render(&self, colour: bool) -> String {
        let mut widths: Vec<usize> = self.heading.iter().map(|name| name.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut out = String::new();
        let heading: Vec<String> = self.heading.iter().map(|name| (*name).to_owned()).collect();
        self.line(&mut out, &heading, &widths, |text| if colour { format!("\x1b[1m{text}\x1b[0m") } else { text });
        for row in &self.rows {
            self.line(&mut out, row, &widths, |text| if colour { tint(text) } else { text });
        }
        out
    }

    fn line(&self, out: &mut String, cells: &[String], widths: &[usize], dress: impl Fn(String) -> String) {
        let count = cells.len();
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            let last = index + 1 == count;
            if self.right.get(index) == Some(&true) {
                out.push_str(&padding);
                out.push_str(&dress(cell.clone()));
            } else {
                out.push_str(&dress(cell.clone()));
                if !last {
                    out.push_str(&padding);
                }
            }
            if !last {
                out.push_str("  ");
            }
        }
        out.push('\n');
    }
}

fn tint(text: String) -> String {
    let colour = match text.as_str() {
        "active" | "running" => 32,
        "failed" | "bad-setting" => 31,
        "activating" | "deactivating" | "reloading" | "auto-restart" => 33,
        "inactive" | "dead" | "masked" | "skipped" => 2,
        _ => return text,
    };
    format!("\x1b[{colour}m{text}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let mut table = Table::new(&["UNIT", ">PID", "WHAT"]);
        table.row(vec!["ssh".into(), "7".into(), "shell".into()]);
        table.row(vec!["a-long-name".into(), "12345".into(), "x".into()]);
        assert_eq!(table.render(false), "UNIT           PID  WHAT\nssh              7  shell\na-long-name  12345  x\n");
    }
}
