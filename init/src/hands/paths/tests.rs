#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::hands::Facts;
use std::io::Write;
use units::{SourceFile, SourceKind};

struct World {
    hands: Hands,
    units: UnitSet,
    reactor: Reactor,
    queue: Queue,
    folder: tempfile::TempDir,
}

fn life() -> Life {
    serde_json::from_str("1").unwrap()
}

impl World {
    /// `DIR` in the text is a folder of the test's.
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("[Path]\n{}", text.replace("DIR", folder.path().to_str().unwrap()));
        let file = |name: &str, text: String| SourceFile { path: format!("/{name}"), kind: SourceKind::Unit(text.into_bytes()) };
        let (units, wrong) = units::read([file("x.path", text), file("x.service", "[Service]\nExecStart=/bin/x\n".to_owned())]);
        assert!(wrong.iter().all(|w| w.severity != units::Severity::Error), "{wrong:?}");
        Self { hands: Hands::new(None, Facts::gather()), units, reactor: Reactor::new().unwrap(), queue: Queue::new(), folder }
    }

    fn watch(&mut self) -> Option<Event> {
        let name = UnitName::new("x.path").unwrap();
        self.hands.watch_paths(life(), &name, &self.units, &mut self.reactor, &mut self.queue);
        self.queue.pop_front()
    }

    /// Waits until it is triggered, and by what.
    fn triggered(&mut self) -> String {
        while self.queue.is_empty() {
            self.reactor.wait(None);
            self.hands.paths_changed(&self.units, &mut self.reactor, &mut self.queue);
        }
        match self.queue.pop_front() {
            Some(Event::PathTriggered(_, path)) => path,
            other => panic!("{other:?}"),
        }
    }

    /// Everything that has happened so far, and that nothing came of it.
    fn nothing(&mut self) {
        while !self.reactor.wait(Some(std::time::Duration::ZERO)).is_empty() {
            self.hands.paths_changed(&self.units, &mut self.reactor, &mut self.queue);
        }
        assert!(self.queue.is_empty(), "{:?}", self.queue);
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

#[test]
fn what_is_so_already_triggers_at_once_and_what_comes_about_when_it_does() {
    let mut world = World::new("PathExists=DIR/a/b\n");
    assert!(world.watch().is_none());
    fs::create_dir(world.path("a")).unwrap();
    world.nothing();
    fs::write(world.path("a/b"), "").unwrap();
    assert_eq!(world.triggered(), world.path("a/b"));
    // Watched no more until that is ordered again: then it is so already.
    fs::remove_file(world.path("a/b")).unwrap();
    fs::write(world.path("a/b"), "").unwrap();
    world.nothing();
    assert!(matches!(world.watch(), Some(Event::PathTriggered(..))));
}

#[test]
fn a_pattern_and_a_directory_are_waited_for() {
    let mut world = World::new("PathExistsGlob=DIR/spool/*.job\nDirectoryNotEmpty=DIR/in\nMakeDirectory=yes\nDirectoryMode=0700\n");
    assert!(world.watch().is_none());
    assert!(fs::metadata(world.path("in")).unwrap().is_dir());
    fs::create_dir(world.path("spool")).unwrap();
    fs::write(world.path("spool/1.txt"), "").unwrap();
    world.nothing();
    fs::write(world.path("spool/1.job"), "").unwrap();
    assert_eq!(world.triggered(), world.path("spool/*.job"));
    fs::remove_file(world.path("spool/1.job")).unwrap();
    assert!(world.watch().is_none());
    fs::write(world.path("in/x"), "").unwrap();
    assert_eq!(world.triggered(), world.path("in"));
}

#[test]
fn changed_is_when_it_is_closed_and_modified_with_each_write() {
    let mut world = World::new("PathChanged=DIR/c\n");
    fs::write(world.path("c"), "").unwrap();
    assert!(world.watch().is_none());
    let mut file = fs::OpenOptions::new().append(true).open(world.path("c")).unwrap();
    file.write_all(b"x").unwrap();
    world.nothing();
    drop(file);
    assert_eq!(world.triggered(), world.path("c"));

    let mut world = World::new("PathModified=DIR/m\n");
    fs::write(world.path("m"), "").unwrap();
    assert!(world.watch().is_none());
    let mut file = fs::OpenOptions::new().append(true).open(world.path("m")).unwrap();
    file.write_all(b"x").unwrap();
    assert_eq!(world.triggered(), world.path("m"));
}

#[test]
fn a_change_while_nobody_watched_is_not_made_up_for_but_a_going_is() {
    let mut world = World::new("PathChanged=DIR/c\n");
    fs::write(world.path("c"), "").unwrap();
    assert!(world.watch().is_none());
    fs::write(world.path("c"), "x").unwrap();
    world.triggered();
    fs::write(world.path("c"), "y").unwrap();
    assert!(world.watch().is_none());
    world.nothing();
    fs::write(world.path("c"), "z").unwrap();
    world.triggered();
    fs::remove_file(world.path("c")).unwrap();
    assert!(matches!(world.watch(), Some(Event::PathTriggered(..))));
}

#[test]
fn nothing_is_left_of_a_life_that_is_unwatched() {
    let mut world = World::new("PathExists=DIR/a\n");
    assert!(world.watch().is_none());
    world.hands.unwatch(life(), &mut world.reactor);
    fs::write(world.path("a"), "").unwrap();
    world.nothing();
    assert!(world.hands.paths.lives.is_empty());
}
