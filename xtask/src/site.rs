//! A place to run guests in for `try` and `bench`: a root directory below `target/`, names of its own, and a network
//! namespace of its own, so that the host's network is never touched.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::build::{self, Profile};
use crate::{place, run};

/// Tells the second run of ourselves, inside the namespace, where the programs are.
const INSIDE: &str = "FIEF_XTASK_PROGRAMS";

/// The place; when dropped, its guests are destroyed and nothing of it is left.
pub(crate) struct Site {
    root: PathBuf,
    name: String,
    programs: PathBuf,
    bound: Option<PathBuf>,
}

impl Site {
    /// Builds the programs, goes into a new network namespace (by running this task again there), makes the place.
    pub(crate) fn enter(task: &str) -> Result<Self> {
        Self::enter_with(task, Profile::Release)
    }

    /// As [`Site::enter`], with programs built so.
    pub(crate) fn enter_with(task: &str, profile: Profile) -> Result<Self> {
        run::need_root(task)?;
        let Some(programs) = std::env::var_os(INSIDE).map(PathBuf::from) else {
            let built = build::programs(profile)?;
            let mut again = run::command(["unshare", "--net", "--"]);
            again.arg(std::env::current_exe().context("cannot find this program")?).args(std::env::args_os().skip(1));
            return Err(again.env(INSIDE, built.dir).exec()).context("cannot run unshare");
        };
        // An interrupt ends the guest's boot or the shell in it; this program lives on and cleans up.
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
        }
        let name = format!("fief-test-{:04x}", std::process::id() & 0xffff);
        let root = place::below_target("sites")?.join(&name);
        let site = Self { root, name, programs, bound: None };
        let config = site.root.join("etc/fief");
        fs::create_dir_all(&config)?;
        let text = format!(
            "cgroup = \"{0}\"\nbridge = \"{0}\"\nnft-table = \"{0}\"\ninit = \"{1}\"\n",
            site.name,
            site.programs.join("fief-init").display()
        );
        fs::write(config.join("fief.toml"), text)?;
        Ok(site)
    }

    /// Whether this is the run inside the namespace.
    pub(crate) fn is_inside() -> bool {
        std::env::var_os(INSIDE).is_some()
    }

    /// `fief` with these words.
    pub(crate) fn fief(&self, words: &[&str]) -> Command {
        let mut command = run::command([self.programs.join("fief")]);
        command.args(words).env("FIEF_ROOT", &self.root);
        command
    }

    /// Where an absolute path lies for this site.
    pub(crate) fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    /// Where the programs are.
    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }

    /// Uses the templates of this directory.
    pub(crate) fn use_templates(&mut self, store: &Path) -> Result<()> {
        let here = self.path("/var/lib/fief/templates");
        fs::create_dir_all(&here)?;
        run::quietly(run::command(["mount", "--bind"]).arg(store).arg(&here))?;
        self.bound = Some(here);
        Ok(())
    }

    /// The keeper's record of a running guest.
    pub(crate) fn record(&self, name: &str) -> Result<Value> {
        let path = self.path(&format!("/run/fief/containers/{name}/record.json"));
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).context("the record is no JSON")
    }

    /// The first address of a guest, by its config.
    pub(crate) fn address(&self, name: &str) -> Result<Ipv4Addr> {
        let config = fs::read_to_string(self.path(&format!("/var/lib/fief/containers/{name}/container.toml")))?;
        let mut words = config.split('"').filter_map(|word| word.split_once('/')?.0.parse().ok());
        words.next().with_context(|| format!("{name} has no IPv4 address"))
    }

    fn names(&self) -> Vec<String> {
        let folder = fs::read_dir(self.path("/var/lib/fief/containers"));
        folder.into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for name in self.names() {
            if let Err(error) = run::quietly(&mut self.fief(&["destroy", "--force", &name])) {
                eprintln!("{error:#}");
            }
        }
        if let Some(bound) = &self.bound {
            drop(run::quietly(run::command(["umount"]).arg(bound)));
        }
        // Cgroups that are empty go away; others would be a fault of fief, and stay to be seen.
        for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path()) {
            drop(fs::remove_dir(hierarchy.join(&self.name)));
        }
        drop(fs::remove_dir(Path::new("/sys/fs/cgroup").join(&self.name)));
        // Never across a mount: a guest's files that could not be unmounted are not ours to remove.
        let mut remove = run::command(["rm", "-rf", "--one-file-system"]);
        drop(remove.arg(&self.root).stdin(Stdio::null()).status());
    }
}
