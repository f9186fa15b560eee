//! See `fuzz::bus_greeting`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::bus_greeting(bytes));
