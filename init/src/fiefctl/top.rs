//! `top`: what units use, again and again.

use std::time::Duration;

use units::control::{Detail, UnitRow};
use units::value::{Bytes, Limit, read_span};
use units::{Map, UnitName};

use super::line::{Line, Unclear};
use super::list::{boottime_us, memory, tasks};
use super::paint::Paint;
use super::session::{Failed, Session, code};
use super::standstill::pause;
use super::table::Table;
use super::words::size;
use super::{names, output, print_json};

/// Before the first table there is something to compare with.
const FIRST_LOOK: Duration = Duration::from_millis(500);

/// What is sorted by.
#[derive(Clone, Copy)]
enum Order {
    Cpu,
    Memory,
    Io,
    Tasks,
    Name,
}

/// What was used since the look before, in a second.
#[derive(Clone, Copy, Default)]
struct Rate {
    /// Hundredths of one processor.
    cpu: u64,
    read: u64,
    written: u64,
}

/// The counters of one look.
type Look = (u64, Map<UnitName, (u64, u64, u64)>);

/// `top`
pub(super) fn top(line: &Line) -> Result<u8, Failed> {
    let order = match line.value("order") {
        None | Some("cpu") => Order::Cpu,
        Some("memory") => Order::Memory,
        Some("io") => Order::Io,
        Some("tasks") => Order::Tasks,
        Some("name") => Order::Name,
        Some(odd) => return Err(Unclear::Bad("--order".to_owned(), format!("{odd:?} is none of cpu, memory, io, tasks, name")).into()),
    };
    let delay = match line.value("delay").map(read_span) {
        None => Duration::from_secs(2),
        Some(Ok(Limit::At(span))) if !span.is_zero() => span,
        Some(_) => return Err(Unclear::Bad("--delay".to_owned(), "a span like 2s is wanted".to_owned()).into()),
    };
    let paint = Paint::of_stdout();
    let batch = line.has("batch") || paint.width.is_none();
    let mut left: Option<u64> = line.number("iterations")?.or(batch.then_some(1));
    let mut session = Session::open()?;
    let mut before = look(&rows_of(&mut session, line)?);
    pause(delay.min(FIRST_LOOK));
    while left != Some(0) {
        let mut rows = rows_of(&mut session, line)?;
        if line.has("json") {
            print_json(&rows)?;
        } else {
            let now = look(&rows);
            let rates = rates(&before, &now);
            before = now;
            sort(&mut rows, &rates, order);
            output(&screen(&rows, &rates, paint, batch))?;
        }
        left = left.map(|left| left - 1);
        if left != Some(0) {
            pause(delay);
        }
    }
    Ok(code::OK)
}

fn rows_of(session: &mut Session, line: &Line) -> Result<Vec<UnitRow>, Failed> {
    let mut rows = names::rows(session, &line.operands, &[Detail::Account])?;
    rows.retain(|row| !row.account.is_empty());
    Ok(rows)
}

fn look(rows: &[UnitRow]) -> Look {
    let bytes = |bytes: Option<Bytes>| bytes.map_or(0, |bytes| bytes.0);
    let counters = |row: &UnitRow| (row.account.cpu_usage_us.unwrap_or(0), bytes(row.account.io_read), bytes(row.account.io_written));
    (boottime_us(), rows.iter().map(|row| (row.name.clone(), counters(row))).collect())
}

fn rates((from, before): &Look, (to, now): &Look) -> Map<UnitName, Rate> {
    let span = to.saturating_sub(*from).max(1);
    let per_second = |used: u64| used.saturating_mul(1_000_000) / span;
    // Without a look before, a unit has used nothing yet; one that was restarted began from nothing.
    now.iter()
        .map(|(name, (cpu, read, written))| {
            let (cpu0, read0, written0) = before.get(name).copied().filter(|old| old.0 <= *cpu).unwrap_or((*cpu, *read, *written));
            let rate = Rate {
                cpu: per_second(cpu - cpu0) / 10_000,
                read: per_second(read.saturating_sub(read0)),
                written: per_second(written.saturating_sub(written0)),
            };
            (name.clone(), rate)
        })
        .collect()
}

fn sort(rows: &mut [UnitRow], rates: &Map<UnitName, Rate>, order: Order) {
    let rate = |row: &UnitRow| rates.get(&row.name).copied().unwrap_or_default();
    // Stable: those that are equal stay in the order of their names.
    units::order::by_key(rows, |row| {
        std::cmp::Reverse(match order {
            Order::Cpu => rate(row).cpu,
            Order::Memory => memory(row).0,
            Order::Io => rate(row).read.saturating_add(rate(row).written),
            Order::Tasks => row.account.tasks_current.unwrap_or(0),
            Order::Name => 0,
        })
    });
}

fn screen(rows: &[UnitRow], rates: &Map<UnitName, Rate>, paint: Paint, batch: bool) -> String {
    let mut table = Table::new(&["UNIT", ">CPU %", ">MEMORY", ">TASKS", ">READ/s", ">WRITTEN/s"]);
    for row in rows {
        let rate = rates.get(&row.name).copied().unwrap_or_default();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.row(vec![
            row.name.to_string(),
            rate.cpu.to_string(),
            or_dash(row.account.memory_current.map(size)),
            or_dash(tasks(row)),
            or_dash(row.account.io_read.map(|_| size(Bytes(rate.read)))),
            or_dash(row.account.io_written.map(|_| size(Bytes(rate.written)))),
        ]);
    }
    let text = table.render(paint, true);
    if batch {
        return text;
    }
    // Home, each line over the old one, and what was below it gone: nothing flickers.
    let most = paint.height.unwrap_or(usize::MAX).saturating_sub(1);
    let lines: String = text.lines().take(most).map(|line| format!("{line}\x1b[K\n")).collect();
    format!("\x1b[H{lines}\x1b[J")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fiefctl::boot::tests::row;

    fn used(name: &str, cpu_us: u64, memory: u64) -> UnitRow {
        let mut row = row(name, None);
        row.account.cpu_usage_us = Some(cpu_us);
        row.account.memory_current = Some(Bytes(memory));
        row
    }

    #[test]
    fn who_uses_most_is_first_and_a_restart_is_no_use_in_the_past() {
        let before = (1_000_000, look(&[used("a", 0, 0), used("b", 0, 0), used("again", 900, 0)]).1);
        let mut rows = vec![used("a", 500_000, 1 << 20), used("again", 7, 1), used("b", 1_000_000, 1 << 10)];
        let rates = rates(&before, &(3_000_000, look(&rows).1));
        sort(&mut rows, &rates, Order::Cpu);
        expect_test::expect![[r#"
            UNIT   CPU %   MEMORY  TASKS  READ/s  WRITTEN/s
            b         50  1.0 KiB      -       -          -
            a         25  1.0 MiB      -       -          -
            again      0      1 B      -       -          -
        "#]]
        .assert_eq(&screen(&rows, &rates, Paint::plain(), true));
        sort(&mut rows, &rates, Order::Memory);
        assert_eq!(rows.first().unwrap().name.to_string(), "a");
        assert!(screen(&rows, &rates, Paint::plain(), false).starts_with("\x1b[H"));
    }
}
