use super::preset::Wish;
use super::{Installer, Problem, has_rules, pulls};

use crate::file::{Content, Copy, Pull};
use crate::search::{Link, Tree};
use crate::unit::Install;
use crate::{Map, Set, UnitName};

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// For good: `/etc`.
    Persistent,
    /// Until the next boot: `/run`.
    Runtime,
}

/// Which half of the policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    Both,
    /// What is to be enabled.
    Enabling,
    /// What is to be disabled.
    Disabling,
}

/// One change on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A symbolic link at `path`, its folder made if need be.
    Link {
        /// Where.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// The symbolic link at this path goes; its folder too if it is empty then.
    Unlink {
        /// Where.
        path: String,
    },
}

/// What is to be changed, in order, and what is to be said of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The changes.
    pub steps: Vec<Step>,
    /// What is worth knowing.
    pub remarks: Vec<String>,
    /// What could not be planned, unit by unit; the rest of the plan stands.
    pub problems: Vec<Problem>,
}

impl Scope {
    fn systemd(self) -> &'static str {
        match self {
            Self::Persistent => "/etc/systemd/system",
            Self::Runtime => "/run/systemd/system",
        }
    }

    fn fief(self) -> &'static str {
        match self {
            Self::Persistent => "/etc/fief/units",
            Self::Runtime => "/run/fief/units",
        }
    }

    /// Where links of it are made.
    fn roots(self) -> [&'static str; 2] {
        [self.systemd(), self.fief()]
    }

    /// Whether a change of this scope may remove the link.
    fn covers(self, link: &Link) -> bool {
        match self {
            Self::Persistent => link.is_an_administrators() && !link.path.starts_with("/run/systemd/generator"),
            Self::Runtime => self.roots().iter().any(|root| link.path.starts_with(root)),
        }
    }
}

impl Plan {
    fn link(&mut self, path: String, target: &str) {
        self.steps.push(Step::Link { path, target: target.to_owned() });
    }

    fn unlink(&mut self, link: &Link) {
        let step = Step::Unlink { path: link.path.clone() };
        if !self.steps.contains(&step) {
            self.steps.push(step);
        }
    }
}

/// Whatever lies in the folders where links are made, by its path: a file that another hides is in the way all the same.
pub(super) fn taken(tree: &dyn Tree) -> Set<String> {
    let mut taken = Set::new();
    for root in Scope::Persistent.roots().into_iter().chain(Scope::Runtime.roots()) {
        for (name, _) in tree.names(root) {
            let path = format!("{root}/{name}");
            if Pull::ALL.iter().any(|(_, suffix)| name.ends_with(suffix)) {
                taken.extend(tree.names(&path).into_iter().map(|(name, _)| format!("{path}/{name}")));
            }
            taken.insert(path);
        }
    }
    taken
}

impl Installer {
    /// The plan with each link taken away once, and without those that symlink(2) would refuse to make, which are told instead.
    fn without_taken(&self, mut plan: Plan) -> Plan {
        let (mut free, mut made): (Set<String>, Map<String, String>) = (Set::new(), Map::new());
        let Plan { steps, problems, .. } = &mut plan;
        steps.retain(|step| match step {
            Step::Unlink { path } => {
                let is_made = made.remove(path).is_some();
                // An instance goes with its template, and is named beside it.
                free.insert(path.clone()) || is_made
            }
            Step::Link { path, target } => {
                let earlier = || self.links.iter().find(|link| link.path == *path).map(|link| &link.target);
                let in_the_way = match made.get(path) {
                    // Two units may want to be called the same.
                    Some(there) if there == target => return false,
                    Some(there) => Some(Problem::Leads { path: path.clone(), to: there.clone() }),
                    None if free.contains(path) || !self.taken.contains(path) => None,
                    None => {
                        let leads = |to: &String| Problem::Leads { path: path.clone(), to: to.clone() };
                        Some(earlier().map_or_else(|| Problem::InTheWay(path.clone()), leads))
                    }
                };
                let is_free = in_the_way.is_none();
                problems.extend(in_the_way);
                if is_free {
                    made.insert(path.clone(), target.clone());
                }
                is_free
            }
        });
        plan
    }

