//! The view of a video in the API, from the records in the buckets and the board.

use serde::{Deserialize, Serialize};

use super::job::VideoId;
use super::playback_urls::PlaybackUrls;
use super::pull::{PullFacts, PullState};
use super::record::{JobOutcome, JobRecord, UploadRecord};
use super::text_track::PublishedTrack;
use super::tombstone::{Stage, Tombstone};
use super::video::{VideoError, VideoState, VideoView};

/// All that is known of a video.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Known {
    /// A job runs here.
    pub running: Option<VideoView>,
    /// An attempt runs on another box, at the version of the source with this entity tag.
    pub elsewhere: Option<(VideoView, String)>,
    /// Why the version of the source with this entity tag waits for its next attempt.
    pub waiting: Option<(VideoError, String)>,
    /// A job has ended.
    pub job: Option<JobRecord>,
    /// Entity tag of the source, where there is one.
    pub source_etag: Option<String>,
    /// The upload was asked for, or the source was seen.
    pub upload: Option<UploadRecord>,
    /// The source is pulled from a URL, or could not be.
    pub pull: Option<PullFacts>,
    /// The video was deleted.
    pub tombstone: Option<Tombstone>,
}

impl Known {
    /// The part that the view follows from.
    #[must_use]
    pub fn for_index(self) -> Self {
        let job =
            self.job.map(|job| JobRecord { main: None, conformance: None, trace: None, ..job });
        Self { job, ..self }
    }
}

/// The view of a video, or nothing where nothing is known of it.
#[must_use]
pub fn view(id: &VideoId, urls: &PlaybackUrls, known: Known) -> Option<VideoView> {
    if let Some(tombstone) = &known.tombstone {
        if tombstone.is_in_progress() {
            return Some(described(deleting(urls, tombstone), known.upload));
        }
        // An object under an issued key is of the deleted video.
        if tombstone.stage == Stage::Purged && tombstone.is_issued {
            return None;
        }
    }
    if let Some(running) = known.running {
        return Some(described(running, known.upload));
    }
    let of_another_version =
        |job: &JobRecord| known.source_etag.as_ref().is_some_and(|etag| !job.covers(etag));
    let (job, earlier) = match known.job {
        Some(job) if of_another_version(&job) => (None, Some(job)),
        job => (job, None),
    };
    if job.is_none()
        && let Some((view, etag)) = known.elsewhere
        && known.source_etag.as_ref() == Some(&etag)
    {
        return Some(described(view, known.upload));
    }
    let of_source = |etag: &String| known.source_etag.as_ref() == Some(etag);
    let waiting = known.waiting.filter(|(_, etag)| of_source(etag));
    let created_at = known.upload.as_ref().map(|upload| upload.created_at.clone());
    let filename = known.upload.as_ref().map(|upload| upload.filename.clone());
    let visibility = known.upload.as_ref().map(|upload| upload.visibility).unwrap_or_default();
    let (filename, url) = (filename.unwrap_or_default(), urls.main(id, visibility));
    let mut view = VideoView::new(id.as_str(), filename, VideoState::Uploading, url);
    view.visibility = visibility;
    view.timings.created_at = created_at;
    match job {
        Some(job) => finished(&mut view, job),
        None if let Some((error, _)) = waiting => {
            view.state = VideoState::Waiting;
            view.error = Some(error);
        }
        None if known.source_etag.is_some() => view.state = VideoState::Queued,
        None if let Some(pull) = known.pull => pulled(&mut view, pull),
        None if known.upload.is_some() => {}
        None => return None,
    }
    if let Some(earlier) = earlier.filter(|earlier| earlier.outcome == JobOutcome::Ready) {
        show_earlier(&mut view, earlier);
    }
    Some(described(view, known.upload))
}

/// Fills the view of a video whose source is pulled.
fn pulled(view: &mut VideoView, pull: PullFacts) {
    if pull.state == PullState::Failed {
        view.state = VideoState::Failed;
        view.error = pull.error;
    }
    view.progress = pull.view.progress();
    view.pull = Some(pull.view);
}

/// The view with what the upload record says now: it can change while a job runs.
fn described(mut view: VideoView, upload: Option<UploadRecord>) -> VideoView {
    if let Some(upload) = upload {
        view.priority = upload.priority;
        view.metadata = upload.metadata;
    }
    view
}

/// Shows the stream of an earlier job in the view of a video that waits for another one.
fn show_earlier(view: &mut VideoView, earlier: JobRecord) {
    view.playable = true;
    view.poster_url = earlier.shown_poster().map(|path| view.url_of(path));
    view.duration_secs = earlier.duration_secs;
    view.renditions = earlier.renditions;
    view.text_tracks = earlier.text_tracks.iter().map(PublishedTrack::view).collect();
    view.storyboard_url = earlier.storyboard.map(|path| view.url_of(&path));
    view.chapters_url = earlier.chapters.map(|path| view.url_of(&path));
}

