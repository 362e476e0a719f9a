//! Tone mapping: high dynamic range (ITU-R BT.2100, PQ and HLG) to BT.709.
//!
//! [`lut`] computes a table from the codes of a source to those of the output;
//! [`ladderd_pixels::tone_map`] applies it to frames. The steps behind the table:
//! 1. signal to light (BT.2100, with the OOTF of HLG for a screen of 1000 nit),
//! 2. light to the range of a screen whose white has 203 nit (the EETF of BT.2390),
//! 3. colours from BT.2020 to BT.709 (BT.2087), those outside the gamut moved inside,
//! 4. light to signal (BT.1886).

use ladderd_pixels::tone_map::{FRACTION_BITS, Lut3d, NODES, STEP_BITS};

use super::colour::{Colour, DynamicRange, Range, luma_weights, to_rgb, to_ycbcr};

/// White of the output in nit: the reference level of BT.2408.
const WHITE_NIT: f64 = 203.0;
/// Assumed peak of a source that states none, in nit: the nominal peak of HLG (BT.2100), and of the
/// displays on which most films are graded.
pub const ASSUMED_PEAK_NIT: f64 = 1000.0;
/// Peak of PQ in nit.
const PQ_PEAK_NIT: f64 = 10_000.0;
/// Luma weights of red and blue in BT.2020.
const BT2020: (f64, f64) = (0.2627, 0.0593);
/// Luma weights of red and blue in BT.709.
const BT709: (f64, f64) = (0.2126, 0.0722);

/// Computes the look-up table for sources of these colours whose brightest light has `peak_nit` cd/m². Its
/// input codes are 10-bit.
#[must_use]
pub fn lut(colour: Colour, peak_nit: f64) -> Lut3d {
    let eetf = Eetf::new(peak_nit);
    let (mut luma, mut chroma) = (Vec::new(), Vec::new());
    for cb in 0..NODES {
        for cr in 0..NODES {
            for y in 0..NODES {
                let [out_y, out_cb, out_cr] = map_node(colour, &eetf, [y, cb, cr]);
                luma.push(out_y);
                chroma.push([out_cb, out_cr]);
            }
        }
    }
    Lut3d { luma, chroma }
}

/// The output of a node, as the table stores it.
fn map_node(colour: Colour, eetf: &Eetf, node: [usize; 3]) -> [i16; 3] {
    #[expect(clippy::cast_precision_loss, reason = "codes have 10 bits")]
    let code = node.map(|node| (node << STEP_BITS) as f64);
    map_codes(colour, eetf, code).map(to_fixed_point)
}

/// Maps 10-bit `Y'CbCr` codes of the source to 8-bit codes of the output.
fn map_codes(colour: Colour, eetf: &Eetf, [y, cb, cr]: [f64; 3]) -> [f64; 3] {
    let (black, luma, chroma) = match colour.range {
        Range::Limited => (64.0, 876.0, 896.0),
        Range::Full => (0.0, 1023.0, 1023.0),
    };
    let difference = |code: f64| (code - 512.0) / chroma;
    let codes = [(y - black) / luma, difference(cb), difference(cr)];
    let signal = to_rgb(luma_weights(colour.matrix), codes);
    let signal = signal.map(|value| value.clamp(0.0, 1.0));
    let light = match colour.dynamic_range() {
        DynamicRange::Pq => to_bt709(eetf.map(signal.map(pq_to_nit))),
        DynamicRange::Hlg => to_bt709(eetf.map(hlg_to_nit(signal))),
        // BT.2020 has the curve of BT.709; screens decode both by BT.1886.
        DynamicRange::WideGamut => to_bt709(signal.map(|value| value.powf(2.4))),
        // A part of the source that has no wide gamut.
        DynamicRange::Standard => signal.map(|value| value.powf(2.4)),
    };
    let signal = into_gamut(light).map(|value| value.powf(1.0 / 2.4));
    let [y, cb, cr] = to_ycbcr(BT709, signal);
    [16.0 + 219.0 * y, 128.0 + 224.0 * cb, 128.0 + 224.0 * cr]
}

fn to_fixed_point(value: f64) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "clamped")]
    let fixed = (value.clamp(0.0, 255.0) * f64::from(1 << FRACTION_BITS)).round() as i16;
    fixed
}

fn luminance((kr, kb): (f64, f64), [r, g, b]: [f64; 3]) -> f64 {
    kr * r + (1.0 - kr - kb) * g + kb * b
}

