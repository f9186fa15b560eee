//! The command line. One definition feeds the parser, the help and whatever is generated from it.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ErrorKind};
use clap::{Args, Parser, Subcommand};

use crate::config::Cidr;
use crate::error::{Class, Error};
use crate::store::{Bytes, ContainerName, CpuWeight, Cpus, Hostname, Procs, TemplateName};

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
  exec, and run with a CMD, give the CMD's own code; 126: it cannot be executed;
  127: it is not found; 128+N: signal N ended it; 125: fief failed before it ran

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
    Kill(Named),
    /// Freeze every process of a container
    Freeze(Named),
    /// Let a frozen container go on
    Thaw(Named),
    /// Open a login shell in a container
    Enter(Enter),
    /// Run a program in a container
    Exec(Exec),
    /// Attach to a container's console; Ctrl-] three times in a second detaches
    Console(Named),
    /// Show a container's console output and its keeper's words
    Logs(Logs),
    /// List the containers
    #[command(visible_alias = "ls")]
    List(List),
    /// Show everything about a container
    Show(Show),
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

/// `fief create`.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name: letters, digits and '-'; also its host name
    pub name: ContainerName,
    /// What it is to be
    #[command(flatten)]
    pub settings: Settings,
    /// Start it whenever the host starts
    #[arg(long)]
    pub onboot: bool,
}

/// What a new container is to be; `create` and `run` have it in common.
#[derive(Debug, Args)]
pub struct Settings {
    /// What it lies over; `fief template list` shows them
    #[arg(long, short = 't', value_name = "TEMPLATE", default_value = "builtin")]
    pub template: TemplateName,
    /// Limits
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Host name inside, if it is not the name
    #[arg(long, value_name = "HOSTNAME")]
    pub hostname: Option<Hostname>,
    /// Where its link hangs: `bridge` (fief's own, with NAT), `none`, or `host-bridge`
    #[arg(long, value_names = ["none|bridge|host-bridge", "BRIDGE"], num_args = 1..=2)]
    pub network: Option<Vec<String>>,
    /// Its address, IPv4 or IPv6, with or without prefix length (repeatable); otherwise one of each from the pools
    #[arg(long, value_name = "ADDRESS[/LEN]")]
    pub ip: Vec<IpArg>,
    /// The way out on a host bridge, IPv4 or IPv6 (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    pub gateway: Vec<IpAddr>,
    /// Name server (repeatable); otherwise the host's
    #[arg(long, value_name = "ADDRESS")]
    pub nameserver: Vec<IpAddr>,
    /// Public keys that may log in as root over ssh (repeatable)
    #[arg(long, value_name = "FILE")]
    pub ssh_key: Vec<PathBuf>,
    /// A password (repeatable); `-` reads USER:PW lines from standard input
    #[arg(long, value_name = "USER:PW|-")]
    pub password: Vec<String>,
    /// What runs as PID 1: `fief-init`, or an absolute path inside the guest
    #[arg(long, value_name = "PROGRAM")]
    pub init: Option<String>,
}

/// The limits of a container.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Memory, with K, M, G, T in units of 1024
    #[arg(long, value_name = "SIZE", value_parser = Bytes::memory, allow_hyphen_values = true)]
    pub memory: Option<Bytes>,
    /// Swap on top of the memory; 0 for none
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub swap: Option<Bytes>,
    /// Processors' worth of time, such as 1.5
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub cpus: Option<Cpus>,
    /// Share against other containers when processors are short: 1 to 10000, 100 is usual
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub cpu_weight: Option<CpuWeight>,
    /// Processes and threads
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub procs: Option<Procs>,
}

/// An address as `--ip` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpArg {
    /// Without prefix length: that of the pool.
    Bare(IpAddr),
    /// With one.
    Full(Cidr),
}

impl std::str::FromStr for IpArg {
    type Err = crate::config::CidrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(address) => Ok(Self::Bare(address)),
            Err(_) if text.contains('/') => text.parse().map(Self::Full),
            Err(_) => Err(crate::config::CidrError::Address(text.into())),
        }
    }
}

/// `fief start`.
#[derive(Debug, Args)]
pub struct Start {
    /// The container
    pub name: ContainerName,
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
    /// How long to wait at most
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2min")]
    pub timeout: Duration,
}

/// `fief stop`.
#[derive(Debug, Args)]
pub struct Stop {
    /// The container
    pub name: ContainerName,
    /// How long the guest has to stop in order before it is killed
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "90s")]
    pub timeout: Duration,
    /// Do not stop services in order: end them at once
    #[arg(long)]
    pub fast: bool,
}

