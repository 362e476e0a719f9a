//! How the appliance itself is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;

use super::AppState;
use super::error::{Error, Problem};
use crate::domain::backend::BackendStatus;
use crate::domain::gpu::GpuStatus;

/// What an operator wants to know.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct System {
    /// Version of ladderd.
    version: &'static str,
    /// Every backend, and why it is or is not available.
    backends: Vec<BackendStatus>,
    /// The GPUs.
    gpu: GpuStatus,
    /// Who serves the buckets, and what they keep.
    store: StoreInfo,
    /// Messages.
    queue: QueueDepth,
    /// Ids of the videos that are worked on.
    running_jobs: Vec<String>,
}

/// The buckets' store.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StoreInfo {
    /// Whether it keeps the conditions of writes. Without them, two boxes that get the same message
    /// at the same moment may both publish the video; each stream is whole all the same.
    conditional_writes: bool,
}

/// How many messages there are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct QueueDepth {
    /// Waiting.
    visible: u64,
    /// Leased, or waiting for their retry.
    in_flight: u64,
    /// Dead letters.
    dead: u64,
}

/// Version, backends, GPU, queue and jobs.
#[utoipa::path(get, path = "/v1/system", responses((status = 200, body = System)))]
pub async fn system(State(state): State<AppState>) -> Result<Json<System>, Error> {
    let (gpu, depth) = tokio::join!(ask_gpus(&state), state.queue.depth());
    let (gpu, depth) = (gpu?, depth?);
    Ok(Json(System {
        version: env!("CARGO_PKG_VERSION"),
        backends: state.backends.statuses(),
        gpu,
        store: StoreInfo { conditional_writes: state.private.has_conditional_writes() },
        queue: QueueDepth { visible: depth.visible, in_flight: depth.in_flight, dead: depth.dead },
        running_jobs: state.board.list().into_iter().map(|view| view.id).collect(),
    }))
}

async fn ask_gpus(state: &AppState) -> Result<GpuStatus, Error> {
    let driver = Arc::clone(&state.gpu);
    let asked = tokio::task::spawn_blocking(move || driver.status());
    asked.await.map_err(|error| Error::Internal(error.to_string()))
}

/// The process lives.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Uploads can be taken and jobs can be done.
#[utoipa::path(get, path = "/readyz", responses((status = 200, body = String), (status = 503, body = Problem)))]
pub async fn readyz(State(state): State<AppState>) -> Result<&'static str, Error> {
    if *state.draining.borrow() {
        return Err(Error::NotReady("the daemon is stopping".to_owned()));
    }
    let mut missing = Vec::new();
    for bucket in [&state.private, &state.public] {
        if let Err(error) = bucket.check().await {
            missing.push(format!("bucket {}: {error}", bucket.name()));
        }
    }
    if let Err(error) = state.queue.depth().await {
        missing.push(error.to_string());
    }
    if !state.backends.statuses().iter().any(BackendStatus::is_available) {
        missing.push("no backend is available".to_owned());
    }
    if missing.is_empty() { Ok("ready\n") } else { Err(Error::NotReady(missing.join("; "))) }
}

/// Counters and gauges for Prometheus.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String)))]
pub async fn metrics(State(state): State<AppState>) -> Result<impl IntoResponse, Error> {
    let (gpus, depth) = tokio::join!(ask_gpus(&state), state.queue.depth());
    state.metrics.gpus(gpus?);
    state.metrics.queue_depth(depth?);
    state.metrics.backends(&state.backends.statuses());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], state.metrics.render()))
}
