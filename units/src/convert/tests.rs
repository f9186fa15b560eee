#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::systemd::directives;
use crate::unit::Unit;
use crate::{SourceFile, SourceKind, UnitKind, UnitName, read, stock};

/// What a file says, without what differs by its being another file.
fn said(path: &str, text: &str) -> Result<Unit, Vec<String>> {
    let (set, diagnostics) = read([SourceFile { path: path.to_owned(), kind: SourceKind::Unit(text.into()) }]);
    // Nobody else is there.
    let diagnostics: Vec<_> = diagnostics.into_iter().filter(|d| !d.message.contains("does not exist")).collect();
    let stem = path.rsplit('/').next().unwrap().trim_end_matches(".toml").to_owned();
    match set.unit(&UnitName::new(&stem).unwrap()) {
        Some(unit) if diagnostics.is_empty() => {
            let mut unit = unit.clone();
            unit.sources.clear();
            (unit.wanted_by, unit.required_by) = (Vec::new(), Vec::new());
            unit.conditions.0.sort_by_key(|condition| format!("{condition:?}"));
            unit.ignored.sort_by_key(|ignored| ignored.directive);
            if let crate::unit::Body::Service(service) = &mut unit.body {
                service.execution.hardening.sort_by(|a, b| a.directive.cmp(b.directive));
                service.directories.0.sort_by_key(|directory| directory.kind);
            }
            Ok(unit)
        }
        Some(_) | None => Err(diagnostics.iter().map(ToString::to_string).collect()),
    }
}

/// Shows only the lines that differ.
fn same(one: &Result<Unit, Vec<String>>, other: &Result<Unit, Vec<String>>, texts: &str) {
    let lines = |unit| format!("{unit:#?}").lines().map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (lines(one), lines(other));
    let only = |these: &[String], those: &[String]| these.iter().filter(|l| !those.contains(l)).cloned().collect::<Vec<_>>().join("\n");
    assert!(one == other, "{texts}\n--- only there:\n{}\n--- only here:\n{}", only(&one, &other), only(&other, &one));
}

fn there_and_back(suffix: &str, text: &str) {
    let theirs = said(&format!("/l/thing.{suffix}"), text);
    assert!(theirs.is_ok(), "{theirs:?}");
    let toml = to_toml(text);
    let ours = said(&format!("/l/thing.{suffix}.toml"), &toml);
    same(&ours, &theirs, &format!("{text}\n---\n{toml}"));
    let kind = UnitKind::of_suffix(suffix).unwrap();
    let again = to_systemd(kind, &toml).unwrap();
    same(&said(&format!("/l/thing.{suffix}"), &again), &theirs, &format!("{toml}\n---\n{again}"));
}

#[test]
fn debians_files_become_ours_and_back() {
    there_and_back(
        "service",
        "# ssh\n[Unit]\nDescription=OpenBSD Secure Shell server\nDocumentation=man:sshd(8) man:sshd_config(5)\nAfter=network.target auditd.service\n\
         ConditionPathExists=!/etc/ssh/sshd_not_to_be_run\n\n[Service]\nEnvironmentFile=-/etc/default/ssh\nExecStartPre=/usr/sbin/sshd -t\n\
         ExecStart=/usr/sbin/sshd -D $SSHD_OPTS\nExecReload=/usr/sbin/sshd -t\nExecReload=/bin/kill -HUP $MAINPID\nKillMode=process\nRestart=on-failure\n\
         RestartPreventExitStatus=255\nType=notify\nRuntimeDirectory=sshd\nRuntimeDirectoryMode=0755\n\n[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n",
    );
    there_and_back(
        "service",
        "[Unit]\nAfter=a.service\nAfter=\nAfter=b.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sed s/\\.d$//\\\n  ; not it\n  'a \"b\"' \\; %i\nExecStart=-/bin/b\n\
         Environment=\"A=b c\" D=%p\nEnvironment=\nEnvironment=E=1\nPrivateTmp=yes\nProtectSystem=full\nTimeoutStartSec=0\nX-Own=1\nPermissionsStartOnly=true\nStandardInput=tty\nTTYVHangup=yes\n",
    );
    there_and_back("socket", "[Socket]\nListenStream=/run/x\nListenStream=80\nAccept=yes\nSocketMode=0600\nKeepAlive=true\n");
    there_and_back("socket", "[Socket]\nListenFIFO=/run/f\nListenStream=\nListenStream=111\nListenDatagram=111\nListenStream=[::]:112\n");
    there_and_back("timer", "[Timer]\nOnCalendar=daily\nOnBootSec=\nOnCalendar=weekly\n");
    there_and_back(
        "service",
        "[Service]\nExecStart=/bin/a\nTimeoutStopSec=1\nTimeoutSec=2\nTimeoutStartSec=3\n[Unit]\nConditionPathExists=/a\nConditionACPower=\nConditionFirstBoot=no\n",
    );
    there_and_back("timer", "[Timer]\nOnCalendar=*-*-* 6,18:00\nOnBootSec=5min\nPersistent=true\nRandomizedDelaySec=12h\n");
    there_and_back("path", "[Path]\nPathChanged=/etc/resolv.conf\nMakeDirectory=no\n");
    there_and_back("slice", "[Slice]\nMemoryMax=75%\nTasksMax=200\n");
}

