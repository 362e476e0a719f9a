//! One video or audio rendition: its playlist and its segments.

use m3u8_rs::MediaPlaylist;

use super::demux::Reader;
use super::files::{Files, resolve};
use super::iframes::IFrames;
use super::keys::Keys;
use super::segment::{AAC_SAMPLES, Audio, Frame, Segment, VideoFormat, seconds_between};
use super::segment_key::Decryption;
use super::timeline::Timeline;
use super::{fetch, level, playlist_rules, rates};
use crate::domain::conformance::{Measured, Report};

/// Tolerance of rounded numbers, in seconds.
const ROUNDING_SECS: f64 = 0.001;

/// A media playlist with the measures of its segments.
#[derive(Debug, Default)]
pub(super) struct Rendition {
    /// URI in the multivariant playlist.
    pub(super) uri: String,
    /// `EXT-X-TARGETDURATION`.
    pub(super) target_secs: f64,
    /// `EXTINF` of each segment, in seconds.
    stated_secs: Vec<f64>,
    /// Measured duration of each segment, in seconds.
    real_secs: Vec<f64>,
    /// Size of each segment.
    bytes: Vec<u64>,
    /// Presentation time at which each segment begins, in ticks of 90 kHz.
    pub(super) begins: Vec<u64>,
    /// Whether `EXT-X-INDEPENDENT-SEGMENTS` is there.
    pub(super) is_independent: bool,
    pub(super) format: Option<VideoFormat>,
    pub(super) audio: Option<Audio>,
    /// Measured frames per second.
    pub(super) fps: Option<f64>,
    /// Duration of a video frame or an AAC frame, in seconds.
    pub(super) frame_secs: f64,
}

/// Presentation times in one segment, in ticks of 90 kHz.
struct Span {
    begin: u64,
    /// Begin of the last frame.
    last: u64,
    frames: usize,
    /// Duration, if it is known by counting samples.
    secs: Option<f64>,
}

impl Rendition {
    /// Reads the playlist and all segments and verifies them. Compares the I-frame playlists with each
    /// segment. `None` if nothing can be verified; the report has the reason then.
    pub(super) async fn read(
        files: &dyn Files,
        keys: &Keys,
        main: &str,
        uri: &str,
        iframes: &mut [IFrames],
        report: &mut Report,
    ) -> Option<Self> {
        let (path, parsed) = fetch::media_playlist(files, main, uri, report).await?;
        playlist_rules::verify(&path, &parsed, report);
        let rendition = Self::read_parsed(files, keys, (uri, &path), &parsed, iframes, report);
        let rendition = rendition.await?;
        rendition.verify(&path, report);
        Some(rendition)
    }

    /// Reads the playlist and its first segment alone, of a rendition that was verified before. Its other segments
    /// last as long as the playlist states.
    pub(super) async fn read_first(
        files: &dyn Files,
        keys: &Keys,
        main: &str,
        uri: &str,
        report: &mut Report,
    ) -> Option<Self> {
        let (path, mut parsed) = fetch::media_playlist(files, main, uri, report).await?;
        let stated_secs = parsed.segments.iter().map(|s| f64::from(s.duration)).collect();
        parsed.segments.truncate(1);
        let place = (uri, path.as_str());
        let first = Self::read_parsed(files, keys, place, &parsed, &mut [], report).await?;
        Some(Self { real_secs: stated_secs, ..first })
    }

