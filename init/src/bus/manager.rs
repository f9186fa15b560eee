//! What PID 1 is asked to do and to tell: the interface org.freedesktop.systemd1.Manager.

use kernel::cgroup::{Group, Hierarchies};
use units::UnitName;
use units::control::{ActiveState, Detail, EnvironmentRequest, KillWhom, LoadState, Outcome, Request, SystemState, UnitRow, Way};
use units::value::Signal;

use super::answer::{Answer, Answered, Fault, names};
use super::jobs::Purpose;
use super::message::{Body, Message};
use super::object::{self, job_path, unit_path};
use super::server::Server;
use super::wire::Writer;
use super::{files, transient, types};
use crate::fiefctl::session::{Failed, Session};
use crate::fiefctl::{power, set, standstill, status};
use crate::systemctl::names::{fits, is_in_memory, rows};
use crate::systemctl::unfit::{self, Denied, Unfit, is_through};
use crate::systemctl::{environment as variables, jobs, list, show, status as of_process};

pub(super) const PATH: &str = "/org/freedesktop/systemd1";
pub(super) const INTERFACE: &str = "org.freedesktop.systemd1.Manager";

/// More units nobody names at once.
const MOST_NAMES: usize = 1024;

/// One call: whose it is, and what it says.
pub(super) struct Call<'c, 'm> {
    pub(super) server: &'c mut Server,
    pub(super) client: u64,
    pub(super) message: &'c Message<'m>,
}

type Method = fn(&mut Call<'_, '_>) -> Answered;

/// Each method with the types of what it is given.
const METHODS: &[(&str, &str, Method)] = &[
    ("Subscribe", "", |_| Answer::done()),
    ("Unsubscribe", "", |_| Answer::done()),
    ("GetUnit", "s", get_unit),
    ("LoadUnit", "s", |call| Answer::path(&unit_path(&call.unit()?))),
    ("GetUnitByPID", "u", get_unit_by_pid),
    ("RefUnit", "s", |call| call.unit().and_then(|_| Answer::done())),
    ("UnrefUnit", "s", |call| call.unit().and_then(|_| Answer::done())),
    ("StartUnitReplace", "sss", start_in_the_place),
    ("StartUnitWithFlags", "sst", start_with_flags),
    ("EnqueueUnitJob", "sss", enqueue),
    ("StartTransientUnit", "ssa(sv)a(sa(sv))", transient::start),
    ("SetEnvironment", "as", |call| environment(Vec::new(), call.names()?)),
    ("UnsetEnvironment", "as", |call| environment(call.names()?, Vec::new())),
    ("UnsetAndSetEnvironment", "asas", |call| call.both_lists().and_then(|(unset, set)| environment(unset, set))),
    ("KillUnit", "ssi", kill),
    ("FreezeUnit", "s", freeze),
    ("ThawUnit", "s", thaw),
    ("ResetFailed", "", reset_all_failed),
    ("ResetFailedUnit", "s", reset_failed),
    ("SetUnitProperties", "sba(sv)", set_properties),
    ("ListUnits", "", |call| list_units(call, &[], &[])),
    ("ListUnitsFiltered", "as", |call| list_units(call, &call.names()?, &[])),
    ("ListUnitsByPatterns", "asas", list_by_patterns),
    ("ListUnitsByNames", "as", list_by_names),
    ("GetUnitProcesses", "s", processes),
    ("ListJobs", "", list_jobs),
    ("CancelJob", "u", cancel_job),
    ("ClearJobs", "", |_| cancel(Vec::new())),
    ("Reload", "", reload),
    ("Reexecute", "", |_| power::renew().map_err(Fault::from).and_then(|()| Answer::done())),
    ("PowerOff", "", |_| leave(Way::Poweroff)),
    ("Halt", "", |_| leave(Way::Halt)),
    ("Reboot", "", |_| leave(Way::Reboot)),
    // There is no other kernel to begin with.
    ("KExec", "", |_| leave(Way::Reboot)),
    ("Exit", "", |_| leave(Way::Exit(0))),
    ("ListUnitFiles", "", |call| files::list(call, &[], &[])),
    ("ListUnitFilesByPatterns", "asas", list_files_by_patterns),
    ("GetUnitFileState", "s", files::state),
    ("GetUnitFileLinks", "sb", files::links),
    ("GetDefaultTarget", "", files::default_target),
    ("SetDefaultTarget", "sb", files::set_default_target),
    ("EnableUnitFiles", "asbb", |call| files::change(call, "enable")),
    ("EnableUnitFilesWithFlags", "ast", |call| files::change(call, "enable")),
    ("ReenableUnitFiles", "asbb", |call| files::change(call, "reenable")),
    ("DisableUnitFiles", "asb", |call| files::change(call, "disable")),
    ("DisableUnitFilesWithFlags", "ast", |call| files::change(call, "disable")),
    ("LinkUnitFiles", "asbb", |call| files::change(call, "link")),
    ("MaskUnitFiles", "asbb", |call| files::change(call, "mask")),
    ("UnmaskUnitFiles", "asb", |call| files::change(call, "unmask")),
    ("PresetUnitFiles", "asbb", |call| files::change(call, "preset")),
    ("PresetUnitFilesWithMode", "assbb", |call| files::change(call, "preset")),
    ("PresetAllUnitFiles", "sbb", files::preset_all),
    ("RevertUnitFiles", "as", files::revert),
    ("AddDependencyUnitFiles", "asssbb", files::add_dependency),
];

