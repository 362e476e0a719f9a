//! One video or audio rendition: its playlist and its segments.

mod verify;

use bytes::Bytes;

use super::codec::StreamCodec;
use super::demux::Reader;
use super::fetch::{self, Context};
use super::files::resolve;
use super::iframes::IFrames;
use super::playlist::{Map, MediaPlaylist, MediaSegment};
use super::rates::FrameRates;
use super::segment::{Audio, Frame, Segment, VideoFormat, seconds_between};
use super::segment_key::{Decryption, SegmentKey};
use super::timeline::Timeline;
use super::{playlist_rules, rates, segment_rules};
use crate::domain::conformance::{Measured, Place, Report};

/// A media playlist with the measures of its segments.
#[derive(Debug, Default)]
pub(super) struct Rendition {
    /// URI in the multivariant playlist.
    pub(super) uri: String,
    /// `EXT-X-TARGETDURATION`.
    pub(super) target_secs: f64,
    pieces: Vec<Piece>,
    /// Whether `EXT-X-INDEPENDENT-SEGMENTS` is there.
    pub(super) is_independent: bool,
    /// Whether the playlist is complete: it has `EXT-X-ENDLIST`.
    pub(super) is_ended: bool,
    /// Whether a segment could not be read, so that sums over all segments are unknown.
    has_holes: bool,
    pub(super) format: Option<VideoFormat>,
    pub(super) audio: Option<Audio>,
    /// Codecs of all elementary streams; none if the segments could not be read.
    pub(super) codecs: Vec<StreamCodec>,
    /// Measured frames per second, on average.
    pub(super) fps: Option<f64>,
    /// Highest frame rates of any segment.
    pub(super) frame_rates: Option<FrameRates>,
    /// Duration of a video frame or an audio frame, in seconds.
    pub(super) frame_secs: f64,
}

/// One segment of the playlist.
#[derive(Debug, Default)]
struct Piece {
    /// `EXTINF` in seconds.
    stated_secs: f64,
    /// Measured duration in seconds; `None` if the segment could not be read.
    real_secs: Option<f64>,
    /// Size; `None` if the segment could not be read.
    bytes: Option<u64>,
    span: Option<Span>,
    /// Whether timestamps begin anew here.
    is_discontinuous: bool,
    is_gap: bool,
    /// Whether it has a part that this check cannot read.
    has_unread: bool,
}

/// Presentation times in one segment, in ticks of 90 kHz.
#[derive(Clone, Copy, Debug)]
struct Span {
    begin: u64,
    /// Begin of the last frame.
    last: u64,
    frames: usize,
    /// Duration, if it is known by counting samples.
    secs: Option<f64>,
    /// Frame rates within the segment.
    rates: Option<FrameRates>,
}

impl Rendition {
    /// Reads the playlist and all segments and verifies them. Compares the I-frame playlists with each
    /// segment. `None` if nothing can be verified; the report has the reason then.
    pub(super) async fn read(
        context: Context<'_>,
        uri: &str,
        iframes: &mut [IFrames],
        report: &mut Report,
    ) -> Option<Self> {
        let (path, parsed) = fetch::media_playlist(context, uri, report).await?;
        if parsed.i_frames_only {
            let text =
                "the playlist has I-frames only, expected a variant or a rendition with all frames";
            report.should("RFC 8216 4.3.4.3", &path, text);
            report.unchecked(&path, "I-frames are not compared with a variant");
            return None;
        }
        playlist_rules::verify(&path, &parsed, context.origin, report);
        let rendition = Self::read_parsed(context, (uri, &path), &parsed, iframes, report);
        let rendition = rendition.await?;
        rendition.verify(&path, context.origin, report);
        Some(rendition)
    }

