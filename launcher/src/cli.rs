//! The command line. One definition feeds the parser, the help and whatever is generated from it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ErrorKind};
use clap::{Args, Parser, Subcommand};

use crate::error::{Class, Error};
use crate::store::ContainerName;

mod settings;
mod template;

pub use settings::{Create, IpArg, LimitArgs, Settings};
pub use template::{Template, TemplateBuild, TemplateImport, TemplateRemove};

/// How long `start` waits unless told otherwise.
pub const START_TIMEOUT: Duration = Duration::from_secs(120);

/// What stands at the end of `fief --help`.
const AFTER: &str = "\
Examples:
  fief template build debian:bookworm         make a Debian template (mmdebstrap)
  fief create web1 --template debian:bookworm --memory 512M --ssh-key KEY.pub
  fief start web1 && fief list                boot it, see its addresses
  fief exec web1 -- apt-get install -y nginx  run a program inside
  fief enter web1                             a login shell inside
  fief stop web1 && fief destroy web1
  fief run --rm                               a throw-away guest over this host's /usr

Exit codes:
   0  done
   1  something unexpected failed
   2  the command line cannot be understood
   3  a value or a config file makes no sense
   4  no such container or template
   5  the name is taken
   6  wrong state: running, not running, in use
   7  a step of starting failed; the line says which and why
   8  id ranges or addresses are used up
   9  it took too long
  10  a permission, a kernel feature or a program is missing
  11  a template could not be built or imported
  12  unit files are so wrong that a unit cannot be started (fief verify)
  exec, and run with a CMD, give the CMD's own code; 126: it cannot be executed; 127: it is
  not found; 128+N: signal N ended it; 125 in place of 1 and 7 where fief failed before it ran

Environment:
  FIEF_ROOT  puts all of the folders below beneath another one
  FIEF_LOG   what to log to the terminal: error, warn (usual), info, debug, trace

Files:
  /etc/fief/fief.toml             this host's settings, every one optional: cgroup, bridge,
                                  nft-table, pool4, pool6, id-base, id-count, init
  /var/lib/fief/containers/NAME/  container.toml, and what the container wrote
  /var/lib/fief/templates/NAME/   what containers lie over
  /run/fief/containers/NAME/      what is known of a running one
  /var/log/fief/NAME.log          its console and its keeper's words";

/// What stands at the end of `fief start --help`.
const START: &str = "\
Examples:
  fief start web1               returns when sshd and the like can be used
  fief start web1 --dry-run     what would be set up, step by step
  fief start web1 --foreground  as the program of a service manager's unit
  fief start --onboot           once, at the host's boot; fief stop --all at its end";

/// What stands at the end of `fief exec --help`.
const EXEC: &str = "\
Examples:
  fief exec web1 -- apt-get update
  fief exec web1 -u www-data -w /srv/www -e LANG=de_DE.UTF-8 -- ls -l
  tar c site | fief exec web1 -- tar x -C /srv/www

On a terminal the program gets one of the guest's own; in a pipe every byte passes as it is.
The exit code is CMD's own; 126: it cannot be executed; 127: it is not found; 128+N: signal N
ended it; 125: something failed in fief before it ran. That there is no such container (4), that
it does not run (6), or a user or folder that is not there (3) keeps the code it has everywhere.";

/// What stands at the end of `fief verify --help`.
const VERIFY: &str = "\
Examples:
  fief verify web1                       every unit file of a container, whether it runs or not
  fief verify web1 nginx                 of one unit
  fief verify debian:bookworm --json     of a template, for programs
  fief verify --root /srv/tree ssh cron  of a tree in a folder

The same is found by fiefctl verify inside. Exit code 12 when anything is so wrong that a unit cannot
be started; warnings alone are no failure.";

/// What stands at the end of `fief run --help`.
const RUN: &str = "\
Examples:
  fief run --rm                                    a shell in a throw-away guest over this host's /usr
  fief run --rm -t debian:bookworm -- apt-get -v   one program; the exit code is its own
  fief run --name ci1 --memory 1G -- make test     kept afterwards: fief start ci1, fief logs ci1";

