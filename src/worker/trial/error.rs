//! Why a trial fails.

use crate::worker::protocol::Failure;

/// Why a trial fails, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// An element is missing, or does not fit.
    #[error("{}", .0.message)]
    Build(Failure),
    /// GStreamer reports an error.
    #[error("{0}")]
    Pipeline(String),
    /// The pipeline does not end.
    #[error("it hangs: the trial encode did not end within {0} s")]
    Timeout(u64),
    /// The encoder lost or invented frames.
    #[error("{encoded} frames came out of {frames}")]
    FrameCount {
        /// Frames in the encoder's output.
        encoded: u32,
        /// Frames of the clip.
        frames: u32,
    },
    /// A GOP does not begin with an IDR.
    #[error("frame {number} is no IDR: one must begin every {gop} frames")]
    NoIdr {
        /// Number of the frame, from 0.
        number: usize,
        /// Length of a GOP in frames.
        gop: u32,
    },
    /// Not all of the output can be decoded.
    #[error("{decoded} of {frames} frames can be decoded")]
    Undecodable {
        /// Frames that the decoder shows.
        decoded: u32,
        /// Frames of the clip.
        frames: u32,
    },
    /// The decoder refuses the output.
    #[error("the encoder's output cannot be decoded: {0}")]
    Decoder(Box<Error>),
    /// The output shows something else.
    #[error("the frame is another: its mean luma is {mean:.0}, not {expected:.0}")]
    Luma {
        /// Mean luma of the output, 0 to 255.
        mean: f64,
        /// Mean luma of the clip.
        expected: f64,
    },
    /// The planner refuses the clip: a fault of ours.
    #[error("failed to plan the trial: {0}")]
    Plan(String),
    /// One rung failed.
    #[error("{name}: {error}")]
    Rung {
        /// Name of the rung.
        name: String,
        /// Why.
        error: Box<Error>,
    },
    /// The request or the answer is not JSON of this version.
    #[error("the request cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The kernel does not enforce enough of the sandbox.
    #[error("{0}")]
    Sandbox(String),
    /// GStreamer does not start.
    #[error("GStreamer does not start: {0}")]
    Init(gstreamer::glib::Error),
    /// An element of ours cannot be registered.
    #[error("GStreamer does not start: {0}")]
    Register(gstreamer::glib::BoolError),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Build(failure)
    }
}
