//! Conversions to the types of the S3 protocol and of SQLite.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use s3s::dto::TimestampFormat;

/// A size in bytes as SQLite and S3 have it.
pub(super) fn to_i64(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The text of an HTTP date (RFC 9110, section 5.6.7); `None` if it has none.
pub(super) fn to_http_date(time: &s3s::dto::Timestamp) -> Option<String> {
    let mut text = Vec::new();
    time.format(TimestampFormat::HttpDate, &mut text).ok()?;
    String::from_utf8(text).ok()
}

/// The time of an HTTP date; `None` if it is no date.
pub(super) fn from_http_date(text: &str) -> Option<s3s::dto::Timestamp> {
    s3s::dto::Timestamp::parse(TimestampFormat::HttpDate, text).ok()
}

/// The encoding of a body without `aws-chunked`, which ends with the transfer.
pub(super) fn without_chunks(encoding: Option<String>) -> Option<String> {
    let encoding = encoding?;
    let codings = encoding.split(',').map(str::trim);
    let kept: Vec<&str> =
        codings.filter(|name| !name.is_empty() && *name != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(", "))
}

/// A time as S3 has it, with milliseconds. Times before 1970 become 1970.
pub(super) fn to_s3_timestamp(time: Timestamp) -> s3s::dto::Timestamp {
    let since_epoch = u64::try_from(time.as_millisecond()).unwrap_or_default();
    (SystemTime::UNIX_EPOCH + Duration::from_millis(since_epoch)).into()
}