/// System containers: a whole Linux system on a shared kernel.
#[derive(Debug, Parser)]
#[command(name = "fief", version, after_help = AFTER, disable_help_subcommand = true, max_term_width = 120)]
pub struct Cli {
    /// Say more on the terminal (twice: still more)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// Reads the command line. Help and usage errors end the program here, as clap does it; a value that makes no sense is
/// a failure of ours, told in one line.
///
/// # Errors
/// When a value makes no sense.
pub fn read() -> Result<Cli, Error> {
    Cli::try_parse().map_err(|error| value_error(&error).unwrap_or_else(|| error.exit()))
}

/// A bad value, as a failure of ours; `None` when clap has to tell it: help, version, a word out of place.
fn value_error(error: &clap::Error) -> Option<Error> {
    if error.kind() != ErrorKind::ValueValidation {
        return None;
    }
    let argument = error.get(ContextKind::InvalidArg).map_or_else(|| "an argument".to_owned(), ToString::to_string);
    let why = std::error::Error::source(error).map_or_else(|| "not understood".to_owned(), ToString::to_string);
    Some(Error::new(Class::Value, "reading the command line", argument).source(why))
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a container
    Create(Create),
    /// Start a container; returns when its init is ready
    Start(Start),
    /// Stop a container in order
    Stop(Stop),
    /// Stop and start a container
    Restart(Restart),
    /// End every process of a container at once
    Kill(Several),
    /// Freeze every process of a container
    Freeze(Several),
    /// Let a frozen container go on
    Thaw(Several),
    /// Open a login shell in a container
    Enter(Enter),
    /// Run a program in a container
    Exec(Exec),
    /// Attach to a container's console; Ctrl-] detaches, also while it waits for the container to start
    Console(Named),
    /// Show a container's console output and its keeper's words
    Logs(Logs),
    /// List the containers
    #[command(visible_alias = "ls")]
    List(ListContainers),
    /// Show everything about a container
    Show(Show),
    /// Say what is wrong with a guest's unit files, without starting anything
    Verify(Verify),
    /// Remove a container and everything it wrote
    Destroy(Destroy),
    /// Create, start, use and stop a container in one go
    Run(Run),
    /// Make, list and remove what containers lie over
    #[command(subcommand)]
    Template(Template),
    /// Give running containers whose keeper died a new keeper
    Adopt(Adopt),
    /// The process that keeps a running container; started by `start`
    #[command(hide = true)]
    Keeper(Keeper),
}

/// One container.
#[derive(Debug, Args)]
pub struct Named {
    /// The container
    pub name: ContainerName,
}

/// One container or several.
#[derive(Debug, Args)]
pub struct Several {
    /// The containers
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<ContainerName>,
}

/// `fief start`.
#[derive(Debug, Args)]
#[command(after_help = START)]
pub struct Start {
    /// The containers
    #[arg(value_name = "NAME", required_unless_present = "onboot")]
    pub names: Vec<ContainerName>,
    /// Every container created with --onboot that does not run yet; for the host's boot
    #[arg(long, conflicts_with_all = ["names", "foreground", "dry_run"])]
    pub onboot: bool,
    /// Return as soon as init runs
    #[arg(long, conflicts_with_all = ["wait", "foreground"])]
    pub no_wait: bool,
    /// Return only when everything that starts at boot is up
    #[arg(long, conflicts_with = "foreground")]
    pub wait: bool,
    /// Keep the container in this process, with its console here; for a service manager, or to watch
    #[arg(long)]
    pub foreground: bool,
    /// Print what would be done, do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait at most, as in 30s or 2min; a bare number is seconds. The container runs on
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2min")]
    pub timeout: Duration,
}

/// `fief stop`.
#[derive(Debug, Args)]
pub struct Stop {
    /// The containers
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub names: Vec<ContainerName>,
    /// Every container that runs; for the host's shutdown
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// How to stop them
    #[command(flatten)]
    pub how: StopHow,
}

/// How a container is stopped.
#[derive(Debug, Args)]
pub struct StopHow {
    /// How long the guest has to stop in order before it is killed, as in 30s or 2min; a bare number is seconds, 0 kills at once
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "90s")]
    pub timeout: Duration,
    /// Do not stop services in order: end them at once
    #[arg(long)]
    pub fast: bool,
}

