//! The configured ladder: resolution and bitrate cap of each rung.

use serde::{Deserialize, Serialize};

use super::declare::{Even, Rule, Section, Shape, Violation, settings};

/// Highest configurable cap in kbit/s. Level 5.2 of H.264, the highest that Apple's authoring rules allow
/// (1.3), has a VBV of 300,000 kbit: two seconds at this rate and 60 frames per second.
const MAX_KBPS: u32 = 100_000;

settings! {
    /// One rung of the ladder.
    pub struct Rung {
        /// Short side in pixels of a box of 16:9, turned for portrait: 1080 makes `1080p`, a box of
        /// 1920 x 1080. Frames are fitted into it. The smallest box that holds the source keeps the
        /// source's own size; rungs with more than 80 % of its pixels are left out then.
        height: u32, Even(16..=2160);
        /// Bitrate in kbit/s that the video never exceeds over one VBV buffer, for frames that fill the
        /// box at up to 30 frames per second. Smaller frames get less, on a line between the boxes by
        /// pixels, and 60 frames per second half as much again.
        max_bitrate_kbps: u32, 50..=MAX_KBPS;
    }
}

/// The rungs from the smallest to the largest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ladder(pub Vec<Rung>);

impl Default for Ladder {
    /// 360p to 1080p, with the caps of the encoders that ladderd is measured against. The cap of
    /// 360p is 9 % lower, because its quality is still better than theirs there.
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

/// Rule of a ladder: it has a rung, every rung is valid, heights and bitrates rise.
pub struct Rising;

impl Rule<Ladder> for Rising {
    fn allowed(&self) -> String {
        "at least one rung; heights and bitrates rise".to_owned()
    }

    fn accepts(&self, ladder: &Ladder) -> bool {
        Rule::<Ladder>::violations(self, "", ladder).is_empty()
    }

    fn shape(&self) -> Shape {
        Shape::Tables(Rung::settings())
    }

    fn violations(&self, key: &str, ladder: &Ladder) -> Vec<Violation> {
        let mut found = Vec::new();
        if ladder.0.is_empty() {
            found.push(Violation::new(key, "at least one rung"));
        }
        for (n, rung) in ladder.0.iter().enumerate() {
            let of_rung = rung.violations().into_iter();
            found.extend(of_rung.map(|v| Violation { key: format!("{key}[{n}].{}", v.key), ..v }));
        }
        for (n, pair) in (1..).zip(ladder.0.windows(2)) {
            let [low, high] = pair else { continue };
            let values = [
                ("height", low.height, high.height),
                ("max_bitrate_kbps", low.max_bitrate_kbps, high.max_bitrate_kbps),
            ];
            for (name, low, _) in values.into_iter().filter(|(_, low, high)| low >= high) {
                let allowed = format!("more than the {low} of the rung before");
                found.push(Violation::new(format!("{key}[{n}].{name}"), allowed));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ladders_have_valid_rungs_that_rise() {
        type Case<'a> = (&'a [(u32, u32)], &'a [&'a str]);
        let table: [Case<'_>; 6] = [
            (&[(360, 780), (480, 1500)], &[]),
            (&[], &["ladder"]),
            (&[(361, 900)], &["ladder[0].height"]),
            (&[(360, 900), (2162, 100_001)], &["ladder[1].height", "ladder[1].max_bitrate_kbps"]),
            (&[(480, 900), (480, 1000)], &["ladder[1].height"]),
            (&[(480, 900), (360, 900)], &["ladder[1].height", "ladder[1].max_bitrate_kbps"]),
        ];
        for (rungs, keys) in table {
            let rung = |&(height, max_bitrate_kbps): &(u32, u32)| Rung { height, max_bitrate_kbps };
            let ladder = Ladder(rungs.iter().map(rung).collect());
            let found = Rising.violations("ladder", &ladder);
            let found: Vec<_> = found.iter().map(|violation| violation.key.as_str()).collect();
            assert_eq!(found, keys, "{rungs:?}");
        }
        assert!(Rising.accepts(&Ladder::default()));
    }
}
