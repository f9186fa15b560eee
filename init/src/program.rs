//! Where a program is, by the word that names it.

/// What services find their programs by. The first folder holds the links to init itself: the guest's
/// own `reboot` may be that of an init that does not run here. The last holds those of systemd's tools that
/// the guest may have itself.
pub(crate) const PATH: &str = "/run/host/fief/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/host/fief/tools";

/// PID 1's own executable, for commands that begin with the word `fief-init`.
const OURSELVES: &str = "/proc/self/exe";

/// The places to try, in order: a path is itself, a bare word is looked for along `path`, and the
/// word `fief-init` is this very executable, wherever it lies.
pub(crate) fn candidates(name: &str, path: &str) -> Vec<String> {
    if name.contains('/') {
        return vec![name.to_owned()];
    }
    let along = path.split(':').map(|folder| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") });
    if name == "fief-init" { std::iter::once(OURSELVES.to_owned()).chain(along).collect() } else { along.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_itself_and_a_word_is_looked_for() {
        assert_eq!(candidates("/bin/x", "/a:/b"), vec!["/bin/x"]);
        assert_eq!(candidates("x", "/a:/b"), vec!["/a/x", "/b/x"]);
        assert_eq!(candidates("fief-init", "/a"), vec!["/proc/self/exe", "/a/fief-init"]);
    }
}
