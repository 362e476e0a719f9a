//! The event of a new object, in the form of an S3 notification.

use jiff::Timestamp;
use serde_json::json;

use super::names;

/// An object that was created in the private bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCreated {
    /// Name of the bucket.
    pub bucket: String,
    /// Key, not encoded.
    pub key: String,
    /// Entity tag without quotes.
    pub etag: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Orders the events of one key: 16 hex digits, greater is later.
    pub sequencer: String,
    /// Name as in S3, such as `ObjectCreated:Put`.
    pub event_name: &'static str,
    /// Time of the write.
    pub time: Timestamp,
}

/// Renders the event as the JSON text of an S3 notification (structure version 2.1), as AWS sends
/// it to SQS.
#[must_use]
pub fn body(event: &ObjectCreated) -> String {
    let key = names::url_encoded(&event.key);
    json!({"Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": event.time.to_string(),
        "eventName": event.event_name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "ladderd",
            "bucket": {"name": event.bucket, "arn": format!("arn:aws:s3:::{}", event.bucket)},
            "object": {
                "key": key,
                "size": event.size_bytes,
                "eTag": event.etag,
                "sequencer": event.sequencer,
            }
        }
    }]})
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message;
    use crate::domain::sources::SourceFilter;

    #[test]
    fn the_message_parser_reads_the_key_back() {
        for key in ["a/b.mp4", "ä ö+ü.mov", "100%.mp4", "a?b&c=d#e", "..%2f../x", "\u{1F600}"] {
            let event = ObjectCreated {
                bucket: "uploads".to_owned(),
                key: key.to_owned(),
                etag: "abc".to_owned(),
                size_bytes: 7,
                sequencer: "0000000000000001".to_owned(),
                event_name: "ObjectCreated:Put",
                time: Timestamp::UNIX_EPOCH,
            };
            let parsed =
                message::parse(&body(&event), "uploads", &SourceFilter::default()).unwrap();
            assert_eq!(parsed.jobs[0].key, key);
            assert_eq!(parsed.jobs[0].size_bytes, Some(7));
            assert_eq!(parsed.jobs[0].sequencer.as_deref(), Some("0000000000000001"));
        }
    }
}
