//! Subtitles as `WebVTT` segments (RFC 8216, 3.5).

pub mod markup;

use serde::{Deserialize, Serialize};

use super::text::push_line;

/// Longest duration of a cue whose source states none, in nanoseconds. The next cue ends it earlier.
const OPEN_CUE_NS: u64 = 10_000_000_000;
/// Duration of a segment for the budget of cues, in nanoseconds: a cue is repeated in each segment
/// that it overlaps.
const REPEATED_EVERY_NS: u64 = 6_000_000_000;
/// Most segments that a size is estimated for: those of a week.
const MOST_SEGMENTS: usize = 100_800;
/// Bytes of a cue in a segment beside its text and settings, at least: times, and the lines between.
const FRAME_BYTES: u64 = 40;

/// One subtitle on the timeline of the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cue {
    /// Start in nanoseconds.
    pub start_ns: u64,
    /// Duration in nanoseconds; `None` if the source states none.
    pub duration_ns: Option<u64>,
    /// Cue text of `WebVTT`: markup and escapes included.
    pub text: String,
    /// Settings of `WebVTT`, such as `align:start`; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub settings: String,
}

impl Cue {
    /// Longest text in bytes. [`markup`] writes no longer ones: 2,000 characters, their escapes, and the
    /// tags of 16 KiB of source text.
    const MAX_BYTES: usize = 64 << 10;
    /// Longest settings in bytes. All six of `WebVTT` together have less than 100.
    const MAX_SETTINGS_BYTES: usize = 200;

    /// Whether the text is that of one cue: it has a length that [`markup`] writes, and nothing in it ends
    /// the cue or begins another one.
    #[must_use]
    pub fn is_one_cue(&self) -> bool {
        let text = &self.text;
        !text.is_empty()
            && text.len() <= Self::MAX_BYTES
            && !text.starts_with('\n')
            && !["\n\n", "-->", "\r", "\0"].iter().any(|end| text.contains(end))
            && self.has_one_line_of_settings()
    }

    /// Bytes of the cue in each segment that it stands in.
    const fn rendered_bytes(&self) -> u64 {
        let bytes = self.text.len() as u64 + self.settings.len() as u64;
        bytes.saturating_add(FRAME_BYTES)
    }

    fn has_one_line_of_settings(&self) -> bool {
        let settings = &self.settings;
        settings.len() <= Self::MAX_SETTINGS_BYTES
            && settings.chars().all(|c| !c.is_control())
            && !settings.contains("-->")
    }
}

/// Budget of the cues of one video, all its subtitle renditions together. It bounds the memory and
/// the bytes in the bucket that a hostile source can cause. A film with much dialogue has 2,000 cues
/// of 60 bytes in each language.
#[derive(Clone, Debug)]
pub struct CueBudget {
    cues: u64,
    bytes: u64,
}

impl Default for CueBudget {
    fn default() -> Self {
        Self { cues: 200_000, bytes: 64 << 20 }
    }
}

impl CueBudget {
    /// Charges a cue and all its repetitions to the budget. Returns `false` and charges nothing if
    /// the budget is too small.
    #[must_use]
    pub fn charge(&mut self, cue: &Cue) -> bool {
        let lasts_ns = cue.duration_ns.unwrap_or(OPEN_CUE_NS);
        let bytes = cue.rendered_bytes().saturating_mul(lasts_ns / REPEATED_EVERY_NS + 2);
        match (self.cues.checked_sub(1), self.bytes.checked_sub(bytes)) {
            (Some(cues), Some(bytes)) => {
                *self = Self { cues, bytes };
                true
            }
            (None, _) | (_, None) => false,
        }
    }
}

/// Bytes of the cues in the segments of these durations in nanoseconds, or a few more. It renders nothing.
#[must_use]
pub fn rendered_bytes(cues: &[Cue], durations_ns: &[u64]) -> u64 {
    let ends = ends(durations_ns);
    let bytes = timed(cues, ends.last().copied().unwrap_or(0)).map(|(start_ms, end_ms, cue)| {
        let first = ends.partition_point(|end| *end <= start_ms * 1_000_000);
        let behind = ends.partition_point(|end| *end < end_ms * 1_000_000);
        let repeated = (behind + 1).min(ends.len()).saturating_sub(first);
        cue.rendered_bytes().saturating_mul(repeated as u64)
    });
    bytes.fold(0, u64::saturating_add)
}

