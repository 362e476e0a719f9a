//! Subtitles: their playlists, and the cues in their segments (RFC 8216, 3.5; Apple's rules 4 and 5).

use std::collections::BTreeSet;

use m3u8_rs::{AlternativeMedia, AlternativeMediaType, MasterPlaylist};

use super::decrypt::Decryption;
use super::files::Files;
use super::keys::Keys;
use super::media::{Rendition, judge_playlist, media};
use super::segment::seconds_between;
use super::{media_playlist, rates, resolve};
use crate::domain::conformance::{Measured, Report};

/// What times may be off that are told in milliseconds.
const ROUNDING_SECS: f64 = 0.002;
/// Where the format of a segment is described.
const FORMAT: &str = "RFC 8216 3.5";
/// Where EXT-X-MEDIA is described.
const MEDIA: &str = "RFC 8216 4.3.4.1";

/// A playlist of subtitles, read.
pub(super) struct Texts {
    uri: String,
    path: String,
    target_secs: f64,
    /// EXTINF of each segment.
    stated: Vec<f64>,
    bytes: Vec<u64>,
    /// Number, path and content of each segment that could be read.
    segments: Vec<(usize, String, Text)>,
}

/// A segment of `WebVTT`.
#[derive(Debug, Default, PartialEq)]
struct Text {
    /// X-TIMESTAMP-MAP: ticks of the stream's clock, and the time of cues that they stand for.
    map: Option<(u64, f64)>,
    cues: Vec<Cue>,
}

/// When something is shown, in seconds of the segment's own time, and what.
#[derive(Clone, Debug, PartialEq)]
struct Cue {
    start: f64,
    end: f64,
    text: String,
}

impl Texts {
    /// Reads playlist and segments and judges what each says by itself.
    pub(super) async fn read(
        files: &dyn Files,
        keys: &Keys,
        main: &str,
        uri: &str,
        report: &mut Report,
    ) -> Option<Self> {
        let (path, parsed) = media_playlist(files, main, uri, report).await?;
        judge_playlist(&path, &parsed, report);
        let mut texts = Self {
            uri: uri.to_owned(),
            path: path.clone(),
            target_secs: precise(parsed.target_duration),
            stated: parsed.segments.iter().map(|s| f64::from(s.duration)).collect(),
            bytes: Vec::new(),
            segments: Vec::new(),
        };
        let mut decryption = Decryption::new(files, keys, &path, &parsed);
        for (number, segment) in parsed.segments.iter().enumerate() {
            let lock = decryption.next(segment, report).await;
            let place = resolve(&path, &segment.uri);
            let Some(fetched) = media(files, &place, report).await else { continue };
            texts.bytes.push(fetched.bytes.len() as u64);
            let Some(plain) = lock.open(&place, &fetched.bytes, report) else { continue };
            match parse(&plain) {
                Ok(text) => texts.segments.push((number, place, text)),
                Err(error) => report.must(FORMAT, &place, error),
            }
        }
        Some(texts)
    }

    pub(super) fn measured(&self) -> Measured {
        let sizes: Vec<_> = self.bytes.iter().copied().zip(self.stated.iter().copied()).collect();
        let (peak_bps, average_bps) = rates::measure(&sizes, self.target_secs);
        Measured {
            uri: self.uri.clone(),
            segments: self.stated.len(),
            bytes: self.bytes.iter().sum(),
            duration_secs: self.stated.iter().sum(),
            peak_bps,
            average_bps,
            codec: "wvtt".to_owned(),
        }
    }

    /// Judges the subtitles against the picture.
    pub(super) fn judge(&self, renditions: &[Rendition], report: &mut Report) {
        let Some(video) = renditions.iter().find(|r| r.format.is_some()) else { return };
        let (found, expected) = (self.stated.iter().sum::<f64>(), video.duration_secs());
        if (found - expected).abs() > video.frame_secs + ROUNDING_SECS {
            let text = format!("it lasts {found:.3} s, {} lasts {expected:.3} s", video.uri);
            report.must("5.5", &self.path, text);
        }
        let Some(first) = video.begins.first() else { return };
        for (_, place, text) in &self.segments {
            let Some((ticks, local)) = text.map else {
                report.must("5.3", place, "there is no X-TIMESTAMP-MAP");
                continue;
            };
            let off = seconds_between(*first, ticks) - local;
            if off.abs() > ROUNDING_SECS {
                let told = format!(
                    "X-TIMESTAMP-MAP puts its text {off:.3} s off: the picture begins at {first}"
                );
                report.must(FORMAT, place, told);
            }
        }
        self.judge_cues(report);
    }

    /// Each cue has to be in every segment that it reaches into, with the same times.
    fn judge_cues(&self, report: &mut Report) {
        let begin_of = |number: usize| self.stated[..number].iter().sum::<f64>();
        let spans = self.segments.iter().map(|(number, place, text)| {
            let begin = begin_of(*number);
            (begin, begin + self.stated[*number], place, text)
        });
        let spans: Vec<_> = spans.collect();
        for (begin, end, place, text) in &spans {
            for cue in &text.cues {
                if cue.end <= cue.start {
                    report.must(FORMAT, place, format!("a cue ends before it begins: {cue:?}"));
                } else if cue.start > end + ROUNDING_SECS || cue.end < begin - ROUNDING_SECS {
                    let told = format!("{cue:?} is not shown from {begin:.3} to {end:.3} s");
                    report.must(FORMAT, place, told);
                }
            }
        }
        for pair in spans.windows(2) {
            let ((_, _, _, text), (begin, _, place, next)) = (pair[0], pair[1]);
            let reaches = |cue: &&Cue| cue.end > begin + ROUNDING_SECS;
            let lacks = |cue: &&Cue| !next.cues.contains(cue);
            if let Some(cue) = text.cues.iter().filter(reaches).find(lacks) {
                report.must(FORMAT, place, format!("{cue:?} is still shown, and is not in it"));
            }
        }
    }
}

