//! Poster and storyboard as they arrive.

use crate::domain::plan::Plan;
use crate::domain::still::MAX_SIDE_PX;
use crate::domain::thumbnail::Thumbnail;
use crate::worker::parent::misbehaviour::Misbehaviour;

/// Bytes of a JPEG that depend on no pixel, and bytes of a pixel. A JPEG is never larger than its frame
/// was, at the qualities in use.
const HEADER_BYTES: u64 = 64 << 10;
const PIXEL_BYTES: u64 = 3;
/// First bytes of a JPEG.
const JPEG_MAGIC: [u8; 3] = [0xFF, 0xD8, 0xFF];

/// The thumbnails of a plan.
#[derive(Debug)]
pub(super) struct Thumbnails {
    /// Most bytes of the poster and of a sheet.
    poster_bytes: u64,
    sheet_bytes: u64,
    tiles_per_sheet: u32,
    /// Most sheets.
    sheets: u32,
    has_poster: bool,
    next_sheet: u32,
    /// The last sheet was not full.
    has_last: bool,
}

/// Accepts the poster of a worker that makes nothing else.
pub(super) fn accept_still(
    thumbnail: Thumbnail,
    jpeg: &[u8],
    has_poster: &mut bool,
) -> Result<(), Misbehaviour> {
    let pixels = u64::from(MAX_SIDE_PX) * u64::from(MAX_SIDE_PX);
    if thumbnail != Thumbnail::Poster || !jpeg.starts_with(&JPEG_MAGIC) {
        return Err(Misbehaviour::Wrong("poster"));
    }
    if std::mem::replace(has_poster, true) {
        return Err(Misbehaviour::TooMuch("posters"));
    }
    if jpeg.len() as u64 > pixels * PIXEL_BYTES + HEADER_BYTES {
        return Err(Misbehaviour::TooMuch("bytes of a thumbnail"));
    }
    Ok(())
}

impl Thumbnails {
    /// The thumbnails of this plan, if it has any, of a video that lasts `longest_ns` at most.
    pub(super) fn new(plan: &Plan, longest_ns: u64) -> Option<Self> {
        let planned = plan.thumbnails.as_ref()?;
        let rung = plan.video.rungs.get(planned.poster_rung)?;
        let storyboard = &planned.storyboard;
        let bytes = |width: u32, height: u32, frames: u32| {
            let pixels = u64::from(width) * u64::from(height) * u64::from(frames);
            pixels * PIXEL_BYTES + HEADER_BYTES
        };
        let tiles_per_sheet = storyboard.tiles_per_sheet();
        let frames_per_sheet = u64::from(storyboard.interval_frames) * u64::from(tiles_per_sheet);
        let sheets = plan.video.frames_in_ns(longest_ns) / frames_per_sheet.max(1) + 1;
        Some(Self {
            poster_bytes: bytes(rung.width, rung.height, 1),
            sheet_bytes: bytes(storyboard.tile_width, storyboard.tile_height, tiles_per_sheet),
            tiles_per_sheet,
            sheets: u32::try_from(sheets).unwrap_or(u32::MAX),
            has_poster: false,
            next_sheet: 0,
            has_last: false,
        })
    }

    /// Accepts the poster once, and sheets by their numbers. All sheets but the last are full.
    pub(super) fn accept(&mut self, thumbnail: Thumbnail, jpeg: &[u8]) -> Result<(), Misbehaviour> {
        if !jpeg.starts_with(&JPEG_MAGIC) {
            return Err(Misbehaviour::Wrong("thumbnail"));
        }
        let most = match thumbnail {
            Thumbnail::Poster => {
                if std::mem::replace(&mut self.has_poster, true) {
                    return Err(Misbehaviour::TooMuch("posters"));
                }
                self.poster_bytes
            }
            Thumbnail::StoryboardSheet { number: found, tiles } => {
                let expected = self.next_sheet;
                if found != expected {
                    return Err(Misbehaviour::Number { what: "a sheet", found, expected });
                }
                if !(1..=self.tiles_per_sheet).contains(&tiles) {
                    return Err(Misbehaviour::Wrong("number of tiles"));
                }
                if self.has_last || self.next_sheet >= self.sheets {
                    return Err(Misbehaviour::TooMuch("sheets"));
                }
                self.has_last = tiles < self.tiles_per_sheet;
                self.next_sheet += 1;
                self.sheet_bytes
            }
        };
        if jpeg.len() as u64 > most {
            return Err(Misbehaviour::TooMuch("bytes of a thumbnail"));
        }
        Ok(())
    }
}
