//! Letterboxing: the rectangle that a frame takes in one of another aspect ratio.

/// A rectangle in luma samples. All values are even, so that 4:2:0 chroma splits at its borders.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rect {
    /// Columns to its left.
    pub left: usize,
    /// Rows above it.
    pub top: usize,
    /// Columns inside.
    pub width: usize,
    /// Rows inside.
    pub height: usize,
}

/// Samples that a side gains or loses when it is rounded to an even number.
const ROUNDING: usize = 2;

/// Returns the largest centred rectangle with the aspect ratio of `shape` in a frame of `size`
/// samples.
///
/// `shape` is a width and a height in one common unit. A rectangle that misses the whole frame only
/// by rounding becomes the whole frame, as does a `shape` with a side of 0.
#[must_use]
pub fn fit(shape: (u64, u64), size: (usize, usize)) -> Rect {
    let whole = Rect { left: 0, top: 0, width: size.0, height: size.1 };
    if shape.0 == 0 || shape.1 == 0 {
        return whole;
    }
    let scaled = |side: usize, num: u64, den: u64| {
        let half = (side as u128 * u128::from(num) + u128::from(den)) / (2 * u128::from(den));
        usize::try_from(half).unwrap_or(usize::MAX).saturating_mul(2).max(ROUNDING)
    };
    let width = scaled(size.1, shape.0, shape.1).min(size.0);
    let height = scaled(size.0, shape.1, shape.0).min(size.1);
    if size.0 - width <= ROUNDING && size.1 - height <= ROUNDING {
        return whole;
    }
    let margin = |outer: usize, inner: usize| (outer - inner) / 4 * 2;
    Rect { left: margin(size.0, width), top: margin(size.1, height), width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aspect_ratio_is_kept_with_bars_beside_or_above() {
        let whole = |size: (usize, usize)| (0, 0, size.0, size.1);
        let table = [
            ((1920, 1080), (1280, 720), whole((1280, 720))),
            ((1920, 1080), (854, 480), whole((854, 480))),
            ((854, 480), (640, 360), whole((640, 360))),
            ((161, 121), (160, 120), whole((160, 120))),
            ((16, 4000), (2, 360), whole((2, 360))),
            ((640, 480), (1280, 720), (160, 0, 960, 720)),
            ((720, 1280), (1280, 720), (436, 0, 406, 720)),
            ((1280, 720), (640, 480), (0, 60, 640, 360)),
            ((1, u64::MAX), (640, 480), (318, 0, 2, 480)),
            ((0, 5), (640, 480), whole((640, 480))),
        ];
        for (shape, size, (left, top, width, height)) in table {
            assert_eq!(
                fit(shape, size),
                Rect { left, top, width, height },
                "{shape:?} in {size:?}"
            );
        }
    }
}
