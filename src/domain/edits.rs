//! Edit lists of MP4 files (ISO 14496-12, 8.6.6): which parts of a track are shown, and when.
//!
//! Demuxers show each edit as a run of its own, and decoders hold frames back when a run ends, so that frames
//! come out in the run behind theirs. Here the whole track is decoded in its own time, and each frame is placed
//! afterwards.

use std::collections::HashMap;
use std::ops::Range;

/// An entry of an `elst` box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Length in units of the movie; 0 up to the end of the track.
    pub duration: u64,
    /// Begin in units of the track; `None` for an empty edit.
    pub media_time: Option<u64>,
    /// Speed, in 1/65536.
    pub rate: i32,
}

/// Units of the times of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scales {
    /// Units of the movie in a second.
    pub movie: u32,
    /// Units of the track in a second.
    pub media: u32,
}

/// A part of the track, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    media: Range<i64>,
    /// When its begin is shown.
    shown_ns: i64,
}

/// The edits of a track, in its order and without overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditList {
    edits: Vec<Edit>,
    /// By how much the demuxer moves all timestamps, so that none is negative.
    shift_ns: i64,
    /// Edits are this inexact, because they count in coarse units.
    slack_ns: i64,
}

/// The speed of an edit that plays as it was recorded.
const NORMAL_RATE: i32 = 1 << 16;
/// Most edits of a track that are followed.
const MAX_EDITS: usize = 1000;
const NS_PER_SECOND: i128 = 1_000_000_000;

impl EditList {
    /// The list of a track without edits. `shift` is the amount, in units of the track, by which the demuxer
    /// moves its timestamps.
    #[must_use]
    pub fn whole(scales: Scales, shift: u64) -> Self {
        let (shift_ns, slack_ns) = (nanos(shift, scales.media), slack_ns(scales));
        // Frames before the track's zero are shown, too.
        let all = Edit { media: -shift_ns..i64::MAX, shown_ns: -shift_ns };
        Self { edits: vec![all], shift_ns, slack_ns }
    }

    /// The list of these entries of a track that lasts `media_duration` units. `None` if they play a part
    /// twice, backwards, or at another speed.
    #[must_use]
    pub fn new(
        entries: &[Entry],
        scales: Scales,
        shift: u64,
        media_duration: Option<u64>,
    ) -> Option<Self> {
        if entries.len() > MAX_EDITS {
            return None;
        }
        let slack_ns = slack_ns(scales);
        let (mut edits, mut shown_ns): (Vec<Edit>, i64) = (Vec::new(), 0);
        for (number, entry) in entries.iter().enumerate() {
            let lasts_ns = nanos(entry.duration, scales.movie);
            let is_open = entry.duration == 0 && number + 1 == entries.len();
            if let Some(time) = entry.media_time.filter(|_| is_open || lasts_ns > 0) {
                if entry.rate != NORMAL_RATE {
                    return None;
                }
                let begin_ns = nanos(time, scales.media);
                let end_ns = if is_open { i64::MAX } else { begin_ns.checked_add(lasts_ns)? };
                let earlier = edits.last().map_or(begin_ns, |edit| edit.media.end);
                let overlap_ns = (earlier - begin_ns).max(0);
                if overlap_ns > slack_ns {
                    return None;
                }
                let (media, shown_ns) = (begin_ns + overlap_ns..end_ns, shown_ns + overlap_ns);
                edits.push(Edit { media, shown_ns });
            }
            shown_ns = shown_ns.checked_add(lasts_ns)?;
        }
        let end_ns = media_duration.map_or(i64::MAX, |duration| nanos(duration, scales.media));
        if edits.iter().all(|edit| edit.media.start >= end_ns) {
            // Nothing would be shown.
            return Some(Self::whole(scales, shift));
        }
        Some(Self { edits, shift_ns: nanos(shift, scales.media), slack_ns })
    }

    /// When the first part is shown.
    fn shown_ns(&self) -> i64 {
        self.edits.first().map_or(0, |edit| edit.shown_ns)
    }

    /// Whether it changes no time.
    fn is_identity(&self) -> bool {
        let all = Edit { media: 0..i64::MAX, shown_ns: 0 };
        self.shift_ns == 0 && self.edits == [all]
    }
}

/// A part of a frame or of a run of samples that is shown, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Distance from the begin of the frame or run.
    pub skipped_ns: u64,
    /// Length of the part.
    pub length_ns: u64,
    /// When it is shown.
    pub shown_ns: u64,
}

