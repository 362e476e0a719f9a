//! The composition root: the only file that names concrete types together.

use std::path::PathBuf;

use crate::settings::Settings;

/// The runtime of every command but the worker.
///
/// # Errors
/// If the system gives no threads.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// This program, which is also the worker.
///
/// # Errors
/// If the system does not tell.
pub fn program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

/// Runs the appliance until it is told to stop.
///
/// # Errors
/// If it cannot start.
pub fn serve(_settings: Settings) -> anyhow::Result<()> {
    anyhow::bail!("later")
}
