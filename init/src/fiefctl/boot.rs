//! How the boot went: `blame`, `critical-chain`, `plot`.

mod plot;

use units::control::{Detail, UnitRow};
use units::{Map, UnitKind, UnitName};

use super::line::Line;
use super::paint::Paint;
use super::session::{Failed, Session, code};
use super::table::Table;
use super::{names, output, print_json, words};

/// `blame`
pub(super) fn blame(line: &Line) -> Result<u8, Failed> {
    let mut rows = Session::open()?.rows(&[], &[])?;
    rows.retain(|row| row.name.kind() != UnitKind::Target && took(row).is_some());
    units::order::by_key(&mut rows, |row| std::cmp::Reverse(took(row)));
    if line.has("json") {
        return print_json(&rows);
    }
    let mut table = Table::new(&[">TOOK", "UNIT"]);
    for row in &rows {
        table.row(vec![took(row).map(words::micros).unwrap_or_default(), row.name.to_string()]);
    }
    output(&table.render(Paint::of_stdout(), false))?;
    Ok(code::OK)
}

/// How long its last start took, once it was up.
pub(crate) fn took(row: &UnitRow) -> Option<u64> {
    row.moments.up_us?.checked_sub(row.moments.began_us?)
}

/// `critical-chain`
pub(super) fn critical_chain(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let hello = session.hello()?;
    let named = names::resolve(&mut session, &line.operands)?;
    let root = session.rows(&[named.into_iter().next().unwrap_or(hello.default_target)], &[])?.pop();
    let rows = session.rows(&[], &[Detail::Relations])?;
    let rows: Map<&UnitName, &UnitRow> = rows.iter().map(|row| (&row.name, row)).collect();
    let root = root.and_then(|row| rows.get(&row.name).copied()).ok_or_else(|| Failed::NoSuchUnit(line.operands.join(" ")))?;
    if root.moments.up_us.is_none() {
        return Err(Failed::Told(format!("{} has not been up", root.name)));
    }
    let chain = chain(root, &rows);
    if line.has("json") {
        return print_json(&chain);
    }
    output(&draw(&chain, hello.booted_us.unwrap_or(0)))?;
    Ok(code::OK)
}

/// From `root` on, each time to the one that was up last of those it had to wait for.
fn chain<'r>(root: &'r UnitRow, rows: &Map<&UnitName, &'r UnitRow>) -> Vec<&'r UnitRow> {
    let mut chain = vec![root];
    while let Some(last) = chain.last() {
        let began = last.moments.began_us.unwrap_or(u64::MAX);
        let after = last.relations.get("after").into_iter().flatten().filter_map(|name| rows.get(name).copied());
        // What was started later, by hand, was not waited for.
        let waited = after.filter(|row| row.moments.up_us.is_some_and(|up| up <= began));
        let next = waited.max_by_key(|row| (row.moments.up_us, row.moments.began_us));
        match next {
            Some(next) if !chain.iter().any(|row| row.name == next.name) => chain.push(next),
            _ => break,
        }
    }
    chain
}

fn draw(chain: &[&UnitRow], booted: u64) -> String {
    let mut out = String::new();
    for (depth, row) in chain.iter().enumerate() {
        let twig = if depth == 0 { String::new() } else { format!("{}└─", "  ".repeat(depth - 1)) };
        let at = words::micros(row.moments.up_us.unwrap_or(0).saturating_sub(booted));
        let took = took(row).filter(|took| *took > 0 && row.name.kind() != UnitKind::Target);
        let took = took.map_or_else(String::new, |took| format!(" +{}", words::micros(took)));
        out.push_str(&format!("{twig}{} @{at}{took}\n", row.name));
    }
    out
}

/// `plot`
pub(super) fn plot(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let hello = session.hello()?;
    let rows = session.rows(&[], &[])?;
    if line.has("json") {
        return print_json(&rows);
    }
    output(&plot::svg(&hello, &rows))?;
    Ok(code::OK)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use units::control::{Hello, SystemState};

    /// A unit that was asked for, began and was up at these milliseconds.
    pub(crate) fn row(name: &str, moments: Option<(u64, u64, u64)>) -> UnitRow {
        let text =
            format!(r#"{{"name":"{name}","description":"","load":"loaded","active":"active","sub":"running","age_ms":1,"restarts":0}}"#);
        let mut row: UnitRow = serde_json::from_str(&text).unwrap();
        if let Some((asked, began, up)) = moments {
            row.moments.asked_us = Some(asked * 1000);
            row.moments.began_us = Some(began * 1000);
            row.moments.up_us = Some(up * 1000);
        }
        row
    }

    fn boot() -> Vec<UnitRow> {
        let mut rows = vec![
            row("default.target", Some((100, 2000, 2000))),
            row("web", Some((100, 1500, 2000))),
            row("db", Some((100, 100, 1500))),
            row("log", Some((100, 100, 120))),
            row("late", Some((9000, 9000, 9500))),
            row("never", None),
        ];
        for (index, after) in [(0, "web"), (0, "log"), (1, "db"), (1, "log"), (1, "late")] {
            rows[index].relations.entry("after".to_owned()).or_default().push(UnitName::new(after).unwrap());
        }
        rows
    }

    #[test]
    fn the_chain_goes_to_whom_was_waited_for_longest() {
        let rows = boot();
        let map = rows.iter().map(|row| (&row.name, row)).collect();
        expect_test::expect![[r#"
            default.target @1.9 s
            └─web @1.9 s +500 ms
              └─db @1.4 s +1.4 s
        "#]]
        .assert_eq(&draw(&chain(&rows[0], &map), 100_000));
    }

    #[test]
    fn the_picture_has_a_bar_for_each_that_started_while_booting() {
        let hello = Hello {
            protocol: 2,
            version: "1".to_owned(),
            state: SystemState::Running,
            booted_us: Some(100_000),
            finished_us: Some(2_000_000),
            now_us: 99_000_000,
            default_target: UnitName::new("default.target").unwrap(),
            up: 4,
            failed: 0,
            jobs: 0,
        };
        let svg = plot::svg(&hello, &boot());
        for name in ["default.target", "web", "db", "log"] {
            assert_eq!(svg.matches(&format!(">{name} ")).count() + svg.matches(&format!(">{name}<")).count(), 1, "{name}\n{svg}");
        }
        assert!(!svg.contains("late") && !svg.contains("never"));
        assert_eq!(svg.matches("<rect").count(), svg.matches("/>").count() - svg.matches("<line").count());
    }
}
