//! Scripts of events, and the orders that must follow.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod again;
mod asking;
mod endings;
mod found;
mod kinds;
mod life;
mod limits;
mod patience;
mod relations;
mod reloading;
mod sockets;
mod starting;
mod stopping;
mod sweeping;
mod transient;
mod watching;
mod whole;
#[path = "../support/world.rs"]
mod world;

use expect_test::Expect;
use world::World;

/// Three services one after the other, wanted by a target.
const CHAIN: &str = "
-- default.target
wants = ['web', 'db', 'log']
-- log
[service]
command = '/bin/log'
-- db
after = ['log']
[service]
type = 'notify'
command = '/bin/db'
-- web
after = ['db']
requires = ['db']
[service]
exec-start-pre = ['/bin/check']
command = '/bin/web'
exec-stop = ['/bin/web-stop']
";

/// The unit `a`, a service with these lines, wanted by the default target.
fn service(lines: &str) -> String {
    format!("-- default.target\nwants = ['a']\n-- a\n[service]\ncommand = '/bin/a'\n{lines}\n")
}

fn check(units: &str, script: &str, wanted: Expect) -> World {
    check_with(units, |_| {}, script, wanted)
}

fn check_with(units: &str, change: impl FnOnce(&mut World), script: &str, wanted: Expect) -> World {
    let mut world = World::new(units);
    change(&mut world);
    world.run(script);
    wanted.assert_eq(&(world.lines.iter().map(|l| l.trim_end()).collect::<Vec<_>>().join("\n") + "\n"));
    assert!(world.answers.values().all(|n| *n <= 1), "a request was answered twice");
    world
}
