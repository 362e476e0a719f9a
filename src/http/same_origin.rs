//! Who may use the API from a browser: pages of the appliance itself, and of origins that are allowed.
//!
//! A browser sends requests for any page that it shows. Three rules keep pages of others out:
//!
//! - The request must name a host by which the appliance is reached. A name of somebody else that was made to
//!   point here (DNS rebinding) makes a page of theirs look like one of ours.
//! - A page of another origin can change nothing: ports and sister domains are other origins, too.
//! - It can read nothing either, because no response allows it (CORS).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use super::error::Error;
use crate::domain::auth::token::Kind;
use crate::server::Ends;

/// Says from where a browser sends a request (Fetch metadata, section 2.3).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names and origins of a configuration.
#[derive(Clone, Debug)]
pub(super) struct SameOrigin(Arc<Names>);

#[derive(Debug)]
struct Names {
    /// Host names besides those of the loopback interface, in lower case.
    hosts: Vec<String>,
    /// Origin of `http.public_url`.
    public_origin: Option<String>,
    /// Other origins whose pages may use the API.
    cors_origins: Vec<String>,
}

impl SameOrigin {
    /// The appliance that is reached at `public_url`, if that is not empty, and by these hosts, and whose API pages
    /// of these origins may use.
    pub(super) fn new(public_url: &str, hosts: &[String], cors_origins: &[String]) -> Self {
        let public_origin = Some(public_url.to_ascii_lowercase());
        let public_origin = public_origin.filter(|origin| !origin.is_empty());
        let public_host = public_origin.as_deref().and_then(host_of_origin);
        let extra = hosts.iter().map(|host| host.to_ascii_lowercase());
        let hosts = public_host.into_iter().chain(extra).collect();
        let cors_origins = cors_origins.to_vec();
        Self(Arc::new(Names { hosts, public_origin, cors_origins }))
    }

    /// The CORS headers of the API.
    pub(super) fn cors(&self) -> CorsLayer {
        let names = Arc::clone(&self.0);
        let may_read = move |origin: &HeaderValue, request: &Parts| {
            let is_listed = names.cors_origins.iter().any(|listed| listed.as_bytes() == origin);
            is_listed || may_show_grant(request)
        };
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(may_read))
            .allow_methods(AllowMethods::mirror_request())
            .allow_headers(AllowHeaders::mirror_request())
    }

    /// Refuses requests to other hosts.
    fn check_host(&self, request: &Request) -> Result<(), Error> {
        let authority = authority(request.uri(), request.headers());
        let local = request.extensions().get::<Ends>().map(|ends| ends.local.ip());
        if authority.is_some_and(|authority| self.0.is_ours(&authority, local)) {
            return Ok(());
        }
        let told = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
        let told = String::from_utf8_lossy(told.unwrap_or_default()).into_owned();
        Err(Error::Misdirected(told))
    }

    /// Refuses changes by pages of other origins. `is_ambient`: a browser adds the caller's credentials to the
    /// requests of any page, so the request must tell that its page is one of ours.
    pub(super) fn check_change(&self, request: &Parts, is_ambient: bool) -> Result<(), Error> {
        let authority = authority(&request.uri, &request.headers);
        let headers = &request.headers;
        let may = authority.is_some_and(|host| self.0.may_change(headers, &host, is_ambient));
        if may { Ok(()) } else { Err(Error::CrossOrigin) }
    }

    /// Whether a request is for a name or an address of the loopback interface.
    pub(super) fn is_to_loopback(request: &Parts) -> bool {
        authority(&request.uri, &request.headers).is_some_and(|authority| is_loopback(&authority))
    }
}

