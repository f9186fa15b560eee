#![allow(clippy::unwrap_used)]
use super::*;
use crate::search::Nature;
use std::collections::BTreeMap;

/// A tree in memory: a path, and a text or `-> target`.
struct Memory(BTreeMap<String, String>);

impl Tree for Memory {
    fn names(&self, folder: &str) -> Vec<(String, Nature)> {
        let mut names: BTreeMap<String, Nature> = BTreeMap::new();
        for (path, text) in &self.0 {
            let Some(rest) = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else { continue };
            match rest.split_once('/') {
                Some((name, _)) => names.insert(name.to_owned(), Nature::Folder),
                None => names.insert(rest.to_owned(), if text.starts_with("-> ") { Nature::Link } else { Nature::File }),
            };
        }
        names.into_iter().collect()
    }

    fn link(&self, path: &str) -> Option<String> {
        self.0.get(path)?.strip_prefix("-> ").map(ToOwned::to_owned)
    }

    fn read(&self, path: &str, _limit: usize) -> Result<Vec<u8>, String> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| "not there".to_owned())
    }

    fn is_executable(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }
}

fn tree(files: &[(&str, &str)]) -> Memory {
    let service = |install: &str| format!("[Service]\nExecStart=/bin/x\n[Install]\n{install}\n");
    let ours = |install: &str| format!("[service]\ncommand = \"/bin/x\"\n[install]\n{install}\n");
    let mut all: BTreeMap<String, String> = [
        ("/usr/lib/systemd/system/ssh.service", service("WantedBy=multi-user.target\nAlias=sshd.service")),
        ("/usr/lib/systemd/system/plain.service", service("")),
        ("/usr/lib/systemd/system/pair.service", service("Also=ssh.service")),
        ("/usr/lib/systemd/system/vpn@.service", service("WantedBy=multi-user.target\nDefaultInstance=main")),
        ("/usr/lib/systemd/system/tun@.service", service("RequiredBy=%i.target")),
        ("/etc/fief/units/web.toml", ours("wanted-by = [\"multi-user.target\"]")),
        ("/usr/lib/fief/units/shop@.toml", ours("wanted-by = [\"multi-user.target\"]")),
    ]
    .map(|(path, text)| (path.to_owned(), text))
    .into();
    all.extend(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    Memory(all)
}

fn name(text: &str) -> UnitName {
    UnitName::new(text).unwrap()
}

/// The plan as text, and the tree after it.
fn carried_out(mut tree: Memory, make: impl Fn(&Installer) -> Plan) -> (String, Memory) {
    let plan = make(&Installer::of(&tree, Specifiers::default(), false));
    let mut said = Vec::new();
    for step in plan.steps {
        match step {
            Step::Link { path, target } => {
                said.push(format!("{path} -> {target}"));
                assert_eq!(tree.0.insert(path, format!("-> {target}")), None, "nothing is overwritten");
            }
            Step::Unlink { path } => {
                said.push(format!("rm {path}"));
                assert!(tree.0.remove(&path).unwrap().starts_with("-> "), "only links are removed");
            }
        }
    }
    said.extend(plan.remarks.into_iter().map(|text| format!("# {text}")));
    said.extend(plan.problems.into_iter().map(|text| format!("! {text}")));
    (said.join("\n"), tree)
}

#[test]
fn what_is_in_the_way_is_told_and_the_rest_is_done() {
    let files = [("/etc/systemd/system/sshd.service", "noise"), ("/usr/lib/fief/units/sshd.toml", "[service]\ncommand = \"/bin/x\"\n")];
    let (said, after) = carried_out(tree(&files), |installer| installer.enable(&[name("ssh")], Scope::Persistent));
    assert_eq!(
        said,
        "/etc/systemd/system/multi-user.target.wants/ssh.service -> /usr/lib/systemd/system/ssh.service\n\
         ! /etc/systemd/system/sshd.service is in the way"
    );
    assert_eq!(after.0.get("/etc/systemd/system/sshd.service").map(String::as_str), Some("noise"));
}

fn state(tree: &Memory, text: &str) -> Option<&'static str> {
    Installer::of(tree, Specifiers::default(), false).state(&name(text)).map(State::word)
}

