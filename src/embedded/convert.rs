//! Conversions to the types of the S3 protocol and of SQLite.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// A size in bytes as SQLite and S3 have it.
pub(super) fn to_i64(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// A time as S3 has it, with milliseconds. Times before 1970 become 1970.
pub(super) fn to_s3_timestamp(time: Timestamp) -> s3s::dto::Timestamp {
    let since_epoch = u64::try_from(time.as_millisecond()).unwrap_or_default();
    (SystemTime::UNIX_EPOCH + Duration::from_millis(since_epoch)).into()
}
