//! `cargo xtask tenant`: a day in the life of whoever leases a guest, typed over ssh; then a hoster's playbook, run twice by Ansible.
//!
//! ```text
//!   larder ──▶ the guest, over the tree of the packages' course ──▶ day (scripts, by ssh) ──▶ ansible (tests/tenant/site.yml)
//! ```
//!
//! The guest has no way out of this machine, so what its apt installs lies in its cache, and what it upgrades to in a folder of its own,
//! made of the same packages with a later version ([`depot`]). One guest for both: what a day leaves behind, a playbook finds.

mod ansible;
mod day;
mod guest;

use std::process::ExitCode;

use anyhow::Result;

use self::guest::Guest;
use crate::build::{self, Profile};
use crate::larder::{Larder, Tree};
use crate::site::Site;
use crate::{apt, dist, run};

/// What the tenant installs, without what those only recommend.
const INSTALLED: &[&str] = &["nginx", "php-fpm", "postgresql", "at", "tmux", "locales", "python3-apt"];
/// What is there from the beginning, and is fetched all the same: the day upgrades it.
const UPGRADED: &[&str] = &["openssh-server"];

/// `cargo xtask tenant [--release]`
pub(crate) fn perform(args: &[String]) -> Result<ExitCode> {
    let profile = match args {
        [] => Profile::Debug,
        [word] if word == "--release" => Profile::Release,
        _ => anyhow::bail!("tenant [--release]"),
    };
    let larder = Larder::open(Tree::Ours)?;
    if !Site::is_inside() {
        // What needs the world comes first: inside there is none.
        run::need_root("tenant")?;
        apt::need(&[apt::FOR_GUESTS, apt::FOR_TENANT])?;
        let built = build::programs(profile)?;
        dist::package(&built.init(), &built.dir)?;
        larder.template(&built.fief(), &built.init())?;
        larder.fill(&[[&["--no-install-recommends"], INSTALLED].concat(), [&["--reinstall"], UPGRADED].concat()])?;
    }
    let mut site = Site::enter_with("tenant", profile)?;
    site.use_templates(&larder.templates())?;
    let guest = Guest::lease(&site, &larder)?;
    let day = day::live(&guest);
    let play = ansible::play(&guest);
    for error in [&day, &play].into_iter().filter_map(|outcome| outcome.as_ref().err()) {
        println!("{error:#}");
    }
    Ok(if day.and(play).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
