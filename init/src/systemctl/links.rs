//! `enable`, `disable`, `mask`, `preset` and their kin, `is-enabled`, `get-default`, `set-default`.
//!
//! ```text
//!   names ─ sysv: what only /etc/init.d has ─▶ update-rc.d
//!      └─▶ units::install ─▶ Plan ─ as systemd's own would write it ─▶ links ─▶ init reads again, --now
//! ```
//!
//! With init in this system the words are those that systemd's PID 1 answers; without it, or beneath `--root`, those of
//! systemctl(1) by itself. Invariant: of a plan with a problem nothing is carried out.

use units::UnitName;
use units::install::{Installer, Plan, Problem, Pull, Scope, State, Step, Wanted};

use crate::fiefctl::line::Line;
use crate::fiefctl::links::{carry_out, installer};
use crate::fiefctl::output;
use crate::fiefctl::session::{Failed, Session};
use crate::fiefctl::sources::Beneath;
use crate::say;

use super::place::{self, Side};
use super::{code, jobs, names, sysv};

const NO_RULES: &str = "\
The unit files have no installation config (WantedBy=, RequiredBy=, Also=,
Alias= settings in the [Install] section, and DefaultInstance= for template
units). This means they are not meant to be enabled using systemctl.
 
Possible reasons for having this kind of units are:
• A unit may be statically enabled by being symlinked from another unit's
  .wants/ or .requires/ directory.
• A unit's purpose may be to act as a helper for some other unit which has
  a requirement dependency on it.
• A unit may be started when needed via activation (socket, path, timer,
  D-Bus, udev, scripted systemctl call, ...).
• In case of template units, the unit is meant to be enabled with some
  instance name specified.";

/// What a verb needs to know of where it works.
pub(super) struct Work<'l> {
    pub(super) line: &'l Line,
    pub(super) tree: Beneath,
    side: Side,
}

impl<'l> Work<'l> {
    pub(super) fn new(line: &'l Line) -> Result<Self, Failed> {
        let root = line.value("root");
        if let Some(root) = root.filter(|root| !std::path::Path::new(root).is_dir()) {
            let told = format!("Failed to initialize unit search paths for root directory {root}: No such file or directory");
            return Err(Failed::Told(told));
        }
        Ok(Self { line, tree: Beneath::new(root), side: place::side(line) })
    }

    fn scope(&self) -> Scope {
        if self.line.has("runtime") { Scope::Runtime } else { Scope::Persistent }
    }

    /// A path as systemd of Debian's bookworm writes it, to which `/lib` is a folder of its own.
    pub(super) fn spelling(&self, path: &str) -> String {
        spelling(&self.tree, path)
    }

    /// The sentence for what could not be planned.
    fn sentence(&self, what: &str, problem: &Problem) -> String {
        let placed = |path: &String| self.tree.place(&self.spelling(path));
        match self.side {
            Side::Init => {
                let why = why(problem);
                let whom = if what.ends_with("to") { what.trim_end_matches(" to").to_owned() } else { format!("{what} unit") };
                format!("Failed to {whom}: {why}")
            }
            Side::Files => match problem {
                Problem::NoSuchUnit(unit) => format!("Failed to {what} unit, unit {} does not exist.", unit.as_str()),
                Problem::Masked { path, .. } => format!("Failed to {what} unit, unit {} is masked.", placed(path)),
                Problem::InTheWay(path) | Problem::OwnFile { path, .. } => {
                    format!("Failed to {what} unit, file \"{}\" already exists.", placed(path))
                }
                Problem::Leads { path, to } => {
                    format!("Failed to {what} unit, file \"{}\" already exists and is a symlink to \"{to}\".", placed(path))
                }
                Problem::NoInstance { template, target } => format!(
                    "Failed to {what} {}, destination unit {} is a non-template unit.",
                    template.as_str(),
                    target.as_ref().map_or("", UnitName::as_str)
                ),
                Problem::NoAlias { alias, unit } => format!("Failed to {what} unit, cannot alias {} as {}.", unit.as_str(), alias.as_str()),
                Problem::NoPath(path) => format!("Failed to {what} unit, \"{path}\" is not a valid unit name."),
                Problem::Bad(unit, why) => format!("Failed to {what} unit, unit {}: {why}", unit.as_str()),
            },
        }
    }

