//! See `fuzz::environment`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::environment(bytes));