/// Judges what the multivariant playlist says of subtitles.
pub(super) fn judge_multivariant(main: &str, master: &MasterPlaylist, report: &mut Report) {
    let subtitles: Vec<_> = of(master).collect();
    for (at, media) in subtitles.iter().enumerate() {
        let name = &media.name;
        if media.language.as_deref().unwrap_or_default().is_empty() {
            report.must("4.7", main, format!("the subtitles {name:?} have no LANGUAGE"));
        }
        let same = |other: &&&AlternativeMedia| {
            other.group_id == media.group_id && other.name == media.name
        };
        if name.is_empty() || subtitles[..at].iter().any(|other| same(&other)) {
            let told = format!("the NAME {name:?} is empty, or another's in its group");
            report.must(MEDIA, main, told);
        }
        if media.uri.is_none() {
            report.must(MEDIA, main, format!("the subtitles {name:?} have no URI"));
        }
    }
    let there: BTreeSet<&String> = subtitles.iter().map(|media| &media.group_id).collect();
    for variant in master.variants.iter().filter(|variant| !variant.is_i_frame) {
        match &variant.subtitles {
            Some(group) if !there.contains(group) => {
                let told = format!("SUBTITLES names the group {group:?}, which is not there");
                report.must("RFC 8216 4.3.4.2", &variant.uri, told);
            }
            None if !there.is_empty() => {
                let told = "there are subtitles, and this variant names none of their groups";
                report.should("RFC 8216 4.3.4.2", &variant.uri, told);
            }
            Some(_) | None => {}
        }
    }
}

/// The subtitles of a multivariant playlist.
pub(super) fn of(master: &MasterPlaylist) -> impl Iterator<Item = &AlternativeMedia> {
    master.alternatives.iter().filter(|m| m.media_type == AlternativeMediaType::Subtitles)
}

/// Takes a segment apart.
fn parse(bytes: &[u8]) -> Result<Text, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {error}"))?;
    let text = text.trim_start_matches('\u{FEFF}').replace("\r\n", "\n").replace('\r', "\n");
    let mut blocks = text.split("\n\n").map(|block| block.trim_matches('\n'));
    let mut head = blocks.next().unwrap_or_default().lines();
    let first = head.next().unwrap_or_default();
    if first != "WEBVTT" && !first.starts_with("WEBVTT ") && !first.starts_with("WEBVTT\t") {
        return Err("it does not begin with WEBVTT".to_owned());
    }
    let mut parsed = Text::default();
    if let Some(map) = head.find_map(|line| line.strip_prefix("X-TIMESTAMP-MAP=")) {
        let read = timestamp_map(map);
        parsed.map = Some(read.ok_or_else(|| format!("X-TIMESTAMP-MAP={map} cannot be read"))?);
    }
    for block in blocks {
        let mut lines = block.lines();
        let times = lines.find(|line| line.contains("-->"));
        let Some(times) = times else { continue };
        let (start, end) = span(times).ok_or_else(|| format!("no times of a cue: {times:?}"))?;
        let text = lines.collect::<Vec<_>>().join("\n");
        parsed.cues.push(Cue { start, end, text });
    }
    Ok(parsed)
}

/// `MPEGTS:900000,LOCAL:00:00:00.000`, in either order.
fn timestamp_map(text: &str) -> Option<(u64, f64)> {
    let find = |name| text.split(',').find_map(|part| part.trim().strip_prefix(name));
    Some((find("MPEGTS:")?.parse().ok()?, seconds(find("LOCAL:")?)?))
}

/// `00:00:01.000 --> 00:00:02.000 align:start`.
fn span(line: &str) -> Option<(f64, f64)> {
    let (start, rest) = line.split_once("-->")?;
    Some((seconds(start.trim())?, seconds(rest.split_whitespace().next()?)?))
}

/// `01:02:03.456`, where hours may be left out.
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

#[expect(clippy::cast_precision_loss, reason = "seconds")]
fn precise(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_read_as_others_write_it() {
        let text = "\u{FEFF}WEBVTT - a title\r\nX-TIMESTAMP-MAP=LOCAL:00:00:01.500,MPEGTS:900000\r\n\
                    \r\nNOTE nothing\r\n\r\nid 7\r\n00:01.000 --> 01:00:02.250 align:start\r\nHi\r\nyou\r\n";
        let read = parse(text.as_bytes()).unwrap();
        assert_eq!(read.map, Some((900_000, 1.5)));
        let cue = Cue { start: 1.0, end: 3602.25, text: "Hi\nyou".to_owned() };
        assert_eq!(read.cues, [cue]);
        assert_eq!(parse(b"WEBVTT").unwrap(), Text::default());
    }

    #[test]
    fn what_is_no_webvtt_says_so() {
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
