//! What is wrong with units that read well, seen beside the tree they would run in: programs that
//! are not there, unknown users and groups, two sockets on one address.
//!
//! Nothing is started, and nothing but the tree is asked, so a host can do it to a guest.

use crate::search::Tree;
use crate::unit::{Body, Service};
use crate::{Diagnostic, Entry, Map, Set, Severity, Unit, UnitSet, stock};

/// Where a program without a slash is looked for.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// An account file larger than this is not looked into, bytes.
const LIMIT: usize = 1 << 20;

/// Everything that is wrong, unit by unit. The units that come with fief-init are not looked at.
#[must_use]
pub fn verify(set: &UnitSet, tree: &dyn Tree) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let (users, groups) = (names(tree, "/etc/passwd"), names(tree, "/etc/group"));
    let mut listened: Map<(&str, bool), &Unit> = Map::new();
    for (_, entry) in set.iter() {
        let Entry::Unit(unit) = entry else { continue };
        let Some(path) = unit.sources.first().filter(|path| !stock::is_stock(path)) else { continue };
        let mut tell = |severity, message| found.push(Diagnostic { severity, path: path.clone(), place: None, message, help: None });
        if let Some(service) = unit.service() {
            // A condition may say that it is only for where the program is.
            let severity = if unit.conditions.0.is_empty() { Severity::Error } else { Severity::Warning };
            for (program, severity) in missing(service, tree, severity) {
                tell(severity, format!("{program} is not there, or cannot be executed"));
            }
            for message in strangers(service, &users, &groups) {
                tell(Severity::Error, message);
            }
        }
        if let Body::Socket(socket) = &unit.body {
            for listen in &socket.listen {
                let is_datagram = listen.kind == crate::unit::ListenKind::Datagram;
                if let Some(other) = listened.insert((&listen.address, is_datagram), unit) {
                    tell(Severity::Warning, format!("listens on {}, as does {}", listen.address, other.name));
                }
            }
        }
    }
    found
}

fn missing<'s>(service: &'s Service, tree: &dyn Tree, severity: Severity) -> Map<&'s str, Severity> {
    let helpers = [&service.start_conditions, &service.start_pre, &service.start_post, &service.stop_commands, &service.stop_post];
    let mut found = Map::new();
    for command in service.start.iter().chain(helpers.into_iter().flatten()) {
        let program = command.program();
        let is_there = match program.contains('/') {
            true => tree.is_executable(program),
            false => PATH.iter().any(|folder| tree.is_executable(&format!("{folder}/{program}"))),
        };
        // What a variable stands for is known when it is started.
        if !is_there && !program.contains(['$', '%']) {
            found.insert(program, if command.ignore_failure { Severity::Warning } else { severity });
        }
    }
    found
}

fn strangers(service: &Service, users: &Set<String>, groups: &Set<String>) -> Vec<String> {
    let run_as = &service.run_as;
    let is_unknown = |name: &&String, known: &Set<String>| {
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        !is_number && !name.contains('%') && !known.contains(*name)
    };
    let user = run_as.user.iter().filter(|name| !service.execution.dynamic_user && is_unknown(name, users));
    let groups = run_as.group.iter().chain(&run_as.groups).filter(|name| !service.execution.dynamic_user && is_unknown(name, groups));
    user.map(|name| format!("there is no user {name}")).chain(groups.map(|name| format!("there is no group {name}"))).collect()
}

/// The first fields of an account file; passwd(5), group(5).
fn names(tree: &dyn Tree, path: &str) -> Set<String> {
    let text = tree.read(path, LIMIT).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Nature;
    use crate::{SourceFile, SourceKind, read};

    struct Small;

    impl Tree for Small {
        fn names(&self, _folder: &str) -> Vec<(String, Nature)> {
            Vec::new()
        }

        fn link(&self, _path: &str) -> Option<String> {
            None
        }

        fn read(&self, path: &str, _limit: usize) -> Result<Vec<u8>, String> {
            Ok(if path == "/etc/passwd" { b"root:x:0:0::/root:\n".to_vec() } else { b"root:x:0:\n".to_vec() })
        }

        fn is_executable(&self, path: &str) -> bool {
            path == "/bin/true"
        }
    }

    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let file =
            |(name, text): &(&str, &str)| SourceFile { path: format!("/u/{name}"), kind: SourceKind::Unit(text.as_bytes().to_vec()) };
        let (set, _) = read(files.iter().map(file));
        verify(&set, &Small).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_not_there_is_told() {
        let bad = "[Service]\nUser=nobody-at-all\nGroup=root\nSupplementaryGroups=7 wheel\nExecStartPre=-/bin/pre\nExecStart=/bin/main\n";
        assert_eq!(
            told(&[("bad.service", bad)]),
            [
                "/u/bad.service: error: /bin/main is not there, or cannot be executed",
                "/u/bad.service: warning: /bin/pre is not there, or cannot be executed",
                "/u/bad.service: error: there is no user nobody-at-all",
                "/u/bad.service: error: there is no group wheel",
            ]
        );
        let good = "[service]\ncommand = \"true $X\"\n[run-as]\nuser = \"root\"\n";
        assert_eq!(told(&[("good.toml", good), ("dynamic.service", "[Service]\nDynamicUser=yes\nExecStart=/bin/true\n")]), [""; 0]);
    }

    #[test]
    fn an_address_is_listened_on_once() {
        let socket = "[Socket]\nListenStream=80\n";
        let service = "[Service]\nExecStart=/bin/true\n";
        let files = [("a.socket", socket), ("b.socket", socket), ("c.socket", "[Socket]\nListenDatagram=80\n")];
        let mut files = files.to_vec();
        files.extend([("a.service", service), ("b.service", service), ("c.service", service)]);
        assert_eq!(told(&files), ["/u/b.socket: warning: listens on 80, as does a.socket"]);
    }
}
