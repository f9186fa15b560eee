#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::read;

fn unit(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), kind: SourceKind::Unit(text.into()) }
}

fn link(path: &str, target: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), kind: SourceKind::Alias { target: target.to_owned() } }
}

fn files() -> Vec<SourceFile> {
    let web = "[Service]\nExecStart=/bin/web\n[Install]\nWantedBy=multi-user.target\nAlias=www.service\nAlso=web.socket\n";
    vec![
        unit("/usr/lib/fief/units/multi-user.target.toml", "description = 'x'\n"),
        unit("/usr/lib/systemd/system/web.service", web),
        unit("/usr/lib/systemd/system/web.socket", "[Socket]\nListenStream=80\n[Install]\nWantedBy=sockets.target\n"),
        unit("/usr/lib/systemd/system/plain.service", "[Service]\nExecStart=/bin/plain\n"),
        unit(
            "/usr/lib/systemd/system/tty@.service",
            "[Service]\nExecStart=/bin/tty %i\n[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n",
        ),
        unit("/usr/lib/fief/units/ours.toml", "[service]\ncommand = '/bin/ours'\n[install]\nwanted-by = ['multi-user.target']\n"),
        unit("/etc/fief/units/own.toml", "[service]\ncommand = '/bin/own'\n"),
    ]
}

fn names(all: &[&str]) -> Vec<UnitName> {
    all.iter().map(|name| UnitName::new(name).unwrap()).collect()
}

fn state(files: &[SourceFile], name: &str) -> String {
    let (units, _) = read(files.to_vec());
    Installed::new(files, &units).state(&names(&[name])[0]).map_or_else(|| "-".to_owned(), |state| state.to_string())
}

/// Carries a plan out on files in memory.
fn carry_out(files: &mut Vec<SourceFile>, changes: &[Change]) {
    for change in changes {
        match change {
            Change::Link { path, target } => {
                files.retain(|file| file.path != *path);
                files.insert(0, link(path, target));
            }
            Change::Remove { path } => files.retain(|file| file.path != *path),
        }
    }
}

