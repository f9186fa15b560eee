//! As whom, and with which rights: groups, user, capabilities, keyring. capabilities(7).

use kernel::identity::Capabilities;
use kernel::spawn::Step;
use units::unit::{Keyring, Privileges};

use super::Wanted;
use super::course::Course;

/// By number, include/uapi/linux/capability.h.
const RAWIO: u64 = 1 << 17;
const MODULE: u64 = 1 << 16;
const TIME: u64 = 1 << 25;
const MKNOD: u64 = 1 << 27;
const SYSLOG: u64 = 1 << 34;
const WAKE_ALARM: u64 = 1 << 35;

/// Whether the command changes to the unit's user.
pub(super) fn changes_user(wanted: &Wanted<'_>) -> bool {
    let own = match wanted.command.privileges {
        Privileges::Unit | Privileges::Ambient => true,
        Privileges::Full | Privileges::NoSetuid => false,
    };
    own && !wanted.identity.unchanged
}

/// Whether the command is under the unit's restrictions.
pub(super) fn restricted(wanted: &Wanted<'_>) -> bool {
    wanted.command.privileges != Privileges::Full
}

/// Groups, while there still is the right to set any.
pub(super) fn groups(course: &mut Course<'_>, wanted: &Wanted<'_>) {
    if changes_user(wanted) {
        course.must(Step::Groups { gid: wanted.identity.gid, groups: wanted.identity.groups.clone() });
    }
}

/// What remains of the bounding set: what the unit says, less what its restrictions take.
fn bounding(wanted: &Wanted<'_>) -> Option<u64> {
    let sandbox = &wanted.service.sandbox;
    let taken = [
        (sandbox.private_devices, RAWIO | MKNOD),
        (sandbox.kernel_modules, MODULE),
        (sandbox.kernel_logs, SYSLOG),
        (sandbox.clock, TIME | WAKE_ALARM),
    ];
    let taken = taken.into_iter().filter(|(on, _)| *on).fold(0, |bits, (_, more)| bits | more);
    let said = wanted.service.execution.capability_bounding_set;
    (said.is_some() || taken != 0).then(|| said.map_or(u64::MAX, |set| set.0) & !taken)
}

/// The user and the capabilities; `filtered` when a filter of system calls is still to be installed, which takes a right.
pub(super) fn user(course: &mut Course<'_>, wanted: &Wanted<'_>, filtered: bool) {
    let execution = &wanted.service.execution;
    let restricted = restricted(wanted);
    if restricted && let Some(bits) = bounding(wanted) {
        course.must(Step::Bound(Capabilities::from_bits(bits)));
    }
    let bits = execution.secure_bits;
    let ambient = Capabilities::from_bits(execution.ambient_capabilities.0);
    let has_ambient = execution.ambient_capabilities.0 != 0 && changes_user(wanted);
    if changes_user(wanted) {
        let keep = has_ambient || (restricted && bits != 0) || filtered;
        course.must(Step::User { uid: wanted.identity.uid, keep_capabilities: keep });
    }
    if has_ambient {
        course.must(Step::Ambient(ambient));
    }
    if restricted && bits != 0 {
        course.must(Step::SecureBits(bits));
    }
    match wanted.service.sandbox.keyring {
        Keyring::Inherit => {}
        Keyring::Private => course.asked("KeyringMode", Step::NewKeyring),
        Keyring::Shared => {
            course.asked("KeyringMode", Step::NewKeyring);
            course.asked("KeyringMode", Step::LinkUserKeyring);
        }
    }
}
