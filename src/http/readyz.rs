//! Readiness: what the box can do now, and why it cannot do the rest.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use axum::Json;
use axum::extract::State;

use super::access::Actor;
use super::error::{Error, UnreadyProblem};
use super::state::AppState;
use crate::domain::auth::Scope;
use crate::domain::backend::BackendStatus;
use crate::domain::readiness::{Component, Readiness};
use crate::domain::visibility::Visibility;
use crate::embedded::Store;

/// Time in which a part answers.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Readiness: answers 200 if requests should come to this box.
///
/// Answers 503 if a bucket or the queue cannot be reached, if no backend is available, as in the first seconds after a
/// start, or while the box is drained or the daemon stops.
/// A full disk refuses uploads and jobs only, so the answer is 200 with `"uploads": false`: the streams of an
/// embedded store can be played from this box alone. Everybody gets the answer; its reasons need the scope
/// `metrics`.
#[utoipa::path(get, path = "/readyz",
    responses((status = 200, body = Readiness), (status = 503, body = UnreadyProblem)))]
pub async fn readyz(State(state): State<AppState>, actor: Actor) -> Result<Json<Readiness>, Error> {
    let (private, public, queue, disk) = tokio::join!(
        fault(state.private.check()),
        fault(state.homes.of(Visibility::Public).check()),
        fault(state.queue.depth()),
        disk_fault(state.embedded_store.clone()),
    );
    let has_backend = state.backends.statuses().iter().any(BackendStatus::is_available);
    let why = if state.backends.is_open() {
        "no backend is available"
    } else {
        "no backend is available yet: the trials after the start are running"
    };
    let no_backend = (!has_backend).then(|| why.to_owned());
    let stopping = state.stopping.borrow().then(|| "the daemon is stopping".to_owned());
    let draining = state.drain.now().map(|_| "the box is drained, and takes no jobs".to_owned());
    let mut components = vec![
        (Component::PrivateBucket, private),
        (Component::PublicBucket, public),
        (Component::Queue, queue),
        (Component::Backends, no_backend),
        (Component::Daemon, stopping.or(draining)),
    ];
    if state.embedded_store.is_some() {
        components.push((Component::DiskSpace, disk));
    }
    let mut readiness = Readiness::of(components);
    state.readiness.look(&readiness);
    if !actor.caller.may(Scope::Metrics) {
        readiness = readiness.without_reasons();
    }
    if readiness.ready { Ok(Json(readiness)) } else { Err(Error::Unready(Box::new(readiness))) }
}

/// Why a part does not work. `None` if it does.
async fn fault<T, E: Display>(check: impl Future<Output = Result<T, E>>) -> Option<String> {
    match tokio::time::timeout(CHECK_TIMEOUT, check).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("it does not answer within {} s", CHECK_TIMEOUT.as_secs())),
    }
}

/// Why the disk of the store takes no uploads. `None` if it does, or if there is no such store.
async fn disk_fault(store: Option<Store>) -> Option<String> {
    let store = store?;
    let check = async {
        let free = tokio::task::spawn_blocking(move || store.free_space()).await;
        let free = free.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        if free.free_bytes < free.reserve_bytes {
            return Err(format!(
                "the disk is full: {} bytes are free, and embedded.min_free_bytes is {}",
                free.free_bytes, free.reserve_bytes
            ));
        }
        Ok(())
    };
    fault(check).await
}
