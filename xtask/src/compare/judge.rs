//! Property by property.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use units::{Entry, UnitName};

use super::answers::ours;
use super::reasons::{self, Reason};
use super::record::{Properties, Record};
use super::tree::{Fate, Ours};

/// How the properties came out.
#[derive(Default)]
pub(crate) struct Verdict {
    /// Units that both know.
    pub(crate) units: usize,
    /// Values compared, and how many of them are equal.
    pub(crate) values: usize,
    pub(crate) equal: usize,
    /// By property: compared, equal.
    pub(crate) properties: BTreeMap<String, (usize, usize)>,
    /// Differences that have a reason: how many values, and one of them.
    pub(crate) explained: BTreeMap<usize, Explained>,
    /// What systemd shows and we do not, by the reason.
    pub(crate) theirs_only: BTreeMap<usize, BTreeSet<String>>,
    /// Units that are not compared, by reason.
    pub(crate) left_out: BTreeMap<&'static str, Vec<String>>,
    pub(crate) fates: BTreeMap<Fate, usize>,
    pub(crate) faults: Vec<String>,
    /// Of units of our own writing: what systemd says, without what differs for a reason.
    pub(crate) agreed: BTreeMap<String, Properties>,
}

/// Differences with one reason.
pub(crate) struct Explained {
    pub(crate) values: usize,
    pub(crate) properties: BTreeSet<String>,
    pub(crate) example: String,
}

impl Verdict {
    pub(crate) fn summary(&self) -> String {
        let explained: usize = self.explained.values().map(|explained| explained.values).sum();
        format!(
            "{} units, {} properties, {} values compared: {} equal, {explained} different for a reason",
            self.units,
            self.properties.len(),
            self.values,
            self.equal
        )
    }
}

pub(crate) fn judge(record: &Record, ours: &Ours) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    for name in &ours.files {
        let fate = ours.fate(name);
        *verdict.fates.entry(fate).or_default() += 1;
        if fate == Fate::Bad && !record.shown.get(name.as_str()).is_some_and(|theirs| may_be_refused(name.as_str(), theirs)) {
            verdict.faults.push(format!("{}: does not load", name.as_str()));
        }
    }
    for (id, theirs) in &record.shown {
        if id.starts_with("fief-compare") {
            continue;
        }
        if let Some(reason) = reasons::of_unit(id, theirs) {
            verdict.left_out.entry(reason).or_default().push(id.clone());
            continue;
        }
        let Some(mut mine) = ours.shown(id) else {
            verdict.faults.push(format!("{id}: systemd knows it, we do not"));
            continue;
        };
        verdict.units += 1;
        if theirs.get("FragmentPath").and_then(|path| path.first()).is_some_and(|path| is_our_own(path)) {
            verdict.agreed.insert(id.clone(), Properties::new());
        }
        let loaded = UnitName::new(id).ok().is_some_and(|name| matches!(ours.set.entry(&name), Some(Entry::Unit(_))));
        let mut theirs = theirs.clone();
        // Why, each says in its own words; of a unit that is not loaded there is nothing else to compare.
        let is_loaded = |all: &Properties| all.get("LoadState").is_some_and(|values| values.iter().all(|value| value == "loaded"));
        if !is_loaded(&theirs) || !is_loaded(&mine) {
            [&mut theirs, &mut mine].into_iter().for_each(|all| all.retain(|property, _| property == "LoadState"));
        }
        compare(&mut verdict, id, &theirs, &mine, loaded);
    }
    Ok(verdict)
}

/// Systemd refuses it too, or there is a reason.
fn may_be_refused(id: &str, theirs: &Properties) -> bool {
    let said = theirs.get("LoadState").and_then(|values| values.first());
    let difference = Difference { theirs: said.cloned(), ours: Some("bad-setting".to_owned()) };
    said == difference.ours.as_ref() || reasons::find(id, "LoadState", &difference).is_some()
}

/// Whether a file is one of those that the comparison brings along.
fn is_our_own(path: &str) -> bool {
    ours::own_tree().join(path.trim_start_matches('/')).is_file()
}

