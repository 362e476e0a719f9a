//! Mutations of bytes, the same for the same seed.

/// The generator `SplitMix64`. A mutant is known by its seed alone, so the sequence must stay the
/// same whichever versions of crates are built with.
pub struct SplitMix64(u64);

impl SplitMix64 {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// A number from 0 up to `end`, without `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}

/// A copy of the bytes with one fault of those that transfers, disks and attackers cause.
pub fn mutated(bytes: &[u8], random: &mut SplitMix64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.is_empty() {
        return bytes;
    }
    match random.below(6) {
        // Parsers fail on headers most of all.
        0 => overwrite(&mut bytes, 512, random),
        1 => overwrite(&mut bytes, usize::MAX, random),
        2 => bytes.truncate(random.below(bytes.len())),
        3 => {
            let (from, len) = chunk(&bytes, random);
            let to = random.below(bytes.len() - len + 1);
            for at in 0..len {
                bytes.swap(from + at, to + at);
            }
        }
        4 => {
            let (from, len) = chunk(&bytes, random);
            let copy = bytes[from..from + len].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, copy);
        }
        // A size, an offset or a timestamp becomes 0 or the largest number.
        _ => {
            let at = random.below(bytes.len());
            let end = bytes.len().min(at + 4);
            bytes[at..end].fill(if random.below(2) == 0 { 0xFF } else { 0 });
        }
    }
    bytes
}

/// Overwrites 1 to 24 of the first `within` bytes.
fn overwrite(bytes: &mut [u8], within: usize, random: &mut SplitMix64) {
    for _ in 0..=random.below(24) {
        let at = random.below(bytes.len().min(within));
        bytes[at] = u8::try_from(random.below(256)).unwrap();
    }
}

/// Offset and length of a chunk of at most 4,096 bytes and a quarter of all.
fn chunk(bytes: &[u8], random: &mut SplitMix64) -> (usize, usize) {
    let len = 1 + random.below(bytes.len().div_ceil(4).min(4096));
    (random.below(bytes.len() - len + 1), len)
}
