//! How lines are kept; systemd.exec(5), "Logging and Standard Input/Output".

use super::{Assigned, Fault};
use crate::file::Draft;
use crate::systemd::words::Escapes;
use std::time::Duration;

type Done = Result<(), Fault>;

/// syslog(3) by name or number.
fn level(a: &Assigned<'_>) -> Result<Option<u8>, Fault> {
    const NAMES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    if a.value.is_empty() {
        return Ok(None);
    }
    let known = NAMES.iter().zip(0_u8..).find(|(name, number)| **name == a.value || number.to_string() == a.value);
    let (_, number) = known.ok_or_else(|| format!("{:?} is none of {}", a.value, NAMES.join(", ")))?;
    Ok(Some(number))
}

pub(crate) fn log_level(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.log.level = level(a)?;
    Ok(())
}

/// The facilities of syslog(3) by their numbers; those without a name are nobody's.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "12", "13", "14", "15", "local0",
    "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

pub(crate) fn log_facility(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let number = |a: &Assigned<'_>| match FACILITIES.iter().zip(0_u8..).find(|(name, _)| **name == a.value) {
        Some((_, number)) => Ok(number),
        None => a.number(0, 23),
    };
    draft.service.service.log.facility = a.or_reset(number)?;
    Ok(())
}

/// `NAME=value`, with names as the journal has them; systemd.journal-fields(7).
pub(crate) fn log_fields(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let fields = &mut draft.service.service.log.fields;
    if a.value.is_empty() {
        fields.clear();
    }
    let fits = |name: &str| {
        let shaped = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        shaped && name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_uppercase())
    };
    for word in a.words(Escapes::Strict) {
        match word.split_once('=') {
            Some((name, value)) if fits(name) => fields.push((name.to_owned(), value.to_owned())),
            Some(_) | None => a.warn(format!("{word:?} is no field of a log, such as \"SHOP=main\"")),
        }
    }
    Ok(())
}

pub(crate) fn log_level_max(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.log.level_max = level(a)?;
    Ok(())
}

pub(crate) fn log_level_prefix(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.service.service.log.prefix_is_text = !a.bool()?;
    Ok(())
}

/// What journald has where one of the two is not said; journald.conf(5).
const USUAL_RATE: (Duration, u32) = (Duration::from_secs(30), 10_000);

pub(crate) fn log_rate_interval(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let rate = draft.service.service.log.rate.get_or_insert(USUAL_RATE);
    rate.0 = a.finite()?;
    Ok(())
}

pub(crate) fn log_rate_burst(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let burst = a.number(0, i64::from(u32::MAX))?;
    let rate = draft.service.service.log.rate.get_or_insert(USUAL_RATE);
    // None at all is no limit.
    *rate = if burst == 0 { (Duration::ZERO, 0) } else { (rate.0, burst) };
    Ok(())
}
