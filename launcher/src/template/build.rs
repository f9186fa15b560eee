//! `fief template build`: Debian and Ubuntu by mmdebstrap(1), with our package in the place of systemd.
//!
//! The package is there from the first resolution of dependencies on, so that it and not systemd is what other packages'
//! wishes for an init are met by. A tree into which systemd came all the same is no template.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io::{BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use kernel::pidfd::PidFd;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{Draft, Kind, Manifest, Workshop, dpkg, prepare};
use crate::cli::TemplateBuild;
use crate::config::Host;
use crate::error::{Class, Error, OrFail as _};
use crate::store::{TemplateName, folder};

const STEP: &str = "building the template";

/// Shows the chroot what is given as a file; part of mmdebstrap.
const SHOW_FILES: &str = "--hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount";

/// What a root server is expected to have.
const USUAL: &[&str] = &[
    "ca-certificates",
    "cron",
    "ifupdown",
    "iproute2",
    "iputils-ping",
    "less",
    "logrotate",
    "nano",
    "netbase",
    "openssh-server",
    "procps",
    "rsyslog",
    "sudo",
    "tzdata",
];

/// What Debian's minbase has and Ubuntu's has not.
const OF_UBUNTU: &[&str] = &["apt", "ubuntu-keyring"];
/// By which Ubuntu's packages are known to be its own: on the machine that builds, and then in the tree.
const KEYS_OF_UBUNTU: &str = "/usr/share/keyrings/ubuntu-archive-keyring.gpg";
/// Ubuntu's archives of packages and of security updates.
const MIRRORS_OF_UBUNTU: [&str; 2] = if cfg!(target_arch = "x86_64") {
    ["http://archive.ubuntu.com/ubuntu", "http://security.ubuntu.com/ubuntu"]
} else {
    ["http://ports.ubuntu.com/ubuntu-ports"; 2]
};
const COMPONENTS_OF_UBUNTU: &str = "main universe";

/// What to build, checked.
#[derive(Debug, PartialEq, Eq)]
struct Order {
    distribution: Distribution,
    suite: String,
    name: TemplateName,
    packages: BTreeSet<String>,
    mirror: Option<String>,
    variant: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Distribution {
    Debian,
    Ubuntu,
}

impl Order {
    fn new(args: &TemplateBuild) -> Result<Self, Error> {
        let bad = |cause: String| Error::new(Class::Value, STEP, cause);
        let form = || bad(format!("{} is not DISTRIBUTION:SUITE", args.source)).advice("such as debian:bookworm");
        let (distribution, suite) = args.source.as_str().split_once(':').ok_or_else(form)?;
        let distribution = match distribution {
            "debian" => Distribution::Debian,
            "ubuntu" => Distribution::Ubuntu,
            other => return Err(bad(format!("{other} is not built here")).advice("debian or ubuntu; or fief template import")),
        };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        if suite.is_empty() || !suite.chars().all(plain) {
            return Err(form());
        }
        let more = if distribution == Distribution::Ubuntu { OF_UBUNTU } else { &[] };
        let mut packages: BTreeSet<String> = USUAL.iter().chain(more).map(|name| (*name).to_owned()).collect();
        for package in args.include.iter().filter(|package| !package.is_empty()) {
            if !is_package(package) {
                return Err(bad(format!("{package:?} is not a package name")));
            }
            packages.insert(package.clone());
        }
        if let Some(mirror) = &args.mirror {
            let known = ["http://", "https://", "file:/", "copy:/"].iter().any(|start| mirror.starts_with(start));
            if !known || mirror.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(bad(format!("{mirror:?} is not a mirror")).advice("such as http://deb.debian.org/debian"));
            }
        }
        Ok(Self {
            distribution,
            suite: suite.to_owned(),
            name: args.name.clone().unwrap_or_else(|| args.source.clone()),
            packages,
            mirror: args.mirror.clone(),
            variant: args.variant.clone(),
        })
    }

