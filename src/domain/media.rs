//! What the probe found in a source.

use serde::{Deserialize, Serialize};

/// A rational number, such as a frame rate (frames per second) or a pixel aspect ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fraction {
    /// Numerator.
    pub num: u32,
    /// Denominator; 0 means that the value is unknown.
    pub den: u32,
}

impl Fraction {
    /// A fraction in the form given; it is not reduced.
    #[must_use]
    pub const fn new(num: u32, den: u32) -> Self {
        Self { num, den }
    }

    /// The value as a float, or 0 where it is unknown.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        if self.den == 0 { 0.0 } else { f64::from(self.num) / f64::from(self.den) }
    }
}

impl std::fmt::Display for Fraction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

/// How the decoded picture must be turned to be upright (the `image-orientation` tag).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Orientation {
    /// As it is.
    #[default]
    Upright,
    /// By 90 degrees clockwise.
    Rotate90,
    /// By 180 degrees.
    Rotate180,
    /// By 270 degrees clockwise.
    Rotate270,
    /// Mirrored left to right.
    FlipRotate0,
    /// Mirrored, then 90 degrees clockwise.
    FlipRotate90,
    /// Mirrored, then 180 degrees.
    FlipRotate180,
    /// Mirrored, then 270 degrees clockwise.
    FlipRotate270,
}

impl Orientation {
    /// Whether width and height change places.
    #[must_use]
    pub const fn swaps_sides(self) -> bool {
        matches!(self, Self::Rotate90 | Self::Rotate270 | Self::FlipRotate90 | Self::FlipRotate270)
    }
}

/// What the values of a picture stand for: how much light, and which colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DynamicRange {
    /// What every screen shows: BT.709 and its like.
    #[default]
    Standard,
    /// The colours of BT.2020 without its light.
    WideGamut,
    /// PQ of BT.2100: HDR10, HDR10+, and Dolby Vision on top of them.
    Pq,
    /// HLG of BT.2100: phones and television.
    Hlg,
}

/// One video stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoStream {
    /// GStreamer's stream id, by which the pipeline finds the pad.
    pub stream_id: String,
    /// Caps name of the coded stream with its variant, such as `video/x-h264`.
    pub codec: String,
    /// Caps of the coded stream, as text: with profile and chroma format where they are known.
    #[serde(default)]
    pub caps: String,
    /// Coded width in pixels, before orientation and pixel aspect ratio.
    pub width: u32,
    /// Coded height in pixels.
    pub height: u32,
    /// Frames per second as the container or the codec says; `0/1` where variable or unknown.
    pub fps: Fraction,
    /// How fast the pictures really come, where that could be measured.
    #[serde(default)]
    pub pace: Option<Pace>,
    /// Width of a pixel over its height.
    pub pixel_aspect: Fraction,
    /// How the picture is turned upright.
    pub orientation: Orientation,
    /// Whether the stream has interlaced pictures.
    pub interlaced: bool,
    /// Bits per sample; 8 where unknown.
    pub bit_depth: u32,
    /// What its values stand for.
    #[serde(default)]
    pub dynamic_range: DynamicRange,
    /// A still picture (cover art), not a film.
    pub is_image: bool,
}

impl VideoStream {
    /// Pictures in a second on the average, where that could be measured.
    #[must_use]
    pub fn measured_fps(&self) -> Option<Fraction> {
        let gap_ns = self.pace?.mean_ns.max(1);
        Some(Fraction::new(1_000_000_000, u32::try_from(gap_ns).unwrap_or(u32::MAX)))
    }
}

/// The time from each picture to the next, over the first pictures of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Pictures that were looked at.
    pub frames: u32,
    /// A tenth of the gaps are not longer than this, in nanoseconds.
    pub fast_ns: u64,
    /// Half of the gaps are not longer than this.
    pub median_ns: u64,
    /// All gaps together, over their number.
    pub mean_ns: u64,
}

impl Pace {
    /// The least number of pictures that say something of a rate.
    const LEAST_PICTURES: usize = 8;
    /// Pictures closer than this count as one: more than a millisecond, the clock of Matroska, and
    /// less than the gap at any rate that is allowed.
    const LEAST_GAP_NS: u64 = 1_500_000;

