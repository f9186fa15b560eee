//! A host of a test's own.

use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Outcome, cgroups, leaks, patience};

static COUNT: AtomicU16 = AtomicU16::new(0);

/// The Debian tree as a template, where the test ring has made one.
pub const DEBIAN: &str = "debian:test";

/// A tree that has systemd, imported.
pub const FOREIGN: &str = "debian:foreign";

/// A root directory, a network namespace and a cgroup for one test.
#[derive(Debug)]
pub struct Host {
    pub(crate) name: String,
    root: TempDir,
    /// What is mounted below the root by the test itself.
    mounted: Vec<PathBuf>,
}

impl Host {
    /// A new one, with the config that makes `fief` keep to it.
    ///
    /// # Panics
    /// Without root, or when something of it cannot be made.
    #[must_use]
    pub fn new() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "root tests need root");
        // Short enough for a bridge (15 bytes), and different in processes that run side by side.
        let number = u16::try_from(std::process::id() % 4096).unwrap() << 4 ^ COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fief-test-{number:04x}");
        let root = tempfile::Builder::new().prefix("fief-test-").tempdir().unwrap();
        let host = Self { name, root, mounted: Vec::new() };
        let settings = format!(
            "cgroup = \"{name}\"\nbridge = \"{name}\"\nnft-table = \"{name}\"\ninit = \"{init}\"\n",
            name = host.name,
            init = program("fief-init").display()
        );
        host.configure(&settings);
        run(&["ip", "netns", "add", &host.name]);
        host.network(&["ip", "link", "set", "lo", "up"]).ok();
        host
    }

    /// Writes the host's settings.
    pub fn configure(&self, text: &str) {
        let folder = self.path("/etc/fief");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("fief.toml"), text).unwrap();
    }

    /// The settings as they are.
    #[must_use]
    pub fn settings(&self) -> String {
        fs::read_to_string(self.path("/etc/fief/fief.toml")).unwrap()
    }

    /// What the cgroup, the bridge, the table and the namespace are called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where an absolute path of the host lies for this test.
    #[must_use]
    pub fn path(&self, absolute: &str) -> PathBuf {
        self.root.path().join(absolute.trim_start_matches('/'))
    }

    /// Makes the Debian template available: the one imported for all tests, bound into this host's store.
    ///
    /// # Panics
    /// When the test ring did not say where it is.
    pub fn share_debian(&mut self) {
        self.share("FIEF_TEST_STORE", DEBIAN);
    }

    /// As [`Self::share_debian`], of the tree that systemd is in.
    pub fn share_foreign(&mut self) {
        self.share("FIEF_TEST_FOREIGN_STORE", FOREIGN);
    }

    fn share(&mut self, store: &str, template: &str) {
        let here = self.path("/var/lib/fief/templates").join(template);
        fs::create_dir_all(&here).unwrap();
        let from = Path::new(&said_by_the_ring(store)).join(template);
        mount(Some(&from), &here, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
        self.mounted.push(here);
    }

    /// Unpacks the tree with systemd in it, as somebody else would bring it, where it costs no disk; where that is.
    ///
    /// # Panics
    /// When the test ring did not say where the tar is.
    pub fn foreign_tree(&mut self) -> PathBuf {
        let (tar, tree) = (said_by_the_ring("FIEF_TEST_FOREIGN"), self.path("/foreign"));
        fs::create_dir_all(&tree).unwrap();
        mount(Some("tree"), &tree, Some("tmpfs"), MsFlags::empty(), Some("mode=755")).unwrap();
        self.mounted.push(tree.clone());
        run(&["tar", "--numeric-owner", "--exclude=./dev/*", "-xpf", &tar, "-C", tree.to_str().unwrap()]);
        tree
    }

    /// A command inside this host's network, not yet run.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.name)).arg("--").args(words);
        command.env("FIEF_ROOT", self.root.path()).stdin(Stdio::null());
        command
    }

    /// `fief` with these words, not yet run.
    #[must_use]
    pub fn fief_command(&self, words: &[&str]) -> Command {
        let program = program("fief");
        // Whoever runs the tests may ignore what a shell has its jobs in the background ignore.
        let mut all = vec!["env", "--default-signal", program.to_str().unwrap()];
        all.extend(words);
        self.command(&all)
    }

    /// Runs `fief`.
    #[must_use]
    pub fn fief(&self, words: &[&str]) -> Outcome {
        finish(self.fief_command(words), b"")
    }

    /// Runs `fief` with something on its standard input.
    #[must_use]
    pub fn fief_fed(&self, words: &[&str], input: &[u8]) -> Outcome {
        finish(self.fief_command(words), input)
    }

    /// Runs any other program in this host's network.
    #[must_use]
    pub fn network(&self, words: &[&str]) -> Outcome {
        finish(self.command(words), b"")
    }

    /// Creates and starts a container over the built-in template.
    pub fn boot(&self, name: &str, settings: &[&str]) {
        let mut words = vec!["create", name];
        words.extend(settings);
        self.fief(&words).ok();
        self.fief(&["start", name]).ok();
    }

    /// Runs a shell script inside.
    #[must_use]
    pub fn sh(&self, name: &str, script: &str) -> Outcome {
        self.fief(&["exec", name, "--", "sh", "-c", script])
    }

    /// Puts the probe into a guest; it is then `/root/probe`.
    pub fn put_probe(&self, name: &str) {
        let code = fs::read(program("probe")).unwrap();
        self.fief_fed(&["exec", name, "--", "sh", "-c", "cat > /root/probe && chmod 755 /root/probe"], &code).ok();
    }

    /// One entry of `fief list --json`.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<Value> {
        let list = self.fief(&["list", "--json"]).json();
        list.as_array().expect("a list").iter().find(|entry| entry["name"] == name).cloned()
    }

    /// Its state there; "absent" if it is not there.
    #[must_use]
    pub fn state(&self, name: &str) -> String {
        self.entry(name).map_or_else(|| "absent".into(), |entry| entry["state"].as_str().unwrap_or("?").to_owned())
    }

    /// The keeper's record of a container; null when it does not run.
    #[must_use]
    pub fn record(&self, name: &str) -> Value {
        let path = self.path(&format!("/run/fief/containers/{name}/record.json"));
        fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or(Value::Null)
    }

    /// The pid of a container's `keeper` or `init`, by the record.
    #[must_use]
    pub fn pid(&self, name: &str, whose: &str) -> Option<i32> {
        self.record(name)[whose]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok())
    }

    /// The IPv4 address in a container's config.
    #[must_use]
    pub fn address(&self, name: &str) -> Ipv4Addr {
        let config = fs::read_to_string(self.path(&format!("/var/lib/fief/containers/{name}/container.toml"))).unwrap();
        let quoted = config.split('"').filter_map(|word| word.split_once('/').map(|(address, _)| address));
        quoted.filter_map(|word| word.parse().ok()).next().expect("an IPv4 address in the config")
    }

    /// Which boot a container is in, counted from its start.
    #[must_use]
    pub fn boot_count(&self, name: &str) -> u64 {
        self.record(name)["boot"].as_u64().unwrap_or(0)
    }

    /// What the console and the keeper have said.
    #[must_use]
    pub fn log(&self, name: &str) -> String {
        let log = fs::read(self.path(&format!("/var/log/fief/{name}.log"))).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// A file of one of a container's cgroups, on whichever hierarchy has it.
    #[must_use]
    pub fn cgroup_file(&self, within: &str, file: &str) -> Option<String> {
        let paths = cgroups::roots().into_iter().map(|root| root.join(&self.name).join(within).join(file));
        paths.into_iter().find_map(|path| fs::read_to_string(path).ok())
    }

    /// The same on cgroup2 only.
    #[must_use]
    pub fn unified_file(&self, within: &str, file: &str) -> Option<String> {
        fs::read_to_string(cgroups::unified().join(&self.name).join(within).join(file)).ok()
    }

    /// The processes in a container's cgroups, by cgroup2.
    #[must_use]
    pub fn processes(&self, within: &str) -> Vec<i32> {
        cgroups::processes(&cgroups::unified().join(&self.name).join(within))
    }

    /// Asserts that no container runs and none left anything behind.
    ///
    /// # Panics
    /// When something is left; it says what.
    pub fn assert_clean(&self) {
        let found = leaks::lasting(self);
        assert!(found.is_empty(), "left behind:\n  {}", found.join("\n  "));
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn mounted(&self) -> &[PathBuf] {
        &self.mounted
    }

    fn destroy_all(&self) {
        let list = self.fief(&["list", "--json"]);
        let names: Vec<String> = serde_json::from_str::<Value>(&list.stdout)
            .ok()
            .and_then(|list| Some(list.as_array()?.iter().filter_map(|entry| Some(entry["name"].as_str()?.to_owned())).collect()))
            .unwrap_or_default();
        for name in names {
            let outcome = self.fief(&["destroy", "--force", &name]);
            if outcome.code != 0 {
                eprintln!("{outcome}");
            }
        }
    }
}

fn said_by_the_ring(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run by cargo xtask test --ring root"))
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let failing = std::thread::panicking();
        if failing {
            for name in fs::read_dir(self.path("/var/log/fief")).into_iter().flatten().flatten() {
                let text = fs::read(name.path()).unwrap_or_default();
                eprintln!("-- {}\n{}", name.path().display(), String::from_utf8_lossy(&text));
            }
        }
        self.destroy_all();
        let found = leaks::lasting(self);
        leaks::sweep(self);
        for place in &self.mounted {
            let _ = umount2(place, MntFlags::MNT_DETACH);
        }
        drop(Command::new("ip").args(["netns", "delete", &self.name]).status());
        if !found.is_empty() {
            eprintln!("left behind:\n  {}", found.join("\n  "));
            assert!(failing, "{} left something behind: {}", self.name, found.join("; "));
        }
    }
}

