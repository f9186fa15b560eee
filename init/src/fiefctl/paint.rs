//! Colours, where they help: on a terminal, and not where NO_COLOR is set (no-color.org).

use std::io::IsTerminal;

/// A serial line does not know how large it is.
fn known(count: u16) -> Option<usize> {
    (count > 0).then_some(usize::from(count))
}

/// Whether and how wide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    pub(crate) colour: bool,
    /// Columns of the terminal; none in a pipe, where nothing is cut.
    pub(crate) width: Option<usize>,
    pub(crate) height: Option<usize>,
}

impl Paint {
    /// As standard output wants it.
    pub(crate) fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let size = if terminal { kernel::pty::window_size(std::io::stdout()).ok() } else { None };
        Self {
            colour: terminal && !refused,
            width: size.and_then(|size| known(size.ws_col)),
            height: size.and_then(|size| known(size.ws_row)),
        }
    }

    /// Nothing of the kind.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { colour: false, width: None, height: None }
    }

    /// A word in the colour of what it says.
    pub(crate) fn state(self, word: &str) -> String {
        match word {
            "active" | "running" | "listening" | "waiting" | "mounted" => self.dress("32", word),
            "failed" | "bad-setting" | "degraded" => self.dress("31;1", word),
            "activating" | "deactivating" | "reloading" | "auto-restart" | "starting" | "stopping" => self.dress("33", word),
            "inactive" | "dead" | "masked" | "skipped" => self.dress("2", word),
            _ => word.to_owned(),
        }
    }

    /// A heading.
    pub(crate) fn bold(self, text: &str) -> String {
        self.dress("1", text)
    }

    /// What matters less.
    pub(crate) fn faint(self, text: &str) -> String {
        self.dress("2", text)
    }

    /// A line of the log, by its priority.
    pub(crate) fn urgent(self, priority: u8, text: &str) -> String {
        match priority {
            0..=3 => self.dress("31;1", text),
            4 => self.dress("33", text),
            7 => self.dress("2", text),
            _ => text.to_owned(),
        }
    }

    fn dress(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
