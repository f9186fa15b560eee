//! `[Socket]`, `[Timer]`, `[Path]` and `[Mount]`.

use super::service::commands;
use super::sheet::Sheet;
use super::words;
use crate::unit::{ListenKind, Mount, PathEvent, Since, Socket, TYPES_OF_SERVICE, Timer, TriggerLimit, Unit, Watch};
use crate::value::{Address, Bytes, Limit, Mode, read_span};
use std::net::SocketAddr;
use std::time::Duration;

/// How a socket option is spelled, and what stands where it is not given.
#[derive(Clone, Copy)]
enum Spelling {
    Flag,
    Number(&'static str),
    Size,
    Span,
    Text(&'static str),
    /// A type of service.
    Service,
    /// A protocol of IP.
    Protocol,
}

/// By number; protocols(5).
const PROTOCOLS: [(&str, i32); 3] = [("sctp", 132), ("udplite", 136), ("mptcp", 262)];

const OPTIONS: [(&str, &str, Spelling); 30] = [
    ("KeepAlive", "KeepAlive", Spelling::Flag),
    ("KeepAliveTimeSec", "KeepAliveTimeUSec", Spelling::Span),
    ("KeepAliveIntervalSec", "KeepAliveIntervalUSec", Spelling::Span),
    ("KeepAliveProbes", "KeepAliveProbes", Spelling::Number("0")),
    ("NoDelay", "NoDelay", Spelling::Flag),
    ("Priority", "Priority", Spelling::Number("-1")),
    ("DeferAcceptSec", "DeferAcceptUSec", Spelling::Span),
    ("ReceiveBuffer", "ReceiveBuffer", Spelling::Size),
    ("SendBuffer", "SendBuffer", Spelling::Size),
    ("IPTOS", "IPTOS", Spelling::Service),
    ("IPTTL", "IPTTL", Spelling::Number("-1")),
    ("Mark", "Mark", Spelling::Number("-1")),
    ("ReusePort", "ReusePort", Spelling::Flag),
    ("Broadcast", "Broadcast", Spelling::Flag),
    ("PassCredentials", "PassCredentials", Spelling::Flag),
    ("PassSecurity", "PassSecurity", Spelling::Flag),
    ("PassPacketInfo", "PassPacketInfo", Spelling::Flag),
    ("Timestamping", "Timestamping", Spelling::Text("off")),
    ("FreeBind", "FreeBind", Spelling::Flag),
    ("Transparent", "Transparent", Spelling::Flag),
    ("PipeSize", "PipeSize", Spelling::Size),
    ("Writable", "Writable", Spelling::Flag),
    ("BindToDevice", "BindToDevice", Spelling::Text("")),
    ("MessageQueueMaxMessages", "MessageQueueMaxMessages", Spelling::Number("0")),
    ("MessageQueueMessageSize", "MessageQueueMessageSize", Spelling::Number("0")),
    ("TCPCongestion", "TCPCongestion", Spelling::Text("")),
    ("SocketProtocol", "SocketProtocol", Spelling::Protocol),
    ("SmackLabel", "SmackLabel", Spelling::Text("")),
    ("SmackLabelIPIn", "SmackLabelIPIn", Spelling::Text("")),
    ("SmackLabelIPOut", "SmackLabelIPOut", Spelling::Text("")),
];

pub(super) fn socket(sheet: &mut Sheet, unit: &Unit, socket: &Socket) {
    sheet.put("BindIPv6Only", socket.ipv6_only.map_or("default", |only| if only { "ipv6-only" } else { "both" }));
    // No number is as many as the kernel lets be.
    sheet.number("Backlog", socket.backlog.map_or(i64::from(i32::MAX), i64::from));
    sheet.put("SocketUser", socket.user.as_deref().unwrap_or_default());
    sheet.put("SocketGroup", socket.group.as_deref().unwrap_or_default());
    sheet.put("SocketMode", socket.mode.to_string());
    sheet.put("DirectoryMode", socket.directory_mode.to_string());
    sheet.flag("Accept", socket.accept);
    for (directive, property, spelling) in OPTIONS {
        let written = socket.options.iter().rev().find(|(name, _)| *name == directive).map(|(_, value)| value.as_str());
        sheet.put(property, option(spelling, written));
    }
    sheet.flag("RemoveOnStop", socket.remove_on_stop);
    for listen in &socket.listen {
        sheet.put("Listen", format!("{} ({})", address(listen.kind, &listen.address), listen_kind(listen.kind)));
    }
    sheet.list("Symlinks", socket.symlinks.iter().map(String::as_str));
    sheet.number("MaxConnections", socket.max_connections);
    sheet.number("MaxConnectionsPerSource", socket.max_connections_per_source);
    trigger_limit(sheet, socket.trigger_limit, if socket.accept { TriggerLimit::ACCEPT } else { TriggerLimit::SOCKET });
    sheet.flag("FlushPending", socket.flush_pending);
    sheet.put("FileDescriptorName", socket.name.as_deref().unwrap_or(unit.name.as_str()));
    commands(sheet, &["ExecStartPre"], &socket.start_pre);
    commands(sheet, &["ExecStartPost"], &socket.start_post);
    commands(sheet, &["ExecStopPre"], &socket.stop_pre);
    commands(sheet, &["ExecStopPost"], &socket.stop_post);
}

fn trigger_limit(sheet: &mut Sheet, limit: TriggerLimit, usual: (u32, Duration)) {
    let (burst, interval) = limit.said_or(usual);
    sheet.span("TriggerLimitIntervalUSec", Limit::At(interval));
    sheet.number("TriggerLimitBurst", burst);
}

fn option(spelling: Spelling, written: Option<&str>) -> String {
    match (spelling, written) {
        (Spelling::Flag, written) => {
            let on = written.and_then(crate::systemd::set::boolean).unwrap_or(false);
            (if on { "yes" } else { "no" }).to_owned()
        }
        (Spelling::Size, written) => written.and_then(|text| Bytes::read_as_systemd(text).ok()).unwrap_or_default().0.to_string(),
        (Spelling::Span, written) => words::span(written.and_then(|text| read_span(text).ok()).unwrap_or(Limit::At(Duration::ZERO))),
        (Spelling::Service, written) => number_of(&TYPES_OF_SERVICE, written).unwrap_or_else(|| "-1".to_owned()),
        (Spelling::Protocol, written) => number_of(&PROTOCOLS, written).unwrap_or_else(|| "0".to_owned()),
        (Spelling::Number(_) | Spelling::Text(_), Some(written)) => written.to_owned(),
        (Spelling::Number(absent) | Spelling::Text(absent), None) => absent.to_owned(),
    }
}

/// A word's number, or the number that is written.
fn number_of(words: &[(&str, i32)], written: Option<&str>) -> Option<String> {
    let written = written?;
    Some(words.iter().find(|(word, _)| *word == written).map_or_else(|| written.to_owned(), |(_, number)| number.to_string()))
}

/// A port alone is one of every address.
fn address(kind: ListenKind, address: &str) -> String {
    let inet = matches!(kind, ListenKind::Stream | ListenKind::Datagram | ListenKind::SequentialPacket);
    match Address::read(address).filter(|_| inet) {
        Some(Address::Port(port)) => format!("[::]:{port}"),
        Some(Address::Ip { ip, port, interface: None }) => SocketAddr::new(ip, port).to_string(),
        Some(Address::Path(_) | Address::Abstract(_) | Address::Ip { .. } | Address::Vsock) | None => address.replace('\\', "\\\\"),
    }
}

fn listen_kind(kind: ListenKind) -> &'static str {
    match kind {
        ListenKind::Stream => "Stream",
        ListenKind::Datagram => "Datagram",
        ListenKind::SequentialPacket => "SequentialPacket",
        ListenKind::Fifo => "FIFO",
        ListenKind::Special => "Special",
        ListenKind::Netlink => "Netlink",
        ListenKind::MessageQueue => "MessageQueue",
        ListenKind::UsbFunction => "USBFunction",
    }
}

pub(super) fn timer(sheet: &mut Sheet, unit: &Unit, timer: &Timer) {
    sheet.put("Unit", unit.triggers().map_or_else(String::new, String::from));
    for (since, span) in timer.since.iter().rev() {
        let base = match since {
            Since::Active => "OnActiveUSec",
            Since::Boot => "OnBootUSec",
            Since::Startup => "OnStartupUSec",
            Since::UnitActive => "OnUnitActiveUSec",
            Since::UnitInactive => "OnUnitInactiveUSec",
        };
        sheet.put("TimersMonotonic", format!("{{ {base}={} ; next_elapse=0 }}", words::span(Limit::At(*span))));
    }
    for calendar in timer.on_calendar.iter().rev() {
        sheet.put("TimersCalendar", format!("{{ OnCalendar={calendar} ; next_elapse=(null) }}"));
    }
    sheet.flag("OnClockChange", timer.on_clock_change);
    sheet.flag("OnTimezoneChange", timer.on_timezone_change);
    sheet.span("AccuracyUSec", Limit::At(timer.accuracy));
    sheet.span("RandomizedDelayUSec", Limit::At(timer.random_delay));
    sheet.flag("FixedRandomDelay", timer.fixed_random_delay);
    sheet.flag("Persistent", timer.persistent);
    sheet.flag("RemainAfterElapse", timer.remain_after_elapse);
}

pub(super) fn path(sheet: &mut Sheet, unit: &Unit, watch: &Watch) {
    sheet.put("Unit", unit.triggers().map_or_else(String::new, String::from));
    // The last comes first, as with systemd.
    for (event, path) in watch.paths.iter().rev() {
        let event = match event {
            PathEvent::Exists => "PathExists",
            PathEvent::ExistsGlob => "PathExistsGlob",
            PathEvent::Changed => "PathChanged",
            PathEvent::Modified => "PathModified",
            PathEvent::DirectoryNotEmpty => "DirectoryNotEmpty",
        };
        sheet.put("Paths", format!("{path} ({event})"));
    }
    sheet.flag("MakeDirectory", watch.make_directory);
    sheet.put("DirectoryMode", watch.directory_mode.unwrap_or(Mode::DIRECTORY).to_string());
    trigger_limit(sheet, watch.trigger_limit, TriggerLimit::PATH);
}

pub(super) fn mount(sheet: &mut Sheet, mount: &Mount) {
    sheet.put("Where", mount.place.as_str());
    sheet.put("What", mount.what.as_str());
    sheet.put("Options", mount.options.as_str());
    sheet.put("Type", mount.kind.as_deref().unwrap_or_default());
    sheet.span("TimeoutUSec", mount.timeout.unwrap_or(Limit::At(Duration::from_secs(90))));
    sheet.put("DirectoryMode", mount.directory_mode.unwrap_or(Mode::DIRECTORY).to_string());
    sheet.flag("SloppyOptions", mount.sloppy);
    sheet.flag("LazyUnmount", mount.lazy_unmount);
    sheet.flag("ForceUnmount", mount.force_unmount);
    sheet.flag("ReadWriteOnly", mount.read_write_only);
}
