//! Unit files: which there are, and the links between them. The plans are those of [`units::install`].

use units::UnitName;
use units::file::Pull;
use units::install::{Installer, Plan, Problem, Scope, Step, Wanted};

use super::answer::{Answer, Answered, Fault, names};
use super::manager::{Call, named};
use super::message::{Body, Message};
use super::wire::Garbled;
use crate::fiefctl::links::{carry_out, installer};
use crate::fiefctl::sources::Beneath;
use crate::systemctl::system::reverted;
use crate::systemctl::{links as told, names as units_named};

/// `SD_SYSTEMD_UNIT_RUNTIME`, of the flags of a change.
const RUNTIME: u64 = 1;

/// What a change is made with.
struct Work {
    tree: Beneath,
    installer: Installer,
    /// What was done, by what: "symlink" or "unlink", where, and where it leads.
    done: Vec<(&'static str, String, String)>,
}

impl Work {
    fn new() -> Self {
        let tree = Beneath::new(None);
        Self { installer: installer(&tree), tree, done: Vec::new() }
    }

    fn follow(&mut self, verb: &str, mut plan: Plan) -> Result<(), Fault> {
        plan.problems.retain(|problem| !told::is_passed_over(verb, problem));
        if let Some(problem) = plan.problems.first() {
            return Err(fault(problem));
        }
        for step in plan.steps {
            let step = match step {
                Step::Link { path, target } => Step::Link { path, target: told::spelling(&self.tree, &target) },
                Step::Unlink { path } => Step::Unlink { path },
            };
            carry_out(&self.tree, &step)?;
            self.done.push(match step {
                Step::Link { path, target } => ("symlink", path, target),
                Step::Unlink { path } => ("unlink", path, String::new()),
            });
        }
        Ok(())
    }

    /// The units meant; files that lie elsewhere are linked to first.
    fn units(&mut self, verb: &str, words: &[String], scope: Scope) -> Result<Vec<UnitName>, Fault> {
        let elsewhere: Vec<String> = words.iter().filter(|word| told::lies_elsewhere(&self.tree, word)).cloned().collect();
        if matches!(verb, "enable" | "reenable") && !elsewhere.is_empty() {
            let plan = self.installer.link(&elsewhere, scope);
            self.follow(verb, plan)?;
            self.installer = installer(&self.tree);
        }
        words.iter().map(|word| if word.starts_with('/') { Ok(units_named::one(word)?) } else { named(word) }).collect()
    }

