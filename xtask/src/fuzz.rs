//! `cargo xtask fuzz`: everything that reads, fed by libFuzzer.
//!
//! ```text
//!   fuzz/seeds, units/stock, … ─┐
//!   fuzz/regressions ───────────┼─▶ target/fuzz/…/release/TARGET ─▶ target/fuzz/corpus/TARGET, for the next time
//!   words of the sources ───────┘              └─ what fails ─▶ fuzz/regressions/TARGET, to be mended and committed
//! ```
//!
//! The stable toolchain will do: LLVM's coverage pass is asked for by `-C passes`, as cargo-fuzz does, and no sanitiser is linked,
//! for there is no `unsafe` in anything that is fuzzed. libFuzzer comes as source with libfuzzer-sys and wants a C++ compiler.

mod corpus;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::test::Tally;
use crate::{apt, place, run, table};

/// A target and what it is fed.
struct Target {
    name: &'static str,
    /// The longest input, in bytes.
    longest: u32,
    /// Sources whose literals are words of its language: files or folders.
    words: &'static [&'static str],
}

const TARGETS: &[Target] = &[
    Target { name: "toml_unit", longest: 2048, words: &["units/src/file", "units/src/systemd/directives", "units/src/unit"] },
    Target { name: "systemd_unit", longest: 2048, words: &["units/src/systemd", "units/src/unit", "units/src/value"] },
    Target { name: "graph", longest: 128, words: &[] },
    Target { name: "environment", longest: 512, words: &[] },
    Target { name: "calendar", longest: 128, words: &["units/src/value/calendar"] },
    Target { name: "value", longest: 64, words: &["units/src/value"] },
    Target { name: "unit_name", longest: 300, words: &["units/src/name.rs"] },
    Target { name: "command", longest: 256, words: &["units/src/systemd/exec.rs"] },
    Target { name: "notify", longest: 512, words: &["units/src/notify.rs"] },
    Target { name: "request", longest: 512, words: &["units/src/control"] },
    Target { name: "reply", longest: 1024, words: &["units/src/control", "units/src/accounting.rs"] },
    Target { name: "accounting", longest: 512, words: &["units/src/accounting.rs", "units/src/accounting"] },
    Target { name: "accounts", longest: 256, words: &["init/src/accounts.rs"] },
    Target { name: "sysv", longest: 1024, words: &["units/src/sysv.rs"] },
    Target { name: "specifiers", longest: 256, words: &[] },
    Target { name: "install", longest: 64, words: &[] },
    Target { name: "log_file", longest: 512, words: &["init/src/log/record.rs"] },
    Target { name: "log_stream", longest: 256, words: &[] },
    Target { name: "native_entries", longest: 512, words: &["init/src/log/record.rs"] },
    Target { name: "syslog_message", longest: 256, words: &["init/src/log/words.rs"] },
    Target { name: "pattern", longest: 64, words: &["init/src/journalctl/pattern.rs"] },
    Target { name: "sysusers", longest: 256, words: &["units/src/sysusers.rs"] },
    Target { name: "networkd", longest: 512, words: &["units/src/networkd.rs", "units/src/networkd"] },
    Target { name: "tmpfiles", longest: 256, words: &["units/src/tmpfiles"] },
    Target { name: "bus_message", longest: 512, words: &[] },
    Target { name: "bus_greeting", longest: 256, words: &["init/src/bus/greeting.rs"] },
    Target { name: "bus_value", longest: 256, words: &["init/src/bus/types/reading.rs"] },
    Target { name: "ledger", longest: 512, words: &[] },
    Target { name: "state", longest: 128, words: &[] },
];

/// One input may take so long, seconds: a thousand times what it should.
const SLOW: u32 = 5;
/// And so much memory, MiB.
const FAT: u32 = 512;
/// How long each target is run when nothing is said.
const SHORT: u32 = 10;
/// How many inputs the ring tries of each target.
const TRIED: u32 = 10_000;

/// How far a run goes.
#[derive(Clone, Copy)]
enum Depth {
    /// Wherever chance and what earlier runs found lead to in so many seconds.
    Chance(u32),
    /// The same inputs at every run of the same tree: what is found here is found by whoever made the change, not by who comes next.
    Ring,
}

/// How it went for one target.
struct Outcome {
    name: &'static str,
    regressions: usize,
    runs: u64,
    edges: u64,
    all_edges: u64,
    took: Duration,
    failed: Option<String>,
}

