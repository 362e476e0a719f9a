//! `ladderd check`: verifies a published stream by reading it back.
//!
//! It reads the multivariant playlist, every playlist below it and every byte of every segment.
//!
//! Invariant: nothing here shares code with the modules that write streams, so a mistake in one is
//! not repeated in the other.

mod alignment;
mod audio_frames;
mod codec;
mod demux;
mod fetch;
pub mod files;
mod fmp4;
mod hevc;
mod iframes;
pub mod keys;
mod level;
mod media_tags;
mod multivariant;
mod origin;
mod own_output;
mod packed_audio;
mod playlist;
mod playlist_rules;
mod rates;
mod rendition;
mod segment;
mod segment_key;
mod segment_rules;
mod stream;
mod subtitles;
mod timeline;
mod transport;
mod video_format;

use self::fetch::Context;
use self::files::{Fetched, Files};
use self::keys::Keys;
pub use self::origin::Origin;
use self::playlist::{Kind, MediaKind, Variables};
use self::rendition::Rendition;
use self::stream::Stream;
use self::subtitles::Subtitles;
use crate::domain::conformance::Report;

/// Verifies the stream whose multivariant playlist is `main`, a path below `files`. `keys` decrypt
/// its segments. A media playlist is verified alone. Every fault ends up in the report, unreadable files included;
/// of our own streams also every part that cannot be checked.
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
        // The report names a wrong Content-Encoding: the server answers, but breaks a rule.
        fetched @ (Ok(_) | Err(files::Error::NotGzip(_))) => {
            Ok(check_fetched(files, keys, main, fetched, origin).await)
        }
        Err(error) => Err(error),
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
    let fetched = files.get(main).await;
    let none = Variables::default();
    let parsed = fetch::parsed_playlist(main, fetched, &none, &mut report);
    let Some((main, parsed)) = parsed else { return report };
    let Kind::Multivariant(master) = parsed.kind else {
        report.must("RFC 8216 4.3.4", &main, "the file is not a multivariant playlist");
        return report;
    };
    let variables = &parsed.variables;
    let context = Context { files, keys, main: &main, variables, origin: Origin::Own };
    subtitles::verify_multivariant(&main, &master, &mut report);
    let is_video = |v: &&playlist::Variant| !v.is_i_frame && v.resolution.is_some();
    let smallest = master.variants.iter().filter(is_video).min_by_key(|v| v.bandwidth);
    let video = match smallest.filter(|_| !uris.is_empty()) {
        Some(video) => Rendition::read_first(context, &video.uri, &mut report).await,
        None => None,
    };
    for uri in uris {
        let is_named = |media: &&playlist::MediaTag| {
            media.kind == MediaKind::Subtitles && media.uri.as_ref() == Some(uri)
        };
        if !master.media.iter().any(|media| is_named(&media)) {
            let text = format!("no rendition has the URI {uri}");
            report.must("RFC 8216 4.3.4.1", &main, text);
        }
        let read = Subtitles::read(context, uri, &mut report).await;
        if let (Some(rendition), Some(video)) = (read, &video) {
            rendition.verify(&video.timeline(), &mut report);
        }
    }
    finish(report, Origin::Own)
}

async fn check_fetched(
    files: &dyn Files,
    keys: &Keys,
    main: &str,
    fetched: Result<Fetched, files::Error>,
    origin: Origin,
) -> Report {
    let mut report = Report::default();
    let none = Variables::default();
    let parsed = fetch::parsed_playlist(main, fetched, &none, &mut report);
    let Some((main, parsed)) = parsed else { return finish(report, origin) };
    let variables = &parsed.variables;
    let context = Context { files, keys, main: &main, variables, origin };
    match parsed.kind {
        Kind::Multivariant(master) => {
            Stream { context, master: &master }.check(&mut report).await;
        }
        Kind::Media(_) if origin == Origin::Own => {
            report.must("RFC 8216 4.3.4", &main, "the file is not a multivariant playlist");
        }
        Kind::Media(playlist) => {
            // The URI of the playlist itself, so that it is found again.
            let folder = files::without_query(&main).rfind('/').map_or(0, |at| at + 1);
            let uri = &main[folder..];
            stream::check_media(context, uri, &playlist, &mut report).await;
        }
        // The reader has a finding.
        Kind::Neither => {}
    }
    finish(report, origin)
}

/// Puts a report in order.
fn finish(mut report: Report, origin: Origin) -> Report {
    if origin == Origin::Own {
        report.require_checked();
    }
    report.assign_unchecked();
    report.hide_queries();
    report.sort();
    report
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

    /// Files by name, all of them texts.
    struct Texts(&'static [(&'static str, &'static str)]);

    #[async_trait]
    impl Files for Texts {
        async fn get(&self, path: &str) -> Result<Fetched, files::Error> {
            let found = self.0.iter().find(|(name, _)| *name == path);
            let text = found.map(|(_, text)| *text);
            let missing = || files::Error::Unreadable("no such file".to_owned());
            Ok(Fetched { bytes: text.ok_or_else(missing)?.into(), served: None })
        }
    }

    async fn reported(files: &'static [(&'static str, &'static str)], origin: Origin) -> Report {
        check(&Texts(files), &Keys::none(), "main.m3u8", origin).await
    }

    #[tokio::test]
    async fn nothing_that_cannot_be_read_passes() {
        const MAIN: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"x\"\ni.m3u8\n";
        const MEDIA: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n\
                             #EXTINF:6.0,\na.bin\n#EXT-X-ENDLIST\n";
        const FILES: &[(&str, &str)] = &[("main.m3u8", MAIN), ("i.m3u8", MEDIA), ("a.bin", "")];
        let empty = reported(&[("main.m3u8", "#EXTM3U\n")], Origin::Any).await;
        assert!(empty.musts().count() > 0, "{empty:?}");
        let any = reported(FILES, Origin::Any).await;
        assert!(any.musts().count() + any.not_checked.len() > 0, "{any:?}");
        let own = reported(FILES, Origin::Own).await;
        assert!(own.musts().count() > 0, "{own:?}");
        // A media playlist may be the target.
        let alone = reported(&[("main.m3u8", MEDIA)], Origin::Any).await;
        let rules: Vec<_> = alone.musts().map(|finding| finding.rule.as_str()).collect();
        assert_eq!(rules, ["RFC 8216 6.2.1"], "{alone:?}");
    }
}
