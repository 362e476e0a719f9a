//! The stream at which a pipeline stands still.

use serde::{Deserialize, Serialize};

use super::dead_stream::StreamKind;

/// A stream out of which nothing comes while the pipeline stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standstill {
    /// Kind of the stream.
    pub kind: StreamKind,
    /// Number among the planned streams of its kind, from 1.
    pub number: u16,
    /// Name of the last element that handles it before the encoders, such as `avdec_aac`; empty before there is
    /// one.
    pub element: String,
}

impl Standstill {
    /// A clause for people, such as `nothing came out of audio track 2 (avdec_aac)`.
    #[must_use]
    pub fn clause(&self) -> String {
        let kind = match self.kind {
            StreamKind::Video => "video",
            StreamKind::Audio => "audio",
            StreamKind::Other => "other",
        };
        let element = match self.element.as_str() {
            "" => String::new(),
            element => format!(" ({element})"),
        };
        format!("nothing came out of {kind} track {}{element}", self.number)
    }
}

/// Progress of a planned stream behind its decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Frames so far.
    pub frames: u64,
    /// Time of the last frame in nanoseconds.
    pub time_ns: u64,
    /// The stream came to its end.
    pub has_ended: bool,
}

/// The stream for which all others wait: the one that got least far and has not ended. None if frames came since
/// `before`, or all streams have ended.
#[must_use]
pub fn slowest(before: &[Reached], now: &[Reached]) -> Option<usize> {
    let open = || now.iter().enumerate().filter(|(_, stream)| !stream.has_ended);
    let is_still = before == now;
    let slowest = open().min_by_key(|(_, stream)| (stream.frames > 0, stream.time_ns));
    slowest.map(|(index, _)| index).filter(|_| is_still)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(frames: u64, time_ns: u64) -> Reached {
        Reached { frames, time_ns, has_ended: false }
    }

    #[test]
    fn the_stream_that_got_least_far_stands_still() {
        let streams = [reached(9, 900), reached(5, 400), reached(7, 700)];
        assert_eq!(slowest(&streams, &streams), Some(1));
        let ended = [streams[0], Reached { has_ended: true, ..streams[1] }, streams[2]];
        assert_eq!(slowest(&ended, &ended), Some(2));
        let unbegun = [streams[0], streams[1], reached(0, 0)];
        assert_eq!(slowest(&unbegun, &unbegun), Some(2));
        let later = [reached(10, 940), streams[1], streams[2]];
        assert_eq!(slowest(&streams, &later), None);
        assert_eq!(slowest(&[], &[]), None);
    }

    #[test]
    fn a_clause_names_track_and_element() {
        let element = "avdec_aac".to_owned();
        let audio = Standstill { kind: StreamKind::Audio, number: 2, element };
        assert_eq!(audio.clause(), "nothing came out of audio track 2 (avdec_aac)");
        let unknown = Standstill { element: String::new(), ..audio };
        assert_eq!(unknown.clause(), "nothing came out of audio track 2");
    }
}