    /// Reads the segments of a playlist with this URI and path.
    async fn read_parsed(
        files: &dyn Files,
        keys: &Keys,
        (uri, path): (&str, &str),
        parsed: &MediaPlaylist,
        iframes: &mut [IFrames],
        report: &mut Report,
    ) -> Option<Self> {
        let mut rendition = Self {
            uri: uri.to_owned(),
            target_secs: playlist_rules::seconds(parsed.target_duration),
            stated_secs: parsed.segments.iter().map(|s| f64::from(s.duration)).collect(),
            is_independent: parsed.independent_segments,
            ..Self::default()
        };
        let mut reader = Reader::default();
        let mut spans = Vec::new();
        let mut decryption = Decryption::new(files, keys, path, parsed);
        for segment in &parsed.segments {
            let key = decryption.next(segment, report).await;
            if let Some(map) = &segment.map {
                let place = resolve(path, &map.uri);
                let section = fetch::media(files, &place, report).await;
                let section = section.and_then(|section| section.part(map));
                if let Some(Err(error)) = section.map(|section| reader.set_init(&section)) {
                    report.must("8.20", &place, error.to_string());
                }
            }
            let place = resolve(path, &segment.uri);
            let Some(fetched) = fetch::media(files, &place, report).await else { continue };
            let Some(plain) = key.decrypt(&place, &fetched.bytes, report) else { continue };
            let read = reader.read(&plain);
            verify_segment(&place, &read, report);
            for playlist in iframes.iter_mut() {
                playlist.compare(&place, &plain, &read, report);
            }
            // Players load the encrypted bytes.
            rendition.bytes.push(fetched.bytes.len() as u64);
            rendition.format = rendition.format.or(read.format);
            rendition.audio = rendition.audio.or(read.audio);
            spans.extend(span(&read));
        }
        if decryption.has_encrypted() && spans.is_empty() {
            return None;
        }
        rendition.measure(&spans);
        Some(rendition)
    }

    fn measure(&mut self, spans: &[Span]) {
        self.begins = spans.iter().map(|span| span.begin).collect();
        let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return };
        let frames: usize = spans.iter().map(|span| span.frames).sum();
        if self.format.is_some() && frames > 1 {
            let secs = seconds_between(first.begin, last.last) / float(frames as u64 - 1);
            self.fps = Some(1.0 / secs);
            self.frame_secs = secs;
        } else if self.format.is_some() {
            // Only the playlist states how long a single frame is shown.
            self.frame_secs = self.stated_secs.iter().sum();
        } else if let Some(audio) = self.audio {
            self.frame_secs = f64::from(AAC_SAMPLES) / f64::from(audio.sample_rate_hz.max(1));
        }
        let until_next = spans.windows(2).map(|pair| seconds_between(pair[0].begin, pair[1].begin));
        let of_last = last.secs;
        let of_last =
            of_last.unwrap_or_else(|| seconds_between(last.begin, last.last) + self.frame_secs);
        self.real_secs = until_next.chain([of_last]).collect();
    }

    /// Measured duration of all segments, in seconds.
    pub(super) fn duration_secs(&self) -> f64 {
        self.real_secs.iter().sum()
    }

    /// The timeline, for the verification of what belongs to the video.
    pub(super) fn timeline(&self) -> Timeline<'_> {
        Timeline {
            uri: &self.uri,
            first_pts: self.begins.first().copied(),
            frame_secs: self.frame_secs,
            duration_secs: self.duration_secs(),
        }
    }

    /// Peak and average segment bit rate in bit/s.
    pub(super) fn rates(&self) -> (f64, f64) {
        let sizes = self.bytes.iter().copied();
        let segments: Vec<_> = sizes.zip(self.real_secs.iter().copied()).collect();
        rates::measure(&segments, self.target_secs)
    }

    /// Codec string of the segments (RFC 6381); empty if none could be read.
    pub(super) fn codec(&self) -> String {
        match (self.format, self.audio) {
            (Some(format), _) => format.codec(),
            (None, Some(audio)) => format!("mp4a.40.{}", audio.object_type),
            (None, None) => String::new(),
        }
    }

    /// The measures for the report.
    pub(super) fn measured(&self) -> Measured {
        let (peak_bps, average_bps) = self.rates();
        Measured {
            uri: self.uri.clone(),
            segments: self.stated_secs.len(),
            bytes: self.bytes.iter().sum(),
            duration_secs: self.duration_secs(),
            peak_bps,
            average_bps,
            codec: self.codec(),
        }
    }

    fn verify(&self, path: &str, report: &mut Report) {
        self.verify_durations(path, report);
        if let Some(fps) = self.fps
            && fps > 60.01
        {
            report.must("1.19", path, format!("{fps:.3} frames per second exceed 60"));
        }
        if let Some(format) = &self.format {
            self.verify_format(format, path, report);
        }
    }

    fn verify_durations(&self, path: &str, report: &mut Report) {
        let target = self.target_secs;
        for (number, secs) in self.real_secs.iter().enumerate() {
            if *secs > target + 0.5 {
                let text =
                    format!("segment {number} lasts {secs:.3} s, more than {target} + 0.5 s");
                report.must("7.7", path, text);
            }
        }
        // The error of any run of segments is the difference of two of these sums.
        let (mut sum, mut least, mut most) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (stated, real) in self.stated_secs.iter().zip(&self.real_secs) {
            sum += stated - real;
            (least, most) = (least.min(sum), most.max(sum));
        }
        let (error, frame) = (most - least, self.frame_secs);
        if error > frame + ROUNDING_SECS {
            let text = format!("EXTINF is off by {error:.4} s, more than a frame of {frame:.4} s");
            report.must("8.1", path, text);
        }
    }

    fn verify_format(&self, format: &VideoFormat, path: &str, report: &mut Report) {
        if format.has_fields {
            report.must("1.14", path, "the video is interlaced: frames may be coded as fields");
        }
        if !matches!(format.profile, 66 | 77 | 100) || format.level > 52 {
            let text = format!("profile {} at level {}", format.profile, format.level);
            report.must("1.3", path, text);
        } else if format.profile != 100 {
            report.should("1.4", path, format!("profile {} is not High (100)", format.profile));
        }
        let VideoFormat { width, height, reference_frames, .. } = *format;
        let least = self.fps.and_then(|fps| level::least(width, height, fps, reference_frames));
        if let Some(least) = least.filter(|least| format.level > *least) {
            let text = format!("level_idc is {}, {least} is enough", format.level);
            report.should("1.11", path, text);
        }
    }
}