    /// Reads the playlist and its first segment alone, of a rendition that was verified before. Its other segments
    /// last as long as the playlist states.
    pub(super) async fn read_first(
        context: Context<'_>,
        uri: &str,
        report: &mut Report,
    ) -> Option<Self> {
        let (path, mut parsed) = fetch::media_playlist(context, uri, report).await?;
        let rest = parsed.segments.split_off(parsed.segments.len().min(1));
        let place = (uri, path.as_str());
        let mut first = Self::read_parsed(context, place, &parsed, &mut [], report).await?;
        if let Some(piece) = first.pieces.first_mut() {
            piece.real_secs = Some(piece.stated_secs);
        }
        let unread =
            |segment: &MediaSegment| Piece { stated_secs: segment.duration, ..Piece::default() };
        first.pieces.extend(rest.iter().map(unread));
        Some(first)
    }

    /// Reads the segments of a playlist with this URI and path.
    async fn read_parsed(
        context: Context<'_>,
        (uri, path): (&str, &str),
        parsed: &MediaPlaylist,
        iframes: &mut [IFrames],
        report: &mut Report,
    ) -> Option<Self> {
        let mut rendition = Self {
            uri: uri.to_owned(),
            target_secs: playlist_rules::target_secs(parsed),
            is_independent: parsed.independent_segments,
            is_ended: parsed.end_list,
            ..Self::default()
        };
        let reader = Reader::default();
        let mut walk = Walk { context, path, reader, is_init_unreadable: false, map: None };
        let mut decryption = Decryption::new(context.files, context.keys, path, parsed);
        let mut begin_secs = 0.0;
        for segment in &parsed.segments {
            let key = decryption.next(segment, report).await;
            let place = resolve(path, &segment.uri);
            let at = Place::at(&place, begin_secs);
            begin_secs += segment.duration;
            let mut piece = Piece {
                stated_secs: segment.duration,
                is_discontinuous: segment.discontinuity,
                is_gap: segment.gap,
                ..Piece::default()
            };
            walk.prepare(segment, key, report).await;
            if let Some((bytes, plain)) = walk.load(segment, key, at, report).await {
                piece.bytes = Some(bytes);
                let read = walk.reader.read(&plain);
                segment_rules::verify(at, path, &read, report);
                let offset = segment.byte_range.map_or(0, |range| range.offset);
                for playlist in iframes.iter_mut() {
                    playlist.compare(&place, offset, &plain, &read, report);
                }
                rendition.format = rendition.format.or(read.format);
                rendition.audio = rendition.audio.or(read.audio);
                piece.has_unread = !read.not_checked.is_empty();
                for codec in &read.codecs {
                    if !rendition.codecs.contains(codec) {
                        rendition.codecs.push(*codec);
                    }
                }
                piece.span = span(&read);
            }
            if piece.span.is_none() {
                rendition.has_holes |= !segment.gap;
                walk.reader.reset();
            }
            rendition.pieces.push(piece);
        }
        if decryption.has_encrypted() && rendition.pieces.iter().all(|piece| piece.span.is_none()) {
            return None;
        }
        rendition.measure();
        Some(rendition)
    }

