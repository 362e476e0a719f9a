//! Everything that is decided before a byte is encoded.

mod pictures;
mod rate;
mod rungs;
mod sound;
mod subtitles;
mod tracks;

use serde::{Deserialize, Serialize};

use super::encode::{EncodeConfig, SegmentFormat};
use super::ladder::Ladder;
use super::media::{DynamicRange, Fraction, MediaInfo, Orientation, VideoStream};
use super::outcome::{Fault, FaultClass};

pub use pictures::{PicturesPlan, StoryboardPlan};
pub use subtitles::SubtitlePlan;

/// What one job will make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The backend that encodes: the recipe, with the device where it is not the first.
    pub backend: String,
    /// The device's decoder, by the name of its element; absent where the source is decoded in
    /// software.
    #[serde(default)]
    pub decoder: Option<String>,
    /// Duration that the container states, in nanoseconds.
    pub duration_ns: Option<u64>,
    /// The picture.
    pub video: VideoPlan,
    /// Audio renditions; empty for a silent source.
    pub audio: Vec<AudioPlan>,
    /// Subtitle renditions.
    #[serde(default)]
    pub subtitles: Vec<SubtitlePlan>,
    /// Poster and storyboard.
    pub pictures: Option<PicturesPlan>,
    /// What segments are.
    pub segment: SegmentFormat,
    /// What the person should know: streams left out, rates changed.
    pub notes: Vec<String>,
}

/// What happens to the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoPlan {
    /// The stream that is encoded.
    pub stream_id: String,
    /// Constant output rate, frames per second.
    pub fps: Fraction,
    /// Frames in a GOP (2 s).
    pub gop_frames: u32,
    /// Frames in a segment (three GOPs, 6 s).
    pub segment_frames: u32,
    /// So many segments of a single GOP make up the first segment of the grid; 0 where it is whole.
    pub short_segments: u32,
    /// How the picture is turned upright.
    pub orientation: Orientation,
    /// Whether the pictures are deinterlaced.
    pub deinterlace: bool,
    /// What the source's values stand for; the output is always of standard range.
    pub dynamic_range: DynamicRange,
    /// The rungs, from the largest to the smallest: each is scaled from the one before. Where there
    /// is only sound there are none, and the rest is the grid that the sound is cut by.
    pub rungs: Vec<PlannedRung>,
}

/// One video rendition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedRung {
    /// Name of the rendition and of its folder, such as `1080p`.
    pub name: String,
    /// Width in pixels, even, square pixels.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// The cap in kbit/s.
    pub max_bitrate_kbps: u32,
}

/// One audio rendition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioPlan {
    /// Name of the rendition and of its folder, such as `audio-eng`.
    pub name: String,
    /// The stream that is encoded.
    pub stream_id: String,
    /// BCP 47 tag; `und` where unknown.
    pub language: String,
    /// Name for the player's menu.
    pub title: String,
    /// Whether a player takes it unless told otherwise.
    pub is_default: bool,
    /// Bits per second of the AAC stream, in kbit/s.
    pub bitrate_kbps: u32,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Number of channels.
    pub channels: u32,
}

impl VideoPlan {
    /// Time of the frame with this number, in nanoseconds: exact to the nanosecond below.
    #[must_use]
    pub fn frame_time_ns(&self, frame: u64) -> u64 {
        let ns = u128::from(frame) * 1_000_000_000 * u128::from(self.fps.den)
            / u128::from(self.fps.num.max(1));
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// Number of frames that come nearest to a length of time.
    #[must_use]
    pub fn frames_in_ns(&self, ns: u64) -> u64 {
        let second = 1_000_000_000 * u128::from(self.fps.den.max(1));
        let frames = (u128::from(ns) * u128::from(self.fps.num) + second / 2) / second;
        u64::try_from(frames).unwrap_or(u64::MAX)
    }

    /// Ticks of a clock in a second that counts whole ticks for each picture, and is no coarser than
    /// those of other containers: sums of rounded durations would stray from the times of the
    /// pictures.
    #[must_use]
    pub fn timescale(&self) -> u32 {
        const COARSEST: u32 = 10_000;
        let num = self.fps.num.max(1);
        num.saturating_mul(COARSEST.div_ceil(num))
    }

    /// Duration of a whole segment of video in nanoseconds: 6.006 s at 29.97 frames per second.
    #[must_use]
    pub fn segment_ns(&self) -> u64 {
        self.frame_time_ns(u64::from(self.segment_frames))
    }

    /// Whether the picture with this number begins a segment.
    #[must_use]
    pub fn begins_segment(&self, frame: u64) -> bool {
        let gop = u64::from(self.gop_frames.max(1));
        let is_short = frame / gop < u64::from(self.short_segments);
        frame.is_multiple_of(u64::from(self.segment_frames))
            || is_short && frame.is_multiple_of(gop)
    }

    /// Where the segment ends that holds this time, in nanoseconds.
    #[must_use]
    pub fn segment_end_ns(&self, ns: u64) -> u64 {
        let short = (1..self.short_segments).map(|n| u64::from(n) * u64::from(self.gop_frames));
        let mut short = short.map(|frame| self.frame_time_ns(frame));
        let on_grid = |number| self.frame_time_ns(number * u64::from(self.segment_frames));
        let number = ns / self.segment_ns().max(1);
        let mut grid = [number, number + 1, number + 2].into_iter().map(on_grid);
        let end = short.find(|end| *end > ns).or_else(|| grid.find(|end| *end > ns));
        end.unwrap_or(u64::MAX)
    }

    /// What EXT-X-TARGETDURATION says, from the first playlist on: no segment's duration, rounded
    /// to the nearest second, is greater (RFC 8216, 4.3.3.1). It is the same for all renditions
    /// (6.2.4), so it leaves room for sound, whose segments can be a frame longer than the
    /// picture's.
    #[must_use]
    pub fn target_duration_secs(&self) -> u32 {
        let longest_ns = self.segment_ns() + sound::FRAME_NS;
        let secs = (longest_ns + 500_000_000) / 1_000_000_000;
        u32::try_from(secs).unwrap_or(u32::MAX).max(1)
    }
}

impl Plan {
    /// The encoded renditions in the order of their indices: the rungs, then the audio.
    pub fn rendition_names(&self) -> impl Iterator<Item = &str> {
        let rungs = self.video.rungs.iter().map(|rung| rung.name.as_str());
        rungs.chain(self.audio.iter().map(|audio| audio.name.as_str()))
    }
}

/// Why there is no plan: the source is not one that we can publish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing in the source moves.
    #[error("The file has no video: it holds {found}. Upload a file with moving pictures.")]
    NoVideo {
        /// What it has instead.
        found: String,
    },
    /// There is video, and no decoder for it.
    #[error(
        "The file's video cannot be decoded here ({formats}). Convert it to MP4 with H.264 video \
         and upload that."
    )]
    Undecodable {
        /// The formats, in words.
        formats: String,
    },
    /// The picture has no size that can be encoded.
    #[error(
        "The picture is {width} x {height} pixels, which is too small to encode: 2 x 2 is the least."
    )]
    PictureTooSmall {
        /// Upright width.
        width: u32,
        /// Upright height.
        height: u32,
    },
}

