//! How a service is told to watch for want of memory; systemd.resource-control(5), `MemoryPressureWatch=`.
//!
//! It gets a file of its group and what to write into it: a line of Documentation/accounting/psi.rst, "Monitoring for pressure
//! thresholds". Where the kernel counts no pressure, or the file cannot be its own, nothing is said.

use std::time::Duration;

use kernel::cgroup::Group;
use nix::unistd::chown;
use units::unit::{PressureWatch, Service};

use super::identity::Identity;

/// In which the delay is counted; psi.rst has nobody but root choose one that is no multiple of it.
const WINDOW: Duration = Duration::from_secs(2);
const USUAL: Duration = Duration::from_millis(200);

/// The variables that say so.
pub(super) fn told(group: &Group, service: &Service, identity: &Identity) -> Vec<(String, String)> {
    let variable = |name: &str, value: String| (format!("MEMORY_PRESSURE_{name}"), value);
    match service.resources.pressure_watch {
        PressureWatch::Skip => return Vec::new(),
        PressureWatch::Off => return vec![variable("WATCH", "/dev/null".to_owned())],
        PressureWatch::Auto | PressureWatch::On => {}
    }
    // Seen from another root, or where groups cannot be written to, the path would say something else.
    let is_seen = service.execution.root_directory.is_none() && !service.sandbox.control_groups;
    let file = group.unified().map(|folder| folder.join("memory.pressure")).filter(|file| is_seen && file.exists());
    let Some(file) = file else { return Vec::new() };
    if !identity.uid.is_root() && chown(&file, Some(identity.uid), Some(identity.gid)).is_err() {
        return Vec::new();
    }
    let threshold = service.resources.pressure_threshold.unwrap_or(USUAL).clamp(Duration::from_micros(1), WINDOW);
    let line = format!("some {} {}\0", threshold.as_micros(), WINDOW.as_micros());
    vec![variable("WATCH", file.to_string_lossy().into_owned()), variable("WRITE", base64(line.as_bytes()))]
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().chain([&0, &0]).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        for at in 0..4 {
            let digit = DIGITS.get(bits >> (18 - 6 * at) & 63).filter(|_| at <= three.len());
            text.push(digit.map_or('=', |digit| char::from(*digit)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_as_in_the_rfc() {
        for (bytes, text) in [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foobar", "Zm9vYmFy"), (&[255, 238, 255], "/+7/")] {
            assert_eq!(base64(bytes), text);
        }
    }
}
