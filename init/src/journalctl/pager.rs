//! Where it is shown: standard output, or a pager that leads there; journalctl(1), `$SYSTEMD_PAGER`.

use std::io::{self, Write};
use std::process::{Child, Command, Stdio};

/// Tried where nobody says; one of them is nearly everywhere.
const PAGERS: [&str; 3] = ["pager", "less", "more"];
/// So much is written at once.
const BUFFER: usize = 32 * 1024;

/// Bytes on their way to whoever looks.
#[derive(Debug)]
pub(super) struct Out {
    pager: Option<Child>,
    waiting: Vec<u8>,
}

impl Out {
    pub(super) fn plain() -> Self {
        Self { pager: None, waiting: Vec::new() }
    }

    /// By a pager, where there is one; at its end, if wanted.
    pub(super) fn paged(at_end: bool) -> Self {
        let said = ["SYSTEMD_PAGER", "PAGER"].iter().find_map(|name| std::env::var(name).ok());
        let wanted: Vec<String> = said.map_or_else(|| PAGERS.map(str::to_owned).to_vec(), |pager| vec![pager]);
        let pager = wanted.iter().filter(|pager| !matches!(pager.as_str(), "" | "cat")).find_map(|pager| begin(pager, at_end));
        Self { pager, waiting: Vec::new() }
    }

    /// Everything is written, and the pager closed by whoever looks.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let written = self.flush();
        if let Some(mut pager) = self.pager {
            drop(pager.stdin.take());
            pager.wait()?;
        }
        written
    }
}

#[allow(clippy::disallowed_methods, reason = "a tool at somebody's terminal, not PID 1")]
fn begin(words: &str, at_end: bool) -> Option<Child> {
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next()?);
    command.args(words).stdin(Stdio::piped());
    let options = std::env::var("SYSTEMD_LESS").unwrap_or_else(|_| "FRSXMK".to_owned());
    command.env("LESS", if at_end { format!("{options} +G") } else { options }).env("LESSCHARSET", "utf-8");
    command.spawn().ok()
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= BUFFER {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        match self.pager.as_mut().and_then(|pager| pager.stdin.as_mut()) {
            Some(pager) => pager.write_all(&waiting),
            None => {
                let mut out = io::stdout().lock();
                out.write_all(&waiting)?;
                out.flush()
            }
        }
    }
}
