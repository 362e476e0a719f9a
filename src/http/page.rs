//! The web page. `make web` builds it from `web/`; the binary contains its files.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;

use super::error::Error;
use super::state::AppState;

#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Files;

/// Shown by a binary that was built without `make web`.
const NOT_BUILT: &str = "<!doctype html><title>ladderd</title><p>The page is not part of this \
                         build. Run <code>make web</code> and build again; the API works \
                         without it.</p>";

/// Serves `index.html` for `/`, `docs.html` for `/docs`, and every other file by its path.
pub(super) async fn serve_file(State(state): State<AppState>, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = match path {
        "" => "index.html",
        "docs" | "docs/" => "docs.html",
        path => path,
    };
    let mut response = match Files::get(path) {
        Some(file) => {
            let kind = HeaderValue::from_str(file.metadata.mimetype());
            let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
            let mut response = file.data.into_owned().into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        None if path == "index.html" || path == "docs.html" => Html(NOT_BUILT).into_response(),
        None => return Error::NotFound(format!("/{path} does not exist")).into_response(),
    };
    // Vite puts a hash of the content into the names of all files in assets/.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    set_content_security_policy(headers, &state.store_origins);
    response
}

/// Allows the page to reach this server and the origins of the store, and nothing else.
fn set_content_security_policy(headers: &mut HeaderMap, origins: &[String]) {
    let store: Vec<_> = origins.iter().map(|origin| source(origin)).collect();
    let store = store.join(" ");
    // Video.js sets inline styles, plays from blob URLs and transmuxes in a worker loaded from one.
    let policy = format!(
        "default-src 'self'; connect-src 'self' {store}; media-src 'self' blob: {store}; \
         img-src 'self' data: {store}; style-src 'self' 'unsafe-inline'; font-src 'self' data:; \
         worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// An origin as a source of a policy. Policies have no addresses of IPv6 (Content Security Policy Level 3, section
/// 2.3.1), so such a host becomes any host at the same port.
fn source(origin: &str) -> String {
    match (origin.find("://["), origin.find(']')) {
        (Some(begin), Some(end)) => format!("{}://*{}", &origin[..begin], &origin[end + 1..]),
        _ => origin.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_becomes_any_host_at_its_port() {
        let table = [
            ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
            ("https://bucket.example.com", "https://bucket.example.com"),
            ("http://[::1]:8081", "http://*:8081"),
            ("https://[fd00::1]", "https://*"),
        ];
        for (origin, expected) in table {
            assert_eq!(source(origin), expected);
        }
    }
}
