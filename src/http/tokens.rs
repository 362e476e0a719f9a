//! Tokens: make, list, revoke.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::access::Actor;
use super::error::{Error, Problem};
use super::state::AppState;
use crate::auth::NewToken;
use crate::domain::auth::Scope;
use crate::domain::auth::token::{Origin, SecretId, TokenRecord};

/// A token to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// Name for people, 1 to 100 bytes.
    name: String,
    /// Rights that it gives, at least one.
    scopes: Vec<Scope>,
    /// Seconds until it expires, up to 100 years; without a value, it lasts until it is revoked.
    #[serde(default)]
    expires_in: Option<u32>,
}

/// A token, without its text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TokenView {
    /// Its public id.
    id: String,
    /// Name for people.
    name: String,
    /// Rights that it gives.
    scopes: Vec<Scope>,
    /// When it was made, RFC 3339.
    created_at: String,
    /// End of its validity, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// When it was revoked, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    /// When it was used last, to ten minutes, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
}

impl TokenView {
    fn of(record: TokenRecord, used: Option<Timestamp>) -> Self {
        let text = |time: Timestamp| time.to_string();
        Self {
            id: record.id.to_string(),
            name: record.name,
            scopes: record.scopes,
            created_at: text(record.created_at),
            expires_at: record.expires_at.map(text),
            revoked_at: record.revoked_at.map(text),
            last_used_at: used.map(text),
        }
    }
}

/// A new token with its text, which is shown once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MadeToken {
    /// Its text, for `Authorization: Bearer`.
    token: String,
    /// The part of it that is kept.
    #[serde(flatten)]
    view: TokenView,
}

/// All tokens.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TokenList {
    /// By name.
    tokens: Vec<TokenView>,
}

/// Makes a token. Its text is shown this once.
#[utoipa::path(post, path = "/v1/tokens", request_body = TokenRequest,
    responses((status = 201, body = MadeToken), (status = 400, body = Problem)))]
pub async fn create(
    State(state): State<AppState>,
    actor: Actor,
    Json(request): Json<TokenRequest>,
) -> Result<impl IntoResponse, Error> {
    let expires_at = request
        .expires_in
        .map(|secs| Timestamp::now() + SignedDuration::from_secs(i64::from(secs)));
    let new =
        NewToken { name: request.name, scopes: request.scopes, expires_at, origin: Origin::Made };
    let (token, record) = state.access.auth().create(new).await?;
    actor.audit("token-create", record.id.as_str());
    let view = TokenView::of(record, None);
    let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, headers, Json(MadeToken { token, view })))
}

/// Lists all tokens, those that have ended as well.
#[utoipa::path(get, path = "/v1/tokens", responses((status = 200, body = TokenList)))]
pub async fn list(State(state): State<AppState>) -> Result<Json<TokenList>, Error> {
    let listed = state.access.auth().list().await?;
    let tokens = listed.into_iter().map(|(record, used)| TokenView::of(record, used)).collect();
    Ok(Json(TokenList { tokens }))
}

/// Revokes a token: it and its sessions end, on every box within 30 seconds.
#[utoipa::path(delete, path = "/v1/tokens/{id}",
    params(("id" = String, Path, description = "Id of the token")),
    responses((status = 200, body = TokenView), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is in the settings")))]
pub async fn revoke(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<TokenView>, Error> {
    let unknown = || Error::NotFound(format!("there is no token {id}"));
    let id = SecretId::parse(&id).ok_or_else(unknown)?;
    let record = state.access.auth().revoke(&id).await?;
    actor.audit("token-revoke", id.as_str());
    Ok(Json(TokenView::of(record, None)))
}
