//! Objects of one encoded rendition: segments, initialization section and media playlists.

use bytes::Bytes;

use super::encryption::{EncryptedSegment, Encryption};
use super::measured::Measured;
use super::object::Object;
use crate::domain::encode::SegmentFormat;
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::key_frames::{KeyFrame, KeyFrames};
use crate::domain::hls::media_playlist::{self, Header, IFrameEntry, Map, PlaylistKind};
use crate::domain::hls::names::{self, Layout};

/// Facts of a rendition that are fixed before its first segment.
pub(super) struct Rendition {
    pub(super) layout: Layout,
    pub(super) name: String,
    pub(super) format: SegmentFormat,
    pub(super) target_duration_secs: u32,
    /// Time at which the stream was started (RFC 3339).
    pub(super) begins_at: String,
    /// Whether there is an I-frame playlist: for video only.
    pub(super) has_iframes: bool,
    pub(super) key: Option<StreamKey>,
}

/// The playlists of a rendition as its segments arrive.
pub(super) struct RenditionPlaylists {
    rendition: Rendition,
    /// Initialization section, once it has arrived.
    init: Option<Bytes>,
    durations_ns: Vec<u64>,
    /// Length in bytes of PAT and PMT at the beginning of the first segment.
    tables_len: u64,
    /// Each key frame with the number of its segment.
    key_frames: Vec<(u32, KeyFrame)>,
    encryption: Option<Encryption>,
}

impl RenditionPlaylists {
    pub(super) fn new(rendition: Rendition) -> Self {
        let encryption = rendition.key.clone().map(Encryption::new);
        Self {
            rendition,
            init: None,
            durations_ns: Vec::new(),
            tables_len: 0,
            key_frames: Vec::new(),
            encryption,
        }
    }

    /// Whether segments have to be searched for key frames.
    pub(super) fn has_iframes(&self) -> bool {
        self.rendition.has_iframes
    }

    /// Key that segments are encrypted with, if they are.
    pub(super) fn key(&self) -> Option<StreamKey> {
        self.rendition.key.clone()
    }

    /// Initialization section, once it has arrived.
    pub(super) fn init(&self) -> Option<Bytes> {
        self.init.clone()
    }

    /// Records the initialization section. Returns its object.
    pub(super) fn set_init(&mut self, section: Bytes) -> Object {
        self.init = Some(section.clone());
        Object::immutable(self.object_key(names::INIT), section, names::CONTENT_TYPE_INIT)
    }

    /// The object of a segment.
    pub(super) fn segment(&self, number: u32, bytes: Bytes) -> Object {
        self.media(&self.segment_name(number), bytes)
    }

    /// Records how a segment is encrypted. Returns the object with its key frames, if it has any.
    pub(super) fn add_encrypted(
        &mut self,
        number: u32,
        encrypted: &EncryptedSegment,
    ) -> Option<Object> {
        if let Some(encryption) = &mut self.encryption {
            encryption.add(encrypted);
        }
        let has_file = self.rendition.has_iframes && !encrypted.iframes.is_empty();
        has_file.then(|| self.media(&self.iframes_name(number), encrypted.iframes.clone()))
    }

    /// Records the key frames of a segment.
    pub(super) fn add_key_frames(&mut self, number: u32, key_frames: KeyFrames) {
        if number == 0 {
            self.tables_len = key_frames.tables_len;
        }
        self.key_frames.extend(key_frames.frames.into_iter().map(|frame| (number, frame)));
    }

    /// Records an uploaded segment. Returns the event playlist that names it, if players may watch
    /// already.
    pub(super) fn add_segment(&mut self, duration_ns: u64) -> Option<Object> {
        self.durations_ns.push(duration_ns);
        self.event_playlist(PlaylistKind::Event, names::CACHE_EVENT)
    }

    /// The playlists at the end: the ended event playlist, the I-frame playlist, the VOD playlist.
    pub(super) fn final_playlists(&self) -> Vec<Object> {
        let text = self.text(PlaylistKind::Vod);
        let vod = Object::playlist(self.object_key(names::INDEX), text, names::CACHE_IMMUTABLE);
        let event = self.event_playlist(PlaylistKind::EventEnded, names::CACHE_SHORT);
        event.into_iter().chain(self.iframe_playlist()).chain([vod]).collect()
    }

