use super::body::ServiceDraft;
use super::source::Source;
use crate::diagnostic::Place;
use crate::unit::{
    Body, Condition, Conditions, Ignored, Install, Listen, Manner, Mount, Relations, Slice, Socket, Timer, Unit, Watch, Why,
};
use crate::{Names, UnitKind, UnitName};
use std::ops::Range;

/// A unit being read: its file first, then every drop-in on top of it, in either syntax.
pub(crate) struct Draft {
    pub(crate) name: UnitName,
    pub(crate) description: String,
    pub(crate) documentation: Vec<String>,
    pub(super) sources: Vec<String>,
    pub(crate) relations: Relations,
    pub(crate) requires_mounts_for: Vec<String>,
    pub(crate) default_dependencies: bool,
    pub(crate) conditions: Vec<Condition>,
    pub(super) wanted_by: Vec<UnitName>,
    pub(super) required_by: Vec<UnitName>,
    pub(crate) install: Install,
    /// It is started by who comes to its sockets, and not by itself.
    pub(super) is_lazy: bool,
    pub(crate) manner: Manner,
    pub(crate) ignored: Vec<Ignored>,
    pub(crate) service: ServiceDraft,
    pub(crate) socket: Socket,
    pub(crate) timer: Timer,
    pub(crate) watch: Watch,
    pub(crate) mount: Mount,
    origins: Vec<(UnitName, Origin)>,
}

/// Where a relation to a unit was written.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) path: String,
    pub(crate) place: Place,
    pub(crate) key: &'static str,
}

/// What holds where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defaults {
    /// Ours.
    Native,
    /// systemd's, for its own files.
    Systemd,
}

pub(super) type Set = fn(&mut Relations) -> &mut Names;

pub(super) const RELATIONS: [(&str, Set); 9] = [
    ("after", |r| &mut r.after),
    ("before", |r| &mut r.before),
    ("requires", |r| &mut r.requires),
    ("needs-once", |r| &mut r.needs_once),
    ("requisite", |r| &mut r.requisite),
    ("wants", |r| &mut r.wants),
    ("binds-to", |r| &mut r.binds_to),
    ("part-of", |r| &mut r.part_of),
    ("conflicts", |r| &mut r.conflicts),
];

impl Draft {
    pub(super) fn new(name: UnitName, defaults: Defaults) -> Self {
        let ignore_on_isolate = matches!(name.kind(), UnitKind::Mount | UnitKind::Slice | UnitKind::Scope);
        Self {
            name,
            description: String::new(),
            documentation: Vec::new(),
            sources: Vec::new(),
            relations: Relations::default(),
            requires_mounts_for: Vec::new(),
            default_dependencies: true,
            conditions: Vec::new(),
            wanted_by: Vec::new(),
            required_by: Vec::new(),
            install: Install::default(),
            is_lazy: false,
            manner: Manner { ignore_on_isolate, ..Manner::default() },
            ignored: Vec::new(),
            service: ServiceDraft::new(defaults),
            socket: Socket::default(),
            timer: Timer::default(),
            watch: Watch::default(),
            mount: Mount::default(),
            origins: Vec::new(),
        }
    }

    pub(crate) fn note(&mut self, source: &Source<'_>, key: &'static str, name: &UnitName, span: Range<usize>) {
        let origin = Origin { path: source.path().to_owned(), place: source.place(span), key };
        self.origins.push((name.clone(), origin));
    }

    /// The relations of this name were taken back.
    pub(crate) fn forget(&mut self, key: &str) {
        self.origins.retain(|(_, origin)| origin.key != key);
    }

    /// The unit, or what is wrong with it as a whole.
    pub(super) fn finish(mut self) -> Result<(Unit, Vec<(UnitName, Origin)>), String> {
        let body = match self.name.kind() {
            UnitKind::Target => Body::Target,
            UnitKind::Service => {
                Body::Service(Box::new(self.service.finish(&self.name, &mut self.relations, self.manner.success_action)?))
            }
            UnitKind::Socket => Body::Socket(Box::new(self.socket)),
            UnitKind::Timer => Body::Timer(Box::new(self.timer)),
            UnitKind::Path => Body::Path(Box::new(self.watch)),
            UnitKind::Mount => {
                if self.mount.place.is_empty() {
                    self.mount.place = crate::systemd::escape::unescape_path(self.name.stem()).unwrap_or_default();
                }
                Body::Mount(Box::new(self.mount))
            }
            UnitKind::Slice => Body::Slice(Box::new(Slice { resources: self.service.service.resources })),
            // Without whoever has begun its processes there is nobody to be in it.
            UnitKind::Scope if self.sources.first().is_none_or(|path| *path != super::transient::path(&self.name)) => {
                return Err("a scope comes with a request, and stands in no file".to_owned());
            }
            UnitKind::Scope => Body::Scope(Box::new(self.service.finish_scope())),
            UnitKind::Automount | UnitKind::Swap | UnitKind::Device => {
                return Err(format!("units of the kind `{}` are not implemented", self.name.kind().suffix()));
            }
        };
        check(&self.name, &body)?;
        if self.is_lazy {
            self.wanted_by.clear();
            self.required_by.clear();
        }
        if !matches!(body, Body::Service(_) | Body::Scope(_) | Body::Target) {
            self.ignored.retain(|ignored| ignored.why != Why::Pending);
        }
        let unit = Unit {
            name: self.name,
            description: self.description,
            documentation: self.documentation,
            sources: self.sources,
            shadowed: Vec::new(),
            aliases: Vec::new(),
            relations: self.relations,
            requires_mounts_for: self.requires_mounts_for,
            default_dependencies: self.default_dependencies,
            conditions: Conditions(self.conditions),
            wanted_by: self.wanted_by,
            required_by: self.required_by,
            install: self.install,
            manner: self.manner,
            ignored: self.ignored,
            body,
        };
        Ok((unit, self.origins))
    }
}

/// What systemd's own `unit_verify()` refuses.
fn check(name: &UnitName, body: &Body) -> Result<(), String> {
    match body {
        Body::Socket(socket) if socket.listen.is_empty() => Err("a socket needs something to listen on in [socket]".to_owned()),
        Body::Socket(socket) if socket.accept && socket.service.is_some() => {
            Err("with `accept` each connection gets its own service; `service` cannot be given".to_owned())
        }
        Body::Socket(socket) if socket.accept && !socket.listen.iter().all(Listen::can_accept) => {
            Err("with `accept` there may be nothing but streams and sequenced packets to listen on".to_owned())
        }
        Body::Timer(timer)
            if timer.on_calendar.is_empty() && timer.since.is_empty() && !timer.on_clock_change && !timer.on_timezone_change =>
        {
            Err("a timer needs a point in time in [timer]".to_owned())
        }
        Body::Path(watch) if watch.paths.is_empty() => Err("a path unit needs a path in [path]".to_owned()),
        Body::Mount(mount) if mount.what.is_empty() => Err("a mount needs a source: `what` in [mount]".to_owned()),
        Body::Mount(mount) => {
            let escaped = crate::systemd::escape::escape_path(&mount.place);
            match escaped {
                Some(escaped) if escaped == name.stem() || mount.place.contains('%') => Ok(()),
                Some(escaped) => Err(format!("a mount of {} is named {escaped}.mount", mount.place)),
                None => Err(format!("{:?} is no place to mount on", mount.place)),
            }
        }
        Body::Target | Body::Service(_) | Body::Socket(_) | Body::Timer(_) | Body::Path(_) | Body::Slice(_) | Body::Scope(_) => Ok(()),
    }
}
