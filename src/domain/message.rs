//! The request in a message of the queue.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::doctor::probe;
use super::failure_code::FailureCode;
use super::job::JobRequest;
use super::outcome::Fault;
use super::sources::SourceFilter;

/// A message that is understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The jobs that it asks for.
    pub jobs: Vec<JobRequest>,
    /// Other objects that it names, and why they are no job.
    pub ignored: Vec<String>,
    /// Nonces of the probes of `ladderd doctor` that it names: whoever receives one writes an echo.
    pub probes: Vec<String>,
}

/// A message that is not understood: nobody else will understand it later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Poison {
    /// It is no JSON.
    #[error("the message is not JSON: {0}")]
    NotJson(String),
    /// It is JSON of an unknown shape.
    #[error("the message is neither an S3 event nor {{\"bucket\", \"key\"}}: {0}")]
    UnknownShape(String),
}

impl Fault for Poison {
    fn code(&self) -> FailureCode {
        match self {
            Self::NotJson(_) => FailureCode::MessageNotJson,
            Self::UnknownShape(_) => FailureCode::MessageUnknownShape,
        }
    }
}

/// Reads a message: an S3 event notification (also through SNS or EventBridge), S3's test event,
/// or our own `{"bucket", "key"}`.
///
/// # Errors
/// If it is none of these.
pub fn parse(body: &str, private_bucket: &str, filter: &SourceFilter) -> Result<Parsed, Poison> {
    let value: Value =
        serde_json::from_str(body).map_err(|error| Poison::NotJson(error.to_string()))?;
    if value.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(Parsed { ignored: vec!["S3's test event".to_owned()], ..Parsed::default() });
    }
    if let (Some("Notification"), Some(inner)) =
        (value.get("Type").and_then(Value::as_str), value.get("Message").and_then(Value::as_str))
    {
        return parse(inner, private_bucket, filter);
    }
    let mut parsed = Parsed::default();
    if value.get("Records").is_some() {
        let notification: Notification = shape(value)?;
        for record in notification.records {
            parsed.take(record, private_bucket, filter);
        }
    } else if value.get("detail-type").is_some() {
        let event: BridgeEvent = shape(value)?;
        parsed.judge(event.into(), private_bucket, filter);
    } else {
        let own: OwnMessage = shape(value)?;
        parsed.judge(own.into(), private_bucket, filter);
    }
    Ok(parsed)
}

/// A message of our own that asks for this object.
#[must_use]
pub fn own(bucket: &str, key: &str) -> String {
    serde_json::json!({"bucket": bucket, "key": key}).to_string()
}

fn shape<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Poison> {
    serde_json::from_value(value).map_err(|error| Poison::UnknownShape(error.to_string()))
}

impl Parsed {
    fn take(&mut self, record: Record, private_bucket: &str, filter: &SourceFilter) {
        if !record.event_name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
            self.ignored.push(format!("event {}", record.event_name));
            return;
        }
        match decode_key(&record.s3.object.key) {
            Some(key) => {
                let request = JobRequest {
                    bucket: record.s3.bucket.name,
                    key,
                    etag: record.s3.object.etag,
                    size_bytes: record.s3.object.size,
                    sequencer: record.s3.object.sequencer,
                    stored_at: time(record.event_time.as_ref()),
                };
                self.judge(request, private_bucket, filter);
            }
            None => self.ignored.push(format!("key {:?} is no UTF-8", record.s3.object.key)),
        }
    }

    fn judge(&mut self, request: JobRequest, private_bucket: &str, filter: &SourceFilter) {
        if request.bucket != private_bucket {
            self.ignored.push(format!("bucket {:?} is not ours", request.bucket));
        } else if let Some(nonce) = probe::nonce(&request.key) {
            self.probes.push(nonce.to_owned());
        } else if let Err(reason) = filter.accept(&request.key) {
            self.ignored.push(reason.to_string());
        } else {
            self.jobs.push(request);
        }
    }
}

/// The time of an event, if it is one: it serves measurements alone.
fn time(value: Option<&Value>) -> Option<Timestamp> {
    value?.as_str()?.parse().ok()
}

/// Keys in notifications are form-encoded; stores differ in what they encode, so all is accepted:
/// `+` and `%20` for a space, `/` and `%2F`.
fn decode_key(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    event_name: String,
    #[serde(rename = "eventTime", default)]
    event_time: Option<Value>,
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: BucketName,
    object: Object,
}

#[derive(Deserialize)]
struct BucketName {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default, rename = "eTag", alias = "etag")]
    etag: Option<String>,
    #[serde(default)]
    sequencer: Option<String>,
}

/// EventBridge does not encode keys.
#[derive(Deserialize)]
struct BridgeEvent {
    detail: Entity,
    #[serde(default)]
    time: Option<Value>,
}