fn verify_segment(place: &str, segment: &Segment, report: &mut Report) {
    for fault in &segment.faults {
        report.must(fault.rule, place, &fault.text);
    }
    if segment.video_streams + segment.audio_streams == 0 {
        report.must("1.2", place, "the segment has neither H.264 nor AAC");
    }
    if segment.audio_streams > 1 {
        report.must("2.17", place, format!("{} audio streams", segment.audio_streams));
    }
    if segment.video_streams > 0 && segment.audio_streams > 0 {
        report.should("9.5", place, "video and audio are in the same segment");
    }
    let Some(first) = segment.frames.first() else {
        if segment.video_streams > 0 {
            report.must("7.4", place, "the segment has no video frame");
        }
        return;
    };
    if !first.is_idr || !first.has_parameter_sets {
        report.must("7.4", place, "the segment does not begin with an IDR and its parameter sets");
    }
    let keys: Vec<u64> = segment.frames.iter().filter(|f| f.is_idr).map(|f| f.pts).collect();
    let last = segment.frames.iter().map(|f| f.pts).max().unwrap_or(first.pts);
    let ends = keys.iter().skip(1).copied().chain([last]);
    for (from, to) in keys.iter().zip(ends) {
        let secs = seconds_between(*from, to);
        if secs > 2.1 {
            report.should("1.13", place, format!("{secs:.3} s without a key frame"));
        }
    }
}

fn span(segment: &Segment) -> Option<Span> {
    if let Some(first) = segment.frames.first() {
        let by_time = |a: &&Frame, b: &&Frame| {
            seconds_between(first.pts, a.pts).total_cmp(&seconds_between(first.pts, b.pts))
        };
        let begin = segment.frames.iter().min_by(by_time)?.pts;
        let last = segment.frames.iter().max_by(by_time)?.pts;
        return Some(Span { begin, last, frames: segment.frames.len(), secs: None });
    }
    let audio = segment.audio?;
    let secs = float(audio.samples) / f64::from(audio.sample_rate_hz.max(1));
    let frames = usize::try_from(audio.frames).unwrap_or(usize::MAX);
    Some(Span { begin: audio.first_pts, last: audio.first_pts, frames, secs: Some(secs) })
}

#[expect(clippy::cast_precision_loss, reason = "counts of frames and samples of a video")]
fn float(count: u64) -> f64 {
    count as f64
}
