//! What the guests install, fetched beforehand: the lists and archives of apt(8), for the tree that the guests lie over.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use units::programs::PROGRAMS;

use crate::{apt, place, run, template};

/// The tree that guests with a larder lie over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    /// Our package stands for systemd in it.
    Ours,
    /// The same of the release after.
    Trixie,
    /// systemd is in it, and what its names lead to is its own.
    Systemds,
}

impl Tree {
    pub(crate) const fn template(self) -> &'static str {
        match self {
            Self::Ours => "debian:packages",
            Self::Trixie => "debian:packages-trixie",
            Self::Systemds => "debian:packages-systemd",
        }
    }
}

/// What probes ask with, in every guest.
const TOOLS: &str = "curl,perl-base";
/// Lists older than this are read anew.
const FRESH: Duration = Duration::from_secs(24 * 3600);

/// Words for `apt-get install`: what is fetched is what they would install, reinstall or bring up to date.
pub(crate) type Wish<'a> = Vec<&'a str>;

/// A store of one template, and a folder of packages for it.
pub(crate) struct Larder {
    top: PathBuf,
    pub(crate) tree: Tree,
}

impl Larder {
    pub(crate) fn open(tree: Tree) -> Result<Self> {
        // Our own package is part of the tree: another one makes another tree.
        let control = fs::read_to_string(place::repository().join("init/debian/control"))?;
        let name = format!("packages-{:08x}", template::fnv(&format!("{PROGRAMS:?}{control}{TOOLS}")));
        Ok(Self { top: place::below_target("cache")?.join(name), tree })
    }

    /// The directory of templates.
    pub(crate) fn templates(&self) -> PathBuf {
        self.top.join("var/lib/fief/templates")
    }

    fn rootfs(&self) -> PathBuf {
        self.templates().join(self.tree.template()).join("rootfs")
    }

    /// Builds the tree by this `fief`, whose package lies beside it, unless it is there.
    pub(crate) fn template(&self, fief: &Path, init: &Path) -> Result<()> {
        if self.rootfs().is_dir() {
            return Ok(());
        }
        apt::need(&[&[apt::MMDEBSTRAP]])?;
        let name = self.tree.template();
        println!("making {name} in {}", self.top.display());
        let mut make = run::command([fief]);
        make.env("FIEF_ROOT", &self.top);
        match self.tree {
            Tree::Ours => run::quietly(make.args(["template", "build", "debian:bookworm", "--name", name, "--include", TOOLS])),
            Tree::Trixie => run::quietly(make.args(["template", "build", "debian:trixie", "--name", name, "--include", TOOLS])),
            Tree::Systemds => {
                let tar = template::tar_with(&format!("systemd,systemd-sysv,{TOOLS}"))?;
                run::quietly(make.args(["template", "import", name]).arg(tar))?;
                // The import has given our names to it.
                run::quietly(run::command([init]).args(["uninstall", "--root"]).arg(self.rootfs()))
            }
        }
    }

    /// apt-get, for the tree: its sources, its keys, what is installed in it.
    fn apt(&self, words: &[&str]) -> Command {
        let (rootfs, kept) = (self.rootfs(), self.top.join("apt"));
        let mut command = run::command(["apt-get", "-qq"]);
        for (key, path) in [
            ("Dir::State", kept.join("state")),
            ("Dir::Cache", kept.join("cache")),
            ("Dir::Etc", rootfs.join("etc/apt")),
            ("Dir::State::status", rootfs.join("var/lib/dpkg/status")),
        ] {
            command.arg("-o").arg(format!("{key}={}", path.display()));
        }
        command.args(["-o", "APT::Sandbox::User=root"]).args(words).env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    /// Downloads what is wished for with all that it needs. What cannot be had is told, and will be missed in the guest.
    pub(crate) fn fill(&self, wishes: &[Wish]) -> Result<()> {
        for folder in [self.lists(), self.archives()] {
            fs::create_dir_all(folder.join("partial"))?;
        }
        let age = |path: &Path| fs::metadata(path).ok()?.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        let stamp = self.top.join("apt/updated");
        if age(&stamp).is_none_or(|age| age > FRESH) {
            println!("reading the package lists");
            run::quietly(&mut self.apt(&["update"]))?;
            fs::write(&stamp, "")?;
        }
        for wish in wishes {
            let words = [&["install", "--yes", "--download-only"], wish.as_slice()].concat();
            if let Err(error) = run::quietly(&mut self.apt(&words)) {
                println!("{}: {error:#}", wish.join(" "));
            }
        }
        Ok(())
    }

    fn lists(&self) -> PathBuf {
        self.top.join("apt/state/lists")
    }

    fn archives(&self) -> PathBuf {
        self.top.join("apt/cache/archives")
    }

    /// Makes it apt's own in the layer of a container that does not run. Linked, not copied: apt writes over neither.
    pub(crate) fn serve(&self, upper: &Path) -> Result<()> {
        for (from, to) in [(self.lists(), "var/lib/apt/lists"), (self.archives(), "var/cache/apt/archives")] {
            let to = upper.join(to);
            fs::create_dir_all(&to)?;
            for entry in fs::read_dir(&from).with_context(|| format!("cannot list {}", from.display()))? {
                let entry = entry?;
                if entry.file_type()?.is_file() && entry.file_name() != "lock" {
                    fs::hard_link(entry.path(), to.join(entry.file_name()))?;
                }
            }
        }
        ensure!(upper.join("var/lib/apt/lists").is_dir(), "no lists in {}", upper.display());
        Ok(())
    }
}
