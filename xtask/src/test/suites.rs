//! Rings made of libtest programs: run here as they are, here as root, and in the virtual machine.
#![allow(clippy::indexing_slicing, reason = "a JSON value answers null for what it has not")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Options, Tally};
use crate::build::{self, Profile};
use crate::vm::{self, Machine};
use crate::{place, run, template};

/// The program of the root tests and the parts of it that are also run on pure cgroup v2.
const GUEST_TESTS: &str = "guest";
const ON_PURE_V2: [&str; 3] = ["debian::", "inside::", "limits::"];
/// Packages whose own root tests are worth a run on the old kernel too.
const ALSO_IN_VM: [&str; 3] = ["kernel", "init", "launcher"];
/// Of init's own tests: twenty thousand forks take minutes on an emulated processor, systemd is not in a minimal
/// Debian, and where their rig keeps a process beside init, cgroup2 gives services no controllers. The modules of whole
/// guests above cover these.
const NOT_IN_VM: &str = "--skip ten_thousand --skip one_that_notifies --skip the_packaged_system --skip over_its_limit";
/// Nor of whole guests: a storm of falling units and logins wants a processor of its own speed.
const NO_GUEST_IN_VM: &str = "--skip a_storm_of_falls";
/// Load tests, whose measure is a machine of its own speed.
const NOT_THERE: [&str; 2] = ["recover", "rough"];
const VM_SECONDS: u32 = 2400;
/// A service of each kind: one that forks, one that notifies, one that only runs.
const PACKAGES: [&str; 3] = ["nginx", "redis-server", "memcached"];

/// Unit and property tests, with the doctests.
pub(super) fn unit(_options: &Options) -> Result<Tally> {
    watch(&mut run::cargo(&["test", "--quiet", "--workspace", "--no-fail-fast"]))
}

/// The root tests on this machine.
pub(super) fn root(options: &Options) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut inner = run::cargo(&["test", "--workspace", "--exclude", "tests", "--no-fail-fast", "--lib", "--bins"]);
    inner.args(["--tests", "--quiet", "--", "--ignored", "--test-threads=1"]).args(&options.filter);
    // A limit against what hangs; a busy machine must not meet it.
    tally.add(watch(inner.env("GUEST_TIMEOUT", "300"))?);

    let suite = Suite::build(options)?;
    let mut guests = run::command([&suite.program]);
    guests.args(["--ignored", "--test-threads=1"]).args(&options.filter);
    guests.env("FIEF_TEST_PROGRAMS", &suite.programs).env("FIEF_TEST_STORE", store(&suite)?);
    let foreign = template::foreign_tar()?;
    guests.env("FIEF_TEST_FOREIGN", &foreign);
    guests.env("FIEF_TEST_FOREIGN_STORE", import_as(&suite.programs.join("fief"), &foreign, template::FOREIGN)?);
    tally.add(watch(&mut guests)?);
    // Some server packages of Debian from install to purge; all of them are `cargo xtask packages`.
    for task in [&[&["packages", "--check"], PACKAGES.as_slice()].concat(), &vec!["tenant"]] {
        if options.filter.as_ref().is_none_or(|text| task.iter().any(|word| word.contains(text.as_str()))) {
            tally.add(task_of_ours(task, options)?);
        }
    }
    Ok(tally)
}

/// A task of this program as one test: it goes into a network namespace, for which it begins anew.
fn task_of_ours(words: &[&str], options: &Options) -> Result<Tally> {
    let mut task = run::command([std::env::current_exe().context("cannot find this program")?]);
    task.args(words);
    if options.profile == Profile::Release {
        task.arg("--release");
    }
    let status = task.status().with_context(|| format!("cannot run {}", words.join(" ")))?;
    Ok(Tally { ran: 1, failed: u32::from(!status.success()) })
}

/// The lines of the root tests that speak of limits and of a whole guest, on pure cgroup v2.
pub(super) fn vm(options: &Options) -> Result<Tally> {
    let suite = Suite::build(options)?;
    let payload = place::below_target("vm/payload")?;
    fs::remove_dir_all(&payload)?;
    fs::create_dir_all(&payload)?;
    for program in ["fief", "fief-init", "probe", "victim"] {
        fs::copy(suite.programs.join(program), payload.join(program))?;
    }
    fs::copy(&suite.program, payload.join(GUEST_TESTS))?;
    let store = store(&suite)?;
    run::quietly(run::command(["cp", "-a", "--reflink=auto"]).arg(&store).arg(payload.join("store")))?;

    let mut lines = Vec::new();
    for package in ALSO_IN_VM {
        let words = ["test", "--no-run", "--message-format=json", "--package", package];
        for (name, program) in executables(&mut build::cargo_static(&words, &build::target()))? {
            if NOT_THERE.contains(&name.as_str()) {
                continue;
            }
            fs::copy(program, payload.join(format!("test-{name}")))?;
            let filter = options.filter.as_deref().unwrap_or_default();
            lines.push(format!("GUEST_TIMEOUT=200 ./test-{name} --ignored --test-threads=1 {filter} {NOT_IN_VM}"));
        }
    }
    mirror(&payload, &[place::repository().join("init/tests"), suite.debug_init()])?;
    let filter = options.filter.clone().unwrap_or_else(|| ON_PURE_V2.join(" "));
    lines.push(format!(
        "FIEF_TEST_PROGRAMS=/payload FIEF_TEST_STORE=/payload/store ./{GUEST_TESTS} --ignored --test-threads=1 {filter} {NO_GUEST_IN_VM}"
    ));
    // Tests that know their program by its path on this machine find it there.
    let command = format!("cp -a mirror/. /\n{}", lines.join("\n"));
    let machine = Machine { kernel: vm::OLDEST.to_owned(), root: template::tree()?, payload, command, timeout: VM_SECONDS };
    let mut counter = Counter::default();
    // Its status is the last program's; the counts say it all.
    machine.run(|line| counter.hear(line))?;
    Ok(counter.finish(lines.len()))
}

