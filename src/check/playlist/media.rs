//! Media playlists (RFC 8216, 4.3.2 and 4.3.3).

use super::attributes::{Attributes, is_float, is_integer};
use super::faults::Faults;
use super::lines::{Content, Line, Tag};
use super::media_types::{ByteRange, Key, Map, MediaPlaylist, MediaSegment, PlaylistType};
use super::tags;

/// Reads the lines of a media playlist.
pub(super) fn read(lines: &[Line], faults: &mut Faults) -> MediaPlaylist {
    let mut reader = Reader::default();
    for line in lines {
        match &line.content {
            Content::Tag(tag) => reader.take_tag(tag, line.number, faults),
            Content::Uri(uri) => reader.take_uri(uri, line.number, faults),
        }
    }
    reader.finish(lines, faults)
}

/// Tags that apply to the next segment.
#[derive(Default)]
struct Pending {
    extinf: Option<(usize, f64)>,
    byte_range: Option<(usize, u64, Option<u64>)>,
    discontinuity: bool,
    gap: bool,
    keys: Vec<Key>,
    map: Option<Map>,
}

#[derive(Default)]
struct Reader {
    playlist: MediaPlaylist,
    pending: Pending,
    has_target: bool,
    /// Version that the tags need, with the reason.
    needed: Option<(usize, usize, String)>,
    /// Line of the first `EXT-X-DATERANGE`.
    date_range: Option<usize>,
    has_date: bool,
    /// Line and seconds of `EXT-X-START`.
    start: Option<(usize, f64)>,
}

impl Reader {
    fn take_tag(&mut self, tag: &Tag, line: usize, faults: &mut Faults) {
        let rule = tags::rule(&tag.name);
        match tag.name.as_str() {
            "EXT-X-VERSION" => {
                let version = integer(tag, line, faults);
                self.playlist.version = version.and_then(|version| usize::try_from(version).ok());
            }
            "EXT-X-TARGETDURATION" => {
                self.has_target = true;
                let seconds = integer(tag, line, faults);
                if seconds == Some(0) {
                    faults.must(
                        rule,
                        line,
                        "EXT-X-TARGETDURATION is 0, expected the length of the longest segment",
                    );
                }
                self.playlist.target_duration = self.playlist.target_duration.or(seconds);
            }
            "EXT-X-MEDIA-SEQUENCE" | "EXT-X-DISCONTINUITY-SEQUENCE" => {
                if !self.playlist.segments.is_empty() || self.pending.extinf.is_some() {
                    faults.must(
                        rule,
                        line,
                        format!("{} stands behind the first segment", tag.name),
                    );
                }
                let number = integer(tag, line, faults);
                if tag.name == "EXT-X-MEDIA-SEQUENCE" {
                    self.playlist.media_sequence = number.unwrap_or(0);
                }
            }
            "EXT-X-PLAYLIST-TYPE" => match tag.text().trim() {
                "VOD" => self.playlist.playlist_type = Some(PlaylistType::Vod),
                "EVENT" => self.playlist.playlist_type = Some(PlaylistType::Event),
                other => {
                    faults.must(
                        rule,
                        line,
                        format!("EXT-X-PLAYLIST-TYPE is {other}, expected VOD or EVENT"),
                    );
                }
            },
            "EXT-X-ENDLIST" => self.playlist.end_list = true,
            "EXT-X-I-FRAMES-ONLY" => {
                self.playlist.i_frames_only = true;
                self.needs(4, line, "EXT-X-I-FRAMES-ONLY");
            }
            "EXT-X-INDEPENDENT-SEGMENTS" => self.playlist.independent_segments = true,
            "EXT-X-START" => {
                let attributes = Attributes::read(tag, line, faults);
                self.start = attributes.float("TIME-OFFSET").map(|offset| (line, offset));
            }
            "EXT-X-DATERANGE" => self.take_date_range(tag, line, faults),
            "EXT-X-PROGRAM-DATE-TIME" => {
                self.has_date = true;
                if !is_date(tag.text().trim()) {
                    let text = format!(
                        "EXT-X-PROGRAM-DATE-TIME is {}, expected a date such as 2026-01-31T12:00:00.000Z",
                        tag.text()
                    );
                    faults.must(rule, line, text);
                }
            }
            _ => self.take_segment_tag(tag, line, faults),
        }
    }

