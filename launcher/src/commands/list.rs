//! `fief list`.

use crate::cli::ListContainers;
use crate::config::Host;
use crate::error::Error;
use crate::store;

use super::status::{self, Status};
use super::{adopt, output};

pub(super) fn run(host: &Host, args: &ListContainers) -> Result<(), Error> {
    let mut all = Vec::new();
    for (name, config) in store::all(host)? {
        // Whoever lists wants to know; one that cannot be healed is shown as it is.
        if let Err(error) = adopt::heal(host, &name) {
            log::warn!("{}", error.line());
        }
        let status = status::of(host, &name, config)?;
        if !args.running || status.pid.is_some() {
            all.push(status);
        }
    }
    if args.how.quiet {
        return output::lines(all.iter().map(|status| status.name.as_str()));
    }
    if args.how.json {
        return output::json(&all);
    }
    let head = ["NAME", "STATE", "ADDRESSES", "MEMORY", "PROCS", "CPU", "UPTIME", "TEMPLATE", "PID"];
    output::table(&head, &all.iter().map(row).collect::<Vec<_>>())
}

fn row(status: &Status) -> Vec<String> {
    let bare = |cidr: &String| cidr.split('/').next().unwrap_or_default().to_owned();
    vec![
        status.name.clone(),
        status.state.to_owned(),
        status.addresses.iter().map(bare).collect::<Vec<_>>().join("\n"),
        status::of_limit(status.memory, status::bytes),
        status::of_limit(status.procs, |count| count.to_string()),
        status.cpu_usage_us.map(cpu_time).unwrap_or_default(),
        status.uptime_seconds.map(status::time).unwrap_or_default(),
        status.template.clone().unwrap_or_default(),
        status.pid.map(|pid| pid.to_string()).unwrap_or_default(),
    ]
}

/// Processor time for people: tenths of a second while it is short.
pub(super) fn cpu_time(microseconds: u64) -> String {
    match microseconds / 1_000_000 {
        seconds @ 0..60 => format!("{seconds}.{}s", microseconds / 100_000 % 10),
        seconds => status::time(seconds),
    }
}