/// Copies files of this machine to where `cp` in the machine can bring them to the same paths.
fn mirror(payload: &Path, paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        let place = payload.join("mirror").join(path.strip_prefix("/")?);
        fs::create_dir_all(place.parent().context("a path without a parent")?)?;
        run::quietly(run::command(["cp", "-a"]).arg(path).arg(&place))?;
    }
    Ok(())
}

/// The root tests and the programs under test, all static.
struct Suite {
    program: PathBuf,
    programs: PathBuf,
}

impl Suite {
    fn build(options: &Options) -> Result<Self> {
        let built = build::programs_and_probe(options.profile)?;
        let words = ["test", "--no-run", "--message-format=json", "--package", "tests", "--test", GUEST_TESTS];
        let mut cargo = build::cargo_static(&words, &built.target);
        if options.profile == Profile::Release {
            cargo.arg("--release");
        }
        let found = executables(&mut cargo)?;
        let program = found.into_iter().find(|(name, _)| name == GUEST_TESTS).context("the root tests were not built")?.1;
        Ok(Self { program, programs: built.dir })
    }

    /// The init that init's own tests were built with: tests of packages are not optimised.
    fn debug_init(&self) -> PathBuf {
        self.programs.with_file_name("debug").join("fief-init")
    }
}

/// A directory of templates with the Debian tree imported once, for every test to share.
fn store(suite: &Suite) -> Result<PathBuf> {
    import(&suite.programs.join("fief"))
}

/// Imports the Debian tree by this `fief` if it was not yet; where the templates then lie.
pub(crate) fn import(fief: &Path) -> Result<PathBuf> {
    import_as(fief, &template::tar()?, template::NAME)
}

fn import_as(fief: &Path, tar: &Path, name: &str) -> Result<PathBuf> {
    let top = tar.with_extension("store");
    let templates = top.join("var/lib/fief/templates");
    // Another fief may import otherwise.
    let made = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    if made(&templates.join(name)) < made(fief) {
        if top.is_dir() {
            fs::remove_dir_all(&top)?;
        }
        let mut import = run::command([fief]);
        import.args(["template", "import", name]).arg(tar).env("FIEF_ROOT", &top);
        run::quietly(&mut import)?;
        anyhow::ensure!(templates.join(name).is_dir(), "the import left nothing in {}", templates.display());
    }
    Ok(templates)
}

/// The test programs a `cargo test --no-run --message-format=json` made, by target name.
fn executables(cargo: &mut Command) -> Result<Vec<(String, PathBuf)>> {
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    anyhow::ensure!(output.status.success(), "{} failed", run::line(cargo));
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["profile"]["test"].as_bool() == Some(true))
        .filter_map(|message| {
            let program = message["executable"].as_str()?;
            Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(program)))
        })
        .collect())
}

/// Runs libtest programs, shows what they say, and counts.
fn watch(command: &mut Command) -> Result<Tally> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run the tests")?;
    let mut counter = Counter::default();
    for line in BufReader::new(child.stdout.take().context("no output")?).lines() {
        counter.hear(&line.unwrap_or_default());
    }
    let status = child.wait()?;
    let mut tally = counter.finish(0);
    // A program that died before its summary, or did not build.
    if !status.success() && tally.failed == 0 {
        tally.add(Tally { ran: 1, failed: 1 });
    }
    Ok(tally)
}

/// Adds up libtest's summaries: "test result: ok. 3 passed; 0 failed; 1 ignored; …".
#[derive(Default)]
struct Counter {
    tally: Tally,
    summaries: usize,
}

impl Counter {
    fn hear(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            if !line.trim().is_empty() && !line.starts_with("running 0 tests") {
                println!("{line}");
            }
            return;
        };
        self.summaries += 1;
        let number = |what: &str| {
            let words: Vec<&str> = result.split([' ', ';']).filter(|word| !word.is_empty()).collect();
            words.windows(2).find_map(|pair| match pair {
                [number, word] if *word == what => number.parse::<u32>().ok(),
                _ => None,
            })
        };
        let (passed, failed) = (number("passed").unwrap_or(0), number("failed").unwrap_or(1));
        self.tally.add(Tally { ran: passed + failed, failed });
    }

    /// The counts; a program of which no summary came counts as failed.
    fn finish(self, programs: usize) -> Tally {
        let mut tally = self.tally;
        for _ in self.summaries..programs {
            tally.add(Tally { ran: 1, failed: 1 });
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::Counter;

    #[test]
    fn summaries_are_added_up() {
        let mut counter = Counter::default();
        counter.hear("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        counter.hear("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        let tally = counter.finish(3);
        assert_eq!((tally.ran, tally.failed), (7, 3), "the third program said nothing: it failed");
    }
}