#[test]
fn enabling_links_and_disabling_undoes_it() {
    let ssh = [name("ssh")];
    let (said, after) = carried_out(tree(&[]), |i| i.enable(&ssh, Scope::Persistent));
    assert_eq!(
        said,
        "/etc/systemd/system/sshd.service -> /usr/lib/systemd/system/ssh.service\n\
         /etc/systemd/system/multi-user.target.wants/ssh.service -> /usr/lib/systemd/system/ssh.service"
    );
    assert_eq!((state(&after, "ssh"), state(&after, "sshd")), (Some("enabled"), Some("alias")));
    let (said, after) = carried_out(after, |i| i.enable(&ssh, Scope::Persistent));
    assert_eq!(said, "");
    assert_eq!(carried_out(tree(&[]), |i| i.reenable(&ssh, Scope::Persistent)).1.0, after.0);
    let (said, after) = carried_out(after, |i| i.reenable(&ssh, Scope::Persistent));
    assert_eq!(said, "");
    let (_, after) = carried_out(after, |i| i.disable(&[name("sshd")], Scope::Persistent));
    assert_eq!(after.0, tree(&[]).0);
    assert_eq!(state(&after, "ssh"), Some("disabled"));
}

#[test]
fn what_holds_until_the_next_boot_is_in_run() {
    let (said, after) = carried_out(tree(&[]), |i| i.enable(&[name("pair")], Scope::Runtime));
    assert!(
        said.starts_with("/run/systemd/system/sshd.service -> ")
            && said.contains("\n/run/systemd/system/multi-user.target.wants/ssh.service -> "),
        "{said}"
    );
    assert_eq!((state(&after, "ssh"), state(&after, "pair")), (Some("enabled-runtime"), Some("indirect")));
    let (said, after) = carried_out(after, |i| i.mask(&[name("ssh"), name("web")], Scope::Runtime));
    // It is in /etc, so nothing in /run hides it.
    assert_eq!(said, "/run/systemd/system/ssh.service -> /dev/null\n/run/fief/units/web.toml -> /dev/null");
    assert_eq!(state(&after, "ssh"), Some("masked-runtime"));
    let (said, _) = carried_out(after, |i| i.unmask(&[name("ssh")], Scope::Persistent));
    assert_eq!(said, "rm /run/systemd/system/ssh.service");
}

#[test]
fn ours_is_enabled_by_being_there() {
    let web = [name("web")];
    assert_eq!(state(&tree(&[]), "web"), Some("enabled"));
    let (said, after) = carried_out(tree(&[]), |i| i.disable(&web, Scope::Persistent));
    assert_eq!(said, "/etc/fief/units/multi-user.target.wants/web.service -> /dev/null");
    assert_eq!(state(&after, "web"), Some("disabled"));
    let folders = search::folders(&after);
    let (units, _) = crate::read(search::collect(&after, &folders).into_iter().chain(stock::files()));
    assert!(!units.graph().node(&name("multi-user.target")).unwrap().wants.contains(&name("web")));
    let (said, after) = carried_out(after, |i| i.enable(&web, Scope::Persistent));
    assert_eq!(said, "rm /etc/fief/units/multi-user.target.wants/web.service");
    assert_eq!(state(&after, "web"), Some("enabled"));
    let (said, _) = carried_out(after, |i| i.mask(&web, Scope::Persistent));
    assert_eq!(said, "! web cannot be masked: its file is in the way, /etc/fief/units/web.toml");
    let (said, after) = carried_out(tree(&[]), |i| i.enable(&[name("shop@1")], Scope::Persistent));
    assert_eq!(said, "/etc/fief/units/multi-user.target.wants/shop@1.service -> /usr/lib/fief/units/shop@.toml");
    assert_eq!(state(&after, "shop@1"), Some("enabled"));
}

