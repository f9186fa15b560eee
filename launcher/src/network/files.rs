//! What the guest reads about its network: texts, made here and written by whoever is inside.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::store::Link;

/// Our init as it is seen in the guest.
const INIT: &str = "/run/host/fief/fief-init";

/// A guest that wants its own version of a file puts this line into it.
pub const KEEP: &str = "# fief: keep";

/// The head of every file that is written anew at each start.
const HEAD: &str = "# Written by fief at every start. To keep your own version, put this line into it:\n\
                    #     # fief: keep\n";

/// One file to be written into the guest before its init runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestFile {
    /// Where, inside the guest.
    pub path: &'static Path,
    /// Its permissions.
    pub mode: u32,
    /// Its content.
    pub bytes: Vec<u8>,
    /// What to do about one that is there already.
    pub existing: Existing,
}

/// What to do about a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Replace it.
    Replace,
    /// Replace it unless it contains the line `# fief: keep`.
    ReplaceUnlessKept,
    /// Leave it alone.
    Leave,
}

impl GuestFile {
    /// Whether to write it, given what is there (its beginning suffices); `None`: nothing is there.
    #[must_use]
    pub fn wanted(&self, there: Option<&[u8]>) -> bool {
        match (self.existing, there) {
            (_, None) | (Existing::Replace, Some(_)) => true,
            (Existing::Leave, Some(_)) => false,
            (Existing::ReplaceUnlessKept, Some(bytes)) => {
                !bytes.split(|byte| *byte == b'\n').any(|line| line.trim_ascii() == KEEP.as_bytes())
            }
        }
    }

    fn new(path: &'static str, existing: Existing, text: String) -> Self {
        Self { path: Path::new(path), mode: 0o644, bytes: text.into_bytes(), existing }
    }
}

/// The files about the network that any guest has: `/etc/hostname`, `/etc/resolv.conf` and, where it is missing,
/// `/etc/network/interfaces`. `resolver` is what [`host_resolver`] found, `naming` what [`super::given`] says of the name.
#[must_use]
pub fn all(hostname: &str, naming: Existing, links: &[Link], nameservers: &[IpAddr], resolver: &Resolver) -> Vec<GuestFile> {
    vec![
        GuestFile::new("/etc/hostname", naming, format!("{hostname}\n")),
        GuestFile::new("/etc/resolv.conf", Existing::ReplaceUnlessKept, resolv_conf(nameservers, resolver)),
        GuestFile::new("/etc/network/interfaces", Existing::Leave, interfaces(links)),
    ]
}

/// `/etc/hosts` for a guest whose init is not ours. The own name stands with the own addresses; without any, with 127.0.1.1 as Debian has
/// it. hosts(5).
#[must_use]
pub fn hosts(hostname: &str, links: &[Link]) -> GuestFile {
    let mut text = format!(
        "{HEAD}127.0.0.1\tlocalhost\n\
         ::1\tlocalhost ip6-localhost ip6-loopback\n\
         ff02::1\tip6-allnodes\n\
         ff02::2\tip6-allrouters\n"
    );
    // A name of several words has its first word as an alias: "web1.example.org web1".
    let names = match hostname.split_once('.') {
        Some((first, _)) => format!("{hostname} {first}"),
        None => hostname.to_owned(),
    };
    let mut own = links.iter().flat_map(|link| &link.addresses).map(|cidr| cidr.address()).peekable();
    if own.peek().is_none() {
        let _ = writeln!(text, "127.0.1.1\t{names}");
    }
    for address in own {
        let _ = writeln!(text, "{address}\t{names}");
    }
    GuestFile::new("/etc/hosts", Existing::ReplaceUnlessKept, text)
}

/// resolv.conf(5): the container's own name servers, else the host's.
fn resolv_conf(nameservers: &[IpAddr], resolver: &Resolver) -> String {
    let mut text = HEAD.to_owned();
    let servers = if nameservers.is_empty() { &resolver.nameservers } else { nameservers };
    if servers.is_empty() {
        text.push_str("# This host has no name server a container could reach: fief create --nameserver ADDRESS\n");
    }
    // The C library reads no more than three (MAXNS).
    for server in servers.iter().take(3) {
        let _ = writeln!(text, "nameserver {server}");
    }
    if nameservers.is_empty() {
        for line in &resolver.others {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// interfaces(5) for ifupdown, should it get installed: the addresses are set already and setting them twice is an
/// error there, so it is only told what exists. Going down an interface loses them, and our init puts them back.
fn interfaces(links: &[Link]) -> String {
    let mut text = "# Addresses and routes are set by fief before the container boots.\n\
                    auto lo\n\
                    iface lo inet loopback\n"
        .to_owned();
    for link in links {
        let _ = write!(text, "\nauto {0}\niface {0} inet manual\n    up [ ! -x {INIT} ] || {INIT} setup network\n", link.guest_link);
    }
    text
}

/// How the host resolves names, as far as it is good for a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolver {
    nameservers: Vec<IpAddr>,
    /// `search` and `options` lines.
    others: Vec<String>,
}

impl Resolver {
    /// Reads resolv.conf(5): name servers on a loopback or a link-local address stay out, for a container has a
    /// loopback of its own and link names of its own.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut resolver = Self::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match (words.next(), words.next()) {
                (Some("nameserver"), Some(server)) => {
                    resolver.nameservers.extend(server.parse().ok().filter(|server| reachable(*server)));
                }
                (Some("search" | "options"), Some(_)) => {
                    let plain = |c: char| c.is_ascii_graphic() || c == ' ' || c == '\t';
                    resolver.others.extend(line.chars().all(plain).then(|| line.trim().to_owned()));
                }
                _ => {}
            }
        }
        resolver
    }
}