/// The methods `(name, mode) -> job`, and our verbs for them.
const VERBS: [(&str, &str); 7] = [
    ("StartUnit", "start"),
    ("StopUnit", "stop"),
    ("ReloadUnit", "reload"),
    ("RestartUnit", "restart"),
    ("TryRestartUnit", "try-restart"),
    ("ReloadOrRestartUnit", "reload-or-restart"),
    ("ReloadOrTryRestartUnit", "try-reload-or-restart"),
];

/// How a job takes its place among others; only what isolates is not like the rest, since PID 1 has one way.
const MODES: [&str; 8] = [
    "replace",
    "fail",
    "replace-irreversibly",
    "ignore-dependencies",
    "ignore-requirements",
    "flush",
    "triggering",
    "restart-dependencies",
];

/// Our verb for a method.
pub(super) fn verb(method: &str) -> Option<&'static str> {
    VERBS.iter().find(|(known, _)| *known == method).map(|(_, verb)| *verb)
}

/// A call of PID 1.
pub(super) fn call(server: &mut Server, client: u64, message: &Message<'_>) -> Answered {
    if let Some(answered) = object::common(message, |_, _| properties()) {
        return answered;
    }
    if !matches!(message.interface, INTERFACE | "") {
        return Err(object::unknown(message));
    }
    let mut call = Call { server, client, message };
    if let (Some(verb), "ss") = (verb(message.member), message.signature) {
        let mut values = message.body();
        let (name, mode) = (values.string()?, values.string()?);
        return job(call.server, verb, name, mode).and_then(|id| Answer::path(&job_path(id)));
    }
    match METHODS.iter().find(|(member, ..)| *member == message.member) {
        Some((_, signature, method)) if *signature == message.signature => method(&mut call),
        Some((_, signature, _)) => {
            let text = format!("Invalid arguments '{}' to call {}(), expecting '{signature}'.", message.signature, message.member);
            Err(Fault::new(names::INVALID_ARGS, text))
        }
        None => Err(object::unknown(message)),
    }
}

impl Call<'_, '_> {
    /// Its first value, the name of a unit.
    fn unit(&self) -> Result<UnitName, Fault> {
        named(self.message.body().string()?)
    }

    /// Its first value, words.
    pub(super) fn names(&self) -> Result<Vec<String>, Fault> {
        bounded(self.message.body().strings()?)
    }

    fn both_lists(&self) -> Result<(Vec<String>, Vec<String>), Fault> {
        let mut values = self.message.body();
        Ok((bounded(values.strings()?)?, bounded(values.strings()?)?))
    }
}

