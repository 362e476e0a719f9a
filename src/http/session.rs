//! Sign-in and sign-out of the page.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::access::Actor;
use super::error::{Error, Problem};
use super::state::AppState;
use crate::auth;
use crate::domain::auth::token::{SecretId, TokenRecord};
use crate::domain::auth::{Caller, Means, Scope};

/// Credentials of a sign-in: a token, or the code of a link.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum SignIn {
    /// The text of a token.
    Token(String),
    /// The code of a sign-in link, which works once.
    Code(String),
}

/// Who the caller is, and what it may do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Session {
    /// How the caller has shown who it is.
    by: Means,
    /// Name of its token or user.
    name: String,
    /// Its rights.
    scopes: Vec<Scope>,
    /// Whether tokens cross the network in the clear (`http.allow_insecure`).
    insecure: bool,
    /// Whether players may report how playback went (`POST /v1/beacons`).
    beacons: bool,
}

/// Returns who the caller is. Nobody is an answer, too.
#[utoipa::path(get, path = "/v1/session", responses((status = 200, body = Session)))]
pub async fn get(State(state): State<AppState>, actor: Actor) -> Result<Json<Session>, Error> {
    if let Some(reason) = actor.unknown {
        return Err(Error::NotReady(reason));
    }
    let caller = actor.caller;
    let insecure = state.is_insecure;
    let Caller { means: by, name, scopes, .. } = caller;
    Ok(Json(Session { by, name, scopes, insecure, beacons: state.has_beacons }))
}

/// Signs in: sets the cookie of a session with the rights of the token.
#[utoipa::path(post, path = "/v1/session", request_body = SignIn,
    responses((status = 200, body = Session), (status = 401, body = Problem)))]
pub async fn sign_in(
    State(state): State<AppState>,
    actor: Actor,
    Json(request): Json<SignIn>,
) -> Result<Response, Error> {
    let (access, accounts) = (&state.access, state.access.auth());
    access.check_wrong(actor.address)?;
    let token = match &request {
        SignIn::Token(text) => accounts.by_token(text.trim()).await,
        SignIn::Code(text) => accounts.redeem_code(text.trim()).await,
    };
    let token = match token {
        Ok(token) => token,
        Err(error @ (auth::Error::InvalidToken | auth::Error::InvalidCode)) => {
            access.note_wrong(actor.address).await;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    let (value, age) = accounts.begin_session(&token).await?;
    accounts.note_use(&token.id);
    actor.audit("sign-in", token.id.as_str());
    let TokenRecord { name, scopes, .. } = token;
    let (insecure, beacons) = (state.is_insecure, state.has_beacons);
    let session = Session { by: Means::Session, name, scopes, insecure, beacons };
    Ok(with_cookie(Json(session).into_response(), access.set_cookie(value, age)))
}

/// Signs out in this browser. Without a session, nothing happens.
#[utoipa::path(delete, path = "/v1/session", responses((status = 204)))]
pub async fn sign_out(State(state): State<AppState>, actor: Actor) -> Response {
    if actor.caller.means == Means::Session {
        actor.audit("sign-out", &actor.caller.id);
    }
    let removed = state.access.set_cookie(String::new(), 0);
    with_cookie(StatusCode::NO_CONTENT.into_response(), removed)
}

/// Signs out everywhere: ends all sessions of the token of this session.
#[utoipa::path(delete, path = "/v1/sessions",
    responses((status = 204), (status = 409, body = Problem, description = "The caller has no session")))]
pub async fn sign_out_everywhere(
    State(state): State<AppState>,
    actor: Actor,
) -> Result<Response, Error> {
    let id = SecretId::parse(&actor.caller.id).filter(|_| actor.caller.means == Means::Session);
    let id = id.ok_or_else(|| Error::Conflict("there is no session to end".to_owned()))?;
    state.access.auth().sign_out_everywhere(&id).await?;
    actor.audit("sign-out-everywhere", id.as_str());
    let removed = state.access.set_cookie(String::new(), 0);
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), removed))
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    let headers = response.headers_mut();
    headers.extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
