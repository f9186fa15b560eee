//! A million steps with units of every kind: one life at a time, order kept, conflicts apart, every request answered
//! once, an end within the budget, no panic, and what is said is so. The made-up machine sees to it by itself.
//!
//! ```text
//!   seed ─▶ files, a machine's nature, 400 numbers ─▶ each number something that happens ─▶ assert_state ─▶ the end
//! ```
//!
//! The same cases in every run; `PROPTEST_RNG_SEED` has others, `PROPTEST_CASES` more of them. A case that fails is
//! made smaller: fewer lines in its files, fewer things that happen.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "support/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::time::{Duration, Instant};
use supervisor::Event;
use units::control::Way;
use world::dice::Dice;
use world::made_up::{NAMES, units};
use world::{World, files, name};

/// Steps of the supervisor.
const STEPS: u64 = 1_000_000;
/// Things that happen in one case.
const LENGTH: usize = 400;
/// So long a smaller case is looked for.
const PATIENCE: Duration = Duration::from_secs(40);

#[derive(Clone)]
struct Case {
    text: Vec<String>,
    changed: Vec<String>,
    nature: u64,
    numbers: Vec<u64>,
    /// What happens after the end was asked for.
    last: Vec<u64>,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut lines = || units(dice.number()).lines().map(ToOwned::to_owned).collect();
        let (text, changed) = (lines(), lines());
        let mut numbers = |count: usize| (0..count).map(|_| dice.number()).collect();
        Self { text, changed, numbers: numbers(LENGTH), last: numbers(12), nature: dice.number() }
    }

    fn world(&self) -> World {
        let mut dice = Dice(self.nature);
        let mut world = World::new(&self.text.join("\n"));
        world.next = self.changed.join("\n");
        world.silent = true;
        world.ordered = true;
        for unit in NAMES.map(name) {
            let sets = [
                (&mut world.stubborn, 2),
                (&mut world.skipped, 4),
                (&mut world.broken, 10),
                (&mut world.undead, 10),
                (&mut world.patient, 2),
                (&mut world.deaf, 6),
            ];
            for (set, one_in) in sets {
                if dice.once_in(one_in) {
                    set.insert(unit.clone());
                }
            }
        }
        world.tardy = dice.once_in(2).then_some(dice);
        world
    }

    /// Has all of it happen in `world`.
    fn run(&self, world: &mut World) {
        world.run("boot");
        for number in &self.numbers {
            if world.left.is_some() {
                return;
            }
            world.happen(*number);
            world.assert_state();
        }
        let asked = world.now;
        world.push(Event::LeaveAsked { way: Way::Reboot, at_once: self.nature.is_multiple_of(4) });
        for number in &self.last {
            if world.left.is_none() && world.now.since(asked) < Duration::from_secs(20) {
                world.happen(*number);
            }
        }
        let budget = Duration::from_secs(25);
        world.wait(budget.saturating_sub(world.now.since(asked)));
        assert!(world.left.is_some(), "it has not ended within its budget");
        for (ticket, answers) in &world.answers {
            let least = u32::from(!world.hung_up.contains(ticket));
            assert!((least..=1).contains(answers), "request {ticket} was answered {answers} times");
        }
    }

    /// The steps it took, if all was well.
    fn tried(&self) -> Option<u64> {
        catch_unwind(AssertUnwindSafe(|| {
            let mut world = self.world();
            self.run(&mut world);
            world.facts.steps
        }))
        .ok()
    }

    /// A smaller one that fails as well.
    fn smaller(mut self) -> Self {
        let end = Instant::now() + PATIENCE;
        let mut before = usize::MAX;
        while self.size() < before {
            before = self.size();
            self.shorten(end, |case| &mut case.numbers);
            self.shorten(end, |case| &mut case.last);
            self.shorten(end, |case| &mut case.changed);
            self.shorten(end, |case| &mut case.text);
        }
        self
    }

    fn size(&self) -> usize {
        self.numbers.len() + self.last.len() + self.changed.len() + self.text.len()
    }

    fn shorten<T>(&mut self, end: Instant, part: impl Fn(&mut Self) -> &mut Vec<T>) {
        let mut piece = part(self).len();
        while piece > 0 {
            let mut at = 0;
            while at < part(self).len() && Instant::now() < end {
                let mut other = self.clone();
                let list = part(&mut other);
                list.drain(at..(at + piece).min(list.len()));
                if other.tried().is_none() {
                    *self = other;
                } else {
                    at += piece;
                }
            }
            piece /= 2;
        }
    }
}

fn given(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn a_million_steps() {
    let seed = given("PROPTEST_RNG_SEED").unwrap_or_default();
    let cases = given("PROPTEST_CASES");
    let (mut steps, mut case) = (0, 0);
    let loud = take_hook();
    set_hook(Box::new(|_| {}));
    while cases.map_or(steps < STEPS, |cases| case < cases) {
        let tried = Case::new(seed.wrapping_mul(0x0001_0000_0001).wrapping_add(case));
        match tried.tried() {
            Some(taken) => steps += taken,
            None => {
                let small = tried.smaller();
                set_hook(loud);
                println!("{}\n== changed ==\n{}\n== case {case} of seed {seed} ==", small.text.join("\n"), small.changed.join("\n"));
                let mut world = small.world();
                world.silent = false;
                world.loud = true;
                small.run(&mut world);
                panic!("it failed once and not again");
            }
        }
        case += 1;
    }
    set_hook(loud);
    println!("{steps} steps in {case} cases");
    assert!(cases.is_some() || steps >= STEPS);
}

#[test]
fn most_of_them_can_be_read() {
    let (mut good, mut all) = (0, 0);
    for seed in 0..200 {
        let (set, _) = ::units::read(files(&units(seed)));
        all += set.iter().count();
        good += set.iter().filter(|(_, entry)| matches!(entry, ::units::Entry::Unit(_))).count();
    }
    assert!(good * 10 > all * 9, "{good} of {all}");
}
