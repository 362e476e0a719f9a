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

/// The page of people with an account.
const INDEX: &str = "index.html";
/// The reference of the API.
const DOCS: &str = "docs.html";
/// The player for pages of others.
const EMBED: &str = "embed.html";

/// Serves `index.html` for the places of the page, `docs.html` for `/docs`, `embed.html` for the player of a video,
/// and every other file by its path.
pub(super) async fn serve_file(State(state): State<AppState>, uri: Uri) -> Response {
    let path = file_at(uri.path());
    let mut response = match Files::get(path) {
        Some(file) => {
            let kind = HeaderValue::from_str(file.metadata.mimetype());
            let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
            let mut response = file.data.into_owned().into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        None if [INDEX, DOCS, EMBED].contains(&path) => Html(NOT_BUILT).into_response(),
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
    let framed_by: &[String] = if path == EMBED { &state.embed_origins } else { &[] };
    set_content_security_policy(headers, &state.store_origins, framed_by);
    response
}

/// The file for a path.
fn file_at(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    let places: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    match places[..] {
        ["" | "upload"] | ["system" | "settings", ..] => INDEX,
        ["watch", id] if !id.is_empty() => INDEX,
        ["embed", id] if !id.is_empty() => EMBED,
        ["docs"] => DOCS,
        _ => path,
    }
}

/// Allows the page to reach this server and the origins of the store, and nothing else. Pages of `framed_by` may
/// show it in a frame.
fn set_content_security_policy(headers: &mut HeaderMap, origins: &[String], framed_by: &[String]) {
    let store: Vec<_> = origins.iter().map(|origin| source(origin)).collect();
    let store = store.join(" ");
    let ancestors: Vec<_> = framed_by.iter().map(|origin| source(origin)).collect();
    let ancestors = if ancestors.is_empty() { "'none'".to_owned() } else { ancestors.join(" ") };
    // Video.js sets inline styles, plays from blob URLs and transmuxes in a worker loaded from one.
    let policy = format!(
        "default-src 'self'; connect-src 'self' {store}; media-src 'self' blob: {store}; \
         img-src 'self' data: {store}; style-src 'self' 'unsafe-inline'; font-src 'self' data:; \
         worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors {ancestors}"
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
    fn places_of_the_page_are_one_file_and_others_are_files() {
        let table = [
            ("/", INDEX),
            ("/upload", INDEX),
            ("/upload/", INDEX),
            ("/watch/5f2b9c1d7e3a40688d10", INDEX),
            ("/system", INDEX),
            ("/system/backends/cpu", INDEX),
            ("/settings/tokens", INDEX),
            ("/docs/", DOCS),
            ("/embed/5f2b9c1d7e3a40688d10", EMBED),
            ("/embed", "embed"),
            ("/embed/", "embed/"),
            ("/embed/a/b", "embed/a/b"),
            ("/watch/", "watch/"),
            ("/watch/a/b", "watch/a/b"),
            ("/systems", "systems"),
            ("//", INDEX),
            ("/assets/main.js", "assets/main.js"),
        ];
        for (path, expected) in table {
            assert_eq!(file_at(path), expected, "{path}");
        }
    }

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
