//! Findings about levels and colours of flat patches, and about tags.

use std::collections::BTreeMap;
use std::fmt;

use super::colour_space::{Matrix, Tags};
use super::decode::{Frame, PIXELS, SIDE, Video};
use super::matching::{Shown, is_foreign, noise};
use super::report::{Findings, Limits};

/// Figures of the colours.
#[derive(Debug, Default)]
pub struct Colour {
    /// Pairs of frames and of pixels that were compared.
    pub pairs: usize,
    pub pixels: usize,
    /// The colour that is furthest off, and by how much: red, green and blue in levels.
    pub worst: ([f32; 3], [f32; 3]),
    /// Mean of all.
    pub mean: [f32; 3],
    /// The mistake that explains the output best.
    pub likeliest: &'static str,
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rgb = |[r, g, b]: [f32; 3]| format!("{r:+.1} {g:+.1} {b:+.1}");
        let [r, g, b] = self.worst.0;
        write!(
            f,
            "{} pixels of {} frames; {} off on average; {} off at {r:.0} {g:.0} {b:.0}; likeliest: {}",
            self.pixels,
            self.pairs,
            rgb(self.mean),
            rgb(self.worst.1),
            self.likeliest
        )
    }
}

/// Frames that are compared, at most.
const PAIRS: usize = 24;

/// Fewest pixels of a colour that count as a patch.
const PATCH: usize = 24;

/// A patch has no contrast above this, in levels.
const FLAT: u8 = 6;

/// One colour of the source, and the colours that the output shows in its place.
#[derive(Default)]
struct Patch {
    count: usize,
    wanted: [f32; 3],
    seen: [f32; 3],
    /// The same colour of the source before it was cut to what a screen can show, 0 to 1.
    uncut: [f32; 3],
}

/// Compares the flat patches of matched frames.
pub fn judge(
    source: &Video,
    output: &Video,
    shown: &[Shown],
    limits: &Limits,
    findings: &mut Findings,
) -> Option<Colour> {
    let noise = noise(shown);
    let matched: Vec<(&Frame, &Frame)> = shown
        .iter()
        .zip(&output.frames)
        .filter(|(own, _)| own.error == 0.0 || own.near.len() == 1)
        .filter(|(own, _)| !is_foreign(own, noise))
        .map(|(own, seen)| (&source.frames[own.source], seen))
        .collect();
    let step = matched.len().div_ceil(PAIRS).max(1);
    let pairs: Vec<_> = matched.into_iter().skip(step / 2).step_by(step).collect();
    let patches = patches(&pairs, &source.tags);
    let pixels = patches.iter().map(|patch| patch.count).sum();
    let worst = patches
        .iter()
        .max_by(|a, b| largest(a.off(a.wanted)).total_cmp(&largest(b.off(b.wanted))))?;
    let likeliest = likeliest(&patches);
    let mean = [0, 1, 2].map(|n| {
        let sum: f32 = patches.iter().map(|own| own.off(own.wanted)[n] * own.count as f32).sum();
        sum / pixels as f32
    });
    let worst = (worst.wanted, worst.off(worst.wanted));
    let found = Colour { pairs: pairs.len(), pixels, worst, mean, likeliest };
    let limit = if source.tags.is_hdr() { limits.tone_patch } else { limits.patch };
    if largest(worst.1) > limit {
        let name = match likeliest {
            _ if source.tags.is_hdr() => "tone",
            "right" => "colour",
            "range and matrix" => "range",
            other => other,
        };
        findings.add(name, &found.to_string());
        if likeliest == "range and matrix" && !source.tags.is_hdr() {
            findings.add("matrix", "as well");
        }
    }
    Some(found)
}

impl Patch {
    /// Difference between a seen colour and this one.
    fn off(&self, wanted: [f32; 3]) -> [f32; 3] {
        [0, 1, 2].map(|n| self.seen[n] - wanted[n])
    }
}

fn largest(off: [f32; 3]) -> f32 {
    off.into_iter().map(f32::abs).fold(0.0, f32::max)
}

