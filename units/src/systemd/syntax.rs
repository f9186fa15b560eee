//! Sections, assignments, comments and continued lines.

use std::ops::Range;

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The section it stands in, without brackets.
    pub(crate) section: String,
    /// How many sections were opened before that one: of two with one name each is its own.
    pub(crate) opened: usize,
    pub(crate) key: String,
    /// What stands behind the `=`, continued lines joined, without blanks at its ends.
    pub(crate) value: String,
    /// Where the key stands.
    pub(crate) key_span: Range<usize>,
    /// Where the value begins, up to the end of that line.
    pub(crate) value_span: Range<usize>,
}

/// A line that is no assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slip {
    pub(crate) message: &'static str,
    pub(crate) span: Range<usize>,
    /// systemd gives the rest of the file up.
    pub(crate) fatal: bool,
}

pub(crate) const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Reads a file the way systemd's `config_parse()` does: comments may stand between continued
/// lines, a backslash that ends a line becomes a blank, an empty line ends the value. A line ends
/// with `\n`, with `\r`, or with both.
pub(crate) fn parse(text: &str) -> (Vec<Line>, Vec<Slip>) {
    let mut found = (Vec::new(), Vec::new());
    let mut section: Option<(String, usize)> = None;
    let mut pending: Option<(String, usize, usize)> = None;
    let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (indented, end) = first_line(rest);
        let line = indented.trim_start_matches(BLANKS);
        let start = at + (indented.len() - line.len());
        at += end;
        if line.starts_with(['#', ';']) {
            continue;
        }
        let (mut whole, begin, first) = match pending.take() {
            // Blanks at the front of a line that goes on belong to the value: within quotes they count.
            Some((before, begin, first)) => (before + indented, begin, first),
            None => (line.to_owned(), start, line.trim_end().len()),
        };
        if ends_escaped(&whole) {
            whole.pop();
            whole.push(' ');
            pending = Some((whole, begin, first));
            continue;
        }
        take(&whole, begin, first, &mut section, &mut found);
        if found.1.last().is_some_and(|slip| slip.fatal) {
            return found;
        }
    }
    if let Some((whole, begin, first)) = pending {
        take(&whole, begin, first, &mut section, &mut found);
    }
    found
}

/// The line at the front, and where the next one begins.
fn first_line(text: &str) -> (&str, usize) {
    let line = text.split(['\n', '\r']).next().unwrap_or(text);
    let after = text.get(line.len()..).unwrap_or_default();
    let end = ["\r\n", "\n\r", "\n", "\r"].iter().find(|end| after.starts_with(**end)).map_or(0, |end| end.len());
    (line, line.len() + end)
}

/// An odd number of backslashes at the end.
fn ends_escaped(line: &str) -> bool {
    line.bytes().fold(false, |escaped, byte| !escaped && byte == b'\\')
}

fn take(whole: &str, begin: usize, first: usize, section: &mut Option<(String, usize)>, found: &mut (Vec<Line>, Vec<Slip>)) {
    let line = whole.trim_matches(BLANKS);
    let here = begin..begin + first;
    let mut slip = |message, fatal| found.1.push(Slip { message, span: here.clone(), fatal });
    if line.is_empty() {
        return;
    }
    if let Some(header) = line.strip_prefix('[') {
        match header.strip_suffix(']') {
            Some(name) => *section = Some((name.to_owned(), section.as_ref().map_or(0, |(_, opened)| opened + 1))),
            None => slip("the `[` of a section is not closed", true),
        }
        return;
    }
    let Some((key, value)) = line.split_once('=') else {
        return slip("neither a section nor an assignment", false);
    };
    let key = key.trim_matches(BLANKS);
    if key.is_empty() {
        return slip("nothing stands before the `=`", false);
    }
    let Some((section, opened)) = section else {
        return slip("an assignment before the first section", false);
    };
    let trimmed = value.trim_start_matches(BLANKS);
    let from = begin + (line.len() - trimmed.len());
    found.0.push(Line {
        section: section.clone(),
        opened: *opened,
        key: key.to_owned(),
        value: trimmed.to_owned(),
        key_span: begin..begin + key.len(),
        value_span: from.min(here.end)..here.end,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        parse(text).0.into_iter().map(|l| format!("{}.{}={}", l.section, l.key, l.value)).collect()
    }

    #[test]
    fn lines_go_on_over_comments_and_end_at_an_empty_one() {
        let text = "\u{feff}# c\n[Service]\nExecStart = /bin/a \\\n  # not it\n; nor it\n   b\\\\ \\\n\nType=simple\r\n[Install]\nA=x\\\n";
        assert_eq!(values(text), ["Service.ExecStart=/bin/a     b\\\\", "Service.Type=simple", "Install.A=x"]);
        assert_eq!(parse("[R]\nA=1\nB=2\n[R]\nA=3\n").0.iter().map(|line| line.opened).collect::<Vec<_>>(), [0, 0, 1]);
        // Two backslashes are one, and continue nothing.
        assert_eq!(values("[S]\nA=b\\\\\nC=d"), ["S.A=b\\\\", "S.C=d"]);
        // A blank after the backslash: it continues nothing either.
        assert_eq!(values("[S]\nA=b\\ \nC=d"), ["S.A=b\\", "S.C=d"]);
        // Ends of lines of other systems.
        assert_eq!(values("[S]\r\nA=b\\\r\n c\r\n\r\nC=d\rE=f\r\rG=h\n\rI=j"), ["S.A=b  c", "S.C=d", "S.E=f", "S.G=h", "S.I=j"]);
    }

    #[test]
    fn what_is_no_assignment_is_told() {
        let (lines, slips) = parse("A=1\nnoise\n[S]\n=x\nB=\n[T\nC=\n");
        assert_eq!(lines.len(), 1);
        let told: Vec<_> = slips.iter().map(|s| (s.span.clone(), s.fatal)).collect();
        // Nothing is read behind the last.
        assert_eq!(told, [(0..3, false), (4..9, false), (14..16, false), (20..22, true)]);
    }

    #[test]
    fn places_are_those_of_the_file() {
        let text = "[Service]\n  User = shop # no comment\n";
        let (lines, _) = parse(text);
        let line = lines.first();
        assert_eq!(line.and_then(|l| text.get(l.key_span.clone())), Some("User"));
        assert_eq!(line.and_then(|l| text.get(l.value_span.clone())), Some("shop # no comment"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_fail(text in "(\\PC|[\\[\\]=\\\\#; \n\r]){0,200}") {
            for line in parse(&text).0 {
                proptest::prop_assert!(line.key_span.start <= text.len() && line.value_span.end <= text.len());
            }
        }
    }
}
