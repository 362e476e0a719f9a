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
    /// 360p to 1080p, with the caps that the peers are measured with.
    fn default() -> Self {
        let rungs = [(360, 856), (480, 1500), (720, 3000), (1080, 5350)];
        Self(
            rungs
                .into_iter()
                .map(|(height, max_bitrate_kbps)| Rung { height, max_bitrate_kbps })
                .collect(),
        )
    }
}