/// Middleware: passes on the requests that may be answered.
pub(super) async fn guard(
    State(names): State<SameOrigin>,
    request: Request,
    next: Next,
) -> Response {
    match names.check_host(&request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

impl Names {
    /// Whether the appliance is reached by this host, at its address `local`.
    fn is_ours(&self, authority: &Authority, local: Option<IpAddr>) -> bool {
        let host = host(authority);
        let is_local = host.trim_matches(['[', ']']).parse().is_ok_and(|host| local == Some(host));
        is_loopback(authority) || is_local || self.hosts.contains(&host)
    }

    /// Whether a request with these headers to this host may change something. What is no browser sends none of
    /// them, and has no ambient credentials.
    fn may_change(&self, headers: &HeaderMap, authority: &Authority, is_ambient: bool) -> bool {
        let text =
            |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
        let origin = text(header::ORIGIN);
        let is_allowed = |origin| self.cors_origins.iter().any(|allowed| allowed == origin);
        if !is_ambient && origin.is_some_and(is_allowed) {
            return true;
        }
        match (text(SEC_FETCH_SITE), origin) {
            (Some(site), _) => site == "same-origin",
            (None, Some(origin)) => self.is_own_origin(origin, authority),
            (None, None) => !is_ambient,
        }
    }

    /// Whether this is the origin of the page that is reached by this host.
    fn is_own_origin(&self, origin: &str, authority: &Authority) -> bool {
        let origin = origin.to_ascii_lowercase();
        let told = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        self.public_origin.as_ref() == Some(&origin)
            || told.is_some_and(|told| authority.as_str().eq_ignore_ascii_case(told))
    }
}

/// Whether a page of any origin may read the answer, because it showed an upload grant, or may ask whether it may
/// show one. `access` compares its origin with that of the grant.
fn may_show_grant(request: &Parts) -> bool {
    let text = |name| request.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let path = request.uri.path();
    let is_upload = path == "/v1/uploads" || path.starts_with("/v1/uploads/");
    let asked = text(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method == Method::OPTIONS {
        return is_upload || (path.starts_with("/v1/videos/") && asked == Some("GET"));
    }
    let secret = text(header::AUTHORIZATION).and_then(|value| value.split_once(' '));
    secret.is_some_and(|(_, secret)| secret.trim().starts_with(Kind::Grant.prefix()))
}

/// Host and port to which a request goes: in HTTP/2 they are part of its URI.
fn authority(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let in_header = || headers.get(header::HOST)?.to_str().ok()?.parse().ok();
    uri.authority().cloned().or_else(in_header)
}

/// Whether this is a name or an address of the loopback interface.
fn is_loopback(authority: &Authority) -> bool {
    let host = host(authority);
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    address.is_ok_and(|address| address.is_loopback())
        || host == "localhost"
        || host.ends_with(".localhost")
}

/// The host in lower case, without the dot at the end of a complete name.
fn host(authority: &Authority) -> String {
    authority.host().trim_end_matches('.').to_ascii_lowercase()
}

fn host_of_origin(origin: &str) -> Option<String> {
    Some(host(origin.parse::<Uri>().ok()?.authority()?))
}

/// Whether this is an origin: `http` or `https`, a host, and no path.
pub(super) fn is_origin(text: &str) -> bool {
    let is_http = text.starts_with("http://") || text.starts_with("https://");
    let uri = text.parse::<Uri>().ok();
    let is_bare = |uri: &Uri| uri.path() == "/" && uri.query().is_none();
    // Browsers write it in lower case and without the port of its scheme.
    let has_default_port = (text.starts_with("https:") && text.ends_with(":443"))
        || (text.starts_with("http:") && text.ends_with(":80"));
    let is_lower = text.to_ascii_lowercase() == text;
    let is_normal = is_lower && !has_default_port && !text.contains(['@', '#']);
    is_http && is_normal && !text.ends_with('/') && uri.as_ref().is_some_and(is_bare)
}

/// Whether this is the name or address of a host, without a port.
pub(super) fn is_host(text: &str) -> bool {
    let is_bare = |authority: &Authority| authority.port().is_none() && authority.host() == text;
    text.parse::<Authority>().is_ok_and(|authority| is_bare(&authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> SameOrigin {
        SameOrigin::new(
            "https://Video.Example.com",
            &["box7".to_owned()],
            &["https://app.example.com".to_owned()],
        )
    }

    #[test]
    fn the_names_of_the_appliance_are_known_and_no_others() {
        let local = Some("10.1.2.3".parse().unwrap());
        let table = [
            ("localhost:8080", true),
            ("LOCALHOST", true),
            ("demo.localhost:8080", true),
            ("127.0.0.1:8080", true),
            ("127.9.9.9", true),
            ("[::1]:8080", true),
            ("10.1.2.3:8080", true),
            ("video.example.com", true),
            ("video.example.com.", true),
            ("VIDEO.example.com:443", true),
            ("box7:8080", true),
            ("10.1.2.4:8080", false),
            ("rebound.example.net:8080", false),
            ("localhost.example.net", false),
            ("video.example.com.example.net", false),
            ("app.example.com", false),
        ];
        for (text, expected) in table {
            let authority: Authority = text.parse().unwrap();
            assert_eq!(names().0.is_ours(&authority, local), expected, "{text}");
        }
    }

    #[test]
    fn only_pages_of_the_same_origin_change_something() {
        let host: Authority = "localhost:8080".parse().unwrap();
        // Sec-Fetch-Site, Origin.
        let table = [
            (None, None, true),
            (Some("same-origin"), Some("http://localhost:8080"), true),
            (None, Some("http://localhost:8080"), true),
            (None, Some("HTTP://LOCALHOST:8080"), true),
            (None, Some("https://video.example.com"), true),
            (Some("cross-site"), Some("https://app.example.com"), true),
            // The store is on the next port.
            (Some("same-site"), Some("http://localhost:8081"), false),
            (None, Some("http://localhost:8081"), false),
            (None, Some("http://localhost"), false),
            (Some("cross-site"), Some("https://evil.example"), false),
            (Some("cross-site"), None, false),
            (Some("none"), None, false),
            (None, Some("null"), false),
            (None, Some("https://video.example.com.evil.example"), false),
            (None, Some("ftp://localhost:8080"), false),
        ];
        for (site, origin, expected) in table {
            let mut headers = HeaderMap::new();
            let parts = [(SEC_FETCH_SITE, site), (header::ORIGIN, origin)];
            for (name, value) in parts {
                headers.extend(value.map(|value| (name, HeaderValue::from_static(value))));
            }
            let may = |is_ambient| names().0.may_change(&headers, &host, is_ambient);
            assert_eq!(may(false), expected, "{site:?} {origin:?}");
            let is_told = site == Some("same-origin")
                || origin.is_some_and(|origin| origin.to_lowercase().contains("localhost:8080"))
                || (site.is_none() && origin == Some("https://video.example.com"));
            assert_eq!(may(true), expected && is_told, "{site:?} {origin:?}");
        }
    }

    #[test]
    fn settings_hold_origins_and_hosts_only() {
        for text in ["https://a.example", "http://localhost:3000", "http://[::1]:81"] {
            assert!(is_origin(text), "{text}");
        }
        for text in [
            "*",
            "null",
            "a.example",
            "https://a.example/",
            "https://a.example/x",
            "ftp://a",
            "",
            "https://A.example",
            "https://a.example:443",
            "http://a.example:80",
            "https://a.example#x",
        ] {
            assert!(!is_origin(text), "{text}");
        }
        assert!(
            ["box7", "a.example.com", "10.0.0.1", "[fd00::1]"].iter().all(|text| is_host(text))
        );
        assert!(!["", "a:80", "https://a", "a/b", "a b", "u@a"].iter().any(|text| is_host(text)));
    }
}
