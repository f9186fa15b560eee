#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)]
use super::*;
use crate::unit::{OomPolicy, ServiceType, StopMode};
use crate::value::Limit;
use crate::{Entry, UnitName};
use expect_test::{Expect, expect};
use std::time::Duration;

fn unit(path: &str, text: impl Into<Vec<u8>>) -> SourceFile {
    SourceFile { path: path.to_owned(), kind: SourceKind::Unit(text.into()) }
}

fn drop_in(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), kind: SourceKind::DropIn(text.into()) }
}

fn name(text: &str) -> UnitName {
    UnitName::new(text).unwrap()
}

fn told(text: impl Into<Vec<u8>>, wanted: Expect) {
    let (units, diagnostics) = read([unit("/etc/fief/units/web.toml", text)]);
    let shown: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    wanted.assert_eq(&shown.join("\n\n"));
    assert!(matches!(units.entry(&name("web")), Some(Entry::Bad { .. })));
}

#[test]
fn a_whole_unit_is_read() {
    let text = r#"
        description = "shop front end"
        after  = ["network.target", "db"]
        condition = { path-exists = "/srv/shop", not-virtualization = "vm" }
        x-note = "ours"
        [service]
        type = "notify"
        command = ["/usr/bin/shop", "--port", "$80", "%s%N"]
        exec-start-pre = ["-/usr/bin/shop-check now", ["/bin/true", "a b"]]
        exec-reload = "HUP"
        PIDFile = "/run/shop.pid"
        TimeoutStartSec = 5
        [restart]
        policy = "on-failure"
        delay = "250ms"
        burst = "max"
        [stop]
        signal = "QUIT"
        timeout = "infinity"
        mode = "mixed"
        [run-as]
        user = "shop"
        umask = "027"
        nice = -5
        [environment]
        inherit = ["LANG"]
        files = ["-/etc/default/shop"]
        set = { MODE = "prod", PORT = 80 }
        [directories]
        runtime = ["shop", "shop/sub"]
        runtime-mode = "0750"
        [resources]
        memory-max = "512M"
        memory-high = "80%"
        cpu-quota = "150%"
        oom-policy = "continue"
        [install]
        wanted-by = ["multi-user.target"]
    "#;
    let (units, diagnostics) = read([unit("/etc/fief/units/web.toml", text)]);
    assert_eq!(diagnostics, []);
    let web = units.unit(&name("web")).unwrap();
    let service = web.service().unwrap();
    assert_eq!(service.kind, ServiceType::Notify);
    assert_eq!(service.start.first().unwrap().argv(|_| None), ["/usr/bin/shop", "--port", "$80", "%s%N"]);
    assert_eq!(service.start_pre.len(), 2);
    assert!(service.start_pre.first().unwrap().ignore_failure);
    assert_eq!(service.start_timeout, Limit::At(Duration::from_secs(5)));
    assert_eq!(service.stop.timeout, Limit::Max);
    assert_eq!(service.stop.mode, StopMode::Mixed);
    assert_eq!(service.run_as.nice, Some(-5));
    assert_eq!(service.environment.set.get("PORT").map(String::as_str), Some("80"));
    assert_eq!(service.directories.0.len(), 2);
    assert_eq!(service.directories.0.first().unwrap().mode.bits(), 0o750);
    assert_eq!(service.resources.oom_policy, OomPolicy::Continue);
    assert!(web.relations.after.contains(&name("db")));
    assert_eq!(web.conditions.0.len(), 2);
}

