//! SysV scripts, specifiers, and plans of links.

use std::collections::BTreeMap;

use units::install::{Installer, Plan, Scope, State, Step, Wanted};
use units::search::{self, Nature, Tree};
use units::sysv::{self, RcLink};
use units::{SourceFile, SourceKind, Specifiers, UnitName};

use crate::text;

/// A script is a unit with no fault, whatever stands in its header: it runs the script and nothing else, and a specifier in a
/// title is a percent sign.
pub fn sysv(bytes: &[u8]) {
    let script = String::from_utf8_lossy(bytes);
    let link = RcLink { level: '3', priority: 1 };
    for links in [&[][..], &[link]] {
        let Some(file) = sysv::unit("thing.sh", &script, links) else { panic!("thing.sh is a name") };
        let (set, told) = units::read([file]);
        let name = UnitName::new("thing").unwrap_or_else(|error| panic!("{error}"));
        let Some(unit) = set.unit(&name) else { panic!("no unit: {told:?}") };
        let Some(service) = unit.service() else { panic!("no service") };
        let argv: Vec<Vec<String>> = service.start.iter().map(|command| command.argv(|_| None)).collect();
        assert_eq!(argv, [["/etc/init.d/thing.sh", "start"]]);
        assert_eq!(unit.manner.source_path.as_deref(), Some("/etc/init.d/thing.sh"));
        assert!(!unit.relations.after.contains(&name) && !unit.relations.before.contains(&name), "after itself");
    }
}

/// What specifiers become is not split, not expanded again, and known of every letter that is known of any: `%%` is a percent
/// sign, and a text without one is what it was.
pub fn specifiers(bytes: &[u8]) {
    let Some((name, value)) = text(bytes).and_then(|text| text.split_once('\n')) else { return };
    let Ok(name) = UnitName::new(name) else { return };
    if name.kind() != units::UnitKind::Service || name.is_template() || value.contains(['\n', '\r', '\0']) || value.ends_with('\\') {
        return;
    }
    let description = |written: &str| {
        let unit = format!("[Unit]\nDescription={written}\n[Service]\nExecStart=/bin/x\n");
        let file = match name.template() {
            Some(template) => template.as_str().to_owned(),
            None => name.as_str().to_owned(),
        };
        let file = SourceFile { path: format!("/u/{file}"), kind: SourceKind::Unit(unit.into_bytes()) };
        let facts = "abHlqmvowBWMA".chars().fold(Specifiers::default(), |all, letter| all.with(letter, "%n"));
        let (set, _) = units::Reader::new(facts).with_instances([name.clone()]).read([file]);
        set.unit(&name).map(|unit| unit.description.clone())
    };
    let doubled = value.replace('%', "%%");
    let plain = description(&doubled);
    // A description is trimmed and may be left out.
    assert!(plain.is_none_or(|plain| plain.trim() == value.trim() || value.trim().is_empty()), "{value:?} is not itself when doubled");
    if let Some(expanded) = description(value) {
        assert!(expanded.len() <= (name.as_str().len() + 48) * (value.len() + 1), "{} bytes became {}", value.len(), expanded.len());
        if !value.contains('%') && !value.trim().is_empty() {
            assert_eq!(expanded.trim(), value.trim());
        }
    }
}

/// A tree in memory: a path, and a text or where it leads.
#[derive(Clone, Debug, Default, PartialEq)]
struct Memory(BTreeMap<String, File>);

#[derive(Clone, Debug, PartialEq)]
enum File {
    Text(String),
    Link(String),
}

impl Tree for Memory {
    fn names(&self, folder: &str) -> Vec<(String, Nature)> {
        let below = |path: &str| path.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
        let mut names = BTreeMap::new();
        for (rest, file) in self.0.iter().filter_map(|(path, file)| Some((below(path)?, file))) {
            match (rest.split_once('/'), file) {
                (Some((name, _)), _) => names.insert(name.to_owned(), Nature::Folder),
                (None, File::Text(_)) => names.insert(rest, Nature::File),
                (None, File::Link(_)) => names.insert(rest, Nature::Link),
            };
        }
        names.into_iter().collect()
    }

    fn link(&self, path: &str) -> Option<String> {
        match self.0.get(path)? {
            File::Link(target) => Some(target.clone()),
            File::Text(_) => None,
        }
    }

    fn read(&self, path: &str, _limit: usize) -> Result<Vec<u8>, String> {
        let mut path = path;
        for _ in 0..8 {
            match self.0.get(path) {
                Some(File::Text(text)) => return Ok(text.clone().into_bytes()),
                Some(File::Link(target)) if target == "/dev/null" => return Ok(Vec::new()),
                Some(File::Link(target)) => path = target,
                None => return Err("not there".to_owned()),
            }
        }
        Err("too many links".to_owned())
    }

    fn is_executable(&self, _path: &str) -> bool {
        false
    }
}

const NAMES: [&str; 8] = ["a.service", "b.service", "t.target", "v@.service", "v@1.service", "s.socket", "o.service", "w.service"];
const FOLDERS: [&str; 6] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/etc/fief/units",
    "/usr/lib/fief/units",
    "/etc/systemd/system/t.target.wants",
];