    /// What enables these units, and those named by their `Also=`.
    #[must_use]
    pub fn enable(&self, names: &[UnitName], scope: Scope) -> Plan {
        let mut plan = Plan::default();
        self.each(names, &mut plan, |plan, name, copy, install| {
            if !has_rules(install) && install.also.is_empty() && !name.is_template() {
                plan.remarks.push(format!("{name} has no [Install] section: nothing enables it but what wants it"));
            }
            self.enable_one(plan, &self.links, (name, copy, install), scope);
        });
        self.without_taken(plan)
    }

    /// What disables these units, and those named by their `Also=`.
    #[must_use]
    pub fn disable(&self, names: &[UnitName], scope: Scope) -> Plan {
        let mut plan = Plan::default();
        self.each(names, &mut plan, |plan, name, copy, install| {
            self.disable_one(plan, name, scope);
            if copy.is_toml && name.instance().is_none() {
                for (pull, from) in pulls(install) {
                    let said = self.links.iter().find(|link| link.pull() == Some((pull, from.as_str())) && link.names(name));
                    if !said.is_some_and(Link::is_null) {
                        plan.link(in_folder(scope.fief(), from, pull, name), "/dev/null");
                    }
                }
            }
        });
        self.without_taken(plan)
    }

    /// Links as the files say now, whatever was linked before.
    #[must_use]
    pub fn reenable(&self, names: &[UnitName], scope: Scope) -> Plan {
        let (mut plan, mut steps) = (Plan::default(), Vec::new());
        self.each(names, &mut plan, |plan, name, copy, install| {
            if copy.is_toml {
                return self.enable_one(plan, &self.links, (name, copy, install), scope);
            }
            let mut old = Plan::default();
            self.disable_one(&mut old, name, scope);
            let mut new = Plan { steps: Vec::new(), ..std::mem::take(plan) };
            self.enable_one(&mut new, &[], (name, copy, install), scope);
            // What stays as it is needs neither.
            let stays = |path: &str| self.links.iter().any(|link| link.path == path && !link.is_null());
            let wanted = |path: &str| new.steps.iter().any(|step| matches!(step, Step::Link { path: made, .. } if made == path));
            old.steps.retain(|step| matches!(step, Step::Unlink { path } if !wanted(path)));
            new.steps.retain(|step| !matches!(step, Step::Link { path, .. } if stays(path)));
            // A unit that is named beside its instance is met twice.
            let fresh = old.steps.into_iter().chain(std::mem::take(&mut new.steps)).filter(|step| !steps.contains(step));
            let fresh: Vec<Step> = fresh.collect();
            steps.extend(fresh);
            *plan = new;
        });
        plan.steps.splice(0..0, steps);
        self.without_taken(plan)
    }

    /// What the distribution's policies want for these units, as far as `wanted` goes.
    #[must_use]
    pub fn preset(&self, names: &[UnitName], scope: Scope, wanted: Wanted) -> Plan {
        let mut plan = Plan::default();
        for name in names {
            let one = match self.presets.wish(name) {
                Wish::Enable if wanted == Wanted::Disabling => Plan::default(),
                Wish::Disable if wanted == Wanted::Enabling => self.known(name),
                Wish::Enable if name.is_template() => self.enable(&self.presets.instances(name), scope),
                Wish::Enable => self.enable(std::slice::from_ref(name), scope),
                Wish::Disable => self.disable(std::slice::from_ref(name), scope),
                Wish::Ignore => Plan::default(),
            };
            plan.steps.extend(one.steps);
            plan.remarks.extend(one.remarks);
            plan.problems.extend(one.problems);
        }
        self.without_taken(plan)
    }

    /// Nothing but whether there is such a unit.
    fn known(&self, name: &UnitName) -> Plan {
        let mut plan = Plan::default();
        self.each(std::slice::from_ref(name), &mut plan, |_, _, _, _| {});
        plan
    }

