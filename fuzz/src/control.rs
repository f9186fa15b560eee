//! Control frames: one line of JSON each way.

use serde::Serialize;
use serde::de::DeserializeOwned;
use units::control::{Reply, Request};

/// A request that was understood is understood the same when it is said again, on one line.
pub fn request(bytes: &[u8]) {
    again::<Request>(bytes);
}

/// The same for answers, which `fiefctl` reads; a guest's init may be somebody else's.
pub fn reply(bytes: &[u8]) {
    again::<Reply>(bytes);
}

fn again<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let Ok(said) = serde_json::from_slice::<T>(bytes) else { return };
    let line = serde_json::to_string(&said).unwrap_or_else(|error| panic!("{said:?} cannot be written: {error}"));
    assert!(!line.contains('\n'), "more than one line: {line}");
    match serde_json::from_str::<T>(&line) {
        Ok(heard) => assert_eq!(heard, said, "{line}"),
        Err(error) => panic!("{line}: {error}"),
    }
}
