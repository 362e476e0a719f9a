//! Records of a video in the buckets. There is no other database of videos.
//!
//! Private bucket: `records/<id>.json` ([`UploadRecord`]) and `claims/<id>.json`. Home of the stream, which is
//! the public bucket or `streams/` in the private one: `<id>/job.json` ([`JobRecord`]). Keys below
//! [`INTERNAL_PREFIXES`] are never sources.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::auth::token::AUTH_PREFIX;
use super::conformance::Report;
use super::hls::names;
use super::job::VideoId;
use super::metadata::Metadata;
use super::play::playlist;
use super::priority::Priority;
use super::text_track::{PublishedTrack, RENDITION_PREFIX};
use super::tombstone::TOMBSTONES_PREFIX;
use super::trace::Trace;
use super::video::{BackendFailure, RenditionView, Timings, VideoError};
use super::visibility::Visibility;
use super::warning::SourceWarning;

/// Prefix of the upload records.
pub const RECORDS_PREFIX: &str = "records/";
/// Prefix of the changes that boxes tell each other.
pub const CHANGES_PREFIX: &str = "changes/";
/// Prefix of the ids that other systems give to videos.
pub const EXTERNAL_IDS_PREFIX: &str = "external-ids/";
/// Prefix of the answers to requests with an idempotency key.
pub const IDEMPOTENCY_PREFIX: &str = "idempotency/";
/// Prefix of events, webhooks and deliveries.
pub const OUTBOX_PREFIX: &str = "outbox/";
/// Prefix of the sources that are pulled.
pub const PULLS_PREFIX: &str = "pulls/";
/// Prefix of private streams.
pub const STREAMS_PREFIX: &str = "streams/";
/// Prefix of the claims.
pub const CLAIMS_PREFIX: &str = "claims/";
/// Prefix of what users add to their videos.
pub const ADDITIONS_PREFIX: &str = "additions/";

/// Prefixes of what is ours in the private bucket, in the order of a listing.
pub const INTERNAL_PREFIXES: [&str; 11] = [
    ADDITIONS_PREFIX,
    AUTH_PREFIX,
    CHANGES_PREFIX,
    CLAIMS_PREFIX,
    EXTERNAL_IDS_PREFIX,
    IDEMPOTENCY_PREFIX,
    OUTBOX_PREFIX,
    PULLS_PREFIX,
    RECORDS_PREFIX,
    STREAMS_PREFIX,
    TOMBSTONES_PREFIX,
];

/// Prefix of what users have added to a video, in the private bucket.
#[must_use]
pub fn additions_prefix(id: &VideoId) -> String {
    format!("{ADDITIONS_PREFIX}{id}/")
}

/// Key of the encode settings that a user has chosen for a video, in the private bucket.
#[must_use]
pub fn encode_choice_key(id: &VideoId) -> String {
    format!("{}encode.json", additions_prefix(id))
}

/// Key of the poster that a user has chosen for a video, in the private bucket.
#[must_use]
pub fn poster_key(id: &VideoId) -> String {
    format!("{}poster.jpg", additions_prefix(id))
}

/// Prefix of the text tracks that were added to a video, in the private bucket.
#[must_use]
pub fn tracks_prefix(id: &VideoId) -> String {
    format!("{}tracks/", additions_prefix(id))
}

/// Key of the text track in this language that was added to a video, in the private bucket.
#[must_use]
pub fn track_key(id: &VideoId, language: &str) -> String {
    format!("{}{language}.json", tracks_prefix(id))
}

/// Key of the upload record of a video, in the private bucket.
#[must_use]
pub fn upload_record_key(id: &VideoId) -> String {
    format!("{RECORDS_PREFIX}{id}.json")
}

/// Key of the record of a pull, in the private bucket.
#[must_use]
pub fn pull_key(id: &VideoId) -> String {
    format!("{PULLS_PREFIX}{id}.json")
}

/// The note that a video has an id in another system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalId {
    /// The video.
    pub video: VideoId,
    /// When it was noted, by the clock of the store: the record of the video follows within [`HELD_FOR`].
    pub taken_at: Timestamp,
}

/// Time for which a note counts without a record: longer than any request takes.
pub const HELD_FOR: Duration = Duration::from_mins(10);

/// Key of the note of an id in another system, in the private bucket.
#[must_use]
pub fn external_id_key(external_id: &str) -> String {
    let hash = hex::encode(Sha256::digest(external_id));
    format!("{EXTERNAL_IDS_PREFIX}{hash}.json")
}

