//! See `fuzz::notify`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::notify(bytes));