    fn measure(&mut self) {
        let spans: Vec<Span> = self.pieces.iter().filter_map(|piece| piece.span).collect();
        self.frame_rates = spans.iter().filter_map(|span| span.rates).reduce(FrameRates::highest);
        // Frames of one run of segments whose times continue each other.
        let mut runs: Vec<(f64, usize)> = Vec::new();
        let mut open: Option<(Span, Span, usize)> = None;
        for piece in &self.pieces {
            let previous = open.take_if(|_| piece.is_discontinuous || piece.span.is_none());
            runs.extend(
                previous.map(|(first, last, n)| (seconds_between(first.begin, last.last), n)),
            );
            if let Some(span) = piece.span {
                let (first, _, frames) = open.unwrap_or((span, span, 0));
                open = Some((first, span, frames + span.frames));
            }
        }
        runs.extend(open.map(|(first, last, n)| (seconds_between(first.begin, last.last), n)));
        let longest = runs.iter().copied().max_by_key(|(_, frames)| *frames);
        if let (Some(_), Some((secs, frames))) = (self.format, longest.filter(|(_, n)| *n > 1)) {
            let secs = secs / float(frames as u64 - 1);
            self.fps = (secs > 0.0).then_some(1.0 / secs);
            self.frame_secs = secs;
        } else if self.format.is_some() {
            // Only the playlist states how long a single frame is shown.
            self.frame_secs = self.pieces.iter().map(|piece| piece.stated_secs).sum();
        } else if let Some(audio) = self.audio {
            self.frame_secs = audio.frame_secs();
        }
        if spans.is_empty() {
            return;
        }
        let frame_secs = self.frame_secs;
        for at in 0..self.pieces.len() {
            let next = self.pieces.get(at + 1).filter(|next| !next.is_discontinuous);
            let next = next.and_then(|next| next.span);
            self.pieces[at].real_secs = self.pieces[at].span.map(|span| match (next, span.secs) {
                (Some(next), _) => seconds_between(span.begin, next.begin),
                (None, Some(secs)) => secs,
                (None, None) => seconds_between(span.begin, span.last) + frame_secs,
            });
        }
    }

    /// Presentation time at which each segment begins, in ticks of 90 kHz; `None` for a segment that could not be read.
    pub(super) fn begins(&self) -> impl Iterator<Item = Option<u64>> {
        self.pieces.iter().map(|piece| piece.span.map(|span| span.begin))
    }

    /// Number of segments.
    pub(super) fn segments(&self) -> usize {
        self.pieces.len()
    }

    /// Whether timestamps run through from the first to the last segment.
    pub(super) fn is_continuous(&self) -> bool {
        !self.pieces.iter().skip(1).any(|piece| piece.is_discontinuous)
    }

    /// Whether sums over all segments are known.
    pub(super) fn is_whole(&self) -> bool {
        !self.has_holes
    }

    /// Whether all streams of all segments are known.
    pub(super) fn is_read(&self) -> bool {
        let is_unread = self.pieces.iter().any(|piece| piece.has_unread);
        self.is_whole() && !is_unread && !self.codecs.is_empty()
    }

    /// Measured duration of all segments, in seconds. Segments that were not read count as stated.
    pub(super) fn duration_secs(&self) -> f64 {
        self.pieces.iter().map(|piece| piece.real_secs.unwrap_or(piece.stated_secs)).sum()
    }

    /// The timeline, for the verification of what belongs to the video.
    pub(super) fn timeline(&self) -> Timeline<'_> {
        let is_known = self.is_whole() && self.is_ended;
        Timeline {
            uri: &self.uri,
            first_pts: self.begins().next().flatten().filter(|_| self.is_continuous()),
            frame_secs: self.frame_secs,
            duration_secs: is_known.then(|| self.duration_secs()),
        }
    }

    /// Peak and average segment bit rate in bit/s (RFC 8216, 4.1), of segments that are no gaps.
    pub(super) fn rates(&self) -> (f64, f64) {
        let sizes = |pieces: &[Piece]| -> Vec<(u64, f64)> {
            let read = pieces.iter().filter_map(|piece| Some((piece.bytes?, piece.stated_secs)));
            read.collect()
        };
        let runs = self.pieces.split(|piece| piece.bytes.is_none());
        // A run that lasts less than half a target duration has no peak.
        let secs = |run: &&[Piece]| run.iter().map(|piece| piece.stated_secs).sum::<f64>();
        let long = runs.filter(|run| secs(run) >= 0.5 * self.target_secs);
        let peaks = long.map(|run| rates::measure(&sizes(run), self.target_secs).0);
        let average = rates::measure(&sizes(&self.pieces), self.target_secs).1;
        (peaks.fold(average, f64::max), average)
    }

    /// Part of the duration that is no gap, 0 to 1.
    pub(super) fn filled(&self) -> f64 {
        let secs = |is_counted: fn(&&Piece) -> bool| -> f64 {
            self.pieces.iter().filter(is_counted).map(|piece| piece.stated_secs).sum()
        };
        let all = secs(|_| true);
        if all > 0.0 { secs(|piece| !piece.is_gap) / all } else { 1.0 }
    }

    /// The measures for the report.
    pub(super) fn measured(&self) -> Measured {
        let (peak_bps, average_bps) = self.rates();
        let codecs: Vec<_> = self.codecs.iter().map(|stream| stream.codec.to_string()).collect();
        Measured {
            uri: self.uri.clone(),
            segments: self.pieces.len(),
            bytes: self.pieces.iter().filter_map(|piece| piece.bytes).sum(),
            duration_secs: self.duration_secs(),
            peak_bps,
            average_bps,
            codec: codecs.join(","),
            not_checked: Vec::new(),
        }
    }
}

