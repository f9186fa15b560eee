#![allow(clippy::unwrap_used)]
use crate::unit::{Body, ListenKind, RestartPolicy, ServiceType};
use crate::{SourceFile, SourceKind, UnitName, UnitSet, read};
use std::time::Duration;

fn set(files: &[(&str, &str)]) -> (UnitSet, Vec<String>) {
    let file = |(name, text): &(&str, &str)| {
        let path = format!("/etc/fief/units/{name}");
        let kind = if name.contains(".d/") { SourceKind::DropIn } else { SourceKind::Unit };
        SourceFile { path, kind: kind(text.as_bytes().to_vec()) }
    };
    let targets = ["multi-user.target.toml", "sockets.target.toml", "timers.target.toml"].map(|name| (name, "description = \"x\"\n"));
    let (set, told) = read(targets.iter().chain(files).map(file));
    (set, told.into_iter().map(|one| format!("{}: {}", one.place.map_or(0, |place| place.line), one.message)).collect())
}

fn name(text: &str) -> UnitName {
    UnitName::new(text).unwrap()
}

const WEB: &str = r#"
[service]
command = ["/usr/bin/shop"]
[run-as]
user = "shop"
[restart]
policy = "always"
[[socket]]
listen = "0.0.0.0:80"
name = "http"
lazy = true
[[socket]]
listen = ["datagram 81", "/run/web"]
socket-mode = "0600"
lazy = LAZY
[[timer]]
on-calendar = "*-*-* 03:00"
persistent = true
random-delay = "10m"
command = ["/usr/bin/shop-clean"]
[[timer]]
on-boot-sec = "5min"
[install]
wanted-by = ["multi-user.target"]
"#;

#[test]
fn a_service_s_file_makes_its_sockets_and_timers() {
    let text = WEB.replace("LAZY", "true");
    let (set, told) = set(&[("web.toml", &text), ("web.socket.toml.d/more.toml", "[socket]\nbacklog = 7\n")]);
    assert!(told.is_empty(), "{told:?}");
    let body = |unit: &str| set.unit(&name(unit)).map(|unit| unit.body.clone()).unwrap();
    let Body::Socket(http) = body("web.socket") else { unreachable!() };
    assert_eq!((http.name.as_deref(), http.backlog), (Some("http"), Some(7)));
    let Body::Socket(more) = body("web-2.socket") else { unreachable!() };
    let kinds: Vec<ListenKind> = more.listen.iter().map(|listen| listen.kind).collect();
    assert_eq!(kinds, [ListenKind::Datagram, ListenKind::Stream]);
    let web = set.unit(&name("web")).unwrap();
    for socket in ["web.socket", "web-2.socket"] {
        let socket = set.unit(&name(socket)).unwrap();
        assert_eq!(socket.triggers(), Some(name("web")));
        assert_eq!(socket.wanted_by, [name("sockets.target")]);
        assert!(web.relations.requires.contains(&socket.name) && web.relations.after.contains(&socket.name));
    }
    // Nobody starts it but who comes to its sockets.
    assert!(web.wanted_by.is_empty());

    let Body::Timer(clean) = body("web.timer") else { unreachable!() };
    assert_eq!((clean.unit, clean.persistent, clean.random_delay), (Some(name("web-timer.service")), true, Duration::from_secs(600)));
    let Body::Service(command) = body("web-timer.service") else { unreachable!() };
    assert_eq!(command.start.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/usr/bin/shop-clean"]);
    assert_eq!(
        (command.kind, command.restart.policy, command.run_as.user.as_deref()),
        (ServiceType::Oneshot, RestartPolicy::No, Some("shop"))
    );
    let Body::Timer(again) = body("web-2.timer") else { unreachable!() };
    assert_eq!(again.unit, Some(name("web")));
}

#[test]
fn one_eager_socket_leaves_the_service_wanted() {
    let (set, _) = set(&[("web.toml", &WEB.replace("LAZY", "false"))]);
    assert_eq!(set.unit(&name("web")).unwrap().wanted_by, [name("multi-user.target")]);
}

#[test]
fn a_file_of_the_part_s_own_name_counts_before_it() {
    let (set, _) = set(&[("web.toml", &WEB.replace("LAZY", "true")), ("web.socket.toml", "[socket]\nlisten = \"stream 8080\"\n")]);
    let Body::Socket(socket) = &set.unit(&name("web.socket")).unwrap().body else { unreachable!() };
    assert_eq!(socket.listen.first().unwrap().address, "8080");
}

#[test]
fn what_is_wrong_is_told_where_it_stands_and_once() {
    let service = "[service]\ncommand = [\"/bin/x\"]\n[run-as]\nnice = 99\n";
    let (units, told) = set(&[(
        "x.toml",
        &format!("{service}[[socket]]\nlisten = \"nonsense\"\n[[timer]]\non-calender = \"daily\"\ncommand = \"/bin/y\"\n"),
    )]);
    let of = |start: &str| told.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!((of("4: "), of("6: "), of("8: ")), (1, 1, 1), "{told:?}");
    assert!(units.unit(&name("x.socket")).is_none());
    let (_, told) = set(&[
        ("x@.toml", "[service]\ncommand = [\"/bin/x\"]\n[[socket]]\nlisten = \"80\"\n"),
        ("y.toml", "wants = [\"x@1\"]\n[service]\ncommand = \"/bin/y\"\n"),
    ]);
    assert!(told.iter().any(|line| line.contains("no template")), "{told:?}");
    let (_, told) = set(&[("x.toml", "[service]\ncommand = [\"/bin/x\"]\n[[socket]]\nlisten = \"80\"\naccept = true\n")]);
    assert!(told.iter().any(|line| line.contains("a service of its own")), "{told:?}");
    let (_, told) = set(&[("x.toml", "[service]\ncommand = [\"/bin/x\"]\n[socket]\nlisten = \"80\"\n")]);
    assert!(told.iter().any(|line| line.starts_with("3: ")), "{told:?}");
}

#[test]
fn a_file_of_its_own_takes_the_short_word_too_and_nothing_is_guessed_to_be_itself() {
    let (set, told) = set(&[
        ("web.toml", "[service]\ncommand = [\"/bin/true\"]\n"),
        ("web.timer.toml", "[timer]\non-calendar = \"daily\"\nrandom-delay = \"10m\"\n"),
    ]);
    assert_eq!(told, [""; 0]);
    let timer = set.unit(&name("web.timer")).unwrap();
    assert!(matches!(&timer.body, Body::Timer(timer) if timer.random_delay == Duration::from_secs(600)), "{:?}", timer.body);
    for (file, text, wanted) in [
        ("web.socket.toml", "[socket]\nname = \"http\"\n", "`name` stands in [[socket]] of a service's own file"),
        ("web.toml", "[service]\n[path]\npath-exists = \"/x\"\n", "[path] is for a unit of that kind, whose file is named NAME.path.toml"),
    ] {
        let (_, told) = read([SourceFile { path: format!("/etc/fief/units/{file}"), kind: SourceKind::Unit(text.as_bytes().to_vec()) }]);
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert!(told.concat().contains(wanted), "{told:?}");
    }
}
