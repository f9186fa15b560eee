//! See `fuzz::networkd`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::networkd(bytes));
