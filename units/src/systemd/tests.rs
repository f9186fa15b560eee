#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use crate::unit::*;
use crate::value::{CapabilitySet, Limit, Percent, Signal};
use crate::{Diagnostic, Entry, Reader, SourceFile, SourceKind, Specifiers, UnitName, UnitSet, read};
use std::time::Duration;

fn file(path: &str, text: &str) -> SourceFile {
    let kind = if path.contains(".d/") { SourceKind::DropIn(text.into()) } else { SourceKind::Unit(text.into()) };
    SourceFile { path: path.to_owned(), kind }
}

fn link(path: &str, target: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), kind: SourceKind::Alias { target: target.to_owned() } }
}

fn name(text: &str) -> UnitName {
    UnitName::new(text).unwrap()
}

fn messages(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics
        .iter()
        .map(|d| format!("{}: {}{}", d.severity, d.message, d.help.as_deref().map_or(String::new(), |h| format!(" ({h})"))))
        .collect()
}

/// One service in `/lib/systemd/system/web.service`.
fn web(text: &str) -> (Option<Unit>, Vec<String>) {
    let (set, diagnostics) = read([file("/lib/systemd/system/web.service", text)]);
    (set.unit(&name("web")).cloned(), messages(&diagnostics))
}

fn good(text: &str) -> Unit {
    let (unit, told) = web(text);
    assert_eq!(told, [""; 0]);
    unit.unwrap()
}

fn instance(set: &UnitSet, text: &str) -> Service {
    set.unit(&name(text)).unwrap().service().unwrap().clone()
}

#[test]
fn a_service_comes_with_systemds_defaults() {
    let unit = good("[Service]\nExecStart=/bin/a\n");
    let service = unit.service().unwrap();
    assert_eq!(service.kind, ServiceType::Simple);
    assert_eq!(service.restart.policy, RestartPolicy::No);
    assert_eq!(service.stop.timeout, Limit::At(Duration::from_secs(90)));
    assert_eq!(service.stop.mode, StopMode::ControlGroup);
    assert!(service.execution.ignore_sigpipe && unit.default_dependencies);
    assert_eq!(good("[Service]\nExecStop=/bin/a\nRemainAfterExit=yes").service().unwrap().kind, ServiceType::Oneshot);
    let bus = good("[Service]\nBusName=org.x\nExecStart=/bin/a");
    assert_eq!(bus.service().unwrap().kind, ServiceType::Dbus);
    assert!(bus.relations.requires.contains(&name("dbus.socket")) && bus.relations.after.contains(&name("dbus.socket")));
}