/// `fief restart`.
#[derive(Debug, Args)]
pub struct Restart {
    /// The containers
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<ContainerName>,
    /// How to stop them
    #[command(flatten)]
    pub how: StopHow,
    /// Return as soon as init runs
    #[arg(long)]
    pub no_wait: bool,
}

/// `fief enter`.
#[derive(Debug, Args)]
pub struct Enter {
    /// The container
    pub name: ContainerName,
    /// As which user: a name or a number of the guest
    #[arg(long, short, default_value = "root")]
    pub user: String,
}

/// `fief exec`.
#[derive(Debug, Args)]
#[command(after_help = EXEC)]
pub struct Exec {
    /// The container
    pub name: ContainerName,
    /// How to run it
    #[command(flatten)]
    pub how: ExecArgs,
    /// The program and its arguments; options before it are fief's, behind it they are the program's
    #[arg(trailing_var_arg = true, required = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// How a program is run inside.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// As which user: a name or a number of the guest, also USER:GROUP
    #[arg(long, short)]
    pub user: Option<String>,
    /// In which folder of the guest
    #[arg(long, short, value_name = "DIR")]
    pub workdir: Option<PathBuf>,
    /// A variable of its environment (repeatable)
    #[arg(long, short, value_name = "KEY=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,
}

/// `fief logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// The container
    pub name: ContainerName,
    /// Go on as lines come, over restarts of the container, until interrupted
    #[arg(long, short)]
    pub follow: bool,
    /// Only the last N lines
    #[arg(long, short = 'n', value_name = "N", value_parser = count)]
    pub lines: Option<usize>,
}

/// How a listing is shown.
#[derive(Debug, Args)]
pub struct List {
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// Only the names, one a line; for scripts
    #[arg(long, short, conflicts_with = "json")]
    pub quiet: bool,
}

/// `fief list`.
#[derive(Debug, Args)]
pub struct ListContainers {
    /// Only those that run
    #[arg(long, short)]
    pub running: bool,
    /// How to show them
    #[command(flatten)]
    pub how: List,
}

/// `fief show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The container
    pub name: ContainerName,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `fief verify`.
#[derive(Debug, Args)]
#[command(after_help = VERIFY)]
pub struct Verify {
    /// The tree in this folder of the host
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// A container or a template, unless --root is given; then the units to look at, all if none is named
    #[arg(value_name = "NAME|UNIT", required_unless_present = "root")]
    pub words: Vec<String>,
}

/// `fief destroy`.
#[derive(Debug, Args)]
pub struct Destroy {
    /// The containers
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<ContainerName>,
    /// Kill it first if it runs
    #[arg(long, short)]
    pub force: bool,
}

/// `fief run`.
#[derive(Debug, Args)]
#[command(after_help = RUN)]
pub struct Run {
    /// Its name; otherwise one is made up
    #[arg(long, value_name = "NAME")]
    pub name: Option<ContainerName>,
    /// Remove it when it has ended
    #[arg(long)]
    pub rm: bool,
    /// What it is to be
    #[command(flatten)]
    pub settings: Settings,
    /// How to run CMD
    #[command(flatten, next_help_heading = "Running CMD")]
    pub how: ExecArgs,
    /// The program to run inside; without one a login shell
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// `fief adopt`.
#[derive(Debug, Args)]
pub struct Adopt {
    /// The container; otherwise every one that needs it
    pub name: Option<ContainerName>,
}

/// `fief keeper`.
#[derive(Debug, Args)]
pub struct Keeper {
    /// The container
    pub name: ContainerName,
    /// What `start` hands over
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub handed: Vec<OsString>,
}

fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    humantime::parse_duration(text).map_err(|error| format!("{error}; write 30s or 2min"))
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number of lines"))
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !text.contains('\0') => Ok((key.into(), value.into())),
        _ => Err(format!("{text:?} is not KEY=VALUE")),
    }
}

#[cfg(test)]
mod tests;
