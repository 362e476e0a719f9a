//! One media playlist with its segments, and how the playlists of a stream go together.

use m3u8_rs::{MediaPlaylist, MediaPlaylistType};

use super::decrypt::Decryption;
use super::files::{Fetched, Files};
use super::iframes::IFrames;
use super::keys::Keys;
use super::segment::{
    AAC_SAMPLES, Format, Picture, Reader, Segment, Sound, is_fragmented, seconds_between,
};
use super::{media_playlist, rates, resolve};
use crate::domain::conformance::{Measured, Report};

/// What a rounded number may be off.
const ROUNDING_SECS: f64 = 0.001;

/// A media playlist, measured.
#[derive(Debug, Default)]
pub(super) struct Rendition {
    /// As the multivariant playlist refers to it.
    pub(super) uri: String,
    pub(super) target_secs: f64,
    /// EXTINF of each segment.
    pub(super) stated: Vec<f64>,
    /// What each segment really lasts.
    pub(super) real: Vec<f64>,
    pub(super) bytes: Vec<u64>,
    /// Time of the first picture or sound, in ticks of the clock.
    pub(super) begins: Vec<u64>,
    pub(super) is_independent: bool,
    pub(super) format: Option<Format>,
    pub(super) sound: Option<Sound>,
    /// Pictures in a second.
    pub(super) fps: Option<f64>,
    /// Length of a picture or of a frame of sound.
    pub(super) frame_secs: f64,
}

/// The times of the pictures or of the sound of a segment.
struct Span {
    begin: u64,
    last: u64,
    units: usize,
    /// Where known by counting: the length.
    length: Option<f64>,
}

impl Rendition {
    /// Reads playlist and segments and judges them.
    pub(super) async fn read(
        files: &dyn Files,
        keys: &Keys,
        main: &str,
        uri: &str,
        iframes: &mut [IFrames],
        report: &mut Report,
    ) -> Option<Self> {
        let (path, parsed) = media_playlist(files, main, uri, report).await?;
        judge_playlist(&path, &parsed, report);
        let mut rendition = Self {
            uri: uri.to_owned(),
            target_secs: precise(parsed.target_duration),
            stated: parsed.segments.iter().map(|s| f64::from(s.duration)).collect(),
            is_independent: parsed.independent_segments,
            ..Self::default()
        };
        let mut reader = Reader::default();
        let mut spans = Vec::new();
        let mut decryption = Decryption::new(files, keys, &path, &parsed);
        for segment in &parsed.segments {
            let lock = decryption.next(segment, report).await;
            if let Some(map) = &segment.map {
                let place = resolve(&path, &map.uri);
                let section = media(files, &place, report).await;
                let section = section.and_then(|section| section.part(map));
                if let Some(Err(error)) = section.map(|section| reader.init(&section)) {
                    report.must("8.20", &place, error);
                }
            }
            let place = resolve(&path, &segment.uri);
            let Some(fetched) = media(files, &place, report).await else { continue };
            let Some(plain) = lock.open(&place, &fetched.bytes, report) else { continue };
            let read = reader.read(&plain);
            judge_segment(&place, &read, report);
            for playlist in iframes.iter_mut() {
                playlist.take(&place, &plain, &read, report);
            }
            // What players load, so before it is decrypted.
            rendition.bytes.push(fetched.bytes.len() as u64);
            rendition.format = rendition.format.or(read.format);
            rendition.sound = rendition.sound.or(read.sound);
            spans.extend(span(&read));
        }
        if decryption.has_locks() && spans.is_empty() {
            // It was told why there is nothing to judge.
            return None;
        }
        rendition.measure(&spans);
        rendition.judge(&path, report);
        Some(rendition)
    }

