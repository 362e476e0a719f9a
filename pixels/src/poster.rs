//! Poster scores: how much of a video one frame shows.

/// Brightness levels of the histogram.
const LEVELS: usize = 64;
/// Every fourth pixel of every fourth row is counted.
const STEP: usize = 4;

/// Returns the entropy of a frame's brightness in bits, from 0 (one shade) to 6. Black frames,
/// fades and titles on black score low.
///
/// `rgb` holds RGB triples, `stride` bytes a row.
#[must_use]
pub fn score(rgb: &[u8], stride: usize) -> f64 {
    let mut counts = [0_u32; LEVELS];
    for row in rgb.chunks(stride.max(1)).step_by(STEP) {
        for pixel in row.chunks_exact(3).step_by(STEP) {
            // The luma weights of ITU-R BT.601, in 256ths.
            let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(usize::from);
            let luma = (77 * red + 150 * green + 29 * blue) >> 8;
            counts[luma * LEVELS / 256] += 1;
        }
    }
    let total = f64::from(counts.iter().sum::<u32>().max(1));
    let share = |count: &u32| f64::from(*count) / total;
    let entropy: f64 = counts.iter().filter(|c| **c > 0).map(share).map(|p| p * p.log2()).sum();
    // The subtraction avoids -0.0 for a frame of one shade.
    0.0 - entropy
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 128;

    fn frame(shade: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        let pixels = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)));
        pixels.flat_map(|(x, y)| [shade(x, y); 3]).collect()
    }

    #[test]
    fn scenes_beat_titles_and_titles_beat_black() {
        let black = frame(|_, _| 0);
        let title = frame(|x, y| if (48..64).contains(&y) && x % 16 < 6 { 255 } else { 0 });
        let faded = frame(|x, y| u8::try_from((x + y) / 16).unwrap());
        let scene = frame(|x, y| u8::try_from((x * 7 + y * 3) % 256).unwrap());
        let scores = [black, title, faded, scene].map(|rgb| score(&rgb, SIDE * 3));
        assert!(scores[0].abs() < 1e-9, "{scores:?}");
        assert!(scores.is_sorted_by(|a, b| a < b), "{scores:?}");
        assert!(scores[3] <= 6.0, "{scores:?}");
        assert!(score(&[], 0).abs() < 1e-9);
    }
}
