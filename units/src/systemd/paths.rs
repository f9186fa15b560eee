//! Paths as systemd's files may write them; `path_simplify_and_warn()`.

/// Without doubled slashes, without `.`, and without a slash at the end.
pub(crate) fn simple(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

/// An absolute path that nowhere leads up, in its simple form.
pub(crate) fn absolute(path: &str) -> Option<String> {
    (path.starts_with('/') && !path.split('/').any(|part| part == "..")).then(|| simple(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_spelling() {
        for (path, short) in [("/", "/"), ("//a/./b//", "/a/b"), ("a//b/", "a/b"), ("/a/../b", "/a/../b"), ("/./", "/"), (".", "")] {
            assert_eq!(simple(path), short);
        }
        assert_eq!(absolute("/a//b/"), Some("/a/b".to_owned()));
        assert_eq!(absolute("a/b"), None);
        assert_eq!(absolute("/a/../b"), None);
    }
}