#[test]
fn every_part_of_the_model_is_filled() {
    let unit = good(
        "[Unit]\nDescription=Shop of %H\nDocumentation=man:a(1) http://x/\nAfter=a.service b.target\nAfter=c.service\nWants=\nUpholds=a.service\n\
         ConditionPathExists=|!/etc/no\nConditionPathExists=|/etc/x\nAssertCapability=CAP_SYS_TIME\nStartLimitInterval=0\nStartLimitAction=reboot\n\
         [Service]\nType=notify\nExecStartPre=-+/bin/p 'a b' ; /bin/q\nExecStart=/bin/a $OPTS\nExecReload=/bin/kill -HUP $MAINPID\nExecReload=/bin/true\n\
         User=shop\nSupplementaryGroups=a b\nEnvironment=\"A=b c\" D=%p\nEnvironmentFile=-/etc/default/%N\nUnsetEnvironment=X\nWorkingDirectory=~\nUMask=0027\n\
         Restart=on-failure\nRestartSec=5\nRestartPreventExitStatus=255 SIGKILL\nSuccessExitStatus=143 TEMPFAIL SIGUSR1\nTimeoutSec=0\n\
         LimitNOFILE=1024:65536\nLimitCORE=infinity\nLimitNICE=-5\nCapabilityBoundingSet=CAP_CHOWN\nCapabilityBoundingSet=CAP_KILL\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n\
         RuntimeDirectory=web web/sub\nRuntimeDirectoryMode=0750\nRuntimeDirectoryPreserve=restart\nStandardOutput=append:/var/log/%p.log\nStandardError=null\n\
         KillMode=mixed\nKillSignal=SIGQUIT\nSendSIGKILL=no\nMemoryLimit=1G\nCPUShares=2048\nCPUQuota=20%\nTasksMax=99%\nPrivateTmp=yes\nProtectHome=no\n\
         [Install]\nWantedBy=multi-user.target\nAlias=shop.service\n"
            .replace("%H", "it").as_str(),
    );
    let service = unit.service().unwrap();
    assert_eq!(unit.description, "Shop of it");
    assert_eq!(unit.documentation, ["man:a(1)", "http://x/"]);
    assert_eq!(unit.relations.after, [name("a"), name("b.target"), name("c")].into());
    assert_eq!(unit.conditions.0.len(), 3);
    assert!(unit.conditions.0[0].negated && unit.conditions.0[0].triggering);
    assert_eq!((service.restart.burst, unit.manner.start_limit_action), (Limit::Max, EmergencyAction::Reboot));
    assert_eq!(service.start_pre.len(), 2);
    assert_eq!(service.start_pre[0].privileges, Privileges::Full);
    assert!(matches!(&service.reload, Reload::Commands(commands) if commands.len() == 2));
    assert_eq!(service.run_as.groups, ["a", "b"]);
    assert_eq!(service.environment.set.get("A").unwrap(), "b c");
    assert_eq!(service.environment.set.get("D").unwrap(), "web");
    assert_eq!(service.environment.files[0], EnvironmentFile { path: "/etc/default/web".into(), optional: true });
    assert_eq!(service.restart.delay, Duration::from_secs(5));
    assert_eq!(service.restart.prevent, Statuses { codes: vec![255], signals: vec![Signal::KILL] });
    assert_eq!((service.success_codes.as_slice(), service.success_signals.len()), ([143, 75].as_slice(), 1));
    assert_eq!((service.start_timeout, service.stop.timeout), (Limit::Max, Limit::Max));
    assert_eq!(service.execution.limits.get(&Resource::Nofile).unwrap(), &Rlimit { soft: Limit::At(1024), hard: Limit::At(65536) });
    assert_eq!(service.execution.limits.get(&Resource::Nice).unwrap().soft, Limit::At(25));
    assert_eq!(service.execution.capability_bounding_set, Some(CapabilitySet::read("CAP_CHOWN CAP_KILL").unwrap()));
    assert_eq!(service.directories.0[1].mode.bits(), 0o750);
    assert_eq!(service.runtime_preserve, Preserve::Restart);
    assert_eq!(service.log.stdout, Output::Append("/var/log/web.log".into()));
    assert!(!service.stop.send_kill && service.stop.mode == StopMode::Mixed);
    assert_eq!(service.resources.tasks_share, Percent::read("99%").ok());
    assert_eq!(service.resources.cpu_weight.unwrap().get(), 200);
    assert_eq!(
        service.execution.hardening,
        [Hardening { directive: "PrivateTmp", value: "yes".into() }, Hardening { directive: "ProtectHome", value: "no".into() }]
    );
    assert!(service.sandbox.private_tmp && service.sandbox.protect_home == ProtectHome::No);
    assert!(!unit.ignored.iter().any(|i| i.why == Why::Hardening));
    // Not acted upon before somebody enables it.
    assert_eq!((unit.wanted_by.len(), unit.install.wanted_by.len(), unit.install.alias.len()), (0, 1, 1));
}

