//! Expected output for each file of the corpus.

/// Whether and how the output is compared with the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// By the judge: every frame and all sound.
    Frames,
    /// Size, channels and decodability only.
    Streams,
    /// The segments are so small that ffmpeg does not recognise them.
    Nothing,
}

/// The expectations of a file.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// `ready`, or the code of the failure.
    pub outcome: &'static str,
    /// Names of the rungs of the small ladder, from the largest.
    pub rungs: &'static str,
    /// Size of the largest: upright, in square pixels.
    pub size: (u64, u64),
    /// Duration in seconds, up to the later end of video and audio.
    pub secs: f64,
    /// Number of audio renditions.
    pub audio: usize,
    /// The streams of the source that are shown and heard: the n-th of their kind.
    pub streams: (usize, usize),
    /// Frames that ffmpeg decodes from damaged data at the beginning.
    pub broken: usize,
    pub compared: Compared,
    /// Only plan the file: an encode takes too long.
    pub is_planned_only: bool,
    /// Findings that are faults, until they are mended.
    pub known: &'static [&'static str],
    /// Findings that are none: the source cannot be judged by ffmpeg's reading of it.
    pub differs: &'static [&'static str],
}

pub const fn ready(rungs: &'static str, size: (u64, u64), secs: f64, audio: usize) -> Expected {
    Expected {
        outcome: "ready",
        rungs,
        size,
        secs,
        audio,
        streams: (0, 0),
        broken: 0,
        compared: Compared::Frames,
        is_planned_only: false,
        known: &[],
        differs: &[],
    }
}

pub const fn planned(rungs: &'static str, size: (u64, u64), secs: f64, audio: usize) -> Expected {
    Expected { is_planned_only: true, ..ready(rungs, size, secs, audio) }
}

/// A file without video.
pub const fn audio_only(secs: f64, audio: usize) -> Expected {
    ready("", (0, 0), secs, audio)
}

pub const fn failed(code: &'static str) -> Expected {
    Expected { outcome: code, ..ready("", (0, 0), 0.0, 0) }
}

impl Expected {
    pub const fn streams(self, video: usize, audio: usize) -> Self {
        Self { streams: (video, audio), ..self }
    }

    pub const fn broken(self, frames: usize) -> Self {
        Self { broken: frames, ..self }
    }

    pub const fn compared(self, compared: Compared) -> Self {
        Self { compared, ..self }
    }

    /// A static scene: frames cannot be told apart, so only their number and colours are judged.
    pub const fn is_static(self) -> Self {
        self.differs(&["ambiguous"], "nothing moves")
    }

    /// Faults that are to be mended. The test fails as soon as one of them is gone, so that the list
    /// cannot rot. A wrong outcome is known by its code.
    pub const fn known(self, findings: &'static [&'static str], _reason: &str) -> Self {
        Self { known: findings, ..self }
    }

    /// Findings that are no faults, and why.
    pub const fn differs(self, findings: &'static [&'static str], _reason: &str) -> Self {
        Self { differs: findings, ..self }
    }

    /// All findings that the file must have, sorted.
    pub fn findings(&self) -> Vec<&'static str> {
        let mut all = [self.known, self.differs].concat();
        all.sort_unstable();
        all.dedup();
        all
    }
}