    /// Tags that apply to the next segment.
    fn take_segment_tag(&mut self, tag: &Tag, line: usize, faults: &mut Faults) {
        let rule = tags::rule(&tag.name);
        match tag.name.as_str() {
            "EXTINF" => {
                if self.pending.extinf.is_some() {
                    faults.must(
                        rule,
                        line,
                        "EXTINF stands here a second time for the same segment",
                    );
                }
                let seconds = self.extinf(tag, line, faults);
                self.pending.extinf = Some((line, seconds));
            }
            "EXT-X-BYTERANGE" => {
                self.needs(4, line, "EXT-X-BYTERANGE");
                if let Some((length, offset)) = byte_range(tag.text().trim()) {
                    self.pending.byte_range = Some((line, length, offset));
                } else {
                    let text = format!(
                        "EXT-X-BYTERANGE is {}, expected LENGTH or LENGTH@OFFSET",
                        tag.text()
                    );
                    faults.must(rule, line, text);
                }
            }
            "EXT-X-DISCONTINUITY" => self.pending.discontinuity = true,
            "EXT-X-GAP" => self.pending.gap = true,
            "EXT-X-KEY" => {
                let attributes = Attributes::read(tag, line, faults);
                self.pending.keys.push(Key::of(&attributes));
            }
            "EXT-X-MAP" => self.take_map(tag, line, faults),
            _ => {}
        }
    }

    /// The duration in seconds; 0 if it cannot be read.
    fn extinf(&mut self, tag: &Tag, line: usize, faults: &mut Faults) -> f64 {
        let rule = tags::rule(&tag.name);
        let (number, title) = match tag.text().split_once(',') {
            Some((number, title)) => (number, Some(title)),
            None => (tag.text(), None),
        };
        if title.is_none() {
            faults.should(rule, line, "EXTINF has no comma behind the duration");
        }
        let trimmed = number.trim();
        if !is_float(trimmed) {
            let text = format!(
                "EXTINF is {number:?}, expected seconds such as 6.006 that are not negative"
            );
            faults.must(rule, line, text);
            return 0.0;
        }
        if trimmed.len() != number.len() {
            faults.should(rule, line, "there is white space around the duration of EXTINF");
        }
        if trimmed.contains('.') {
            self.needs(3, line, "EXTINF with decimals");
        }
        trimmed.parse().unwrap_or(0.0)
    }

    fn take_map(&mut self, tag: &Tag, line: usize, faults: &mut Faults) {
        let attributes = Attributes::read(tag, line, faults);
        let stated = attributes.get("BYTERANGE");
        let range = stated.map(byte_range);
        if let Some(None) = range {
            let text = format!(
                "BYTERANGE of EXT-X-MAP is {:?}, expected LENGTH@OFFSET",
                stated.unwrap_or_default()
            );
            faults.must(tags::rule(&tag.name), line, text);
            return;
        }
        if let Some(uri) = attributes.text("URI") {
            let range = range.flatten();
            let byte_range =
                range.map(|(length, offset)| ByteRange { length, offset: offset.unwrap_or(0) });
            self.pending.map = Some(Map { uri, byte_range });
        }
        self.needs(5, line, "EXT-X-MAP");
    }

    fn take_date_range(&mut self, tag: &Tag, line: usize, faults: &mut Faults) {
        let rule = tags::rule(&tag.name);
        let attributes = Attributes::read(tag, line, faults);
        self.date_range = self.date_range.or(Some(line));
        for name in ["START-DATE", "END-DATE"] {
            if let Some(date) = attributes.get(name)
                && !is_date(date)
            {
                faults.must(
                    rule,
                    line,
                    format!("{name} of EXT-X-DATERANGE is {date:?}, which is no date"),
                );
            }
        }
        if attributes.is_yes("END-ON-NEXT") {
            if attributes.get("CLASS").is_none() {
                faults.must(rule, line, "EXT-X-DATERANGE with END-ON-NEXT has no CLASS");
            }
            if attributes.get("DURATION").is_some() || attributes.get("END-DATE").is_some() {
                faults.must(rule, line, "EXT-X-DATERANGE with END-ON-NEXT has an end of its own");
            }
        }
    }

    fn take_uri(&mut self, uri: &str, line: usize, faults: &mut Faults) {
        let pending = std::mem::take(&mut self.pending);
        if pending.extinf.is_none() {
            faults.must("RFC 8216 4.3.2.1", line, format!("the segment {uri} has no EXTINF"));
        }
        let byte_range = pending.byte_range.map(|(tag, length, offset)| {
            let previous = self.playlist.segments.last().filter(|segment| segment.uri == uri);
            let end = previous.and_then(|segment| segment.byte_range);
            let end = end.map(|range| range.offset.saturating_add(range.length));
            if offset.or(end).is_none() {
                let text = format!(
                    "EXT-X-BYTERANGE has no offset, and no range of {uri} stands before it"
                );
                faults.must("RFC 8216 4.3.2.2", tag, text);
            }
            ByteRange { length, offset: offset.or(end).unwrap_or(0) }
        });
        let is_identity =
            |key: &&Key| key.keyformat.as_deref().is_none_or(|format| format == "identity");
        let key = pending.keys.iter().find(is_identity).or(pending.keys.first()).cloned();
        self.playlist.segments.push(MediaSegment {
            line,
            uri: uri.to_owned(),
            duration: pending.extinf.map_or(0.0, |(_, seconds)| seconds),
            byte_range,
            discontinuity: pending.discontinuity,
            gap: pending.gap,
            key,
            map: pending.map,
        });
    }

