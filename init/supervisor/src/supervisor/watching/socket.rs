//! Sockets: somebody comes, and the service is started that hears him; or, with `accept`, one for each who connects.

use super::super::Supervisor;
use super::super::slot::{Ending, Slot, Starting, State, Watching, Why};
use crate::{Action, Cause, Connection, Life};
use alloc::string::{String, ToString};
use units::unit::{Body, Socket, TriggerLimit, Unit};
use units::{UnitKind, UnitName};

impl Supervisor {
    /// The service of a socket, if it runs already: then nobody listens for it any more.
    pub(in super::super) fn served_already(&self, name: &UnitName) -> Option<UnitName> {
        let service = self.aim(name)?;
        let slot = self.slots.get(&service)?;
        let runs = !slot.is_down() && !matches!(slot.state, State::Resting { .. });
        runs.then_some(service)
    }

    pub(in super::super) fn listening(&mut self, name: &UnitName) {
        if let Some(State::Starting { stage: Starting::Listening, .. }) = self.slots.get(name).map(|slot| &slot.state) {
            self.start_stage(name, Starting::Post(0));
        }
    }

    pub(in super::super) fn listen_failed(&mut self, name: &UnitName, why: String) {
        if let Some(State::Starting { stage: Starting::Listening, .. }) = self.slots.get(name).map(|slot| &slot.state) {
            self.end(name, Ending::Fell(Cause::CouldNotPrepare(why)));
        }
    }

    pub(super) fn socket_listens(&mut self, name: &UnitName) {
        let Some((life, _)) = self.watch(name) else { return };
        self.set_watch(name, Watching::Waiting { at: None });
        self.order(Action::Attend(life, true));
    }

    /// Somebody wants something, and is attended to no more until that is ordered again.
    pub(in super::super) fn incoming(&mut self, name: &UnitName) {
        let (Some((_, Watching::Waiting { .. })), Some(service)) = (self.watch(name), self.aim(name)) else { return };
        if name.kind() == UnitKind::Socket && !self.is_to_stop(name) {
            let limit = self.units.unit(name).and_then(socket).map(|socket| socket.trigger_limit).unwrap_or_default();
            self.hit(name, &service, limit.or(TriggerLimit::SOCKET), None);
        }
    }

    /// Its service has come up or gone down.
    pub(in super::super) fn socket_hears(&mut self, name: &UnitName, service: &UnitName) {
        let Some((life, watch)) = self.watch(name) else { return };
        let Some(slot) = self.slots.get(service) else { return };
        let gave_up = matches!(slot.state, State::Failed(Cause::TooManyStarts));
        let (up, waits) = (slot.is_up(), matches!(slot.state, State::Resting { .. }));
        match watch {
            Watching::Waiting { .. } | Watching::Triggered if gave_up => {
                self.end(name, Ending::Fell(Cause::ServiceGaveUp(service.clone())));
            }
            Watching::Triggered if waits || self.is_quiet(service) => {
                let flushes = self.units.unit(name).and_then(socket).is_some_and(|socket| socket.flush_pending);
                if flushes {
                    self.order(Action::Flush(life));
                }
                self.socket_listens(name);
            }
            Watching::Waiting { .. } if up => {
                self.set_watch(name, Watching::Triggered);
                self.order(Action::Attend(life, false));
            }
            Watching::Waiting { .. } | Watching::Triggered | Watching::Elapsed => {}
        }
    }

    /// Somebody has connected to a socket with `accept`.
    pub(in super::super) fn connected(&mut self, life: Life, connection: Connection, instance: &str) {
        let name = self.lives.get(&life).cloned();
        let served = name.filter(|name| !self.is_to_stop(name) && self.watch(name).is_some()).and_then(|name| self.serve(&name, instance));
        match served {
            Some(unit) => {
                self.order(Action::Give(connection, unit.clone()));
                self.want_start(&unit, Why::Asked);
            }
            None => self.order(Action::Drop(connection)),
        }
    }

    /// The instance that serves a new connection; none where there may be no more.
    fn serve(&mut self, name: &UnitName, instance: &str) -> Option<UnitName> {
        let unit = self.units.unit(name)?;
        let body = socket(unit)?;
        let (most, limit) = (body.max_connections, body.trigger_limit.or(TriggerLimit::ACCEPT));
        let template = match &body.service {
            Some(service) => service.clone(),
            None => UnitName::new(&alloc::format!("{}@", name.of_kind(UnitKind::Service).prefix())).ok()?,
        };
        let wanted = template.with_instance(instance)?;
        if self.slots.get(name)?.history.connections >= most || !self.count_hit(name, limit) {
            return None;
        }
        if let Err(error) = self.make_instance(&wanted) {
            self.end(name, Ending::Fell(Cause::BadSetting(error.to_string())));
            return None;
        }
        self.slots.get_mut(&wanted)?.history.serves = Some(name.clone());
        if let Some(slot) = self.slots.get_mut(name) {
            slot.history.connections = slot.history.connections.saturating_add(1);
        }
        Some(wanted)
    }

    /// A socket goes down: nobody is listened to any more.
    pub(in super::super) fn close(&mut self, name: &UnitName) {
        let life = self.slots.get(name).and_then(Slot::life);
        if let (Some(life), Some(_)) = (life, self.units.unit(name).and_then(socket)) {
            self.order(Action::Unlisten(life, name.clone()));
        }
    }
}

fn socket(unit: &Unit) -> Option<&Socket> {
    match &unit.body {
        Body::Socket(socket) => Some(socket),
        Body::Target | Body::Service(_) | Body::Timer(_) | Body::Path(_) | Body::Mount(_) | Body::Slice(_) | Body::Scope(_) => None,
    }
}
