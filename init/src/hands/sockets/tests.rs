#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::hands::Facts;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use units::{SourceFile, SourceKind};

/// Hands, and a set of one socket unit called x with its service.
struct World {
    hands: Hands,
    units: UnitSet,
    reactor: Reactor,
    queue: Queue,
    folder: tempfile::TempDir,
}

const LIFE: &str = "x.socket";

impl World {
    /// `DIR` in the text is a folder of the test's, `LOCAL` an address of its own.
    fn new(socket: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = socket.replace("DIR", folder.path().to_str().unwrap()).replace("LOCAL", &local().to_string());
        let file = |name: &str, text: String| SourceFile { path: format!("/{name}"), kind: SourceKind::Unit(text.into_bytes()) };
        let service = "[Service]\nExecStart=/bin/x\n".to_owned();
        let files = [file("x.socket", format!("[Socket]\n{socket}")), file("x.service", service.clone()), file("x@.service", service)];
        let (units, wrong) = units::read(files);
        assert!(wrong.iter().all(|w| w.severity != units::Severity::Error), "{wrong:?}");
        Self { hands: Hands::new(None, Facts::gather()), units, reactor: Reactor::new().unwrap(), queue: Queue::new(), folder }
    }

    fn name(&self) -> UnitName {
        UnitName::new(LIFE).unwrap()
    }

    fn listen(&mut self) -> (Event, Vec<String>) {
        let name = self.name();
        let remarks = self.hands.listen(life(), &name, &self.units, &mut self.queue);
        (self.queue.pop_front().unwrap(), remarks)
    }

    fn listening(socket: &str) -> Self {
        let mut world = Self::new(socket);
        let (event, remarks) = world.listen();
        assert!(matches!(event, Event::Listening(_)), "{event:?}");
        assert!(remarks.is_empty(), "{remarks:?}");
        world
    }

    /// What is heard next; waits for it.
    fn hear(&mut self) -> Event {
        while self.queue.is_empty() {
            for (watch, _) in self.reactor.wait(None) {
                let source = self.reactor.source(watch);
                let Some(Source::Socket(life, index)) = source else { panic!("{source:?}") };
                self.hands.heard(life, index, &mut self.reactor, &mut self.queue);
            }
        }
        self.queue.pop_front().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn handed(&self) -> Vec<(&str, BorrowedFd<'_>)> {
        self.hands.sockets.of(&UnitName::new("x.service").unwrap(), &self.units)
    }
}

/// One of the many addresses of the loopback, for this process alone.
fn local() -> std::net::Ipv4Addr {
    let [_, a, b, c] = std::process::id().to_be_bytes();
    [127, a, b, c].into()
}

fn life() -> Life {
    serde_json::from_str("1").unwrap()
}

#[test]
fn every_kind_is_made_with_mode_and_directories_and_handed_over_in_order() {
    let world = World::listening(
        "ListenStream=DIR/a/stream\nListenDatagram=DIR/a/dgram\nListenSequentialPacket=@fief-test-seq\nListenFIFO=DIR/a/fifo\nListenSpecial=/dev/null\n\
         ListenStream=LOCAL:47651\nFileDescriptorName=all\nSocketMode=0640\nDirectoryMode=0700\nFreeBind=yes\n",
    );
    for name in ["stream", "dgram", "fifo"] {
        assert_eq!(fs::metadata(world.path("a").join(name)).unwrap().mode() & 0o7777, 0o640, "{name}");
    }
    assert_eq!(fs::metadata(world.path("a")).unwrap().mode() & 0o7777, 0o700);
    let handed = world.handed();
    assert_eq!(handed.len(), 6);
    assert!(handed.iter().all(|(name, _)| *name == "all"));
    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(b"hello", world.path("a/dgram")).unwrap();
    let mut buffer = [0; 8];
    assert_eq!(nix::unistd::read(handed.get(1).unwrap().1, &mut buffer).unwrap(), 5);
    assert_eq!(
        nix::sys::socket::getsockopt(&handed.get(2).unwrap().1, nix::sys::socket::sockopt::SockType).unwrap(),
        nix::sys::socket::SockType::SeqPacket
    );
}

#[test]
fn what_waits_is_told_once_and_outlives_being_told() {
    let mut world = World::listening("ListenStream=DIR/s\n");
    let mut client = UnixStream::connect(world.path("s")).unwrap();
    client.write_all(b"early").unwrap();
    world.hands.attend(life(), true, &mut world.reactor);
    assert!(matches!(world.hear(), Event::Incoming(_)));
    // It is attended to no more: nothing is heard of the second.
    let _second = UnixStream::connect(world.path("s")).unwrap();
    assert!(world.reactor.wait(Some(Duration::ZERO)).is_empty());
    // Whoever has the descriptor now gets both.
    let (_, fd) = *world.handed().first().unwrap();
    let mut accepted = UnixStream::from(socket::accept(fd).unwrap());
    let mut text = [0; 5];
    accepted.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"early");
    socket::accept(fd).unwrap();
    assert_eq!(socket::accept(fd).unwrap_err(), Errno::EAGAIN);
}

