//! Subtitle renditions: their playlists, and the cues of their `WebVTT` segments (RFC 8216, 3.5;
//! Apple's authoring rules 4 and 5).

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use super::fetch::{self, Context};
use super::files::resolve;
use super::playlist::{MediaKind, MediaTag, Multivariant};
use super::segment::{is_fragmented, seconds_between};
use super::segment_key::Decryption;
use super::timeline::Timeline;
use super::{media_tags, playlist_rules, rates};
use crate::domain::conformance::{Measured, Place, Report};

/// Tolerance of times, in seconds: `WebVTT` has milliseconds.
const ROUNDING_SECS: f64 = 0.002;
/// Rule for the format of a segment.
const FORMAT: &str = "RFC 8216 3.5";

/// A subtitle rendition.
pub(super) struct Subtitles {
    /// URI in the multivariant playlist.
    uri: String,
    path: String,
    /// `EXT-X-TARGETDURATION`.
    target_secs: f64,
    /// Whether the playlist has `EXT-X-ENDLIST`.
    is_ended: bool,
    /// `EXTINF` of each segment, in seconds.
    stated_secs: Vec<f64>,
    /// Size of each segment.
    bytes: Vec<u64>,
    /// Number, path and content of each segment that could be read.
    segments: Vec<(usize, String, WebVtt)>,
}

/// Content of a segment.
#[derive(Debug, Default, PartialEq)]
struct WebVtt {
    /// `X-TIMESTAMP-MAP`: a time in ticks of 90 kHz, and the cue time in seconds that it maps to.
    map: Option<(u64, f64)>,
    cues: Vec<Cue>,
}

/// One cue. Times are in seconds.
#[derive(Clone, Debug, PartialEq)]
struct Cue {
    start: f64,
    end: f64,
    text: String,
}

/// A cue in messages: its text, cut, and its times.
impl fmt::Display for Cue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.text.lines().next().unwrap_or_default().chars().take(40).collect();
        write!(f, "the cue \"{text}\" of {:.3} to {:.3} s", self.start, self.end)
    }
}

impl Cue {
    /// Equal for equal cues. Times count in milliseconds.
    fn identity(&self) -> (i64, i64, &str) {
        #[expect(clippy::cast_possible_truncation, reason = "hours in milliseconds")]
        let rounded = |secs: f64| (secs * 1000.0).round() as i64;
        (rounded(self.start), rounded(self.end), self.text.as_str())
    }

    /// The same cue at a later time.
    fn shifted(&self, secs: f64) -> Self {
        Self { start: self.start + secs, end: self.end + secs, text: self.text.clone() }
    }
}

impl Subtitles {
    /// Reads the playlist and all segments and verifies each by itself. `None` if the playlist cannot be
    /// read; the report has the reason then.
    pub(super) async fn read(context: Context<'_>, uri: &str, report: &mut Report) -> Option<Self> {
        let (path, parsed) = fetch::media_playlist(context, uri, report).await?;
        playlist_rules::verify(&path, &parsed, context.origin, report);
        let mut subtitles = Self {
            uri: uri.to_owned(),
            path: path.clone(),
            target_secs: playlist_rules::target_secs(&parsed),
            is_ended: parsed.end_list,
            stated_secs: parsed.segments.iter().map(|s| s.duration).collect(),
            bytes: Vec::new(),
            segments: Vec::new(),
        };
        let mut decryption = Decryption::new(context.files, context.keys, &path, &parsed);
        let mut begin_secs = 0.0;
        for (number, segment) in parsed.segments.iter().enumerate() {
            let key = decryption.next(segment, report).await;
            let place = resolve(&path, &segment.uri);
            let at = Place::at(&place, begin_secs);
            begin_secs += segment.duration;
            if segment.gap {
                continue;
            }
            let fetched = fetch::media(context, at, segment.byte_range, report).await;
            let Some(fetched) = fetched else { continue };
            subtitles.bytes.push(fetched.bytes.len() as u64);
            let Some(plain) = key.decrypt(&place, &fetched.bytes, report) else { continue };
            if is_fragmented(&plain) {
                report.unchecked(&path, "the text of subtitles in fragmented MP4 is not read");
                continue;
            }
            match parse(&plain) {
                Ok(webvtt) => subtitles.segments.push((number, place, webvtt)),
                Err(error) => report.must(FORMAT, at, error.to_string()),
            }
        }
        Some(subtitles)
    }

    /// The measures for the report.
    pub(super) fn measured(&self) -> Measured {
        let sizes: Vec<_> =
            self.bytes.iter().copied().zip(self.stated_secs.iter().copied()).collect();
        let (peak_bps, average_bps) = rates::measure(&sizes, self.target_secs);
        Measured {
            uri: self.uri.clone(),
            segments: self.stated_secs.len(),
            bytes: self.bytes.iter().sum(),
            duration_secs: self.stated_secs.iter().sum(),
            peak_bps,
            average_bps,
            codec: "wvtt".to_owned(),
            not_checked: Vec::new(),
        }
    }

