//! The rungs of a source: their number, sizes and bitrate caps.
//!
//! A rung of height H is a box of 16:9 pixels, H on its short side, turned for portrait. Frames are fitted
//! into it and never scaled up. The top rung is the smallest box that holds the source, so it keeps the
//! source's own size; a larger source is fitted into the largest box.

use super::error::Error;
use super::video::PlannedRung;
use crate::domain::ladder::{Ladder, Rung};
use crate::domain::media::{Fraction, VideoStream};

/// Lowest bitrate cap in kbit/s.
const MIN_KBPS: u32 = 100;
/// A rung below a source that lies between two boxes is left out above this share of its pixels, in
/// percent: it would cost an encode and hardly save bits. The usual steps are 44 and 56 %.
const MAX_SHARE_PERCENT: f64 = 80.0;
/// Tolerance in pixels of sizes that a pixel aspect ratio made.
const TOLERANCE_PX: f64 = 1.0;
/// Highest frame rate at the configured caps, in frames per second.
const CAP_FPS: f64 = 30.0;

/// Plans the rungs from the largest to the smallest; none is larger than the source. Adds notes on rungs
/// that differ from the configured ones.
///
/// # Errors
/// [`Error::PictureTooSmall`] if a side is shorter than 2 pixels.
pub(super) fn rungs(
    stream: &VideoStream,
    ladder: &Ladder,
    fps: Fraction,
    notes: &mut Vec<String>,
) -> Result<Vec<PlannedRung>, Error> {
    let source = Upright::of(stream);
    if source.short() < 2.0 {
        let (width, height) = (whole(source.width), whole(source.height));
        return Err(Error::PictureTooSmall { width, height });
    }
    let caps = Caps::new(ladder, fps);
    let mut heights: Vec<u32> = ladder.0.iter().map(|rung| rung.height).collect();
    heights.sort_unstable();
    let top =
        heights.iter().copied().find(|height| source.fits(*height)).or(heights.last().copied());
    heights.retain(|height| Some(*height) <= top);
    let is_small = heights.first().is_none_or(|smallest| !source.fills(*smallest));
    let mut rungs: Vec<PlannedRung> = if is_small {
        vec![source.whole(even_below(source.box_height()), &caps)]
    } else {
        heights.iter().rev().map(|height| source.fit(*height, &caps)).collect()
    };
    rungs.dedup_by_key(|rung| (rung.width, rung.height));
    if !is_small && top.is_some_and(|top| !source.fills(top)) {
        leave_out_similar(&mut rungs, notes);
    }
    // Players need a lower rate to fall back to (Apple's authoring rule 9.9).
    if let [only] = &rungs[..]
        && let Some(lower) = lower_rung(&source, only, &caps)
    {
        rungs.push(lower);
    }
    Ok(rungs)
}

/// Leaves out rungs that are hardly smaller than the first one, which has the size of the source.
fn leave_out_similar(rungs: &mut Vec<PlannedRung>, notes: &mut Vec<String>) {
    let Some(top) = rungs.first().cloned() else { return };
    notes.push(format!(
        "the best rendition has the size of the source, {}x{}",
        top.width, top.height
    ));
    rungs.retain(|rung| {
        let share = 100.0 * rung.pixels() / top.pixels();
        let is_similar = *rung != top && share > MAX_SHARE_PERCENT;
        if is_similar {
            notes.push(format!(
                "{} left out: it would have {share:.0} % of the pixels of the best rendition",
                rung.name
            ));
        }
        !is_similar
    });
}

/// A rung of two thirds of the size; `None` where no smaller one has a name of its own.
fn lower_rung(source: &Upright, rung: &PlannedRung, caps: &Caps) -> Option<PlannedRung> {
    let height = even_below(f64::from(rung.box_height()) * 2.0 / 3.0);
    let lower = source.fit(height, caps);
    let is_another = lower.name != rung.name && lower.pixels() < rung.pixels();
    (height < rung.box_height() && is_another).then_some(lower)
}

/// Long side in pixels of the box with this short side.
fn long_side(height: u32) -> u32 {
    even_nearest(f64::from(height) * 16.0 / 9.0)
}

