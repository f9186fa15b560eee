//! From the first instruction to the first unit.
//!
//! Invariant: nothing here is fatal but the lack of epoll or signalfd. What a foreign manager
//! does not permit (mounts, control groups, a writable /etc) is told once, and init goes on
//! without it.

mod cgroups;
pub(crate) mod files;
mod mounts;
mod slices;

pub(crate) use mounts::BOOT_ID;
pub(crate) use slices::{Read, Slices, read_units};

use std::collections::VecDeque;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use kernel::cgroup::Group;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use supervisor::{Config, Supervisor};
use units::{Map, Reader, SourceFile, UnitName, UnitSet};

use crate::again::{self, Library, Lost, Notes};
use crate::console::{Console, Tone};
use crate::control::Control;
use crate::hands::{Facts, Hands, Queue};
use crate::journal::Journal;
use crate::keeper::Keeper;
use crate::manner::Manner;
use crate::notify::Notify;
use crate::reactor::{Reactor, Source};
use crate::stamps::Stamps;
use crate::syslog::Syslog;
use crate::system::System;
use crate::turns::Turns;
use crate::{fault, file, guard, say};

/// Started when nothing else is said, the first that is there.
const DEFAULT_TARGETS: [&str; 2] = ["default.target", "multi-user.target"];
/// What an ordered end may take in all.
const SHUTDOWN_BUDGET: Duration = Duration::from_secs(25);
/// `PROC_PID_INIT_INO` of include/linux/proc_ns.h: the first pid namespace.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// What the command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Options {
    /// Unit folders instead of the usual ones.
    folders: Vec<String>,
    /// Without the units that come with init.
    bare: bool,
    /// The unit to start instead of the default target.
    target: Option<String>,
    /// Go on although not PID 1, in the machine's own pid namespace.
    anyway: bool,
    /// The ledger of an earlier life of the program.
    restore: Option<i32>,
    /// Words that mean nothing to init; a kernel hands down what its command line leaves over.
    unknown: Vec<String>,
}

impl Options {
    /// Read them. Nothing is refused: PID 1 cannot end with a usage message.
    pub(crate) fn read(arguments: &[String]) -> Self {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--units" => options.folders.extend(arguments.next().cloned()),
                "--bare" => options.bare = true,
                "--target" => options.target = arguments.next().cloned(),
                "--supervise" => options.anyway = true,
                again::OPTION => options.restore = arguments.next().and_then(|number| number.parse().ok()),
                other => options.unknown.push(other.to_owned()),
            }
        }
        options
    }
}

/// Boot and run.
pub(crate) fn run(options: &Options) -> ExitCode {
    let is_pid_1 = std::process::id() == 1;
    if !is_pid_1
        && options.restore.is_none()
        && let Some(why) = unwanted(options)
    {
        say::error(format_args!("fief-init: {why}"));
        return ExitCode::from(2);
    }
    fault::keep();
    name_the_process(is_pid_1);
    if let Some(number) = options.restore {
        match guard::caught(|| again::restore(number, is_pid_1)) {
            Some(Ok(system)) => return system.run(),
            Some(Err(Lost::Hope)) => {
                say::error(format_args!("fief-init: a fault again while leaving because of faults; that is the end"));
                return ExitCode::from(again::HOPELESS);
            }
            Some(Err(Lost::State(why))) => begin_over(&why, is_pid_1),
            None => begin_over(&fault::last(), is_pid_1),
        }
    }
    let why = match guard::caught(|| begin(options, is_pid_1)) {
        Some(Ok(system)) => return system.run(),
        Some(Err(error)) => error.desc().to_owned(),
        None => fault::last(),
    };
    say::error(format_args!("fief-init: cannot begin: {why}"));
    ExitCode::from(crate::leave::BROKEN)
}

/// Why a process that is not the first of a container does not begin. One that did beside a PID 1 of ours would take its sockets from it.
fn unwanted(options: &Options) -> Option<String> {
    if UnixStream::connect(units::control::CONTROL_SOCKET).is_ok() {
        return Some(format!("another one answers at {} (fiefctl speaks to it)", units::control::CONTROL_SOCKET));
    }
    let id = std::process::id();
    (!options.anyway).then(|| format!("this is process {id}, not PID 1 of a container (--supervise to run units all the same)"))
}

