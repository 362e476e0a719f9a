//! The result of the probe: container, streams and their properties.

use serde::{Deserialize, Serialize};

use super::chapters::{self, Chapter};
use super::colour::Stated;
use super::crop::Crop;
use super::untrusted::{self, NAME_CHARS, SENTENCE_CHARS};

/// A rational number, such as a frame rate (frames per second) or a pixel aspect ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fraction {
    /// Numerator.
    pub num: u32,
    /// Denominator; 0 means that the value is unknown.
    pub den: u32,
}

impl Fraction {
    /// Makes a fraction without reducing it.
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

/// The transformation that turns a decoded frame upright (GStreamer's `image-orientation` tag).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Orientation {
    /// None.
    #[default]
    Upright,
    /// Rotation by 90 degrees clockwise.
    Rotate90,
    /// Rotation by 180 degrees.
    Rotate180,
    /// Rotation by 270 degrees clockwise.
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
    /// Whether width and height swap.
    #[must_use]
    pub const fn swaps_sides(self) -> bool {
        matches!(self, Self::Rotate90 | Self::Rotate270 | Self::FlipRotate90 | Self::FlipRotate270)
    }
}

/// One video stream.
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a file")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoStream {
    /// GStreamer's stream id, by which the pipeline finds the pad.
    pub stream_id: String,
    /// Caps name of the coded stream, such as `video/x-h264`.
    pub codec: String,
    /// Caps of the coded stream as text, with profile and chroma format if known.
    #[serde(default)]
    pub caps: String,
    /// Coded width in pixels, before orientation and pixel aspect ratio.
    pub width: u32,
    /// Coded height in pixels.
    pub height: u32,
    /// Frames per second that the container or the codec states; `0/1` if variable or unknown.
    pub fps: Fraction,
    /// Measured intervals between frames; none if the measurement failed.
    #[serde(default)]
    pub frame_times: Option<FrameTimes>,
    /// Pixel aspect ratio: width of a pixel over its height, before orientation.
    pub pixel_aspect: Fraction,
    /// Whether decoded frames have another pixel aspect ratio, because the container's counts.
    #[serde(default)]
    pub replaces_aspect: bool,
    /// The transformation that turns frames upright.
    pub orientation: Orientation,
    /// The part of the frames that the container hides.
    #[serde(default)]
    pub crop: Option<Crop>,
    /// Whether the stream has interlaced frames.
    pub interlaced: bool,
    /// Whether it is film whose fields are repeated, so that its frames come at uneven times.
    #[serde(default)]
    pub is_telecined: bool,
    /// Bits per sample; 8 if unknown.
    pub bit_depth: u32,
    /// Colours that the container states.
    #[serde(default)]
    pub container_colour: Stated,
    /// Colours that the bitstream states.
    #[serde(default)]
    pub bitstream_colour: Stated,
    /// Whether it is a still image, such as cover art.
    pub is_image: bool,
    /// Whether the container hides it from viewers.
    #[serde(default)]
    pub is_disabled: bool,
    /// Number of frames, if the container states it.
    #[serde(default)]
    pub frames: Option<u32>,
}

impl VideoStream {
    /// Width and height of the part of a coded frame that is shown, in pixels.
    #[must_use]
    pub fn shown_size(&self) -> (u32, u32) {
        self.crop.unwrap_or_default().size_of((self.width, self.height))
    }

    /// Mean frame rate of the measured frames; none without a measurement.
    #[must_use]
    pub fn measured_fps(&self) -> Option<Fraction> {
        let interval_ns = self.frame_times?.mean_ns.max(1);
        Some(Fraction::new(1_000_000_000, u32::try_from(interval_ns).unwrap_or(u32::MAX)))
    }
}

/// Intervals between the first frames of a stream, from one presentation time to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameTimes {
    /// Number of measured frames.
    pub frames: u32,
    /// 10th percentile of the intervals, in nanoseconds.
    pub fast_ns: u64,
    /// Median of the intervals, in nanoseconds.
    pub median_ns: u64,
    /// Mean of the intervals, in nanoseconds.
    pub mean_ns: u64,
    /// The interval of a constant rate, in nanoseconds: the mean of the intervals without holes and bursts.
    /// None if more than a tenth of the intervals differ from each other by more than a quarter.
    pub regular_ns: Option<u64>,
}

impl FrameTimes {
    /// Fewer frames say nothing about a frame rate.
    const MIN_FRAMES: usize = 8;
    /// Frames closer than this count as one. The value lies between the 1 ms clock of Matroska and
    /// the interval at the highest allowed frame rate.
    const MIN_INTERVAL_NS: u64 = 1_500_000;

    /// Computes the intervals of frames with these presentation times, in nanoseconds and any
    /// order. Returns none for fewer than eight frames.
    #[must_use]
    pub fn from_timestamps_ns(mut times: Vec<u64>) -> Option<Self> {
        times.sort_unstable();
        // VP9 has hidden frames, which containers place one clock tick beside a visible one.
        times.dedup_by(|time, kept| *time - *kept < Self::MIN_INTERVAL_NS);
        let (first, last) = (*times.first()?, *times.last()?);
        let mut intervals: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if times.len() < Self::MIN_FRAMES {
            return None;
        }
        intervals.sort_unstable();
        let median_ns = intervals[intervals.len() / 2];
        let mean_ns = (last - first) / intervals.len() as u64;
        Some(Self {
            frames: u32::try_from(times.len()).unwrap_or(u32::MAX),
            fast_ns: intervals[intervals.len() / 10],
            median_ns,
            mean_ns,
            // The intervals of soft telecine, two and three fields, lie on both sides of their mean.
            regular_ns: regular_ns(&intervals, median_ns)
                .or_else(|| regular_ns(&intervals, mean_ns)),
        })
    }
}

