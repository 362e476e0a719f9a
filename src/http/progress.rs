//! Progress of the jobs of this box, for an event stream that asks for it.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::access::Actor;
use super::state::AppState;
use crate::domain::auth::Scope;
use crate::domain::job::VideoId;
use crate::domain::record::{self, UploadRecord};
use crate::domain::video::{VideoState, VideoView};
use crate::job::board::Board;
use crate::store::{self, Bucket};

/// Shortest time between two messages of progress of a video.
const EVERY: Duration = Duration::from_secs(1);

/// How far a job on this box is.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(super) struct ProgressView {
    /// Id of the video.
    video_id: String,
    /// Where it stands.
    state: VideoState,
    /// Share of the encode that is done, 0 to 1.
    progress: f64,
    /// Media seconds encoded per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f64>,
    /// Seconds until the encode ends, as far as the speed tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_secs: Option<f64>,
    /// Whether its playlist plays now.
    playable: bool,
}

impl From<VideoView> for ProgressView {
    fn from(video: VideoView) -> Self {
        let VideoView { id: video_id, state, progress, speed, eta_secs, playable, .. } = video;
        Self { video_id, state, progress, speed, eta_secs, playable }
    }
}

/// The progress that one event stream tells.
pub(super) struct Progress {
    board: Board,
    private: Bucket,
    ticks: Interval,
    /// Jobs on the board, with what was told of each. `None`: the caller may not see it.
    told: HashMap<String, Option<ProgressView>>,
    /// Messages that are due.
    due: Vec<ProgressView>,
}

impl Progress {
    /// The progress of all jobs that begin or run here.
    pub(super) fn new(state: &AppState) -> Self {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (board, private) = (state.board.clone(), state.private.clone());
        Self { board, private, ticks, told: HashMap::new(), due: Vec::new() }
    }

    /// Completes when it is time to look at the board. It loses nothing if it is dropped.
    pub(super) async fn tick(&mut self) {
        self.ticks.tick().await;
    }

    /// Looks at the board: messages for the caller are due for jobs that have changed.
    pub(super) async fn look(&mut self, actor: &Actor) {
        let jobs = self.board.list();
        self.told.retain(|id, _| jobs.iter().any(|job| job.id == *id));
        for job in jobs.into_iter().map(ProgressView::from) {
            match self.told.get(&job.video_id) {
                Some(None) => {}
                Some(Some(told)) if *told == job => {}
                Some(Some(_)) => self.tell(job),
                None => match self.is_visible(actor, &job.video_id).await {
                    Ok(true) => self.tell(job),
                    Ok(false) => drop(self.told.insert(job.video_id, None)),
                    // The next look asks again.
                    Err(error) => {
                        let id = &job.video_id;
                        tracing::warn!(video.id = %id, %error, "failed to look up who may see a job");
                    }
                },
            }
        }
    }

    /// A message that is due.
    pub(super) fn next(&mut self) -> Option<ProgressView> {
        self.due.pop()
    }

    fn tell(&mut self, job: ProgressView) {
        self.told.insert(job.video_id.clone(), Some(job.clone()));
        self.due.push(job);
    }

    /// Whether the caller may see this video: it has `read`, or has uploaded it.
    async fn is_visible(&self, actor: &Actor, id: &str) -> Result<bool, store::Error> {
        if actor.caller.may(Scope::Read) {
            return Ok(true);
        }
        let Some(id) = VideoId::parse(id) else { return Ok(false) };
        let key = record::upload_record_key(&id);
        let upload = self.private.read_json::<UploadRecord>(&key).await?;
        Ok(upload.is_some_and(|upload| actor.caller.owns(upload.owner.as_deref())))
    }
}
