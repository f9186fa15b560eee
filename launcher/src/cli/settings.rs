//! What a new container is to be, on the command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use crate::config::{Cidr, CidrError};
use crate::store::{Bytes, ContainerName, CpuWeight, Cpus, Hostname, Procs, TemplateName};

/// What stands at the end of `fief create --help`.
const CREATE: &str = "\
Examples:
  fief create web1 -t debian:bookworm --memory 1G --swap 0 --cpus 1.5 --procs 500
  fief create web2 -t debian:bookworm --ip 10.209.0.20 --ssh-key ~/.ssh/id_ed25519.pub
  fief create web3 --network host-bridge br0 --ip 192.0.2.30/24 --gateway 192.0.2.1
  echo root:secret | fief create web4 --password -

A limit that is not given is not set. Nothing is started: fief start NAME.";

/// `fief create`.
#[derive(Debug, Args)]
#[command(after_help = CREATE)]
pub struct Create {
    /// Its name: 1 to 63 of a-z, 0-9 and '-'; also its host name
    pub name: ContainerName,
    /// Start it with the host: `fief start --onboot` starts all that have this
    #[arg(long)]
    pub onboot: bool,
    /// What it is to be
    #[command(flatten)]
    pub settings: Settings,
}

/// What a new container is to be; `create` and `run` have it in common.
#[derive(Debug, Args)]
pub struct Settings {
    /// What it lies over; `fief template list` shows them
    #[arg(long, short = 't', value_name = "TEMPLATE", default_value = "builtin")]
    pub template: TemplateName,
    /// Host name inside, if it is not the name
    #[arg(long, value_name = "HOSTNAME")]
    pub hostname: Option<Hostname>,
    /// Where its link hangs: `bridge` (fief's own, with NAT), `none`, or `host-bridge`
    #[arg(long, help_heading = "Network", value_names = ["none|bridge|host-bridge", "BRIDGE"], num_args = 1..=2)]
    pub network: Option<Vec<String>>,
    /// Its address, IPv4 or IPv6, with or without prefix length (repeatable); otherwise one of each from the pools
    #[arg(long, help_heading = "Network", value_name = "ADDRESS[/LEN]")]
    pub ip: Vec<IpArg>,
    /// The way out on a host bridge, IPv4 or IPv6 (repeatable)
    #[arg(long, help_heading = "Network", value_name = "ADDRESS", value_parser = address)]
    pub gateway: Vec<IpAddr>,
    /// Name server (repeatable); otherwise the host's
    #[arg(long, help_heading = "Network", value_name = "ADDRESS", value_parser = address)]
    pub nameserver: Vec<IpAddr>,
    /// Public keys that may log in as root over ssh (repeatable)
    #[arg(long, help_heading = "Logging in", value_name = "FILE")]
    pub ssh_key: Vec<PathBuf>,
    /// A password (repeatable); `-` reads USER:PW lines from standard input
    #[arg(long, help_heading = "Logging in", value_name = "USER:PW|-")]
    pub password: Vec<String>,
    /// What runs as PID 1: `fief-init`, or an absolute path inside the guest
    #[arg(long, value_name = "PROGRAM")]
    pub init: Option<String>,
    /// Limits
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// The limits of a container.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Memory, page cache included; bytes, or with K, M, G, T in units of 1024. What goes beyond is killed inside
    #[arg(long, value_name = "SIZE", value_parser = Bytes::memory, allow_hyphen_values = true)]
    pub memory: Option<Bytes>,
    /// Swap on top of the memory, whose limit it needs; 0 for none
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, requires = "memory")]
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

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is not an IPv4 or IPv6 address"))
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
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(address) => Ok(Self::Bare(address)),
            Err(_) if text.contains('/') => text.parse().map(Self::Full),
            Err(_) => Err(CidrError::Address(text.into())),
        }
    }
}
