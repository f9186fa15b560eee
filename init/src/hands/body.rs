//! What a life has in the kernel: made before its first process, given up after its last.

use std::fs::File;

use kernel::cgroup::Group;
use supervisor::{Afterwards, Event, Life};
use units::unit::{NotifyAccess, Resources, Service, Usual};
use units::{UnitKind, UnitName, UnitSet};

use super::birth::Outlets;
use super::groups::make_group;
use super::inotify::Purpose;
use super::memory::Memory;
use super::private::Private;
use super::ready::Ready;
use super::{Hands, Queue, account, commands, directories, dynamic, environment, identity, invocation, limits, mounts, slices};
use crate::reactor::{Reactor, Watch};

/// What a life has in the kernel.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) unit: UnitName,
    pub(super) group: Option<Group>,
    /// Nobody has been killed in the group by `cgroup.kill` since it was made: processes may be born into it. Since Linux 6.14 one that is born into
    /// a group whose count of such kills is not its parent's own is taken for one of those to be killed (`kill_seq`, kernel/cgroup/cgroup.c);
    /// it has to move in by itself.
    pub(super) unharmed: bool,
    /// The limits the group was made with, as long as nobody has changed it; then the next life may have it.
    pub(super) made_with: Option<Usual<Resources>>,
    pub(super) outlets: Option<Outlets>,
    /// `cgroup.events`, while somebody waits for the group to empty.
    pub(super) emptying: Option<(File, Watch)>,
    pub(super) memory: Option<Memory>,
    /// The main process is looked for: a daemon may write its pid file after its first process has
    /// ended.
    pub(super) looking: bool,
    /// What it says that it is up by, until it has.
    pub(super) ready: Option<Ready>,
    /// The supervisor waits for the last process (needed where there are no groups).
    pub(super) draining: bool,
    pub(super) oom_kills: u64,
    pub(super) access: NotifyAccess,
    /// How many descriptors are kept for it.
    pub(super) store_max: u32,
    /// `$INVOCATION_ID` of all its processes.
    pub(super) invocation: String,
    /// What its processes share.
    pub(super) private: Private,
}

impl Hands {
    /// Make the unit's group, with its limits, and its directories. Returns what could not be
    /// had and is worth a line in the unit's log.
    pub(crate) fn prepare(
        &mut self,
        life: Life,
        name: &UnitName,
        units: &UnitSet,
        reactor: &mut Reactor,
        queue: &mut Queue,
    ) -> Vec<String> {
        let Some(service) = units.unit(name).and_then(commands::of) else {
            queue.push_back(Event::Prepared(life));
            return Vec::new();
        };
        let mut remarks = Vec::new();
        let unit = units.unit(name);
        let passed = unit.map_or(Ok(()), |unit| self.pass_over(unit));
        let placed = passed.and_then(|()| unit.map_or(Ok(()), mounts::make_place));
        let slice = unit.map_or_else(|| name.usual_slice(), units::unit::Unit::slice);
        match placed.and_then(|()| self.make_body(name, &service, (&slice, units), &mut remarks)) {
            Ok(mut body) => {
                body.memory = body.group.as_ref().and_then(|group| Memory::watch(group, life, reactor));
                self.bodies.insert(life, body);
                queue.push_back(Event::Prepared(life));
            }
            Err(why) => queue.push_back(Event::PrepareFailed(life, why)),
        }
        remarks
    }

