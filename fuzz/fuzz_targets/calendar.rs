//! See `fuzz::calendar`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::calendar(bytes));
