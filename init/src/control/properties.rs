//! What systemctl(1) `show` says of a unit, in its words: what its files say, by [`units::show`], and what
//! is so at run time.

use units::control::UnitRow;
use units::show::{Property, show_all};
use units::value::{Bytes, Limit};
use units::{UnitName, UnitSet};

/// What systemd says where a counter is not kept.
const NOT_SET: &str = "[not set]";

/// Fills in the properties of rows whose accounts are filled in, for one walk over all units.
pub(super) fn fill(rows: &mut [UnitRow], units: &UnitSet) {
    let names: Vec<UnitName> = rows.iter().map(|row| row.name.clone()).collect();
    for (row, written) in rows.iter_mut().zip(show_all(units, &names)) {
        row.properties = of(row, written);
    }
}

fn of(row: &UnitRow, written: Vec<Property>) -> Vec<(String, String)> {
    let now = at_run_time(row);
    // Where both know of one, what is so counts.
    let written = written.into_iter().filter(|(key, _)| !now.iter().any(|(other, _)| other == key));
    written.chain(now.iter().map(|(key, value)| (*key, value.clone()))).map(|(key, value)| (key.to_owned(), value)).collect()
}

fn at_run_time(row: &UnitRow) -> Vec<(&'static str, String)> {
    let number = |value: Option<u64>| value.map_or_else(|| NOT_SET.to_owned(), |value| value.to_string());
    let bytes = |value: Option<Bytes>| number(value.map(|bytes| bytes.0));
    let moment = |value: Option<u64>| value.unwrap_or(0).to_string();
    let account = &row.account;
    let tasks_max = match account.tasks_max {
        Some(Limit::At(tasks)) => tasks.to_string(),
        Some(Limit::Max) | None => "infinity".to_owned(),
    };
    vec![
        ("LoadState", row.load.to_string()),
        ("ActiveState", row.active.to_string()),
        ("SubState", row.sub.clone()),
        ("FreezerState", if row.frozen { "frozen" } else { "running" }.to_owned()),
        ("StatusText", row.status.clone().unwrap_or_default()),
        ("NRestarts", row.restarts.to_string()),
        ("MainPID", row.main_pid.unwrap_or(0).to_string()),
        ("Job", row.job.as_ref().map(|job| job.kind.clone()).unwrap_or_default()),
        ("ControlGroup", row.cgroup.clone().unwrap_or_default()),
        ("MemoryCurrent", bytes(account.memory_current)),
        ("MemoryPeak", bytes(account.memory_peak)),
        ("MemorySwapCurrent", bytes(account.swap_current)),
        ("CPUUsageNSec", number(account.cpu_usage_us.map(|micros| micros.saturating_mul(1000)))),
        ("TasksCurrent", number(account.tasks_current)),
        ("EffectiveTasksMax", tasks_max),
        ("IOReadBytes", bytes(account.io_read)),
        ("IOWriteBytes", bytes(account.io_written)),
        ("InactiveExitTimestampMonotonic", moment(row.moments.began_us)),
        ("ActiveEnterTimestampMonotonic", moment(row.moments.up_us)),
        ("InactiveEnterTimestampMonotonic", moment(row.moments.down_us)),
        ("NextElapseUSecMonotonic", moment(row.next_us)),
        ("LastTriggerUSecMonotonic", moment(row.last_us)),
    ]
}
