//! `ladderd check`: whether a stream keeps the rules, by what is really in it.
//!
//! It reads the multivariant playlist, every playlist under it and every byte of every segment, and
//! shares no code with what writes streams: a mistake in one is not repeated in the other.

mod decrypt;
pub mod files;
mod fmp4;
mod iframes;
pub mod keys;
mod level;
mod media;
mod multivariant;
mod rates;
mod segment;
mod subtitles;
mod transport;

use m3u8_rs::{AlternativeMediaType, MasterPlaylist, MediaPlaylist};

use self::files::{Fetched, Files};
use self::iframes::IFrames;
use self::keys::Keys;
use self::media::Rendition;
use self::subtitles::Texts;
use crate::domain::conformance::Report;

/// Checks the stream whose multivariant playlist has this name. What is encrypted is opened with
/// these keys.
pub async fn check(files: &dyn Files, keys: &Keys, main: &str) -> Report {
    let mut report = Report::default();
    let Some(text) = playlist(files, main, &mut report).await else { return report };
    match m3u8_rs::parse_master_playlist_res(&text.bytes) {
        Ok(master) => everything(files, keys, main, &text.bytes, &master, &mut report).await,
        Err(_) => report.must("RFC 8216 4.3.4", main, "it is no multivariant playlist"),
    }
    report.sort();
    report
}

async fn everything(
    files: &dyn Files,
    keys: &Keys,
    main: &str,
    text: &[u8],
    master: &MasterPlaylist,
    report: &mut Report,
) {
    let mut iframes = Vec::new();
    for variant in master.variants.iter().filter(|variant| variant.is_i_frame) {
        iframes.extend(IFrames::read(files, keys, main, &variant.uri, report).await);
    }
    let mut renditions: Vec<Rendition> = Vec::new();
    let plain = master.variants.iter().filter(|variant| !variant.is_i_frame);
    let sounds = master.alternatives.iter().filter(|m| m.media_type == AlternativeMediaType::Audio);
    let uris = plain.map(|v| v.uri.as_str()).chain(sounds.filter_map(|m| m.uri.as_deref()));
    for uri in uris {
        if renditions.iter().any(|known| known.uri == uri) {
            continue;
        }
        let read = Rendition::read(files, keys, main, uri, &mut iframes, report).await;
        renditions.extend(read);
    }
    let mut texts: Vec<Texts> = Vec::new();
    for uri in subtitles::of(master).filter_map(|media| media.uri.as_deref()) {
        texts.extend(Texts::read(files, keys, main, uri, report).await);
    }
    for text in &texts {
        text.judge(&renditions, report);
    }
    for playlist in &iframes {
        playlist.judge(&renditions, report);
    }
    media::compare(&renditions, report);
    let said = String::from_utf8_lossy(text);
    multivariant::judge(main, &said, master, &renditions, &iframes, report);
    subtitles::judge_multivariant(main, master, report);
    report.measured.extend(renditions.iter().map(Rendition::measured));
    report.measured.extend(texts.iter().map(Texts::measured));
}

/// Reads a playlist and judges how it is served.
async fn playlist(files: &dyn Files, path: &str, report: &mut Report) -> Option<Fetched> {
    let fetched = match files.get(path).await {
        Ok(fetched) => fetched,
        Err(error) => {
            report.must("RFC 8216 6.2.1", path, format!("it cannot be read: {error}"));
            return None;
        }
    };
    if let Some(served) = &fetched.served {
        if served.content_encoding != "gzip" {
            report.must("10.1", path, "the playlist is not served gzip-encoded");
        }
        if served.content_type != "application/vnd.apple.mpegurl" {
            let found = &served.content_type;
            report.should("10.4", path, format!("Content-Type is {found:?}"));
        }
    }
    Some(fetched)
}

/// Reads the media playlist that the multivariant playlist refers to by `uri`, with its path.
async fn media_playlist(
    files: &dyn Files,
    main: &str,
    uri: &str,
    report: &mut Report,
) -> Option<(String, MediaPlaylist)> {
    let path = resolve(main, uri);
    let text = playlist(files, &path, report).await?;
    let Ok(parsed) = m3u8_rs::parse_media_playlist_res(&text.bytes) else {
        report.must("RFC 8216 4.3.3", &path, "it is no media playlist");
        return None;
    };
    Some((path, parsed))
}

/// Path of what a playlist refers to.
fn resolve(playlist: &str, uri: &str) -> String {
    match playlist.rsplit_once('/') {
        Some((folder, _)) if !uri.contains("://") && !uri.starts_with('/') => {
            format!("{folder}/{uri}")
        }
        Some(_) | None => uri.to_owned(),
    }
}
