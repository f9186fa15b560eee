//! A service's surroundings in a guest, whose root has a user namespace and delegated groups only: the same rows as for a PID 1 that is root of
//! the machine.

use tests::{DEBIAN, Host};

#[path = "../../../init/tests/support/execution_rows.rs"]
mod execution_rows;
#[path = "../../../init/tests/support/sandbox_rows.rs"]
mod sandbox_rows;

/// A guest with Debian's programs, and these units beside its own.
fn guest(units: &[(String, String)]) -> Host {
    let mut host = Host::new();
    host.share_debian();
    host.boot("a", &["--template", DEBIAN]);
    host.sh("a", "mkdir -p /etc/fief/units /run/probe").ok();
    // One stream for all: `NAME LINES` and then so many lines.
    let mut stream = String::new();
    for (name, text) in units {
        stream.push_str(&format!("{name} {}\n{text}", text.lines().count()));
    }
    let unpack = "while read -r name lines; do i=0; while test $i -lt $lines; do IFS= read -r line; printf '%s\\n' \"$line\"; \
                  i=$((i + 1)); done > /etc/fief/units/$name.toml; done";
    host.fief_fed(&["exec", "a", "--", "sh", "-c", unpack], stream.as_bytes()).ok();
    host.sh("a", "fiefctl reload-units").ok();
    host
}

/// Starts them one after the other, each to its end, and what they have said.
fn run(host: &Host, units: &[(String, String)]) -> String {
    let names: Vec<&str> = units.iter().map(|(name, _)| name.as_str()).collect();
    // One whose probe fails has ended well too: it says so.
    host.sh("a", &format!("for name in {}; do fiefctl start $name; done; fiefctl logs", names.join(" "))).said()
}

#[test]
#[ignore = "needs root"]
fn what_a_sandbox_says_holds_in_a_guest() {
    let mut units = vec![("prepare".to_owned(), sandbox_rows::unit("", "keyring-mode = \"inherit\"", "", sandbox_rows::PREPARE))];
    units.extend(sandbox_rows::services(""));
    let host = guest(&units);
    host.fief_fed(&["exec", "a", "--", "sh", "-c", "cat > /run/probe/foreign && chmod 755 /run/probe/foreign"], &sandbox_rows::foreign())
        .ok();
    let said = run(&host, &units);
    let wrong = sandbox_rows::wrong(&said);
    assert!(wrong.is_empty(), "{}\n{said}", wrong.join("\n"));
}

#[test]
#[ignore = "needs root"]
fn what_a_process_is_born_with_is_the_same_in_a_guest() {
    let units: Vec<_> =
        execution_rows::ROWS.iter().enumerate().map(|(number, row)| (format!("row-{number}"), execution_rows::unit(row, ""))).collect();
    let host = guest(&units);
    let said = run(&host, &units);
    let wrong = execution_rows::wrong(&said);
    assert!(wrong.is_empty(), "{wrong}\n{said}");
}
