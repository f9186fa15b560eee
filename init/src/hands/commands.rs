//! The commands of a unit, whatever its kind: those of a socket or mount are run as a service's are.

use std::borrow::Cow;

use supervisor::{Phase, Run};
use units::unit::{Body, Command, Mount, Reload, Service, ServiceType, Socket, Unit};

/// The service whose commands a unit's are; `None` where a unit has no processes.
pub(super) fn of(unit: &Unit) -> Option<Cow<'_, Service>> {
    match &unit.body {
        Body::Service(service) | Body::Scope(service) => Some(Cow::Borrowed(service)),
        Body::Socket(socket) => Some(Cow::Owned(of_socket(socket))),
        Body::Mount(mount) => Some(Cow::Owned(of_mount(mount))),
        Body::Target | Body::Timer(_) | Body::Path(_) | Body::Slice(_) => None,
    }
}

/// The command a run means.
pub(super) fn meant(service: &Service, run: Run) -> Option<&Command> {
    let commands = match run.phase {
        Phase::Condition => &service.start_conditions,
        Phase::StartPre => &service.start_pre,
        Phase::Start => &service.start,
        Phase::StartPost => &service.start_post,
        Phase::Reload => match &service.reload {
            Reload::Commands(commands) => commands,
            Reload::Unsupported | Reload::Signal(_) => return None,
        },
        Phase::Stop => &service.stop_commands,
        Phase::StopPost => &service.stop_post,
    };
    commands.get(run.index)
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

/// mount(8) and umount(8) of the container: what a type of file system needs besides a system call, they know.
fn of_mount(mount: &Mount) -> Service {
    let mut start = vec!["mount", &mount.what, &mount.place];
    if let Some(kind) = &mount.kind {
        start.extend(["-t", kind]);
    }
    if !mount.options.is_empty() {
        start.extend(["-o", &mount.options]);
    }
    let mut stop = vec!["umount", &mount.place, "-c"];
    let flag = |wanted: bool, flag: &'static str| wanted.then_some(flag);
    start.extend(flag(mount.sloppy, "-s").into_iter().chain(flag(mount.read_write_only, "-w")));
    stop.extend(flag(mount.lazy_unmount, "-l").into_iter().chain(flag(mount.force_unmount, "-f")));
    let command = |words: Vec<&str>| Command::verbatim(words.into_iter().map(str::to_owned).collect()).into_iter().collect();
    Service { kind: ServiceType::Oneshot, start: command(start), stop_commands: command(stop), ..Service::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_done_and_undone_by_the_container_s_programs() {
        let mount = Mount {
            what: "server:/x".to_owned(),
            place: "/mnt/x".to_owned(),
            kind: Some("nfs".to_owned()),
            options: "ro,soft".to_owned(),
            sloppy: true,
            lazy_unmount: true,
            ..Mount::default()
        };
        let service = of_mount(&mount);
        let lines = |commands: &[Command]| commands.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(lines(&service.start), ["mount server:/x /mnt/x -t nfs -o ro,soft -s"]);
        assert_eq!(lines(&service.stop_commands), ["umount /mnt/x -c -l"]);
        let plain = of_mount(&Mount { what: "tmpfs".to_owned(), place: "/a b".to_owned(), ..Mount::default() });
        assert_eq!(lines(&plain.start), ["mount tmpfs \"/a b\""]);
    }
}