    /// `(sss)` each.
    fn changes(self) -> impl FnOnce(&mut super::wire::Writer) {
        move |out| {
            out.array("(sss)", |out| {
                for (kind, path, target) in &self.done {
                    out.structure();
                    [*kind, path, target].iter().for_each(|text| out.string(text));
                }
            });
        }
    }
}

/// What cannot be planned, in systemd's words.
fn fault(problem: &Problem) -> Fault {
    let name = match problem {
        Problem::NoSuchUnit(_) => names::NO_SUCH_UNIT,
        Problem::Masked { .. } => names::UNIT_MASKED,
        Problem::InTheWay(_) | Problem::OwnFile { .. } | Problem::Leads { .. } => names::UNIT_EXISTS,
        Problem::NoInstance { .. } | Problem::NoAlias { .. } | Problem::NoPath(_) => names::INVALID_ARGS,
        Problem::Bad(..) => names::BAD_SETTING,
    };
    Fault::new(name, told::why(problem))
}

/// `as`, what the method has besides, and for how long.
fn arguments(message: &Message<'_>) -> Result<(Scope, Wanted), Garbled> {
    let mut values = message.body();
    values.skip("as")?;
    let wanted = match message.signature {
        "assbb" => match values.string()? {
            "enable-only" => Wanted::Enabling,
            "disable-only" => Wanted::Disabling,
            _ => Wanted::Both,
        },
        _ => Wanted::Both,
    };
    let is_runtime = if message.signature == "ast" { values.u64()? & RUNTIME != 0 } else { values.boolean()? };
    Ok((scope(is_runtime), wanted))
}

fn scope(is_runtime: bool) -> Scope {
    if is_runtime { Scope::Runtime } else { Scope::Persistent }
}

/// `EnableUnitFiles` and its kin. Who calls has PID 1 read the files afterwards.
pub(super) fn change(call: &mut Call<'_, '_>, verb: &str) -> Answered {
    let (scope, wanted) = arguments(call.message)?;
    let words = call.names()?;
    let mut work = Work::new();
    let units = if verb == "link" { Vec::new() } else { work.units(verb, &words, scope)? };
    let installer = &work.installer;
    let plan = match verb {
        "enable" => installer.enable(&units, scope),
        "reenable" => installer.reenable(&units, scope),
        "disable" => installer.disable(&units, scope),
        "link" => installer.link(&words, scope),
        "mask" => installer.mask(&units, scope),
        "unmask" => installer.unmask(&units, scope),
        _ => installer.preset(&units, scope, wanted),
    };
    let has_rules = units.iter().any(|unit| installer.has_install(unit));
    work.follow(verb, plan)?;
    Ok(Answer::Now(match verb {
        "enable" | "reenable" | "preset" => Body::new("ba(sss)", |out| {
            out.boolean(has_rules);
            work.changes()(out);
        }),
        _ => Body::new("a(sss)", work.changes()),
    }))
}

/// Of the many, one that cannot be is no reason for the others not to be.
pub(super) fn preset_all(call: &mut Call<'_, '_>) -> Answered {
    let mut values = call.message.body();
    let wanted = match values.string()? {
        "enable-only" => Wanted::Enabling,
        "disable-only" => Wanted::Disabling,
        _ => Wanted::Both,
    };
    let scope = scope(values.boolean()?);
    let mut work = Work::new();
    let units: Vec<UnitName> = work.installer.names().cloned().collect();
    let plan = Plan { problems: Vec::new(), ..work.installer.preset(&units, scope, wanted) };
    work.follow("preset", plan)?;
    Ok(Answer::Now(Body::new("a(sss)", work.changes())))
}

pub(super) fn add_dependency(call: &mut Call<'_, '_>) -> Answered {
    let words = call.names()?;
    let mut values = call.message.body();
    values.skip("as")?;
    let (target, kind, is_runtime) = (values.string()?, values.string()?, values.boolean()?);
    let pull = match kind {
        "Wants" => Pull::Wants,
        "Requires" => Pull::Requires,
        odd => return Err(Fault::new(names::INVALID_ARGS, format!("Invalid dependency {odd}"))),
    };
    let (target, scope) = (named(target)?, scope(is_runtime));
    let mut work = Work::new();
    let units = work.units("add-wants", &words, scope)?;
    let plan = work.installer.add(pull, &target, &units, scope);
    work.follow("add-wants", plan)?;
    Ok(Answer::Now(Body::new("a(sss)", work.changes())))
}

/// What was put over the files of the distribution goes.
pub(super) fn revert(call: &mut Call<'_, '_>) -> Answered {
    let mut work = Work::new();
    for name in call.names()? {
        let gone = reverted(&work.tree, &named(&name)?)?;
        work.done.extend(gone.into_iter().map(|path| ("unlink", path, String::new())));
    }
    Ok(Answer::Now(Body::new("a(sss)", work.changes())))
}

pub(super) fn state(call: &mut Call<'_, '_>) -> Answered {
    let unit = named(call.message.body().string()?)?;
    match installer(&Beneath::new(None)).state(&unit) {
        Some(state) => Answer::text(state.word()),
        None => Err(Fault::new(names::FILE_NOT_FOUND, "No such file or directory")),
    }
}

/// The links that disabling the unit would remove.
pub(super) fn links(call: &mut Call<'_, '_>) -> Answered {
    let mut values = call.message.body();
    let (name, is_runtime) = (values.string()?, values.boolean()?);
    let plan = installer(&Beneath::new(None)).disable(&[named(name)?], scope(is_runtime));
    let links = plan.steps.iter().filter_map(|step| match step {
        Step::Unlink { path } => Some(path.as_str()),
        Step::Link { .. } => None,
    });
    Ok(Answer::Now(Body::new("as", |out| out.strings(links))))
}

/// Which unit files there are, and in which state each is.
pub(super) fn list(_call: &mut Call<'_, '_>, states: &[String], patterns: &[String]) -> Answered {
    let tree = Beneath::new(None);
    let installer = installer(&tree);
    let mut found: Vec<(String, &str)> = Vec::new();
    for name in installer.names() {
        let fits = |pattern: &String| units::glob::matches(&units_named::whole(pattern, "service"), name.as_str());
        if let (Some(state), Some(path)) = (installer.state(name), installer.path(name))
            && (patterns.is_empty() || patterns.iter().any(fits))
            && (states.is_empty() || states.iter().any(|wanted| wanted == state.word()))
        {
            // Its name is taken to be the file's, which ours is not.
            let folder = told::spelling(&tree, &path).rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned());
            found.push((format!("{folder}/{}", name.as_str()), state.word()));
        }
    }
    Ok(Answer::Now(Body::new("a(ss)", |out| {
        out.array("(ss)", |out| {
            for (path, state) in &found {
                out.structure();
                out.string(path);
                out.string(state);
            }
        });
    })))
}

pub(super) fn default_target(_call: &mut Call<'_, '_>) -> Answered {
    match told::default_target(&installer(&Beneath::new(None))) {
        Some(target) => Answer::text(target.as_str()),
        None => Err(Fault::new(names::FILE_NOT_FOUND, "No such file or directory")),
    }
}

pub(super) fn set_default_target(call: &mut Call<'_, '_>) -> Answered {
    let target = named(call.message.body().string()?)?;
    let mut work = Work::new();
    let plan = work.installer.set_default(&target);
    if !plan.problems.is_empty() {
        return Err(Fault::new(names::NO_SUCH_UNIT, format!("Unit file {} does not exist.", target.as_str())));
    }
    work.follow("set-default", plan)?;
    Ok(Answer::Now(Body::new("a(sss)", work.changes())))
}