    /// Presentation time of the first key frame in ticks of 90 kHz; 0 if there is none.
    pub(super) fn first_pts(&self) -> u64 {
        self.key_frames.first().map_or(0, |(_, frame)| frame.pts)
    }

    /// Sizes of the key frames, and the time from each to the next one.
    pub(super) fn measured_iframes(&self) -> Vec<Measured> {
        let first = self.first_pts();
        let begins = self.key_frames.iter().map(|(_, frame)| elapsed_ns(first, frame.pts));
        let ends = begins.clone().skip(1).chain([self.durations_ns.iter().sum()]);
        let sizes = self.key_frames.iter().map(|(_, frame)| frame.len);
        let measured = |(bytes, (begin, end)): (u64, (u64, u64))| Measured {
            bytes,
            duration_ns: end.saturating_sub(begin),
        };
        sizes.zip(begins.zip(ends)).map(measured).collect()
    }

    fn iframe_playlist(&self) -> Option<Object> {
        if !self.rendition.has_iframes {
            return None;
        }
        let entries = self.key_frames.iter().zip(self.measured_iframes());
        let entries = entries.map(|((number, frame), Measured { duration_ns, .. })| {
            let is_encrypted = self.encryption.is_some();
            let uri =
                if is_encrypted { self.iframes_name(*number) } else { self.segment_name(*number) };
            IFrameEntry { uri, offset: frame.offset, len: frame.len, duration_ns }
        });
        let entries: Vec<_> = entries.collect();
        // Each encrypted key frame brings its own tables.
        let tables = Map { uri: self.segment_name(0), first_bytes: Some(self.tables_len) };
        let tables = self.encryption.is_none().then_some(tables);
        let map = self.map().or(tables);
        let header = Header {
            target_duration_secs: self.rendition.target_duration_secs,
            map: map.as_ref(),
            begins_at: None,
            key: self.encryption.as_ref().map(Encryption::iframe_tag),
        };
        let text = media_playlist::render_iframes(header, &entries);
        Some(Object::playlist(self.object_key(names::IFRAMES), text, names::CACHE_IMMUTABLE))
    }

    fn event_playlist(&self, kind: PlaylistKind, cache_control: &'static str) -> Option<Object> {
        let is_live = self.rendition.layout.is_live();
        let key = self.object_key(names::EVENT);
        is_live.then(|| Object::playlist(key, self.text(kind), cache_control))
    }

    fn text(&self, kind: PlaylistKind) -> String {
        let map = self.map();
        let header = Header {
            target_duration_secs: self.rendition.target_duration_secs,
            map: map.as_ref(),
            begins_at: (kind != PlaylistKind::Vod).then_some(&self.rendition.begins_at),
            key: self.encryption.as_ref().map(Encryption::segment_tag),
        };
        media_playlist::render(kind, header, &self.durations_ns, |n| self.segment_name(n))
    }

    /// The initialization section as playlists name it.
    fn map(&self) -> Option<Map> {
        self.init.is_some().then(|| Map { uri: names::INIT.to_owned(), first_bytes: None })
    }

    fn media(&self, file: &str, bytes: Bytes) -> Object {
        let content_type = names::segment_content_type(self.rendition.format);
        Object::immutable(self.object_key(file), bytes, content_type)
    }

    fn object_key(&self, file: &str) -> String {
        self.rendition.layout.key(&self.rendition.name, file)
    }

    fn segment_name(&self, number: u32) -> String {
        names::segment(self.rendition.format, number)
    }

    fn iframes_name(&self, number: u32) -> String {
        names::encrypted_iframes(self.rendition.format, number)
    }
}

/// Nanoseconds from one tick of the 90 kHz clock to a later one. The clock has 33 bits and wraps.
fn elapsed_ns(from: u64, to: u64) -> u64 {
    const CLOCK_RANGE: u64 = 1 << 33;
    to.wrapping_sub(from) % CLOCK_RANGE * 100_000 / 9
}
