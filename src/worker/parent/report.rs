//! Reports of a worker, in types that hold only values that the daemon has checked.

use bytes::Bytes;
use serde::Serialize;

use crate::domain::hls::webvtt::Cue;
use crate::domain::media::MediaInfo;
use crate::domain::plan::Plan;
use crate::domain::segment::Segment;
use crate::domain::thumbnail::Thumbnail;
use crate::domain::warning::WarningCode;

/// One checked output of a worker. Only the checker of `worker::parent` makes it from what a worker sends.
#[derive(Clone, Debug)]
pub enum Output {
    /// A report.
    Report(Report),
    /// The next segment of a rendition of the plan.
    Segment(Segment),
    /// A thumbnail and its JPEG.
    Thumbnail(Thumbnail, Bytes),
    /// The next bytes of a file.
    Piece(Bytes),
}

/// A checked report. Its texts are of one line and limited length; its indices lie within the plan.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Report {
    /// The source was probed.
    Probed {
        /// Its streams.
        media: MediaInfo,
    },
    /// The plan is final.
    Planned {
        /// The plan, which the daemon computed itself, with the worker's choice of the backend.
        plan: Box<Plan>,
    },
    /// The pipeline starts again; what it made so far is void.
    Restarted,
    /// The codec of a rendition is known.
    Rendition {
        /// Index of the rendition: the rungs of the plan, then its audio.
        rendition: u16,
        /// RFC 6381 codec string.
        codec: String,
    },
    /// The encode has progressed.
    Progress {
        /// Media time encoded so far, in nanoseconds. It never falls.
        position_ns: u64,
    },
    /// A subtitle cue.
    Cue {
        /// Index among the subtitles of the plan.
        subtitles: u16,
        /// The cue.
        cue: Cue,
    },
    /// A fault that does not stop the job.
    Warning {
        /// The fault of the source; `None` for a message to the operator.
        code: Option<WarningCode>,
        /// A sentence for a person.
        message: String,
        /// Debug text of GStreamer, for the log.
        #[serde(skip)]
        debug: Option<String>,
    },
    /// Every rendition is complete.
    Done {
        /// End of the longest rendition, in nanoseconds: that of its last segment.
        duration_ns: u64,
    },
}