#[test]
fn templates_are_enabled_as_instances() {
    let (said, after) = carried_out(tree(&[]), |i| i.enable(&[name("vpn@"), name("tun@a"), name("tun@")], Scope::Persistent));
    assert_eq!(
        said,
        "/etc/systemd/system/multi-user.target.wants/vpn@main.service -> /usr/lib/systemd/system/vpn@.service\n\
         /etc/systemd/system/a.target.requires/tun@a.service -> /usr/lib/systemd/system/tun@.service\n\
         ! tun@ is a template: say which instance, or give it a DefaultInstance="
    );
    assert_eq!(
        (state(&after, "vpn@"), state(&after, "tun@"), state(&after, "tun@a")),
        (Some("enabled"), Some("indirect"), Some("enabled"))
    );
    let (_, after) = carried_out(after, |i| i.disable(&[name("vpn@"), name("tun@")], Scope::Persistent));
    assert_eq!(after.0, tree(&[]).0);
}

#[test]
fn presets_and_links_and_what_cannot_be() {
    let presets = [("/usr/lib/systemd/system-preset/90.preset", "disable ssh.service\nenable *\n"), ("/opt/own.service", "x")];
    let before =
        tree(&[presets[0], presets[1], ("/etc/systemd/system/multi-user.target.wants/ssh.service", "-> /lib/systemd/system/ssh.service")]);
    assert_eq!(state(&before, "ssh"), Some("enabled"));
    let (said, after) = carried_out(before, |i| i.preset(&[name("ssh"), name("plain")], Scope::Persistent, Wanted::Both));
    assert_eq!(
        said,
        "rm /etc/systemd/system/multi-user.target.wants/ssh.service\n# plain has no [Install] section: nothing enables it but what wants it"
    );
    assert_eq!((state(&after, "plain"), state(&after, "nothing")), (Some("static"), None));
    let (said, _) = carried_out(after, |i| i.link(&["/opt/own.service".to_owned(), "own".to_owned()], Scope::Persistent));
    assert_eq!(said, "/etc/systemd/system/own.service -> /opt/own.service\n! \"own\" is no absolute path of a unit file");
    let masked = tree(&[("/etc/systemd/system/ssh.service", "-> /dev/null")]);
    let (said, _) = carried_out(masked, |i| i.enable(&[name("ssh"), name("nothing")], Scope::Persistent));
    assert_eq!(said, "! ssh is masked (/etc/systemd/system/ssh.service)\n! there is no nothing");
}

#[test]
fn an_instance_that_goes_with_its_template_goes_once() {
    let link = "/etc/systemd/system/multi-user.target.wants/vpn@a.service";
    let before = tree(&[("/usr/lib/systemd/system-preset/90.preset", "disable *\n"), (link, "-> /usr/lib/systemd/system/vpn@.service")]);
    let (said, _) = carried_out(before, |i| i.preset(&[name("vpn@"), name("vpn@a")], Scope::Persistent, Wanted::Both));
    assert_eq!(said, format!("rm {link}"));
}

#[test]
fn a_script_of_old_is_a_unit_where_it_has_none() {
    let files = [("/etc/init.d/old", "#!/bin/sh\n"), ("/etc/init.d/ssh", "#!/bin/sh\n"), ("/etc/rc3.d/S01old", "-> ../init.d/old")];
    let tree = tree(&files);
    assert_eq!((state(&tree, "old"), state(&tree, "ssh")), (Some("generated"), Some("disabled")));
    let (units, diagnostics) = crate::read(search::everything(&tree).into_iter().chain(stock::files()));
    assert_eq!(diagnostics, []);
    assert!(units.graph().node(&name("multi-user.target")).unwrap().wants.contains(&name("old")));
    assert_eq!(units.unit(&name("ssh")).unwrap().sources, ["/usr/lib/systemd/system/ssh.service"]);
}

