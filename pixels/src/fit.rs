//! Where a picture lies in one of other proportions.

/// A part of a picture, in samples of luma. All are even, so that chroma has a place of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// Columns to its left.
    pub left: usize,
    /// Rows above it.
    pub top: usize,
    /// Its columns.
    pub width: usize,
    /// Its rows.
    pub height: usize,
}

/// What is lost or added where sides are rounded to even numbers.
const ROUNDED: usize = 2;

/// The largest place in the middle of a picture of `to` samples that has the proportions of `shape`
/// (width and height in the same unit). All of it where only rounding is in the way.
#[must_use]
pub fn fit(shape: (u64, u64), to: (usize, usize)) -> Place {
    let whole = Place { left: 0, top: 0, width: to.0, height: to.1 };
    // What has no shape cannot be fitted.
    if shape.0 == 0 || shape.1 == 0 {
        return whole;
    }
    let scaled = |of: usize, by: u64, through: u64| {
        let side = (of as u128 * u128::from(by) + u128::from(through)) / (2 * u128::from(through));
        usize::try_from(side).unwrap_or(usize::MAX).saturating_mul(2).max(ROUNDED)
    };
    let width = scaled(to.1, shape.0, shape.1).min(to.0);
    let height = scaled(to.0, shape.1, shape.0).min(to.1);
    if to.0 - width <= ROUNDED && to.1 - height <= ROUNDED {
        return whole;
    }
    let before = |outer: usize, inner: usize| (outer - inner) / 4 * 2;
    Place { left: before(to.0, width), top: before(to.1, height), width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proportions_are_kept_with_black_beside_or_above() {
        let whole = |to: (usize, usize)| (0, 0, to.0, to.1);
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
        for (shape, to, (left, top, width, height)) in table {
            assert_eq!(fit(shape, to), Place { left, top, width, height }, "{shape:?} in {to:?}");
        }
    }
}
