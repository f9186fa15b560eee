//! Setters of `[Socket]`, `[Timer]`, `[Path]` and `[Mount]`.

use super::paths::{absolute, simple};
use super::set::{Assigned, Fault, boolean};
use crate::UnitName;
use crate::file::Draft;
use crate::unit::{Listen, ListenKind, PathEvent, Since, TriggerLimit};
use crate::value::{Address, Limit, Mode};
use std::time::Duration;

type Done = Result<(), Fault>;

pub(crate) fn listen(draft: &mut Draft, a: &Assigned<'_>, kind: ListenKind) -> Done {
    let address = a.text()?;
    if address.is_empty() {
        // Whatever its kind: all are forgotten.
        draft.socket.listen.clear();
        return Ok(());
    }
    let inet = matches!(kind, ListenKind::Stream | ListenKind::Datagram | ListenKind::SequentialPacket);
    let fits = if inet { Address::read(&address).is_some() } else { kind == ListenKind::Netlink || address.starts_with('/') };
    if !fits && !a.scope.is_verbatim() {
        return Err(format!("{address:?} is nothing that can be listened on").into());
    }
    draft.socket.listen.push(Listen { kind, address: super::set::beneath_run(&address) });
    Ok(())
}

pub(crate) fn backlog(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.socket.backlog = Some(a.number(0, i64::from(u32::MAX))?);
    Ok(())
}

pub(crate) fn ipv6_only(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.socket.ipv6_only = match boolean(a.value) {
        Some(only) => Some(only),
        None => a.word(&[("default", None), ("both", Some(false)), ("ipv6-only", Some(true))])?,
    };
    Ok(())
}

pub(crate) fn max_connections(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.socket.max_connections = a.number(0, i64::from(u32::MAX))?;
    Ok(())
}

pub(crate) fn max_connections_per_source(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.socket.max_connections_per_source = a.number(0, i64::from(u32::MAX))?;
    Ok(())
}

/// Nothing: as often as usual.
pub(crate) fn trigger_burst(limit: &mut TriggerLimit, a: &Assigned<'_>) -> Done {
    limit.burst = a.or_reset(|a| a.number(0, i64::from(u32::MAX)))?;
    Ok(())
}

/// Nothing: as long as usual.
pub(crate) fn trigger_interval(limit: &mut TriggerLimit, a: &Assigned<'_>) -> Done {
    limit.interval = a.or_reset(Assigned::finite)?;
    Ok(())
}

/// Kept as written; the last assignment holds.
pub(crate) fn socket_option(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let value = a.text()?;
    let Some(name) = a.directive else { return Ok(()) };
    draft.socket.options.retain(|(known, _)| *known != name);
    if !value.is_empty() {
        draft.socket.options.push((name, value));
    }
    Ok(())
}

pub(crate) fn on_calendar(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let text = a.text()?;
    if text.is_empty() {
        reset_timer(draft);
    } else if !a.scope.is_verbatim() || !text.contains('%') {
        draft.timer.on_calendar.push(text.parse()?);
    }
    Ok(())
}

pub(crate) fn since(draft: &mut Draft, a: &Assigned<'_>, since: Since) -> Done {
    if a.value.is_empty() {
        reset_timer(draft);
        return Ok(());
    }
    let span: Duration = a.finite()?;
    draft.timer.since.push((since, span));
    Ok(())
}

/// An empty assignment of any of them forgets all, calendar and spans.
fn reset_timer(draft: &mut Draft) {
    draft.timer.on_calendar.clear();
    draft.timer.since.clear();
}

pub(crate) fn watch(draft: &mut Draft, a: &Assigned<'_>, event: PathEvent) -> Done {
    let path = a.text()?;
    if path.is_empty() {
        draft.watch.paths.clear();
    } else if absolute(&path).is_some() || a.scope.is_verbatim() {
        draft.watch.paths.push((event, simple(&path)));
    } else {
        return Err(format!("{path:?} is no absolute path").into());
    }
    Ok(())
}

/// What it starts. In systemd's files whoever says so first is right, and none starts itself.
pub(crate) fn trigger(draft: &mut Draft, a: &Assigned<'_>, field: fn(&mut Draft) -> &mut Option<UnitName>) -> Done {
    let name = a.name(a.value)?;
    if name == draft.name {
        return Err("a unit cannot start itself".into());
    }
    if let Some(first) = field(draft).as_ref().filter(|_| !a.is_ours()) {
        return Err(format!("it starts {} already", first.as_str()).into());
    }
    *field(draft) = Some(name);
    Ok(())
}

pub(crate) fn place(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let text = a.text()?;
    if absolute(&text).is_none() && !a.scope.is_verbatim() {
        return Err(format!("{text:?} is no absolute path").into());
    }
    draft.mount.place = simple(&text);
    Ok(())
}

pub(crate) fn watch_mode(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.watch.directory_mode = Some(Mode::read(a.value)?);
    Ok(())
}

pub(crate) fn text(field: &mut String, a: &Assigned<'_>) -> Done {
    *field = a.text()?;
    Ok(())
}

pub(crate) fn mount_mode(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    draft.mount.directory_mode = Some(Mode::read(a.value)?);
    Ok(())
}

pub(crate) fn mount_timeout(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let timeout: Limit<Duration> = a.span_or_none()?;
    draft.mount.timeout = Some(timeout);
    Ok(())
}
