//! The playlists of one stream, as objects.

use bytes::Bytes;

use super::encrypt::{Encryption, Sealed};
use super::lane::{Measured, Published};
use super::{Error, Object};
use crate::domain::encode::SegmentFormat;
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::key_frames::{KeyFrame, KeyFrames};
use crate::domain::hls::media_playlist::{self, Header, Kind, Map, Picture};
use crate::domain::hls::multivariant::{self, AudioRendition, IFrames, SubtitleRendition, Variant};
use crate::domain::hls::names::{self, Layout};
use crate::domain::hls::rates::{self, Rates};
use crate::domain::plan::Plan;
use crate::domain::video::RenditionView;

/// Share by which a transport stream's packets add to the capped rate of the elementary stream,
/// for the rates that are stated before there is anything to measure: 188 bytes carry at most
/// 184, and tables, clocks and stuffing take as much again at our rates.
const TRANSPORT_OVERHEAD_PERCENT: u64 = 8;

/// What all playlists of a stream share.
pub(super) struct Playlists {
    layout: Layout,
    plan: Plan,
    key: Option<StreamKey>,
    /// When the stream was begun, RFC 3339.
    begun_at: String,
}

/// What one lane needs.
pub(super) struct LanePlaylists {
    layout: Layout,
    rendition: String,
    format: SegmentFormat,
    /// What the segments are read with, once it is there.
    init: Option<Bytes>,
    target_duration_secs: u32,
    begun_at: String,
    durations_ns: Vec<u64>,
    has_pictures: bool,
    /// Bytes of the tables at the beginning of the first segment.
    tables_len: u64,
    /// Number of the segment, and the key frame in it.
    key_frames: Vec<(u32, KeyFrame)>,
    encryption: Option<Encryption>,
}