    /// Carries the plan out and tells each step; with a problem, tells that instead.
    fn follow(&self, what: &str, plan: &Plan) -> Result<u8, Failed> {
        if let Some(problem) = plan.problems.first() {
            say::error(format_args!("{}", self.sentence(what, problem)));
            return Ok(code::FAILED);
        }
        for step in &plan.steps {
            let (step, told) = match step {
                Step::Link { path, target } => {
                    let target = self.spelling(target);
                    let told = format!("Created symlink {} → {target}.", self.tree.place(path));
                    (Step::Link { path: path.clone(), target }, told)
                }
                Step::Unlink { path } => (step.clone(), format!("Removed \"{}\".", self.tree.place(path))),
            };
            carry_out(&self.tree, &step)?;
            if !self.line.has("quiet") {
                say::error(format_args!("{told}"));
            }
        }
        Ok(code::OK)
    }

    pub(super) fn installer(&self) -> Installer {
        installer(&self.tree)
    }

    /// The units meant by the words; files that lie elsewhere are linked to first.
    fn units(&self, words: &[String]) -> Result<Vec<UnitName>, Failed> {
        let elsewhere: Vec<String> = words.iter().filter(|word| lies_elsewhere(&self.tree, word)).cloned().collect();
        if self.line.verb.name == "enable" && !elsewhere.is_empty() {
            let plan = self.installer().link(&elsewhere, self.scope());
            if self.follow("enable", &plan)? != code::OK {
                return Err(Failed::Told(String::new()));
            }
        }
        words.iter().map(|word| names::one(word)).collect()
    }

    /// Whether there is a file of the unit that was not made for its script.
    pub(super) fn has_unit(&self, name: &str) -> Result<bool, Failed> {
        // What is made of a script is none.
        Ok(self.installer().state(&names::one(name)?).is_some_and(|state| state != State::Generated))
    }

    /// Has init see what was done.
    fn renew(&self) -> Result<(), Failed> {
        if self.side == Side::Init && !self.line.has("no-reload") {
            Session::open()?.reread()?;
        }
        Ok(())
    }
}

/// `enable`, `disable`, `reenable`, `mask`, `unmask`, `preset`, `preset-all`, `link`, `add-wants`, `add-requires`
pub(super) fn change(line: &Line) -> Result<u8, Failed> {
    let work = Work::new(line)?;
    let verb = line.verb.name;
    if line.has("global") {
        // Units of users' own managers, of which there are none: nothing is to be linked for them.
        return Ok(code::OK);
    }
    if work.side == Side::Init && !nix::unistd::geteuid().is_root() {
        return Err(Failed::Told(format!("Failed to {} unit: Access denied", what(verb))));
    }
    let (words, mut worst) = match verb {
        "enable" | "disable" => sysv::redirect(&work, verb)?,
        _ => (line.operands.clone(), code::OK),
    };
    if words.is_empty() && verb != "preset-all" {
        return Ok(worst);
    }
    let units = match (verb, words.split_first()) {
        ("link", _) => Vec::new(),
        ("add-wants" | "add-requires", Some((target, others))) => {
            let target = names::one(&jobs::with_suffix(target, "target"))?;
            std::iter::once(target).chain(work.units(others)?).collect()
        }
        _ => work.units(&words)?,
    };
    let installer = work.installer();
    if work.side == Side::Init && matches!(verb, "mask" | "unmask") && !line.has("quiet") {
        for unit in units.iter().filter(|unit| !installer.knows(unit)) {
            say::error(format_args!("Unit {} does not exist, proceeding anyway.", unit.as_str()));
        }
    }
    let mut plan = plan(&work, &installer, &words, &units);
    pass_over(&work, verb, &mut plan);
    warn(&work, verb, &installer, &units, &plan);
    worst = worst.max(work.follow(what(verb), &plan)?);
    if worst != code::OK {
        return Ok(if work.side == Side::Files && verb == "disable" { code::OK } else { worst });
    }
    work.renew()?;
    if line.has("now") { now(line, &units) } else { Ok(worst) }
}

