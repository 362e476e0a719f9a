//! The socket in the data directory: the API for people of this machine who may read that folder.
//!
//! They have all rights there, because they could make themselves a token (`ladderd token create`). It answers while
//! the store, which has the tokens, does not: that is when somebody calls `ladderd doctor`.

use std::io;
use std::path::{Path, PathBuf};

use axum::Router;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use crate::http;

/// Name of the socket in the data directory.
const FILE: &str = "api.sock";

/// Path of the socket of the daemon with this data directory.
#[must_use]
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// Serves the API on the socket until `stop`. A failure is only logged: the API has its address, too.
pub(super) async fn serve(data_dir: PathBuf, router: Router, stop: CancellationToken) {
    let path = path(&data_dir);
    let listener = match bind(&path) {
        Ok(listener) => listener,
        Err(error) => {
            let shown = path.display();
            tracing::warn!(%error, "failed to listen on {shown}: `ladderd doctor` will not find this daemon");
            return;
        }
    };
    let served = axum::serve(listener, http::for_this_machine(router));
    if let Err(error) = served.with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::warn!(%error, "failed to serve the socket of the data directory");
    }
    // The next start removes it otherwise.
    std::fs::remove_file(&path).ok();
}

/// Listens on the path. The lock of the data directory is held, so a socket that is there is that of a dead daemon.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // The umask keeps others away, and so does the folder.
    UnixListener::bind(path)
}
