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
/// Latest time in nanoseconds: 18 years. Sums of a few such times stay in range.
const MAX_NS: i64 = i64::MAX / 16;

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
    /// twice, backwards, or at another speed, or last for years.
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
            shown_ns = Some(shown_ns + lasts_ns).filter(|shown_ns| *shown_ns <= MAX_NS)?;
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
    i64::try_from(ns).unwrap_or(i64::MAX).min(MAX_NS)
}

/// One unit of the movie and one of the track.
fn slack_ns(scales: Scales) -> i64 {
    // Coarser units than a hundredth of a second would hide frames.
    let most = i64::try_from(NS_PER_SECOND / 100).unwrap_or(i64::MAX);
    (nanos(1, scales.movie) + nanos(1, scales.media)).min(most)
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX).min(MAX_NS)
}

fn unsigned(ns: i64) -> u64 {
    u64::try_from(ns).unwrap_or(0)
}

#[cfg(test)]
mod tests;
