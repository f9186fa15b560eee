//! See `fuzz::toml_unit`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::toml_unit(bytes));