/// Mean of the intervals that differ from `centre_ns` by a quarter at most; none if more than a tenth of
/// them differ more.
fn regular_ns(intervals: &[u64], centre_ns: u64) -> Option<u64> {
    let is_near = |interval: &&u64| interval.abs_diff(centre_ns) * 4 <= centre_ns;
    let near: Vec<u64> = intervals.iter().filter(is_near).copied().collect();
    let is_regular = near.len() * 10 >= intervals.len() * 9;
    is_regular.then(|| near.iter().sum::<u64>() / near.len().max(1) as u64)
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
    /// Whether the channels are ambisonics: components of a sound field instead of loudspeakers.
    #[serde(default)]
    pub is_ambisonic: bool,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// ISO 639 code, if the container states one.
    pub language: Option<String>,
    /// Title of the track, if the container states one.
    pub title: Option<String>,
    /// Whether players play it only if a viewer chooses it.
    #[serde(default)]
    pub is_disabled: bool,
    /// The loudspeaker of a track of one channel, if the container states it.
    #[serde(default)]
    pub speaker: Option<Speaker>,
}

/// A loudspeaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaker {
    /// Front left.
    Left,
    /// Front right.
    Right,
    /// Any other.
    Other,
}

/// One subtitle stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtitleStream {
    /// GStreamer's stream id; empty for formats that GStreamer does not know.
    pub stream_id: String,
    /// Caps name, such as `text/x-raw`, or codec id of Matroska.
    pub codec: String,
    /// Format of the text; none for bitmap subtitles and unknown formats.
    pub text: Option<SubtitleText>,
    /// Language code or tag, if the container states one.
    pub language: Option<String>,
    /// Title of the track, if the container states one.
    pub title: Option<String>,
}

/// Format of subtitle text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubtitleText {
    /// GStreamer's raw text; its caps say whether it contains markup.
    Raw,
    /// A line of SSA or ASS as Matroska stores it, without times.
    Ass,
    /// The text of a `WebVTT` cue.
    WebVtt,
    /// Id, settings and text of a `WebVTT` cue, one per line (`D_WEBVTT`).
    WebVttBlock,
}

/// A stream for which no decoder is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecodable {
    /// Name of the codec for people, such as `Apple ProRes 422 video`.
    pub description: String,
    /// Whether it is a video stream.
    pub is_video: bool,
}

/// The result of the probe: the input of the plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MediaInfo {
    /// Name of the container, such as `Quicktime`.
    pub container: String,
    /// Duration that the container states, in nanoseconds.
    pub duration_ns: Option<u64>,
    /// Whether that duration is a guess: transport streams state none, and headers of recordings in fragments
    /// are written before their end is known.
    #[serde(default)]
    pub is_duration_estimated: bool,
    /// Whether bytes are missing at the end, as the structure of the container shows.
    #[serde(default)]
    pub is_cut: bool,
    /// Video streams in container order.
    pub video: Vec<VideoStream>,
    /// Audio streams in container order.
    pub audio: Vec<AudioStream>,
    /// Subtitle streams in container order, text and bitmap.
    #[serde(default)]
    pub subtitles: Vec<SubtitleStream>,
    /// Chapters that the container states, in its order.
    #[serde(default)]
    pub chapters: Vec<Chapter>,
    /// Streams for which no decoder is installed.
    pub undecodable: Vec<Undecodable>,
    /// Programmes of a transport stream whose streams are not listed.
    #[serde(default)]
    pub skipped_programs: u32,
}

impl MediaInfo {
    /// Most characters of a stream's caps. Longer ones are dropped, so that no device decodes the stream.
    const CAPS_CHARS: usize = 4_000;

    /// The same result with all texts that a container may state cut to a length, each on one line. Stream
    /// ids stay as they are: GStreamer makes them, and streams are found by them.
    #[must_use]
    pub fn with_short_texts(mut self) -> Self {
        let shorten = |text: &mut String, chars| *text = untrusted::one_line(text, chars);
        let shorten_all = |texts: [&mut Option<String>; 2]| {
            for text in texts.into_iter().flatten() {
                shorten(text, SENTENCE_CHARS);
            }
        };
        shorten(&mut self.container, NAME_CHARS);
        self.chapters = chapters::with_short_titles(self.chapters);
        for stream in &mut self.video {
            shorten(&mut stream.codec, NAME_CHARS);
            if stream.caps.len() > Self::CAPS_CHARS {
                stream.caps.clear();
            }
            shorten(&mut stream.caps, Self::CAPS_CHARS);
        }
        for stream in &mut self.audio {
            shorten(&mut stream.codec, NAME_CHARS);
            shorten_all([&mut stream.language, &mut stream.title]);
        }
        for stream in &mut self.subtitles {
            shorten(&mut stream.codec, NAME_CHARS);
            shorten_all([&mut stream.language, &mut stream.title]);
        }
        for stream in &mut self.undecodable {
            shorten(&mut stream.description, NAME_CHARS);
        }
        self
    }
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
            frame_times: None,
            pixel_aspect: Fraction::new(1, 1),
            orientation: Orientation::Upright,
            crop: None,
            interlaced: false,
            is_telecined: false,
            bit_depth: 8,
            replaces_aspect: false,
            container_colour: Stated::default(),
            bitstream_colour: Stated::default(),
            is_image: false,
            is_disabled: false,
            frames: None,
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
            is_ambisonic: false,
            sample_rate_hz: 48_000,
            language: language.map(str::to_owned),
            title: title.map(str::to_owned),
            is_disabled: false,
            speaker: None,
        }
    }
}
