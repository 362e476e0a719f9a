//! Failure codes: the stable names of all reasons for which a job fails.
//!
//! One row of the table below is one code. Codes are part of the API: records, logs, the API and the
//! dead letters hold them, so a code is never renamed.

mod rules;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a fault behaves when the same job is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultClass {
    /// The surroundings failed (network, worker killed, disk full): the same job may succeed later.
    Retryable,
    /// The source or the request is at fault: trying again cannot help.
    Permanent,
    /// The message itself cannot be understood, or it has failed too often.
    Poison,
}

/// Who can mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOf {
    /// The uploader: the source is damaged, unsupported, over a limit or gone.
    Source,
    /// The operator: the store, the queue, the network, the machine or its settings failed. Also what
    /// is nobody's fault: a restart, a deleted video, another attempt.
    Surroundings,
    /// The authors of ladderd.
    Us,
}

impl FaultOf {
    /// Name of who can mend it, as the reference and the API have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Surroundings => "surroundings",
            Self::Us => "ladderd",
        }
    }
}

/// A text that is no failure code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no failure code")]
pub struct UnknownCode(String);

/// Declares the codes: variant, text, class, who can mend it, a sentence, an advice.
macro_rules! failure_codes {
    ($($name:ident $text:literal $class:ident $fault_of:ident $sentence:literal $advice:literal;)*) => {
        /// Reason for which a job fails.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum FailureCode {
            $(#[doc = $sentence] #[serde(rename = $text)] $name,)*
        }

        impl FailureCode {
            /// All codes, in the order of the reference.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Kebab-case text of the code, for records, logs and callers.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Effect of another attempt at the same job.
            #[must_use]
            pub const fn class(self) -> FaultClass {
                match self { $(Self::$name => FaultClass::$class),* }
            }

            /// Who can mend it.
            #[must_use]
            pub const fn fault_of(self) -> FaultOf {
                match self { $(Self::$name => FaultOf::$fault_of),* }
            }

            /// A sentence for the uploader that says what happened, without the details of one case.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence),* }
            }

            /// Advice for the uploader or the operator.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice),* }
            }
        }
    };
}

