//! See `fuzz::unit_name`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::unit_name(bytes));