/// `fief restart`.
#[derive(Debug, Args)]
pub struct Restart {
    /// How to stop it
    #[command(flatten)]
    pub stop: Stop,
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
pub struct Exec {
    /// The container
    pub name: ContainerName,
    /// How to run it
    #[command(flatten)]
    pub how: ExecArgs,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
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
    /// Go on as lines come, until interrupted
    #[arg(long, short)]
    pub follow: bool,
    /// Only the last N lines
    #[arg(long, short = 'n', value_name = "N")]
    pub lines: Option<usize>,
}

/// `fief list`.
#[derive(Debug, Args)]
pub struct List {
    /// As JSON
    #[arg(long)]
    pub json: bool,
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

/// `fief destroy`.
#[derive(Debug, Args)]
pub struct Destroy {
    /// The container
    pub name: ContainerName,
    /// Kill it first if it runs
    #[arg(long, short)]
    pub force: bool,
}

/// `fief run`.
#[derive(Debug, Args)]
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
    #[command(flatten)]
    pub how: ExecArgs,
    /// The program to run inside; without one a login shell
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// `fief template`.
#[derive(Debug, Subcommand)]
pub enum Template {
    /// Build a Debian or Ubuntu template with mmdebstrap
    Build(TemplateBuild),
    /// Make a template out of a tar file (plain, gz, xz, zst) or a folder
    Import(TemplateImport),
    /// List the templates
    #[command(visible_alias = "ls")]
    List(List),
    /// Remove a template that no container lies over
    Remove(TemplateRemove),
}

/// `fief template build`.
#[derive(Debug, Args)]
pub struct TemplateBuild {
    /// What to build, such as debian:bookworm or ubuntu:noble
    #[arg(value_name = "DISTRIBUTION:SUITE")]
    pub source: TemplateName,
    /// Call it otherwise
    #[arg(long, value_name = "NAME")]
    pub name: Option<TemplateName>,
    /// Packages besides the usual ones, joined by commas (repeatable)
    #[arg(long, value_name = "PACKAGE,…", value_delimiter = ',')]
    pub include: Vec<String>,
    /// Where packages come from, if not what the suite's distribution usually is
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// How much mmdebstrap puts in by itself
    #[arg(long, value_parser = ["minbase", "essential", "apt", "buildd", "standard"], default_value = "minbase")]
    pub variant: String,
    /// Replace a template of that name
    #[arg(long)]
    pub replace: bool,
}

/// `fief template import`.
#[derive(Debug, Args)]
pub struct TemplateImport {
    /// What to call it
    pub name: TemplateName,
    /// A tar file (plain, gz, xz, zst) or a folder with the root of a system
    #[arg(value_name = "FILE|DIR")]
    pub from: PathBuf,
}

/// `fief template remove`.
#[derive(Debug, Args)]
pub struct TemplateRemove {
    /// The template
    pub name: TemplateName,
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

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !text.contains('\0') => Ok((key.into(), value.into())),
        _ => Err("not KEY=VALUE".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn cli_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_lists_every_class() {
        let help = Cli::command().render_help().to_string();
        for class in Class::ALL {
            assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{}  ", class.exit_code()))), "{class:?}");
        }
    }

    #[test]
    fn nonsense_is_refused_before_anything_happens() {
        for words in [
            "create Web",
            "create web --memory 0",
            "create web --memory -5",
            "create web --cpus -1",
            "create web --procs 0",
            "create web --ip 10.0.0.256",
            "create web --nameserver x",
            "create web --hostname a_b",
            "start web --no-wait --wait",
            "exec web",
            "exec web -e =x -- true",
            "create ../web",
            "create web --template ../x",
            "start",
            "stop web --timeout soon",
        ] {
            let words = std::iter::once("fief").chain(words.split(' '));
            assert!(Cli::try_parse_from(words.clone()).is_err(), "{:?}", words.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_value_of_nonsense_is_told_in_one_line() {
        let told = |words: &str| value_error(&Cli::try_parse_from(words.split(' ')).unwrap_err()).map(|error| error.line());
        let line = told("fief create web --memory 1M").unwrap();
        assert_eq!(line, "reading the command line: --memory <SIZE>: 1MiB of memory is too little to start in; the least is 4 MiB");
        assert!(told("fief create Web").unwrap().contains("\"Web\" is not a container name"));
        assert_eq!(told("fief frobnicate"), None);
        assert_eq!(told("fief start"), None);
    }

    #[test]
    fn the_verbs_of_the_tour_are_understood() {
        for words in [
            "create web1 --template debian:bookworm --memory 512M --swap 0 --cpus 1.5 --cpu-weight 50 --procs 200 \
             --hostname w.example.org --ip 10.209.0.9/16 --ip fd5e:f1ef::9 --nameserver 9.9.9.9 --ssh-key k.pub --onboot",
            "create web1 --network none",
            "create web1 --network host-bridge br0 --ip 10.0.0.2/24 --gateway 10.0.0.1",
            "start web1 --wait",
            "start web1 --dry-run",
            "stop web1 --timeout 5s --fast",
            "stop web1 --timeout 5",
            "exec web1 -u www-data:adm -w /srv -e A=b=c -- sh -c true",
            "run --rm --memory 64M -- true",
            "run",
            "list --json",
            "template build debian:bookworm --include nginx,cron",
            "template import x y.tar.gz",
            "adopt",
            "keeper web1 --fd 5",
            "show web1 --json",
            "logs -f web1",
            "destroy --force web1",
            "enter web1 -u me",
            "restart web1 --timeout 10s",
        ] {
            let words = std::iter::once("fief").chain(words.split_ascii_whitespace());
            Cli::try_parse_from(words).unwrap();
        }
    }
}