/// The view of a video that is being deleted.
#[must_use]
pub fn deleting(urls: &PlaybackUrls, tombstone: &Tombstone) -> VideoView {
    let (id, url) = (tombstone.id.as_str(), urls.main(&tombstone.id, tombstone.visibility));
    let mut view = VideoView::new(id, tombstone.filename.clone(), VideoState::Deleting, url);
    view.visibility = tombstone.visibility;
    view.timings.created_at.clone_from(&tombstone.created_at);
    view.purge_after = tombstone.purge_after().map(|at| at.to_string());
    view
}

/// Fills the view of a video whose latest job has ended.
pub fn finished(view: &mut VideoView, job: JobRecord) {
    let ready = job.outcome == JobOutcome::Ready;
    view.poster_url = job.shown_poster().map(|path| view.url_of(path));
    view.state = if ready { VideoState::Ready } else { VideoState::Failed };
    view.playable = ready;
    view.progress = if ready { 1.0 } else { 0.0 };
    view.filename = job.filename;
    view.backend = job.backend;
    view.backend_failures = job.backend_failures;
    view.attempt = job.attempt;
    view.duration_secs = job.duration_secs;
    view.renditions = job.renditions;
    view.storyboard_url = job.storyboard.map(|path| view.url_of(&path));
    view.chapters_url = job.chapters.map(|path| view.url_of(&path));
    view.text_tracks = job.text_tracks.iter().map(PublishedTrack::view).collect();
    view.warnings = job.warnings;
    view.timings = job.timings;
    view.error = job.error.or(job.failed_update.map(|update| update.error));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::metadata::Metadata;
    use crate::domain::priority::Priority;
    use crate::domain::pull::PullRecord;
    use crate::domain::video::VideoError;
    use crate::domain::visibility::Visibility;

    fn shown(known: Known) -> Option<VideoView> {
        let urls = PlaybackUrls {
            public: "http://host/public".to_owned(),
            gateway: "http://api/play".to_owned(),
        };
        view(&VideoId::of_source("uploads", "k"), &urls, known)
    }

    fn upload() -> UploadRecord {
        UploadRecord {
            owner: None,
            id: VideoId::of_source("uploads", "k"),
            key: "k".to_owned(),
            filename: "film.mp4".to_owned(),
            size_bytes: 7,
            part_size_bytes: None,
            is_issued: true,
            visibility: Visibility::Public,
            priority: Priority::Normal,
            metadata: Metadata { title: Some("A film".to_owned()), ..Metadata::default() },
            fingerprint: None,
            created_at: "2026-01-01T00:00:00Z".to_owned(),
            rest: super::super::record::Rest::new(),
        }
    }

    fn tombstone(stage: Stage) -> Tombstone {
        Tombstone {
            id: VideoId::of_source("uploads", "k"),
            stage,
            filename: "film.mp4".to_owned(),
            key: Some("k".to_owned()),
            is_issued: true,
            visibility: Visibility::Public,
            source: None,
            created_at: None,
            deleted_at: None,
            purge_delay_secs: 0,
            writer: String::new(),
            renewal: 0,
        }
    }

    fn job(outcome: JobOutcome) -> JobRecord {
        let failed = outcome == JobOutcome::Failed;
        JobRecord {
            filename: "film.mp4".to_owned(),
            outcome,
            backend: Some("cpu".to_owned()),
            duration_secs: Some(7.0),
            poster: Some("a1/poster.jpg".to_owned()),
            chapters: Some("a1/chapters.vtt".to_owned()),
            error: failed.then(|| VideoError { code: "x".to_owned(), message: "y".to_owned() }),
            ..JobRecord::ready(VideoId::of_source("uploads", "k"), "a1")
        }
    }

    #[test]
    fn the_state_follows_from_what_is_there() {
        let source = || Some("v1".to_owned());
        let table = vec![
            (Known { upload: Some(upload()), ..Known::default() }, Some(VideoState::Uploading)),
            (
                Known { upload: Some(upload()), source_etag: source(), ..Known::default() },
                Some(VideoState::Queued),
            ),
            (Known { source_etag: source(), ..Known::default() }, Some(VideoState::Queued)),
            (
                Known {
                    job: Some(job(JobOutcome::Ready)),
                    source_etag: source(),
                    ..Known::default()
                },
                Some(VideoState::Ready),
            ),
            // The source may be gone once the stream is there.
            (
                Known { job: Some(job(JobOutcome::Ready)), ..Known::default() },
                Some(VideoState::Ready),
            ),
            (
                Known {
                    job: Some(job(JobOutcome::Failed)),
                    source_etag: source(),
                    ..Known::default()
                },
                Some(VideoState::Failed),
            ),
            // Another version was uploaded since.
            (
                Known {
                    job: Some(job(JobOutcome::Failed)),
                    source_etag: Some("v2".to_owned()),
                    ..Known::default()
                },
                Some(VideoState::Queued),
            ),
            (Known::default(), None),
        ];
        let error = VideoError { code: "store-denied".to_owned(), message: "archived".to_owned() };
        for (etag, state) in [("v1", VideoState::Waiting), ("v0", VideoState::Queued)] {
            let waiting = Some((error.clone(), etag.to_owned()));
            let known = Known { waiting, source_etag: source(), ..Known::default() };
            let known = Known { upload: Some(upload()), ..known };
            let found = shown(known).unwrap();
            assert_eq!(found.state, state);
            assert_eq!(found.metadata.title.as_deref(), Some("A film"), "{state:?}");
            assert_eq!(found.error.is_some(), state == VideoState::Waiting);
        }
        for (known, state) in table {
            let text = format!("{known:?}");
            assert_eq!(shown(known).map(|view| view.state), state, "{text}");
        }
        let running =
            shown(Known { upload: Some(upload()), source_etag: source(), ..Known::default() });
        let running = VideoView { state: VideoState::Running, ..running.unwrap() };
        for (etag, state) in [("v1", VideoState::Running), ("v0", VideoState::Queued)] {
            let known = Known {
                elsewhere: Some((running.clone(), etag.to_owned())),
                source_etag: source(),
                ..Known::default()
            };
            assert_eq!(shown(known).unwrap().state, state);
        }
        let outdated = JobRecord { is_outdated: true, ..job(JobOutcome::Ready) };
        let outdated = Known {
            job: Some(outdated),
            source_etag: source(),
            upload: Some(upload()),
            ..Known::default()
        };
        let outdated = shown(outdated).unwrap();
        assert_eq!((outdated.state, outdated.playable), (VideoState::Queued, true));
        assert_eq!(outdated.duration_secs, Some(7.0));
        let ready = Known { job: Some(job(JobOutcome::Ready)), ..Known::default() };
        let ready = shown(ready).unwrap();
        let (id, poster_url) = (ready.id.clone(), ready.poster_url.unwrap());
        assert_eq!(poster_url, format!("http://host/public/{id}/a1/poster.jpg"));
        let chapters_url = ready.chapters_url.unwrap();
        assert_eq!(chapters_url, format!("http://host/public/{id}/a1/chapters.vtt"));
        let failed = Known { job: Some(job(JobOutcome::Failed)), ..Known::default() };
        assert_eq!(shown(failed).unwrap().error.unwrap().code, "x");
    }

    #[test]
    fn a_pull_shows_until_the_source_is_there() {
        let id = VideoId::of_source("uploads", "k");
        let pull = PullRecord::new(id, "k".to_owned(), "https://h.example/?sig=x".to_owned());
        let known = |pull: &PullRecord, source: Option<&str>| Known {
            upload: Some(upload()),
            pull: Some(pull.facts()),
            source_etag: source.map(str::to_owned),
            ..Known::default()
        };
        let waiting = shown(known(&pull, None)).unwrap();
        assert_eq!(
            (waiting.state, waiting.pull.unwrap().host),
            (VideoState::Uploading, "h.example".to_owned())
        );
        let error = VideoError { code: "pull-refused".to_owned(), message: "no".to_owned() };
        let failed = PullRecord { state: PullState::Failed, error: Some(error.clone()), ..pull };
        let found = shown(known(&failed, None)).unwrap();
        assert_eq!((found.state, found.error), (VideoState::Failed, Some(error)));
        let there = shown(known(&failed, Some("v1"))).unwrap();
        assert_eq!((there.state, there.pull), (VideoState::Queued, None));
    }

    #[test]
    fn a_private_video_has_urls_of_the_gateway() {
        let upload = UploadRecord { visibility: Visibility::Private, ..upload() };
        let job = Some(job(JobOutcome::Ready));
        let video = shown(Known { job, upload: Some(upload), ..Known::default() }).unwrap();
        assert_eq!(video.visibility, Visibility::Private);
        let base = format!("http://api/play/{}", video.id);
        assert_eq!(video.playback_url, format!("{base}/main.m3u8"));
        assert_eq!(video.poster_url, Some(format!("{base}/a1/poster.jpg")));
        let tombstone = Tombstone { visibility: Visibility::Private, ..tombstone(Stage::Deleted) };
        let deleted = shown(Known { tombstone: Some(tombstone), ..Known::default() }).unwrap();
        assert_eq!(
            (deleted.visibility, deleted.playback_url),
            (video.visibility, video.playback_url)
        );
    }

    #[test]
    fn a_tombstone_hides_all_but_a_new_video() {
        let ready = || Known {
            job: Some(job(JobOutcome::Ready)),
            source_etag: Some("v1".to_owned()),
            upload: Some(upload()),
            ..Known::default()
        };
        let table = [
            (Stage::Deleted, true, Some(VideoState::Deleting)),
            (Stage::Restoring, true, Some(VideoState::Deleting)),
            (Stage::Purging, false, Some(VideoState::Deleting)),
            (Stage::Purged, true, None),
            (Stage::Purged, false, Some(VideoState::Ready)),
            (Stage::Lifted, true, Some(VideoState::Ready)),
        ];
        for (stage, is_issued, state) in table {
            let tombstone = Tombstone { is_issued, ..tombstone(stage) };
            let known = Known { tombstone: Some(tombstone), ..ready() };
            let got = shown(known).map(|view| view.state);
            assert_eq!(got, state, "{stage:?} issued: {is_issued}");
        }
    }
}