    /// mmdebstrap's arguments.
    fn arguments(&self, package: &str, target: &str) -> Vec<String> {
        let packages: Vec<&str> = self.packages.iter().map(String::as_str).collect();
        let mut arguments = vec![
            "--mode=root".to_owned(),
            "--format=directory".to_owned(),
            format!("--variant={}", self.variant),
            format!("--include={}", packages.join(",")),
            // An argument of its own: after an absolute path no comma parts anything.
            format!("--include={package}"),
            SHOW_FILES.to_owned(),
        ];
        let sources = match (self.distribution, &self.mirror) {
            (Distribution::Ubuntu, None) => self.sources_of_ubuntu(),
            (Distribution::Ubuntu, Some(mirror)) => {
                arguments.push(format!("--components={}", COMPONENTS_OF_UBUNTU.replace(' ', ",")));
                vec![mirror.clone()]
            }
            // mmdebstrap knows Debian's mirrors, the security and updates suites among them.
            (Distribution::Debian, mirror) => mirror.iter().cloned().collect(),
        };
        arguments.push(self.suite.clone());
        arguments.push(target.to_owned());
        arguments.extend(sources);
        arguments
    }

    /// Of Ubuntu mmdebstrap would have the release alone, without what was mended since.
    fn sources_of_ubuntu(&self) -> Vec<String> {
        let [archive, security] = MIRRORS_OF_UBUNTU;
        let line = |(mirror, pocket): (&str, &str)| {
            format!("deb [signed-by={KEYS_OF_UBUNTU}] {mirror} {}{pocket} {COMPONENTS_OF_UBUNTU}", self.suite)
        };
        [(archive, ""), (archive, "-updates"), (security, "-security")].map(line).to_vec()
    }

    /// apt would go to the network first and then speak of signatures.
    fn need_keys(&self) -> Result<(), Error> {
        if self.distribution == Distribution::Ubuntu && self.mirror.is_none() && !Path::new(KEYS_OF_UBUNTU).is_file() {
            return Err(Error::new(Class::Unfit, STEP, format!("Ubuntu's keys are not on this machine: there is no {KEYS_OF_UBUNTU}"))
                .advice("it comes with Ubuntu's package ubuntu-keyring"));
        }
        Ok(())
    }
}

