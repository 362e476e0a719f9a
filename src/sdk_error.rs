//! Errors of the AWS SDK in one sentence.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// Describes a failed call: code and message of the answer, its status if it has no code, or the causes if
/// there was no answer. It has no debug text and nothing of the request.
pub fn describe<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if let Some(code) = error.code() {
        return match error.message() {
            Some(message) => format!("{code}: {}", message.trim_end_matches('.')),
            None => code.to_owned(),
        };
    }
    if let Some(response) = error.raw_response() {
        return format!("the answer has the status {}", response.status().as_u16());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::get_object::GetObjectError;
    use aws_sdk_s3::primitives::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    fn answer(status: u16, meta: ErrorMetadata) -> SdkError<GetObjectError, HttpResponse> {
        let response =
            HttpResponse::new(status.try_into().unwrap(), SdkBody::from("<Error>secret"));
        SdkError::service_error(GetObjectError::generic(meta), response)
    }

    #[test]
    fn answers_are_told_by_code_or_status() {
        let meta = ErrorMetadata::builder().code("SlowDown").message("Reduce your rate.").build();
        assert_eq!(describe(&answer(503, meta)), "SlowDown: Reduce your rate");
        let meta = ErrorMetadata::builder().code("AccessDenied").build();
        assert_eq!(describe(&answer(403, meta)), "AccessDenied");
        let meta = ErrorMetadata::builder().build();
        assert_eq!(describe(&answer(404, meta)), "the answer has the status 404");
    }

    #[test]
    fn calls_without_an_answer_are_told_by_their_causes() {
        let cause = std::io::Error::other("connection refused");
        let error = SdkError::<GetObjectError, HttpResponse>::timeout_error(cause);
        assert_eq!(describe(&error), "request has timed out: connection refused");
    }
}
