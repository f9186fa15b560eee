//! What goes by chance, though nothing here does.

use super::Supervisor;
use core::time::Duration;
use units::UnitName;

impl Supervisor {
    /// A span up to `most`: another in each container, of each unit and for each moment at which it is drawn.
    pub(super) fn draw(&self, name: &UnitName, at: Duration, most: Duration) -> Duration {
        let mut number = self.config.random ^ u64::try_from(at.as_nanos() & u128::from(u64::MAX)).unwrap_or_default();
        for byte in name.as_str().bytes() {
            // FNV-1a.
            number = (number ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let share = u32::try_from(number >> 40).unwrap_or_default();
        most.mul_f64(f64::from(share) / f64::from(1 << 24))
    }
}
