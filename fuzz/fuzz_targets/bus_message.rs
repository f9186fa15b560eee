//! See `fuzz::bus_message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::bus_message(bytes));