impl Playlists {
    pub(super) fn new(layout: Layout, plan: &Plan, key: Option<StreamKey>) -> Self {
        let begun_at = format!("{:.3}", jiff::Timestamp::now());
        Self { layout, plan: plan.clone(), key, begun_at }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where the files lie.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What the segments are encrypted with, if they are.
    pub(super) fn key(&self) -> Option<StreamKey> {
        self.key.clone()
    }

    /// Whether players may watch while the stream is being made.
    pub(super) fn is_live(&self) -> bool {
        self.layout.is_live()
    }

    /// The renditions' lanes in the order of their indices.
    pub(super) fn lanes(&self) -> impl Iterator<Item = LanePlaylists> {
        let rungs = self.plan.video.rungs.len();
        self.plan.rendition_names().enumerate().map(move |(index, rendition)| LanePlaylists {
            layout: self.layout.clone(),
            rendition: rendition.to_owned(),
            format: self.plan.segment,
            init: None,
            target_duration_secs: self.plan.video.target_duration_secs(),
            begun_at: self.begun_at.clone(),
            durations_ns: Vec::new(),
            has_pictures: index < rungs,
            tables_len: 0,
            key_frames: Vec::new(),
            encryption: self.key.clone().map(Encryption::new),
        })
    }

    /// `main.m3u8` on the event playlists. Nothing is measured yet: the caps are stated.
    pub(super) fn growing(&self, codecs: &[String]) -> Object {
        let stated = |kbps: u32| {
            let bps = u64::from(kbps) * 1000 * (100 + TRANSPORT_OVERHEAD_PERCENT) / 100;
            Rates { peak_bps: bps, average_bps: bps }
        };
        let rungs = self.plan.video.rungs.iter().map(|rung| stated(rung.max_bitrate_kbps));
        let audio = self.plan.audio.iter().map(|audio| stated(audio.bitrate_kbps));
        self.main(names::EVENT, codecs, &rungs.chain(audio).collect::<Vec<_>>(), &[], &[])
    }

    /// `main.m3u8` on the VOD playlists, with what was measured.
    pub(super) fn whole(&self, codecs: &[String], measured: &[Published]) -> Result<Object, Error> {
        let expected = self.plan.rendition_names().count();
        if codecs.len() != expected || measured.len() != expected {
            return Err(Error::Incomplete(format!(
                "{} of {expected} renditions are whole",
                measured.len()
            )));
        }
        let pictures = measured.iter().map(|rendition| self.rates_of(&rendition.pictures));
        let pictures: Vec<Rates> = pictures.collect();
        let subtitles = self.plan.subtitles.iter().map(|subtitles| SubtitleRendition {
            uri: self.layout.uri(&subtitles.name, names::INDEX),
            language: subtitles.language.clone(),
            title: subtitles.title.clone(),
        });
        let subtitles: Vec<_> = subtitles.collect();
        Ok(self.main(names::INDEX, codecs, &self.rates(measured), &pictures, &subtitles))
    }

    /// The renditions as the API shows them.
    pub(super) fn views(&self, measured: &[Published]) -> Vec<RenditionView> {
        let mut views = views(&self.plan);
        let count = |published: &Published| u32::try_from(published.segments.len());
        for view in views.iter_mut().skip(measured.len()) {
            // Subtitles are cut where the picture is.
            view.segments = measured.first().map_or(Ok(0), count).unwrap_or(u32::MAX);
        }
        for ((view, published), rates) in views.iter_mut().zip(measured).zip(self.rates(measured)) {
            view.segments = count(published).unwrap_or(u32::MAX);
            view.peak_bps = Some(rates.peak_bps);
            view.average_bps = Some(rates.average_bps);
        }
        views
    }

    fn rates(&self, measured: &[Published]) -> Vec<Rates> {
        measured.iter().map(|rendition| self.rates_of(&rendition.segments)).collect()
    }

    fn rates_of(&self, parts: &[Measured]) -> Rates {
        let parts: Vec<_> = parts.iter().map(|part| (part.bytes, part.duration_ns)).collect();
        rates::measure(&parts, self.plan.video.target_duration_secs())
    }

    fn main(
        &self,
        playlist: &str,
        codecs: &[String],
        rates: &[Rates],
        pictures: &[Rates],
        subtitles: &[SubtitleRendition],
    ) -> Object {
        let mut pictures = pictures.iter();
        let mut told = codecs.iter().zip(rates);
        let variants: Vec<Variant> = self
            .plan
            .video
            .rungs
            .iter()
            .zip(told.by_ref())
            .map(|(rung, (codec, rates))| Variant {
                uri: self.layout.uri(&rung.name, playlist),
                width: rung.width,
                height: rung.height,
                fps: self.plan.video.fps,
                codec: codec.clone(),
                peak_bps: rates.peak_bps,
                average_bps: rates.average_bps,
                iframes: pictures.next().map(|rates| IFrames {
                    uri: self.layout.uri(&rung.name, names::IFRAMES),
                    peak_bps: rates.peak_bps,
                    average_bps: rates.average_bps,
                }),
            })
            .collect();
        let audio: Vec<AudioRendition> = self
            .plan
            .audio
            .iter()
            .zip(told)
            .map(|(audio, (codec, rates))| AudioRendition {
                uri: self.layout.uri(&audio.name, playlist),
                language: audio.language.clone(),
                title: audio.title.clone(),
                is_default: audio.is_default,
                channels: audio.channels,
                codec: codec.clone(),
                peak_bps: rates.peak_bps,
                average_bps: rates.average_bps,
            })
            .collect();
        let text = multivariant::render(&variants, &audio, subtitles);
        main_object(self.layout.main(), text)
    }
}

/// `main.m3u8` with this text.
#[must_use]
pub fn main_object(key: String, text: String) -> Object {
    playlist_object(key, text, names::CACHE_SHORT)
}

/// The planned renditions, with nothing made yet.
pub fn views(plan: &Plan) -> Vec<RenditionView> {
    let view = |name: &str, size: Option<(u32, u32)>| RenditionView {
        name: name.to_owned(),
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
        segments: 0,
        peak_bps: None,
        average_bps: None,
    };
    let rungs = plan.video.rungs.iter().map(|r| view(&r.name, Some((r.width, r.height))));
    let audio = plan.audio.iter().map(|audio| &audio.name);
    let texts = audio.chain(plan.subtitles.iter().map(|subtitles| &subtitles.name));
    rungs.chain(texts.map(|name| view(name, None))).collect()
}

impl LanePlaylists {
    pub(super) fn segment(&self, number: u32, bytes: Bytes) -> Object {
        self.media(&self.segment_name(number), bytes)
    }

    /// What the lane encrypts with, if it does.
    pub(super) fn key(&self) -> Option<StreamKey> {
        self.encryption.as_ref().map(Encryption::key)
    }

    /// Notes a segment that was encrypted. Returns the file of its pictures, where it has any.
    pub(super) fn sealed(&mut self, number: u32, sealed: &Sealed) -> Option<Object> {
        if let Some(encryption) = &mut self.encryption {
            encryption.note(sealed);
        }
        let is_there = self.has_pictures && !sealed.pictures.is_empty();
        is_there.then(|| self.media(&self.pictures_name(number), sealed.pictures.clone()))
    }

    fn media(&self, file: &str, bytes: Bytes) -> Object {
        Object {
            key: self.layout.key(&self.rendition, file),
            body: bytes,
            content_type: names::segment_content_type(self.format),
            cache_control: names::CACHE_IMMUTABLE,
            compressible: false,
        }
    }

    /// Takes what the segments are read with.
    pub(super) fn init(&mut self, section: Bytes) -> Object {
        self.init = Some(section.clone());
        Object {
            key: self.layout.key(&self.rendition, names::INIT),
            body: section,
            content_type: names::CONTENT_TYPE_INIT,
            cache_control: names::CACHE_IMMUTABLE,
            compressible: false,
        }
    }

    /// What the segments are read with, where they need it.
    pub(super) fn init_section(&self) -> Option<Bytes> {
        self.init.clone()
    }