/// Constants of PQ (BT.2100, table 4).
const M1: f64 = 2610.0 / 16384.0;
const M2: f64 = 2523.0 / 4096.0 * 128.0;
const C1: f64 = 3424.0 / 4096.0;
const C2: f64 = 2413.0 / 4096.0 * 32.0;
const C3: f64 = 2392.0 / 4096.0 * 32.0;

fn pq_to_nit(signal: f64) -> f64 {
    let power = signal.max(0.0).powf(1.0 / M2);
    PQ_PEAK_NIT * ((power - C1).max(0.0) / (C2 - C3 * power)).powf(1.0 / M1)
}

fn nit_to_pq(nit: f64) -> f64 {
    let power = (nit.max(0.0) / PQ_PEAK_NIT).powf(M1);
    ((C1 + C2 * power) / (1.0 + C3 * power)).powf(M2)
}

/// HLG on a screen of 1000 nit (BT.2100, table 5): the inverse of its OETF, then its OOTF.
fn hlg_to_nit(signal: [f64; 3]) -> [f64; 3] {
    const A: f64 = 0.178_832_77;
    const B: f64 = 0.284_668_92;
    const C: f64 = 0.559_910_73;
    const GAMMA: f64 = 1.2;
    let scene = signal.map(|value| {
        if value <= 0.5 { value * value / 3.0 } else { (((value - C) / A).exp() + B) / 12.0 }
    });
    let gain = ASSUMED_PEAK_NIT * luminance(BT2020, scene).max(0.0).powf(GAMMA - 1.0);
    scene.map(|value| gain * value)
}

/// The electrical-electrical transfer function of BT.2390: compresses highlights so that the peak
/// of the source becomes the output's white ([`WHITE_NIT`]).
struct Eetf {
    /// Peak of the source as a PQ signal.
    peak_signal: f64,
    /// White of the output as a PQ signal, relative to that peak.
    max_luminance: f64,
}

impl Eetf {
    fn new(peak_nit: f64) -> Self {
        let peak_signal = nit_to_pq(peak_nit.clamp(WHITE_NIT, PQ_PEAK_NIT));
        Self { peak_signal, max_luminance: nit_to_pq(WHITE_NIT) / peak_signal }
    }

    /// Maps light of the source, in nit, to light of the output, where 1 is white. The gain is the
    /// mean of the gains of the largest colour and of the luminance: the first alone keeps colours
    /// but darkens the frame, the second alone clips colours.
    fn map(&self, light: [f64; 3]) -> [f64; 3] {
        let largest = light[0].max(light[1]).max(light[2]);
        let gain = |nit: f64| if nit > 0.0 { self.map_nit(nit) / nit } else { 0.0 };
        let gain = f64::midpoint(gain(largest), gain(luminance(BT2020, light)));
        light.map(|nit| nit * gain / WHITE_NIT)
    }

    /// Maps the light of a grey, in nit.
    fn map_nit(&self, nit: f64) -> f64 {
        let signal = (nit_to_pq(nit) / self.peak_signal).min(1.0);
        let knee = 1.5 * self.max_luminance - 0.5;
        if signal < knee || self.max_luminance >= 1.0 {
            return pq_to_nit(signal * self.peak_signal);
        }
        let t = (signal - knee) / (1.0 - knee);
        let (t2, t3) = (t * t, t * t * t);
        let curved = (2.0 * t3 - 3.0 * t2 + 1.0) * knee
            + (t3 - 2.0 * t2 + t) * (1.0 - knee)
            + (-2.0 * t3 + 3.0 * t2) * self.max_luminance;
        pq_to_nit(curved * self.peak_signal)
    }
}

/// Converts linear colours of BT.2020 to BT.709 (BT.2087).
fn to_bt709([r, g, b]: [f64; 3]) -> [f64; 3] {
    [
        1.6605 * r - 0.5876 * g - 0.0728 * b,
        -0.1246 * r + 1.1329 * g - 0.0083 * b,
        -0.0182 * r - 0.1006 * g + 1.1187 * b,
    ]
}

