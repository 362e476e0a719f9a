//! Accounts as the settings choose them, and the rules for an API that others can reach.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::aws;
use super::embedded::{self, Embedded};
use super::lock::lock;
use super::parts::{Parts, api_url};
use crate::auth::{Auth, Mode};
use crate::domain::auth::listening::{Exposure, Refusal};
use crate::durable;
use crate::http::access::{Access, AccessConfig};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::store::{self, Bucket};
use crate::tls::Trust;

/// Name of the file in the data directory that tells commands where the daemon's store is.
const ENDPOINT_FILE: &str = "endpoint.json";

/// Addresses of a running daemon, for other processes of the same user.
#[derive(Serialize, Deserialize)]
pub(super) struct Endpoint {
    /// Of the API.
    api: SocketAddr,
    /// Of the embedded store, for the daemon's own requests; none if the buckets are on S3.
    pub(super) store: Option<SocketAddr>,
}

/// The accounts of an appliance that starts.
pub(super) struct Accounts {
    pub(super) auth: Auth,
    pub(super) access: Access,
    /// Whether tokens cross the network in the clear.
    pub(super) is_insecure: bool,
    /// Link of the first sign-in; none if somebody could sign in before.
    pub(super) sign_in: Option<String>,
}

/// Refuses settings by which tokens would cross a network in the clear by accident.
///
/// # Errors
/// The risk, with the remedy.
pub(super) fn check_listening(settings: &Settings, api: SocketAddr) -> Result<(), Refusal> {
    exposure(settings, api.ip(), true).check()
}

fn exposure(settings: &Settings, listens: IpAddr, has_accounts: bool) -> Exposure {
    let http = &settings.http;
    Exposure {
        listens,
        has_tls: settings.tls.is_on(),
        has_proxy: http.public_url.starts_with("https://") && !http.trusted_proxies.is_empty(),
        allows_insecure: http.allow_insecure,
        has_accounts,
    }
}

/// Opens the accounts. An embedded store without tokens gets a first one.
///
/// # Errors
/// If the store fails, or others could reach an API without accounts.
pub(super) async fn open(
    settings: &Settings,
    parts: &Parts,
    api: SocketAddr,
) -> anyhow::Result<Accounts> {
    let auth = Auth::new(&parts.private, &settings.auth);
    let is_embedded = settings.store.kind == store::Kind::Embedded;
    let code = if is_embedded { first_code(&auth).await } else { None };
    let mut exposure = exposure(settings, api.ip(), settings.auth.mode == Mode::Proxy);
    if exposure.is_open() && !exposure.has_accounts {
        exposure.has_accounts = auth.has_tokens().await?;
    }
    exposure.check()?;
    let is_insecure = exposure.is_insecure();
    if is_insecure {
        tracing::warn!(
            "http.allow_insecure: others can read tokens and uploads on their way; use TLS outside of a \
             network that you trust"
        );
    }
    let http = &settings.http;
    let config = AccessConfig {
        public_url: &http.public_url,
        hosts: &http.hosts,
        cors_origins: &http.cors_origins,
        trusted_proxies: &http.trusted_proxies,
        is_open: exposure.is_open(),
        only_by_proxy: exposure.is_open() && !exposure.has_tls && !exposure.allows_insecure,
        is_secure: settings.tls.is_on() || http.public_url.starts_with("https://"),
        requests_per_sec: http.requests_per_sec,
        request_burst: http.request_burst,
    };
    let sign_in = code.map(|code| sign_in_url(settings, api, &code));
    let access = Access::new(auth.clone(), &config);
    Ok(Accounts { auth, access, is_insecure, sign_in })
}

/// The code of the first sign-in. A full disk keeps nobody from playing what is there.
async fn first_code(auth: &Auth) -> Option<String> {
    let code = auth.first_code().await;
    code.unwrap_or_else(|error| {
        tracing::warn!(%error, "failed to make a sign-in link: `ladderd token link` makes one later");
        None
    })
}

/// Link that signs in once. The code is behind `#`, so no server log has it.
fn sign_in_url(settings: &Settings, api: SocketAddr, code: &str) -> String {
    format!("{}/#sign-in={code}", api_url(settings, api))
}

/// Tells commands of this machine where this daemon is. A failure is only logged: a full disk has no place for it.
pub(super) fn note_endpoint(settings: &Settings, parts: &Parts, api: SocketAddr) {
    let store = parts.server.as_ref().map(|server| server.own_address);
    let endpoint = serde_json::to_vec(&Endpoint { api, store }).unwrap_or_default();
    let path = settings.data_dir.join(ENDPOINT_FILE);
    if let Err(error) = durable::replace(&path, 0o600, &endpoint) {
        let shown = path.display();
        tracing::warn!(%error, "failed to write {shown}: `ladderd token` will not find this daemon");
    }
}

/// Runs a command on the accounts, whether a daemon runs or not.
///
/// # Errors
/// If the private bucket cannot be reached, and those of `command`.
pub async fn with_accounts<T>(
    settings: &Settings,
    command: impl AsyncFnOnce(Auth) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let accounts = |private: &Bucket| Auth::new(private, &settings.auth);
    if settings.store.kind == store::Kind::S3 {
        let trust = Trust::open(&settings.tls)?;
        let buckets = aws::buckets(settings, &trust, &Metrics::default()).await?;
        return command(accounts(&buckets.private)).await;
    }
    // Without a daemon, this process serves the store to itself.
    match lock(&settings.data_dir) {
        Ok(_lock) => {
            let embedded = Embedded::for_command(settings).await?;
            embedded.server.during(command(accounts(&embedded.private))).await?
        }
        Err(locked) => {
            let store = running(&settings.data_dir).and_then(|endpoint| endpoint.store);
            let private = embedded::private_bucket(settings, store.ok_or(locked)?)?;
            command(accounts(&private)).await
        }
    }
}

/// Where the daemon is that runs, or ran last.
pub(super) fn running(data_dir: &Path) -> Option<Endpoint> {
    serde_json::from_slice(&std::fs::read(data_dir.join(ENDPOINT_FILE)).ok()?).ok()
}

/// URL of the API of the daemon that runs, or ran last, with these settings. `None` if there was none.
#[must_use]
pub fn local_api(settings: &Settings) -> Option<String> {
    let endpoint = running(&settings.data_dir)?;
    let scheme = if settings.tls.is_on() { "https" } else { "http" };
    Some(format!("{scheme}://{}", embedded::reachable(endpoint.api)))
}

/// Link that signs in once, for `ladderd token link`.
#[must_use]
pub fn link(settings: &Settings, code: &str) -> String {
    let configured = || settings.http.listen.parse().ok();
    let listens = running(&settings.data_dir).map(|endpoint| endpoint.api).or_else(configured);
    let listens = listens.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
    sign_in_url(settings, listens, code)
}
