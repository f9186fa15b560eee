//! The guest's own name in /etc/hosts, so that it resolves whoever gave it. hosts(5).
//!
//! Lines that end in `# fief` are ours and made anew: at boot, and when `hostnamectl` gives another name. All others are the tenant's. Which
//! addresses the guest has been given its host says; without that word nothing is touched.

use std::net::IpAddr;
use std::path::Path;

use super::given::Given;
use super::{Trouble, replace, text};

const HOSTS: &str = "/etc/hosts";
/// What our lines end in.
const OURS: &str = "# fief";
/// With this line in it the file is left alone.
const KEEP: &str = "# fief: keep";
/// A file that begins so is the launcher's of an earlier version, all of it.
const EARLIER: &str = "# Written by fief at every start.";
/// Where there is none to begin with.
const FIRST: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";

/// Has the file say the name that the guest has now.
pub(crate) fn apply() -> Result<(), Trouble> {
    let Some(given) = Given::by_host()? else { return Ok(()) };
    let addresses: Vec<IpAddr> = given.addresses.iter().map(|(_, prefix)| prefix.address).collect();
    let name = nix::unistd::gethostname()
        .map_err(|error| Trouble::File { what: "cannot ask for the host name".to_owned(), source: error.into() })?;
    let hosts = Path::new(HOSTS);
    match renewed(text(hosts)?.as_deref(), &name.to_string_lossy(), &addresses) {
        Some(text) => replace(hosts, 0o644, text.as_bytes()),
        None => Ok(()),
    }
}

/// The file as it is to be; `None` where it is so, or is to be left alone.
fn renewed(there: Option<&str>, name: &str, addresses: &[IpAddr]) -> Option<String> {
    let there = there.unwrap_or_default();
    if there.lines().any(|line| line.trim() == KEEP) {
        return None;
    }
    let text = if there.trim().is_empty() || there.starts_with(EARLIER) { FIRST } else { there };
    let mut lines: Vec<String> = text.lines().filter(|line| !is_ours(line)).map(str::to_owned).collect();
    let says = |name: &str| lines.iter().any(|line| words(line).skip(1).any(|word| word.eq_ignore_ascii_case(name)));
    let mut ours = Vec::new();
    if !says("localhost") {
        ours.push(format!("127.0.0.1\tlocalhost\t{OURS}"));
    }
    // What the tenant says of his name counts.
    if !name.is_empty() && !says(name) {
        // A name of several words has its first word as an alias: "web1.example.org web1".
        let alias = name.split_once('.').map(|(first, _)| format!(" {first}")).unwrap_or_default();
        // Without an address of its own, as Debian has it.
        let own = if addresses.is_empty() { &[IpAddr::from([127, 0, 1, 1])] } else { addresses };
        ours.extend(own.iter().map(|address| format!("{address}\t{name}{alias}\t{OURS}")));
    }
    // Where they were; else after all that is there.
    let place = text.lines().position(is_ours).unwrap_or(lines.len());
    lines.splice(place..place, ours);
    let new: String = lines.iter().map(|line| format!("{line}\n")).collect();
    (new != there).then_some(new)
}

fn is_ours(line: &str) -> bool {
    line.trim_end().ends_with(OURS)
}

/// The address and the names of a line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split('#').next().unwrap_or_default().split_whitespace()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hosts(there: &str, name: &str) -> Option<String> {
        renewed(Some(there), name, &["10.209.0.2".parse().unwrap(), "fd5e:f1ef::2".parse().unwrap()])
    }

    const OWN: &str = "10.209.0.2\tshop.example.org shop\t# fief\nfd5e:f1ef::2\tshop.example.org shop\t# fief\n";

    #[test]
    fn our_lines_are_renewed_where_they_are_and_the_tenants_stay() {
        let first = format!("{FIRST}{OWN}");
        assert_eq!(hosts("", "shop.example.org"), Some(first.clone()));
        assert_eq!(hosts("# Written by fief at every start. To keep…\n10.209.0.9 old\n", "shop.example.org"), Some(first.clone()));
        assert_eq!(hosts(&first, "shop.example.org"), None);
        let tenants = "127.0.0.1 localhost\n10.209.0.9\tweb\t# fief  \n# the NAS\n192.0.2.7 nas # fiefs\n  10.0.0.1 x # fief";
        let wanted = format!("127.0.0.1 localhost\n{OWN}# the NAS\n192.0.2.7 nas # fiefs\n");
        assert_eq!(hosts(tenants, "shop.example.org"), Some(wanted));
        assert_eq!(renewed(None, "lonely", &[]), Some(format!("{FIRST}127.0.1.1\tlonely\t# fief\n")));
    }

    #[test]
    fn what_the_tenant_says_of_his_name_counts() {
        let own = "127.0.0.1 localhost\n127.0.1.1 x Shop\n";
        assert_eq!(hosts(own, "shop"), None);
        assert_eq!(hosts("127.0.0.1 localhost # shop\n", "shop").unwrap().lines().count(), 3);
        assert_eq!(hosts("  # fief: keep\n", "shop"), None);
        assert_eq!(hosts("127.0.1.1 shop\n", "shop"), Some("127.0.1.1 shop\n127.0.0.1\tlocalhost\t# fief\n".to_owned()));
        assert_eq!(hosts("127.0.0.1 localhost\n", "localhost"), None);
    }
}