    fn segment_name(&self, number: u32) -> String {
        names::segment(self.format, number)
    }

    fn pictures_name(&self, number: u32) -> String {
        names::pictures(self.format, number)
    }

    /// The initialization section as playlists name it.
    fn map(&self) -> Option<Map> {
        self.init.is_some().then(|| Map { uri: names::INIT.to_owned(), first_bytes: None })
    }

    /// Notes a segment that is there. Returns the event playlist that names it, where players may
    /// watch already.
    pub(super) fn grown(&mut self, duration_ns: u64) -> Option<Object> {
        self.durations_ns.push(duration_ns);
        self.event(Kind::Growing, names::CACHE_GROWING)
    }

    /// The last playlists: the event playlist with its end, and the VOD playlist.
    pub(super) fn closed(&self) -> Vec<Object> {
        let key = self.layout.key(&self.rendition, names::INDEX);
        let whole = playlist_object(key, self.text(Kind::Whole), names::CACHE_IMMUTABLE);
        let closed = self.event(Kind::Closed, names::CACHE_SHORT);
        closed.into_iter().chain(self.iframes()).chain(std::iter::once(whole)).collect()
    }

    /// Whether key frames are looked for.
    pub(super) fn has_pictures(&self) -> bool {
        self.has_pictures
    }

    /// Notes the key frames of a segment.
    pub(super) fn pictures(&mut self, number: u32, found: KeyFrames) {
        if number == 0 {
            self.tables_len = found.tables_len;
        }
        self.key_frames.extend(found.frames.into_iter().map(|frame| (number, frame)));
    }

    /// When the first key frame is shown, in ticks of the stream's clock.
    pub(super) fn first_pts(&self) -> u64 {
        self.key_frames.first().map_or(0, |(_, frame)| frame.pts)
    }

    /// Sizes of the key frames, and the time from each to the next one.
    pub(super) fn measured_pictures(&self) -> Vec<Measured> {
        let first = self.first_pts();
        let begins = self.key_frames.iter().map(|(_, frame)| since_ns(first, frame.pts));
        let ends = begins.clone().skip(1).chain([self.durations_ns.iter().sum()]);
        let sizes = self.key_frames.iter().map(|(_, frame)| frame.len);
        let measured = |(bytes, (begin, end)): (u64, (u64, u64))| Measured {
            bytes,
            duration_ns: end.saturating_sub(begin),
        };
        sizes.zip(begins.zip(ends)).map(measured).collect()
    }

    fn iframes(&self) -> Option<Object> {
        let measured = self.measured_pictures();
        let pictures = self.key_frames.iter().zip(measured).map(|((number, frame), measured)| {
            let is_apart = self.encryption.is_some();
            let uri =
                if is_apart { self.pictures_name(*number) } else { self.segment_name(*number) };
            Picture { uri, offset: frame.offset, len: frame.len, duration_ns: measured.duration_ns }
        });
        let pictures: Vec<_> = pictures.collect();
        let key = self.layout.key(&self.rendition, names::IFRAMES);
        let target = self.target_duration_secs;
        let tables = Map { uri: self.segment_name(0), first_bytes: Some(self.tables_len) };
        // Pictures that are encrypted by themselves have tables of their own.
        let tables = self.encryption.is_none().then_some(tables);
        let map = self.map().or(tables);
        let text = media_playlist::render_iframes(target, map.as_ref(), &pictures);
        let text = match &self.encryption {
            Some(encryption) => encryption.of_pictures(&text),
            None => text,
        };
        self.has_pictures.then(|| playlist_object(key, text, names::CACHE_IMMUTABLE))
    }

    fn event(&self, kind: Kind, cache_control: &'static str) -> Option<Object> {
        let key = self.layout.key(&self.rendition, names::EVENT);
        self.layout.is_live().then(|| playlist_object(key, self.text(kind), cache_control))
    }

    fn text(&self, kind: Kind) -> String {
        let map = self.map();
        let header = Header {
            target_duration_secs: self.target_duration_secs,
            map: map.as_ref(),
            begins_at: (kind != Kind::Whole).then_some(&self.begun_at),
        };
        let name = |number| self.segment_name(number);
        let text = media_playlist::render(kind, header, &self.durations_ns, name);
        match &self.encryption {
            Some(encryption) => encryption.of_segments(&text),
            None => text,
        }
    }
}

/// Time from one tick of the 90 kHz clock to a later one, over the end of its 33 bits.
fn since_ns(from: u64, to: u64) -> u64 {
    const CLOCK_RANGE: u64 = 1 << 33;
    to.wrapping_sub(from) % CLOCK_RANGE * 100_000 / 9
}

/// A playlist with this text.
pub(super) fn playlist_object(key: String, text: String, cache_control: &'static str) -> Object {
    Object {
        key,
        body: Bytes::from(text),
        content_type: names::CONTENT_TYPE_PLAYLIST,
        cache_control,
        compressible: true,
    }
}
