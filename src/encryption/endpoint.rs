//! The operator's key server.

use std::time::Duration;

use super::error::Error;
use crate::domain::hls::key::{Key, Template};
use crate::domain::secret::Secret;
use crate::tls::Trust;

/// Deadline of a request. The queue retries the job, so the endpoint is asked once.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that returns the key of a video as 16 raw bytes.
#[derive(Clone)]
pub(super) struct Endpoint {
    /// URL of the key of a video.
    url: Template,
    /// Bearer token; empty for none.
    token: Secret,
    client: reqwest::Client,
}

impl Endpoint {
    pub(super) fn new(url: Template, token: Secret, trust: &Trust) -> Result<Self, Error> {
        // Fails if another provider is installed already, which serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        // A redirect would send the token to another server.
        let policy = reqwest::redirect::Policy::none();
        let mut client = reqwest::Client::builder().redirect(policy).timeout(REQUEST_TIMEOUT);
        let authorities = trust.authorities().map(reqwest::Certificate::from_der);
        let authorities: Vec<_> = authorities.collect::<Result<_, _>>().map_err(unavailable)?;
        if !authorities.is_empty() {
            client = client.tls_certs_merge(authorities);
        }
        Ok(Self { url, token, client: client.build().map_err(unavailable)? })
    }

    /// Loads the key of a video.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Length`].
    pub(super) async fn key_of(&self, video_id: &str) -> Result<Key, Error> {
        let mut request = self.client.get(self.url.fill(video_id));
        if !self.token.is_empty() {
            request = request.bearer_auth(self.token.reveal());
        }
        let mut response = request.send().await.map_err(unavailable)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(Error::Unavailable(format!("HTTP status {}", response.status())));
        }
        let mut body = Vec::new();
        while let Some(more) = response.chunk().await.map_err(unavailable)? {
            body.extend_from_slice(&more);
            if body.len() > 16 {
                return Err(Error::Length { found: "more than 16".to_owned() });
            }
        }
        let count = body.len();
        let key = body.try_into().map_err(|_| Error::Length { found: count.to_string() })?;
        Ok(Key(key))
    }
}

/// The error with its causes and without the URL, which may hold credentials.
fn unavailable(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    Error::Unavailable(text)
}