/// Bytes as [`rendered_bytes`] counts them, for a stream of this duration in nanoseconds whose segments are not
/// known yet.
#[must_use]
pub fn expected_bytes(cues: &[Cue], stream_ns: u64) -> u64 {
    let segments = usize::try_from(stream_ns / REPEATED_EVERY_NS).unwrap_or(usize::MAX);
    let mut durations = vec![REPEATED_EVERY_NS; segments.min(MOST_SEGMENTS)];
    durations.push(stream_ns % REPEATED_EVERY_NS);
    rendered_bytes(cues, &durations)
}

/// The end of each segment, in nanoseconds.
fn ends(durations_ns: &[u64]) -> Vec<u64> {
    let ends = durations_ns.iter().scan(0_u64, |end, duration| {
        *end = end.saturating_add(*duration);
        Some(*end)
    });
    ends.collect()
}

/// Renders one segment of subtitles for each duration in nanoseconds. `first_pts` is the presentation
/// time of the first video frame in ticks of 90 kHz, for `X-TIMESTAMP-MAP`. A cue stands in every
/// segment that it overlaps, with the same times; cues behind the last segment are dropped.
#[must_use]
pub fn segments(cues: &[Cue], durations_ns: &[u64], first_pts: u64) -> Vec<String> {
    let head = format!("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{first_pts},LOCAL:00:00:00.000\n");
    let mut texts = vec![head; durations_ns.len()];
    let ends = ends(durations_ns);
    for (start_ms, end_ms, cue) in timed(cues, ends.last().copied().unwrap_or(0)) {
        let (start_ns, end_ns) = (start_ms * 1_000_000, end_ms * 1_000_000);
        let first = ends.partition_point(|end| *end <= start_ns);
        let begins = std::iter::once(0).chain(ends.iter().copied());
        let held = texts.iter_mut().zip(begins).skip(first);
        for (text, _) in held.take_while(|(_, begin)| *begin < end_ns) {
            let (start, end) = (timestamp(start_ns), timestamp(end_ns));
            let space = if cue.settings.is_empty() { "" } else { " " };
            let (settings, cue) = (&cue.settings, &cue.text);
            push_line(text, format_args!("\n{start} --> {end}{space}{settings}\n{cue}"));
        }
    }
    texts
}

/// The cues by start, each with its start and end in milliseconds. A cue lasts at least one
/// millisecond and ends with the stream at the latest.
fn timed(cues: &[Cue], stream_ns: u64) -> impl Iterator<Item = (u64, u64, &Cue)> {
    let mut order: Vec<&Cue> = cues.iter().collect();
    order.sort_by_key(|cue| cue.start_ns);
    let next = order.iter().skip(1).map(|cue| Some(cue.start_ns)).chain([None]);
    let next: Vec<Option<u64>> = next.collect();
    order.into_iter().zip(next).map(move |(cue, next)| {
        let open_end_ns = || next.map_or(u64::MAX, |next| next.saturating_sub(cue.start_ns));
        let lasts_ns = cue.duration_ns.unwrap_or_else(|| open_end_ns().min(OPEN_CUE_NS));
        let end_ns = cue.start_ns.saturating_add(lasts_ns).min(stream_ns);
        let start_ms = milliseconds(cue.start_ns);
        (start_ms, milliseconds(end_ns).max(start_ms + 1), cue)
    })
}

fn milliseconds(ns: u64) -> u64 {
    ns.saturating_add(500_000) / 1_000_000
}

