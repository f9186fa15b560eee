//! See `fuzz::accounting`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::accounting(bytes));
