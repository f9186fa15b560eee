//! What one package goes through in a guest of its own.
//!
//! ```text
//!   install ▶ active? ▶ answers? ▶ restart, answers? ▶ reboot, active? answers? ▶ stop, in time? ▶ start ▶ purge
//! ```
//!
//! A step that fails does not end the course: the next one may work, as a boot after an install whose start failed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::table::{PRELUDE, Row};
use crate::larder::{Larder, Tree};
use crate::run;
use crate::site::Site;

const GUEST: &str = "p";
/// A step of a course that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(600);

/// What scripts begin with where systemd's own systemctl is to be called: the host's programs of ours are on the path otherwise.
const PACKAGED: &str = r#"
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
case $(readlink -f "$(command -v systemctl)") in */fief-init) echo "systemctl is ours"; exit 99 ;; esac
"#;

/// How a step went: `None` where there was nothing to do.
pub(super) type Step = Option<Result<(), String>>;

/// What was seen.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) version: String,
    pub(super) installs: Step,
    pub(super) active: Step,
    pub(super) answers: Step,
    pub(super) restarts: Step,
    pub(super) reboots: Step,
    pub(super) stops: Step,
    pub(super) purges: Step,
}

impl Seen {
    /// The steps, each with its name.
    pub(super) fn steps(&self) -> [(&'static str, &Step); 7] {
        [
            ("installs", &self.installs),
            ("active", &self.active),
            ("answers", &self.answers),
            ("restarts", &self.restarts),
            ("reboots", &self.reboots),
            ("stops", &self.stops),
            ("purges", &self.purges),
        ]
    }

    pub(super) fn is_well(&self) -> bool {
        self.steps().iter().all(|(_, step)| !matches!(step, Some(Err(_))))
    }
}

/// Runs the course. An error is a fault of ours, not of the package.
pub(super) fn run(site: &Site, larder: &Larder, init: Option<&str>, row: &Row) -> Result<Seen> {
    let mut create = site.fief(&["create", GUEST, "--template", larder.tree.template(), "--memory", "3G", "--procs", "2000"]);
    run::quietly(create.args(init.into_iter().flat_map(|init| ["--init", init])))?;
    let gone = Gone(site);
    larder.serve(&site.path(&format!("/var/lib/fief/containers/{GUEST}/layer/upper")))?;
    run::quietly(&mut site.fief(&["start", "--wait", GUEST])).context("a guest without the package does not start")?;
    let guest = Guest { site, row, tree: larder.tree };
    let mut seen = Seen { installs: Some(guest.install()), ..Seen::default() };
    seen.version = guest.shell(&format!("dpkg-query -W -f '${{Version}}' {}", row.name)).unwrap_or_default();
    seen.active = guest.active();
    seen.answers = guest.answers();
    seen.restarts = guest.restarts();
    seen.reboots = Some(guest.reboots());
    seen.stops = guest.stops();
    seen.purges = Some(guest.purges());
    drop(gone);
    Ok(seen)
}

/// Removes the guest, however the course ended.
struct Gone<'a>(&'a Site);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        if let Err(error) = run::quietly(&mut self.0.fief(&["destroy", "--force", GUEST])) {
            eprintln!("{error:#}");
        }
    }
}

struct Guest<'a> {
    site: &'a Site,
    row: &'a Row,
    tree: Tree,
}

impl Guest<'_> {
    /// What a script says inside, or why it failed: the end of what it said.
    fn shell(&self, script: &str) -> Result<String, String> {
        let mut fief = self.site.fief(&["exec", GUEST, "--", "timeout", &PATIENCE.as_secs().to_string(), "bash", "-c"]);
        let path = match self.tree {
            Tree::Ours | Tree::Trixie => "",
            Tree::Systemds => PACKAGED,
        };
        fief.arg(format!("{PRELUDE}\n{path}\n{script}"));
        let output = fief.output().map_err(|error| format!("fief exec: {error}"))?;
        let said = [output.stdout, output.stderr].concat();
        // Of a line that was written over itself the last is what one would see.
        let said =
            String::from_utf8_lossy(&said).lines().map(|line| line.rsplit('\r').next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        let said = said.trim().to_owned();
        if output.status.success() { Ok(said) } else { Err(format!("{said}\n({})", output.status)) }
    }

    fn install(&self) -> Result<(), String> {
        let Row { name, with, .. } = self.row;
        let apt = "DEBIAN_FRONTEND=noninteractive apt-get -y --no-download install";
        let tools = if with.is_empty() { String::new() } else { format!(" && {apt} --no-install-recommends {}", with.join(" ")) };
        let start = if self.row.by_hand.is_empty() { String::new() } else { format!(" && ctl start {}", self.row.by_hand) };
        self.shell(&format!("{apt} {name}{tools}{start}")).map(drop)
    }

    fn active(&self) -> Step {
        // Some units are ready a while after their start job; none takes longer than the step may.
        let wait = |unit: &&str| {
            format!(
                "for i in $(seq 120); do ctl is-active -q {unit} && break; sleep 0.5; done; ctl is-active {unit} || {{ ctl status {unit}; exit 1; }}"
            )
        };
        let script = self.row.units.iter().map(wait).collect::<Vec<_>>().join("\n");
        (!self.row.units.is_empty()).then(|| self.shell(&script).map(drop))
    }

    fn answers(&self) -> Step {
        let probe = self.row.probe;
        let script = format!(
            "probe() {{ {probe}\n}}; SECONDS=0; until [ $SECONDS -gt 90 ]; do said=$(probe 2>&1) && exit; sleep 0.5; done; echo \"$said\"; exit 1"
        );
        (!probe.is_empty()).then(|| self.shell(&script).map(drop))
    }

    fn restarts(&self) -> Step {
        let units = self.row.units.join(" ");
        (!units.is_empty()).then(|| {
            self.shell(&format!("ctl restart {units}"))?;
            self.active().transpose().and(self.answers().transpose()).map(drop)
        })
    }

    fn reboots(&self) -> Result<(), String> {
        run::quietly(&mut self.site.fief(&["restart", GUEST])).map_err(|error| format!("{error:#}"))?;
        if self.row.is_not_enabled {
            self.shell(&format!("ctl start {}", self.row.units.join(" ")))?;
        }
        self.active().transpose().and(self.answers().transpose()).map(drop)
    }

    fn stops(&self) -> Step {
        let units = self.row.units.join(" ");
        (!units.is_empty()).then(|| {
            let begun = Instant::now();
            let socket = match self.row.woken_by {
                "" => String::new(),
                socket => format!("ctl is-active -q {socket} && ctl stop {socket}; "),
            };
            self.shell(&format!("{socket}ctl stop {units}; for unit in {units}; do ctl is-active -q $unit && exit 1; done; true"))?;
            let took = begun.elapsed();
            self.shell(&format!("ctl start {units}"))?;
            if took.as_secs() < self.row.in_time { Ok(()) } else { Err(format!("took {} s", took.as_secs())) }
        })
    }

    fn purges(&self) -> Result<(), String> {
        let names = [&[self.row.name], self.row.also].concat().join(" ");
        let still = self.row.units.iter().map(|unit| format!("! ctl is-active -q {unit}")).collect::<Vec<_>>().join(" && ");
        let still = if still.is_empty() || self.row.is_left_running { "true" } else { &still };
        self.shell(&format!("export DEBIAN_FRONTEND=noninteractive; apt-get -y purge {names} && apt-get -y --purge autoremove && {still}"))
            .map(drop)
    }
}
