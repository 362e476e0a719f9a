//! Limits of sources, checked before and while they are decoded.
//!
//! Reading what a container states is cheap, so most files that would never end are refused before a frame
//! is decoded. Containers lie, so sizes and times are checked again while decoding.

use serde::{Deserialize, Serialize};

use super::declare::{AtLeast, OneOf, settings};
use super::failure_code::FailureCode;
use super::media::{MediaInfo, VideoStream};
use super::outcome::Fault;

settings! {
    /// Largest source that is accepted.
    #[derive(Eq)]
    pub struct Limits {
        /// Bytes of a source (failure `source-too-large`). S3 stores objects up to 5 TiB.
        source_bytes: u64 = 100 << 30, 1..=5 << 40;
        /// Seconds of a video (failure `too-long`).
        duration_secs: u64 = 12 * 3600, 1..=7 * 86_400;
        /// Pixels of a frame before it is scaled (failure `picture-too-large`). The default is 8K,
        /// 8192 x 4320, in any shape.
        frame_pixels: u64 = 8192 * 4320, 4..=1 << 32;
        /// Frames per second, as measured in the container (failure `frame-rate-too-high`).
        frames_per_second: u32 = 480, 1..=1000;
        /// Tracks of all kinds in a source (failure `too-many-tracks`).
        tracks: u32 = 64, 1..=10_000;
        /// Pixels that a second of the video decodes to (failure `too-many-pixels`). The default is 8K
        /// at 60 frames per second, or 4K at 240.
        pixels_per_second: u64 = 8192 * 4320 * 60, AtLeast(4);
        /// Sources whose end is missing: "publish" them as far as they go, with a warning, or "refuse" them
        /// (failure `source-truncated`).
        truncated: Truncated = Truncated::Publish, OneOf;
        /// Seconds of an attempt (failure `job-timeout`). SQS keeps a message for 12 hours at most.
        job_secs: u64 = 11 * 3600, 10..=7 * 86_400;
    }
}

/// Treatment of a source whose end is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truncated {
    /// It is published as far as it goes.
    #[default]
    Publish,
    /// It fails.
    Refuse,
}

/// A limit that a source breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too many bytes.
    #[error("The file has {found} bytes; {limit} are allowed. Upload a smaller version.")]
    SourceTooLarge {
        /// Bytes of the source.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// Too long.
    #[error(
        "The video lasts {found} s or says so; {limit} s are allowed. Cut it into parts, or check \
         that it plays to its end."
    )]
    TooLong {
        /// Seconds.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// Too many pixels in a frame.
    #[error(
        "The video is {width} x {height} pixels; {limit} pixels per frame are allowed. Upload a \
         smaller version."
    )]
    PictureTooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit.
        limit: u64,
    },
    /// Too many frames per second.
    #[error(
        "The video has {found} frames per second; {limit} are allowed. Upload it at a lower rate."
    )]
    FrameRateTooHigh {
        /// Measured frames per second.
        found: u64,
        /// The limit.
        limit: u32,
    },
    /// Too many tracks.
    #[error("The file has {found} tracks; {limit} are allowed. Upload it with fewer.")]
    TooManyTracks {
        /// Tracks.
        found: u64,
        /// The limit.
        limit: u32,
    },
    /// Too much to decode.
    #[error(
        "The video has {found} pixels per second; {limit} are allowed. Upload it smaller or at a \
         lower rate."
    )]
    TooManyPixels {
        /// Pixels per second.
        found: u64,
        /// The limit.
        limit: u64,
    },
}

impl Fault for Error {
    fn code(&self) -> FailureCode {
        match self {
            Self::SourceTooLarge { .. } => FailureCode::SourceTooLarge,
            Self::TooLong { .. } => FailureCode::TooLong,
            Self::PictureTooLarge { .. } => FailureCode::PictureTooLarge,
            Self::FrameRateTooHigh { .. } => FailureCode::FrameRateTooHigh,
            Self::TooManyTracks { .. } => FailureCode::TooManyTracks,
            Self::TooManyPixels { .. } => FailureCode::TooManyPixels,
        }
    }
}

