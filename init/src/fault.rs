//! What a panic said, kept for the console instead of written to it: descriptor 2 may block.

use std::sync::Mutex;

static LAST: Mutex<String> = Mutex::new(String::new());

/// Keep what panics say from now on.
pub(crate) fn keep() {
    std::panic::set_hook(Box::new(|info| {
        if let Ok(mut last) = LAST.try_lock() {
            *last = info.to_string().replace('\n', " ");
        }
    }));
}

/// What the last one said.
pub(crate) fn last() -> String {
    LAST.try_lock().map(|last| last.clone()).unwrap_or_default()
}