#[test]
fn restrictions_are_read_as_systemd_reads_them() {
    let (unit, told) = web(
        "[Service]\nExecStart=/bin/a\nSystemCallFilter=@system-service\nSystemCallFilter=~@resources setuid:ENOSYS\nSystemCallErrorNumber=EPERM\n\
         RestrictAddressFamilies=AF_UNIX AF_INET\nRestrictAddressFamilies=~AF_INET\nRestrictNamespaces=~user\nReadWritePaths=-/srv/x/ +/y\n\
         BindPaths=/a:/b:norbind -/c\nTemporaryFileSystem=/t:size=1M,ro\nProtectSystem=strict\nX-FiefStrict=yes\nCPUAffinity=0 2-3\nCPUAffinity=65\n\
         SystemCallArchitectures=native\nTimerSlackNSec=5ms\n",
    );
    assert_eq!(told, [] as [&str; 0]);
    let unit = unit.unwrap();
    let service = unit.service().unwrap();
    let sandbox = &service.sandbox;
    let calls = sandbox.calls.as_ref().unwrap();
    assert!(
        calls.allows
            && calls.calls.contains_key("read")
            && calls.calls.contains_key("execve")
            && !calls.calls.contains_key("sched_setaffinity")
    );
    assert_eq!(calls.calls.get("setuid").unwrap(), &Some(CallRefusal::Errno(38)));
    assert_eq!(sandbox.call_error, Some(CallRefusal::Errno(1)));
    let families = sandbox.families.as_ref().unwrap();
    assert_eq!((families.allows, families.list.iter().copied().collect::<Vec<_>>()), (true, vec![1]));
    assert_eq!(sandbox.namespaces.map(|bits| bits & 0x1000_0000), Some(0));
    assert_eq!(sandbox.paths[0], PathRule { access: Access::ReadWrite, path: "/srv/x".into(), optional: true });
    assert_eq!(sandbox.paths[1].path, "/y");
    assert!(!sandbox.binds[0].recursive && sandbox.binds[1].optional && sandbox.binds[1].to == "/c");
    assert_eq!(sandbox.temporary, [("/t".to_owned(), "size=1M,ro".to_owned())]);
    assert!(sandbox.strict && sandbox.protect_system == ProtectSystem::Strict);
    assert_eq!(service.execution.cpu_affinity, [0b1101, 0b10]);
    assert_eq!(service.execution.timer_slack, Some(5_000_000));
    let (_, told) = web("[Service]\nExecStart=/bin/a\nSystemCallFilter=~@sevrice opne read\nRestrictAddressFamilies=INET\n");
    assert_eq!(told.len(), 3, "{told:?}");
}

#[test]
fn what_a_process_is_born_with_is_read_as_systemd_reads_it() {
    let unit = good(
        "[Service]\nExecStart=/bin/a\nCoredumpFilter=default private-dax\nCoredumpFilter=0x8\nNUMAPolicy=bind\nNUMAMask=0-1 3\nMemoryKSM=no\n\
         SetLoginEnvironment=yes\nTTYPath=/dev/tty1\nStandardInput=tty\nTTYRows=40\nTTYColumns=132\nCPUQuotaPeriodSec=5s\nMemoryPressureWatch=no\n\
         MemoryPressureThresholdSec=1ms\nSyslogFacility=local7\nLogExtraFields=A=b \"C=d e\"\n",
    );
    let service = unit.service().unwrap();
    let execution = &service.execution;
    assert_eq!((execution.coredump_filter, execution.numa_policy), (Some(0xbb), Some(NumaPolicy::Bind)));
    assert_eq!(
        (execution.numa_mask.as_slice(), execution.memory_ksm, execution.login_environment),
        (&[0b1011][..], Some(false), Some(true))
    );
    assert_eq!(service.tty.as_ref().map(|tty| (tty.rows, tty.columns)), Some((40, 132)));
    let resources = &service.resources;
    assert_eq!((resources.cpu_quota_period, resources.pressure_watch), (Some(Duration::from_secs(1)), PressureWatch::Off));
    assert_eq!(resources.pressure_threshold, Some(Duration::from_millis(1)));
    assert_eq!(service.log.facility, Some(23));
    assert_eq!(service.log.fields, [("A", "b"), ("C", "d e")].map(|(name, value)| (name.to_owned(), value.to_owned())));
    let (_, told) = web(
        "[Service]\nExecStart=/bin/a\nCoredumpFilter=most\nNUMAPolicy=near\nTTYRows=70000\nMemoryPressureWatch=maybe\nSyslogFacility=24\n\
         LogExtraFields=_A=b c=d\nOpenFile=a:b\n",
    );
    assert_eq!(told.len(), 8, "{told:?}");
}

