//! Who sends a request: credentials, the same machine, or nobody.
//!
//! Credentials count in this order: `Authorization: Bearer` (a token or an upload grant), the headers of a trusted
//! proxy, the cookie of a session. Without any, a request from the same machine has all rights as long as nobody
//! has set the appliance up for others.

mod cookies;
mod limits;
mod sender;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use ipnet::IpNet;
use tokio::sync::Semaphore;

use self::limits::Limits;
use super::error::Error;
use super::same_origin::SameOrigin;
use crate::auth::{self, Auth, Grant, Mode};
use crate::domain::auth::token::SecretId;
use crate::domain::auth::{Caller, Means, Scope, address};
use crate::domain::record::UploadRecord;
use crate::server::Ends;

/// Pause before the answer to wrong credentials.
const WRONG_PAUSE: Duration = Duration::from_millis(300);
/// Unknown secrets that are looked up at the same time.
const UNKNOWN_LOOKUPS: usize = 16;

/// Marks the requests that come by the socket in the data directory, as an extension of them.
#[derive(Clone, Copy, Debug)]
struct ByDataDir;

/// The router for the socket in the data directory: its clients may do all that an admin may.
pub fn for_this_machine(router: Router) -> Router {
    router.layer(Extension(ByDataDir))
}

/// How requests are told apart by their senders. Clones share what they have seen.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    auth: Auth,
    names: SameOrigin,
    proxies: Vec<IpNet>,
    /// Whether the API listens for this machine alone, and the settings name neither a public URL nor a proxy.
    is_local: bool,
    only_by_proxy: bool,
    is_secure: bool,
    limits: Limits,
    unknown_lookups: Semaphore,
}

/// The settings that decide who sends a request.
#[derive(Clone, Copy, Debug)]
pub struct AccessConfig<'a> {
    /// `http.public_url`.
    pub public_url: &'a str,
    /// `http.hosts`.
    pub hosts: &'a [String],
    /// `http.cors_origins`.
    pub cors_origins: &'a [String],
    /// `http.trusted_proxies`.
    pub trusted_proxies: &'a [String],
    /// Whether others than this machine can reach the API.
    pub is_open: bool,
    /// Whether the API answers proxies and this machine alone, because a proxy has the certificate.
    pub only_by_proxy: bool,
    /// Whether browsers reach the page by https.
    pub is_secure: bool,
    /// `http.requests_per_sec`.
    pub requests_per_sec: u32,
    /// `http.request_burst`.
    pub request_burst: u32,
}

/// The sender of a request, as an extension of it.
#[derive(Clone)]
pub struct Actor {
    /// Who it is.
    pub(super) caller: Caller,
    /// The grant that it showed.
    pub(super) grant: Option<Grant>,
    /// Address of the client, seen through trusted proxies.
    pub(super) address: IpAddr,
    /// Why nobody knows who it is: the store does not answer.
    pub(super) unknown: Option<String>,
    credentials: Credentials,
    request_id: String,
}

/// The means by which a sender can be looked up again.
#[derive(Clone)]
enum Credentials {
    None,
    Token(SecretId),
    Grant(String),
    Session(String),
}

/// The sender that credentials show.
struct Shown {
    caller: Caller,
    grant: Option<Grant>,
    credentials: Credentials,
    /// A cookie to be set anew.
    renewed: Option<(String, i64)>,
}

impl From<Caller> for Shown {
    fn from(caller: Caller) -> Self {
        Self { caller, grant: None, credentials: Credentials::None, renewed: None }
    }
}

impl<S: Sync> FromRequestParts<S> for Actor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let actor = parts.extensions.get::<Self>().cloned();
        actor.ok_or_else(|| Error::Internal("the request has no sender".to_owned()))
    }
}

impl Actor {
    /// The account, the grant or the address, by which limits count.
    pub(super) fn sender(&self) -> String {
        sender(&self.caller, self.grant.as_ref(), self.address)
    }

    /// Whether it may use the upload of this record: with this scope any, without it the own.
    pub(super) fn may_use(&self, record: &UploadRecord, scope: Scope) -> bool {
        if let Some(grant) = &self.grant {
            return grant.record.used_for.as_ref() == Some(&record.id);
        }
        self.caller.may(scope) || self.caller.owns(record.owner.as_deref())
    }

    /// Writes the line of the audit log for a change: who, from where, what.
    pub(super) fn audit(&self, action: &'static str, subject: &str) {
        let Caller { means, id, name, .. } = &self.caller;
        let (address, request_id) = (self.address, &self.request_id);
        tracing::info!(
            target: "audit", action, subject, who = id, name, by = ?means, from = %address, request_id, "audit"
        );
    }
}

impl Access {
    /// Tells the senders of these accounts apart.
    #[must_use]
    pub fn new(auth: Auth, config: &AccessConfig<'_>) -> Self {
        let proxies = config.trusted_proxies.iter();
        let proxies: Vec<IpNet> = proxies.filter_map(|text| address::network(text)).collect();
        let is_proxied = !proxies.is_empty() || auth.config().mode == Mode::Proxy;
        Self(Arc::new(Inner {
            names: SameOrigin::new(config.public_url, config.hosts, config.cors_origins),
            is_local: config.public_url.is_empty() && !is_proxied && !config.is_open,
            only_by_proxy: config.only_by_proxy,
            is_secure: config.is_secure,
            limits: Limits::new(config.requests_per_sec, config.request_burst),
            unknown_lookups: Semaphore::new(UNKNOWN_LOOKUPS),
            proxies,
            auth,
        }))
    }

