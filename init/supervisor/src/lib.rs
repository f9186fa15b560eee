//! The brain of PID 1.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
