//! One example of each error of the API, for its document. Status, code and text are those of the errors
//! themselves.

use std::time::Duration;

use axum::http::StatusCode;

use super::{Error, Problem};
use crate::domain::auth::Scope;
use crate::domain::play::claims::Refusal;
use crate::{auth, play, queue, store};

/// An example of an error.
#[derive(Clone, Debug)]
pub(in crate::http) struct Sample {
    /// Beginnings of the paths that may answer it.
    pub(in crate::http) paths: Paths,
    /// Its body.
    pub(in crate::http) problem: Problem,
}

/// Beginnings of paths.
type Paths = &'static [&'static str];

/// Every path.
const ANY: Paths = &["/"];
/// The paths of private streams.
const PLAY: Paths = &["/play"];
/// The paths of viewers, who show playback tokens.
const VIEWER: Paths = &["/play", "/v1/playback"];
/// The paths of sessions.
const SESSION: Paths = &["/v1/session"];
/// The paths of uploads.
const UPLOADS: Paths = &["/v1/uploads"];

/// Examples of all errors, ordered by status and code.
pub(in crate::http) fn samples() -> Vec<Sample> {
    let errors = requests().into_iter().chain(accounts()).chain(playback()).chain(surroundings());
    let mut samples: Vec<Sample> =
        errors.map(|(paths, error)| Sample { paths, problem: Problem::of(&error) }).collect();
    // axum refuses these before a handler sees them.
    for (status, detail) in [
        (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Expected request with `Content-Type: application/json`",
        ),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Failed to deserialize the JSON body into the target type: missing field `filename`",
        ),
    ] {
        let problem = Problem::new(status, super::INVALID_REQUEST, detail.to_owned());
        samples.push(Sample { paths: ANY, problem });
    }
    samples.sort_by(|a, b| {
        (a.problem.status, &a.problem.code).cmp(&(b.problem.status, &b.problem.code))
    });
    samples
}

/// Faults of requests.
fn requests() -> Vec<(Paths, Error)> {
    let text = str::to_owned;
    vec![
        (ANY, Error::NotFound(text("video 5f2b9c1d7e3a40688d10 does not exist"))),
        (ANY, Error::Misdirected(text("video.example.com"))),
        (ANY, Error::CrossOrigin),
        (ANY, Error::PastTheProxy),
        (ANY, Error::MethodNotAllowed),
        (ANY, Error::Invalid(text("filename: must end with one of .mp4, .mov, .mkv"))),
        (ANY, Error::Conflict(text("the video is being processed"))),
        (ANY, Error::Changed(text("the video has changed since: read it again"))),
        (UPLOADS, Error::NoSpace { size_bytes: 734_003_200, free_bytes: 104_857_600 }),
        (ANY, Error::TooLarge(text("size_bytes: must be at most 107374182400"))),
        (ANY, Error::TooMany(Duration::from_secs(1))),
        (ANY, Error::Timeout),
    ]
}

/// Missing and wrong credentials of accounts.
fn accounts() -> Vec<(Paths, Error)> {
    vec![
        (ANY, Error::NotSignedIn),
        (ANY, Error::Forbidden(&[Scope::Manage])),
        (ANY, auth::Error::InvalidToken.into()),
        (ANY, auth::Error::InvalidSession.into()),
        (ANY, auth::Error::InvalidGrant.into()),
        (SESSION, auth::Error::InvalidCode.into()),
    ]
}

/// Refusals of the gateway to private streams.
fn playback() -> Vec<(Paths, Error)> {
    let refusals = [
        Refusal::Missing,
        Refusal::Malformed,
        Refusal::Algorithm,
        Refusal::UnknownKey,
        Refusal::Signature,
        Refusal::Expired,
        Refusal::NotYetValid,
        Refusal::OtherVideo,
    ];
    let others =
        [play::Error::NoMasterKey { version: "2".to_owned() }, play::Error::ShortCredentials];
    let refused = refusals.into_iter().map(play::Error::Refused);
    let refused = refused.map(|error| (VIEWER, Error::Play(error)));
    refused.chain(others.map(|error| (PLAY, Error::Play(error)))).collect()
}

/// Failures of what the daemon depends on, and of itself.
fn surroundings() -> Vec<(Paths, Error)> {
    let text = str::to_owned;
    let key = || "a1b2c3/film.mp4".to_owned();
    let missing = store::Error::NotFound { operation: "ListParts", key: key() };
    let changed = store::Error::PreconditionFailed { operation: "PutObject", key: key() };
    let reason = text("EntityTooSmall: the part is too small");
    let rejected =
        store::Error::Rejected { operation: "CompleteMultipartUpload", key: key(), reason };
    let reason = text("InvalidAccessKeyId: this key does not exist");
    let denied = store::Error::Denied { operation: "GetObject", key: key(), reason };
    let reason = text("connection refused");
    let unavailable = store::Error::Unavailable { operation: "GetObject", key: key(), reason };
    let queue =
        queue::Error::Unavailable { operation: "SendMessage", reason: text("connection refused") };
    vec![
        (ANY, missing.into()),
        (ANY, changed.into()),
        (ANY, rejected.into()),
        (ANY, denied.into()),
        (ANY, unavailable.into()),
        (ANY, queue.into()),
        (ANY, Error::NotReady(text("the daemon is stopping"))),
        (ANY, Error::Internal(text("an internal error"))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether an error has an example, by its variant. A new variant does not compile without an answer.
    fn is_sampled(error: &Error) -> bool {
        match error {
            Error::NotFound(_)
            | Error::Misdirected(_)
            | Error::CrossOrigin
            | Error::PastTheProxy
            | Error::NotSignedIn
            | Error::Forbidden(_)
            | Error::TooMany(_)
            | Error::Auth(_)
            | Error::MethodNotAllowed
            | Error::Invalid(_)
            | Error::Conflict(_)
            | Error::Changed(_)
            | Error::TooLarge(_)
            | Error::NoSpace { .. }
            | Error::NotReady(_)
            | Error::Timeout
            | Error::Play(_)
            | Error::Store(_)
            | Error::Queue(_)
            | Error::Internal(_) => true,
            // Its body has the state of each part as well.
            Error::Unready(_) => false,
        }
    }

    #[test]
    fn every_example_is_the_body_of_its_error() {
        let all = requests().into_iter().chain(accounts()).chain(playback()).chain(surroundings());
        let kinds: std::collections::HashSet<_> = all
            .filter(|(_, error)| is_sampled(error))
            .map(|(_, e)| std::mem::discriminant(&e))
            .collect();
        // Every variant but `Unready`.
        assert_eq!(kinds.len(), 20);
        for Sample { problem, .. } in samples() {
            assert!((400..600).contains(&problem.status), "{problem:?}");
            assert!(!problem.code.is_empty() && !problem.detail.is_empty(), "{problem:?}");
        }
    }

    #[test]
    fn status_and_code_name_one_example() {
        let samples = samples();
        let names: std::collections::BTreeSet<_> =
            samples.iter().map(|s| (s.problem.status, s.problem.code.clone())).collect();
        assert_eq!(names.len(), samples.len(), "{names:?}");
    }
}