/// Mean colours of flat pixels, by the colour of the source.
fn patches(pairs: &[(&Frame, &Frame)], tags: &Tags) -> Vec<Patch> {
    let mut found: BTreeMap<[u8; 3], Patch> = BTreeMap::new();
    for (own, seen) in pairs {
        for at in (1..SIDE - 1).flat_map(|y| (1..SIDE - 1).map(move |x| y * SIDE + x)) {
            if !is_flat(&own.rgb, at, FLAT) || !is_flat(&seen.rgb, at, 2 * FLAT) {
                continue;
            }
            let colour = [0, 1, 2].map(|plane| own.rgb[plane * PIXELS + at]);
            let patch = found.entry(colour.map(|level| level / 32)).or_default();
            patch.count += 1;
            for (plane, level) in colour.into_iter().enumerate() {
                patch.wanted[plane] += f32::from(level);
                patch.seen[plane] += f32::from(seen.rgb[plane * PIXELS + at]);
            }
            let codes = [0, 1, 2].map(|plane| f32::from(own.codes[plane * PIXELS + at]));
            let uncut = patch.uncut.iter_mut().zip(tags.levels(codes));
            uncut.for_each(|(sum, level)| *sum += level);
        }
    }
    let enough = found.into_values().filter(|patch| patch.count >= PATCH);
    let mean = |patch: Patch| {
        let of = |sum: f32| sum / patch.count as f32;
        let (wanted, seen) = (patch.wanted.map(of), patch.seen.map(of));
        Patch { wanted, seen, uncut: patch.uncut.map(of), count: patch.count }
    };
    enough.map(mean).collect()
}

/// Whether a pixel differs by no more than this from its eight neighbours.
fn is_flat(rgb: &[u8], at: usize, limit: u8) -> bool {
    let around = [at - SIDE, at + SIDE, at - 1, at + 1].into_iter().chain([
        at - SIDE - 1,
        at - SIDE + 1,
        at + SIDE - 1,
        at + SIDE + 1,
    ]);
    around.into_iter().all(|other| {
        (0..3).all(|plane| rgb[plane * PIXELS + at].abs_diff(rgb[plane * PIXELS + other]) <= limit)
    })
}

/// A change of luma and colour differences.
type Change = fn([f32; 3]) -> [f32; 3];

/// Mistakes with the range.
const RANGES: [(&str, Change); 3] = [
    ("right", |ycc| ycc),
    // Codes of the full range are taken for limited ones.
    ("range", |[y, b, r]| [(y * 255.0 - 16.0) / 219.0, b * 255.0 / 224.0, r * 255.0 / 224.0]),
    // Codes of the limited range are taken for full ones.
    ("range", |[y, b, r]| [(y * 219.0 + 16.0) / 255.0, b * 224.0 / 255.0, r * 224.0 / 255.0]),
];

/// Mistakes with the matrix: encoded by the first, decoded by the second.
const MATRICES: [(&str, Matrix, Matrix); 3] = [
    ("right", Matrix::Bt709, Matrix::Bt709),
    ("matrix", Matrix::Bt601, Matrix::Bt709),
    ("matrix", Matrix::Bt709, Matrix::Bt601),
];

/// The mistake that explains the patches best. Each mistake must explain much more than none.
fn likeliest(patches: &[Patch]) -> &'static str {
    let mut found = ("right", f32::INFINITY);
    for (of_range, range) in RANGES {
        for (of_matrix, encoded, decoded) in MATRICES {
            let (name, doubt) = match (of_range, of_matrix) {
                ("right", "right") => ("right", 1.0),
                ("right", name) | (name, "right") => (name, 1.6),
                _ => ("range and matrix", 2.5),
            };
            let off = |patch: &Patch| -> f32 {
                let ycc = range(encoded.encode(patch.uncut));
                let mistaken = decoded.decode(ycc).map(|level| level.clamp(0.0, 1.0) * 255.0);
                patch.off(mistaken).into_iter().map(f32::abs).sum()
            };
            let error = patches.iter().map(off).sum::<f32>() * doubt;
            if error < found.1 {
                found = (name, error);
            }
        }
    }
    found.0
}

/// Output is BT.709 in limited range, progressive, with eight bits and 4:2:0, and says so.
pub fn judge_tags(output: &Video, findings: &mut Findings) {
    if output.pixel_format != "yuv420p" {
        findings.add("pixel-format", &output.pixel_format);
    }
    if output.tags.text != "tv/bt709/bt709/bt709" {
        findings.add("tags", &output.tags.text);
    }
    if output.interlaced > 0 {
        findings.add("interlaced", &format!("{} frames", output.interlaced));
    }
}
