//! What the kernel says of a group.

use units::accounting::{Account, Controller, Generation, Pressure, field, limit, number};
use units::value::Limit;

use crate::text;

/// The same text as every file of a group: no counter is more than a file says, and what was read is told and read again.
pub fn accounting(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    let Some(text) = text(body) else { return };
    // Bits of the first byte: which of the controllers are of the first generation, and which are there.
    let generation = |controller: Controller| {
        let bit = match controller {
            Controller::Memory => 0,
            Controller::Cpu => 1,
            Controller::Cpuacct | Controller::Pids => 2,
            Controller::Io => 3,
        };
        (first & (16 << bit) == 0).then_some(if first & (1 << bit) == 0 { Generation::V2 } else { Generation::V1 })
    };
    let account = Account::read(generation, |_, _, _| Some(text.to_owned()));
    again(&account);
    again(&Pressure::read(text));
    if let Some(number) = number(text) {
        assert_eq!(limit(text), Some(Limit::At(number)), "{text:?}");
    }
    for line in text.lines() {
        if let Some((key, _)) = line.split_once(' ')
            && let Some(value) = field(text, key)
        {
            assert!(text.contains(&value.to_string()) || text.contains('0') || text.contains('+'), "{key} is {value} in {text:?}");
        }
    }
}

fn again<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(said: &T) {
    let line = serde_json::to_string(said).unwrap_or_else(|error| panic!("{said:?} cannot be written: {error}"));
    match serde_json::from_str::<T>(&line) {
        Ok(read) => assert_eq!(read, *said, "{line}"),
        Err(error) => panic!("{line}: {error}"),
    }
}