/// Moves a colour into the gamut: mixes it with the grey of its luminance until no component is
/// negative, then dims it until none exceeds white. Mixing alone would turn bright yellow to cream
/// and orange to pink, because their luminance is near white, where no saturation is left.
fn into_gamut(light: [f64; 3]) -> [f64; 3] {
    let grey = luminance(BT709, light).max(0.0);
    let least = light[0].min(light[1]).min(light[2]);
    let share = if least < 0.0 { grey / (grey - least) } else { 1.0 };
    let shown = light.map(|value| grey + (value - grey) * share);
    let most = shown[0].max(shown[1]).max(shown[2]).max(1.0);
    shown.map(|value| (value / most).clamp(0.0, 1.0))
}

/// The exact values that the table approximates.
#[cfg(test)]
fn exact(colour: Colour, code: [f64; 3]) -> [f64; 3] {
    map_codes(colour, &Eetf::new(ASSUMED_PEAK_NIT), code)
}

#[cfg(test)]
mod tests {
    use ladderd_pixels::tone_map::map_frame;
    use ladderd_pixels::{Plane, PlaneMut};

    use super::*;

    const HLG: Colour = Colour { range: Range::Limited, primaries: 9, transfer: 18, matrix: 9 };

    /// The output for a grey of this PQ or HLG signal, as a share of its white.
    fn grey(range: DynamicRange, signal: f64) -> f64 {
        let eetf = Eetf::new(ASSUMED_PEAK_NIT);
        let light = match range {
            DynamicRange::Hlg => eetf.map(hlg_to_nit([signal; 3])),
            DynamicRange::Pq | DynamicRange::WideGamut | DynamicRange::Standard => {
                eetf.map([pq_to_nit(signal); 3])
            }
        };
        light[0].powf(1.0 / 2.4)
    }

    #[test]
    fn bright_colours_keep_their_hue() {
        // HLG signals (red, green, blue) that a camera recorded of a sunlit colour chart, and for
        // each component of the output the largest share that it may have of the largest one.
        let table = [
            ("yellow", [0.86, 0.82, 0.40], [1.0, 0.68, 0.03]),
            ("orange", [0.83, 0.68, 0.40], [1.0, 0.30, 0.07]),
            ("red", [0.78, 0.45, 0.40], [1.0, 0.09, 0.11]),
            ("cyan", [0.45, 0.72, 0.82], [0.01, 0.67, 1.0]),
        ];
        for (name, signal, most) in table {
            let light = Eetf::new(ASSUMED_PEAK_NIT).map(hlg_to_nit(signal));
            let shown = into_gamut(to_bt709(light));
            let largest = shown[0].max(shown[1]).max(shown[2]);
            for (part, most) in shown.iter().zip(most) {
                assert!(part / largest <= most + 0.01, "{name}: {shown:?}");
            }
        }
    }

