//! Thumbnails of a video: the poster and the storyboard.

use serde::{Deserialize, Serialize};

use super::video::{PlannedRung, VideoPlan};

/// Long side of a storyboard tile in pixels: the size that players show above their progress bar.
const TILE_LONG_SIDE_PX: u32 = 256;
/// Tiles in a row and in a column of a sheet. A sheet of 25 tiles is a few dozen kilobytes, and a
/// viewer who seeks loads one or two.
const SHEET_SIDE: u32 = 5;
/// Bounds of the time between two tiles, in nanoseconds. Between them, it is a hundredth of the
/// duration.
const MIN_INTERVAL_NS: u64 = 1_000_000_000;
const MAX_INTERVAL_NS: u64 = 10_000_000_000;
/// The poster is chosen from the first tenth of the video.
const POSTER_SHARE: u64 = 10;
/// Bounds of the number of candidates, one per second. Films begin dark, so there are at least 10.
const POSTER_CANDIDATES: std::ops::RangeInclusive<u64> = 10..=30;
/// The poster has the size of the largest rung that fits the box of 16:9 with this short side, in pixels.
const POSTER_BOX_PX: u32 = 720;

/// Poster and storyboard of one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThumbnailPlan {
    /// Index of the rung that the poster is taken from.
    pub poster_rung: usize,
    /// Number of frames from which the poster is chosen.
    pub poster_candidates: u32,
    /// Frames from one candidate to the next.
    pub poster_interval_frames: u32,
    /// Geometry and interval of the storyboard.
    pub storyboard: StoryboardPlan,
}

/// The storyboard: small frames (tiles) at a constant interval, arranged on sheets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryboardPlan {
    /// Width of a tile in pixels.
    pub tile_width: u32,
    /// Height of a tile in pixels.
    pub tile_height: u32,
    /// Tiles in a row of a sheet.
    pub columns: u32,
    /// Rows of a sheet.
    pub rows: u32,
    /// Frames of the video from one tile to the next.
    pub interval_frames: u32,
}

impl StoryboardPlan {
    /// Tiles on a full sheet.
    #[must_use]
    pub fn tiles_per_sheet(&self) -> u32 {
        self.columns * self.rows
    }
}

/// Plans the thumbnails of a video of this duration; `None` without rungs.
pub(super) fn plan_thumbnails(
    video: &VideoPlan,
    duration_ns: Option<u64>,
) -> Option<ThumbnailPlan> {
    let smallest = video.rungs.last()?;
    let poster_rung = video.rungs.iter().position(|rung| rung.box_height() <= POSTER_BOX_PX);
    let hundredth = duration_ns.map_or(MAX_INTERVAL_NS, |ns| ns / 100);
    let interval_ns = hundredth.clamp(MIN_INTERVAL_NS, MAX_INTERVAL_NS);
    let seconds = duration_ns.unwrap_or(0) / POSTER_SHARE / 1_000_000_000;
    let (least, most) = POSTER_CANDIDATES.into_inner();
    let (tile_width, tile_height) = tile_size(smallest);
    Some(ThumbnailPlan {
        poster_rung: poster_rung.unwrap_or(video.rungs.len() - 1),
        poster_candidates: u32::try_from(seconds.clamp(least, most)).unwrap_or(1),
        poster_interval_frames: frames(video, 1_000_000_000),
        storyboard: StoryboardPlan {
            tile_width,
            tile_height,
            columns: SHEET_SIDE,
            rows: SHEET_SIDE,
            interval_frames: frames(video, interval_ns),
        },
    })
}

fn frames(video: &VideoPlan, ns: u64) -> u32 {
    u32::try_from(video.frames_in_ns(ns)).unwrap_or(u32::MAX).max(1)
}

/// The size of the rung, scaled down to a tile and rounded to even numbers.
fn tile_size(rung: &PlannedRung) -> (u32, u32) {
    let long = rung.width.max(rung.height);
    let part = |side: u32| {
        let scaled = side * TILE_LONG_SIDE_PX.min(long) / long.max(1);
        (scaled / 2 * 2).max(2)
    };
    (part(rung.width), part(rung.height))
}