/// Carrying a plan out removes links only, and makes them only where nothing is; a plain name that is masked for good, without a problem told, can be started by that name no more:
/// it is masked, another unit's other name, or nobody's. More does not hold in any tree: links of another scope, which a plan may not touch,
/// can still enable what was disabled, and a second plan finds other files in force than the first did.
pub fn install(bytes: &[u8]) {
    let Some(([order, whom], rest)) = bytes.split_first_chunk() else { return };
    let tree = planted(rest);
    let name = NAMES.get(usize::from(whom & 7)).and_then(|name| UnitName::new(name).ok()).unwrap_or_else(|| panic!("eight names"));
    let scope = if whom & 8 == 0 { Scope::Persistent } else { Scope::Runtime };
    let names = std::slice::from_ref(&name);
    let make = |tree: &Memory| -> Plan {
        let installer = Installer::of(tree, Specifiers::default(), false);
        match order % 6 {
            0 => installer.enable(names, scope),
            1 => installer.disable(names, scope),
            2 => installer.reenable(names, scope),
            3 => installer.mask(names, scope),
            4 => installer.unmask(names, scope),
            _ => installer.preset(names, scope, Wanted::Both),
        }
    };
    let plan = make(&tree);
    let after = carried_out(&tree, &plan);
    let is_whole = plan.problems.is_empty() && name.instance().is_none() && !name.is_template();
    let state = Installer::of(&after, Specifiers::default(), false).state(&name);
    if is_whole && order % 6 == 3 && scope == Scope::Persistent {
        assert!(matches!(state, None | Some(State::Masked | State::MaskedRuntime | State::Alias)), "masked, it is {state:?}");
    }
    // What it would do next, and what the reader makes of the tree, are to be found out whatever lies there.
    make(&after);
    let _ = units::Reader::new(Specifiers::default()).with_instances([name]).read(search::collect(&after, &search::folders(&after)));
}

/// The tree afterwards.
fn carried_out(tree: &Memory, plan: &Plan) -> Memory {
    let mut after = tree.clone();
    for step in &plan.steps {
        match step {
            Step::Link { path, target } => {
                let before = after.0.insert(path.clone(), File::Link(target.clone()));
                assert_eq!(before, None, "{path} is made, and there is something: {plan:?}");
            }
            Step::Unlink { path } => match after.0.remove(path) {
                Some(File::Link(_)) => {}
                other => panic!("{path} is removed, which is {other:?}: {plan:?}"),
            },
        }
    }
    after
}

/// Three bytes a file: where, who, and what.
fn planted(bytes: &[u8]) -> Memory {
    let mut tree = Memory::default();
    for file in bytes.chunks_exact(3).take(16) {
        let [place, who, what] = file else { continue };
        let (Some(folder), Some(name)) = (FOLDERS.get(usize::from(place % 6)), NAMES.get(usize::from(who & 7))) else { continue };
        let other = NAMES.get(usize::from(who >> 5)).copied().unwrap_or_default();
        let is_ours = folder.contains("fief");
        let own = if is_ours { format!("{name}.toml") } else { (*name).to_owned() };
        let is_pull = folder.ends_with(".wants");
        let file = match what % 6 {
            0 | 1 if !is_pull => File::Text(unit(name, other, what / 6, is_ours)),
            2 => File::Link("/dev/null".to_owned()),
            3 if !is_pull => File::Link(format!("{folder}/{other}{}", if is_ours { ".toml" } else { "" })),
            4 if !is_pull => File::Link(format!("/opt/{own}")),
            _ if is_pull => File::Link(format!("/usr/lib/systemd/system/{name}")),
            _ => File::Text("noise\n".to_owned()),
        };
        tree.0.insert(format!("{folder}/{own}"), file);
    }
    tree
}

fn unit(name: &str, other: &str, rules: u8, is_ours: bool) -> String {
    let rules = [
        ("wanted-by", "WantedBy", "t.target"),
        ("required-by", "RequiredBy", "t.target"),
        ("also", "Also", other),
        ("alias", "Alias", "z.service"),
    ]
    .into_iter()
    .enumerate()
    .filter(|(at, _)| rules & (1 << at) != 0)
    .map(|(_, (ours, theirs, to))| if is_ours { format!("{ours} = [\"{to}\"]\n") } else { format!("{theirs}={to}\n") });
    let install: String = rules.collect();
    let (service, socket) = if is_ours {
        ("[service]\ncommand = [\"/bin/x\"]\n", "[socket]\nlisten-stream = [\"/run/y\"]\n")
    } else {
        ("[Service]\nExecStart=/bin/x\n", "[Socket]\nListenStream=/run/y\n")
    };
    let body = match name.rsplit_once('.') {
        Some((_, "service")) => service,
        Some((_, "socket")) => socket,
        _ => "",
    };
    format!("{body}{}\n{install}", if is_ours { "[install]" } else { "[Install]" })
}
