//! Sockets and the services behind them.

use expect_test::expect;

use super::world::name;
use super::{check, check_with};

const SOCKET: &str = "
-- web.socket
[socket]
listen-stream = '/run/web.sock'
-- web
[service]
command = '/bin/web'
[restart]
policy = 'no'
burst = 3
";

#[test]
fn whoever_comes_to_a_socket_has_its_service_started() {
    check(
        SOCKET,
        "start web.socket | incoming web.socket | list | exit web 0 | list | stop web.socket",
        expect![[r#"
        > start web.socket
        prepare web.socket#1
        listen for web.socket
          web.socket is up
        answer 1: web.socket Ok
        attend to web.socket true
        > incoming web.socket
        prepare web#2
        spawn web#2 start[0]
          web is up
        > list
            web active running -
            web.socket active running -
        > exit web 0
        signal web All SIGTERM
        signal web All SIGCONT
        release web
          Finished(web.service)
        attend to web.socket true
        > list
            web inactive dead -
            web.socket active listening -
        > stop web.socket
        close web.socket
        release web.socket
          web.socket is down
        answer 2: web.socket Ok
    "#]],
    );
}

#[test]
fn a_socket_leaves_off_while_its_service_was_started_by_hand() {
    check(
        SOCKET,
        "start web.socket | start web | list | incoming web.socket | stop web",
        expect![[r#"
        > start web.socket
        prepare web.socket#1
        listen for web.socket
          web.socket is up
        answer 1: web.socket Ok
        attend to web.socket true
        > start web
        prepare web#2
        spawn web#2 start[0]
          web is up
        answer 2: web Ok
        attend to web.socket false
        > list
            web active running -
            web.socket active running -
        > incoming web.socket
        > stop web
        signal web All SIGTERM
        signal web All SIGCONT
        release web
          web is down
        answer 3: web Ok
        attend to web.socket true
    "#]],
    );
    check(
        SOCKET,
        "start web | start web.socket",
        expect![[r#"
        > start web
        prepare web#1
        spawn web#1 start[0]
          web is up
        answer 1: web Ok
        > start web.socket
          web.socket failed: web, whose socket it is, runs already
        answer 2: web.socket Failed("web, whose socket it is, runs already")
    "#]],
    );
}

#[test]
fn a_service_that_gives_up_takes_its_socket_along() {
    let script = "start web.socket | incoming web.socket | exit web 1 | incoming web.socket | exit web 1 | incoming web.socket | exit web 1 | incoming web.socket | list";
    check(
        SOCKET,
        script,
        expect![[r#"
        > start web.socket
        prepare web.socket#1
        listen for web.socket
          web.socket is up
        answer 1: web.socket Ok
        attend to web.socket true
        > incoming web.socket
        prepare web#2
        spawn web#2 start[0]
          web is up
        > exit web 1
        signal web All SIGTERM
        signal web All SIGCONT
        release web
          web failed: exit code 1
        attend to web.socket true
        > incoming web.socket
        prepare web#3
        spawn web#3 start[0]
          web is up
        > exit web 1
        signal web All SIGTERM
        signal web All SIGCONT
        release web
          web failed: exit code 1
        attend to web.socket true
        > incoming web.socket
        prepare web#4
        spawn web#4 start[0]
          web is up
        > exit web 1
        signal web All SIGTERM
        signal web All SIGCONT
        release web
          web failed: exit code 1
        attend to web.socket true
        > incoming web.socket
          web failed: started too often in too short a time
        close web.socket
        release web.socket
          web.socket failed: web was started too often in too short a time
        > list
            web failed failed started too often in too short a time
            web.socket failed failed web was started too often in too short a time
    "#]],
    );
}

#[test]
fn a_start_that_is_called_off_leaves_the_socket_attended() {
    let slow = "-- slow\n[service]\ntype = 'notify'\ncommand = '/bin/slow'\n-- web\nafter = ['slow']\nwants = ['slow']";
    let units = SOCKET.replace("-- web\n", &format!("{slow}\n"));
    check(
        &units,
        "start web.socket | incoming web.socket | stop web | list",
        expect![[r#"
        > start web.socket
        prepare web.socket#1
        listen for web.socket
          web.socket is up
        answer 1: web.socket Ok
        attend to web.socket true
        > incoming web.socket
        prepare slow#2
        spawn slow#2 start[0]
        > stop web
        answer 2: web Ok
        attend to web.socket true
        > list
            slow activating start -
            web inactive dead -
            web.socket active listening -
    "#]],
    );
}

#[test]
fn a_socket_runs_its_own_commands_around_listening() {
    let units = "-- x.socket\n[socket]\nlisten-stream = '/run/x.sock'\nexec-start-pre = '/bin/pre'\nexec-start-post = '/bin/post'\nexec-stop-pre = '/bin/before'\nexec-stop-post = '/bin/after'\n-- x\n[service]\ncommand = '/bin/x'";
    check(
        units,
        "start x.socket | stop x.socket",
        expect![[r#"
        > start x.socket
        prepare x.socket#1
        spawn x.socket#1 start-pre[0]
        listen for x.socket
        spawn x.socket#1 start-post[0]
          x.socket is up
        answer 1: x.socket Ok
        attend to x.socket true
        > stop x.socket
        spawn x.socket#1 stop[0]
        close x.socket
        spawn x.socket#1 stop-post[0]
        signal x.socket All SIGTERM
        signal x.socket All SIGCONT
        release x.socket
          x.socket is down
        answer 2: x.socket Ok
    "#]],
    );
    check_with(
        units,
        |w| _ = w.deaf.insert(name("x.socket")),
        "start x.socket",
        expect![[r#"
        > start x.socket
        prepare x.socket#1
        spawn x.socket#1 start-pre[0]
        listen for x.socket
        close x.socket
        spawn x.socket#1 stop-post[0]
        signal x.socket All SIGTERM
        signal x.socket All SIGCONT
        release x.socket
          x.socket failed: listening on /run/x failed: Address already in use
        answer 1: x.socket Failed("listening on /run/x failed: Address already in use")
    "#]],
    );
}

#[test]
fn what_waits_is_flushed_where_that_is_wanted() {
    let units = "-- x.socket\n[socket]\nlisten-datagram = '/run/x.sock'\nflush-pending = true\n-- x\n[service]\ncommand = '/bin/x'";
    check(
        units,
        "start x.socket | incoming x.socket | exit x 0",
        expect![[r#"
        > start x.socket
        prepare x.socket#1
        listen for x.socket
          x.socket is up
        answer 1: x.socket Ok
        attend to x.socket true
        > incoming x.socket
        prepare x#2
        spawn x#2 start[0]
          x is up
        > exit x 0
        signal x All SIGTERM
        signal x All SIGCONT
        release x
          Finished(x.service)
        flush x.socket
        attend to x.socket true
    "#]],
    );
}

#[test]
fn each_connection_has_its_own_process_up_to_the_most() {
    let units = "-- chat.socket\n[socket]\nlisten-stream = '1234'\naccept = true\nmax-connections = 2\n-- chat@\n[service]\ncommand = '/bin/chat %i'\n[restart]\npolicy = 'no'";
    let script = "start chat.socket | connect chat.socket 0-one | connect chat.socket 1-two | connect chat.socket 2-three | list | exit chat@0-one 0 | connect chat.socket 3-four | stop chat.socket | list | exit chat@1-two 1 | list";
    check(
        units,
        script,
        expect![[r#"
        > start chat.socket
        prepare chat.socket#1
        listen for chat.socket
          chat.socket is up
        answer 1: chat.socket Ok
        attend to chat.socket true
        > connect chat.socket 0-one
        give Connection(1) to chat@0-one
        prepare chat@0-one#2
        spawn chat@0-one#2 start[0]
          chat@0-one is up
        > connect chat.socket 1-two
        give Connection(2) to chat@1-two
        prepare chat@1-two#3
        spawn chat@1-two#3 start[0]
          chat@1-two is up
        > connect chat.socket 2-three
        drop Connection(3)
        > list
            chat.socket active listening -
            chat@0-one active running -
            chat@1-two active running -
        > exit chat@0-one 0
        signal chat@0-one All SIGTERM
        signal chat@0-one All SIGCONT
        release chat@0-one
          Finished(chat@0-one.service)
        > connect chat.socket 3-four
        give Connection(4) to chat@3-four
        prepare chat@3-four#4
        spawn chat@3-four#4 start[0]
          chat@3-four is up
        > stop chat.socket
        close chat.socket
        release chat.socket
          chat.socket is down
        answer 2: chat.socket Ok
        > list
            chat.socket inactive dead -
            chat@1-two active running -
            chat@3-four active running -
        > exit chat@1-two 1
        signal chat@1-two All SIGTERM
        signal chat@1-two All SIGCONT
        release chat@1-two
          chat@1-two failed: exit code 1
        > list
            chat.socket inactive dead -
            chat@3-four active running -
    "#]],
    );
}

#[test]
fn whoever_comes_too_often_is_heard_no_more() {
    let units = "-- x.socket\n[socket]\nlisten-stream = '/run/x.sock'\n-- x\n[service]\ncommand = '/bin/x'\n[restart]\npolicy = 'no'\nburst = 'max'";
    let mut world = super::World::new(units);
    world.run("start x.socket");
    for _ in 0..20 {
        world.run("incoming x.socket | exit x 0");
    }
    world.lines.clear();
    world.run("incoming x.socket | list");
    expect![[r#"
        > incoming x.socket
        close x.socket
        release x.socket
          x.socket failed: triggered too often in too short a time
        > list
            x inactive dead -
            x.socket failed failed triggered too often in too short a time
    "#]]
    .assert_eq(&(world.lines.join("\n") + "\n"));
}

#[test]
fn how_often_is_too_often_is_the_units_to_say() {
    let falls_after = |limit: &str, span: &str, most: usize| {
        let units = format!(
            "-- x.socket\n[socket]\nlisten-stream = '/run/x.sock'\n{limit}\n-- x\n[service]\ncommand = '/bin/x'\n[restart]\npolicy = 'no'\nburst = 'max'"
        );
        let mut world = super::World::new(&units);
        world.run("start x.socket");
        (1..=most).find(|_| {
            world.run(&format!("+{span} | incoming x.socket"));
            let falls = world.lines.iter().any(|line| line.contains("too often"));
            if !falls {
                world.run("exit x 0");
            }
            falls
        })
    };
    assert_eq!(falls_after("trigger-limit-burst = 3", "1ms", 100), Some(4));
    assert_eq!(falls_after("trigger-limit-burst = 3\ntrigger-limit-interval-sec = '10s'", "3s", 100), Some(4));
    assert_eq!(falls_after("trigger-limit-burst = 3\ntrigger-limit-interval-sec = '10s'", "4s", 100), None);
    assert_eq!(falls_after("", "1ms", 100), Some(21));
    for none in ["trigger-limit-burst = 0", "trigger-limit-interval-sec = 0", "trigger-limit-burst = 1000000"] {
        assert_eq!(falls_after(none, "1ms", 100), None, "{none}");
    }
}