/// The edits of one track, on the timeline of all tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackEdits {
    list: EditList,
    /// When the first track begins to be shown.
    start_ns: i64,
}

impl TrackEdits {
    /// The parts that are shown of what the demuxer gives this time and duration. Parts that are as short as
    /// edits are inexact are left out. A frame without a duration has the shortest.
    pub fn parts(&self, time_ns: u64, duration_ns: u64) -> impl Iterator<Item = Part> {
        let slack_ns = self.list.slack_ns;
        let begin_ns = signed(time_ns).saturating_sub(self.list.shift_ns);
        let end_ns = begin_ns.saturating_add(signed(duration_ns).max(slack_ns + 1));
        self.list.edits.iter().filter_map(move |edit| {
            // The timeline may begin in the middle of an edit.
            let cut_ns = self.start_ns.saturating_sub(edit.shown_ns).max(0);
            let first_ns = edit.media.start.saturating_add(cut_ns);
            let (from_ns, to_ns) = (begin_ns.max(first_ns), end_ns.min(edit.media.end));
            let shown_ns = edit.shown_ns.saturating_add(from_ns - edit.media.start) - self.start_ns;
            (to_ns.saturating_sub(from_ns) > slack_ns).then(|| Part {
                skipped_ns: unsigned(from_ns - begin_ns),
                length_ns: unsigned(to_ns - from_ns),
                shown_ns: unsigned(shown_ns),
            })
        })
    }

    /// The end of all that is shown of the track up to this time of the demuxer, in nanoseconds.
    #[must_use]
    pub fn shown_end_ns(&self, time_ns: u64) -> u64 {
        let last = self.parts(0, time_ns).last();
        last.map_or(0, |part| part.shown_ns + part.length_ns)
    }
}

/// The edits of all video and audio tracks of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// By the last part of GStreamer's stream id, such as `001` in `<hash>/001`.
    tracks: HashMap<String, EditList>,
    /// The list of all other tracks, if there is one.
    others: Option<EditList>,
    start_ns: i64,
}

impl Edits {
    /// The edits of these tracks, by the last part of their stream ids. Empty if none of them changes a time.
    #[must_use]
    pub fn new(tracks: HashMap<String, EditList>) -> Self {
        if tracks.values().all(EditList::is_identity) {
            return Self::default();
        }
        let start_ns = tracks.values().map(EditList::shown_ns).min().unwrap_or(0);
        Self { tracks, others: None, start_ns }
    }

    /// Edits that show each track as it is.
    #[must_use]
    pub fn none() -> Self {
        let others = Some(EditList::whole(Scales { movie: 1000, media: 1000 }, 0));
        Self { others, ..Self::default() }
    }

    /// These edits on a timeline that begins with the first of these frames: time of the demuxer in
    /// nanoseconds by stream id.
    #[must_use]
    pub fn starting_with(self, firsts: &HashMap<String, u64>) -> Self {
        let rest = |id: &String, first_ns: u64| {
            let edits = TrackEdits { list: self.list(id)?.clone(), start_ns: 0 };
            let shown_ns = edits.parts(first_ns, u64::MAX).next()?.shown_ns;
            Some(signed(shown_ns))
        };
        let first_ns = firsts.iter().filter_map(|(id, first_ns)| rest(id, *first_ns)).min();
        let start_ns = first_ns.map_or(self.start_ns, |first_ns| first_ns.max(self.start_ns));
        Self { start_ns, ..self }
    }

    /// Whether the demuxer's times are right as they are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty() && self.others.is_none()
    }

    /// When the first track begins to be shown, in nanoseconds of the movie: nothing is to be seen or heard
    /// before.
    #[must_use]
    pub fn start_ns(&self) -> u64 {
        unsigned(self.start_ns)
    }

    /// The edits of the track with this stream id.
    #[must_use]
    pub fn of_stream(&self, stream_id: &str) -> Option<TrackEdits> {
        Some(TrackEdits { list: self.list(stream_id)?.clone(), start_ns: self.start_ns })
    }

    fn list(&self, stream_id: &str) -> Option<&EditList> {
        let name = stream_id.rsplit('/').next()?;
        self.tracks.get(name).or(self.others.as_ref())
    }
}

