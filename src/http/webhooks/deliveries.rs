//! Deliveries of a webhook: list, send once more, test.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::event::Position;
use crate::domain::webhook::Delivery;
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;
use crate::webhook::{self, Page};

/// One page of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct Paging {
    /// Number of deliveries, 1 to 200; the default is 50.
    limit: Option<usize>,
    /// `next` of the previous page.
    cursor: Option<String>,
}

/// One page of deliveries, those of the latest events first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeliveryList {
    /// Deliveries of this page.
    deliveries: Vec<Delivery>,
    /// Value of `cursor` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The events that are sent once more.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Time of the first of them, RFC 3339.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// Lists the deliveries of a webhook, those of the latest events first.
#[utoipa::path(get, path = "/v1/webhooks/{id}/deliveries",
    params(("id" = String, Path, description = "Id of the webhook"), Paging),
    responses((status = 200, body = DeliveryList), (status = 404, body = Problem)))]
pub async fn list(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<DeliveryList>, Error> {
    let limit = paging.limit.unwrap_or(50).clamp(1, 200);
    let wrong = || Error::Invalid("cursor: must be `next` of a page".to_owned());
    let after = paging.cursor.as_deref();
    let after = after.map(|text| Position::parse(text).ok_or_else(wrong)).transpose()?;
    let page = state.webhooks.deliveries(&id, webhook::Paging { limit, after }).await?;
    let Page { deliveries, next } = page;
    Ok(Json(DeliveryList { deliveries, next: next.map(|next| next.as_str().to_owned()) }))
}

/// Sends the event of one delivery once more.
#[utoipa::path(post, path = "/v1/webhooks/{id}/deliveries/{delivery}/replay",
    params(("id" = String, Path, description = "Id of the webhook"),
        ("delivery" = String, Path, description = "Id of the delivery")),
    responses((status = 202), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Too many replays wait")))]
pub async fn replay_one(
    State(state): State<AppState>,
    actor: Actor,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    state.webhooks.replay_one(&id, &delivery).await?;
    actor.audit("webhook-replay", &id);
    Ok(StatusCode::ACCEPTED)
}

/// Sends all events since a time once more, as long as they are kept.
#[utoipa::path(post, path = "/v1/webhooks/{id}/replay", request_body = ReplayRequest,
    params(("id" = String, Path, description = "Id of the webhook")),
    responses((status = 202), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Too many replays wait")))]
pub async fn replay(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(request): Json<ReplayRequest>,
) -> Result<StatusCode, Error> {
    state.webhooks.replay_since(&id, request.since).await?;
    actor.audit("webhook-replay", &id);
    Ok(StatusCode::ACCEPTED)
}

/// Sends a test event, once, and returns its delivery. Its type is `webhook.ping`.
#[utoipa::path(post, path = "/v1/webhooks/{id}/test",
    params(("id" = String, Path, description = "Id of the webhook")),
    responses((status = 200, body = Delivery), (status = 404, body = Problem)))]
pub async fn test(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Delivery>, Error> {
    let delivery = state.webhooks.ping(&id).await?;
    actor.audit("webhook-test", &id);
    Ok(Json(delivery))
}