failure_codes! {
    // The source.
    NotMedia "not-media" Permanent Source
        "The file is not a video: its contents are of no known video format."
        "Check that you chose the right file.";
    NoVideo "no-video" Permanent Source
        "The file has no video stream."
        "Upload a file with a video stream.";
    Undecodable "undecodable" Permanent Source
        "The file holds a format that cannot be decoded here."
        "Convert it to MP4 with H.264 video and upload that.";
    Encrypted "encrypted" Permanent Source
        "The file is protected (DRM) and cannot be read."
        "Upload an unprotected copy.";
    SourceEmpty "source-empty" Permanent Source
        "The file is empty (0 bytes)."
        "Upload the file again.";
    SourceDamaged "source-damaged" Permanent Source
        "The file is incomplete or damaged."
        "Check that it plays from start to end, then upload it again.";
    SourceTruncated "source-truncated" Permanent Source
        "The file is cut off: it ends before the duration that it states, and `limits.truncated` is \"refuse\"."
        "Upload it again.";
    ProbeTimeout "probe-timeout" Permanent Source
        "The file could not be understood in time: it is damaged."
        "Check that it plays from start to end, then upload it again.";
    SourceTooLarge "source-too-large" Permanent Source
        "The file has more bytes than `limits.source_bytes`."
        "Upload a smaller version, or raise the limit.";
    TooLong "too-long" Permanent Source
        "The video lasts longer than the limit, or says so."
        "Cut it into parts, or check that it plays to its end.";
    PictureTooLarge "picture-too-large" Permanent Source
        "A frame has more pixels than the limit."
        "Upload a smaller version.";
    PictureTooSmall "picture-too-small" Permanent Source
        "A frame has fewer than 2 x 2 pixels."
        "Upload a larger version.";
    FrameRateTooHigh "frame-rate-too-high" Permanent Source
        "The video has more frames per second than the limit."
        "Upload it at a lower frame rate.";
    TooManyTracks "too-many-tracks" Permanent Source
        "The file has more tracks than the limit."
        "Upload it with fewer tracks.";
    TooManyPixels "too-many-pixels" Permanent Source
        "The video has more pixels per second than the limit."
        "Upload it smaller or at a lower frame rate.";
    MemoryLimit "memory-limit" Permanent Source
        "The video needs more memory than a job may have (`jobs.worker_memory_bytes`)."
        "Upload a smaller version.";
    JobTimeout "job-timeout" Permanent Source
        "The video takes longer to process than `limits.job_secs`."
        "Upload a shorter or smaller version.";
    SourceMissing "source-missing" Permanent Source
        "The store has no such object."
        "Upload the file again.";
    PullUnreachable "pull-unreachable" Permanent Source
        "The server of the source URL cannot be reached."
        "Check the URL, and retry the video once the server answers.";
    PullRefused "pull-refused" Permanent Source
        "The server of the source URL refuses the file, or has none."
        "Check that the URL is right and has not expired.";
    PullAddress "pull-address" Permanent Source
        "The source URL leads to an address that is not on the public internet, or to a port that is not the web's."
        "Use a public URL, or ask the operator, who can set `pulls.allow_private`.";
    PullTooLarge "pull-too-large" Permanent Source
        "The file at the source URL has more bytes than `uploads.max_size_bytes`."
        "Offer a smaller version, or raise the limit.";
    PullChanged "pull-changed" Permanent Source
        "The file at the source URL changed while it was pulled."
        "Retry the video once the file is complete.";
    PullTimeout "pull-timeout" Permanent Source
        "The server of the source URL sends too slowly: see `pulls.stall_secs` and `pulls.max_secs`."
        "Retry the video, or upload the file.";
    PullFailed "pull-failed" Permanent Source
        "The server of the source URL fails, or breaks off again and again."
        "Retry the video, or upload the file.";
    SourceGone "source-gone" Retryable Source
        "The source was deleted while it was read."
        "Nothing to do: the next attempt finds no source and ends.";
    SourceChanged "source-changed" Retryable Source
        "The object was replaced while it was read or written."
        "Nothing to do: the next attempt takes the new version.";

    // The surroundings.
    SourceUnavailable "source-unavailable" Retryable Surroundings
        "The store failed while the source was read."
        "Check the store and the network to it.";
    SourceRead "source-read" Retryable Surroundings
        "The worker could not read the source."
        "Check the store and the network to it.";
    // Operators correct wrong credentials; the upload must survive until then.
    StoreDenied "store-denied" Retryable Surroundings
        "The store denies access, or has no such bucket."
        "Check the credentials, the bucket policy, keys and the names of the buckets.";
    StoreRejected "store-rejected" Retryable Surroundings
        "The store rejects the request as invalid."
        "Tell the operator.";
    StoreUnavailable "store-unavailable" Retryable Surroundings
        "The store cannot be reached or fails."
        "Check the store and the network to it.";
    QueueUnavailable "queue-unavailable" Retryable Surroundings
        "The queue cannot be reached or fails."
        "Check the queue, its credentials and the disk of the queue.";
    // A refusal of the bucket is never the video's fault.
    PublishFailed "publish-failed" Retryable Surroundings
        "An object of the stream could not be published."
        "Check the bucket of the stream: credentials, policy and free space.";
    KeyUnavailable "key-unavailable" Retryable Surroundings
        "The key endpoint cannot be reached or refuses."
        "Check the key endpoint and the token in `[encryption]`.";
    KeyLength "key-length" Retryable Surroundings
        "The key endpoint answered with something other than the 16 raw bytes of a key."
        "Mend the key endpoint.";
    KeySettings "key-settings" Retryable Surroundings
        "The settings of `[encryption]` are incomplete."
        "Complete them and restart.";
    GstreamerInit "gstreamer-init" Retryable Surroundings
        "GStreamer does not start."
        "Check the installation with `ladderd backends`.";
    SandboxIncomplete "sandbox-incomplete" Retryable Surroundings
        "This machine's kernel does not enforce the sandbox of the worker."
        "See `ladderd sandbox-test`: enable what is missing, or set `sandbox.mode`.";
    ElementMissing "element-missing" Retryable Surroundings
        "A GStreamer element is not installed on this machine."
        "Install the package that has it.";
    NoBackend "no-backend" Retryable Surroundings
        "No backend can encode the video."
        "Check the backends with `ladderd backends`.";
    Trial "trial" Retryable Surroundings
        "The trial encode of a backend cannot run."
        "Check the installation with `ladderd backends`.";
    WorkerSpawn "worker-spawn" Retryable Surroundings
        "The worker process cannot be started."
        "Check the limits on processes and memory of the service.";
    WorkerOrder "worker-order" Retryable Surroundings
        "The worker cannot read its request."
        "Tell the operator.";
    WorkerResource "worker-resource" Retryable Surroundings
        "The worker ran out of space or threads."
        "Free disk space or memory, or raise jobs.worker_memory_bytes or TasksMax.";
    MessageNotJson "message-not-json" Poison Surroundings
        "The queue message is not JSON."
        "Check which program sends to the queue.";
    MessageUnknownShape "message-unknown-shape" Poison Surroundings
        "The queue message is neither an S3 event nor `{\"bucket\", \"key\"}`."
        "Check which program sends to the queue.";
    Busy "busy" Retryable Surroundings
        "Another attempt at this video is running."
        "Nothing to do.";
    ClaimLost "claim-lost" Retryable Surroundings
        "Another attempt took this video over."
        "Nothing to do.";
    LeaseLost "lease-lost" Retryable Surroundings
        "The lease on the message is lost: another delivery has it."
        "Nothing to do. If it is frequent, raise `queue.lease_secs`.";
    Cancelled "cancelled" Retryable Surroundings
        "The video was deleted."
        "Nothing to do.";
    Stopped "stopped" Retryable Surroundings
        "The daemon is stopping."
        "Nothing to do: the video is processed after the restart.";

    StreamGone "stream-gone" Permanent Surroundings
        "The files of the stream are no longer in their bucket."
        "Check who deletes objects there, then retry the video if its source still exists.";

    // Ours.
    PipelineFailed "pipeline-failed" Retryable Us
        "The encode broke off."
        "Try again, or tell the operator.";
    PipelineBuild "pipeline-build" Retryable Us
        "The pipeline cannot be built."
        "Check the recipe of the backend.";
    // A sink that was started before it was given its stream, seen once in some hundred very short videos.
    SinkNotReady "sink-not-ready" Retryable Us
        "A sink could not begin: a race within GStreamer 1.22."
        "Nothing to do: the next attempt succeeds.";
    ProbeBusy "probe-busy" Retryable Us
        "The probe of the source is busy."
        "Try again, or tell the operator.";
    // The source may be what kills it: the limit on attempts ends that.
    WorkerDied "worker-died" Retryable Us
        "The worker process died."
        "Try again, or tell the operator.";
    WorkerStalled "worker-stalled" Retryable Us
        "The worker made no progress and was killed."
        "Try again, or tell the operator.";
    // Only a worker that its source has taken over does so, or one with a defect.
    WorkerMisbehaved "worker-misbehaved" Retryable Us
        "The worker sent what no worker of ladderd sends, or more of it, and was killed."
        "Tell the operator: the file may be made to do harm.";
    WorkerUnfinished "worker-unfinished" Retryable Us
        "The worker ended too early."
        "Try again, or tell the operator.";
    StreamIncomplete "stream-incomplete" Retryable Us
        "The stream that was made is incomplete."
        "Try again, or tell the operator.";
    // Retrying does not change what elements agree on. Another backend has other elements.
    FormatUnsupported "format-unsupported" Permanent Us
        "The file's video or audio has a format that cannot be processed here."
        "Convert it to MP4 with H.264 video and AAC audio and upload that.";
    // The same source makes the same stream.
    NotConformant "not-conformant" Permanent Us
        "The stream that was made would not play everywhere, so it is not shown."
        "Tell the operator; the original is kept.";
    DaemonDied "daemon-died" Retryable Us
        "Each attempt took the daemon down with it, and no attempt is left."
        "Tell the operator; the original is kept.";
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FailureCode {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let found = Self::ALL.iter().find(|code| code.as_str() == text);
        found.copied().ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

/// The reference page of all codes, as Markdown: `docs/reference/failure-codes.md`.
#[must_use]
pub fn reference() -> String {
    let rows = FailureCode::ALL.iter().map(|code| {
        let fault_of = code.fault_of().as_str();
        let is_retried = match code.class() {
            FaultClass::Retryable => "yes",
            FaultClass::Permanent | FaultClass::Poison => "no",
        };
        let (sentence, advice) = (code.sentence(), code.advice());
        format!("| `{code}` | {fault_of} | {is_retried} | {sentence} | {advice} |\n")
    });
    std::iter::once(INTRODUCTION.to_owned()).chain(rows).collect()
}

const INTRODUCTION: &str = "\
# Failure codes

<!-- Generated from src/domain/failure_code.rs by `make generate`. -->

A video that failed has an `error` with a stable `code` and a `message` for the uploader. The message has
the details of the case; this table says what each code means in general. Logs and dead letters use the
same codes.

*Fault* says who can mend it: `source` is the uploader, `surroundings` is the operator (or nobody: a
restart, a deleted video), `ladderd` is a defect to report. *Retried* says whether the job is tried again
by itself. Failures of the worker and of the encode are tried `queue.max_attempts` times; failures of the
store, the queue and the key endpoint do not count as attempts.

| Code | Fault | Retried | Meaning | Advice |
|---|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;
    use FailureCode::*;

    /// Codes with this class and fault, as text.
    fn codes(class: FaultClass, fault_of: FaultOf) -> String {
        let all = FailureCode::ALL.iter();
        let found = all.filter(|code| code.class() == class && code.fault_of() == fault_of);
        found.map(|code| code.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_code_has_a_class_and_a_fault() {
        let table = [
            (
                FaultClass::Permanent,
                FaultOf::Source,
                "not-media no-video undecodable encrypted source-empty source-damaged \
                 source-truncated probe-timeout source-too-large too-long picture-too-large \
                 picture-too-small frame-rate-too-high too-many-tracks too-many-pixels memory-limit \
                 job-timeout source-missing pull-unreachable pull-refused pull-address \
                 pull-too-large pull-changed pull-timeout pull-failed",
            ),
            (FaultClass::Retryable, FaultOf::Source, "source-gone source-changed"),
            (
                FaultClass::Retryable,
                FaultOf::Surroundings,
                "source-unavailable source-read store-denied store-rejected store-unavailable \
                 queue-unavailable \
                 publish-failed key-unavailable key-length key-settings gstreamer-init sandbox-incomplete \
                 element-missing no-backend trial worker-spawn worker-order worker-resource busy claim-lost \
                 lease-lost cancelled stopped",
            ),
            (FaultClass::Poison, FaultOf::Surroundings, "message-not-json message-unknown-shape"),
            (
                FaultClass::Retryable,
                FaultOf::Us,
                "pipeline-failed pipeline-build sink-not-ready probe-busy worker-died \
                 worker-stalled worker-misbehaved worker-unfinished stream-incomplete daemon-died",
            ),
            (FaultClass::Permanent, FaultOf::Surroundings, "stream-gone"),
            (FaultClass::Permanent, FaultOf::Us, "format-unsupported not-conformant"),
        ];
        let mut count = 0;
        for (class, fault_of, expected) in table {
            assert_eq!(codes(class, fault_of), expected, "{class:?} {fault_of:?}");
            count += expected.split(' ').count();
        }
        assert_eq!(count, FailureCode::ALL.len());
    }

    #[test]
    fn broken_encodes_may_be_the_backends_fault() {
        let all = FailureCode::ALL.iter().copied();
        let found: Vec<_> = all.filter(|code| code.may_be_backend()).collect();
        let expected = [
            ElementMissing,
            PipelineFailed,
            PipelineBuild,
            WorkerDied,
            WorkerStalled,
            WorkerUnfinished,
            StreamIncomplete,
            FormatUnsupported,
            NotConformant,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_code_is_its_text_in_every_form() {
        for code in FailureCode::ALL {
            let text = code.as_str();
            assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{text}");
            assert_eq!(text.parse(), Ok(*code));
            assert_eq!(code.to_string(), text);
            assert_eq!(serde_json::to_value(code).unwrap(), text);
            assert_eq!(serde_json::from_value::<FailureCode>(text.into()).unwrap(), *code);
        }
        assert_eq!("x".parse::<FailureCode>(), Err(UnknownCode("x".to_owned())));
    }

    #[test]
    fn sentences_fit_a_row_of_the_reference() {
        for code in FailureCode::ALL {
            for text in [code.sentence(), code.advice()] {
                assert!(text.ends_with('.') && !text.contains(['|', '\n']), "{code}: {text}");
            }
        }
    }
}