#[test]
fn the_sandbox_section_takes_the_same_words() {
    let text = "[service]\ncommand = [\"/bin/a\"]\n[sandbox]\nstrict = true\nprivate-tmp = true\nprotect-system = \"full\"\nread-write-paths = [\"/srv/shop\"]\n\
                system-call-filter = [\"@system-service\"]\n[resources]\nmemory-low = \"1MiB\"\n[run-as]\nlimit-nofile = 64\n";
    let (set, told) = crate::read([SourceFile { path: "/l/a.toml".into(), kind: SourceKind::Unit(text.into()) }]);
    assert_eq!(told, []);
    let service = set.unit(&UnitName::new("a").unwrap()).unwrap().service().unwrap();
    assert!(service.sandbox.strict && service.sandbox.private_tmp && service.sandbox.protect_system == ProtectSystem::Full);
    assert!(service.sandbox.calls.is_some() && service.resources.memory_low.is_some() && !service.execution.limits.is_empty());
}

#[test]
fn in_our_files_names_are_shorter_and_the_last_counts() {
    let timer = |more: &str| format!("[timer]\non-boot-sec = \"5s\"\nunit = \"{more}\"");
    let (set, told) = crate::read([
        file("/f/tick.timer.toml", &timer("web")),
        file("/f/tick.timer.toml.d/10.toml", "[timer]\nunit = \"data\""),
        file("/l/tock.timer", "[Timer]\nOnBootSec=5s\nUnit=web.service\nUnit=data.service\nUnit=web"),
        file("/l/web.service", "[Service]\nExecStart=/bin/w"),
        file("/l/data.service", "[Service]\nExecStart=/bin/d\nLimitFSIZE=1MiB"),
    ]);
    let starts = |text: &str| set.unit(&name(text)).unwrap().triggers().unwrap();
    assert_eq!((starts("tick.timer"), starts("tock.timer")), (name("data"), name("web")));
    assert_eq!(
        messages(&told),
        [
            "warning: `LimitFSIZE` is passed over: \"1MiB\" is no size such as \"512M\" or \"1.5G\"",
            "warning: `Unit` is passed over: it starts web.service already",
            "warning: `Unit` is passed over: \"web\" does not end in a kind of unit, such as \".service\"",
        ]
    );
}

#[test]
fn slips_are_told_and_only_what_matters_refuses() {
    let (unit, told) = web(
        "noise\n[Unit]\nAfetr=x.service\nUser=x\n[Servcie]\nA=b\n[X-Mine]\nA=b\n[Service]\nX-Own=1\nExecStart=/bin/a\nRestart=perhaps\nNice=99\nPrivateTmp=maybe\n",
    );
    assert!(unit.is_some());
    assert_eq!(
        told,
        [
            "warning: neither a section nor an assignment",
            "warning: unknown directive `Afetr` in [Unit] (did you mean `After`?)",
            "warning: unknown directive `User` in [Unit] (`User` belongs to [Service])",
            "warning: section [Servcie] means nothing here (did you mean [Service]?)",
            "warning: `Restart` is passed over: \"perhaps\" is none of no, always, on-success, on-failure, on-abnormal, on-abort, on-watchdog",
            "warning: `Nice` is passed over: \"99\" is no number from -20 to 19",
            "warning: `PrivateTmp` is passed over: \"maybe\" is neither true nor false",
        ]
    );
    for (text, message) in [
        ("Type=notfy\nExecStart=/bin/a", "error: \"notfy\" is none of simple, exec, forking, oneshot, notify, notify-reload, dbus, idle"),
        ("ExecStart=/bin/a 'b", "error: the quote ' is not closed"),
        ("ExecStart=/bin/a\nExecStart=/bin/b", "error: only services of type \"oneshot\" may have several commands"),
        ("ExecStart=/bin/a\nRootImage=/srv/x.raw", "error: `RootImage` is not done: a root of its own cannot be given"),
        ("Type=oneshot\nExecStart=/bin/a\nRestart=always", "error: a oneshot that is restarted after success would run for ever"),
        ("Type=simple\nExecStop=/bin/a", "error: a service needs a `command` in [service]"),
        ("ExecStart=/bin/a %m", "error: what %m stands for is not known here"),
    ] {
        let (unit, told) = web(&format!("[Service]\n{text}\n"));
        assert!(unit.is_none(), "{text}");
        assert_eq!(told, [message], "{text}");
    }
    assert!(web("[Service]\nExecStart=/bin/a\nExecStart=\nExecStart=/bin/b").0.is_some());
}