    /// The names and origins of the appliance.
    pub(super) fn names(&self) -> &SameOrigin {
        &self.0.names
    }

    /// Accounts.
    pub(super) fn auth(&self) -> &Auth {
        &self.0.auth
    }

    /// Counts wrong credentials, and lets their sender wait.
    pub(super) async fn note_wrong(&self, address: IpAddr) {
        self.0.limits.note_wrong(address);
        tokio::time::sleep(WRONG_PAUSE).await;
    }

    /// Refuses the address of somebody who has shown too many wrong credentials.
    pub(super) fn check_wrong(&self, address: IpAddr) -> Result<(), Error> {
        self.0.limits.check_wrong(address)
    }

    /// Whether the credentials of a request still give its rights. While the store does not answer, they do.
    pub(super) async fn still_counts(&self, actor: &Actor) -> bool {
        let auth = &self.0.auth;
        let ended = match &actor.credentials {
            Credentials::None => return true,
            Credentials::Token(id) => auth.valid(id).await.err(),
            Credentials::Session(cookie) => auth.session(cookie).await.err(),
            Credentials::Grant(text) => auth.by_grant(text).await.err(),
        };
        ended.is_none_or(|error| matches!(error, auth::Error::Store(_)))
    }

    /// Refuses a connection that goes past the proxy which has the certificate.
    fn check_way(&self, request: &Parts) -> Result<(), Error> {
        let peer = request.extensions.get::<Ends>().map(|ends| ends.peer.ip().to_canonical());
        let is_near =
            |peer: IpAddr| peer.is_loopback() || address::is_trusted(peer, &self.0.proxies);
        let is_fine = request.extensions.get::<ByDataDir>().is_some() || peer.is_some_and(is_near);
        if is_fine || !self.0.only_by_proxy { Ok(()) } else { Err(Error::PastTheProxy) }
    }

    /// Counts what nobody could be found for, and answers it.
    async fn refuse(&self, error: Error, address: IpAddr) -> Error {
        use auth::Error::{InvalidGrant, InvalidToken};
        if let Err(limit) = self.0.limits.check(&address::subscriber(address).to_string()) {
            return limit;
        }
        if let Error::Auth(InvalidToken | InvalidGrant) = &error {
            self.note_wrong(address).await;
        }
        error
    }
}

/// The account, the grant or the address, by which limits count. Who made a grant does not pay for its use.
fn sender(caller: &Caller, grant: Option<&Grant>, from: IpAddr) -> String {
    match grant {
        Some(grant) => format!("grant {}", grant.id),
        None => caller.owner().unwrap_or_else(|| address::subscriber(from).to_string()),
    }
}

/// Middleware: finds out who sends a request, and refuses changes by pages of other origins.
pub(super) async fn authenticate(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    // Whether the process lives depends on nothing.
    if request.uri().path() == "/healthz" {
        return next.run(request).await;
    }
    let (mut request, body) = request.into_parts();
    let address = access.address_of(&request);
    if let Err(error) = access.check_way(&request) {
        return error.into_response();
    }
    let mut unknown = None;
    let shown = match access.sender(&request, address).await {
        Ok(shown) => shown,
        // Routes for everybody work without the store.
        Err(Error::Auth(auth::Error::Store(error))) => {
            unknown = Some(error.to_string());
            Caller::nobody().into()
        }
        Err(error) => return access.refuse(error, address).await.into_response(),
    };
    let Shown { caller, grant, credentials, renewed } = shown;
    if let Err(error) = access.0.limits.check(&sender(&caller, grant.as_ref(), address)) {
        return error.into_response();
    }
    let is_change = !matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    // A page of another origin cannot know a token.
    let has_secret = matches!(caller.means, Means::Token | Means::Grant);
    if is_change
        && !has_secret
        && let Err(error) = access.0.names.check_change(&request, caller.means.is_ambient())
    {
        return error.into_response();
    }
    let request_id = request.headers.get(HeaderName::from_static("x-request-id"));
    let request_id = request_id.and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let actor = Actor { caller, grant, address, unknown, credentials, request_id };
    request.extensions.insert(actor);
    let mut response = next.run(Request::from_parts(request, body)).await;
    if let Some(cookie) = renewed.and_then(|(value, age)| access.set_cookie(value, age))
        && !response.headers().contains_key(header::SET_COOKIE)
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Middleware: passes on the requests of callers with one of these scopes, and those with a grant if `takes_grants`.
pub(super) async fn require(
    State((scopes, takes_grants)): State<(&'static [Scope], bool)>,
    actor: Actor,
    request: Request,
    next: Next,
) -> Response {
    let may = scopes.iter().any(|scope| actor.caller.may(*scope));
    if may || (takes_grants && actor.grant.is_some()) {
        return next.run(request).await;
    }
    let error = match (actor.unknown, actor.caller.means) {
        (Some(reason), _) => Error::NotReady(reason),
        (None, Means::None) => Error::NotSignedIn,
        (None, _) => Error::Forbidden(scopes),
    };
    error.into_response()
}
