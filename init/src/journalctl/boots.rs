//! Boots: which are there, and which is meant.

use std::io::Write;

use super::Trouble;
use super::pager::Out;
use crate::getopt::Line;
use crate::log::civil::Here;

/// `-1`, an id, an id and how many boots from there; nothing for all.
pub(super) fn of(wanted: Option<&str>, boots: &[(String, u64, u64)]) -> Result<Option<String>, Trouble> {
    let wanted = wanted.unwrap_or("0");
    if wanted == "all" {
        return Ok(None);
    }
    let (id, offset) = match wanted.find(['+', '-']) {
        Some(place) => wanted.split_at(place),
        None if wanted.len() == 32 => (wanted, "0"),
        None => ("", wanted),
    };
    let told = if id.is_empty() && !offset.starts_with(['+', '-']) { format!("+{offset}") } else { wanted.to_owned() };
    let missing = || Trouble::told(format!("Data from the specified boot ({told}) is not available: No such boot ID in journal"));
    let offset: i64 = offset.parse().map_err(|_| Trouble::told(format!("Failed to parse boot descriptor '{wanted}'")))?;
    let count = i64::try_from(boots.len()).unwrap_or(i64::MAX);
    let base = match id {
        // From 1 on they are counted from the first.
        "" if offset > 0 => -1,
        "" => count - 1,
        id => boots.iter().position(|(boot, _, _)| boot == id).and_then(|place| i64::try_from(place).ok()).ok_or_else(missing)?,
    };
    let place = usize::try_from(base.saturating_add(offset)).ok();
    // Without any entry of this boot there is nothing to show, and nothing wrong.
    if place.is_none() && offset == 0 && boots.is_empty() {
        return Ok(None);
    }
    place.and_then(|place| boots.get(place)).map(|(boot, _, _)| Some(boot.clone())).ok_or_else(missing)
}

pub(super) fn list(said: &Line, boots: &[(String, u64, u64)], here: &Here) -> Result<(), Trouble> {
    let moment = |micros: u64| {
        let civil = here.at(micros);
        civil.full()
    };
    let mut out = Out::plain();
    let rows: Vec<[String; 4]> = boots
        .iter()
        .rev()
        .enumerate()
        .map(|(place, (boot, first, last))| {
            [if place == 0 { "0".to_owned() } else { format!("-{place}") }, boot.clone(), moment(*first), moment(*last)]
        })
        .collect();
    let has_head = !said.has("quiet") && !rows.is_empty();
    let width = rows.iter().map(|[place, ..]| place.len()).max().unwrap_or(0).max(if has_head { "IDX".len() } else { 0 });
    let span = rows.iter().map(|[_, _, first, _]| first.len()).max().unwrap_or(0).max("FIRST ENTRY".len());
    if has_head {
        out.write_all(format!("{:>width$} {:32} {:span$} LAST ENTRY\n", "IDX", "BOOT ID", "FIRST ENTRY").as_bytes())?;
    }
    let in_order: Vec<&[String; 4]> = if said.has("reverse") { rows.iter().collect() } else { rows.iter().rev().collect() };
    for [place, boot, first, last] in in_order {
        out.write_all(format!("{place:>width$} {boot} {first:span$} {last}\n").as_bytes())?;
    }
    Ok(out.finish()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    #[test]
    fn boots_are_named_by_place_and_by_id() {
        let boots: Vec<(String, u64, u64)> = ["a", "b", "c"].map(|id| (id.repeat(32), 0, 0)).into();
        let of = |wanted: &str| super::of(Some(wanted), &boots).map(|id| id.unwrap().chars().next().unwrap()).ok();
        assert_eq!(["0", "-0", "-1", "-2", "1", "3", "+2"].map(of), ["c", "c", "b", "a", "a", "c", "b"].map(|id| id.chars().next()));
        assert_eq!(of(&format!("{}+1", "b".repeat(32))), Some('c'));
        assert_eq!((of("-3"), of("4"), of(&"d".repeat(32))), (None, None, None));
        assert_eq!((super::of(Some("all"), &boots).unwrap(), super::of(None, &[]).unwrap()), (None, None));
    }
}