fn bounded(names: Vec<&str>) -> Result<Vec<String>, Fault> {
    if names.len() > MOST_NAMES {
        return Err(Fault::new(names::LIMITS_EXCEEDED, "too many names"));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// A unit by its whole name, as nothing else is one here.
pub(super) fn named(name: &str) -> Result<UnitName, Fault> {
    let invalid = || Fault::new(names::INVALID_ARGS, format!("Unit name {name} is not valid."));
    UnitName::new(name).ok().filter(|unit| unit.as_str() == name).ok_or_else(invalid)
}

fn not_loaded(unit: &UnitName) -> Fault {
    Fault::new(names::NO_SUCH_UNIT, format!("Unit {} not loaded.", unit.as_str()))
}

/// The row of a unit, its files read anew if it has come since.
fn row(unit: &UnitName, with: &[Detail]) -> Result<UnitRow, Fault> {
    rows(&mut Session::open()?, std::slice::from_ref(unit), with)?.pop().ok_or_else(|| not_loaded(unit))
}

/// The row of a unit that systemd would have in memory.
fn loaded(unit: &UnitName) -> Result<UnitRow, Fault> {
    let row = row(unit, &[])?;
    if row.load == LoadState::NotFound && !is_in_memory(&row) { Err(not_loaded(unit)) } else { Ok(row) }
}

fn properties() -> Result<Vec<types::Property>, Fault> {
    let mut session = Session::open()?;
    let hello = session.hello()?;
    Ok(types::typed(show::of_system(&mut session)?, types::of_system(&hello)))
}

/// Begins a job; its number.
pub(super) fn job(server: &mut Server, verb: &'static str, name: &str, mode: &str) -> Result<u32, Fault> {
    let isolates = mode == "isolate";
    if !isolates && !MODES.contains(&mode) {
        return Err(Fault::new(names::INVALID_ARGS, format!("Job mode {mode} invalid")));
    }
    let row = row(&named(name)?, &[Detail::Properties])?;
    if is_through(&row, verb) {
        return Ok(server.job_without_work(row.name));
    }
    refusal(verb, isolates, &row)?;
    let id = server.new_job();
    let request = jobs::request(verb, isolates, false, vec![row.name.clone()]);
    server.send(&request, Purpose::Job { id, unit: row.name, verb })?;
    Ok(id)
}

/// What systemd says before it makes a job.
fn refusal(verb: &str, isolates: bool, row: &UnitRow) -> Result<(), Fault> {
    let name = row.name.as_str();
    if let Some(unfit) = Unfit::of(row, verb) {
        let error = match unfit {
            Unfit::NoInstance => names::INVALID_ARGS,
            Unfit::NotLoaded | Unfit::NotFound => names::NO_SUCH_UNIT,
            Unfit::Masked => names::UNIT_MASKED,
            Unfit::Bad => names::BAD_SETTING,
            Unfit::NoReload => names::NOT_APPLICABLE,
        };
        return Err(Fault::new(error, unfit.why(name)));
    }
    let is = |key: &str, value: &str| row.properties.iter().any(|(known, is)| known == key && is == value);
    let (starts, stops) = match verb {
        "start" => (true, false),
        "stop" => (false, true),
        "restart" | "try-restart" => (true, true),
        // Where it is up, it is reloaded.
        "reload-or-restart" => (row.active == ActiveState::Inactive, false),
        _ => (false, false),
    };
    if (starts && is("RefuseManualStart", "yes")) || (stops && is("RefuseManualStop", "yes")) {
        return Err(Fault::new(names::ONLY_BY_DEPENDENCY, unfit::by_dependency_only(name)));
    }
    if isolates && is("CanIsolate", "no") {
        return Err(Fault::new(names::NO_ISOLATION, "Operation refused, unit may not be isolated."));
    }
    if Session::open()?.hello()?.state == SystemState::Stopping {
        return Err(Fault::new(names::DESTRUCTIVE, unfit::is_leaving(name, verb)));
    }
    Ok(())
}

fn get_unit(call: &mut Call<'_, '_>) -> Answered {
    Answer::path(&unit_path(&loaded(&call.unit()?)?.name))
}

fn get_unit_by_pid(call: &mut Call<'_, '_>) -> Answered {
    let pid = call.message.body().u32()?;
    let unit = of_process::unit_of(pid).and_then(|name| UnitName::new(&name).ok());
    let nobodys = || Fault::new(names::NO_UNIT_FOR_PID, format!("PID {pid} does not belong to any loaded unit."));
    Answer::path(&unit_path(&unit.ok_or_else(nobodys)?))
}

fn start_in_the_place(call: &mut Call<'_, '_>) -> Answered {
    let mut values = call.message.body();
    let [_, name, mode] = [values.string()?, values.string()?, values.string()?];
    job(call.server, "start", name, mode).and_then(|id| Answer::path(&job_path(id)))
}

fn start_with_flags(call: &mut Call<'_, '_>) -> Answered {
    let mut values = call.message.body();
    let (name, mode) = (values.string()?, values.string()?);
    job(call.server, "start", name, mode).and_then(|id| Answer::path(&job_path(id)))
}

fn enqueue(call: &mut Call<'_, '_>) -> Answered {
    let mut values = call.message.body();
    let [name, kind, mode] = [values.string()?, values.string()?, values.string()?];
    let verb = match kind {
        "reload-or-start" => Some("reload-or-restart"),
        kind => VERBS.iter().map(|(_, verb)| *verb).find(|verb| *verb == kind),
    };
    let verb = verb.ok_or_else(|| Fault::new(names::INVALID_ARGS, format!("Job type {kind} invalid")))?;
    let id = job(call.server, verb, name, mode)?;
    Ok(Answer::Now(Body::new("uososa(uosos)", |out| {
        out.u32(id);
        out.string(&job_path(id));
        out.string(name);
        out.string(&named(name).map_or_else(|_| "/".to_owned(), |unit| unit_path(&unit)));
        out.string(kind);
        // Which others come with it is decided when it is their turn.
        out.array("(uosos)", |_| ());
    })))
}

fn kill(call: &mut Call<'_, '_>) -> Answered {
    let mut values = call.message.body();
    let (name, whom, signal) = (values.string()?, values.string()?, values.i32()?);
    let invalid = || Fault::new(names::INVALID_ARGS, format!("Invalid who argument {whom}"));
    let whom = if whom.is_empty() { KillWhom::All } else { unfit::whom(whom).ok_or_else(invalid)? };
    let signal = Signal::read(&signal.to_string()).map_err(|_| Fault::new(names::INVALID_ARGS, "Signal number out of range."))?;
    let unit = named(name)?;
    let row = row(&unit, &[])?;
    if !is_in_memory(&row) {
        return Err(not_loaded(&unit));
    }
    let outcome = one_done(&Request::Kill { units: vec![row.name], whom, signal })?;
    Denied::signal(whom, outcome).map_err(|denied| fault(names::NO_SUCH_PROCESS, denied))?;
    Answer::done()
}

/// `nobody` is the error where there are no processes.
fn fault(nobody: &'static str, denied: Denied) -> Fault {
    let name = if matches!(denied, Denied::Nobody(_)) { nobody } else { names::FAILED };
    Fault::new(name, denied.why())
}

/// What became of the only unit of a request.
fn one_done(request: &Request) -> Result<Option<Outcome>, Failed> {
    Ok(Session::open()?.done(request)?.pop().map(|result| result.outcome))
}

fn stands_still(outcome: Option<Outcome>) -> Answered {
    Denied::standstill(outcome).map_err(|denied| fault(names::UNIT_INACTIVE, denied))?;
    Answer::done()
}

fn freeze(call: &mut Call<'_, '_>) -> Answered {
    let row = loaded(&call.unit()?)?;
    stands_still(standstill::freeze(&mut Session::open()?, vec![row.name])?.pop().map(|result| result.outcome))
}

fn thaw(call: &mut Call<'_, '_>) -> Answered {
    stands_still(one_done(&Request::Thaw { units: vec![loaded(&call.unit()?)?.name] })?)
}

fn reset_all_failed(_call: &mut Call<'_, '_>) -> Answered {
    Session::open()?.done(&Request::ResetFailed { units: Vec::new() })?;
    Answer::done()
}

fn reset_failed(call: &mut Call<'_, '_>) -> Answered {
    let row = loaded(&call.unit()?)?;
    Session::open()?.done(&Request::ResetFailed { units: vec![row.name] })?;
    Answer::done()
}

fn set_properties(call: &mut Call<'_, '_>) -> Answered {
    let mut values = call.message.body();
    let (name, runtime) = (values.string()?, values.boolean()?);
    let assignments = values.array(8, |values| {
        values.align(8)?;
        Ok((values.string()?.to_owned(), types::assigned(values)?))
    })?;
    let unit = named(name)?;
    let mut changes = Vec::new();
    for (property, value) in assignments {
        let odd =
            || Fault::new("org.freedesktop.DBus.Error.PropertyReadOnly", format!("Cannot set property {property}, or unknown property."));
        changes.push(types::assignment(&property, value).ok_or_else(odd)?);
    }
    match set::assign(unit.as_str(), &changes, runtime) {
        Err(Failed::NoSuchUnit(_)) => Err(Fault::new(names::NO_SUCH_UNIT, format!("Unit {} not found.", unit.as_str()))),
        Err(other) => Err(other.into()),
        Ok(_) => Answer::done(),
    }
}

/// `(ssssssouso)` each: name, description, load, active and finer state, whom it follows, its path, and its job.
fn rows_of(rows: &[UnitRow]) -> Body {
    Body::new("a(ssssssouso)", |out| {
        out.array("(ssssssouso)", |out| rows.iter().for_each(|row| row_of(out, row)));
    })
}

fn row_of(out: &mut Writer, row: &UnitRow) {
    let description = if row.description.is_empty() { row.name.as_str() } else { &row.description };
    out.structure();
    for text in [row.name.as_str(), description, &row.load.to_string(), &row.active.to_string(), list::sub(row), ""] {
        out.string(text);
    }
    out.string(&unit_path(&row.name));
    out.u32(row.job.as_ref().map_or(0, |job| job.number));
    out.string(row.job.as_ref().map_or("", |job| &job.kind));
    out.string(&row.job.as_ref().map_or_else(|| "/".to_owned(), |job| job_path(job.number)));
}

fn list_units(_call: &mut Call<'_, '_>, states: &[String], patterns: &[String]) -> Answered {
    let mut rows = Session::open()?.rows(&[], &[])?;
    let is_state = |row: &UnitRow| {
        let (load, active) = (row.load.to_string(), row.active.to_string());
        states.is_empty() || states.iter().any(|state| [&*load, &*active, list::sub(row)].contains(&&**state))
    };
    rows.retain(|row| is_state(row) && (patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, row))));
    Ok(Answer::Now(rows_of(&rows)))
}

