#![allow(clippy::unwrap_used)]
use super::*;

/// What the made-up system says of itself.
const FILES: &[(&str, &str)] = &[
    ("proc/self/status", "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t4 27 \nCpus_allowed:\tf,00000003\nCapBnd:\t0000000002000000\n"),
    ("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"),
    ("proc/sys/kernel/hostname", "Shop-1\n"),
    ("etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
    ("proc/meminfo", "MemTotal:        2097152 kB\nMemFree: 1 kB\n"),
    ("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu sse2 pclmulqdq xsave\n"),
    ("proc/pressure/memory", "some avg10=9.00 avg60=9.00 avg300=9.00 total=9\nfull avg10=3.50 avg60=2.00 avg300=1.00 total=9\n"),
    ("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.01 total=9\n"),
    ("sys/module/br_netfilter/initstate", "live\n"),
    ("sys/module/slow/initstate", "coming\n"),
    ("sys/module/unix/parameters/x", ""),
    ("sys/class/dmi/id/sys_vendor", "QEMU\n"),
    ("proc/device-tree/compatible", "acme,board\0acme,chip\0"),
    ("given/password", ""),
];

const ROWS: &[(Question, &str, Option<bool>)] = &[
    (Question::Capability, "CAP_SYS_TIME", Some(true)),
    (Question::Capability, "CAP_SYS_BOOT", Some(false)),
    (Question::Capability, "CAP_NONSENSE", None),
    (Question::Null, "", Some(true)),
    (Question::Security, "apparmor", Some(false)),
    (Question::Architecture, "native", Some(true)),
    (Question::Architecture, "tilegx", Some(false)),
    (Question::KernelVersion, ">=5.10 <7", Some(true)),
    (Question::KernelVersion, "6.1.*", Some(true)),
    (Question::KernelVersion, "!$=6.1.*", Some(false)),
    (Question::KernelVersion, "=6.1.0-18-amd64", Some(true)),
    (Question::KernelVersion, ">", None),
    (Question::Version, "kernel > 6", Some(true)),
    (Question::Version, "systemd > 6", Some(false)),
    (Question::Version, "kernel", None),
    (Question::Host, "shop-*", Some(true)),
    (Question::Host, "SHOP-1", Some(true)),
    (Question::Host, "shop", Some(false)),
    (Question::Host, "01234567-89ab-cdef-0123-456789ABCDEF", Some(true)),
    (Question::Host, "11234567-89ab-cdef-0123-456789abcdef", Some(false)),
    (Question::ControlGroupController, "v1", Some(true)),
    (Question::ControlGroupController, "v2", Some(false)),
    (Question::ControlGroupController, "cpu", Some(false)),
    (Question::ControlGroupController, "nonsense", Some(true)),
    (Question::Memory, "2G", Some(true)),
    (Question::Memory, "> 2G", Some(false)),
    (Question::Memory, "<= 2048M", Some(true)),
    (Question::Memory, "much", None),
    (Question::Cpus, "6", Some(true)),
    (Question::Cpus, "=6", Some(true)),
    (Question::Cpus, ">6", Some(false)),
    (Question::Cpus, "many", None),
    (Question::User, "root", Some(true)),
    (Question::User, "@system", Some(true)),
    (Question::User, "0", Some(true)),
    (Question::User, "1000", Some(false)),
    (Question::User, "postgres", Some(false)),
    (Question::Group, "root", Some(true)),
    (Question::Group, "27", Some(true)),
    (Question::Group, "28", Some(false)),
    (Question::Group, "adm", Some(false)),
    (Question::Environment, "MODE", Some(true)),
    (Question::Environment, "MODE=a=b", Some(true)),
    (Question::Environment, "MODE=a", Some(false)),
    (Question::Environment, "MOD", Some(false)),
    (Question::KernelCommandLine, "quiet", Some(true)),
    (Question::KernelCommandLine, "fief.mode", Some(true)),
    (Question::KernelCommandLine, "fief.mode=x", Some(true)),
    (Question::KernelCommandLine, "fief.mode=y", Some(false)),
    (Question::KernelCommandLine, "fief", Some(false)),
    (Question::OsRelease, "ID=debian VERSION_ID>=11", Some(true)),
    (Question::OsRelease, "ID=debian VERSION_ID>=13", Some(false)),
    (Question::OsRelease, "ID$=deb*", Some(true)),
    (Question::OsRelease, "NOSUCH!=x", Some(true)),
    (Question::OsRelease, "ID", None),
    (Question::CpuFeature, "SSE2", Some(true)),
    (Question::CpuFeature, "pclmul", Some(true)),
    (Question::CpuFeature, "avx", Some(false)),
    (Question::MemoryPressure, "1%", Some(true)),
    (Question::MemoryPressure, "3.49%/10sec", Some(false)),
    (Question::MemoryPressure, "2%/1min", Some(true)),
    (Question::MemoryPressure, "system.slice:0%", Some(true)),
    (Question::MemoryPressure, "system.service:0%", None),
    (Question::MemoryPressure, "2", None),
    (Question::CpuPressure, "0%", Some(false)),
    (Question::IoPressure, "0%", Some(true)),
    (Question::KernelModuleLoaded, "br-netfilter", Some(true)),
    (Question::KernelModuleLoaded, "slow", Some(false)),
    (Question::KernelModuleLoaded, "unix", Some(true)),
    (Question::KernelModuleLoaded, "no_such", Some(false)),
    (Question::KernelModuleLoaded, "../module/unix", Some(false)),
    (Question::Credential, "password", Some(true)),
    (Question::Credential, "other", Some(false)),
    (Question::Credential, "../etc", Some(false)),
    (Question::Firmware, "uefi", Some(false)),
    (Question::Firmware, "device-tree", Some(false)),
    (Question::Firmware, "device-tree-compatible(acme,chip)", Some(true)),
    (Question::Firmware, "device-tree-compatible(acme)", Some(false)),
    (Question::Firmware, "smbios-field(sys_vendor = QEMU)", Some(true)),
    (Question::Firmware, "smbios-field(sys_vendor $= Q*U)", Some(true)),
    (Question::Firmware, "smbios-field(bios_vendor = QEMU)", Some(false)),
    (Question::Firmware, "smbios-field(sys_vendor)", None),
];

fn facts(root: &Path) -> Facts {
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
    let environment = [("MODE", "a=b"), ("CREDENTIALS_DIRECTORY", "/given")];
    Facts {
        first_boot: false,
        container: Some("fief".to_owned()),
        root: root.to_owned(),
        arguments: words(&["/sbin/init", "quiet", "fief.mode=x"]),
        environment: environment.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    }
}

fn made_up() -> (tempfile::TempDir, Facts) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in FILES {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let facts = facts(folder.path());
    (folder, facts)
}

#[test]
fn a_made_up_system_answers() {
    let (_folder, facts) = made_up();
    for (question, value, expected) in ROWS {
        assert_eq!(facts.hold(&Test { question: *question, value: (*value).to_owned() }, None), *expected, "{question:?} {value}");
    }
}

#[test]
fn an_update_is_needed_until_its_stamp_is_as_new_as_usr() {
    let (folder, facts) = made_up();
    let at = |path: &str| folder.path().join(path);
    let needs = || facts.hold(&Test { question: Question::NeedsUpdate, value: "/etc".to_owned() }, None);
    let set = |path: &str, seconds: i64, parts: i64| {
        let time = nix::sys::time::TimeSpec::new(seconds, parts);
        nix::sys::stat::utimensat(nix::fcntl::AT_FDCWD, &at(path), &time, &time, nix::sys::stat::UtimensatFlags::NoFollowSymlink).unwrap();
    };
    fs::create_dir(at("usr")).unwrap();
    assert_eq!(needs(), Some(true), "there is no stamp");
    fs::write(at("etc/.updated"), "TIMESTAMP_NSEC=100000000007\n").unwrap();
    for (usr, stamp, expected) in [
        ((100, 0), (99, 0), true),
        ((100, 0), (100, 0), false),
        ((100, 0), (101, 0), false),
        ((100, 8), (100, 9), false),
        ((100, 9), (100, 8), true),
        // No parts of a second: the stamp says them itself.
        ((100, 7), (100, 0), false),
        ((100, 8), (100, 0), true),
    ] {
        set("usr", usr.0, usr.1);
        set("etc/.updated", stamp.0, stamp.1);
        assert_eq!(needs(), Some(expected), "{usr:?} {stamp:?}");
    }
    assert_eq!(facts.hold(&Test { question: Question::NeedsUpdate, value: "etc".to_owned() }, None), Some(true));
}

#[test]
fn a_container_is_one_and_of_its_kind() {
    let facts = facts(Path::new("/"));
    for (kind, expected) in [("container", true), ("yes", true), ("no", false), ("fief", true), ("lxc", false), ("vm", false)] {
        let test = Test { question: Question::Virtualization, value: kind.to_owned() };
        assert_eq!(facts.hold(&test, None), Some(expected), "{kind}");
    }
}

#[test]
fn paths_are_asked_for() {
    let facts = facts(Path::new("/"));
    for (question, path, expected) in [
        (Question::PathIsDirectory, "/proc", true),
        (Question::PathIsMountPoint, "/proc", true),
        (Question::PathIsMountPoint, "/proc/self", false),
        (Question::PathExists, "/proc/cpu*", true),
        (Question::PathExists, "/proc/no-such*", false),
    ] {
        assert_eq!(facts.hold(&Test { question, value: path.to_owned() }, None), Some(expected), "{question:?} {path}");
    }
}