impl Limits {
    /// Checks the size of a source.
    ///
    /// # Errors
    /// If it has too many bytes.
    pub fn check_source(&self, bytes: u64) -> Result<(), Error> {
        let (found, limit) = (bytes, self.source_bytes);
        if found > limit { Err(Error::SourceTooLarge { found, limit }) } else { Ok(()) }
    }

    /// Checks the result of the probe.
    ///
    /// # Errors
    /// The first limit that is broken.
    pub fn check(&self, media: &MediaInfo) -> Result<(), Error> {
        let tracks =
            media.video.len() + media.audio.len() + media.subtitles.len() + media.undecodable.len();
        let (found, limit) = (tracks as u64, self.tracks);
        if found > u64::from(limit) {
            return Err(Error::TooManyTracks { found, limit });
        }
        self.check_time(media.duration_ns.unwrap_or(0))?;
        media.video.iter().try_for_each(|stream| self.check_stream(stream))
    }

    /// Checks a time that was stated or reached.
    ///
    /// # Errors
    /// If it lies behind the longest video.
    pub fn check_time(&self, ns: u64) -> Result<(), Error> {
        let (found, limit) = (ns / 1_000_000_000, self.duration_secs);
        if found > limit { Err(Error::TooLong { found, limit }) } else { Ok(()) }
    }

    /// Checks the size of a frame.
    ///
    /// # Errors
    /// If it has too many pixels.
    pub fn check_frame(&self, width: u32, height: u32) -> Result<(), Error> {
        let limit = self.frame_pixels;
        if u64::from(width) * u64::from(height) > limit {
            return Err(Error::PictureTooLarge { width, height, limit });
        }
        Ok(())
    }

    fn check_stream(&self, stream: &VideoStream) -> Result<(), Error> {
        self.check_frame(stream.width, stream.height)?;
        // The stated rate may be a clock and no frame rate: only the measured one counts.
        let Some(rate) = stream.measured_fps() else { return Ok(()) };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
        let found = rate.as_f64().round() as u64;
        if found > u64::from(self.frames_per_second) {
            return Err(Error::FrameRateTooHigh { found, limit: self.frames_per_second });
        }
        let pixels = u64::from(stream.width) * u64::from(stream.height);
        let (found, limit) = (pixels.saturating_mul(found), self.pixels_per_second);
        if found > limit { Err(Error::TooManyPixels { found, limit }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::media::{AudioStream, FrameTimes};

    /// A stream with a frame every `gap_ns` nanoseconds.
    fn stream(width: u32, height: u32, gap_ns: u64) -> VideoStream {
        let (fast_ns, median_ns, mean_ns) = (gap_ns, gap_ns, gap_ns);
        let times = FrameTimes { frames: 100, fast_ns, median_ns, mean_ns, regular_ns: None };
        VideoStream { frame_times: Some(times), ..VideoStream::plain(width, height) }
    }

    #[test]
    fn each_limit_has_its_own_code() {
        let of = |stream| MediaInfo { video: vec![stream], ..MediaInfo::default() };
        let lasts = |secs: u64| {
            let duration_ns = Some(secs * 1_000_000_000);
            MediaInfo { duration_ns, ..of(VideoStream::plain(640, 360)) }
        };
        let tracks = MediaInfo { audio: vec![AudioStream::plain(None, None); 70], ..lasts(1) };
        let table = [
            (lasts(363), None),
            (of(stream(3840, 2160, 16_666_667)), None),
            (of(stream(320, 240, 8_333_333)), None),
            (lasts(17_000_000_000), Some("too-long")),
            (of(VideoStream::plain(30_000, 30_000)), Some("picture-too-large")),
            (of(stream(320, 240, 1_000_000)), Some("frame-rate-too-high")),
            (of(stream(7680, 4320, 8_333_333)), Some("too-many-pixels")),
            (tracks, Some("too-many-tracks")),
        ];
        for (media, code) in table {
            let found = Limits::default().check(&media).map_err(|error| error.code().as_str());
            assert_eq!(found.err(), code, "{media:?}");
        }
        let code = Limits::default().check_source(1 << 40).map_err(|error| error.code());
        assert_eq!(code, Err(FailureCode::SourceTooLarge));
    }
}
