use super::FILE_LIMIT;
use crate::diagnostic::Place;
use crate::systemd::Scope;
use crate::{Diagnostic, Severity};
use std::cell::RefCell;
use std::ops::Range;

/// Columns of an excerpt; a caret further right moves the excerpt along.
const EXCERPT: usize = 100;

/// More diagnostics of one file than this help nobody.
const FOUND_LIMIT: usize = 20;

/// The text of one file, and what was found wrong with it.
pub(crate) struct Source<'a> {
    path: &'a str,
    scope: Scope<'a>,
    bytes: &'a [u8],
    found: RefCell<Vec<Diagnostic>>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(path: &'a str, bytes: &'a [u8], scope: Scope<'a>) -> Self {
        Self { path, scope, bytes, found: RefCell::default() }
    }

    pub(crate) fn path(&self) -> &'a str {
        self.path
    }

    /// What specifiers stand for in it.
    pub(crate) fn scope(&self) -> Scope<'a> {
        self.scope
    }

    pub(crate) fn into_found(self) -> Vec<Diagnostic> {
        self.found.into_inner()
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&'a str> {
        if self.bytes.len() > FILE_LIMIT {
            let message = format!("the file is larger than {} KiB, which no unit file is", FILE_LIMIT >> 10);
            self.push(Severity::Error, Some(0..1), message, None);
            return None;
        }
        match std::str::from_utf8(self.bytes) {
            Ok(text) => match text.find('\0') {
                None => Some(text),
                Some(at) => {
                    self.error(at..at + 1, "a NUL byte".to_owned(), None);
                    None
                }
            },
            Err(error) => {
                let at = error.valid_up_to();
                self.error(at..at + 1, "not UTF-8".to_owned(), None);
                None
            }
        }
    }

    pub(crate) fn error(&self, span: Range<usize>, message: String, help: Option<String>) {
        self.push(Severity::Error, Some(span), message, help);
    }

    pub(crate) fn warning(&self, span: Range<usize>, message: String, help: Option<String>) {
        self.push(Severity::Warning, Some(span), message, help);
    }

    fn push(&self, severity: Severity, span: Option<Range<usize>>, message: String, help: Option<String>) {
        let mut found = self.found.borrow_mut();
        if found.len() < FOUND_LIMIT {
            let place = span.map(|span| self.place(span));
            found.push(Diagnostic { severity, path: self.path.to_owned(), place, message, help });
        }
    }

    /// Line, column and excerpt of a range of bytes.
    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        let start = span.start.min(self.bytes.len());
        let before = self.bytes.get(..start).unwrap_or_default();
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let rest = self.bytes.get(line_start..).unwrap_or_default();
        let line_length = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        // Noise may be one line of a megabyte: look no further than is shown.
        let offset = start - line_start;
        let from = if offset > EXCERPT * 3 / 4 { offset - EXCERPT / 2 } else { 0 };
        let shown = rest.get(from..line_length.min(from + EXCERPT * 4)).unwrap_or_default();
        let marked = readable(rest.get(from..offset).unwrap_or_default()).chars().count();
        let excerpt: String = readable(shown).chars().take(EXCERPT).collect();
        let visible = excerpt.chars().count();
        let caret = marked.min(visible);
        let end = span.end.min(line_start + line_length).max(start);
        let spanned = readable(self.bytes.get(start..end.min(start + EXCERPT * 4)).unwrap_or_default()).chars().count();
        let width = spanned.min(visible.saturating_sub(caret)).max(1);
        Place {
            line: before.iter().filter(|b| **b == b'\n').count() + 1,
            column: String::from_utf8_lossy(rest.get(..offset).unwrap_or_default()).chars().count() + 1,
            excerpt,
            caret,
            width,
        }
    }
}

/// Fit for a terminal: nothing in it moves the cursor or changes colours.
fn readable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .filter(|c| *c != '\r')
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() || ('\u{200b}'..='\u{202e}').contains(&c) => '\u{fffd}',
            c => c,
        })
        .collect()
}