    fn measure(&mut self, spans: &[Span]) {
        self.begins = spans.iter().map(|span| span.begin).collect();
        let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return };
        let units: usize = spans.iter().map(|span| span.units).sum();
        if self.format.is_some() && units > 1 {
            let secs = seconds_between(first.begin, last.last) / precise(units as u64 - 1);
            self.fps = Some(1.0 / secs);
            self.frame_secs = secs;
        } else if self.format.is_some() {
            // One picture: only the playlist says how long it is shown.
            self.frame_secs = self.stated.iter().sum();
        } else if let Some(sound) = self.sound {
            self.frame_secs = f64::from(AAC_SAMPLES) / f64::from(sound.sample_rate_hz.max(1));
        }
        let until_next = spans.windows(2).map(|pair| seconds_between(pair[0].begin, pair[1].begin));
        let of_last = last.length;
        let of_last =
            of_last.unwrap_or_else(|| seconds_between(last.begin, last.last) + self.frame_secs);
        self.real = until_next.chain([of_last]).collect();
    }

    /// What the timeline lasts.
    pub(super) fn duration_secs(&self) -> f64 {
        self.real.iter().sum()
    }

    /// Peak and average of the segments in bit/s.
    pub(super) fn rates(&self) -> (f64, f64) {
        let segments: Vec<_> = self.bytes.iter().copied().zip(self.real.iter().copied()).collect();
        rates::measure(&segments, self.target_secs)
    }

    /// RFC 6381 name of what is in the segments.
    pub(super) fn codec(&self) -> String {
        match (self.format, self.sound) {
            (Some(format), _) => format.codec(),
            (None, Some(sound)) => format!("mp4a.40.{}", sound.object_type),
            (None, None) => String::new(),
        }
    }

    pub(super) fn measured(&self) -> Measured {
        let (peak_bps, average_bps) = self.rates();
        Measured {
            uri: self.uri.clone(),
            segments: self.stated.len(),
            bytes: self.bytes.iter().sum(),
            duration_secs: self.duration_secs(),
            peak_bps,
            average_bps,
            codec: self.codec(),
        }
    }

    fn judge(&self, path: &str, report: &mut Report) {
        let target = self.target_secs;
        for (number, secs) in self.real.iter().enumerate() {
            if *secs > target + 0.5 {
                let text =
                    format!("segment {number} lasts {secs:.3} s of at most {target} + 0.5 s");
                report.must("7.7", path, text);
            }
        }
        // Any run of segments is a difference of two of these.
        let mut off = (0.0_f64, 0.0_f64, 0.0_f64);
        for (stated, real) in self.stated.iter().zip(&self.real) {
            off.0 += stated - real;
            off = (off.0, off.1.min(off.0), off.2.max(off.0));
        }
        if off.2 - off.1 > self.frame_secs + ROUNDING_SECS {
            let (stray, frame) = (off.2 - off.1, self.frame_secs);
            let text = format!("EXTINF strays by {stray:.4} s, a frame lasts {frame:.4} s");
            report.must("8.1", path, text);
        }
        if let Some(fps) = self.fps
            && fps > 60.01
        {
            report.must("1.19", path, format!("{fps:.3} frames per second are more than 60"));
        }
        let Some(format) = self.format else { return };
        if format.has_fields {
            report.must("1.14", path, "the pictures are coded as fields: they are interlaced");
        }
        if !matches!(format.profile, 66 | 77 | 100) || format.level > 52 {
            let text = format!("profile {} at level {}", format.profile, format.level);
            report.must("1.3", path, text);
        } else if format.profile != 100 {
            report.should("1.4", path, format!("profile {} is not High", format.profile));
        }
        let least = self
            .fps
            .and_then(|fps| super::level::least(format.width, format.height, fps, format.referred));
        if let Some(least) = least.filter(|least| format.level > *least) {
            let text = format!("level {} where {least} is enough (tenths)", format.level);
            report.should("1.11", path, text);
        }
    }
}

/// Reads a segment or an initialization section and judges how it is served.
pub(super) async fn media(files: &dyn Files, place: &str, report: &mut Report) -> Option<Fetched> {
    let fetched = match files.get(place).await {
        Ok(fetched) => fetched,
        Err(error) => {
            report.must("RFC 8216 6.2.1", place, format!("it cannot be read: {error}"));
            return None;
        }
    };
    if let Some(served) = &fetched.served {
        // What is encrypted has only its name.
        let expected = match place.rsplit_once('.').map(|(_, end)| end) {
            Some("mp4") => "video/mp4",
            Some("m4s") => "video/iso.segment",
            Some("vtt" | "webvtt") => "text/vtt",
            _ if is_fragmented(&fetched.bytes) => "video/iso.segment",
            _ => "video/mp2t",
        };
        if served.content_type != expected {
            let text = format!("Content-Type is {:?} and not {expected:?}", served.content_type);
            report.should("10.4", place, text);
        }
        if !served.cache_control.contains("max-age") {
            report.should("cache", place, "there is no Cache-Control with max-age");
        }
    }
    Some(fetched)
}

