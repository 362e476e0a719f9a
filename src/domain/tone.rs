//! From high dynamic range to what every screen shows: ITU-R BT.2100 (PQ, HLG) to BT.709.
//!
//! A table maps the coded values of a source to those of the output, so that a picture costs a few
//! look-ups for each pixel, whatever the arithmetic behind the table. The arithmetic: the signal to
//! light (BT.2100, with the OOTF of HLG for a screen of 1000 nit), the light to what a screen with a
//! white of 203 nit can show (the EETF of BT.2390), the colours from BT.2020 to BT.709 (BT.2087),
//! what lies outside pulled in, and light to signal (BT.1886).

pub mod picture;

use super::media::DynamicRange;

/// Codes of ten bits from one node of the table to the next, as a power of two. With twice as many,
/// colours at the border of BT.709 are off by five codes of eight bits.
pub const STEP_BITS: u32 = 4;
/// Nodes of the table on each axis, the end included.
pub const NODES: usize = (1024 >> STEP_BITS) + 1;
/// Fractional bits of the values in the table.
pub const FRACTION_BITS: u32 = 6;
/// White of the output in nit: the reference level of BT.2408.
const WHITE_NIT: f64 = 203.0;
/// Peak of a source that does not state it, in nit: the screen that HLG is made for, and that most
/// films are graded on.
pub const ASSUMED_PEAK_NIT: f64 = 1000.0;
/// Peak of PQ in nit.
const PQ_PEAK_NIT: f64 = 10_000.0;
/// Weights of BT.2020 and BT.709 for red and blue.
const BT2020: (f64, f64) = (0.2627, 0.0593);
const BT709: (f64, f64) = (0.2126, 0.0722);

/// The table: for each node of the source's chroma (blue, red) and luma the three values of the
/// output, eight bits and [`FRACTION_BITS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Luma, luma running fastest, then red chroma.
    pub luma: Vec<i16>,
    /// Blue and red chroma, in the same order.
    pub chroma: Vec<[i16; 2]>,
}

impl Table {
    /// Where the values of this node begin.
    #[must_use]
    pub fn index(blue: usize, red: usize, luma: usize) -> usize {
        (blue * NODES + red) * NODES + luma
    }

    /// The table for sources of this kind whose brightest light has so many nit, with codes of ten
    /// bits in the limited range.
    #[must_use]
    pub fn new(range: DynamicRange, peak_nit: f64) -> Self {
        let tone = Tone::new(peak_nit);
        let (mut luma, mut chroma) = (Vec::new(), Vec::new());
        for blue in 0..NODES {
            for red in 0..NODES {
                for y in 0..NODES {
                    let [out_y, out_blue, out_red] = convert(range, &tone, [y, blue, red]);
                    luma.push(out_y);
                    chroma.push([out_blue, out_red]);
                }
            }
        }
        Self { luma, chroma }
    }
}

/// The output of a node.
fn convert(range: DynamicRange, tone: &Tone, node: [usize; 3]) -> [i16; 3] {
    #[expect(clippy::cast_precision_loss, reason = "codes of ten bits")]
    let code = node.map(|node| (node << STEP_BITS) as f64);
    output(range, tone, code).map(fixed)
}

/// The codes of the output, of eight bits, for those of the source, of ten.
fn output(range: DynamicRange, tone: &Tone, [y, blue, red]: [f64; 3]) -> [f64; 3] {
    let difference = |code: f64| (code - 512.0) / 896.0;
    let signal = rgb(BT2020, [(y - 64.0) / 876.0, difference(blue), difference(red)]);
    let signal = signal.map(|value| value.clamp(0.0, 1.0));
    let light = match range {
        DynamicRange::Pq => tone.map(signal.map(pq_to_nit)),
        DynamicRange::Hlg => tone.map(hlg_to_nit(signal)),
        // The curve of BT.2020 is that of BT.709: screens show both by BT.1886.
        DynamicRange::WideGamut | DynamicRange::Standard => signal.map(|value| value.powf(2.4)),
    };
    let signal = into_gamut(to_bt709(light)).map(|value| value.powf(1.0 / 2.4));
    let [y, blue, red] = ycbcr(BT709, signal);
    [16.0 + 219.0 * y, 128.0 + 224.0 * blue, 128.0 + 224.0 * red]
}

fn fixed(value: f64) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "clamped")]
    let fixed = (value.clamp(0.0, 255.0) * f64::from(1 << FRACTION_BITS)).round() as i16;
    fixed
}

fn rgb((kr, kb): (f64, f64), [y, blue, red]: [f64; 3]) -> [f64; 3] {
    let (r, b) = (y + 2.0 * (1.0 - kr) * red, y + 2.0 * (1.0 - kb) * blue);
    [r, (y - kr * r - kb * b) / (1.0 - kr - kb), b]
}

