//! What the supervisor tells, in words: for the console, the unit's log and the keeper.

use std::time::Duration;

use supervisor::{Moment, Notice};
use units::{UnitKind, UnitName};

use crate::console::Tone;

/// A notice in words.
#[derive(Debug)]
pub(crate) struct Telling<'a> {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    pub(crate) unit: Option<&'a UnitName>,
    /// Worth a line on the console, and not only in the log.
    pub(crate) loud: bool,
}

/// Put a notice into words; `now` says how far away a moment is.
pub(crate) fn words(notice: &Notice, now: Moment) -> Telling<'_> {
    let about = |unit, tone, loud, text: String| Telling { text, tone, unit: Some(unit), loud };
    match notice {
        Notice::Starting(unit) => about(unit, Tone::Quiet, false, format!("starting {unit}")),
        Notice::Started(unit, _) if unit.kind() == UnitKind::Target => about(unit, Tone::Plain, true, format!("reached {unit}")),
        Notice::Started(unit, took) => about(unit, Tone::Good, true, format!("started {unit}{}", slow(*took))),
        Notice::Skipped(unit, why) => about(unit, Tone::Quiet, false, format!("skipped {unit}: {why}")),
        Notice::Failed(unit, cause) => about(unit, Tone::Bad, true, format!("failed  {unit}: {cause}")),
        Notice::Fell { unit, cause, again_at } => {
            let pause = span(again_at.since(now));
            about(unit, Tone::Notice, true, format!("{unit} fell: {cause}; again in {pause}"))
        }
        Notice::Finished(unit) => about(unit, Tone::Quiet, false, format!("{unit} has finished")),
        Notice::Ignored(unit, run, exit) => {
            about(unit, Tone::Quiet, false, format!("{unit}: {} command {}: {exit}, ignored", run.phase, run.index + 1))
        }
        Notice::Stopping(unit) => about(unit, Tone::Quiet, false, format!("stopping {unit}")),
        Notice::Stopped(unit) => about(unit, Tone::Plain, unit.kind() != UnitKind::Target, format!("stopped {unit}")),
        Notice::Aborting(unit) => about(unit, Tone::Notice, true, format!("aborting {unit}: it takes too long to stop")),
        Notice::Killing(unit) => about(unit, Tone::Notice, true, format!("killing {unit}: it takes too long to stop")),
        Notice::LeftBehind(unit) => about(unit, Tone::Bad, true, format!("{unit} leaves processes behind that do not die")),
        Notice::OutOfMemory(unit) => about(unit, Tone::Bad, true, format!("{unit}: the kernel killed a process of it for want of memory")),
        Notice::BusNotAsked(unit) => about(
            unit,
            Tone::Quiet,
            false,
            format!("{unit} counts as started when its program runs: the message bus is not asked for its name"),
        ),
        Notice::WaitedTooLong(unit) => about(unit, Tone::Bad, true, format!("{unit} is waited for no longer: its job took too long")),
        Notice::Wanted(unit, way) => about(unit, Tone::Notice, true, format!("{unit} ended in a way that asks for {way}")),
        Notice::Status(unit, text) => about(unit, Tone::Quiet, false, format!("{unit} says: {text}")),
        Notice::BootFinished { up, failed, skipped, took } => {
            let tone = if *failed == 0 { Tone::Good } else { Tone::Bad };
            Telling { text: boot(*up, *failed, *skipped, *took), tone, unit: None, loud: true }
        }
        Notice::Leaving(way, until) => Telling {
            text: format!("leaving ({way}): stopping units, at most {}", span(until.since(now))),
            tone: Tone::Notice,
            unit: None,
            loud: true,
        },
        Notice::Hurrying(way) => Telling { text: format!("leaving ({way}) at once"), tone: Tone::Notice, unit: None, loud: true },
    }
}

/// The line that sums a boot up.
pub(crate) fn boot(up: u32, failed: u32, skipped: u32, took: Duration) -> String {
    let mut text = format!("booted in {}: {up} up", span(took));
    for (count, word) in [(failed, "failed"), (skipped, "skipped")] {
        if count > 0 {
            text.push_str(&format!(", {count} {word}"));
        }
    }
    text
}

fn slow(took: Duration) -> String {
    if took < Duration::from_millis(500) { String::new() } else { format!(" ({})", span(took)) }
}

/// "350 ms", "1.2 s", "3 min 20 s", "2 h 5 min", "3 d 4 h".
pub(crate) fn span(span: Duration) -> String {
    let seconds = if span.as_secs() < 10 { span.as_secs() } else { span.saturating_add(Duration::from_millis(500)).as_secs() };
    match seconds {
        0 => format!("{} ms", span.as_millis()),
        1..10 => format!("{:.1} s", span.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}