/// A walk through the segments of one playlist.
struct Walk<'a> {
    context: Context<'a>,
    path: &'a str,
    reader: Reader,
    /// Whether the initialization section in effect cannot be read: the report has the reason, and the segments behind
    /// it tell nothing.
    is_init_unreadable: bool,
    map: Option<Map>,
}

impl Walk<'_> {
    /// Follows the tags in front of a segment.
    async fn prepare(&mut self, segment: &MediaSegment, key: SegmentKey, report: &mut Report) {
        if segment.discontinuity {
            self.reader.reset();
        }
        let Some(map) = segment.map.as_ref().filter(|map| self.map.as_ref() != Some(map)) else {
            return;
        };
        self.map = Some(map.clone());
        self.is_init_unreadable = true;
        let place = resolve(self.path, &map.uri);
        let section = fetch::media(self.context, Place::from(&place), map.byte_range, report).await;
        let section = section.and_then(|section| key.decrypt_init(&place, &section.bytes, report));
        let Some(section) = section else { return };
        match self.reader.set_init(&section) {
            Ok(()) => self.is_init_unreadable = false,
            Err(error) => report.must("8.20", &place, error.to_string()),
        }
    }

    /// Size of a segment, and its content in the clear.
    async fn load(
        &self,
        segment: &MediaSegment,
        key: SegmentKey,
        place: Place<'_>,
        report: &mut Report,
    ) -> Option<(u64, Bytes)> {
        if segment.gap || self.is_init_unreadable {
            return None;
        }
        let fetched = fetch::media(self.context, place, segment.byte_range, report).await?;
        let plain = key.decrypt(place.path, &fetched.bytes, report)?;
        // Players load the encrypted bytes.
        Some((fetched.bytes.len() as u64, plain))
    }
}

fn span(segment: &Segment) -> Option<Span> {
    if let Some(first) = segment.frames.first() {
        let since = |frame: &Frame| seconds_between(first.pts, frame.pts);
        let mut frames: Vec<&Frame> = segment.frames.iter().collect();
        frames.sort_by(|a, b| since(a).total_cmp(&since(b)));
        let begin = frames.first()?.pts;
        let times = frames.iter().map(|frame| seconds_between(begin, frame.pts));
        return Some(Span {
            begin,
            last: frames.last()?.pts,
            frames: frames.len(),
            secs: None,
            rates: rates::frames(times.collect()),
        });
    }
    let audio = segment.audio?;
    let secs = float(audio.samples) / f64::from(audio.sample_rate_hz.max(1));
    let frames = usize::try_from(audio.frames).unwrap_or(usize::MAX);
    let begin = audio.first_pts;
    Some(Span { begin, last: begin, frames, secs: Some(secs), rates: None })
}

#[expect(clippy::cast_precision_loss, reason = "counts of frames and samples of a video")]
fn float(count: u64) -> f64 {
    count as f64
}
