//! The first frame of a stream that is whole. A recording that begins between two key frames, or with the frames
//! that lead an open GOP, decodes to green and grey frames at first.

/// Longest time that a stream may be broken at its beginning, in nanoseconds. Its frames count as they are
/// after that. Broadcasts have a key frame every two seconds at least.
const MAX_BROKEN_NS: u64 = 5_000_000_000;

/// State of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// It is not whole, or it is not known yet whether it is.
    Broken,
    /// It is whole, and all later frames count as whole.
    Whole,
    /// It comes after 5 s of broken frames: all frames count.
    Late,
}

/// Finds the first whole frame of a stream. Frames come in two orders: coded, and decoded.
#[derive(Clone, Debug, Default)]
pub struct CleanStart {
    /// Whether frames that lead the first key frame may refer to frames before it. Decoders of other formats know
    /// such frames and skip them.
    has_open_leads: bool,
    /// The latest presentation time of coded frames before the first key frame, in nanoseconds.
    before_key_ns: Option<u64>,
    /// The first key frame came.
    has_key: bool,
    /// Its presentation time in nanoseconds.
    key_ns: Option<u64>,
    /// Presentation time of the first decoded frame in nanoseconds.
    first_ns: Option<u64>,
}

impl CleanStart {
    /// The start of a stream. `has_open_leads` is true for H.264.
    #[must_use]
    pub fn new(has_open_leads: bool) -> Self {
        Self { has_open_leads, ..Self::default() }
    }

    /// Takes a coded frame with its presentation time in nanoseconds, in decoding order.
    pub fn coded(&mut self, pts_ns: Option<u64>, is_key: bool) {
        if self.has_key {
            return;
        }
        if is_key {
            (self.has_key, self.key_ns) = (true, pts_ns);
        } else {
            self.before_key_ns = self.before_key_ns.max(pts_ns);
        }
    }

    /// The state of a decoded frame, in the order of presentation. `is_corrupted` is the decoder's word.
    pub fn decoded(&mut self, pts_ns: Option<u64>, is_corrupted: bool) -> Frame {
        let Some(pts_ns) = pts_ns else { return Frame::Whole };
        let first_ns = *self.first_ns.get_or_insert(pts_ns);
        if pts_ns.abs_diff(first_ns) >= MAX_BROKEN_NS {
            return Frame::Late;
        }
        let is_before = match self.key_ns {
            Some(key_ns) => pts_ns < key_ns && self.is_broken_before_key(pts_ns),
            None => !self.has_key,
        };
        if is_corrupted || is_before { Frame::Broken } else { Frame::Whole }
    }

    fn is_broken_before_key(&self, pts_ns: u64) -> bool {
        self.has_open_leads || self.before_key_ns.is_some_and(|before_ns| pts_ns <= before_ns)
    }
}

#[cfg(test)]
mod tests {
    use Frame::{Broken, Late, Whole};

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// The states of frames with these times in seconds, after coded ones with times and whether they are keys.
    fn states(open: bool, coded: &[(u64, bool)], decoded: &[u64]) -> Vec<Frame> {
        let mut start = CleanStart::new(open);
        for (secs, is_key) in coded {
            start.coded(Some(secs * SECOND), *is_key);
        }
        decoded.iter().map(|secs| start.decoded(Some(secs * SECOND), false)).collect()
    }

    #[test]
    fn frames_before_the_first_key_frame_are_broken() {
        let coded = [(1, false), (0, false), (4, true), (2, false), (3, false)];
        assert_eq!(states(true, &coded, &[0, 1, 2, 3, 4]), [Broken, Broken, Broken, Broken, Whole]);
        // Frames that lead the key frame and were decoded refer to it alone.
        assert_eq!(states(false, &coded, &[0, 1, 2, 3]), [Broken, Broken, Whole, Whole]);
        let whole = [(0, true), (2, false), (1, false)];
        assert_eq!(states(true, &whole, &[0, 1, 2]), [Whole; 3]);
        assert_eq!(states(false, &[(2, true), (1, false)], &[1, 2]), [Whole; 2]);
    }

    #[test]
    fn a_stream_without_a_key_frame_counts_after_five_seconds() {
        assert_eq!(states(true, &[(9, false)], &[3, 7, 8]), [Broken, Broken, Late]);
        assert_eq!(states(true, &[(99, true)], &[3, 7, 8]), [Broken, Broken, Late]);
    }

    #[test]
    fn decoders_know_of_corrupted_frames() {
        let mut start = CleanStart::new(false);
        start.coded(Some(0), true);
        assert_eq!(start.decoded(Some(0), true), Broken);
        assert_eq!(start.decoded(Some(1), false), Whole);
        assert_eq!(start.decoded(None, true), Whole);
    }
}