    fn needs(&mut self, version: usize, line: usize, reason: &str) {
        if self.needed.as_ref().is_none_or(|(known, ..)| *known < version) {
            self.needed = Some((version, line, reason.to_owned()));
        }
    }

    fn finish(mut self, lines: &[Line], faults: &mut Faults) -> MediaPlaylist {
        if let Some((line, _)) = self.pending.extinf {
            faults.must("RFC 8216 4.3.2.1", line, "EXTINF has no segment behind it");
        }
        if !self.has_target {
            faults.must("RFC 8216 4.3.3.1", 1, "EXT-X-TARGETDURATION is missing");
        }
        if !self.playlist.i_frames_only
            && let Some((version @ 5, line, _)) = self.needed
        {
            self.needed = Some((version + 1, line, "EXT-X-MAP".to_owned()));
        }
        verify_version(self.playlist.version, self.needed.as_ref(), faults);
        if let Some(line) = self.date_range.filter(|_| !self.has_date) {
            let text = "EXT-X-DATERANGE needs EXT-X-PROGRAM-DATE-TIME in the same playlist";
            faults.must("RFC 8216 4.3.2.7", line, text);
        }
        let duration: f64 = self.playlist.segments.iter().map(|segment| segment.duration).sum();
        if let Some((line, offset)) = self.start
            && offset.abs() > duration
        {
            let text = format!("TIME-OFFSET is {offset} s, the playlist lasts {duration:.3} s");
            faults.should("RFC 8216 4.3.5.2", line, text);
        }
        let is_define =
            |line: &&Line| matches!(&line.content, Content::Tag(tag) if tag.name == "EXT-X-DEFINE");
        if let Some(line) = lines.iter().find(is_define) {
            let needed = (8, line.number, "EXT-X-DEFINE".to_owned());
            verify_version(self.playlist.version, Some(&needed), faults);
        }
        self.playlist
    }
}

/// Verifies that the version is not too low for the tags (RFC 8216, 7).
pub(super) fn verify_version(
    stated: Option<usize>,
    needed: Option<&(usize, usize, String)>,
    faults: &mut Faults,
) {
    if let Some((needed, line, reason)) = needed
        && stated.unwrap_or(1) < *needed
    {
        let found =
            stated.map_or("no EXT-X-VERSION".to_owned(), |found| format!("EXT-X-VERSION {found}"));
        faults.must(
            "RFC 8216 7",
            *line,
            format!("{reason} needs EXT-X-VERSION {needed} or more, found {found}"),
        );
    }
}

/// The whole number behind a tag. A fault if it is anything else.
pub(super) fn integer(tag: &Tag, line: usize, faults: &mut Faults) -> Option<u64> {
    let rule = tags::rule(&tag.name);
    let text = tag.text();
    let trimmed = text.trim();
    if trimmed != text.trim_end() {
        faults.should(rule, line, format!("{} has white space before its number", tag.name));
    }
    if !is_integer(trimmed) {
        faults.must(rule, line, format!("{} is {text:?}, expected a whole number", tag.name));
        // A number that players may still understand keeps later findings from being wrong.
        let number = trimmed.parse::<f64>().ok().filter(|number| (0.0..1e9).contains(number));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1e9")]
        return number.map(|number| number.ceil() as u64);
    }
    trimmed.parse().ok()
}

/// Parses `LENGTH` or `LENGTH@OFFSET`.
fn byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (length, offset) = match text.split_once('@') {
        Some((length, offset)) => (length, Some(offset)),
        None => (text, None),
    };
    if !is_integer(length) || offset.is_some_and(|offset| !is_integer(offset)) {
        return None;
    }
    Some((length.parse().ok()?, offset.and_then(|offset| offset.parse().ok())))
}

/// Whether this looks like a date and time of ISO 8601.
fn is_date(text: &str) -> bool {
    let shape = "0000-00-00T00:00:00";
    text.is_char_boundary(shape.len().min(text.len()))
        && text.len() >= shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, kind)| match kind {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        })
}
