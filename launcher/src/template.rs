//! What containers lie over: a folder with the root of a system, shared, read-only and untouched.

pub mod builtin;
