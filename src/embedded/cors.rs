//! Cross-origin requests to the store (Fetch standard, section 3.2), answered as S3 does: a
//! preflight of an origin that is not allowed gets 403, and only the allowed origin is named.

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request};

/// Response headers that scripts of other origins may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Content-Length, Content-Range, Accept-Ranges, Content-Encoding",
);
/// Methods that scripts of other origins may use.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, PUT");
/// How long a browser may cache the answer to a preflight, in seconds.
const MAX_AGE_SECS: HeaderValue = HeaderValue::from_static("3600");

/// Origins whose pages may use the store.
pub(super) struct Cors {
    origins: Vec<String>,
    is_any: bool,
}

impl Cors {
    /// Allows these origins, such as `https://example.com`; `*` allows all.
    pub(super) fn new(origins: Vec<String>) -> Self {
        let is_any = origins.iter().any(|origin| origin == "*");
        Self { origins, is_any }
    }

    /// Whether a browser asks for permission before the real request.
    pub(super) fn is_preflight<B>(request: &Request<B>) -> bool {
        request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// Adds the headers that answer a preflight. Returns false, and adds none, if its origin is
    /// missing or not allowed.
    pub(super) fn answer_preflight(&self, request: &HeaderMap, response: &mut HeaderMap) -> bool {
        if !request.get(header::ORIGIN).is_some_and(|origin| self.allow(origin, response)) {
            return false;
        }
        response.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        if let Some(requested) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            response.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
        }
        response.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECS);
        true
    }

    /// Adds the headers that let a page of this origin read the response. Returns false, and adds
    /// none, if the origin is not allowed.
    pub(super) fn allow(&self, origin: &HeaderValue, response: &mut HeaderMap) -> bool {
        let is_listed = || self.origins.iter().any(|own| own.as_bytes() == origin.as_bytes());
        if !self.is_any && !is_listed() {
            return false;
        }
        let allowed = if self.is_any { HeaderValue::from_static("*") } else { origin.clone() };
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        response.append(header::VARY, HeaderValue::from_static("Origin"));
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_origins_are_allowed_and_named() {
        let table = [
            (&["*"][..], "https://a.example", Some("*")),
            (
                &["https://a.example", "https://b.example"],
                "https://b.example",
                Some("https://b.example"),
            ),
            (&["https://a.example"], "https://a.example.evil", None),
            (&[], "https://a.example", None),
        ];
        for (origins, origin, named) in table {
            let cors = Cors::new(origins.iter().map(ToString::to_string).collect());
            let (mut request, mut response) = (HeaderMap::new(), HeaderMap::new());
            request.insert(header::ORIGIN, HeaderValue::from_static(origin));
            assert_eq!(
                cors.answer_preflight(&request, &mut response),
                named.is_some(),
                "{origins:?}"
            );
            let got = response.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(got.map(HeaderValue::as_bytes), named.map(str::as_bytes), "{origins:?}");
            assert_eq!(response.is_empty(), named.is_none(), "{origins:?}");
        }
    }
}
