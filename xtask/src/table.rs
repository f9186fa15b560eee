//! A plain table with aligned columns.

/// Renders rows; the first is the head. Columns whose cells are all numbers stand to the right.
pub(crate) fn render(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(|c| rows.iter().map(|r| cell(r, c).chars().count()).max().unwrap_or(0)).collect();
    let numeric: Vec<bool> =
        (0..columns).map(|c| rows.iter().skip(1).all(|r| cell(r, c).starts_with(|first: char| first.is_ascii_digit()))).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((column, width), right) in widths.iter().enumerate().zip(&numeric) {
            let value = cell(row, column);
            let gap = " ".repeat(width.saturating_sub(value.chars().count()));
            if *right {
                line.push_str(&gap)
            };
            line.push_str(&value);
            if !*right {
                line.push_str(&gap)
            };
            line.push_str("  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
