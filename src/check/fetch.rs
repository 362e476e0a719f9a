//! Reads the files of a stream and verifies how they are served.

use super::files::{self, Fetched, Files, query, resolve, without_query};
use super::keys::Keys;
use super::origin::Origin;
use super::playlist::{self, ByteRange, Kind, MediaPlaylist, Playlist, Variables};
use super::segment::is_fragmented;
use crate::domain::conformance::{Place, Report, UNREADABLE};

/// The surroundings of all playlists of a stream.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) keys: &'a Keys,
    /// Path of the multivariant playlist, or of a media playlist that is checked alone.
    pub(super) main: &'a str,
    /// Variables that the multivariant playlist defines.
    pub(super) variables: &'a Variables,
    pub(super) origin: Origin,
}

/// Parses a playlist that was fetched, and verifies how it was served. Returns its path behind redirects too. `None`
/// if it cannot be read; the report has the reason then.
pub(super) fn parsed_playlist(
    path: &str,
    fetched: Result<Fetched, files::Error>,
    variables: &Variables,
    report: &mut Report,
) -> Option<(String, Playlist)> {
    let fetched = readable(path.into(), fetched, report)?;
    let mut real = path.to_owned();
    if let Some(served) = &fetched.served {
        if served.content_encoding != "gzip" {
            report.must("10.1", path, "the playlist is served without gzip");
        }
        if !matches!(
            mime(&served.content_type).as_str(),
            "application/vnd.apple.mpegurl" | "audio/mpegurl"
        ) {
            let text = format!(
                "Content-Type is {}, expected application/vnd.apple.mpegurl",
                shown(&served.content_type)
            );
            report.should("10.4", path, text);
        }
        if let Some(target) = &served.redirected_to {
            real.clone_from(target);
        }
    }
    let parsed = playlist::parse(&fetched.bytes, query(&real), variables);
    for fault in &parsed.faults {
        report.add(&fault.rule, fault.level, Place::line(path, fault.line), fault.text.as_str());
    }
    Some((real, parsed))
}

/// Reads the media playlist that the multivariant playlist names by `uri`. Returns its path too. `None` if that fails;
/// the report has the reason then.
pub(super) async fn media_playlist(
    context: Context<'_>,
    uri: &str,
    report: &mut Report,
) -> Option<(String, MediaPlaylist)> {
    let path = resolve(context.main, uri);
    let fetched = context.files.get(&path).await;
    let (path, parsed) = parsed_playlist(&path, fetched, context.variables, report)?;
    match parsed.kind {
        Kind::Media(playlist) => Some((path, playlist)),
        Kind::Multivariant(_) => {
            report.must(
                "RFC 8216 4.3.3",
                &path,
                "the file is a multivariant playlist, expected a media playlist",
            );
            None
        }
        Kind::Neither => None,
    }
}

/// Reads a segment or an initialization section, or the part of a file that is one. `None` if that fails; the report
/// has the reason then.
pub(super) async fn media(
    context: Context<'_>,
    place: Place<'_>,
    range: Option<ByteRange>,
    report: &mut Report,
) -> Option<Fetched> {
    let path = place.path;
    let fetched = match range {
        Some(range) => context.files.get_range(path, range.offset, range.length).await,
        None => context.files.get(path).await,
    };
    let fetched = readable(place, fetched, report)?;
    if let Some(served) = &fetched.served {
        let expected = content_types(path, &fetched.bytes);
        if !expected.contains(&mime(&served.content_type).as_str()) {
            let found = shown(&served.content_type);
            let text = format!("Content-Type is {found}, expected {}", expected.join(" or "));
            report.should("10.4", place, text);
        }
        if context.origin == Origin::Own && !served.cache_control.contains("max-age") {
            report.should("cache", place, "Cache-Control has no max-age");
        }
        if let Some(target) = &served.redirected_to {
            let text = format!(
                "the server redirects to {}, expected the file itself",
                without_query(target)
            );
            report.must("8.18", place, text);
        }
    }
    Some(fetched)
}

/// The content types that a file may have. The content of an encrypted file tells nothing, so the extension comes
/// first.
fn content_types(path: &str, bytes: &[u8]) -> &'static [&'static str] {
    let end = without_query(path).rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    match end.as_deref() {
        Some("mp4" | "m4v" | "cmfv") => &["video/mp4", "audio/mp4", "application/mp4"],
        Some("m4a" | "cmfa") => &["audio/mp4", "video/mp4"],
        Some("m4s") => &["video/iso.segment", "video/mp4", "audio/mp4"],
        Some("vtt" | "webvtt") => &["text/vtt"],
        Some("aac") => &["audio/aac", "audio/x-aac"],
        Some("mp3") => &["audio/mpeg"],
        Some("ac3") => &["audio/ac3"],
        Some("ec3" | "eac3") => &["audio/eac3"],
        _ if is_fragmented(bytes) => &["video/iso.segment", "video/mp4"],
        _ => &["video/mp2t"],
    }
}

/// A media type without its parameters.
fn mime(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A header for messages.
fn shown(value: &str) -> &str {
    if value.is_empty() { "missing" } else { value }
}

fn readable(
    place: Place<'_>,
    fetched: Result<Fetched, files::Error>,
    report: &mut Report,
) -> Option<Fetched> {
    match fetched {
        Ok(fetched) => Some(fetched),
        Err(error) if error.is_unchecked() => {
            report.unchecked(place.path, error.to_string());
            None
        }
        Err(error) => {
            report.must(UNREADABLE, place, format!("the file cannot be read: {error}"));
            None
        }
    }
}
