//! When to look at a video that somebody watches, and at what.
//!
//! The claim changes with every step of a job, so a look at the claim alone notices most changes. What it
//! cannot notice (a delete, an attempt that died, an upload that waits for its turn) shows at a complete look.

use std::time::Duration;

use super::video::{VideoState, VideoView};
use super::view::Known;

/// Requests per second to the store on behalf of all watched videos together. The measured store serves some
/// thousand; players shall not notice the watchers.
const REQUESTS_PER_SEC: u32 = 40;
/// Every so many looks, one is complete.
const ALL_EVERY: u32 = 8;
/// Shortest pause between two looks at a video.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause between two looks at a video, if the budget allows it: a claim is renewed every 5 s.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The part of the store that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The claim (1 request).
    Claim,
    /// The source (1 request).
    Source,
    /// Claim, upload record, completion record and source.
    All,
}

impl Look {
    /// Requests that it takes.
    #[must_use]
    pub fn requests(self) -> u32 {
        match self {
            Self::Claim | Self::Source => 1,
            Self::All => 4,
        }
    }
}

/// Whether nothing more happens to a video of this state by itself.
#[must_use]
pub fn is_final(state: VideoState) -> bool {
    matches!(state, VideoState::Ready | VideoState::Failed)
}

/// The looks at one video so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Looks {
    taken: u32,
    /// Looks in a row that found no change.
    unchanged: u32,
}

impl Looks {
    /// The next look, at a video of this state.
    #[must_use]
    pub fn next(self, state: VideoState) -> Look {
        if self.taken % ALL_EVERY == ALL_EVERY - 1 {
            Look::All
        } else if state == VideoState::Uploading && self.taken.is_multiple_of(2) {
            Look::Source
        } else {
            Look::Claim
        }
    }

    /// The pause before it: longer the longer nothing changes.
    #[must_use]
    pub fn pause(self) -> Duration {
        let factor = 1 + self.unchanged / ALL_EVERY;
        SHORTEST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
    }

    /// Notes a look and whether the video had changed.
    pub fn note(&mut self, changed: bool) {
        self.taken = self.taken.wrapping_add(1);
        self.unchanged = if changed { 0 } else { self.unchanged.saturating_add(1) };
    }
}

/// Whether a look at the claim calls for a complete one. `before` and `now` are the versions of the claim, and
/// `running` is the attempt on another box that it shows now, with the version of the source.
#[must_use]
pub fn needs_all(
    known: &Known,
    before: Option<&str>,
    now: Option<&str>,
    running: Option<&(VideoView, String)>,
) -> bool {
    match running {
        // The claim of a running attempt shows all of it.
        Some((_, source_etag)) => known.source_etag.as_ref() != Some(source_etag),
        None => known.elsewhere.is_some() || before != now,
    }
}

/// The requests that all watched videos may make, in the order in which they ask. Times are since any start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    free_at: Duration,
}

impl Budget {
    /// Reserves so many requests. Returns when they may be made: now or later.
    pub fn reserve(&mut self, now: Duration, requests: u32) -> Duration {
        let at = self.free_at.max(now);
        self.free_at = at + Duration::from_secs(1) * requests / REQUESTS_PER_SEC;
        at
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use super::*;

    fn view(state: VideoState) -> VideoView {
        VideoView::new("id", "film.mp4".to_owned(), state, "url".to_owned())
    }

    #[test]
    fn two_thousand_videos_stay_within_the_budget_and_take_turns() {
        const VIDEOS: usize = 2000;
        const SECS: u64 = 600;
        let mut budget = Budget::default();
        let mut looks = vec![Looks::default(); VIDEOS];
        let mut per_second = vec![0; usize::try_from(SECS).unwrap() + 1];
        let mut turns: BinaryHeap<_> =
            (0..VIDEOS).map(|video| Reverse((SHORTEST_PAUSE, video))).collect();
        while let Some(Reverse((now, video))) = turns.pop() {
            let look = looks[video].next(VideoState::Uploading);
            let at = budget.reserve(now, look.requests());
            if at.as_secs() > SECS {
                continue;
            }
            per_second[usize::try_from(at.as_secs()).unwrap()] += look.requests();
            looks[video].note(false);
            turns.push(Reverse((at + looks[video].pause(), video)));
        }
        assert!(per_second.iter().all(|requests| *requests < 50), "{per_second:?}");
        let taken = looks.iter().map(|looks| looks.taken);
        let (least, most) = (taken.clone().min().unwrap(), taken.max().unwrap());
        assert!(least >= 8 && most - least <= 1, "{least} to {most} looks per video");
    }

    #[test]
    fn a_single_video_is_looked_at_every_second_and_less_often_while_nothing_changes() {
        let mut budget = Budget::default();
        assert_eq!(budget.reserve(Duration::from_secs(7), 4), Duration::from_secs(7));
        let mut looks = Looks::default();
        assert_eq!(looks.pause(), Duration::from_secs(1));
        for _ in 0..100 {
            looks.note(false);
        }
        assert_eq!(looks.pause(), Duration::from_secs(5));
        looks.note(true);
        assert_eq!(looks.pause(), Duration::from_secs(1));
    }

    #[test]
    fn every_eighth_look_is_complete_and_an_upload_is_looked_for() {
        use Look::{All, Claim, Source};
        let sequence = |state| {
            let mut looks = Looks::default();
            let mut taken = Vec::new();
            for _ in 0..8 {
                taken.push(looks.next(state));
                looks.note(false);
            }
            taken
        };
        let uploading = [Source, Claim, Source, Claim, Source, Claim, Source, All];
        assert_eq!(sequence(VideoState::Uploading), uploading);
        let queued = [Claim, Claim, Claim, Claim, Claim, Claim, Claim, All];
        assert_eq!(sequence(VideoState::Queued), queued);
    }

    #[test]
    fn a_claim_that_ended_or_changed_calls_for_a_complete_look() {
        let running = |etag: &str| Some((view(VideoState::Running), etag.to_owned()));
        let queued = Known { source_etag: Some("v1".to_owned()), ..Known::default() };
        let elsewhere = Known { elsewhere: running("v1"), ..queued.clone() };
        let table = [
            // Nothing happened.
            (&queued, None, None, None, false),
            (&queued, Some("c1"), Some("c1"), None, false),
            // It was taken, or renewed.
            (&queued, None, Some("c1"), running("v1"), false),
            (&elsewhere, Some("c1"), Some("c2"), running("v1"), false),
            // An attempt at a version that nobody has looked at yet.
            (&queued, None, Some("c1"), running("v2"), true),
            // It ended: between two looks, after one, or it died.
            (&queued, None, Some("c2"), None, true),
            (&elsewhere, Some("c1"), Some("c2"), None, true),
            (&elsewhere, Some("c1"), Some("c1"), None, true),
            // It is gone.
            (&queued, Some("c1"), None, None, true),
        ];
        for (known, before, now, running, expected) in table {
            let found = needs_all(known, before, now, running.as_ref());
            assert_eq!(found, expected, "{before:?} {now:?} {running:?}");
        }
    }
}
