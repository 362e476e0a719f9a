//! Requests to the URL of a source: ranges, and redirects, each of which is checked.

use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName,
    IF_RANGE, LAST_MODIFIED, LOCATION, RANGE,
};
use reqwest::{Response, StatusCode, Url};

use super::error::Error;
use crate::domain::failure_code::FailureCode;
use crate::domain::pull::{Version, content_range, is_allowed_port, unsatisfied_size, validator};
use crate::outgoing::{Outgoing, Refused, describe};

/// Redirects that are followed.
const MAX_REDIRECTS: u32 = 5;

/// The answer of a server: the file from some byte on.
pub(super) struct Answer {
    pub(super) response: Response,
    /// Offset of its first byte in the file.
    pub(super) offset: u64,
    /// Offset behind its last byte, if it may be a piece of the file.
    pub(super) end: Option<u64>,
    pub(super) version: Version,
}

/// Checks the port of a URL.
pub(super) fn check_port(url: &Url) -> Result<(), Refused> {
    if is_allowed_port(url.port()) {
        return Ok(());
    }
    let port = url.port().unwrap_or_default();
    Err(Refused::Invalid(format!(
        "port {port} is not one of the web: use 80, 443 or one from 1024 on"
    )))
}

/// Asks for the file from `offset` on, as long as it is the version that `if_range` names. A server that does not
/// send ranges, or has another version, sends it from the start. `None` if the file ends at `offset`.
pub(super) async fn get(
    outgoing: &Outgoing,
    url: &str,
    offset: u64,
    if_range: Option<&str>,
    stall: Duration,
) -> Result<Option<Answer>, Error> {
    let mut url = outgoing.check(url).map_err(|error| refused(&error))?;
    for _ in 0..=MAX_REDIRECTS {
        check_port(&url).map_err(|error| refused(&error))?;
        let mut request = outgoing.client().get(url.clone());
        request = request.header(RANGE, format!("bytes={offset}-"));
        // Offsets are of the file, not of a compressed form.
        request = request.header(ACCEPT_ENCODING, "identity");
        if let Some(validator) = if_range {
            request = request.header(IF_RANGE, validator);
        }
        let response = tokio::time::timeout(stall, request.send()).await;
        let response = response.map_err(|_| stalled(stall))?.map_err(failed)?;
        if !response.status().is_redirection() {
            return answer(response, offset);
        }
        url = next(outgoing, &url, response.headers())?;
    }
    let message = format!("It leads through more than {MAX_REDIRECTS} redirects.");
    Err(Error::lasting(FailureCode::PullFailed, message))
}

/// The URL that a redirect leads to.
fn next(outgoing: &Outgoing, url: &Url, headers: &HeaderMap) -> Result<Url, Error> {
    let target = text(headers, LOCATION).and_then(|target| url.join(target).ok());
    let target = target.ok_or_else(|| {
        Error::lasting(FailureCode::PullFailed, "It answers with a redirect that leads nowhere.")
    })?;
    outgoing.check(target.as_str()).map_err(|error| refused(&error))
}

/// The answer, if it is the file.
fn answer(response: Response, offset: u64) -> Result<Option<Answer>, Error> {
    let (status, headers) = (response.status(), response.headers());
    let is_file = matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT);
    if is_file && !is_plain(text(headers, CONTENT_ENCODING)) {
        let message = "It sends a compressed form of the file, which it was not asked for.";
        return Err(Error::lasting(FailureCode::PullFailed, message));
    }
    let validator = validator(text(headers, ETAG), text(headers, LAST_MODIFIED));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = text(headers, CONTENT_RANGE).and_then(content_range);
        let Some((_, end, size_bytes)) = range.filter(|(first, ..)| *first == offset) else {
            let message = "It sends another range than it was asked for.";
            return Err(Error::lasting(FailureCode::PullFailed, message));
        };
        let version = Version { size_bytes, validator, has_ranges: true };
        return Ok(Some(Answer { response, offset, end: Some(end), version }));
    }
    if status == StatusCode::OK {
        let size_bytes = text(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let version = Version { size_bytes, validator, has_ranges: false };
        return Ok(Some(Answer { response, offset: 0, end: None, version }));
    }
    if status == StatusCode::RANGE_NOT_SATISFIABLE && offset > 0 {
        let size_bytes = text(headers, CONTENT_RANGE).and_then(unsatisfied_size);
        return if size_bytes == Some(offset) { Ok(None) } else { Err(changed()) };
    }
    let message = format!("It answers with {status}.");
    Err(match status {
        // The range from byte 0 on of a file without bytes.
        StatusCode::RANGE_NOT_SATISFIABLE => empty(),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Error::passing(FailureCode::PullFailed, message)
        }
        status if status.is_client_error() => Error::lasting(FailureCode::PullRefused, message),
        _ => Error::passing(FailureCode::PullFailed, message),
    })
}

/// Whether a file with this `Content-Encoding` is sent as it is.
fn is_plain(encoding: Option<&str>) -> bool {
    encoding.is_none_or(|encoding| matches!(encoding.trim(), "" | "identity"))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The file has no bytes.
pub(super) fn empty() -> Error {
    Error::lasting(FailureCode::SourceEmpty, "The server of the URL sends no byte of it.")
}

/// The file is another one than before.
pub(super) fn changed() -> Error {
    Error::lasting(FailureCode::PullChanged, "Its parts do not belong together.")
}

/// The server sends nothing.
pub(super) fn stalled(stall: Duration) -> Error {
    let message = format!("It sent nothing for {} s.", stall.as_secs());
    Error::passing(FailureCode::PullTimeout, message)
}

fn refused(refused: &Refused) -> Error {
    Error::lasting(FailureCode::PullAddress, format!("It is refused: {refused}."))
}

/// A request that failed on its way.
pub(super) fn failed(error: reqwest::Error) -> Error {
    let is_connect = error.is_connect();
    let reason = describe(error);
    let code = if is_connect { FailureCode::PullUnreachable } else { FailureCode::PullFailed };
    Error::passing(code, format!("The connection failed: {reason}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Trust;

    #[test]
    fn each_redirect_is_checked_like_the_first_url() {
        let outgoing = Outgoing::new(&Trust::default(), false).unwrap();
        let from = Url::parse("https://example.com/a/b.mp4").unwrap();
        let table = [
            ("/c.mp4", Ok("https://example.com/c.mp4")),
            ("c.mp4?x=1", Ok("https://example.com/a/c.mp4?x=1")),
            ("http://other.example/", Ok("http://other.example/")),
            ("http://127.0.0.1/", Err("127.0.0.1")),
            ("//[::1]/x", Err("::1")),
            ("http://169.254.169.254/latest/meta-data/", Err("169.254.169.254")),
            ("http://[::ffff:192.168.0.1]/", Err("is not an address of the public internet")),
            ("ftp://example.com/a.mp4", Err("not ftp:")),
            ("https://u:p@example.com/a.mp4", Err("user name")),
        ];
        for (location, expected) in table {
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            match (next(&outgoing, &from, &headers), expected) {
                (Ok(url), Ok(expected)) => assert_eq!(url.as_str(), expected),
                (Err(error), Err(part)) => {
                    assert_eq!(error.shown().code, "pull-address", "{location}");
                    assert!(error.to_string().contains(part), "{location}: {error}");
                }
                (found, _) => panic!("{location}: {found:?}"),
            }
        }
        let nowhere = next(&outgoing, &from, &HeaderMap::new()).unwrap_err();
        assert_eq!(nowhere.shown().code, "pull-failed");
        assert!(check_port(&Url::parse("http://example.com:25/").unwrap()).is_err());
    }
}
