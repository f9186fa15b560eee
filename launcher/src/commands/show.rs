//! `fief show`.

use crate::cli::Show;
use crate::config::Host;
use crate::error::Error;
use crate::store;

use super::status::{self, Status};
use super::{adopt, list, output};

pub(super) fn run(host: &Host, args: &Show) -> Result<(), Error> {
    let config = store::find(host, &args.name)?;
    if let Err(error) = adopt::heal(host, &args.name) {
        log::warn!("{}", error.line());
    }
    let status = status::of(host, &args.name, Ok(config))?;
    if args.json { output::json(&status) } else { output::text(&sheet(host, &status)) }
}

/// One line per fact; what is not known is left out.
fn sheet(host: &Host, status: &Status) -> String {
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let ready = |state: &str| if state == "running" && !status.ready { format!("{state}, not ready") } else { state.into() };
    let name = status.name.parse().ok();
    let facts: [(&str, Option<String>); 24] = [
        ("name", Some(status.name.clone())),
        ("state", Some(ready(status.state))),
        ("status", status.status.clone()),
        ("hostname", status.hostname.clone()),
        ("template", status.template.clone()),
        ("start on boot", Some(if status.onboot { "yes" } else { "no" }.to_owned())),
        ("addresses", Some(status.addresses.join(" ")).filter(|text| !text.is_empty())),
        ("bridge", status.bridge.clone()),
        ("link on the host", status.host_link.clone()),
        ("uptime", status.uptime_seconds.map(status::time)),
        ("boot", status.boot.map(|boot| boot.to_string())),
        ("init's pid", status.pid.map(|pid| pid.to_string())),
        ("keeper's pid", status.keeper_pid.map(|pid| pid.to_string())),
        ("memory", Some(status::of_limit(status.memory, status::bytes)).filter(|text| !text.is_empty())),
        ("memory peak", status.memory.peak.map(status::bytes)),
        ("swap", Some(status::of_limit(status.swap, status::bytes)).filter(|text| !text.is_empty())),
        ("killed for memory", number(status.oom_kills)),
        ("processes", Some(status::of_limit(status.procs, |count| count.to_string())).filter(|text| !text.is_empty())),
        ("cpu time", status.cpu_usage_us.map(list::cpu_time)),
        ("cpu held back", status.cpu_throttled_us.map(list::cpu_time)),
        ("cpus", status.cpus_limit.map(|cpus| cpus.to_string())),
        ("cpu weight", status.cpu_weight.map(|weight| weight.to_string())),
        ("ids on the host", status.id_base.map(|base| format!("{base} to {}", base.saturating_add(65_535)))),
        ("files", name.map(|name| host.paths.container(&name).display().to_string())),
    ];
    let known = facts.into_iter().filter_map(|(key, value)| Some((key, value?)));
    known.map(|(key, value)| format!("{:<18} {value}\n", format!("{key}:"))).collect()
}
