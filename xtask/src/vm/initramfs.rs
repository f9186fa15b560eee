//! busybox, two scripts and the modules of one kernel, as a cpio archive.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::linux::{self, Linux};
use crate::{run, template};

const EARLY_SCRIPT: &str = include_str!("early.sh");
const SECOND_SCRIPT: &str = include_str!("stage2.sh");

/// Loaded before the disks are looked for.
const EARLY: &str = "virtio_pci virtio_blk virtio_console virtio_rng overlay fuse loop tun crc32c_generic crc32c_intel ext4";
/// Loaded by the kernel when they are asked for.
const LAZY: &str = "veth bridge br_netfilter macvlan dummy ifb nf_tables nft_chain_nat nft_nat nft_masq nft_redir nft_ct \
    nft_fib nft_fib_ipv4 nft_fib_ipv6 nft_fib_inet nft_limit nft_log nft_reject nft_reject_ipv4 nft_reject_ipv6 \
    nft_reject_inet nft_counter nft_compat nft_quota nft_numgen nft_hash nft_objref nf_log_syslog nf_conntrack \
    nf_conntrack_netlink nf_nat sch_tbf sch_htb sch_ingress sch_fq_codel cls_u32 quota_v2 binfmt_misc unix_diag \
    inet_diag tcp_diag udp_diag netlink_diag af_packet_diag";

/// The archive, made once per kernel, module list and script.
pub(super) fn make(linux: &Linux, cache: &Path) -> Result<PathBuf> {
    let key = template::fnv(&format!("{}{EARLY}{LAZY}{EARLY_SCRIPT}{SECOND_SCRIPT}", linux.release));
    let archive = cache.join(format!("initramfs-{key:08x}.cpio"));
    if archive.is_file() {
        return Ok(archive);
    }
    let top = cache.join(format!("initramfs-{}", std::process::id()));
    drop(fs::remove_dir_all(&top));
    for dir in ["bin", "proc", "sys", "dev", "new"] {
        fs::create_dir_all(top.join(dir))?;
    }
    let vm = top.join("vm");
    let modules = vm.join("lib/modules").join(&linux.release);
    fs::create_dir_all(&modules)?;
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].iter().map(Path::new).find(|path| path.is_file());
    let busybox = busybox.context("no busybox")?;
    fs::copy(busybox, top.join("bin/busybox"))?;
    fs::copy(busybox, vm.join("busybox"))?;
    std::os::unix::fs::symlink("busybox", vm.join("modprobe"))?;

    let mut wanted = Modules { found: BTreeMap::new(), order: Vec::new(), into: &modules };
    wanted.look_through(&linux.modules)?;
    wanted.take_all(EARLY)?;
    fs::write(vm.join("early"), wanted.order.join("\n"))?;
    wanted.take_all(LAZY)?;
    run::quietly(run::command([busybox]).args(["depmod", "-b"]).arg(&vm).arg(&linux.release))?;

    script(&top.join("init"), EARLY_SCRIPT)?;
    script(&vm.join("stage2"), SECOND_SCRIPT)?;
    let part = archive.with_extension("part");
    let mut pack = run::command(["sh", "-c", "find . | cpio -o -H newc --quiet > \"$0\""]);
    run::quietly(pack.arg(&part).current_dir(&top))?;
    fs::rename(&part, &archive)?;
    fs::remove_dir_all(&top)?;
    Ok(archive)
}

fn script(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The modules of a kernel by name, and those taken so far, each after what it depends on.
struct Modules<'a> {
    found: BTreeMap<String, PathBuf>,
    order: Vec<String>,
    into: &'a Path,
}

impl Modules<'_> {
    fn look_through(&mut self, dir: &Path) -> Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                self.look_through(&path)?;
            } else if let Some((stem, "" | ".xz" | ".zst")) = name.split_once(".ko") {
                self.found.insert(stem.replace('-', "_"), path);
            }
        }
        Ok(())
    }

    fn take_all(&mut self, names: &str) -> Result<()> {
        names.split_whitespace().try_for_each(|name| self.take(name))
    }

    fn take(&mut self, name: &str) -> Result<()> {
        let name = name.replace('-', "_");
        // Not there: built in, or unknown to this kernel.
        let Some(path) = self.found.remove(&name) else {
            return Ok(());
        };
        let code = match path.extension().and_then(|e| e.to_str()) {
            Some("xz") => linux::through(&["xz", "-dc"], &fs::read(&path)?)?,
            Some("zst") => linux::through(&["zstd", "-dcq"], &fs::read(&path)?)?,
            _ => fs::read(&path)?,
        };
        for needed in info(&code, "depends=").flat_map(|list| list.split(',').map(str::to_owned).collect::<Vec<_>>()) {
            self.take(&needed)?;
        }
        for needed in info(&code, "softdep=pre: ").flat_map(|l| l.split(' ').map(str::to_owned).collect::<Vec<_>>()) {
            self.take(&needed)?;
        }
        fs::write(self.into.join(format!("{name}.ko")), without_signature(&code))?;
        self.order.push(name);
        Ok(())
    }
}

/// Values of one key of a module's `.modinfo`, which is a run of NUL-terminated `key=value`.
fn info<'a>(code: &'a [u8], key: &'a str) -> impl Iterator<Item = &'a str> {
    code.split(|byte| *byte == 0)
        .filter_map(move |entry| entry.strip_prefix(key.as_bytes()))
        .filter_map(|value| std::str::from_utf8(value).ok())
        .filter(|value| !value.is_empty())
}

/// The module without its appended signature: checking RSA is slow on an emulated processor, and an
/// unsigned module loads as well. Layout: code, signature, 12 bytes that end in the signature's
/// length (big endian), the marker (kernel: include/linux/module_signature.h).
fn without_signature(code: &[u8]) -> &[u8] {
    const MARKER: &[u8] = b"~Module signature appended~\n";
    let Some(rest) = code.strip_suffix(MARKER) else {
        return code;
    };
    let Some((rest, info)) = rest.split_last_chunk::<12>() else {
        return code;
    };
    let [.., a, b, c, d] = *info;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    rest.len().checked_sub(length).and_then(|end| rest.get(..end)).unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::{info, without_signature};

    #[test]
    fn signatures_are_cut_off() {
        let mut module = b"code".to_vec();
        let bare = module.clone();
        module.extend(b"signature");
        module.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        module.extend(b"~Module signature appended~\n");
        assert_eq!(without_signature(&module), bare);
        assert_eq!(without_signature(&bare), bare);
    }

    #[test]
    fn dependencies_are_read() {
        let code = b"x\0depends=a,b\0license=GPL\0depends=\0";
        assert_eq!(info(code, "depends=").collect::<Vec<_>>(), ["a,b"]);
    }
}