#[test]
fn how_a_service_ends_and_comes_again_is_carried_over() {
    there_and_back(
        "service",
        "[Service]\nExecStart=/bin/a\nRestart=always\nRestartSec=1\nRestartSteps=5\nRestartMaxDelaySec=1min\nRestartMode=direct\nExitType=cgroup\n\
         RuntimeMaxSec=1h\nRuntimeRandomizedExtraSec=5min\nTimeoutStartFailureMode=kill\nTimeoutStopFailureMode=abort\nTimeoutAbortSec=1\n",
    );
    there_and_back(
        "service",
        "[Unit]\nJobTimeoutSec=1min\nJobRunningTimeoutSec=infinity\nJobTimeoutAction=reboot\nFailureActionExitStatus=7\n\
         SuccessActionExitStatus=255\n[Service]\nExecStart=/bin/a\n",
    );
    there_and_back("service", "[Service]\nExecStart=/bin/a\nRestartSteps=5\nRestartMaxDelaySec=infinity\n");
    for growth in ["steps = 5\nmax-delay = \"max\"\nmode = \"direct\"", "steps = 0", "backoff = 3"] {
        let ours = format!("[service]\ncommand = \"/bin/a\"\n[restart]\n{growth}\n");
        let theirs = to_systemd(UnitKind::Service, &ours).unwrap();
        same(&said("/l/thing.service", &theirs), &said("/l/thing.toml", &ours), &theirs);
    }
    let refused = said("/l/thing.service", "[Service]\nType=oneshot\nExecStart=/bin/a\nExitType=cgroup\n").unwrap_err();
    assert!(refused[0].contains("ExitType=cgroup"), "{refused:?}");
}

#[test]
fn our_stock_becomes_theirs_and_back() {
    for file in stock::files() {
        let SourceKind::Unit(text) = file.kind else { continue };
        let text = String::from_utf8(text).unwrap();
        let name = UnitName::new(file.path.rsplit('/').next().unwrap().trim_end_matches(".toml")).unwrap();
        let ours = said(&format!("/l/my-{}.toml", name.as_str()), &text);
        let theirs = to_systemd(name.kind(), &text).unwrap();
        assert!(!theirs.contains("not carried over"), "{theirs}");
        // The name of a standard target would be passed over in systemd's files.
        if name.kind() == UnitKind::Target {
            continue;
        }
        same(&said(&format!("/l/my-{}", name.as_str()), &theirs), &ours, &format!("{text}\n---\n{theirs}"));
        let again = to_toml(&theirs);
        same(&said(&format!("/l/my-{}.toml", name.as_str()), &again), &ours, &format!("{theirs}\n---\n{again}"));
    }
}

#[test]
fn a_name_made_of_a_specifier_gets_its_suffix_too() {
    let theirs =
        to_systemd(UnitKind::Service, "requires = [\"db@%i\", \"on-%i.socket\", \"a\"]\n[service]\ncommand = \"/bin/a\"\n").unwrap();
    for line in ["Requires=db@%i.service", "Requires=on-%i.socket", "Requires=a.service"] {
        assert!(theirs.lines().any(|shown| shown == line), "{theirs}");
    }
}

