//! Rules about codes: which a worker may report, and after which another backend may do better.

use super::FailureCode;

impl FailureCode {
    /// Whether a worker may give this code as the reason of its failure. The other codes are about what
    /// the daemon alone can know: its store, its queue, its jobs, and how a worker ended.
    #[must_use]
    pub const fn may_come_from_worker(self) -> bool {
        match self {
            Self::NotMedia
            | Self::NoVideo
            | Self::Undecodable
            | Self::Encrypted
            | Self::SourceEmpty
            | Self::SourceDamaged
            | Self::SourceTruncated
            | Self::ProbeTimeout
            | Self::SourceTooLarge
            | Self::TooLong
            | Self::PictureTooLarge
            | Self::PictureTooSmall
            | Self::FrameRateTooHigh
            | Self::TooManyTracks
            | Self::TooManyPixels
            | Self::MemoryLimit
            | Self::SourceRead
            | Self::GstreamerInit
            | Self::SandboxIncomplete
            | Self::ElementMissing
            | Self::NoBackend
            | Self::WorkerOrder
            | Self::WorkerResource
            | Self::FormatUnsupported
            | Self::PipelineFailed
            | Self::PipelineBuild
            | Self::SinkNotReady
            | Self::ProbeBusy => true,
            Self::JobTimeout
            | Self::SourceMissing
            | Self::PullUnreachable
            | Self::PullRefused
            | Self::PullAddress
            | Self::PullTooLarge
            | Self::PullChanged
            | Self::PullTimeout
            | Self::PullFailed
            | Self::SourceGone
            | Self::StreamGone
            | Self::SourceChanged
            | Self::SourceUnavailable
            | Self::StoreDenied
            | Self::StoreRejected
            | Self::StoreUnavailable
            | Self::QueueUnavailable
            | Self::PublishFailed
            | Self::KeyUnavailable
            | Self::KeyLength
            | Self::KeySettings
            | Self::Trial
            | Self::WorkerSpawn
            | Self::MessageNotJson
            | Self::MessageUnknownShape
            | Self::Busy
            | Self::ClaimLost
            | Self::LeaseLost
            | Self::Cancelled
            | Self::Stopped
            | Self::WorkerDied
            | Self::WorkerStalled
            | Self::WorkerMisbehaved
            | Self::WorkerUnfinished
            | Self::StreamIncomplete
            | Self::NotConformant
            | Self::DaemonDied => false,
        }
    }

    /// Whether another backend may do better: the encode broke off or made a broken stream, and
    /// neither the source nor a limit is known to be the reason.
    #[must_use]
    pub const fn may_be_backend(self) -> bool {
        matches!(
            self,
            Self::FormatUnsupported
                | Self::PipelineFailed
                | Self::PipelineBuild
                | Self::ElementMissing
                | Self::WorkerDied
                | Self::WorkerStalled
                | Self::WorkerUnfinished
                | Self::StreamIncomplete
                | Self::NotConformant
        )
    }
}