    #[test]
    fn reference_levels_are_those_of_the_standards() {
        // BT.2408: reference white is 58 % of PQ and 75 % of HLG, 203 nit on a screen of 1000.
        assert!((pq_to_nit(0.5807) - 203.0).abs() < 1.0, "{}", pq_to_nit(0.5807));
        assert!((hlg_to_nit([0.75; 3])[0] - 203.0).abs() < 1.0);
        assert!((hlg_to_nit([1.0; 3])[0] - 1000.0).abs() < 1.0);
        assert!((pq_to_nit(1.0) - 10_000.0).abs() < 1e-6);
        for nit in [0.01, 1.0, 203.0, 4000.0] {
            assert!((pq_to_nit(nit_to_pq(nit)) / nit - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn the_curve_rises_to_white_and_keeps_the_shadows() {
        for range in [DynamicRange::Pq, DynamicRange::Hlg] {
            let steps: Vec<f64> = (0..=100).map(|n| grey(range, f64::from(n) / 100.0)).collect();
            assert!(steps.is_sorted_by(|a, b| *a <= b + 1e-9), "{range:?} {steps:?}");
            assert!(steps[0] < 1e-6 && (steps[100] - 1.0).abs() < 1e-3, "{range:?} {steps:?}");
        }
        // 20 nit become 20/203 of white.
        let dark = grey(DynamicRange::Pq, nit_to_pq(20.0));
        assert!((dark - (20.0_f64 / 203.0).powf(1.0 / 2.4)).abs() < 0.01, "{dark}");
    }

    #[test]
    fn greys_stay_grey_and_all_colours_are_in_gamut() {
        let table = lut(HLG, ASSUMED_PEAK_NIT);
        let one = i16::try_from(1 << FRACTION_BITS).unwrap();
        let grey = 512 >> STEP_BITS;
        for luma in 0..NODES {
            let [cb, cr] = table.chroma[Lut3d::index(grey, grey, luma)];
            assert!((cb - 128 * one).abs() <= 1 && (cr - 128 * one).abs() <= 1, "{luma}");
        }
        assert_eq!(table.luma[Lut3d::index(grey, grey, 64 >> STEP_BITS)], 16 * one, "black");
        assert!(table.luma.iter().all(|luma| (16 * one..=235 * one).contains(luma)));
        let chroma = table.chroma.iter().flatten();
        assert!(chroma.into_iter().all(|value| (16 * one..=240 * one).contains(value)));
    }

    #[test]
    fn colours_of_bt709_come_back_as_they_were() {
        // The red of BT.709 in BT.2020, at half of the light of white.
        let red = [0.6274, 0.0691, 0.0164].map(|value| value * 0.5);
        let back = into_gamut(to_bt709(red));
        assert!((back[0] - 0.5).abs() < 0.01 && back[1].abs() < 0.01 && back[2].abs() < 0.01);
    }

    /// Maps a square of two by two samples of one colour.
    fn map_flat(lut: &Lut3d, code: [u16; 3]) -> ([u8; 4], u8, u8) {
        let [luma, cb, cr] = [(code[0], 4), (code[1], 1), (code[2], 1)]
            .map(|(code, count)| code.to_le_bytes().repeat(count));
        let input = [(&luma, 4), (&cb, 2), (&cr, 2)]
            .map(|(bytes, stride)| Plane { bytes: bytes.as_slice(), stride });
        let (mut y, mut cb, mut cr) = ([0; 4], [0], [0]);
        let output = [(&mut y[..], 2), (&mut cb[..], 1), (&mut cr[..], 1)]
            .map(|(bytes, stride)| PlaneMut { bytes, stride });
        map_frame(lut, &input, output, (2, 2));
        (y, cb[0], cr[0])
    }

    #[test]
    fn black_and_white_stay_black_and_white() {
        let table = lut(HLG, ASSUMED_PEAK_NIT);
        assert_eq!(map_flat(&table, [64, 512, 512]), ([16; 4], 128, 128));
        let (white, ..) = map_flat(&table, [940, 512, 512]);
        assert!(white.iter().all(|y| (234..=235).contains(y)), "{white:?}");
    }

    #[test]
    fn range_and_matrix_of_the_source_count() {
        // White, black and a red of each range and matrix, as 10-bit codes.
        let full = Colour { range: Range::Full, ..HLG };
        let bt709 = Colour { matrix: 1, ..HLG };
        let sdr = Colour::OUTPUT;
        let table = [
            (full, [1023.0, 512.0, 512.0], [235.0, 128.0, 128.0]),
            (full, [0.0, 512.0, 512.0], [16.0, 128.0, 128.0]),
            (bt709, [940.0, 512.0, 512.0], [235.0, 128.0, 128.0]),
            (sdr, [940.0, 512.0, 512.0], [235.0, 128.0, 128.0]),
            (sdr, [250.0, 409.0, 960.0], [62.5, 102.3, 240.0]),
        ];
        for (colour, code, expected) in table {
            let found = exact(colour, code);
            let off = found.iter().zip(expected).all(|(a, b): (&f64, f64)| (a - b).abs() < 0.5);
            assert!(off, "{colour:?} {code:?}: {found:?}");
        }
        let red = |colour| exact(colour, [300.0, 460.0, 700.0]);
        assert!((red(HLG)[0] - red(bt709)[0]).abs() > 1.0, "{:?} {:?}", red(HLG), red(bt709));
    }

    #[test]
    fn interpolation_between_nodes_is_as_good_as_the_arithmetic() {
        let table = lut(HLG, ASSUMED_PEAK_NIT);
        for code in [[300, 500, 530], [517, 470, 600], [721, 560, 450], [850, 505, 520]] {
            let (luma, cb, cr) = map_flat(&table, code);
            let exact = exact(HLG, code.map(f64::from));
            // Luma is dithered, so the mean counts. Errors are largest outside the gamut of BT.709.
            let mean = luma.iter().map(|y| f64::from(*y)).sum::<f64>() / 4.0;
            assert!((mean - exact[0]).abs() < 1.5, "{code:?}: {mean} {exact:?}");
            assert!((f64::from(cb) - exact[1]).abs() < 2.0, "{code:?}: {cb} {exact:?}");
            assert!((f64::from(cr) - exact[2]).abs() < 2.0, "{code:?}: {cr} {exact:?}");
        }
    }
}
