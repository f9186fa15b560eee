//! Many files in one text.

use units::{SourceFile, SourceKind};

/// Files separated by lines `-- NAME`.
pub fn files(text: &str) -> Vec<SourceFile> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match line.trim().strip_prefix("-- ") {
            Some(name) => files.push((format!("/etc/fief/units/{}.toml", name.trim()), String::new())),
            None => {
                if let Some((_, text)) = files.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    // An empty file masks; one with a comment alone does not.
    let bytes = |text: String| if text == "masked\n" { Vec::new() } else { format!("#\n{text}").into() };
    let file = |(path, text): (String, String)| SourceFile { path, kind: SourceKind::Unit(bytes(text)) };
    files.into_iter().map(file).collect()
}