/// What the text of a playlist says.
pub(super) fn judge_playlist(path: &str, playlist: &MediaPlaylist, report: &mut Report) {
    if playlist.playlist_type != Some(MediaPlaylistType::Vod) {
        report.must("8.6", path, "there is no EXT-X-PLAYLIST-TYPE:VOD");
    }
    if !playlist.end_list {
        report.must("RFC 8216 4.3.3.4", path, "there is no EXT-X-ENDLIST");
    }
    if playlist.segments.is_empty() {
        report.must("RFC 8216 4.3.3", path, "there are no segments");
    }
    let target = precise(playlist.target_duration);
    for segment in &playlist.segments {
        if f64::from(segment.duration).round() > target {
            let text = format!("EXTINF of {} s is above EXT-X-TARGETDURATION", segment.duration);
            report.must("RFC 8216 4.3.3.1", path, text);
        }
    }
    if playlist.target_duration != 6 {
        let text = format!("EXT-X-TARGETDURATION is {target} and not 6");
        report.should("7.5", path, text);
    }
}

fn judge_segment(place: &str, segment: &Segment, report: &mut Report) {
    for fault in &segment.faults {
        report.must(fault.rule, place, &fault.text);
    }
    if segment.video_streams + segment.audio_streams == 0 {
        report.must("1.2", place, "there is neither H.264 nor AAC in it");
    }
    if segment.audio_streams > 1 {
        report.must("2.17", place, format!("{} audio streams", segment.audio_streams));
    }
    if segment.video_streams > 0 && segment.audio_streams > 0 {
        report.should("9.5", place, "video and audio are in the same segment");
    }
    let Some(first) = segment.pictures.first() else {
        if segment.video_streams > 0 {
            report.must("7.4", place, "there is no picture in it");
        }
        return;
    };
    if !first.is_idr || !first.has_parameter_sets {
        report.must("7.4", place, "it does not begin with an IDR and its parameter sets");
    }
    let keys: Vec<u64> = segment.pictures.iter().filter(|p| p.is_idr).map(|p| p.pts).collect();
    let last = segment.pictures.iter().map(|p| p.pts).max().unwrap_or(first.pts);
    let ends = keys.iter().skip(1).copied().chain([last]);
    for (from, to) in keys.iter().zip(ends) {
        let secs = seconds_between(*from, to);
        if secs > 2.1 {
            report.should("1.13", place, format!("{secs:.3} s without a key frame"));
        }
    }
}

fn span(segment: &Segment) -> Option<Span> {
    if let Some(first) = segment.pictures.first() {
        let by_time = |a: &&Picture, b: &&Picture| {
            seconds_between(first.pts, a.pts).total_cmp(&seconds_between(first.pts, b.pts))
        };
        let begin = segment.pictures.iter().min_by(by_time)?.pts;
        let last = segment.pictures.iter().max_by(by_time)?.pts;
        return Some(Span { begin, last, units: segment.pictures.len(), length: None });
    }
    let sound = segment.sound?;
    let length = precise(sound.samples) / f64::from(sound.sample_rate_hz.max(1));
    let units = usize::try_from(sound.frames).unwrap_or(usize::MAX);
    Some(Span { begin: sound.first_pts, last: sound.first_pts, units, length: Some(length) })
}

/// How the playlists of a stream go together.
pub(super) fn compare(renditions: &[Rendition], report: &mut Report) {
    let Some(first) = renditions.iter().find(|r| r.format.is_some()).or(renditions.first()) else {
        return;
    };
    for other in renditions {
        let place = other.uri.as_str();
        if (other.target_secs - first.target_secs).abs() > f64::EPSILON {
            let (found, expected) = (other.target_secs, first.target_secs);
            let text = format!("EXT-X-TARGETDURATION is {found}, that of {} {expected}", first.uri);
            report.must("8.2", place, text);
        }
        // No rendition can end closer to another than its frames allow.
        let frame = other.frame_secs.max(first.frame_secs) + ROUNDING_SECS;
        let (found, expected) = (other.duration_secs(), first.duration_secs());
        if (found - expected).abs() > frame {
            let text = format!("it lasts {found:.3} s, {} lasts {expected:.3} s", first.uri);
            report.must("8.3", place, text);
        }
        for (number, (a, b)) in first.begins.iter().zip(&other.begins).enumerate() {
            let apart = seconds_between(*a, *b).abs();
            let allowed = if other.format.is_some() { ROUNDING_SECS } else { frame };
            if apart > allowed {
                let text = format!("segment {number} begins {apart:.3} s apart from {}", first.uri);
                report.must(if number == 0 { "RFC 8216 6.2.4" } else { "8.22" }, place, text);
                break;
            }
        }
        if first.begins.len() != other.begins.len() {
            let (found, expected) = (other.begins.len(), first.begins.len());
            let text = format!("{found} segments, {} has {expected}", first.uri);
            report.must("8.22", place, text);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a video's parts")]
fn precise(count: u64) -> f64 {
    count as f64
}