    /// Verifies the subtitles against the video.
    pub(super) fn verify(&self, video: &Timeline<'_>, report: &mut Report) {
        let found = self.stated_secs.iter().sum::<f64>();
        if let Some(expected) = video.duration_secs.filter(|_| self.is_ended)
            && (found - expected).abs() > video.frame_secs + ROUNDING_SECS
        {
            let text =
                format!("the duration is {found:.3} s, that of {} {expected:.3} s", video.uri);
            report.must("5.5", &self.path, text);
        }
        let Some(first) = video.first_pts else { return };
        let begins = self.begins();
        for (number, place, webvtt) in &self.segments {
            let place = Place::at(place, begins[*number]);
            let Some((ticks, local)) = webvtt.map else {
                report.must("5.3", place, "X-TIMESTAMP-MAP is missing");
                continue;
            };
            let error = seconds_between(first, ticks) - local;
            // The times of cues count from the begin of the stream, or from that of their segment.
            let is_of_segment = (error - begins[*number]).abs() <= ROUNDING_SECS;
            if error.abs() > ROUNDING_SECS && !is_of_segment {
                let text = format!(
                    "X-TIMESTAMP-MAP is off by {error:.3} s: the video begins at tick {first}"
                );
                report.must(FORMAT, place, text);
            }
        }
        self.verify_cues(first, report);
    }

    /// Time at which each segment begins, in seconds.
    fn begins(&self) -> Vec<f64> {
        let begins = self.stated_secs.iter().scan(0.0, |end, secs| {
            let begin = *end;
            *end += secs;
            Some(begin)
        });
        begins.collect()
    }

    /// A cue must stand in every segment that it overlaps, with the same times. `first` is the presentation time at
    /// which the stream begins.
    fn verify_cues(&self, first: u64, report: &mut Report) {
        let begins = self.begins();
        let spans = self.segments.iter().map(|(number, place, webvtt)| {
            let begin = begins[*number];
            let map =
                webvtt.map.map_or(0.0, |(ticks, local)| seconds_between(first, ticks) - local);
            let shift = if (map - begin).abs() <= ROUNDING_SECS { map } else { 0.0 };
            let end = begin + self.stated_secs[*number];
            let cues = webvtt.cues.iter().map(|cue| cue.shifted(shift)).collect::<Vec<_>>();
            (*number, begin, end, Place::at(place, begin), cues)
        });
        let spans: Vec<_> = spans.collect();
        for (_, begin, end, place, cues) in &spans {
            for cue in cues {
                if cue.end <= cue.start {
                    report.must(FORMAT, *place, format!("{cue} ends before it begins"));
                } else if cue.start > end + ROUNDING_SECS || cue.end < begin - ROUNDING_SECS {
                    let text = format!("{cue} does not overlap {begin:.3} to {end:.3} s");
                    report.must(FORMAT, *place, text);
                }
            }
        }
        for pair in spans.windows(2).filter(|pair| pair[0].0 + 1 == pair[1].0) {
            let ((.., cues), (_, begin, _, place, next)) = (&pair[0], &pair[1]);
            let overlaps = |cue: &&Cue| cue.end > begin + ROUNDING_SECS;
            // A file of another writer may have many thousands of cues in each segment.
            let held: HashSet<_> = next.iter().map(Cue::identity).collect();
            let is_missing = |cue: &&Cue| !held.contains(&cue.identity());
            if let Some(cue) = cues.iter().filter(overlaps).find(is_missing) {
                report.must(FORMAT, *place, format!("{cue} overlaps the segment, but is missing"));
            }
        }
    }
}

/// Verifies the subtitle renditions of the multivariant playlist `main`.
pub(super) fn verify_multivariant(main: &str, master: &Multivariant, report: &mut Report) {
    let subtitles: Vec<_> = of(master).collect();
    media_tags::verify(main, "subtitle", "4.7", &subtitles, report);
    for media in subtitles.iter().filter(|media| media.uri.is_none()) {
        let text = format!("subtitle rendition {:?} has no URI", media.name);
        report.must(media_tags::RULE, Place::line(main, media.line), text);
    }
    let groups: BTreeSet<&String> = subtitles.iter().map(|media| &media.group_id).collect();
    for variant in master.variants.iter().filter(|variant| !variant.is_i_frame) {
        match &variant.subtitles {
            Some(group) if !groups.contains(group) => {
                let text = format!("SUBTITLES group {group:?} does not exist");
                report.must("RFC 8216 4.3.4.2", Place::line(main, variant.line), text);
            }
            None if !groups.is_empty() => {
                let text = "the variant names no SUBTITLES group, although there are some";
                report.should("RFC 8216 4.3.4.2", Place::line(main, variant.line), text);
            }
            Some(_) | None => {}
        }
    }
}

