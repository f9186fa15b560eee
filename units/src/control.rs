//! What is said over init's control socket: one JSON [`Request`] per line, answered by JSON
//! [`Reply`] lines. Readable with `socat - UNIX-CONNECT:/run/fief/control`.

mod reply;
mod request;

pub use reply::{ActiveState, LoadState, LogLine, LogStream, Outcome, Reply, UnitResult, UnitRow};
pub use request::{LogsRequest, Request, Way};

/// Where init listens inside a guest.
pub const CONTROL_SOCKET: &str = "/run/fief/control";

/// The longest request line that is read, in bytes.
pub const REQUEST_LIMIT: usize = 64 << 10;
