//! See `fuzz::native_entries`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::native_entries(bytes));