/// A package name as Debian policy §5.6.7 has it.
fn is_package(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    text.len() >= 2 && text.bytes().all(plain) && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// Builds a template.
///
/// # Errors
/// When the name is taken, mmdebstrap is missing or fails; then nothing is left of it but its log.
pub fn run(host: &Host, args: &TemplateBuild) -> Result<Manifest, Error> {
    let order = Order::new(args)?;
    if order.name.is_builtin() {
        return Err(Error::new(Class::Value, STEP, "builtin is the name of the built-in template"));
    }
    order.need_keys()?;
    let package = host.guest_package()?;
    let draft = Draft::begin(host, &order.name, args.replace)?;
    let log_path = host.paths.logs().join(format!("template-{}.log", order.name));
    folder(&host.paths.logs(), 0o750).or_fail(Class::Internal, STEP, || host.paths.logs().display().to_string())?;
    let log = File::create(&log_path).or_fail(Class::Internal, STEP, || log_path.display().to_string())?;
    let workshop = Workshop::open(host)?;
    debstrap(&order, &package, &workshop.rootfs(), log, &log_path)?;
    without_systemd(&workshop.rootfs())?;
    prepare::prepare(&workshop.rootfs())?;
    let place = draft.rootfs();
    // The draft's is empty; rename(2) puts one folder in the place of another that is.
    std::fs::rename(workshop.rootfs(), &place).or_fail(Class::Template, STEP, || place.display().to_string())?;
    let what = format!("mmdebstrap {} {}", args.source, order.variant);
    draft.finish(Kind::Rootfs, &what)
}

/// Our package is in it, and none that it is in the place of.
fn without_systemd(rootfs: &Path) -> Result<(), Error> {
    let installed = dpkg::installed(rootfs).or_fail(Class::Template, STEP, || "reading what dpkg installed".into())?;
    let foreign: Vec<&str> = ["systemd", "systemd-sysv", "sysvinit-core"].into_iter().filter(|name| installed.contains(*name)).collect();
    if !foreign.is_empty() {
        return Err(Error::new(Class::Template, STEP, format!("another init came into the tree: {}", foreign.join(", ")))
            .advice("one of the packages asks for it by name or version"));
    }
    if installed.contains("fief-guest") { Ok(()) } else { Err(Error::new(Class::Template, STEP, "fief-guest is not installed")) }
}

fn debstrap(order: &Order, package: &Path, target: &Path, mut log: File, log_path: &Path) -> Result<(), Error> {
    let text = |path: &Path| {
        let unfit = || Error::new(Class::Value, STEP, format!("{} is not UTF-8", path.display()));
        path.to_str().map(str::to_owned).ok_or_else(unfit)
    };
    let arguments = order.arguments(&text(package)?, &text(target)?);
    log::info!("mmdebstrap {}", arguments.join(" "));
    if !is_in_path("mmdebstrap") {
        return Err(Error::new(Class::Unfit, STEP, "mmdebstrap cannot be run").advice("apt-get install mmdebstrap"));
    }
    let copy = log.try_clone().or_fail(Class::Internal, STEP, || log_path.display().to_string())?;
    // What it mounts is seen by nobody else and goes with it: its hook leaves the package mounted in the tree when it fails.
    let mut child = Command::new("unshare")
        .args(["--mount", "mmdebstrap"])
        .args(&arguments)
        .env("LC_ALL", "C.UTF-8")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(copy)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            let advice = "apt-get install util-linux";
            Error::new(Class::Unfit, STEP, "unshare cannot be run").source(error).advice(advice)
        })?;
    let stopper = Stopper::new(child.id());
    let bar = ProgressBar::new_spinner().with_message(format!("{}: starting", order.name));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    let mut last: VecDeque<String> = VecDeque::new();
    if let Some(stderr) = child.stderr.take() {
        each_line(stderr, |line| {
            // The disk may be full; mmdebstrap will find out by itself.
            let _ = writeln!(log, "{line}");
            if let Some(doing) = line.strip_prefix("I: ") {
                bar.set_message(format!("{}: {doing}", order.name));
            }
            if last.len() == 40 {
                last.pop_front();
            }
            last.push_back(line.to_owned());
        });
    }
    let status = child.wait().or_fail(Class::Internal, STEP, || "waiting for mmdebstrap".into())?;
    bar.finish_and_clear();
    let stopped = stopper.end();
    if stopped {
        return Err(Error::new(Class::Template, STEP, "interrupted"));
    }
    if status.success() {
        return Ok(());
    }
    // The first E: is the cause; what follows it is mmdebstrap giving up.
    let told = |line: &&String| line.starts_with("E: ");
    let cause = last.iter().find(told).or_else(|| last.back()).map_or("it said nothing", String::as_str);
    Err(Error::new(Class::Template, STEP, format!("mmdebstrap failed with {status}: {}", cause.trim_start_matches("E: ")))
        .advice(format!("everything it said is in {}", log_path.display())))
}

fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Lines ended by newline or carriage return; progress bars of apt end in the latter.
fn each_line(from: impl Read, mut each: impl FnMut(&str)) {
    let mut line = Vec::new();
    for byte in BufReader::new(from).bytes().map_while(Result::ok) {
        if matches!(byte, b'\n' | b'\r') {
            let text = String::from_utf8_lossy(&line).trim().to_owned();
            if !text.is_empty() {
                each(&text);
            }
            line.clear();
        } else if line.len() < 4096 {
            line.push(byte);
        }
    }
    let text = String::from_utf8_lossy(&line).trim().to_owned();
    if !text.is_empty() {
        each(&text);
    }
}

/// Passes INT and TERM on to mmdebstrap, which unmounts and goes, so that we live to remove the half tree.
struct Stopper {
    handle: Option<signal_hook::iterator::Handle>,
    thread: Option<std::thread::JoinHandle<bool>>,
}