#[test]
fn slips_are_told_with_line_and_caret() {
    told(
        "description = \"x\"\n[service]\ncomand = [\"/bin/x\"]\n",
        expect![[r#"
        /etc/fief/units/web.toml:3:1: error: unknown key `comand` in [service]
          |
        3 | comand = ["/bin/x"]
          | ^^^^^^
          = help: did you mean `command`?"#]],
    );
    told(
        "after = 5\n[service]\ntype = \"notfy\"\ncommand = \"'x\"\nremain-after-exit = \"yes\"\n[stop]\ntimeout = \"soon\"\n[run-as]\nnice = 40\n",
        expect![[r#"
        /etc/fief/units/web.toml:1:9: error: `after` takes a string or an array of strings, not integer
          |
        1 | after = 5
          |         ^

        /etc/fief/units/web.toml:3:8: error: `type` is one of "exec", "simple", "oneshot", "notify", "notify-fd", "forking", "notify-reload", "idle", "dbus"
          |
        3 | type = "notfy"
          |        ^^^^^^^
          = help: did you mean "notify"?

        /etc/fief/units/web.toml:4:11: error: the quote ' is not closed
          |
        4 | command = "'x"
          |           ^^^^

        /etc/fief/units/web.toml:5:21: error: `remain-after-exit` takes true or false, not string
          |
        5 | remain-after-exit = "yes"
          |                     ^^^^^

        /etc/fief/units/web.toml:7:11: error: "soon" is no span such as "5s", "1min 30s" or "infinity"
          |
        7 | timeout = "soon"
          |           ^^^^^^

        /etc/fief/units/web.toml:9:8: error: `nice` takes a number from -20 to 19
          |
        9 | nice = 40
          |        ^^"#]],
    );
    told(
        "[service\ncommand = 1",
        expect![[r#"
        /etc/fief/units/web.toml:1:9: error: unclosed table, expected `]`
          |
        1 | [service
          |         ^"#]],
    );
    told("[service]\n", expect!["/etc/fief/units/web.toml: error: a service needs a `command` in [service]"]);
}

#[test]
fn what_is_inherited_has_the_name_of_a_variable() {
    // As systemd's PassEnvironment= has it: what one format refuses the other must not let through.
    told(
        "[service]\ncommand = \"/bin/true\"\n[environment]\ninherit = [\"LANG\", \"T<RM\"]\n",
        expect![[r#"
        /etc/fief/units/web.toml:4:20: error: the name of a variable has letters, digits and `_`
          |
        4 | inherit = ["LANG", "T<RM"]
          |                    ^^^^^^"#]],
    );
}

#[test]
fn noise_is_told_and_nobody_else_suffers() {
    let noise: Vec<u8> = (0..10_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let short: Vec<u8> = noise.iter().copied().take(4096).collect();
    let (units, diagnostics) = read([
        unit("/etc/fief/units/a.toml", noise),
        unit("/etc/fief/units/b.toml", short),
        unit("/etc/fief/units/c.toml", b"a = \"\0\"\n".to_vec()),
        unit("/etc/fief/units/d.toml", vec![b'['; 1 << 20]),
        unit("/etc/fief/units/e.toml", vec![b'\n'; 1 << 20]),
        unit("/etc/fief/units/..toml", b"x".to_vec()),
        SourceFile { path: "/etc/fief/units/f.toml".into(), kind: SourceKind::Unreadable("Permission denied".into()) },
        unit("/etc/fief/units/good.toml", "[service]\ncommand = '/bin/good'\n"),
    ]);
    for bad in ["a", "b", "c", "d", "e", "f"] {
        assert!(matches!(units.entry(&name(bad)), Some(Entry::Bad { .. })), "{bad}");
    }
    assert!(units.unit(&name("good")).is_some());
    assert_eq!(diagnostics.len(), 7);
    for diagnostic in &diagnostics {
        let shown = diagnostic.to_string();
        assert!(shown.len() < 2000 && !shown.contains('\0') && !shown.contains('\x1b'), "{shown:?}");
    }
}

#[test]
fn drop_ins_override_append_and_reset() {
    let (units, diagnostics) = read([
        drop_in(
            "/etc/fief/units/web.toml.d/50.toml",
            "description = \"etc\"\nreset = [\"after\", \"service.exec-start-pre\"]\nafter = [\"c\"]\n[service]\ncommand = \"/bin/b\"",
        ),
        unit(
            "/usr/lib/fief/units/web.toml",
            "description = \"usr\"\nafter = [\"a\"]\n[service]\nexec-start-pre = [\"/bin/p\"]\ncommand = \"/bin/a\"\n[run-as]\nuser = \"x\"",
        ),
        drop_in("/usr/lib/fief/units/web.toml.d/50.toml", "description = \"hidden\""),
        drop_in("/usr/lib/fief/units/web.toml.d/60.toml", "wants = []\nbefore = [\"z\"]"),
        drop_in("/usr/lib/fief/units/absent.toml.d/60.toml", "junk"),
    ]);
    assert_eq!(diagnostics, []);
    let web = units.unit(&name("web")).unwrap();
    assert_eq!(web.description, "etc");
    assert_eq!(web.relations.after, [name("c")].into());
    assert_eq!(web.relations.before, [name("z")].into());
    assert_eq!(web.service().unwrap().start_pre, []);
    assert_eq!(web.service().unwrap().start.first().unwrap().program(), "/bin/b");
    assert_eq!(web.service().unwrap().run_as.user.as_deref(), Some("x"));
    assert_eq!(web.sources.len(), 3);
    assert_eq!(units.entry(&name("absent")), None);
}

#[test]
fn the_first_file_counts_and_an_empty_one_masks() {
    let (units, _) = read([
        unit("/etc/fief/units/ssh.toml", ""),
        unit("/etc/fief/units/cron.toml", "description = \"mine\"\n[service]\ncommand = \"/bin/c\""),
        unit("built-in/ssh.toml", "[service]\ncommand = \"/bin/s\""),
        unit("built-in/cron.toml", "[service]\ncommand = \"/bin/c\""),
    ]);
    assert!(matches!(units.entry(&name("ssh")), Some(Entry::Masked { .. })));
    assert_eq!(units.unit(&name("cron")).unwrap().description, "mine");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_fail(text in "(\\PC|[\\[\\]=\"'{},.\n]){0,300}") {
        let _ = read([unit("/a/web.toml", text)]);
    }

    #[test]
    fn no_bytes_make_the_reader_fail(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        for diagnostic in read([unit("/a/web.toml", text)]).1 {
            let _ = diagnostic.to_string();
        }
    }

    #[test]
    fn no_value_makes_the_reader_fail(
        key in proptest::sample::select(keys::KEYS.iter().flat_map(|(s, k)| k.iter().map(move |k| (*s, *k))).collect::<Vec<_>>()),
        value in proptest::sample::select(vec!["5", "-1", "\"\"", "\"x\"", "[]", "[\"\"]", "[[]]", "[[\"a\"], 5]", "{}", "1.5", "nan", "true", "1979-05-27", "\"-\"", "\"$\"", "0o777", "99999999999999999999"]),
    ) {
        let (section, key) = key;
        let text = if section.is_empty() { format!("{key} = {value}\n[service]\ncommand = '/x'") } else { format!("[{section}]\n{key} = {value}\n") };
        for diagnostic in read([unit("/a/web.toml", text)]).1 {
            let _ = diagnostic.to_string();
        }
    }
}

#[test]
fn folders_of_links_add_relations_and_take_them_back() {
    let link = |path: &str, target: &str| SourceFile { path: path.to_owned(), kind: SourceKind::Alias { target: target.to_owned() } };
    let body = "[service]\ncommand = \"/bin/x\"\n[install]\nwanted-by = [\"a.target\", \"b.target\"]\n";
    let (units, diagnostics) = read([
        link("/etc/fief/units/a.target.wants/web.toml", "/dev/null"),
        link("/etc/systemd/system/a.target.requires/db.service", "/no/where"),
        link("/etc/systemd/system/a.target.wants/log.service", "/dev/null"),
        link("/usr/lib/systemd/system/a.target.wants/log.service", "../log.service"),
        link("/usr/lib/systemd/system/web@.service.upholds/db.service", "../db.service"),
        unit("/etc/fief/units/a.target.toml", "description = \"a\""),
        unit("/etc/fief/units/b.target.toml", "wants = [\"web@1\"]"),
        unit("/etc/fief/units/web.toml", body),
        unit("/etc/fief/units/web@.toml", "[service]\ncommand = \"/bin/x\"\n"),
        unit("/etc/fief/units/log.toml", "[service]\ncommand = \"/bin/x\"\n"),
    ]);
    assert_eq!(diagnostics, []);
    let node = |text: &str| units.graph().node(&name(text)).unwrap();
    assert!(node("a.target").wants.is_empty(), "{:?}", node("a.target").wants);
    assert_eq!(node("a.target").requires, [name("db")].into());
    assert_eq!(node("b.target").wants, [name("web"), name("web@1")].into());
    assert_eq!(units.unit(&name("web@1")).unwrap().relations.upholds, [name("db")].into());
}