#[test]
fn drop_ins_of_all_kinds_are_applied_by_file_name() {
    let unit = |what: &str| format!("[Service]\nEnvironment=W={what}");
    let env = |what: &str| format!("[Service]\nEnvironment=V={what}");
    let (set, diagnostics) = Reader::default().with_instances([name("foo-bar@x")]).read([
        file("/etc/systemd/system/foo-.service.d/20.conf", &env("etc-prefix")),
        file("/etc/systemd/system/service.d/20.conf", "[Service]\nnoise"),
        file("/usr/lib/systemd/system/foo-bar@.service", "[Service]\nExecStart=/bin/a %i %p %j"),
        file("/usr/lib/systemd/system/foo-bar@.service.d/20.conf", "[Service]\nnoise"),
        file("/usr/lib/systemd/system/foo-bar@x.service.d/30.conf", &unit("instance")),
        file("/usr/lib/systemd/system/foo-bar@y.service.d/40.conf", &unit("other")),
        file("/usr/lib/systemd/system/service.d/10.conf", "[Service]\nEnvironment=V=kind W=kind"),
    ]);
    assert_eq!(messages(&diagnostics), [""; 0]);
    let service = instance(&set, "foo-bar@x");
    let set_: Vec<String> = service.environment.set.iter().map(|(n, v)| format!("{n}={v}")).collect();
    assert_eq!(set_, ["V=etc-prefix", "W=instance"]);
    assert_eq!(service.start[0].argv(|_| None), ["/bin/a", "x", "foo-bar", "bar"]);
    assert_eq!(set.templates().map(UnitName::as_str).collect::<Vec<_>>(), ["foo-bar@.service"]);
    assert_eq!(set.entry(&name("foo-bar@")), None);
}

#[test]
fn links_enable_alias_and_mask() {
    let (set, diagnostics) = read([
        link("/etc/systemd/system/sshd.service", "/lib/systemd/system/ssh.service"),
        link("/etc/systemd/system/multi-user.target.wants/ssh.service", "/lib/systemd/system/ssh.service"),
        link("/etc/systemd/system/getty.target.wants/agetty@tty1.service", "/lib/systemd/system/agetty@.service"),
        link("/etc/systemd/system/cron.service", "/dev/null"),
        file("/lib/systemd/system/ssh.service", "[Service]\nExecStart=/bin/s\n[Install]\nWantedBy=multi-user.target\nAlias=sshd.service"),
        file("/lib/systemd/system/agetty@.service", "[Service]\nExecStart=/sbin/agetty %I"),
        file("/lib/systemd/system/cron.service", "[Service]\nExecStart=/bin/c"),
        file(
            "/lib/systemd/system/late.service",
            "[Unit]\nAfter=sshd.service\nRequires=systemd-udevd.service dev-sda.device\nWants=nss-lookup.target\n[Service]\nExecStart=/bin/l",
        ),
        file("/lib/systemd/system/multi-user.target", "[Unit]\nDescription=not ours"),
        file("/fief/multi-user.target.toml", "description = \"ours\""),
        file("/fief/getty.target.toml", ""),
    ]);
    assert_eq!(messages(&diagnostics), [""; 0]);
    assert_eq!(set.resolve(&name("sshd")), &name("ssh"));
    assert_eq!(set.unit(&name("ssh")).unwrap().aliases, [name("sshd")]);
    assert_eq!(set.unit(&name("multi-user.target")).unwrap().description, "ours");
    assert!(set.graph().node(&name("multi-user.target")).unwrap().wants.contains(&name("ssh")));
    assert!(matches!(set.entry(&name("cron")), Some(Entry::Masked { .. })));
    assert_eq!(instance(&set, "agetty@tty1").start[0].argv(|_| None), ["/sbin/agetty", "tty1"]);
    let late = set.unit(&name("late")).unwrap();
    assert!(late.relations.requires.is_empty());
    assert!(set.graph().node(&name("late")).unwrap().after.contains(&name("ssh")));
    assert!(matches!(set.entry(&name("nss-lookup.target")), Some(Entry::Unit(_))));
}