/// `cargo xtask fuzz [--seconds N] [--jobs N] [TARGET…]`
pub(crate) fn perform(args: &[String]) -> Result<ExitCode> {
    let mut seconds = SHORT;
    let mut jobs = None;
    let mut wanted: Vec<&Target> = Vec::new();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|n| n.parse().ok()).with_context(|| format!("{word} takes a number"));
        match word.as_str() {
            "--seconds" => seconds = number()?,
            "--jobs" => jobs = Some(number()?),
            name => wanted.push(TARGETS.iter().find(|target| target.name == name).with_context(|| {
                let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
                format!("no target called {name}; there are {}", known.join(", "))
            })?),
        }
    }
    if wanted.is_empty() {
        wanted = TARGETS.iter().collect();
    }
    let outcomes = fuzz(&wanted, Depth::Chance(seconds), jobs)?;
    let failed = outcomes.iter().any(|outcome| outcome.failed.is_some());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The ring: all targets, shortly.
pub(crate) fn ring() -> Result<Tally> {
    let mut tally = Tally::default();
    tally.check("cargo fmt of fuzz/", run::run(&mut cargo(&["fmt", "--check"])));
    let words = ["clippy", "--quiet", "--all-targets", "--target-dir"];
    tally.check("cargo clippy of fuzz/", run::run(cargo(&words).arg(folder("lints")?).args(["--", "-D", "warnings"])));
    for outcome in fuzz(&TARGETS.iter().collect::<Vec<_>>(), Depth::Ring, None)? {
        let name = outcome.name;
        tally.check(name, outcome.failed.map_or(Ok(()), |said| bail!("{said}")));
        tally.ran += u32::try_from(outcome.regressions).unwrap_or(u32::MAX);
    }
    Ok(tally)
}

fn fuzz(wanted: &[&Target], depth: Depth, jobs: Option<u32>) -> Result<Vec<Outcome>> {
    let programs = build()?;
    let workers = jobs.and_then(|jobs| usize::try_from(jobs).ok()).or_else(|| std::thread::available_parallelism().ok().map(Into::into));
    let queue = Mutex::new(wanted.iter());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers.unwrap_or(1) {
            scope.spawn(|| {
                while let Some(target) = queue.lock().ok().and_then(|mut queue| queue.next()) {
                    let outcome = target.run(&programs, depth);
                    if let Ok(mut done) = done.lock() {
                        done.push(outcome);
                    }
                }
            });
        }
    });
    let outcomes = done.into_inner().unwrap_or_default().into_iter().collect::<Result<Vec<_>>>()?;
    let mut rows = vec![["target", "regressions", "executions", "edges", "of", "seconds", ""].map(str::to_owned).to_vec()];
    for outcome in &outcomes {
        let result = if outcome.failed.is_some() { "FAILED" } else { "well" };
        let numbers = [outcome.regressions as u64, outcome.runs, outcome.edges, outcome.all_edges, outcome.took.as_secs()];
        let row = [outcome.name.to_owned()].into_iter().chain(numbers.map(|n| n.to_string())).chain([result.to_owned()]);
        rows.push(row.collect());
    }
    print!("\n{}", table::render(&rows));
    for outcome in &outcomes {
        if let Some(said) = &outcome.failed {
            println!("\n{}: {said}", outcome.name);
        }
    }
    Ok(outcomes)
}

/// Cargo in the workspace of the targets.
fn cargo(words: &[&str]) -> Command {
    let mut command = run::cargo(words);
    command.current_dir(place::repository().join("fuzz"));
    command
}

fn folder(name: &str) -> Result<PathBuf> {
    place::below_target(&format!("fuzz/{name}"))
}

/// Builds all targets with coverage; the directory of the programs.
fn build() -> Result<PathBuf> {
    // A linker of Rust's is a C compiler; that of libFuzzer is its C++ brother.
    apt::need(&[apt::FOR_FUZZ])?;
    let flags = [
        "--cfg=fuzzing",
        "-Cpasses=sancov-module",
        "-Cllvm-args=-sanitizer-coverage-level=4",
        "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
        "-Cllvm-args=-sanitizer-coverage-pc-table",
        "-Cllvm-args=-sanitizer-coverage-trace-compares",
        "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
        "-Ccodegen-units=1",
    ];
    // With a target named, build scripts and macros are spared the flags.
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let top = folder("")?;
    let mut build = cargo(&["build", "--quiet", "--release", "--bins", "--target", &target, "--target-dir"]);
    build.arg(&top).env("RUSTFLAGS", flags.join(" ")).env_remove("CARGO_ENCODED_RUSTFLAGS");
    run::run(&mut build)?;
    Ok(top.join(target).join("release"))
}

