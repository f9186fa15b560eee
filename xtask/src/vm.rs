//! A throw-away virtual machine whose only cgroup hierarchy is pure version 2.
//!
//! ```text
//! Debian's kernel (apt-get download) ─ unpacked to vmlinux, booted by PVH
//! initramfs  = busybox + the modules we need ─ early.sh mounts the two disks, stage2.sh the rest
//! disk root  = a Debian tree as ext4, thrown away after the run (snapshot=on)
//! disk payload = a directory as ext4, at /payload
//! virtio-serial vm.log = the command's output, vm.status = its exit status
//! ```
//!
//! Everything is emulated (TCG; set FIEF_VM_KVM to use KVM): computing is some ten times slower, forking more so.
//! So one boot serves a whole suite, and time limits are generous.

mod disk;
mod initramfs;
mod linux;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::{apt, place, run, template};

/// The kernel series the tests run on: the oldest one supported.
pub(crate) const OLDEST: &str = "6.1";

const BOOT_OPTIONS: &str = "console=ttyS0 quiet panic=-1 mitigations=off nokaslr random.trust_cpu=on no_timer_check \
     audit=0 cryptomgr.notests raid=noautodetect psi=1 rdinit=/init";

/// What to run, and on what.
pub(crate) struct Machine {
    /// Kernel series: "6.1" or "6.12".
    pub(crate) kernel: String,
    /// A Debian tree, the machine's root; it is not changed.
    pub(crate) root: PathBuf,
    /// A directory the command finds at `/payload`.
    pub(crate) payload: PathBuf,
    /// For `sh -c`, run in `/payload`.
    pub(crate) command: String,
    /// Seconds until the machine is given up.
    pub(crate) timeout: u32,
}

/// `cargo xtask vm [--kernel VER] [--root DIR] [--payload DIR] [--timeout S] -- COMMAND`
pub(crate) fn perform(args: &[String]) -> Result<ExitCode> {
    let mut kernel = OLDEST.to_owned();
    let (mut root, mut payload, mut timeout) = (None, None, 600);
    let mut words = args.iter();
    let mut command = Vec::new();
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--kernel" => kernel = value()?,
            "--root" => root = Some(PathBuf::from(value()?)),
            "--payload" => payload = Some(PathBuf::from(value()?)),
            "--timeout" => timeout = value()?.parse().context("--timeout takes seconds")?,
            "--" => command.extend(words.by_ref().cloned()),
            other => bail!("vm: what is {other}? The command comes after --"),
        }
    }
    if command.is_empty() {
        bail!("vm: no command; give it after --");
    }
    let root = root.map_or_else(template::tree, Ok)?;
    let payload = payload.map_or_else(|| place::below_target("vm/empty"), Ok)?;
    let machine = Machine { kernel, root, payload, command: command.join(" "), timeout };
    let status = machine.run(|line| println!("{line}"))?;
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(1)))
}

impl Machine {
    /// Boots, runs the command, hands each line of its output to `heard`; the command's exit status.
    pub(crate) fn run(&self, mut heard: impl FnMut(&str)) -> Result<i32> {
        apt::need(&[apt::FOR_VM])?;
        let cache = place::below_target("vm")?;
        let linux = linux::fetch(&self.kernel, &cache)?;
        let initramfs = initramfs::make(&linux, &cache)?;
        let root = disk::cached(&self.root, &cache)?;
        let scratch = Scratch::new(&cache)?;
        let payload = scratch.path.join("payload.ext4");
        disk::payload(&self.payload, &self.command, &scratch.path, &payload)?;

        let console = scratch.path.join("console");
        let status = scratch.path.join("status");
        let mut qemu = run::command(["timeout", "--kill-after=5", &self.timeout.to_string(), "qemu-system-x86_64"]);
        // Nested KVM is too often there and broken, so hardware help is only used on demand.
        if std::env::var_os("FIEF_VM_KVM").is_some() {
            qemu.args(["-accel", "kvm", "-cpu", "host"]);
        } else {
            qemu.args(["-accel", "tcg,thread=multi", "-cpu", "Nehalem"]);
        }
        qemu.args(["-M", "q35,usb=off,smbus=off,sata=off,hpet=off", "-smp", "2", "-m", "2048"]);
        qemu.args(["-nodefaults", "-no-reboot", "-display", "none", "-nic", "none"]);
        qemu.arg("-kernel").arg(&linux.image).arg("-initrd").arg(&initramfs).args(["-append", BOOT_OPTIONS]);
        qemu.arg("-serial").arg(format!("file:{}", console.display()));
        qemu.args(["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]);
        // Not the stdio device: it closes the port when its input ends, and the guest then waits for ever.
        qemu.args(["-chardev", "file,id=log,path=/dev/stdout", "-device", "virtserialport,chardev=log,name=vm.log"]);
        qemu.arg("-chardev").arg(format!("file,id=status,path={}", status.display()));
        qemu.args(["-device", "virtserialport,chardev=status,name=vm.status"]);
        for (name, image, more) in [("root", &root, ",snapshot=on"), ("payload", &payload, "")] {
            let image = image.display();
            qemu.arg("-drive").arg(format!("if=none,id={name},format=raw,cache=unsafe,file={image}{more}"));
            qemu.arg("-device").arg(format!("virtio-blk-pci,drive={name},serial={name}"));
        }
        let mut qemu = qemu.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run qemu")?;
        let stdout = qemu.stdout.take().context("qemu has no output")?;
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.context("cannot read the machine's output")?;
            heard(String::from_utf8_lossy(&line).trim_end_matches('\r'));
        }
        let ended = qemu.wait()?;
        if ended.code() == Some(124) {
            bail!("the virtual machine did not finish within {} s\n{}", self.timeout, tail(&console));
        }
        fs::read_to_string(&status)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .with_context(|| format!("the virtual machine died ({ended})\n{}", tail(&console)))
    }
}

fn tail(console: &Path) -> String {
    let text = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
}

/// A directory that goes away with the run.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new(cache: &Path) -> Result<Self> {
        let path = cache.join(format!("run-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing to do about a directory that cannot be removed: it lies below target/.
        drop(fs::remove_dir_all(&self.path));
    }
}
