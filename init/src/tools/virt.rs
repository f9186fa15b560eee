//! `systemd-detect-virt`: what this is, if it is no machine of its own. systemd-detect-virt(1).
//!
//! ```text
//!   container   /run/host/container-manager, /run/systemd/container, PID 1's environment, marks of other managers
//!   vm          the firmware's names, then the kernel's clocks for guests, then the processor's word
//! ```

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::ExitCode;

use super::{fail, output};
use crate::file;
use crate::getopt::{Opt, Takes};

const OPTIONS: &[Opt] = &[
    Opt("container", 'c', Takes::Nothing),
    Opt("vm", 'v', Takes::Nothing),
    Opt("chroot", 'r', Takes::Nothing),
    Opt("private-users", '\0', Takes::Nothing),
    Opt("quiet", 'q', Takes::Nothing),
    Opt("list", '\0', Takes::Nothing),
];

const HELP: &str = "\
systemd-detect-virt [OPTIONS...]

Detect execution in a virtualized environment.

  -h --help             Show this help
     --version          Show package version
  -c --container        Only detect whether we are run in a container
  -v --vm               Only detect whether we are run in a VM
  -r --chroot           Detect whether we are run in a chroot() environment
     --private-users    Only detect whether we are running in a user namespace
  -q --quiet            Don't output anything, just set return value
     --list             List all known and detectable types of virtualization
";

const NONE: &str = "none";
const VMS: [&str; 19] = [
    "kvm",
    "amazon",
    "qemu",
    "bochs",
    "xen",
    "uml",
    "vmware",
    "oracle",
    "microsoft",
    "zvm",
    "parallels",
    "bhyve",
    "qnx",
    "acrn",
    "powervm",
    "apple",
    "sre",
    "google",
    "vm-other",
];
/// What a container that is none of the others is called.
const OTHER: &str = "container-other";
const CONTAINERS: [&str; 11] =
    ["systemd-nspawn", "lxc-libvirt", "lxc", "openvz", "docker", "podman", "rkt", "wsl", "proot", "pouch", OTHER];

/// How firmware's names begin, and whose they are.
const FIRMWARE: [(&str, &str); 12] = [
    ("KVM", "kvm"),
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("Amazon EC2", "amazon"),
    ("QEMU", "qemu"),
    ("VMware", "vmware"),
    ("VMW", "vmware"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("Google Compute Engine", "google"),
];
/// The kernel's clocks that only a guest has.
const CLOCKS: [(&str, &str); 3] = [("kvm-clock", "kvm"), ("hyperv", "microsoft"), ("xen", "xen")];

/// What was asked for.
#[derive(Clone, Copy)]
enum Asked {
    Any,
    Container,
    Vm,
    Chroot,
    PrivateUsers,
}

pub(crate) fn run(name: &str, words: &[String]) -> ExitCode {
    let line = match super::line(name, OPTIONS, HELP, words) {
        Ok(line) => line,
        Err(status) => return status,
    };
    if !line.operands.is_empty() {
        return fail(format_args!("{name} takes no arguments."));
    }
    if line.has("list") {
        let all = [NONE].into_iter().chain(VMS).chain(CONTAINERS);
        return output(&all.map(|kind| format!("{kind}\n")).collect::<String>());
    }
    let mut asked = Asked::Any;
    for (option, _) in &line.options {
        match *option {
            "container" => asked = Asked::Container,
            "vm" => asked = Asked::Vm,
            "chroot" => asked = Asked::Chroot,
            "private-users" => asked = Asked::PrivateUsers,
            _ => {}
        }
    }
    let found = match asked {
        Asked::Any => any(),
        Asked::Container => container(),
        Asked::Vm => vm(),
        Asked::Chroot => match is_chroot() {
            Ok(is) => return status(is),
            Err(error) => return refuse_chroot(&error),
        },
        Asked::PrivateUsers => return status(has_private_users()),
    };
    if !line.has("quiet") {
        output(&format!("{}\n", found.unwrap_or(NONE)));
    }
    status(found.is_some())
}

fn status(is: bool) -> ExitCode {
    if is { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn refuse_chroot(error: &std::io::Error) -> ExitCode {
    fail(format_args!("Failed to check for chroot() environment: {}", crate::say::reason(error)))
}

/// The kind of container, by what its manager has left.
pub(super) fn container() -> Option<&'static str> {
    let word = |path: &str| file::read_text(path, file::USUAL).ok().and_then(|text| text.lines().next().map(str::to_owned));
    let named = word("/run/host/container-manager").or_else(|| word("/run/systemd/container")).or_else(|| {
        // Anybody may be asked for but PID 1's own variables: whoever is not root takes what he has himself.
        let environment = fs::read("/proc/1/environ").map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let of_pid_1 = environment.split('\0').find_map(|entry| entry.strip_prefix("container=")).map(str::to_owned);
        of_pid_1.or_else(|| std::env::var("container").ok())
    });
    match named.as_deref() {
        None | Some("") => {}
        // As podman says it of docker's images.
        Some("oci") => return marked().or(Some(OTHER)),
        Some(name) => return Some(CONTAINERS.into_iter().find(|known| *known == name).unwrap_or(OTHER)),
    }
    marked()
}

/// Whatever it is.
pub(super) fn any() -> Option<&'static str> {
    container().or_else(vm)
}

/// The marks of managers that tell PID 1 nothing.
fn marked() -> Option<&'static str> {
    let is = |path: &str| Path::new(path).exists();
    if is("/run/.containerenv") {
        Some("podman")
    } else if is("/.dockerenv") {
        Some("docker")
    } else if is("/proc/vz") && !is("/proc/bc") {
        Some("openvz")
    } else {
        None
    }
}

/// The kind of virtual machine beneath. Where a guest is shown neither firmware nor clocks the processor still tells that there is one.
fn vm() -> Option<&'static str> {
    let named = ["product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"].into_iter().find_map(|field| {
        let text = file::read_text(format!("/sys/class/dmi/id/{field}"), file::USUAL).ok()?;
        FIRMWARE.into_iter().find(|(begin, _)| text.starts_with(begin)).map(|(_, kind)| kind)
    });
    let hypervisor = file::read_text("/sys/hypervisor/type", file::USUAL).ok().filter(|text| text.trim() == "xen").map(|_| "xen");
    let clocks = || {
        let text = file::read_text("/sys/devices/system/clocksource/clocksource0/available_clocksource", file::USUAL).ok()?;
        CLOCKS.into_iter().find(|(clock, _)| text.contains(clock)).map(|(_, kind)| kind)
    };
    let flagged = || {
        let text = file::read_up_to("/proc/cpuinfo", 16 * 1024).ok()?;
        let text = String::from_utf8_lossy(&text);
        let flags = text.lines().find(|line| line.starts_with("flags"))?;
        flags.split_whitespace().any(|flag| flag == "hypervisor").then_some("vm-other")
    };
    // QEMU is what makes the firmware; the kernel's own clock for KVM says who runs the processor.
    match named.or(hypervisor) {
        Some("qemu") | None => clocks().or(named).or_else(flagged),
        known => known,
    }
}

/// PID 1 sees another root. Refused to whoever may not look at PID 1.
fn is_chroot() -> std::io::Result<bool> {
    let (own, of_pid_1) = (fs::metadata("/")?, fs::metadata("/proc/1/root")?);
    Ok((own.dev(), own.ino()) != (of_pid_1.dev(), of_pid_1.ino()))
}

/// The first user namespace maps everybody to himself; user_namespaces(7).
fn has_private_users() -> bool {
    fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| map.split_whitespace().ne(["0", "0", "4294967295"]))
}
