//! The guest's view of its host: `/run/host`, as containers of the field have it (systemd's CONTAINER_INTERFACE.md).
//!
//! A directory of the host's run-time tree, bound read-only into the guest. It stays on the host's side so that a keeper that takes over can
//! put a new notify socket into it. Its owner is the guest's root: a tmpfs cannot be id-mapped before Linux 6.3.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use units::programs::{PROGRAMS, stands_aside};

use super::blueprint::INIT_INSIDE;
use crate::error::{Class, Error};
use crate::store::{ContainerConfig, InitPath, Link};

/// Makes it anew.
///
/// # Errors
/// When the run-time folder cannot be written.
pub(crate) fn furnish(view: &Path, config: &ContainerConfig) -> Result<(), Error> {
    let fail = |e| Error::new(Class::Start, "making /run/host", view.display().to_string()).source(e);
    let made = || -> io::Result<()> {
        match fs::remove_dir_all(view) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        for dir in ["", "credentials", "fief", "fief/bin", "fief/tools"] {
            fs::create_dir(view.join(dir))?;
            fs::set_permissions(view.join(dir), fs::Permissions::from_mode(0o755))?;
        }
        fs::write(view.join("container-manager"), "fief\n")?;
        fs::write(view.join("container-uuid"), format!("{}\n", config.uuid))?;
        fs::write(view.join("network"), given(&config.links))?;
        if let Ok(text) = fs::read("/etc/os-release").or_else(|_| fs::read("/usr/lib/os-release")) {
            fs::write(view.join("os-release"), text)?;
        }
        // The place that the host's program is bound on.
        fs::write(view.join("fief/fief-init"), "")?;
        // They speak to our init only; another one has its own.
        if config.init.path == InitPath::Ours {
            let names = PROGRAMS.iter().map(|(name, _)| *name).chain(["fief-init"]);
            // Of one's path the one is first, the other last.
            let folder = |name| view.join(if stands_aside(name) { "fief/tools" } else { "fief/bin" });
            names.into_iter().try_for_each(|name| symlink(INIT_INSIDE, folder(name).join(name)))?;
        }
        fs::set_permissions(view.join("credentials"), fs::Permissions::from_mode(0o700))?;
        for (name, value) in &config.credentials {
            let path = view.join("credentials").join(name.as_str());
            fs::write(&path, value.as_str())?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o400))?;
        }
        give_all(view, config.ids.base)
    };
    made().map_err(fail)
}

/// What the guest is given of a network, for its init: by it the guest's name is put into `/etc/hosts`, and what ifupdown took away is put back.
fn given(links: &[Link]) -> String {
    let of = |link: &Link| {
        let addresses = link.addresses.iter().map(|address| format!("{} address {address}\n", link.guest_link));
        addresses.chain(link.gateways.iter().map(|gateway| format!("{} gateway {gateway}\n", link.guest_link))).collect::<String>()
    };
    links.iter().map(of).collect()
}

/// A new notify socket in it. sd_notify(3): datagrams, one assignment a line.
///
/// # Errors
/// When it cannot be bound.
pub(crate) fn notify_socket(view: &Path, base: u32) -> Result<UnixDatagram, Error> {
    let path = view.join("notify");
    let bound = || -> io::Result<UnixDatagram> {
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let socket = super::socket::datagram(&path)?;
        socket.set_nonblocking(true)?;
        kernel::unix::want_credentials(&socket)?;
        // Only root inside may speak to the keeper.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        std::os::unix::fs::chown(&path, Some(base), Some(base))?;
        Ok(socket)
    };
    bound().map_err(|e| Error::new(Class::Start, "making the notify socket", path.display().to_string()).source(e))
}

fn give_all(path: &Path, base: u32) -> io::Result<()> {
    std::os::unix::fs::lchown(path, Some(base), Some(base))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give_all(&entry?.path(), base)?;
        }
    }
    Ok(())
}
