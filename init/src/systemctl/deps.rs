//! `list-dependencies`.

use units::control::{ActiveState, Detail, UnitRow};
use units::{Map, Set, UnitKind, UnitName};

use crate::fiefctl::line::Line;
use crate::fiefctl::output;
use crate::fiefctl::paint::Paint;
use crate::fiefctl::session::{Failed, Session};

use super::{code, names};

/// What is followed: from a unit, or from those that say it of the unit.
const NEEDS: &[&str] = &["requires", "requisite", "wants", "consists-of", "binds-to"];

/// Deeper than this is not for the eye; a chain of units may be longer than a stack.
const DEEPEST: usize = 100;

/// `list-dependencies`
pub(super) fn list(line: &Line) -> Result<u8, Failed> {
    let mut session = Session::open()?;
    let words = if line.operands.is_empty() { vec!["default.target".to_owned()] } else { line.operands.clone() };
    let named = names::expand(&mut session, &words, line.has("all"))?;
    let rows = session.rows(&[], &[Detail::Relations])?;
    let mut next: Map<&UnitName, Set<&UnitName>> = Map::new();
    for row in &rows {
        let related = |name: &str| row.relations.get(name).into_iter().flatten();
        match () {
            () if line.has("after") => next.entry(&row.name).or_default().extend(related("after")),
            () if line.has("before") => next.entry(&row.name).or_default().extend(related("before")),
            () if line.has("reverse") => {
                NEEDS.iter().flat_map(|name| related(name)).for_each(|other| _ = next.entry(other).or_default().insert(&row.name))
            }
            () => next.entry(&row.name).or_default().extend(NEEDS.iter().flat_map(|name| related(name))),
        }
    }
    let by_name: Map<&UnitName, &UnitRow> =
        rows.iter().flat_map(|row| std::iter::once(&row.name).chain(&row.aliases).map(move |name| (name, row))).collect();
    let tree = Tree { next, rows: by_name, all: line.has("all"), plain: line.has("plain"), paint: Paint::of_stdout() };
    let mut out = String::new();
    for (index, name) in named.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(&format!("{}\n", name.as_str()));
        let root = tree.rows.get(name).map_or(name, |row| &row.name);
        tree.branch(root, "", &mut vec![root], &mut out);
    }
    output(&out)?;
    Ok(code::OK)
}

struct Tree<'r> {
    next: Map<&'r UnitName, Set<&'r UnitName>>,
    rows: Map<&'r UnitName, &'r UnitRow>,
    all: bool,
    plain: bool,
    paint: Paint,
}

impl<'r> Tree<'r> {
    fn branch<'p>(&'p self, name: &UnitName, margin: &str, path: &mut Vec<&'p UnitName>, out: &mut String)
    where
        'r: 'p,
    {
        let mut next: Vec<&UnitName> = self.next.get(name).into_iter().flatten().copied().collect();
        // Targets come last.
        units::order::by(&mut next, |one, other| {
            let key = |name: &UnitName| (name.kind() == UnitKind::Target, name.as_str().to_lowercase());
            key(one).cmp(&key(other))
        });
        for (index, other) in next.iter().enumerate() {
            let (twig, below) = if index + 1 == next.len() { ("└─", "  ") } else { ("├─", "│ ") };
            let lines = if self.plain { "  ".repeat(path.len() - 1) } else { format!("{margin}{twig}") };
            out.push_str(&format!("{}{lines}{}\n", self.mark(other), other.as_str()));
            let goes_on = (self.all || other.kind() == UnitKind::Target) && path.len() < DEEPEST;
            if goes_on && !path.contains(other) {
                path.push(other);
                self.branch(other, &format!("{margin}{below}"), path, out);
                path.pop();
            }
        }
    }

    fn mark(&self, name: &UnitName) -> String {
        match self.rows.get(name) {
            Some(row) if !self.plain => format!("{} ", glyph(row, self.paint)),
            Some(_) | None => "  ".to_owned(),
        }
    }
}

/// The mark of a state, in its colour.
pub(super) fn glyph(row: &UnitRow, paint: Paint) -> String {
    let mark = match row.active {
        ActiveState::Active | ActiveState::Activating | ActiveState::Deactivating => "●",
        ActiveState::Reloading => "↻",
        ActiveState::Inactive => "○",
        ActiveState::Failed => "×",
    };
    let word = row.active.to_string();
    if row.active == ActiveState::Inactive { mark.to_owned() } else { paint.state(&word).replace(&word, mark) }
}
