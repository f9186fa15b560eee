//! See `fuzz::sysv`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::sysv(bytes));