/// The upright frame of the source in square pixels.
struct Upright {
    width: f64,
    height: f64,
}

impl Upright {
    fn of(stream: &VideoStream) -> Self {
        let aspect = stream.pixel_aspect.as_f64();
        let aspect = if aspect > 0.0 { aspect } else { 1.0 };
        let (width, height) = stream.shown_size();
        let (width, height) = (f64::from(width), f64::from(height));
        if !stream.orientation.swaps_sides() {
            return Self { width: width * aspect, height };
        }
        // Players widen pixels. Those of a turned frame are widened along either side, so that no side of
        // the frame is made smaller.
        let (width, height) =
            if aspect < 1.0 { (width, height / aspect) } else { (width * aspect, height) };
        Self { width: height, height: width }
    }

    fn short(&self) -> f64 {
        self.width.min(self.height)
    }

    fn long(&self) -> f64 {
        self.width.max(self.height)
    }

    /// Short side of the smallest box of 16:9 that holds the frame.
    fn box_height(&self) -> f64 {
        self.short().max(self.long() * 9.0 / 16.0)
    }

    /// Whether a box holds the frame as it is.
    fn fits(&self, height: u32) -> bool {
        self.short() <= f64::from(height) + TOLERANCE_PX
            && self.long() <= f64::from(long_side(height)) + TOLERANCE_PX
    }

    /// Whether the frame reaches two borders of a box, or is larger.
    fn fills(&self, height: u32) -> bool {
        self.short() >= f64::from(height) - TOLERANCE_PX
            || self.long() >= f64::from(long_side(height)) - TOLERANCE_PX
    }

    /// The rung of a box, with the aspect ratio of the frame.
    fn fit(&self, height: u32, caps: &Caps) -> PlannedRung {
        let (short, long) = (f64::from(height), f64::from(long_side(height)));
        let scale = (short / self.short()).min(long / self.long()).min(1.0);
        self.scaled(scale, height, caps)
    }

    /// The rung of the frame's own size.
    fn whole(&self, height: u32, caps: &Caps) -> PlannedRung {
        self.scaled(1.0, height, caps)
    }

    fn scaled(&self, scale: f64, height: u32, caps: &Caps) -> PlannedRung {
        // The frame itself may have odd sides.
        let side = |length: f64| even_nearest(length * scale).min(even_below(length.ceil()));
        let (width, upright_height) = (side(self.width), side(self.height));
        PlannedRung {
            name: format!("{height}p"),
            width,
            height: upright_height,
            max_bitrate_kbps: caps.of(f64::from(width) * f64::from(upright_height)),
        }
    }
}

/// Bitrate caps by size and frame rate.
struct Caps {
    /// Pixels and configured cap of each box in kbit/s, from the smallest; the first is the origin.
    boxes: Vec<(f64, f64)>,
    /// Factor for the frame rate.
    rate: f64,
}

impl Caps {
    fn new(ladder: &Ladder, fps: Fraction) -> Self {
        let point = |rung: &Rung| {
            let pixels = f64::from(long_side(rung.height)) * f64::from(rung.height);
            (pixels, f64::from(rung.max_bitrate_kbps))
        };
        let mut boxes: Vec<(f64, f64)> = ladder.0.iter().map(point).collect();
        boxes.push((0.0, 0.0));
        boxes.sort_by(|one, other| one.0.total_cmp(&other.0));
        // Frames that are closer together differ less: half as many bits for each above the 30 per second.
        let extra = (fps.as_f64() / CAP_FPS - 1.0).max(0.0);
        Self { boxes, rate: 1.0 + extra / 2.0 }
    }

    /// Cap in kbit/s for frames of so many pixels: that of the box of this size, or on the line between
    /// the boxes below and above.
    fn of(&self, pixels: f64) -> u32 {
        let pair = self.boxes.windows(2).find(|pair| pixels <= pair[1].0);
        let kbps = match pair {
            Some([low, high]) => low.1 + (high.1 - low.1) * (pixels - low.0) / (high.0 - low.0),
            Some(_) | None => self.boxes.last().map_or(0.0, |largest| largest.1),
        };
        whole(kbps * self.rate).max(MIN_KBPS)
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

#[cfg(test)]
mod tests;
