//! What `systemctl show` says of a unit, in the names and spellings of systemd 252.
//!
//! ```text
//!   UnitSet, name ─ show ─▶ (property, value)…       unit, relations ─ service │ socket │ timer │ path │ mount
//!                                                    exec, kill, cgroup  ┘
//! ```
//!
//! Only what the files say; what is so at run time (`ActiveState`, `MainPID`) is for who runs the unit
//! to add. A property with several values (`ExecStart`, `Listen`) comes several times. What systemd
//! would fill with a default of the machine's (`LimitNOFILE`, `TasksMax`) is left out where the unit
//! does not say it. `cargo xtask compare` holds this against the real one, `docs/systemd.md` says with
//! what result, and the recorded answers in `tests/systemd` are checked without it.

mod exec;
mod kinds;
mod log;
mod relations;
mod sandbox;
mod schedule;
mod service;
mod sheet;
mod words;

use crate::unit::{Body, EmergencyAction, Hardening, Reload, Service, ServiceType, Unit};
use crate::value::Limit;
use crate::{Entry, UnitName, UnitSet};
use relations::Mirror;
use sheet::Sheet;

pub use sheet::Property;
pub use words::span;

/// The properties of what is known under `name`, an alias or not. Of a unit that cannot be loaded there
/// are only few.
#[must_use]
pub fn show(set: &UnitSet, name: &UnitName) -> Vec<Property> {
    show_all(set, std::slice::from_ref(name)).pop().unwrap_or_default()
}

/// As [`show`], of several units for one walk over all others.
#[must_use]
pub fn show_all(set: &UnitSet, names: &[UnitName]) -> Vec<Vec<Property>> {
    let asked: Vec<&UnitName> = names.iter().map(|name| set.resolve(name)).collect();
    let mirror = Mirror::new(set, &asked);
    asked.into_iter().map(|name| one(set, &mirror, name)).collect()
}

fn one(set: &UnitSet, mirror: &Mirror<'_>, name: &UnitName) -> Vec<Property> {
    let mut sheet = Sheet::default();
    match set.entry(name) {
        Some(Entry::Unit(unit)) => {
            body(&mut sheet, unit);
            relations::show(&mut sheet, set, mirror, unit);
            common(&mut sheet, unit);
        }
        Some(Entry::Bad { first }) => {
            bare(&mut sheet, name, "bad-setting");
            sheet.put("FragmentPath", first.path.as_str());
            sheet.put("LoadError", first.message.as_str());
        }
        Some(Entry::Masked { .. }) => bare(&mut sheet, name, "masked"),
        None => bare(&mut sheet, name, "not-found"),
    }
    sheet.into_properties()
}

fn bare(sheet: &mut Sheet, name: &UnitName, state: &str) {
    sheet.put("Id", name.as_str());
    sheet.put("Names", name.as_str());
    sheet.put("Description", name.as_str());
    sheet.put("LoadState", state);
    for property in ["CanStart", "CanReload", "CanIsolate"] {
        sheet.flag(property, false);
    }
}

fn body(sheet: &mut Sheet, unit: &Unit) {
    match &unit.body {
        Body::Target => {}
        Body::Service(service) => {
            service::show(sheet, service);
            exec::show(sheet, unit, service);
        }
        Body::Socket(socket) => {
            kinds::socket(sheet, unit, socket);
            without_process(sheet, unit);
        }
        Body::Timer(timer) => kinds::timer(sheet, unit, timer),
        Body::Path(watch) => kinds::path(sheet, unit, watch),
        Body::Mount(mount) => {
            kinds::mount(sheet, mount);
            without_process(sheet, unit);
        }
        Body::Slice(slice) => {
            let above = unit.name.nested().into_iter().rev().nth(1);
            sheet.put("Slice", above.map_or_else(|| "-.slice".to_owned(), String::from));
            exec::resources(sheet, &slice.resources);
        }
        Body::Scope(scope) => {
            sheet.put("Slice", unit.slice().as_str().to_owned());
            service::scope(sheet, scope);
            exec::resources(sheet, &scope.resources);
        }
    }
}