fn list_by_patterns(call: &mut Call<'_, '_>) -> Answered {
    let (states, patterns) = call.both_lists()?;
    list_units(call, &states, &patterns)
}

fn list_by_names(call: &mut Call<'_, '_>) -> Answered {
    let wanted: Vec<UnitName> = call.names()?.iter().map(|name| named(name)).collect::<Result<_, _>>()?;
    let found = if wanted.is_empty() { Vec::new() } else { rows(&mut Session::open()?, &wanted, &[])? };
    Ok(Answer::Now(rows_of(&found)))
}

fn list_files_by_patterns(call: &mut Call<'_, '_>) -> Answered {
    let (states, patterns) = call.both_lists()?;
    files::list(call, &states, &patterns)
}

fn processes(call: &mut Call<'_, '_>) -> Answered {
    let row = loaded(&call.unit()?)?;
    let mut all = Vec::new();
    if let Some(path) = &row.cgroup {
        let group = Hierarchies::detect().unwrap_or_default().group(path.trim_start_matches('/'));
        gather(&group, path, &mut all);
    }
    Ok(Answer::Now(Body::new("a(sus)", |out| {
        out.array("(sus)", |out| {
            for (path, pid) in &all {
                out.structure();
                out.string(path);
                out.u32(*pid);
                out.string(&status::command(*pid));
            }
        });
    })))
}

