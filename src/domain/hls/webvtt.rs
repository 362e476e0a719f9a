//! Subtitles as `WebVTT`: cues, and the segments that they are cut into (RFC 8216, 3.5).

pub mod markup;

use serde::{Deserialize, Serialize};

use super::media_playlist::line;

/// How long a cue is shown that does not say so, unless another follows before.
const OPEN_CUE_NS: u64 = 10_000_000_000;
/// What the cues of a video are counted in that are repeated: they stand in each segment that they
/// reach into.
const REPEATED_EVERY_NS: u64 = 6_000_000_000;

/// A subtitle on the timeline of its stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cue {
    /// When it appears, in nanoseconds.
    pub start_ns: u64,
    /// How long it stays; none where its source does not say.
    pub duration_ns: Option<u64>,
    /// `WebVTT` cue text.
    pub text: String,
}

/// What may still come: subtitles cost memory, and bytes in the bucket. A talkative film has 2,000
/// cues of 60 bytes in each language.
#[derive(Clone, Debug)]
pub struct Room {
    cues: u64,
    bytes: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self { cues: 200_000, bytes: 64 << 20 }
    }
}

impl Room {
    /// Takes the room of this cue, and of all its repetitions. False if there is not as much.
    pub fn take(&mut self, cue: &Cue) -> bool {
        let lasts_ns = cue.duration_ns.unwrap_or(OPEN_CUE_NS);
        let bytes = (cue.text.len() as u64).saturating_mul(lasts_ns / REPEATED_EVERY_NS + 2);
        match (self.cues.checked_sub(1), self.bytes.checked_sub(bytes)) {
            (Some(cues), Some(bytes)) => {
                *self = Self { cues, bytes };
                true
            }
            (None, _) | (_, None) => false,
        }
    }
}

/// The segments of a rendition, which begin and end with those that last so long. The first picture
/// of the stream is shown at `first_pts`, in ticks of its 90 kHz clock. A cue stands in every
/// segment that it reaches into, with the same times. What lies behind the last is left out.
#[must_use]
pub fn segments(cues: &[Cue], durations_ns: &[u64], first_pts: u64) -> Vec<String> {
    let head = format!("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{first_pts},LOCAL:00:00:00.000\n");
    let mut texts = vec![head; durations_ns.len()];
    let ends = durations_ns.iter().scan(0_u64, |end, duration| {
        *end += duration;
        Some(*end)
    });
    let ends: Vec<u64> = ends.collect();
    for (start_ms, end_ms, cue) in timed(cues, ends.last().copied().unwrap_or(0)) {
        let (start_ns, end_ns) = (start_ms * 1_000_000, end_ms * 1_000_000);
        let first = ends.partition_point(|end| *end <= start_ns);
        let begins = std::iter::once(0).chain(ends.iter().copied());
        let held = texts.iter_mut().zip(begins).skip(first);
        for (text, _) in held.take_while(|(_, begin)| *begin < end_ns) {
            let (start, end) = (time(start_ns), time(end_ns));
            line(text, format_args!("\n{start} --> {end}\n{}", cue.text));
        }
    }
    texts
}

/// The cues in their order, with their times in milliseconds: none is shorter than one, or lasts
/// longer than the stream.
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

/// `hours:minutes:seconds.thousandths`.
pub(super) fn time(ns: u64) -> String {
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
        Cue { start_ns: start_ms * MS, duration_ns, text: text.to_owned() }
    }

    #[test]
    fn a_cue_stands_in_every_segment_that_it_reaches_into() {
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
    fn the_room_for_cues_has_an_end() {
        let mut room = Room::default();
        let film = cue(0, Some(7_200_000), "a note that stays for the whole film");
        assert!(room.take(&film), "it is written 1,200 times");
        let long = cue(0, Some(43_200_000), &"x".repeat(4_000));
        assert!((0..10).any(|_| !room.take(&long)));
        let mut room = Room::default();
        let shorts = (0..1_000_000).take_while(|_| room.take(&cue(0, None, "x"))).count();
        assert_eq!(shorts, 200_000);
    }

    proptest! {
        #[test]
        fn every_cue_before_the_end_is_shown_and_only_where_it_belongs(
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
            for cue in &cues {
                let mut begin = 0;
                for (text, duration) in texts.iter().zip(&durations) {
                    let end = begin + duration;
                    let ends = (cue.start_ns + cue.duration_ns.unwrap().max(MS)).min(total.max(cue.start_ns + MS));
                    let reaches = cue.start_ns < end && ends > begin;
                    prop_assert_eq!(text.contains(&cue.text), reaches, "{:?} {} {}", cue, begin, end);
                    begin = end;
                }
            }
        }
    }
}
