//! `main.m3u8` of a stream, and its renditions as the API shows them.

use super::error::Incomplete;
use super::measured::{Measured, UploadedRendition};
use super::object::Object;
use super::rendition_playlists::{Rendition, RenditionPlaylists};
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::multivariant::{
    self, AudioRendition, IFramePlaylist, SubtitleRendition, Variant,
};
use crate::domain::hls::names::{self, Layout};
use crate::domain::hls::rates::{self, Rates};
use crate::domain::plan::{Plan, PlannedRung};
use crate::domain::video::RenditionView;

/// Overhead of a transport stream over the capped rate of its elementary stream, in percent, for the
/// rates that are stated before there is anything to measure. A packet of 188 bytes carries at most
/// 184; tables, clock references and stuffing take about as much again at our rates.
const TRANSPORT_OVERHEAD_PERCENT: u64 = 8;

/// Facts that all playlists of a stream share.
pub(super) struct StreamPlaylists {
    layout: Layout,
    plan: Plan,
    key: Option<StreamKey>,
    /// Time at which the stream was started (RFC 3339).
    begins_at: String,
}

impl StreamPlaylists {
    pub(super) fn new(layout: Layout, plan: &Plan, key: Option<StreamKey>) -> Self {
        let begins_at = format!("{:.3}", jiff::Timestamp::now());
        Self { layout, plan: plan.clone(), key, begins_at }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Key that the segments are encrypted with, if they are.
    pub(super) fn key(&self) -> Option<&StreamKey> {
        self.key.as_ref()
    }

    /// Whether players may watch while the stream is encoded.
    pub(super) fn is_live(&self) -> bool {
        self.layout.is_live()
    }

    /// The playlists of each encoded rendition, in the order of their indices.
    pub(super) fn renditions(&self) -> impl Iterator<Item = RenditionPlaylists> {
        let rungs = self.plan.video.rungs.len();
        self.plan.rendition_names().enumerate().map(move |(index, name)| {
            RenditionPlaylists::new(Rendition {
                layout: self.layout.clone(),
                name: name.to_owned(),
                format: self.plan.segment,
                target_duration_secs: self.plan.video.target_duration_secs(),
                begins_at: self.begins_at.clone(),
                has_iframes: index < rungs,
                key: self.key.clone(),
            })
        })
    }

    /// `main.m3u8` with the event playlists. States the bitrate caps: nothing is measured yet.
    pub(super) fn event_main(&self, codecs: &[String]) -> Object {
        let capped = |kbps: u32| {
            let bps = u64::from(kbps) * 1000 * (100 + TRANSPORT_OVERHEAD_PERCENT) / 100;
            Rates { peak_bps: bps, average_bps: bps }
        };
        let rungs = self.plan.video.rungs.iter().map(|rung| capped(rung.max_bitrate_kbps));
        let audio = self.plan.audio.iter().map(|audio| capped(audio.bitrate_kbps));
        let rates: Vec<_> = rungs.chain(audio).collect();
        self.main(names::EVENT, codecs, &rates, &[], &[])
    }

    /// `main.m3u8` with the VOD playlists and the measured rates.
    ///
    /// # Errors
    /// [`Incomplete::MissingRenditions`].
    pub(super) fn vod_main(
        &self,
        codecs: &[String],
        uploaded: &[UploadedRendition],
    ) -> Result<Object, Incomplete> {
        let expected = self.plan.rendition_names().count();
        if codecs.len() != expected || uploaded.len() != expected {
            return Err(Incomplete::MissingRenditions { found: uploaded.len(), expected });
        }
        let iframes = uploaded.iter().map(|rendition| self.measure(&rendition.iframes));
        let iframes: Vec<Rates> = iframes.collect();
        let subtitles = self.plan.subtitles.iter().map(|subtitles| SubtitleRendition {
            uri: self.layout.uri(&subtitles.name, names::INDEX),
            language: subtitles.language.clone(),
            title: subtitles.title.clone(),
        });
        let subtitles: Vec<_> = subtitles.collect();
        Ok(self.main(names::INDEX, codecs, &self.rates(uploaded), &iframes, &subtitles))
    }

    /// The renditions as the API shows them, with measured rates.
    pub(super) fn measured_renditions(&self, uploaded: &[UploadedRendition]) -> Vec<RenditionView> {
        let mut views = planned_renditions(&self.plan);
        for view in views.iter_mut().skip(uploaded.len()) {
            // Subtitles have the segments of the video.
            view.segments = uploaded.first().map_or(0, UploadedRendition::segment_count);
        }
        for ((view, uploaded), rates) in views.iter_mut().zip(uploaded).zip(self.rates(uploaded)) {
            view.segments = uploaded.segment_count();
            view.peak_bps = Some(rates.peak_bps);
            view.average_bps = Some(rates.average_bps);
        }
        views
    }

    fn rates(&self, uploaded: &[UploadedRendition]) -> Vec<Rates> {
        uploaded.iter().map(|rendition| self.measure(&rendition.segments)).collect()
    }

    fn measure(&self, parts: &[Measured]) -> Rates {
        let parts: Vec<_> = parts.iter().map(|part| (part.bytes, part.duration_ns)).collect();
        rates::measure(&parts, self.plan.video.target_duration_secs())
    }

    /// `playlist` is the name of the media playlists. `codecs` and `rates` are those of the encoded
    /// renditions; `iframes` has the rates of the I-frame playlists, if there are any.
    fn main(
        &self,
        playlist: &str,
        codecs: &[String],
        rates: &[Rates],
        iframes: &[Rates],
        subtitles: &[SubtitleRendition],
    ) -> Object {
        let mut iframes = iframes.iter();
        let mut described = codecs.iter().zip(rates);
        let rungs = self.plan.video.rungs.iter().zip(described.by_ref());
        let variants = rungs.map(|(rung, (codec, rates))| Variant {
            uri: self.layout.uri(&rung.name, playlist),
            width: rung.width,
            height: rung.height,
            fps: self.plan.video.fps,
            codec: codec.clone(),
            peak_bps: rates.peak_bps,
            average_bps: rates.average_bps,
            iframes: iframes.next().map(|rates| IFramePlaylist {
                uri: self.layout.uri(&rung.name, names::IFRAMES),
                peak_bps: rates.peak_bps,
                average_bps: rates.average_bps,
            }),
        });
        let variants: Vec<Variant> = variants.collect();
        let audio = self.plan.audio.iter().zip(described);
        let audio = audio.map(|(audio, (codec, rates))| AudioRendition {
            uri: self.layout.uri(&audio.name, playlist),
            language: audio.language.clone(),
            title: audio.title.clone(),
            is_default: audio.is_default,
            channels: audio.channels,
            codec: codec.clone(),
            peak_bps: rates.peak_bps,
            average_bps: rates.average_bps,
        });
        let audio: Vec<AudioRendition> = audio.collect();
        let text = multivariant::render(&variants, &audio, subtitles);
        Object::multivariant_playlist(self.layout.main_key(), text)
    }
}

/// The renditions of a plan as the API shows them before the first segment.
#[must_use]
pub fn planned_renditions(plan: &Plan) -> Vec<RenditionView> {
    let view = |name: &str, rung: Option<&PlannedRung>| RenditionView {
        name: name.to_owned(),
        label: rung.map(PlannedRung::label),
        width: rung.map(|rung| rung.width),
        height: rung.map(|rung| rung.height),
        segments: 0,
        peak_bps: None,
        average_bps: None,
    };
    let rungs = plan.video.rungs.iter().map(|rung| view(&rung.name, Some(rung)));
    let audio = plan.audio.iter().map(|audio| view(&audio.name, None));
    let subtitles = plan.subtitles.iter().map(|subtitles| view(&subtitles.name, None));
    rungs.chain(audio).chain(subtitles).collect()
}