/// Formats a time in nanoseconds as a `WebVTT` timestamp, such as `01:02:03.456`.
pub(super) fn timestamp(ns: u64) -> String {
    let ms = milliseconds(ns);
    let (secs, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}", secs / 3600, secs / 60 % 60, secs % 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;

    fn cue(start_ms: u64, duration_ms: Option<u64>, text: &str) -> Cue {
        let duration_ns = duration_ms.map(|ms| ms * MS);
        let (text, settings) = (text.to_owned(), String::new());
        Cue { start_ns: start_ms * MS, duration_ns, text, settings }
    }

    #[test]
    fn a_text_that_ends_its_cue_is_not_one_cue() {
        for text in ["one", "one\ntwo", "<i>x</i> --&gt; y"] {
            assert!(cue(0, None, text).is_one_cue(), "{text:?}");
        }
        let long = "x".repeat(1 << 20);
        for text in ["", "\none", "one\n\n00:00.000 two", "a --> b", "a\rb", "a\0b", &long] {
            assert!(!cue(0, None, text).is_one_cue(), "{text:.40?}");
        }
    }

    #[test]
    fn a_cue_stands_in_every_segment_that_it_overlaps() {
        let cues = [
            cue(5_000, Some(3_000), "over the border"),
            cue(1_000, Some(1_500), "<i>first</i>\nof two lines"),
            cue(12_012, Some(100), "exactly at a border"),
            cue(13_900, Some(60_000), "longer than the stream"),
            cue(20_000, Some(1_000), "behind the end"),
        ];
        let segments = segments(&cues, &[6_006 * MS, 6_006 * MS, 2_000 * MS], 324_000_000);
        insta::assert_snapshot!(segments.join("-----\n"), @"
        WEBVTT
        X-TIMESTAMP-MAP=MPEGTS:324000000,LOCAL:00:00:00.000

        00:00:01.000 --> 00:00:02.500
        <i>first</i>
        of two lines

        00:00:05.000 --> 00:00:08.000
        over the border
        -----
        WEBVTT
        X-TIMESTAMP-MAP=MPEGTS:324000000,LOCAL:00:00:00.000

        00:00:05.000 --> 00:00:08.000
        over the border
        -----
        WEBVTT
        X-TIMESTAMP-MAP=MPEGTS:324000000,LOCAL:00:00:00.000

        00:00:12.012 --> 00:00:12.112
        exactly at a border

        00:00:13.900 --> 00:00:14.012
        longer than the stream
        ");
    }

    #[test]
    fn a_cue_without_an_end_is_shown_until_the_next_or_for_ten_seconds() {
        let cues = [cue(0, None, "a"), cue(2_000, None, "b"), cue(2_000, Some(0), "c")];
        let text = segments(&cues, &[30_000 * MS], 0).concat();
        let times: Vec<&str> = text.lines().filter(|line| line.contains("-->")).collect();
        assert_eq!(
            times,
            [
                "00:00:00.000 --> 00:00:02.000",
                "00:00:02.000 --> 00:00:02.001",
                "00:00:02.000 --> 00:00:02.001"
            ]
        );
        let last = segments(&cues[..1], &[30_000 * MS], 0).concat();
        assert!(last.contains("00:00:00.000 --> 00:00:10.000"), "{last}");
    }

    #[test]
    fn the_budget_counts_repetitions_and_ends() {
        let mut budget = CueBudget::default();
        let film = cue(0, Some(7_200_000), "a note that stays for the whole film");
        assert!(budget.charge(&film), "it is written 1,200 times");
        let short = cue(0, Some(43_200_000), "x");
        assert!((0..300).any(|_| !budget.charge(&short)), "its times count, too");
        let mut budget = CueBudget::default();
        let long = cue(0, Some(43_200_000), &"x".repeat(4_000));
        assert!((0..10).any(|_| !budget.charge(&long)));
        let mut budget = CueBudget::default();
        let shorts = (0..1_000_000).take_while(|_| budget.charge(&cue(0, None, "x"))).count();
        assert_eq!(shorts, 200_000);
    }

    proptest! {
        #[test]
        fn a_segment_has_exactly_the_cues_that_overlap_it(
            cues in prop::collection::vec((0_u64..40_000, 0_u64..15_000), 0..20),
            durations in prop::collection::vec(1_u64..7_000, 1..6),
        ) {
            let cues: Vec<Cue> = (0_u64..).zip(&cues)
                .map(|(number, (start, lasts))| cue(*start, Some(*lasts), &format!("#{number}#")))
                .collect();
            let durations: Vec<u64> = durations.iter().map(|ms| ms * MS).collect();
            let total: u64 = durations.iter().sum();
            let texts = segments(&cues, &durations, 0);
            prop_assert_eq!(texts.len(), durations.len());
            let heads: usize = segments(&[], &durations, 0).iter().map(String::len).sum();
            let rendered = texts.iter().map(String::len).sum::<usize>() - heads;
            prop_assert!(rendered as u64 <= rendered_bytes(&cues, &durations));
            for cue in &cues {
                let mut begin = 0;
                for (text, duration) in texts.iter().zip(&durations) {
                    let end = begin + duration;
                    let ends = (cue.start_ns + cue.duration_ns.unwrap().max(MS)).min(total.max(cue.start_ns + MS));
                    let overlaps = cue.start_ns < end && ends > begin;
                    prop_assert_eq!(text.contains(&cue.text), overlaps, "{:?} {} {}", cue, begin, end);
                    begin = end;
                }
            }
        }
    }
}