fn compare(verdict: &mut Verdict, id: &str, theirs: &Properties, mine: &Properties, loaded: bool) {
    let none = Vec::new();
    let names: BTreeSet<&String> = theirs.keys().chain(mine.keys()).collect();
    for name in names {
        let (left, right) = (theirs.get(name), mine.get(name));
        let both = left.is_some() && right.is_some();
        if !(both || loaded && reasons::is_repeated(name)) {
            if right.is_none() && loaded {
                match reasons::not_ours(id, name) {
                    Some(group) => _ = verdict.theirs_only.entry(group).or_default().insert(name.clone()),
                    None => verdict.faults.push(format!("{id}: {name}: only systemd shows it, for no reason")),
                }
            } else if right.is_some() && !reasons::is_repeated(name) && !reasons::NEWER.contains(&name.as_str()) {
                verdict.faults.push(format!("{id}: systemd does not show {name}"));
            }
            continue;
        }
        let differences = differences(name, left.unwrap_or(&none), right.unwrap_or(&none));
        let (compared, equal) = verdict.properties.entry(name.clone()).or_default();
        *compared += 1;
        verdict.values += 1;
        let has_no_fault = differences.iter().all(|difference| reasons::find(id, name, difference).is_some());
        if let (true, Some(own), Some(value)) = (has_no_fault, verdict.agreed.get_mut(id), right)
            && (differences.is_empty() || reasons::is_list(name))
        {
            // Of a list, what is ours is theirs but for the reasons.
            own.insert(name.clone(), value.clone());
        }
        if differences.is_empty() {
            *equal += 1;
            verdict.equal += 1;
            continue;
        }
        let found: Vec<(Option<usize>, &Difference)> =
            differences.iter().map(|difference| (reasons::find(id, name, difference), difference)).collect();
        let without: Vec<String> =
            found.iter().filter(|(reason, _)| reason.is_none()).map(|(_, difference)| format!("{id}: {name}: {difference}")).collect();
        match without.is_empty() {
            false => verdict.faults.extend(without),
            true => {
                for (reason, difference) in found {
                    let explained = verdict.explained.entry(reason.unwrap_or_default()).or_insert_with(|| Explained {
                        values: 0,
                        properties: BTreeSet::new(),
                        example: format!("{id}: {name}: {difference}"),
                    });
                    explained.properties.insert(name.clone());
                }
                let first = differences.first().and_then(|difference| reasons::find(id, name, difference));
                if let Some(explained) = verdict.explained.get_mut(&first.unwrap_or_default()) {
                    explained.values += 1;
                }
            }
        }
    }
}

/// One thing that one side says and the other does not; of a value that is no list, what both say.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) theirs: Option<String>,
    pub(crate) ours: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.theirs, &self.ours) {
            (Some(theirs), Some(ours)) => write!(f, "systemd says `{theirs}`, we say `{ours}`"),
            (Some(theirs), None) => write!(f, "only systemd has `{theirs}`"),
            (None, Some(ours)) => write!(f, "only we have `{ours}`"),
            (None, None) => Ok(()),
        }
    }
}

fn differences(name: &str, theirs: &[String], ours: &[String]) -> Vec<Difference> {
    if reasons::is_list(name) {
        let [theirs, ours] = [theirs, ours].map(|values| values.iter().flat_map(|value| words(value)).collect::<BTreeSet<String>>());
        let left = theirs.difference(&ours).map(|word| Difference { theirs: Some(word.clone()), ours: None });
        let right = ours.difference(&theirs).map(|word| Difference { theirs: None, ours: Some(word.clone()) });
        return left.chain(right).collect();
    }
    let most = theirs.len().max(ours.len());
    let pairs = (0..most).map(|at| (theirs.get(at).cloned(), ours.get(at).cloned()));
    pairs.filter(|(left, right)| left != right).map(|(theirs, ours)| Difference { theirs, ours }).collect()
}

/// The items of a list, which may stand in double quotes.
fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().extend(chars.next()),
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The reason by its number.
pub(crate) fn reason(number: usize) -> Option<&'static Reason> {
    reasons::REASONS.get(number)
}
