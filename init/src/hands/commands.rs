//! The commands of a unit, whatever its kind: those of a socket or mount are run as a service's are.

use std::borrow::Cow;

use units::unit::{Body, Service, ServiceType, Socket, Unit};

/// The service whose commands a unit's are; `None` where a unit has no processes.
pub(super) fn of(unit: &Unit) -> Option<Cow<'_, Service>> {
    match &unit.body {
        Body::Service(service) => Some(Cow::Borrowed(service)),
        Body::Socket(socket) => Some(Cow::Owned(of_socket(socket))),
        Body::Target | Body::Timer(_) | Body::Path(_) | Body::Mount(_) | Body::Slice(_) => None,
    }
}

fn of_socket(socket: &Socket) -> Service {
    Service {
        kind: ServiceType::Oneshot,
        start_pre: socket.start_pre.clone(),
        start_post: socket.start_post.clone(),
        stop_commands: socket.stop_pre.clone(),
        stop_post: socket.stop_post.clone(),
        ..Service::default()
    }
}
