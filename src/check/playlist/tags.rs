//! The known tags: where they may stand, and which section of RFC 8216 has them.

use super::faults::{Faults, LINES};
use super::lines::{Content, Line};

/// Kind of playlist that a tag belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Multivariant,
    Media,
    Either,
}

/// Name, kind of playlist, id of the rule, and whether it may stand in a playlist once only.
type Known = (&'static str, Scope, &'static str, bool);

/// Tags of RFC 8216 and of its successor (`8216bis`).
const KNOWN: &[Known] = &[
    ("EXTM3U", Scope::Either, "RFC 8216 4.3.1.1", true),
    ("EXT-X-VERSION", Scope::Either, "RFC 8216 4.3.1.2", true),
    ("EXTINF", Scope::Media, "RFC 8216 4.3.2.1", false),
    ("EXT-X-BYTERANGE", Scope::Media, "RFC 8216 4.3.2.2", false),
    ("EXT-X-DISCONTINUITY", Scope::Media, "RFC 8216 4.3.2.3", false),
    ("EXT-X-KEY", Scope::Media, "RFC 8216 4.3.2.4", false),
    ("EXT-X-MAP", Scope::Media, "RFC 8216 4.3.2.5", false),
    ("EXT-X-PROGRAM-DATE-TIME", Scope::Media, "RFC 8216 4.3.2.6", false),
    ("EXT-X-DATERANGE", Scope::Media, "RFC 8216 4.3.2.7", false),
    ("EXT-X-TARGETDURATION", Scope::Media, "RFC 8216 4.3.3.1", true),
    ("EXT-X-MEDIA-SEQUENCE", Scope::Media, "RFC 8216 4.3.3.2", true),
    ("EXT-X-DISCONTINUITY-SEQUENCE", Scope::Media, "RFC 8216 4.3.3.3", true),
    ("EXT-X-ENDLIST", Scope::Media, "RFC 8216 4.3.3.4", true),
    ("EXT-X-PLAYLIST-TYPE", Scope::Media, "RFC 8216 4.3.3.5", true),
    ("EXT-X-I-FRAMES-ONLY", Scope::Media, "RFC 8216 4.3.3.6", true),
    ("EXT-X-MEDIA", Scope::Multivariant, "RFC 8216 4.3.4.1", false),
    ("EXT-X-STREAM-INF", Scope::Multivariant, "RFC 8216 4.3.4.2", false),
    ("EXT-X-I-FRAME-STREAM-INF", Scope::Multivariant, "RFC 8216 4.3.4.3", false),
    ("EXT-X-SESSION-DATA", Scope::Multivariant, "RFC 8216 4.3.4.4", false),
    ("EXT-X-SESSION-KEY", Scope::Multivariant, "RFC 8216 4.3.4.5", false),
    ("EXT-X-INDEPENDENT-SEGMENTS", Scope::Either, "RFC 8216 4.3.5.1", true),
    ("EXT-X-START", Scope::Either, "RFC 8216 4.3.5.2", true),
    ("EXT-X-DEFINE", Scope::Either, "RFC 8216bis 4.4.2.3", false),
    ("EXT-X-GAP", Scope::Media, "RFC 8216bis 4.4.4.7", false),
    ("EXT-X-BITRATE", Scope::Media, "RFC 8216bis 4.4.4.8", false),
    ("EXT-X-PART", Scope::Media, "RFC 8216bis 4.4.4.9", false),
    ("EXT-X-PART-INF", Scope::Media, "RFC 8216bis 4.4.3.7", true),
    ("EXT-X-SERVER-CONTROL", Scope::Media, "RFC 8216bis 4.4.3.8", true),
    ("EXT-X-SKIP", Scope::Media, "RFC 8216bis 4.4.5.2", true),
    ("EXT-X-PRELOAD-HINT", Scope::Media, "RFC 8216bis 4.4.5.3", false),
    ("EXT-X-RENDITION-REPORT", Scope::Media, "RFC 8216bis 4.4.5.4", false),
    ("EXT-X-CONTENT-STEERING", Scope::Multivariant, "RFC 8216bis 4.4.6.6", true),
    // Removed with version 7.
    ("EXT-X-ALLOW-CACHE", Scope::Either, "RFC 8216 7", false),
];

/// Kind of playlist that a known tag belongs to; `None` for another tag.
pub(super) fn scope(name: &str) -> Option<Scope> {
    KNOWN.iter().find(|known| known.0 == name).map(|known| known.1)
}

/// Id of the rule for a known tag.
pub(super) fn rule(name: &str) -> &'static str {
    KNOWN.iter().find(|known| known.0 == name).map_or(LINES, |known| known.2)
}

/// Reports misspelt tags and tags that stand there too often. Other unknown tags are legal: players skip them.
pub(super) fn verify_known(lines: &[Line], faults: &mut Faults) {
    let mut seen = Vec::new();
    for line in lines {
        let Content::Tag(tag) = &line.content else { continue };
        let name = tag.name.as_str();
        match KNOWN.iter().find(|known| known.0 == name) {
            Some((_, _, rule, true)) if seen.contains(&name) => {
                faults.must(rule, line.number, format!("{name} stands here a second time"));
            }
            Some((_, _, _, is_single)) => {
                if *is_single {
                    seen.push(name);
                }
            }
            None => {
                if let Some(meant) = near_miss(name) {
                    let text = format!(
                        "{name} is no tag and is skipped by players: did you mean {meant}?"
                    );
                    faults.must(LINES, line.number, text);
                }
            }
        }
    }
}

/// The known tag that this name resembles.
fn near_miss(name: &str) -> Option<&'static str> {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
    };
    let ours = plain(name);
    // Tags of other specifications, such as EXT-X-CUE-OUT, differ by more.
    let distance = |known: &Known| edits(&ours, &plain(known.0));
    let best = KNOWN.iter().min_by_key(|known| distance(known))?;
    let allowed = if best.0.len() < 10 { 1 } else { 2 };
    (distance(best) <= allowed).then_some(best.0)
}

/// Number of characters to insert, remove or replace to turn one text into the other; large for texts whose lengths
/// differ by much.
pub(super) fn edits(a: &str, b: &str) -> usize {
    const FAR: usize = 99;
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > 3 {
        return FAR;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