/// PID 1 is called "init": whoever asks what init there is takes that for the question of where systemd's folders are (Ansible's
/// `service_mgr`), and any other name for the answer. Elsewhere it is what it was called before: a program begun anew by /proc/self/exe
/// is called "exe". proc_pid_comm(5).
fn name_the_process(is_pid_1: bool) {
    let path = std::env::args().next().unwrap_or_default();
    let name = if is_pid_1 { "init" } else { path.rsplit('/').next().unwrap_or_default() };
    if let Ok(name) = std::ffi::CString::new(name) {
        kernel::process::set_name(&name);
    }
}

/// The state is lost. What runs is nobody's any more, and goes: every unit begins anew.
fn begin_over(why: &str, is_pid_1: bool) {
    say::error(format_args!("fief-init: the state is lost: {why}; every unit begins anew"));
    crate::leave::kill_units(own_group(is_pid_1).0.as_ref());
}

fn begin(options: &Options, is_pid_1: bool) -> Result<System, Errno> {
    let began = kernel::time::boottime();
    let mut remarks = prepare_process(is_pid_1);
    let mut reactor = Reactor::new()?;
    let signals = kernel::signal::descriptor()?;
    reactor.watch(&signals, Source::Signals)?;

    let (group, without) = own_group(is_pid_1);
    remarks.extend(group.as_ref().and_then(cgroups::not_handed_down));
    let facts = Facts::gather();
    let mut library = Library::default();
    let none = Stamps::default();
    library.take(again::text_of(&[], &none), none, &[]);
    let none = UnitSet::default();
    let config = config(options, &none).ok_or(Errno::EINVAL)?;
    let supervisor = Supervisor::new(none, config);
    let mut system = System {
        began,
        manners: Map::new(),
        supervisor,
        reactor,
        hands: Hands::new(group, facts),
        journal: Journal::default(),
        console: if is_pid_1 { Console::of_system() } else { Console::standard_output() },
        console_watch: None,
        control: Control::new(),
        signals,
        notify: None,
        syslog: None,
        keeper: Keeper::from_environment(),
        queue: Queue::new(),
        heard: 0,
        orders: VecDeque::new(),
        happened: VecDeque::new(),
        turns: Turns::new(),
        ticking: false,
        more_to_reap: true,
        more_to_sweep: false,
        more_to_copy: false,
        deadline: None,
        options: options.clone(),
        library,
        reading: None,
        broken: None,
        notes: Notes::default(),
    };
    for remark in remarks {
        system.say(Tone::Notice, &remark);
    }
    if let Some(why) = without {
        system.say(Tone::Notice, &format!("units run without control groups of their own: {why}"));
    }
    for word in &options.unknown {
        system.say(Tone::Quiet, &format!("{word:?} means nothing to init"));
    }
    open_sockets(&mut system);
    system.read_first();
    system.begin_notes();
    Ok(system)
}

/// The group above all units, or why there is none.
pub(crate) fn own_group(is_pid_1: bool) -> (Option<Group>, Option<String>) {
    if !is_pid_1 {
        return (None, Some("not PID 1".to_owned()));
    }
    match cgroups::take(in_first_pid_namespace()) {
        Ok(group) => (Some(group), None),
        Err(why) => (None, Some(say::chain(&why))),
    }
}

/// The process itself and the file systems; what could not be had.
fn prepare_process(is_pid_1: bool) -> Vec<String> {
    kernel::process::ensure_standard_descriptors();
    let _ = kernel::process::close_on_exec_from_3();
    // A working directory elsewhere would keep its file system from being unmounted.
    let _ = std::env::set_current_dir("/");
    umask(Mode::from_bits_truncate(0o022));
    let mut remarks = Vec::new();
    if is_pid_1 {
        remarks = mounts::complete();
        // Soft: where it is not permitted, init is killed no earlier than the others.
        let _ = fs::write("/proc/self/oom_score_adj", "-900");
        lengthen_queues();
    } else if let Err(errno) = kernel::process::become_subreaper() {
        remarks.push(format!("orphans will not be reaped: {}", errno.desc()));
    }
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    remarks
}

/// How many datagrams may wait in a unix socket made from here on, as systemd's PID 1 has it: with the kernel's ten a log loses what is said while who
/// receives it is still starting. Soft: in a network namespace of somebody else's it is not ours to say.
fn lengthen_queues() {
    const LENGTH: u32 = 512;
    let path = "/proc/sys/net/unix/max_dgram_qlen";
    let now = fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u32>().ok());
    if now.is_some_and(|now| now < LENGTH) {
        let _ = fs::write(path, LENGTH.to_string());
    }
}