fn plan(work: &Work<'_>, installer: &Installer, words: &[String], units: &[UnitName]) -> Plan {
    let scope = work.scope();
    let wanted = match work.line.value("preset-mode") {
        Some("enable-only") => Wanted::Enabling,
        Some("disable-only") => Wanted::Disabling,
        _ => Wanted::Both,
    };
    let add = |pull| match units.split_first() {
        Some((target, units)) => installer.add(pull, target, units, scope),
        None => Plan::default(),
    };
    match work.line.verb.name {
        "enable" => installer.enable(units, scope),
        "disable" => installer.disable(units, scope),
        "reenable" => installer.reenable(units, scope),
        "mask" => installer.mask(units, scope),
        "unmask" => installer.unmask(units, scope),
        "link" => installer.link(words, scope),
        "add-wants" => add(Pull::Wants),
        "add-requires" => add(Pull::Requires),
        "preset" => installer.preset(units, scope, wanted),
        // Of the many, one that cannot be is no reason for the others not to be.
        _ => Plan { problems: Vec::new(), ..installer.preset(&installer.names().cloned().collect::<Vec<_>>(), scope, wanted) },
    }
}

/// A path as systemd of Debian's bookworm writes it, to which `/lib` is a folder of its own.
pub(crate) fn spelling(tree: &Beneath, path: &str) -> String {
    super::spelling(path, |short| std::path::Path::new(&tree.place(short)).exists())
}

/// Whether it is the path of a file that lies where no units are looked for.
pub(crate) fn lies_elsewhere(tree: &Beneath, word: &str) -> bool {
    let known = || units::search::FIEF.iter().chain(&units::search::SYSTEMD).any(|folder| word.strip_prefix(folder).is_some());
    word.starts_with('/') && std::path::Path::new(&tree.place(word)).is_file() && !known()
}

/// Why something cannot be planned, as PID 1 says it.
pub(crate) fn why(problem: &Problem) -> String {
    match problem {
        Problem::NoSuchUnit(unit) => format!("Unit file {} does not exist.", unit.as_str()),
        Problem::Masked { path, .. } => format!("Unit file {path} is masked."),
        Problem::InTheWay(path) | Problem::OwnFile { path, .. } => format!("File {path} already exists."),
        Problem::Leads { path, to } => format!("File {path} already exists and is a symlink to {to}."),
        Problem::NoInstance { target, .. } => {
            format!("Destination unit {} is a non-template unit.", target.as_ref().map_or("", UnitName::as_str))
        }
        Problem::NoAlias { alias, unit } => format!("Cannot alias {} as {}.", unit.as_str(), alias.as_str()),
        Problem::NoPath(path) => format!("\"{path}\" is not a valid unit name."),
        Problem::Bad(unit, _) => format!("Unit file {} has a bad setting.", unit.as_str()),
    }
}

/// What systemctl(1) is sorry about and goes on.
fn pass_over(work: &Work<'_>, verb: &str, plan: &mut Plan) {
    plan.problems.retain(|problem| {
        let is_passed_over = is_passed_over(verb, problem);
        if let (true, false, Problem::Masked { path, .. }) = (is_passed_over, work.line.has("quiet"), problem) {
            say::error(format_args!("Unit {} is masked, ignoring.", work.tree.place(path)));
        }
        !is_passed_over
    });
}

/// Whether the verb goes on all the same.
pub(crate) fn is_passed_over(verb: &str, problem: &Problem) -> bool {
    match problem {
        Problem::Masked { .. } => matches!(verb, "disable" | "preset"),
        // A template may be disabled, all its instances are.
        Problem::NoInstance { .. } => verb == "disable",
        Problem::NoSuchUnit(_)
        | Problem::Bad(..)
        | Problem::InTheWay(_)
        | Problem::Leads { .. }
        | Problem::OwnFile { .. }
        | Problem::NoAlias { .. }
        | Problem::NoPath(_) => false,
    }
}

