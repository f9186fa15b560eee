//! See `fuzz::systemd_unit`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::systemd_unit(bytes));
