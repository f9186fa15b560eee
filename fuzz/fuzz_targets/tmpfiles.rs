//! See `fuzz::tmpfiles`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::tmpfiles(bytes));
