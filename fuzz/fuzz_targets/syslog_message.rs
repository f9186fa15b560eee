//! See `fuzz::syslog_message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::syslog_message(bytes));
