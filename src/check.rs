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
mod own_output;
mod playlist_rules;
mod rates;
mod rendition;
mod segment;
mod segment_key;
mod subtitles;
mod timeline;
mod transport;

use m3u8_rs::{AlternativeMediaType, MasterPlaylist};

use self::files::{Fetched, Files};
use self::iframes::IFrames;
use self::keys::Keys;
use self::rendition::Rendition;
use self::subtitles::Subtitles;
use crate::domain::conformance::Report;

/// Whose stream is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Any encoder's.
    Any,
    /// This project's, whose frames must have the colours that it promises.
    Own,
}

/// Verifies the stream whose multivariant playlist is `main`, a path below `files`. `keys` decrypt
/// its segments. Every fault ends up in the report, unreadable files included.
pub async fn check(files: &dyn Files, keys: &Keys, main: &str, origin: Origin) -> Report {
    check_fetched(files, keys, main, files.get(main).await, origin).await
}

/// Like [`check`], for a stream whose multivariant playlist must be there. Other unreadable files are findings of
/// the report.
///
/// # Errors
/// If the multivariant playlist cannot be read.
pub async fn check_present(
    files: &dyn Files,
    keys: &Keys,
    main: &str,
    origin: Origin,
) -> Result<Report, files::Error> {
    match files.get(main).await {
        Err(error @ (files::Error::Unreadable(_) | files::Error::Status(_))) => Err(error),
        // The report names a wrong Content-Encoding: the server answers, but breaks a rule.
        fetched @ (Ok(_) | Err(files::Error::NotGzip(_))) => {
            Ok(check_fetched(files, keys, main, fetched, origin).await)
        }
    }
}

/// Verifies the subtitle renditions of these URIs, and that `main` names them, in a stream that was verified before.
/// Of its video, the first segment of one rendition is read.
pub async fn check_subtitles(
    files: &dyn Files,
    keys: &Keys,
    main: &str,
    uris: &[String],
) -> Report {
    let mut report = Report::default();
    let Some(text) = fetch::playlist(files, main, &mut report).await else { return report };
    let Ok(master) = m3u8_rs::parse_master_playlist_res(&text.bytes) else {
        report.must("RFC 8216 4.3.4", main, "the file is not a multivariant playlist");
        return report;
    };
    subtitles::verify_multivariant(main, &master, &mut report);
    let is_video = |v: &&m3u8_rs::VariantStream| !v.is_i_frame && v.resolution.is_some();
    let smallest = master.variants.iter().filter(is_video).min_by_key(|v| v.bandwidth);
    let video = match smallest.filter(|_| !uris.is_empty()) {
        Some(video) => Rendition::read_first(files, keys, main, &video.uri, &mut report).await,
        None => None,
    };
    for uri in uris {
        if !subtitles::of(&master).any(|media| media.uri.as_ref() == Some(uri)) {
            report.must("RFC 8216 4.3.4.1", main, format!("no rendition has the URI {uri}"));
        }
        let read = Subtitles::read(files, keys, main, uri, &mut report).await;
        if let (Some(rendition), Some(video)) = (read, &video) {
            rendition.verify(&video.timeline(), &mut report);
        }
    }
    report.hide_queries();
    report.sort();
    report
}

async fn check_fetched(
    files: &dyn Files,
    keys: &Keys,
    main: &str,
    fetched: Result<Fetched, files::Error>,
    origin: Origin,
) -> Report {
    let mut report = Report::default();
    let Some(text) = fetch::served_playlist(main, fetched, &mut report) else { return report };
    match m3u8_rs::parse_master_playlist_res(&text.bytes) {
        Ok(master) => {
            let stream = Stream { files, keys, main, master: &master, origin };
            stream.check(&String::from_utf8_lossy(&text.bytes), &mut report).await;
        }
        Err(_) => report.must("RFC 8216 4.3.4", main, "the file is not a multivariant playlist"),
    }
    report.hide_queries();
    report.sort();
    report
}

/// A stream whose multivariant playlist has been parsed.
struct Stream<'a> {
    files: &'a dyn Files,
    keys: &'a Keys,
    main: &'a str,
    master: &'a MasterPlaylist,
    origin: Origin,
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
        if self.origin == Origin::Own {
            own_output::verify(&renditions, report);
        }
        multivariant::verify(self.main, text, self.master, &renditions, &iframes, report);
        subtitles::verify_multivariant(self.main, self.master, report);
        report.measured.extend(renditions.iter().map(Rendition::measured));
        report.measured.extend(subtitles.iter().map(Subtitles::measured));
    }

    async fn read_iframes(&self, report: &mut Report) -> Vec<IFrames> {
        let Self { files, keys, main, master, .. } = *self;
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
        let Self { files, keys, main, master, .. } = *self;
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
        let Self { files, keys, main, master, .. } = *self;
        let mut renditions = Vec::new();
        for uri in subtitles::of(master).filter_map(|media| media.uri.as_deref()) {
            renditions.extend(Subtitles::read(files, keys, main, uri, report).await);
        }
        renditions
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use parking_lot::Mutex;

    use super::*;

    /// A multivariant playlist without variants, and nothing else. Notes what is read.
    #[derive(Default)]
    struct Noted(Mutex<Vec<String>>);

    #[async_trait]
    impl Files for Noted {
        async fn get(&self, path: &str) -> Result<Fetched, files::Error> {
            self.0.lock().push(path.to_owned());
            if path != "main.m3u8" {
                return Err(files::Error::Unreadable("it is not there".to_owned()));
            }
            Ok(Fetched { bytes: "#EXTM3U\n#EXT-X-VERSION:7\n".into(), served: None })
        }
    }

    #[tokio::test]
    async fn the_multivariant_playlist_is_read_once_and_must_be_there() {
        let files = Noted::default();
        check_present(&files, &Keys::none(), "main.m3u8", Origin::Any).await.unwrap();
        assert_eq!(*files.0.lock(), ["main.m3u8"]);
        let other = check_present(&files, &Keys::none(), "other.m3u8", Origin::Any).await;
        assert!(other.is_err());
        let report = check(&files, &Keys::none(), "other.m3u8", Origin::Own).await;
        assert_eq!(report.musts().count(), 1, "{report:?}");
    }
}