    fn make_body(
        &mut self,
        name: &UnitName,
        service: &Service,
        (slice, units): (&UnitName, &UnitSet),
        remarks: &mut Vec<String>,
    ) -> Result<Body, String> {
        let mut unharmed = true;
        let group = match self.root.clone() {
            None if name.kind() == UnitKind::Scope => return Err("there are no control groups for it".to_owned()),
            None => None,
            Some(root) => {
                let spare = self.spare(&slices::at(&root, slice).child(name.as_str()), name, &service.resources);
                let above =
                    self.enter_slice(&root, slice, units).map_err(|error| format!("making the cgroup of {slice} failed: {error}"))?;
                let group = match spare {
                    Some(group) => group,
                    None => {
                        let group = above.child(name.as_str());
                        self.leftovers.retain(|(_, other)| other.path() != group.path());
                        unharmed = make_group(&group, remarks).inspect_err(|_| slices::leave(Some(&root), &group))?;
                        group
                    }
                };
                remarks.extend(limits::of_service(&group, service));
                if service.resources.delegate
                    && let Ok(identity) = identity::resolve(service)
                    && let Err(error) = group.delegate(identity.uid.as_raw(), identity.gid.as_raw())
                {
                    remarks.push(format!("its cgroup could not be given to it: {error}"));
                }
                Some(group)
            }
        };
        if !service.directories.0.is_empty() {
            let identity = identity::resolve(service).map_err(|error| error.to_string());
            if let Err(why) = identity.and_then(|identity| directories::make(service, &identity)) {
                if let Some(group) = group {
                    self.discard(name, group);
                }
                return Err(why);
            }
        }
        let number = environment::invocation();
        invocation::tell(name, &number);
        Ok(Body {
            unit: name.clone(),
            oom_kills: group.as_ref().and_then(account::oom_kills).unwrap_or(0),
            group,
            unharmed,
            made_with: Some(service.resources.clone()).filter(|resources| !resources.delegate),
            outlets: None,
            emptying: None,
            memory: None,
            looking: false,
            ready: None,
            draining: false,
            access: service.notify_access,
            store_max: service.fd_store_max,
            invocation: number,
            private: Private::default(),
        })
    }

    /// A life is over.
    pub(crate) fn release(&mut self, life: Life, name: &UnitName, after: Afterwards, units: &UnitSet, reactor: &mut Reactor) {
        self.close_ready(life, reactor);
        if let Some(body) = self.bodies.remove(&life) {
            self.going.extend(body.private.end());
            if let Some(unit) = units.unit(name) {
                self.remember(unit, body.invocation);
            }
            if let Some((file, watch)) = body.emptying {
                reactor.forget(&file, watch);
            }
            if let Some(memory) = body.memory {
                memory.forget(reactor);
            }
            // Our writing ends close here; the readers stay until the last writer has gone.
            match (body.group, body.made_with, after) {
                (Some(group), Some(resources), Afterwards::Restart) if body.unharmed && group.is_bare() => {
                    self.spares.keep(name.clone(), group, resources)
                }
                (Some(group), ..) => self.discard(name, group),
                (None, ..) => {}
            }
        }
        let stale: Vec<i32> = self.processes.iter().filter(|(_, process)| process.run.life == life).map(|(pid, _)| *pid).collect();
        for pid in stale {
            self.forget(pid, reactor);
        }
        if let Some(service) = units.unit(name).and_then(|unit| unit.service()) {
            directories::remove(service, after, &mut self.gone);
            if let (true, Afterwards::Rest, Some(user)) = (service.execution.dynamic_user, after, &service.run_as.user) {
                self.let_go(user, units);
            }
        }
        self.release_sockets(life, name, reactor);
        self.unwatch(life, reactor);
        self.watches.forget(Purpose::PidFile(life), reactor);
        match after {
            Afterwards::Restart => {}
            Afterwards::Rest => {
                invocation::forget(name);
                self.store.clear(name, reactor);
            }
        }
    }

    /// A user made up for a unit is nobody again, unless another unit that is up has the same.
    fn let_go(&self, user: &str, units: &UnitSet) {
        let same = |body: &Body| {
            let service = units.unit(&body.unit).and_then(|unit| unit.service());
            service.is_some_and(|service| service.execution.dynamic_user && service.run_as.user.as_deref() == Some(user))
        };
        if !self.bodies.values().any(same) {
            dynamic::let_go(user);
        }
    }
}