/// The processes of a group and of those beneath it.
fn gather(group: &Group, path: &str, all: &mut Vec<(String, u32)>) {
    all.extend(status::own_processes(group).into_iter().map(|pid| (path.to_owned(), pid)));
    for child in group.children() {
        gather(&group.child(&child), &format!("{path}/{child}"), all);
    }
}

fn list_jobs(call: &mut Call<'_, '_>) -> Answered {
    let rows = Session::open()?.rows(&[], &[])?;
    let told = |row: &UnitRow| call.server.jobs().find(|(_, unit)| **unit == row.name).map(|(id, _)| id);
    // By the number that somebody was told, where anybody was.
    let jobs = rows.iter().filter_map(|row| row.job.as_ref().map(|job| (told(row).unwrap_or(job.number), row, job)));
    Ok(Answer::Now(Body::new("a(usssoo)", |out| {
        out.array("(usssoo)", |out| {
            for (id, row, job) in jobs {
                out.structure();
                out.u32(id);
                [row.name.as_str(), &job.kind, if job.waiting { "waiting" } else { "running" }].iter().for_each(|text| out.string(text));
                out.string(&job_path(id));
                out.string(&unit_path(&row.name));
            }
        });
    })))
}

fn cancel_job(call: &mut Call<'_, '_>) -> Answered {
    let id = call.message.body().u32()?;
    let unit = call.server.jobs().find(|(known, _)| *known == id).map(|(_, unit)| unit.clone());
    let rows = Session::open()?.rows(unit.as_slice(), &[])?;
    let mut numbers = rows.into_iter().filter_map(|row| row.job).map(|job| job.number);
    let number = numbers.find(|number| unit.is_some() || *number == id);
    cancel(vec![number.ok_or_else(|| Fault::new(names::NO_SUCH_JOB, format!("Job {id} does not exist.")))?])
}

/// All, if none is named.
fn cancel(jobs: Vec<u32>) -> Answered {
    Session::open()?.done(&Request::Cancel { jobs })?;
    Answer::done()
}

fn environment(unset: Vec<String>, set: Vec<String>) -> Answered {
    variables::changed(EnvironmentRequest { unset, set }, "set")?;
    Answer::done()
}

fn reload(call: &mut Call<'_, '_>) -> Answered {
    call.server.send(&Request::DaemonReload {}, Purpose::Call { client: call.client, serial: call.message.serial })?;
    Ok(Answer::Later)
}

fn leave(way: Way) -> Answered {
    power::leave_by(way, true)?;
    Answer::done()
}
