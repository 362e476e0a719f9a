//! A tolerant reader of playlists (RFC 8216, 4): it reads as much as it can and reports everything that it cannot
//! read, by name and line. Pure: bytes go in, a playlist and its faults come out.

mod attribute_tables;
mod attributes;
mod faults;
mod lines;
mod media;
mod media_types;
mod multivariant;
mod tags;
mod variables;

#[cfg(test)]
mod tests;

pub(super) use self::media_types::{
    ByteRange, Key, KeyMethod, Map, MediaPlaylist, MediaSegment, PlaylistType,
};
pub(super) use self::multivariant::{MediaKind, MediaTag, Multivariant, Variant};
pub(super) use self::variables::Variables;

use self::faults::{Fault, Faults, LINES};
use self::lines::{Content, Line};
use self::tags::Scope;

/// A playlist by its kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Multivariant(Multivariant),
    Media(MediaPlaylist),
    /// The text has no tag that only one of the two kinds may have; a fault says so.
    Neither,
}

/// A playlist and its faults.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Playlist {
    pub(super) kind: Kind,
    pub(super) faults: Vec<Fault>,
    /// The variables that the playlist defines.
    pub(super) variables: Variables,
}

/// Reads a playlist. `query` is the query of its URI, `imports` are the variables of the multivariant playlist that
/// names it.
pub(super) fn parse(bytes: &[u8], query: &str, imports: &Variables) -> Playlist {
    let mut faults = Faults::default();
    let text = lines::decode(bytes, &mut faults);
    let lines = lines::split(&text, &mut faults);
    verify_head(&lines, &mut faults);
    tags::verify_known(&lines, &mut faults);
    let mut variables = Variables::default();
    let lines = variables::substitute(lines, query, imports, &mut variables, &mut faults);
    let has = |scope| {
        lines.iter().any(|line| matches!(&line.content, Content::Tag(tag) if tags::scope(&tag.name) == Some(scope)))
    };
    let (is_multivariant, is_media) = (has(Scope::Multivariant), has(Scope::Media));
    let kind = if is_multivariant {
        verify_mix(&lines, &mut faults);
        Kind::Multivariant(multivariant::read(&lines, &mut faults))
    } else if is_media {
        Kind::Media(media::read(&lines, &mut faults))
    } else {
        let text = "the file has neither variants (EXT-X-STREAM-INF) nor segments (EXTINF): it is no playlist, or an \
                    empty one";
        faults.must("RFC 8216 4.1", 1, text);
        Kind::Neither
    };
    // One fault of a line is enough if it is said in the same words.
    faults.0.sort_by_key(|fault| (fault.line, fault.level));
    faults.0.dedup();
    Playlist { kind, faults: faults.0, variables }
}

/// `EXTM3U` must be the first line.
fn verify_head(lines: &[Line], faults: &mut Faults) {
    let is_head = |line: &Line| matches!(&line.content, Content::Tag(tag) if tag.name == "EXTM3U");
    match lines.iter().find(|line| is_head(line)) {
        Some(line) if line.number == 1 => {}
        Some(line) => {
            let text = format!("#EXTM3U stands in line {}, expected the first line", line.number);
            faults.must("RFC 8216 4.3.1.1", line.number, text);
        }
        None => faults.must("RFC 8216 4.3.1.1", 1, "the first line is not #EXTM3U"),
    }
}

/// A multivariant playlist must not have tags of media playlists.
fn verify_mix(lines: &[Line], faults: &mut Faults) {
    let mut named = Vec::new();
    for line in lines {
        if let Content::Tag(tag) = &line.content
            && tags::scope(&tag.name) == Some(Scope::Media)
            && !named.contains(&tag.name)
        {
            named.push(tag.name.clone());
            let text =
                format!("{} belongs to media playlists, this is a multivariant playlist", tag.name);
            faults.must(LINES, line.number, text);
        }
    }
}
