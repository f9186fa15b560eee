//! Our own nftables table: NAT for what leaves the bridge, and leave for it to be forwarded.
//!
//! The whole table goes to `nft -f -` as one script, which the kernel takes as one transaction: there is no
//! moment without rules, and applying it again changes nothing. Nobody else's table is touched. See nft(8).

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;

use crate::config::Cidr;

/// What the table is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules<'a> {
    /// The table's name; its family is inet.
    pub table: &'a str,
    /// The bridge the containers hang on.
    pub bridge: &'a str,
    /// The networks to hide behind the host's address.
    pub pools: Vec<Cidr>,
}

/// Why the rules could not be put in place or taken away.
#[derive(Debug, thiserror::Error)]
pub enum NftError {
    /// There is no program `nft`.
    #[error("cannot find the program nft (install the package nftables)")]
    Missing,
    /// It could not be run.
    #[error("cannot run {}", .program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It refused.
    #[error("nft cannot {doing}: {words}")]
    Refused {
        /// "set table inet fief".
        doing: String,
        /// Its own words, the first line.
        words: String,
    },
}

impl Rules<'_> {
    /// Puts the table in place of whatever was there under its name.
    ///
    /// # Errors
    /// When nft is missing, has no permission (`CAP_NET_ADMIN`) or refuses.
    pub fn apply(&self) -> Result<(), NftError> {
        let doing = || format!("set table inet {}", self.table);
        nft(&["-f", "-"], self.script().as_bytes(), doing).map(drop)
    }

    /// The script for `nft -f -`.
    #[must_use]
    pub fn script(&self) -> String {
        let Self { table, bridge, pools } = self;
        let masquerade: String = pools.iter().map(|pool| masquerade(*pool, bridge)).collect();
        // `add` before `delete`, because to delete what is not there is an error.
        format!(
            "# Made by fief at every start of a container, removed with the last one.\n\
             add table inet {table}\n\
             delete table inet {table}\n\
             table inet {table} {{\n\
             \tchain forward {{\n\
             \t\ttype filter hook forward priority filter; policy accept;\n\
             \t\tiifname \"{bridge}\" accept\n\
             \t\toifname \"{bridge}\" accept\n\
             \t}}\n\
             \tchain postrouting {{\n\
             \t\ttype nat hook postrouting priority srcnat; policy accept;\n\
             {masquerade}\
             \t}}\n\
             }}\n"
        )
    }
}

fn masquerade(pool: Cidr, bridge: &str) -> String {
    let family = if pool.address().is_ipv4() { "ip" } else { "ip6" };
    let network = pool.network();
    format!("\t\t{family} saddr {network} oifname != \"{bridge}\" masquerade\n")
}

/// Takes the table away, if it is there.
///
/// # Errors
/// As [`Rules::apply`].
pub fn remove(table: &str) -> Result<(), NftError> {
    let script = format!("add table inet {table}\ndelete table inet {table}\n");
    nft(&["-f", "-"], script.as_bytes(), || format!("remove table inet {table}")).map(drop)
}

/// The chains of others that drop what is to be forwarded unless a rule of theirs says otherwise, as
/// "ip filter FORWARD". An accept of ours does not overrule them: every base chain of a hook must accept.
///
/// # Errors
/// When nft is missing, has no permission or says what we do not understand.
pub fn foreign_forward_drops(own_table: &str) -> Result<Vec<String>, NftError> {
    let doing = || "list the chains".to_owned();
    let listing = nft(&["-j", "list", "chains"], b"", doing)?;
    let words = |error: serde_json::Error| NftError::Refused { doing: doing(), words: error.to_string() };
    forward_drops(&listing, own_table).map_err(words)
}

#[derive(Deserialize)]
struct Listing {
    nftables: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    chain: Option<Chain>,
}

#[derive(Deserialize)]
struct Chain {
    family: String,
    table: String,
    name: String,
    hook: Option<String>,
    policy: Option<String>,
}

fn forward_drops(listing: &[u8], own_table: &str) -> Result<Vec<String>, serde_json::Error> {
    let listing: Listing = serde_json::from_slice(listing)?;
    let chains = listing.nftables.into_iter().filter_map(|entry| entry.chain);
    let drops = chains.filter(|chain| {
        chain.hook.as_deref() == Some("forward")
            && chain.policy.as_deref() == Some("drop")
            && matches!(chain.family.as_str(), "ip" | "ip6" | "inet")
            && chain.table != own_table
    });
    Ok(drops.map(|chain| format!("{} {} {}", chain.family, chain.table, chain.name)).collect())
}

/// Runs nft with `input` on its standard input and gives back what it printed.
fn nft(arguments: &[&str], input: &[u8], doing: impl Fn() -> String) -> Result<Vec<u8>, NftError> {
    let program = program().ok_or(NftError::Missing)?;
    let output = feed(Command::new(&program).args(arguments), input).map_err(|source| NftError::Run { program, source })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let words = stderr.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given");
    Err(NftError::Refused { doing: doing(), words: words.to_owned() })
}

fn feed(command: &mut Command, input: &[u8]) -> io::Result<Output> {
    // Its messages are shown to people and compared by tests: no translation.
    command.env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    // Our scripts are far smaller than a pipe, and it reads all before it writes anything, so this cannot block.
    let written = child.stdin.take().map_or(Ok(()), |mut pipe| pipe.write_all(input));
    let output = child.wait_with_output()?;
    // If it went away without reading, its own words say more than our broken pipe.
    if output.status.success() { written.map(|()| output) } else { Ok(output) }
}

/// nft lies in sbin, which an ordinary PATH leaves out.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    let usual = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin"].map(PathBuf::from);
    folders.chain(usual).map(|folder| folder.join("nft")).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use expect_test::expect;

    #[test]
    fn the_script_replaces_one_table_as_a_whole() {
        let rules =
            Rules { table: "fief", bridge: "fief0", pools: vec!["10.209.0.1/16".parse().unwrap(), "fd5e:f1ef::1/64".parse().unwrap()] };
        expect![[r#"
            # Made by fief at every start of a container, removed with the last one.
            add table inet fief
            delete table inet fief
            table inet fief {
            	chain forward {
            		type filter hook forward priority filter; policy accept;
            		iifname "fief0" accept
            		oifname "fief0" accept
            	}
            	chain postrouting {
            		type nat hook postrouting priority srcnat; policy accept;
            		ip saddr 10.209.0.0/16 oifname != "fief0" masquerade
            		ip6 saddr fd5e:f1ef::/64 oifname != "fief0" masquerade
            	}
            }
        "#]]
        .assert_eq(&rules.script());
    }

    #[test]
    fn a_firewall_that_drops_what_is_forwarded_is_noticed() {
        let listing = br#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
            {"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "handle": 1, "type": "filter",
                       "hook": "forward", "prio": 0, "policy": "drop"}},
            {"chain": {"family": "ip", "table": "filter", "name": "DOCKER", "handle": 4}},
            {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "handle": 2, "type": "filter",
                       "hook": "input", "prio": 0, "policy": "drop"}},
            {"chain": {"family": "inet", "table": "fief", "name": "forward", "handle": 2, "type": "filter",
                       "hook": "forward", "prio": 0, "policy": "drop"}}]}"#;
        assert_eq!(forward_drops(listing, "fief").unwrap(), ["ip filter FORWARD"]);
        assert!(forward_drops(b"{}", "fief").is_err());
    }
}
