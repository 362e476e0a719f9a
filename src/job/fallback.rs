//! Decides whether another backend may succeed after a failed encode run.

use super::error::Error;
use crate::domain::outcome::Fault as _;
use crate::domain::video::BackendFailure;
use crate::worker::parent;

/// Returns the failure of a backend if another one may succeed: the failure code allows it, or an element
/// of a device failed. `chosen` is the label of the backend that encoded; `None` before one was chosen,
/// which is a failure of none.
pub(crate) fn backend_failure(error: &Error, chosen: Option<String>) -> Option<BackendFailure> {
    let reported = if let Error::Worker(parent::Error::Failed(failure)) = error {
        Some(failure)
    } else {
        None
    };
    let of_device = reported.is_some_and(|failure| failure.of_device);
    let backend = chosen.filter(|_| of_device || error.code().may_be_backend())?;
    Some(BackendFailure {
        backend,
        element: reported.and_then(|failure| failure.element.clone()),
        code: error.code().as_str().to_owned(),
        message: error.to_string(),
        quarantined: false,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::conformance::{Finding, Level};
    use crate::domain::failure_code::FailureCode;
    use crate::publish::Incomplete;
    use crate::worker::protocol::Failure;

    fn failed(code: FailureCode, of_device: bool) -> Error {
        Error::Worker(parent::Error::Failed(Failure {
            element: Some("encoder0".to_owned()),
            of_device,
            ..Failure::new(code, "no")
        }))
    }

    fn died() -> Error {
        let (status, stderr) = ("signal: 11 (SIGSEGV)".to_owned(), "none".to_owned());
        Error::Worker(parent::Error::Died { has_read: true, status, stderr })
    }

    #[test]
    fn another_backend_is_tried_where_it_may_succeed() {
        let stalled = parent::Error::Stalled {
            has_read: true,
            after: Duration::from_mins(1),
            at: None,
            stderr: "none".into(),
        };
        let finding = Finding {
            rule: "RFC 8216 4.3.3.1".to_owned(),
            level: Level::Must,
            place: "720p/index.m3u8".to_owned(),
            line: None,
            time_ms: None,
            message: "no target duration".to_owned(),
        };
        let table = [
            (failed(FailureCode::PipelineFailed, false), true),
            (failed(FailureCode::PipelineBuild, false), true),
            (failed(FailureCode::ElementMissing, false), true),
            (failed(FailureCode::SourceDamaged, false), false),
            // A decoder of a device may call a source damaged that others decode.
            (failed(FailureCode::SourceDamaged, true), true),
            (failed(FailureCode::TooLong, false), false),
            (died(), true),
            (Error::Worker(stalled), true),
            (Error::Worker(parent::Error::Memory), false),
            (Error::Worker(parent::Misbehaviour::TooMuch("warnings").into()), false),
            (Error::Unfinished, true),
            (Error::NotConformant(finding), true),
            (Error::Publish(Incomplete::UnknownRendition(7).into()), true),
            (Error::TooSlow { limit_secs: 60 }, false),
            (Error::Stopped, false),
            (Error::ClaimLost, false),
        ];
        for (error, expected) in table {
            let failure = backend_failure(&error, Some("nvenc".to_owned()));
            assert_eq!(failure.is_some(), expected, "{error:?}");
            if let Some(failure) = failure {
                assert_eq!((failure.backend.as_str(), failure.quarantined), ("nvenc", false));
                assert_eq!(failure.code, error.code().as_str());
            }
            assert_eq!(backend_failure(&error, None), None, "a retry would never end: {error:?}");
        }
    }

    #[test]
    fn the_failed_element_is_named() {
        let element = |error| backend_failure(&error, Some("cpu".to_owned())).unwrap().element;
        let failed = failed(FailureCode::PipelineFailed, false);
        assert_eq!(element(failed).as_deref(), Some("encoder0"));
        assert_eq!(element(died()), None);
    }
}
