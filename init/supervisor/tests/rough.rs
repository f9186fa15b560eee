//! What people and programs do that nobody plans for.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods, missing_docs)]

#[path = "support/world.rs"]
mod world;

use supervisor::{Action, Ended, Event, Exit, Phase, Run, Ticket};
use units::control::{ActiveState, Request};
use units::value::Signal;
use world::{World, name};

fn active(world: &mut World, unit: &str) -> ActiveState {
    world.rows().into_iter().find(|row| row.name == name(unit)).map_or(ActiveState::Failed, |row| row.active)
}

#[test]
fn files_read_again_count_for_what_is_down_and_spare_what_is_up() {
    let mut world = World::new(
        "-- default.target\nwants = ['old', 'gone']\n-- old\n[service]\ncommand = '/bin/old'\n-- gone\n[service]\ncommand = '/bin/gone'\n-- idle\n[service]\ncommand = '/bin/idle'\n",
    );
    world.run("boot");
    world.changed = "-- default.target\nwants = ['old']\n-- old\n[service]\ncommand = '/bin/newer'\n-- idle\nnonsense = 1\n-- new\n[service]\ncommand = '/bin/new'\n".to_owned();
    world.run("daemon-reload | start new");
    assert_eq!(active(&mut world, "new"), ActiveState::Active);
    assert_eq!(active(&mut world, "old"), ActiveState::Active);
    // Its file is gone, its process is not: it can still be stopped, and is then known no more.
    assert_eq!(active(&mut world, "gone"), ActiveState::Active);
    world.run("stop gone | daemon-reload | start gone idle");
    let answer = world.lines.last().unwrap();
    assert!(answer.contains("gone Refused(\"no such unit\")") && answer.contains("idle Refused"), "{answer}");
    let command =
        |world: &World| world.supervisor.units().unit(&name("old")).unwrap().service().unwrap().start.first().unwrap().program().to_owned();
    assert_eq!(command(&world), "/bin/newer");
    world.run("poweroff");
    assert!(world.left.is_some());
    assert!(world.answers.values().all(|count| *count == 1), "{:?}", world.answers);
}

#[test]
fn asking_for_more_time_sets_no_limit_where_there_is_none() {
    let mut world = World::new(
        "-- default.target\nwants = ['slow']\n-- slow\n[service]\ntype = 'notify'\nstart-timeout = 'infinity'\ncommand = '/bin/slow'\n",
    );
    world.run("boot | extend slow | +1h");
    assert_eq!(active(&mut world, "slow"), ActiveState::Activating);
    world.run("ready slow");
    assert_eq!(active(&mut world, "slow"), ActiveState::Active);
}

#[test]
fn whoever_asks_and_leaves_again_and_again_leaves_nothing() {
    let mut world = World::new(
        "-- default.target\nwants = ['slow']\n-- slow\n[service]\ntype = 'notify'\nstart-timeout = 'infinity'\ncommand = '/bin/slow'\n",
    );
    world.run("boot");
    for number in 100..1100 {
        world.push(Event::Asked(Ticket(number), Request::Start { units: vec![name("slow")] }));
        world.push(Event::HungUp(Ticket(number)));
    }
    let dump: Vec<String> = world.supervisor.dump(world.now).collect();
    assert!(dump.iter().all(|line| !line.contains("Ticket(")), "{dump:?}");
}

#[test]
fn the_last_commands_are_told_how_it_went() {
    let mut world = World::new(
        "-- default.target\nwants = ['web']\n-- web\n[service]\ncommand = '/bin/web'\nexec-stop = ['/bin/ask']\nexec-stop-post = ['/bin/tidy']\n[restart]\npolicy = 'no'\n",
    );
    let told = |world: &mut World, event: Event| -> Vec<(Phase, Option<Ended>)> {
        let actions = world.supervisor.step(world.now, event);
        let spawns = actions.iter().filter_map(|action| match action {
            Action::Spawn { run, ended, .. } => Some((run.phase, *ended)),
            _ => None,
        });
        spawns.collect()
    };
    world.run("boot");
    assert_eq!(active(&mut world, "web"), ActiveState::Active);
    let stop = told(&mut world, Event::Asked(Ticket(77), Request::Stop { units: vec![name("web")] }));
    assert_eq!(stop, vec![(Phase::Stop, Some(Ended { result: "success", exit: None }))]);

    let mut world = World::new(
        "-- default.target\nwants = ['web']\n-- web\n[service]\ncommand = '/bin/web'\nexec-stop-post = ['/bin/tidy']\n[restart]\npolicy = 'no'\n",
    );
    let mut run: Option<Run> = None;
    let mut open = vec![Event::Booted];
    while let Some(event) = open.pop() {
        for action in world.supervisor.step(world.now, event) {
            match action {
                Action::Prepare(life, _) => open.push(Event::Prepared(life)),
                Action::Spawn { run: new, .. } => {
                    run = Some(new);
                    open.push(Event::Executed(new));
                }
                _ => {}
            }
        }
    }
    let run = run.unwrap();
    let exit = Exit::Signal(Signal::read("SEGV").unwrap());
    assert!(told(&mut world, Event::Exited(run, exit)).is_empty());
    let post = told(&mut world, Event::Emptied(run.life));
    assert_eq!(post, vec![(Phase::StopPost, Some(Ended { result: "signal", exit: Some(exit) }))]);
}

/// Nothing may recurse along a chain of units: PID 1 has one stack, and its end is the system's.
#[test]
fn a_long_chain_fails_and_stops_on_a_small_stack() {
    use std::fmt::Write;
    const LONG: usize = 1500;
    let mut text =
        format!("-- default.target\nwants = ['u{}']\n-- u0\n[service]\ncommand = '/bin/x'\n[restart]\npolicy = 'no'\n", LONG - 1);
    for number in 1..LONG {
        let before = number - 1;
        write!(
            text,
            "-- u{number}\nrequires = ['u{before}']\nafter = ['u{before}']\n[service]\ncommand = '/bin/x'\n[restart]\npolicy = 'no'\n"
        )
        .unwrap();
    }
    let mut world = World::new(&text);
    let chain = move || {
        world.quiet = true;
        world.broken.insert(name("u0"));
        world.run("boot");
        assert_eq!(world.rows().iter().filter(|row| row.active == ActiveState::Failed).count(), LONG);
        world.broken.clear();
        world.run(&format!("start u{} | poweroff", LONG - 1));
        assert!(world.left.is_some());
    };
    std::thread::Builder::new().stack_size(192 * 1024).spawn(chain).unwrap().join().unwrap();
}