/// Whether this is a system's init: the stock units set a whole system up, down to emptying /tmp, and generators write to /run; never
/// the machine's own when this is only a supervisor on it.
fn is_guest() -> bool {
    std::process::id() == 1 || !in_first_pid_namespace()
}

/// Whether the units are those of the system, where generators' are looked for.
pub(crate) fn reads_the_usual(options: &Options) -> bool {
    options.folders.is_empty() && is_guest()
}

/// The units of text that was read before, with these instances of templates.
pub(crate) fn units_of(sources: Vec<SourceFile>, instances: Vec<UnitName>) -> UnitSet {
    let read = || Reader::new(files::specifiers()).with_instances(instances).read(sources);
    guard::caught(read).unwrap_or_default().0
}

/// What the supervisor is told once.
pub(crate) fn config(options: &Options, units: &UnitSet) -> Option<Config> {
    Some(Config { default_target: default_target(options, units)?, shutdown_budget: SHUTDOWN_BUDGET, random: chance() })
}

fn default_target(options: &Options, units: &UnitSet) -> Option<UnitName> {
    let asked = options.target.as_deref().and_then(|name| UnitName::new(name).ok());
    let mut usual = DEFAULT_TARGETS.iter().filter_map(|name| UnitName::new(name).ok());
    let known = usual.clone().find(|name| units.entry(name).is_some());
    asked.or(known).or_else(|| usual.next_back())
}

/// What the units say about their logs.
pub(crate) fn logging(system: &mut System) {
    // Of units that have gone nothing is left.
    system.manners.clear();
    let all: Vec<UnitName> = system.supervisor.units().iter().map(|(name, _)| name.clone()).collect();
    for name in &all {
        log_of(system, name);
    }
}

/// What one says about its own.
pub(crate) fn log_of(system: &mut System, name: &UnitName) {
    let Some(service) = system.supervisor.units().unit(name).and_then(|unit| unit.service()) else { return };
    system.manners.insert(name.clone(), Manner::of(&service.log));
    if let Some(keep) = service.log.keep {
        system.journal.reserve(name, usize::try_from(keep.0).unwrap_or(usize::MAX));
    }
}

/// The sockets people and services find init by. A read-only /run costs them, nothing more.
fn open_sockets(system: &mut System) {
    let _ = fs::create_dir_all("/run/fief");
    if let Err(error) = system.control.bind(&mut system.reactor) {
        system.say(Tone::Bad, &format!("no control socket: {error}"));
    }
    open_notify(system);
    if std::process::id() == 1 {
        if let Ok(Some(syslog)) = Syslog::bind() {
            let _ = system.reactor.watch(&syslog, Source::Syslog);
            system.syslog = Some(syslog);
        }
        // Many programs look for the container's kind here and nowhere else.
        if let Some(kind) = system.hands.container() {
            let _ = fs::create_dir_all("/run/systemd").and_then(|()| fs::write("/run/systemd/container", kind));
        }
        // By this folder maintainer scripts and programs know that units are what starts services here. sd_booted(3)
        if reads_the_usual(&system.options) {
            let _ = fs::create_dir_all("/run/systemd/system");
        }
    }
}

/// The socket services tell by, anew if there was one.
pub(crate) fn open_notify(system: &mut System) {
    if let Some((notify, watch)) = system.notify.take() {
        system.reactor.forget(&notify, watch);
    }
    let bound = Notify::bind().and_then(|notify| {
        let watch = system.reactor.watch(&notify, Source::Notify)?;
        Ok((notify, watch))
    });
    match bound {
        Ok(notify) => system.notify = Some(notify),
        Err(error) => system.say(Tone::Bad, &format!("no notify socket: {error}")),
    }
}

fn in_first_pid_namespace() -> bool {
    use std::os::unix::fs::MetadataExt;
    // Unknown counts as first: the careful answer.
    fs::metadata(Path::new("/proc/self/ns/pid")).map_or(true, |about| about.ino() == FIRST_PID_NAMESPACE)
}

/// A number that differs from container to container and from boot to boot.
fn chance() -> u64 {
    let uuid = file::read_text("/proc/sys/kernel/random/uuid", 64).unwrap_or_default();
    uuid.split('-').filter_map(|part| u64::from_str_radix(part.trim(), 16).ok()).fold(0, |all, part| all.rotate_left(16) ^ part)
}