/// Where a program under test is: beside this one, or where the ring says.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let folder = std::env::var_os("FIEF_TEST_PROGRAMS")
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_path_buf(), PathBuf::from);
    let path = folder.join(name);
    assert!(path.is_file(), "no {}", path.display());
    path
}

/// Runs a command to its end, but not for ever.
///
/// # Panics
/// When it did not end in [`patience`].
#[must_use]
pub fn finish(command: Command, input: &[u8]) -> Outcome {
    let line = words(&command).join(" ");
    let mut limited = Command::new("timeout");
    limited.args(["--kill-after=5", &patience().as_secs().to_string()]).args(command.get_args().fold(
        vec![command.get_program()],
        |mut all, word| {
            all.push(word);
            all
        },
    ));
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            limited.env(key, value);
        }
    }
    let mut child: Child = limited
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // A command that does not read its input closes the pipe; that is its right.
        scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
        child.wait_with_output().unwrap()
    });
    let outcome = Outcome::new(line, &output);
    assert!(outcome.code != 124, "took longer than {:?}: {outcome}", patience());
    outcome
}

fn words(command: &Command) -> Vec<String> {
    std::iter::once(command.get_program()).chain(command.get_args()).map(|word| word.to_string_lossy().into_owned()).collect()
}

fn run(words: &[&str]) {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    finish(command, b"").ok();
}