/// Key of the claim on a video, in the private bucket.
#[must_use]
pub fn claim_key(id: &VideoId) -> String {
    format!("{CLAIMS_PREFIX}{id}.json")
}

/// Key of the completion record of a video, in the home of its stream.
#[must_use]
pub fn job_record_key(id: &VideoId) -> String {
    format!("{id}/job.json")
}

/// Whether a key of the private bucket is one of ours rather than a source.
#[must_use]
pub fn is_internal_key(key: &str) -> bool {
    INTERNAL_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// Whether a key in the home of a stream is never written again once it is deleted: it is in the folder of an
/// attempt, which has a random name.
#[must_use]
pub fn is_immutable_key(key: &str) -> bool {
    let parts = key.split_once('/');
    parts.is_some_and(|(id, path)| VideoId::parse(id).is_some() && path.contains('/'))
}

/// Members of a record that this version does not know: boxes of a later one have written them. They stay when this
/// version changes the record.
pub type Rest = serde_json::Map<String, serde_json::Value>;

/// Facts of a source: written when an upload is asked for, or when a job first meets a
/// source that came another way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRecord {
    /// The video's id.
    pub id: VideoId,
    /// Key of the source in the private bucket.
    pub key: String,
    /// Name of the file as the uploader gave it.
    pub filename: String,
    /// Size in bytes that was announced or found.
    pub size_bytes: u64,
    /// Size of every part but the last in bytes, if it is uploaded in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_size_bytes: Option<u64>,
    /// Whether `POST /v1/uploads` made the key up, so that nobody else uses it.
    #[serde(default)]
    pub is_issued: bool,
    /// Account that asked for the upload: the id of its token, or `user:` and a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Who may watch the video. Decides where its stream is.
    #[serde(default)]
    pub visibility: Visibility,
    /// Its turn among the videos that wait.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// Description by people and programs.
    #[serde(flatten)]
    pub metadata: Metadata,
    /// Name that the uploader made from the content of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// Members of a later version.
    #[serde(flatten)]
    pub rest: Rest,
}

impl UploadRecord {
    /// Whether the source is pulled from a URL: that of any other issued upload has a size of its parts.
    #[must_use]
    pub fn is_pulled(&self) -> bool {
        self.is_issued && self.part_size_bytes.is_none()
    }
}

/// Whether a text may be the fingerprint of a file: 64 hex digits in lower case, as of SHA-256.
#[must_use]
pub fn is_fingerprint(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// How a video ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobOutcome {
    /// The stream is complete.
    Ready,
    /// No stream can be made.
    Failed,
}

/// The completion record, in the home of the stream: it names no key of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The video's id.
    pub id: VideoId,
    /// Name of the file.
    pub filename: String,
    /// How it ended.
    pub outcome: JobOutcome,
    /// Entity tag of the source that was published or refused.
    pub source_etag: String,
    /// Folder below `<id>/` that holds the stream; empty for a failure.
    pub attempt_id: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Backend that encoded.
    pub backend: Option<String>,
    /// Backends that failed at it before, in the same attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backend_failures: Vec<BackendFailure>,
    /// Duration in seconds.
    pub duration_secs: Option<f64>,
    /// The renditions with their measured rates.
    pub renditions: Vec<RenditionView>,
    /// The poster (JPEG), relative to this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster: Option<String>,
    /// The storyboard (`WebVTT`), relative to this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storyboard: Option<String>,
    /// The chapters (`WebVTT`), relative to this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chapters: Option<String>,
    /// Faults of the source with which it was published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<SourceWarning>,
    /// When things happened.
    pub timings: Timings,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<VideoError>,
    /// Findings and measurements of the check of the stream, before it was shown as whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conformance: Option<Report>,
    /// The steps of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
    /// A later version of the source that could not be published; the stream of the earlier one stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_update: Option<FailedUpdate>,
    /// Somebody wants the source to be encoded once more. The stream is shown until that is done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_outdated: bool,
    /// Text of `main.m3u8`, by which it is repaired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<String>,
    /// Text tracks that were added to the video.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text_tracks: Vec<PublishedTrack>,
    /// The poster that a user has chosen. It is shown in place of the other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_poster: Option<OwnPoster>,
    /// Files that viewers who have older playlists still load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<Superseded>,
    /// Members of a later version.
    #[serde(flatten)]
    pub rest: Rest,
}

