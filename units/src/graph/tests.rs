#![allow(clippy::unwrap_used)]
use crate::{SourceFile, SourceKind, UnitName, UnitSet, read, stock};
use expect_test::{Expect, expect};

fn units(files: &[(&str, &str)]) -> (UnitSet, String) {
    let files = files.iter().map(|(name, head)| {
        let body = if name.contains(".target") { "" } else { "\n[service]\ncommand = \"/bin/x\"\n" };
        SourceFile { path: format!("/etc/fief/units/{name}.toml"), kind: SourceKind::Unit(format!("{head}{body}\n").into()) }
    });
    let (units, diagnostics) = read(files.chain(stock::files()));
    (units, diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))
}

fn told(files: &[(&str, &str)], wanted: Expect) -> UnitSet {
    let (units, shown) = units(files);
    wanted.assert_eq(&shown);
    assert_eq!(units.graph().order().len(), units.iter().count(), "a cycle is left");
    units
}

fn name(text: &str) -> UnitName {
    UnitName::new(text).unwrap()
}

#[test]
fn services_come_after_the_basics_and_targets_after_what_they_want() {
    let units =
        told(&[("web", "after = [\"db\"]\nrequires = [\"db\"]\n[install]\nwanted-by = [\"multi-user.target\"]"), ("db", "")], expect![""]);
    let order: Vec<String> = units.graph().order().iter().map(ToString::to_string).collect();
    let at = |name: &str| order.iter().position(|n| n == name).unwrap();
    for (earlier, later) in [
        ("setup-tmpfiles", "sysinit.target"),
        ("sysinit.target", "db"),
        ("basic.target", "db"),
        ("db", "web"),
        ("web", "multi-user.target"),
        ("multi-user.target", "default.target"),
        ("network", "network.target"),
        ("setup-loopback", "network"),
        ("console-getty", "getty.target"),
    ] {
        assert!(at(earlier) < at(later), "{earlier} comes before {later}: {order:?}");
    }
    assert!(units.graph().node(&name("db")).unwrap().required_by.contains(&name("web")));
}

#[test]
fn a_cycle_is_named_and_loses_one_edge() {
    let units = told(
        &[("a", "after = [\"b\"]"), ("b", "after = [\"c\"]"), ("c", "after = [\"a\"]")],
        expect![[r#"
            /etc/fief/units/c.toml:1:10: warning: ordering cycle: a after b after c after a
              |
            1 | after = ["a"]
              |          ^^^
              = help: `c` does not wait for `a` now; all of them are started"#]],
    );
    assert!(units.graph().node(&name("a")).unwrap().after.contains(&name("b")));
    assert!(units.graph().node(&name("b")).unwrap().after.contains(&name("c")));
    assert!(!units.graph().node(&name("a")).unwrap().before.contains(&name("c")));
}

#[test]
fn the_administrators_edge_goes_before_an_implied_one() {
    told(
        &[("web", "before = [\"sysinit.target\"]\nwants = [\"x\"]\nrequires = [\"netwrok\"]\nrequisite = [\"basic.targt\"]")],
        expect![[r#"
            /etc/fief/units/web.toml:1:11: warning: ordering cycle: sysinit.target after web after sysinit.target
              |
            1 | before = ["sysinit.target"]
              |           ^^^^^^^^^^^^^^^^
              = help: `sysinit.target` does not wait for `web` now; all of them are started

            /etc/fief/units/web.toml:3:13: error: `netwrok` does not exist, so `web` cannot be started
              |
            3 | requires = ["netwrok"]
              |             ^^^^^^^^^
              = help: did you mean `network`?

            /etc/fief/units/web.toml:4:14: error: `basic.targt` does not exist, so `web` cannot be started
              |
            4 | requisite = ["basic.targt"]
              |              ^^^^^^^^^^^^^
              = help: did you mean `basic.target`?

            /etc/fief/units/web.toml:2:10: warning: `x` does not exist
              |
            2 | wants = ["x"]
              |          ^^^"#]],
    );
}

#[test]
fn a_knot_of_many_is_undone_in_time() {
    let all: Vec<String> = (0..40).map(|n| format!("u{n}")).collect();
    let after = format!("after = [{}]", all.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", "));
    let heads: Vec<(String, String)> =
        all.iter().map(|n| (n.clone(), after.replace(&format!("\"{n}\", "), "").replace(&format!(", \"{n}\"]"), "]"))).collect();
    let files: Vec<(&str, &str)> = heads.iter().map(|(n, h)| (n.as_str(), h.as_str())).collect();
    let (units, shown) = units(&files);
    assert_eq!(units.graph().order().len(), units.iter().count());
    assert!(shown.contains("ordering cycle"));
}
