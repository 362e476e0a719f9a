//! Who sends a request: credentials, the same machine, or nobody.
//!
//! Credentials count in this order: `Authorization: Bearer` (a token or an upload grant), the headers of a trusted
//! proxy, the cookie of a session. Without any, a request from the same machine has all rights as long as nobody
//! has set the appliance up for others: see [`Access::is_same_machine`].

mod limits;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cookie::{Cookie, SameSite};
use ipnet::IpNet;

use self::limits::Limits;
use super::error::Error;
use super::same_origin::SameOrigin;
use crate::auth::{self, Auth, Grant, Mode};
use crate::domain::auth::token::{Kind, TokenRecord};
use crate::domain::auth::{Caller, Means, Scope, address};
use crate::domain::record::UploadRecord;
use crate::server::Ends;

/// Pause before the answer to wrong credentials.
const WRONG_PAUSE: Duration = Duration::from_millis(300);

/// How requests are told apart by their senders. Clones share what they have seen.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    auth: Auth,
    names: SameOrigin,
    proxies: Vec<IpNet>,
    /// Whether the settings name neither a public URL nor a proxy.
    is_local: bool,
    is_secure: bool,
    limits: Limits,
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
    /// Whether browsers reach the page by https.
    pub is_secure: bool,
    /// `http.requests_per_sec`.
    pub requests_per_sec: u32,
    /// `http.request_burst`.
    pub request_burst: u32,
}

/// The sender of a request, as an extension of it.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who it is.
    pub(super) caller: Caller,
    /// The grant that it showed.
    pub(super) grant: Option<Grant>,
    /// Address of the client, seen through trusted proxies.
    pub(super) address: IpAddr,
    request_id: String,
}

impl<S: Sync> FromRequestParts<S> for Actor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let actor = parts.extensions.get::<Self>().cloned();
        actor.ok_or_else(|| Error::Internal("the request has no sender".to_owned()))
    }
}

