//! I-frame playlists: each byte range must be one key frame of a segment.
//!
//! In a stream in the clear the ranges lie in its segments, so they are read together with those. A
//! part of an encrypted segment cannot be decrypted alone; there, each key frame is encrypted by
//! itself in a file of its own. Such frames are read first and compared with the segments later.

use std::collections::HashMap;

use bytes::Bytes;
use m3u8_rs::ByteRange;

use super::demux::read_alone;
use super::files::{Files, resolve};
use super::keys::Keys;
use super::segment::{Frame, Segment, VideoFormat, seconds_between};
use super::segment_key::{Decryption, SegmentKey};
use super::timeline::Timeline;
use super::{fetch, playlist_rules, rates};
use crate::domain::conformance::Report;

/// Tolerance of times beyond one frame, in seconds: times are rounded to milliseconds.
const ROUNDING_SECS: f64 = 0.002;

/// One I-frame playlist.
pub(super) struct IFrames {
    /// URI in the multivariant playlist.
    pub(super) uri: String,
    path: String,
    target_secs: f64,
    /// Ranges that are still to be read, by the path of their segment.
    ranges: HashMap<String, Vec<Range>>,
    /// Key frames that were encrypted by themselves and not yet found in a segment, by entry.
    unmatched: Vec<(usize, KeyFrame)>,
    /// Initialization section of the ranges.
    init: Bytes,
    /// Presentation times of the key frames that were found in a segment, by entry.
    found: Vec<(usize, u64)>,
    /// Bytes and `EXTINF` of each entry.
    sizes: Vec<(u64, f64)>,
    format: Option<VideoFormat>,
}

/// Byte range of the entry with this number.
#[derive(Clone, Copy)]
struct Range {
    number: usize,
    offset: usize,
    len: usize,
}

/// A key frame that was read without its segment.
#[derive(Clone, Copy)]
struct KeyFrame {
    frame: Frame,
    format: Option<VideoFormat>,
}

impl IFrames {
    /// Reads the playlist, and the key frames that are encrypted by themselves. `None` if nothing can
    /// be verified; the report has the reason then.
    pub(super) async fn read(
        files: &dyn Files,
        keys: &Keys,
        main: &str,
        uri: &str,
        report: &mut Report,
    ) -> Option<Self> {
        let (path, parsed) = fetch::media_playlist(files, main, uri, report).await?;
        if !parsed.i_frames_only {
            report.must("6.8", &path, "EXT-X-I-FRAMES-ONLY is missing");
        }
        if !parsed.end_list {
            report.must("RFC 8216 4.3.3.4", &path, "EXT-X-ENDLIST is missing");
        }
        let mut playlist = Self {
            uri: uri.to_owned(),
            path: path.clone(),
            target_secs: playlist_rules::seconds(parsed.target_duration),
            ranges: HashMap::new(),
            unmatched: Vec::new(),
            init: Bytes::new(),
            found: Vec::new(),
            sizes: Vec::new(),
            format: None,
        };
        let mut decryption = Decryption::new(files, keys, &path, &parsed);
        let mut file = (String::new(), None);
        for (number, segment) in parsed.segments.iter().enumerate() {
            let key = decryption.next(segment, report).await;
            if let Some(map) = &segment.map {
                playlist.read_init(files, map, report).await;
            }
            let Some(range) = &segment.byte_range else {
                report.must("6.8", &path, format!("entry {number} has no EXT-X-BYTERANGE"));
                continue;
            };
            playlist.sizes.push((range.length, f64::from(segment.duration)));
            let range = Range::new(number, range);
            let place = resolve(&path, &segment.uri);
            if !key.is_encrypted() {
                playlist.ranges.entry(place).or_default().push(range);
                continue;
            }
            if file.0 != place {
                let fetched = fetch::media(files, &place, report).await;
                file = (place.clone(), fetched.map(|fetched| fetched.bytes));
            }
            if let Some(bytes) = &file.1 {
                playlist.take_encrypted(&place, bytes, range, key, report);
            }
        }
        let is_empty = playlist.unmatched.is_empty() && playlist.ranges.is_empty();
        (!decryption.has_encrypted() || !is_empty).then_some(playlist)
    }

    async fn read_init(&mut self, files: &dyn Files, map: &m3u8_rs::Map, report: &mut Report) {
        let place = resolve(&self.path, &map.uri);
        let section = files.get(&place).await.ok();
        match section.and_then(|fetched| fetched.part(map)) {
            Some(part) => self.init = part,
            None => report.must("6.1", &self.path, "EXT-X-MAP cannot be read"),
        }
    }

