//! What systemd's own `systemctl` speaks to, where a package has brought it: D-Bus, from peer to peer, in the words of org.freedesktop.systemd1.
//!
//! ```text
//!   systemctl ─ /run/systemd/private ─▶ fief-bus: greeting ─ message ─▶ manager │ object ─ requests ─▶ PID 1 (/run/fief/control)
//!              ◀─ answer, JobRemoved ────────────────────────────────────────────────── replies ──┘
//! ```
//!
//! A process of its own (`fief-init bus`, the unit fief-bus): PID 1 holds the socket, begins it with the first who connects, and knows no D-Bus. Nobody
//! who speaks to PID 1 otherwise pays for it, and it ends when nobody has spoken to it for a while. What is done, and in which words it is refused, is
//! the code that serves our own systemctl ([`crate::systemctl`]); here are its types.
//!
//! Invariant: what a client says is bounded before it is read, and one that does not read is not listened to. Only root is heard.

mod answer;
mod client;
mod files;
mod greeting;
mod jobs;
mod manager;
mod message;
mod object;
mod server;
mod transient;
mod types;
mod wire;

pub(crate) use server::run;
