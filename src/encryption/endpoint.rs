//! The operator's server of keys.

use std::time::Duration;

use super::{Error, Secret};
use crate::domain::hls::key::{Key, Template};

/// How long it may take to answer. The queue owns the retry.
const PATIENCE: Duration = Duration::from_secs(10);

/// The server.
#[derive(Clone)]
pub(super) struct Endpoint {
    url: Template,
    token: Secret,
    client: reqwest::Client,
}

impl Endpoint {
    pub(super) fn new(url: Template, token: Secret) -> Result<Self, Error> {
        // Fails where another provider was installed before, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        // A token is for the server that it was made for.
        let policy = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder().redirect(policy).timeout(PATIENCE).build();
        Ok(Self { url, token, client: client.map_err(told)? })
    }

    /// Asks for the key of a video.
    pub(super) async fn ask(&self, video_id: &str) -> Result<Key, Error> {
        let mut request = self.client.get(self.url.fill(video_id));
        if !self.token.is_empty() {
            request = request.bearer_auth(self.token.reveal());
        }
        let mut answer = request.send().await.map_err(told)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(Error::Unavailable(format!("HTTP status {}", answer.status())));
        }
        let mut found = Vec::new();
        while let Some(more) = answer.chunk().await.map_err(told)? {
            found.extend_from_slice(&more);
            if found.len() > 16 {
                return Err(Error::Length { found: "more than 16".to_owned() });
            }
        }
        let count = found.len();
        let key = found.try_into().map_err(|_| Error::Length { found: count.to_string() })?;
        Ok(Key(key))
    }
}

/// The error with its causes, and without the URL: it may hold what is nobody's business.
fn told(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    Error::Unavailable(text)
}
