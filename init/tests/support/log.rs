//! The units of the log as they come with init, for a system without the others.
#![allow(dead_code, missing_docs, unreachable_pub)]

/// The name by which the tests' scripts call it.
pub const JOURNALCTL: &str = concat!("journalctl() { ", env!("CARGO_BIN_EXE_fief-init"), " journalctl \"$@\"; }");

pub fn units() -> Vec<(&'static str, String)> {
    let wanted = |text: &str| text.replace("sysinit.target", "multi-user.target").replace("fief-init", env!("CARGO_BIN_EXE_fief-init"));
    let before = "before = [\"multi-user.target\"]\n";
    let socket = wanted(include_str!("../../../units/stock/fief-log.socket.toml")).replace(before, "");
    let service = wanted(include_str!("../../../units/stock/fief-log.toml")).replace(before, "");
    vec![("fief-log.socket.toml", socket), ("fief-log.toml", service)]
}