fn ycbcr((kr, kb): (f64, f64), [r, g, b]: [f64; 3]) -> [f64; 3] {
    let y = luminance((kr, kb), [r, g, b]);
    [y, (b - y) / (2.0 * (1.0 - kb)), (r - y) / (2.0 * (1.0 - kr))]
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

/// The EETF of BT.2390 for a source with this peak and a white of [`WHITE_NIT`].
struct Tone {
    /// The source's peak, as a PQ signal.
    peak: f64,
    /// The output's white, relative to it.
    most: f64,
}

impl Tone {
    fn new(peak_nit: f64) -> Self {
        let peak = nit_to_pq(peak_nit.clamp(WHITE_NIT, PQ_PEAK_NIT));
        Self { peak, most: nit_to_pq(WHITE_NIT) / peak }
    }

    /// Light of the source in nit as light of the output, 1 being white. The largest of the three
    /// colours and their luminance decide together how much the light is dimmed: by the first alone,
    /// colours stay as they are and the picture gets dark, by the second alone they burn out.
    fn map(&self, light: [f64; 3]) -> [f64; 3] {
        let largest = light[0].max(light[1]).max(light[2]);
        let gain = |nit: f64| if nit > 0.0 { self.dimmed(nit) / nit } else { 0.0 };
        let gain = f64::midpoint(gain(largest), gain(luminance(BT2020, light)));
        light.map(|nit| nit * gain / WHITE_NIT)
    }

    /// What becomes of a grey of this light, in nit.
    fn dimmed(&self, nit: f64) -> f64 {
        let signal = (nit_to_pq(nit) / self.peak).min(1.0);
        let knee = 1.5 * self.most - 0.5;
        if signal < knee || self.most >= 1.0 {
            return pq_to_nit(signal * self.peak);
        }
        let t = (signal - knee) / (1.0 - knee);
        let (t2, t3) = (t * t, t * t * t);
        let curved = (2.0 * t3 - 3.0 * t2 + 1.0) * knee
            + (t3 - 2.0 * t2 + t) * (1.0 - knee)
            + (-2.0 * t3 + 3.0 * t2) * self.most;
        pq_to_nit(curved * self.peak)
    }
}

/// Linear colours of BT.2020 as those of BT.709 (BT.2087).
fn to_bt709([r, g, b]: [f64; 3]) -> [f64; 3] {
    [
        1.6605 * r - 0.5876 * g - 0.0728 * b,
        -0.1246 * r + 1.1329 * g - 0.0083 * b,
        -0.0182 * r - 0.1006 * g + 1.1187 * b,
    ]
}

/// A colour that cannot be shown, as one that can: mixed with the grey of its luminance until none of
/// its parts is negative, then dimmed until none is brighter than white. Mixed with grey until then,
/// bright yellow is cream and orange is pink: their luminance is near white, where there is no colour.
fn into_gamut(light: [f64; 3]) -> [f64; 3] {
    let grey = luminance(BT709, light).max(0.0);
    let least = light[0].min(light[1]).min(light[2]);
    let share = if least < 0.0 { grey / (grey - least) } else { 1.0 };
    let shown = light.map(|value| grey + (value - grey) * share);
    let most = shown[0].max(shown[1]).max(shown[2]).max(1.0);
    shown.map(|value| (value / most).clamp(0.0, 1.0))
}

/// What the table stands for, for tests.
#[cfg(test)]
fn exact(range: DynamicRange, code: [f64; 3]) -> [f64; 3] {
    output(range, &Tone::new(ASSUMED_PEAK_NIT), code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output for a grey of this PQ or HLG signal, as a share of its white.
    fn grey(range: DynamicRange, signal: f64) -> f64 {
        let tone = Tone::new(ASSUMED_PEAK_NIT);
        let light = match range {
            DynamicRange::Hlg => tone.map(hlg_to_nit([signal; 3])),
            DynamicRange::Pq | DynamicRange::WideGamut | DynamicRange::Standard => {
                tone.map([pq_to_nit(signal); 3])
            }
        };
        light[0].powf(1.0 / 2.4)
    }

    #[test]
    fn bright_colours_keep_their_hue() {
        // HLG signals of red, green and blue as a camera took them of a colour chart in the sun, and
        // the parts of the output: what is at white, and what at most is left of the others.
        let table = [
            ("yellow", [0.86, 0.82, 0.40], [1.0, 0.68, 0.03]),
            ("orange", [0.83, 0.68, 0.40], [1.0, 0.30, 0.07]),
            ("red", [0.78, 0.45, 0.40], [1.0, 0.09, 0.11]),
            ("cyan", [0.45, 0.72, 0.82], [0.01, 0.67, 1.0]),
        ];
        for (name, signal, most) in table {
            let light = Tone::new(ASSUMED_PEAK_NIT).map(hlg_to_nit(signal));
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
    fn the_curve_rises_to_white_and_leaves_the_dark_alone() {
        for range in [DynamicRange::Pq, DynamicRange::Hlg] {
            let steps: Vec<f64> = (0..=100).map(|n| grey(range, f64::from(n) / 100.0)).collect();
            assert!(steps.is_sorted_by(|a, b| *a <= b + 1e-9), "{range:?} {steps:?}");
            assert!(steps[0] < 1e-6 && (steps[100] - 1.0).abs() < 1e-3, "{range:?} {steps:?}");
        }
        // 20 nit are shown as 20 of the 203 that stand for white.
        let dark = grey(DynamicRange::Pq, nit_to_pq(20.0));
        assert!((dark - (20.0_f64 / 203.0).powf(1.0 / 2.4)).abs() < 0.01, "{dark}");
    }

    #[test]
    fn greys_stay_grey_and_all_colours_can_be_shown() {
        let table = Table::new(DynamicRange::Hlg, ASSUMED_PEAK_NIT);
        let one = i16::try_from(1 << FRACTION_BITS).unwrap();
        let grey = 512 >> STEP_BITS;
        for luma in 0..NODES {
            let [blue, red] = table.chroma[Table::index(grey, grey, luma)];
            assert!((blue - 128 * one).abs() <= 1 && (red - 128 * one).abs() <= 1, "{luma}");
        }
        assert_eq!(table.luma[Table::index(grey, grey, 64 >> STEP_BITS)], 16 * one, "black");
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
}
