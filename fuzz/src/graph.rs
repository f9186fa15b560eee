//! Many small units that name each other in every way.

use std::collections::BTreeMap;
use std::fmt::Write;

use units::{SourceFile, SourceKind, UnitName};

const NAMES: [&str; 8] = ["a", "b", "c", "d", "t.target", "u.target", "x@1", "y.socket"];
const WORDS: [&str; 9] = ["after", "before", "requires", "wants", "binds-to", "part-of", "conflicts", "requisite", "upholds"];

/// Whatever is written, the order names each unit once, and each after everything it is still after; both directions agree.
pub fn graph(bytes: &[u8]) {
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    let mut files = Vec::new();
    for edge in bytes.chunks_exact(2).take(64) {
        let [from, rest] = edge else { continue };
        let (from, way) = (usize::from(from & 7), usize::from(from >> 3));
        let to = usize::from(rest & 7);
        let (Some(from), Some(to)) = (NAMES.get(from), NAMES.get(to)) else { continue };
        let file = |name: &str| if name.contains('.') { format!("{name}.toml") } else { format!("{name}.service.toml") };
        match (WORDS.get(way), way) {
            (Some(word), _) => drop(writeln!(texts.entry(from).or_default(), "{word} = {to}")),
            (None, 9) => files.push(link(format!("/u/{}.wants/{}", full(from), full(to)))),
            (None, 10) => files.push(link(format!("/u/{}.requires/{}", full(from), full(to)))),
            (None, 11) => files.push(alias(format!("/u/{}", file(from)), file(to))),
            (None, 12) => files.push(SourceFile { path: format!("/u/{}", file(from)), kind: SourceKind::Unit(Vec::new()) }),
            (None, _) => drop(texts.entry(from).or_default()),
        }
    }
    files.extend(texts.into_iter().map(|(name, edges)| unit(name, &edges)));
    let (set, _) = units::read(files);
    let graph = set.graph();
    let order = graph.order();
    let place: BTreeMap<&UnitName, usize> = order.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    assert_eq!(place.len(), order.len(), "somebody twice");
    for (name, _) in set.iter().filter(|(name, _)| set.unit(name).is_some()) {
        let at = place.get(name).unwrap_or_else(|| panic!("{name} is not in the order"));
        let Some(node) = graph.node(name) else { panic!("{name} has no node") };
        for other in &node.after {
            assert!(place.get(other).is_some_and(|before| before < at), "{name} is not after {other}");
            assert!(graph.node(other).is_some_and(|node| node.before.contains(name)), "{other} does not know that it is before {name}");
        }
    }
}

/// One key for each relation, its values gathered.
fn unit(name: &str, edges: &str) -> SourceFile {
    let mut text = String::new();
    for word in WORDS {
        let to: Vec<&str> = edges.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(" = ")).collect();
        if !to.is_empty() {
            let _ = writeln!(text, "{word} = {to:?}");
        }
    }
    match name {
        target if target.ends_with(".target") => {}
        socket if socket.ends_with(".socket") => text.push_str("[socket]\nlisten-stream = [\"/run/y\"]\n"),
        _ => text.push_str("[service]\ncommand = [\"/bin/true\"]\n"),
    }
    let path = if name.contains('.') { format!("/u/{name}.toml") } else { format!("/u/{name}.service.toml") };
    SourceFile { path, kind: SourceKind::Unit(text.into_bytes()) }
}

fn full(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("{name}.service") }
}

fn link(path: String) -> SourceFile {
    SourceFile { path, kind: SourceKind::Alias { target: "../anything".to_owned() } }
}

fn alias(path: String, target: String) -> SourceFile {
    SourceFile { path, kind: SourceKind::Alias { target } }
}
