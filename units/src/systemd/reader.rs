//! One of systemd's files laid over a draft.

use super::set::{Assigned, Fault, put};
use super::syntax::{self, Line};
use super::{Scope, directives};
use crate::UnitKind;
use crate::file::{Draft, Source, nearest};

/// The section that is a kind's own.
pub(crate) fn section_of(kind: UnitKind) -> &'static str {
    match kind {
        UnitKind::Service => "Service",
        UnitKind::Target => "Target",
        UnitKind::Socket => "Socket",
        UnitKind::Timer => "Timer",
        UnitKind::Path => "Path",
        UnitKind::Mount => "Mount",
        UnitKind::Automount => "Automount",
        UnitKind::Swap => "Swap",
        UnitKind::Device => "Device",
        UnitKind::Slice => "Slice",
        UnitKind::Scope => "Scope",
    }
}

pub(crate) fn apply(draft: &mut Draft, source: &Source<'_>, scope: Scope<'_>) {
    let Some(text) = source.text() else { return };
    let (lines, slips) = syntax::parse(text);
    // The rest of a drop-in is given up, and the unit goes without.
    let is_drop_in = source.path() != scope.path;
    for slip in slips {
        let tell = if slip.fatal && !is_drop_in { Source::error } else { Source::warning };
        tell(source, slip.span, slip.message.to_owned(), None);
    }
    let own = section_of(draft.name.kind());
    let mut strange: Vec<&str> = Vec::new();
    for line in &lines {
        let section = line.section.as_str();
        if section.starts_with("X-") {
            continue;
        }
        if ["Unit", "Install", own].contains(&section) {
            assign(draft, source, scope, line);
        } else if !strange.contains(&section) {
            strange.push(section);
            let near = nearest(section, ["Unit", "Install", own].into_iter());
            let help = near.map(|near| format!("did you mean [{near}]?"));
            source.warning(line.key_span.clone(), format!("section [{section}] means nothing here"), help);
        }
    }
}

fn assign(draft: &mut Draft, source: &Source<'_>, scope: Scope<'_>, line: &Line) {
    let Some(directive) = directives::find(&line.section, &line.key) else {
        if !line.key.starts_with("X-") {
            unknown(source, line);
        }
        return;
    };
    let assigned = Assigned { value: &line.value, scope, source, directive: Some(directive.name), span: line.value_span.clone() };
    match put(draft, directive, &assigned) {
        Ok(()) => {}
        Err(Fault::Passed(message)) => assigned.warn(format!("`{}` is passed over: {message}", line.key)),
        Err(Fault::Refused(message)) => source.error(assigned.span.clone(), message, None),
    }
}

fn unknown(source: &Source<'_>, line: &Line) {
    let all = || directives::groups(&line.section).iter().flat_map(|group| group.iter()).map(|d| d.name);
    let elsewhere = ["Unit", "Service", "Socket", "Timer", "Path", "Mount", "Install"]
        .into_iter()
        .find(|section| directives::find(section, &line.key).is_some());
    let help = match (elsewhere, nearest(&line.key, all())) {
        (Some(section), _) => Some(format!("`{}` belongs to [{section}]", line.key)),
        (None, near) => near.map(|near| format!("did you mean `{near}`?")),
    };
    let shown: String = line.key.chars().take(60).filter(|c| !c.is_control()).collect();
    source.warning(line.key_span.clone(), format!("unknown directive `{shown}` in [{}]", line.section), help);
}
