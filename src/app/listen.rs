//! Sockets of the servers.

use anyhow::Context as _;
use tokio::net::TcpListener;

/// Listens on `address`, an address with a port.
///
/// # Errors
/// If the address is invalid, in use or not permitted.
pub(super) async fn bind(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))
}
