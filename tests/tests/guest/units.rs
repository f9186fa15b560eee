//! Bad unit files are told, good ones boot.

use tests::{Host, until};

fn put(host: &Host, name: &str, text: &[u8]) {
    let script = format!("mkdir -p /etc/fief/units; cat > /etc/fief/units/{name}");
    host.fief_fed(&["exec", "a", "--", "sh", "-c", &script], text).ok();
}

/// A service that writes its name to a file and stays.
fn service(name: &str, more: &str) -> Vec<u8> {
    format!(
        "{more}\n[service]\ncommand = [\"sh\", \"-c\", \"echo {name} >> /run/up; exec sleep infinity\"]\n\
         [install]\nwanted-by = [\"multi-user.target\"]\n"
    )
    .into_bytes()
}

#[test]
#[ignore = "needs root"]
fn bad_unit_files_do_not_stop_the_boot() {
    let host = Host::new();
    host.boot("a", &[]);
    put(&host, "good.toml", &service("good", ""));
    put(&host, "unknown-key.toml", b"[service]\ncommand = [\"true\"]\ncomand = [\"true\"]\n");
    put(&host, "wrong-type.toml", b"[service]\ncommand = 7\n");
    put(&host, "egg.toml", &service("egg", "[unit]\nrequires = [\"hen\"]\nafter = [\"hen\"]"));
    put(&host, "hen.toml", &service("hen", "[unit]\nrequires = [\"egg\"]\nafter = [\"egg\"]"));
    put(&host, "lonely.toml", &service("lonely", "[unit]\nrequires = [\"not-there\"]\nafter = [\"not-there\"]"));
    let noise: Vec<u8> = (0..10 << 20).map(|n: u32| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    put(&host, "noise.toml", &noise);
    host.fief(&["restart", "a"]).ok();

    until("the good one is up", || host.sh("a", "cat /run/up 2>/dev/null").stdout.lines().any(|line| line == "good"));
    let log = host.fief(&["logs", "a"]).said();
    for (file, word) in [
        ("unknown-key.toml", "comand"),
        ("wrong-type.toml", "command"),
        ("noise.toml", "noise.toml"),
        ("egg", "hen"),
        ("lonely", "not-there"),
    ] {
        assert!(log.contains(file) && log.contains(word), "nothing about {file}:\n{log}");
    }
    // File, line and caret.
    let at = log.find("unknown-key.toml:3").unwrap_or_else(|| panic!("no line number:\n{log}"));
    assert!(log[at..].lines().take(8).any(|line| line.contains('^')), "no caret:\n{log}");
    let list = host.sh("a", "fiefctl list").said();
    assert!(list.contains("good"), "{list}");
}

#[test]
#[ignore = "needs root"]
fn a_service_that_cannot_be_executed_is_told() {
    let host = Host::new();
    host.boot("a", &[]);
    put(&host, "broken.toml", b"[service]\ncommand = [\"/no/such/program\"]\n[install]\nwanted-by = [\"multi-user.target\"]\n");
    host.fief(&["restart", "a"]).ok();
    until("the console tells", || {
        let log = host.log("a");
        log.lines().any(|line| line.contains("broken") && line.contains("No such file or directory"))
    });
    assert_eq!(host.state("a"), "running");
}
