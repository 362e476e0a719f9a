//! Backlog: how long one job slot of this box would work on all videos that wait.

/// Seconds of work for a second of video, before this box has encoded anything: real time.
const PRIOR_FACTOR: f64 = 1.0;
/// Bytes of a second of a source, before this box has encoded anything: 8 Mbit/s, a usual rate of 1080p uploads.
const PRIOR_BYTES_PER_SEC: f64 = 1e6;
/// Length of a video of which nothing is known, before this box has encoded anything.
const PRIOR_LENGTH_SECS: f64 = 300.0;
/// Weight of all earlier encodes against the next one: about the last twenty count.
const DECAY: f64 = 0.95;

/// The videos that wait for their first or next attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Waiting {
    /// Videos whose length is known, because an earlier version was encoded.
    pub known: u64,
    /// Their length in seconds.
    pub known_secs: f64,
    /// Videos of which only the size is known.
    pub sized: u64,
    /// Their size in bytes.
    pub sized_bytes: f64,
    /// Messages of the queue beyond these videos: objects that nobody has looked at yet.
    pub unseen: u64,
}

impl Waiting {
    /// The same kinds of videos, `total` in number.
    #[must_use]
    pub fn scaled_to(self, total: u64) -> Self {
        let counted = self.known + self.sized;
        if counted == 0 || total <= counted {
            return self;
        }
        let ratio = float(total) / float(counted);
        let known = whole(float(self.known) * ratio);
        Self {
            known,
            known_secs: self.known_secs * ratio,
            sized: total.saturating_sub(known),
            sized_bytes: self.sized_bytes * ratio,
            unseen: self.unseen,
        }
    }
}

/// The work of the latest encodes of this box.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Experience {
    encodes: f64,
    media_secs: f64,
    work_secs: f64,
    source_bytes: f64,
}

impl Experience {
    /// Adds an encode: length of the video, time that it took, size of the source.
    pub fn add(&mut self, media_secs: f64, work_secs: f64, source_bytes: u64) {
        let add = |sum: &mut f64, value: f64| *sum = (*sum).mul_add(DECAY, value.max(0.0));
        add(&mut self.encodes, 1.0);
        add(&mut self.media_secs, media_secs);
        add(&mut self.work_secs, work_secs);
        add(&mut self.source_bytes, float(source_bytes));
    }

    /// Seconds of work for a second of video.
    #[must_use]
    pub fn factor(&self) -> f64 {
        ratio(self.work_secs, self.media_secs).unwrap_or(PRIOR_FACTOR)
    }

    /// Seconds for which one job would work on these videos.
    #[must_use]
    pub fn work_secs(&self, waiting: &Waiting) -> f64 {
        let bytes_per_sec =
            ratio(self.source_bytes, self.media_secs).unwrap_or(PRIOR_BYTES_PER_SEC);
        let length_secs = ratio(self.media_secs, self.encodes).unwrap_or(PRIOR_LENGTH_SECS);
        let media_secs = waiting.known_secs
            + waiting.sized_bytes / bytes_per_sec
            + float(waiting.unseen) * length_secs;
        media_secs * self.factor()
    }
}

/// `a` in units of `b`, if both are more than nothing.
fn ratio(a: f64, b: f64) -> Option<f64> {
    (a > 0.0 && b > 0.0).then(|| a / b)
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of videos")]
fn whole(count: f64) -> u64 {
    count.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6 * b.abs().max(1.0)
    }

    #[test]
    fn without_experience_sizes_and_numbers_are_guessed() {
        let nothing = Experience::default();
        let table = [
            (Waiting::default(), 0.0),
            (Waiting { known: 1, known_secs: 60.0, ..Waiting::default() }, 60.0),
            (Waiting { sized: 2, sized_bytes: 90e6, ..Waiting::default() }, 90.0),
            (Waiting { unseen: 2, ..Waiting::default() }, 600.0),
        ];
        for (waiting, secs) in table {
            assert!(close(nothing.work_secs(&waiting), secs), "{waiting:?}");
        }
    }

    #[test]
    fn measured_encodes_replace_the_guesses_and_the_latest_count_most() {
        let mut measured = Experience::default();
        // Half real time, 2 MB/s, 100 s.
        measured.add(100.0, 50.0, 200_000_000);
        assert!(close(measured.factor(), 0.5));
        let waiting =
            Waiting { known: 1, known_secs: 10.0, sized: 1, sized_bytes: 20e6, unseen: 1 };
        assert!(close(measured.work_secs(&waiting), (10.0 + 10.0 + 100.0) * 0.5));
        for _ in 0..1000 {
            measured.add(10.0, 20.0, 10_000_000);
        }
        assert!(close(measured.factor(), 2.0), "{}", measured.factor());
        // A source that was nothing, and a clock that went back.
        let mut odd = Experience::default();
        odd.add(0.0, -1.0, 0);
        assert!(close(odd.factor(), 1.0));
    }

    #[test]
    fn a_sample_of_a_long_queue_stands_for_all_of_it() {
        let sample = Waiting { known: 1, known_secs: 60.0, sized: 3, sized_bytes: 30.0, unseen: 5 };
        let all = sample.scaled_to(8);
        assert_eq!((all.known, all.sized, all.unseen), (2, 6, 5));
        assert!(close(all.known_secs, 120.0) && close(all.sized_bytes, 60.0));
        assert_eq!(sample.scaled_to(4), sample);
        assert_eq!(Waiting::default().scaled_to(4), Waiting::default());
    }
}
