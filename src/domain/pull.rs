//! Videos whose source the daemon pulls from a URL: the record `pulls/<id>.json` of the private bucket.
//!
//! It exists until the source is in the bucket. Its URL may hold a signature, so the record is the one place that
//! has it: views and logs name the host.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::claim::{Claimant, LIFE_IN_RENEWALS};
use super::job::VideoId;
use super::pull_view::{PullView, host};
use super::video::VideoError;

/// Most parts of an S3 upload.
const MAX_PARTS: u64 = 10_000;

/// Where a pull stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullState {
    /// No box works at it.
    Waiting,
    /// A box works at it, as long as it renews the record.
    Running,
    /// It is given up, until somebody retries it.
    Failed,
}

/// A version of the file at the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Size in bytes, if the server states it.
    pub size_bytes: Option<u64>,
    /// Strong entity tag, or time of the last change: the value of `If-Range`.
    pub validator: Option<String>,
    /// Whether the server sends ranges.
    pub has_ranges: bool,
}

impl Version {
    /// Whether a part of this version may be joined with a part of the other.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let sizes = self.size_bytes.zip(other.size_bytes);
        sizes.is_none_or(|(one, other)| one == other) && self.validator == other.validator
    }

    /// Whether a pull of this version may go on in the middle.
    #[must_use]
    pub fn is_resumable(&self) -> bool {
        self.has_ranges && self.validator.is_some()
    }
}

/// The multipart upload of a pull.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullUpload {
    /// Id of the upload in the store.
    pub id: String,
    /// Size of every part but the last.
    pub part_size_bytes: u64,
    /// Version of the file that is uploaded.
    pub version: Version,
}

/// Facts for the view of a video, none of them secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullFacts {
    /// Where it stands.
    pub state: PullState,
    /// Why it failed.
    pub error: Option<VideoError>,
    /// View of it in the API.
    pub view: PullView,
}

/// The record of a pull.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRecord {
    /// The video's id.
    pub id: VideoId,
    /// URL of the file, with all that is secret in it.
    pub url: String,
    /// Key of the source in the private bucket.
    pub key: String,
    /// Account that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where it stands.
    pub state: PullState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<VideoError>,
    /// The upload that has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<PullUpload>,
    /// Bytes that are in the store.
    #[serde(default)]
    pub pulled_bytes: u64,
    /// When a box first worked at it, since it was asked for or retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// The box that works at it, and the instance of that box; see [`Claimant`].
    #[serde(default)]
    pub box_id: String,
    /// Instance of that box.
    #[serde(default)]
    pub instance: String,
    /// Counts the writes, so that no two are alike.
    #[serde(default)]
    pub renewal: u64,
}

/// Without the URL.
impl std::fmt::Debug for PullRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (id, state, pulled_bytes) = (&self.id, self.state, self.pulled_bytes);
        write!(f, "PullRecord({id}, {state:?}, {pulled_bytes} bytes)")
    }
}

impl PullRecord {
    /// A pull that nobody has begun.
    #[must_use]
    pub fn new(id: VideoId, key: String, url: String) -> Self {
        Self {
            id,
            url,
            key,
            owner: None,
            state: PullState::Waiting,
            error: None,
            upload: None,
            pulled_bytes: 0,
            began_at: None,
            box_id: String::new(),
            instance: String::new(),
            renewal: 0,
        }
    }

    /// The pull from its start, as somebody asked for after it had failed.
    #[must_use]
    pub fn again(&self) -> Self {
        let new = Self::new(self.id.clone(), self.key.clone(), self.url.clone());
        Self { renewal: self.renewal + 1, owner: self.owner.clone(), ..new }
    }

