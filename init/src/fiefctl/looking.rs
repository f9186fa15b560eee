//! `show`, `cat`, `deps`.

use serde_json::json;
use units::control::{Detail, Hello, LoadState, UnitRow};
use units::{FILE_LIMIT, Map, Set, SourceKind, UnitName, stock};

use super::line::Line;
use super::paint::Paint;
use super::session::{Failed, Session, code};
use super::{due, names, output, print_json};
use crate::file;

/// `show`
pub(super) fn show(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let sheets: Vec<Vec<(String, String)>> = if line.operands.is_empty() {
        vec![of_system(&session.hello()?)]
    } else {
        let mut rows = names::rows(&mut session, &line.operands, &[Detail::Properties])?;
        due::look_anew(&mut rows);
        rows.into_iter().map(properties).collect()
    };
    let wanted: Vec<&str> = line.values("property").flat_map(|names| names.split(',')).collect();
    let is_wanted = |key: &str| wanted.is_empty() || wanted.contains(&key);
    if line.has("json") {
        let all: Vec<_> = sheets.iter().map(|sheet| sheet_json(sheet, is_wanted)).collect();
        output(&super::json_lines(&all))?;
        return Ok(code::OK);
    }
    for (index, sheet) in sheets.iter().enumerate() {
        let mut out = String::new();
        if index > 0 {
            out.push('\n');
        }
        for (key, value) in sheet.iter().filter(|(key, _)| is_wanted(key)) {
            if line.has("value") {
                out.push_str(&format!("{value}\n"));
            } else {
                out.push_str(&format!("{key}={value}\n"));
            }
        }
        output(&out)?;
    }
    Ok(code::OK)
}

/// Those of a row, and what init leaves to us.
fn properties(row: UnitRow) -> Vec<(String, String)> {
    let due = row.reload_due.map(|due| ("NeedDaemonReload".to_owned(), if due { "yes" } else { "no" }.to_owned()));
    row.properties.into_iter().chain(due).collect()
}

/// A property that comes several times is an array.
fn sheet_json(sheet: &[(String, String)], is_wanted: impl Fn(&str) -> bool) -> serde_json::Value {
    let mut values: Map<&str, Vec<&str>> = Map::new();
    for (key, value) in sheet.iter().filter(|(key, _)| is_wanted(key)) {
        values.entry(key).or_default().push(value);
    }
    let one = |values: Vec<&str>| match values.as_slice() {
        [value] => json!(value),
        all => json!(all),
    };
    serde_json::Value::Object(values.into_iter().map(|(key, values)| (key.to_owned(), one(values))).collect())
}

