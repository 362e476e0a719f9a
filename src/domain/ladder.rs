//! The configured ladder: which rungs there are.

use serde::{Deserialize, Serialize};

/// One rung of the ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// Length of the short side in pixels: 1080 makes `1080p`. Even.
    pub height: u32,
    /// The bitrate that the video never passes over one VBV buffer, in kbit/s.
    pub max_bitrate_kbps: u32,
}

/// The rungs from the smallest to the largest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ladder(pub Vec<Rung>);

impl Default for Ladder {
    /// 360p to 1080p, with the caps that the peers are measured with; the smallest has 9 % less, at
    /// which its pictures are still better than theirs.
    fn default() -> Self {
        let rungs = [(360, 780), (480, 1500), (720, 3000), (1080, 5350)];
        Self(
            rungs
                .into_iter()
                .map(|(height, max_bitrate_kbps)| Rung { height, max_bitrate_kbps })
                .collect(),
        )
    }
}

impl Ladder {
    /// Everything that is wrong with the ladder, in words.
    #[must_use]
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.0.is_empty() {
            faults.push("it has no rung; allowed: at least one".to_owned());
        }
        for rung in &self.0 {
            let Rung { height, max_bitrate_kbps } = rung;
            if height % 2 != 0 || !(16..=4320).contains(height) {
                faults.push(format!("height = {height}; allowed: even, 16 to 4320"));
            }
            if !(50..=200_000).contains(max_bitrate_kbps) {
                faults
                    .push(format!("max_bitrate_kbps = {max_bitrate_kbps}; allowed: 50 to 200000"));
            }
        }
        for pair in self.0.windows(2) {
            if pair[0].height >= pair[1].height {
                let (low, high) = (pair[0].height, pair[1].height);
                faults.push(format!("height {low} stands before {high}; allowed: rising heights"));
            }
            if pair[0].max_bitrate_kbps >= pair[1].max_bitrate_kbps {
                let (low, high) = (pair[0].max_bitrate_kbps, pair[1].max_bitrate_kbps);
                faults.push(format!("{low} kbit/s stands before {high}; allowed: rising bitrates"));
            }
        }
        faults
    }
}
