//! The rungs of a source: their number, sizes and bitrate caps.

use super::error::Error;
use super::video::PlannedRung;
use crate::domain::ladder::{Ladder, Rung};
use crate::domain::media::VideoStream;

/// Lowest bitrate cap in kbit/s.
const MIN_KBPS: u32 = 100;

/// Size of the upright frame in square pixels.
fn display_size(stream: &VideoStream) -> (f64, f64) {
    let aspect = stream.pixel_aspect.as_f64();
    let aspect = if aspect > 0.0 { aspect } else { 1.0 };
    let (width, height) = (f64::from(stream.width) * aspect, f64::from(stream.height));
    if stream.orientation.swaps_sides() { (height, width) } else { (width, height) }
}

/// Plans the rungs from the largest to the smallest; none is larger than the source.
///
/// # Errors
/// [`Error::PictureTooSmall`] if a side is shorter than 2 pixels.
pub(super) fn rungs(stream: &VideoStream, ladder: &Ladder) -> Result<Vec<PlannedRung>, Error> {
    let (width, height) = display_size(stream);
    let short = width.min(height);
    if short < 2.0 {
        let size = (whole(width), whole(height));
        return Err(Error::PictureTooSmall { width: size.0, height: size.1 });
    }
    let mut fitting: Vec<Rung> =
        ladder.0.iter().filter(|rung| f64::from(rung.height) <= short + 0.5).cloned().collect();
    if fitting.is_empty() {
        fitting.push(own_rung(short, ladder));
    }
    fitting.sort_by_key(|rung| std::cmp::Reverse(rung.height));
    // Players need a lower rate to fall back to (Apple's authoring rule 9.9).
    if let [only] = &fitting[..]
        && let Some(lower) = lower_rung(only)
    {
        fitting.push(lower);
    }
    Ok(fitting.iter().map(|rung| fit(rung, width, height)).collect())
}

/// A rung of two thirds of the size at the same bits per pixel; `None` below 2 pixels.
fn lower_rung(rung: &Rung) -> Option<Rung> {
    let height = even_below(f64::from(rung.height) * 2.0 / 3.0);
    let max_bitrate_kbps = (rung.max_bitrate_kbps * 4 / 9).max(MIN_KBPS);
    (height >= 2 && height < rung.height).then_some(Rung { height, max_bitrate_kbps })
}

/// The one rung of a source that is smaller than the ladder: the size of the source, at the bits per
/// pixel of the smallest configured rung.
fn own_rung(short: f64, ladder: &Ladder) -> Rung {
    let height = even_below(short);
    let smallest = ladder.0.iter().min_by_key(|rung| rung.height);
    let (least_height, kbps) = smallest.map_or((360, 780), |r| (r.height, r.max_bitrate_kbps));
    let share = (f64::from(height) / f64::from(least_height.max(1))).powi(2);
    Rung { height, max_bitrate_kbps: whole(f64::from(kbps) * share).max(MIN_KBPS) }
}

/// Size with the short side of the rung and the aspect ratio of the source.
fn fit(rung: &Rung, width: f64, height: f64) -> PlannedRung {
    let scale = f64::from(rung.height) / width.min(height);
    let side = |length: f64, is_short: bool| {
        if is_short { rung.height } else { even_nearest(length * scale) }
    };
    let portrait = width < height;
    PlannedRung {
        name: format!("{}p", rung.height),
        width: side(width, portrait),
        height: side(height, !portrait),
        max_bitrate_kbps: rung.max_bitrate_kbps,
    }
}

fn even_nearest(length: f64) -> u32 {
    (whole(length / 2.0) * 2).max(2)
}

fn even_below(length: f64) -> u32 {
    (whole((length / 2.0).floor()) * 2).max(2)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn whole(value: f64) -> u32 {
    value.round().clamp(0.0, f64::from(u32::MAX)) as u32
}
