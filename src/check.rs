//! `ladderd check`: verifies a published stream by reading it back.
//!
//! It reads the multivariant playlist, every playlist below it and every byte of every segment.
//!
//! Invariant: nothing here shares code with the modules that write streams, so a mistake in one is
//! not repeated in the other.

mod alignment;
mod demux;
mod fetch;
pub mod files;
mod fmp4;
mod iframes;
pub mod keys;
mod level;
mod media_tags;
mod multivariant;
mod playlist_rules;
mod rates;
mod rendition;
mod segment;
mod segment_key;
mod subtitles;
mod timeline;
mod transport;

use m3u8_rs::{AlternativeMediaType, MasterPlaylist};

use self::files::Files;
use self::iframes::IFrames;
use self::keys::Keys;
use self::rendition::Rendition;
use self::subtitles::Subtitles;
use crate::domain::conformance::Report;

/// Verifies the stream whose multivariant playlist is `main`, a path below `files`. `keys` decrypt
/// its segments. Every fault ends up in the report, unreadable files included.
pub async fn check(files: &dyn Files, keys: &Keys, main: &str) -> Report {
    let mut report = Report::default();
    let Some(text) = fetch::playlist(files, main, &mut report).await else { return report };
    match m3u8_rs::parse_master_playlist_res(&text.bytes) {
        Ok(master) => {
            let stream = Stream { files, keys, main, master: &master };
            stream.check(&String::from_utf8_lossy(&text.bytes), &mut report).await;
        }
        Err(_) => report.must("RFC 8216 4.3.4", main, "the file is not a multivariant playlist"),
    }
    report.sort();
    report
}

/// A stream whose multivariant playlist has been parsed.
struct Stream<'a> {
    files: &'a dyn Files,
    keys: &'a Keys,
    main: &'a str,
    master: &'a MasterPlaylist,
}

impl Stream<'_> {
    /// `text` is the multivariant playlist as it was read.
    async fn check(&self, text: &str, report: &mut Report) {
        let mut iframes = self.read_iframes(report).await;
        let renditions = self.read_renditions(&mut iframes, report).await;
        let subtitles = self.read_subtitles(report).await;
        let video = renditions.iter().find(|rendition| rendition.format.is_some());
        if let Some(timeline) = video.map(Rendition::timeline) {
            for rendition in &subtitles {
                rendition.verify(&timeline, report);
            }
        }
        let timeline = video.map(Rendition::timeline);
        for playlist in &iframes {
            playlist.verify(timeline.as_ref(), report);
        }
        alignment::verify(&renditions, report);
        multivariant::verify(self.main, text, self.master, &renditions, &iframes, report);
        subtitles::verify_multivariant(self.main, self.master, report);
        report.measured.extend(renditions.iter().map(Rendition::measured));
        report.measured.extend(subtitles.iter().map(Subtitles::measured));
    }

    async fn read_iframes(&self, report: &mut Report) -> Vec<IFrames> {
        let Self { files, keys, main, master } = *self;
        let mut playlists = Vec::new();
        for variant in master.variants.iter().filter(|variant| variant.is_i_frame) {
            playlists.extend(IFrames::read(files, keys, main, &variant.uri, report).await);
        }
        playlists
    }

    /// Reads the video and audio renditions, and compares the I-frame playlists with their segments.
    async fn read_renditions(
        &self,
        iframes: &mut [IFrames],
        report: &mut Report,
    ) -> Vec<Rendition> {
        let Self { files, keys, main, master } = *self;
        let variants = master.variants.iter().filter(|variant| !variant.is_i_frame);
        let is_audio =
            |media: &&m3u8_rs::AlternativeMedia| media.media_type == AlternativeMediaType::Audio;
        let audio = master.alternatives.iter().filter(is_audio);
        let uris = variants.map(|v| v.uri.as_str()).chain(audio.filter_map(|m| m.uri.as_deref()));
        let mut renditions: Vec<Rendition> = Vec::new();
        for uri in uris {
            if renditions.iter().all(|known| known.uri != uri) {
                let read = Rendition::read(files, keys, main, uri, iframes, report).await;
                renditions.extend(read);
            }
        }
        renditions
    }

    async fn read_subtitles(&self, report: &mut Report) -> Vec<Subtitles> {
        let Self { files, keys, main, master } = *self;
        let mut renditions = Vec::new();
        for uri in subtitles::of(master).filter_map(|media| media.uri.as_deref()) {
            renditions.extend(Subtitles::read(files, keys, main, uri, report).await);
        }
        renditions
    }
}