impl Stopper {
    fn new(child: u32) -> Self {
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return Self { handle: None, thread: None } };
        // Opened before the child is waited for: this is it and nobody else.
        let child = i32::try_from(child).ok().and_then(|pid| PidFd::open(Pid::from_raw(pid)).ok());
        let handle = signals.handle();
        let thread = std::thread::spawn(move || {
            let mut stopped = false;
            for _ in signals.forever() {
                stopped = true;
                // ESRCH: it has ended by itself.
                let _ = child.as_ref().map(|child| child.signal(Signal::SIGTERM));
            }
            stopped
        });
        Self { handle: Some(handle), thread: Some(thread) }
    }

    /// Stops listening; was there a signal?
    fn end(mut self) -> bool {
        if let Some(handle) = self.handle.take() {
            handle.close();
        }
        self.thread.take().is_some_and(|thread| thread.join().unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn args(source: &str, include: &[&str]) -> TemplateBuild {
        TemplateBuild {
            source: source.parse().unwrap(),
            name: None,
            include: include.iter().map(|name| (*name).to_owned()).collect(),
            mirror: None,
            variant: "minbase".into(),
            replace: false,
        }
    }

    #[test]
    fn an_order_becomes_arguments() {
        let order = Order::new(&args("debian:bookworm", &["nginx", ""])).unwrap();
        let arguments = order.arguments("/p,1.deb", "/t");
        assert_eq!(arguments.last().unwrap(), "/t");
        assert!(arguments.iter().any(|word| word == "--include=/p,1.deb"));
        assert!(arguments.iter().any(|word| word.starts_with("--include=") && word.contains(",nginx,")));
        let mut ubuntu = args("ubuntu:noble", &[]);
        let arguments = Order::new(&ubuntu).unwrap().arguments("/p.deb", "/t");
        let lines: Vec<&String> = arguments.iter().filter(|word| word.starts_with("deb [signed-by=/")).collect();
        assert_eq!(lines.len(), 3, "{arguments:?}");
        assert!(lines[1].contains(" noble-updates main universe") && lines[2].contains(" noble-security main universe"), "{lines:?}");
        assert!(arguments.iter().any(|word| word.starts_with("--include=apt,") && word.contains(",ubuntu-keyring")), "{arguments:?}");
        ubuntu.mirror = Some("http://mirror/ubuntu".into());
        assert_eq!(Order::new(&ubuntu).unwrap().arguments("/p.deb", "/t").last().unwrap(), "http://mirror/ubuntu");
    }

    #[test]
    fn nonsense_orders_are_refused() {
        for (source, include) in
            [("debian", ""), ("debian:", ""), ("gentoo:x", ""), ("debian:x", "--hook"), ("debian:x", "a b"), ("debian:x", "X")]
        {
            assert_eq!(Order::new(&args(source, &[include])).unwrap_err().class(), Class::Value, "{source} {include}");
        }
        let mut bad = args("debian:bookworm", &[]);
        for mirror in ["ftp://x", "--x", "http://x y", "deb http://x y main"] {
            bad.mirror = Some(mirror.into());
            assert!(Order::new(&bad).is_err(), "{mirror}");
        }
    }

    #[test]
    fn a_tree_with_another_init_is_no_template() {
        let root = tempfile::tempdir().unwrap();
        let status = root.path().join("var/lib/dpkg/status");
        std::fs::create_dir_all(status.parent().unwrap()).unwrap();
        let stanza = |name: &str| format!("Package: {name}\nStatus: install ok installed\n\n");
        let said = |names: &[&str]| {
            std::fs::write(&status, names.iter().map(|name| stanza(name)).collect::<String>()).unwrap();
            without_systemd(root.path()).map_err(|error| error.line())
        };
        assert_eq!(said(&["bash", "fief-guest"]), Ok(()));
        assert!(said(&["fief-guest", "systemd-sysv"]).unwrap_err().contains("systemd-sysv"));
        assert!(said(&["bash"]).unwrap_err().contains("fief-guest"));
    }

    #[test]
    fn lines_end_in_either_way() {
        let mut lines = Vec::new();
        each_line(&b"I: one\r 10%\r\nlast"[..], |line| lines.push(line.to_owned()));
        assert_eq!(lines, ["I: one", "10%", "last"]);
    }
}
