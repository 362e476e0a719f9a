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

/// Host of a URL, with brackets around an address of IPv6; `None` without one.
pub(super) fn host(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let end = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    Some(authority[..end].to_owned()).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(origin("http://127.0.0.1:9000/public/v1"), "http://127.0.0.1:9000");
        assert_eq!(origin("https://cdn.example.com"), "https://cdn.example.com");
    }

    #[test]
    fn a_host_has_no_port() {
        let table = [
            ("https://video.example.com", Some("video.example.com")),
            ("http://127.0.0.1:8081/public", Some("127.0.0.1")),
            ("http://[::1]:8081", Some("[::1]")),
            ("https://[fd00::1]", Some("[fd00::1]")),
            ("", None),
        ];
        for (url, expected) in table {
            assert_eq!(host(url).as_deref(), expected, "{url}");
        }
    }
}