impl Actor {
    /// The account or the address, by which limits count.
    pub(super) fn sender(&self) -> String {
        sender(&self.caller, self.address)
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

/// The sender that credentials show.
struct Shown {
    caller: Caller,
    grant: Option<Grant>,
    /// A cookie to be set anew.
    renewed: Option<(String, i64)>,
}

impl From<Caller> for Shown {
    fn from(caller: Caller) -> Self {
        Self { caller, grant: None, renewed: None }
    }
}

impl Access {
    /// Tells the senders of these accounts apart.
    #[must_use]
    pub fn new(auth: Auth, config: &AccessConfig<'_>) -> Self {
        let names = SameOrigin::new(config.public_url, config.hosts, config.cors_origins);
        let proxies = config.trusted_proxies.iter();
        let proxies: Vec<IpNet> = proxies.filter_map(|text| address::network(text)).collect();
        let is_proxied = !proxies.is_empty() || auth.config().mode == Mode::Proxy;
        let is_local = config.public_url.is_empty() && !is_proxied;
        let limits = Limits::new(config.requests_per_sec, config.request_burst);
        let is_secure = config.is_secure;
        Self(Arc::new(Inner { auth, names, proxies, is_local, is_secure, limits }))
    }

    /// The names and origins of the appliance.
    pub(super) fn names(&self) -> &SameOrigin {
        &self.0.names
    }

    /// Accounts.
    pub(super) fn auth(&self) -> &Auth {
        &self.0.auth
    }

    /// Finds out who sends a request.
    async fn sender(&self, request: &Parts, address: IpAddr) -> Result<Shown, Error> {
        if let Some(secret) = bearer(&request.headers)? {
            return self.by_secret(&secret, &request.headers, address).await;
        }
        if let Some(user) = self.by_proxy(request) {
            return Ok(user.into());
        }
        if let Some(cookie) = self.cookie_of(&request.headers) {
            match self.0.auth.session(&cookie).await {
                Ok(session) => {
                    self.0.auth.note_use(&session.token.id);
                    let caller = caller(Means::Session, session.token);
                    return Ok(Shown { caller, grant: None, renewed: session.renewed });
                }
                Err(auth::Error::InvalidSession) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.is_same_machine(request) && !self.0.auth.has_made_tokens().await? {
            return Ok(Caller::loopback().into());
        }
        Ok(Caller::nobody().into())
    }

    /// The caller with a token or a grant.
    async fn by_secret(
        &self,
        secret: &str,
        headers: &HeaderMap,
        address: IpAddr,
    ) -> Result<Shown, Error> {
        if !self.0.auth.is_known(secret) {
            self.0.limits.check_wrong(address)?;
        }
        let shown = if secret.starts_with(Kind::Grant.prefix()) {
            self.by_grant(secret, headers).await
        } else {
            let token = self.0.auth.by_token(secret).await;
            token.map_err(Error::from).map(|token| {
                self.0.auth.note_use(&token.id);
                Shown::from(caller(Means::Token, token))
            })
        };
        if let Err(Error::Auth(auth::Error::InvalidToken | auth::Error::InvalidGrant)) = &shown {
            self.note_wrong(address).await;
        }
        shown
    }

    async fn by_grant(&self, secret: &str, headers: &HeaderMap) -> Result<Shown, Error> {
        let grant = self.0.auth.by_grant(secret).await?;
        let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
        let allowed = grant.record.allowed_origin.as_ref().map(String::as_bytes);
        // Programs send no origin.
        if origin.is_some() && origin != allowed {
            return Err(Error::CrossOrigin);
        }
        let id = grant.record.owner.clone().unwrap_or_default();
        let name = format!("upload grant {}", grant.id);
        let caller = Caller { means: Means::Grant, id, name, scopes: Vec::new() };
        Ok(Shown { caller, grant: Some(grant), renewed: None })
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

    /// The user whom a trusted proxy names.
    fn by_proxy(&self, request: &Parts) -> Option<Caller> {
        let config = self.0.auth.config();
        let peer = request.extensions.get::<Ends>()?.peer.ip();
        if config.mode != Mode::Proxy || !address::is_trusted(peer, &self.0.proxies) {
            return None;
        }
        let text = |name: &str| request.headers.get(name)?.to_str().ok().map(str::trim);
        let user = text(&config.user_header).filter(|user| !user.is_empty())?;
        let groups: Vec<&str> =
            text(&config.groups_header).unwrap_or_default().split(',').map(str::trim).collect();
        let has = |group: &str| group == "*" || groups.contains(&group);
        let roles = config.roles.iter().filter(|role| has(&role.group));
        let scopes = roles.flat_map(|role| role.scopes.iter().copied()).collect();
        let name = user.to_owned();
        Some(Caller { means: Means::Proxy, id: format!("user:{user}"), name, scopes })
    }

    /// Whether a request comes from this machine, to a name of this machine, through no proxy, and the settings
    /// name none and no public URL.
    fn is_same_machine(&self, request: &Parts) -> bool {
        const PROXIES: [&str; 3] = ["forwarded", "via", "x-real-ip"];
        let peer = request.extensions.get::<Ends>().map(|ends| ends.peer.ip().to_canonical());
        let is_proxied = request.headers.keys().any(|name| {
            PROXIES.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-")
        });
        // Some proxies add no header, and speak HTTP/1.0 unless they are told otherwise (nginx).
        let is_plain = request.version != Version::HTTP_10;
        self.0.is_local
            && is_plain
            && !is_proxied
            && peer.is_some_and(|peer| peer.is_loopback())
            && SameOrigin::is_to_loopback(request)
    }

    /// Address of the client.
    fn address_of(&self, request: &Parts) -> IpAddr {
        let peer = request.extensions.get::<Ends>().map(|ends| ends.peer.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let lines = request.headers.get_all("x-forwarded-for");
        let lines: Vec<&str> = lines.iter().filter_map(|line| line.to_str().ok()).collect();
        address::client(peer, &lines, &self.0.proxies)
    }

    /// Name of the cookie of sessions. With the prefix, browsers take it by https from this host alone.
    fn cookie_name(&self) -> &'static str {
        if self.0.is_secure { "__Host-ladderd" } else { "ladderd" }
    }

    fn cookie_of(&self, headers: &HeaderMap) -> Option<String> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut cookies = lines.flat_map(Cookie::split_parse).flatten();
        let found = cookies.find(|cookie| cookie.name() == self.cookie_name())?;
        Some(found.value().to_owned())
    }

    /// The header that sets the cookie of a session for so many seconds; 0 removes it.
    pub(super) fn set_cookie(&self, value: String, max_age_secs: i64) -> Option<HeaderValue> {
        let mut cookie = Cookie::new(self.cookie_name(), value);
        cookie.set_path("/");
        cookie.set_http_only(true);
        cookie.set_same_site(SameSite::Lax);
        cookie.set_secure(self.0.is_secure);
        // `Max-Age` of the crate is a type of another crate.
        HeaderValue::from_str(&format!("{cookie}; Max-Age={max_age_secs}")).ok()
    }
}

/// The account or the address, by which limits count.
fn sender(caller: &Caller, from: IpAddr) -> String {
    caller.owner().unwrap_or_else(|| address::subscriber(from).to_string())
}

/// A caller with the rights of a token.
fn caller(means: Means, token: TokenRecord) -> Caller {
    Caller { means, id: token.id.to_string(), name: token.name, scopes: token.scopes }
}

/// The secret of `Authorization: Bearer`. Other schemes are an error: their sender means to be somebody.
fn bearer(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(secret.trim().to_owned()))
        }
        _ => Err(auth::Error::InvalidToken.into()),
    }
}

/// Middleware: finds out who sends a request, and refuses changes by pages of other origins.
pub(super) async fn authenticate(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    let (mut request, body) = request.into_parts();
    let address = access.address_of(&request);
    let Shown { caller, grant, renewed } = match access.sender(&request, address).await {
        Ok(shown) => shown,
        Err(error) => return error.into_response(),
    };
    let is_change = !matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    // A page of another origin cannot know a token.
    let has_secret = matches!(caller.means, Means::Token | Means::Grant);
    if is_change
        && !has_secret
        && let Err(error) = access.0.names.check_change(&request, caller.means.is_ambient())
    {
        return error.into_response();
    }
    if let Err(error) = access.0.limits.check(&sender(&caller, address)) {
        return error.into_response();
    }
    let request_id = request.headers.get(HeaderName::from_static("x-request-id"));
    let request_id = request_id.and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    request.extensions.insert(Actor { caller, grant, address, request_id });
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
    match actor.caller.means {
        Means::None => Error::NotSignedIn,
        Means::Loopback | Means::Token | Means::Grant | Means::Session | Means::Proxy => {
            Error::Forbidden(scopes)
        }
    }
    .into_response()
}
