//! Finds out who sends a request.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Version, header};

use super::{Access, ByDataDir, Credentials, Shown};
use crate::auth::{self, Mode};
use crate::domain::auth::token::{Kind, TokenRecord};
use crate::domain::auth::{Caller, Means, address};
use crate::http::error::Error;
use crate::http::same_origin::SameOrigin;
use crate::server::Ends;

impl Access {
    /// Finds out who sends a request.
    pub(super) async fn sender(&self, request: &Parts, from: IpAddr) -> Result<Shown, Error> {
        let is_by_proxy = self.is_by_sign_in_proxy(request);
        match bearer(&request.headers) {
            Some(Ok(secret)) => return self.by_secret(&secret, &request.headers, from).await,
            // Some proxies pass on the credentials by which they have let a user in.
            Some(Err(error)) if !is_by_proxy => return Err(error.into()),
            Some(Err(_)) | None => {}
        }
        if is_by_proxy && let Some(user) = self.user(&request.headers) {
            return Ok(user.into());
        }
        if let Some(cookie) = self.cookie_of(&request.headers) {
            match self.0.auth.session(&cookie).await {
                Ok(session) => {
                    self.0.auth.note_use(&session.token.id);
                    let caller = caller(Means::Session, session.token);
                    let credentials = Credentials::Session(cookie);
                    return Ok(Shown {
                        caller,
                        grant: None,
                        credentials,
                        renewed: session.renewed,
                    });
                }
                Err(auth::Error::InvalidSession) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if request.extensions.get::<ByDataDir>().is_some() {
            return Ok(Caller::loopback().into());
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
        from: IpAddr,
    ) -> Result<Shown, Error> {
        let _lookup;
        if !self.0.auth.is_known(secret) {
            _lookup = self.0.unknown_lookups.acquire().await;
            self.check_wrong(from)?;
        }
        if secret.starts_with(Kind::Grant.prefix()) {
            return self.by_grant(secret, headers).await;
        }
        let token = self.0.auth.by_token(secret).await?;
        self.0.auth.note_use(&token.id);
        let credentials = Credentials::Token(token.id.clone());
        Ok(Shown { credentials, ..caller(Means::Token, token).into() })
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
        let credentials = Credentials::Grant(secret.to_owned());
        Ok(Shown { caller, grant: Some(grant), credentials, renewed: None })
    }

    /// Whether a request comes from a proxy that signs people in.
    fn is_by_sign_in_proxy(&self, request: &Parts) -> bool {
        let peer = request.extensions.get::<Ends>().map(|ends| ends.peer.ip());
        self.0.auth.config().mode == Mode::Proxy
            && peer.is_some_and(|peer| address::is_trusted(peer, &self.0.proxies))
    }

    /// The user whom a trusted proxy names. A header that comes twice names nobody: one of them may be the client's.
    fn user(&self, headers: &HeaderMap) -> Option<Caller> {
        let config = self.0.auth.config();
        let text = |name: &str| {
            let mut lines = headers.get_all(name).iter();
            let line = lines.next().filter(|_| lines.next().is_none())?;
            std::str::from_utf8(line.as_bytes()).ok().map(str::trim)
        };
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
    /// let nobody else in.
    fn is_same_machine(&self, request: &Parts) -> bool {
        const PROXIES: [&str; 3] = ["forwarded", "via", "x-real-ip"];
        let peer = request.extensions.get::<Ends>().map(|ends| ends.peer.ip().to_canonical());
        let is_proxied = request.headers.keys().any(|name| {
            PROXIES.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-")
        });
        // nginx before 1.29.7 adds no header, and speaks HTTP/1.0 unless it is told otherwise.
        let is_plain = request.version != Version::HTTP_10;
        self.0.is_local
            && is_plain
            && !is_proxied
            && peer.is_some_and(|peer| peer.is_loopback())
            && SameOrigin::is_to_loopback(request)
    }

    /// Address of the client.
    pub(super) fn address_of(&self, request: &Parts) -> IpAddr {
        let peer = request.extensions.get::<Ends>().map(|ends| ends.peer.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let lines = request.headers.get_all("x-forwarded-for");
        let lines: Vec<&str> = lines.iter().filter_map(|line| line.to_str().ok()).collect();
        address::client(peer, &lines, &self.0.proxies)
    }
}

/// A caller with the rights of a token.
fn caller(means: Means, token: TokenRecord) -> Caller {
    Caller { means, id: token.id.to_string(), name: token.name, scopes: token.scopes }
}

/// The secret of `Authorization: Bearer`. Other schemes are an error: their sender means to be somebody.
fn bearer(headers: &HeaderMap) -> Option<Result<String, auth::Error>> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    Some(match text.split_once(' ') {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(secret.trim().to_owned())
        }
        _ => Err(auth::Error::InvalidToken),
    })
}
