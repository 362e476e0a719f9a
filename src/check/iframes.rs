//! I-frame playlists: each entry must be one key frame (RFC 8216, 4.3.3.6).
//!
//! The entries of most streams are parts of its segments, so they are read together with those. Entries that lie in no
//! segment are read by themselves: those of a rendition that consists of I-frames alone, and those of an encrypted
//! stream, where each key frame is encrypted in a file of its own because a part of a segment cannot be decrypted.

use std::collections::HashMap;

use bytes::Bytes;

use super::demux::read_alone;
use super::fetch::{self, Context};
use super::files::resolve;
use super::origin::Origin;
use super::playlist::{ByteRange, Map, MediaPlaylist};
use super::segment::{Frame, Segment, VideoFormat, seconds_between};
use super::segment_key::{Decryption, SegmentKey};
use super::timeline::Timeline;
use super::{playlist_rules, rates};
use crate::domain::conformance::{Measured, Place, Report};

/// Tolerance of times beyond one frame, in seconds: times are rounded to milliseconds.
const ROUNDING_SECS: f64 = 0.002;
/// Largest initialization section that is looked for in front of the first entry of a file.
const MAX_INIT_BYTES: u64 = 64 * 1024;

/// One I-frame playlist.
pub(super) struct IFrames {
    /// URI in the multivariant playlist.
    pub(super) uri: String,
    path: String,
    target_secs: f64,
    is_ended: bool,
    /// Entries in the clear that are still to be read.
    pending: Vec<Entry>,
    /// Key frames that were read by themselves and not yet found in a segment, by entry.
    unmatched: Vec<(usize, KeyFrame)>,
    /// Presentation times of the key frames, by entry.
    found: Vec<(usize, u64)>,
    /// Bytes and `EXTINF` of each entry; `None` if the size is not known.
    sizes: Vec<(Option<u64>, f64)>,
    format: Option<VideoFormat>,
}

/// An entry of the playlist.
struct Entry {
    number: usize,
    place: String,
    /// Part of the file; all of it without a range.
    range: Option<ByteRange>,
    /// Initialization section.
    init: Bytes,
}

/// A key frame that was read without its segment.
#[derive(Clone, Copy)]
struct KeyFrame {
    frame: Frame,
    format: Option<VideoFormat>,
}

/// An entry that is no key frame.
enum NoKeyFrame {
    /// It has another content.
    Other,
    /// It has no stream that this check can read.
    Unchecked,
}

impl IFrames {
    /// Reads the playlist, and the key frames that are encrypted by themselves. `None` if nothing can
    /// be verified; the report has the reason then.
    pub(super) async fn read(context: Context<'_>, uri: &str, report: &mut Report) -> Option<Self> {
        let (path, parsed) = fetch::media_playlist(context, uri, report).await?;
        if !parsed.i_frames_only {
            report.must("6.8", &path, "EXT-X-I-FRAMES-ONLY is missing");
        }
        if !parsed.end_list && (context.origin == Origin::Own || parsed.playlist_type.is_none()) {
            report.must("RFC 8216 4.3.3.4", &path, "EXT-X-ENDLIST is missing");
        }
        let mut playlist = Self {
            uri: uri.to_owned(),
            path: path.clone(),
            target_secs: playlist_rules::target_secs(&parsed),
            is_ended: parsed.end_list,
            pending: Vec::new(),
            unmatched: Vec::new(),
            found: Vec::new(),
            sizes: Vec::new(),
            format: None,
        };
        let mut decryption = Decryption::new(context.files, context.keys, &path, &parsed);
        let mut inits =
            Inits { context, path: &path, map: None, section: None, heads: HashMap::new() };
        let mut file = (String::new(), None);
        for (number, segment) in parsed.segments.iter().enumerate() {
            let key = decryption.next(segment, report).await;
            inits.follow(segment.map.as_ref(), key, report).await;
            let range = segment.byte_range;
            playlist.sizes.push((range.map(|range| range.length), segment.duration));
            if segment.gap {
                continue;
            }
            let place = resolve(&path, &segment.uri);
            let Some(init) = inits.of(&place, &parsed, number, report).await else { continue };
            let entry = Entry { number, place, range, init };
            if !key.is_encrypted() {
                playlist.pending.push(entry);
                continue;
            }
            // The entries of a rendition lie in one file, each under its own padding.
            if file.0 != entry.place {
                let fetched = fetch::media(context, Place::from(&entry.place), None, report).await;
                file = (entry.place.clone(), fetched.map(|fetched| fetched.bytes));
            }
            if let Some(bytes) = &file.1 {
                playlist.take_encrypted(&entry, bytes, key, report);
            }
        }
        let is_empty = playlist.unmatched.is_empty() && playlist.pending.is_empty();
        (!decryption.has_encrypted() || !is_empty).then_some(playlist)
    }

