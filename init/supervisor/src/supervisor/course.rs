//! What a life consists of, whatever the kind of the unit: the commands and limits of a service.
//!
//! | kind   | begins                       | is up                            | ends                     |
//! |--------|------------------------------|----------------------------------|--------------------------|
//! | socket | start-pre, listen, start-post | [`super::slot::Watching`]       | stop-pre, close, stop-post |
//! | timer, path | –                       | [`super::slot::Watching`]        | –                        |
//! | mount  | one run, the mounting        | [`super::slot::State::Done`]     | one run, the unmounting  |
//! | slice  | –                            | [`super::slot::State::Done`]     | –                        |
//! | scope  | –, its processes are there already or come | as a service without a main process | as a service's |

use alloc::borrow::Cow;
use alloc::vec;
use units::unit::{Body, Command, Restart, RestartPolicy, Service, ServiceType, Stop};
use units::value::Limit;
use units::{UnitName, UnitSet};

/// Starts of a slice or target within the interval of the start limit. systemd has no limit there; it is for circles
/// of what follows upon what. One of targets alone would be gone round for ever within a step.
pub(super) const MANY: u32 = 200;

/// The course of a unit's lives; a target has none, for it has no life.
pub(super) fn course<'u>(units: &'u UnitSet, name: &UnitName) -> Option<Cow<'u, Service>> {
    match &units.unit(name)?.body {
        Body::Target => None,
        Body::Service(service) | Body::Scope(service) => Some(Cow::Borrowed(service)),
        Body::Socket(socket) => Some(Cow::Owned(Service {
            start_pre: socket.start_pre.clone(),
            start_post: socket.start_post.clone(),
            stop_commands: socket.stop_pre.clone(),
            stop_post: socket.stop_post.clone(),
            ..still()
        })),
        Body::Mount(mount) => {
            let usual = still();
            let timeout = mount.timeout.unwrap_or(usual.start_timeout);
            Some(Cow::Owned(Service {
                start: vec![Command::default()],
                stop_commands: vec![Command::default()],
                start_timeout: timeout,
                stop: Stop { timeout, ..Stop::default() },
                ..usual
            }))
        }
        Body::Timer(_) | Body::Path(_) => Some(Cow::Owned(still())),
        // It comes and goes with the units in it; only a circle of what follows upon what is cut short.
        Body::Slice(_) => {
            let restart = Restart { policy: RestartPolicy::No, burst: Limit::At(MANY), ..Restart::default() };
            Some(Cow::Owned(Service { restart: restart.into(), ..still() }))
        }
    }
}

/// Whether there may be processes of it that no run of ours is: of a service, or a scope.
pub(super) fn has_processes(units: &UnitSet, name: &UnitName) -> bool {
    units.unit(name).is_some_and(|unit| unit.processes().is_some())
}

/// A life without processes, up until it is ended.
fn still() -> Service {
    Service {
        kind: ServiceType::Oneshot,
        remain_after_exit: true,
        restart: Restart { policy: RestartPolicy::No, ..Restart::default() }.into(),
        ..Service::default()
    }
}
