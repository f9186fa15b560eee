//! What containers must not leave behind, and the broom for when they did.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, umount2};

use crate::{Host, cgroups};

/// Everything of this host that outlived its containers.
pub(crate) fn of(host: &Host) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(mounts(host).iter().map(|path| format!("mount {path}")));
    for root in cgroups::roots() {
        let ours = root.join(&host.name);
        found.extend(cgroups::tree(&ours).iter().filter(|path| **path != ours).map(|path| format!("cgroup {}", path.display())));
    }
    found.extend(processes(host).iter().map(|pid| format!("process {pid} {}", command_line(*pid))));
    found.extend(links(host).iter().map(|link| format!("link {link}")));
    found.extend(
        names_in(&host.path("/run/fief/containers")).iter().filter(|name| !forgotten(host, name)).map(|name| format!("record {name}")),
    );
    found.extend(loops(host).iter().map(|device| format!("loop device {device}")));
    found
}

/// The same, but for processes that are just ending: a keeper lets go of everything before it is gone itself.
pub(crate) fn lasting(host: &Host) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let found = of(host);
        if !found.iter().any(|what| what.starts_with("process")) || begun.elapsed() > Duration::from_secs(10) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Removes it all by force.
pub(crate) fn sweep(host: &Host) {
    let top = cgroups::unified().join(&host.name);
    drop(fs::write(top.join("cgroup.kill"), "1"));
    for pid in processes(host) {
        drop(nix_kill(pid));
    }
    for path in mounts(host).iter().rev() {
        let _ = umount2(path.as_str(), MntFlags::MNT_DETACH);
    }
    for _ in 0..200 {
        for root in cgroups::roots() {
            for cgroup in cgroups::tree(&root.join(&host.name)) {
                drop(fs::remove_dir(cgroup));
            }
        }
        if !cgroups::roots().iter().any(|root| root.join(&host.name).exists()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn nix_kill(pid: i32) -> std::io::Result<std::process::ExitStatus> {
    std::process::Command::new("kill").args(["-9", &pid.to_string()]).status()
}

/// Mount points below the root, but for those of the test's own, in the order they were made.
fn mounts(host: &Host) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    let is_own = |point: &str| host.mounted().iter().any(|own| own == Path::new(point));
    points.filter(|point| Path::new(point).starts_with(host.root()) && !is_own(point)).map(str::to_owned).collect()
}

/// Processes that were started for this host: its root is in their environment, or they are in its cgroup.
fn processes(host: &Host) -> Vec<i32> {
    let mark = format!("FIEF_ROOT={}", host.root().display());
    let mut found = cgroups::processes(&cgroups::unified().join(&host.name));
    for pid in names_in(Path::new("/proc")).iter().filter_map(|name| name.parse::<i32>().ok()) {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
            found.push(pid);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Links in its network namespace, but for the loopback and the bridge, which stays.
fn links(host: &Host) -> Vec<String> {
    let list = host.network(&["ip", "-o", "link"]).stdout;
    let names = list.lines().filter_map(|line| line.split(": ").nth(1)).map(|name| name.split('@').next().unwrap_or(name).to_owned());
    names.filter(|name| name != "lo" && *name != host.name).collect()
}

fn loops(host: &Host) -> Vec<String> {
    let backed = |device: &String| {
        let file = fs::read_to_string(format!("/sys/block/{device}/loop/backing_file")).unwrap_or_default();
        Path::new(file.trim()).starts_with(host.root())
    };
    names_in(Path::new("/sys/block")).into_iter().filter(backed).collect()
}

/// A run-time folder that holds nothing but an unheld lock says nothing about a container.
fn forgotten(host: &Host, name: &str) -> bool {
    names_in(&host.path("/run/fief/containers").join(name)).iter().all(|entry| entry == "lock")
}

fn command_line(pid: i32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).replace('\0', " ")
}

fn names_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
