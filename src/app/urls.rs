//! Base URLs of the buckets.

/// The configured value, or `default` if it is empty.
pub(super) fn or(configured: &str, default: &str) -> String {
    if configured.is_empty() { default.to_owned() } else { configured.to_owned() }
}

/// Scheme, host and port of a URL.
pub(super) fn origin(url: &str) -> String {
    let scheme_end = url.find("://").map_or(0, |at| at + 3);
    let host_end = url[scheme_end..].find('/').map_or(url.len(), |at| scheme_end + at);
    url[..host_end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(origin("http://127.0.0.1:9000/public/v1"), "http://127.0.0.1:9000");
        assert_eq!(origin("https://cdn.example.com"), "https://cdn.example.com");
    }
}
