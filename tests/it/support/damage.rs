//! Damage of files, the same in every run.

/// Numbers that look random (`SplitMix64`), the same for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}

/// Damages the bytes in one of the ways that transfers, disks and attackers do.
pub fn damaged(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.is_empty() {
        return bytes;
    }
    match dice.below(6) {
        // Headers are where parsers go wrong.
        0 => flip(&mut bytes, 512, dice),
        1 => flip(&mut bytes, usize::MAX, dice),
        2 => bytes.truncate(dice.below(bytes.len())),
        3 => {
            let (from, len) = chunk(&bytes, dice);
            let to = dice.below(bytes.len() - len + 1);
            for at in 0..len {
                bytes.swap(from + at, to + at);
            }
        }
        4 => {
            let (from, len) = chunk(&bytes, dice);
            let copy = bytes[from..from + len].to_vec();
            let to = dice.below(bytes.len());
            bytes.splice(to..to, copy);
        }
        // A size, an offset or a time that is as large as can be, or 0.
        _ => {
            let at = dice.below(bytes.len());
            let end = bytes.len().min(at + 4);
            bytes[at..end].fill(if dice.below(2) == 0 { 0xFF } else { 0 });
        }
    }
    bytes
}

fn flip(bytes: &mut [u8], within: usize, dice: &mut Dice) {
    for _ in 0..=dice.below(24) {
        let at = dice.below(bytes.len().min(within));
        bytes[at] = u8::try_from(dice.below(256)).unwrap();
    }
}

/// Where a piece of the bytes begins, and how long it is.
fn chunk(bytes: &[u8], dice: &mut Dice) -> (usize, usize) {
    let len = 1 + dice.below(bytes.len().div_ceil(4).min(4096));
    (dice.below(bytes.len() - len + 1), len)
}