#[test]
fn ours_win_and_both_are_known() {
    let (set, _) = read([
        file("/usr/lib/fief/units/web.toml", "[service]\ncommand = \"/bin/ours\""),
        file("/etc/systemd/system/web.service", "[Service]\nExecStart=/bin/theirs"),
        file("/etc/systemd/system/web.service.d/x.conf", "[Service]\nUser=nobody"),
        file("/lib/systemd/system/db.service", "[Service]\nExecStart=/bin/theirs"),
        file("/etc/fief/units/db.toml.d/10.toml", "[service]\nmemory-max = \"1G\"\nenvironment = [\"A=b c\", \"B=%p\"]"),
        file("built-in/db.toml", "[service]\ncommand = \"/bin/stock\""),
    ]);
    let unit = set.unit(&name("web")).unwrap();
    assert_eq!(unit.service().unwrap().start[0].program(), "/bin/ours");
    assert_eq!(unit.service().unwrap().run_as.user, None);
    assert_eq!(unit.shadowed, ["/etc/systemd/system/web.service"]);
    let db = set.unit(&name("db")).unwrap();
    assert_eq!(db.service().unwrap().start[0].program(), "/bin/theirs");
    assert_eq!(db.service().unwrap().environment.set.get("B").unwrap(), "db");
    assert!(db.service().unwrap().resources.memory_max.is_some());
    assert_eq!(db.sources.len(), 2);
}

#[test]
fn the_other_kinds_are_read() {
    let (set, diagnostics) = read([
        file(
            "/l/web.socket",
            "[Socket]\nListenStream=80\nListenStream=[::1]:81\nListenDatagram=/run/x\nSocketMode=0600\nKeepAlive=yes\n[Install]\nWantedBy=sockets.target",
        ),
        file("/l/web.service", "[Service]\nExecStart=/bin/w"),
        file("/l/clean.timer", "[Timer]\nOnCalendar=daily\nOnBootSec=5min\nPersistent=true\nRandomizedDelaySec=1h"),
        file("/l/spool.path", "[Path]\nPathChanged=/var/spool/%p\nUnit=web.service"),
        file("/l/srv-x\\x2dy.mount", "[Mount]\nWhat=tmpfs\nWhere=/srv/x-y\nType=tmpfs"),
        file("/l/work.slice", "[Slice]\nMemoryMax=75%"),
        file("/l/data.service", "[Unit]\nRequiresMountsFor=/srv/x-y/z\n[Service]\nExecStart=/bin/d"),
        file("/l/mini.target", "[Unit]\nWants=web.service"),
        link("/l/sockets.target.wants/web.socket", "../web.socket"),
        file(
            "/f/api.socket.toml",
            "[socket]\nlisten-stream = [8080, \"/run/api\"]\naccept = false\nsocket-mode = \"0600\"\n[install]\nwanted-by = [\"sockets.target\"]",
        ),
        file("/f/api.toml", "[service]\ncommand = \"/bin/api\""),
    ]);
    assert_eq!(messages(&diagnostics), [""; 0]);
    let body = |text: &str| set.unit(&name(text)).unwrap().body.clone();
    let Body::Socket(socket) = body("web.socket") else { panic!() };
    assert_eq!(socket.listen.iter().map(|l| l.address.as_str()).collect::<Vec<_>>(), ["80", "[::1]:81", "/run/x"]);
    assert_eq!(socket.options, [("KeepAlive", "yes".to_owned())]);
    let Body::Timer(timer) = body("clean.timer") else { panic!() };
    assert_eq!(timer.since, [(Since::Boot, Duration::from_secs(300))]);
    assert!(timer.persistent && timer.on_calendar[0].to_string() == "*-*-* 00:00:00");
    let Body::Path(watch) = body("spool.path") else { panic!() };
    assert_eq!(watch.paths, [(PathEvent::Changed, "/var/spool/spool".to_owned())]);
    let Body::Socket(api) = body("api.socket") else { panic!() };
    assert_eq!((api.listen.len(), api.mode.bits()), (2, 0o600));
    let graph = set.graph();
    assert!(graph.node(&name("web")).unwrap().after.contains(&name("web.socket")));
    assert!(graph.node(&name("data")).unwrap().after.contains(&name("srv-x\\x2dy.mount")));
    assert!(graph.node(&name("sockets.target")).unwrap().after.contains(&name("web.socket")));
    for (path, text, message) in [
        (
            "/l/a.socket",
            "[Socket]\nListenStream=nonsense:0",
            "warning: `ListenStream` is passed over: \"nonsense:0\" is nothing that can be listened on",
        ),
        ("/l/a.socket", "[Socket]\n", "error: a socket needs something to listen on in [socket]"),
        (
            "/l/a.timer",
            "[Timer]\nOnCalendar=never",
            "warning: `OnCalendar` is passed over: \"never\" is no calendar expression such as \"daily\" or \"Mon..Fri *-*-* 03:00\"",
        ),
        ("/l/a.mount", "[Mount]\nWhat=x\nWhere=/b", "error: a mount of /b is named b.mount"),
    ] {
        let (set, diagnostics) = read([file(path, text)]);
        assert!(matches!(set.iter().next(), Some((_, Entry::Bad { .. }))));
        assert_eq!(messages(&diagnostics).first().map(String::as_str), Some(message));
    }
}