fn of_system(hello: &Hello) -> Vec<(String, String)> {
    let all = [
        ("Version", hello.version.clone()),
        ("SystemState", hello.state.to_string()),
        ("DefaultTarget", hello.default_target.as_str().to_owned()),
        ("NFailedUnits", hello.failed.to_string()),
        ("NJobs", hello.jobs.to_string()),
        ("UserspaceTimestampMonotonic", hello.booted_us.unwrap_or(0).to_string()),
        ("FinishTimestampMonotonic", hello.finished_us.unwrap_or(0).to_string()),
    ];
    all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// `cat`
pub(super) fn cat(line: &Line) -> Result<u8, Failed> {
    let rows = names::rows(&mut Session::open()?, &line.operands, &[])?;
    let paint = Paint::of_stdout();
    let mut first = true;
    for row in &rows {
        if row.load == LoadState::NotFound {
            return Err(Failed::NoSuchUnit(row.name.to_string()));
        }
        for path in &row.sources {
            let text = text_of(path)?;
            if line.has("json") {
                output(&format!("{}\n", json!({ "unit": row.name, "path": path, "text": text })))?;
                continue;
            }
            let gap = if std::mem::take(&mut first) { "" } else { "\n" };
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            output(&format!("{gap}{}\n{text}{end}", paint.faint(&format!("# {path}"))))?;
        }
    }
    Ok(code::OK)
}

/// What stands in a unit file, of those that come with init too.
pub(crate) fn text_of(path: &str) -> Result<String, Failed> {
    if stock::is_stock(path) {
        let file = stock::files().find(|file| file.path == path);
        let text = file.and_then(|file| match file.kind {
            SourceKind::Unit(text) | SourceKind::DropIn(text) => String::from_utf8(text).ok(),
            SourceKind::Alias { target } => Some(format!("# {target}\n")),
            SourceKind::Unreadable(_) => None,
        });
        return text.ok_or_else(|| Failed::Told(format!("{path}: not in this init")));
    }
    let most = u64::try_from(FILE_LIMIT).unwrap_or(u64::MAX);
    file::read_text(path, most).map_err(|error| Failed::File(path.to_owned(), error))
}

/// `deps`
pub(super) fn deps(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let root = match names::resolve(&mut session, &line.operands)?.into_iter().next() {
        Some(name) => session.rows(&[name], &[])?.into_iter().next().map(|row| row.name),
        None => Some(session.hello()?.default_target),
    };
    let rows = session.rows(&[], &[Detail::Relations])?;
    let Some(root) = root else { return Err(Failed::NoSuchUnit(line.operands.join(" "))) };
    let forest = Forest::new(&rows, way_of(line));
    if !forest.rows.contains_key(&root) {
        return Err(Failed::NoSuchUnit(root.to_string()));
    }
    if line.has("json") {
        let reached: Vec<&UnitRow> = forest.reached(&root).into_iter().filter_map(|name| forest.rows.get(name).copied()).collect();
        return print_json(&reached);
    }
    output(&forest.draw(&root, line.has("all"), Paint::of_stdout()))?;
    Ok(code::OK)
}

/// Which relation is followed.
#[derive(Clone, Copy)]
enum Toward {
    Needs,
    NeededBy,
    Relation(&'static str),
}

fn way_of(line: &Line) -> Toward {
    if line.has("after") {
        Toward::Relation("after")
    } else if line.has("before") {
        Toward::Relation("before")
    } else if line.has("reverse") {
        Toward::NeededBy
    } else {
        Toward::Needs
    }
}

/// The units, and where a walk goes on from each.
struct Forest<'r> {
    rows: Map<&'r UnitName, &'r UnitRow>,
    next: Map<&'r UnitName, Set<&'r UnitName>>,
}

impl<'r> Forest<'r> {
    fn new(rows: &'r [UnitRow], toward: Toward) -> Self {
        let mut next: Map<&UnitName, Set<&UnitName>> = Map::new();
        for row in rows {
            let related = |name: &str| row.relations.get(name).into_iter().flatten();
            let needs = || ["requires", "requisite", "binds-to", "wants"].into_iter().flat_map(related);
            match toward {
                Toward::Needs => next.entry(&row.name).or_default().extend(needs()),
                Toward::NeededBy => needs().for_each(|other| _ = next.entry(other).or_default().insert(&row.name)),
                Toward::Relation(name) => next.entry(&row.name).or_default().extend(related(name)),
            }
        }
        Self { rows: rows.iter().map(|row| (&row.name, row)).collect(), next }
    }

    fn next<'f>(&'f self, name: &UnitName) -> impl Iterator<Item = &'r UnitName> + 'f {
        self.next.get(name).into_iter().flatten().copied()
    }

    fn reached(&self, root: &'r UnitName) -> Vec<&'r UnitName> {
        let mut seen = Set::new();
        let mut open = vec![root];
        let mut order = Vec::new();
        while let Some(name) = open.pop() {
            if seen.insert(name) {
                order.push(name);
                open.extend(self.next(name));
            }
        }
        order
    }

    fn draw(&self, root: &UnitName, all: bool, paint: Paint) -> String {
        let mut out = format!("{}\n", self.label(root, paint));
        let mut path = vec![root];
        let mut shown = Set::new();
        self.branch(root, "", &mut Drawing { out: &mut out, path: &mut path, shown: &mut shown, all, paint });
        out
    }

    fn branch<'p>(&'p self, name: &UnitName, margin: &str, drawing: &mut Drawing<'_, 'p>) {
        let next: Vec<&UnitName> = self.next(name).collect();
        for (index, other) in next.iter().enumerate() {
            let (twig, below) = if index + 1 == next.len() { ("└─", "  ") } else { ("├─", "│ ") };
            drawing.out.push_str(&format!("{margin}{twig}{}\n", self.label(other, drawing.paint)));
            // Nobody is shown beneath itself, and without --all nobody's needs twice.
            let again = drawing.path.contains(other) || (!drawing.shown.insert((*other).clone()) && !drawing.all);
            if !again {
                drawing.path.push(other);
                self.branch(other, &format!("{margin}{below}"), drawing);
                drawing.path.pop();
            }
        }
    }

    fn label(&self, name: &UnitName, paint: Paint) -> String {
        match self.rows.get(name) {
            None => paint.faint(&format!("{name} (no such unit)")),
            Some(row) => {
                let word = row.active.to_string();
                if word == "active" { name.to_string() } else { format!("{name} ({})", paint.state(&word)) }
            }
        }
    }
}

struct Drawing<'d, 'p> {
    out: &'d mut String,
    path: &'d mut Vec<&'p UnitName>,
    shown: &'d mut Set<UnitName>,
    all: bool,
    paint: Paint,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::fiefctl::boot::tests::row;

    fn rows() -> Vec<UnitRow> {
        let mut rows = vec![row("default.target", None), row("web", None), row("db", None), row("log", None)];
        for (from, relation, to) in [
            (0, "wants", "web"),
            (0, "wants", "db"),
            (1, "requires", "db"),
            (2, "requires", "log"),
            (3, "wants", "web"),
            (1, "wants", "gone"),
        ] {
            rows[from].relations.entry(relation.to_owned()).or_default().push(UnitName::new(to).unwrap());
        }
        rows
    }

    #[test]
    fn a_tree_ends_though_needs_go_in_a_circle() {
        let rows = rows();
        let forest = Forest::new(&rows, Toward::Needs);
        let root = UnitName::new("default.target").unwrap();
        expect_test::expect![[r#"
            default.target
            ├─db
            │ └─log
            │   └─web
            │     ├─db
            │     └─gone (no such unit)
            └─web
        "#]]
        .assert_eq(&forest.draw(&root, false, Paint::plain()));
        expect_test::expect![[r#"
            default.target
            ├─db
            │ └─log
            │   └─web
            │     ├─db
            │     └─gone (no such unit)
            └─web
              ├─db
              │ └─log
              │   └─web
              └─gone (no such unit)
        "#]]
        .assert_eq(&forest.draw(&root, true, Paint::plain()));
        assert_eq!(forest.reached(&root).len(), 5);
        let reverse = Forest::new(&rows, Toward::NeededBy);
        expect_test::expect![[r#"
            db
            ├─default.target
            └─web
              ├─default.target
              └─log
                └─db
        "#]]
        .assert_eq(&reverse.draw(&UnitName::new("db").unwrap(), false, Paint::plain()));
    }
}