/// A poster that a user has chosen, in a published stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnPoster {
    /// Entity tag of the kept poster that it is.
    pub version: String,
    /// Its path, relative to the record.
    pub path: String,
}

/// Files of a stream that newer ones have replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// Begin of their paths, relative to the record.
    pub prefix: String,
    /// Time at which they are removed.
    pub until: Timestamp,
}

/// A later version of the source that could not be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FailedUpdate {
    /// Entity tag of that version.
    pub source_etag: String,
    /// Why it failed.
    pub error: VideoError,
}

impl JobRecord {
    /// Whether the record says how this version of the source ended.
    #[must_use]
    pub fn covers(&self, source_etag: &str) -> bool {
        let failed = self.failed_update.as_ref().map(|update| update.source_etag.as_str());
        !self.is_outdated && failed.unwrap_or(&self.source_etag) == source_etag
    }

    /// The record of the same stream in another folder.
    #[must_use]
    pub fn in_folder(&self, folder: &str) -> Self {
        let moved = |path: &str| {
            let rest = path.strip_prefix(&self.attempt_id)?.strip_prefix('/')?;
            Some(format!("{folder}/{rest}")).filter(|_| !self.attempt_id.is_empty())
        };
        let path = |path: &Option<String>| {
            path.as_ref().map(|path| moved(path).unwrap_or_else(|| path.clone()))
        };
        Self {
            attempt_id: folder.to_owned(),
            poster: path(&self.poster),
            storyboard: path(&self.storyboard),
            chapters: path(&self.chapters),
            main: self.main.as_ref().map(|main| playlist::rewrite(main, |_, uri| moved(uri))),
            own_poster: self.own_poster.clone().map(|poster| OwnPoster {
                path: moved(&poster.path).unwrap_or(poster.path),
                ..poster
            }),
            superseded: Vec::new(),
            ..self.clone()
        }
    }

    /// The superseded files that are kept at this time, beside those that are replaced now and kept for so long.
    #[must_use]
    pub fn superseded_with(
        &self,
        prefixes: impl IntoIterator<Item = String>,
        now: Timestamp,
        kept_for: Duration,
    ) -> Vec<Superseded> {
        let until = now.checked_add(kept_for).unwrap_or(Timestamp::MAX);
        let new = prefixes.into_iter().map(|prefix| Superseded { prefix, until });
        let old = self.superseded.iter().filter(|old| old.until > now).cloned();
        old.chain(new).filter(|superseded| superseded.until > now).collect()
    }

    /// Whether the file with this path relative to the record is superseded, and still kept.
    fn is_kept(&self, path: &str, now: Timestamp) -> bool {
        self.superseded.iter().any(|old| old.until > now && path.starts_with(&old.prefix))
    }

    /// Whether the file with this path is in the folder of the stream and nothing of it. `shown` are the folders that
    /// `main.m3u8` names: an edit that died may have shown more than this record has.
    #[must_use]
    pub fn is_left_over(&self, path: &str, shown: &BTreeSet<String>, now: Timestamp) -> bool {
        let Some(file) = path.strip_prefix(&format!("{}/", self.attempt_id)) else { return false };
        let is_used = |track: &PublishedTrack| {
            file.strip_prefix(&track.rendition).is_some_and(|rest| rest.starts_with('/'))
        };
        let is_addition =
            file.starts_with(RENDITION_PREFIX) || file.starts_with(names::OWN_POSTER_PREFIX);
        let is_shown = self.own_poster.as_ref().is_some_and(|poster| poster.path == path);
        let is_used = self.text_tracks.iter().any(is_used) || is_shown;
        let is_named = shown.iter().any(|folder| path.starts_with(folder));
        is_addition && !is_used && !is_named && !self.is_kept(path, now)
    }

    /// The poster that is shown, relative to this record.
    #[must_use]
    pub fn shown_poster(&self) -> Option<&str> {
        let own = self.own_poster.as_ref().map(|poster| poster.path.as_str());
        own.or(self.poster.as_deref())
    }

    /// How the latest version of the source ended.
    #[must_use]
    pub fn latest_outcome(&self) -> JobOutcome {
        if self.failed_update.is_some() { JobOutcome::Failed } else { self.outcome }
    }
}

