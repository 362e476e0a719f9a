//! Encodes a finished video once more.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::{existing, parse_id, unknown};
use crate::domain::encode::Level;
use crate::domain::encode_choice::EncodeChoice;
use crate::domain::ladder::{Ladder, Rung};
use crate::domain::message;
use crate::domain::record::{self, UploadRecord};
use crate::domain::video::{VideoState, VideoView};
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;
use crate::job::{self, Reencode};

/// Settings of a new encode. Fields that are absent are those of the appliance.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EncodeRequest {
    /// Encoder effort.
    level: Option<EncodeLevel>,
    /// The rungs from the smallest to the largest: heights and bitrates rise.
    ladder: Option<Vec<EncodeRung>>,
}

/// Encoder effort.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EncodeLevel {
    /// Least work.
    Fast,
    /// The middle.
    Balanced,
    /// Best quality per bit.
    Best,
}

/// One rung of a ladder.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EncodeRung {
    /// Short side in pixels of a box of 16:9: an even number from 16 to 2160.
    height: u32,
    /// Bitrate in kbit/s that the video never exceeds: 50 to 100,000.
    max_bitrate_kbps: u32,
}

impl From<EncodeRequest> for EncodeChoice {
    fn from(request: EncodeRequest) -> Self {
        let level = request.level.map(|level| match level {
            EncodeLevel::Fast => Level::Fast,
            EncodeLevel::Balanced => Level::Balanced,
            EncodeLevel::Best => Level::Best,
        });
        let rung = |rung: EncodeRung| Rung {
            height: rung.height,
            max_bitrate_kbps: rung.max_bitrate_kbps,
        };
        let ladder = request.ladder.map(|rungs| Ladder(rungs.into_iter().map(rung).collect()));
        Self { level, ladder }
    }
}

/// Encodes a video that is ready once more, with these settings. Its stream plays on until the new one is whole.
///
/// The settings are kept for later versions of the source, too; `{}` returns to those of the appliance.
#[utoipa::path(post, path = "/v1/videos/{id}/encode", request_body = EncodeRequest,
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 202, body = VideoView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is being processed, is not ready, or its source is gone")))]
pub async fn encode(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(request): Json<EncodeRequest>,
) -> Result<(StatusCode, Json<VideoView>), Error> {
    let id = parse_id(&id)?;
    let video = existing(&state, &id).await?;
    let choice = EncodeChoice::from(request);
    choice.check().map_err(Error::Invalid)?;
    if video.state == VideoState::Deleting {
        return Err(Error::Conflict("the video is deleted".to_owned()));
    }
    let upload_key = record::upload_record_key(&id);
    let upload = state.private.read_json::<UploadRecord>(&upload_key).await?;
    let upload = upload.ok_or_else(|| unknown(id.as_str()))?;
    let Some(head) = state.private.find(&upload.key).await? else {
        let detail =
            "the video has no source: it is not uploaded yet, or was removed after success";
        return Err(Error::Conflict(detail.to_owned()));
    };
    if state.board.get(id.as_str()).is_some() {
        return Err(running());
    }
    let (private, home) = (&state.private, state.homes.of(upload.visibility));
    let renewal = state.claim_renewal;
    match job::reencode(private, home, &id, &head.etag, &choice, renewal).await? {
        Reencode::Outdated => {}
        Reencode::Running => return Err(running()),
        Reencode::Deleted => return Err(unknown(id.as_str())),
        Reencode::NotReady => {
            let detail = "the video is not ready: wait for its end, or retry it if it has failed";
            return Err(Error::Conflict(detail.to_owned()));
        }
    }
    actor.audit("encode", id.as_str());
    state.changes.note(&id);
    state.enqueue.send(&message::own(private.name(), &upload.key)).await?;
    Ok((StatusCode::ACCEPTED, Json(existing(&state, &id).await?)))
}

fn running() -> Error {
    Error::Conflict("the video is being processed".to_owned())
}