    /// Has `target` want or require these units, whatever their own files say.
    #[must_use]
    pub fn add(&self, pull: Pull, target: &UnitName, names: &[UnitName], scope: Scope) -> Plan {
        let mut plan = Plan::default();
        if self.find(target).is_none() {
            plan.problems.push(Problem::NoSuchUnit(target.clone()));
            return plan;
        }
        for name in names {
            let name = self.shelf.resolve(name);
            match self.find(&name) {
                Some(Copy { content: Content::Masked, path, .. }) => plan.problems.push(Problem::Masked { unit: name, path }),
                Some(copy) => {
                    let root = if copy.is_toml { scope.fief() } else { scope.systemd() };
                    link_once(&mut plan, &self.links, in_folder(root, target, pull, &name), &copy.path);
                }
                None => plan.problems.push(Problem::NoSuchUnit(name)),
            }
        }
        self.without_taken(plan)
    }

    /// What boot aims at from now on: another name of this target.
    #[must_use]
    pub fn set_default(&self, target: &UnitName) -> Plan {
        let mut plan = Plan::default();
        let target = self.shelf.resolve(target);
        let Some(copy) = self.find(&target) else {
            plan.problems.push(Problem::NoSuchUnit(target));
            return plan;
        };
        let (root, file) =
            if copy.is_toml { (Scope::Persistent.fief(), "default.target.toml") } else { (Scope::Persistent.systemd(), "default.target") };
        // Ours would count before systemd's.
        let named = |link: &&Link| {
            Scope::Persistent.roots().iter().any(|root| ["", ".toml"].iter().any(|end| link.path == format!("{root}/default.target{end}")))
        };
        self.links.iter().filter(named).for_each(|link| plan.unlink(link));
        plan.link(format!("{root}/{file}"), &copy.path);
        self.without_taken(plan)
    }

    /// Links to `/dev/null` in the place of these units.
    #[must_use]
    pub fn mask(&self, names: &[UnitName], scope: Scope) -> Plan {
        let mut plan = Plan::default();
        for name in names {
            let copy = self.find(name);
            let (folder, path) = match &copy {
                Some(copy) if copy.is_toml => (scope.fief(), format!("{}/{name}.toml", scope.fief())),
                Some(_) | None => (scope.systemd(), format!("{}/{}", scope.systemd(), name.as_str())),
            };
            // Of a service in TOML the name may be written in two ways.
            let is_there = |copy: &Copy| copy.path.rsplit_once('/').is_some_and(|(at, _)| at == folder);
            let there = self.links.iter().find(|link| link.path == path);
            match (&copy, there) {
                (Some(copy), _) if matches!(copy.content, Content::Masked) => {}
                (Some(copy), _) if is_there(copy) => {
                    plan.problems.push(Problem::OwnFile { unit: name.clone(), path: copy.path.clone() });
                }
                // Masked there, and another name of nobody elsewhere.
                (Some(_) | None, Some(link)) if link.is_null() => {}
                (Some(_) | None, Some(link)) => plan.problems.push(Problem::Leads { path, to: link.target.clone() }),
                (None, None) => {
                    plan.remarks.push(format!("there is no {name}; it is masked all the same"));
                    plan.link(path, "/dev/null");
                }
                (Some(_), None) => plan.link(path, "/dev/null"),
            }
        }
        self.without_taken(plan)
    }

    /// The masks of these units go.
    #[must_use]
    pub fn unmask(&self, names: &[UnitName], scope: Scope) -> Plan {
        let mut plan = Plan::default();
        for link in self.links.iter().filter(|link| link.pull().is_none() && link.is_null() && scope.covers(link)) {
            if names.iter().any(|name| link.names(name)) {
                plan.unlink(link);
            }
        }
        plan
    }

    /// Unit files that lie elsewhere become units: absolute paths.
    #[must_use]
    pub fn link(&self, paths: &[String], scope: Scope) -> Plan {
        let mut plan = Plan::default();
        for path in paths {
            let file = path.rsplit('/').next().unwrap_or_default();
            let root = if file.ends_with(".toml") { scope.fief() } else { scope.systemd() };
            let known = file.rsplit_once('.').is_some_and(|(_, suffix)| suffix == "toml" || crate::UnitKind::of_suffix(suffix).is_some());
            if !path.starts_with('/') || !known {
                plan.problems.push(Problem::NoPath(path.clone()));
            } else if !self.links.iter().any(|link| link.path == format!("{root}/{file}") && link.target == *path) {
                plan.link(format!("{root}/{file}"), path);
            }
        }
        self.without_taken(plan)
    }