#[cfg(test)]
impl JobRecord {
    /// The record of a stream of version `v1` of the source, without anything that it need not have.
    pub(crate) fn ready(id: VideoId, attempt_id: &str) -> Self {
        Self {
            id,
            filename: String::new(),
            outcome: JobOutcome::Ready,
            source_etag: "v1".to_owned(),
            attempt_id: attempt_id.to_owned(),
            attempt: 1,
            backend: None,
            backend_failures: Vec::new(),
            duration_secs: None,
            renditions: Vec::new(),
            poster: None,
            storyboard: None,
            chapters: None,
            warnings: Vec::new(),
            timings: Timings::default(),
            error: None,
            conformance: None,
            trace: None,
            failed_update: None,
            is_outdated: false,
            main: None,
            text_tracks: Vec::new(),
            own_poster: None,
            superseded: Vec::new(),
            rest: Rest::new(),
        }
    }
}

/// Those of the keys below `<id>/` that belong to no whole stream at this time: `main.m3u8` first, unless it
/// shows the stream that is whole. The completion record stays, and so do superseded files until their time, and
/// streams in the folders `shown` that `main.m3u8` names: an attempt that died may have shown its own.
#[must_use]
pub fn left_behind(
    id: &VideoId,
    mut keys: Vec<String>,
    whole: Option<&JobRecord>,
    shown: &BTreeSet<String>,
    now: Timestamp,
) -> Vec<String> {
    let whole = whole.filter(|record| record.outcome == JobOutcome::Ready);
    let (main, record) = (names::main_key(id), job_record_key(id));
    let below = format!("{id}/");
    let is_left = |key: &str, whole: &JobRecord| {
        let path = key.strip_prefix(&below).unwrap_or(key);
        let is_in_folder = path.starts_with(&format!("{}/", whole.attempt_id));
        let is_of_stream = is_in_folder && !whole.is_left_over(path, shown, now);
        let stream_of = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
        let is_shown = || shown.iter().any(|folder| stream_of(folder) == stream_of(path));
        !is_of_stream && (is_in_folder || !is_shown()) && !whole.is_kept(path, now) && *key != main
    };
    keys.retain(|key| *key != record && whole.is_none_or(|whole| is_left(key, whole)));
    keys.sort_by_key(|key| *key != main);
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text_track::TrackKind;

    fn failed_update(etag: &str) -> FailedUpdate {
        let error = VideoError { code: "not-media".to_owned(), message: "no".to_owned() };
        FailedUpdate { source_etag: etag.to_owned(), error }
    }

    #[test]
    fn members_of_a_later_version_stay_in_a_record() {
        let id = VideoId::of_source("uploads", "k");
        let upload = serde_json::json!({
            "id": id, "key": "k", "filename": "film.mp4", "size_bytes": 7, "is_issued": true,
            "visibility": "public", "title": "A film", "created_at": "2026-01-01T00:00:00Z",
            "folder": {"path": ["a", 1, null]},
        });
        let record: UploadRecord = serde_json::from_value(upload.clone()).unwrap();
        assert_eq!(record.metadata.title.as_deref(), Some("A film"));
        assert_eq!(serde_json::to_value(&record).unwrap(), upload);
        let known = serde_json::to_value(JobRecord::ready(id, "a1")).unwrap();
        let mut job = known.clone();
        job["later"] = serde_json::json!([1.5, true]);
        let record: JobRecord = serde_json::from_value(job.clone()).unwrap();
        assert_eq!(record.rest.len(), 1);
        assert_eq!(serde_json::to_value(record.in_folder("a1")).unwrap(), job);
        let plain: JobRecord = serde_json::from_value(known).unwrap();
        assert_eq!(plain.rest.len(), 0);
    }

    #[test]
    fn a_stream_in_another_folder_is_the_same_stream() {
        let id = VideoId::of_source("uploads", "k");
        let main = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a1/audio/index.m3u8\"\n\
                    #EXT-X-STREAM-INF:BANDWIDTH=1,NAME=\"a1/\"\na1/720p/index.m3u8\n";
        let record = JobRecord {
            poster: Some("a1/poster.jpg".to_owned()),
            main: Some(main.to_owned()),
            ..JobRecord::ready(id, "a1")
        };
        let moved = record.in_folder("a2");
        assert_eq!(
            (moved.attempt_id.as_str(), moved.poster.as_deref()),
            ("a2", Some("a2/poster.jpg"))
        );
        let expected = main.replace("a1/audio", "a2/audio").replace("a1/720p", "a2/720p");
        assert_eq!(moved.main.as_deref(), Some(expected.as_str()));
        assert_eq!(moved.in_folder("a1"), record);
    }

    fn none() -> BTreeSet<String> {
        BTreeSet::new()
    }

    #[test]
    fn what_the_main_playlist_names_stays() {
        let id = VideoId::of_source("uploads", "k");
        let now = Timestamp::UNIX_EPOCH;
        let keys = |names: &[&str]| names.iter().map(|n| format!("{id}/{n}")).collect::<Vec<_>>();
        let there =
            ["a1/720p/seg.ts", "a2/track-en-1/seg.vtt", "a2/track-en-2/seg.vtt", "a3/poster.jpg"];
        let record = JobRecord::ready(id.clone(), "a2");
        let left = |whole, shown: &[&str]| {
            let shown = shown.iter().map(|&folder| folder.to_owned()).collect();
            left_behind(&id, keys(&there), whole, &shown, now)
        };
        assert_eq!(left(Some(&record), &[]), keys(&there));
        let edited = left(Some(&record), &["a2/720p/", "a2/track-en-2/"]);
        assert_eq!(edited, keys(&[there[0], there[1], there[3]]));
        assert_eq!(left(Some(&record), &["a3/720p/"]), keys(&there[..3]));
        assert_eq!(left(None, &["a3/720p/"]), keys(&there));
    }

    #[test]
    fn what_is_whole_stays_and_the_way_to_what_is_not_goes_first() {
        let id = VideoId::of_source("uploads", "k");
        let now = Timestamp::UNIX_EPOCH;
        let keys = |names: &[&str]| names.iter().map(|n| format!("{id}/{n}")).collect::<Vec<_>>();
        let there = ["a1/720p/seg.ts", "a2/720p/seg.ts", "job.json", "main.m3u8"];
        assert_eq!(
            left_behind(&id, keys(&there), None, &none(), now),
            keys(&["main.m3u8", "a1/720p/seg.ts", "a2/720p/seg.ts"])
        );
        let mut record = JobRecord::ready(id.clone(), "a2");
        assert_eq!(
            left_behind(&id, keys(&there), Some(&record), &none(), now),
            keys(&["a1/720p/seg.ts"])
        );
        record.failed_update = Some(failed_update("v2"));
        assert_eq!(
            left_behind(&id, keys(&there), Some(&record), &none(), now),
            keys(&["a1/720p/seg.ts"])
        );
        assert!(record.covers("v2") && !record.covers("v1") && !record.covers("v3"));
        assert_eq!(record.latest_outcome(), JobOutcome::Failed);
        record.failed_update = None;
        assert!(record.covers("v1") && !record.covers("v2"));
        let outdated = JobRecord { is_outdated: true, ..record.clone() };
        assert!(!outdated.covers("v1") && outdated.latest_outcome() == JobOutcome::Ready);
        record.outcome = JobOutcome::Failed;
        assert_eq!(left_behind(&id, keys(&there), Some(&record), &none(), now).len(), 3);
    }

    #[test]
    fn what_viewers_still_load_stays_until_its_time() {
        let id = VideoId::of_source("uploads", "k");
        let keys = |names: &[&str]| names.iter().map(|n| format!("{id}/{n}")).collect::<Vec<_>>();
        let there = [
            "a1/720p/seg.ts",
            "a11/x",
            "a2/track-de-1/seg.vtt",
            "a2/track-en-2/seg.vtt",
            "a2/720p/seg.ts",
        ];
        let second = |n| Timestamp::from_second(n).unwrap();
        let track = PublishedTrack {
            language: "en".to_owned(),
            kind: TrackKind::Subtitles,
            label: "en".to_owned(),
            is_default: false,
            version: "v".to_owned(),
            rendition: "track-en-2".to_owned(),
        };
        let record = JobRecord { text_tracks: vec![track], ..JobRecord::ready(id.clone(), "a2") };
        let gone = ["a1/".to_owned(), "a2/track-de-1/".to_owned()];
        let superseded = record.superseded_with(gone, second(10), Duration::from_secs(5));
        let record = JobRecord { superseded, ..record };
        let left = |at| left_behind(&id, keys(&there), Some(&record), &none(), second(at));
        assert_eq!(left(14), keys(&["a11/x"]));
        assert_eq!(left(15), keys(&there[..3]));
        let later = record.superseded_with(["a2/".to_owned()], second(14), Duration::from_secs(5));
        assert_eq!(later.len(), 3);
        assert_eq!(record.superseded_with([], second(15), Duration::from_secs(5)), []);
        assert_eq!(record.superseded_with(["x".to_owned()], second(15), Duration::ZERO), []);
        assert_eq!(record.in_folder("a3").superseded, []);
    }
}
