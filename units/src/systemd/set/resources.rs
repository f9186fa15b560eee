//! Processors, memory nodes and limits of block devices; systemd.resource-control(5).

use super::exec::processors;
use super::{Assigned, Fault};
use crate::file::Draft;
use crate::systemd::words;
use crate::unit::{DeviceLimit, IoLimit};
use crate::value::{Limit, Weight};

type Done = Result<(), Fault>;

pub(crate) fn allowed_cpus(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    processors(&mut draft.service.service.resources.cpus, a)
}

pub(crate) fn allowed_memory_nodes(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    processors(&mut draft.service.service.resources.memory_nodes, a)
}

/// `/dev/sda 10M`: a block device, or a path on one, and how much in a second. Letters count in 1000.
pub(crate) fn io_most(draft: &mut Draft, a: &Assigned<'_>, limit: fn(Limit<u64>) -> IoLimit) -> Done {
    let most = |text: &str| match text {
        "infinity" => Some(Limit::Max),
        _ => thousands(text).filter(|most| *most > 0).map(Limit::At),
    };
    device_limit(draft, a, limit(Limit::Max), |text| most(text).map(limit))
}

/// `/dev/sda 200`
pub(crate) fn io_device_weight(draft: &mut Draft, a: &Assigned<'_>) -> Done {
    let weight = |text: &str| text.parse().ok().and_then(Weight::new).map(IoLimit::Weight);
    device_limit(draft, a, IoLimit::Weight(Weight::USUAL), weight)
}

/// One of these on one device; an empty one takes back all of `kind`.
fn device_limit(draft: &mut Draft, a: &Assigned<'_>, kind: IoLimit, read: impl Fn(&str) -> Option<IoLimit>) -> Done {
    let all = &mut draft.service.service.resources.io_limits;
    let is_same = |limit: &IoLimit| std::mem::discriminant(limit) == std::mem::discriminant(&kind);
    if a.value.is_empty() {
        all.retain(|device| !is_same(&device.limit));
        return Ok(());
    }
    let words = words::split(a.value).map_err(|error| error.to_string())?;
    let [path, value] = words.as_slice() else { return Err("it takes a path and a value, such as \"/dev/sda 10M\"".into()) };
    let path = a.scope.expand(path)?;
    if !path.starts_with('/') {
        return Err(format!("{path:?} is no absolute path").into());
    }
    let limit = read(value).ok_or_else(|| format!("{value:?} is no value for it"))?;
    all.retain(|device| !(device.path == path && is_same(&device.limit)));
    all.push(DeviceLimit { path, limit });
    Ok(())
}

/// `10M`, `1500`: decimal, as disks are sold.
fn thousands(text: &str) -> Option<u64> {
    let (digits, power) = match text.char_indices().last()? {
        (at, letter) if letter.is_ascii_alphabetic() => (text.get(..at)?, "KMGTPE".find(letter)?.try_into().ok().map(|at: u32| at + 1)?),
        _ => (text, 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1000_u64.checked_pow(power)?)
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn letters_count_in_1000() {
        assert_eq!([thousands("10M"), thousands("1500"), thousands("2K")], [Some(10_000_000), Some(1500), Some(2000)]);
        assert_eq!([thousands("M"), thousands(""), thousands("1X"), thousands("-1"), thousands("99999999E")], [None; 5]);
    }
}
