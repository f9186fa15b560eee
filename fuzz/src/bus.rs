//! What a client of the bus says, and what the properties of a unit are as values.

#![allow(dead_code, reason = "the server's own; not all of them is asked here")]

#[path = "../../init/src/bus/greeting.rs"]
mod greeting;
#[path = "../../init/src/bus/message.rs"]
mod message;
#[path = "../../init/src/bus/types/reading.rs"]
mod reading;
#[path = "../../init/src/bus/types/value.rs"]
mod value;
#[path = "../../init/src/bus/wire.rs"]
mod wire;

use greeting::Greeting;
use message::{Kind, Message};
use wire::{LONGEST, Order, Reader, Writer};

/// Messages one after the other: what is one is so however much of it and of what follows has come, and is what it says it is. Its texts are
/// written again as an answer, which reads as what was meant.
pub fn bus_message(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Some((message, length))) = Message::read(rest) {
        assert!(length <= rest.len() && length <= LONGEST && message.serial > 0);
        let (alone, after) = rest.split_at(length);
        let Ok(Some((again, same))) = Message::read(alone) else { panic!("alone it is none: {message:?}") };
        assert_eq!((again.kind, again.serial, again.member, same), (message.kind, message.serial, message.member, length));
        assert!(matches!(Message::read(&alone[..length - 1]), Ok(None)), "it is whole before its end");
        let is_whole = match message.kind {
            Kind::Call => wire::is_path(message.path) && !message.member.is_empty(),
            Kind::Signal => wire::is_path(message.path) && !message.interface.is_empty(),
            Kind::Return | Kind::Error => message.answers > 0,
        };
        assert!(is_whole, "{message:?}");
        let error = message::error(message.serial, 7, message.member, message.interface);
        let read = Message::read(&error);
        // A member that is empty is no name of an error.
        if !message.member.is_empty() {
            let Ok(Some((error, _))) = read else { panic!("what was written is no message: {read:?}") };
            assert_eq!((error.error, error.body().string()), (message.member, Ok(message.interface)));
        }
        rest = after;
    }
}

/// A greeting is answered alike in whatever pieces it comes, the first byte says in how long ones; and what follows it is left.
pub fn bus_greeting(bytes: &[u8]) {
    let Some((size, rest)) = bytes.split_first() else { return };
    let said = |size: usize| {
        let (mut greeting, mut words, mut out) = (Greeting::new(), Vec::new(), Vec::new());
        for (at, piece) in rest.chunks(size.max(1)).enumerate() {
            words.extend_from_slice(piece);
            match greeting.take(&mut words, "id", &mut out) {
                Ok(false) => {}
                Ok(true) => {
                    let later = rest.get((at + 1).saturating_mul(size.max(1))..).unwrap_or_default();
                    return (Some([&words, later].concat()), out);
                }
                // How much was said before that is not to be relied on.
                Err(wire::Garbled) => return (None, Vec::new()),
            }
        }
        assert!(words.len() <= 1024 && out.len() < 1024);
        (None, if words.is_empty() { out } else { Vec::new() })
    };
    let (begun, out) = said(usize::from(*size));
    if begun.is_some() {
        assert_eq!((begun, out), said(usize::MAX));
    }
}

/// A type and a property's text: what it is read as is a value of that type.
pub fn bus_value(bytes: &[u8]) {
    const TYPES: [(&str, &str); 22] = [
        ("s", "Id"),
        ("b", "CanStart"),
        ("i", "NUMAPolicy"),
        ("u", "MainPID"),
        ("u", "UMask"),
        ("t", "TimeoutStartUSec"),
        ("t", "RestrictNamespaces"),
        ("t", "CapabilityBoundingSet"),
        ("x", "MessageQueueMaxMessages"),
        ("as", "Environment"),
        ("ay", "CPUAffinity"),
        ("ay", "StandardInputData"),
        ("aay", "LogExtraFields"),
        ("(ss)", "LoadError"),
        ("(bas)", "SystemCallFilter"),
        ("(aiai)", "SuccessExitStatus"),
        ("a(sb)", "EnvironmentFiles"),
        ("a(ss)", "Listen"),
        ("a(sst)", "TimersCalendar"),
        ("a(stt)", "TimersMonotonic"),
        ("a(ssbt)", "BindPaths"),
        ("a(sasbttttuii)", "ExecStart"),
    ];
    let Some((first, rest)) = bytes.split_first() else { return };
    let (Some(text), Some((signature, name))) = (crate::text(rest), TYPES.get(usize::from(*first) % TYPES.len())) else { return };
    let texts: Vec<String> = text.split('\n').map(str::to_owned).collect();
    if let Some(value) = reading::read(signature, name, &texts) {
        let mut out = Writer::default();
        value.write(&mut out);
        let written = out.into_bytes();
        let mut reader = Reader::new(&written, Order::Little);
        assert_eq!((reader.skip(signature), reader.is_at_end()), (Ok(()), true), "{signature} {value:?}");
    }
}
