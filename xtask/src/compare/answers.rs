//! Short questions: calendar expressions, spans, command lines.

use std::collections::BTreeMap;

use anyhow::Result;

use super::record::Record;

/// How one sort of question came out.
pub(crate) struct Answers {
    pub(crate) what: &'static str,
    pub(crate) asked: usize,
    /// Answered otherwise for a reason: how many.
    pub(crate) explained: BTreeMap<&'static str, usize>,
    pub(crate) faults: Vec<String>,
}

impl Answers {
    pub(crate) fn summary(&self) -> String {
        format!("{}: {} asked, {} answered otherwise", self.what, self.asked, self.faults.len())
    }
}

/// What the guest's script asks besides the units.
pub(crate) fn questions() -> Result<String> {
    Ok(String::new())
}

pub(crate) fn judge(_record: &Record) -> Result<Vec<Answers>> {
    Ok(Vec::new())
}