    /// Every unit named, and what is enabled with it, each once.
    fn each(&self, names: &[UnitName], plan: &mut Plan, mut work: impl FnMut(&mut Plan, &UnitName, &Copy, &Install)) {
        let mut next: Vec<UnitName> = names.iter().rev().cloned().collect();
        let mut seen = Set::new();
        while let Some(name) = next.pop() {
            let name = self.shelf.resolve(&name);
            if !seen.insert(name.clone()) {
                continue;
            }
            let Some(copy) = self.find(&name) else {
                // Of a unit that is gone, its links are still there to be removed.
                match self.links.iter().any(|link| link.names(&name)) {
                    true => self.disable_one(plan, &name, Scope::Persistent),
                    false => plan.problems.push(Problem::NoSuchUnit(name)),
                }
                continue;
            };
            match &copy.content {
                Content::Unit(unit) => {
                    work(plan, &name, &copy, &unit.install);
                    next.extend(unit.install.also.iter().cloned());
                }
                Content::Masked => plan.problems.push(Problem::Masked { unit: name, path: copy.path }),
                Content::Bad(first) => plan.problems.push(Problem::Bad(name, first.message.clone())),
            }
        }
    }

    fn enable_one(&self, plan: &mut Plan, links: &[Link], (name, copy, install): (&UnitName, &Copy, &Install), scope: Scope) {
        let linked_as = match (name.is_template(), &install.default_instance) {
            (false, _) => Some(name.clone()),
            (true, Some(instance)) => name.with_instance(instance),
            (true, None) => None,
        };
        if linked_as.is_none() {
            let target = pulls(install).next().map(|(_, from)| from.clone());
            plan.problems.push(Problem::NoInstance { template: name.clone(), target });
        }
        for alias in &install.alias {
            let is_plain = |name: &UnitName| !name.is_template() && name.instance().is_none();
            if alias.kind() != name.kind()
                || is_plain(alias) && !is_plain(name)
                || alias.is_template() != name.is_template() && alias.instance().is_none() != name.instance().is_none()
            {
                plan.problems.push(Problem::NoAlias { alias: alias.clone(), unit: name.clone() });
                continue;
            }
            let path =
                if copy.is_toml { format!("{}/{alias}.toml", scope.fief()) } else { format!("{}/{}", scope.systemd(), alias.as_str()) };
            match links.iter().find(|link| link.path == path) {
                Some(link) if link.leads_to(name) => {}
                Some(link) => plan.problems.push(Problem::Leads { path, to: link.target.clone() }),
                None => plan.link(path, &copy.path),
            }
        }
        if copy.is_toml && name.instance().is_none() {
            for link in links.iter().filter(|link| link.pull().is_some() && link.is_null() && link.names(name) && scope.covers(link)) {
                plan.unlink(link);
            }
        } else {
            let root = if copy.is_toml { scope.fief() } else { scope.systemd() };
            for (pull, from) in pulls(install) {
                if let Some(linked) = &linked_as {
                    link_once(plan, links, in_folder(root, from, pull, linked), &copy.path);
                }
            }
        }
    }

    /// All links that enable it, or instances of it, wherever they lead.
    fn disable_one(&self, plan: &mut Plan, name: &UnitName, scope: Scope) {
        for link in self.links.iter().filter(|link| !link.is_null() && scope.covers(link)) {
            let enables = link.pull().is_some() && (link.names(name) || name.is_template() && link.names_instance_of(name));
            let names = link.pull().is_none() && link.leads_to(name);
            if enables || names {
                plan.unlink(link);
            }
        }
    }
}

fn in_folder(root: &str, from: &UnitName, pull: Pull, name: &UnitName) -> String {
    format!("{root}/{}{}/{}", from.as_str(), pull.suffix(), name.as_str())
}

fn link_once(plan: &mut Plan, links: &[Link], path: String, target: &str) {
    match links.iter().find(|link| link.path == path) {
        // Whichever of its paths it leads to: by its name it is the unit.
        Some(link) if !link.is_null() => {}
        Some(link) => {
            plan.unlink(link);
            plan.link(path, target);
        }
        None => plan.link(path, target),
    }
}