impl Target {
    /// What once failed, then whatever libFuzzer thinks of.
    fn run(&self, programs: &std::path::Path, depth: Depth) -> Result<Outcome> {
        let begun = Instant::now();
        let regressions = place::repository().join("fuzz/regressions").join(self.name);
        let known = corpus::files(&regressions)?;
        let mut outcome =
            Outcome { name: self.name, regressions: known.len(), runs: 0, edges: 0, all_edges: 0, took: Duration::ZERO, failed: None };
        let mut command = self.command(programs)?;
        if !known.is_empty() {
            let (well, said) = heard(command.args(&known))?;
            outcome.failed = (!well).then_some(said);
        }
        if outcome.failed.is_none() {
            // What fails must outlive `cargo clean`.
            fs::create_dir_all(&regressions)?;
            let mut command = self.command(programs)?;
            command.arg(format!("-artifact_prefix={}/", regressions.display()));
            match depth {
                Depth::Chance(seconds) => {
                    command.arg(folder(&format!("corpus/{}", self.name))?).arg(self.seeds()?).arg(&regressions);
                    command.arg(format!("-max_total_time={seconds}"));
                }
                Depth::Ring => {
                    // Named one by one: the order of a folder is the file system's.
                    let inputs = [corpus::files(&self.seeds()?)?, known.clone()].concat();
                    if !inputs.is_empty() {
                        let list = folder("ring")?.join(self.name);
                        fs::write(&list, inputs.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>().join(","))?;
                        command.arg(format!("-seed_inputs=@{}", list.display()));
                    }
                    command.args(["-seed=1", "-shuffle=0", "-reload=0"]).arg(format!("-runs={TRIED}"));
                }
            }
            let (well, said) = heard(&mut command)?;
            outcome.runs = number_behind(&said, "stat::number_of_executed_units:");
            outcome.edges = number_behind(&said, " cov:");
            outcome.all_edges = number_behind(&said, "PC tables (");
            outcome.failed = (!well).then_some(said);
            // Only if it is empty: git keeps no empty folder, neither do we.
            let _ = fs::remove_dir(&regressions);
        }
        outcome.took = begun.elapsed();
        Ok(outcome)
    }

    fn command(&self, programs: &std::path::Path) -> Result<Command> {
        let mut command = run::command([programs.join(self.name)]);
        command.arg(format!("-timeout={SLOW}")).arg(format!("-rss_limit_mb={FAT}")).arg(format!("-max_len={}", self.longest));
        command.arg("-print_final_stats=1").env("RUST_BACKTRACE", "0");
        let words = corpus::dictionary(self.words)?;
        if !words.is_empty() {
            let path = folder("words")?.join(self.name);
            fs::write(&path, words)?;
            command.arg(format!("-dict={}", path.display()));
        }
        Ok(command)
    }

    /// The inputs it begins with: those of the repository, and what can be made of other files in it.
    fn seeds(&self) -> Result<PathBuf> {
        let place = folder(&format!("seeds/{}", self.name))?;
        // What an earlier tree left there would be tried in its place.
        for old in corpus::files(&place)? {
            fs::remove_file(&old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for path in corpus::files(&place::repository().join("fuzz/seeds").join(self.name))? {
            texts.push(fs::read(path)?);
        }
        texts.extend(corpus::made_for(self.name)?);
        for (number, text) in texts.iter().enumerate() {
            fs::write(place.join(format!("{number:03}")), text)?;
        }
        Ok(place)
    }
}

/// Whether it ended well, and what it said.
fn heard(command: &mut Command) -> Result<(bool, String)> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {}", run::line(command)))?;
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    // Of the many lines while all went well only the last numbers count.
    let progress = |line: &&str| line.starts_with(['#', '\t']) || line.starts_with("WARNING") || line.starts_with("INFO");
    let numbers = said.lines().filter(|line| line.contains("PC tables (") || line.contains(" cov:"));
    let numbers = numbers.fold([""; 2], |[tables, cov], line| if line.contains(" cov:") { [tables, line] } else { [line, cov] });
    let rest: Vec<&str> = said.lines().filter(|line| !progress(line)).collect();
    Ok((output.status.success(), format!("{}\n{}", numbers.join("\n"), rest.join("\n"))))
}

/// The number behind the last of these words.
fn number_behind(text: &str, words: &str) -> u64 {
    let rest = text.rsplit_once(words).map_or("", |(_, rest)| rest.trim_start());
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| rest.get(..end).unwrap_or_default());
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{TARGETS, number_behind};

    #[test]
    fn numbers_are_found_in_what_libfuzzer_says() {
        let said =
            "INFO: Loaded 1 PC tables (1234 PCs)\n#2 INITED cov: 5 ft: 6\n#9 DONE   cov: 77 ft: 80\nstat::number_of_executed_units: 900\n";
        assert_eq!(number_behind(said, " cov:"), 77);
        assert_eq!(number_behind(said, "PC tables ("), 1234);
        assert_eq!(number_behind(said, "stat::number_of_executed_units:"), 900);
        assert_eq!(number_behind(said, "nothing"), 0);
    }

    #[test]
    fn each_target_is_a_program_and_each_program_a_target() {
        let folder = crate::place::repository().join("fuzz/fuzz_targets");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .map(|entries| entries.flatten().filter_map(|e| e.path().file_stem()?.to_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        files.sort();
        let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        names.sort_unstable();
        assert_eq!(files, names);
    }
}
