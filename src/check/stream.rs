//! A stream as a whole: every playlist that the multivariant playlist names, read in an order that lets each be compared
//! with the others.

use super::fetch::Context;
use super::files::resolve;
use super::iframes::IFrames;
use super::origin::Origin;
use super::playlist::{MediaKind, MediaPlaylist, Multivariant};
use super::rendition::Rendition;
use super::subtitles::{self, Subtitles};
use super::{alignment, multivariant, own_output};
use crate::domain::conformance::{Measured, Report};

/// A stream whose multivariant playlist has been parsed.
pub(super) struct Stream<'a> {
    pub(super) context: Context<'a>,
    pub(super) master: &'a Multivariant,
}

impl Stream<'_> {
    pub(super) async fn check(&self, report: &mut Report) {
        let Self { context, master } = *self;
        let mut iframes = self.read_iframes(report).await;
        let renditions = self.read_renditions(&mut iframes, report).await;
        for playlist in &mut iframes {
            playlist.finish(context, report).await;
        }
        let subtitles = self.read_subtitles(report).await;
        let video = renditions.iter().find(|rendition| rendition.format.is_some());
        let timeline = video.map(Rendition::timeline);
        for rendition in subtitles.iter().filter(|_| timeline.is_some()) {
            if let Some(timeline) = &timeline {
                rendition.verify(timeline, report);
            }
        }
        for playlist in &iframes {
            playlist.verify(timeline.as_ref(), report);
        }
        alignment::verify(&renditions, context.origin, report);
        if context.origin == Origin::Own {
            own_output::verify(&renditions, report);
        }
        let main = (context.main, context.origin);
        multivariant::verify(main, master, &renditions, &iframes, report);
        subtitles::verify_multivariant(context.main, master, report);
        report.measured.extend(renditions.iter().map(Rendition::measured));
        report.measured.extend(subtitles.iter().map(Subtitles::measured));
        self.name_unread(&iframes, report);
    }

    async fn read_iframes(&self, report: &mut Report) -> Vec<IFrames> {
        let Self { context, master } = *self;
        let mut playlists: Vec<IFrames> = Vec::new();
        for variant in master.variants.iter().filter(|variant| variant.is_i_frame) {
            if playlists.iter().all(|known| known.uri != variant.uri) {
                playlists.extend(IFrames::read(context, &variant.uri, report).await);
            }
        }
        playlists
    }

    /// Reads the video and audio renditions, and compares the I-frame playlists with their segments.
    async fn read_renditions(
        &self,
        iframes: &mut [IFrames],
        report: &mut Report,
    ) -> Vec<Rendition> {
        let mut renditions: Vec<Rendition> = Vec::new();
        for uri in self.uris() {
            if renditions.iter().all(|known| known.uri != uri) {
                renditions.extend(Rendition::read(self.context, uri, iframes, report).await);
            }
        }
        renditions
    }

    /// URIs of the video and audio renditions.
    fn uris(&self) -> impl Iterator<Item = &str> {
        let variants = self.master.variants.iter().filter(|variant| !variant.is_i_frame);
        let is_media = |kind| matches!(kind, MediaKind::Audio | MediaKind::Video);
        let media = self.master.media.iter().filter(move |media| is_media(media.kind));
        variants.map(|v| v.uri.as_str()).chain(media.filter_map(|m| m.uri.as_deref()))
    }

    async fn read_subtitles(&self, report: &mut Report) -> Vec<Subtitles> {
        let Self { context, master } = *self;
        let mut renditions = Vec::new();
        for uri in subtitles::of(master).filter_map(|media| media.uri.as_deref()) {
            renditions.extend(Subtitles::read(context, uri, report).await);
        }
        renditions
    }

    /// Each playlist that could not be read is named in the measures, too.
    fn name_unread(&self, iframes: &[IFrames], report: &mut Report) {
        let subtitles = subtitles::of(self.master).filter_map(|media| media.uri.as_deref());
        let uris: Vec<&str> = self.uris().chain(subtitles).collect();
        for uri in uris {
            if !report.measured.iter().any(|measured| measured.uri == uri) {
                let not_checked = vec!["its playlist or its segments could not be read".to_owned()];
                report.measured.push(Measured {
                    uri: uri.to_owned(),
                    not_checked,
                    ..Measured::default()
                });
            }
        }
        for variant in self.master.variants.iter().filter(|variant| variant.is_i_frame) {
            if !iframes.iter().any(|playlist| playlist.uri == variant.uri) {
                let place = resolve(self.context.main, &variant.uri);
                report.unchecked(&place, "the I-frames could not be read");
            }
        }
    }
}

/// Verifies a media playlist alone.
pub(super) async fn check_media(
    context: Context<'_>,
    uri: &str,
    playlist: &MediaPlaylist,
    report: &mut Report,
) {
    if playlist.i_frames_only {
        let Some(mut iframes) = IFrames::read(context, uri, report).await else { return };
        iframes.finish(context, report).await;
        iframes.verify(None, report);
        report.measured.push(iframes.measured());
        return;
    }
    let rendition = Rendition::read(context, uri, &mut [], report).await;
    report.measured.extend(rendition.iter().map(Rendition::measured));
}