fn warn(work: &Work<'_>, verb: &str, installer: &Installer, units: &[UnitName], plan: &Plan) {
    if work.line.has("quiet") || !plan.problems.is_empty() {
        return;
    }
    if matches!(verb, "enable" | "reenable") && !units.iter().any(|unit| installer.has_install(unit)) {
        say::error(format_args!("{NO_RULES}"));
    }
    // PID 1 has targets of its own that no file is of, or whose files it does without.
    let has_file = |name: &str| {
        let folders = ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
        folders.iter().any(|folder| std::path::Path::new(&work.tree.place(&format!("{folder}/{name}"))).exists())
    };
    for step in plan.steps.iter().filter(|_| work.side == Side::Files) {
        let Step::Link { path, target } = step else { continue };
        let from =
            path.rsplit('/').nth(1).and_then(|folder| folder.rsplit_once('.')).filter(|(_, end)| matches!(*end, "wants" | "requires"));
        if let Some((from, _)) = from
            && UnitName::new(from).is_ok_and(|from| !installer.knows(&installer.resolve(&from)))
            && !has_file(from)
        {
            let unit = work.tree.place(&work.spelling(target));
            say::error(format_args!("Unit {unit} is added as a dependency to a non-existent unit {from}."));
        }
    }
}

/// The verb as its failures are told.
fn what(verb: &str) -> &str {
    match verb {
        "preset-all" => "preset",
        "add-wants" | "add-requires" => "add dependency to",
        other => other,
    }
}

/// `--now`
fn now(line: &Line, units: &[UnitName]) -> Result<u8, Failed> {
    let verb = match line.verb.name {
        "enable" | "reenable" => "start",
        "disable" | "mask" => "stop",
        _ => return Err(Failed::Told("--now can only be used with verb enable, disable, reenable, or mask.".to_owned())),
    };
    let words: Vec<String> = units.iter().map(|unit| unit.as_str().to_owned()).collect();
    jobs::carry_out(line, verb, &words, false)
}

/// `is-enabled`
pub(super) fn is_enabled(line: &Line) -> Result<u8, Failed> {
    let work = Work::new(line)?;
    let (words, mut is_enabled) = sysv::are_enabled(&work)?;
    let installer = work.installer();
    for word in &words {
        let Some(state) = names::one(word).ok().and_then(|name| installer.state(&name)) else {
            let name = names::one(word)?;
            let told = format!("Failed to get unit file state for {}: No such file or directory", name.as_str());
            return if line.has("quiet") { Ok(code::FAILED) } else { Err(Failed::Told(told)) };
        };
        if !line.has("quiet") {
            output(&format!("{state}\n"))?;
        }
        is_enabled |= state.is_enabled();
    }
    Ok(if is_enabled { code::OK } else { code::FAILED })
}

/// `get-default`
pub(super) fn get_default(line: &Line) -> Result<u8, Failed> {
    let work = Work::new(line)?;
    let Some(named) = default_target(&work.installer()) else { return Ok(code::FAILED) };
    output(&format!("{}\n", named.as_str()))?;
    Ok(code::OK)
}

/// What the system boots into.
pub(crate) fn default_target(installer: &Installer) -> Option<UnitName> {
    let default = UnitName::new("default.target").ok()?;
    let named = installer.resolve(&default);
    // Our own default target is one that wants the usual one.
    let is_ours = named == default && installer.path(&default).is_some_and(|path| units::stock::is_stock(&path));
    if is_ours { UnitName::new("multi-user.target").ok() } else { Some(named) }
}

/// `set-default`
pub(super) fn set_default(line: &Line) -> Result<u8, Failed> {
    let work = Work::new(line)?;
    let word = line.operands.first().map_or("", String::as_str);
    let target = names::one(&jobs::with_suffix(word, "target"))?;
    let installer = work.installer();
    let plan = installer.set_default(&target);
    if let Some(problem) = plan.problems.first() {
        let told = match work.side {
            Side::Init => format!("Failed to set default target: Unit file {} does not exist.", target.as_str()),
            Side::Files => work.sentence("set default", problem),
        };
        return Err(Failed::Told(told));
    }
    let code = work.follow("set default", &plan)?;
    work.renew()?;
    Ok(code)
}
