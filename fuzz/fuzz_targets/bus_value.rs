//! See `fuzz::bus_value`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::bus_value(bytes));
