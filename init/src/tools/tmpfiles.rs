//! `systemd-tmpfiles`: makes, empties and takes away what tmpfiles.d(5) says. systemd-tmpfiles(8).
//!
//! ```text
//!   conf ─ units::tmpfiles ─▶ Line ─ plan ─▶ Place: one path, its items ─▶ remove, clean (inner first) ─▶ create (outer first)
//! ```
//!
//! All that is touched is touched through [`tree`](super::tree). A second run finds everything done and changes nothing.

mod access;
mod acl;
mod clean;
mod copy;
mod create;
mod pattern;
mod plan;

use std::path::Path;
use std::process::ExitCode;

use units::tmpfiles::Line;

use super::conf::{self, Conf};
use super::tree::Tree;
use super::{output, refuse};
use crate::accounts::Accounts;
use crate::getopt::{Opt, Takes, Unclear};
use crate::{boot, say};
use plan::{Item, Plan};

const OPTIONS: &[Opt] = &[
    Opt("create", '\0', Takes::Nothing),
    Opt("clean", '\0', Takes::Nothing),
    Opt("remove", '\0', Takes::Nothing),
    Opt("boot", '\0', Takes::Nothing),
    Opt("user", '\0', Takes::Nothing),
    Opt("prefix", '\0', Takes::Value),
    Opt("exclude-prefix", '\0', Takes::Value),
    Opt("E", 'E', Takes::Nothing),
    Opt("root", '\0', Takes::Value),
    Opt("image", '\0', Takes::Value),
    Opt("replace", '\0', Takes::Value),
    Opt("cat-config", '\0', Takes::Nothing),
    Opt("no-pager", '\0', Takes::Nothing),
];

const HELP: &str = "\
systemd-tmpfiles [OPTIONS...] [CONFIGURATION FILE...]

Creates, deletes and cleans up volatile and temporary files and directories.

  -h --help                 Show this help
     --version              Show package version
     --cat-config           Show configuration files
     --create               Create marked files/directories
     --clean                Clean up marked directories
     --remove               Remove marked files/directories
     --boot                 Execute actions only safe at boot
     --prefix=PATH          Only apply rules with the specified prefix
     --exclude-prefix=PATH  Ignore rules with the specified prefix
  -E                        Ignore rules prefixed with /dev, /proc, /run, /sys
     --root=PATH            Operate on an alternate filesystem root
     --replace=PATH         Treat arguments as replacement for PATH
     --no-pager             Do not pipe output into a pager
";

/// Some lines could not be read, some could not be carried out: sysexits.h.
pub(crate) const DATA_ERROR: u8 = 65;
const CANNOT_CREATE: u8 = 73;

/// Whose lines give way to everybody's without a word.
const OURSELVES: &str = "fief-init";

/// What to do, and to which paths.
#[derive(Debug, Default)]
struct Asked {
    create: bool,
    clean: bool,
    remove: bool,
    boot: bool,
    only: Vec<String>,
    without: Vec<String>,
}

pub(crate) fn run(name: &str, arguments: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, arguments) {
        Ok(line) => line,
        Err(status) => return status,
    };
    let mut asked = Asked {
        create: line.has("create"),
        clean: line.has("clean"),
        remove: line.has("remove"),
        boot: line.has("boot"),
        only: line.values("prefix").map(str::to_owned).collect(),
        without: line.values("exclude-prefix").map(str::to_owned).collect(),
    };
    if line.has("E") {
        asked.without.extend(["/dev", "/proc", "/run", "/sys"].map(str::to_owned));
    }
    let refused = |text: &str| refuse(name, &Unclear::Wrong(text.to_owned()));
    if line.has("user") || line.has("image") {
        return refused("--user and --image= are not supported.");
    }
    let cat = line.has("cat-config");
    if !(asked.create || asked.clean || asked.remove || cat) {
        return refused("You need to specify at least one of --clean, --create or --remove.");
    }
    let root = Path::new(line.value("root").unwrap_or("/"));
    match conf::asked(name, root, "tmpfiles", &line) {
        Ok(all) if cat => output(&conf::sheet(&all)),
        Ok(all) => ExitCode::from(carry_out(root, &all, &asked)),
        Err(status) => status,
    }
}

/// What a boot wants of the packages' files and of `stock`, which counts where none of them speaks of the same path; the exit status as of the
/// command.
pub(crate) fn boot(stock: &str) -> u8 {
    // Kept by ourselves; the launcher's is /dev; and where seats are, pam_systemd(8) asks a logind at every login that is not there.
    let without = ["/dev", "/run/utmp", "/run/nologin", "/run/systemd/seats"].map(str::to_owned).to_vec();
    with_stock(stock, &Asked { create: true, clean: false, remove: true, boot: true, only: Vec::new(), without })
}

/// The same for what is to go when it has been there for too long.
pub(crate) fn clean_up(stock: &str) -> u8 {
    with_stock(stock, &Asked { clean: true, ..Asked::default() })
}

fn with_stock(stock: &str, asked: &Asked) -> u8 {
    let root = Path::new("/");
    let mut all = conf::all(root, "tmpfiles", None);
    all.push(Conf { name: OURSELVES.to_owned(), text: stock.to_owned() });
    carry_out(root, &all, asked)
}

fn carry_out(root: &Path, all: &[Conf], asked: &Asked) -> u8 {
    let opened = Tree::open(root).and_then(|tree| Ok((tree, Accounts::beneath(root)?)));
    let (tree, accounts) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            say::error(format_args!("Failed to open '{}': {}", root.display(), say::reason(&error)));
            return 1;
        }
    };
    // What is made without a mode is made as by anybody's mkdir(1).
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let facts = boot::files::specifiers();
    let mut plan = Plan::default();
    let mut is_clear = true;
    for conf in all {
        for (number, read) in units::tmpfiles::read(&conf.text, &facts, asked.boot) {
            let taken = read.and_then(|line| if wanted(&line, asked) { Item::resolve(line, &accounts).map(Some) } else { Ok(None) });
            match taken {
                Ok(Some(item)) => {
                    if let Some(path) = plan.take(item).filter(|_| conf.name != OURSELVES) {
                        say::error(format_args!("{}:{number}: Duplicate line for path \"{path}\", ignoring.", conf.name));
                    }
                }
                Ok(None) => {}
                Err(why) => {
                    say::error(format_args!("{}:{number}: {why}", conf.name));
                    is_clear = false;
                }
            }
        }
    }
    let is_done = plan.carry_out(&tree, asked);
    match (is_clear, is_done) {
        (false, _) => DATA_ERROR,
        (true, false) => CANNOT_CREATE,
        (true, true) => 0,
    }
}

fn wanted(line: &Line, asked: &Asked) -> bool {
    let is_in = |prefix: &String| Path::new(&line.path).starts_with(prefix);
    if asked.without.iter().any(is_in) {
        return false;
    }
    asked.only.is_empty() || asked.only.iter().any(is_in)
}
