//! Faults on purpose, in a program built with debug assertions and in no other: what cannot be practised cannot be
//! relied upon.
//!
//! SIGRTMIN+28: the next event panics while it is heard. SIGRTMIN+29: the stack overflows.

use std::sync::atomic::{AtomicBool, Ordering};

static PANIC: AtomicBool = AtomicBool::new(false);

/// Heed a signal by which a fault is ordered.
pub(crate) fn heed(number: u32) {
    match i32::try_from(number).map(|number| number - kernel::signal::SIGRTMIN) {
        Ok(28) => PANIC.store(true, Ordering::Relaxed),
        Ok(29) => {
            std::hint::black_box(deeper(1));
        }
        _ => {}
    }
}

/// Panic, if that was ordered.
pub(crate) fn perhaps() {
    assert!(!PANIC.swap(false, Ordering::Relaxed), "a panic on purpose");
}

#[allow(unconditional_recursion)]
fn deeper(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 512]);
    deeper(depth + 1) + room.iter().sum::<u64>()
}
