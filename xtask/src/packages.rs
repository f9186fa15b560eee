//! `cargo xtask packages`: server packages of Debian in a guest of ours, from `apt install` to `apt purge`.
//!
//! ```text
//!   table ──▶ larder (apt-get --download-only, on the host) ──▶ a guest for each row: course ──▶ report (docs/packages.md)
//! ```
//!
//! With `--packaged-systemctl` the tree has systemd's package instead of ours, and whatever is called by the name `systemctl` is systemd's own; what
//! came of it is docs/packages-systemd.md. With `--trixie` it is a tree of Debian 13; docs/packages-trixie.md. With `--systemd` PID 1 is systemd too: what a row may be asked to be is seen there.
//!
//! One guest at a time, over a template with our package in it; the guests have no way out of this machine. What a package should be
//! up to is the table's, and nothing in what ships knows a package by name.

mod course;
mod report;
mod table;

use std::process::ExitCode;

use anyhow::{Result, bail};

use self::table::{ROWS, Row};
use crate::build::{self, Profile};
use crate::larder::{Larder, Tree};
use crate::site::Site;
use crate::{dist, run};

/// The rows of a run with systemd's own systemctl where none is named.
const USUAL: [&str; 10] =
    ["openssh-server", "nginx", "apache2", "postgresql", "mariadb-server", "redis-server", "memcached", "rsyslog", "postfix", "bind9"];

/// The same with Debian 13: rows that name no release by their units.
const OF_TRIXIE: [&str; 4] = ["openssh-server", "nginx", "mariadb-server", "redis-server"];

/// What was asked for.
struct Asked {
    rows: Vec<&'static Row>,
    profile: Profile,
    tree: Tree,
    /// PID 1 of the guests, where it is not ours: what systemd itself would make of a row.
    init: Option<&'static str>,
    /// The outcome is the exit code, and docs/packages.md stays as it is.
    check: bool,
}

impl Asked {
    fn read(args: &[String]) -> Result<Self> {
        let mut asked = Self { rows: Vec::new(), profile: Profile::Debug, tree: Tree::Ours, init: None, check: false };
        for arg in args {
            match arg.as_str() {
                "--release" => asked.profile = Profile::Release,
                "--check" => asked.check = true,
                "--packaged-systemctl" => asked.tree = Tree::Systemds,
                "--trixie" => asked.tree = Tree::Trixie,
                "--systemd" => {
                    (asked.tree, asked.init, asked.check) = (Tree::Systemds, Some("/lib/systemd/systemd"), true);
                }
                name => match ROWS.iter().find(|row| row.name == name) {
                    Some(row) => asked.rows.push(row),
                    None => bail!("{name}: not in the table of packages"),
                },
            }
        }
        if asked.rows.is_empty() {
            asked.rows.extend(ROWS.iter().filter(|row| usual(asked.tree).is_none_or(|names| names.contains(&row.name))));
        }
        Ok(asked)
    }
}

/// `cargo xtask packages [--release] [--check] [--trixie | --packaged-systemctl | --systemd] [NAME…]`
pub(crate) fn perform(args: &[String]) -> Result<ExitCode> {
    let asked = Asked::read(args)?;
    let larder = Larder::open(asked.tree)?;
    if !Site::is_inside() {
        // What needs the world comes first: inside there is none.
        run::need_root("packages")?;
        let built = build::programs(asked.profile)?;
        dist::package(&built.init(), &built.dir)?;
        larder.template(&built.fief(), &built.init())?;
        larder.fill(&asked.rows.iter().flat_map(|row| row.wishes()).collect::<Vec<_>>())?;
    }
    let mut site = Site::enter_with("packages", asked.profile)?;
    site.use_templates(&larder.templates())?;
    let mut bad = 0;
    for (at, row) in asked.rows.iter().enumerate() {
        println!("[{}/{}] {}", at + 1, asked.rows.len(), row.name);
        let seen = course::run(&site, &larder, asked.init, row)?;
        println!("        {}", report::line(row, &seen));
        bad += usize::from(!seen.is_well());
        if !asked.check {
            // Row by row: a run that is interrupted has told what it saw.
            report::keep(asked.tree, row, &seen)?;
        }
    }
    println!("{} of {} without a fault", asked.rows.len() - bad, asked.rows.len());
    Ok(if asked.check && bad > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The rows of a run where none is named; all, if it says nothing.
fn usual(tree: Tree) -> Option<&'static [&'static str]> {
    match tree {
        Tree::Ours => None,
        Tree::Trixie => Some(&OF_TRIXIE),
        Tree::Systemds => Some(&USUAL),
    }
}

const fn document(tree: Tree) -> &'static str {
    match tree {
        Tree::Ours => "docs/packages.md",
        Tree::Trixie => "docs/packages-trixie.md",
        Tree::Systemds => "docs/packages-systemd.md",
    }
}
