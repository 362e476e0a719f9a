//! A job that runs on this box, as the overview for operators shows it.

use serde::Serialize;

use super::video::VideoView;

/// Part of a job that runs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobStage {
    /// The source is looked at and its renditions are planned.
    Preparing,
    /// A backend encodes.
    Encoding,
    /// The encode has ended: playlists, additions and the conformance check are left.
    Finishing,
}

/// A job that runs on this box.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RunningJob {
    /// Id of the video.
    pub video_id: String,
    /// Title of the video, or its file name if it has none.
    pub title: String,
    /// Part of the job that runs now.
    pub stage: JobStage,
    /// Share of the encode that is done, 0 to 1.
    pub progress: f64,
    /// Media seconds encoded per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// Seconds until the encode ends, as far as the speed tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_secs: Option<f64>,
    /// Backend that encodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The attempt began, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
}

impl From<VideoView> for RunningJob {
    fn from(view: VideoView) -> Self {
        // The backend is known with the plan, and the progress is 1 from the end of the encode on.
        let stage = match &view.backend {
            None => JobStage::Preparing,
            Some(_) if view.progress < 1.0 => JobStage::Encoding,
            Some(_) => JobStage::Finishing,
        };
        Self {
            video_id: view.id,
            title: view.metadata.title.unwrap_or(view.filename),
            stage,
            progress: view.progress,
            speed: view.speed,
            eta_secs: view.eta_secs,
            backend: view.backend,
            started_at: view.timings.started_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::metadata::Metadata;
    use crate::domain::video::VideoState;

    fn job(backend: Option<&str>, progress: f64, title: Option<&str>) -> RunningJob {
        let view = VideoView::new("v", "film.mp4".to_owned(), VideoState::Running, String::new());
        let metadata = Metadata { title: title.map(str::to_owned), ..Metadata::default() };
        let backend = backend.map(str::to_owned);
        RunningJob::from(VideoView { metadata, progress, backend, ..view })
    }

    #[test]
    fn the_stage_follows_from_backend_and_progress() {
        let table = [
            (None, 0.0, JobStage::Preparing),
            (Some("cpu"), 0.0, JobStage::Encoding),
            (Some("cpu"), 0.99, JobStage::Encoding),
            (Some("cpu"), 1.0, JobStage::Finishing),
            // It falls back to another backend.
            (None, 0.4, JobStage::Preparing),
        ];
        for (backend, progress, stage) in table {
            assert_eq!(job(backend, progress, None).stage, stage, "{backend:?} {progress}");
        }
    }

    #[test]
    fn a_video_without_a_title_has_its_file_name() {
        assert_eq!(job(None, 0.0, None).title, "film.mp4");
        assert_eq!(job(None, 0.0, Some("Film")).title, "Film");
    }
}
