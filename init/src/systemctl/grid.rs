//! Listings as systemd draws them: one blank between columns, the last as long as it is; or JSON.

use crate::fiefctl::output;
use crate::fiefctl::paint::Paint;
use crate::fiefctl::session::Failed;

/// Rows under a heading. A cell may have a word for the eye and be painted by it.
pub(super) struct Grid {
    heading: &'static [&'static str],
    rows: Vec<Vec<String>>,
    /// Beside each row, where rows have marks.
    marks: Option<Vec<char>>,
}

impl Grid {
    pub(super) fn new(heading: &'static [&'static str]) -> Self {
        Self { heading, rows: Vec::new(), marks: None }
    }

    /// With a mark beside each row.
    pub(super) fn marked(heading: &'static [&'static str]) -> Self {
        Self { marks: Some(Vec::new()), ..Self::new(heading) }
    }

    pub(super) fn row(&mut self, mark: char, cells: Vec<String>) {
        if let Some(marks) = &mut self.marks {
            marks.push(mark);
        }
        self.rows.push(cells);
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// As text, or an array of objects.
    pub(super) fn print(&self, json: bool, heading: bool) -> Result<(), Failed> {
        output(&if json { self.json() } else { self.text(heading, Paint::of_stdout()) })
    }

    fn json(&self) -> String {
        let keys: Vec<String> = self.heading.iter().map(|name| name.to_lowercase().replace(' ', "_")).collect();
        let one = |cells: &Vec<String>| {
            let fields: Vec<String> =
                keys.iter().zip(cells).map(|(key, cell)| format!("{}:{}", serde_json::json!(key), serde_json::json!(cell))).collect();
            format!("{{{}}}", fields.join(","))
        };
        format!("[{}]\n", self.rows.iter().map(one).collect::<Vec<_>>().join(","))
    }

    fn text(&self, heading: bool, paint: Paint) -> String {
        let mut widths: Vec<usize> = self.heading.iter().map(|name| if heading { name.chars().count() } else { 0 }).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut out = String::new();
        if heading {
            let cells: Vec<String> = self.heading.iter().map(|name| (*name).to_owned()).collect();
            self.line(&mut out, None, &cells, &widths, paint);
        }
        for (index, row) in self.rows.iter().enumerate() {
            let mark = self.marks.as_ref().and_then(|marks| marks.get(index)).copied();
            self.line(&mut out, mark, row, &widths, paint);
        }
        out
    }

    fn line(&self, out: &mut String, mark: Option<char>, cells: &[String], widths: &[usize], paint: Paint) {
        let mut used = 0;
        if self.marks.is_some() {
            let mark = mark.unwrap_or(' ').to_string();
            out.push_str(&if mark == "●" { paint.state("failed").replace("failed", &mark) } else { mark });
            out.push(' ');
            used = 2;
        }
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let last = index + 1 == cells.len();
            let room = paint.width.map_or(usize::MAX, |whole| whole.saturating_sub(used).max(8));
            let text: String = if last { cell.chars().take(room).collect() } else { cell.clone() };
            out.push_str(&paint.state(&text));
            if !last {
                out.push_str(&" ".repeat(width.saturating_sub(cell.chars().count()) + 1));
            }
            used += width + 1;
        }
        // Nothing is behind the last column, and columns that are empty to the end are blanks all the same.
        out.push('\n');
    }
}

/// systemd's order of units: by their kinds' words, then by name.
pub(super) fn by_kind(one: &str, other: &str) -> std::cmp::Ordering {
    let kind = |name: &str| name.rsplit_once('.').map_or(String::new(), |(_, kind)| kind.to_owned());
    kind(one).cmp(&kind(other)).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_as_systemd_draws_it() {
        let mut grid = Grid::marked(&["UNIT", "LOAD", "DESCRIPTION"]);
        grid.row(' ', vec!["a.service".into(), "loaded".into(), "The a".into()]);
        grid.row('●', vec!["bb.service".into(), "masked".into(), String::new()]);
        assert_eq!(grid.text(true, Paint::plain()), "  UNIT       LOAD   DESCRIPTION\n  a.service  loaded The a\n● bb.service masked \n");
        assert_eq!(grid.text(false, Paint::plain()), "  a.service  loaded The a\n● bb.service masked \n");
        assert!(grid.json().starts_with(r#"[{"unit":"a.service","load":"loaded","description":"The a"},"#));
    }

    #[test]
    fn kinds_come_before_names() {
        let mut names = ["b.target", "z.service", "a.target", "a.timer", "b.service"];
        names.sort_by(|one, other| by_kind(one, other));
        assert_eq!(names, ["b.service", "z.service", "a.target", "b.target", "a.timer"]);
    }
}