#[test]
fn being_up_by_a_newline_is_carried_over() {
    for (number, text) in
        [(4, "type = \"notify-fd\"\nnotify-fd = 4\n"), (3, "type = \"notify-fd\"\n"), (5, "type = \"notify\"\nnotify-fd = 5\n")]
    {
        let ours = format!("[service]\ncommand = \"/bin/a\"\n{text}");
        let theirs = to_systemd(UnitKind::Service, &ours).unwrap();
        let unit = said("/l/thing.toml", &ours).unwrap();
        assert_eq!(unit.service().unwrap().notify_descriptor, Some(number));
        same(&said("/l/thing.service", &theirs), &Ok(unit), &theirs);
    }
    assert!(said("/l/thing.toml", "[service]\ncommand = \"/bin/a\"\ntype = \"forking\"\nnotify-fd = 3\n").is_err());
}

#[test]
fn an_end_of_a_line_stays_one_where_it_can_be_written() {
    let ours = r#"condition = { file-is-executable = "/bin/a\nb" }
[service]
command = """/bin/sh -c 'echo a
  echo b'
  "c
d" e\\n"""
"#;
    let theirs = to_systemd(UnitKind::Service, ours).unwrap();
    assert!(theirs.contains("# not carried over: ConditionFileIsExecutable=\"/bin/a\\nb\"\n"), "{theirs}");
    let argv = |unit: Unit| unit.service().unwrap().start[0].argv(|_| None);
    let wanted = ["/bin/sh", "-c", "echo a\n  echo b", "c\nd", "e\n"];
    assert_eq!(argv(said("/l/thing.toml", ours).unwrap()), wanted);
    assert_eq!(argv(said("/l/thing.service", &theirs).unwrap()), wanted, "{theirs}");
}

#[test]
fn the_same_blanks_are_trimmed_in_both() {
    let theirs = "[Mount]\nWhat=/dev/vda1\nWhere=/thing\nOptions= ro\u{b}\n";
    let ours = to_toml(theirs);
    same(&said("/l/thing.mount.toml", &ours), &said("/l/thing.mount", theirs), &ours);
}

#[test]
fn every_short_word_is_a_key_and_a_directive() {
    for (_, _, name) in SHORT {
        assert!(directives::find("Service", name).is_some(), "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn any_directives_become_ours_and_back(
        chosen in proptest::collection::vec((
            proptest::sample::select(vec!["Unit", "Install", "Service"]),
            0usize..400,
            proptest::sample::select(vec!["", "5", "/a/b", "a b", "'a b' \"c\"", "yes", "off", "infinity", "50%", "1:2", "x.service y.socket", "SIGTERM", "CAP_KILL", "!/x", "|/y", "/bin/a $B ${C} \\d 'e f' ; -/bin/g", "A=\"b c\"", "-/etc/x", "0640", "10s", "main", "%p-%i"]),
        ), 0..12),
    ) {
        let mut text = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/x\n".to_owned();
        for (section, at, value) in chosen {
            let all: Vec<_> = directives::groups(section).iter().flat_map(|g| g.iter()).collect();
            // These share a field with another: the last in the file counts, and a table has no order.
            let shared = ["CPUShares", "CPUWeight", "StandardInputText", "StandardInput", "StandardOutput", "StandardError", "FailureAction", "RebootArgument", "ExecReload"];
            let name = all[at % all.len()].name;
            if shared.contains(&name) || name.starts_with("X-Fief") || name.starts_with("StartLimit") {
                continue;
            }
            let more = format!("{text}[{section}]\n{}={value}\n", all[at % all.len()].name);
            // Only what systemd's syntax takes without a word.
            if said("/l/thing.service", &more).is_ok() {
                text = more;
            }
        }
        there_and_back("service", &text);
    }

    #[test]
    fn nothing_makes_it_fail(text in "(\\PC|[\\[\\]=\"'\\\\\n]){0,200}") {
        let _ = to_systemd(UnitKind::Service, &text);
        let toml = to_toml(&text);
        proptest::prop_assert!(to_systemd(UnitKind::Service, &toml).is_ok(), "{}", toml);
    }
}