    /// Whether a box may take the pull, whose record was written this long ago. A box takes what an earlier process
    /// of its own has left at once.
    #[must_use]
    pub fn is_free(&self, age: Duration, renewal: Duration, claimant: &Claimant) -> bool {
        match self.state {
            PullState::Waiting => true,
            PullState::Failed => false,
            PullState::Running => {
                let is_own = self.box_id == claimant.box_id && self.instance == claimant.instance;
                is_own || age >= renewal * LIFE_IN_RENEWALS
            }
        }
    }

    /// The pull as this box holds it from now on.
    #[must_use]
    pub fn taken_by(&self, claimant: &Claimant, now: Timestamp) -> Self {
        Self {
            state: PullState::Running,
            began_at: self.began_at.or(Some(now)),
            box_id: claimant.box_id.clone(),
            instance: claimant.instance.clone(),
            renewal: self.renewal + 1,
            ..self.clone()
        }
    }

    /// Facts for the view of its video.
    #[must_use]
    pub fn facts(&self) -> PullFacts {
        PullFacts { state: self.state, error: self.error.clone(), view: self.view() }
    }

    /// View of it in the API.
    #[must_use]
    pub fn view(&self) -> PullView {
        let size_bytes = self.upload.as_ref().and_then(|upload| upload.version.size_bytes);
        PullView { host: host(&self.url).to_owned(), pulled_bytes: self.pulled_bytes, size_bytes }
    }
}

/// Name of the file that a URL leads to: the last segment of its path, decoded. `None` if it has none.
#[must_use]
pub fn filename_of(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (_, rest) = path.split_once("://")?;
    let (_, path) = rest.split_once('/')?;
    let name = path.rsplit('/').next().unwrap_or_default();
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    (!name.trim().is_empty()).then(|| name.chars().take(60).collect())
}

/// Whether a pull may connect to this port: those of the web, and those that no service of the system has.
#[must_use]
pub fn is_allowed_port(port: Option<u16>) -> bool {
    port.is_none_or(|port| matches!(port, 80 | 443 | 1024..))
}

/// Size of the parts of a file of this size, or of one that may have up to `max_bytes`.
#[must_use]
pub fn part_size_bytes(size_bytes: Option<u64>, max_bytes: u64, configured: u64) -> u64 {
    const MIB: u64 = 1 << 20;
    let size = size_bytes.unwrap_or(max_bytes);
    configured.max(size.div_ceil(MAX_PARTS).next_multiple_of(MIB))
}

/// The value of `Content-Range` in a 206: offset of the first byte, offset behind the last one, and size of the whole
/// file if it is stated.
#[must_use]
pub fn content_range(value: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, size) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let size = match size.trim() {
        "*" => None,
        size => Some(size.parse().ok().filter(|size| last < *size)?),
    };
    let end = last.checked_add(1).filter(|_| first <= last)?;
    Some((first, end, size))
}

/// The value of `Content-Range` in a 416: size of the whole file.
#[must_use]
pub fn unsatisfied_size(value: &str) -> Option<u64> {
    value.trim().strip_prefix("bytes */")?.trim().parse().ok()
}

/// Those of the listed parts of an upload, as number and size in bytes, that are the beginning of the file: how many,
/// and how many bytes. The last part of the file may be a short one.
#[must_use]
pub fn beginning(upload: &PullUpload, listed: &[(u32, u64)]) -> (usize, u64) {
    let (mut count, mut bytes) = (0, 0);
    for (expected, (number, size_bytes)) in (1..).zip(listed) {
        let is_last = upload.version.size_bytes == Some(bytes + size_bytes);
        if *number != expected || !(is_last || *size_bytes == upload.part_size_bytes) {
            break;
        }
        count += 1;
        bytes += size_bytes;
    }
    (count, bytes)
}

/// The value of `If-Range` for a response with these headers: a strong entity tag, else the time of the last change.
#[must_use]
pub fn validator(etag: Option<&str>, last_modified: Option<&str>) -> Option<String> {
    let strong = etag.filter(|etag| etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'));
    strong.or(last_modified.filter(|time| !time.is_empty())).map(str::to_owned)
}

#[cfg(test)]
mod tests;