fn reachable(server: IpAddr) -> bool {
    let link_local = match server {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(server.is_loopback() || server.is_unspecified() || link_local)
}

/// Reads how the host resolves names: `/etc/resolv.conf`, or what systemd-resolved uses itself where that file only
/// points to its stub on the loopback.
#[must_use]
pub fn host_resolver() -> Resolver {
    let candidates = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"].map(PathBuf::from);
    let read = |path: &PathBuf| std::fs::read_to_string(path).ok().map(|text| Resolver::read(&text));
    let found: Vec<Resolver> = candidates.iter().filter_map(read).collect();
    let useful = found.iter().find(|resolver| !resolver.nameservers.is_empty());
    useful.or(found.first()).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::network::tests::link;
    use expect_test::expect;

    fn text(files: &[GuestFile], path: &str) -> String {
        let file = files.iter().find(|file| file.path == Path::new(path)).unwrap();
        String::from_utf8(file.bytes.clone()).unwrap()
    }

    #[test]
    fn a_guest_with_addresses_knows_its_own_name() {
        let links = [link("eth0", &["10.209.0.2/16", "fd5e:f1ef::2/64"])];
        let resolver = Resolver::read("nameserver 127.0.0.53\nnameserver 192.0.2.53\nsearch example.org\n");
        let mut files = all("web1.example.org", Existing::Replace, &links, &[], &resolver);
        files.push(hosts("web1.example.org", &links));
        expect![[r#"
            # Written by fief at every start. To keep your own version, put this line into it:
            #     # fief: keep
            127.0.0.1	localhost
            ::1	localhost ip6-localhost ip6-loopback
            ff02::1	ip6-allnodes
            ff02::2	ip6-allrouters
            10.209.0.2	web1.example.org web1
            fd5e:f1ef::2	web1.example.org web1
        "#]]
        .assert_eq(&text(&files, "/etc/hosts"));
        expect![[r#"
            # Written by fief at every start. To keep your own version, put this line into it:
            #     # fief: keep
            nameserver 192.0.2.53
            search example.org
        "#]]
        .assert_eq(&text(&files, "/etc/resolv.conf"));
        expect![[r#"
            # Addresses and routes are set by fief before the container boots.
            auto lo
            iface lo inet loopback

            auto eth0
            iface eth0 inet manual
                up [ ! -x /run/host/fief/fief-init ] || /run/host/fief/fief-init setup network
        "#]]
        .assert_eq(&text(&files, "/etc/network/interfaces"));
        assert_eq!(text(&files, "/etc/hostname"), "web1.example.org\n");
    }

    #[test]
    fn a_guest_without_links_resolves_its_own_name_all_the_same() {
        let mut files = all("lonely", Existing::Replace, &[], &[], &Resolver::read("nameserver 127.0.0.1\nnameserver fe80::1\n"));
        files.push(hosts("lonely", &[]));
        assert!(text(&files, "/etc/hosts").ends_with("127.0.1.1\tlonely\n"));
        assert!(text(&files, "/etc/resolv.conf").ends_with("fief create --nameserver ADDRESS\n"));
    }

    #[test]
    fn the_containers_own_name_servers_replace_the_hosts() {
        let resolver = Resolver::read("nameserver 192.0.2.53\nsearch example.org\n");
        let files = all("web1", Existing::Replace, &[], &["2001:db8::53".parse().unwrap()], &resolver);
        let resolv_conf = text(&files, "/etc/resolv.conf");
        assert!(resolv_conf.ends_with("nameserver 2001:db8::53\n"), "{resolv_conf}");
    }

    #[test]
    fn an_owner_can_keep_a_file() {
        let mut files = all("web1", Existing::Replace, &[], &[], &Resolver::default());
        files.push(hosts("web1", &[]));
        let wanted = |path: &str, there: Option<&[u8]>| files.iter().find(|file| file.path == Path::new(path)).unwrap().wanted(there);
        assert!(wanted("/etc/hosts", None));
        assert!(wanted("/etc/hosts", Some(b"127.0.0.1 localhost\n")));
        assert!(!wanted("/etc/hosts", Some(b"127.0.0.1 localhost\n  # fief: keep\n")));
        // The head that explains the line is not that line.
        assert!(wanted("/etc/hosts", Some(HEAD.as_bytes())));
        assert!(wanted("/etc/hostname", Some(b"# fief: keep\n")));
        assert!(wanted("/etc/network/interfaces", None));
        assert!(!wanted("/etc/network/interfaces", Some(b"")));
        // A name of the guest's own holds as long as the host has no other to give.
        let files = all("web1", Existing::Leave, &[], &[], &Resolver::default());
        let name = files.iter().find(|file| file.path == Path::new("/etc/hostname")).unwrap();
        assert!(name.wanted(None) && !name.wanted(Some(b"shop\n")));
    }
}