#[test]
fn instances_know_their_specifiers_in_both_syntaxes() {
    let specifiers = Specifiers::default().with('H', "box");
    let (set, diagnostics) = Reader::new(specifiers).read([
        file("/f/all.toml", "wants = [\"w@a-b\", \"s@a-b\"]\n[service]\ncommand = \"/bin/x\""),
        file("/f/w@.toml", "after = [\"net-%i\"]\n[service]\ncommand = \"/bin/w %I 100%%\"\n[environment]\nset = { HOST = \"%H\" }"),
        file("/l/s@.service", "[Unit]\nAfter=net-%i.service\n[Service]\nExecStart=/bin/s %I 100%%\nEnvironment=HOST=%H"),
    ]);
    assert_eq!(messages(&diagnostics), [""; 0]);
    for (text, program) in [("w@a-b", "/bin/w"), ("s@a-b", "/bin/s")] {
        let service = instance(&set, text);
        assert_eq!(service.start[0].argv(|_| None), [program, "a/b", "100%"]);
        assert_eq!(service.environment.set.get("HOST").unwrap(), "box");
        assert!(set.unit(&name(text)).unwrap().relations.after.contains(&name("net-a-b")));
    }
}

#[test]
fn a_circle_of_links_and_a_template_of_itself_end() {
    let (set, diagnostics) = read([
        link("/l/a.service", "b.service"),
        link("/l/b.service", "a.service"),
        file("/l/t@.service", "[Unit]\nWants=t@%i-.service\n[Service]\nExecStart=/bin/t"),
        file("/l/x.target", "[Unit]\nWants=t@.service t@1.service"),
    ]);
    assert!(matches!(set.entry(&name("a")), Some(crate::Entry::Bad { .. })));
    assert_eq!(diagnostics.iter().filter(|told| told.message.ends_with("and so on in a circle")).count(), 2);
    assert!(set.iter().count() < 2100);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_fail(text in "(\\PC|[\\[\\]=\"'%\n]){0,200}") {
        let _ = read([file("/l/a.service", &text), file("/l/a.timer", &text), file("/l/a.service.d/x.conf", &text)]);
    }

    #[test]
    fn no_value_makes_the_reader_fail(
        section in proptest::sample::select(vec!["Unit", "Install", "Service", "Socket", "Timer", "Path", "Mount", "Slice"]),
        at in 0usize..400,
        value in proptest::sample::select(vec!["", "-", "5", "-1", "~", "~CAP_X", "/", "%", "%i", "%m", "infinity", "100%", "a b", "\"", "1:2", "2:1", "yes", "@ x", "+!!", "|!", ":", "99999999999999999999"]),
    ) {
        let all: Vec<_> = super::directives::groups(section).iter().flat_map(|g| g.iter()).collect();
        let directive = all[at % all.len()];
        let kind = if ["Unit", "Install"].contains(&section) { "service".to_owned() } else { section.to_ascii_lowercase() };
        for diagnostic in read([file(&format!("/l/a.{kind}"), &format!("[{section}]\n{}={value}\n{}=\n", directive.name, directive.name))]).1 {
            let _ = diagnostic.to_string();
        }
    }
}