fn plan<R>(files: &[SourceFile], what: impl FnOnce(Installed<'_>) -> R) -> R {
    let (units, _) = read(files.to_vec());
    what(Installed::new(files, &units))
}

#[test]
fn a_unit_of_systemd_is_enabled_by_links_and_all_of_them_go_again() {
    let mut files = files();
    assert_eq!((state(&files, "web"), state(&files, "plain"), state(&files, "gone")), ("disabled".into(), "static".into(), "-".into()));
    let changes = plan(&files, |installed| installed.enable(&names(&["web"]), Scope::Persistent)).unwrap();
    let paths: Vec<&str> = changes
        .iter()
        .map(|change| match change {
            Change::Link { path, .. } | Change::Remove { path } => path.as_str(),
        })
        .collect();
    assert_eq!(
        paths,
        [
            "/etc/systemd/system/multi-user.target.wants/web.service",
            "/etc/systemd/system/sockets.target.wants/web.socket",
            "/etc/systemd/system/www.service",
        ]
    );
    carry_out(&mut files, &changes);
    assert_eq!(
        (state(&files, "web"), state(&files, "web.socket"), state(&files, "www")),
        ("enabled".into(), "enabled".into(), "alias".into())
    );
    assert_eq!(plan(&files, |installed| installed.enable(&names(&["web"]), Scope::Persistent)).unwrap(), []);
    let changes = plan(&files, |installed| installed.disable(&names(&["www"]), Scope::Persistent)).unwrap();
    assert_eq!(changes.len(), 3);
    carry_out(&mut files, &changes);
    assert_eq!(state(&files, "web"), "disabled");
    let runtime = plan(&files, |installed| installed.enable(&names(&["web"]), Scope::Runtime)).unwrap();
    carry_out(&mut files, &runtime);
    assert_eq!(state(&files, "web"), "enabled-runtime");
}

#[test]
fn ours_is_enabled_by_being_there_and_can_be_taken_back() {
    let mut files = files();
    assert_eq!((state(&files, "ours"), state(&files, "own")), ("enabled".into(), "static".into()));
    let changes = plan(&files, |installed| installed.disable(&names(&["ours"]), Scope::Persistent)).unwrap();
    let path = "/etc/fief/units/multi-user.target.wants/ours.toml".to_owned();
    assert_eq!(changes, [Change::Link { path, target: "/dev/null".to_owned() }]);
    carry_out(&mut files, &changes);
    assert_eq!(state(&files, "ours"), "disabled");
    let (units, _) = read(files.clone());
    let target = units.graph().node(&names(&["multi-user.target"])[0]).unwrap().clone();
    assert!(!target.wants.contains(&names(&["ours"])[0]));
    let changes = plan(&files, |installed| installed.enable(&names(&["ours"]), Scope::Persistent)).unwrap();
    carry_out(&mut files, &changes);
    assert_eq!(state(&files, "ours"), "enabled");
}

#[test]
fn a_mask_is_where_it_counts_and_spares_files() {
    let mut files = files();
    for name in ["web", "ours", "unknown"] {
        let changes = plan(&files, |installed| installed.mask(&names(&[name]), Scope::Persistent)).unwrap();
        carry_out(&mut files, &changes);
        assert_eq!(state(&files, name), "masked");
        assert!(matches!(plan(&files, |i| i.enable(&names(&[name]), Scope::Persistent)), Err(Impossible::Masked { .. })));
    }
    let way = plan(&files, |installed| installed.mask(&names(&["own"]), Scope::Persistent));
    assert_eq!(way, Err(Impossible::InTheWay("/etc/fief/units/own.toml".to_owned())));
    let changes = plan(&files, |installed| installed.unmask(&names(&["web", "ours", "unknown"])));
    carry_out(&mut files, &changes);
    assert_eq!((state(&files, "web"), state(&files, "ours"), state(&files, "unknown")), ("disabled".into(), "enabled".into(), "-".into()));
    let changes = plan(&files, |installed| installed.mask(&names(&["own"]), Scope::Runtime)).unwrap();
    assert_eq!(changes, [Change::Link { path: "/run/fief/units/own.toml".to_owned(), target: "/dev/null".to_owned() }]);
}

#[test]
fn a_template_is_enabled_as_an_instance() {
    let files = files();
    let sample = names(&["tty@x"]);
    let (units, _) = crate::Reader::default().with_instances(sample.clone()).read(files.clone());
    assert_eq!(default_instance(&units, &sample[0]), names(&["tty@tty1"]).pop());
    let (units, _) = crate::Reader::default().with_instances(names(&["tty@tty7"])).read(files.clone());
    let changes = Installed::new(&files, &units).enable(&names(&["tty@tty7"]), Scope::Persistent).unwrap();
    let path = "/etc/systemd/system/getty.target.wants/tty@tty7.service".to_owned();
    assert_eq!(changes, [Change::Link { path, target: "/usr/lib/systemd/system/tty@.service".to_owned() }]);
    assert_eq!(plan(&files, |i| i.enable(&names(&["tty@"]), Scope::Persistent)), Err(Impossible::Template(names(&["tty@"]).remove(0))));
}

#[test]
fn the_first_preset_that_fits_counts() {
    let mut presets = Presets::default();
    presets.add("# a comment\nenable web.service\nignore odd.*\nnonsense\nenable tty@.service tty1 tty2\ndisable *\n");
    let fits = |pattern: &str, text: &str| {
        pattern == "*" || pattern == text || pattern.strip_suffix('*').is_some_and(|start| text.starts_with(start))
    };
    let of = |name: &str| presets.of(&names(&[name])[0], fits);
    assert_eq!((of("web"), of("odd"), of("other")), (Preset::Enable, Preset::Ignore, Preset::Disable));
    assert_eq!((of("tty@tty1"), of("tty@tty9")), (Preset::Enable, Preset::Disable));
    assert_eq!(Presets::default().of(&names(&["web"])[0], fits), Preset::Enable);
}