#[test]
fn each_connection_is_accepted_given_and_closed_at_the_end() {
    let mut world = World::listening("ListenStream=DIR/s\nAccept=yes\n");
    world.hands.attend(life(), true, &mut world.reactor);
    let mut client = UnixStream::connect(world.path("s")).unwrap();
    let Event::Connected(_, connection, instance) = world.hear() else { panic!() };
    let me = (std::process::id(), nix::unistd::getuid());
    assert_eq!(instance, format!("0-{}-{}", me.0, me.1));
    let unit = UnitName::new("x@0.service").unwrap();
    world.hands.give(connection, unit.clone());
    let served = world.hands.sockets.connection_of(&unit).unwrap();
    nix::unistd::write(served, b"hi").unwrap();
    assert!(world.handed().is_empty());
    world.hands.sockets.served(&unit);
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hi");
    // The next one has the next number, and is closed when nobody wants it.
    let mut client = UnixStream::connect(world.path("s")).unwrap();
    let Event::Connected(_, connection, instance) = world.hear() else { panic!() };
    assert!(instance.starts_with("1-"), "{instance}");
    world.hands.drop_connection(connection);
    assert_eq!(client.read_to_string(&mut text).unwrap(), 0);
}

#[test]
fn one_source_does_not_take_all_connections() {
    let mut world = World::listening("ListenStream=LOCAL:47652\nAccept=yes\nMaxConnectionsPerSource=2\n");
    world.hands.attend(life(), true, &mut world.reactor);
    let mut clients: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect((local(), 47652)).unwrap()).collect();
    let mut connected = Vec::new();
    // The third is refused, which its other end sees.
    let mut nothing = [0];
    while connected.len() < 2 {
        let Event::Connected(_, connection, _) = world.hear() else { panic!() };
        connected.push(connection);
    }
    while !world.reactor.wait(Some(Duration::ZERO)).is_empty() {
        world.hands.heard(life(), 0, &mut world.reactor, &mut world.queue);
    }
    assert!(world.queue.is_empty());
    assert_eq!(clients.pop().unwrap().read(&mut nothing).unwrap_or(0), 0);
    // There is room again when one of them is done.
    world.hands.drop_connection(connected.pop().unwrap());
    let _fourth = TcpStream::connect((local(), 47652)).unwrap();
    assert!(matches!(world.hear(), Event::Connected(..)));
}

#[test]
fn a_socket_left_behind_is_replaced_and_anything_else_is_not() {
    let mut world = World::new("ListenStream=DIR/s\nSymlinks=DIR/l/link\nRemoveOnStop=yes\n");
    drop(std::os::unix::net::UnixListener::bind(world.path("s")).unwrap());
    let (event, _) = world.listen();
    assert!(matches!(event, Event::Listening(_)), "{event:?}");
    UnixStream::connect(world.path("l/link")).unwrap();
    let name = world.name();
    world.hands.unlisten(life(), &name, &world.units, &mut world.reactor);
    assert!(!world.path("s").exists());
    assert!(fs::symlink_metadata(world.path("l/link")).is_err());

    fs::write(world.path("s"), "somebody's").unwrap();
    let (event, _) = world.listen();
    let Event::ListenFailed(_, why) = event else { panic!("{event:?}") };
    assert_eq!(why, format!("listening on {} failed: Address already in use", world.path("s").display()));
    assert_eq!(fs::read_to_string(world.path("s")).unwrap(), "somebody's");
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    for (socket, reason) in [
        ("ListenStream=vsock:2:80\n", "a container has no vsock of its own"),
        ("ListenStream=DIR/s\nSocketUser=no-such-user\n", "no user no-such-user"),
        ("ListenFIFO=/dev/null\n", "something else is there"),
        ("ListenNetlink=nonsense\n", "no such family of netlink"),
        ("ListenUSBFunction=/dev/usb\n", "a container has no USB function"),
    ] {
        let (event, _) = World::new(socket).listen();
        let Event::ListenFailed(_, why) = event else { panic!("{socket}: {event:?}") };
        assert!(why.ends_with(reason), "{why}");
    }
}

#[test]
fn what_waits_can_be_thrown_away() {
    let mut world = World::listening("ListenStream=DIR/s\nListenDatagram=DIR/d\n");
    let mut client = UnixStream::connect(world.path("s")).unwrap();
    UnixDatagram::unbound().unwrap().send_to(b"old", world.path("d")).unwrap();
    world.hands.flush(life());
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    world.hands.attend(life(), true, &mut world.reactor);
    assert!(world.reactor.wait(Some(Duration::ZERO)).is_empty());
}

#[test]
fn the_mode_of_a_fifo_that_is_there_is_set() {
    let mut world = World::new("ListenFIFO=DIR/f\nSocketMode=0600\nPipeSize=64K\n");
    nix::unistd::mkfifo(&world.path("f"), nix::sys::stat::Mode::from_bits_truncate(0o666)).unwrap();
    let (event, remarks) = world.listen();
    assert!(matches!(event, Event::Listening(_)), "{event:?}");
    assert!(remarks.is_empty(), "{remarks:?}");
    assert_eq!(fs::metadata(world.path("f")).unwrap().permissions().mode() & 0o777, 0o600);
    world.hands.attend(life(), true, &mut world.reactor);
    fs::OpenOptions::new().write(true).open(world.path("f")).unwrap().write_all(b"x").unwrap();
    assert!(matches!(world.hear(), Event::Incoming(_)));
}
