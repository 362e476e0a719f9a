//! The file in the data directory that tells commands of this machine where the daemon is.

use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::embedded;
use super::parts::Parts;
use crate::durable;
use crate::settings::Settings;

/// Name of the file.
const FILE: &str = "endpoint.json";

/// Addresses of a running daemon, for other processes of the same user.
#[derive(Serialize, Deserialize)]
pub(super) struct Endpoint {
    /// Of the API.
    pub(super) api: SocketAddr,
    /// Of the embedded store, for the daemon's own requests; none if the buckets are on S3.
    pub(super) store: Option<SocketAddr>,
}

/// Tells commands where this daemon is. A failure is only logged: a full disk has no place for it.
pub(super) fn note(settings: &Settings, parts: &Parts, api: SocketAddr) {
    let store = parts.server.as_ref().map(|server| server.own_address);
    let endpoint = serde_json::to_vec(&Endpoint { api, store }).unwrap_or_default();
    let path = settings.data_dir.join(FILE);
    if let Err(error) = durable::replace(&path, 0o600, &endpoint) {
        let shown = path.display();
        tracing::warn!(%error, "failed to write {shown}: `ladderd token` will not find this daemon");
    }
}

/// Where the daemon is that runs, or ran last.
pub(super) fn running(data_dir: &Path) -> Option<Endpoint> {
    serde_json::from_slice(&std::fs::read(data_dir.join(FILE)).ok()?).ok()
}

/// URL of the API of the daemon that runs, or ran last, with these settings. `None` if there was none.
#[must_use]
pub fn local_api(settings: &Settings) -> Option<String> {
    let endpoint = running(&settings.data_dir)?;
    let scheme = if settings.tls.is_on() { "https" } else { "http" };
    Some(format!("{scheme}://{}", embedded::reachable(endpoint.api)))
}
