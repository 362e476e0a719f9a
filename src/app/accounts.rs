//! Accounts as the settings choose them, and the rules for an API that others can reach.

use std::net::{IpAddr, SocketAddr};

use super::command_store::with_private;
use super::endpoint;
use super::parts::{Parts, api_url};
use crate::auth::{Auth, Mode};
use crate::domain::auth::listening::{Exposure, Refusal};
use crate::http::access::{Access, AccessConfig};
use crate::settings::Settings;
use crate::store;

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

/// Runs a command on the accounts, whether a daemon runs or not.
///
/// # Errors
/// If the private bucket cannot be reached, and those of `command`.
pub async fn with_accounts<T>(
    settings: &Settings,
    command: impl AsyncFnOnce(Auth) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let accounts = async |private, _| command(Auth::new(&private, &settings.auth)).await;
    with_private(settings, accounts).await
}

/// Link that signs in once, for `ladderd token link`.
#[must_use]
pub fn link(settings: &Settings, code: &str) -> String {
    let configured = || settings.http.listen.parse().ok();
    let listens =
        endpoint::running(&settings.data_dir).map(|endpoint| endpoint.api).or_else(configured);
    let listens = listens.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
    sign_in_url(settings, listens, code)
}