impl Fault for Error {
    fn class(&self) -> FaultClass {
        match self {
            Self::NoVideo { .. } | Self::Undecodable { .. } | Self::PictureTooSmall { .. } => {
                FaultClass::Permanent
            }
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::NoVideo { .. } => "no-video",
            Self::Undecodable { .. } => "undecodable",
            Self::PictureTooSmall { .. } => "picture-too-small",
        }
    }
}

/// Decides what a job makes of its source.
///
/// # Errors
/// If nothing can be made of it.
pub fn plan(
    media: &MediaInfo,
    ladder: &Ladder,
    encode: &EncodeConfig,
    backend: &str,
) -> Result<Plan, Error> {
    let mut notes = Vec::new();
    let stream = choose_video(media)?;
    let films = media.video.iter().filter(|stream| !stream.is_image).count();
    if films > 1 {
        notes.push(format!("{} more video streams are left out", films - 1));
    }
    for format in media.undecodable.iter().filter(|stream| !stream.is_video) {
        notes.push(format!("a stream is left out: no decoder for {}", format.description));
    }
    let video = match stream {
        Some(stream) => VideoPlan {
            stream_id: stream.stream_id.clone(),
            orientation: stream.orientation,
            deinterlace: stream.interlaced,
            dynamic_range: stream.dynamic_range,
            rungs: rungs::rungs(stream, ladder)?,
            ..VideoPlan::grid(rate::output_rate(stream, &mut notes), encode)
        },
        None => VideoPlan::grid(GRID_FPS, encode),
    };
    let audio = sound::plan_audio(&media.audio, encode, &mut notes);
    if stream.is_none() && audio.is_empty() {
        return Err(Error::NoVideo { found: "sound that cannot be played".to_owned() });
    }
    let mut subtitles = subtitles::plan_subtitles(&media.subtitles, &mut notes);
    if stream.is_none() && !subtitles.is_empty() {
        // Their segments would be cut where its are, and it is what they are shown on.
        notes.push("the subtitles are left out: there is no picture".to_owned());
        subtitles.clear();
    }
    Ok(Plan {
        backend: backend.to_owned(),
        decoder: None,
        duration_ns: media.duration_ns,
        pictures: pictures::pictures(&video, media.duration_ns),
        video,
        audio,
        subtitles,
        segment: encode.segment,
        notes,
    })
}

/// The grid that sound without a picture is cut by: whole seconds are whole frames of it.
const GRID_FPS: Fraction = Fraction::new(25, 1);

impl VideoPlan {
    /// Times and no picture.
    fn grid(fps: Fraction, encode: &EncodeConfig) -> Self {
        let gop_frames = frames_in(encode.gop_secs, fps);
        Self {
            stream_id: String::new(),
            fps,
            gop_frames,
            segment_frames: gop_frames * encode.gops_per_segment,
            short_segments: if encode.short_first_segments { encode.gops_per_segment } else { 0 },
            orientation: Orientation::Upright,
            deinterlace: false,
            dynamic_range: DynamicRange::Standard,
            rungs: Vec::new(),
        }
    }
}

/// The film; none where there is only sound, perhaps with a cover.
fn choose_video(media: &MediaInfo) -> Result<Option<&VideoStream>, Error> {
    if let Some(stream) = media.video.iter().find(|stream| !stream.is_image) {
        return Ok(Some(stream));
    }
    let formats: Vec<&str> = media
        .undecodable
        .iter()
        .filter(|stream| stream.is_video)
        .map(|stream| stream.description.as_str())
        .collect();
    if !formats.is_empty() {
        return Err(Error::Undecodable { formats: formats.join(", ") });
    }
    if !media.audio.is_empty() {
        return Ok(None);
    }
    let found = if media.video.is_empty() {
        "no stream that can be played"
    } else {
        "only a still picture"
    };
    Err(Error::NoVideo { found: found.to_owned() })
}

/// Frames in so many seconds, rounded to the nearest, at least one.
fn frames_in(secs: u32, fps: Fraction) -> u32 {
    let frames = (u64::from(secs) * u64::from(fps.num) * 2 + u64::from(fps.den))
        / (2 * u64::from(fps.den.max(1)));
    u32::try_from(frames).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests;
