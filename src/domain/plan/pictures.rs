//! Which still pictures are made beside the stream: a poster and a storyboard.

use serde::{Deserialize, Serialize};

use super::{PlannedRung, VideoPlan};

/// The long side of a picture of the storyboard, in pixels: what a player shows above its bar.
const TILE_LONG_SIDE: u32 = 256;
/// Pictures of a sheet in a row and in a column: 25 are a few dozen kilobytes, and a person who
/// looks for a place loads one or two sheets.
const SHEET_SIDE: u32 = 5;
/// Pictures of the storyboard are at least and at most so far apart, and a hundredth of the
/// length where that lies between.
const LEAST_INTERVAL_NS: u64 = 1_000_000_000;
const MOST_INTERVAL_NS: u64 = 10_000_000_000;
/// The poster is one of the pictures of the first tenth of the video, one for each second of it:
/// of 10 at least, as films begin dark, and of 30 at most.
const POSTER_SHARE: u64 = 10;
const POSTER_CANDIDATES: std::ops::RangeInclusive<u64> = 10..=30;
/// The poster comes from the largest rung up to this height.
const POSTER_HEIGHT: u32 = 720;

/// The still pictures of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PicturesPlan {
    /// Index of the rung that the poster is taken from.
    pub poster_rung: usize,
    /// Pictures among which the poster is chosen.
    pub poster_candidates: u32,
    /// Frames from one of them to the next.
    pub poster_interval_frames: u32,
    /// The storyboard.
    pub storyboard: StoryboardPlan,
}

/// Small pictures at even distances, on sheets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryboardPlan {
    /// Width of a picture in pixels.
    pub tile_width: u32,
    /// Height of a picture in pixels.
    pub tile_height: u32,
    /// Pictures in a row of a sheet.
    pub columns: u32,
    /// Rows of a sheet.
    pub rows: u32,
    /// Frames from one picture to the next.
    pub interval_frames: u32,
}

impl StoryboardPlan {
    /// Pictures on a full sheet.
    #[must_use]
    pub fn tiles_per_sheet(&self) -> u32 {
        self.columns * self.rows
    }
}

/// The pictures of a video of this length. Of no rungs there are none.
pub(super) fn pictures(video: &VideoPlan, duration_ns: Option<u64>) -> Option<PicturesPlan> {
    let smallest = video.rungs.last()?;
    let poster_rung = video.rungs.iter().position(|rung| short_side(rung) <= POSTER_HEIGHT);
    let hundredth = duration_ns.map_or(MOST_INTERVAL_NS, |ns| ns / 100);
    let interval_ns = hundredth.clamp(LEAST_INTERVAL_NS, MOST_INTERVAL_NS);
    let seconds = duration_ns.unwrap_or(0) / POSTER_SHARE / 1_000_000_000;
    let (least, most) = POSTER_CANDIDATES.into_inner();
    let (tile_width, tile_height) = tile(smallest);
    Some(PicturesPlan {
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

fn short_side(rung: &PlannedRung) -> u32 {
    rung.width.min(rung.height)
}

/// The rung's size, scaled down to the length of a tile's long side.
fn tile(rung: &PlannedRung) -> (u32, u32) {
    let long = rung.width.max(rung.height);
    let part = |side: u32| {
        let scaled = side * TILE_LONG_SIDE.min(long) / long.max(1);
        (scaled / 2 * 2).max(2)
    };
    (part(rung.width), part(rung.height))
}