    /// The pace of pictures shown at these times, in nanoseconds, in any order; none where there are
    /// too few.
    #[must_use]
    pub fn of(mut times: Vec<u64>) -> Option<Self> {
        times.sort_unstable();
        // VP9 has pictures that are not shown, a tick of the container's clock beside those that are.
        times.dedup_by(|time, kept| *time - *kept < Self::LEAST_GAP_NS);
        let (first, last) = (*times.first()?, *times.last()?);
        let mut gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if times.len() < Self::LEAST_PICTURES {
            return None;
        }
        gaps.sort_unstable();
        Some(Self {
            frames: u32::try_from(times.len()).unwrap_or(u32::MAX),
            fast_ns: gaps[gaps.len() / 10],
            median_ns: gaps[gaps.len() / 2],
            mean_ns: (last - first) / gaps.len() as u64,
        })
    }
}

/// One audio stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioStream {
    /// GStreamer's stream id.
    pub stream_id: String,
    /// Caps name of the coded stream, such as `audio/mpeg`.
    pub codec: String,
    /// Number of channels.
    pub channels: u32,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// ISO 639 code, where the container has one.
    pub language: Option<String>,
    /// Title of the track, where the container has one.
    pub title: Option<String>,
}

/// One subtitle stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtitleStream {
    /// GStreamer's stream id; empty where it has none, for what it does not know.
    pub stream_id: String,
    /// What it is written in: a caps name, such as `text/x-raw`, or a codec id of Matroska.
    pub codec: String,
    /// How its text is read; none where it is not text, or none that is known.
    pub text: Option<SubtitleText>,
    /// Language code or tag, where the container has one.
    pub language: Option<String>,
    /// Title of the track, where the container has one.
    pub title: Option<String>,
}

/// How the text of a subtitle is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubtitleText {
    /// As GStreamer gives it: its caps say whether there is markup in it.
    Raw,
    /// A line of SSA or ASS as Matroska keeps it, without its times.
    Ass,
    /// The text of a `WebVTT` cue.
    WebVtt,
    /// The id of a `WebVTT` cue, its settings and its text, a line each (`D_WEBVTT`).
    WebVttBlock,
}

/// A stream that cannot be decoded here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecodable {
    /// What it is, in words that a person understands, such as `Apple ProRes 422 video`.
    pub description: String,
    /// Whether it is a video stream.
    pub is_video: bool,
}

/// What the probe found: everything that the plan is made from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MediaInfo {
    /// Name of the container, such as `Quicktime`.
    pub container: String,
    /// Duration that the container states, in nanoseconds.
    pub duration_ns: Option<u64>,
    /// Video streams in container order.
    pub video: Vec<VideoStream>,
    /// Audio streams in container order.
    pub audio: Vec<AudioStream>,
    /// Subtitle streams in container order, whatever they are made of.
    #[serde(default)]
    pub subtitles: Vec<SubtitleStream>,
    /// Streams for which no decoder is installed.
    pub undecodable: Vec<Undecodable>,
}

#[cfg(test)]
impl VideoStream {
    /// A plain H.264 stream of this size at 30 frames per second.
    pub(crate) fn plain(width: u32, height: u32) -> Self {
        Self {
            stream_id: "v".to_owned(),
            codec: "video/x-h264".to_owned(),
            caps: String::new(),
            width,
            height,
            fps: Fraction::new(30, 1),
            pace: None,
            pixel_aspect: Fraction::new(1, 1),
            orientation: Orientation::Upright,
            interlaced: false,
            bit_depth: 8,
            dynamic_range: DynamicRange::Standard,
            is_image: false,
        }
    }
}

#[cfg(test)]
impl AudioStream {
    /// A stereo AAC stream.
    pub(crate) fn plain(language: Option<&str>, title: Option<&str>) -> Self {
        Self {
            stream_id: "a".to_owned(),
            codec: "audio/mpeg".to_owned(),
            channels: 2,
            sample_rate_hz: 48_000,
            language: language.map(str::to_owned),
            title: title.map(str::to_owned),
        }
    }
}
