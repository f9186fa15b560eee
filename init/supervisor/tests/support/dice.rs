//! Chance out of one number, the same in every run.

/// Numbers that follow from one; splitmix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn roll(&mut self, below: usize) -> usize {
        usize::try_from(self.number() % u64::try_from(below).unwrap()).unwrap()
    }

    pub fn one_of<T: Copy>(&mut self, among: &[T]) -> T {
        *among.get(self.roll(among.len())).unwrap()
    }

    pub fn once_in(&mut self, times: usize) -> bool {
        self.roll(times) == 0
    }
}
