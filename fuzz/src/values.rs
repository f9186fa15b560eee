//! Values with a unit of measure, calendar expressions, names of units.

use units::UnitName;
use units::systemd::escape;
use units::value::{Bytes, Calendar, CapabilitySet, Limit, Mode, Percent, Signal, read_span};

use crate::text;

/// 2024-02-28 23:59:59 UTC, in microseconds: the next second is on a leap day.
const BASE: i64 = 1_709_164_799_000_000;

/// The normalised form of an expression is the same expression, and its points are ascending, wherever one looks from.
pub fn calendar(bytes: &[u8]) {
    let Some(Ok(calendar)) = text(bytes).map(str::parse::<Calendar>) else { return };
    let plain = calendar.to_string();
    match plain.parse::<Calendar>() {
        Ok(again) => assert_eq!(again, calendar, "{plain}"),
        Err(error) => panic!("{plain}: {error}"),
    }
    for offset in [0, 3_600, -12 * 3_600] {
        let mut now = BASE;
        for _ in 0..3 {
            let Some(next) = calendar.next_after(now, offset) else { break };
            assert!(next > now, "{plain}: {next} after {now}");
            // Nothing lies between: from the microsecond before it, it is the next one as well.
            assert_eq!(calendar.next_after(next - 1, offset), Some(next), "{plain}");
            now = next;
        }
    }
}

/// What is shown of a value is read as the same value.
pub fn value(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Ok(Limit::At(span)) = read_span(text) {
        assert_eq!(read_span(&format!("{} s {} us", span.as_secs(), span.subsec_micros())), Ok(Limit::At(span)), "{text:?}");
    }
    if let Ok(size) = Bytes::read(text) {
        assert_eq!(Bytes::read(&size.0.to_string()), Ok(size), "{text:?}");
    }
    if let Ok(share) = Percent::read(text) {
        assert_eq!(Percent::read(&share.to_string()), Ok(share), "{text:?}");
    }
    if let Ok(mode) = Mode::read(text) {
        assert_eq!(Mode::read(&mode.to_string()), Ok(mode), "{text:?}");
    }
    if let Ok(signal) = Signal::read(text) {
        assert_eq!(Signal::read(&signal.number().to_string()), Ok(signal), "{text:?}");
    }
    if let Ok(set) = CapabilitySet::read(text) {
        let again =
            set.names().try_fold(CapabilitySet::default(), |all, name| CapabilitySet::read(&name).map(|one| CapabilitySet(all.0 | one.0)));
        assert_eq!(again.map(|all| all.0), Ok(set.0), "{text:?}");
    }
}

/// A name is what its parts make, and escaping is undone by unescaping.
pub fn unit_name(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Ok(name) = UnitName::new(text) {
        for shown in [name.as_str().to_owned(), name.to_string()] {
            assert_eq!(UnitName::new(&shown).ok().as_ref(), Some(&name), "{shown:?}");
        }
        let suffix = name.kind().suffix();
        let whole = match name.instance() {
            Some(instance) => format!("{}@{instance}.{suffix}", name.prefix()),
            None => format!("{}.{suffix}", name.prefix()),
        };
        assert_eq!(whole, name.as_str());
        assert_eq!(format!("{}.{suffix}", name.stem()), name.as_str());
        assert!(!name.as_str().contains(['/', '\0', '\n']) && name.as_str() != "..");
        if let (Some(template), Some(instance)) = (name.template(), name.instance()) {
            assert!(template.is_template());
            assert_eq!(template.with_instance(instance), Some(name));
        }
    }
    assert_eq!(escape::unescape(&escape::escape(text)).as_deref(), Some(text));
    if let Some(escaped) = escape::escape_path(text) {
        let path = escape::unescape_path(&escaped);
        assert_eq!(path.as_deref().and_then(escape::escape_path).as_deref(), Some(escaped.as_str()), "{path:?}");
    }
}
