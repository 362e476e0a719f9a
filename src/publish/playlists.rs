//! The playlists of one stream, as objects.

use bytes::Bytes;

use super::lane::Measured;
use super::{Error, Object};
use crate::domain::hls::media_playlist::{self, Kind};
use crate::domain::hls::multivariant::{self, AudioRendition, Variant};
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
}

/// What one lane needs.
pub(super) struct LanePlaylists {
    layout: Layout,
    rendition: String,
    target_duration_secs: u32,
    durations_ns: Vec<u64>,
}

impl Playlists {
    pub(super) fn new(layout: Layout, plan: &Plan) -> Self {
        Self { layout, plan: plan.clone() }
    }

    /// Whether players may watch while the stream is being made.
    pub(super) fn is_live(&self) -> bool {
        self.layout.is_live()
    }

    /// The renditions' lanes in the order of their indices.
    pub(super) fn lanes(&self) -> impl Iterator<Item = LanePlaylists> {
        self.plan.rendition_names().map(|rendition| LanePlaylists {
            layout: self.layout.clone(),
            rendition: rendition.to_owned(),
            target_duration_secs: self.plan.video.target_duration_secs(),
            durations_ns: Vec::new(),
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
        self.main(names::EVENT, codecs, &rungs.chain(audio).collect::<Vec<_>>())
    }

    /// `main.m3u8` on the VOD playlists, with what was measured.
    pub(super) fn whole(
        &self,
        codecs: &[String],
        measured: &[Vec<Measured>],
    ) -> Result<Object, Error> {
        let expected = self.plan.rendition_names().count();
        if codecs.len() != expected || measured.len() != expected {
            return Err(Error::Incomplete(format!(
                "{} of {expected} renditions are whole",
                measured.len()
            )));
        }
        Ok(self.main(names::INDEX, codecs, &self.rates(measured)))
    }

    /// The renditions as the API shows them.
    pub(super) fn views(&self, measured: &[Vec<Measured>]) -> Vec<RenditionView> {
        let mut views = views(&self.plan);
        for ((view, segments), rates) in views.iter_mut().zip(measured).zip(self.rates(measured)) {
            view.segments = u32::try_from(segments.len()).unwrap_or(u32::MAX);
            view.peak_bps = Some(rates.peak_bps);
            view.average_bps = Some(rates.average_bps);
        }
        views
    }

    fn rates(&self, measured: &[Vec<Measured>]) -> Vec<Rates> {
        let target = self.plan.video.target_duration_secs();
        measured
            .iter()
            .map(|segments| {
                let segments: Vec<_> = segments.iter().map(|s| (s.bytes, s.duration_ns)).collect();
                rates::measure(&segments, target)
            })
            .collect()
    }

    fn main(&self, playlist: &str, codecs: &[String], rates: &[Rates]) -> Object {
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
        let text = multivariant::render(&variants, &audio);
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
    rungs.chain(plan.audio.iter().map(|audio| view(&audio.name, None))).collect()
}

impl LanePlaylists {
    pub(super) fn segment(&self, number: u32, bytes: Bytes) -> Object {
        Object {
            key: self.layout.key(&self.rendition, &names::segment(number)),
            body: bytes,
            content_type: names::CONTENT_TYPE_SEGMENT,
            cache_control: names::CACHE_IMMUTABLE,
            compressible: false,
        }
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
        closed.into_iter().chain(std::iter::once(whole)).collect()
    }

    fn event(&self, kind: Kind, cache_control: &'static str) -> Option<Object> {
        let key = self.layout.key(&self.rendition, names::EVENT);
        self.layout.is_live().then(|| playlist_object(key, self.text(kind), cache_control))
    }

    fn text(&self, kind: Kind) -> String {
        media_playlist::render(kind, self.target_duration_secs, &self.durations_ns, names::segment)
    }
}

fn playlist_object(key: String, text: String, cache_control: &'static str) -> Object {
    Object {
        key,
        body: Bytes::from(text),
        content_type: names::CONTENT_TYPE_PLAYLIST,
        cache_control,
        compressible: true,
    }
}