    /// Decrypts a key frame that is encrypted by itself. `file` is the content of its place.
    fn take_encrypted(
        &mut self,
        entry: &Entry,
        file: &Bytes,
        key: SegmentKey,
        report: &mut Report,
    ) {
        let Some(part) = entry.part_of(file, 0) else {
            let text = format!("entry {} lies outside its file", entry.number);
            report.must("6.1", &self.path, text);
            return;
        };
        let Some(plain) = key.decrypt(&entry.place, &file.slice_ref(part), report) else { return };
        match key_frame(&entry.init, &plain) {
            Ok(frame) => self.unmatched.push((entry.number, frame)),
            Err(reason) => self.no_key_frame(entry.number, &reason, report),
        }
    }

    fn no_key_frame(&self, number: usize, reason: &NoKeyFrame, report: &mut Report) {
        match reason {
            NoKeyFrame::Other => {
                let text = format!("the range of entry {number} is not one whole IDR");
                report.must("6.1", &self.path, text);
            }
            NoKeyFrame::Unchecked => {
                report.unchecked(&self.path, "the entries have no stream that this check can read");
            }
        }
    }

    fn add_found(&mut self, number: usize, key_frame: KeyFrame) {
        self.found.push((number, key_frame.frame.pts));
        self.format = self.format.or(key_frame.format);
    }

    /// Compares the entries with a segment: reads those that lie in it, and looks for key frames
    /// that were encrypted by themselves. `bytes` is the segment in the clear, `offset` its place in its file.
    pub(super) fn compare(
        &mut self,
        place: &str,
        offset: u64,
        bytes: &[u8],
        segment: &Segment,
        report: &mut Report,
    ) {
        let end = offset.saturating_add(bytes.len() as u64);
        let is_here = |entry: &Entry| {
            let begins = entry.range.is_none_or(|range| (offset..end).contains(&range.offset));
            entry.place == place && begins
        };
        let (here, elsewhere) = self.pending.drain(..).partition(is_here);
        self.pending = elsewhere;
        let here: Vec<Entry> = here;
        for entry in here {
            let number = entry.number;
            let Some(part) = entry.part_of(bytes, offset) else {
                let text = format!("entry {number} lies outside its segment");
                report.must("6.1", &self.path, text);
                continue;
            };
            let size = part.len() as u64;
            match key_frame(&entry.init, part) {
                Ok(key_frame) if key_frame.is_in(segment) => {
                    self.sizes[number].0 = Some(size);
                    self.add_found(number, key_frame);
                }
                Ok(_) => self.no_key_frame(number, &NoKeyFrame::Other, report),
                Err(reason) => self.no_key_frame(number, &reason, report),
            }
        }
        let (here, unmatched) = self.unmatched.drain(..).partition(|(_, k)| k.is_in(segment));
        self.unmatched = unmatched;
        let here: Vec<_> = here;
        for (number, key_frame) in here {
            self.add_found(number, key_frame);
        }
    }

    /// Reads the entries that lie in no segment, after all segments were compared.
    pub(super) async fn finish(&mut self, context: Context<'_>, report: &mut Report) {
        if context.origin == Origin::Own {
            return;
        }
        for entry in std::mem::take(&mut self.pending) {
            let fetched =
                fetch::media(context, Place::from(&entry.place), entry.range, report).await;
            let Some(fetched) = fetched else { continue };
            self.sizes[entry.number].0 = Some(fetched.bytes.len() as u64);
            match key_frame(&entry.init, &fetched.bytes) {
                Ok(key_frame) => self.add_found(entry.number, key_frame),
                Err(reason) => self.no_key_frame(entry.number, &reason, report),
            }
        }
        for (number, key_frame) in std::mem::take(&mut self.unmatched) {
            self.add_found(number, key_frame);
        }
    }

    /// Verifies the playlist after all segments were compared. `video` is the timeline of the video,
    /// if the stream has any.
    pub(super) fn verify(&self, video: Option<&Timeline<'_>>, report: &mut Report) {
        for entry in &self.pending {
            let text = format!("{} is in no other playlist", entry.place);
            report.must("6.1", &self.path, text);
        }
        for (number, _) in &self.unmatched {
            report.must("6.1", &self.path, format!("entry {number} is in no segment"));
        }
        let Some(video) = video else { return };
        let tolerance = video.frame_secs + ROUNDING_SECS;
        let mut begin = 0.0;
        let mut found = self.found.iter().copied().collect::<HashMap<_, _>>();
        for (number, (_, secs)) in self.sizes.iter().enumerate() {
            if let Some((pts, first)) = found.remove(&number).zip(video.first_pts) {
                let real = seconds_between(first, pts);
                if (real - begin).abs() > tolerance {
                    let text = format!("entry {number} is at {real:.3} s, expected {begin:.3} s");
                    report.must("8.1", &self.path, text);
                }
            }
            begin += secs;
        }
        if let Some(duration_secs) = video.duration_secs.filter(|_| self.is_ended)
            && (begin - duration_secs).abs() > tolerance
        {
            let uri = video.uri;
            let text = format!("the duration is {begin:.3} s, that of {uri} {duration_secs:.3} s");
            report.must("8.3", &self.path, text);
        }
    }

