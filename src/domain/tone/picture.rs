//! A table applied to a picture: 4:2:0 of ten bits in, of eight bits out.

pub use ladderd_pixels::{Source, Target};

use super::{FRACTION_BITS, STEP_BITS, Table};

/// What a luma sample is rounded up from, in eighths, in a square of four: bands in a sky dissolve.
const DITHER: [[i32; 2]; 2] = [[1, 5], [7, 3]];
/// Bits behind the point of a sum over eight nodes.
const SUM_BITS: u32 = FRACTION_BITS + 3 * STEP_BITS;

/// Converts `height` rows of `width` pixels, luma first, then blue and red chroma. The samples of the
/// source have two bytes, little-endian.
pub fn convert(
    table: &Table,
    source: &[Source<'_>; 3],
    target: [Target<'_>; 3],
    (width, height): (usize, usize),
) {
    let [luma, blue, red] = target;
    let lumas = luma.bytes.chunks_mut(luma.stride * 2);
    let chromas = blue.bytes.chunks_mut(blue.stride).zip(red.bytes.chunks_mut(red.stride));
    for (pair, (luma_rows, (blue_row, red_row))) in lumas.zip(chromas).enumerate() {
        if pair * 2 >= height {
            return;
        }
        // An odd picture repeats its last row.
        let second = (pair * 2 + 1).min(height - 1);
        let from = [source[0].row(pair * 2), source[0].row(second)];
        let chroma = (source[1].row(pair), source[2].row(pair));
        let (first_row, second_row) = luma_rows.split_at_mut(luma.stride.min(luma_rows.len()));
        let to = [first_row, if second > pair * 2 { second_row } else { &mut [] }];
        row_pair(table, from, chroma, to, (blue_row, red_row), width);
    }
}

fn sample(row: &[u8], at: usize) -> usize {
    match row.get(at * 2..at * 2 + 2) {
        Some(bytes) => usize::from(u16::from_le_bytes([bytes[0], bytes[1]]) & 1023),
        None => 0,
    }
}

/// Two rows of luma and the row of chroma that they share.
fn row_pair(
    table: &Table,
    from: [&[u8]; 2],
    (blues, reds): (&[u8], &[u8]),
    to: [&mut [u8]; 2],
    (blue_row, red_row): (&mut [u8], &mut [u8]),
    width: usize,
) {
    let [first, second] = to;
    let chroma = blue_row.iter_mut().zip(red_row.iter_mut()).take(width.div_ceil(2));
    for (at, (blue, red)) in chroma.enumerate() {
        let corners = Corners::of(sample(blues, at), sample(reds, at));
        let mut sum = 0;
        for (row, out) in [&mut *first, &mut *second].into_iter().enumerate() {
            for (column, eighths) in DITHER[row].iter().enumerate() {
                // An odd picture repeats its last column.
                let x = (at * 2 + column).min(width - 1);
                let code = sample(from[row], x);
                sum += code;
                if let Some(out) = out.get_mut(at * 2 + column).filter(|_| at * 2 + column < width)
                {
                    let rounding = eighths << (SUM_BITS - 3);
                    *out = byte(corners.luma(table, code) + rounding);
                }
            }
        }
        let half = 1 << (SUM_BITS - 1);
        let [of_blue, of_red] = corners.chroma(table, sum / 4);
        (*blue, *red) = (byte(of_blue + half), byte(of_red + half));
    }
}

fn byte(sum: i32) -> u8 {
    u8::try_from((sum >> SUM_BITS).clamp(0, 255)).unwrap_or(0)
}

/// The four columns of the table round a chroma, with their weights.
struct Corners([(usize, i32); 4]);

impl Corners {
    fn of(blue: usize, red: usize) -> Self {
        let (node_blue, node_red) = (blue >> STEP_BITS, red >> STEP_BITS);
        let (of_blue, of_red) = (weight(blue), weight(red));
        let step = 1 << STEP_BITS;
        Self([
            (Table::index(node_blue, node_red, 0), (step - of_blue) * (step - of_red)),
            (Table::index(node_blue, node_red + 1, 0), (step - of_blue) * of_red),
            (Table::index(node_blue + 1, node_red, 0), of_blue * (step - of_red)),
            (Table::index(node_blue + 1, node_red + 1, 0), of_blue * of_red),
        ])
    }

    fn luma(&self, table: &Table, code: usize) -> i32 {
        let (node, upper) = (code >> STEP_BITS, weight(code));
        let lower = (1 << STEP_BITS) - upper;
        let corner = |(column, share): &(usize, i32)| {
            let at = column + node;
            share * (i32::from(table.luma[at]) * lower + i32::from(table.luma[at + 1]) * upper)
        };
        self.0.iter().map(corner).sum()
    }

    fn chroma(&self, table: &Table, code: usize) -> [i32; 2] {
        let (node, upper) = (code >> STEP_BITS, weight(code));
        let lower = (1 << STEP_BITS) - upper;
        [0, 1].map(|which| {
            let corner = |(column, share): &(usize, i32)| {
                let (this, next) = (table.chroma[column + node], table.chroma[column + node + 1]);
                share * (i32::from(this[which]) * lower + i32::from(next[which]) * upper)
            };
            self.0.iter().map(corner).sum()
        })
    }
}

/// How far a code lies behind its node.
fn weight(code: usize) -> i32 {
    i32::try_from(code & ((1 << STEP_BITS) - 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::{ASSUMED_PEAK_NIT, DynamicRange};
    use super::*;

    /// Converts a picture of one colour.
    fn plain(table: &Table, code: [u16; 3], (width, height): (usize, usize)) -> [Vec<u8>; 3] {
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let plane = |code: u16, count: usize| code.to_le_bytes().repeat(count);
        let planes = [
            plane(code[0], width * height),
            plane(code[1], half_width * half_height),
            plane(code[2], half_width * half_height),
        ];
        let strides = [width, half_width, half_width];
        let source = [0, 1, 2].map(|n: usize| Source { bytes: &planes[n], stride: strides[n] * 2 });
        let mut out = [
            vec![0; width * height],
            vec![0; half_width * half_height],
            vec![0; half_width * half_height],
        ];
        let [luma, blue, red] = &mut out;
        let target = [
            Target { bytes: luma, stride: strides[0] },
            Target { bytes: blue, stride: strides[1] },
            Target { bytes: red, stride: strides[2] },
        ];
        convert(table, &source, target, (width, height));
        out
    }

    #[test]
    fn every_pixel_is_converted_also_of_odd_pictures() {
        let table = Table::new(DynamicRange::Hlg, ASSUMED_PEAK_NIT);
        for size in [(16, 8), (15, 7), (1, 1), (2, 1), (1, 2)] {
            let [luma, blue, red] = plain(&table, [64, 512, 512], size);
            assert!(luma.iter().all(|y| *y == 16), "{size:?} {luma:?}");
            assert!(blue.iter().chain(&red).all(|c| *c == 128), "{size:?}");
            let [luma, ..] = plain(&table, [940, 512, 512], size);
            assert!(luma.iter().all(|y| (234..=235).contains(y)), "{size:?} {luma:?}");
        }
    }

    #[test]
    fn between_the_nodes_the_table_is_as_good_as_the_arithmetic() {
        let table = Table::new(DynamicRange::Hlg, ASSUMED_PEAK_NIT);
        for code in [[300, 500, 530], [517, 470, 600], [721, 560, 450], [850, 505, 520]] {
            let [luma, blue, red] = plain(&table, code, (2, 2));
            let exact = super::super::exact(DynamicRange::Hlg, code.map(f64::from));
            // The four are dithered. What lies outside of BT.709 bends most.
            let mean = luma.iter().map(|y| f64::from(*y)).sum::<f64>() / 4.0;
            assert!((mean - exact[0]).abs() < 1.5, "{code:?}: {mean} {exact:?}");
            assert!((f64::from(blue[0]) - exact[1]).abs() < 2.0, "{code:?}: {blue:?} {exact:?}");
            assert!((f64::from(red[0]) - exact[2]).abs() < 2.0, "{code:?}: {red:?} {exact:?}");
        }
    }
}