    /// Decrypts a key frame that is encrypted by itself. `file` is the content of `place`.
    fn take_encrypted(
        &mut self,
        place: &str,
        file: &Bytes,
        range: Range,
        key: SegmentKey,
        report: &mut Report,
    ) {
        let number = range.number;
        let Some(part) = range.of(file) else {
            report.must("6.1", &self.path, format!("entry {number} lies outside its file"));
            return;
        };
        let Some(plain) = key.decrypt(place, &file.slice_ref(part), report) else { return };
        match self.key_frame(&plain) {
            Some(frame) => self.unmatched.push((number, frame)),
            None => self.not_a_key_frame(number, report),
        }
    }

    /// The key frame that the part consists of; `None` if it is anything else.
    fn key_frame(&self, part: &[u8]) -> Option<KeyFrame> {
        let read = read_alone(&self.init, part);
        let frame = *read.frames.first().filter(|f| f.is_idr && f.has_parameter_sets)?;
        let is_whole = !read.faults.iter().any(|fault| fault.rule == "6.1");
        (read.frames.len() == 1 && is_whole).then_some(KeyFrame { frame, format: read.format })
    }

    fn not_a_key_frame(&self, number: usize, report: &mut Report) {
        let text = format!("the range of entry {number} is not one whole IDR");
        report.must("6.1", &self.path, text);
    }

    fn add_found(&mut self, number: usize, key_frame: KeyFrame) {
        self.found.push((number, key_frame.frame.pts));
        self.format = self.format.or(key_frame.format);
    }

    /// Compares the entries with a segment: reads the ranges that lie in it, and looks for key frames
    /// that were encrypted by themselves. `bytes` is the segment in the clear.
    pub(super) fn compare(
        &mut self,
        place: &str,
        bytes: &[u8],
        segment: &Segment,
        report: &mut Report,
    ) {
        for range in self.ranges.remove(place).unwrap_or_default() {
            let number = range.number;
            let Some(part) = range.of(bytes) else {
                let text = format!("entry {number} lies outside its segment");
                report.must("6.1", &self.path, text);
                continue;
            };
            match self.key_frame(part).filter(|key_frame| key_frame.is_in(segment)) {
                Some(key_frame) => self.add_found(number, key_frame),
                None => self.not_a_key_frame(number, report),
            }
        }
        let (here, unmatched) = self.unmatched.drain(..).partition(|(_, k)| k.is_in(segment));
        self.unmatched = unmatched;
        let here: Vec<_> = here;
        for (number, key_frame) in here {
            self.add_found(number, key_frame);
        }
    }

    /// Verifies the playlist after all segments were compared. `video` is the timeline of the video,
    /// if the stream has any.
    pub(super) fn verify(&self, video: Option<&Timeline<'_>>, report: &mut Report) {
        for place in self.ranges.keys() {
            report.must("6.1", &self.path, format!("{place} is in no other playlist"));
        }
        for (number, _) in &self.unmatched {
            report.must("6.1", &self.path, format!("entry {number} is in no segment"));
        }
        let Some((video, first)) = video.and_then(|v| Some((v, v.first_pts?))) else { return };
        let tolerance = video.frame_secs + ROUNDING_SECS;
        let mut begin = 0.0;
        let mut found = self.found.iter().copied().collect::<HashMap<_, _>>();
        for (number, (_, secs)) in self.sizes.iter().enumerate() {
            if let Some(pts) = found.remove(&number) {
                let real = seconds_between(first, pts);
                if (real - begin).abs() > tolerance {
                    let text = format!("entry {number} is at {real:.3} s, expected {begin:.3} s");
                    report.must("8.1", &self.path, text);
                }
            }
            begin += secs;
        }
        if (begin - video.duration_secs).abs() > tolerance {
            let Timeline { uri, duration_secs, .. } = video;
            let text = format!("the duration is {begin:.3} s, that of {uri} {duration_secs:.3} s");
            report.must("8.3", &self.path, text);
        }
    }

    /// Peak and average bit rate in bit/s.
    pub(super) fn rates(&self) -> (f64, f64) {
        rates::measure(&self.sizes, self.target_secs)
    }

    /// Format of the key frames; `None` if none could be read.
    pub(super) fn format(&self) -> Option<VideoFormat> {
        self.format
    }
}

impl Range {
    fn new(number: usize, range: &ByteRange) -> Self {
        let usize = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        Self { number, offset: usize(range.offset.unwrap_or(0)), len: usize(range.length) }
    }

    /// The part of a file; `None` if the range lies outside.
    fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        bytes.get(self.offset..self.offset.checked_add(self.len)?)
    }
}

impl KeyFrame {
    /// Whether the segment has the same frame.
    fn is_in(&self, segment: &Segment) -> bool {
        let is_same = |f: &Frame| f.pts == self.frame.pts && f.bytes == self.frame.bytes;
        segment.frames.iter().any(is_same)
    }
}