    /// Peak and average bit rate in bit/s; `None` if the size of an entry is not known.
    pub(super) fn rates(&self) -> Option<(f64, f64)> {
        let sizes: Option<Vec<_>> =
            self.sizes.iter().map(|(bytes, secs)| Some(((*bytes)?, *secs))).collect();
        Some(rates::measure(&sizes?, self.target_secs))
    }

    /// Bit rate of the largest entry in bit/s.
    #[expect(clippy::cast_precision_loss, reason = "bytes of a frame")]
    pub(super) fn largest_rate(&self) -> f64 {
        let long = self.sizes.iter().filter(|(_, secs)| *secs > 0.0);
        let rates = long.filter_map(|(bytes, secs)| Some((*bytes)? as f64 * 8.0 / secs));
        rates.fold(0.0, f64::max)
    }

    /// Format of the key frames; `None` if none could be read.
    pub(super) fn format(&self) -> Option<VideoFormat> {
        self.format
    }

    /// The measures for the report, of a playlist that is checked alone.
    pub(super) fn measured(&self) -> Measured {
        let (peak_bps, average_bps) = self.rates().unwrap_or_default();
        Measured {
            uri: self.uri.clone(),
            segments: self.sizes.len(),
            bytes: self.sizes.iter().filter_map(|(bytes, _)| *bytes).sum(),
            duration_secs: self.sizes.iter().map(|(_, secs)| secs).sum(),
            peak_bps,
            average_bps,
            codec: self.format.map(|format| format.codec()).unwrap_or_default(),
            not_checked: Vec::new(),
        }
    }
}

/// The initialization sections of an I-frame playlist.
struct Inits<'a> {
    context: Context<'a>,
    path: &'a str,
    map: Option<Map>,
    /// The section that `EXT-X-MAP` names; `None` if it cannot be read.
    section: Option<Bytes>,
    /// Sections in front of the first entry, by file.
    heads: HashMap<String, Bytes>,
}

impl Inits<'_> {
    /// Follows the tag in front of an entry.
    async fn follow(&mut self, map: Option<&Map>, key: SegmentKey, report: &mut Report) {
        let Some(map) = map.filter(|map| self.map.as_ref() != Some(map)) else { return };
        self.map = Some(map.clone());
        let place = resolve(self.path, &map.uri);
        let fetched = fetch::media(self.context, Place::from(&place), map.byte_range, report).await;
        self.section = fetched.and_then(|fetched| key.decrypt_init(&place, &fetched.bytes, report));
    }

    /// The section of an entry: the one that `EXT-X-MAP` names, or the bytes in front of the first entry of its file.
    /// `None` if it cannot be read; the report has the reason then.
    async fn of(
        &mut self,
        place: &str,
        playlist: &MediaPlaylist,
        number: usize,
        report: &mut Report,
    ) -> Option<Bytes> {
        if self.map.is_some() {
            return self.section.clone();
        }
        if let Some(head) = self.heads.get(place) {
            return Some(head.clone());
        }
        let segment = &playlist.segments[number];
        let same = playlist.segments.iter().filter(|other| other.uri == segment.uri);
        let first = same.filter_map(|other| other.byte_range).map(|range| range.offset).min();
        let head = match first.filter(|first| (1..=MAX_INIT_BYTES).contains(first)) {
            Some(length) => {
                let range = Some(ByteRange { offset: 0, length });
                fetch::media(self.context, Place::from(place), range, report).await?.bytes
            }
            None => Bytes::new(),
        };
        self.heads.insert(place.to_owned(), head.clone());
        Some(head)
    }
}

/// The key frame that the part consists of.
fn key_frame(init: &[u8], part: &[u8]) -> Result<KeyFrame, NoKeyFrame> {
    let read = read_alone(init, part);
    if read.video_streams == 0 && read.audio_streams == 0 && read.faults.is_empty() {
        return Err(NoKeyFrame::Unchecked);
    }
    let first = read.frames.first().filter(|f| f.is_idr && f.has_parameter_sets);
    let is_whole = !read.faults.iter().any(|fault| fault.rule == "6.1");
    match first {
        Some(frame) if read.frames.len() == 1 && is_whole => {
            Ok(KeyFrame { frame: *frame, format: read.format })
        }
        _ => Err(NoKeyFrame::Other),
    }
}

impl Entry {
    /// The part of a file whose bytes from `offset` on are given; `None` if the range lies outside.
    fn part_of<'a>(&self, bytes: &'a [u8], offset: u64) -> Option<&'a [u8]> {
        let Some(range) = self.range else { return Some(bytes) };
        let begin = usize::try_from(range.offset.checked_sub(offset)?).ok()?;
        bytes.get(begin..begin.checked_add(usize::try_from(range.length).ok()?)?)
    }
}

impl KeyFrame {
    /// Whether the segment has the same frame.
    fn is_in(&self, segment: &Segment) -> bool {
        let is_same = |f: &Frame| f.pts == self.frame.pts && f.bytes == self.frame.bytes;
        segment.frames.iter().any(is_same)
    }
}
