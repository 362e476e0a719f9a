//! Webhooks: make, list, change, rotate the secret, remove.

pub mod deliveries;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

use super::access::Actor;
use super::error::{Error, Problem};
use super::state::AppState;
use crate::domain::event::EventKind;
use crate::domain::webhook::{Endpoint, EndpointState};
use crate::webhook::{self, EndpointChange, NewEndpoint};

/// A webhook to be made.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookRequest {
    /// URL that gets the events, by POST. Redirects are not followed.
    url: String,
    /// Name for people, up to 200 bytes.
    #[serde(default)]
    description: String,
    /// Kinds of events that it gets; none for all.
    #[serde(default)]
    events: Vec<EventKind>,
}

/// A change of a webhook. Absent fields stay as they are.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    /// Another URL.
    #[serde(default)]
    url: Option<String>,
    /// Another name for people.
    #[serde(default)]
    description: Option<String>,
    /// Other kinds of events; an empty list for all.
    #[serde(default)]
    events: Option<Vec<EventKind>>,
    /// `active` or `paused`. An active webhook gets what has waited for it.
    #[serde(default)]
    state: Option<EndpointState>,
}

/// A webhook, without its secrets.
#[derive(Serialize, utoipa::ToSchema)]
pub struct WebhookView {
    /// Its id.
    id: String,
    /// URL that gets the events.
    url: String,
    /// Name for people.
    description: String,
    /// Kinds of events that it gets; none for all.
    events: Vec<EventKind>,
    /// Whether it gets events now.
    state: EndpointState,
    /// Why it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Since when every attempt has failed, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<String>,
    /// Why the first of these attempts failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// When it was made, RFC 3339. It gets the events from then on.
    created_at: String,
    /// When its secret was made, RFC 3339.
    secret_created_at: String,
    /// Until when its earlier secret signs, too, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secret_expires_at: Option<String>,
}

impl From<Endpoint> for WebhookView {
    fn from(endpoint: Endpoint) -> Self {
        let created_at = endpoint.created_at.to_string();
        let newest = endpoint.secrets.last().map(|secret| secret.created_at.to_string());
        let old = endpoint.secrets.iter().find_map(|secret| secret.expires_at);
        Self {
            id: endpoint.id,
            url: endpoint.url,
            description: endpoint.description,
            events: endpoint.events,
            state: endpoint.state,
            reason: endpoint.reason,
            failing_since: endpoint.failing_since.map(|at| at.to_string()),
            last_error: endpoint.last_error,
            secret_created_at: newest.unwrap_or_else(|| created_at.clone()),
            created_at,
            old_secret_expires_at: old.map(|at| at.to_string()),
        }
    }
}

/// A webhook with its new secret, which is shown once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct WebhookWithSecret {
    /// Its secret, by which receivers verify signatures.
    secret: String,
    /// The webhook.
    #[serde(flatten)]
    webhook: WebhookView,
}

/// All webhooks.
#[derive(Serialize, utoipa::ToSchema)]
pub struct WebhookList {
    /// In the order in which they were made.
    webhooks: Vec<WebhookView>,
}

impl From<webhook::Error> for Error {
    fn from(error: webhook::Error) -> Self {
        let text = error.to_string();
        match error {
            webhook::Error::NoSuchEndpoint(_) | webhook::Error::NoSuchDelivery(_) => {
                Self::NotFound(text)
            }
            webhook::Error::Invalid(_) | webhook::Error::Url(_) => Self::Invalid(text),
            webhook::Error::TooMany(_) => Self::Conflict(text),
            webhook::Error::Store(error) => Self::Store(error),
        }
    }
}

/// An answer that no cache keeps, because it has a secret.
fn with_secret(
    status: StatusCode,
    (endpoint, secret): (Endpoint, String),
) -> impl IntoResponse + use<> {
    let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, headers, Json(WebhookWithSecret { secret, webhook: endpoint.into() }))
}

/// Makes a webhook. Its secret is shown this once.
#[utoipa::path(post, path = "/v1/webhooks", request_body = WebhookRequest,
    responses((status = 201, body = WebhookWithSecret), (status = 400, body = Problem),
        (status = 409, body = Problem, description = "There are too many")))]
pub async fn create(
    State(state): State<AppState>,
    actor: Actor,
    Json(request): Json<WebhookRequest>,
) -> Result<impl IntoResponse, Error> {
    let WebhookRequest { url, description, events } = request;
    let made = state.webhooks.create(NewEndpoint { url, description, events }).await?;
    actor.audit("webhook-create", &made.0.id);
    Ok(with_secret(StatusCode::CREATED, made))
}

/// Lists all webhooks.
#[utoipa::path(get, path = "/v1/webhooks", responses((status = 200, body = WebhookList)))]
pub async fn list(State(state): State<AppState>) -> Result<Json<WebhookList>, Error> {
    let webhooks = state.webhooks.list().await?;
    Ok(Json(WebhookList { webhooks: webhooks.into_iter().map(WebhookView::from).collect() }))
}

/// Returns one webhook.
#[utoipa::path(get, path = "/v1/webhooks/{id}",
    params(("id" = String, Path, description = "Id of the webhook")),
    responses((status = 200, body = WebhookView), (status = 404, body = Problem)))]
pub async fn get(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<WebhookView>, Error> {
    Ok(Json(state.webhooks.get(&id).await?.into()))
}

/// Changes a webhook, pauses it, or lets it get events again.
#[utoipa::path(patch, path = "/v1/webhooks/{id}", request_body = WebhookChange,
    params(("id" = String, Path, description = "Id of the webhook")),
    responses((status = 200, body = WebhookView), (status = 400, body = Problem),
        (status = 404, body = Problem)))]
pub async fn change(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(request): Json<WebhookChange>,
) -> Result<Json<WebhookView>, Error> {
    let is_paused = match request.state {
        Some(EndpointState::Active) => Some(false),
        Some(EndpointState::Paused) => Some(true),
        Some(EndpointState::Deleted) => {
            let detail = "state: must be active or paused; DELETE removes a webhook";
            return Err(Error::Invalid(detail.to_owned()));
        }
        None => None,
    };
    let WebhookChange { url, description, events, .. } = request;
    let change = EndpointChange { url, description, events, is_paused };
    let changed = state.webhooks.change(&id, change).await?;
    actor.audit("webhook-change", &id);
    Ok(Json(changed.into()))
}

/// Gives a webhook a new secret, which is shown this once. The old one signs, too, for another day.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate",
    params(("id" = String, Path, description = "Id of the webhook")),
    responses((status = 200, body = WebhookWithSecret), (status = 404, body = Problem)))]
pub async fn rotate(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Error> {
    let rotated = state.webhooks.rotate(&id).await?;
    actor.audit("webhook-rotate", &id);
    Ok(with_secret(StatusCode::OK, rotated))
}

/// Removes a webhook with its deliveries.
#[utoipa::path(delete, path = "/v1/webhooks/{id}",
    params(("id" = String, Path, description = "Id of the webhook")),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn delete(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    state.webhooks.delete(&id).await?;
    actor.audit("webhook-delete", &id);
    Ok(StatusCode::NO_CONTENT)
}
