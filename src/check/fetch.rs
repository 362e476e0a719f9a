//! Reads the files of a stream and verifies how they are served.

use m3u8_rs::MediaPlaylist;

use super::files::{self, Fetched, Files, resolve, without_query};
use super::segment::is_fragmented;
use crate::domain::conformance::Report;

/// Reads a playlist. `None` if that fails; the report has the reason then.
pub(super) async fn playlist(
    files: &dyn Files,
    path: &str,
    report: &mut Report,
) -> Option<Fetched> {
    served_playlist(path, files.get(path).await, report)
}

/// Verifies how a playlist was served. `None` if it was not; the report has the reason then.
pub(super) fn served_playlist(
    path: &str,
    fetched: Result<Fetched, files::Error>,
    report: &mut Report,
) -> Option<Fetched> {
    let fetched = readable(path, fetched, report)?;
    if let Some(served) = &fetched.served {
        if served.content_encoding != "gzip" {
            report.must("10.1", path, "the playlist is served without gzip");
        }
        if served.content_type != "application/vnd.apple.mpegurl" {
            let found = &served.content_type;
            report.should("10.4", path, format!("Content-Type is {found:?}"));
        }
    }
    Some(fetched)
}

/// Reads the media playlist that the multivariant playlist `main` names by `uri`. Returns its path
/// too. `None` if that fails; the report has the reason then.
pub(super) async fn media_playlist(
    files: &dyn Files,
    main: &str,
    uri: &str,
    report: &mut Report,
) -> Option<(String, MediaPlaylist)> {
    let path = resolve(main, uri);
    let text = playlist(files, &path, report).await?;
    let Ok(parsed) = m3u8_rs::parse_media_playlist_res(&text.bytes) else {
        report.must("RFC 8216 4.3.3", &path, "the file is not a media playlist");
        return None;
    };
    Some((path, parsed))
}

/// Reads a segment or an initialization section. `None` if that fails; the report has the reason then.
pub(super) async fn media(files: &dyn Files, place: &str, report: &mut Report) -> Option<Fetched> {
    let fetched = readable(place, files.get(place).await, report)?;
    if let Some(served) = &fetched.served {
        // The content of an encrypted file tells nothing, so the extension comes first.
        let expected = match without_query(place).rsplit_once('.').map(|(_, end)| end) {
            Some("mp4") => "video/mp4",
            Some("m4s") => "video/iso.segment",
            Some("vtt" | "webvtt") => "text/vtt",
            _ if is_fragmented(&fetched.bytes) => "video/iso.segment",
            _ => "video/mp2t",
        };
        if served.content_type != expected {
            let text = format!("Content-Type is {:?}, expected {expected:?}", served.content_type);
            report.should("10.4", place, text);
        }
        if !served.cache_control.contains("max-age") {
            report.should("cache", place, "Cache-Control has no max-age");
        }
    }
    Some(fetched)
}

fn readable(
    path: &str,
    fetched: Result<Fetched, files::Error>,
    report: &mut Report,
) -> Option<Fetched> {
    match fetched {
        Ok(fetched) => Some(fetched),
        Err(error) => {
            report.must("RFC 8216 6.2.1", path, format!("the file cannot be read: {error}"));
            None
        }
    }
}
