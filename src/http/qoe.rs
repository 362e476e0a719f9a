//! Quality of playback: reports of players, and what their sum says.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::error::{Error, Problem};
use super::state::AppState;
use crate::domain::qoe::{Beacon, Player, Summary};

/// Longest report in bytes.
pub(super) const MAX_BEACON_BYTES: usize = 4096;

/// Sum of the reports of players since the start of the daemon.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct QoeView {
    /// Start of the daemon, RFC 3339.
    since: String,
    /// All players.
    #[serde(flatten)]
    all: Summary,
    /// Each player.
    by_player: ByPlayer,
}

/// Sums by player.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ByPlayer {
    /// The page of the appliance.
    page: Summary,
    /// The player in pages of others.
    embed: Summary,
}

/// Counts how playback went.
///
/// Players of the page and of `/embed/` send it once, when a view ends. Pages of other origins may not. Neither address,
/// account nor video is kept. 404 if `qoe.enabled` is off.
#[utoipa::path(post, path = "/v1/beacons", request_body = Beacon,
    responses((status = 204), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn note(
    State(state): State<AppState>,
    Json(beacon): Json<Beacon>,
) -> Result<StatusCode, Error> {
    if !state.has_beacons {
        return Err(Error::NotFound("qoe.enabled is off: players report nothing".to_owned()));
    }
    beacon.check().map_err(Error::Invalid)?;
    state.metrics.qoe.note(&beacon);
    Ok(StatusCode::NO_CONTENT)
}

/// Returns what the reports of players say together, since the start of the daemon.
#[utoipa::path(get, path = "/v1/qoe", responses((status = 200, body = QoeView)))]
pub async fn summary(State(state): State<AppState>) -> Json<QoeView> {
    let qoe = &state.metrics.qoe;
    let (page, embed) = (qoe.totals(Player::Page), qoe.totals(Player::Embed));
    let since = qoe.since().to_string();
    let all = page.with(&embed).summary();
    let by_player = ByPlayer { page: page.summary(), embed: embed.summary() };
    Json(QoeView { since, all, by_player })
}
