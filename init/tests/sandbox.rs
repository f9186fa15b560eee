//! Every directive that is put in force, proven from inside: a service under it sees a difference that a service without it does not.
//!
//! The rows and the table that the documents are made from are compared, so that none is forgotten.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

#[path = "support/guest.rs"]
mod guest;
#[path = "support/sandbox_rows.rs"]
mod rows;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use guest::{INIT, POWERED_OFF, as_pid_1};
use rows::{PREPARE, ROWS, foreign, services, wrong};
use units::sandbox::{Outcome, TABLE};

/// Proven in a test of its own: it is about two services.
const APART: [&str; 1] = ["JoinsNamespaceOf"];

#[test]
fn every_directive_in_force_has_a_probe() {
    let kept = TABLE.iter().filter(|row| matches!(row.outcome, Outcome::Kept(..))).map(|row| row.directive);
    let proven = ROWS.iter().map(|row| row.directive).chain(APART);
    assert_eq!(kept.collect::<BTreeSet<_>>(), proven.collect::<BTreeSet<_>>());
}

fn unit(after: &str, keys: &str, script: &str) -> String {
    rows::unit(after, keys, "console = \"all\"", script)
}

#[test]
#[ignore = "needs root"]
fn what_is_said_holds_inside_and_only_there() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put("multi-user.target.toml", "description = \"the test\"\n");
    put("foreign", "");
    fs::write(folder.path().join("foreign"), foreign()).unwrap();
    let foreign = format!("{PREPARE}\ncp {}/foreign /run/probe/foreign; chmod 755 /run/probe/foreign", folder.path().display());
    put("prepare.toml", &unit("", "keyring-mode = \"inherit\"", &foreign));
    let mut names = vec!["\"prepare\"".to_owned()];
    for (name, text) in services("console = \"all\"") {
        put(&format!("{name}.toml"), &text);
        names.push(format!("\"{name}\""));
    }
    let done = format!("rm -f /tmp/fief-test-$PROBE; {INIT} ctl logs | grep -E 'in force|passed over' ; {INIT} ctl poweroff");
    put("off.toml", &unit(&names.join(", "), "", &done));
    let boot = as_pid_1(&[INIT, "--bare", "--units", folder.path().to_str().unwrap()]);
    boot.ended(POWERED_OFF);
    let wrong = wrong(&boot.console);
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), boot.console);
    let ids: Vec<&str> = boot.console.lines().filter_map(|line| line.split_once(": invocation ")).map(|(_, id)| id.trim()).collect();
    assert_eq!(ids.len(), 2 * ROWS.len());
    for id in ids {
        for root in ["/tmp", "/var/tmp"] {
            assert!(!Path::new(root).join(format!("fief-private-{id}")).exists(), "{root} {id}");
        }
    }
}

#[test]
#[ignore = "needs root"]
fn what_is_joined_is_shared_while_the_other_is_up() {
    let keys = "private-tmp = true\nprivate-network = true";
    let keeps = format!(
        "[service]\ncommand = [\"/bin/sh\", \"-c\", \"echo > /tmp/mine; sleep 1000\"]\nexec-start-post = [\"/bin/sh -c 'until test -e /tmp/mine; do sleep 0.01; done'\"]\n[sandbox]\n{keys}\n[install]\nwanted-by = [\"multi-user.target\"]\n"
    );
    let net = "echo net $(stat -Lc %i /proc/self/ns/net)";
    let joins =
        format!("joins-namespace-of = [\"keeps\"]\n{}", unit("\"keeps\"", keys, &format!("test -e /tmp/mine && echo shared; {net}")));
    let apart = unit("\"keeps\"", keys, &format!("test -e /tmp/mine || echo alone; {net}"));
    let off = guest::script("\"joins\", \"apart\"", "ctl poweroff");
    let boot = guest::boot(&[("keeps.toml", &keeps), ("joins.toml", &joins), ("apart.toml", &apart), ("off.toml", &off)]);
    boot.ended(POWERED_OFF).shows("joins: shared").shows("apart: alone");
    let of =
        |unit: &str| boot.console.lines().find_map(|line| line.split_once(&format!("{unit}: net ")).map(|(_, inode)| inode.to_owned()));
    assert!(of("joins").is_some() && of("joins") != of("apart"), "{}", boot.console);
}

#[test]
#[ignore = "needs root"]
fn what_cannot_be_had_is_told_once_and_refuses_only_the_strict() {
    let keys = "ip-address-deny = \"any\"\nread-only-paths = [\"/no/such/place\"]";
    let twice = "exec-start-pre = [\"/bin/true\", \"/bin/true\"]";
    let lenient = unit("", keys, "echo runs").replace("[service]", &format!("[service]\n{twice}"));
    let strict = unit("", &format!("strict = true\n{keys}"), "echo runs");
    let missing = unit("", "strict = true\nread-only-paths = [\"/no/such/place\"]", "echo runs");
    let bind = unit("", "bind-paths = [\"/no/such/place:/run/x\"]", "echo runs");
    let optional = unit("", "strict = true\nread-only-paths = [\"-/no/such/place\"]", "echo runs");
    let off = "ctl logs lenient; ctl poweroff";
    let boot = guest::boot(&[
        ("lenient.toml", &lenient),
        ("strict.toml", &strict),
        ("missing.toml", &missing),
        ("bind.toml", &bind),
        ("optional.toml", &optional),
        ("off.toml", &guest::script("\"lenient\", \"strict\", \"missing\", \"bind\", \"optional\"", off)),
    ]);
    boot.ended(POWERED_OFF).shows("lenient: runs").shows("optional: runs");
    boot.shows("strict: IPAddressDeny cannot be put in force").does_not_show("strict: runs");
    boot.shows("missing: ReadOnlyPaths: mounting failed: No such file or directory").does_not_show("missing: runs");
    boot.shows("bind: BindPaths: mounting failed: No such file or directory").does_not_show("bind: runs");
    for line in
        ["IPAddressDeny is passed over: programs of the kernel's BPF", "ReadOnlyPaths is not in force: mounting failed: No such file"]
    {
        assert_eq!(boot.console.matches(line).count(), 1, "{line}\n{}", boot.console);
    }
}