/// A time in nanoseconds.
fn nanos(units: u64, per_second: u32) -> i64 {
    let ns = i128::from(units) * NS_PER_SECOND / i128::from(per_second.max(1));
    // 73 years: sums stay in range.
    i64::try_from(ns).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// One unit of the movie and one of the track.
fn slack_ns(scales: Scales) -> i64 {
    // Coarser units than a hundredth of a second would hide frames.
    let most = i64::try_from(NS_PER_SECOND / 100).unwrap_or(i64::MAX);
    (nanos(1, scales.movie) + nanos(1, scales.media)).min(most)
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

fn unsigned(ns: i64) -> u64 {
    u64::try_from(ns).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCALES: Scales = Scales { movie: 1000, media: 1000 };

    /// An entry that shows the track from `begin_ms` on.
    fn shows(begin_ms: u64, duration_ms: u64) -> Entry {
        Entry { duration: duration_ms, media_time: Some(begin_ms), rate: NORMAL_RATE }
    }

    fn empty(duration_ms: u64) -> Entry {
        Entry { duration: duration_ms, media_time: None, rate: NORMAL_RATE }
    }

    fn one_track(entries: &[Entry], shift: u64) -> TrackEdits {
        let list = EditList::new(entries, SCALES, shift, Some(10_000)).unwrap();
        let edits = Edits::new(HashMap::from([("001".to_owned(), list)]));
        edits.of_stream("abc/001").unwrap()
    }

    /// Milliseconds at which frames of 40 ms are shown.
    fn shown(edits: &TrackEdits, times_ms: &[u64]) -> Vec<Option<u64>> {
        let place = |ms: &u64| edits.parts(ms * 1_000_000, 40_000_000).next();
        times_ms.iter().map(|ms| place(ms).map(|part| part.shown_ns / 1_000_000)).collect()
    }

    #[test]
    fn each_part_is_shown_at_its_time() {
        let cut = one_track(&[shows(80, 80), shows(400, 0)], 0);
        assert_eq!(
            shown(&cut, &[0, 40, 80, 120, 160, 200, 360, 400, 440]),
            [None, None, Some(0), Some(40), None, None, None, Some(80), Some(120)]
        );
        // A frame that has begun before is shown for the rest of its time.
        assert_eq!(shown(&cut, &[60, 390]), [Some(0), Some(80)]);
        let gap = one_track(&[shows(0, 40), empty(1000), shows(40, 0)], 0);
        assert_eq!(shown(&gap, &[0, 40, 80]), [Some(0), Some(1040), Some(1080)]);
        // The only track begins at once.
        assert_eq!(shown(&one_track(&[empty(5000), shows(40, 0)], 0), &[40]), [Some(0)]);
        // Timestamps that were moved, because some were negative.
        assert_eq!(
            shown(&one_track(&[shows(40, 0)], 100), &[100, 140, 180]),
            [None, Some(0), Some(40)]
        );
    }

    #[test]
    fn tracks_keep_their_distance() {
        let video = EditList::new(&[empty(500), shows(80, 0)], SCALES, 0, None).unwrap();
        let audio = EditList::new(&[empty(300), shows(20, 0)], SCALES, 0, None).unwrap();
        let edits =
            Edits::new(HashMap::from([("001".to_owned(), video), ("002".to_owned(), audio)]));
        assert_eq!(edits.start_ns(), 300_000_000);
        let first = |id| {
            let parts = edits.of_stream(id).unwrap().parts(0, 1_000_000_000).next().unwrap();
            [parts.skipped_ns, parts.shown_ns].map(|ns| ns / 1_000_000)
        };
        assert_eq!((first("x/001"), first("x/002")), ([80, 200], [20, 0]));
        assert!(edits.of_stream("x/003").is_none() && edits.of_stream("").is_none());
    }

    #[test]
    fn negative_times_without_edits_are_shown() {
        let video = EditList::whole(SCALES, 100);
        let audio = EditList::whole(SCALES, 0);
        let edits =
            Edits::new(HashMap::from([("001".to_owned(), video), ("002".to_owned(), audio)]));
        assert_eq!(shown(&edits.of_stream("001").unwrap(), &[0, 100]), [Some(0), Some(100)]);
        assert_eq!(shown(&edits.of_stream("002").unwrap(), &[0, 100]), [Some(100), Some(200)]);
    }

    #[test]
    fn the_timeline_begins_with_the_first_frame() {
        let firsts = |video: u64, audio: u64| {
            let ns = |ms: u64| ms * 1_000_000;
            HashMap::from([("x/video".to_owned(), ns(video)), ("x/audio".to_owned(), ns(audio))])
        };
        let shown_at = |edits: &Edits, id, ms| shown(&edits.of_stream(id).unwrap(), &[ms])[0];
        let edits = Edits::none().starting_with(&firsts(3_600_067, 3_600_000));
        assert_eq!(shown_at(&edits, "x/video", 3_600_067), Some(67));
        assert_eq!(shown_at(&edits, "x/audio", 3_600_000), Some(0));
        assert_eq!(shown_at(&edits, "x/later", 3_601_000), Some(1000));
        // Silence that fills the time before the first sample of a track.
        assert_eq!(edits.of_stream("x/audio").unwrap().parts(0, 3_599_000_000_000).count(), 0);
        // A fragmented file whose list skips the first frame.
        let list = EditList::new(&[shows(40, 0)], SCALES, 0, None).unwrap();
        let edits = Edits::new(HashMap::from([("video".to_owned(), list)]));
        assert_eq!(shown_at(&edits.clone().starting_with(&firsts(0, 9)), "x/video", 40), Some(0));
        let later = edits.starting_with(&firsts(5040, 9));
        assert_eq!((shown_at(&later, "x/video", 5040), later.start_ns()), (Some(0), 5_000_000_000));
    }

    #[test]
    fn a_run_of_samples_falls_into_parts() {
        let edits = one_track(&[shows(100, 200), shows(600, 0)], 0);
        let parts = |begin: u64, length: u64| -> Vec<[u64; 3]> {
            let parts = edits.parts(begin * 1_000_000, length * 1_000_000);
            parts.map(|p| [p.skipped_ns, p.length_ns, p.shown_ns].map(|n| n / 1_000_000)).collect()
        };
        assert_eq!(parts(0, 1000), [[100, 200, 0], [600, 400, 200]]);
        assert_eq!(parts(250, 100), [[0, 50, 150]]);
        assert!(parts(300, 300).is_empty());
        assert_eq!(edits.shown_end_ns(1_000_000_000), 600_000_000);
        assert_eq!(edits.shown_end_ns(500_000_000), 200_000_000);
        assert_eq!(edits.shown_end_ns(0), 0);
    }

    #[test]
    fn lists_that_no_player_can_follow_in_order_are_left_to_the_demuxer() {
        let new = |entries: &[Entry]| EditList::new(entries, SCALES, 0, Some(10_000));
        assert!(new(&[shows(0, 500), shows(200, 500)]).is_none(), "twice");
        assert!(new(&[shows(500, 500), shows(0, 500)]).is_none(), "backwards");
        assert!(new(&[Entry { rate: NORMAL_RATE * 2, ..shows(0, 500) }]).is_none(), "faster");
        assert!(new(&vec![shows(0, 1); MAX_EDITS + 1]).is_none(), "too many");
        // One unit too long.
        assert!(new(&[shows(0, 501), shows(500, 500)]).is_some());
        // Nothing of the track would be left.
        for none in [&[shows(10_000, 500)][..], &[empty(500)], &[]] {
            assert_eq!(new(none), Some(EditList::whole(SCALES, 0)));
        }
        let identity = new(&[shows(0, 0)]).unwrap();
        assert!(Edits::new(HashMap::from([("001".to_owned(), identity)])).is_empty());
    }

    proptest! {
        #[test]
        fn hostile_lists_break_nothing(
            entries in prop::collection::vec((any::<u64>(), any::<Option<u64>>(), any::<i32>()), 0..6),
            (movie, media, shift) in (any::<u32>(), any::<u32>(), any::<u64>()),
            (time, duration) in (any::<u64>(), any::<u64>()),
            is_normal in any::<bool>(),
        ) {
            let entry = |(duration, media_time, rate): &(u64, Option<u64>, i32)| Entry {
                duration: *duration,
                media_time: *media_time,
                rate: if is_normal { NORMAL_RATE } else { *rate },
            };
            let entries: Vec<Entry> = entries.iter().map(entry).collect();
            let scales = Scales { movie, media };
            if let Some(list) = EditList::new(&entries, scales, shift, None) {
                let whole = EditList::whole(scales, shift);
                let lists = HashMap::from([("1".to_owned(), list), ("2".to_owned(), whole)]);
                let edits = Edits::new(lists);
                for track in ["1", "2"].iter().filter_map(|id| edits.of_stream(id)) {
                    let parts: Vec<Part> = track.parts(time, duration).collect();
                    for pair in parts.windows(2) {
                        prop_assert!(pair[0].shown_ns + pair[0].length_ns <= pair[1].shown_ns + 20_000_000);
                    }
                    prop_assert!(track.shown_end_ns(time) >= track.shown_end_ns(0));
                }
            }
        }
    }
}
