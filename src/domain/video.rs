//! The view of a video in the API: one object, the same in `GET`, in the list and in the events.

use serde::{Deserialize, Serialize};

use super::metadata::Metadata;
use super::priority::Priority;
use super::pull_view::PullView;
use super::text_track::TextTrackView;
use super::visibility::Visibility;
use super::warning::SourceWarning;

/// Where a video stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VideoState {
    /// A URL was handed out, or the source is pulled from one; the object is not there yet.
    Uploading,
    /// The object is there; no attempt runs.
    Queued,
    /// The last attempt failed for reasons that lie outside the video; `error` says which. It is tried again.
    Waiting,
    /// An attempt runs.
    Running,
    /// The stream is complete.
    Ready,
    /// No stream can be made; `error` says why.
    Failed,
    /// It is deleted, and its objects are not gone yet.
    Deleting,
}

impl VideoState {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Uploading,
        Self::Queued,
        Self::Waiting,
        Self::Running,
        Self::Ready,
        Self::Failed,
        Self::Deleting,
    ];
}

/// One rendition as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RenditionView {
    /// Name, such as `1080p`, `audio-en` or `subtitles-en`.
    pub name: String,
    /// Size for people, such as `900p`: the short side in pixels. The name is that of the rung, so a
    /// video of 1600x900 has the label `900p` in the folder `1080p`. Absent for audio and subtitles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Width in pixels; absent for audio and subtitles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels; absent for audio and subtitles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Segments published so far; those of subtitles come last.
    pub segments: u32,
    /// Measured peak segment bitrate in bit/s (RFC 8216, 4.1); present once the rendition is whole,
    /// and absent for subtitles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_bps: Option<u64>,
    /// Measured average bitrate in bit/s; present once the rendition is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_bps: Option<u64>,
}

/// When things happened, RFC 3339.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Timings {
    /// The upload was asked for, or the object was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// The running or last attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// `main.m3u8` could be played first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playable_at: Option<String>,
    /// The video became ready or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
}

/// Why a video failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VideoError {
    /// Stable kebab-case code.
    pub code: String,
    /// A sentence for a person: what is wrong and what to do.
    pub message: String,
}

/// A backend that failed to encode a video, after which another one started from the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BackendFailure {
    /// Label of the backend, such as `nvenc` or `vaapi:renderD129`.
    pub backend: String,
    /// Name of the GStreamer element that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// Stable kebab-case code.
    pub code: String,
    /// Error message.
    pub message: String,
    /// Whether the backend then failed its trial encode, too, and is in quarantine. If not, the reason
    /// was this video.
    #[serde(default)]
    pub quarantined: bool,
}

/// A video as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VideoView {
    /// The video's id.
    pub id: String,
    /// Name of the uploaded file.
    pub filename: String,
    /// Where it stands.
    pub state: VideoState,
    /// Who may watch it.
    #[serde(default)]
    pub visibility: Visibility,
    /// Its turn among the videos that wait.
    #[serde(default)]
    pub priority: Priority,
    /// Description by people and programs.
    #[serde(flatten)]
    pub metadata: Metadata,
    /// How far its source is pulled, while it is pulled from a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<PullView>,
    /// Whether `playback_url` plays now.
    pub playable: bool,
    /// Share of the encode that is done, 0 to 1.
    pub progress: f64,
    /// Media seconds encoded per second; absent where nothing runs.
    pub speed: Option<f64>,
    /// Seconds until the encode ends, as far as the speed tells.
    pub eta_secs: Option<f64>,
    /// Backend that encodes or encoded.
    pub backend: Option<String>,
    /// Backends that failed at it in this attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backend_failures: Vec<BackendFailure>,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Duration of the video in seconds, once probed.
    pub duration_secs: Option<f64>,
    /// The renditions, once planned.
    pub renditions: Vec<RenditionView>,
    /// URL of `main.m3u8`. For a private video, this URL and those of poster, storyboard and chapters need
    /// `?token=` with a playback token.
    pub playback_url: String,
    /// URL of the poster (JPEG), once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster_url: Option<String>,
    /// URL of the storyboard, thumbnails at equal intervals, as `WebVTT` whose cues name a
    /// rectangle of a sheet (`storyboard_000.jpg#xywh=…`); present once the video is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storyboard_url: Option<String>,
    /// URL of the chapters as `WebVTT`, a text track of the kind `chapters`; present once the video is ready, if
    /// its source has chapters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chapters_url: Option<String>,
    /// Text tracks that were added to the video and are in its stream.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text_tracks: Vec<TextTrackView>,
    /// Faults of the source with which it is published, such as an end that is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<SourceWarning>,
    /// When things happened.
    pub timings: Timings,
    /// Of a deleted video: until when the delete can be undone, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge_after: Option<String>,
    /// Why it failed. Of a ready video: why its latest upload could not be published, while the stream of the
    /// earlier one stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<VideoError>,
}

impl VideoView {
    /// The view of a video of which nothing else is known yet.
    #[must_use]
    pub fn new(id: &str, filename: String, state: VideoState, playback_url: String) -> Self {
        Self {
            id: id.to_owned(),
            filename,
            state,
            visibility: Visibility::default(),
            priority: Priority::default(),
            metadata: Metadata::default(),
            pull: None,
            playable: false,
            progress: 0.0,
            speed: None,
            eta_secs: None,
            backend: None,
            backend_failures: Vec::new(),
            attempt: 0,
            duration_secs: None,
            renditions: Vec::new(),
            playback_url,
            poster_url: None,
            storyboard_url: None,
            chapters_url: None,
            text_tracks: Vec::new(),
            warnings: Vec::new(),
            timings: Timings::default(),
            purge_after: None,
            error: None,
        }
    }

    /// URL of what has this path relative to `main.m3u8`.
    #[must_use]
    pub fn url_of(&self, path: &str) -> String {
        let folder = self.playback_url.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{path}")
    }

    /// The path relative to `main.m3u8` of what has this URL.
    #[must_use]
    pub fn path_of(&self, url: &str) -> Option<String> {
        let folder = self.playback_url.rsplit_once('/').map_or("", |(folder, _)| folder);
        url.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned)
    }
}
