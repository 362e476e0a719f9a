//! How far a source is pulled from its URL, as the API shows it.

use serde::{Deserialize, Serialize};

/// How far a source is pulled from its URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PullView {
    /// Host of the URL.
    pub host: String,
    /// Bytes that are pulled.
    pub pulled_bytes: u64,
    /// Size of the file in bytes, once its server has stated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
}

impl PullView {
    /// Share that is pulled, 0 to 1; 0 while the size is unknown.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn progress(&self) -> f64 {
        let size = self.size_bytes.filter(|size| *size > 0);
        size.map_or(0.0, |size| (self.pulled_bytes as f64 / size as f64).min(1.0))
    }
}

/// Host of a URL that has no user name in it.
#[must_use]
pub fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}