impl From<BridgeEvent> for JobRequest {
    fn from(event: BridgeEvent) -> Self {
        let Entity { bucket, object } = event.detail;
        Self {
            bucket: bucket.name,
            key: object.key,
            etag: object.etag,
            size_bytes: object.size,
            sequencer: object.sequencer,
            stored_at: time(event.time.as_ref()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnMessage {
    bucket: String,
    key: String,
    #[serde(default)]
    etag: Option<String>,
}

impl From<OwnMessage> for JobRequest {
    fn from(message: OwnMessage) -> Self {
        let OwnMessage { bucket, key, etag } = message;
        Self { bucket, key, etag, size_bytes: None, sequencer: None, stored_at: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn record(event: &str, bucket: &str, key: &str) -> Value {
        json!({"eventName": event, "s3": {
            "bucket": {"name": bucket},
            "object": {"key": key, "size": 7, "eTag": "abc", "sequencer": "0055AED6"}
        }})
    }

    fn keys(body: &Value) -> Vec<String> {
        let parsed = parse(&body.to_string(), "uploads", &SourceFilter::default()).unwrap();
        parsed.jobs.into_iter().map(|job| job.key).collect()
    }

    #[test]
    fn every_way_an_event_comes_is_understood() {
        let put = record("ObjectCreated:Put", "uploads", "a+b/%C3%A4%2Fc%20d.mp4");
        let notification = json!({"Records": [put]});
        let decoded = ["a b/ä/c d.mp4"];
        assert_eq!(keys(&notification), decoded);
        let through_sns = json!({"Type": "Notification", "Message": notification.to_string()});
        assert_eq!(keys(&through_sns), decoded);
        let bridge = json!({"detail-type": "Object Created", "detail": {
            "bucket": {"name": "uploads"}, "object": {"key": "a+b.mp4", "size": 7, "etag": "abc"}}});
        assert_eq!(keys(&bridge), ["a+b.mp4"]);
        let ours: Value = serde_json::from_str(&own("uploads", "x \"y.mp4")).unwrap();
        assert_eq!(keys(&ours), ["x \"y.mp4"]);
        let prefixed = record("s3:ObjectCreated:CompleteMultipartUpload", "uploads", "x.MOV");
        assert_eq!(
            keys(&json!({"Records": [prefixed, record("ObjectCreated:Copy", "uploads", "y")]})),
            ["x.MOV", "y"]
        );
    }

    #[test]
    fn what_is_no_job_is_ignored_with_its_reason() {
        let ignored = [
            json!({"Event": "s3:TestEvent", "Bucket": "uploads"}),
            json!({"Records": [record("ObjectRemoved:Delete", "uploads", "x")]}),
            json!({"Records": [record("ObjectCreated:Put", "other", "x")]}),
            json!({"Records": [record("ObjectCreated:Put", "uploads", "records/ab.json")]}),
            json!({"Records": [record("ObjectCreated:Put", "uploads", "folder/")]}),
            json!({"Records": [record("ObjectCreated:Put", "uploads", "%FF")]}),
        ];
        for body in ignored {
            let parsed = parse(&body.to_string(), "uploads", &SourceFilter::default()).unwrap();
            assert_eq!((parsed.jobs.len(), parsed.ignored.len()), (0, 1), "{body}");
        }
    }

    #[test]
    fn probes_are_told_apart_from_sources() {
        let key = "in/doctor-0123456789abcdef/";
        let bodies = [
            json!({"Records": [record("ObjectCreated:Put", "uploads", key)]}),
            json!({"bucket": "uploads", "key": key}),
        ];
        for body in bodies {
            let parsed = parse(&body.to_string(), "uploads", &SourceFilter::default()).unwrap();
            assert_eq!(parsed.probes, ["0123456789abcdef"]);
            assert_eq!((parsed.jobs.len(), parsed.ignored.len()), (0, 0), "{body}");
        }
        let other = json!({"bucket": "other", "key": key});
        let parsed = parse(&other.to_string(), "uploads", &SourceFilter::default()).unwrap();
        assert_eq!((parsed.probes.len(), parsed.ignored.len()), (0, 1));
    }

    #[test]
    fn what_nobody_understands_is_poison() {
        for (body, code) in [
            ("", "message-not-json"),
            ("hello", "message-not-json"),
            ("{}", "message-unknown-shape"),
            ("[]", "message-unknown-shape"),
            (r#"{"Records": 7}"#, "message-unknown-shape"),
            (r#"{"bucket": "uploads", "key": "x", "more": 1}"#, "message-unknown-shape"),
        ] {
            assert_eq!(
                parse(body, "uploads", &SourceFilter::default()).unwrap_err().code().as_str(),
                code,
                "{body}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_key_survives_its_encoding(key in "[^/]{1,40}") {
            prop_assume!(SourceFilter::default().accept(&key).is_ok());
            let encoded = percent_encoding::utf8_percent_encode(&key, percent_encoding::NON_ALPHANUMERIC).to_string();
            for text in [encoded.replace("%20", "+"), encoded] {
                let body = json!({"Records": [record("ObjectCreated:Put", "uploads", &text)]});
                prop_assert_eq!(keys(&body), vec![key.clone()]);
            }
        }
    }
}