/// systemd runs processes for these units, under directives of their own; here they have none, and nothing is said of how it would run.
fn without_process(sheet: &mut Sheet, unit: &Unit) {
    let mut nothing = Service::default();
    nothing.execution.ignore_sigpipe = true;
    nothing.execution.hardening.push(Hardening { directive: "KeyringMode", value: "shared".to_owned() });
    exec::show(sheet, unit, &nothing);
    service::stop(sheet, &nothing.stop);
    sheet.number("WatchdogSignal", nothing.watchdog_signal.number());
    sheet.flag("NonBlocking", nothing.non_blocking);
}

fn common(sheet: &mut Sheet, unit: &Unit) {
    sheet.list("RequiresMountsFor", unit.mounts_needed().iter().map(String::as_str));
    sheet.list("Documentation", unit.documentation.iter().map(String::as_str));
    sheet.put("Description", description(unit));
    sheet.put("LoadState", "loaded");
    sheet.put("FragmentPath", unit.sources.first().map_or("", String::as_str));
    sheet.put("SourcePath", unit.manner.source_path.as_deref().unwrap_or_default());
    sheet.list("DropInPaths", unit.sources.iter().skip(1).map(String::as_str));
    let manner = &unit.manner;
    sheet.flag("CanStart", !manner.refuse_manual_start);
    sheet.flag("CanStop", !manner.refuse_manual_stop);
    sheet.flag("CanReload", can_reload(unit));
    sheet.flag("CanIsolate", manner.allow_isolate);
    sheet.flag("StopWhenUnneeded", manner.stop_when_unneeded);
    sheet.flag("RefuseManualStart", manner.refuse_manual_start);
    sheet.flag("RefuseManualStop", manner.refuse_manual_stop);
    sheet.flag("AllowIsolate", manner.allow_isolate);
    sheet.flag("DefaultDependencies", unit.default_dependencies);
    sheet.flag("IgnoreOnIsolate", manner.ignore_on_isolate);
    // None: that of the unit.
    for (property, status) in [("FailureActionExitStatus", manner.failure_exit), ("SuccessActionExitStatus", manner.success_exit)] {
        sheet.put(property, status.map_or_else(|| "[not set]".to_owned(), |status| status.to_string()));
    }
    let job_timeout = manner.job_timeout.map_or(Limit::Max, Limit::At);
    sheet.span("JobTimeoutUSec", job_timeout);
    sheet.span("JobRunningTimeoutUSec", manner.job_running_timeout.unwrap_or(job_timeout));
    for (property, action) in [
        ("StartLimitAction", manner.start_limit_action),
        ("FailureAction", manner.failure_action),
        ("SuccessAction", manner.success_action),
        ("JobTimeoutAction", manner.job_timeout_action),
    ] {
        sheet.put(
            property,
            match action {
                EmergencyAction::None => "none",
                EmergencyAction::Reboot => "reboot",
                EmergencyAction::PowerOff => "poweroff",
                EmergencyAction::Halt => "halt",
                EmergencyAction::Exit => "exit",
            },
        );
    }
}

/// Its own, or what systemd says of a unit without one.
fn description(unit: &Unit) -> String {
    match &unit.body {
        _ if !unit.description.is_empty() => unit.description.clone(),
        Body::Mount(mount) => mount.place.clone(),
        Body::Slice(_) => format!("Slice /{}", unit.name.stem().replace('-', "/")),
        Body::Target | Body::Service(_) | Body::Socket(_) | Body::Timer(_) | Body::Path(_) | Body::Scope(_) => {
            unit.name.as_str().to_owned()
        }
    }
}

fn can_reload(unit: &Unit) -> bool {
    match &unit.body {
        Body::Service(service) => service.reload != Reload::Unsupported || service.kind == ServiceType::NotifyReload,
        Body::Mount(_) => true,
        Body::Target | Body::Socket(_) | Body::Timer(_) | Body::Path(_) | Body::Slice(_) | Body::Scope(_) => false,
    }
}
