//! Paces frames of any times onto a grid of constant rate, without knowing what a frame is.
//!
//! A frame is due at the first place of the grid that is not earlier than the frame, within the tolerance of
//! [`VideoPlan::due_place`](super::plan::VideoPlan::due_place). From there on it is shown until the next
//! frame is due, so a slide never appears before its time. Of two frames that are due at one place, the
//! later one moves to the next place, unless that belongs to a third frame: then the nearer one is shown.

use std::ops::Range;

/// A frame, and the places at which it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown<F> {
    /// The frame.
    pub frame: F,
    /// One place or more.
    pub places: Range<u64>,
}

/// Assigns frames to places. It holds back two frames at most.
pub struct FramePacer<F> {
    held: Option<Held<F>>,
    /// The first place without a frame.
    next: u64,
}

/// Frames whose last place is not known yet.
struct Held<F> {
    first: Candidate<F>,
    /// A later frame that is due at the same place.
    second: Option<Candidate<F>>,
    /// The place at which both are due.
    place: u64,
}

/// A frame, and its distance from the place at which it is due.
struct Candidate<F> {
    frame: F,
    off: u64,
}

impl<F> Default for FramePacer<F> {
    fn default() -> Self {
        Self { held: None, next: 0 }
    }
}

impl<F> FramePacer<F> {
    /// Takes the next frame. It is due at `place` and is `off` away from it, in any unit. Returns the frames
    /// whose places are settled by that, in order and without a gap.
    ///
    /// Places before the first frame show the first frame. A frame that is due before an earlier one is
    /// dropped.
    pub fn push(&mut self, frame: F, place: u64, off: u64) -> Vec<Shown<F>> {
        let new = Candidate { frame, off };
        let Some(mut held) = self.held.take() else {
            if place >= self.next {
                self.held = Some(Held { first: new, second: None, place });
            }
            return Vec::new();
        };
        if place > held.place {
            let settled = self.settle(held, place);
            self.held = Some(Held { first: new, second: None, place });
            return settled;
        }
        if place == held.place {
            if let Some(second) = held.second.take() {
                held.first = nearer(held.first, second);
            }
            held.second = Some(new);
        }
        self.held = Some(held);
        Vec::new()
    }

    /// The number of places that the frames so far need.
    pub fn places(&self) -> u64 {
        self.held.as_ref().map_or(self.next, |held| held.place + 1)
    }

    /// Returns the frames that are still held. The last one is shown up to the place `end`, and at the place
    /// at which it is due in any case.
    pub fn finish(&mut self, end: u64) -> Vec<Shown<F>> {
        let Some(held) = self.held.take() else { return Vec::new() };
        let end = end.max(held.place + 1);
        self.settle(held, end)
    }

    /// Shows what is held up to the place `end`, which lies behind the place at which it is due.
    fn settle(&mut self, held: Held<F>, end: u64) -> Vec<Shown<F>> {
        let begin = std::mem::replace(&mut self.next, end);
        let behind = held.place + 1;
        match held.second {
            Some(second) if behind < end => vec![
                Shown { frame: held.first.frame, places: begin..behind },
                Shown { frame: second.frame, places: behind..end },
            ],
            Some(second) => {
                let frame = nearer(held.first, second).frame;
                vec![Shown { frame, places: begin..end }]
            }
            None => vec![Shown { frame: held.first.frame, places: begin..end }],
        }
    }
}

/// The candidate that is nearer to its place; the later one if both are as near.
fn nearer<F>(first: Candidate<F>, second: Candidate<F>) -> Candidate<F> {
    if second.off <= first.off { second } else { first }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frames that are due at these places, with their distances from them; the frame at each place of an
    /// output of `end` places. Frames are named by their number.
    fn paced(frames: &[(u64, u64)], end: u64) -> Vec<usize> {
        let mut pacer = FramePacer::default();
        let mut shown = Vec::new();
        for (number, (place, off)) in frames.iter().enumerate() {
            shown.extend(pacer.push(number, *place, *off));
        }
        shown.extend(pacer.finish(end));
        let mut places = Vec::new();
        for Shown { frame, places: run } in shown {
            assert_eq!(run.start, places.len() as u64, "without a gap");
            assert!(!run.is_empty());
            places.extend(run.map(|_| frame));
        }
        places
    }

    #[test]
    fn frames_are_shown_from_the_place_where_they_are_due() {
        type Case<'a> = (&'a str, &'a [(u64, u64)], u64, &'a [usize]);
        let table: [Case<'_>; 9] = [
            ("constant rate", &[(0, 0), (1, 0), (2, 0)], 3, &[0, 1, 2]),
            ("a slide holds until the next", &[(0, 0), (4, 0), (5, 0)], 7, &[0, 0, 0, 0, 1, 2, 2]),
            ("a late begin", &[(2, 0), (3, 0)], 4, &[0, 0, 0, 1]),
            ("a pair before a hole", &[(0, 0), (1, 0), (1, 1), (3, 0)], 4, &[0, 1, 2, 3]),
            ("a pair before a long hole", &[(0, 0), (0, 1), (4, 0)], 5, &[0, 1, 1, 1, 2]),
            ("twice the rate", &[(0, 0), (0, 5), (1, 0), (1, 5), (2, 0)], 3, &[0, 2, 4]),
            (
                "four times",
                &[(0, 0), (0, 2), (1, 4), (1, 2), (1, 0), (1, 2), (2, 4)],
                3,
                &[0, 4, 6],
            ),
            ("back in time", &[(0, 0), (2, 0), (1, 0), (3, 0)], 4, &[0, 0, 1, 3]),
            ("a pair at the end", &[(0, 0), (1, 0), (1, 2)], 4, &[0, 1, 2, 2]),
        ];
        for (name, frames, end, expected) in table {
            assert_eq!(paced(frames, end), expected, "{name}");
        }
        assert!(paced(&[], 4).is_empty());
    }

    proptest! {
        #[test]
        fn no_frame_is_early_and_none_is_more_than_a_place_late(
            gaps in prop::collection::vec((0_u64..4, 0_u64..9), 1..60),
            more in 0_u64..5,
        ) {
            let mut place = 0;
            let frames: Vec<(u64, u64)> = gaps
                .iter()
                .map(|(gap, off)| {
                    place += gap;
                    (place, *off)
                })
                .collect();
            let end = place + more;
            let places = paced(&frames, end);
            prop_assert_eq!(places.len() as u64, end.max(place + 1));
            prop_assert!(places.is_sorted());
            for (at, number) in places.iter().enumerate().skip(usize::try_from(frames[0].0).unwrap_or(0)) {
                let due = frames[*number].0;
                prop_assert!(due <= at as u64);
            }
            let mut seen = places.clone();
            seen.dedup();
            for number in seen {
                let first = places.iter().position(|shown| *shown == number).unwrap_or(0) as u64;
                let due = frames[number].0;
                prop_assert!(first <= due + 1, "{number} at {first}, due at {due}");
            }
        }
    }
}
