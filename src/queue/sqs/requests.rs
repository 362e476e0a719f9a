//! Values of requests to SQS, its counts and its errors.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};

use crate::queue::Error;
use crate::sdk_error;

/// Longest visibility timeout of SQS.
pub(super) const MAX_VISIBILITY: Duration = Duration::from_hours(12);
/// Longest attribute of a dead letter, in bytes. A whole SQS message may have 256 KiB.
const MAX_REASON_BYTES: usize = 4096;

/// Reads three counts of a queue; a missing one is 0.
pub(super) async fn counts(
    client: &Client,
    url: &str,
    names: [QueueAttributeName; 3],
) -> Result<[u64; 3], Error> {
    let request = client.get_queue_attributes().queue_url(url);
    let answer = request.set_attribute_names(Some(names.to_vec())).send().await;
    let answer = answer.map_err(|error| map_error("depth", &error))?;
    let number = |name| {
        let text = answer.attributes().and_then(|attributes| attributes.get(name));
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    };
    Ok([number(&names[0]), number(&names[1]), number(&names[2])])
}

/// A message attribute with this text. SQS refuses empty texts and control characters.
pub(super) fn text_attribute(value: &str) -> Result<MessageAttributeValue, Error> {
    let mut plain = String::new();
    for c in value.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if plain.len() + c.len_utf8() > MAX_REASON_BYTES {
            break;
        }
        plain.push(c);
    }
    if plain.is_empty() {
        plain.push('-');
    }
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(plain)
        .build()
        .map_err(|error| Error::Unavailable { operation: "dead-letter", reason: error.to_string() })
}

/// The duration in whole seconds, as SQS wants it: rounded up, so that no lease is too short, and
/// at most [`MAX_VISIBILITY`].
pub(super) fn whole_secs(duration: Duration) -> i32 {
    let duration = duration.min(MAX_VISIBILITY);
    let secs = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(secs).unwrap_or(i32::MAX)
}

/// Turns a failed SDK call into an [`Error`] by its error code.
pub(super) fn map_error<E>(
    operation: &'static str,
    error: &SdkError<E, aws_sdk_sqs::config::http::HttpResponse>,
) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    // The query protocol and the JSON protocol have different prefixes.
    let code = code.rsplit(['.', '#']).next().unwrap_or_default();
    match code {
        "MessageNotInflight" | "ReceiptHandleIsInvalid" => Error::LeaseLost,
        // Older servers use this code for an expired receipt and for a lease of over 12 h in all.
        "InvalidParameterValue" if operation == "extend" || operation == "retry" => {
            Error::LeaseLost
        }
        _ => {
            let reason = sdk_error::describe(error);
            Error::Unavailable { operation, reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_whole_seconds_that_sqs_accepts() {
        let table = [(0, 0), (1, 1), (200, 1), (1000, 1), (1001, 2), (43_200_001, 43_200)];
        for (millis, secs) in table {
            assert_eq!(whole_secs(Duration::from_millis(millis)), secs, "{millis}");
        }
    }

    #[test]
    fn reasons_become_attributes_that_sqs_accepts() {
        let value = |text: &str| text_attribute(text).unwrap().string_value().unwrap().to_owned();
        assert_eq!(value(""), "-");
        assert_eq!(value("a\u{0}b\nc ä"), "a b c ä");
        assert_eq!(value(&"ä".repeat(5000)).len(), MAX_REASON_BYTES);
    }
}