#[test]
fn a_mask_takes_no_place_of_another_link_and_is_made_once() {
    // Another kind's file is nobody's other name.
    let odd = tree(&[("/etc/fief/units/v@.service.toml", "-> /etc/fief/units/b.service.toml")]);
    let (said, after) = carried_out(odd, |i| i.mask(&[name("v@")], Scope::Persistent));
    assert_eq!(said, "/etc/systemd/system/v@.service -> /dev/null\n# there is no v@; it is masked all the same");
    assert_eq!(carried_out(after, |i| i.mask(&[name("v@")], Scope::Persistent)).0, "");
    let other = tree(&[("/etc/systemd/system/sshd.service", "-> /usr/lib/systemd/system/ssh.service")]);
    let (said, _) = carried_out(other, |i| i.mask(&[name("sshd")], Scope::Persistent));
    assert_eq!(said, "! /etc/systemd/system/sshd.service leads to /usr/lib/systemd/system/ssh.service already");
}

#[test]
fn a_file_whose_name_is_written_in_full_is_in_the_way_of_a_mask_too() {
    let full = tree(&[("/etc/fief/units/b.service.toml", "[service]\ncommand = \"/bin/x\"\n")]);
    let (said, _) = carried_out(full, |i| i.mask(&[name("b")], Scope::Persistent));
    assert_eq!(said, "! b cannot be masked: its file is in the way, /etc/fief/units/b.service.toml");
}

#[test]
fn a_plain_name_is_no_other_name_of_a_template_or_an_instance() {
    let odd = tree(&[(
        "/usr/lib/systemd/system/vpn@.service",
        "[Service]\nExecStart=/bin/x\n[Install]\nAlias=vpn.service\nDefaultInstance=main\n",
    )]);
    for unit in ["vpn@", "vpn@one"] {
        let plan = Installer::of(&odd, Specifiers::default(), false).enable(&[name(unit)], Scope::Persistent);
        let problems: Vec<String> = plan.problems.iter().map(ToString::to_string).collect();
        assert_eq!((plan.steps, problems), (Vec::new(), vec![format!("vpn cannot be another name of {unit}")]));
    }
}

#[test]
fn a_name_that_two_want_is_the_firsts() {
    let same = "[Service]\nExecStart=/bin/x\n[Install]\nAlias=mta.service\n";
    let tree = tree(&[("/usr/lib/systemd/system/exim.service", same), ("/usr/lib/systemd/system/postfix.service", same)]);
    let (said, _) = carried_out(tree, |i| i.enable(&[name("exim"), name("postfix")], Scope::Persistent));
    assert_eq!(
        said,
        "/etc/systemd/system/mta.service -> /usr/lib/systemd/system/exim.service\n\
         ! /etc/systemd/system/mta.service leads to /usr/lib/systemd/system/exim.service already"
    );
}

#[test]
fn a_unit_beside_its_instance_is_enabled_again_once() {
    let both = [name("vpn@"), name("vpn@main")];
    let (said, after) = carried_out(tree(&[]), |i| i.enable(&both, Scope::Persistent));
    assert_eq!(said, "/etc/systemd/system/multi-user.target.wants/vpn@main.service -> /usr/lib/systemd/system/vpn@.service");
    assert_eq!(carried_out(after, |i| i.reenable(&both, Scope::Persistent)).0, "");
    let stale = tree(&[("/etc/systemd/system/old.target.wants/vpn@main.service", "-> /usr/lib/systemd/system/vpn@.service")]);
    let (said, _) = carried_out(stale, |i| i.reenable(&both, Scope::Persistent));
    assert_eq!(
        said,
        "rm /etc/systemd/system/old.target.wants/vpn@main.service\n\
         /etc/systemd/system/multi-user.target.wants/vpn@main.service -> /usr/lib/systemd/system/vpn@.service"
    );
}