/// The subtitle renditions of a multivariant playlist.
pub(super) fn of(master: &Multivariant) -> impl Iterator<Item = &MediaTag> {
    master.media.iter().filter(|m| m.kind == MediaKind::Subtitles)
}

/// Reasons why a segment is not `WebVTT`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum ParseError {
    #[error("the segment is not UTF-8: {0}")]
    Utf8(#[from] std::str::Utf8Error),
    #[error("the segment does not begin with WEBVTT")]
    Signature,
    #[error("X-TIMESTAMP-MAP={0} cannot be parsed")]
    TimestampMap(String),
    #[error("the times of a cue cannot be parsed: {0}")]
    Times(String),
}

/// Parses a segment.
fn parse(bytes: &[u8]) -> Result<WebVtt, ParseError> {
    let text = std::str::from_utf8(bytes)?;
    let text = text.trim_start_matches('\u{FEFF}').replace("\r\n", "\n").replace('\r', "\n");
    let mut blocks = text.split("\n\n").map(|block| block.trim_matches('\n'));
    let mut head = blocks.next().unwrap_or_default().lines();
    let first = head.next().unwrap_or_default();
    if first != "WEBVTT" && !first.starts_with("WEBVTT ") && !first.starts_with("WEBVTT\t") {
        return Err(ParseError::Signature);
    }
    let mut parsed = WebVtt::default();
    if let Some(map) = head.find_map(|line| line.strip_prefix("X-TIMESTAMP-MAP=")) {
        let read = timestamp_map(map);
        parsed.map = Some(read.ok_or_else(|| ParseError::TimestampMap(map.to_owned()))?);
    }
    for block in blocks {
        let mut lines = block.lines();
        let times = lines.find(|line| line.contains("-->"));
        let Some(times) = times else { continue };
        let (start, end) = span(times).ok_or_else(|| ParseError::Times(times.to_owned()))?;
        let text = lines.collect::<Vec<_>>().join("\n");
        parsed.cues.push(Cue { start, end, text });
    }
    Ok(parsed)
}

/// Parses `MPEGTS:900000,LOCAL:00:00:00.000`, in either order.
fn timestamp_map(text: &str) -> Option<(u64, f64)> {
    let find = |name| text.split(',').find_map(|part| part.trim().strip_prefix(name));
    Some((find("MPEGTS:")?.parse().ok()?, seconds(find("LOCAL:")?)?))
}

/// Parses `00:00:01.000 --> 00:00:02.000 align:start`.
fn span(line: &str) -> Option<(f64, f64)> {
    let (start, rest) = line.split_once("-->")?;
    Some((seconds(start.trim())?, seconds(rest.split_whitespace().next()?)?))
}

/// Parses `01:02:03.456`; the hours are optional.
fn seconds(text: &str) -> Option<f64> {
    let (whole, thousandths) = text.split_once('.').filter(|(_, ms)| ms.len() == 3)?;
    let parts: Vec<u32> = whole.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let secs = match parts[..] {
        [hours, mins, secs] if mins < 60 && secs < 60 => {
            f64::from(hours) * 3600.0 + f64::from(mins * 60 + secs)
        }
        [mins, secs] if mins < 60 && secs < 60 => f64::from(mins * 60 + secs),
        _ => return None,
    };
    Some(secs + f64::from(thousandths.parse::<u16>().ok()?) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_of_other_writers_are_parsed() {
        let text = "\u{FEFF}WEBVTT - a title\r\nX-TIMESTAMP-MAP=LOCAL:00:00:01.500,MPEGTS:900000\r\n\
                    \r\nNOTE nothing\r\n\r\nid 7\r\n00:01.000 --> 01:00:02.250 align:start\r\nHi\r\nyou\r\n";
        let read = parse(text.as_bytes()).unwrap();
        assert_eq!(read.map, Some((900_000, 1.5)));
        let cue = Cue { start: 1.0, end: 3602.25, text: "Hi\nyou".to_owned() };
        assert_eq!(read.cues, [cue]);
        assert_eq!(parse(b"WEBVTT").unwrap(), WebVtt::default());
    }

    #[test]
    fn other_formats_are_an_error() {
        let broken = [
            &b"1\n00:00:01,000 --> 00:00:02,000\nSRT"[..],
            b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:x,LOCAL:00:00:00.000\n",
            b"WEBVTT\n\n00:00:01.000 --> 99\nHi",
            b"WEBVTTX",
            b"\xFF\xFE",
        ];
        for bytes in broken {
            assert!(parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
